#include "launch/run/generations.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "launch/jobs/child.h"
#include "launch/remains/leftovers.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STILLBORN_MOST = 2 }; /* one may be chance */

void rt__generations_init(rt__generations *g, const rt__generations_spec *spec)
{
    *g = (rt__generations){.spec = *spec};
}

int64_t rt__generations_alive(const rt__generations *g)
{
    return g->job.alive ? g->job.generation : 0;
}

/* Keeps a deep copy of a message, made by encoding and decoding it. Frees what *out held before. */
static void keep_copy(rt_msg_type type, const void *body, rt_msg_body *out)
{
    rt_bytes b = {0};
    rt_msg_body_release(type, out);
    *out = (rt_msg_body){0};
    if (rt_msg_encode(type, body, &b) != RT_OK ||
        rt_msg_decode(type, b.data, b.len, out) != RT_OK) {
        rt_log_warn("%s cannot be kept: %s", rt_msg_name(type), rt_error());
        rt_error_clear();
    }
    rt_bytes_release(&b);
}

/* ---- reporting ---- */

static void send_exited(rt__generations *g, const rt_msg_exited *m)
{
    if (rt_wire_send(g->spec.wire, NULL, RT_MSG_EXITED, m) != RT_OK) {
        rt_log_warn("EXITED: %s", rt_error());
        rt_error_clear();
    }
}

void rt__generations_resend_exited(rt__generations *g)
{
    if (g->last.exited.job_generation > 0)
        send_exited(g, &g->last.exited);
}

/* Reports the end of the job, releases it, and starts the job that waits, if there is one. */
static void conclude(rt__generations *g, const rt_msg_exited *m)
{
    send_exited(g, m);
    keep_copy(RT_MSG_EXITED, m, &g->last);
    rt__job_release(&g->job);
    rt_msg_body next = g->next;
    g->next = (rt_msg_body){0};
    if (next.start_generation.job_generation > 0 && !g->ended)
        rt__generations_start(g, &next.start_generation);
    rt_msg_body_release(RT_MSG_START_GENERATION, &next);
}

/* ---- starting ---- */

/* Reads the hosts and slots out of an order. */
static rt_status read_hosts(const rt_msg_start_generation *m, rt__host_list *out)
{
    if (m->world < 1 || m->hosts_count != m->slots_count)
        return RT_FAIL(PROTOCOL,
                       "START_GENERATION: %" PRId64 " workers, %" PRId64 " hosts, %" PRId64
                       " numbers of slots",
                       m->world, m->hosts_count, m->slots_count);
    for (int64_t i = 0; i < m->hosts_count; i++)
        if (!rt__host_is_name(m->hosts[i]) || m->slots[i] < 1)
            return RT_FAIL(PROTOCOL, "START_GENERATION: host '%s' with %" PRId64 " slots",
                           m->hosts[i], m->slots[i]);
    return rt__host_list_copy(m->hosts, m->slots, m->hosts_count, out);
}

static rt_status start_job(rt__generations *g, const rt_msg_start_generation *m)
{
    const rt__generations_spec *s = &g->spec;
    rt__host_list hosts = {0};
    if (g->any && s->jobs->starts_once[0])
        return RT_FAIL(UNSUPPORTED,
                       "%s starts no other workers once they have ended: submit the job again, "
                       "with --resume auto",
                       s->jobs->starts_once);
    RT_TRY(read_hosts(m, &hosts));
    g->swept = false;
    rt_status status = rt__job_start(&g->job, s->jobs,
                                     &(rt__job_spec){.worker = s->worker,
                                                     .run_dir = s->run_dir,
                                                     .endpoint = s->endpoint,
                                                     .addresses = s->addresses,
                                                     .run_id = s->run_id,
                                                     .keys = s->keys,
                                                     .generation = m->job_generation,
                                                     .world = m->world,
                                                     .threads = s->threads,
                                                     .hosts = &hosts,
                                                     .why_killed = s->why_killed});
    rt__host_list_release(&hosts);
    return status;
}

