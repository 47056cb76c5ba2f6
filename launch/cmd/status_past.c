#include "launch/cmd/status_past.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/file.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/control/words.h"
#include "launch/cmd/next_step.h"
#include "launch/remains/remains.h"
#include "launch/run/ask.h"
#include "launch/run/place.h"
#include "launch/tui/status_show.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_BYTES = 1 << 18, SUMMARY_MAX = 1 << 22 };

/* ---- files ---- */

/* Returns the last part of a file as text, from the beginning of a line (rt_malloc), or NULL if there is none. */
static char *read_tail(const char *dir, const char *name)
{
    rt_bytes tail = {0};
    char *path = rt_path_join(dir, name);
    if (!path || rt_input_tail(path, TAIL_BYTES, &tail) != RT_OK)
        rt_error_clear();
    rt_mem_free(path);
    return (char *)tail.data;
}

/* Returns the last `most` objects of a file with one per line. Skips lines that are not objects. */
static json_t *last_objects(const char *dir, const char *name, int64_t most)
{
    json_t *list = json_array();
    char *text = read_tail(dir, name);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        json_t *object = NULL;
        if (rt_json_parse(line, (size_t)(end - line), name, &object) == RT_OK &&
            json_is_object(object))
            json_array_append_new(list, json_incref(object));
        json_decref(object);
        rt_error_clear();
        if ((int64_t)json_array_size(list) > most)
            json_array_remove(list, 0);
    }
    rt_mem_free(text);
    return list;
}

static json_t *load_summary(const char *dir)
{
    json_t *j = NULL;
    char *path = rt_path_join(dir, "summary.json");
    if (!path || rt_json_load(path, SUMMARY_MAX, &j) != RT_OK)
        j = NULL;
    rt_mem_free(path);
    rt_error_clear();
    return j ? j : json_null();
}

/* ---- the object ---- */

/* Returns whether the last line of the events is the incomplete beginning of the event `end`. */
static bool is_cut_off(const char *dir, const char *end)
{
    char *text = read_tail(dir, "events.jsonl"), *newline = text ? strrchr(text, '\n') : NULL;
    char *wanted = rt_strdup_printf("\"event\":\"%s\"", end);
    bool found = newline && wanted && strstr(newline, wanted);
    rt_mem_free(wanted);
    rt_mem_free(text);
    return found;
}

/* Returns which end of a launch an event is, or NULL if it is none. */
static const char *end_named(const char *event)
{
    static const char *const ends[] = {"done", "stopped", "failed"};
    for (int i = 0; i < 3; i++)
        if (strcmp(event, ends[i]) == 0)
            return ends[i];
    return NULL;
}

/* Returns the last event that tells how the run stands: the end of a launch, or else what one has done. A launch that was refused has changed
 * nothing, so its events do not count; *refusal gets the refusal of the last launch, if it was refused. Returns "" if no event tells. */
static const char *telling_event(const json_t *events, const json_t **refusal)
{
    int64_t before = INT64_MAX;
    bool refused = false;
    for (size_t i = json_array_size(events); i-- > 0;) {
        const json_t *event = json_array_get(events, i);
        const char *name = rt__field_text(event, "event");
        bool refuses = strcmp(name, "refused") == 0;
        bool began = strcmp(name, "generation") == 0 || strcmp(name, "running") == 0;
        if (refuses && !refused)
            *refusal = event;
        refused |= refuses;
        if (refuses)
            before = rt__field_int(event, "since", before);
        else if (rt__field_int(event, "generation", 0) < before &&
                 (!refused || began || end_named(name)))
            return name;
    }
    return "";
}

static const char *status_of(const char *dir, const json_t *events, const json_t *summary,
                             const json_t **refusal)
{
    const char *event = telling_event(events, refusal);
    const char *summed = rt__field_text(summary, "status");
    const char *said = !*event || (*summed && is_cut_off(dir, summed)) ? summed : event;
    const char *end = end_named(said);
    return end ? end : *event ? "killed" : *refusal ? "failed" : "empty";
}

