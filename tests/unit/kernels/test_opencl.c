/* Tests of the kernels of an OpenCL device, compared with the CPU's: every case of cases.h and cases.def whose kernels the device
 * has, all rows of elementwise.def and all conversions, on random shapes; the bits must be equal (any NaN equals any other). This
 * file lists the kernels that a device must have. Without an OpenCL device the tests are skipped with a message; PoCL provides one
 * on any processor.
 *
 * RINGTORCH_TEST_SEED=n draws other shapes and numbers, KERNELS_SEED=n repeats one case; RINGTORCH_DEVICE=opencl:1 uses another
 * device than the first. */
#include "cases.h"

enum { TRIALS = 4 };

static rt_gpu *gpu; /* NULL: no device */
static const rt_kernels *cpu;

static uint64_t test_seed(void)
{
    const char *given = getenv("RINGTORCH_TEST_SEED");
    return given ? strtoull(given, NULL, 10) : 1;
}

/* ---- more cases ---- */

#define RT_T RT_F32 /* what in() and out() make */

/* Runs f, dx and dxx of one row, on ordinary and special values. */
static void unary_case(run *r, rt_exec *e, const rt_unary_kernels *k, rt_numbers p, double lo,
                       double hi)
{
    int64_t n = size(r, 3000);
    float *x = in(r, n, lo, hi), *dy = in(r, n, -1, 1), *v = in(r, n, -1, 1), *y = out(r, n);
    if (flag(r))
        odd_values(r, n, x);
    k->f[RT_F32](e, p, n, x, y);
    k->dx[RT_F32](e, p, n, dy, x, y, out(r, n));
    k->dxx[RT_F32](e, p, n, dy, v, x, y, out(r, n));
}

#define BARE(...) __VA_ARGS__
#define UNARY(name, reads, f, df, ddf, lo, hi)                                                     \
    static void case_##name(run *r, rt_exec *e, const rt_kernels *k)                               \
    {                                                                                              \
        unary_case(r, e, &k->name, (rt_numbers){{0}}, lo, hi);                                     \
    }
#define PARAMETRIC(name, names, reads, f, df, ddf, tests, lo, hi)                                  \
    static void case_##name(run *r, rt_exec *e, const rt_kernels *k)                               \
    {                                                                                              \
        unary_case(r, e, &k->name, (rt_numbers){{BARE tests}}, lo, hi);                            \
    }
#define FUNCTION(name, p, lo, hi)                                                                  \
    static void case_##name(run *r, rt_exec *e, const rt_kernels *k)                               \
    {                                                                                              \
        int64_t n = size(r, 3000);                                                                 \
        float *x = in(r, n, lo, hi);                                                               \
        if (flag(r))                                                                               \
            odd_values(r, n, x);                                                                   \
        k->name.f[RT_F32](e, p, n, x, out(r, n));                                                  \
    }
#define UNARY_OPS(name, reads, times, f, dx, lo, hi) FUNCTION(name, ((rt_numbers){{0}}), lo, hi)
#define PARAMETRIC_OPS(name, names, reads, times, f, dx, tests, lo, hi)                            \
    FUNCTION(name, ((rt_numbers){{BARE tests}}), lo, hi)
/* Compares numbers that are often equal. */
#define COMPARE(name, formula)                                                                     \
    static void case_##name##_i64(run *r, rt_exec *e, const rt_kernels *k)                         \
    {                                                                                              \
        rt_grid g = grid(r, 2);                                                                    \
        int64_t *a = in_labels(r, extent(&g, 0), 3, -1), *b = in_labels(r, extent(&g, 1), 3, -1);  \
        k->name.f[RT_I64](e, (rt_numbers){{0}}, &g, a, b, out_u8(r, rt_grid_count(&g)));           \
    }
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef COMPARE

