/* The log of this process. Each line has one buffer and is written by one write(2). */
#include "common/base/log.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

/* The only state that belongs to the process and not to a thread. Guarded by `lock`; the level is atomic, so that
 * entries below it cost only a load. */
static struct {
    pthread_mutex_t lock;
    int fd;
    bool owns_fd, json;
    char who[64];
} out = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .who = "ringtorch"};
static _Atomic int least = -1; /* -1: not set yet, read it from the environment */

/* Returns the level that RINGTORCH_LOG names, or INFO. */
static rt_log_level level_from_env(void)
{
    const char *name = getenv("RINGTORCH_LOG");
    for (int l = RT_LOG_DEBUG; name && l <= RT_LOG_ERROR; l++)
        if (strcasecmp(name, level_names[l]) == 0)
            return (rt_log_level)l;
    return RT_LOG_INFO;
}

static bool wanted(rt_log_level level)
{
    int now = atomic_load_explicit(&least, memory_order_relaxed);
    if (now < 0) {
        now = (int)level_from_env();
        atomic_store(&least, now);
    }
    return (int)level >= now;
}

static void close_locked(void)
{
    if (out.owns_fd)
        close(out.fd);
    out.fd = STDERR_FILENO;
    out.owns_fd = out.json = false;
}

rt_status rt_log_open(const char *who, const char *path, bool json)
{
    int fd = STDERR_FILENO;
    if (path) {
        RT_TRY(rt_file_open_log(path, &fd));
    }
    pthread_mutex_lock(&out.lock);
    close_locked();
    out.fd = fd;
    out.owns_fd = path != NULL;
    out.json = json;
    snprintf(out.who, sizeof out.who, "%s", who);
    pthread_mutex_unlock(&out.lock);
    return RT_OK;
}

void rt_log_close(void)
{
    pthread_mutex_lock(&out.lock);
    close_locked();
    pthread_mutex_unlock(&out.lock);
}

void rt_log_set_level(rt_log_level level)
{
    atomic_store(&least, (int)level);
}

/* A line under construction. Text that does not fit is cut off; the newline always fits. */
typedef struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
} line;

__attribute__((format(printf, 2, 3))) static void add(line *l, const char *fmt, ...)
{
    size_t room = sizeof l->text - 1 - l->len;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(l->text + l->len, room, fmt, args);
    va_end(args);
    if (n > 0)
        l->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Adds a JSON string. Bytes above 0x7f pass unchanged, so UTF-8 stays UTF-8. Leaves room for the end of the object. */
static void add_json_string(line *l, const char *s)
{
    add(l, "\"");
    for (; *s && l->len < sizeof l->text - 16; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            add(l, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            add(l, "\\u%04x", c);
        else
            add(l, "%c", c);
    }
    add(l, "\"");
}

/* An entry is always one line, and a terminal obeys nothing in it, whatever the message contains. */
static void add_plain(line *l, const char *time, int millis, rt_log_level level, const char *text)
{
    add(l, "%s.%03d %-5s %s: ", time, millis, level_names[level], out.who);
    l->len += rt_text_printable(l->text + l->len, sizeof l->text - 1 - l->len, text);
}

void rt_log_write(rt_log_level level, const char *fmt, ...)
{
    if (!wanted(level))
        return;
    int saved_errno = errno;
    char text[LINE_MAX_BYTES - 256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    double now = rt_clock_wall();
    time_t seconds = (time_t)now;
    int millis = (int)((now - (double)seconds) * 1000);
    struct tm parts;
    char time[32];
    strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &parts));

    line l = {.len = 0};
    pthread_mutex_lock(&out.lock);
    if (out.json) {
        add(&l, "{\"ts\": %.3f, \"level\": \"%s\", \"who\": ", now, level_names[level]);
        add_json_string(&l, out.who);
        add(&l, ", \"msg\": ");
        add_json_string(&l, text);
        add(&l, "}");
    } else {
        add_plain(&l, time, millis, level, text);
    }
    l.text[l.len++] = '\n';
    ssize_t written = write(out.fd, l.text, l.len);
    (void)written; /* a full disk must not stop a run just because of its log */
    pthread_mutex_unlock(&out.lock);
    errno = saved_errno;
}

void rt_log_warn_limited(rt_log_limit *s, const char *fmt, ...)
{
    static const double FIRST_PAUSE = 1, LONGEST_PAUSE = 600;
    double now = rt_clock();
    s->count++;
    if (now < s->next)
        return;
    bool quiet = s->pause == 0 || now - s->next > LONGEST_PAUSE;
    s->pause = quiet ? FIRST_PAUSE : 2 * s->pause < LONGEST_PAUSE ? 2 * s->pause : LONGEST_PAUSE;
    s->next = now + s->pause;
    char text[LINE_MAX_BYTES - 320];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (s->count > 1)
        rt_log_warn("%s (%" PRId64 " such so far)", text, s->count);
    else
        rt_log_warn("%s", text);
}
