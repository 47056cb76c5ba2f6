/* Carries out the machine's effects, and runs the loop that feeds it events. */
#include "coordinator/shell/loop.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/output.h"
#include "common/state/data_identity.h"
#include "common/state/preprocessing.h"
#include "coordinator/books/journal_length.h"
#include "coordinator/shell/shell.h"
#include "coordinator/shell/store.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TICK_SECONDS = 0.25;
enum { FRAMES_AT_A_TIME = 1000 };

static double now(const rt__shell *s)
{
    return rt_clock() - s->options->started;
}

/* Logs the failure in the slot and goes on: for things that a run can do without. */
static void log_failure(const char *what)
{
    rt_log_error("%s: %s", what, rt_error());
    rt_error_clear();
}

static void step(rt__shell *s, const rt__event *e);

/* ---- effects that are done at once ---- */

static void effect_send(void *ctx, const char *peer, rt_msg_type type, const void *body)
{
    rt__shell *s = ctx;
    if (rt_wire_send(s->wire, peer, type, body) != RT_OK)
        log_failure(rt_msg_name(type));
}

static void effect_generation(void *ctx, int64_t generation)
{
    rt__shell *s = ctx;
    for (int64_t k = 0; k < s->run.roster.world; k++)
        if (s->run.roster.member[k].joined)
            rt_wire_forget(s->wire, s->run.roster.member[k].peer);
    rt_wire_set_generation(s->wire, generation);
}

static rt_status effect_line(void *ctx, rt__line where, const json_t *object)
{
    rt__shell *s = ctx;
    char *text = rt_json_text(object);
    rt_status status = text ? RT_OK : rt_error_code();
    if (text && where == RT__LINE_SUMMARY)
        status = rt_file_replace(s->summary, text, strlen(text));
    else if (text)
        status = rt_file_append_line(where == RT__LINE_EVENT ? s->events : s->metrics, text);
    if (text && where == RT__LINE_EVENT)
        rt_log_info("%s", text);
    rt_mem_free(text);
    return status;
}

static void effect_rewind(void *ctx, int64_t step_number)
{
    rt__shell *s = ctx;
    int64_t newest;
    rt__metrics m = {s->metrics, s->metrics_abandoned};
    if (rt__metrics_rewind(&m, step_number, &newest) != RT_OK)
        log_failure("rows of steps that are made again stay in metrics.jsonl");
}

static void effect_bring_back(void *ctx, const rt__rows_wanted *want, int64_t *newest)
{
    rt__shell *s = ctx;
    rt__metrics m = {s->metrics, s->metrics_abandoned};
    if (rt__metrics_bring_back(&m, want, newest) != RT_OK)
        log_failure("rows of steps that are not made again stay in metrics-abandoned.jsonl");
}

static rt_status effect_journal(void *ctx, const json_t *record)
{
    rt_status status = rt__journal_append(((rt__shell *)ctx)->journal, record);
    if (status != RT_OK)
        rt_log_error("%s", rt_error());
    return status;
}

static void effect_recover(void *ctx, bool again, int64_t most, int64_t lookup)
{
    rt__shell *s = ctx;
    s->recover = true;
    s->recover_again = again;
    s->recover_most = most;
    s->recover_lookup = lookup;
}

/* ---- jobs for the desk ---- */

/* Why checkpoints cannot be used, for the events. */
typedef struct remarks {
    char *line[16];
    int count;
} remarks;

static void remark(void *ctx, const char *reason)
{
    remarks *r = ctx;
    if (r->count < (int)(sizeof r->line / sizeof *r->line) &&
        (r->line[r->count] = rt_strdup(reason)))
        r->count++;
}

static void report_unverified(rt__shell *s, remarks *r)
{
    for (int i = 0; i < r->count; i++) {
        step(s, &(rt__event){.kind = RT__EVENT_UNVERIFIED, .text = r->line[i]});
        rt_mem_free(r->line[i]);
    }
    r->count = 0;
}

/* A job of any kind, with its own copy of what it needs. */
typedef struct job {
    rt__shell *shell;
    rt__checkpoint checkpoint;           /* commit, discard */
    rt_manifest facts;                   /* commit; strings owned by this job */
    int64_t generation;                  /* of a checkpoint; recover: the one that is alive, or 0 */
    char *layout, *data, *preprocessing; /* JSON; NULL: not known, none */
    char *yaml;
    char config_hash[65], layout_hash[65], task[64];
    int64_t most, lookup; /* recover */
    int64_t *best;        /* [bests] steps of the best evaluations, the best first; owned */
    int64_t bests;
    rt__found found; /* recover, the first time ... */
    char *init;      /* ... in a run that may be new: model.init */
    rt__source source;
    rt_status status;
    char *text; /* path or error; owned */
    remarks remarks;
} job;

