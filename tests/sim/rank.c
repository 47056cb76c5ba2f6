#include "tests/sim/rank.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/phase.h"
#include "common/base/slices.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/memory.h"
#include "tests/sim/world.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    COPY_MOST = 20 * SIM_MILLISECOND, /* into the snapshot */
    LEAVE_MOST = 300 * SIM_MILLISECOND,
};

static sim_job *job_of(sim_world *w, sim_pid who)
{
    return w->job[who.generation];
}

static sim_rank *rank_of(sim_world *w, sim_pid who)
{
    return &job_of(w, who)->rank[who.rank];
}

static const rt_msg_plan *plan_of(const sim_rank *r)
{
    return r->plan ? &r->plan->body.plan : NULL;
}

static void now_does(sim_world *w, sim_rank *r, sim_doing doing)
{
    r->doing = doing;
    r->moved = w->now;
}

/* Returns a time that is mostly about as usual, and sometimes much longer. */
static sim_time about(sim_world *w, sim_time usual)
{
    sim_time t = usual * sim_between(&w->dice, 80, 130) / 100;
    return sim_chance(&w->dice, 0.002) ? 5 * t : t;
}

/* ---- joining ---- */

/* Lists the snapshots in the host's shared memory. */
static rt_msg_offer *list_offers(const sim_host *h, int64_t *count)
{
    rt_msg_offer *list = sim_alloc((size_t)(2 * h->snapshots) * sizeof *list);
    *count = 0;
    for (int64_t i = 0; i < h->snapshots; i++)
        for (int k = 0; k < 2; k++) {
            const sim_snapshot *s = h->snapshot[i];
            if (s->slot[k].step < 0)
                continue;
            list[(*count)++] = (rt_msg_offer){.generation = s->generation,
                                              .rank = s->rank,
                                              .step = s->slot[k].step,
                                              .begin = s->begin,
                                              .end = s->end};
        }
    return list;
}

/* Lists the last positions of the ranks of the previous generation on this host. */
static rt_msg_trace *list_traces(const sim_host *h, int64_t mine, int64_t *count)
{
    rt_msg_trace *list = sim_alloc((size_t)h->snapshots * sizeof *list);
    int64_t newest = 0;
    *count = 0;
    for (int64_t i = 0; i < h->snapshots; i++) {
        int64_t g = h->snapshot[i]->generation;
        newest = g < mine && g > newest ? g : newest;
    }
    for (int64_t i = 0; i < h->snapshots; i++) {
        const sim_snapshot *s = h->snapshot[i];
        if (s->generation == newest)
            list[(*count)++] = (rt_msg_trace){.generation = s->generation,
                                              .rank = s->rank,
                                              .step = s->mark.step,
                                              .slice = s->mark.slice,
                                              .phase = s->mark.phase};
    }
    return list;
}

/* Lists the evaluations of all earlier generations. */
static char **list_evaluations(const sim_host *h, int64_t mine, int64_t *count)
{
    enum { MOST = 2000 };
    char **list = sim_alloc((size_t)MOST * sizeof *list);
    int64_t n = 0;
    for (int64_t i = 0; i < h->snapshots; i++) {
        const sim_snapshot *s = h->snapshot[i];
        int64_t kept = s->evaluations < SIM_EVALUATIONS ? s->evaluations : SIM_EVALUATIONS;
        for (int64_t k = 0; k < kept && n < MOST && s->generation < mine; k++, n++)
            list[n] = rt_evaluated_text(&s->evaluation[k], s->generation);
    }
    *count = n;
    return list;
}

