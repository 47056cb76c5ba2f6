/* What a run writes about itself, read while it writes: events.jsonl and metrics.jsonl.
 *
 *     records r;
 *     records_open(&r, run_dir);
 *     ... kill something ...
 *     size_t before = records_events(&r);
 *     json_t *lost = await_event(&r, before, "worker_lost", 60);     // NULL: it did not come
 *     assert_int_equal(event_int(lost, "rank", -1), 1);
 *     records_close(&r);
 *
 * Files that are not there yet hold nothing. Objects are borrowed from the records. */
#ifndef RINGTORCH_TESTS_SYSTEM_RECORDS_H
#define RINGTORCH_TESTS_SYSTEM_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/json.h"

/* A line of metrics.jsonl. */
typedef struct metric {
    int64_t step, generation;
    double loss, lr, grad_norm; /* NaN for null */
    double seen;                /* rt_clock() when it was read */
} metric;

/* How far a file has been read. */
typedef struct file_place {
    long at;        /* bytes read */
    char last[256]; /* the last of them */
    size_t len;
} file_place;

typedef struct records {
    char events_path[600], metrics_path[600];
    file_place events_at, metrics_at;
    json_t *events;  /* all of them */
    metric *metrics; /* all that were ever there: rows of steps that were made again, too */
    size_t metrics_count, metrics_room;
    int64_t newest_step; /* in metrics.jsonl; 0: none */
    int64_t torn;        /* lines that are no object, or lack what each must have */
} records;

void records_open(records *r, const char *run_dir);
void records_close(records *r);
/* Takes what was written since the last time. */
void records_read(records *r);
/* Returns how many events there are, which is also the index of the next one. */
size_t records_events(records *r);

/* Returns the first event of that name at or after an index, and its index (`at`, may be NULL);
 * NULL: there is none so far. */
json_t *find_event(const records *r, size_t from, const char *name, size_t *at);
/* Returns the last event of that name; NULL: none. */
json_t *last_event(const records *r, const char *name);
/* The same as find_event, waiting for it at most that many seconds. */
json_t *await_event(records *r, size_t from, const char *name, double seconds);
/* Waits until so many further lines of metrics are written; false if they are not in that time. */
bool await_metrics(records *r, size_t lines, double seconds);

const char *event_name(const json_t *event);
/* Return a member of an event, or what to take instead when it has none of that type. */
int64_t event_int(const json_t *event, const char *key, int64_t otherwise);
double event_number(const json_t *event, const char *key, double otherwise);
const char *event_string(const json_t *event, const char *key);

#endif
