/* Compares the speed of the kernels with the machine's limits: arithmetic with a loop of multiply-adds in registers,
 * the rest with memcpy of the same bytes, both measured in the same run.
 *
 *     OMP_NUM_THREADS=1 bench_kernels           all rows
 *     OMP_NUM_THREADS=1 bench_kernels conv      rows whose name begins with conv
 *
 * RINGTORCH_ISA chooses the level. Times are the best of many runs, because other load only slows runs down. */
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "kernels/kernels.h"
#include <immintrin.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* --- limits --- */

#define CHAINS 12 /* independent sums: enough for two units of five cycles */

/* Operations per second of `rounds` rounds of s = s * a + b in CHAINS registers of type vec. */
#define PEAK(name, isa, vec, multiply_add)                                                         \
    __attribute__((target(isa))) static double name(int64_t rounds)                                \
    {                                                                                              \
        vec sum[CHAINS], a = (vec){0} + 0.5f, b = (vec){0} + 0.25f, all = {0};                     \
        for (int i = 0; i < CHAINS; i++)                                                           \
            sum[i] = (vec){0} + (float)i;                                                          \
        double start = rt_clock();                                                                 \
        for (int64_t r = 0; r < rounds; r++)                                                       \
            UNROLL for (int i = 0; i < CHAINS; i++)                                                \
            {                                                                                      \
                vec s = sum[i];                                                                    \
                sum[i] = multiply_add;                                                             \
            }                                                                                      \
        double seconds = rt_clock() - start;                                                       \
        for (int i = 0; i < CHAINS; i++)                                                           \
            all += sum[i];                                                                         \
        volatile float keep = all[0];                                                              \
        (void)keep;                                                                                \
        return (double)rounds * CHAINS * (sizeof(vec) / sizeof(float)) * 2 / seconds;              \
    }
#define UNROLL _Pragma("GCC unroll 12")
PEAK(peak_sse4, "sse4.1", __m128, s *a + b)
PEAK(peak_avx2, "avx2,fma", __m256, _mm256_fmadd_ps(s, a, b))
PEAK(peak_avx512, "avx512f", __m512, _mm512_fmadd_ps(s, a, b))

/* Operations per second of one thread, the best of some tries. */
static double arithmetic_peak(const char *isa)
{
    double best = 0;
    for (int i = 0; i < 20; i++) {
        double now = !strcmp(isa, "avx512") ? peak_avx512(100000)
                     : !strcmp(isa, "avx2") ? peak_avx2(100000)
                                            : peak_sse4(100000);
        best = now > best ? now : best;
    }
    return best * omp_get_max_threads();
}

static float *filled(int64_t n)
{
    float *x = rt_malloc_aligned(64, (size_t)n * sizeof *x);
    for (int64_t i = 0; x && i < n; i++)
        x[i] = (float)(i * 7919 % 1009) / 1009 - 0.5f;
    return x;
}

/* Bytes per second, read and written, of memcpy over `bytes` in all. */
static double copy_speed(double bytes)
{
    int64_t n = (int64_t)(bytes / 2 / sizeof(float));
    float *from = filled(n), *to = filled(n);
    double best = 1e9;
    for (int i = 0; i < 30; i++) {
        double start = rt_clock();
        memcpy(to, from, (size_t)n * sizeof *to);
        __asm__ volatile("" ::"r"(to) : "memory");
        double seconds = rt_clock() - start;
        best = seconds < best ? seconds : best;
    }
    rt_mem_free(from);
    rt_mem_free(to);
    return bytes / best;
}

/* --- rows --- */

typedef struct bench {
    const rt_kernels *k;
    const char *only;
    double peak;
} bench;

static void report(const bench *b, const char *name, const char *shape, double seconds,
                   double flops, double bytes)
{
    double speed = (flops > 0 ? flops : bytes) / seconds,
           limit = flops > 0 ? b->peak : copy_speed(bytes);
    printf("%-16s %-26s %-6s %10.1f us %8.1f %s %5.0f %% of %s\n", name, shape, b->k->isa,
           seconds * 1e6, speed / 1e9, flops > 0 ? "GF/s" : "GB/s", 100 * speed / limit,
           flops > 0 ? "peak" : "memcpy");
    fflush(stdout);
}

