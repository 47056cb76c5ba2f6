/* Drives the state machine with short texts and logs its effects, for tests.
 *
 *     machine m;
 *     machine_init(&m, 2);                                     // two workers, 100 steps, no evaluation
 *     machine_feed(&m, 0.5, "launcher");
 *     assert_string_equal(machine_done(&m), "recover");
 *
 * Events: launcher JOB | recovered STEP BEFORE (answers so many looks before the last) | chosen STEP (recovered, as the user asked) | unrecoverable | misfit RANK | stranger | layout |
 *     hello RANK STEP PLANNED OFFER (it has finished STEP, has a plan if PLANNED, offers a whole snapshot of OFFER if > 0) |
 *     progress RANK STEP SNAPSHOT | waits RANK STEP PEER SECONDS | works RANK STEP SECONDS | report STEP | evaluated STEP RIGHT LOSS (6 of 8; in hundredths, < 0: not a number) | piece RANK STEP | nopiece RANK STEP |
 *     committed STEP | uncommitted STEP | finished RANK STEP | fault RANK CODE | early RANK CODE (a fault before its HELLO) |
 *     exited GENERATION CODE SIGNAL RANK | interrupt SIGNAL | tick | verifying BYTES (of 1000) |
 *     scale W | save | stop (of a tool, t) | leave RANK | sum RANK STEP VALUE | skipped STEP |
 *     snapshots EVERY (a key of the configuration) |
 *     hosts COUNT SLOTS (h0, h1, ... with so many slots each) | gone HOST_NUMBER (EXITED with host hN) | probed HOST_NUMBER OK |
 *     badhosts | badlayout | badevaluation | badpiece RANK (what no worker of ours and no launcher sends) |
 *     full | room (journal records fail, or no longer) | linesfull | linesroom (the same of events, metrics and the summary) | nomemory N (the next event's allocation after N others fails)
 * Effects: recover | again | gN | TYPE>PEER (w0, w1, …, l) | event:NAME | metrics | rewind:STEP |
 *     summary:STATUS | journal:KIND | commit:STEP | discard:STEP. SHOW is left out. */
#ifndef RINGTORCH_TESTS_UNIT_COORDINATOR_MACHINE_H
#define RINGTORCH_TESTS_UNIT_COORDINATOR_MACHINE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/mem.h"
#include "common/control/events.h"
#include "common/control/results.h"
#include "common/control/sentence.h"
#include "coordinator/machine/machine.h"

typedef struct machine {
    rt__run run;
    rt_config cfg;
    rt__effects effects;
    char log[4096];     /* effects since the last machine_done */
    char told[4096];    /* what machine_done returned */
    int64_t stop_after; /* of the last STOP */
    rt_msg_plan plan;   /* the last one, without its texts and lists */
    rt_best best;       /* the one in the last PLAN */
    char init_sha256[65];
    char message[2048]; /* of RUN_ENDED */
    int64_t exit_code;  /* of RUN_ENDED; -1: none yet */
    bool kept;          /* of RUN_ENDED: "RUN_ENDED>l kept" */
    bool journal_full;  /* make journal records fail */
    bool lines_full;    /* make all other lines fail; "lost" is logged for each */
    json_t *summary;
    char cause[512], host[64]; /* of the last worker_lost */
    char text[1024];           /* of the last event that has one */
    int64_t lost_told;         /* lines of events.jsonl, as the last lines_lost shows */
    json_t *journal;           /* for tests that replay it */
} machine;

__attribute__((format(printf, 2, 3))) static inline void machine_note(machine *m, const char *fmt,
                                                                      ...)
{
    size_t used = strlen(m->log);
    va_list ap;
    va_start(ap, fmt);
    if (used)
        m->log[used++] = ' ';
    vsnprintf(m->log + used, sizeof m->log - used, fmt, ap);
    va_end(ap);
}

