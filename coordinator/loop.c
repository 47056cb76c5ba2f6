#include "coordinator/loop.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/wire.h"
#include "coordinator/journal.h"
#include "coordinator/resume.h"
#include "coordinator/state.h"
#include "coordinator/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const double TICK_SECONDS = 0.25, LINGER_SECONDS = 2;

/* The answer to an effect, to be given to the state machine once it has returned. */
typedef struct answer {
    bool pending;
    int64_t step;
    rt_status status;
    char *text; /* owned */
} answer;

typedef struct shell {
    const rt__loop_options *options;
    char *config_next, *config, *config_before, *events, *metrics, *summary, *checkpoints,
        *journal_path, *log;
    rt_config cfg;
    char config_hash[65];
    char run_id[17];
    char *prior_config; /* of the run that was in this directory before; NULL: none */
    rt__tally tally;    /* as replayed; moves into run */
    rt__journal *journal;
    rt_wire *wire;
    rt__run run;
    double clock_offset; /* now = rt_clock() + clock_offset */
    answer commit;
    bool recover, recover_again;
} shell;

static double now(const shell *s)
{
    return rt_clock() + s->clock_offset;
}

/* Logs the failure in the slot and goes on: for what a run can do without. */
static void log_failure(const char *what)
{
    rt_log_error("%s: %s", what, rt_error());
    rt_error_clear();
}

/* ---- effects ---- */

static void effect_send(void *ctx, const char *peer, rt_msg_type type, const void *body)
{
    shell *s = ctx;
    if (rt_wire_send(s->wire, peer, type, body) != RT_OK)
        log_failure(rt_msg_name(type));
}

static void effect_generation(void *ctx, int64_t generation)
{
    rt_wire_set_generation(((shell *)ctx)->wire, generation);
}