static void say_hello(sim_world *w, sim_pid who)
{
    const sim_rank *r = rank_of(w, who);
    const sim_host *h = &w->host[r->process.host];
    rt_msg_hello m = {
        .host = h->name,
        .pid = 1000 + who.rank,
        .rank = who.rank,
        .world = job_of(w, who)->world,
        .device = "cpu",
        .isa = "avx2",
        .blas = "builtin",
        .threads = 1,
        .config_hash = SIM_CONFIG_HASH,
        .layout_hash = "layout",
        .parameters = w->s->blocks * RT_BLOCK,
        .elements = w->s->blocks * RT_BLOCK,
        .samples = 1 << 20,
        .task = sim_metric()->task,
        .local_rank = r->local_rank,
    };
    rt_msg_offer *offers = NULL;
    rt_msg_trace *traces = NULL;
    char **evaluations = NULL;
    if (r->local_rank == 0 && w->sabotage != SIM_OLD_SOURCE) {
        m.offers = offers = list_offers(h, &m.offers_count);
        m.traces = traces = list_traces(h, who.generation, &m.traces_count);
    }
    if (r->local_rank == 0 && w->sabotage != SIM_MUTE)
        evaluations = list_evaluations(h, who.generation, &m.evaluations_count);
    m.evaluations = (const char *const *)evaluations;
    sim_note(w, "worker %lld of g%lld: HELLO, %lld offers", who.rank, who.generation,
             m.offers_count);
    sim_link_post(w, who, RT_MSG_HELLO, &m);
    sim_free(offers);
    sim_free(traces);
    for (int64_t i = 0; i < m.evaluations_count; i++)
        rt_mem_free(evaluations[i]);
    sim_free(evaluations);
}

static rt_phase phase_of(const sim_rank *r)
{
    static const rt_phase phases[] = {
        [SIM_BOOTING] = RT_PHASE_START,       [SIM_JOINED] = RT_PHASE_START,
        [SIM_RESTORING] = RT_PHASE_RESTORE,   [SIM_COMPUTING] = RT_PHASE_FORWARD,
        [SIM_WAITING] = RT_PHASE_REDUCE,      [SIM_SAVING] = RT_PHASE_CHECKPOINT,
        [SIM_EVALUATING] = RT_PHASE_EVALUATE, [SIM_CLOSING] = RT_PHASE_FINISH,
        [SIM_FINISHED] = RT_PHASE_FINISH,
    };
    return phases[r->doing];
}

/* A snapshot that is still being copied does not count. */
static int64_t newest_snapshot(const sim_world *w, const sim_rank *r)
{
    const sim_snapshot *s = r->snapshot;
    if (!s)
        return -1;
    return s->slot[r->copying_until > w->now ? 1 - s->newest : s->newest].step;
}

static rt_range slices_of(sim_world *w, sim_pid who)
{
    return rt_slices_of_rank(w->s->slices, (int)job_of(w, who)->world, who.rank);
}

void sim_rank_look(sim_world *w, sim_pid who, rt_msg_progress *out)
{
    sim_rank *r = rank_of(w, who);
    double since = (double)(w->now - r->moved) / SIM_SECOND;
    bool computes = r->doing == SIM_COMPUTING, reads = r->doing == SIM_RESTORING;
    bool busy = computes || reads || r->doing == SIM_EVALUATING;
    sim_time usual = computes ? w->s->step_time : r->doing == SIM_SAVING ? w->s->disk_time : 0;
    *out = (rt_msg_progress){
        .step = r->step,
        .slice = computes ? slices_of(w, who).begin : -1,
        .phase = phase_of(r),
        .what = computes ? "conv2d" : "",
        .since = since,
        .usual = (double)usual / SIM_SECOND,
        .cpu = r->cpu + (busy ? since : 0),
        .peer = r->doing == SIM_WAITING ? sim_job_awaits(job_of(w, who)) : -1,
        .snapshot_step = newest_snapshot(w, r),
        .rss_bytes = 1 << 28,
    };
}

static void booted(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank *r = rank_of(w, who);
    if (r->doing != SIM_BOOTING)
        return;
    now_does(w, r, SIM_JOINED);
    if (w->s->snapshot_every > 0)
        r->snapshot =
            sim_host_create(&w->host[r->process.host], who.generation, who.rank, r->begin, r->end);
    say_hello(w, who);
}

