#include "tests/sim/coordinator.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "coordinator/machine/health.h"
#include "coordinator/machine/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/world.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_EVERY = 250 * SIM_MILLISECOND,
    COMMIT_MOST = 50 * SIM_MILLISECOND,
    RECOVER_MOST = 200 * SIM_MILLISECOND,
    STEPS_MOST = 256,  /* of a scenario */
    JOURNAL_LONG = 60, /* records after which it is shortened; fewer than in a real run */
};

struct sim_shell {
    rt_config cfg;
    rt__effects effects;
    rt__run run;
    bool made;          /* `run` is initialised */
    int64_t generation; /* of the frames it sends */
    /* when the desk will have finished its jobs, which it does one after the other */
    sim_time desk_free;
    int64_t effects_left; /* it dies before the next one when this is 0; < 0: it does not */
    bool inside;          /* it died in the middle of a decision */
    bool lost_record;     /* a record could not be written, so it knows more than the journal */
    json_t *history;      /* of the last coordinator that died between two decisions; NULL: none */
    sim_rows rows;
    int64_t discarded_generation; /* the last one of which a checkpoint was abandoned, ... */
    bool discarded[STEPS_MOST];   /* ... and the steps */
    rt_msg_type told;             /* the last message that was noted, and within which event */
    int64_t told_at;
};

static double now(const sim_world *w)
{
    return (double)(w->now - w->launcher.started) / SIM_SECOND;
}

static sim_pid self(void)
{
    return sim_pid_of(SIM_COORDINATOR);
}

/* ---- effects ---- */

/* Counts an effect. Returns false once the process is dead, although its code still runs. */
static bool lives(sim_world *w)
{
    sim_shell *s = w->shell;
    if (s->effects_left == 0)
        return false;
    if (s->effects_left > 0)
        s->effects_left--;
    return true;
}

/* Notes a message; one that goes to all ranks is noted once. */
static void note_sent(sim_world *w, rt_msg_type type, bool sent)
{
    sim_shell *s = w->shell;
    if (type == RT_MSG_SHOW || (sent && type == s->told && w->happened == s->told_at))
        return;
    s->told = type;
    s->told_at = w->happened;
    sim_note_text(w, rt_msg_name(type),
                  sent ? "coordinator: sends in g%lld" : "coordinator: has nobody in g%lld to send",
                  s->generation);
}

static void effect_send(void *ctx, const char *peer, rt_msg_type type, const void *body)
{
    sim_world *w = ctx;
    bool answers = type == RT_MSG_ACCEPTED || type == RT_MSG_REFUSED || type == RT_MSG_STATUS_IS;
    if (!lives(w) || (w->sabotage == SIM_BROKEN_WORD && answers))
        return;
    bool sent = sim_mail_answer(w, peer, w->shell->generation, type, body);
    note_sent(w, type, sent);
    if (type == RT_MSG_PLAN)
        sim_rules_planned(w, w->shell->generation, body);
}

/* Peers of the previous generation will not come back, so their connections are dropped. */
static void effect_generation(void *ctx, int64_t generation)
{
    sim_world *w = ctx;
    if (!lives(w))
        return;
    if (generation != w->shell->generation)
        sim_mail_forget(w, w->shell->generation);
    w->shell->generation = generation;
}

static rt_status effect_line(void *ctx, rt__line where, const json_t *object)
{
    sim_world *w = ctx;
    sim_shell *s = w->shell;
    if (!lives(w))
        return RT_OK;
    if (where == RT__LINE_EVENT)
        sim_rules_line(w, object);
    if (where == RT__LINE_SUMMARY)
        sim_rules_summary(w, object);
    if (where != RT__LINE_METRICS)
        return RT_OK;
    sim_row row = sim_row_of(object);
    sim_rules_metrics(w, &row);
    sim_rows_add(&s->rows, &row);
    return RT_OK;
}