/* Checks a line of progress against its rows: it is shown, but written nowhere. */
static inline void machine_shown(machine *m, const char *text)
{
    rt_run_progress row;
    json_t *shown = json_loads(text, 0, NULL);
    if (strcmp(rt__field_text(shown, "event"), "lines_fail") == 0)
        snprintf(m->text, sizeof m->text, "%s", rt__field_text(shown, "reason"));
    if (strcmp(rt__field_text(shown, "event"), "lines_lost") == 0)
        m->lost_told = rt__field_int(shown, "events", -1);
    if (strcmp(rt__field_text(shown, "event"), "progress") == 0) {
        json_object_del(shown, "event");
        memcpy(&row, rt_run_progress_schema.defaults, sizeof row);
        if (rt__schema_set(&rt_run_progress_schema, &row, shown) != RT_OK)
            fail_msg("%s: %s", text, rt_error());
    }
    json_decref(shown);
}

static inline void machine_send(void *ctx, const char *peer, rt_msg_type type, const void *body)
{
    machine *m = ctx;
    if (type == RT_MSG_SHOW)
        machine_shown(m, ((const rt_msg_show *)body)->json);
    if (type == RT_MSG_SHOW)
        return;
    if (type == RT_MSG_PLAN) {
        m->plan = *(const rt_msg_plan *)body;
        snprintf(m->init_sha256, sizeof m->init_sha256, "%s", m->plan.init_sha256);
        assert_int_equal(rt_best_parse(m->plan.best, &m->best), RT_OK);
    }
    if (type == RT_MSG_STOP)
        m->stop_after = ((const rt_msg_stop *)body)->after_step;
    if (type == RT_MSG_RUN_ENDED) {
        const rt_msg_run_ended *end = body;
        m->exit_code = end->exit_code;
        snprintf(m->message, sizeof m->message, "%s", end->message ? end->message : "");
        m->kept = end->keep;
    }
    machine_note(m, "%s>%s%s", rt_msg_name(type), peer,
                 type == RT_MSG_RUN_ENDED && m->kept ? " kept" : "");
}

static inline void machine_generation(void *ctx, int64_t generation)
{
    machine_note(ctx, "g%lld", (long long)generation);
}

static inline rt_status machine_line(void *ctx, rt__line where, const json_t *object)
{
    machine *m = ctx;
    rt_event read_back;
    if (m->lines_full) {
        machine_note(m, "lost");
        return RT_FAIL(NOSPACE, "events.jsonl: cannot append: no space left on device");
    }
    if (where == RT__LINE_EVENT && rt_event_read(object, &read_back) != RT_OK)
        fail_msg("%s", rt_error());
    if (where == RT__LINE_EVENT)
        machine_note(m, "event:%s", json_string_value(json_object_get(object, "event")));
    else if (where == RT__LINE_METRICS)
        machine_note(m, "metrics");
    else
        machine_note(m, "summary:%s", json_string_value(json_object_get(object, "status")));
    const char *cause = json_string_value(json_object_get(object, "cause"));
    if (cause) {
        snprintf(m->cause, sizeof m->cause, "%s", cause);
        snprintf(m->host, sizeof m->host, "%s", json_string_value(json_object_get(object, "host")));
    }
    const char *text = json_string_value(json_object_get(object, "text"));
    rt_text sentence = {0};
    if (!text && where == RT__LINE_EVENT && read_back.id == RT_EVENT_missing)
        rt__sentence_of(object, &sentence);
    if (text || sentence.data)
        snprintf(m->text, sizeof m->text, "%s", text ? text : sentence.data);
    rt_mem_free(sentence.data);
    if (where == RT__LINE_SUMMARY) {
        json_decref(m->summary);
        m->summary = json_deep_copy(object);
    }
    return RT_OK;
}

static inline void machine_rewind(void *ctx, int64_t step)
{
    machine_note(ctx, "rewind:%lld", (long long)step);
}

/* Nothing was moved away. */
static inline void machine_bring_back(void *ctx, const rt__rows_wanted *want, int64_t *newest)
{
    (void)ctx, (void)want, (void)newest;
}

