#include "launch/generations.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "launch/child.h"
#include "launch/leftovers.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { STILLBORN_MOST = 2 }; /* once may be chance */

void rt__generations_init(rt__generations *g, const rt__generations_spec *spec)
{
    *g = (rt__generations){.spec = *spec, .job.ranks.epoll = -1};
}

int64_t rt__generations_alive(const rt__generations *g)
{
    return g->job.pid > 0 || g->asking ? g->job.generation : 0;
}

/* Keeps a message, made its own by way of the wire's encoding; what was kept before is freed. */
static void keep(rt_msg_type type, const void *body, rt_msg_body *out)
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

/* ---- telling ---- */

static void tell(rt__generations *g, const rt_msg_exited *m)
{
    if (rt_wire_send(g->spec.wire, NULL, RT_MSG_EXITED, m) != RT_OK) {
        rt_log_warn("EXITED: %s", rt_error());
        rt_error_clear();
    }
}

void rt__generations_tell_again(rt__generations *g)
{
    if (g->last.exited.job_generation > 0)
        tell(g, &g->last.exited);
}

/* Tells of the end of the job, forgets it, and goes on to the one that waits. */
static void conclude(rt__generations *g, const rt_msg_exited *m)
{
    g->asking = false;
    rt__probes_end(&g->inquest);
    tell(g, m);
    keep(RT_MSG_EXITED, m, &g->last);
    rt__job_release(&g->job);
    rt_msg_body next = g->next;
    g->next = (rt_msg_body){0};
    if (next.start_generation.job_generation > 0 && !g->ended)
        rt__generations_start(g, &next.start_generation);
    rt_msg_body_release(RT_MSG_START_GENERATION, &next);
}

/* ---- starting ---- */

/* Reads the places out of an order. */
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
    RT_TRY(read_hosts(m, &hosts));
    rt_status status = rt__job_start(&g->job, &(rt__job_spec){.mpirun = s->mpirun,
                                                              .worker = s->worker,
                                                              .run_dir = s->run_dir,
                                                              .endpoint = s->endpoint,
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
        keep(RT_MSG_START_GENERATION, m, &g->next);
        rt__job_end(&g->job);
        return;
    }
    if (m->job_generation == g->last.exited.job_generation) {
        rt__generations_tell_again(g); /* the order was given before that was known */
        return;
    }
    g->any = true;
    if (start_job(g, m) == RT_OK)
        return;
    rt_saved_error e;
    rt_error_save(&e);
    conclude(g, &(rt_msg_exited){.job_generation = m->job_generation,
                                 .exit_code = 127,
                                 .rank = -1,
                                 .host = "",
                                 .reason = e.text});
}

/* ---- ending ---- */

void rt__generations_end_one(rt__generations *g, int64_t generation)
{
    if (generation == g->job.generation)
        rt__job_end(&g->job);
    if (generation != g->next.start_generation.job_generation || generation == 0)
        return;
    tell(g, &(rt_msg_exited){.job_generation = generation, .rank = -1}); /* it never began */
    rt_msg_body_release(RT_MSG_START_GENERATION, &g->next);
    g->next = (rt_msg_body){0};
}

void rt__generations_end(rt__generations *g)
{
    g->ended = true;
    rt__job_end(&g->job);
}

/* A remote shell has failed, and mpirun does not say whose. */
static void begin_inquest(rt__generations *g)
{
    for (int64_t i = 0; i < g->job.hosts.count; i++)
        if (rt__probes_ask(&g->inquest, g->job.hosts.name[i]) != RT_OK) {
            rt_log_warn("%s", rt_error());
            rt_error_clear();
        }
    g->asking = true;
}

static void tend_inquest(rt__generations *g)
{
    char host[RT__HOST_NAME];
    bool ok;
    while (!g->job.lost_host[0] && rt__probes_answer(&g->inquest, host, &ok))
        if (!ok)
            rt__job_lost_host(&g->job, host);
    if (!g->job.lost_host[0] && g->inquest.count > 0 && !g->ended)
        return;
    g->exited.seconds_since_sign += rt_clock() - g->gone_at;
    conclude(g, &g->exited);
}

/* mpirun has ended. It may have been killed without taking its ranks along: they are ours now. */
static void job_gone(rt__generations *g, int wait_status)
{
    pid_t spare[2 + RT__PROBES_AT_ONCE] = {*g->spec.coordinator};
    int n = 1 + rt__probes_children(g->spec.probes, spare + 1);
    rt__children_end(spare, n);
    rt__job_ended(&g->job, wait_status, &g->exited);
    g->stillborn = g->job.stillborn ? g->stillborn + 1 : 0;
    g->exited.final |= g->stillborn >= STILLBORN_MOST;
    g->gone_at = rt_clock();
    int64_t generation = g->job.generation;
    if (g->job.lost_daemon && !g->job.lost_host[0] && !g->ended)
        begin_inquest(g);
    else
        conclude(g, &g->exited);
    rt__leftovers_end_generation(g->spec.snapshot_dir, g->spec.run_id, generation);
}

bool rt__generations_reaped(rt__generations *g, pid_t pid, int wait_status)
{
    if (WIFSTOPPED(wait_status) && pid == g->job.pid)
        kill(pid, SIGCONT); /* while it sleeps, ranks can neither start nor end */
    if (WIFSTOPPED(wait_status) || rt__probes_reaped(&g->inquest, pid, wait_status))
        return true;
    if (pid != g->job.pid)
        return false;
    job_gone(g, wait_status);
    return true;
}

void rt__generations_tend(rt__generations *g)
{
    rt__job_watch(&g->job);
    if (rt__job_overdue(&g->job)) {
        rt__job_kill(&g->job);
        job_gone(g, SIGKILL);
    }
    if (g->asking)
        tend_inquest(g);
}

double rt__generations_patience(const rt__generations *g)
{
    return rt__job_patience(&g->job);
}

void rt__generations_release(rt__generations *g)
{
    rt__probes_end(&g->inquest);
    rt__job_release(&g->job);
    rt_msg_body_release(RT_MSG_START_GENERATION, &g->next);
    rt_msg_body_release(RT_MSG_EXITED, &g->last);
}