void sim_rank_start(sim_world *w, sim_pid who, int host, int64_t local_rank)
{
    sim_rank *r = rank_of(w, who);
    sim_process_start(&r->process, host);
    r->doing = SIM_BOOTING;
    r->moved = w->now;
    r->slow = 1;
    r->local_rank = local_rank;
    r->writing = r->to_save = r->saved_step = r->evaluated = -1;
    rt_range owned =
        rt_owned_by_rank(w->s->blocks * RT_BLOCK, (int)job_of(w, who)->world, who.rank);
    r->begin = owned.begin;
    r->end = owned.end;
    sim_link_open(w, who);
    sim_mail_open(w, who);
    sim_after(w, about(w, w->s->boot_time), who, booted, 0);
}

/* ---- the state it starts from ---- */

static void cannot_restore(sim_world *w, sim_pid who, rt_status code, const char *what)
{
    sim_note_text(w, what, "worker %lld of g%lld cannot restore:", who.rank, who.generation);
    rank_of(w, who)->guilty = true;
    sim_rank_fail(w, who, code, what);
}

/* Looks into the snapshots that the plan says this rank can read. */
static bool read_snapshots(sim_world *w, sim_pid who, const rt_msg_plan *p, sim_round *mine)
{
    const sim_host *h = &w->host[rank_of(w, who)->process.host];
    for (int64_t i = 0; i < p->pieces_count; i++) {
        const rt_msg_piece *piece = &p->pieces[i];
        if (piece->holder != who.rank)
            continue;
        const sim_snapshot *s = sim_host_find(h, piece->generation, piece->rank);
        int slot = s ? sim_snapshot_slot(s, p->start_step) : -1;
        if (slot < 0 || s->begin > piece->begin || s->end < piece->end)
            return false;
        if (w->sabotage == SIM_WRONG_STEP)
            slot = 1 - slot;
        mine->agree &= !mine->has_hash || mine->outcome.hash == s->slot[slot].hash;
        mine->outcome.hash = s->slot[slot].hash;
        mine->has_hash = true;
    }
    return true;
}

static void restored(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank *r = rank_of(w, who);
    const rt_msg_plan *p = plan_of(r);
    sim_round mine = {.restore = true, .agree = true, .outcome.step = p->start_step};
    if (p->source == RT_SOURCE_FRESH) {
        mine.has_hash = true;
        mine.outcome.hash = w->rules.truth[0];
    } else if (p->source == RT_SOURCE_CHECKPOINT) {
        const sim_checkpoint *c = sim_disk_at(&w->disk, p->checkpoint);
        if (!c || c->rotten || c->step != p->start_step) {
            cannot_restore(w, who, RT_E_CORRUPT, p->checkpoint);
            return;
        }
        mine.has_hash = true;
        mine.outcome.hash = c->hash;
    } else if (!read_snapshots(w, who, p, &mine)) {
        cannot_restore(w, who, RT_E_NOTFOUND, "a snapshot that was offered is gone");
        return;
    }
    now_does(w, r, SIM_WAITING);
    sim_job_enter(w, who, &mine);
}

void sim_rank_has_plan(sim_world *w, sim_pid who)
{
    sim_rank *r = rank_of(w, who);
    const rt_msg_plan *p = plan_of(r);
    if (p->world != job_of(w, who)->world)
        sim_violate(w, "worker %d of g%d: a plan for %" PRId64 " ranks", who.rank, who.generation,
                    p->world);
    now_does(w, r, SIM_RESTORING);
    RT_ASSERT(rt_best_parse(p->best, &r->best) == RT_OK);
    if (who.rank == 0)
        sim_link_post(w, who, RT_MSG_LAYOUT, &(rt_msg_layout){.json = "[]"});
    sim_time usual = p->source == RT_SOURCE_CHECKPOINT ? w->s->disk_time : 30 * SIM_MILLISECOND;
    if (p->source == RT_SOURCE_CHECKPOINT && w->now < w->disk.slow_until) {
        usual *= 10;
        r->guilty = true;
    }
    sim_after(w, about(w, usual), who, restored, 0);
}

/* ---- checkpoints ---- */

static bool divides(int64_t every, int64_t step)
{
    return every > 0 && step % every == 0;
}

static void continue_work(sim_world *w, sim_pid who);