static job *job_new(rt__shell *s)
{
    job *j = rt_calloc(1, sizeof *j);
    if (j)
        j->shell = s;
    return j;
}

static void job_free(job *j)
{
    rt__checkpoint_release(&j->checkpoint);
    rt__source_release(&j->source);
    rt_mem_free(j->best);
    rt__found_release(&j->found);
    rt_mem_free(j->init);
    rt_mem_free(j->layout);
    rt_mem_free(j->data);
    rt_mem_free(j->preprocessing);
    rt_mem_free(j->yaml);
    rt_mem_free(j->text);
    rt_mem_free(j);
}

/* Keeps the failure in the slot with the job. */
static void job_failed(job *j, rt_status status)
{
    j->status = status;
    if (status == RT_OK)
        return;
    rt_mem_free(j->text);
    j->text = rt_strdup(rt_error());
    rt_error_clear();
}

/* ---- commit ---- */

/* *out stays NULL if text is NULL. */
static rt_status parse_fact(const char *text, json_t **out)
{
    return text ? rt_json_parse(text, strlen(text), "manifest", out) : RT_OK;
}

static void commit_work(void *arg)
{
    job *j = arg;
    rt_manifest *facts = &j->facts;
    rt_status status = parse_fact(j->layout, &facts->layout);
    if (status == RT_OK)
        status = parse_fact(j->data, &facts->data);
    if (status == RT_OK)
        status = parse_fact(j->preprocessing, &facts->preprocessing);
    if (status == RT_OK)
        status =
            rt__store_commit(j->shell->checkpoints, facts, j->generation, &j->checkpoint, &j->text);
    json_decref(facts->layout);
    json_decref(facts->data);
    json_decref(facts->preprocessing);
    job_failed(j, status);
}

/* Makes a job that knows the best evaluations, from which the desk finds the best checkpoint. It looks on the disk, because
 * the checkpoint of the best evaluation may not be written yet, or may never be. */
static job *new_best_job(rt__shell *s)
{
    const rt__history *h = &s->run.history;
    bool kept = rt_best_is_saved(&s->cfg);
    job *j = job_new(s);
    if (!j || !kept || h->compared.count == 0)
        return j;
    j->best = rt_calloc((size_t)h->compared.count, sizeof *j->best);
    if (!j->best) {
        job_free(j);
        return NULL;
    }
    for (int64_t i = h->compared.count - 1; i >= 0; i--)
        j->best[j->bests++] = h->compared.better[i].step;
    return j;
}

static int64_t mark_best(job *j)
{
    int64_t best = -1;
    if (rt__store_mark_best(j->shell->checkpoints, j->best, j->bests, &best) != RT_OK)
        log_failure("the best checkpoint cannot be marked");
    return best;
}

static void mark_work(void *arg)
{
    mark_best(arg);
}

static void prune_work(void *arg)
{
    job *j = arg;
    rt__store_verifier verifier = {remark, &j->remarks, &j->shell->verification.quiet};
    int64_t best = mark_best(j);
    rt_status status =
        rt__store_prune(j->shell->checkpoints, j->shell->cfg.checkpoint.keep, best, &verifier);
    if (status == RT_E_INTERRUPTED)
        rt_error_clear(); /* the run has ended meanwhile; its next checkpoint, if any, removes them */
    else if (status != RT_OK)
        log_failure("old checkpoints cannot be removed");
}

static void prune_done(void *arg)
{
    job *j = arg;
    report_unverified(j->shell, &j->remarks);
    job_free(j);
}

static void commit_done(void *arg)
{
    job *j = arg;
    rt__shell *s = j->shell;
    bool committed = j->status == RT_OK;
    step(s, &(rt__event){.kind = RT__EVENT_COMMITTED,
                         .step = j->checkpoint.step,
                         .status = j->status,
                         .text = j->text ? j->text : "out of memory"});
    job_free(j);
    job *prune = committed ? new_best_job(s) : NULL;
    if (prune)
        rt__desk_put(s->desk, (rt__job){prune_work, prune_done, prune});
}

