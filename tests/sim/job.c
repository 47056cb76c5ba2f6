#include "tests/sim/job.h"

#include "tests/sim/memory.h"
#include "tests/sim/world.h"
#include <inttypes.h>

enum {
    GATHER_MOST = 3 * SIM_MILLISECOND,  /* from the first to the last rank that goes on */
    NOTICE_MOST = 50 * SIM_MILLISECOND, /* until mpirun notices that a rank has ended */
    KILL_MOST = 30 * SIM_MILLISECOND,
    EXIT_MOST = 60 * SIM_MILLISECOND, /* mpirun's own end */
    LIFELINE_MOST = 30 * SIM_SECOND,  /* until mpirun and a host that is cut off notice it */
    ORPHANS_MOST = 2 * SIM_SECOND,    /* until remote ranks follow an mpirun that was killed */
};

static sim_job *job_at(sim_world *w, int64_t generation)
{
    return generation >= 0 && generation < w->jobs ? w->job[generation] : NULL;
}

static sim_pid pid(int64_t generation, int64_t rank)
{
    return (sim_pid){(int32_t)generation, (int32_t)rank};
}

/* ---- collectives ---- */

static void go_on(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank_goes_on(w, who, &w->job[who.generation]->outcome);
}

/* Returns the time until which a rank cannot take part; SIM_NEVER if it is dead. */
static sim_time absent_until(const sim_world *w, const sim_job *j, int64_t rank)
{
    const sim_process *p = &j->rank[rank].process;
    const sim_host *h = &w->host[p->host], *first = &w->host[j->rank[0].process.host];
    if (!p->alive)
        return SIM_NEVER;
    sim_time cut = h->side == first->side            ? 0
                   : h->cut_until > first->cut_until ? h->cut_until
                                                     : first->cut_until;
    return p->frozen_until > cut ? p->frozen_until : cut;
}

/* Returns the time at which all ranks can reach each other and none is stopped. */
static sim_time all_present(const sim_world *w, sim_job *j)
{
    sim_time at = w->now;
    j->straggler = -1;
    for (int64_t k = 0; k < j->world; k++) {
        sim_time until = absent_until(w, j, k);
        if (until <= at)
            continue;
        at = until;
        j->straggler = k;
    }
    return at;
}

/* Makes the step. A step that is not finite by its nature is so whenever it is computed. */
static void make_step(sim_world *w, sim_job *j)
{
    sim_outcome *o = &j->outcome;
    bool bad = o->step == w->s->bad_step;
    o->skipped = bad && w->s->nan_loss == SIM_NAN_SKIP;
    o->not_finite = (bad && !o->skipped) || j->not_finite;
    j->not_finite = false;
    if (o->not_finite)
        return;
    o->hash = o->skipped ? o->hash : sim_step_of(o->hash, o->step);
    o->step++;
}

/* Ends the collective if every rank has entered and can take part. */
static void try_round(sim_world *w, sim_pid who, int64_t generation)
{
    (void)who;
    sim_job *j = job_at(w, generation);
    if (!j || j->round.came < j->world)
        return;
    sim_time at = all_present(w, j);
    if (at == SIM_NEVER)
        return;
    if (at > w->now) {
        sim_at(w, at, sim_pid_of(SIM_NATURE), try_round, generation);
        return;
    }
    sim_round *r = &j->round;
    j->outcome = r->outcome;
    if (!r->restore)
        make_step(w, j);
    if (!r->agree || !r->has_hash)
        j->outcome.hash = ~j->outcome.hash;
    j->rounds++;
    j->through = 0;
    *r = (sim_round){.agree = true};
    j->straggler = 0;
    for (int64_t k = 0; k < j->world; k++)
        sim_after(w, sim_below(&w->dice, GATHER_MOST), pid(generation, k), go_on, 0);
}

