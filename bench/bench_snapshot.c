/* Times keeping a snapshot, against a plain memcpy of the same bytes.
 *
 *     bench_snapshot [ELEMENTS...]        # owned by one rank; default: 262144 15000000
 *
 * 262,144 is what one of two ranks owns of the Fashion CNN, 15 million its half of a model of 30
 * million parameters; with AdamW there are three kinds of each. Lines: the update alone; then, on
 * top of an update, a memcpy of all kinds; a snapshot taken afterwards; a snapshot that gets each
 * part as it is updated, as training does. All take turns, so that other load on the machine
 * affects them equally, and before each one gradients change and 20 MB of other memory are used, as
 * in a step. Also prints the cost of a restart: reserving the memory, and verifying and reading a
 * step. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/kernels.h"
#include "worker/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    KINDS = 3,
    WAYS = 4,
    WARM_UP = 3,
    REPEATS_MAX = 301,
    PART = 16384, /* elements updated at a time, as in worker/step.c */
    OTHER = 20 << 20
};

static const char PATH[] = "/dev/shm/ringtorch-bench-g0-r0";
static const char *const NAME[WAYS] = {"update", "+ memcpy", "+ snapshot", "+ in parts"};

typedef struct bench {
    int64_t count, step;
    float *kind[KINDS], *grad; /* [count] */
    char *copy;                /* as many bytes as all kinds */
    char *other;               /* [OTHER] */
    rt__snapshot *snapshot;
    int repeats;
    double seconds[WAYS][REPEATS_MAX];
} bench;

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t kind_bytes(const bench *b)
{
    return (size_t)b->count * sizeof(float);
}

static void update(bench *b, int64_t begin, int64_t end)
{
    const rt_adamw_shape shape = {1e-3, 0.9, 0.999, 1e-8, 0.01, 1, b->step};
    rt_exec_cpu()->kernels->adamw[RT_F32](rt_exec_cpu(), end - begin, shape, b->kind[0] + begin,
                                          b->grad + begin, b->kind[1] + begin, b->kind[2] + begin);
}

static void update_all(bench *b)
{
    update(b, 0, b->count);
}

static void update_and_copy(bench *b)
{
    update_all(b);
    for (int k = 0; k < KINDS; k++)
        memcpy(b->copy + (size_t)k * kind_bytes(b), b->kind[k], kind_bytes(b));
}

static void update_and_take(bench *b)
{
    update_all(b);
    rt__snapshot_take(b->snapshot, b->step);
}

static void update_in_parts(bench *b)
{
    for (int64_t at = 0; at < b->count; at += PART) {
        int64_t end = at + PART < b->count ? at + PART : b->count;
        update(b, at, end);
        rt__snapshot_part(b->snapshot, at, end);
    }
    rt__snapshot_take(b->snapshot, b->step);
}

/* Uses the caches as the rest of a step does. */
static void use_memory(bench *b)
{
    for (size_t i = 0; i < OTHER; i += 64)
        b->other[i]++;
    for (int64_t i = 0; i < b->count; i++)
        b->grad[i] += 1e-3f;
}

static void measure(bench *b)
{
    static void (*const way[WAYS])(bench *) = {update_all, update_and_copy, update_and_take,
                                               update_in_parts};
    for (int i = -WARM_UP; i < b->repeats; i++)
        for (int w = 0; w < WAYS; w++) {
            use_memory(b);
            b->step++;
            double start = rt_clock();
            way[w](b);
            if (i >= 0)
                b->seconds[w][i] = rt_clock() - start;
        }
    for (int w = 0; w < WAYS; w++)
        qsort(b->seconds[w], (size_t)b->repeats, sizeof b->seconds[w][0], ascending);
}

static void print(const bench *b)
{
    const int middle = b->repeats / 2;
    double bytes = KINDS * (double)kind_bytes(b);
    const double *alone = b->seconds[0], *copied = b->seconds[1];
    printf("%lld elements, %d kinds: %.1f MB, %d repeats\n%12s %10s %10s %24s\n",
           (long long)b->count, KINDS, bytes / 1e6, b->repeats, "", "least ms", "median ms",
           "besides the update");
    for (int w = 0; w < WAYS; w++) {
        const double *s = b->seconds[w];
        double least = s[0] - alone[0], median = s[middle] - alone[middle];
        printf("%12s %10.3f %10.3f", NAME[w], s[0] * 1e3, s[middle] * 1e3);
        if (w > 0)
            printf(" %8.3f %8.3f ms  %.2fx %.2fx", least * 1e3, median * 1e3,
                   least / (copied[0] - alone[0]), median / (copied[middle] - alone[middle]));
        printf("\n");
    }
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
        status = rt_snapshot_read(&s, slot, kind, 0, b->count, b->kind[kind]);
    *read = rt_clock() - start;
    rt_snapshot_close(&s);
    return status;
}

static rt_status run(bench *b)
{
    double verify, read, start = rt_clock();
    const rt_snapshot_about about = {.run = "bench",
                                     .run_dir = "/",
                                     .end = b->count,
                                     .count = b->count,
                                     .kinds = KINDS,
                                     .kind = {"param", "exp_avg", "exp_avg_sq"}};
    rt__snapshot_args args = {.dir = "/dev/shm", .about = &about};
    for (int k = 0; k < KINDS; k++)
        args.kind[k] = (rt_buf){.data = b->kind[k], .count = b->count};
    unlink(PATH);
    RT_TRY(rt__snapshot_start(&args, &b->snapshot));
    bool ready = rt__snapshot_ready(b->snapshot);
    double reserve = rt_clock() - start;
    if (ready)
        measure(b);
    rt__snapshot_end(b->snapshot);
    if (!ready)
        return RT_FAIL(NOSPACE, "no snapshot can be taken");
    RT_TRY(read_back(b, &verify, &read));
    unlink(PATH);
    print(b);
    printf("%12s %.1f ms to reserve memory, %.1f ms to verify a step, %.1f ms to read it\n", "",
           reserve * 1e3, verify * 1e3, read * 1e3);
    return RT_OK;
}

static rt_status bench_of(int64_t count)
{
    static bench b;
    rt_status status = RT_E_NOMEM;
    b = (bench){.count = count, .repeats = count > 2000000 ? 21 : REPEATS_MAX};
    float *values = rt_calloc((size_t)(KINDS + 1) * (size_t)count, sizeof *values);
    b.copy = rt_calloc(KINDS, kind_bytes(&b));
    b.other = rt_calloc(1, OTHER);
    if (values && b.copy && b.other) {
        for (int k = 0; k < KINDS; k++)
            b.kind[k] = values + k * count;
        b.grad = values + KINDS * count;
        status = run(&b);
    }
    rt_mem_free(values);
    rt_mem_free(b.copy);
    rt_mem_free(b.other);
    return status;
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {262144, 15000000};
    rt_status status = rt_exec_cpu() ? RT_OK : rt_error_code();
    const int sizes = argc > 1 ? argc - 1 : 2;
    for (int i = 0; status == RT_OK && i < sizes; i++)
        status = bench_of(argc > 1 ? strtoll(argv[i + 1], NULL, 10) : usual[i]);
    if (status != RT_OK)
        fprintf(stderr, "bench_snapshot: %s\n", rt_error());
    return rt_status_exit_code(status);
}