/* Copies JSON as text, so that the desk's thread shares no references with ours; NULL gives NULL. */
static rt_status copy_fact(const json_t *j, char **out)
{
    *out = j ? rt_json_text(j) : NULL;
    return j && !*out ? rt_error_code() : RT_OK;
}

static rt_status copy_facts(rt__shell *s, const rt__checkpoint *c, job *j)
{
    const rt__run *r = &s->run;
    if (!r->layout)
        return RT_FAIL(PROTOCOL, "worker 0 has sent no LAYOUT");
    RT_TRY(rt__checkpoint_copy(c, &j->checkpoint));
    j->yaml = rt_config_yaml(&s->cfg);
    if (!j->yaml)
        return rt_error_code();
    RT_TRY(copy_fact(r->layout, &j->layout));
    RT_TRY(copy_fact(r->roster.data, &j->data));
    RT_TRY(copy_fact(r->preprocessing, &j->preprocessing));
    memcpy(j->config_hash, s->config_hash, sizeof j->config_hash);
    memcpy(j->layout_hash, r->roster.layout_hash, sizeof j->layout_hash);
    memcpy(j->task, r->roster.task, sizeof j->task);
    j->generation = r->generation;
    j->facts = (rt_manifest){.run = s->run_id,
                             .step = c->step,
                             .slices = s->cfg.parallel.slices,
                             .seed = s->cfg.run.seed,
                             .world = c->world,
                             .parameters = r->roster.parameters,
                             .samples = r->roster.samples,
                             .config_hash = j->config_hash,
                             .layout_hash = j->layout_hash,
                             .config = j->yaml,
                             .task = j->task[0] ? j->task : NULL};
    return RT_OK;
}

static void nothing(void *arg)
{
    (void)arg;
}

static void effect_commit(void *ctx, const rt__checkpoint *c)
{
    rt__shell *s = ctx;
    job *j = job_new(s);
    if (!j) { /* the checkpoint stays open and is abandoned with its generation */
        log_failure("a checkpoint cannot be committed");
        return;
    }
    rt_status status = copy_facts(s, c, j);
    job_failed(j, status);
    j->checkpoint.step = c->step;
    rt__desk_put(s->desk, (rt__job){status == RT_OK ? commit_work : nothing, commit_done, j});
}

static void mark_done(void *arg)
{
    job_free(arg);
}

/* Updates the mark here, too, not only after a commit: an evaluation may arrive after the checkpoint of its step was committed, and a
 * doubt may arrive after both. */
static void update_best(rt__shell *s)
{
    int64_t best = rt__history_best(&s->run.history, INT64_MAX).step;
    if (!rt_best_is_saved(&s->cfg) || best == s->marked_best)
        return;
    s->marked_best = best;
    job *j = new_best_job(s);
    if (j)
        rt__desk_put(s->desk, (rt__job){mark_work, mark_done, j});
}

/* ---- discard ---- */

static void discard_work(void *arg)
{
    job *j = arg;
    if (rt__store_discard(j->shell->checkpoints, j->checkpoint.step, j->generation) != RT_OK)
        log_failure("what is left of a checkpoint cannot be removed");
}

static void discard_done(void *arg)
{
    job_free(arg);
}

static void effect_discard(void *ctx, int64_t step_number)
{
    rt__shell *s = ctx;
    job *j = job_new(s);
    if (!j) { /* the directory is removed when the next generation starts */
        rt_error_clear();
        return;
    }
    j->checkpoint.step = step_number;
    j->generation = s->run.generation;
    rt__desk_put(s->desk, (rt__job){discard_work, discard_done, j});
}

/* ---- recover ---- */

static void step_recovered(rt__shell *s, int64_t lookup, rt_status status, const char *text,
                           rt__source *source)
{
    step(s, &(rt__event){.kind = RT__EVENT_RECOVERED,
                         .lookup = lookup,
                         .status = status,
                         .text = text,
                         .source = source});
}

/* Removes temporary directories only if no generation is alive: one that is being taken over may be writing there. */
static rt_status find_again(job *j)
{
    rt__shell *s = j->shell;
    rt__resume how = {.mode = s->options->resume,
                      .root = s->checkpoints,
                      .verifier = {remark, &j->remarks, &s->verification.watch}};
    if (!j->generation)
        RT_TRY(rt__store_tidy(s->checkpoints));
    return rt__resume_after_loss(&how, s->config_hash, j->most, &j->source);
}

static void recover_work(void *arg)
{
    job_failed(arg, find_again(arg));
}