/* Draws numbers of type `from` and converts them to all types. */
static void cast_case(run *r, rt_exec *e, const rt_kernels *k, rt_dtype from)
{
    int64_t n = size(r, 3000);
    float *x = in(r, n, -300, 300);
    if (flag(r))
        odd_values(r, n, x);
    void *y = x;
    if (from != RT_F32) {
        add(r, n, from, true);
        y = given(r);
        k->cast[RT_F32][from](e, n, x, y);
    }
    for (rt_dtype to = 0; to < RT_DTYPES; to++)
        if (to != from) {
            add(r, n, to, true);
            k->cast[from][to](e, n, y, given(r));
        }
}
#define DTYPE(T, name, type, bytes, st)                                                            \
    static void case_cast_##T(run *r, rt_exec *e, const rt_kernels *k)                             \
    {                                                                                              \
        cast_case(r, e, k, RT_##T);                                                                \
    }
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

static const test_case more[] = {
#define UNARY(name, ...)          {#name, case_##name, 0},
#define PARAMETRIC(name, ...)     {#name, case_##name, 0},
#define UNARY_OPS(name, ...)      {#name, case_##name, 0},
#define PARAMETRIC_OPS(name, ...) {#name, case_##name, 0},
#define COMPARE(name, ...)        {#name "_i64", case_##name##_i64, 0},
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef COMPARE
#define DTYPE(T, name, type, bytes, st) {"cast_" #T, case_cast_##T, 0},
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
};

/* ---- comparing ---- */

/* Returns whether a device may lack a kernel; then its operation runs on the CPU. Elementwise rows and conversions are derived from
 * their lists. */
static bool may_be_missing(const char *kernel)
{
    static const char *const needed[] = {
        "gemm",           "softmax",       "softmax_dx",  "log_softmax",
        "log_softmax_dx", "cross_entropy", "label_share", "cross_entropy_dx",
        "argmax",         "sum",           "max",         "min",
        "sum_squares",    "axpy",          "scale",       "sgd",
        "adamw",          "adam",          "uniform",     "normal",
        "bernoulli",      "dropout_mask",  "select",      "copy",
        "fill",           "cast",
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (strcmp(needed[i], kernel) == 0)
            return false;
#define UNARY(name, ...)                                                                           \
    if (strcmp(#name, kernel) == 0)                                                                \
        return false;
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      UNARY(name)
#define PARAMETRIC_OPS(name, ...) UNARY(name)
#define BINARY(name, ...)         UNARY(name)
#define TERNARY(name, ...)        UNARY(name)
#define COMPARE(name, ...)        UNARY(name)
#define PREDICATE(name, ...)      UNARY(name)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef PREDICATE
    return true;
}

/* Returns whether a case needs double precision, which devices do not have. */
static bool of_doubles(const test_case *c)
{
    return strstr(c->name, "_f64") != NULL;
}

/* Devices leave complex numbers to the CPU. */
static bool of_complex(const test_case *c)
{
    return strncmp(c->name, "complex_", strlen("complex_")) == 0;
}

static void check_bits(const test_case *c, uint64_t seed, const run *got, const run *want)
{
    char what[160];
    snprintf(what, sizeof what, "%s on %s, KERNELS_SEED=%llu", c->name, gpu->name,
             (unsigned long long)seed);
    check_same_bits(what, got, want);
}

/* Runs a case on the device. Returns false if a kernel is missing there that the device may lack. */
static bool on_device(const test_case *c, run *r)
{
    rt_exec *e = rt_exec_gpu(gpu);
    c->body(r, e, e->kernels);
    if (rt_failed()) {
        print_error("%s: %s\n", c->name, rt_error());
        rt_error_clear(); /* for the next case */
        fail();
    }
    const char *missing = e->missing;
    e->missing = NULL;
    if (missing && !may_be_missing(missing) && !of_doubles(c) && !of_complex(c))
        fail_msg("%s: no kernel %s on %s", c->name, missing, gpu->name);
    for (int i = 0; i < r->count && !missing; i++)
        assert_int_equal(rt_gpu_get(gpu, r->b[i].data, r->b[i].there, bytes_of(&r->b[i], 0)),
                         RT_OK);
    return !missing;
}

/* Returns whether to run a case with 64-bit indices as well, which normally takes gigabytes: one case of each text whose kernels
 * compute with indices. */
static bool may_be_wide(const test_case *c)
{
    return strcmp(c->name, "gemm_f32") == 0 || strcmp(c->name, "copy_f32") == 0 ||
           strcmp(c->name, "fold_f32") == 0 || strcmp(c->name, "rows_long_f32") == 0;
}

/* Returns false if the case needs a kernel that the device may lack. */
static bool try_case(const test_case *c, uint64_t seed, int64_t skew)
{
    run want = {.state = seed}, got = {.state = seed, .skew = skew, .gpu = gpu};
    bool ran = on_device(c, &got);
    if (ran) {
        c->body(&want, rt_exec_cpu(), cpu);
        check_bits(c, seed, &got, &want);
    }
    release(&want);
    release(&got);
    return ran;
}

static void test_case_body(void **state)
{
    const test_case *c = *state;
    const char *given = getenv("KERNELS_SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 1000 * test_seed();
    for (uint64_t trial = 0; trial < (given ? 1 : TRIALS); trial++)
        if (!try_case(c, first + trial, (int64_t)(trial % 3)))
            skip();
    gpu->always_wide = may_be_wide(c);
    if (gpu->always_wide)
        try_case(c, first, 1);
    gpu->always_wide = false;
    assert_int_equal(rt_gpu_wait(gpu), RT_OK);
}

/* ---- the device itself ---- */

static void test_names(void **state)
{
    (void)state;
    rt_device d;
    char name[16];
    assert_true(rt_gpu_parse("opencl", &d));
    assert_int_equal(d.kind, RT_OPENCL);
    assert_true(rt_gpu_parse("opencl:12", &d));
    rt_gpu_name(d, name);
    assert_string_equal(name, "opencl:12");
    const char *bad[] = {"",          "opencl:",    "opencl:-1",
                         "opencl:1x", "opencl:256", "opencl:99999999999999999999",
                         "gpu",       "cpux"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rt_gpu_parse(bad[i], &d));
}

static void test_absent_device(void **state)
{
    (void)state;
    assert_null(rt_gpu_open((rt_device){RT_OPENCL, 200}));
    assert_int_equal(rt_error_code(), RT_E_DEVICE);
    assert_non_null(strstr(rt_error(), "opencl:200"));
    rt_error_clear();
}

/* Computes a loss of two labels of three classes, and checks the device for faults. */
static rt_status cross_entropy(int64_t first, int64_t second)
{
    float x[6] = {1, 2, 3, 4, 5, 6}, loss[2];
    int64_t labels[2] = {first, second};
    float *there = rt_gpu_alloc(gpu, sizeof x), *to = rt_gpu_alloc(gpu, sizeof loss);
    int64_t *which = rt_gpu_alloc(gpu, sizeof labels);
    rt_gpu_put(gpu, there, x, sizeof x);
    rt_gpu_put(gpu, which, labels, sizeof labels);
    rt_exec *e = rt_exec_gpu(gpu);
    e->kernels->cross_entropy[RT_F32](e, (rt_rows){2, 3}, (rt_cross_entropy_shape){0, -100}, there,
                                      which, to);
    rt_status status = rt_gpu_get(gpu, loss, to, sizeof loss);
    rt_gpu_free(gpu, there, sizeof x);
    rt_gpu_free(gpu, to, sizeof loss);
    rt_gpu_free(gpu, which, sizeof labels);
    return status;
}

static char told[64];

static void tell(const rt_gpu *d, const char *family)
{
    assert_ptr_equal(d, gpu);
    strncat(told, family ? family : "done", sizeof told - strlen(told) - 1);
    strncat(told, " ", sizeof told - strlen(told) - 1);
}

/* Compiling is reported at its beginning and its end, and not where nothing is compiled. Drivers may compile a kernel when it is
 * first launched. */
static void test_compiling_is_told(void **state)
{
    (void)state;
    rt_gpu_on_compiling(tell);
    assert_int_equal(cross_entropy(0, 1), RT_OK);
    const char *at = told;
    while (strncmp(at, "rows done ", 10) == 0)
        at += 10;
    assert_true(at > told);
    assert_string_equal(at, "");
    told[0] = '\0';
    assert_int_equal(cross_entropy(1, 2), RT_OK);
    assert_string_equal(told, "");
    rt_gpu_on_compiling(NULL);
}

/* An invalid label is reported by the next check of the device, and the check after that is fine again. */
static void test_fault_of_a_kernel(void **state)
{
    (void)state;
    assert_int_equal(cross_entropy(1, 7), RT_E_RANGE);
    assert_string_equal(rt_error(), "cross_entropy: target 7 in row 1, expected 0 to 2");
    rt_error_clear();
    assert_int_equal(cross_entropy(1, 2), RT_OK);
}

/* Freed memory is used again, and unused memory is returned to the device. */
static void test_pool(void **state)
{
    (void)state;
    rt_gpu_memory_stats before = rt_gpu_memory(gpu);
    void *a = rt_gpu_alloc(gpu, 1000000), *b = rt_gpu_alloc(gpu, 1000000);
    assert_true(a && b && a != b);
    assert_true(rt_gpu_memory(gpu).used >= before.used + 2000000);
    rt_gpu_free(gpu, a, 1000000);
    assert_ptr_equal(rt_gpu_alloc(gpu, 1000000), a);
    rt_gpu_free(gpu, a, 1000000);
    rt_gpu_free(gpu, b, 1000000);
    assert_int_equal(rt_gpu_memory(gpu).used, before.used);
    rt_gpu_trim(gpu);
    assert_true(rt_gpu_memory(gpu).held <= before.held);
    assert_true(rt_gpu_memory(gpu).most_used >= before.used + 2000000);
    rt_gpu_memory_reset_peak(gpu);
    assert_int_equal(rt_gpu_memory(gpu).most_used, before.used);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_null(rt_gpu_alloc(gpu, (size_t)1 << 46));
    assert_int_equal(rt_error_code(), RT_E_NOMEM);
    assert_non_null(strstr(rt_error(), gpu->name));
    rt_error_clear();
}

/* Opens the device to test. Returns false, after printing why, if there is nothing to test or to compare with. */
static bool open_device(void)
{
    const char *name = getenv("RINGTORCH_DEVICE");
    rt_device d = {RT_OPENCL, 0};
    if (rt_gpu_count(RT_OPENCL) == 0) {
        printf("test_opencl: SKIPPED: there is no OpenCL device (apt install pocl-opencl-icd)\n");
        return false;
    }
    cpu = rt_kernels_level(strstr(rt_kernels_levels(), "avx512") ? "avx512" : "avx2");
    if (!cpu) {
        printf("test_opencl: SKIPPED: %s\n", rt_error());
        return false;
    }
    if (name && !rt_gpu_parse(name, &d))
        printf("test_opencl: %s is no device\n", name);
    gpu = rt_gpu_open(d);
    if (!gpu) {
        printf("test_opencl: %s\n", rt_error());
        exit(1);
    }
    printf("test_opencl: RINGTORCH_TEST_SEED=%llu, %s: %s%s%s\n", (unsigned long long)test_seed(),
           gpu->name, gpu->about, *gpu->inexact ? ", not exact: " : "", gpu->inexact);
    return true;
}

int main(void)
{
    enum { CASES = sizeof cases / sizeof *cases, MORE = sizeof more / sizeof *more };
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_absent_device),
        cmocka_unit_test(test_compiling_is_told),
        cmocka_unit_test(test_fault_of_a_kernel),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_out_of_memory),
    };
    struct CMUnitTest tests[CASES + MORE];
    if (!open_device())
        return 0;
    for (int i = 0; i < CASES + MORE; i++) {
        const test_case *c = i < CASES ? &cases[i] : &more[i - CASES];
        tests[i] = (struct CMUnitTest){c->name, test_case_body, NULL, NULL, (void *)c};
    }
    int failed = cmocka_run_group_tests_name("device", plain, NULL, NULL);
    failed += cmocka_run_group_tests_name("kernels of the device", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
