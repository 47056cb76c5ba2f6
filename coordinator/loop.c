/* Effects, carried out, and the loop that feeds events. */
#include "coordinator/loop.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/output.h"
#include "coordinator/journal_length.h"
#include "coordinator/shell.h"
#include "coordinator/store.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double TICK_SECONDS = 0.25;
enum { FRAMES_AT_A_TIME = 1000 };

static double now(const rt__shell *s)
{
    return rt_clock() - s->options->started;
}

/* Logs the failure in the slot and goes on: for what a run can do without. */
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

static void effect_line(void *ctx, rt__line where, const json_t *object)
{
    rt__shell *s = ctx;
    char *text = rt_json_text(object);
    rt_status status = text ? RT_OK : rt_error_code();
    if (text && where == RT__LINE_SUMMARY)
        status = rt_file_replace(s->summary, text, strlen(text));
    else if (text)
        status = rt_file_append_line(where == RT__LINE_EVENT ? s->events : s->metrics, text);
    if (status != RT_OK)
        log_failure("a line of the run's records is lost");
    if (text && where == RT__LINE_EVENT)
        rt_log_info("%s", text);
    rt_mem_free(text);
}

static void effect_rewind(void *ctx, int64_t step_number)
{
    rt__shell *s = ctx;
    int64_t newest;
    rt__metrics m = {s->metrics, s->metrics_abandoned};
    if (rt__metrics_rewind(&m, step_number, &newest) != RT_OK)
        log_failure("rows of steps that are made again stay in metrics.jsonl");
}

static rt_status effect_journal(void *ctx, const json_t *record)
{
    rt_status status = rt__journal_append(((rt__shell *)ctx)->journal, record);
    if (status != RT_OK)
        rt_log_error("%s", rt_error());
    return status;
}

static void effect_recover(void *ctx, bool again, int64_t most)
{
    rt__shell *s = ctx;
    s->recover = true;
    s->recover_again = again;
    s->recover_most = most;
}

/* ---- jobs for the desk ---- */

/* A message about a checkpoint that cannot be used, for the events. */
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

static void tell_remarks(rt__shell *s, remarks *r)
{
    for (int i = 0; i < r->count; i++) {
        step(s, &(rt__event){.kind = RT__EVENT_UNVERIFIED, .text = r->line[i]});
        rt_mem_free(r->line[i]);
    }
    r->count = 0;
}

/* One job of any kind; its own copy of what it needs. */
typedef struct job {
    rt__shell *shell;
    rt__checkpoint checkpoint; /* commit, discard */
    rt_manifest facts;         /* commit; strings owned by this job */
    int64_t generation;        /* of a checkpoint; recover: that is alive, 0 if none is */
    char *layout;              /* JSON */
    char *yaml;
    char config_hash[65], layout_hash[65];
    int64_t most;  /* recover */
    int64_t *best; /* [bests] steps of the best evaluations, the best first; owned */
    int64_t bests;
    rt__found found; /* recover, the first time ... */
    char *init;      /* ... of a run that may begin: model.init */
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

static void commit_work(void *arg)
{
    job *j = arg;
    json_t *layout = NULL;
    rt_status status = rt_json_parse(j->layout, strlen(j->layout), "layout", &layout);
    j->facts.layout = layout;
    if (status == RT_OK)
        status = rt__store_commit(j->shell->checkpoints, &j->facts, j->generation, &j->checkpoint,
                                  &j->text);
    json_decref(layout);
    job_failed(j, status);
}

/* What the desk needs to find the best checkpoint: it is judged from the disk, because the one with the best evaluation
 * may not be written yet, or may never be. */
static job *job_about_best(rt__shell *s)
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
    rt__store_look look = {remark, &j->remarks, &j->shell->look.quiet};
    int64_t best = mark_best(j);
    rt_status status =
        rt__store_prune(j->shell->checkpoints, j->shell->cfg.checkpoint.keep, best, &look);
    if (status == RT_E_INTERRUPTED)
        rt_error_clear(); /* the run has ended meanwhile; they are removed after a next checkpoint */
    else if (status != RT_OK)
        log_failure("old checkpoints cannot be removed");
}