static inline rt_status machine_journal(void *ctx, const json_t *record)
{
    machine *m = ctx;
    if (m->journal_full)
        return RT_FAIL(NOSPACE, "journal: no space left on device");
    machine_note(m, "journal:%s", json_string_value(json_object_get(record, "kind")));
    return RT_OK;
}

static inline void machine_recover(void *ctx, bool again, int64_t most, int64_t lookup)
{
    (void)lookup;
    if (most < INT64_MAX)
        machine_note(ctx, "%s<=%lld", again ? "again" : "recover", (long long)most);
    else
        machine_note(ctx, "%s", again ? "again" : "recover");
}

static inline void machine_commit(void *ctx, const rt__checkpoint *c)
{
    machine_note(ctx, "commit:%lld", (long long)c->step);
}

static inline void machine_discard(void *ctx, int64_t step)
{
    machine_note(ctx, "discard:%lld", (long long)step);
}

/* Makes the configuration: to set more keys, call this, set them, then call machine_begin. */
static inline void machine_configure(machine *m, int workers)
{
    *m = (machine){.exit_code = -1, .stop_after = -2};
    char set[40];
    snprintf(set, sizeof set, "parallel.workers=%d", workers);
    assert_int_equal(rt_config_default(&m->cfg), RT_OK);
    assert_int_equal(rt_config_set(&m->cfg, set), RT_OK);
    assert_int_equal(rt_config_set(&m->cfg, "run.steps=100"), RT_OK);
    assert_int_equal(rt_config_set(&m->cfg, "parallel.slices=8"), RT_OK);
    assert_int_equal(rt_config_set(&m->cfg, "run.max_restarts=2"), RT_OK);
    assert_int_equal(rt_config_set(&m->cfg, "run.hash_every=0"), RT_OK);
    assert_int_equal(rt_config_set(&m->cfg, "evaluate.final=false"), RT_OK);
    m->effects = (rt__effects){.ctx = m,
                               .send = machine_send,
                               .generation = machine_generation,
                               .line = machine_line,
                               .rewind = machine_rewind,
                               .bring_back = machine_bring_back,
                               .journal = machine_journal,
                               .recover = machine_recover,
                               .commit = machine_commit,
                               .discard = machine_discard};
}

/* Makes the machine with a history (taken over), as the first coordinator of a run or as one that takes over (`again`). */
static inline void machine_begin(machine *m, rt__history history, bool again)
{
    /* The shell has journaled the run's beginning. */
    rt_record_follows(&history.order, RT_RECORD_run, &(rt_record_run){.run = "testrun"});
    rt__run_init(&m->run, &(rt__run_facts){.cfg = &m->cfg,
                                           .config_hash = "c0ffee",
                                           .run_id = "testrun",
                                           .dir = "runs/test",
                                           .effects = &m->effects,
                                           .history = history,
                                           .takes_over = again,
                                           .metrics_step = -1});
}

static inline void machine_init(machine *m, int workers)
{
    rt__history history;
    machine_configure(m, workers);
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(m, history, false);
}

static inline void machine_release(machine *m)
{
    rt__run_release(&m->run);
    rt_config_release(&m->cfg);
    json_decref(m->summary);
    json_decref(m->journal);
    m->summary = m->journal = NULL;
}

/* Returns the effects since the last call. */
static inline const char *machine_done(machine *m)
{
    memcpy(m->told, m->log, sizeof m->told);
    m->log[0] = '\0';
    return m->told;
}

static inline void machine_frame(machine *m, double now, const char *peer, rt_msg_type type,
                                 rt_msg_body body)
{
    rt_frame f = {.generation = m->run.generation, .type = type, .body = body};
    snprintf(f.peer, sizeof f.peer, "%s", peer);
    rt__run_step(&m->run, now, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &f});
}

static inline void machine_worker(machine *m, double now, int64_t rank, rt_msg_type type,
                                  rt_msg_body body)
{
    char peer[32];
    snprintf(peer, sizeof peer, "w%lld", (long long)rank);
    machine_frame(m, now, peer, type, body);
}

