#include "tests/sim/faults.h"

#include "tests/sim/coordinator.h"
#include "tests/sim/world.h"

/* ---- targets ---- */

static sim_job *newest_job(const sim_world *w)
{
    sim_job *j = w->jobs > 0 ? w->job[w->jobs - 1] : NULL;
    return j && j->alive > 0 ? j : NULL;
}

/* Returns a rank that is alive, or -1 if a few draws found none. */
static int64_t some_rank(sim_world *w, const sim_job *j)
{
    for (int tries = 0; tries < 8; tries++) {
        int64_t k = sim_below(&w->faults.dice, j->world);
        if (j->rank[k].process.alive)
            return k;
    }
    return -1;
}

static sim_pid pid(const sim_job *j, int64_t rank)
{
    return (sim_pid){(int32_t)j->generation, (int32_t)rank};
}

/* Notes that until `at` the rules cannot expect progress. */
static void disturbed_until(sim_world *w, sim_time at)
{
    if (at > w->faults.calm_since)
        w->faults.calm_since = at;
}

static sim_time lasting(sim_world *w, sim_time mean)
{
    sim_time until = w->now + SIM_MILLISECOND + sim_around(&w->faults.dice, mean);
    disturbed_until(w, until);
    return until;
}

static void note_fault(sim_world *w, sim_fault f, int64_t whom)
{
    disturbed_until(w, w->now);
    sim_note_text(w, sim_fault_text(f), "FAULT %lld, of %lld:", w->faults.happened + 1, whom);
}

/* ---- faults: each returns true if it could be injected ---- */

static void kill_one(sim_world *w, sim_job *j, int64_t k)
{
    j->rank[k].guilty = true;
    sim_rank_die(w, pid(j, k), 9);
}

static bool kill_rank(sim_world *w)
{
    sim_job *j = newest_job(w);
    int64_t k = j ? some_rank(w, j) : -1;
    if (k < 0)
        return false;
    note_fault(w, SIM_KILL_RANK, k);
    kill_one(w, j, k);
    return true;
}

static bool kill_several(sim_world *w)
{
    sim_job *j = newest_job(w);
    if (!j || j->world < 2)
        return false;
    int64_t count = sim_between(&w->faults.dice, 2, j->world < 8 ? j->world : 8);
    note_fault(w, SIM_KILL_SEVERAL, count);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = some_rank(w, j);
        if (k >= 0)
            kill_one(w, j, k);
    }
    return true;
}

static bool kill_all(sim_world *w)
{
    sim_job *j = newest_job(w);
    if (!j)
        return false;
    note_fault(w, SIM_KILL_ALL, j->alive);
    for (int64_t k = 0; k < j->world; k++)
        kill_one(w, j, k);
    return true;
}

static bool kill_together(sim_world *w)
{
    sim_job *j = newest_job(w);
    if (!j || !w->coordinator.alive)
        return false;
    note_fault(w, SIM_KILL_TOGETHER, j->alive);
    sim_coordinator_die(w);
    for (int64_t k = 0; k < j->world; k++)
        kill_one(w, j, k);
    return true;
}

static bool kill_mpirun(sim_world *w)
{
    sim_job *j = newest_job(w);
    if (!j || !j->mpirun.alive)
        return false;
    note_fault(w, SIM_KILL_MPIRUN, j->generation);
    j->guilty = true;
    sim_job_kill_mpirun(w, j->generation);
    return true;
}

static bool kill_coordinator(sim_world *w)
{
    if (!w->coordinator.alive)
        return false;
    note_fault(w, SIM_KILL_COORDINATOR, w->coordinator.life);
    sim_coordinator_die(w);
    return true;
}

static bool kill_inside(sim_world *w)
{
    if (!w->coordinator.alive)
        return false;
    note_fault(w, SIM_KILL_INSIDE, w->coordinator.life);
    sim_coordinator_die_inside(w, sim_below(&w->faults.dice, 12));
    return true;
}