static void prune_done(void *arg)
{
    job *j = arg;
    tell_remarks(j->shell, &j->remarks);
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
    job *prune = committed ? job_about_best(s) : NULL;
    if (prune)
        rt__desk_put(s->desk, (rt__job){prune_work, prune_done, prune});
}

static rt_status copy_facts(rt__shell *s, const rt__checkpoint *c, job *j)
{
    const rt__run *r = &s->run;
    if (!r->layout)
        return RT_FAIL(PROTOCOL, "worker 0 has sent no LAYOUT");
    RT_TRY(rt__checkpoint_copy(c, &j->checkpoint));
    j->layout = rt_json_text(r->layout);
    j->yaml = rt_config_yaml(&s->cfg);
    if (!j->layout || !j->yaml)
        return rt_error_code();
    memcpy(j->config_hash, s->config_hash, sizeof j->config_hash);
    memcpy(j->layout_hash, r->roster.layout_hash, sizeof j->layout_hash);
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
                             .config = j->yaml};
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
    if (!j) { /* the checkpoint stays open and is given up with its generation */
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

/* An evaluation may come after the checkpoint of its step was committed, and a doubt after either. */
static void follow_best(rt__shell *s)
{
    int64_t best = rt__history_best(&s->run.history, INT64_MAX).step;
    if (!rt_best_is_saved(&s->cfg) || best == s->marked_best)
        return;
    s->marked_best = best;
    job *j = job_about_best(s);
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
    if (!j) { /* removed when the next generation starts */
        rt_error_clear();
        return;
    }
    j->checkpoint.step = step_number;
    j->generation = s->run.generation;
    rt__desk_put(s->desk, (rt__job){discard_work, discard_done, j});
}

/* ---- recover ---- */

static void tell_recovered(rt__shell *s, rt_status status, const char *text, rt__source *source)
{
    step(s, &(rt__event){
                .kind = RT__EVENT_RECOVERED, .status = status, .text = text, .source = source});
}

/* Only temporary directories of generations that are over may be removed; while one is being taken over, none. */
static rt_status find_again(job *j)
{
    rt__shell *s = j->shell;
    rt__resume how = {.mode = s->options->resume,
                      .root = s->checkpoints,
                      .look = {remark, &j->remarks, &s->look.watch}};
    if (!j->generation)
        RT_TRY(rt__store_tidy(s->checkpoints));
    return rt__resume_again(&how, s->config_hash, j->most, &j->source);
}

static void recover_work(void *arg)
{
    job_failed(arg, find_again(arg));
}

static void recover_done(void *arg)
{
    job *j = arg;
    rt__look_done(&j->shell->look);
    tell_remarks(j->shell, &j->remarks);
    tell_recovered(j->shell, j->status, j->text ? j->text : "out of memory", &j->source);
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
                      .look = {remark, &j->remarks, &s->look.watch}};
    rt_status status = rt__store_tidy(s->checkpoints);
    if (status == RT_OK)
        status = rt__resume_find(&how, &j->found);
    job_failed(j, status);
}

/* Settles the configuration as well; the machine reads it, so that is done here and not on the desk. */
static void find_first_done(void *arg)
{
    job *j = arg;
    rt__shell *s = j->shell;
    rt__resume how = {.mode = s->options->resume, .prior_config = s->run.history.config};
    rt__look_done(&s->look);
    if (s->run.ended) { /* nothing of it is wanted any more */
        job_free(j);
        return;
    }
    tell_remarks(s, &j->remarks);
    if (j->status == RT_OK) {
        rt_status status = rt__resume_settle(&how, &j->found, &s->cfg, &j->source);
        if (status == RT_OK)
            status = rt__shell_settle_config(s);
        job_failed(j, status);
    }
    tell_recovered(s, j->status, j->text ? j->text : "out of memory", &j->source);
    job_free(j);
}

