/* Reads any text as the lists of hosts and counts that batch systems write.
 *
 *     clang -I. -Iinclude -fsanitize=fuzzer,address,undefined ... fuzz_allocation.c librt_launch.a librt_control.a librt_common.a
 */
#include "common/base/error.h"
#include "launch/jobs/allocation.h"
#include "launch/jobs/slurm_list.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An accepted list has as many hosts as a run may have, each with a sound name and slots. */
static void check(rt_status status, rt__host_list *h)
{
    if (h->count > 4096 || (status != RT_OK && !rt_failed()))
        abort();
    for (int64_t i = 0; i < h->count; i++)
        if (!rt__host_is_name(h->name[i]) || h->slots[i] < 1)
            abort();
    rt_error_clear();
    rt__host_list_release(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const variables[] = {"LSB_MCPU_HOSTS", "LSB_HOSTS"};
    char *text = malloc(size + 1);
    int64_t count[4], total;
    rt__host_list h = {0};
    memcpy(text, data, size);
    text[size] = '\0';
    check(rt__slurm_hosts(text, &h), &h);
    rt__slurm_counts(text, count, 4, &total);
    rt_error_clear();
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        setenv(variables[i], text, 1);
        rt_status status = rt__allocation_find(1, &h);
        check(status, &h);
        unsetenv(variables[i]);
    }
    free(text);
    return 0;
}