void rt__generations_start(rt__generations *g, const rt_msg_start_generation *m)
{
    int64_t alive = rt__generations_alive(g);
    if (g->ended || m->job_generation == alive)
        return;
    if (alive > 0) {
        keep_copy(RT_MSG_START_GENERATION, m, &g->next);
        rt__job_end(&g->job);
        return;
    }
    if (m->job_generation == g->last.exited.job_generation) {
        rt__generations_resend_exited(
            g); /* the coordinator sent the order before it knew of that end */
        return;
    }
    rt_status status = start_job(g, m);
    g->any = true;
    if (status == RT_OK)
        return;
    rt_saved_error e;
    rt_error_save(&e);
    conclude(g, &(rt_msg_exited){.job_generation = m->job_generation,
                                 .exit_code = 127,
                                 .rank = -1,
                                 .host = "",
                                 .reason = e.text,
                                 .final = status == RT_E_UNSUPPORTED});
}

/* ---- ending ---- */

void rt__generations_end_one(rt__generations *g, int64_t generation)
{
    if (generation == g->job.generation)
        rt__job_end(&g->job);
    if (generation != g->next.start_generation.job_generation || generation == 0)
        return;
    send_exited(g, &(rt_msg_exited){.job_generation = generation, .rank = -1}); /* it never began */
    rt_msg_body_release(RT_MSG_START_GENERATION, &g->next);
    g->next = (rt_msg_body){0};
}

void rt__generations_end_all(rt__generations *g)
{
    g->ended = true;
    rt__job_end(&g->job);
}

/* Kills the processes that a job has left behind. If mpirun was killed, its ranks have become our children. */
static void sweep_orphans(rt__generations *g)
{
    pid_t spare[2 + RT__PROBES_AT_ONCE] = {*g->spec.coordinator};
    int n = 1 + rt__probes_children(g->spec.probes, spare + 1);
    rt__children_end(spare, n);
    g->swept = true;
}

static void take_report(rt__generations *g, const rt__job_report *r)
{
    int64_t generation = g->job.generation;
    g->stillborn = r->outcome == RT__JOB_STILLBORN ? g->stillborn + 1 : 0;
    conclude(g, &(rt_msg_exited){.job_generation = generation,
                                 .exit_code = r->exit_code,
                                 .signal = r->signal,
                                 .rank = r->rank,
                                 .ranks = r->ranks,
                                 .ranks_count = r->ranks_count,
                                 .host = r->host,
                                 .reason = r->text,
                                 .final = r->final || g->stillborn >= STILLBORN_MOST,
                                 .seconds_since_sign = r->seconds_since_sign,
                                 .seconds_ending = r->seconds_ending});
    rt__leftovers_end_generation(
        &(rt__left_run){g->spec.run_id, g->spec.run_dir, g->spec.snapshot_dir}, generation);
}

static void tend_end(rt__generations *g)
{
    rt__job_report report;
    if (!g->job.gone)
        return;
    if (!g->swept)
        sweep_orphans(g);
    if (rt__job_conclude(&g->job, g->ended, &report))
        take_report(g, &report);
}

bool rt__generations_reaped(rt__generations *g, pid_t pid, int wait_status)
{
    if (!rt__job_reaped(&g->job, pid, wait_status))
        return false;
    tend_end(g);
    return true;
}

void rt__generations_tend(rt__generations *g)
{
    rt__job_watch(&g->job);
    tend_end(g);
}

double rt__generations_patience(const rt__generations *g)
{
    return rt__job_patience(&g->job);
}

void rt__generations_release(rt__generations *g)
{
    rt__job_release(&g->job);
    rt_msg_body_release(RT_MSG_START_GENERATION, &g->next);
    rt_msg_body_release(RT_MSG_EXITED, &g->last);
}