void sim_job_enter(sim_world *w, sim_pid who, const sim_round *mine)
{
    sim_job *j = w->job[who.generation];
    sim_round *r = &j->round;
    j->rank[who.rank].rounds++;
    if (r->came++ == 0) {
        r->restore = mine->restore;
        r->outcome.step = mine->outcome.step;
    }
    if (mine->outcome.step != r->outcome.step || mine->restore != r->restore)
        sim_violate(w, "rank %d of g%d enters step %" PRId64 ", others are at %" PRId64, who.rank,
                    who.generation, mine->outcome.step, r->outcome.step);
    if (mine->has_hash) {
        r->agree &= mine->agree && (!r->has_hash || r->outcome.hash == mine->outcome.hash);
        r->outcome.hash = mine->outcome.hash;
        r->has_hash = true;
    }
    r->outcome.stop |= mine->outcome.stop;
    r->outcome.checkpoint |= mine->outcome.checkpoint;
    if (r->came == j->world)
        try_round(w, who, who.generation);
}

int64_t sim_job_awaits(sim_job *j)
{
    while (j->round.came < j->world && j->rank[j->straggler].rounds > j->rounds)
        j->straggler++;
    return j->straggler;
}

/* ---- the end ---- */

static void exited(sim_world *w, sim_pid who, int64_t generation)
{
    (void)who;
    sim_job *j = job_at(w, generation);
    if (j->gone)
        return;
    j->gone = true;
    j->mpirun.alive = false;
    rt_msg_exited m = {
        .job_generation = generation,
        .exit_code = j->signal ? 128 + j->signal : j->exit_code,
        .signal = j->signal,
        .rank = w->sabotage == SIM_WRONG_BLAME ? (j->blamed + 1) % j->world : j->blamed,
        .ranks = j->dead,
        .ranks_count = j->deaths,
        .host = j->lost_host >= 0 ? w->host[j->lost_host].name : "",
        .seconds_since_sign = (double)(w->now - j->first_sign) / SIM_SECOND,
        .seconds_ending = j->ending ? (double)(w->now - j->ending_since) / SIM_SECOND : 0,
        .reason = j->signal || !j->exit_code ? "" : "it broke",
    };
    sim_launcher_job_gone(w, generation, &m);
}

/* Is there a rank left that mpirun could still wait for? */
static bool any_reachable(const sim_world *w, const sim_job *j)
{
    for (int64_t k = 0; j->alive > 0 && k < j->world; k++)
        if (j->rank[k].process.alive && w->host[j->rank[k].process.host].side == 0)
            return true;
    return false;
}

/* Ends mpirun when its ranks have ended. */
static void end_if_empty(sim_world *w, sim_job *j)
{
    bool over = j->ending ? !any_reachable(w, j) : j->alive == 0;
    if (!over || !j->mpirun.alive || j->gone)
        return;
    j->cut_off |= j->alive > 0;
    sim_after(w, sim_below(&w->dice, EXIT_MOST), pid(j->generation, SIM_MPIRUN), exited,
              j->generation);
}

static void kill_rank(sim_world *w, sim_pid who, int64_t victim)
{
    (void)who;
    if (job_at(w, sim_unpack(victim).generation))
        sim_rank_die(w, sim_unpack(victim), 9);
}

/* A stopped process can be killed, too, so the event is SIM_NATURE's. */
static void plan_kill(sim_world *w, sim_pid victim, sim_time at)
{
    sim_at(w, at, sim_pid_of(SIM_NATURE), kill_rank, sim_pack(victim));
}

static void end_ranks(sim_world *w, sim_job *j)
{
    if (j->ending)
        return;
    j->ending = true;
    j->ending_since = w->now;
    for (int64_t k = 0; k < j->world; k++) {
        const sim_process *p = &j->rank[k].process;
        const sim_host *h = &w->host[p->host];
        if (!p->alive)
            continue;
        sim_time at = w->now + sim_below(&w->dice, KILL_MOST);
        if (h->side != 0) /* its daemon there has to notice that mpirun is gone */
            at = h->cut_until + sim_below(&w->dice, LIFELINE_MOST);
        else if (p->frozen_until > w->now)
            at += SIM_SECOND; /* SIGTERM does not reach it, SIGKILL does */
        plan_kill(w, pid(j->generation, k), at);
    }
    end_if_empty(w, j);
}