static json_t *number_or_null(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

/* What the configuration gives: the run's name (else the directory's) and where its snapshots are. */
typedef struct facts {
    json_t *name, *snapshot_step, *snapshot_dir;
} facts;

/* Finds the newest state in shared memory. */
static void find_snapshot(const char *dir, const char *where, facts *f)
{
    const int64_t step = rt__remains_newest(where, dir);
    f->snapshot_step = number_or_null(step);
    f->snapshot_dir = step >= 0 ? rt_json_text_or_null(where) : json_null();
}

static facts facts_of(const char *dir)
{
    rt_config cfg = {0};
    facts f;
    const char *slash = strrchr(dir, '/');
    char *path = rt_path_join(dir, "config.yaml");
    bool known = path && rt_config_load_run(path, &cfg) == RT_OK;
    f.name = rt_json_text_or_null(known ? cfg.run.name : slash && slash[1] ? slash + 1 : dir);
    rt_error_clear();
    find_snapshot(dir, known ? cfg.snapshot.dir : "/dev/shm", &f);
    rt_config_release(&cfg);
    rt_mem_free(path);
    return f;
}

/* Returns what to type next. If the run was killed, the summary belongs to an earlier launch and says nothing. */
static json_t *next_step(const char *dir, const char *status, const json_t *summary)
{
    char text[RT__NEXT_STEP];
    bool failed = strcmp(status, "failed") == 0;
    rt_next next = failed ? rt_next_of_name(rt__field_text(summary, "next")) : RT_NEXT_RESUME;
    bool known = strcmp(status, "done") != 0 && rt__next_step(dir, next, NULL, text);
    return known ? rt_json_text_or_null(text) : json_null();
}

static json_t *assemble(const char *dir, json_t *events, json_t *metrics, json_t *summary)
{
    const json_t *report = json_array_get(metrics, json_array_size(metrics) - 1);
    const json_t *refusal = NULL;
    int64_t reported = rt__field_int(report, "step", -1), checkpoint_step;
    facts f = facts_of(dir);
    char *checkpoint = rt__place_checkpoint(dir, INT64_MAX, &checkpoint_step),
         *journal = rt__journal_refusal(dir);
    bool made = reported >= 0 || checkpoint || json_is_integer(f.snapshot_step);
    const char *status = status_of(dir, events, summary, &refusal);
    if (made && strcmp(status, "empty") == 0) /* events.jsonl is gone, or damaged */
        status = "killed";
    json_t *refused = rt_json_text_or_null(refusal ? rt__field_text(refusal, "message") : NULL);
    bool ended = strcmp(status, "killed") != 0 && strcmp(status, "empty") != 0;
    int64_t step = ended ? rt__field_int(summary, "steps", reported) : reported;
    json_t *j = json_pack(
        "{s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:O}", "directory",
        rt_json_text_or_null(dir), "name", f.name, "answered", 0, "status", status, "step",
        number_or_null(step), "checkpoint_step", number_or_null(checkpoint_step), "checkpoint",
        rt_json_text_or_null(checkpoint), "snapshot_step", f.snapshot_step, "snapshot_dir",
        f.snapshot_dir, "next", next_step(dir, status, summary), "refused", refused, "journal",
        rt_json_text_or_null(journal), "summary", ended ? summary : json_null(), "events", events);
    rt_mem_free(checkpoint);
    rt_mem_free(journal);
    return j;
}

rt_status rt__past_read(const char *dir, int64_t events, json_t **out)
{
    json_t *last_events = last_objects(dir, "events.jsonl", INT64_MAX);
    json_t *metrics = last_objects(dir, "metrics.jsonl", 1);
    json_t *summary = load_summary(dir);
    *out = assemble(dir, last_events, metrics, summary);
    while (*out && (int64_t)json_array_size(last_events) > events)
        json_array_remove(last_events, 0);
    json_decref(last_events);
    json_decref(metrics);
    json_decref(summary);
    return *out ? RT_OK : RT_FAIL(NOMEM, "%s: out of memory", dir);
}

/* ---- showing ---- */

static void show_title(const json_t *past, const rt__screen *s, rt_text *out)
{
    char name[RT__CELL], step[RT__WORDS];
    const char *status = rt__field_text(past, "status");
    double n = rt__field_number(past, "step");
    rt__cell_clean(rt__field_text(past, "name"), name);
    bool saved = json_is_integer(json_object_get(past, "checkpoint_step")) ||
                 json_is_integer(json_object_get(past, "snapshot_step"));
    bool killed = strcmp(status, "killed") == 0, bad = killed || strcmp(status, "failed") == 0;
    if (strcmp(status, "empty") == 0)
        rt__screen_line(s, out, rt__bold, "%s: nothing has been run here yet", name);
    else if (killed && !isfinite(n) && !saved)
        rt__screen_line(s, out, rt__red, "%s: killed before its first report", name);
    else if (!isfinite(n)) /* there is no summary, or one without steps */
        rt__screen_line(s, out, bad ? rt__red : rt__bold, "%s: %s", name, status);
    else if (killed)
        rt__screen_line(s, out, rt__red, "%s: killed, last report at step %s", name,
                        rt__words_number(n, step));
    else
        rt__screen_line(s, out, bad ? rt__red : rt__bold, "%s: %s after step %s", name, status,
                        rt__words_number(n, step));
}

/* Omits what the summary does not have. */
static void show_speed(const json_t *summary, const rt__screen *s, rt_text *out)
{
    char text[RT__WORDS];
    rt_text line = {0};
    const double speed = rt__field_number(summary, "samples_per_second"),
                 seconds = rt__field_number(summary, "seconds"),
                 epochs = rt__field_number(summary, "epochs");
    if (isfinite(speed))
        rt_text_add(&line, ", %s samples/s", rt__words_number(speed, text));
    if (isfinite(seconds))
        rt_text_add(&line, ", %s", rt__words_duration(seconds, text));
    if (isfinite(epochs))
        rt_text_add(&line, ", %.4g epochs", epochs);
    if (line.data)
        rt__screen_line(s, out, NULL, "speed      %s", line.data + 2);
    rt_mem_free(line.data);
}

static void show_metrics(const rt_metrics *metrics, const rt__screen *s, rt_text *out)
{
    rt_text words = {0};
    rt_metrics_text(metrics, &words);
    if (words.data)
        rt__screen_line(s, out, NULL, "result     test %s", words.data);
    rt_mem_free(words.data);
}

static void show_summary(const json_t *past, const rt__screen *s, rt_text *out)
{
    char a[RT__WORDS];
    const json_t *j = json_object_get(past, "summary");
    rt_metrics metrics = rt_metrics_from(j, "eval_");
    const char *error = rt__field_text(j, "error");
    if (!json_is_object(j))
        return;
    show_speed(j, s, out);
    if (rt_metrics_any_finite(&metrics))
        show_metrics(&metrics, s, out);
    int64_t restarts = rt__field_int(j, "restarts", -1), lost = rt__field_int(j, "lost_steps", 0);
    if (restarts >= 0)
        rt__screen_line(s, out, NULL, "recovery   %" PRId64 " restart%s, %s step%s lost", restarts,
                        rt_plural(restarts), rt__words_number((double)lost, a), rt_plural(lost));
    if (*error) {
        char cleaned[RT__CELL];
        rt__screen_line(s, out, rt__red, "error      %s", rt__cell_clean(error, cleaned));
    }
}

/* Shows why the last launch was refused, which the status of the run does not tell. */
static void show_refusal(const json_t *past, const rt__screen *s, rt_text *out)
{
    char cleaned[RT__CELL];
    const char *why = rt__field_text(past, "refused");
    if (*why)
        rt__screen_line(s, out, rt__red, "refused    to go on, and is as it was: %s",
                        rt__cell_clean(why, cleaned));
}

static void show_saved(const json_t *past, const rt__screen *s, rt_text *out)
{
    char n[RT__WORDS], text[RT__CELL];
    if (rt__field_int(past, "checkpoint_step", -1) >= 0)
        rt__screen_line(s, out, NULL, "checkpoint of step %s: %s",
                        rt__words_number(rt__field_number(past, "checkpoint_step"), n),
                        rt__cell_clean(rt__field_text(past, "checkpoint"), text));
    else
        rt__screen_line(s, out, NULL, "checkpoint none");
    if (rt__field_int(past, "snapshot_step", -1) >= 0)
        rt__screen_line(s, out, NULL, "snapshot   of step %s, in shared memory: %s",
                        rt__words_number(rt__field_number(past, "snapshot_step"), n),
                        rt__cell_clean(rt__field_text(past, "snapshot_dir"), text));
    rt__screen_line(s, out, NULL, "directory  %s",
                    rt__cell_clean(rt__field_text(past, "directory"), text));
}

void rt__past_show(const json_t *past, const rt__screen *screen, rt_text *out)
{
    const char *next = rt__field_text(past, "next"), *refusal = rt__field_text(past, "journal");
    show_title(past, screen, out);
    show_summary(past, screen, out);
    show_refusal(past, screen, out);
    show_saved(past, screen, out);
    rt__events_show(rt__field_list(past, "events"), screen, out);
    /* Neither is cut to the screen, so that it can be copied. What to do next names the journal if that is what hinders it. */
    if (*next)
        rt_text_add(out, "\n%s\n", next);
    else if (*refusal)
        rt_text_add(out, "\nits journal is refused: %s\n", refusal);
}