/* Reading checkpoints may take minutes, so it is the desk's: the coordinator goes on listening. */
static void recover(rt__shell *s)
{
    bool first = !s->recover_again || !rt__shell_is_settled(s);
    bool begins = first && !s->run.history.config;
    job *j = job_new(s);
    if (j && begins)
        j->init = rt_strdup(s->cfg.model.init);
    if (!j || (begins && !j->init)) {
        rt__source none = {0};
        rt_error_clear();
        tell_recovered(s, RT_E_NOMEM, "out of memory", &none);
        rt_mem_free(j);
        return;
    }
    j->most = s->recover_most;
    j->generation = s->run.job_alive ? s->run.generation : 0;
    rt__desk_put(s->desk, first ? (rt__job){find_first_work, find_first_done, j}
                                : (rt__job){recover_work, recover_done, j});
}

static void keep_journal_short(rt__shell *s)
{
    if (rt__journal_shorten(s->journal, &s->run.history, &s->journal_most) != RT_OK)
        log_failure("the journal stays long");
}

/* Gives the machine an event, then does what it asked for and could not be done inside it. */
static void step(rt__shell *s, const rt__event *e)
{
    double seconds = now(s);
    s->run.facts.started = rt_clock_wall() - seconds; /* somebody may have set the clock */
    rt__run_step(&s->run, seconds, e);
    follow_best(s);
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
    .journal = effect_journal,
    .recover = effect_recover,
    .commit = effect_commit,
    .discard = effect_discard,
};

/* ---- the loop ---- */

/* Takes what has come, but not without end: ticks must not wait for a gap. */
static void take_frames(rt__shell *s)
{
    for (int i = 0; i < FRAMES_AT_A_TIME && !s->run.ended; i++) {
        rt_frame frame;
        rt_status status = rt_wire_receive(s->wire, 0, &frame);
        if (status == RT_E_TIMEOUT)
            return;
        if (status != RT_OK) {
            log_failure("wire");
            rt_clock_sleep(0.01); /* whatever it is, it must not spin */
            return;
        }
        step(s, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &frame});
        rt_frame_release(&frame);
    }
}

/* The wire's descriptor is edge-triggered: all that has come is taken before sleeping. */
static void wait_for_work(rt__shell *s)
{
    double seconds = s->next_tick - rt_clock();
    struct pollfd p[] = {{.fd = rt_wire_fd(s->wire), .events = POLLIN},
                         {.fd = rt__desk_fd(s->desk), .events = POLLIN}};
    poll(p, 2, seconds > 0 ? (int)(seconds * 1000) + 1 : 0);
    if (p[1].revents)
        rt__desk_collect(s->desk);
}

/* Tells how far the verifying of a checkpoint is, if one is being verified. */
static void tell_look(rt__shell *s)
{
    rt__look_view view;
    if (rt__look_at(&s->look, &view))
        step(s, &(rt__event){.kind = RT__EVENT_VERIFYING,
                             .text = view.what,
                             .bytes = view.bytes,
                             .total = view.total});
}

static void run_until_ended(rt__shell *s)
{
    while (!s->run.ended) {
        take_frames(s);
        if (rt_clock() >= s->next_tick && !s->run.ended) {
            s->next_tick = rt_clock() + TICK_SECONDS;
            tell_look(s);
            step(s, &(rt__event){.kind = RT__EVENT_TICK});
            take_frames(s); /* sending may have used up the descriptor's edge */
        }
        if (!s->run.ended)
            wait_for_work(s);
    }
}

/* A refused run gives the one before it its configuration back. A run that ended before it was settled has no other one
 * than the next: should the launcher miss why it ended, another coordinator begins from it and finds the same. */
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

int rt__coordinate(const rt__loop_options *o)
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
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    }
    rt__shell_release(&s);
    return exit_code;
}
