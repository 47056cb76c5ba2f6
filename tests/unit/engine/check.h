/* Shared by the engine's tests: cmocka with the headers it needs, and one-line checks of errors. */
#ifndef RINGTORCH_TESTS_UNIT_ENGINE_CHECK_H
#define RINGTORCH_TESTS_UNIT_ENGINE_CHECK_H

#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* The last call must have failed with this code and exactly this message; empties the slot. */
#define assert_error(code, text)                                                                   \
    do {                                                                                           \
        assert_string_equal(rt_error(), text);                                                     \
        assert_int_equal(rt_error_code(), RT_E_##code);                                            \
        rt_error_clear();                                                                          \
    } while (0)

#define assert_fine() assert_string_equal(rt_error(), "")

/* Compares a float32 tensor's elements, row-major, with a list. */
#define assert_values(x, ...)                                                                      \
    assert_values_((x), (const float[]){__VA_ARGS__},                                              \
                   (int64_t)(sizeof((const float[]){__VA_ARGS__}) / sizeof(float)))
static inline void assert_values_(const rt_tensor *x, const float *expected, int64_t n)
{
    float got[256];
    assert_fine();
    assert_int_equal(rt_numel(x), n);
    assert_in_range(n, 0, COUNT(got));
    assert_int_equal(rt_copy_out(x, got), RT_OK);
    for (int64_t i = 0; i < n; i++)
        if (!(got[i] == expected[i]))
            fail_msg("element %lld is %.9g, expected %.9g", (long long)i, (double)got[i],
                     (double)expected[i]);
}

/* Opens a scope that owns all objects a test makes and frees them at its end; no error may be left
 * then. */
static inline int check_setup(void **state)
{
    (void)state;
    rt_error_clear();
    rt_scope_end((rt_scope){0});
    return 0;
}
static inline int check_teardown(void **state)
{
    bool failed = rt_failed();
    check_setup(state);
    return failed;
}
#define TEST(f) cmocka_unit_test_setup_teardown(f, check_setup, check_teardown)

#endif