/* mpirun notices that a rank has failed. */
static void mpirun_notices(sim_world *w, sim_pid who, int64_t rank)
{
    sim_job *j = w->job[who.generation];
    if (j->ending)
        return;
    sim_note(w, "mpirun of g%lld: rank %lld has gone, ends the others", who.generation, rank);
    end_ranks(w, j);
}

void sim_job_rank_gone(sim_world *w, sim_pid who, int exit_code, int signal)
{
    sim_job *j = w->job[who.generation];
    sim_rank *r = &j->rank[who.rank];
    if (!r->process.alive)
        return;
    sim_note(w, "worker %lld of g%lld is gone: exit code %lld, signal %lld", who.rank,
             who.generation, exit_code, signal);
    r->process.alive = false;
    j->alive--;
    sim_mail_sender_died(w, who);
    sim_link_close(&r->link);
    if (!j->ending && (exit_code || signal)) {
        if (j->deaths++ == 0) {
            j->first_sign = w->now;
            j->blamed = who.rank;
            j->exit_code = exit_code;
            j->signal = signal;
        }
        j->dead[j->deaths - 1] = who.rank;
        const sim_host *h = &w->host[r->process.host];
        sim_time at = h->side != 0 && h->cut_until > w->now ? h->cut_until : w->now;
        sim_at(w, at + sim_below(&w->dice, NOTICE_MOST), pid(who.generation, SIM_MPIRUN),
               mpirun_notices, who.rank);
    }
    end_if_empty(w, j);
}

static void told_to_end(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_job *j = w->job[who.generation];
    j->told = true;
    end_ranks(w, j);
}

/* The launcher gives mpirun two seconds to end the job, then kills all processes that it can. */
static void kill_overdue(sim_world *w, sim_pid who, int64_t generation)
{
    (void)who;
    sim_job *j = job_at(w, generation);
    if (!j || j->gone)
        return;
    j->mpirun.frozen_until = 0;
    j->told = true;
    end_ranks(w, j);
    for (int64_t k = 0; k < j->world; k++)
        if (j->rank[k].process.alive && j->rank[k].process.host == 0)
            sim_rank_die(w, pid(generation, k), 9);
    j->cut_off |= j->alive > 0;
    exited(w, who, generation);
}

void sim_job_end(sim_world *w, int64_t generation)
{
    sim_job *j = job_at(w, generation);
    if (!j || j->gone)
        return;
    if (j->first_sign == 0)
        j->first_sign = w->now;
    sim_after(w, SIM_MILLISECOND, pid(generation, SIM_MPIRUN), told_to_end, 0);
    sim_after(w, 2 * SIM_SECOND, sim_pid_of(SIM_LAUNCHER), kill_overdue, generation);
}

/* Without mpirun, its ranks on the launcher's host die at once, those elsewhere when they notice it. */
static void orphan(sim_world *w, sim_job *j)
{
    j->ending = true;
    j->mpirun.alive = false;
    for (int64_t k = 0; k < j->world; k++) {
        const sim_process *p = &j->rank[k].process;
        const sim_host *h = &w->host[p->host];
        if (!p->alive)
            continue;
        j->cut_off |= p->host != 0;
        if (p->host == 0)
            sim_rank_die(w, pid(j->generation, k), 9);
        else
            plan_kill(w, pid(j->generation, k),
                      w->now + sim_below(&w->dice, h->side ? LIFELINE_MOST : ORPHANS_MOST));
    }
}

void sim_job_orphaned(sim_world *w, int64_t generation)
{
    sim_job *j = job_at(w, generation);
    if (!j)
        return;
    orphan(w, j);
    j->gone = true;
}

static void mpirun_killed(sim_world *w, sim_pid who, int64_t generation)
{
    sim_job *j = job_at(w, generation);
    if (!j || j->gone)
        return;
    j->exit_code = 0;
    j->signal = 9;
    j->blamed = -1;
    orphan(w, j);
    exited(w, who, generation);
}

