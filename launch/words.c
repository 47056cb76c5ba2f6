#include "launch/words.h"
#include "common/mem.h"
#include "common/fields.h"
#include "common/metrics.h"
#include "common/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- numbers ---- */

const char *rt__words_number(double number, char text[RT__WORDS])
{
    char digits[32];
    if (!(fabs(number) < 1e18))
        return memcpy(text, "-", 2);
    int n = snprintf(digits, sizeof digits, "%.0f", number), used = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-')
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *rt__words_duration(double seconds, char text[RT__WORDS])
{
    if (!(seconds >= 0 && seconds < 1e10))
        return memcpy(text, "-", 2);
    long long s = (long long)(seconds + 0.5);
    if (s >= 48 * 3600)
        snprintf(text, RT__WORDS, "%lld d %lld h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(text, RT__WORDS, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, RT__WORDS, "%lld:%02lld", s / 60, s % 60);
    return text;
}

const char *rt__words_seconds(double seconds, char text[RT__WORDS])
{
    if (seconds >= 99.5 || !(seconds >= 0))
        return rt__words_duration(seconds, text);
    snprintf(text, RT__WORDS, "%.*f s", seconds < 1 ? 2 : seconds < 10 ? 1 : 0, seconds);
    return text;
}

const char *rt__words_bytes(double bytes, char text[RT__WORDS])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int unit = 0;
    if (!(bytes >= 0 && bytes < 1e18))
        return memcpy(text, "-", 2);
    for (; bytes >= 1000 && unit < 5; unit++)
        bytes /= 1024;
    snprintf(text, RT__WORDS, "%.*f %s", unit > 0 && bytes < 9.95 ? 1 : 0, bytes, units[unit]);
    return text;
}

const char *rt__words_clock(const char *iso, double now, char text[RT__WORDS])
{
    struct tm utc = {0}, then, today;
    text[0] = '\0';
    if (!strptime(iso, "%Y-%m-%dT%H:%M:%S", &utc))
        return text;
    time_t at = timegm(&utc), whole = (time_t)now;
    localtime_r(&at, &then);
    localtime_r(&whole, &today);
    bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    strftime(text, RT__WORDS, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
    return text;
}

/* ---- text from elsewhere ---- */

void rt__words_add(rt_text *out, const char *text)
{
    char *line = rt_strdup_printf("%.*s", (int)strcspn(text, "\r\n"), text);
    if (line)
        rt_text_add_printable(out, line);
    else
        out->failed = true;
    rt_mem_free(line);
}

void rt__words_verifying(const json_t *verifying, rt_text *out)
{
    char size[RT__WORDS];
    double bytes = rt__field_number(verifying, "bytes"), of = rt__field_number(verifying, "of");
    rt__words_add(out, rt__field_text(verifying, "checkpoint"));
    rt_text_add(out, ", %.0f %% of %s", of > 0 ? floor(100 * bytes / of) : 0,
                rt__words_bytes(of, size));
}

/* ---- events ---- */

/* {metrics} in a sentence: all that an evaluation tells. */
static bool is_metrics(const char *key)
{
    return strcmp(key, "metrics") == 0;
}

/* What a sentence is made of: a field of the event, put in place of {key}. */
static void add_field(rt_text *out, const json_t *event, const char *key)
{
    char text[RT__WORDS];
    const json_t *field = json_object_get(event, key);
    if (is_metrics(key)) {
        rt_metrics metrics = rt_metrics_from(event, "");
        rt_metrics_words(&metrics, out);
    } else if (json_is_string(field)) {
        rt__words_add(out, json_string_value(field));
    } else if (json_is_number(field)) {
        bool seconds = strstr(key, "seconds") != NULL, whole = json_is_integer(field);
        if (seconds)
            rt_text_add(out, "%s", rt__words_seconds(json_number_value(field), text));
        else if (whole)
            rt_text_add(out, "%s", rt__words_number(json_number_value(field), text));
        else
            rt_text_add(out, "%.4g", json_number_value(field));
    } else if (json_is_boolean(field)) {
        rt_text_add(out, json_is_true(field) ? "yes" : "no");
    } else {
        rt_text_add(out, "?");
    }
}

/* Takes "{key}" or "{key noun}" apart. */
static void read_place(const char *at, char key[RT__WORDS], char noun[RT__WORDS])
{
    size_t n = strcspn(at + 1, " }");
    snprintf(key, RT__WORDS, "%.*s", (int)n, at + 1);
    at += n + 1 + (at[n + 1] == ' ');
    snprintf(noun, RT__WORDS, "%.*s", (int)strcspn(at, "}"), at);
}

/* Adds a sentence in which {key} stands for a field, and {key noun} for a number and what it counts ("1 step"). */
static void add_sentence(rt_text *out, const json_t *event, const char *sentence)
{
    for (const char *c = sentence; *c; c++) {
        const char *end = *c == '{' ? strchr(c, '}') : NULL;
        if (!end) {
            rt_text_add(out, "%c", *c);
            continue;
        }
        char key[RT__WORDS], noun[RT__WORDS];
        read_place(c, key, noun);
        add_field(out, event, key);
        if (*noun)
            rt_text_add(out, " %s%s", noun, rt_plural(rt__field_int(event, key, 0)));
        c = end;
    }
}

static bool has(const json_t *event, const char *key)
{
    const json_t *field = json_object_get(event, key);
    return is_metrics(key) ? rt_metrics_from(event, "").count > 0 : field && !json_is_null(field);
}

/* Returns whether every {key} of the sentence is there. */
static bool can_say(const json_t *event, const char *sentence)
{
    for (const char *c = sentence; (c = strchr(c, '{')); c++) {
        char key[RT__WORDS], noun[RT__WORDS];
        read_place(c, key, noun);
        if (!has(event, key))
            return false;
    }
    return true;
}

/* The first sentence of an event whose fields are all there is used. */
static const struct {
    const char *event, *sentence;
} sentences[] = {
    {"checkpoint", "checkpoint of step {step}"},
    {"checkpoint_failed", "checkpoint of step {step} was not made: {reason}"},
    {"verifying", "a checkpoint is being verified: {checkpoint}"},
    {"checkpoint_unusable", "a checkpoint was passed over: {reason}"},
    {"evaluation", "step {step}: test {metrics}"},
    {"model", "the model has {parameters parameter}"},
    {"early_stop", "{text}"},
    {"worker_lost", "worker {rank} on {host} lost at step {step}: {cause}"},
    {"worker_lost", "worker {rank} lost at step {step}: {cause}"},
    {"recovered", "back at step {step} after {recovery_seconds}, {lost_steps step} lost"},
    {"recovered", "back at step {step} after {recovery_seconds}"},
    {"interrupted", "told to stop (signal {signal}) at step {step}: finishing"},
    {"stop_ordered", "told to stop: {reason}"},
    {"checkpoint_ordered", "a checkpoint was asked for: {reason}"},
    {"scaled", "scaled from {from} to {to worker}"},
    {"leave", "worker {rank} on {host} leaves: {reason}"},
    {"hosts", "the host file has {hosts host} with room for {room worker}"},
    {"host_lost", "host {host} is set aside for {cooldown_seconds}: {reason}"},
    {"generation", "generation {generation} is started, workers: {world_size}"},
    {"host_back", "host {host} is back"},
    {"note", "{text}"},
    {"stall", "{text}"},
    {"stall_over", "rank {rank} on {host} moves again after {stalled_seconds}"},
    {"corruption", "{text}"},
    {"data_fault", "{text}"},
    {"step_skipped", "{text}"},
    {"snapshot_trouble", "no snapshots of rank {rank} on {host}: {text}"},
    {"coordinator_restarted", "the coordinator was restarted"},
    {"done", "done after step {step}"},
    {"stopped", "stopped after step {step}"},
    {"failed", "failed after step {step}: {message}"},
};

static void add_running(const json_t *event, rt_text *out)
{
    char text[RT__WORDS];
    int64_t world = rt__field_int(event, "world_size", 0);
    rt_text_add(out, "generation %" PRId64 ": %s worker%s start%s",
                rt__field_int(event, "generation", 0), rt__words_number((double)world, text),
                rt_plural(world), world == 1 ? "s" : "");
    if (rt__field_int(event, "start_step", 0) > 0)
        rt_text_add(out, " at step %s",
                    rt__words_number(rt__field_number(event, "start_step"), text));
    const char *source = rt__field_text(event, "source"), *name = strrchr(source, '/');
    if (*source && strcmp(source, "fresh") != 0) {
        rt_text_add(out, " from ");
        rt__words_add(out, name && name[1] ? name + 1 : source);
    }
    int64_t lost = rt__field_int(event, "lost_steps", 0);
    if (lost > 0)
        rt_text_add(out, ", %s step%s lost", rt__words_number((double)lost, text), rt_plural(lost));
}

/* An event this program has no sentence for: its name and what it says in words, or its fields. */
static void add_unknown(const json_t *event, rt_text *out)
{
    static const char *const words[] = {"message", "text", "cause", "reason", NULL};
    static const char *const told_already[] = {"event", "time", "seconds", "generation"};
    rt_text name = {0};
    rt__words_add(&name, rt__field_text(event, "event"));
    for (const char *c = name.data ? name.data : ""; *c; c++)
        rt_text_add(out, "%c", *c == '_' ? ' ' : *c);
    rt_mem_free(name.data);
    for (int i = 0; words[i]; i++)
        if (json_is_string(json_object_get(event, words[i]))) {
            rt_text_add(out, ": ");
            add_field(out, event, words[i]);
            return;
        }
    const char *key;
    json_t *field;
    json_object_foreach((json_t *)event, key, field)
    {
        bool told = json_is_object(field) || json_is_array(field) || json_is_null(field);
        for (size_t i = 0; i < sizeof told_already / sizeof *told_already; i++)
            told |= strcmp(key, told_already[i]) == 0;
        if (told)
            continue;
        rt_text_add(out, ", ");
        rt__words_add(out, key);
        rt_text_add(out, " ");
        add_field(out, event, key);
    }
}

void rt__words_event(const json_t *event, rt_text *out)
{
    const char *name = rt__field_text(event, "event");
    if (strcmp(name, "running") == 0) {
        add_running(event, out);
        return;
    }
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(name, sentences[i].event) == 0 && can_say(event, sentences[i].sentence)) {
            add_sentence(out, event, sentences[i].sentence);
            return;
        }
    add_unknown(event, out);
}
