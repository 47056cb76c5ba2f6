#include "coordinator/machine/members.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/phase.h"
#include "common/base/text.h"
#include "common/state/data_identity.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

rt_status rt__roster_reset(rt__roster *r, int64_t world)
{
    rt__roster_release(r);
    int64_t places = 2;
    while (places < 2 * world)
        places *= 2;
    r->member = rt_calloc((size_t)world, sizeof *r->member);
    r->place = rt_calloc((size_t)places, sizeof *r->place);
    if (!r->member || !r->place) {
        rt__roster_release(r);
        return rt_error_code();
    }
    r->world = world;
    r->places = places;
    return RT_OK;
}

void rt__roster_release(rt__roster *r)
{
    rt_mem_free(r->member);
    rt_mem_free(r->place);
    json_decref(r->data);
    *r = (rt__roster){.first = -1};
}

static rt_status differ(const rt__roster *r, const rt_msg_hello *h, const char *what,
                        const char *mine, const char *theirs, const char *cure)
{
    return RT_FAIL(MISMATCH,
                   "worker %" PRId64 " on host %s has %s %s, worker %" PRId64
                   " on host %s has %s: %s",
                   h->rank, h->host, what, mine, r->first, r->member[r->first].host, theirs, cure);
}

static rt_status differ_number(const rt__roster *r, const rt_msg_hello *h, const char *what,
                               int64_t mine, int64_t theirs, const char *cure)
{
    char a[24], b[24];
    snprintf(a, sizeof a, "%" PRId64, mine);
    snprintf(b, sizeof b, "%" PRId64, theirs);
    return differ(r, h, what, a, b, cure);
}

static const char same_files[] = "data.path must hold the same files on every host";

static rt_status check_data(const rt__roster *r, const rt_msg_hello *h, const json_t *data)
{
    rt_data_difference d;
    char what[sizeof d.what + 8], same_code[80];
    if (!rt_data_differs(data, r->data, &d))
        return RT_OK;
    snprintf(what, sizeof what, "%s%s", d.code ? "" : "in ", d.what);
    snprintf(same_code, sizeof same_code, "the file of the %s must be the same on every host",
             d.code ? d.code : "");
    return differ(r, h, what, d.now, d.then, d.code ? same_code : same_files);
}

/* Compares a HELLO with the first one of the generation. */
static rt_status check_agrees(const rt__roster *r, const rt_msg_hello *h, const json_t *data)
{
    static const char build[] = "run the same build of ringtorch-worker on every host";
    if (strcmp(h->isa, r->isa) != 0)
        return differ(r, h, "instruction set", h->isa, r->isa,
                      "set parallel.isa to one that all hosts have");
    if (strcmp(h->blas, r->blas) != 0)
        return differ(r, h, "BLAS", h->blas, r->blas,
                      "install the same library on every host, or set parallel.blas=builtin");
    if (strcmp(h->device, r->device) != 0)
        return differ(r, h, "device", h->device, r->device, "use one kind of device in a run");
    if (h->samples != r->samples)
        return differ_number(r, h, "a training set of", h->samples, r->samples, same_files);
    RT_TRY(check_data(r, h, data));
    if (h->parameters != r->parameters)
        return differ_number(r, h, "this many parameters:", h->parameters, r->parameters, build);
    if (h->elements != r->elements)
        return differ_number(r, h, "a state of this many elements:", h->elements, r->elements,
                             build);
    if (strcmp(h->layout_hash, r->layout_hash) != 0)
        return differ(r, h, "parameter layout", h->layout_hash, r->layout_hash, build);
    return RT_OK;
}

static rt_status check_hello(const rt__roster *r, const char *peer, const rt_msg_hello *h,
                             const json_t *data, const char *config_hash)
{
    if (h->world != r->world || h->rank < 0 || h->rank >= r->world)
        return RT_FAIL(PROTOCOL,
                       "worker on host %s says it is rank %" PRId64 " of %" PRId64
                       ", expected one of %" PRId64
                       " rank%s: start workers through ringtorch train",
                       h->host, h->rank, h->world, r->world, rt_plural(r->world));
    const rt__member *there = &r->member[h->rank];
    if (there->joined && strcmp(there->peer, peer) != 0)
        return RT_FAIL(EXISTS, "rank %" PRId64 " has already joined from host %s, pid %" PRId64,
                       h->rank, there->host, there->pid);
    if (strcmp(h->config_hash, config_hash) != 0)
        return RT_FAIL(MISMATCH,
                       "worker %" PRId64 " on host %s read a configuration with hash %.12s, "
                       "the coordinator %.12s: the run directory must be the same on every host",
                       h->rank, h->host, h->config_hash, config_hash);
    return r->first < 0 ? RT_OK : check_agrees(r, h, data);
}

/* Returns the place of an address in the hash table, or the free one where it belongs. Half of all places are free, so the search ends
 * soon. */