static inline void machine_evaluated(machine *m, double now, int64_t step, int64_t right,
                                     double loss)
{
    int64_t of = 8;
    rt_evaluated e = {.step = step, .count = of};
    rt_metrics_add(&e.metrics, "loss", loss);
    rt_metrics_add(&e.metrics, "accuracy", (double)right / (double)of);
    char *text = rt_evaluated_text(&e, 0);
    machine_worker(m, now, 0, RT_MSG_EVALUATED,
                   (rt_msg_body){.evaluated = {.step = step, .evaluation = text}});
    rt_mem_free(text);
}

static inline rt_msg_body machine_hello(const machine *m, int64_t rank, const char *isa)
{
    return (rt_msg_body){.hello = {.host = "box",
                                   .plan_hash = "",
                                   .task = "classification",
                                   .snapshot_trouble = "",
                                   .pid = 100 + rank,
                                   .rank = rank,
                                   .world = m->cfg.parallel.workers,
                                   .device = "cpu",
                                   .isa = isa,
                                   .blas = "none",
                                   .config_hash = "c0ffee",
                                   .layout_hash = "layout",
                                   .parameters = 10,
                                   .elements = 10,
                                   .samples = 6400}};
}

static inline void machine_join(machine *m, double now, int64_t rank, int64_t step, int64_t planned,
                                int64_t offered)
{
    rt_msg_body body = machine_hello(m, rank, "avx2");
    const rt_msg_offer offer = {.generation = m->run.generation - 1, .step = offered, .end = 10};
    body.hello.step = step;
    body.hello.world = m->run.roster.world;
    body.hello.plan_hash = planned ? "c0ffee" : "";
    body.hello.offers = &offer;
    body.hello.offers_count = offered > 0;
    machine_worker(m, now, rank, RT_MSG_HELLO, body);
}

/* before: the answer is not to the last lookup, but to one so many before it. exact: the user chose this state. */
static inline void machine_recovered(machine *m, double now, int64_t step, int64_t before,
                                     bool exact)
{
    rt__source source = {.step = step, .layout_hash = "layout", .parameters = 10, .exact = exact};
    if (step > 0)
        source.path = rt_strdup("step-x");
    rt__run_step(&m->run, now,
                 &(rt__event){.kind = RT__EVENT_RECOVERED,
                              .lookup = m->run.lookup.number - before,
                              .source = &source});
    rt__source_release(&source);
}

/* An event's words: what it is, and up to four numbers. */
typedef struct machine_words {
    char what[32];
    long long a, b, c, d;
} machine_words;

#define IS(name)         (strcmp(what, name) == 0)
#define BODY(field, ...) ((rt_msg_body){.field = {__VA_ARGS__}})
#define WORDS(w)                                                                                   \
    const char *what = (w)->what;                                                                  \
    long long a = (w)->a, b = (w)->b, c = (w)->c, d = (w)->d;                                      \
    (void)a, (void)b, (void)c, (void)d

