#include "launch/doctor/doctor_hosts.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "launch/doctor/doctor_machine.h"
#include "launch/jobs/preflight.h"
#include <inttypes.h>
#include <stdio.h>

static const double MIB = 1 << 20;

/* Reports too little shared memory on another host, by the measure of this one. Returns false if there is enough. */
static bool report_little_memory(rt__doctor *d, const rt__asked_host *h)
{
    rt__verdict v = h->here || h->shm_bytes < 0 ? RT__FINE : rt__judge_shared((double)h->shm_bytes);
    if (v == RT__FINE)
        return false;
    rt__doctor_report(
        d, v, "host",
        "there: ringtorch clean removes what dead runs have left in it, and ringtorch "
        "doctor says how to make it larger",
        "%s: only %.0f MiB free in /dev/shm", h->name, (double)h->shm_bytes / MIB);
    return true;
}

static void report_host(rt__doctor *d, const rt__asked_host *h)
{
    char shared[64] = "", off[RT__CLOCK_TEXT];
    bool little = h->state == RT__HOST_FINE && report_little_memory(d, h);
    if (h->shm_bytes >= 0)
        snprintf(shared, sizeof shared, ", %.0f MiB free in /dev/shm", (double)h->shm_bytes / MIB);
    if (h->state != RT__HOST_FINE)
        rt__doctor_report(d, RT__PROBLEM, "host", h->advice, "%s: %s", h->name, h->finding);
    else if (h->here)
        rt__doctor_report(d, RT__FINE, "host", NULL, "%s: this host", h->name);
    else if (rt__asked_host_clock_is_off(h, off))
        rt__doctor_report(d, RT__WARNING, "host", RT__CLOCK_ADVICE, "%s: %s%s", h->name, off,
                          shared);
    else if (!little)
        rt__doctor_report(d, RT__FINE, "host", NULL, "%s: clock %+.3f s (within %.3f s)%s", h->name,
                          h->ahead, h->uncertain, shared);
}

/* Keeps the hosts that are fine: rt__check_ranks measures between them. */
static rt_status keep_fine(rt__doctor *d, const rt__preflight *p)
{
    const char **name = rt_malloc((size_t)p->count * sizeof *name);
    int64_t *slots = rt_malloc((size_t)p->count * sizeof *slots), count = 0;
    rt_status status = name && slots ? RT_OK : rt_error_code();
    for (int64_t i = 0; i < p->count && status == RT_OK; i++)
        if (p->host[i].state == RT__HOST_FINE) {
            name[count] = p->host[i].name;
            slots[count++] = 1; /* one rank each */
        }
    if (status == RT_OK && count > 0)
        status = rt__host_list_copy(name, slots, count, &d->hosts);
    rt_mem_free(name);
    rt_mem_free(slots);
    return status;
}

static rt_status check(rt__doctor *d, const rt__host_list *h)
{
    rt__preflight p;
    RT_TRY(rt__preflight_run(
        &(rt__preflight_spec){.jobs = &d->jobs, .hosts = h, .source = d->hostfile, .bind = "auto"},
        &p));
    bool reached = false;
    for (int64_t i = 0; i < p.count; i++) {
        report_host(d, &p.host[i]);
        reached |= !p.host[i].here && p.host[i].state == RT__HOST_FINE;
    }
    if (reached && p.interface[0])
        rt__doctor_report(d, RT__FINE, "control", NULL, "hosts reach this one at %s (%s)",
                          p.address, p.interface);
    rt_status status = keep_fine(d, &p);
    rt__preflight_release(&p);
    return status;
}

void rt__check_hosts(rt__doctor *d)
{
    rt__host_list h = {0};
    char text[RT__SHELL_TEXT];
    const char *word[RT__SHELL_WORDS];
    int words;
    if (!d->hostfile || !d->jobs.backend)
        return;
    if (rt__host_list_read(d->hostfile, &h) != RT_OK)
        rt__doctor_report_error(d, "host file", "each line must be NAME [slots=N]");
    else if (!rt__host_list_all_local(&h) && rt__jobs_shell(&d->jobs, text, word, &words) != RT_OK)
        rt__doctor_report_error(d, "host file", "workers on other hosts are started with it");
    else if (check(d, &h) != RT_OK)
        rt__doctor_report_error(d, "host file", "connect this host to the network of the others");
    rt__host_list_release(&h);
}