static int32_t *place_of(const rt__roster *r, const char *peer)
{
    uint64_t i = rt_hash64(peer, strlen(peer));
    for (;; i++) {
        int32_t *place = &r->place[i & (uint64_t)(r->places - 1)];
        if (*place == 0 || strcmp(r->member[*place - 1].peer, peer) == 0)
            return place;
    }
}

/* *out: a new reference, or NULL if the HELLO has no data. */
static rt_status read_data(const rt_msg_hello *h, json_t **out)
{
    char name[64];
    *out = NULL;
    if (!h->data || !h->data[0])
        return RT_OK;
    snprintf(name, sizeof name, "HELLO of worker %" PRId64, h->rank);
    RT_TRY(rt_json_parse(h->data, strlen(h->data), name, out));
    rt_status status = rt_data_identity_check(*out, name);
    if (status != RT_OK)
        json_decref(*out);
    return status;
}

/* Adds a member. The first one sets what all others must match. */
static void add_member(rt__roster *r, const char *peer, const rt_msg_hello *h, json_t *data)
{
    rt__member *m = &r->member[h->rank];
    m->joined = true;
    m->pid = h->pid;
    m->step = h->step;
    m->planned = h->plan_hash[0] != '\0';
    m->slice = m->waits_for = m->snapshot_step = -1;
    snprintf(m->peer, sizeof m->peer, "%s", peer);
    snprintf(m->host, sizeof m->host, "%s", h->host);
    *place_of(r, m->peer) = (int32_t)(h->rank + 1);
    r->joined++;
    if (r->first >= 0)
        return;
    r->first = h->rank;
    r->data = json_incref(data);
    r->parameters = h->parameters;
    r->elements = h->elements;
    r->samples = h->samples;
    r->sample_tokens = h->sample_tokens;
    snprintf(r->task, sizeof r->task, "%s", h->task);
    snprintf(r->device, sizeof r->device, "%s", h->device);
    snprintf(r->isa, sizeof r->isa, "%s", h->isa);
    snprintf(r->blas, sizeof r->blas, "%s", h->blas);
    snprintf(r->layout_hash, sizeof r->layout_hash, "%s", h->layout_hash);
}

rt_status rt__roster_join(rt__roster *r, const char *peer, const rt_msg_hello *h,
                          const char *config_hash)
{
    json_t *data;
    RT_TRY(read_data(h, &data));
    rt_status status = check_hello(r, peer, h, data, config_hash);
    if (status == RT_OK && !r->member[h->rank].joined)
        add_member(r, peer, h, data);
    json_decref(data);
    return status;
}

void rt__roster_take_progress(rt__roster *r, int64_t rank, const rt_msg_progress *p, double now)
{
    static const double RAN_SECONDS = 0.001; /* with less CPU time in half a second, it idles */
    rt__member *m = &r->member[rank];
    if (p->cpu > m->cpu + RAN_SECONDS || m->phase != p->phase || p->since < m->since)
        m->ran = now;
    m->slice = p->slice;
    m->phase = p->phase;
    m->waits_for = p->peer;
    m->since = p->since;
    m->usual = p->usual;
    m->cpu = p->cpu;
    m->heard = now;
    if (p->snapshot_step > m->snapshot_step)
        m->snapshot_step = p->snapshot_step;
    snprintf(m->what, sizeof m->what, "%s", p->what);
    bool opens = strcmp(m->what, RT_WHAT_OPENING) == 0 && m->ran == now;
    if (opens || strcmp(m->what, RT_WHAT_COMPILING) == 0)
        m->prepared = now;
}

int64_t rt__roster_rank(const rt__roster *r, const char *peer)
{
    return r->world > 0 ? *place_of(r, peer) - 1 : -1;
}

bool rt__roster_one_host(const rt__roster *r)
{
    for (int64_t k = 0; k < r->world; k++)
        if (r->member[k].joined && strcmp(r->member[k].host, r->member[r->first].host) != 0)
            return false;
    return true;
}

int64_t rt__roster_snapshot_step(const rt__roster *r)
{
    int64_t least = r->world > 0 ? INT64_MAX : -1;
    for (int64_t k = 0; k < r->world; k++)
        if (r->member[k].snapshot_step < least)
            least = r->member[k].snapshot_step;
    return least;
}

int64_t rt__roster_missing(const rt__roster *r, char *text, size_t size)
{
    size_t used = 0;
    int64_t last = -1;
    text[0] = '\0';
    for (int64_t k = 0; k < r->world; k++) {
        if (r->member[k].joined)
            continue;
        if (used + 32 > size) {
            snprintf(text + used, size - used, ", …");
            return -1;
        }
        last = k;
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, used ? ", " : "", k);
    }
    return r->joined == r->world - 1 ? last : -1;
}
