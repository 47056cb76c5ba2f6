/* rt_print: what PyTorch prints of the same numbers, without "tensor(" and its indent, and with our description behind. */
#include "check.h"

#include <math.h>
#include <stdio.h>

static void assert_prints_(const rt_tensor *x, const char *text)
{
    char got[4096] = "";
    assert_fine();
    fflush(stdout);
    FILE *file = tmpfile(), *console = stdout;
    assert_non_null(file);
    stdout = file;
    rt_print(x);
    stdout = console;
    rewind(file);
    size_t n = fread(got, 1, sizeof got - 1, file);
    fclose(file);
    assert_in_range(n, 1, sizeof got - 2);
    assert_string_equal(got, text);
}

#define assert_prints(x, text) assert_prints_((x), text "\n")

/* Makes a tensor of floats with that shape. */
#define VALUES(shape, ...) rt_from(((const float[]){__VA_ARGS__}), shape, RT_F32)

static void floats(void **state)
{
    (void)state;
    assert_prints(rt_view(rt_arange(0, 4, 1, RT_F32), rt_shape(2, 2)),
                  "[[0., 1.],\n [2., 3.]]  float32[2,2] cpu");
    assert_prints(VALUES(rt_shape(4), 1.5f, -2, 0, 100),
                  "[  1.5000,  -2.0000,   0.0000, 100.0000]  float32[4] cpu");
    assert_prints(VALUES(rt_shape(3), 1e-5f, 1, 2),
                  "[1.0000e-05, 1.0000e+00, 2.0000e+00]  float32[3] cpu");
    assert_prints(VALUES(rt_shape(2, 2), 1, 1234567, 3, -4),
                  "[[ 1.0000e+00,  1.2346e+06],\n [ 3.0000e+00, -4.0000e+00]]  float32[2,2] cpu");
    assert_prints(rt_from((const double[]){3.25}, rt_shape(), RT_F64), "3.2500  float64[] cpu");
    assert_prints(rt_to(VALUES(rt_shape(1), 2.5f), RT_BF16), "[2.5000]  bfloat16[1] cpu");
    assert_prints(rt_zeros(rt_shape(2)), "[0., 0.]  float32[2] cpu");
    assert_prints(rt_zeros(rt_shape(0, 3)), "[]  float32[0,3] cpu");
    assert_prints(rt_zeros(rt_shape(INT64_MAX, 0)), "[]  float32[9223372036854775807,0] cpu");
    assert_prints(rt_t(VALUES(rt_shape(2, 2), 1, 2, 3, 4)),
                  "[[1., 3.],\n [2., 4.]]  float32[2,2] cpu");
}

/* Unlike PyTorch, which lets them break columns, we count what is no number in the width. */
static void not_numbers(void **state)
{
    (void)state;
    assert_prints(VALUES(rt_shape(2, 2), INFINITY, -INFINITY, -NAN, 1),
                  "[[ inf, -inf],\n [ nan,   1.]]  float32[2,2] cpu");
}

static void integers_and_bools(void **state)
{
    (void)state;
    assert_prints(rt_from((const int64_t[]){1, -20, INT64_MAX}, rt_shape(3), RT_I64),
                  "[                  1,                 -20, 9223372036854775807]  int64[3] cpu");
    assert_prints(rt_from((const bool[]){true, false}, rt_shape(1, 2), RT_BOOL),
                  "[[ true, false]]  bool[1,2] cpu");
    assert_prints(rt_from((const uint8_t[]){255, 3}, rt_shape(2), RT_U8),
                  "[255,   3]  uint8[2] cpu");
}

static void complex_numbers(void **state)
{
    (void)state;
    assert_prints(rt_from((const float[]){1, -2, 0.5f, 3}, rt_shape(2), RT_C64),
                  "[1.0000-2.j, 0.5000+3.j]  complex64[2] cpu");
    assert_prints(rt_from((const double[]){1, -2, -10.25, 300}, rt_shape(2), RT_C128),
                  "[  1.0000-2.j, -10.2500+300.j]  complex128[2] cpu");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    assert_prints(
        rt_mul_scalar(rt_arange(0, 20, 1, RT_F32), 0.25),
        "[0.0000, 0.2500, 0.5000, 0.7500, 1.0000, 1.2500, 1.5000, 1.7500, 2.0000, 2.2500,\n"
        " 2.5000, 2.7500, 3.0000, 3.2500, 3.5000, 3.7500, 4.0000, 4.2500, 4.5000, 4.7500]"
        "  float32[20] cpu");
}

static void large_tensors_lack_their_middle(void **state)
{
    (void)state;
    assert_prints(rt_arange(0, 2000, 1, RT_I64),
                  "[   0,    1,    2,  ..., 1997, 1998, 1999]  int64[2000] cpu");
    assert_prints(rt_view(rt_arange(0, 2002, 1, RT_I64), rt_shape(1001, 2)),
                  "[[   0,    1],\n [   2,    3],\n [   4,    5],\n ...,\n [1996, 1997],\n"
                  " [1998, 1999],\n [2000, 2001]]  int64[1001,2] cpu");
    assert_prints(rt_view(rt_arange(0, 1400, 1, RT_I64), rt_shape(2, 7, 100)),
                  "[[[   0,    1,    2,  ...,   97,   98,   99],\n"
                  "  [ 100,  101,  102,  ...,  197,  198,  199],\n"
                  "  [ 200,  201,  202,  ...,  297,  298,  299],\n"
                  "  ...,\n"
                  "  [ 400,  401,  402,  ...,  497,  498,  499],\n"
                  "  [ 500,  501,  502,  ...,  597,  598,  599],\n"
                  "  [ 600,  601,  602,  ...,  697,  698,  699]],\n"
                  "\n"
                  " [[ 700,  701,  702,  ...,  797,  798,  799],\n"
                  "  [ 800,  801,  802,  ...,  897,  898,  899],\n"
                  "  [ 900,  901,  902,  ...,  997,  998,  999],\n"
                  "  ...,\n"
                  "  [1100, 1101, 1102,  ..., 1197, 1198, 1199],\n"
                  "  [1200, 1201, 1202,  ..., 1297, 1298, 1299],\n"
                  "  [1300, 1301, 1302,  ..., 1397, 1398, 1399]]]  int64[2,7,100] cpu");
}

static void nothing_is_printed_as_nothing(void **state)
{
    (void)state;
    assert_prints(NULL, "no tensor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(floats),
        TEST(not_numbers),
        TEST(integers_and_bools),
        TEST(complex_numbers),
        TEST(long_lines_are_cut),
        TEST(large_tensors_lack_their_middle),
        TEST(nothing_is_printed_as_nothing),
    };
    int failed = cmocka_run_group_tests_name("print", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
