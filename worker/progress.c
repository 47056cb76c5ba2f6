/* A sequence lock whose fields are all atomic: the writer makes the version odd, writes, and makes it even; a reader
 * that sees the same even version before and after has read one complete update. Release stores and acquire loads of
 * the fields keep them between the two versions (H.-J. Boehm, "Can seqlocks get along with programming language memory
 * models?", MSPC 2012). */
#include "worker/progress.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/os/os.h"
#include "worker/engine/base/trace.h"
#include "worker/report.h"
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static_assert(offsetof(rt__progress, trace) == 64, "the record is one cache line");

static void write_begin(rt__progress *p)
{
    atomic_fetch_add_explicit(&p->version, 1, memory_order_acquire);
}

static void write_end(rt__progress *p)
{
    atomic_fetch_add_explicit(&p->version, 1, memory_order_release);
}

void rt__progress_init(rt__progress *p)
{
    *p = (rt__progress){
        .slice = -1, .phase = RT_PHASE_START, .since = rt_clock(), .snapshot_step = -1};
}

void rt__progress_attach(rt__progress *p)
{
    p->attached = pthread_getcpuclockid(pthread_self(), &p->cpu_clock) == 0;
    rt__trace_into(&p->trace);
}

void rt__progress_detach(rt__progress *p)
{
    p->attached = false;
    rt__trace_into(NULL);
}

static void mirror(const rt__progress *p)
{
    if (!p->mirror_step)
        return;
    atomic_store_explicit(p->mirror_step, p->step, memory_order_relaxed);
    atomic_store_explicit(p->mirror_slice, p->slice, memory_order_relaxed);
    atomic_store_explicit(p->mirror_phase, p->phase, memory_order_relaxed);
}

void rt__progress_mirror(rt__progress *p, _Atomic int64_t *step, _Atomic int64_t *slice,
                         _Atomic int64_t *phase)
{
    p->mirror_step = step;
    p->mirror_slice = slice;
    p->mirror_phase = phase;
    mirror(p);
}

void rt__progress_on_move(rt__progress *p, void (*f)(void *ctx), void *ctx)
{
    p->on_move = f;
    p->on_move_ctx = ctx;
}

void rt__progress_step(rt__progress *p, int64_t step)
{
    write_begin(p);
    atomic_store_explicit(&p->step, step, memory_order_release);
    write_end(p);
    mirror(p);
}

/* Adds the duration of a phase that ends to its statistics. */
static void account(rt__progress *p, int64_t phase, double lasted)
{
    double seconds = atomic_load_explicit(&p->seconds[phase], memory_order_relaxed);
    int64_t times = atomic_load_explicit(&p->times[phase], memory_order_relaxed);
    atomic_store_explicit(&p->seconds[phase], seconds + lasted, memory_order_relaxed);
    atomic_store_explicit(&p->times[phase], times + 1, memory_order_relaxed);
}

void rt__progress_enter_phase(rt__progress *p, rt_phase phase, int64_t slice)
{
    double now = rt_clock();
    double lasted = now - atomic_load_explicit(&p->since, memory_order_relaxed);
    account(p, atomic_load_explicit(&p->phase, memory_order_relaxed), lasted);

    write_begin(p);
    atomic_store_explicit(&p->phase, phase, memory_order_release);
    atomic_store_explicit(&p->slice, slice, memory_order_release);
    atomic_store_explicit(&p->since, now, memory_order_release);
    atomic_store_explicit(&p->ops, atomic_load_explicit(&p->trace.count, memory_order_relaxed),
                          memory_order_release);
    write_end(p);
    mirror(p);
    if (p->on_move && lasted >= RT__PROGRESS_LONG)
        p->on_move(p->on_move_ctx);
}

void rt__progress_move(const char *what)
{
    rt__trace_op(&rt__thread, what);
}

