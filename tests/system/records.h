/* Reads events.jsonl and metrics.jsonl while a run writes them.
 *
 *     records r;
 *     records_open(&r, run_dir);
 *     ... kill something ...
 *     size_t before = records_events(&r);
 *     json_t *lost = await_event(&r, before, "worker_lost", 60);     // NULL: there was none
 *     assert_int_equal(event_int(lost, "rank", -1), 1);
 *     records_close(&r);
 *
 * A file that does not exist yet counts as empty. Objects are borrowed from the records. */
#ifndef RINGTORCH_TESTS_SYSTEM_RECORDS_H
#define RINGTORCH_TESTS_SYSTEM_RECORDS_H

#include "common/base/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    metric *metrics; /* all rows that were ever in the file, also of steps that were made again */
    size_t metrics_count, metrics_room;
    int64_t newest_step; /* in metrics.jsonl; 0: none */
    int64_t torn;        /* lines that are not objects, or do not fit the rows of events.def */
} records;

void records_open(records *r, const char *run_dir);
void records_close(records *r);
/* Reads what was written since the last time. */
void records_read(records *r);
/* Returns how many events there are, which is also the index of the next one. */
size_t records_events(records *r);

/* Returns the first event of that name at or after an index, and its index (`at`, may be NULL), or NULL if there is none
 * so far. */
json_t *find_event(const records *r, size_t from, const char *name, size_t *at);
/* Returns the last event of that name; NULL: none. */
json_t *last_event(const records *r, const char *name);
/* Like find_event, but waits for the event at most that many seconds. */
json_t *await_event(records *r, size_t from, const char *name, double seconds);
/* Waits until so many further lines of metrics are written. Returns false if that takes longer than `seconds`. */
bool await_metrics(records *r, size_t lines, double seconds);

const char *event_name(const json_t *event);
/* Return a member of an event, or `otherwise` if it has none of that type. */
int64_t event_int(const json_t *event, const char *key, int64_t otherwise);
double event_number(const json_t *event, const char *key, double otherwise);
const char *event_string(const json_t *event, const char *key);

#endif