/* Runs the statement for a fifth of a second, but 10 times at least, and reports the best time. */
#define ROW(name, shape, flops, bytes, statement)                                                  \
    do {                                                                                           \
        if (strncmp(name, b->only, strlen(b->only)))                                               \
            break;                                                                                 \
        double best_ = 1e9, end_ = rt_clock() + 0.2;                                               \
        for (int i_ = 0; i_ < 10 || rt_clock() < end_; i_++) {                                     \
            double start_ = rt_clock();                                                            \
            statement;                                                                             \
            double seconds_ = rt_clock() - start_;                                                 \
            best_ = seconds_ < best_ ? seconds_ : best_;                                           \
        }                                                                                          \
        report(b, name, shape, best_, flops, bytes);                                               \
    } while (0)

static void bench_gemm(const bench *b, int64_t m, int64_t n, int64_t k, bool ta, bool tb)
{
    char name[32], shape[48];
    rt_gemm_shape g = {m, n, k, ta ? m : k, tb ? k : n, n, ta, tb, 1, 0};
    float *x = filled(m * k), *y = filled(k * n), *z = filled(m * n);
    snprintf(name, sizeof name, "gemm %.8s", b->k->blas);
    snprintf(shape, sizeof shape, "%lld x %lld x %lld %c%c", (long long)m, (long long)n,
             (long long)k, ta ? 'T' : 'N', tb ? 'T' : 'N');
    ROW(name, shape, 2.0 * (double)(m * n * k), 0,
        b->k->gemm[RT_F32](rt_exec_cpu(), g, x, y, NULL, z));
    rt_mem_free(x);
    rt_mem_free(y);
    rt_mem_free(z);
}

static void bench_batch(const bench *b, int64_t products, int64_t m, int64_t n, int64_t k)
{
    char shape[48];
    rt_grid batch = {1, {products}, {{m * k}, {k * n}}};
    rt_gemm_shape g = {m, n, k, k, n, n, false, false, 1, 0, &batch};
    float *x = filled(products * m * k), *y = filled(products * k * n),
          *z = filled(products * m * n);
    snprintf(shape, sizeof shape, "%lld of %lld x %lld x %lld", (long long)products, (long long)m,
             (long long)n, (long long)k);
    ROW("gemm batch", shape, 2.0 * (double)(products * m * n * k), 0,
        b->k->gemm[RT_F32](rt_exec_cpu(), g, x, y, NULL, z));
    rt_mem_free(x);
    rt_mem_free(y);
    rt_mem_free(z);
}

/* A convolution of square images with windows of 3 x 3. */
static rt_conv_shape image_conv(int64_t n, int64_t c, int64_t size, int64_t oc, int64_t stride)
{
    return (rt_conv_shape){n,
                           c,
                           {1, size, size},
                           oc,
                           {1, 3, 3},
                           {1, size / stride, size / stride},
                           {1, stride, stride},
                           {0, 1, 1},
                           {1, 1, 1},
                           1};
}

static void bench_conv(const bench *b, rt_conv_shape s)
{
    char shape[64];
    int64_t nx = s.n * s.c * rt_volume(s.in), nw = s.oc * s.c * rt_volume(s.kernel),
            ny = s.n * s.oc * rt_volume(s.out);
    double flops = 2.0 * (double)(ny * s.c / s.groups * rt_volume(s.kernel));
    float *x = filled(nx), *w = filled(nw), *y = filled(ny), *dx = filled(nx), *dw = filled(nw),
          *bias = filled(s.oc);
    snprintf(shape, sizeof shape, "%lld x %lld->%lld %lldx%lldx%lld, %lldx%lldx%lld/%lld",
             (long long)s.n, (long long)s.c, (long long)s.oc, (long long)s.in[0],
             (long long)s.in[1], (long long)s.in[2], (long long)s.kernel[0], (long long)s.kernel[1],
             (long long)s.kernel[2], (long long)s.stride[1]);
    ROW("conv", shape, flops, 0, b->k->conv[RT_F32](rt_exec_cpu(), &s, x, w, bias, y));
    ROW("conv_dx", shape, flops, 0, b->k->conv_dx[RT_F32](rt_exec_cpu(), &s, y, w, NULL, dx));
    ROW("conv_dw", shape, flops, 0, b->k->conv_dw[RT_F32](rt_exec_cpu(), &s, x, y, dw));
    rt_mem_free(x);
    rt_mem_free(w);
    rt_mem_free(y);
    rt_mem_free(dx);
    rt_mem_free(dw);
    rt_mem_free(bias);
}

