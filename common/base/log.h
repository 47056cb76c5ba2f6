/* The log: one line per entry, with wall-clock time, level and the name of the process.
 *
 *     rt_log_open("worker 3", "runs/x/logs/worker-3.g1.log", false);   // NULL path: stderr
 *     rt_log_warn("slow link to host %s: %.0f ms", host, ms);
 *
 * Plain: "2026-11-22 21:10:44.123 WARN  worker 3: slow link ...". JSON: one object per line with ts, level, who, msg.
 * RINGTORCH_LOG=debug|info|warn|error sets the lowest level that is written (default info). Thread-safe; a line is
 * written with one write(2), so processes may share a file. */
#ifndef RINGTORCH_COMMON_BASE_LOG_H
#define RINGTORCH_COMMON_BASE_LOG_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum rt_log_level { RT_LOG_DEBUG, RT_LOG_INFO, RT_LOG_WARN, RT_LOG_ERROR } rt_log_level;

/* Sets this process's name, its file (appended to; NULL for stderr) and the format. */
rt_status rt_log_open(const char *who, const char *path, bool json);
void rt_log_close(void);
void rt_log_set_level(rt_log_level least);
__attribute__((format(printf, 2, 3))) void rt_log_write(rt_log_level level, const char *fmt, ...);

/* Limits warnings about events that outsiders can cause as often as they like. Every event is counted. The first is
 * logged at once; after that the count so far is logged after one second, two, four, ... ten minutes. Start with a
 * zeroed struct; for use by one thread. */
typedef struct rt_log_limit {
    int64_t count;      /* how often it has happened */
    double next, pause; /* rt_clock() before which nothing is logged; the last pause in seconds */
} rt_log_limit;
__attribute__((format(printf, 2, 3))) void rt_log_warn_limited(rt_log_limit *s, const char *fmt,
                                                               ...);

#define rt_log_debug(...) rt_log_write(RT_LOG_DEBUG, __VA_ARGS__)
#define rt_log_info(...)  rt_log_write(RT_LOG_INFO, __VA_ARGS__)
#define rt_log_warn(...)  rt_log_write(RT_LOG_WARN, __VA_ARGS__)
#define rt_log_error(...) rt_log_write(RT_LOG_ERROR, __VA_ARGS__)

#endif