static void report_piece(sim_world *w, sim_pid who, int64_t step, bool failed)
{
    if (failed) {
        sim_link_post(w, who, RT_MSG_PIECE_FAILED,
                      &(rt_msg_piece_failed){
                          .step = step, .code = RT_E_NOSPACE, .reason = "no space left on device"});
        return;
    }
    char file[40];
    snprintf(file, sizeof file, "piece-%05d.safetensors", who.rank);
    sim_link_post(
        w, who, RT_MSG_PIECE_DONE,
        &(rt_msg_piece_done){
            .step = step, .file = file, .bytes = 1 << 20, .checksum = "0123456789abcdef"});
}

static void start_writing(sim_world *w, sim_pid who, int64_t step);

static void piece_written(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank *r = rank_of(w, who);
    int64_t step = r->writing;
    bool failed = w->now < w->disk.full_until;
    if (!failed)
        sim_disk_write_piece(&w->disk, &(sim_piece){.step = r->writing,
                                                    .generation = who.generation,
                                                    .rank = who.rank,
                                                    .begin = r->begin,
                                                    .end = r->end,
                                                    .hash = r->writing_hash});
    sim_note(w, "worker %lld of g%lld: piece of step %lld written, failed: %lld", who.rank,
             who.generation, step, failed);
    r->writing = -1;
    report_piece(w, who, step, failed);
    if (r->to_save >= 0) {
        start_writing(w, who, r->to_save);
        r->to_save = -1;
    }
    if (r->doing == SIM_SAVING || (r->doing == SIM_CLOSING && r->writing < 0))
        continue_work(w, who);
}

/* Writing to a slow disk takes up to fifty times as long, without a random factor on top: otherwise no coordinator could answer a tool that
 * asks for a checkpoint in time. */
static sim_time writing_takes(sim_world *w)
{
    sim_time usual = w->s->disk_time;
    if (w->now >= w->disk.slow_until)
        return about(w, usual);
    usual *= sim_between(&w->dice, 2, 40);
    sim_time t = about(w, usual), most = usual * 130 / 100;
    return t < most ? t : most;
}

static void start_writing(sim_world *w, sim_pid who, int64_t step)
{
    sim_rank *r = rank_of(w, who);
    r->guilty |= w->now < w->disk.slow_until;
    r->writing = step;
    r->writing_hash = r->hash;
    sim_after(w, writing_takes(w), who, piece_written, 0);
}

/* ---- steps ---- */

/* Sends the checksum of the current state, if one is due (worker/session.c). */
static void send_checksum(sim_world *w, sim_pid who)
{
    const sim_rank *r = rank_of(w, who);
    const rt_msg_plan *p = plan_of(r);
    bool restored = p->source != RT_SOURCE_FRESH && r->step == p->start_step;
    bool due =
        r->step > 0 && (divides(w->s->hash_every, r->step) || r->step == r->saved_step || restored);
    if (due)
        sim_link_post(w, who, RT_MSG_CHECKSUM,
                      &(rt_msg_checksum){.step = r->step, .slice = -1, .sum = (int64_t)r->hash});
}

/* Records its position in the snapshot, where later generations find it. */
static void record_position(sim_world *w, sim_pid who, bool computes)
{
    sim_rank *r = rank_of(w, who);
    if (!r->snapshot)
        return;
    r->snapshot->mark.step = r->step;
    r->snapshot->mark.phase = computes ? RT_PHASE_FORWARD : RT_PHASE_REDUCE;
    r->snapshot->mark.slice = computes ? slices_of(w, who).begin : -1;
}

static void computed(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank *r = rank_of(w, who);
    r->cpu += (double)(w->now - r->moved) / SIM_SECOND;
    now_does(w, r, SIM_WAITING);
    record_position(w, who, false);
    rt__orders *o = &r->link.orders;
    int64_t stop_after = atomic_load(&o->stop_after),
            save_after = atomic_load(&o->checkpoint_after);
    bool stop = who.rank == 0 && stop_after >= 0 && r->step + 1 >= stop_after;
    bool save = who.rank == 0 && save_after >= 0 && r->step + 1 >= save_after;
    if (save)
        atomic_store(&o->checkpoint_after, -1);
    bool instead = atomic_load(&o->stop_checkpoint) || w->s->snapshot_every == 0;
    bool checkpoint = save || (stop && instead);
    sim_job_enter(w, who,
                  &(sim_round){.has_hash = true,
                               .agree = true,
                               .outcome = {r->step, r->hash, stop, checkpoint}});
}

