/* Measures the error of every float32 function of one operand over all 2^32 arguments, and the rounding to 16-bit floats.
 *
 *     bench_ulp                        all functions, on all levels of this machine but `ref`
 *     bench_ulp exp log tanh           these
 *     bench_ulp --every 64 exp         every 64th argument
 *     bench_ulp --level avx2           one level; --level ref is the oracle itself, rounded
 *     bench_ulp --list                 the names
 *     bench_ulp --markdown             rows for docs/NUMERICS.md, which leaves out avx512: it has the bits of avx2
 *
 * The exact value is libm's in double (kernels/ref/exact.inc), of which float32 has 29 bits less; erfinv, digamma and sinc in long double. Where libm
 * errs by a unit of double, the error shown is wrong by 2^-29. For each function and level: the largest error in units in the last
 * place, an argument that has it, how many results are not the nearest number, and the bound (kernels/vmath_bounds.def); then the seconds of
 * the function. Exits with 1 if an error exceeds its bound, or a rounding is wrong. OMP_NUM_THREADS says how many threads. */
#include "common/base/clock.h"
#include "common/base/error.h"
#define EXACT      double
#define EXACT_M(f) f
#include "kernels/ref/exact.inc"
#include <getopt.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 4, BLOCK = 1 << 14 };

/* What is known of one level. */
typedef struct tally {
    double worst;
    uint32_t where; /* bits of the argument */
    int64_t misrounded;
} tally;

static const char *level[LEVELS];
static const rt_kernels *kernels[LEVELS];
static int levels;
static int64_t every = 1;
static bool markdown;

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* ---- errors ---- */

