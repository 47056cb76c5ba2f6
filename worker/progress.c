/* A sequence lock whose fields are all atomic: the writer makes the version odd, writes, makes it
 * even; a reader that saw the same even version before and after has seen one whole update. Release
 * stores and acquire loads of the fields keep them between the two versions (H.-J. Boehm, "Can
 * seqlocks get along with programming language memory models?", MSPC 2012). */
#include "worker/progress.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "common/clock.h"
#include "common/log.h"

static_assert(offsetof(rt__progress, seconds) == 64, "the record is one cache line");

static const char *const phase_names[RT__PHASES] = {
#define PHASE(constant, name) name,
    RT__PHASE_LIST(PHASE)
#undef PHASE
};

const char *rt__phase_name(int64_t phase)
{
    return phase >= 0 && phase < RT__PHASES ? phase_names[phase] : "?";
}

rt__phase rt__phase_of_name(const char *name)
{
    int i = 0;
    while (i < RT__PHASES && strcmp(phase_names[i], name) != 0)
        i++;
    return (rt__phase)i;
}

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
        .slice = -1, .phase = RT__PHASE_START, .since = rt_clock(), .snapshot_step = -1};
}

void rt__progress_step(rt__progress *p, int64_t step)
{
    write_begin(p);
    atomic_store_explicit(&p->step, step, memory_order_release);
    write_end(p);
    if (p->mark)
        atomic_store_explicit(&p->mark->step, step, memory_order_relaxed);
}

void rt__progress_phase(rt__progress *p, rt__phase phase, int64_t slice)
{
    double now = rt_clock();
    int64_t ended = atomic_load_explicit(&p->phase, memory_order_relaxed);
    p->seconds[ended] += now - atomic_load_explicit(&p->since, memory_order_relaxed);

    write_begin(p);
    atomic_store_explicit(&p->phase, phase, memory_order_release);
    atomic_store_explicit(&p->slice, slice, memory_order_release);
    atomic_store_explicit(&p->since, now, memory_order_release);
    write_end(p);
    if (p->mark) { /* read when we are dead; killed right here, one of the two is the older one */
        atomic_store_explicit(&p->mark->slice, slice, memory_order_relaxed);
        atomic_store_explicit(&p->mark->phase, phase, memory_order_relaxed);
    }
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
        after = atomic_load_explicit(&p->version, memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    return v;
}

void rt__progress_log(const rt__progress *p, int64_t steps)
{
    char line[512];
    size_t used = 0;
    for (int i = 0; i < RT__PHASES && used < sizeof line; i++) {
        double s = p->seconds[i];
        int n = snprintf(line + used, sizeof line - used, "  %s %.2f s", phase_names[i], s);
        used += (size_t)n;
    }
    rt_log_info("time by phase:%s", line);
    if (steps > 0)
        rt_log_info("a step: load %.3f  forward %.3f  backward %.3f  reduce %.3f  update %.3f  "
                    "gather %.3f ms, mean of %lld",
                    1e3 * p->seconds[RT__PHASE_LOAD] / (double)steps,
                    1e3 * p->seconds[RT__PHASE_FORWARD] / (double)steps,
                    1e3 * p->seconds[RT__PHASE_BACKWARD] / (double)steps,
                    1e3 * p->seconds[RT__PHASE_REDUCE] / (double)steps,
                    1e3 * p->seconds[RT__PHASE_UPDATE] / (double)steps,
                    1e3 * p->seconds[RT__PHASE_GATHER] / (double)steps, (long long)steps);
}