static void rewind_rows(sim_world *w, int64_t step)
{
    sim_rows *rows = &w->shell->rows;
    sim_rows_rewind(rows, step);
    sim_rules_rewound(w, step, sim_rows_last(rows).step);
}

static void effect_rewind(void *ctx, int64_t step)
{
    sim_world *w = ctx;
    if (!lives(w))
        return;
    rewind_rows(w, step);
}

static void effect_bring_back(void *ctx, const rt__rows_wanted *want, int64_t *newest)
{
    sim_world *w = ctx;
    sim_rows *rows = &w->shell->rows;
    if (!lives(w))
        return;
    int64_t count = sim_rows_bring_back(rows, want);
    for (int64_t i = rows->count - count; i < rows->count; i++)
        sim_rules_metrics(w, &rows->kept[i]);
    *newest = sim_rows_last(rows).step;
}

static rt_status effect_journal(void *ctx, const json_t *record)
{
    sim_world *w = ctx;
    if (!lives(w))
        return RT_OK;
    w->shell->lost_record |= w->now < w->disk.full_until;
    if (w->now < w->disk.full_until)
        return RT_FAIL(NOSPACE, "journal: cannot append: no space left on device: free some space");
    const char *kind = json_string_value(json_object_get(record, "kind"));
    sim_note_text(w, kind, "coordinator: journal record %lld:", w->disk.records);
    if (w->sabotage != SIM_LOST_RECORD || !json_object_get(record, "recovery_seconds"))
        sim_disk_log(&w->disk, record);
    return RT_OK;
}

static void step(sim_world *w, const rt__event *e);

/* ---- effects that are answered later ---- */

/* Gives the desk (coordinator/shell/desk.h) a job that takes up to `most`, and longer on a slow disk. */
static void put_on_desk(sim_world *w, sim_time most, sim_action *done, int64_t arg)
{
    sim_shell *s = w->shell;
    sim_time begin = s->desk_free > w->now ? s->desk_free : w->now;
    bool slow = w->now < w->disk.slow_until, at_once = sim_chance(&w->dice, 0.3);
    s->desk_free = begin + (at_once ? 0 : sim_below(&w->dice, slow ? 40 * most : most));
    sim_at(w, s->desk_free, self(), done, arg);
}

static void tell_unusable(sim_world *w)
{
    for (int64_t i = w->disk.checkpoints - 1; i >= 0 && w->disk.checkpoint[i].rotten; i--)
        step(w, &(rt__event){.kind = RT__EVENT_UNVERIFIED, .text = w->disk.checkpoint[i].path});
}

static void source_of(const sim_world *w, const sim_checkpoint *c, rt__source *out)
{
    *out = (rt__source){.step = c->step,
                        .path = rt_strdup(c->path),
                        .layout_hash = "layout",
                        .parameters = w->s->blocks * RT_BLOCK};
}

static void tell_recovered(sim_world *w, int64_t lookup, rt_status status, const char *why,
                           const sim_checkpoint *found)
{
    rt__source source = {0};
    if (found)
        source_of(w, found, &source);
    step(w, &(rt__event){.kind = RT__EVENT_RECOVERED,
                         .lookup = lookup,
                         .status = status,
                         .text = why,
                         .source = &source});
    rt__source_release(&source);
}

/* The first time also settles the configuration, which the journal's first record holds. */
static void recovered_first(sim_world *w, sim_pid who, int64_t lookup)
{
    (void)who;
    rt__history *h = &w->shell->run.history;
    tell_unusable(w);
    const sim_checkpoint *c = sim_disk_newest(&w->disk, INT64_MAX);
    if (!c && w->disk.checkpoints > 0) {
        tell_recovered(w, lookup, RT_E_CORRUPT, "checkpoints: none can be used", NULL);
        return;
    }
    if (h->run_id[0] == '\0') {
        json_t *record =
            json_pack("{s:s, s:s, s:s}", "kind", "run", "run", "simulated", "config", "");
        rt_status status = effect_journal(w, record);
        if (status == RT_OK)
            status = rt__history_apply_json(h, record);
        json_decref(record);
        if (status != RT_OK) {
            rt_error_clear();
            tell_recovered(w, lookup, status, "journal: no space left on device", NULL);
            return;
        }
    }
    tell_recovered(w, lookup, RT_OK, "", c);
}