static bool kill_launcher(sim_world *w)
{
    if (!w->launcher.process.alive || w->launcher.ended)
        return false;
    note_fault(w, SIM_KILL_LAUNCHER, w->launcher.starts);
    sim_launcher_die(w);
    return true;
}

static bool exit_rank(sim_world *w)
{
    static const rt_status codes[] = {RT_E_IO, RT_E_NOMEM, RT_E_NET};
    sim_job *j = newest_job(w);
    int64_t k = j ? some_rank(w, j) : -1;
    if (k < 0 || j->rank[k].process.frozen_until > w->now)
        return false;
    note_fault(w, SIM_EXIT_RANK, k);
    j->rank[k].guilty = true;
    sim_rank_fail(w, pid(j, k), codes[sim_below(&w->faults.dice, 3)], "something broke here");
    return true;
}

/* A worker that holds up the others for seconds must be named. */
static void must_be_named(sim_world *w, sim_pid who, int64_t rank)
{
    (void)who;
    const sim_job *j = newest_job(w);
    if (!j || sim_unpack(rank).generation != j->generation)
        return;
    sim_time again = sim_rules_stopped_for_long(w, sim_unpack(rank));
    if (again > 0)
        sim_at(w, again, sim_pid_of(SIM_NATURE), must_be_named, rank);
}

/* Stops a process until at least this time: of several stops, the longest one counts. */
static void stop_until(sim_process *p, sim_time until)
{
    if (until > p->frozen_until)
        p->frozen_until = until;
}

/* If the coordinator replaces workers that stall, the stop may last for ever. */
static bool stop_rank(sim_world *w)
{
    sim_job *j = newest_job(w);
    int64_t k = j ? some_rank(w, j) : -1;
    if (k < 0)
        return false;
    sim_rank *r = &j->rank[k];
    bool for_ever = w->s->stall_restart && sim_chance(&w->faults.dice, 0.3);
    note_fault(w, SIM_STOP_RANK, k);
    r->guilty = true;
    sim_time until = for_ever ? w->now + 600 * (sim_time)SIM_SECOND : lasting(w, 4 * SIM_SECOND);
    stop_until(&r->process, until);
    r->stopped_at = w->now;
    sim_after(w, SIM_NAMED_WITHIN, sim_pid_of(SIM_NATURE), must_be_named, sim_pack(pid(j, k)));
    if (r->copying_until > w->now)
        r->copying_until = r->process.frozen_until + SIM_MILLISECOND;
    return true;
}

static bool stop_coordinator(sim_world *w)
{
    if (!w->coordinator.alive)
        return false;
    note_fault(w, SIM_STOP_COORDINATOR, w->coordinator.life);
    stop_until(&w->coordinator, lasting(w, 6 * SIM_SECOND));
    sim_mail_coordinator_stopped(w);
    return true;
}

static bool stop_mpirun(sim_world *w)
{
    sim_job *j = newest_job(w);
    if (!j || !j->mpirun.alive)
        return false;
    note_fault(w, SIM_STOP_MPIRUN, j->generation);
    stop_until(&j->mpirun, lasting(w, 4 * SIM_SECOND));
    return true;
}

static bool slow_rank(sim_world *w)
{
    sim_job *j = newest_job(w);
    int64_t k = j ? some_rank(w, j) : -1;
    if (k < 0)
        return false;
    note_fault(w, SIM_SLOW_RANK, k);
    j->rank[k].guilty = true;
    j->rank[k].slow = (double)sim_between(&w->faults.dice, 12, 60) / 10;
    return true;
}

static bool slow_network(sim_world *w)
{
    note_fault(w, SIM_SLOW_NETWORK, 0);
    w->slow_network_until = lasting(w, 3 * SIM_SECOND);
    return true;
}

static void heal(sim_world *w, sim_pid who, int64_t host)
{
    (void)who;
    if (w->host[host].cut_until > w->now)
        return;
    sim_note(w, "host %lld can be reached again", host);
    w->host[host].side = 0;
    sim_mail_healed(w, (int)host);
}