rt__progress_view rt__progress_read(const rt__progress *p)
{
    rt__progress_view v;
    int64_t before, after;
    do {
        before = atomic_load_explicit(&p->version, memory_order_acquire);
        v.step = atomic_load_explicit(&p->step, memory_order_acquire);
        v.slice = atomic_load_explicit(&p->slice, memory_order_acquire);
        v.phase = atomic_load_explicit(&p->phase, memory_order_acquire);
        v.since = atomic_load_explicit(&p->since, memory_order_acquire);
        v.ops = atomic_load_explicit(&p->ops, memory_order_acquire);
        after = atomic_load_explicit(&p->version, memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    return v;
}

/* ---- PROGRESS ---- */

static double cpu_seconds(const rt__progress *p)
{
    struct timespec t;
    if (!p->attached || clock_gettime(p->cpu_clock, &t) != 0)
        return 0;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Returns the mean duration of a phase so far, or 0 if it has never ended. */
static double usual(const rt__progress *p, int64_t phase)
{
    int64_t times = atomic_load_explicit(&p->times[phase], memory_order_relaxed);
    double seconds = atomic_load_explicit(&p->seconds[phase], memory_order_relaxed);
    return times > 0 ? seconds / (double)times : 0;
}

/* Describes the current activity: the wait, else the running operation if one has begun since the phase began, else the
 * phase. */
static void describe(const rt__progress *p, const rt__progress_view *v, const rt_comm_wait *wait,
                     int64_t ops, rt__progress_watch *w)
{
    const char *op = atomic_load_explicit(&p->trace.name, memory_order_relaxed);
    if (wait)
        snprintf(w->what, sizeof w->what, "%s from rank %d", wait->op, wait->peer);
    else
        snprintf(w->what, sizeof w->what, "%s", ops > v->ops && op ? op : rt_phase_name(v->phase));
}

void rt__progress_message(const rt__progress *p, rt__progress_watch *w, const rt_comm_wait *wait,
                          double now, rt_msg_progress *out)
{
    rt__progress_view v = rt__progress_read(p);
    int64_t ops = atomic_load_explicit(&p->trace.count, memory_order_relaxed);
    if (ops != w->ops)
        w->moved = now; /* at some time since the last message */
    w->ops = ops;
    double moved = w->moved > v.since ? w->moved : v.since;
    describe(p, &v, wait, ops, w);
    *out = (rt_msg_progress){
        .step = v.step,
        .slice = v.slice,
        .phase = v.phase,
        .what = w->what,
        .since = now > moved ? now - moved : 0,
        .usual = usual(p, v.phase),
        .cpu = cpu_seconds(p),
        .peer = wait ? wait->peer : -1,
        .snapshot_step = atomic_load_explicit(&p->snapshot_step, memory_order_relaxed),
        .rss_bytes = rt_os_memory_used(),
    };
}

void rt__progress_log(const rt__progress *p, int64_t steps)
{
    char line[512];
    size_t used = 0;
    for (int i = 0; i < RT_PHASES && used < sizeof line; i++) {
        double s = p->seconds[i];
        int n = snprintf(line + used, sizeof line - used, "  %s %.2f s", rt_phase_name(i), s);
        used += (size_t)n;
    }
    rt_log_info("time by phase:%s", line);
    if (steps > 0)
        rt_log_info("a step: load %.3f  forward %.3f  backward %.3f  reduce %.3f  update %.3f  "
                    "gather %.3f ms, mean of %lld",
                    1e3 * p->seconds[RT_PHASE_LOAD] / (double)steps,
                    1e3 * p->seconds[RT_PHASE_FORWARD] / (double)steps,
                    1e3 * p->seconds[RT_PHASE_BACKWARD] / (double)steps,
                    1e3 * p->seconds[RT_PHASE_REDUCE] / (double)steps,
                    1e3 * p->seconds[RT_PHASE_UPDATE] / (double)steps,
                    1e3 * p->seconds[RT_PHASE_GATHER] / (double)steps, (long long)steps);
}