/* The three functions below return false for events that are not theirs. */
static inline bool machine_feed_worker(machine *m, double now, const machine_words *w)
{
    WORDS(w);
    char piece[40];
    snprintf(piece, sizeof piece, "piece-%05lld.safetensors", a);
    if (IS("hello"))
        machine_join(m, now, a, b, c, d);
    else if (IS("misfit"))
        machine_worker(m, now, a, RT_MSG_HELLO, machine_hello(m, a, "avx512"));
    else if (IS("waits"))
        machine_worker(m, now, a, RT_MSG_PROGRESS,
                       BODY(progress, .step = b, .phase = RT_PHASE_REDUCE, .what = "reduce",
                            .peer = c, .since = (double)d, .usual = 0.01, .snapshot_step = -1));
    else if (IS("works"))
        machine_worker(m, now, a, RT_MSG_PROGRESS,
                       BODY(progress, .step = b, .phase = RT_PHASE_FORWARD, .what = "conv2d",
                            .peer = -1, .since = (double)c, .usual = 0.01, .snapshot_step = -1));
    else if (IS("progress"))
        machine_worker(m, now, a, RT_MSG_PROGRESS,
                       BODY(progress, .step = b, .what = "", .peer = -1,
                            .snapshot_step = c > 0 ? c : -1, .rss_bytes = 4096));
    else if (IS("report"))
        machine_worker(
            m, now, 0, RT_MSG_REPORT,
            BODY(report, .step = a, .loss = 1 / (1 + (double)a), .seconds = 0.1 * (double)a));
    else if (IS("layout") || IS("badlayout"))
        machine_worker(
            m, now, 0, RT_MSG_LAYOUT,
            BODY(layout, .json = IS("layout") ? "[]" : "[", .init_sha256 = "", .layers = ""));
    else if (IS("evaluated"))
        machine_evaluated(m, now, a, b > 0 ? b : 6, c < 0 ? NAN : (double)c / 100);
    else if (IS("badevaluation"))
        machine_worker(m, now, 0, RT_MSG_EVALUATED, BODY(evaluated, .step = 1, .evaluation = "{"));
    else if (IS("badpiece"))
        machine_worker(m, now, a, RT_MSG_PIECE_DONE,
                       BODY(piece_done, .step = 1, .file = "../x", .checksum = ""));
    else if (IS("piece"))
        machine_worker(
            m, now, a, RT_MSG_PIECE_DONE,
            BODY(piece_done, .step = b, .file = piece, .bytes = 1, .checksum = "0123456789abcdef"));
    else if (IS("nopiece"))
        machine_worker(m, now, a, RT_MSG_PIECE_FAILED,
                       BODY(piece_failed, .step = b, .reason = "disk full"));
    else if (IS("finished"))
        machine_worker(m, now, a, RT_MSG_FINISHED,
                       BODY(finished, .step = b, .weights_sha256 = a == 0 ? "abc" : "",
                            .snapshot_step = c > 0 ? c : -1));
    else if (IS("fault"))
        machine_worker(m, now, a, RT_MSG_FAULT,
                       BODY(fault, .code = b, .message = c > 0 ? "it broke here" : "it broke",
                            .step = d, .slice = c > 0 ? c : -1, .place = ""));
    else if (IS("early")) {
        rt_frame f = {.generation = m->run.generation,
                      .type = RT_MSG_FAULT,
                      .body =
                          BODY(fault, .code = (rt_status)b, .message = "it broke", .place = "")};
        snprintf(f.peer, sizeof f.peer, "w%lld", a);
        snprintf(f.sender, sizeof f.sender, "worker %lld", a);
        rt__run_step(&m->run, now, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &f});
    } else if (IS("leave"))
        machine_worker(m, now, a, RT_MSG_LEAVE, BODY(leave, .reason = "SIGTERM", .grace = 30));
    else if (IS("sum"))
        machine_worker(m, now, a, RT_MSG_CHECKSUM,
                       BODY(checksum, .step = b, .slice = -1, .sum = c));
    else if (IS("skipped"))
        machine_worker(m, now, 0, RT_MSG_SKIPPED, BODY(skipped, .step = a));
    else
        return false;
    return true;
}

static inline void machine_hosts(machine *m, double now, int64_t count, int64_t slots)
{
    const char *const names[] = {"h0", "h1", "h2"};
    const int64_t each[] = {slots, slots, slots};
    machine_frame(m, now, "l", RT_MSG_HOSTS,
                  (rt_msg_body){.hosts = {.hosts = (const char **)names,
                                          .hosts_count = count,
                                          .slots = (int64_t *)each,
                                          .slots_count = slots < 0 ? 0 : count}});
}