/* A lookup's number, and up to which step a checkpoint may be, -1 too, in one. */
static int64_t pack_lookup(int64_t lookup, int64_t most)
{
    return lookup * STEPS_MOST + (most < STEPS_MOST - 1 ? most + 1 : STEPS_MOST - 1);
}

static void recovered_again(sim_world *w, sim_pid who, int64_t packed)
{
    (void)who;
    tell_unusable(w);
    tell_recovered(w, packed / STEPS_MOST, RT_OK, "",
                   sim_disk_newest(&w->disk, packed % STEPS_MOST - 1));
}

static void effect_recover(void *ctx, bool again, int64_t most, int64_t lookup)
{
    sim_world *w = ctx;
    const rt__run *r = &w->shell->run;
    if (!lives(w))
        return;
    bool settled = r->history.run_id[0] != '\0';
    if (!rt__run_has_job(r))
        sim_disk_tidy(&w->disk);
    if (again && settled)
        put_on_desk(w, RECOVER_MOST, recovered_again, pack_lookup(lookup, most));
    else
        put_on_desk(w, RECOVER_MOST, recovered_first, lookup);
}

enum { COMMIT_GOOD, COMMIT_NO_SPACE, COMMIT_NO_PIECE };

static void committed(sim_world *w, sim_pid who, int64_t arg)
{
    (void)who;
    static const struct {
        rt_status status;
        const char *text;
    } results[] = {
        [COMMIT_GOOD] = {RT_OK, NULL},
        [COMMIT_NO_SPACE] = {RT_E_NOSPACE, "manifest.json: no space left on device"},
        [COMMIT_NO_PIECE] = {RT_E_NOTFOUND, "a piece is not there"},
    };
    char path[48];
    rt__event e = {.kind = RT__EVENT_COMMITTED, .step = arg >> 2};
    snprintf(path, sizeof path, "checkpoints/step-%08" PRId64, e.step);
    e.status = results[arg & 3].status;
    e.text = e.status == RT_OK ? path : results[arg & 3].text;
    step(w, &e);
    if (e.status == RT_OK)
        sim_disk_prune(&w->disk, w->s->keep);
}

/* Was a checkpoint abandoned? Ranks that did not receive that from the coordinator that did it report their pieces to the next one. */
static bool was_discarded(const sim_world *w, int64_t step)
{
    const sim_shell *s = w->shell;
    return s->discarded_generation == s->run.generation && s->discarded[step % STEPS_MOST];
}

static void effect_commit(void *ctx, const rt__checkpoint *c)
{
    sim_world *w = ctx;
    const char *why = "";
    bool mixed = false;
    int64_t how = COMMIT_GOOD;
    if (!lives(w))
        return;
    int64_t pieces = w->sabotage == SIM_LOST_PIECE ? c->world - 1 : c->world;
    if (w->now < w->disk.full_until)
        how = COMMIT_NO_SPACE;
    else if (!sim_disk_commit(&w->disk, c->step, w->shell->run.generation, pieces,
                              w->s->blocks * RT_BLOCK, &why, &mixed))
        how = COMMIT_NO_PIECE;
    sim_note_text(w, why, "coordinator: commits step %lld, result %lld", c->step, how);
    if (how == COMMIT_GOOD)
        sim_rules_committed(w, c->step, mixed);
    else if (how == COMMIT_NO_PIECE && !was_discarded(w, c->step) &&
             !sim_disk_has(&w->disk, c->step)) /* unless it rotted since */
        sim_violate(w, "rule 3: step %" PRId64 " was to be committed, and a piece is not there",
                    c->step);
    put_on_desk(w, COMMIT_MOST, committed, c->step << 2 | how);
}

