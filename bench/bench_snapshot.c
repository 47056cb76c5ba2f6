/* Times keeping a snapshot, against a plain memcpy of the same bytes.
 *
 *     bench_snapshot [ELEMENTS...]        # owned by one rank; default: 262144 15000000
 *
 * 262,144 is what one of two ranks owns of the Fashion CNN, 15 million its half of a model of 30
 * million parameters; with AdamW there are three kinds of each. Between two takes all values change
 * and 20 MB of other memory are used, as a step does. Both take turns, so that other load on the
 * machine hits both alike. Also prints what a restart pays: reserving the memory, and reading and
 * verifying a step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "worker/snapshot.h"

enum { KINDS = 3, WARM_UP = 3, REPEATS_MAX = 301, OTHER = 20 << 20 };

static const char PATH[] = "/dev/shm/ringtorch-bench-g0-r0";

typedef struct bench {
    int64_t count;
    float *values; /* [KINDS * count] */
    char *copy;    /* as many bytes */
    char *other;   /* [OTHER] */
    int repeats;
    double plain[REPEATS_MAX], taken[REPEATS_MAX];
} bench;

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t bytes_of(const bench *b)
{
    return (size_t)KINDS * (size_t)b->count * sizeof(float);
}

/* What a step does to the caches. */
static void use_memory(bench *b)
{
    for (size_t i = 0; i < OTHER; i += 64)
        b->other[i]++;
    for (int64_t i = 0; i < KINDS * b->count; i++)
        b->values[i] += 1;
}

static void measure(bench *b, rt__snapshot *s)
{
    for (int i = -WARM_UP; i < b->repeats; i++) {
        use_memory(b);
        double start = rt_clock();
        memcpy(b->copy, b->values, bytes_of(b));
        if (i >= 0)
            b->plain[i] = rt_clock() - start;
        use_memory(b);
        start = rt_clock();
        rt__snapshot_take(s, WARM_UP + i);
        if (i >= 0)
            b->taken[i] = rt_clock() - start;
    }
    qsort(b->plain, (size_t)b->repeats, sizeof b->plain[0], ascending);
    qsort(b->taken, (size_t)b->repeats, sizeof b->taken[0], ascending);
}

static void print_line(const char *name, const bench *b, const double *seconds)
{
    double least = seconds[0], median = seconds[b->repeats / 2];
    printf("%16s %10.3f %10.3f %10.1f %9.2fx %9.2fx\n", name, least * 1e3, median * 1e3,
           (double)bytes_of(b) / median / 1e9, least / b->plain[0],
           median / b->plain[b->repeats / 2]);
}

static rt_status read_back(const bench *b, double *verify, double *read)
{
    rt_snapshot s;
    RT_TRY(rt_snapshot_open(PATH, &s));
    int slot = rt_snapshot_newest(&s);
    double start = rt_clock();
    rt_status status = rt_snapshot_verify(&s, slot);
    *verify = rt_clock() - start;
    start = rt_clock();
    for (int kind = 0; status == RT_OK && kind < KINDS; kind++)
        status = rt_snapshot_read(&s, slot, kind, 0, b->count, b->values + kind * b->count);
    *read = rt_clock() - start;
    rt_snapshot_close(&s);
    return status;
}

static rt_status run(bench *b)
{
    rt__snapshot *s;
    double verify, read, start = rt_clock();
    const rt_snapshot_about about = {.run = "bench",
                                     .run_dir = "/",
                                     .end = b->count,
                                     .count = b->count,
                                     .kinds = KINDS,
                                     .kind = {"param", "exp_avg", "exp_avg_sq"}};
    rt__snapshot_args args = {.dir = "/dev/shm", .about = &about};
    for (int kind = 0; kind < KINDS; kind++)
        args.kind[kind] = b->values + kind * b->count;
    unlink(PATH);
    RT_TRY(rt__snapshot_start(&args, &s));
    rt__snapshot_take(s, 0); /* waits until the memory is reserved */
    double ready = rt_clock() - start;
    if (*rt__snapshot_trouble(s)) {
        rt__snapshot_end(s);
        return RT_FAIL(NOSPACE, "no snapshot can be taken");
    }
    measure(b, s);
    rt__snapshot_end(s);
    RT_TRY(read_back(b, &verify, &read));
    unlink(PATH);

    printf("%lld elements, %d kinds: %.1f MB, %d repeats\n%16s %10s %10s %10s %10s %10s\n",
           (long long)b->count, KINDS, (double)bytes_of(b) / 1e6, b->repeats, "", "least ms",
           "median ms", "GB/s", "least", "median");
    print_line("memcpy", b, b->plain);
    print_line("snapshot", b, b->taken);
    printf("%16s %.1f ms to reserve and take the first, %.1f ms to verify, %.1f ms to read\n", "",
           ready * 1e3, verify * 1e3, read * 1e3);
    return RT_OK;
}

static rt_status bench_of(int64_t count)
{
    static bench b;
    b.count = count;
    b.repeats = count > 2000000 ? 21 : REPEATS_MAX;
    b.values = rt_calloc((size_t)KINDS * (size_t)count, sizeof *b.values);
    b.copy = rt_calloc(1, bytes_of(&b));
    b.other = rt_calloc(1, OTHER);
    rt_status status = b.values && b.copy && b.other ? run(&b) : RT_E_NOMEM;
    rt_mem_free(b.values);
    rt_mem_free(b.copy);
    rt_mem_free(b.other);
    return status;
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {262144, 15000000};
    rt_status status = RT_OK;
    const int sizes = argc > 1 ? argc - 1 : 2;
    for (int i = 0; status == RT_OK && i < sizes; i++)
        status = bench_of(argc > 1 ? strtoll(argv[i + 1], NULL, 10) : usual[i]);
    if (status != RT_OK)
        fprintf(stderr, "bench_snapshot: %s\n", rt_error());
    return rt_status_exit_code(status);
}
