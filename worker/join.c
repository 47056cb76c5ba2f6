#include "worker/join.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/outer_job.h"
#include "common/base/text.h"
#include "worker/arrivals.h"
#include "worker/reach.h"
#include "worker/report.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const char join_variable[] = "RINGTORCH_JOIN", leave_word[] = "leave";
static const double FIRST_SECONDS = 100;
/* The launcher starts rank 0's worker once the coordinator knows where the run goes on, and it may have to read a large checkpoint for
 * that. */
static const double OTHERS_SECONDS = 3600;
static const double HEAD_START_SECONDS =
    2;                                  /* of rank 1, which says why; then mpirun ends the others */
static const double LATE_SECONDS = 4;   /* usually all have come by then */
static const double REACH_SECONDS = 60; /* a coordinator may be started again meanwhile */
static const double POLL_SECONDS = 0.002;
enum { ORDERS_MOST = 1 << 20 }; /* bytes of the variables */

bool rt__join_wanted(void)
{
    return getenv(join_variable) != NULL;
}

/* ---- rank 0: its variables ---- */

/* All that the launcher sets. Not OPENBLAS_CORETYPE, which OpenBLAS has read by now. */
static bool is_for_all(const char *assignment)
{
    static const char *const begins[] = {"RINGTORCH_", "OMP_NUM_THREADS="};
    size_t name = strcspn(assignment, "=");
    if (name == sizeof join_variable - 1 && strncmp(assignment, join_variable, name) == 0)
        return false;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(assignment, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

/* Returns "NAME=value" one after the other, each with its zero byte (rt_mem_free). */
static rt_status gather_variables(char **out, int64_t *bytes)
{
    size_t n = 0;
    for (char **v = environ; *v; v++)
        n += is_for_all(*v) ? strlen(*v) + 1 : 0;
    char *text = rt_malloc(n + 1), *at = text;
    if (!text)
        return rt_error_code();
    for (char **v = environ; *v; v++)
        if (is_for_all(*v)) {
            size_t len = strlen(*v) + 1;
            memcpy(at, *v, len);
            at += len;
        }
    *out = text;
    *bytes = (int64_t)n;
    return RT_OK;
}

/* ---- the others ---- */

static rt_status set_variables(char *text, int64_t bytes)
{
    for (char *at = text, *end = text + bytes; at < end; at += strlen(at) + 1) {
        char *equals = memchr(at, '=', (size_t)(end - at));
        if (!equals || !memchr(equals, '\0', (size_t)(end - equals)))
            return RT_FAIL(PROTOCOL, "rank 0 has sent variables that end within a value");
        *equals = '\0';
        if (setenv(at, equals + 1, 1) != 0)
            return RT_FAIL(NOMEM, "%s: no memory for the environment", at);
        *equals = '=';
    }
    return RT_OK;
}

static rt_status receive_variables(rt_comm *c, int64_t bytes)
{
    if (bytes < 0 || bytes > ORDERS_MOST)
        return RT_FAIL(PROTOCOL, "rank 0 announces %" PRId64 " bytes of variables", bytes);
    char *text = rt_malloc((size_t)bytes + 1);
    if (!text)
        return rt_error_code();
    rt_status status =
        rt_comm_broadcast(c, (rt_buf){.data = text, .count = bytes, .dtype = RT_U8}, 0);
    if (status == RT_OK)
        status = set_variables(text, bytes);
    rt_mem_free(text);
    return status;
}

/* ---- on the communication thread ---- */

/* Rank 0 sends how long the variables are, whether to leave, and then the variables. */
static rt_status exchange_orders(rt_comm *c, rt__join_order *order)
{
    const char *word = getenv(join_variable);
    bool first = rt_comm_rank(c) == 0;
    char *text = NULL;
    int64_t head[2] = {0, word && strcmp(word, leave_word) == 0};
    if (first)
        RT_TRY(gather_variables(&text, &head[0]));
    rt_status status = rt_comm_broadcast(c, (rt_buf){.data = head, .count = 2, .dtype = RT_I64}, 0);
    order->leave = head[1] != 0;
    if (status == RT_OK && first)
        status = rt_comm_broadcast(c, (rt_buf){.data = text, .count = head[0], .dtype = RT_U8}, 0);
    else if (status == RT_OK)
        status = receive_variables(c, head[0]);
    rt_mem_free(text);
    return status;
}

/* Finds how many ranks this host has, and which of them this one is. Open MPI, too, takes ranks with one host name for ranks that share
 * memory. */
static rt_status count_neighbours(rt_comm *c, rt__rank_numbers *n)
{
    char host[HOST_NAME_MAX + 1];
    rt__host_name(host, sizeof host);
    size_t world = (size_t)n->world;
    int64_t *hosts = rt_calloc(world, sizeof *hosts);
    rt_range *owned = rt_calloc(world, sizeof *owned);
    rt_status status = hosts && owned ? RT_OK : rt_error_code();
    for (int64_t i = 0; status == RT_OK && i < n->world; i++)
        owned[i] = (rt_range){i, i + 1};
    if (status == RT_OK) {
        hosts[n->rank] = (int64_t)rt_hash64(host, strlen(host));
        status = rt_comm_all_gather(c, (rt_buf){.data = hosts, .count = n->world, .dtype = RT_I64},
                                    owned, RT_ALGO_DIRECT);
    }
    for (int i = 0; status == RT_OK && i < n->world; i++) {
        bool here = hosts[i] == hosts[n->rank];
        n->local_world += here;
        n->local_rank += here && i < n->rank;
    }
    rt_mem_free(owned);
    rt_mem_free(hosts);
    return status;
}

static rt_status join(rt_comm *c, void *arg)
{
    rt__join_order *order = arg;
    order->numbers = (rt__rank_numbers){.rank = rt_comm_rank(c),
                                        .world = rt_comm_world(c),
                                        .rank_from = "MPI's rank",
                                        .world_from = "MPI's number of ranks"};
    RT_TRY(exchange_orders(c, order));
    return order->leave ? RT_OK : count_neighbours(c, &order->numbers);
}

/* ---- the whole ---- */

static rt_status check_world(int world)
{
    rt_outer_job job;
    if (!rt_outer_job_find(&job) || job.size == world)
        return RT_OK;
    return RT_FAIL(MISMATCH,
                   "%s has started %" PRId64
                   " processes, but MPI has made this one a job of %d: they were not started by "
                   "the Open MPI that ringtorch-worker is linked with: use its mpirun, or srun "
                   "--mpi=pmix",
                   job.by, job.size, world);
}

double rt__join_patience(void)
{
    rt_outer_job job;
    int64_t rank = rt_outer_job_find(&job) ? job.rank : 1;
    return rank == 0   ? FIRST_SECONDS
           : rank == 1 ? OTHERS_SECONDS
                       : OTHERS_SECONDS + HEAD_START_SECONDS;
}

static rt_status give_up(const rt__arrivals *a, double patience)
{
    char ranks[512];
    int missing = rt__arrivals_describe(a, ranks, sizeof ranks);
    if (missing > 0)
        return RT_FAIL(TIMEOUT, "not all %d ranks have come within %.0f s; missing: %s", a->world,
                       patience, ranks);
    return RT_FAIL(
        TIMEOUT,
        "%s, but MPI does not connect the %d ranks within %.0f s: %sif hosts have networks that "
        "others do not reach, such as docker0, name the right one, as in mpirun --mca "
        "btl_tcp_if_include 10.0.0.0/24",
        missing == 0 ? "all have come" : "it is unknown who has come", a->world, patience,
        missing == 0 ? "" : "to see who is missing, take a --run-dir that all hosts share; ");
}

/* Waits while MPI starts. */
static rt_status await_all(rt__commthread *comm, double patience)
{
    const double began = rt_clock();
    rt__arrivals a = rt__arrivals_of_job();
    double next = began + LATE_SECONDS, now;
    rt_status status = RT_OK;
    while (status == RT_OK && rt__commthread_busy(comm)) {
        rt_clock_sleep(POLL_SECONDS);
        if ((now = rt_clock()) > next) {
            rt__arrivals_note(&a);
            next = now + 1;
        }
        if (now - began > patience)
            status = give_up(&a, patience);
    }
    if (a.noted)
        rt__arrivals_forget(&a);
    return status;
}

/* Waits while the ranks, which have all come, exchange orders. */
static rt_status await_orders(rt__commthread *comm, double patience)
{
    const double began = rt_clock();
    rt_comm_wait on = {.peer = -1};
    while (rt__commthread_busy(comm)) {
        rt_clock_sleep(POLL_SECONDS);
        if (rt_clock() - began <= patience)
            continue;
        if (rt__commthread_waiting(comm, &on))
            return RT_FAIL(TIMEOUT, "rank %d has started MPI, but has not answered within %.0f s",
                           on.peer, patience);
        return RT_FAIL(TIMEOUT, "the ranks have not exchanged orders within %.0f s", patience);
    }
    return rt__commthread_wait(comm);
}

rt_status rt__join_reach(rt__commthread *comm, rt__join_order *o, double seconds)
{
    rt_wire_keys keys;
    char name[32];
    const char *endpoint = getenv("RINGTORCH_ENDPOINT"), *run = getenv("RINGTORCH_RUN");
    if (o->numbers.local_world == o->numbers.world || !endpoint || !run)
        return RT_OK; /* without these variables the rank ends soon, and says so */
    RT_TRY(rt_wire_keys_from_env(&keys));
    snprintf(name, sizeof name, "worker %d", o->numbers.rank);
    rt__reach at = {.addresses = getenv("RINGTORCH_ADDRESSES"),
                    .wire = {.endpoint = endpoint, .keys = &keys, .run = run, .name = name}};
    bool found = rt__reach_find(&at, seconds);
    rt_status status =
        rt__reach_agree(comm, o->numbers.rank, o->numbers.world, found, &at, &o->leave);
    if (o->leave && o->numbers.rank > 0) { /* rank 0 says it */
        rt_error_clear();
        return RT_OK;
    }
    if (status == RT_OK && setenv("RINGTORCH_ENDPOINT", at.found, 1) != 0)
        return RT_FAIL(NOMEM, "RINGTORCH_ENDPOINT: no memory for the environment");
    return status;
}

rt_status rt__join(rt__commthread *comm, double patience, rt__join_order *out)
{
    int rank, world;
    *out = (rt__join_order){0};
    RT_TRY(await_all(comm, patience));
    RT_TRY(rt__commthread_ready(comm, &rank, &world));
    RT_TRY(check_world(world));
    rt__commthread_post(comm, join, out);
    RT_TRY(await_orders(comm, patience));
    return out->leave ? RT_OK : rt__join_reach(comm, out, REACH_SECONDS);
}
