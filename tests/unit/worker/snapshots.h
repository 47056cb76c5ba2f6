/* Ranks that train and keep snapshots, and plans made from those; for the tests of snapshots.
 *
 *     training half = train_with(NULL, 3, (training){.generation = 1, .steps = HALF, .keep = true});
 *     rt__snapshot_offers o = offers_for(&half);
 *     plan p = plan_of(&o, HALF, half.count, 2, true);
 *     training resumed = train_with(NULL, 2, (training){.generation = 2, .plan = &p, .steps = WHOLE});
 */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_SNAPSHOTS_H
#define RINGTORCH_TESTS_UNIT_WORKER_SNAPSHOTS_H

#include "../common/random.h"
#include "common/control/messages.h"
#include "common/state/snapshot_list.h"
#include "fixture.h"
#include "worker/run_parts.h"
#include "worker/snapshot.h"
#include "worker/snapshot_about.h"
#include "worker/snapshot_offers.h"
#include "worker/snapshot_restore.h"
#include <inttypes.h>

enum { HALF = 3, WHOLE = 6, PIECES_MAX = 64 };

static fixture f;
static uint64_t rng;

static inline void empty_directory(void)
{
    must(rt_snapshot_forget(f.dir, "r1", f.dir, INT64_MAX));
}

static inline const char *path_in(const char *dir, rt_snapshot_what what, int64_t generation,
                                  int64_t rank)
{
    static _Thread_local char path[256];
    rt_snapshot_name n = {.what = what, .run = "r1", .generation = generation, .rank = rank};
    char *made = rt_snapshot_find(dir, &n, f.dir);
    rt_error_clear(); /* if there is no file yet, use a name without a tag */
    if (!made)
        made = rt_snapshot_path(dir, &n);
    snprintf(path, sizeof path, "%s", made);
    rt_mem_free(made);
    return path;
}

static inline const char *path_of(rt_snapshot_what what, int64_t generation, int64_t rank)
{
    return path_in(f.dir, what, generation, rank);
}

/* ---- plans, as the coordinator makes them ---- */

typedef struct plan {
    rt_msg_plan message;
    rt_msg_piece piece[PIECES_MAX];
} plan;

static inline void add_piece(plan *p, int64_t begin, int64_t end, const rt_msg_offer *offer,
                             int64_t holder)
{
    assert_true(p->message.pieces_count < PIECES_MAX);
    p->piece[p->message.pieces_count++] = (rt_msg_piece){.begin = begin,
                                                         .end = end,
                                                         .generation = offer->generation,
                                                         .rank = offer->rank,
                                                         .holder = holder};
}

/* Covers [0,count) with pieces of the offers of a step: any that fit, cut anywhere. */
static inline plan plan_of(const rt__snapshot_offers *o, int64_t step, int64_t count, int world,
                           bool one_host)
{
    plan p = {.message = {.start_step = step,
                          .source = RT_SOURCE_SNAPSHOT,
                          .one_host = one_host,
                          .world = world}};
    for (int64_t at = 0; at < count;) {
        const rt_msg_offer *fits[PIECES_MAX];
        int n = 0;
        for (int64_t i = 0; i < o->offer_count; i++) {
            const rt_msg_offer *x = &o->offer[i];
            if (x->step == step && x->begin <= at && at < x->end)
                fits[n++] = x;
        }
        if (n == 0)
            fail_msg("nobody offers element %" PRId64 " of step %" PRId64, at, step);
        const rt_msg_offer *x = fits[random_below(&rng, n)];
        int64_t end = random_below(&rng, 3) > 0 ? x->end : at + 1 + random_below(&rng, x->end - at);
        if (p.message.pieces_count > PIECES_MAX - 16)
            end = x->end;
        add_piece(&p, at, end, x, random_below(&rng, world));
        at = end;
    }
    return p;
}

/* ---- ranks ---- */

