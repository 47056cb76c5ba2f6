/* The log: one line an entry, with level, wall-clock time and who speaks.
 *
 *     rt_log_open("worker 3", "runs/x/logs/worker-3.g1.log", false);   // NULL path: stderr
 *     rt_log_warn("slow link to host %s: %.0f ms", host, ms);
 *
 * Plain: "2026-11-22 21:10:44.123 WARN  worker 3: slow link ...". JSON: one object a line with ts,
 * level, who, msg. RINGTORCH_LOG=debug|info|warn|error sets the least level (default info).
 * Thread-safe; a line is written with one write(2), so processes may share a file. */
#ifndef RINGTORCH_COMMON_LOG_H
#define RINGTORCH_COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>

typedef enum rt_log_level { RT_LOG_DEBUG, RT_LOG_INFO, RT_LOG_WARN, RT_LOG_ERROR } rt_log_level;

/* Sets prefix, file (appended to; NULL for stderr) and format for this process. */
rt_status rt_log_open(const char *who, const char *path, bool json);
void rt_log_close(void);
void rt_log_set_level(rt_log_level least);
__attribute__((format(printf, 2, 3))) void rt_log_write(rt_log_level level, const char *fmt, ...);

/* For what others can bring about as often as they like: all of it is counted, and told of the first time at once, then
 * with the number so far after a second, two, four, ... ten minutes. Zeroed at first; one thread. */
typedef struct rt_log_seldom {
    int64_t count;      /* how often it has happened */
    double next, pause; /* rt_clock() before which nothing is said; seconds of the last pause */
} rt_log_seldom;
__attribute__((format(printf, 2, 3))) void rt_log_warn_seldom(rt_log_seldom *s, const char *fmt,
                                                              ...);

#define rt_log_debug(...) rt_log_write(RT_LOG_DEBUG, __VA_ARGS__)
#define rt_log_info(...)  rt_log_write(RT_LOG_INFO, __VA_ARGS__)
#define rt_log_warn(...)  rt_log_write(RT_LOG_WARN, __VA_ARGS__)
#define rt_log_error(...) rt_log_write(RT_LOG_ERROR, __VA_ARGS__)

#endif
