#include "moments.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"

bool checkpoint_watch_begin(checkpoint_watch *w, const char *run_dir)
{
    *w = (checkpoint_watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .folder_watch = -1};
    snprintf(w->folder, sizeof w->folder, "%s/checkpoints", run_dir);
    if (rt_dir_make(w->folder, 0755) != RT_OK) {
        rt_error_clear();
        return false;
    }
    w->folder_watch = inotify_add_watch(w->fd, w->folder, IN_CREATE);
    return w->folder_watch >= 0;
}

void checkpoint_watch_end(checkpoint_watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

/* Returns whether this is the name of a checkpoint that is being written: ".step-00000400.g3.tmp". */
static bool is_begun(const char *name, int64_t step)
{
    char expected[32];
    snprintf(expected, sizeof expected, ".step-%08lld.", (long long)step);
    const char *start = step >= 0 ? expected : ".step-";
    return strncmp(name, start, strlen(start)) == 0;
}

/* Handles one event. Returns true if it is the one we wait for. */
static bool take(checkpoint_watch *w, const struct inotify_event *e, int64_t step, bool committing)
{
    if (e->len == 0)
        return false;
    if (e->wd != w->folder_watch)
        return committing && strstr(e->name, "manifest") != NULL;
    if (!is_begun(e->name, step))
        return false;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", w->folder, e->name);
    if (committing)
        inotify_add_watch(w->fd, path, IN_CREATE);
    return !committing;
}

bool checkpoint_watch_await(checkpoint_watch *w, int64_t step, bool committing, double seconds)
{
    _Alignas(struct inotify_event) char buffer[4096];
    for (double end = rt_clock() + seconds; rt_clock() < end;) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        if (poll(&p, 1, 50) <= 0)
            continue;
        ssize_t got = read(w->fd, buffer, sizeof buffer);
        for (char *at = buffer; got > 0 && at < buffer + got;) {
            const struct inotify_event *e = (const struct inotify_event *)at;
            if (take(w, e, step, committing))
                return true;
            at += sizeof *e + e->len;
        }
    }
    return false;
}