/* Columns of windows back to images. */
static void bench_columns(const bench *b, rt_conv_shape s)
{
    char shape[64];
    int64_t nx = s.n * s.c * rt_volume(s.in);
    int64_t ny = s.n * s.c * rt_volume(s.kernel) * rt_volume(s.out);
    double bytes = 4.0 * (double)(nx + ny);
    float *x = filled(nx), *y = filled(ny);
    snprintf(shape, sizeof shape, "%lld x %lldx%lld, %lldx%lld/%lld", (long long)(s.n * s.c),
             (long long)s.in[1], (long long)s.in[2], (long long)s.kernel[1], (long long)s.kernel[2],
             (long long)s.stride[1]);
    ROW("col2im", shape, 0, bytes, b->k->col2im[RT_F32](rt_exec_cpu(), &s, y, x));
    rt_mem_free(x);
    rt_mem_free(y);
}

static void bench_pool(const bench *b, rt_pool_shape s)
{
    char shape[48];
    int64_t nx = s.planes * s.in[1] * s.in[2], ny = s.planes * s.out[1] * s.out[2];
    double bytes = (double)(4 * nx + 8 * ny);
    float *x = filled(nx), *y = filled(ny);
    int32_t *at = rt_malloc((size_t)ny * sizeof *at);
    snprintf(shape, sizeof shape, "%lld x %lldx%lld, %lldx%lld/%lld", (long long)s.planes,
             (long long)s.in[1], (long long)s.in[2], (long long)s.kernel[1], (long long)s.kernel[2],
             (long long)s.stride[1]);
    b->k->max_pool[RT_F32](rt_exec_cpu(), &s, x, y, at);
    ROW("max_pool", shape, 0, bytes, b->k->max_pool[RT_F32](rt_exec_cpu(), &s, x, y, at));
    ROW("max_pool_dx", shape, 0, bytes, b->k->max_pool_dx[RT_F32](rt_exec_cpu(), &s, y, at, x));
    ROW("avg_pool", shape, 0, bytes, b->k->avg_pool[RT_F32](rt_exec_cpu(), &s, x, y));
    ROW("avg_pool_dx", shape, 0, bytes, b->k->avg_pool_dx[RT_F32](rt_exec_cpu(), &s, y, x));
    rt_mem_free(x);
    rt_mem_free(y);
    rt_mem_free(at);
}

/* Order and picking, of n numbers as rows of 256. */
static void bench_places(const bench *b, int64_t n)
{
    char shape[48];
    const rt_kernels *k = b->k;
    float *x = filled(n), *y = filled(n);
    double one = 4.0 * (double)n;
    snprintf(shape, sizeof shape, "%lld", (long long)n);
    int64_t *places = rt_malloc((size_t)n * sizeof *places);
    ROW("topk_8", shape, 0, one,
        k->topk[RT_F32](rt_exec_cpu(), (rt_rows){n / 256, 256}, (rt_topk_shape){8, true, true}, x,
                        y, places));
    ROW("topk_all", shape, 0, one,
        k->topk[RT_F32](rt_exec_cpu(), (rt_rows){n / 256, 256}, (rt_topk_shape){256, true, true}, x,
                        y, places));
    ROW("argmax", shape, 0, one,
        k->argmax[RT_F32](rt_exec_cpu(), (rt_rows){n / 256, 256}, x, places));
    ROW("extreme_at_columns", shape, 0, one,
        k->extreme_at[RT_F32](rt_exec_cpu(), (rt_fold){1, n / 256, 256}, true, x, places));
    ROW("sort_row", shape, 0, one,
        k->sort[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, false, x, y, places));
    ROW("sort_rows", shape, 0, one,
        k->sort[RT_F32](rt_exec_cpu(), (rt_rows){n / 256, 256}, false, x, y, places));
    rt_pick rows = {sizeof *x, n / 256, 256, 2, {n / 256, 256}, {1, 0}, {0, 1}};
    for (int64_t i = 0; i < rows.size; i++)
        places[i] = i * 7919 % rows.size;
    ROW("gather_rows", shape, 0, 2 * one, k->gather(rt_exec_cpu(), &rows, x, places, y));
    ROW("scatter_add_rows", shape, 0, 3 * one,
        k->scatter_add[RT_F32](rt_exec_cpu(), &rows, x, places, y));
    rt_mem_free(places);
    rt_mem_free(x);
    rt_mem_free(y);
}