/* Returns 2^e for -1022 <= e <= 1023. */
static double power_of_two(int e)
{
    uint64_t bits = (uint64_t)(e + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Returns the exponent of |x|, which is no NaN. */
static int exponent_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (int)(bits >> 52 & 2047) - 1023;
}

/* An infinity is the number that would come after the largest one. */
static double clipped(double x)
{
    return x > 0x1p128 ? 0x1p128 : x < -0x1p128 ? -0x1p128 : x;
}

/* Returns |got - want| in units in the last place of `want`, or of `least` if that is larger. A zero of a zero has its sign. */
static double ulps(float x, float got, double want, double least)
{
    if (want != want || got != got)
        return want != want && got != got ? 0 : INFINITY;
    if (isinf(want) || (x == 0 && want == 0))
        return (double)got == want && !signbit(got) == !signbit(want) ? 0 : INFINITY;
    double size = fmax(fabs(clipped(want)), least);
    int e = size >= 0x1p128 ? 127 : exponent_of(size);
    return fabs(clipped(got) - clipped(want)) * power_of_two(23 - (e < -126 ? -126 : e));
}

/* A block of arguments, exact values, and the floats nearest to these. */
typedef struct block {
    uint32_t bits[BLOCK];
    float x[BLOCK], nearest[BLOCK];
    double want[BLOCK];
} block;

/* Returns how many results are not the nearest floats, bit for bit but for NaN. */
static int count_others(const float *y, const float *nearest)
{
    int n = 0;
    for (int i = 0; i < BLOCK; i++)
        n += (bits_of(y[i]) != bits_of(nearest[i])) & ((y[i] == y[i]) | (nearest[i] == nearest[i]));
    return n;
}

/* Adds the errors of a block's results. Where all are the nearest floats, which is most often so, they are within half a unit. */
static void add(tally *t, const block *b, const float *y, const rt__function *f)
{
    if (count_others(y, b->nearest) == 0 && (t->worst >= 0.5 || f->bound[0] == 0))
        return;
    for (int i = 0; i < BLOCK; i++) {
        if (t->worst >= 0.5 && bits_of(y[i]) == bits_of(b->nearest[i]))
            continue;
        double error = ulps(b->x[i], y[i], b->want[i], f->least[0]);
        t->misrounded += error > 0.500001;
        if (error > t->worst) {
            t->worst = error;
            t->where = b->bits[i];
        }
    }
}

static void join(tally *into, const tally *t)
{
    into->misrounded += t->misrounded;
    if (t->worst > into->worst || (t->worst == into->worst && t->where < into->where)) {
        into->worst = t->worst;
        into->where = t->where;
    }
}

static void add_levels(const rt__function *f, const block *b, tally t[LEVELS])
{
    static _Thread_local float y[BLOCK];
    for (int l = 0; l < levels; l++) {
        rt__function_of(f, kernels[l])[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, BLOCK, b->x, y);
        add(&t[l], b, y, f);
    }
}

/* Returns 1 for an even function, -1 for an odd one, and 0 for others. */
static int parity_of(const rt__function *f)
{
    int even = 1, odd = 1;
    for (double x = 0.0625; x < 1e5; x *= 1.375) {
        double a = f->exact(x), b = f->exact(-x);
        even &= a == b || (a != a && b != b);
        odd &= a == -b || (a != a && b != b);
    }
    return even ? 1 : odd ? -1 : 0;
}

/* Measures BLOCK arguments, `every` apart, from `first` on, and with a parity also those with the other sign. */
static void measure_block(const rt__function *f, uint32_t first, int parity, tally t[LEVELS])
{
    static _Thread_local block b;
    for (int i = 0; i < BLOCK; i++) {
        b.bits[i] = first + (uint32_t)i * (uint32_t)every;
        b.x[i] = of_bits(b.bits[i]);
    }
    for (int i = 0; i < BLOCK; i++)
        b.want[i] = f->exact((double)b.x[i]);
    for (int i = 0; i < BLOCK; i++)
        b.nearest[i] = (float)b.want[i];
    add_levels(f, &b, t);
    if (!parity)
        return;
    for (int i = 0; i < BLOCK; i++) {
        b.bits[i] ^= UINT32_C(1) << 31;
        b.x[i] = -b.x[i];
        b.want[i] = b.x[i] == 0 ? f->exact(-0.0) : b.want[i] * parity; /* sign(-0) is 0 */
        b.nearest[i] = (float)b.want[i];
    }
    add_levels(f, &b, t);
}

static void measure(const rt__function *f, tally all[LEVELS])
{
    int parity = parity_of(f);
    const int64_t blocks = (INT64_C(1) << (parity ? 31 : 32)) / BLOCK / every;
#pragma omp parallel
    {
        tally mine[LEVELS] = {{0}};
        rt_exec_cpu()->threads = 1;
#pragma omp for schedule(dynamic, 16)
        for (int64_t b = 0; b < blocks; b++)
            measure_block(f, (uint32_t)(b * BLOCK * every), parity, mine);
#pragma omp critical
        for (int l = 0; l < levels; l++)
            join(&all[l], &mine[l]);
    }
}

static bool report(const rt__function *f)
{
    tally t[LEVELS] = {{0}};
    double start = rt_clock();
    bool fine = true;
    measure(f, t);
    double seconds = rt_clock() - start;
    char text[128];
    rt__bounds_text(f, text);
    if (markdown)
        fputs(text, stdout);
    for (int l = 0; l < levels; l++) {
        bool within = t[l].worst <= f->bound[0];
        fine &= within;
        if (markdown)
            printf(" %.4f | %a | %.3g %% |", t[l].worst, (double)of_bits(t[l].where),
                   100 * (double)t[l].misrounded * (double)every * 0x1p-32);
        else
            printf("%-12s %-7s %8.4f ULP at %-15a %11lld not nearest, bound %g%s\n", f->name,
                   level[l], t[l].worst, (double)of_bits(t[l].where), (long long)t[l].misrounded,
                   f->bound[0], within ? "" : "  EXCEEDED");
    }
    if (markdown && every == 1)
        puts("");
    else if (markdown)
        printf(" 1/%lld |\n", (long long)every);
    else
        printf("%-12s %.1f s\n", f->name, seconds);
    fflush(stdout);
    return fine;
}

/* ---- 16-bit floats ---- */

/* Returns x rounded to `bits` bits of precision with exponents from `least` on, ties to even; all that is exact in double. */
static double rounded_to(double x, int bits, int least, double end)
{
    int e = exponent_of(x) < least ? least : exponent_of(x);
    double unit = power_of_two(e - bits + 1), y = rint(x / unit) * unit;
    return fabs(y) > end ? copysign(INFINITY, x) : y;
}

/* Returns how many floats are rounded wrongly: a NaN must stay one, and zeros keep their sign. */
static int64_t wrong_halves(rt_dtype type, int bits, int least, double end)
{
    const int64_t blocks = (INT64_C(1) << 32) / BLOCK / every;
    int64_t wrong = 0;
#pragma omp parallel for reduction(+ : wrong) schedule(dynamic, 16)
    for (int64_t b = 0; b < blocks; b++) {
        static _Thread_local float x[BLOCK], back[BLOCK];
        static _Thread_local uint16_t half[BLOCK];
        for (int i = 0; i < BLOCK; i++)
            x[i] = of_bits((uint32_t)((b * BLOCK + i) * every));
        kernels[0]->cast[RT_F32][type](rt_exec_cpu(), BLOCK, x, half);
        kernels[0]->cast[type][RT_F32](rt_exec_cpu(), BLOCK, half, back);
        for (int i = 0; i < BLOCK; i++) {
            double want =
                isfinite(x[i]) ? rounded_to((double)x[i], bits, least, end) : (double)x[i];
            wrong += want != want ? back[i] == back[i]
                                  : (double)back[i] != want || !signbit(back[i]) != !signbit(want);
        }
    }
    return wrong;
}

static bool report_halves(const char *name, rt_dtype type, int bits, int least, double end)
{
    double start = rt_clock();
    int64_t wrong = wrong_halves(type, bits, least, end);
    if (!markdown)
        printf("%-12s %lld of the floats rounded wrongly, %.1f s\n", name, (long long)wrong,
               rt_clock() - start);
    return wrong == 0;
}

/* ---- the command ---- */

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return optind == argc;
}

