/* Opens the run directory, the journal, the wire and the rest, and closes them again. */
#include "coordinator/shell/shell.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/input.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/config/config.h"
#include "common/control/bind_address.h"
#include "common/state/preprocessing.h"
#include "coordinator/books/journal_length.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double LINGER_SECONDS = 2;
enum {
    CONTROL_MAX = 1 << 16, /* bytes of control.json */
    READING_STEP =
        1 << 26 /* bytes; even a slow disk reads them within the minute that the launcher waits */
};

/* ---- files ---- */

static rt_status make_paths(rt__shell *s)
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
        {&s->metrics_abandoned, "metrics-abandoned.jsonl"},
        {&s->summary, "summary.json"},
        {&s->preprocessing, RT_PREPROCESSING_FILE},
        {&s->checkpoints, "checkpoints"},
        {&s->journal_path, "journal"},
        {&s->log, "logs/coordinator.log"},
        {&s->control, "control.json"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        *paths[i].path = rt_path_join(s->options->dir, paths[i].name);
        if (!*paths[i].path)
            return rt_error_code();
    }
    return RT_OK;
}

static rt_status open_log(const rt__shell *s)
{
    char *logs = rt_path_join(s->options->dir, "logs");
    rt_status status = logs ? rt_dir_make(logs, 0755) : rt_error_code();
    rt_mem_free(logs);
    RT_TRY(status);
    RT_TRY(rt_log_open("coordinator", s->log, s->cfg.log.format == RT_CFG_LOG_JSON));
    rt_log_set_level((rt_log_level)s->cfg.log.level);
    return RT_OK;
}

/* ---- the journal ---- */

/* Journals a record and applies it to a history. */
static rt_status record(rt__shell *s, rt__history *h, rt_record_kind kind, const void *values)
{
    RT_TRY(rt__history_allows(h, kind, values));
    json_t *json = rt_record_json(kind, values);
    rt_status status = json ? rt__journal_append(s->journal, json) : rt_error_code();
    json_decref(json);
    RT_TRY(status);
    return rt__history_apply(h, kind, values);
}

static rt_status make_run_id(rt__shell *s)
{
    uint64_t random;
    const char *same = getenv("RINGTORCH_RUN");
    if (s->takes_over) {
        snprintf(s->run_id, sizeof s->run_id, "%s", same);
        return RT_OK;
    }
    RT_TRY(rt_os_random(&random, sizeof random));
    snprintf(s->run_id, sizeof s->run_id, "%016" PRIx64, random);
    return RT_OK;
}

/* The launcher takes the line for a sign of life, as we do not listen yet. */
static void print_reading(int64_t done, int64_t total)
{
    printf("reading metrics.jsonl %d\n", (int)(100 * (double)done / (double)total));
    fflush(stdout);
}

/* Also finishes what our predecessor may have died before doing: if it journaled the plan of the last generation, the rows
 * of the steps which that generation makes again must be moved away. */
static rt_status open_metrics(rt__shell *s)
{
    const rt__history *h = &s->history;
    rt__metrics m = {s->metrics, s->metrics_abandoned, print_reading, READING_STEP,
                     &s->metrics_moved};
    int64_t generation;
    RT_TRY(rt__metrics_open(&m, &s->metrics_step));
    if (!h->planned || s->metrics_step <= h->start_step)
        return RT_OK;
    RT_TRY(rt__metrics_last_generation(&m, &generation));
    bool others = generation >= 0 && generation != h->generation; /* < 0: the row does not say */
    return others ? rt__metrics_rewind(&m, h->start_step, &s->metrics_step) : RT_OK;
}

/* Finds which run the directory holds: a launcher that starts us again says so, and a coordinator that was killed has left its
 * control.json. "": neither is there. */
static void find_run_here(const rt__shell *s, char run[RT_RUN_ID])
{
    json_t *control = NULL;
    const char *same = getenv("RINGTORCH_RUN");
    if (!s->takes_over && rt_json_load(s->control, CONTROL_MAX, &control) != RT_OK)
        rt_error_clear();
    snprintf(run, RT_RUN_ID, "%s", s->takes_over ? same : rt__field_text(control, "run"));
    json_decref(control);
}