static void effect_discard(void *ctx, int64_t at_step)
{
    sim_world *w = ctx;
    sim_shell *s = w->shell;
    if (!lives(w))
        return;
    if (s->discarded_generation != s->run.generation)
        memset(s->discarded, 0, sizeof s->discarded);
    s->discarded_generation = s->run.generation;
    s->discarded[at_step % STEPS_MOST] = true;
    sim_disk_discard(&w->disk, at_step, s->run.generation);
}

/* ---- the process ---- */

static void released(sim_shell *s)
{
    if (s->made)
        rt__run_release(&s->run);
    s->made = false;
}

/* Keeps the history that the process had, to compare it with the one that its successor will read. */
static void keep_history(sim_shell *s)
{
    json_decref(s->history);
    bool comparable = s->made && !s->inside && !s->lost_record;
    s->history = comparable ? rt__history_records(&s->run.history) : NULL;
}

void sim_coordinator_die(sim_world *w)
{
    sim_shell *s = w->shell;
    if (!w->coordinator.alive)
        return;
    sim_note(w, "coordinator: killed, %lld. life", w->coordinator.life);
    w->coordinator.alive = false;
    sim_mail_coordinator_died(w);
    keep_history(s);
    released(s);
    sim_launcher_coordinator_gone(w);
}

void sim_coordinator_die_inside(sim_world *w, int64_t effects)
{
    w->shell->effects_left = effects;
}

/* Rule 7: a coordinator understands each record that one has written, and where it stands. */
static void read_journal(sim_world *w, rt__history *h)
{
    rt__history_init(h);
    for (int64_t i = 0; i < w->disk.records; i++)
        if (rt__history_visit(h, w->disk.journal[i]) != RT_OK) {
            sim_violate(w, "rule 7: the journal is refused: %s", rt_error());
            rt_error_clear();
        }
}

/* Rule 7: replaying the journal gives the history that was known. */
static void check_history(sim_world *w, const rt__history *h, json_t *known, const char *what)
{
    json_t *read = rt__history_records(h);
    if (!json_equal(read, known)) {
        char *a = json_dumps(known, JSON_SORT_KEYS), *b = json_dumps(read, JSON_SORT_KEYS);
        sim_violate(w, "rule 7: %s gives another history: %s, was %s", what, b, a);
        sim_note_text(w, a, "history known, %lld records:", w->disk.records);
        sim_note_text(w, b, "history read, %lld records:", w->disk.records);
        free(a);
        free(b);
    }
    json_decref(read);
}

static void make_journal_shorter(sim_world *w, const rt__history *h)
{
    if (w->disk.records < JOURNAL_LONG || h->run_id[0] == '\0' || w->now < w->disk.full_until)
        return;
    json_t *known = rt__history_records(h);
    sim_disk_shorten_log(&w->disk, json_array_get(known, 0));
    rt__history shorter;
    read_journal(w, &shorter);
    check_history(w, &shorter, known, "the journal made shorter");
    rt__history_release(&shorter);
    json_decref(known);
}

/* Gives the machine an event, as long as the process lives. */
static void step(sim_world *w, const rt__event *e)
{
    sim_shell *s = w->shell;
    if (!w->coordinator.alive)
        return;
    rt__phase before = s->run.phase;
    rt__run_step(&s->run, now(w), e);
    if (s->run.phase != before)
        sim_note_text(w, rt__run_phase_name(s->run.phase), "coordinator: g%lld is in phase",
                      s->run.generation);
    if (s->run.violation[0])
        sim_violate(w, "%s", s->run.violation);
    if (rt_failed()) {
        sim_violate(w, "an error is left in the slot: %s", rt_error());
        rt_error_clear();
    }
    if (s->effects_left == 0) {
        s->inside = true;
        sim_coordinator_die(w);
        return;
    }
    make_journal_shorter(w, &s->run.history);
    if (rt__run_ended(&s->run)) {
        w->coordinator.alive = false;
        sim_launcher_coordinator_left(w);
    }
}