/* Does it compute the slice that kills its rank? That is the last slice. */
static bool crashes(sim_world *w, sim_pid who)
{
    return rank_of(w, who)->step == w->s->crash_step && slices_of(w, who).end == w->s->slices;
}

static void crash(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank *r = rank_of(w, who);
    r->guilty = true;
    if (r->snapshot)
        r->snapshot->mark.slice = w->s->slices - 1;
    sim_rank_die(w, who, 11);
}

static void compute(sim_world *w, sim_pid who)
{
    sim_rank *r = rank_of(w, who);
    now_does(w, r, SIM_COMPUTING);
    send_checksum(w, who);
    record_position(w, who, true);
    if (crashes(w, who))
        sim_after(w, w->s->step_time / 2, who, crash, 0);
    sim_time pause = (sim_time)((double)about(w, w->s->step_time) * r->slow);
    if (r->copying_until > w->now)
        pause += r->copying_until - w->now;
    sim_after(w, pause, who, computed, 0);
}

static void finish(sim_world *w, sim_pid who, int64_t arg)
{
    sim_rank *r = rank_of(w, who);
    if (r->copying_until > w->now) {
        sim_after(w, r->copying_until - w->now, who, finish, arg);
        return;
    }
    now_does(w, r, SIM_FINISHED);
    sim_note(w, "worker %lld of g%lld: finished at step %lld", who.rank, who.generation, r->step);
    sim_link_post(w, who, RT_MSG_FINISHED,
                  &(rt_msg_finished){.step = r->step,
                                     .weights_sha256 = who.rank == 0 ? "sha" : "",
                                     .snapshot_step = newest_snapshot(w, r)});
}

/* No step follows: waits for its pieces, then finishes. */
static void close_up(sim_world *w, sim_pid who)
{
    sim_rank *r = rank_of(w, who);
    now_does(w, r, SIM_CLOSING);
    if (r->rounds > 1)
        send_checksum(w, who);
    continue_work(w, who);
}

static void evaluated(sim_world *w, sim_pid who, int64_t arg);

/* Should this step be evaluated, and was it not yet? The start step may have been evaluated before. */
static bool evaluation_is_due(const sim_rank *r)
{
    const rt_msg_plan *p = plan_of(r);
    bool due = divides(p->evaluate_every, r->step) || (r->step >= p->end_step && p->evaluate_final);
    bool known = r->step == p->start_step && r->step <= p->evaluated_step;
    return due && !known && r->step > 0 && r->step != r->evaluated;
}

/* Does the next thing that needs no waiting. */
static void continue_work(sim_world *w, sim_pid who)
{
    sim_rank *r = rank_of(w, who);
    if (r->doing == SIM_CLOSING) {
        if (r->writing < 0)
            finish(w, who, 0);
    } else if (evaluation_is_due(r)) {
        now_does(w, r, SIM_EVALUATING);
        sim_after(w, about(w, w->s->step_time), who, evaluated, 0);
    } else if (!r->last) {
        compute(w, who);
    } else {
        close_up(w, who);
    }
}

static void save(sim_world *w, sim_pid who)
{
    sim_rank *r = rank_of(w, who);
    r->saved_step = r->step;
    if (r->writing < 0) {
        start_writing(w, who, r->step);
        continue_work(w, who);
    } else {
        r->to_save = r->step;
        now_does(w, r, SIM_SAVING);
    }
}

static void save_once(sim_world *w, sim_pid who)
{
    if (rank_of(w, who)->saved_step != rank_of(w, who)->step)
        save(w, who);
    else
        continue_work(w, who);
}