static void bench_vectors(const bench *b, int64_t n)
{
    char shape[48];
    const rt_kernels *k = b->k;
    float *x = filled(n), *y = filled(n), *z = filled(n), *u = filled(n);
    double one = 4.0 * (double)n, partial[4096];
    rt_grid g = {1, {n}, {{1}, {1}}};
    rt_sgd_shape sgd = {.lr = 0.1, .momentum = 0.9, .grad_scale = 1};
    rt_adamw_shape adamw = {
        .lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .grad_scale = 1, .step = 5};
    snprintf(shape, sizeof shape, "%lld", (long long)n);
    ROW("relu", shape, 0, 2 * one, k->relu.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y));
    ROW("relu_dx", shape, 0, 4 * one,
        k->relu.dx[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y, z, u));
    ROW("exp", shape, 0, 2 * one, k->exp.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y));
    ROW("tanh", shape, 0, 2 * one, k->tanh.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y));
    ROW("asin", shape, 0, 2 * one, k->asin.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y));
    ROW("lgamma", shape, 0, 2 * one,
        k->lgamma.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y));
    ROW("gelu", shape, 0, 2 * one, k->gelu.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y));
    ROW("complex_exp", shape, 0, 2 * one,
        k->exp.f[RT_C64](rt_exec_cpu(), (rt_numbers){{0}}, n / 2, x, y));
    ROW("add", shape, 0, 3 * one, k->add.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &g, x, y, z));
    rt_grid short_rows = {4,
                          {n / 512, 8, 4, 16},
                          {{512, 64, 16, 1}, {4, 0, 1, 0}}}; /* of 16 elements, a value for each */
    ROW("add_short_rows", shape, 0, 2 * one,
        k->add.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &short_rows, x, y, z));
    ROW("axpy", shape, 0, 3 * one, k->axpy[RT_F32](rt_exec_cpu(), n, 1, x, y));
    ROW("sum", shape, 0, one, k->sum[RT_F32](rt_exec_cpu(), (rt_fold){1, n, 1}, x, y));
    ROW("sum_columns", shape, 0, one,
        k->sum[RT_F32](rt_exec_cpu(), (rt_fold){1, n / 256, 256}, x, y));
    ROW("prod", shape, 0, one, k->prod[RT_F32](rt_exec_cpu(), (rt_fold){1, n, 1}, x, y));
    ROW("cumsum_rows", shape, 0, 2 * one,
        k->cumsum[RT_F32](rt_exec_cpu(), (rt_fold){n / 256, 256, 1}, false, x, y));
    ROW("cumsum_columns", shape, 0, 2 * one,
        k->cumsum[RT_F32](rt_exec_cpu(), (rt_fold){1, n / 256, 256}, false, x, y));
    ROW("sum_squares", shape, 0, one, k->sum_squares[RT_F32](rt_exec_cpu(), n, x, partial));
    ROW("softmax", shape, 0, 2 * one,
        k->softmax[RT_F32](rt_exec_cpu(), (rt_rows){n / 256, 256}, x, y));
    ROW("normalize", shape, 0, 2 * one,
        k->normalize[RT_F32](rt_exec_cpu(), (rt_rows){n / 256, 256}, 1e-5, x, y, z));
    rt_channels channels = {n / (16 * 784), 16, 784};
    ROW("channel_dot", shape, 0, 2 * one,
        k->channel_dot[RT_F32](rt_exec_cpu(), channels, x, NULL, y, NULL, z));
    ROW("channel_affine", shape, 0, 2 * one,
        k->channel_affine[RT_F32](rt_exec_cpu(), channels, x, NULL, u, NULL, y));
    ROW("sgd", shape, 0, 5 * one, k->sgd[RT_F32](rt_exec_cpu(), n, sgd, x, y, z));
    memset(u, 0, (size_t)n * sizeof *u);
    ROW("adamw", shape, 0, 7 * one, k->adamw[RT_F32](rt_exec_cpu(), n, adamw, x, y, z, u));
    rt_factored_shape matrix = {n, 0, n / 256, 256};
    ROW("factored_squares", shape, 0, one,
        k->factored_squares[RT_F32](rt_exec_cpu(), matrix, 1, x, (double *)z, (double *)u));
    ROW("factored_step", shape, 0, 2 * one,
        k->factored_step[RT_F32](rt_exec_cpu(), matrix, 1, 1e3, x, (double *)z, (double *)u, y));
    ROW("uniform", shape, 0, one,
        k->uniform[RT_F32](rt_exec_cpu(), (rt_rng){1, 2, 3, 4, 0}, n, 0, 1, y));
    ROW("normal", shape, 0, one,
        k->normal[RT_F32](rt_exec_cpu(), (rt_rng){1, 2, 3, 4, 0}, n, 0, 1, y));
    rt_mem_free(x);
    rt_mem_free(y);
    rt_mem_free(z);
    rt_mem_free(u);
}

