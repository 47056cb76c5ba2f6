/* The language of sentences: reads it, and fills it with the fields of an event or record. */
#include "common/control/sentence.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/control/journal_records.h"
#include "common/control/words.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- places ---- */

/* Copies up to one of the characters of `ends` and moves *at there. Returns false if that is too long. */
static bool take_until(const char **at, const char *ends, char part[RT__PLACE_PART])
{
    size_t len = strcspn(*at, ends);
    if (len >= RT__PLACE_PART)
        return false;
    memcpy(part, *at, len);
    part[len] = '\0';
    *at += len;
    return true;
}

const char *rt__place_read(const char *at, rt__place *out)
{
    *out = (rt__place){.chooses = false};
    at++;
    bool good = take_until(&at, ":?}", out->field);
    out->chooses = *at == '?';
    if (good && *at == ':') {
        at++;
        good = take_until(&at, " }", out->format);
        at += good && *at == ' ';
        good = good && take_until(&at, "}", out->noun);
    } else if (good && out->chooses) {
        at++;
        good = take_until(&at, "|}", out->yes);
        at += good && *at == '|';
        good = good && take_until(&at, "}", out->no);
    }
    return good && *at == '}' ? at + 1 : NULL;
}

static const rt_field *field_of(const rt__schema *schema, const char *name)
{
    for (int i = 0; i < schema->n_fields; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return &schema->fields[i];
    return NULL;
}

/* ---- formats ---- */

typedef struct format {
    const char *name;
    uint32_t kinds; /* bits of rt_field_kind */
    void (*add)(const json_t *value, rt_text *out);
    bool (*is_nothing)(
        const json_t *value); /* besides missing and empty values; NULL: no other value */
} format;

static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Adds a text, an unformatted number, or yes or no. */
static void add_plain(const json_t *value, rt_text *out)
{
    if (json_is_string(value))
        rt__words_add(out, json_string_value(value));
    else if (json_is_integer(value))
        rt_text_add(out, "%" PRId64, (int64_t)json_integer_value(value));
    else if (json_is_real(value))
        rt_text_add(out, "%.4g", json_real_value(value));
    else if (json_is_boolean(value))
        rt_text_add(out, json_is_true(value) ? "yes" : "no");
    else
        rt_text_add(out, "?");
}

static void add_count(const json_t *value, rt_text *out)
{
    char text[RT__WORDS];
    rt_text_add(out, "%s", rt__words_number(number_of(value), text));
}

static void add_seconds(const json_t *value, rt_text *out)
{
    char text[RT__WORDS];
    rt_text_add(out, "%s", rt__words_seconds(number_of(value), text));
}

static void add_bytes(const json_t *value, rt_text *out)
{
    char text[RT__WORDS];
    rt_text_add(out, "%s", rt__words_bytes(number_of(value), text));
}

/* Adds what a generation starts from: a snapshot, or the name of a checkpoint. */
static void add_source(const json_t *value, rt_text *out)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "?";
    const char *name = strrchr(text, '/');
    if (strcmp(text, "snapshot") == 0)
        rt_text_add(out, "a snapshot");
    else
        rt__words_add(out, name && name[1] ? name + 1 : text);
}

static bool is_zero(const json_t *value)
{
    return json_is_number(value) && json_number_value(value) == 0;
}

static bool is_fresh(const json_t *value)
{
    return json_is_string(value) && strcmp(json_string_value(value), "fresh") == 0;
}

#define KIND(kind) (UINT32_C(1) << RT_FIELD_##kind)
static const format formats[] = {
    {"", KIND(TEXT) | KIND(INT) | KIND(NUMBER) | KIND(CHOICE), add_plain, NULL},
    {"n", KIND(INT) | KIND(NUMBER), add_count, is_zero},
    {"s", KIND(NUMBER), add_seconds, NULL},
    {"bytes", KIND(INT), add_bytes, NULL},
    {"source", KIND(TEXT), add_source, is_fresh},
};

static const format *format_of(const rt__place *p)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, p->format) == 0)
            return &formats[i];
    return NULL;
}

/* ---- filling a sentence ---- */

typedef struct sentence {
    const rt__schema *schema;
    const json_t *object; /* the event or record */
} sentence;

/* Reads the metrics that a field stands for. Returns false if the field is of another kind. */
static bool metrics_of(const sentence *s, const char *name, rt_metrics *out)
{
    const rt_field *field = field_of(s->schema, name);
    if (!field || field->kind != RT_FIELD_METRICS)
        return false;
    *out = rt_metrics_from(s->object, field->prefix ? field->prefix : "");
    return true;
}

static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

static bool says_nothing(const sentence *s, const rt__place *p)
{
    rt_metrics metrics;
    const json_t *value = json_object_get(s->object, p->field);
    const format *f = format_of(p);
    if (metrics_of(s, p->field, &metrics))
        return metrics.count == 0;
    return is_empty(value) || (!p->chooses && f && f->is_nothing && f->is_nothing(value));
}