/* All ranks have the same figures, even if one rank's part of them is wrong. */
static rt_evaluated figures_of(sim_world *w, sim_pid who)
{
    const sim_job *j = job_of(w, who);
    int64_t step = rank_of(w, who)->step;
    return sim_figures_of(j->outcome.hash + (j->corrupt_step == step), step);
}

/* Handles an evaluation as worker/session.c does. */
static void evaluated(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank *r = rank_of(w, who);
    const rt_config *cfg = sim_coordinator_config(w);
    rt_evaluated e = figures_of(w, who);
    bool compares = rt_best_is_tracked(cfg);
    bool better = compares && rt_best_beats(cfg, &e.metrics, &r->best);
    if (better)
        r->best = (rt_best){e.step, e.metrics};
    bool over = compares && !better && rt_patience_ran_out(cfg, e.step, r->best.step);
    r->evaluated = e.step;
    r->last |= over;
    e.best = r->best;
    if (r->snapshot) {
        rt_evaluated *oldest =
            &r->snapshot->evaluation[r->snapshot->evaluations++ % SIM_EVALUATIONS];
        sim_rules_evaluation_lost(w, oldest->step);
        *oldest = e;
    }
    if (who.rank == 0) {
        char *text = rt_evaluated_text(&e, who.generation);
        sim_link_post(w, who, RT_MSG_EVALUATED,
                      &(rt_msg_evaluated){.step = e.step, .evaluation = text});
        rt_mem_free(text);
    }
    if ((better && rt_best_is_saved(cfg)) || (over && plan_of(r)->checkpoint_final))
        save_once(w, who);
    else
        continue_work(w, who);
}

static void take_snapshot(sim_world *w, sim_rank *r, bool always)
{
    if (!r->snapshot || !(always || divides(w->s->snapshot_every, r->step)))
        return;
    sim_snapshot_write(r->snapshot, r->step, r->hash);
    r->copying_until = w->now + sim_below(&w->dice, COPY_MOST);
}

static void report(sim_world *w, sim_pid who)
{
    const sim_rank *r = rank_of(w, who);
    const rt_msg_plan *p = plan_of(r);
    int64_t made = r->step - p->start_step;
    bool due = made == 1 || divides(p->report_every, r->step) ||
               divides(p->evaluate_every, r->step) || r->last;
    if (who.rank != 0 || !due)
        return;
    sim_link_post(w, who, RT_MSG_REPORT,
                  &(rt_msg_report){.step = r->step,
                                   .loss = 1.0 / (double)(1 + r->step),
                                   .lr = 0.001,
                                   .grad_norm = 1,
                                   .samples_per_second = 100,
                                   .seconds = (double)(made * w->s->step_time) / SIM_SECOND});
}

/* Does what should follow the start step: the generation that left its snapshot may have died before it did. */
static void finish_start_step(sim_world *w, sim_pid who)
{
    const sim_rank *r = rank_of(w, who);
    const rt_msg_plan *p = plan_of(r);
    bool due =
        divides(p->checkpoint_every, r->step) || (r->step >= p->end_step && p->checkpoint_final);
    due |= r->step == r->best.step && rt_best_is_known(&r->best);
    if (p->source == RT_SOURCE_SNAPSHOT && due)
        save(w, who);
    else
        continue_work(w, who);
}

/* Flips a bit, except in a job that its launcher has lost: its checksums reach nobody, so the flip could not be detected. */
static void flip_bit(sim_world *w, sim_pid who)
{
    sim_rank *r = rank_of(w, who);
    r->flip = false;
    if (job_of(w, who)->gone)
        return;
    r->guilty = true;
    r->hash ^= (uint64_t)1 << who.rank % 64; /* differs by rank, so the majority is right */
    job_of(w, who)->corrupt_step = r->step;
    sim_rules_doubted(w);
    sim_note(w, "worker %lld of g%lld: a bit of step %lld has flipped", who.rank, who.generation,
             r->step);
}