static inline bool machine_feed_launcher(machine *m, double now, const machine_words *w)
{
    WORDS(w);
    if (IS("launcher"))
        machine_frame(m, now, "l", RT_MSG_LAUNCHER,
                      BODY(launcher, .pid = 1, .host = "box", .job_generation = a,
                           .starts_once = b ? "mpirun" : ""));
    else if (IS("exited"))
        machine_frame(m, now, "l", RT_MSG_EXITED,
                      BODY(exited, .job_generation = a, .exit_code = b, .signal = c, .rank = d,
                           .host = "", .reason = c == 0 && (d >= 0 || b == 127) ? "two" : ""));
    else if (IS("gone"))
        machine_frame(m, now, "l", RT_MSG_EXITED,
                      BODY(exited, .job_generation = m->run.generation, .exit_code = 205,
                           .rank = -1, .host = a == 0 ? "h0" : "h1", .reason = ""));
    else if (IS("hosts"))
        machine_hosts(m, now, a, b);
    else if (IS("badhosts"))
        machine_hosts(m, now, 1, -1);
    else if (IS("probed"))
        machine_frame(m, now, "l", RT_MSG_PROBED,
                      BODY(probed, .host = a == 0 ? "h0" : "h1", .ok = b));
    else if (IS("interrupt"))
        machine_frame(m, now, "l", RT_MSG_INTERRUPT, BODY(interrupt, .signal = a, .reason = ""));
    else
        return false;
    return true;
}

static inline bool machine_feed_other(machine *m, double now, const machine_words *w)
{
    WORDS(w);
    if (IS("recovered") || IS("chosen"))
        machine_recovered(m, now, a, b, IS("chosen"));
    else if (IS("unrecoverable"))
        rt__run_step(&m->run, now,
                     &(rt__event){.kind = RT__EVENT_RECOVERED,
                                  .lookup = m->run.lookup.number,
                                  .status = RT_E_CORRUPT,
                                  .text = "it is altered"});
    else if (IS("committed") || IS("uncommitted"))
        rt__run_step(&m->run, now,
                     &(rt__event){.kind = RT__EVENT_COMMITTED,
                                  .step = a,
                                  .status = IS("committed") ? RT_OK : RT_E_NOSPACE,
                                  .text = IS("committed") ? "step-x" : "disk full"});
    else if (IS("scale"))
        machine_frame(m, now, "t", RT_MSG_SCALE, BODY(scale, .workers = a));
    else if (IS("save"))
        machine_frame(m, now, "t", RT_MSG_CHECKPOINT_NOW, BODY(checkpoint_now, .reason = ""));
    else if (IS("stop"))
        machine_frame(m, now, "t", RT_MSG_STOP_RUN, BODY(stop_run, .reason = ""));
    else if (IS("stranger"))
        machine_frame(m, now, "x", RT_MSG_REPORT, BODY(report, .step = 99));
    else if (IS("full") || IS("room"))
        m->journal_full = IS("full");
    else if (IS("linesfull") || IS("linesroom"))
        m->lines_full = IS("linesfull");
    else if (IS("nomemory"))
        rt_mem_fail_after(a);
    else if (IS("snapshots"))
        m->cfg.snapshot.every = a;
    else if (IS("verifying"))
        rt__run_step(&m->run, now,
                     &(rt__event){.kind = RT__EVENT_VERIFYING,
                                  .text = "runs/x/checkpoints/step-00000500",
                                  .bytes = a,
                                  .total = 1000});
    else if (IS("tick"))
        rt__run_step(&m->run, now, &(rt__event){.kind = RT__EVENT_TICK});
    else
        return false;
    return true;
}
#undef IS
#undef BODY
#undef WORDS

static inline void machine_feed(machine *m, double now, const char *event)
{
    machine_words w = {0};
    sscanf(event, "%31s %lld %lld %lld %lld", w.what, &w.a, &w.b, &w.c, &w.d);
    if (!machine_feed_worker(m, now, &w) && !machine_feed_launcher(m, now, &w) &&
        !machine_feed_other(m, now, &w))
        fail_msg("no such event: %s", event);
    if (m->run.violation[0])
        fail_msg("%s: %s", event, m->run.violation);
}

static inline int64_t summary_int(const machine *m, const char *key)
{
    return json_integer_value(json_object_get(m->summary, key));
}

#endif
