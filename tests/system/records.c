#include "records.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/events.h"

void records_open(records *r, const char *run_dir)
{
    *r = (records){.events = json_array()};
    snprintf(r->events_path, sizeof r->events_path, "%s/events.jsonl", run_dir);
    snprintf(r->metrics_path, sizeof r->metrics_path, "%s/metrics.jsonl", run_dir);
}

void records_close(records *r)
{
    json_decref(r->events);
    rt_mem_free(r->metrics);
    *r = (records){0};
}

/* ---- reading ---- */

static double number_or_nan(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void take_metric(records *r, json_t *line)
{
    if (r->metrics_count == r->metrics_room) {
        size_t room = r->metrics_room ? 2 * r->metrics_room : 1024;
        metric *more = rt_realloc(r->metrics, room * sizeof *more);
        RT_ASSERT(more);
        r->metrics = more;
        r->metrics_room = room;
    }
    metric m = {
        .step = event_int(line, "step", -1),
        .generation = event_int(line, "generation", -1),
        .loss = number_or_nan(line, "loss"),
        .lr = number_or_nan(line, "lr"),
        .grad_norm = number_or_nan(line, "grad_norm"),
        .seen = rt_clock(),
    };
    const metric *last = r->metrics_count > 0 ? &r->metrics[r->metrics_count - 1] : NULL;
    if (m.step < 0 || m.generation < 0)
        r->torn++;
    else if (!last || m.generation > last->generation ||
             (m.generation == last->generation &&
              m.step > last->step)) /* else we know it already */
        r->metrics[r->metrics_count++] = m;
    if (m.step > r->newest_step)
        r->newest_step = m.step;
}

static void take_event(records *r, json_t *line)
{
    rt_event event;
    if (rt_event_read(line, &event) == RT_OK) {
        json_array_append(r->events, line);
        return;
    }
    fprintf(stderr, "%s: %s\n", r->events_path, rt_error());
    rt_error_clear();
    r->torn++;
}

static void take_line(records *r, const char *line, size_t len, const char *path,
                      void (*take)(records *r, json_t *line))
{
    json_t *j = NULL;
    if (rt_json_parse(line, len, path, &j) == RT_OK && json_is_object(j))
        take(r, j);
    else
        r->torn++;
    rt_error_clear();
    json_decref(j);
}

/* Returns whether the last line that we read is still in its place: a coordinator may since have removed rows and written
 * others. */
static bool is_there(FILE *f, const file_place *p)
{
    char found[sizeof p->last] = "";
    fseek(f, p->at - (long)p->len, SEEK_SET);
    return fread(found, 1, p->len, f) == p->len && memcmp(found, p->last, p->len) == 0;
}

static void remember(file_place *p, const char *line, size_t len)
{
    p->at += (long)len;
    p->len = len < sizeof p->last ? len : sizeof p->last;
    memcpy(p->last, line + len - p->len, p->len);
}

/* Reads the complete lines written since the last time, or all lines if the file has become shorter. */
static void read_lines(records *r, const char *path, file_place *p,
                       void (*take)(records *r, json_t *line))
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (!is_there(f, p))
        *p = (file_place){0};
    fseek(f, p->at, SEEK_SET);
    for (ssize_t len; (len = getline(&line, &room, f)) > 0 && line[len - 1] == '\n';) {
        take_line(r, line, (size_t)len - 1, path, take);
        remember(p, line, (size_t)len);
    }
    free(line);
    fclose(f);
}

void records_read(records *r)
{
    read_lines(r, r->events_path, &r->events_at, take_event);
    read_lines(r, r->metrics_path, &r->metrics_at, take_metric);
}

size_t records_events(records *r)
{
    records_read(r);
    return json_array_size(r->events);
}

/* ---- looking ---- */

json_t *find_event(const records *r, size_t from, const char *name, size_t *at)
{
    for (size_t i = from; i < json_array_size(r->events); i++) {
        json_t *event = json_array_get(r->events, i);
        if (strcmp(event_name(event), name) != 0)
            continue;
        if (at)
            *at = i;
        return event;
    }
    return NULL;
}

json_t *last_event(const records *r, const char *name)
{
    for (size_t i = json_array_size(r->events); i-- > 0;)
        if (strcmp(event_name(json_array_get(r->events, i)), name) == 0)
            return json_array_get(r->events, i);
    return NULL;
}

json_t *await_event(records *r, size_t from, const char *name, double seconds)
{
    double end = rt_clock() + seconds;
    for (;;) {
        records_read(r);
        json_t *event = find_event(r, from, name, NULL);
        if (event || rt_clock() > end)
            return event;
        rt_clock_sleep(0.002);
    }
}

bool await_metrics(records *r, size_t lines, double seconds)
{
    double end = rt_clock() + seconds;
    records_read(r);
    for (size_t before = r->metrics_count; r->metrics_count < before + lines; records_read(r)) {
        if (rt_clock() > end)
            return false;
        rt_clock_sleep(0.002);
    }
    return true;
}

const char *event_name(const json_t *event)
{
    return event_string(event, "event");
}

int64_t event_int(const json_t *event, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(event, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

double event_number(const json_t *event, const char *key, double otherwise)
{
    const json_t *value = json_object_get(event, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

const char *event_string(const json_t *event, const char *key)
{
    const char *value = json_string_value(json_object_get(event, key));
    return value ? value : "";
}