static void effect_line(void *ctx, rt__line where, const json_t *object)
{
    shell *s = ctx;
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

static rt_status effect_journal(void *ctx, const json_t *record)
{
    rt_status status = rt__journal_append(((shell *)ctx)->journal, record);
    if (status != RT_OK)
        rt_log_error("%s", rt_error());
    return status;
}

static void effect_recover(void *ctx, bool again)
{
    shell *s = ctx;
    s->recover = true;
    s->recover_again = again;
}

static void effect_commit(void *ctx, const rt__checkpoint *c)
{
    shell *s = ctx;
    const rt__run *r = &s->run;
    char *yaml = rt_config_yaml(&s->cfg);
    s->commit = (answer){.pending = true, .step = c->step};
    if (!r->layout)
        s->commit.status = RT_FAIL(PROTOCOL, "worker 0 has sent no LAYOUT");
    else if (!yaml)
        s->commit.status = rt_error_code();
    else
        s->commit.status = rt__store_commit(s->checkpoints,
                                            &(rt__manifest){.run = s->run_id,
                                                            .step = c->step,
                                                            .slices = s->cfg.parallel.slices,
                                                            .seed = s->cfg.run.seed,
                                                            .world = c->world,
                                                            .parameters = r->roster.parameters,
                                                            .samples = r->roster.samples,
                                                            .config_hash = s->config_hash,
                                                            .layout_hash = r->roster.layout_hash,
                                                            .config = yaml,
                                                            .layout = r->layout},
                                            c, &s->commit.text);
    if (s->commit.status != RT_OK) {
        s->commit.text = rt_strdup(rt_error());
        rt_error_clear();
    }
    rt_mem_free(yaml);
}

static void effect_discard(void *ctx, int64_t step)
{
    if (rt__store_discard(((shell *)ctx)->checkpoints, step) != RT_OK)
        log_failure("what is left of a checkpoint cannot be removed");
}

/* ---- answers ---- */

static void report_unusable(void *ctx, const char *reason)
{
    shell *s = ctx;
    rt__run_step(&s->run, now(s), &(rt__event){.kind = RT__EVENT_UNVERIFIED, .text = reason});
}

/* Makes the configuration final: from here on it is what the run does. */
static rt_status settle_config(shell *s)
{
    RT_TRY(rt_config_hash(&s->cfg, s->config_hash));
    if (rt_path_exists(s->config))
        RT_TRY(rt_rename_durably(s->config, s->config_before));
    RT_TRY(rt_config_write_yaml(&s->cfg, s->config));
    unlink(s->config_next);
    if (rt__journal_count(s->journal) > 0)
        return RT_OK;
    char *yaml = rt_config_yaml(&s->cfg);
    json_t *record =
        yaml ? json_pack("{s:s, s:s, s:s}", "kind", "run", "run", s->run_id, "config", yaml) : NULL;
    rt_status status =
        record ? rt__journal_append(s->journal, record) : RT_FAIL(NOMEM, "out of memory");
    json_decref(record);
    rt_mem_free(yaml);
    return status;
}

static rt_status find_source(shell *s, rt__source *out)
{
    rt__resume how = {.mode = s->options->resume,
                      .root = s->checkpoints,
                      .prior_config = s->prior_config,
                      .report = report_unusable,
                      .ctx = s};
    RT_TRY(rt__store_tidy(s->checkpoints));
    if (s->recover_again)
        return rt__resume_again(&how, s->config_hash, out);
    RT_TRY(rt__resume_first(&how, &s->cfg, out));
    rt_status status = settle_config(s);
    if (status != RT_OK)
        rt__source_release(out);
    return status;
}

static void answer_recover(shell *s)
{
    rt__source source = {0};
    rt_saved_error e = {0};
    s->recover = false;
    rt_status status = find_source(s, &source);
    if (status != RT_OK)
        rt_error_save(&e);
    rt__run_step(
        &s->run, now(s),
        &(rt__event){
            .kind = RT__EVENT_RECOVERED, .status = status, .text = e.text, .source = &source});
    rt__source_release(&source);
}

static void answer_commit(shell *s)
{
    answer a = s->commit;
    s->commit = (answer){0};
    rt__run_step(&s->run, now(s),
                 &(rt__event){.kind = RT__EVENT_COMMITTED,
                              .step = a.step,
                              .status = a.status,
                              .text = a.text ? a.text : "out of memory"});
    rt_mem_free(a.text);
    if (a.status == RT_OK &&
        rt__store_prune(s->checkpoints, s->cfg.checkpoint.keep, report_unusable, s) != RT_OK)
        log_failure("old checkpoints cannot be removed");
}

/* Gives the machine an event, then the answers to what it asked for. */
static void step(shell *s, const rt__event *e)
{
    rt__run_step(&s->run, now(s), e);
    while (s->commit.pending || s->recover) {
        if (s->commit.pending)
            answer_commit(s);
        else
            answer_recover(s);
    }
}

/* ---- beginning and end ---- */

/* Takes one record of the journal into what is known of earlier generations. */
static rt_status replay(void *ctx, const json_t *record)
{
    shell *s = ctx;
    const char *kind = json_string_value(json_object_get(record, "kind"));
    const json_t *config = json_object_get(record, "config");
    if (!kind)
        return RT_FAIL(FORMAT, "%s: a record without a kind", s->journal_path);
    if (strcmp(kind, "run") == 0 && json_is_string(config)) {
        snprintf(s->run_id, sizeof s->run_id, "%s",
                 json_string_value(json_object_get(record, "run")));
        s->prior_config = rt_strdup(json_string_value(config));
        return s->prior_config ? RT_OK : rt_error_code();
    }
    if (strcmp(kind, "generation") == 0) {
        s->tally.generation = json_integer_value(json_object_get(record, "generation"));
        s->tally.restarts += json_is_true(json_object_get(record, "restart"));
        s->tally.lost_steps += json_integer_value(json_object_get(record, "lost_steps"));
        json_array_append(s->tally.world_sizes, json_object_get(record, "world"));
    } else if (strcmp(kind, "recovered") == 0) {
        json_array_append(s->tally.recovery_seconds, json_object_get(record, "recovery_seconds"));
    }
    return RT_OK;
}

static rt_status make_run_id(char id[17])
{
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return RT_FAIL(IO, "no random numbers from the system for a run id");
    snprintf(id, 17, "%016" PRIx64, random);
    return RT_OK;
}

static rt_status make_paths(shell *s)
{
    struct {
        char **path;
        const char *name;
    } paths[] = {
        {&s->config_next, ".config.next.yaml"},
        {&s->config, "config.yaml"},
        {&s->config_before, ".config.before.yaml"},
        {&s->events, "events.jsonl"},
        {&s->metrics, "metrics.jsonl"},
        {&s->summary, "summary.json"},
        {&s->checkpoints, "checkpoints"},
        {&s->journal_path, "journal"},
        {&s->log, "logs/coordinator.log"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        *paths[i].path = rt_path_join(s->options->dir, paths[i].name);
        if (!*paths[i].path)
            return rt_error_code();
    }
    return RT_OK;
}

static rt_status open_log(const shell *s)
{
    char *logs = rt_path_join(s->options->dir, "logs");
    rt_status status = logs ? rt_dir_make(logs, 0755) : rt_error_code();
    rt_mem_free(logs);
    RT_TRY(status);
    RT_TRY(rt_log_open("coordinator", s->log, s->cfg.log.format == RT_CFG_LOG_JSON));
    rt_log_set_level((rt_log_level)s->cfg.log.level);
    return RT_OK;
}

static rt_status open_journal(shell *s)
{
    RT_TRY(rt__tally_init(&s->tally));
    RT_TRY(rt__journal_open(s->journal_path, replay, s, &s->journal));
    if (s->prior_config && strcmp(s->options->resume, "never") == 0)
        return RT_FAIL(
            EXISTS, "%s: holds another run: go on with --resume auto, or choose another --run-dir",
            s->options->dir);
    return s->run_id[0] ? RT_OK : make_run_id(s->run_id);
}

static rt_status listen(shell *s)
{
    rt_wire_keys keys;
    RT_TRY(rt_wire_keys_from_env(&keys));
    char port[16] = "*";
    if (s->cfg.control.port != 0)
        snprintf(port, sizeof port, "%" PRId64, s->cfg.control.port);
    char *endpoint = rt_strdup_printf("tcp://%s:%s", s->cfg.control.bind, port);
    if (!endpoint)
        return rt_error_code();
    rt_status status = rt_wire_listen(
        &(rt_wire_options){
            .endpoint = endpoint, .keys = &keys, .run = s->run_id, .name = "coordinator"},
        &s->wire);
    rt_mem_free(endpoint);
    return status;
}

static const rt__effects effects = {
    .send = effect_send,
    .generation = effect_generation,
    .line = effect_line,
    .journal = effect_journal,
    .recover = effect_recover,
    .commit = effect_commit,
    .discard = effect_discard,
};

static rt_status begin(shell *s, rt__effects *mine)
{
    RT_TRY(make_paths(s));
    const char *config = rt_path_exists(s->config_next) ? s->config_next : s->config;
    RT_TRY(rt_config_load(config, NULL, 0, &s->cfg));
    RT_TRY(open_log(s));
    RT_TRY(open_journal(s));
    RT_TRY(listen(s));
    *mine = effects;
    mine->ctx = s;
    rt__run_init(&s->run, &(rt__run_facts){.cfg = &s->cfg,
                                           .config_hash = s->config_hash,
                                           .run_id = s->run_id,
                                           .dir = s->options->dir,
                                           .effects = mine,
                                           .started = s->options->started,
                                           .tally = s->tally});
    return RT_OK;
}

static void run_until_ended(shell *s)
{
    while (!s->run.ended) {
        rt_frame frame;
        rt_status status = rt_wire_receive(s->wire, TICK_SECONDS, &frame);
        if (status == RT_OK) {
            step(s, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &frame});
            rt_frame_release(&frame);
            continue;
        }
        if (status != RT_E_TIMEOUT) {
            rt_log_warn("%s", rt_error());
            rt_clock_sleep(0.01); /* whatever it is, it must not spin */
        }
        rt_error_clear();
        step(s, &(rt__event){.kind = RT__EVENT_TICK});
    }
}

/* A refused run gives the one before it its configuration back. */
static void keep_one_config(const shell *s)
{
    if (!rt_path_exists(s->config_before))
        return;
    if (!rt__run_refused(&s->run))
        unlink(s->config_before);
    else if (rt_rename_durably(s->config_before, s->config) != RT_OK)
        log_failure("the configuration of the run before is lost");
}

static void release(shell *s)
{
    if (s->wire)
        rt_wire_close(s->wire, LINGER_SECONDS);
    rt__journal_close(s->journal);
    if (s->run.facts.cfg)
        rt__run_release(&s->run);
    else
        rt__tally_release(&s->tally);
    rt_config_release(&s->cfg);
    char *owned[] = {s->config_next, s->config,      s->config_before, s->events, s->metrics,
                     s->summary,     s->checkpoints, s->journal_path,  s->log,    s->prior_config};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        rt_mem_free(owned[i]);
    rt_log_close();
}

int rt__coordinate(const rt__loop_options *o)
{
    rt__effects mine;
    shell s = {.options = o, .clock_offset = rt_clock_wall() - o->started - rt_clock()};
    rt_status status = begin(&s, &mine);
    int exit_code = rt_status_exit_code(status);
    if (status == RT_OK) {
        printf("%s %s\n", rt_wire_endpoint(s.wire), s.run_id);
        fflush(stdout);
        run_until_ended(&s);
        keep_one_config(&s);
        exit_code = s.run.exit_code;
    } else {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    }
    release(&s);
    return exit_code;
}