static void tick(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    step(w, &(rt__event){.kind = RT__EVENT_TICK});
    sim_after(w, TICK_EVERY, who, tick, 0);
}

/* Notes a message, unless it is one that arrives all the time. */
static void note_received(sim_world *w, sim_pid from, rt_msg_type type)
{
    const char *name = rt_msg_name(type);
    if (type == RT_MSG_PROGRESS || type == RT_MSG_ALIVE || type == RT_MSG_REPORT ||
        type == RT_MSG_CHECKSUM)
        return;
    if (from.rank >= 0)
        sim_note_text(w, name, "coordinator: hears worker %lld of g%lld:", from.rank,
                      from.generation);
    else
        sim_note_text(w, name,
                      from.rank == SIM_TOOL ? "coordinator: hears a tool:"
                                            : "coordinator: hears the launcher:",
                      0);
}

void sim_coordinator_receives(sim_world *w, sim_pid from, const sim_letter *l)
{
    rt_frame f;
    char address[64], sender[64];
    sim_mail_address(from, address);
    memcpy(sender, address, sizeof sender);
    sender[strcspn(sender, "#")] = '\0';
    sim_letter_read(l, address, sender, &f);
    note_received(w, from, l->type);
    if (w->sabotage == SIM_DEAF && l->type == RT_MSG_EXITED)
        return;
    for (int i = 0; w->sabotage == SIM_FLOOD && from.rank >= 0 && i < 10; i++)
        sim_mail_answer(w, address, l->generation, RT_MSG_COMMITTED, &(rt_msg_committed){});
    step(w, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &f});
}

/* ---- its start, as in coordinator/shell/shell.c ---- */

static void compare_by(rt_config *cfg, const char *metric)
{
    rt_mem_free(cfg->checkpoint.best);
    cfg->checkpoint.best = rt_strdup(metric);
}

static void configure(const sim_scenario *s, rt_config *cfg)
{
    rt_config_default(cfg);
    cfg->run.steps = s->steps;
    cfg->run.report_every = s->report_every;
    cfg->run.max_restarts = s->max_restarts;
    cfg->run.hash_every = s->hash_every;
    cfg->run.stall_action = s->stall_restart ? RT_CFG_STALL_RESTART : RT_CFG_STALL_REPORT;
    cfg->run.nan_loss = (rt_cfg_run_nan_loss)s->nan_loss;
    cfg->parallel.workers = s->workers;
    cfg->parallel.slices = s->slices;
    cfg->data.batch = 4 * s->slices;
    cfg->checkpoint.every = s->checkpoint_every;
    cfg->checkpoint.keep = s->keep;
    cfg->evaluate.every = s->evaluate_every;
    cfg->run.patience = s->patience;
    if (s->evaluate_every > 0)
        compare_by(cfg, s->best_is_most ? sim_metric()->name : "loss");
    cfg->snapshot.every = s->snapshot_every;
    if (s->hosts > 1) {
        rt_mem_free(cfg->parallel.hostfile);
        cfg->parallel.hostfile = rt_strdup("hosts");
    }
}

/* Moves away the rows that the plan of the last generation repeats, if the predecessor journaled the plan and died before it did that. */
static void finish_rewinding(sim_world *w, const rt__history *h)
{
    sim_shell *s = w->shell;
    sim_row last = sim_rows_last(&s->rows);
    if (!h->planned || last.step <= h->start_step || last.generation == h->generation)
        return;
    rewind_rows(w, h->start_step);
}

/* Returns false if the journal cannot be written; the process then reports that and ends. */
static bool open_journal(sim_world *w, bool again, rt__history *h)
{
    sim_shell *s = w->shell;
    read_journal(w, h);
    if (s->history && again)
        check_history(w, h, s->history, "the journal read again");
    json_decref(s->history);
    s->history = NULL;
    finish_rewinding(w, h);
    make_journal_shorter(w, h);
    if (again || w->disk.records == 0)
        return true;
    json_t *record = json_pack("{s:s}", "kind", "launch");
    rt_status status = effect_journal(w, record);
    if (status == RT_OK)
        status = rt__history_apply_json(h, record);
    json_decref(record);
    rt_error_clear();
    return status == RT_OK;
}