static void cut(sim_world *w, int64_t host, sim_time until)
{
    w->host[host].side = w->faults.happened + 1;
    w->host[host].cut_until = until;
    sim_at(w, until, sim_pid_of(SIM_NATURE), heal, host);
    sim_mail_cut(w, (int)host);
    sim_job *j = newest_job(w);
    for (int64_t k = 0; j && k < j->world; k++)
        if (j->rank[k].process.host == host)
            j->rank[k].guilty = true;
}

/* The launcher's own host stays on its own side. */
static bool cut_hosts(sim_world *w)
{
    if (w->s->hosts < 2)
        return false;
    int64_t first = sim_between(&w->faults.dice, 1, w->s->hosts - 1);
    int64_t count = sim_between(&w->faults.dice, 1, w->s->hosts - first);
    note_fault(w, SIM_CUT_HOSTS, count);
    sim_time until = lasting(w, 8 * SIM_SECOND);
    for (int64_t i = first; i < first + count; i++)
        if (w->host[i].side == 0)
            cut(w, i, until);
    sim_job_host_cut(w, w->jobs - 1);
    return true;
}

static bool lose_host(sim_world *w)
{
    if (w->s->hosts < 2)
        return false;
    int64_t host = sim_between(&w->faults.dice, 1, w->s->hosts - 1);
    note_fault(w, SIM_LOSE_HOST, host);
    sim_time until = lasting(w, 20 * SIM_SECOND);
    w->host[host].down_until = until;
    cut(w, host, until);
    for (int64_t g = 0; g < w->jobs; g++)
        for (int64_t k = 0; w->job[g] && k < w->job[g]->world; k++)
            if (w->job[g]->rank[k].process.host == host)
                sim_rank_die(w, pid(w->job[g], k), 9);
    sim_host_forget(&w->host[host], INT64_MAX);
    sim_job_host_cut(w, w->jobs - 1);
    sim_rules_memory_lost(w, host);
    return true;
}

static bool slow_disk(sim_world *w)
{
    note_fault(w, SIM_SLOW_DISK, 0);
    w->disk.slow_until = lasting(w, 10 * SIM_SECOND);
    return true;
}

static bool full_disk(sim_world *w)
{
    note_fault(w, SIM_FULL_DISK, 0);
    w->disk.full_until = lasting(w, 5 * SIM_SECOND);
    return true;
}

static bool rot(sim_world *w)
{
    if (w->disk.checkpoints == 0)
        return false;
    sim_checkpoint *c = &w->disk.checkpoint[sim_below(&w->faults.dice, w->disk.checkpoints)];
    note_fault(w, SIM_ROT, c->step);
    c->rotten = true;
    sim_rules_checkpoint_lost(w, c->step);
    return true;
}

/* The next step of the job is not finite, once. */
static bool not_finite(sim_world *w)
{
    sim_job *j = newest_job(w);
    if (!j || w->s->nan_loss == SIM_NAN_SKIP || j->generation != w->rules.planned)
        return false;
    note_fault(w, SIM_NOT_FINITE, j->generation);
    j->not_finite = true;
    return true;
}

/* Only in runs that compare every state before the next step uses it: otherwise nobody could detect it. */
static bool flip(sim_world *w)
{
    sim_job *j = newest_job(w);
    int64_t k = j && j->world > 1 && w->s->hash_every == 1 ? some_rank(w, j) : -1;
    if (k < 0 || j->generation != w->rules.planned || j->corrupt_step >= 0)
        return false;
    note_fault(w, SIM_FLIP, k);
    j->rank[k].flip = true;
    return true;
}

static void lose_patience(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rank_die(w, who, 9);
}