void sim_rank_goes_on(sim_world *w, sim_pid who, const sim_outcome *o)
{
    sim_rank *r = rank_of(w, who);
    const rt_msg_plan *p = plan_of(r);
    bool was_restore = r->rounds == 1;
    r->step = o->step;
    r->hash = o->hash;
    r->last = r->step >= p->end_step || o->stop;
    if (o->not_finite) {
        r->guilty = true;
        sim_rules_doubted(w);
        sim_rank_fail(w, who, RT_E_NUMERIC, "the loss is not finite");
        return;
    }
    if (was_restore) {
        sim_rules_restored(w, who, r->step, r->hash);
        finish_start_step(w, who);
        return;
    }
    sim_rules_stepped(w, who, r->step, r->hash);
    if (o->skipped && who.rank == 0)
        sim_link_post(w, who, RT_MSG_SKIPPED,
                      &(rt_msg_skipped){.step = r->step - 1, .loss = NAN, .grad_norm = NAN});
    if (r->flip)
        flip_bit(w, who);
    report(w, who);
    take_snapshot(w, r, o->stop);
    bool due = divides(p->checkpoint_every, r->step) ||
               (r->step >= p->end_step && p->checkpoint_final) || o->checkpoint;
    if (due)
        save(w, who);
    else
        continue_work(w, who);
}

/* ---- messages from the coordinator ---- */

static void leave(sim_world *w, sim_pid who, int64_t exit_code)
{
    sim_job_rank_gone(w, who, (int)exit_code, 0);
}

/* It was told to leave, was refused, or has lost the coordinator for too long. If it has finished, it leaves without a fault. */
void sim_rank_must_leave(sim_world *w, sim_pid who, const rt_saved_error *why)
{
    sim_rank *r = rank_of(w, who);
    bool in_peace = r->doing == SIM_FINISHED && why->code == RT_E_ABORTED;
    sim_note_text(w, why->text, "worker %lld of g%lld leaves:", who.rank, who.generation);
    r->guilty |= why->code != RT_E_ABORTED;
    sim_after(w, sim_below(&w->dice, LEAVE_MOST), who, leave,
              in_peace ? 0 : rt_status_exit_code(why->code));
}

void sim_rank_forget(sim_world *w, sim_pid who, int64_t before)
{
    sim_note(w, "worker %lld of g%lld: forgets snapshots before g%lld", who.rank, who.generation,
             before);
    sim_host_forget(&w->host[rank_of(w, who)->process.host], before);
}

void sim_rank_receives(sim_world *w, sim_pid who, sim_letter *l)
{
    sim_rank *r = rank_of(w, who);
    if (l->type == RT_MSG_PLAN && l->generation == who.generation && !r->plan)
        r->plan = sim_letter_keep(l);
    if (l->type == RT_MSG_STOP && l->body.stop.after_step >= 0 && who.rank != 0)
        sim_violate(w, "STOP after step %" PRId64 " was sent to rank %d: rank 0 alone decides",
                    l->body.stop.after_step, who.rank);
    if (l->type != RT_MSG_PLAN && l->type != RT_MSG_COMMITTED && l->type != RT_MSG_FORGET)
        sim_note_text(w, rt_msg_name(l->type), "worker %lld of g%lld: hears", who.rank,
                      who.generation);
    sim_link_receives(w, who, l);
}

/* ---- its end ---- */

void sim_rank_die(sim_world *w, sim_pid who, int signal)
{
    sim_rank *r = rank_of(w, who);
    if (!r->process.alive)
        return;
    if (r->snapshot && r->copying_until > w->now)
        r->snapshot->slot[r->snapshot->newest].step = -1;
    sim_job_rank_gone(w, who, 0, signal);
}

void sim_rank_fail(sim_world *w, sim_pid who, rt_status code, const char *why)
{
    sim_link_post(w, who, RT_MSG_FAULT,
                  &(rt_msg_fault){.code = code,
                                  .message = why,
                                  .step = rank_of(w, who)->step,
                                  .slice = -1,
                                  .place = "simulated"});
    sim_job_rank_gone(w, who, rt_status_exit_code(code), 0);
}

void sim_rank_release(sim_rank *r)
{
    sim_link_close(&r->link);
    sim_mail_release(&r->line);
    sim_letter_drop(r->plan);
    sim_snapshot_drop(r->snapshot);
}
