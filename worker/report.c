#include "worker/report.h"

#include "common/base/clock.h"
#include "common/base/os/os.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- throughput ---- */

void rt__meter_start(rt__meter *m, int64_t batch)
{
    *m = (rt__meter){.batch = batch, .running_since = rt_clock()};
}

void rt__meter_pause(rt__meter *m)
{
    if (m->running_since > 0)
        m->seconds += rt_clock() - m->running_since;
    m->running_since = 0;
}

void rt__meter_resume(rt__meter *m)
{
    rt__meter_pause(m);
    m->running_since = rt_clock();
}

void rt__meter_step(rt__meter *m, double loss)
{
    m->steps++;
    if (isnan(loss)) /* no target counted; failed steps are not passed to this function */
        return;
    m->losses++;
    m->loss_sum += loss;
}

void rt__meter_skip(rt__meter *m)
{
    m->steps++;
}

void rt__meter_report(rt__meter *m, int64_t step, double lr, double grad_norm, rt_msg_report *out)
{
    rt__meter_resume(m); /* brings `seconds` up to date */
    double spent = m->seconds - m->reported_at, steps = (double)m->steps;
    *out = (rt_msg_report){
        .step = step,
        .loss = m->losses > 0 ? m->loss_sum / (double)m->losses : NAN,
        .lr = lr,
        .grad_norm = grad_norm,
        .samples_per_second = spent > 0 ? steps * (double)m->batch / spent : 0,
        .seconds = m->seconds,
        .rss_bytes = rt_os_memory_used(),
    };
    m->steps = 0;
    m->losses = 0;
    m->loss_sum = 0;
    m->reported_at = m->seconds;
}

/* ---- identity ---- */

void rt__host_name(char *out, size_t room)
{
    gethostname(out, room - 1);
    out[room - 1] = '\0';
}

void rt__hello(const rt__hello_args *a, rt__hello_texts *texts, rt_msg_hello *out)
{
    rt__host_name(texts->host, sizeof texts->host);
    const char *device = rt_run_device(a->run);
    bool here = strcmp(device, "cpu") == 0;
    *out = (rt_msg_hello){
        .host = texts->host,
        .pid = getpid(),
        .rank = a->rank,
        .world = a->world,
        .device = device,
        .isa = here ? rt_isa() : device,
        .blas = here ? rt_blas() : "builtin",
        .threads = rt_threads(),
        .config_hash = a->config_hash,
        .layout_hash = rt_run_layout_hash(a->run),
        .parameters = rt_run_flat(a->run)->count,
        .elements = rt_run_flat(a->run)->tail,
        .samples = rt_run_samples(a->run),
        .task = rt_run_task(a->run),
        .sample_tokens = rt_run_sample_tokens(a->run),
        .data = rt_run_data(a->run),
        .local_rank = a->local_rank,
        .offers = a->offers->offer,
        .offers_count = a->offers->offer_count,
        .traces = a->offers->trace,
        .traces_count = a->offers->trace_count,
        .evaluations = (const char *const *)a->offers->evaluation,
        .evaluations_count = a->offers->evaluation_count,
        .snapshot_trouble = a->offers->trouble,
    };
}

/* ---- memory ---- */

int64_t rt__rss_peak(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (int64_t)u.ru_maxrss * 1024 : 0;
}