static bool take_levels(const char *only)
{
    static char text[64];
    char *rest = NULL;
    snprintf(text, sizeof text, "%s", rt_kernels_levels());
    for (char *l = strtok_r(text, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        if (only ? strcmp(l, only) == 0 : strcmp(l, "ref") != 0) {
            level[levels] = l;
            kernels[levels++] = rt_kernels_level(l);
        }
    if (levels == 0)
        fprintf(stderr, "bench_ulp: this machine has no level '%s'\n", only ? only : "");
    return levels > 0;
}

static int usage(FILE *to)
{
    fputs("usage: bench_ulp [--every N] [--level NAME] [--markdown] [--list] [FUNCTION...]\n"
          "Measures float32 functions over all arguments, and the rounding to bfloat16 and "
          "float16.\n",
          to);
    return to == stdout ? 0 : 2;
}

static bool run_all(int argc, char **argv)
{
    bool fine = true;
    for (int i = 0; i < RT__FUNCTIONS; i++)
        if (is_wanted(rt__functions[i].name, argc, argv))
            fine &= report(&rt__functions[i]);
    if (is_wanted("bfloat16", argc, argv))
        fine &= report_halves("bfloat16", RT_BF16, 8, -126, 0x1.fep127);
    if (is_wanted("float16", argc, argv))
        fine &= report_halves("float16", RT_F16, 11, -14, 65504);
    return fine;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"every", 1, NULL, 'e'},    {"level", 1, NULL, 'l'},
                                            {"markdown", 0, NULL, 'm'}, {"list", 0, NULL, 't'},
                                            {"help", 0, NULL, 'h'},     {NULL, 0, NULL, 0}};
    const char *only = NULL;
    for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (o == 'e')
            every = strtoll(optarg, NULL, 10);
        else if (o == 'l')
            only = optarg;
        else if (o == 'm')
            markdown = true;
        else if (o != 't')
            return usage(o == 'h' ? stdout : stderr);
        for (int i = 0; i < RT__FUNCTIONS && o == 't'; i++)
            puts(rt__functions[i].name);
        if (o == 't')
            return 0;
    }
    if (every < 1 || every > 1 << 16)
        return usage(stderr);
    if (!take_levels(only))
        return 2;
    return run_all(argc, argv) ? 0 : 1;
}