static void recover_done(void *arg)
{
    job *j = arg;
    rt__verification_clear(&j->shell->verification);
    report_unverified(j->shell, &j->remarks);
    step_recovered(j->shell, j->lookup, j->status, j->text ? j->text : "out of memory", &j->source);
    job_free(j);
}

/* ---- recover, the first time ---- */

static void find_first_work(void *arg)
{
    job *j = arg;
    rt__shell *s = j->shell;
    rt__resume how = {.mode = s->options->resume,
                      .root = s->checkpoints,
                      .init = j->init,
                      .verifier = {remark, &j->remarks, &s->verification.watch}};
    rt_status status = rt__store_tidy(s->checkpoints);
    if (status == RT_OK)
        status = rt__resume_find(&how, &j->found);
    job_failed(j, status);
}

/* Writes what preprocessing.json held (rt_mem_free): as worker 0 sent it to this process, or as the run's first weights have it. */
static rt_status find_preprocessing(const rt__shell *s, char **out)
{
    rt__found origin;
    rt__resume how = {.mode = "never", .init = s->cfg.model.init};
    *out = NULL;
    if (s->run.preprocessing)
        return copy_fact(s->run.preprocessing, out);
    rt_status status = rt__resume_find(&how, &origin);
    *out = origin.preprocessing;
    origin.preprocessing = NULL;
    rt__found_release(&origin);
    return status;
}

/* Without a checkpoint, only preprocessing.json says how the data are read. If somebody has removed or changed it, it is restored from its
 * source, if that still exists. Whether the data are then read as before is judged from the workers' reports. */
static void restore_preprocessing(const rt__shell *s)
{
    char *here = NULL, *there = NULL;
    const json_t *data = s->run.history.data;
    if (!s->cfg.model.init[0] || !data)
        return;
    bool gone = rt_preprocessing_of_run(s->options->dir, &here) == RT_OK && !here;
    rt_error_clear();
    if ((!here || !rt_data_identity_is_of(data, here)) && find_preprocessing(s, &there) == RT_OK &&
        there && (gone || rt_data_identity_is_of(data, there)))
        rt__shell_settle_preprocessing(s, there);
    if (rt_failed())
        log_failure("preprocessing.json cannot be restored");
    rt_mem_free(here);
    rt_mem_free(there);
}

/* A run that began with weights from elsewhere always reads its data as the data of those weights were read. If it resumes from memory,
 * the launch before has written that down. */
static rt_status settle(rt__shell *s, const rt__resume *how, job *j)
{
    bool told = j->found.path || !how->prior_config;
    char *preprocessing = j->found.preprocessing;
    j->found.preprocessing = NULL;
    rt_status status = rt__resume_settle(how, &j->found, &s->cfg, &j->source);
    if (status == RT_OK && told)
        status = rt__shell_settle_preprocessing(s, s->cfg.model.init[0] ? preprocessing : NULL);
    else if (status == RT_OK)
        restore_preprocessing(s);
    rt_mem_free(preprocessing);
    return status == RT_OK ? rt__shell_settle_config(s) : status;
}

/* Settles the configuration, too: here and not on the desk, because the machine reads it. */
static void find_first_done(void *arg)
{
    job *j = arg;
    rt__shell *s = j->shell;
    rt__resume how = {.mode = s->options->resume, .prior_config = s->run.history.config};
    rt__verification_clear(&s->verification);
    if (rt__run_ended(&s->run)) { /* nobody needs the result any more */
        job_free(j);
        return;
    }
    report_unverified(s, &j->remarks);
    if (j->status == RT_OK)
        job_failed(j, settle(s, &how, j));
    step_recovered(s, j->lookup, j->status, j->text ? j->text : "out of memory", &j->source);
    job_free(j);
}

/* Reading checkpoints may take minutes, so the desk does it and the coordinator goes on listening. */
static void recover(rt__shell *s)
{
    bool first = !s->recover_again || !rt__shell_is_settled(s);
    bool begins = first && !s->run.history.config;
    if (!first)
        restore_preprocessing(s);
    job *j = job_new(s);
    if (j && begins)
        j->init = rt_strdup(s->cfg.model.init);
    if (!j || (begins && !j->init)) {
        rt__source none = {0};
        rt_error_clear();
        step_recovered(s, s->recover_lookup, RT_E_NOMEM, "out of memory", &none);
        rt_mem_free(j);
        return;
    }
    j->most = s->recover_most;
    j->lookup = s->recover_lookup;
    j->generation = rt__run_has_job(&s->run) ? s->run.generation : 0;
    rt__desk_put(s->desk, first ? (rt__job){find_first_work, find_first_done, j}
                                : (rt__job){recover_work, recover_done, j});
}

