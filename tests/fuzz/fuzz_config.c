/* Reads any bytes as a configuration file: they are accepted or refused with a message, and an accepted configuration
 * loads back unchanged.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_config.c -o fuzz_config && ./fuzz_config
 * configs/ */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config.h"
#include "common/config/config_check.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the configuration, reads the text back and writes it again: both texts must be equal. */
static void loads_back(const rt_config *c)
{
    rt_config again;
    char *one = rt_config_yaml(c);
    RT_ASSERT(one);
    RT_ASSERT(rt_config_parse(one, strlen(one), "written", &again) == RT_OK);
    char *two = rt_config_yaml(&again);
    RT_ASSERT(two && strcmp(one, two) == 0);
    rt_mem_free(one);
    rt_mem_free(two);
    rt_config_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_config c;
    int64_t live = rt_mem_live();
    rt_error_clear();
    if (rt_config_parse((const char *)data, size, "fuzz", &c) == RT_OK) {
        loads_back(&c);
        rt_config_check(&c);
    } else {
        RT_ASSERT(*rt_error() && c.run.name == NULL);
    }
    rt_config_release(&c);
    rt_error_clear();
    RT_ASSERT(rt_mem_live() == live);
    return 0;
}