/* Self-attention of some heads; the gradient computes five products where the result needs two. */
static void bench_attention(const bench *b, int64_t heads, int64_t t, int64_t d, bool causal)
{
    char shape[48];
    int64_t n = heads * t * d;
    rt_grid grid = {1, {heads}, {{t * d}, {t * d}, {t * d}}};
    rt_attention_shape s = {.t = t, .s = t, .d = d, .e = d, .ldq = d, .ldk = d, .ldv = d};
    s.heads = &grid;
    s.causal = causal;
    s.scale = 0.125;
    double flops = 4.0 * (double)(n * t) / (causal ? 2 : 1);
    float *q = filled(n), *k = filled(n), *v = filled(n), *y = filled(n), *lse = filled(heads * t);
    float *dy = filled(n), *dq = filled(n), *dk = filled(n), *dv = filled(n);
    snprintf(shape, sizeof shape, "%lld of %lld x %lld%s", (long long)heads, (long long)t,
             (long long)d, causal ? ", causal" : "");
    ROW("attention", shape, flops, 0,
        b->k->attention[RT_F32](rt_exec_cpu(), &s, q, k, v, NULL, y, lse));
    ROW("attention_dx", shape, 2.5 * flops, 0,
        b->k->attention_dx[RT_F32](rt_exec_cpu(), &s, q, k, v, NULL, y, lse, dy, dq, dk, dv));
    float *all[] = {q, k, v, y, lse, dy, dq, dk, dv};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        rt_mem_free(all[i]);
}

static void bench_gemms(const bench *b)
{
    static const int64_t shapes[][3] = {{64, 128, 3136}, {64, 3136, 128},   {128, 3136, 64},
                                        {64, 10, 128},   {64, 64, 64},      {256, 256, 256},
                                        {512, 512, 512}, {1024, 1024, 1024}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int form = 0; form < 3; form++) /* NN, NT, TN: the forms of a linear layer */
            bench_gemm(b, shapes[i][0], shapes[i][1], shapes[i][2], form == 2, form == 1);
    bench_batch(b, 256, 16, 16, 16);
    bench_batch(b, 32, 64, 64, 16);
    bench_batch(b, 32, 64, 16, 64);
}

int main(int argc, char **argv)
{
    if (rt_kernels_init(NULL, "builtin") != RT_OK) {
        fprintf(stderr, "%s\n", rt_error());
        return 2;
    }
    bench b = {rt_kernels_cpu(), argc > 1 ? argv[1] : "", arithmetic_peak(rt_kernels_cpu()->isa)};
    printf("%s, %d threads, peak %.1f GF/s\n", b.k->isa, omp_get_max_threads(), b.peak / 1e9);
    bench_conv(&b, image_conv(32, 1, 28, 32, 1));
    bench_conv(&b, image_conv(32, 32, 14, 64, 1));
    bench_conv(&b, image_conv(8, 64, 56, 64, 1));
    bench_conv(&b, image_conv(8, 128, 28, 256, 2));
    bench_conv(
        &b,
        (rt_conv_shape){
            8, 64, {1, 1000, 1}, 64, {1, 3, 1}, {1, 1000, 1}, {1, 1, 1}, {0, 1, 0}, {1, 1, 1}, 1});
    bench_conv(
        &b,
        (rt_conv_shape){
            2, 16, {16, 32, 32}, 16, {3, 3, 3}, {16, 32, 32}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 1});
    rt_conv_shape depthwise = image_conv(8, 64, 28, 64, 1);
    depthwise.groups = 64;
    bench_conv(&b, depthwise);
    bench_columns(&b, image_conv(8, 64, 28, 64, 1));
    bench_pool(
        &b,
        (rt_pool_shape){
            32 * 32, {1, 28, 28}, {1, 14, 14}, {1, 2, 2}, {1, 2, 2}, {0}, {1, 1, 1}, .divisor = 0});
    bench_pool(&b, (rt_pool_shape){32 * 64,
                                   {1, 56, 56},
                                   {1, 28, 28},
                                   {1, 3, 3},
                                   {1, 2, 2},
                                   {0, 1, 1},
                                   {1, 1, 1},
                                   .divisor = 0});
    bench_vectors(&b, 1 << 16);
    bench_places(&b, 1 << 16);
    bench_vectors(&b, 1 << 23);
    bench_places(&b, 1 << 23);
    bench_attention(&b, 16, 512, 64, false);
    bench_attention(&b, 16, 512, 64, true);
    bench_attention(&b, 8, 2048, 64, true);
    bench_gemms(&b);
    if (rt_kernels_init(NULL, "openblas") == RT_OK)
        bench_gemms(&b);
    rt_error_clear();
    rt_kernels_shutdown();
    return 0;
}
