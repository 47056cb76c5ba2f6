/* Runs the body of tests/fuzz/fuzz_idx.c on randomly damaged files, in bounded time. */
#include "../../fuzz/fuzz_idx.c"
#include "common/base/mem.h"
#include "idx_files.h"
#include "mutate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void damaged_files_are_refused_or_read(void **state)
{
    (void)state;
    uint32_t seed = 20261122;
    bytes plain = idx_images(3, 6, 5), zipped = gzip_of(&plain);
    uint8_t damaged[1024];
    LLVMFuzzerTestOneInput(plain.at, plain.len);
    rt_shutdown();
    int64_t memory = rt_mem_live();
    for (int i = 0; i < 10000; i++) {
        const bytes *good = i % 2 ? &zipped : &plain;
        LLVMFuzzerTestOneInput(damaged,
                               mutate(&seed, good->at, good->len, damaged, sizeof damaged));
    }
    rt_shutdown();
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