static rt_status open_journal(rt__shell *s)
{
    char here[RT_RUN_ID];
    RT_TRY(rt__history_init(&s->history));
    RT_TRY(rt__journal_open(s->journal_path, rt__history_visit, &s->history, &s->journal));
    bool holds_a_run = s->history.run_id[0] != '\0';
    if (holds_a_run && !s->takes_over && strcmp(s->options->resume, "never") == 0)
        return RT_FAIL(
            EXISTS, "%s: holds another run: go on with --resume auto, or choose another --run-dir",
            s->options->dir);
    find_run_here(s, here);
    if (holds_a_run)
        RT_TRY(rt__journal_check_run(s->journal_path, s->history.run_id, here));
    RT_TRY(open_metrics(s));
    if (!holds_a_run)
        RT_TRY(make_run_id(s));
    else
        snprintf(s->run_id, sizeof s->run_id, "%s", s->history.run_id);
    s->journal_most = RT__JOURNAL_AT_START;
    RT_TRY(rt__journal_shorten(s->journal, &s->history, &s->journal_most));
    s->journal_most = rt__journal_count(s->journal) + RT__JOURNAL_LONGEST;
    bool empty = rt__journal_count(s->journal) == 0;
    return s->takes_over || empty ? RT_OK
                                  : record(s, &s->history, RT_RECORD_launch, &(rt_record_launch){});
}

/* Copies the configuration that is about to be replaced. The original stays in place until then, because tools may read it
 * at any moment. */
static rt_status copy_config_before(const rt__shell *s)
{
    rt_bytes yaml = {0};
    if (!rt_path_exists(s->config))
        return RT_OK;
    rt_status status = rt_file_read(s->config, RT_CONFIG_FILE_MAX, &yaml);
    if (status == RT_OK)
        status = rt_file_replace(s->config_before, yaml.data, yaml.len);
    rt_bytes_release(&yaml);
    return status;
}

/* From here on the configuration is the run's. */
rt_status rt__shell_settle_config(rt__shell *s)
{
    RT_TRY(rt_config_hash(&s->cfg, s->config_hash));
    RT_TRY(copy_config_before(s));
    RT_TRY(rt_config_write_yaml(&s->cfg, s->config));
    if (!s->history.run_id[0] && !s->run.history.run_id[0]) {
        char *yaml = rt_config_yaml(&s->cfg);
        if (!yaml)
            return rt_error_code();
        rt_status status = record(s, &s->run.history, RT_RECORD_run,
                                  &(rt_record_run){.run = s->run_id, .config = yaml});
        rt_mem_free(yaml);
        RT_TRY(status);
    }
    unlink(s->config_next);
    return RT_OK;
}

rt_status rt__shell_settle_preprocessing(const rt__shell *s, const char *text)
{
    if (text)
        return rt_file_replace(s->preprocessing, text, strlen(text));
    return rt_remove_tree(s->preprocessing);
}

bool rt__shell_is_settled(const rt__shell *s)
{
    return s->run.history.run_id[0] && !rt_path_exists(s->config_next);
}

/* ---- the wire ---- */

/* Writes where tools find us, in a file that only our user can read. */
static rt_status write_control(rt__shell *s, const rt_wire_keys *keys)
{
    char text[4 * RT_WIRE_KEY], host[256] = "";
    rt_wire_keys_text(keys, false, text);
    gethostname(host, sizeof host - 1);
    json_t *j = json_pack("{s:i, s:s, s:s, s:s, s:I, s:s}", "format_version", RT_CONTROL_VERSION,
                          "endpoint", rt_wire_endpoint(s->wire), "run", s->run_id, "keys", text,
                          "pid", (json_int_t)getpid(), "host", host);
    char *line = j ? rt_json_text(j) : NULL;
    rt_status status =
        line ? rt_file_replace_secret(s->control, line, strlen(line)) : rt_error_code();
    rt_mem_free(line);
    json_decref(j);
    return status;
}