static void keep_journal_short(rt__shell *s)
{
    if (rt__journal_shorten(s->journal, &s->run.history, &s->journal_most) != RT_OK)
        log_failure("the journal cannot be shortened");
}

/* Gives the machine an event, then does what it requested and what must not be done inside its step. */
static void step(rt__shell *s, const rt__event *e)
{
    double seconds = now(s);
    s->run.facts.started = rt_clock_wall() - seconds; /* somebody may have set the clock */
    rt__run_step(&s->run, seconds, e);
    update_best(s);
    keep_journal_short(s);
    while (s->recover) {
        s->recover = false;
        recover(s);
    }
}

static const rt__effects effects = {
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

/* ---- the loop ---- */

/* Handles the frames that have arrived, up to a limit, so that a steady stream of frames does not delay ticks. */
static void handle_frames(rt__shell *s)
{
    for (int i = 0; i < FRAMES_AT_A_TIME && !rt__run_ended(&s->run); i++) {
        rt_frame frame;
        rt_status status = rt_wire_receive(s->wire, 0, &frame);
        if (status == RT_E_TIMEOUT)
            return;
        if (status != RT_OK) {
            log_failure("wire");
            rt_clock_sleep(0.01); /* a failure that lasts must not make us spin */
            return;
        }
        step(s, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &frame});
        rt_frame_release(&frame);
    }
}

/* The wire's descriptors are edge-triggered, so the caller must have handled all frames that have arrived. */
static void wait_for_work(rt__shell *s)
{
    double seconds = s->next_tick - rt_clock();
    struct pollfd p[1 + RT_WIRE_FDS] = {{.fd = rt__desk_fd(s->desk), .events = POLLIN}};
    rt_wire_poll(s->wire, &p[1]);
    poll(p, 1 + RT_WIRE_FDS, seconds > 0 ? (int)(seconds * 1000) + 1 : 0);
    if (p[0].revents)
        rt__desk_collect(s->desk);
}

/* Reports the progress of verifying a checkpoint, if one is being verified. */
static void report_verification(rt__shell *s)
{
    rt__verification_progress view;
    if (rt__verification_get_progress(&s->verification, &view))
        step(s, &(rt__event){.kind = RT__EVENT_VERIFYING,
                             .text = view.what,
                             .bytes = view.bytes,
                             .total = view.total});
}

static void run_until_ended(rt__shell *s)
{
    while (!rt__run_ended(&s->run)) {
        handle_frames(s);
        if (rt_clock() >= s->next_tick && !rt__run_ended(&s->run)) {
            s->next_tick = rt_clock() + TICK_SECONDS;
            report_verification(s);
            step(s, &(rt__event){.kind = RT__EVENT_TICK});
            handle_frames(s); /* sending may have consumed the descriptor's edge */
        }
        if (!rt__run_ended(&s->run))
            wait_for_work(s);
    }
}

/* If the run was refused, restores the configuration of the run before it. If the run ended before its configuration was
 * settled, .config.next.yaml is all there is and stays: should the launcher miss why the run ended, another coordinator
 * starts from it and finds the same. */
static void keep_one_config(const rt__shell *s)
{
    if (rt_path_exists(s->config))
        unlink(s->config_next);
    if (!rt_path_exists(s->config_before))
        return;
    if (!rt__run_refused(&s->run))
        unlink(s->config_before);
    else if (rt_rename_durably(s->config_before, s->config) != RT_OK)
        log_failure("the configuration of the run before is lost");
}

void rt__coordinator_refuse(void)
{
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    if (getenv("RINGTORCH_LOCK_FD"))
        puts(RT_COORDINATOR_REFUSED);
}

int rt__coordinate(const rt__shell_options *o)
{
    rt__shell s = {.options = o};
    rt_status status = rt__shell_begin(&s, &effects);
    int exit_code = rt_status_exit_code(status);
    if (status == RT_OK) {
        printf("%s %s\n", rt_wire_endpoint(s.wire), s.run_id);
        rt_output_flush();
        run_until_ended(&s);
        keep_one_config(&s);
        exit_code = s.run.exit_code;
    } else {
        rt__coordinator_refuse();
    }
    rt__shell_release(&s);
    return exit_code;
}