void sim_coordinator_start(sim_world *w, bool again)
{
    sim_shell *s = w->shell;
    rt__history history;
    released(s);
    s->effects_left = -1;
    s->desk_free = 0;
    s->inside = s->lost_record = false;
    sim_process_start(&w->coordinator, 0);
    sim_note(w, "coordinator: started, %lld. life, again: %lld", w->coordinator.life, again);
    if (!open_journal(w, again, &history)) {
        rt__history_release(&history);
        w->coordinator.alive = false;
        sim_launcher_coordinator_refused(w, "journal: cannot append: no space left on device");
        return;
    }
    s->generation = history.generation;
    s->effects = (rt__effects){
        .ctx = w,
        .send = effect_send,
        .generation = effect_generation,
        .line = effect_line,
        .rewind = effect_rewind,
        .bring_back = effect_bring_back,
        .journal = effect_journal,
        .recover = effect_recover,
        .commit = effect_commit,
        .discard = effect_discard,
    };
    rt__run_init(&s->run, &(rt__run_facts){.cfg = &s->cfg,
                                           .config_hash = SIM_CONFIG_HASH,
                                           .run_id = "simulated",
                                           .dir = "runs/simulated",
                                           .effects = &s->effects,
                                           .history = history,
                                           .takes_over = again,
                                           .metrics_step = sim_rows_last(&s->rows).step});
    s->made = true;
    sim_mail_coordinator_listens(w);
    sim_after(w, TICK_EVERY, self(), tick, 0);
}

void sim_coordinator_new(sim_world *w)
{
    w->shell = sim_alloc(sizeof *w->shell);
    configure(w->s, &w->shell->cfg);
}

void sim_coordinator_free(sim_world *w)
{
    released(w->shell);
    json_decref(w->shell->history);
    sim_rows_release(&w->shell->rows);
    rt_config_release(&w->shell->cfg);
    sim_free(w->shell);
}

/* ---- for the rules ---- */

const rt_config *sim_coordinator_config(const sim_world *w)
{
    return &w->shell->cfg;
}

sim_view sim_coordinator_view(const sim_world *w)
{
    const rt__run *r = &w->shell->run;
    if (!w->coordinator.alive || !w->shell->made)
        return (sim_view){.phase = "(none)"};
    return (sim_view){
        .phase = rt__run_phase_name(r->phase),
        .running = r->phase == RT__RUN,
        .ended = rt__run_ended(r),
        .failed = rt__run_failed(r),
        .generation = r->generation,
        .world = r->roster.world,
        .target = r->history.target,
        .unsettled =
            r->phase == RT__RUN &&
            rt__hosts_would_change(&r->hosts, rt__run_wanted_workers(r), r->roster.world, now(w)),
        .watched_since =
            w->launcher.started + (sim_time)(fmax(r->awake_since, r->phase_since) * SIM_SECOND),
        .newest_step = r->newest_step,
        .failure = r->failure,
        .open_checkpoints = r->checkpoints.count,
        .doubt_step = rt__doubts_last(&r->history.doubts).step,
        .doubt_generation = rt__doubts_last(&r->history.doubts).generation,
    };
}

/* The longest chain: a worker is found lost, its host cools down, a generation is gathered in vain, the next one succeeds, and in the end its
 * workers do not leave by themselves. */
sim_time sim_coordinator_patience(void)
{
    return (RT__ACT_DISK_SECONDS + 2 * RT__GATHER_SECONDS + 3 * RT__LEAVE_SECONDS +
            RT__BACKOFF_MOST + RT__COOLDOWN_MOST) *
           (sim_time)SIM_SECOND;
}