static void add_place(const sentence *s, const rt__place *p, rt_text *out)
{
    rt_metrics metrics;
    const json_t *value = json_object_get(s->object, p->field);
    const format *f = format_of(p);
    if (metrics_of(s, p->field, &metrics))
        rt_metrics_text(&metrics, out);
    else if (p->chooses)
        rt_text_add(out, "%s", is_empty(value) ? p->no : p->yes);
    else if (f)
        f->add(value, out);
    if (*p->noun)
        rt_text_add(out, " %s%s", p->noun, rt_plural(rt__field_int(s->object, p->field, 0)));
}

/* Returns whether every place up to `end` has something to say. */
static bool says_all(const sentence *s, const char *at, const char *end)
{
    rt__place p;
    while (at && at < end)
        if (*at != '{')
            at++;
        else if ((at = rt__place_read(at, &p)) && says_nothing(s, &p))
            return false;
    return true;
}

static void add_sentence(const sentence *s, const char *at, rt_text *out)
{
    rt__place p;
    while (at && *at) {
        const char *end = *at == '[' ? strchr(at, ']') : NULL;
        if (*at == '{') {
            at = rt__place_read(at, &p);
            if (at)
                add_place(s, &p, out);
        } else if (end && !says_all(s, at, end)) {
            at = end + 1;
        } else if (*at == '[' || *at == ']') {
            at++;
        } else {
            rt_text_add(out, "%c", *at++);
        }
    }
}

/* Adds an event that this program has no sentence for: its name, and its text for people or else its fields. */
static void add_unknown(const json_t *event, rt_text *out)
{
    static const char *const words[] = {"message", "text", "cause", "reason"};
    static const char *const told_already[] = {"event", "time", "seconds", "generation"};
    rt_text name = {0};
    rt__words_add(&name, rt__field_text(event, "event"));
    for (const char *c = name.data ? name.data : ""; *c; c++)
        rt_text_add(out, "%c", *c == '_' ? ' ' : *c);
    rt_mem_free(name.data);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (json_is_string(json_object_get(event, words[i]))) {
            rt_text_add(out, ": ");
            add_plain(json_object_get(event, words[i]), out);
            return;
        }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)event, key, value)
    {
        bool told = json_is_object(value) || json_is_array(value) || json_is_null(value);
        for (size_t i = 0; i < sizeof told_already / sizeof *told_already; i++)
            told |= strcmp(key, told_already[i]) == 0;
        if (told)
            continue;
        rt_text_add(out, ", ");
        rt__words_add(out, key);
        rt_text_add(out, " ");
        add_plain(value, out);
    }
}

void rt__sentence_of(const json_t *event, rt_text *out)
{
    const rt_event_row *row = rt_event_row_of(event);
    const json_t *text = json_object_get(event, "text");
    if (row && json_is_string(text) && !strstr(row->sentence, "{text}"))
        add_plain(text, out); /* in lines of earlier versions, the other fields may be missing */
    else if (row)
        add_sentence(&(sentence){&row->schema, event}, row->sentence, out);
    else
        add_unknown(event, out);
}

void rt__sentence_of_values(rt_event_id id, const void *values, rt_text *out)
{
    json_t *event = rt_event_json(id, &(rt_event_stamp){.time = ""}, values);
    if (event)
        rt__sentence_of(event, out);
    else
        out->failed = true;
    json_decref(event);
}

bool rt__sentence_of_record(const json_t *record, rt_text *out)
{
    const rt_record_row *row = rt_record_row_of(record);
    if (row)
        add_sentence(&(sentence){&row->schema, record}, row->sentence, out);
    return row != NULL;
}

/* ---- checks ---- */

static rt_status check_place(const rt__schema *schema, const rt__place *p)
{
    const rt_field *field = field_of(schema, p->field);
    const format *f = format_of(p);
    if (!field)
        return RT_FAIL(ARG, "the sentence of %s: there is no field '%s'", schema->owner, p->field);
    if (!f)
        return RT_FAIL(ARG, "the sentence of %s: {%s}: there is no format '%s'", schema->owner,
                       p->field, p->format);
    bool suits = f->kinds >> field->kind & 1 && (!*p->noun || strcmp(f->name, "n") == 0);
    if (field->kind == RT_FIELD_METRICS)
        suits = !*p->format && !p->chooses;
    if (p->chooses)
        suits = field->kind == RT_FIELD_FLAG;
    const char *mark = p->chooses ? "?" : *p->format ? ":" : "";
    return suits
               ? RT_OK
               : RT_FAIL(ARG, "the sentence of %s: a field of kind %s cannot be shown as {%s%s%s}",
                         schema->owner, rt__field_kinds[field->kind].name, p->field, mark,
                         p->format);
}

rt_status rt__sentence_check(const rt__schema *schema, const char *text)
{
    rt__place p;
    int open = 0;
    for (const char *at = text; *at;) {
        open += *at == '[' ? 1 : *at == ']' ? -1 : 0;
        bool begins = *at == '{';
        if (open < 0 || open > 1 || *at == '}' || (begins && !(at = rt__place_read(at, &p))))
            return RT_FAIL(ARG,
                           "the sentence of %s: brackets must come in pairs and cannot be nested",
                           schema->owner);
        if (begins)
            RT_TRY(check_place(schema, &p));
        else
            at++;
    }
    return open == 0 ? RT_OK : RT_FAIL(ARG, "the sentence of %s: a '[' has no ']'", schema->owner);
}
