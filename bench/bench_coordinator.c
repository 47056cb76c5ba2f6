/* Measures what the coordinator costs during a run: its decision code and the decoding of its frames, with 10 to 10,000
 * workers.
 *
 *     bench_coordinator [WORKERS...]      # default: 10 100 1000 10000
 *
 * Every worker sends PROGRESS twice a second, rank 0 reports ten times a second, and there are four ticks a second. Prints
 * how much of one core a second of this uses, and the memory of the state. Sockets and encryption are not included. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/control/wire_frame.h"
#include "coordinator/machine/machine.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 10, REPORTS = 10, TICKS = 4 };

typedef struct bench {
    rt_config cfg;
    rt__run run;
    int64_t sent;
} bench;

static void die(void)
{
    fprintf(stderr, "bench_coordinator: %s\n", rt_error());
    exit(1);
}

/* ---- effects that cost nothing ---- */

static void on_send(void *ctx, const char *peer, rt_msg_type type, const void *body)
{
    (void)peer, (void)type, (void)body;
    ((bench *)ctx)->sent++;
}

static void on_generation(void *ctx, int64_t generation)
{
    (void)ctx, (void)generation;
}

static rt_status on_line(void *ctx, rt__line where, const json_t *object)
{
    (void)ctx, (void)where, (void)object;
    return RT_OK;
}

static rt_status on_journal(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_OK;
}

static void on_recover(void *ctx, bool again, int64_t most, int64_t lookup)
{
    (void)ctx, (void)again, (void)most, (void)lookup;
}

static void on_commit(void *ctx, const rt__checkpoint *c)
{
    (void)ctx, (void)c;
}

static void on_discard(void *ctx, int64_t step)
{
    (void)ctx, (void)step;
}

/* ---- frames, as they come off the wire ---- */

static void deliver(bench *b, double now, int64_t rank, rt_msg_type type, const void *body)
{
    char peer[32];
    rt_bytes packed, bytes;
    rt_frame frame;
    rt__frame_head head = {.run = "bench", .sender = "worker", .talk = 1, .seq = 1, .type = type};
    head.generation = b->run.generation;
    if (rt_msg_encode(type, body, &packed) != RT_OK ||
        rt__frame_pack(&head, &packed, &bytes) != RT_OK ||
        rt__frame_decode(bytes.data, bytes.len, "bench", &head, &frame) != RT_OK)
        die();
    snprintf(peer, sizeof peer, rank < 0 ? "launcher" : "worker %lld#0123456789abcdef",
             (long long)rank);
    snprintf(frame.peer, sizeof frame.peer, "%s", peer);
    rt__run_step(&b->run, now, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &frame});
    rt_frame_release(&frame);
    rt_bytes_release(&packed);
    rt_bytes_release(&bytes);
}

static void begin(bench *b, const rt__effects *effects, int64_t workers)
{
    char set[64];
    rt__history history;
    const char *keys[] = {"run.steps=1000000000", "parallel.slices=65536", "data.batch=65536"};
    if (rt_config_default(&b->cfg) != RT_OK || rt__history_init(&history) != RT_OK)
        die();
    snprintf(set, sizeof set, "parallel.workers=%lld", (long long)workers);
    for (int i = 0; i < 4; i++)
        if (rt_config_set(&b->cfg, i < 3 ? keys[i] : set) != RT_OK)
            die();
    rt__run_init(&b->run, &(rt__run_facts){.cfg = &b->cfg,
                                           .config_hash = "hash",
                                           .run_id = "bench",
                                           .dir = "runs/bench",
                                           .effects = effects,
                                           .history = history,
                                           .metrics_step = -1});
    rt__source fresh = {0};
    deliver(b, 0, -1, RT_MSG_LAUNCHER, &(rt_msg_launcher){.pid = 1});
    rt__run_step(&b->run, 0,
                 &(rt__event){.kind = RT__EVENT_RECOVERED, .lookup = 1, .source = &fresh});
    for (int64_t k = 0; k < workers; k++)
        deliver(b, 1, k, RT_MSG_HELLO,
                &(rt_msg_hello){.host = "host",
                                .pid = k + 2,
                                .rank = k,
                                .world = workers,
                                .device = "cpu",
                                .isa = "avx2",
                                .blas = "builtin",
                                .config_hash = "hash",
                                .layout_hash = "layout",
                                .parameters = 1,
                                .samples = 60000});
    if (b->run.phase != RT__RUN)
        die();
}

/* Simulates one second of a run, `now` seconds after its start. */
static void live_a_second(bench *b, double now, int64_t workers)
{
    for (int half = 0; half < 2; half++)
        for (int64_t k = 0; k < workers; k++)
            deliver(b, now + 0.5 * half, k, RT_MSG_PROGRESS,
                    &(rt_msg_progress){.step = (int64_t)(10 * now),
                                       .slice = k,
                                       .phase = 3,
                                       .what = "conv2d",
                                       .since = 0.001,
                                       .usual = 0.005,
                                       .cpu = now,
                                       .peer = -1,
                                       .snapshot_step = (int64_t)(10 * now),
                                       .rss_bytes = 1 << 27});
    for (int i = 0; i < REPORTS; i++)
        deliver(b, now + 0.5, 0, RT_MSG_REPORT,
                &(rt_msg_report){.step = (int64_t)(10 * now) + i, .loss = 1, .seconds = now});
    for (int i = 0; i < TICKS; i++)
        rt__run_step(&b->run, now + 0.5 + 0.1 * i, &(rt__event){.kind = RT__EVENT_TICK});
}

/* Returns the bytes in use on the heap. */
static double heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return (double)m.uordblks + (double)m.hblkhd;
}

static void measure(int64_t workers)
{
    bench b = {0};
    rt__effects effects = {.ctx = &b,
                           .send = on_send,
                           .generation = on_generation,
                           .line = on_line,
                           .journal = on_journal,
                           .recover = on_recover,
                           .commit = on_commit,
                           .discard = on_discard}; /* nothing is rewound: no generation is lost */
    double memory = heap();
    double began = rt_clock();
    begin(&b, &effects, workers);
    double joined = rt_clock() - began;
    memory = heap() - memory;
    live_a_second(&b, 2, workers);
    began = rt_clock();
    for (int i = 0; i < SECONDS; i++)
        live_a_second(&b, 3 + i, workers);
    double a_second = (rt_clock() - began) / SECONDS;
    int64_t frames = 2 * workers + REPORTS;
    printf("%8lld %14lld %14.3f %14.2f %14.1f %14.3f\n", (long long)workers, (long long)frames,
           100 * a_second, 1e6 * a_second / (double)frames, memory / 1024, joined);
    rt__run_release(&b.run);
    rt_config_release(&b.cfg);
}

int main(int argc, char **argv)
{
    const int64_t standard[] = {10, 100, 1000, 10000};
    printf("%8s %14s %14s %14s %14s %14s\n", "workers", "frames a s", "% of a core", "us a frame",
           "KiB of state", "s to join all");
    for (int i = 0; i < (argc > 1 ? argc - 1 : 4); i++) {
        int64_t workers = argc > 1 ? strtoll(argv[i + 1], NULL, 10) : standard[i];
        if (workers < 1 || workers > 65536) {
            fprintf(stderr, "usage: bench_coordinator [WORKERS...], from 1 to 65536\n");
            return 2;
        }
        measure(workers);
    }
    return 0;
}