/* Finds the address to listen on: what control.bind says, else the first that the launcher has chosen. `also` becomes the others. */
static rt_status choose_address(const rt__shell *s, char address[RT_ADDRESS], const char **also)
{
    char first[RT_ADDRESS];
    const char *chosen = getenv("RINGTORCH_BIND");
    *also = NULL;
    if (strcmp(s->cfg.control.bind, "auto") != 0)
        return rt_bind_address(s->cfg.control.bind, address);
    if (!rt_address_next(&chosen, first))
        return rt_bind_address("127.0.0.1", address);
    *also = chosen;
    return rt_bind_address(first, address);
}

static rt_status listen(rt__shell *s)
{
    rt_wire_keys keys;
    RT_TRY(rt_wire_keys_from_env(&keys));
    char port[16] = "*";
    const char *also, *same = getenv("RINGTORCH_ENDPOINT");
    if (s->cfg.control.port != 0)
        snprintf(port, sizeof port, "%" PRId64, s->cfg.control.port);
    char address[RT_ADDRESS];
    RT_TRY(choose_address(s, address, &also));
    char *endpoint =
        s->takes_over && same ? rt_strdup(same) : rt_strdup_printf("tcp://%s:%s", address, port);
    if (!endpoint)
        return rt_error_code();
    rt_status status = rt_wire_listen(&(rt_wire_options){.endpoint = endpoint,
                                                         .also = also,
                                                         .keys = &keys,
                                                         .run = s->run_id,
                                                         .name = "coordinator"},
                                      &s->wire);
    rt_mem_free(endpoint);
    return status == RT_OK ? write_control(s, &keys) : status;
}

/* ---- all of it ---- */

rt_status rt__shell_begin(rt__shell *s, const rt__effects *effects)
{
    s->takes_over = getenv("RINGTORCH_RUN") != NULL;
    rt__verification_init(&s->verification);
    RT_TRY(make_paths(s));
    const char *config = rt_path_exists(s->config_next) ? s->config_next : s->config;
    RT_TRY(rt_config_load_run(config, &s->cfg));
    rt_config_register_plugins(
        s->options->dir); /* the journal may hold metrics of plugins that cfg does not use */
    RT_TRY(open_log(s));
    RT_TRY(open_journal(s));
    RT_TRY(rt_config_hash(&s->cfg, s->config_hash));
    RT_TRY(rt__desk_open(&s->desk));
    RT_TRY(listen(s));
    s->effects = *effects;
    s->effects.ctx = s;
    rt__run_init(&s->run, &(rt__run_facts){.cfg = &s->cfg,
                                           .config_hash = s->config_hash,
                                           .run_id = s->run_id,
                                           .dir = s->options->dir,
                                           .effects = &s->effects,
                                           .history = s->history,
                                           .takes_over = s->takes_over,
                                           .metrics_step = s->metrics_step,
                                           .metrics_moved = s->metrics_moved});
    s->history = (rt__history){0};
    return RT_OK;
}

void rt__shell_release(rt__shell *s)
{
    rt__verification_cancel(
        &s->verification); /* so that closing the desk does not wait for reading to finish */
    rt__desk_close(s->desk);
    rt__verification_release(&s->verification);
    if (s->wire) { /* otherwise control.json may be another coordinator's */
        unlink(s->control);
        rt_wire_close(s->wire, LINGER_SECONDS);
    }
    rt__journal_close(s->journal);
    if (s->run.facts.cfg)
        rt__run_release(&s->run);
    rt__history_release(&s->history);
    rt_config_release(&s->cfg);
    char *owned[] = {s->config_next,
                     s->config,
                     s->config_before,
                     s->events,
                     s->metrics,
                     s->summary,
                     s->metrics_abandoned,
                     s->preprocessing,
                     s->checkpoints,
                     s->journal_path,
                     s->log,
                     s->control};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        rt_mem_free(owned[i]);
    rt_log_close();
}