void sim_job_kill_mpirun(sim_world *w, int64_t generation)
{
    sim_job *j = job_at(w, generation);
    if (!j || !j->mpirun.alive)
        return;
    if (j->first_sign == 0)
        j->first_sign = w->now;
    j->mpirun.alive = false;
    sim_after(w, sim_below(&w->dice, 20 * SIM_MILLISECOND), sim_pid_of(SIM_LAUNCHER), mpirun_killed,
              generation);
}

/* A host has been unreachable for so long that mpirun gives up the host, and with it the job. */
static void lifeline_lost(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_job *j = w->job[who.generation];
    for (int64_t k = 0; k < j->world && !j->ending; k++) {
        int host = j->rank[k].process.host;
        if (w->host[host].side == 0 || !j->rank[k].process.alive)
            continue;
        j->lost_host = host;
        j->exit_code = 1;
        if (j->first_sign == 0)
            j->first_sign = w->now;
        sim_note(w, "mpirun of g%lld: lost touch with host %lld", who.generation, host);
        end_ranks(w, j);
    }
}

void sim_job_host_cut(sim_world *w, int64_t generation)
{
    sim_job *j = job_at(w, generation);
    if (j && j->mpirun.alive)
        sim_after(w, sim_below(&w->dice, LIFELINE_MOST), pid(generation, SIM_MPIRUN), lifeline_lost,
                  0);
}

/* ---- the beginning ---- */

static void cannot_start(sim_world *w, sim_pid who, int64_t host)
{
    sim_job *j = w->job[who.generation];
    if (j->ending)
        return;
    sim_note(w, "mpirun of g%lld: cannot reach host %lld", who.generation, host);
    j->lost_host = (int)host;
    j->exit_code = 1;
    end_ranks(w, j);
}

static void place_ranks(sim_world *w, sim_job *j, const int *hosts, const int64_t *slots, int64_t n)
{
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        const sim_host *h = &w->host[hosts[i]];
        bool up = h->side == 0 && h->down_until <= w->now;
        if (!up)
            sim_after(w, sim_between(&w->dice, 1, 5) * SIM_SECOND, pid(j->generation, SIM_MPIRUN),
                      cannot_start, hosts[i]);
        for (int64_t local = 0; local < slots[i] && k < j->world; local++, k++)
            if (up)
                sim_rank_start(w, pid(j->generation, k), hosts[i], local);
            else
                j->rank[k].process.host = hosts[i], j->alive--;
    }
    if (k < j->world)
        sim_violate(w, "generation %" PRId64 " has %" PRId64 " ranks and places for %" PRId64,
                    j->generation, j->world, k);
}

void sim_job_start(sim_world *w, int64_t generation, int64_t world, const int *hosts,
                   const int64_t *slots, int64_t n)
{
    while (w->jobs <= generation) {
        if (w->jobs == w->jobs_room)
            w->job = sim_grow(w->job, &w->jobs_room, sizeof *w->job);
        w->job[w->jobs++] = NULL;
    }
    sim_job *j = sim_alloc(sizeof *j);
    *j = (sim_job){.generation = generation,
                   .world = world,
                   .alive = world,
                   .round.agree = true,
                   .blamed = -1,
                   .corrupt_step = -1,
                   .lost_host = -1,
                   .rank = sim_alloc((size_t)world * sizeof *j->rank),
                   .dead = sim_alloc((size_t)world * sizeof *j->dead)};
    w->job[generation] = j;
    sim_process_start(&j->mpirun, 0);
    place_ranks(w, j, hosts, slots, n);
    /* Jobs that are long dead are freed, even if their hosts cannot be reached. */
    for (int64_t g = 0; g <= generation - 3; g++)
        if (w->job[g] && w->job[g]->alive == 0 && w->job[g]->gone)
            sim_job_free(w, g);
}

void sim_job_free(sim_world *w, int64_t generation)
{
    sim_job *j = w->job[generation];
    if (!j)
        return;
    for (int64_t k = 0; k < j->world; k++)
        sim_rank_release(&j->rank[k]);
    sim_free(j->rank);
    sim_free(j->dead);
    sim_free(j);
    w->job[generation] = NULL;
}