typedef struct training {
    int64_t generation;
    const plan *plan; /* to begin with; NULL: fresh */
    int64_t steps;    /* to make in all */
    bool keep;        /* take a snapshot of each step */
    char sha[65];
    int64_t count;           /* parameters */
    rt_snapshot_about about; /* of rank 0 */
    int64_t taken;           /* snapshots */
    int64_t updates;         /* that the optimiser counts, before the first step */
} training;

static inline rt_status about_of(const fixture_rank *r, int64_t generation, rt_snapshot_about *out)
{
    char hash[65];
    RT_TRY(rt_config_hash(r->config, hash));
    rt__snapshot_who who = {"r1", f.dir, hash, generation, r->rank, r->shard.owned[r->rank]};
    return rt__snapshot_about_run(out, r->run, &who);
}

static inline rt_status restore(const fixture_rank *r, const rt_snapshot_about *about,
                                const plan *p)
{
    bool all = r->config->parallel.sharding == RT_CFG_SHARDING_NONE;
    rt__snapshot_source from = {.run = r->run,
                                .comm = r->comm,
                                .dir = f.dir,
                                .about = about,
                                .rank = r->rank,
                                .world = r->world,
                                .states = all ? (rt_range){0, rt_run_flat(r->run)->tail}
                                              : r->shard.owned[r->rank]};
    rt_msg_plan message = p->message;
    message.pieces = p->piece; /* plans are passed by value */
    return rt__snapshot_restore(&from, &message);
}

static inline rt_status start(fixture_rank *r, const rt_snapshot_about *about, rt__snapshot **out)
{
    rt__snapshot_args args = {.dir = f.dir, .about = about, .progress = &r->progress};
    for (int kind = 0; kind < about->kinds; kind++)
        args.kind[kind] = rt__run_buffer(r->run, kind, NULL);
    return rt__snapshot_start(&args, out);
}

static inline rt_status train(fixture_rank *r, rt__stepper *s, training *w)
{
    rt_snapshot_about about;
    rt__snapshot *snapshot = NULL;
    int64_t taken = 0;
    rt__step_result did;
    RT_TRY(about_of(r, w->generation, &about));
    if (w->plan)
        RT_TRY(restore(r, &about, w->plan));
    int64_t updates = rt_optim_updates(rt_run_optim(r->run));
    if (w->keep)
        RT_TRY(start(r, &about, &snapshot));
    s->snapshot = snapshot;
    for (int64_t t = w->plan ? w->plan->message.start_step : 0; t < w->steps; t++) {
        RT_TRY(rt__step(s, t, &(rt__step_request){.keep = t % 2 == 0}, &did)); /* or all at once */
        if (w->keep)
            taken += rt__snapshot_take(snapshot, t + 1);
    }
    rt__snapshot_end(snapshot);
    if (r->rank != 0)
        return RT_OK;
    w->count = rt_run_flat(r->run)->tail;
    w->about = about;
    w->taken = taken;
    w->updates = updates;
    return rt_run_weights_sha256(r->run, w->sha);
}

static inline void train_body(fixture_rank *r)
{
    rt__stepper s;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    rank_failed(r, train(r, &s, r->ctx));
    rt__stepper_release(&s);
}

/* set: NULL, or one or two keys with a blank in between. */
static inline rt_config config_with(const char *set)
{
    char first[200] = "";
    const char *blank = set ? strchr(set, ' ') : NULL;
    if (blank)
        snprintf(first, sizeof first, "%.*s", (int)(blank - set), set);
    return blank ? fixture_config2(&f, first, blank + 1) : fixture_config(&f, set);
}

static inline training train_with(const char *set, int world, training w)
{
    rt_config cfg = config_with(set);
    fixture_ranks(&cfg, world, train_body, &w);
    rt_config_release(&cfg);
    return w;
}

/* Returns the offers that a rank of a later generation finds; fails the test on any trouble. */
static inline rt__snapshot_offers offers_for(const training *w)
{
    rt__snapshot_offers o = {0};
    rt_snapshot_about ours = w->about;
    ours.generation = 100;
    rt__snapshot_offers_find(f.dir, &ours, &o);
    assert_string_equal(o.trouble, "");
    return o;
}

#endif
