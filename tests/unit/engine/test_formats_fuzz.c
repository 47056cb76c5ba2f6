/* Runs the body of tests/fuzz/fuzz_safetensors.c on randomly damaged files, in bounded time. */
#include "../../fuzz/fuzz_safetensors.c"
#include "common/base/mem.h"
#include "mutate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static size_t sample(uint8_t *out)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"0.bias\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[24,40]},"
        "\"none\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[40,40]}}";
    memset(out, 0, 8);
    out[0] = (sizeof header - 1) & 0xff;
    out[1] = (sizeof header - 1) >> 8;
    memcpy(out + 8, header, sizeof header - 1);
    memset(out + 8 + sizeof header - 1, 0x3f, 40);
    return 8 + sizeof header - 1 + 40;
}

static void damaged_files_are_refused_or_read(void **state)
{
    (void)state;
    uint32_t seed = 20261122;
    uint8_t good[512], damaged[512];
    size_t len = sample(good);
    _Static_assert(sizeof good >= 8 + 256 + 40, "room");
    int64_t memory = rt_mem_live();
    LLVMFuzzerTestOneInput(good, len);
    for (int i = 0; i < 20000; i++)
        LLVMFuzzerTestOneInput(damaged, mutate(&seed, good, len, damaged, sizeof damaged));
    assert_int_equal(rt_mem_live(), memory);
}

static int shut_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(damaged_files_are_refused_or_read)};
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
