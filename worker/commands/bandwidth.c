/* ringtorch-worker bandwidth, under mpirun: measures how long a small message takes between two ranks, and how many
 * bytes pass per second. Ping-pong: one rank sends, the other sends the same back, and half of the shortest round trip
 * counts, because any disturbance only makes it longer.
 *
 * With up to EACH_PAIR_MAX ranks every pair is measured, with more only neighbours; one pair at a time. */
#include "worker/commands/command.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/comm/comm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EACH_PAIR_MAX = 8, HOST_SIZE = 64, SMALL = 8, LARGE = 4 << 20, WARM_UP = 2 };
static const double SECONDS_USUAL = 2, SECONDS_MOST = 60, SMALL_SHARE = 0.3;

typedef struct bandwidth {
    rt_comm *comm;
    int rank, world, pairs;
    double seconds;
    char *message;           /* [LARGE] */
    float *result;           /* [pairs * 2] one-way seconds: small, large */
    char (*host)[HOST_SIZE]; /* [world] */
} bandwidth;

/* Returns the ranks of pair i. */
static void pair_at(const bandwidth *b, int i, int *from, int *to)
{
    if (b->world > EACH_PAIR_MAX) {
        *from = i;
        *to = (i + 1) % b->world;
        return;
    }
    for (*from = 0; i >= b->world - 1 - *from; ++*from)
        i -= b->world - 1 - *from;
    *to = *from + 1 + i;
}

static rt_status move(bandwidth *b, int peer, int64_t bytes, bool send)
{
    const rt_buf buf = {.data = b->message, .count = bytes, .dtype = RT_U8};
    return send ? rt_comm_send(b->comm, buf, peer) : rt_comm_recv(b->comm, buf, peer);
}

/* The first byte says whether another round follows; the rank that began decides. */
static rt_status ping(bandwidth *b, int peer, int64_t bytes, double seconds, float *one_way)
{
    double best = INFINITY, end = rt_clock() + seconds;
    bool more = true;
    for (int round = 0; more; round++) {
        double began = rt_clock();
        more = round < WARM_UP || began < end;
        b->message[0] = more;
        RT_TRY(move(b, peer, bytes, true));
        RT_TRY(move(b, peer, bytes, false));
        double spent = rt_clock() - began;
        if (round >= WARM_UP && spent < best)
            best = spent;
    }
    *one_way = (float)(best / 2);
    return RT_OK;
}

static rt_status pong(bandwidth *b, int peer, int64_t bytes)
{
    do {
        RT_TRY(move(b, peer, bytes, false));
        RT_TRY(move(b, peer, bytes, true));
    } while (b->message[0]);
    return RT_OK;
}

static rt_status measure_pair(bandwidth *b, int i)
{
    int from, to;
    double share = b->seconds / b->pairs;
    float *result = b->result + 2 * (size_t)i;
    pair_at(b, i, &from, &to);
    if (b->rank == from) {
        RT_TRY(ping(b, to, SMALL, share * SMALL_SHARE, &result[0]));
        RT_TRY(ping(b, to, LARGE, share * (1 - SMALL_SHARE), &result[1]));
    } else if (b->rank == to) {
        RT_TRY(pong(b, from, SMALL));
        RT_TRY(pong(b, from, LARGE));
    }
    return rt_comm_barrier(b->comm);
}

/* Gathers the figures and the names of the hosts on every rank. */
static rt_status gather(bandwidth *b)
{
    gethostname(b->host[b->rank], HOST_SIZE - 1);
    for (int r = 0; r < b->world; r++)
        RT_TRY(rt_comm_broadcast(
            b->comm, (rt_buf){.data = b->host[r], .count = HOST_SIZE, .dtype = RT_U8}, r));
    /* Each figure comes from one rank; the others have zeros there. */
    const rt_buf figures = {.data = b->result, .count = 2 * (int64_t)b->pairs};
    return rt_comm_all_reduce(b->comm, figures, RT_ALGO_DIRECT);
}

static rt_status print(const bandwidth *b, double spent)
{
    json_t *pairs = json_array();
    for (int i = 0; i < b->pairs; i++) {
        int from, to;
        pair_at(b, i, &from, &to);
        json_array_append_new(pairs, json_pack("{s:i, s:i, s:s, s:s, s:f, s:f}", "from", from, "to",
                                               to, "from_host", b->host[from], "to_host",
                                               b->host[to], "latency_seconds",
                                               (double)b->result[2 * i], "bytes_per_second",
                                               (double)LARGE / (double)b->result[2 * i + 1]));
    }
    json_t *j = json_pack("{s:i, s:f, s:o}", "world", b->world, "seconds", spent, "pairs", pairs);
    char *text = j ? rt_json_text(j) : NULL;
    if (text)
        puts(text);
    json_decref(j);
    rt_mem_free(text);
    return text ? RT_OK : RT_FAIL(INTERNAL, "bandwidth: no figures");
}

static rt_status measure(bandwidth *b)
{
    double began = rt_clock();
    size_t n = (size_t)(b->pairs > 0 ? b->pairs : 1);
    b->message = rt_calloc(1, LARGE);
    b->result = rt_calloc(2 * n, sizeof *b->result);
    b->host = rt_calloc((size_t)b->world, sizeof *b->host);
    if (!b->message || !b->result || !b->host)
        return rt_error_code();
    RT_TRY(rt_comm_barrier(b->comm));
    for (int i = 0; i < b->pairs; i++)
        RT_TRY(measure_pair(b, i));
    RT_TRY(gather(b));
    return b->rank == 0 ? print(b, rt_clock() - began) : RT_OK;
}

/* argv is the same on every rank, so either all fail or none. */
static rt_status parse(int argc, char **argv, double *seconds, rt_arguments *args)
{
    const char *text = NULL;
    char *end;
    const rt_option options[] = {
        {"seconds", 0, "S", "how long in all: up to 60 (2)", .text = &text}, {NULL}};
    const rt_usage usage = {"mpirun ... ringtorch-worker bandwidth",
                            {NULL},
                            0,
                            "Measures latency and bandwidth between each two ranks, for ringtorch "
                            "doctor, as one JSON object.",
                            options};
    *seconds = SECONDS_USUAL;
    RT_TRY(rt_options_parse(&usage, argc, argv, args));
    if (!text)
        return RT_OK;
    *seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(*seconds > 0 && *seconds <= SECONDS_MOST))
        return RT_FAIL(ARG, "--seconds %s: expected a number up to %g", text, SECONDS_MOST);
    return RT_OK;
}

static rt_status run(int argc, char **argv)
{
    bandwidth b = {0};
    rt_arguments args;
    RT_TRY(parse(argc, argv, &b.seconds, &args));
    if (args.help)
        return RT_OK;
    RT_TRY(rt_comm_mpi(&b.comm));
    b.rank = rt_comm_rank(b.comm);
    b.world = rt_comm_world(b.comm);
    b.pairs = b.world > EACH_PAIR_MAX ? b.world : b.world * (b.world - 1) / 2;
    rt_status status = measure(&b);
    rt_mem_free(b.message);
    rt_mem_free(b.result);
    rt_mem_free(b.host);
    rt_comm_free(b.comm);
    return status;
}

int rt__command_bandwidth(int argc, char **argv)
{
    return rt_status_exit_code(run(argc, argv));
}