/* At least one slot for a worker must be left. */
static bool term_rank(sim_world *w)
{
    sim_job *j = newest_job(w);
    int64_t k = j ? some_rank(w, j) : -1;
    if (k < 0 || w->s->hosts == 1 || sim_launcher_room(w) < 2)
        return false;
    note_fault(w, SIM_TERM_RANK, k);
    j->rank[k].guilty = true;
    w->host[j->rank[k].process.host].left++;
    sim_link_feed(w, pid(j, k), RT__LINK_TERMINATE);
    sim_after(w, 30 * SIM_SECOND, pid(j, k), lose_patience, 0);
    return true;
}

static bool scale(sim_world *w)
{
    int64_t workers = sim_between(&w->faults.dice, 1, w->s->slices + 1);
    return sim_tool_ask(w, RT_MSG_SCALE, &(rt_msg_scale){.workers = workers}, workers) &&
           (note_fault(w, SIM_SCALE, workers), true);
}

static bool checkpoint_now(sim_world *w)
{
    return sim_tool_ask(w, RT_MSG_CHECKPOINT_NOW, &(rt_msg_checkpoint_now){.reason = "test"}, 0) &&
           (note_fault(w, SIM_CHECKPOINT_NOW, 0), true);
}

static bool ask_status(sim_world *w)
{
    return sim_tool_ask(w, RT_MSG_STATUS, &(rt_msg_status){.events = 50}, 0) &&
           (note_fault(w, SIM_STATUS, 0), true);
}

/* A host is removed from the list, comes back, or offers another number of slots. */
static bool change_hosts(sim_world *w)
{
    if (w->s->hosts == 1)
        return false;
    sim_host *h = &w->host[sim_between(&w->faults.dice, 1, w->s->hosts - 1)];
    note_fault(w, SIM_HOSTS, h - w->host);
    if (h->listed && sim_chance(&w->faults.dice, 0.5)) {
        h->slots = sim_between(&w->faults.dice, 1, w->s->slots + 1);
        h->left = 0;
    } else {
        h->listed = !h->listed;
    }
    sim_launcher_hosts_changed(w);
    return true;
}

static bool interrupt(sim_world *w)
{
    if (!w->launcher.process.alive || w->launcher.ended || w->launcher.interrupted)
        return false;
    note_fault(w, SIM_INTERRUPT, w->launcher.starts);
    sim_launcher_interrupt(w, sim_chance(&w->faults.dice, 0.5) ? 2 : 15);
    return true;
}

/* ---- when and which ---- */

static const struct {
    bool (*happen)(sim_world *w);
    int weight;
    const char *text;
} kinds[] = {
#define FAULT(constant, function, weight, text) {function, weight, text},
    SIM_FAULT_LIST(FAULT)
#undef FAULT
};

const char *sim_fault_text(sim_fault f)
{
    return kinds[f].text;
}

static sim_fault choose(sim_world *w)
{
    int64_t all = 0;
    for (int f = 0; f < SIM_FAULTS; f++)
        all += w->s->allowed >> f & 1 ? kinds[f].weight : 0;
    int64_t at = sim_below(&w->faults.dice, all);
    for (int f = 0; f < SIM_FAULTS; f++) {
        at -= w->s->allowed >> f & 1 ? kinds[f].weight : 0;
        if (at < 0)
            return (sim_fault)f;
    }
    return SIM_KILL_RANK;
}

static void strike(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_faults *f = &w->faults;
    sim_fault kind = choose(w);
    if (w->launcher.process.alive && kinds[kind].happen(w)) {
        f->happened++;
        f->of_kind[kind]++;
    }
    if (f->happened >= w->s->faults)
        return;
    bool soon = sim_chance(&f->dice, w->s->burst);
    sim_after(w, sim_around(&f->dice, soon ? 200 * SIM_MILLISECOND : w->s->quiet), who, strike, 0);
}

void sim_faults_begin(sim_world *w)
{
    w->faults.dice = sim_dice_of(w->s->seed, 3);
    if (w->s->faults > 0)
        sim_after(w, sim_around(&w->faults.dice, w->s->quiet), sim_pid_of(SIM_NATURE), strike, 0);
}
