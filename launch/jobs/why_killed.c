#include "launch/jobs/why_killed.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/control/words.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TEXT_MAX = 1 << 16 };

/* ---- control groups ---- */

/* Reads a small file of /proc or /sys; "" if it cannot be read. */
static void read_small(const char *path, char *text, size_t size)
{
    rt_bytes b = {0};
    text[0] = '\0';
    if (rt_file_read(path, TEXT_MAX, &b) == RT_OK)
        snprintf(text, size, "%s", (const char *)b.data);
    rt_bytes_release(&b);
    rt_error_clear();
}

/* Finds the path of our group in /proc/self/cgroup, after a mark such as ":memory:". */
static bool find_path(const char *groups, const char *mark, char *path, size_t size)
{
    const char *at = strstr(groups, mark);
    if (at)
        snprintf(path, size, "%.*s", (int)strcspn(at + strlen(mark), "\n"), at + strlen(mark));
    return at != NULL;
}

static void use_group(rt__why_killed *w, const char *folder, const char *path)
{
    static const char *const counters[] = {"memory.oom_control", "memory.events"};
    /* Inside a container the path may be the one that is valid outside of it; then the root is our group. */
    const char *const tries[] = {path, ""};
    for (size_t i = 0; i < 2; i++) {
        snprintf(w->group, sizeof w->group, "%.200s%.300s", folder, tries[i]);
        size_t n = strlen(w->group);
        if (n > 0 && w->group[n - 1] == '/')
            w->group[n - 1] = '\0';
        snprintf(w->counter, sizeof w->counter, "%s/%s", w->group, counters[w->unified]);
        if (rt_path_exists(w->counter))
            return;
    }
    w->group[0] = w->counter[0] = '\0';
}

static int64_t count_kills(const rt__why_killed *w)
{
    char text[4096];
    static const char name[] = "oom_kill ";
    if (!w->counter[0])
        return 0;
    read_small(w->counter, text, sizeof text);
    const char *at = strstr(text, name);
    return at ? strtoll(at + sizeof name - 1, NULL, 10) : 0;
}

void rt__why_killed_init(rt__why_killed *w, const char *root)
{
    char groups[8192], path[600], file[256], folder[256];
    *w = (rt__why_killed){0};
    snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
    read_small(file, groups, sizeof groups);
    snprintf(folder, sizeof folder, "%s/sys/fs/cgroup/memory", root);
    if (find_path(groups, ":memory:", path, sizeof path)) {
        use_group(w, folder, path);
    } else if (find_path(groups, "0::", path, sizeof path)) {
        w->unified = true;
        snprintf(folder, sizeof folder, "%s/sys/fs/cgroup", root);
        use_group(w, folder, path);
    }
    if (!w->group[0]) { /* count the kills on the whole machine instead */
        w->unified = false;
        snprintf(w->counter, sizeof w->counter, "%s/proc/vmstat", root);
    }
    rt__why_killed_reset(w);
}

void rt__why_killed_reset(rt__why_killed *w)
{
    w->kills = count_kills(w);
}

/* Returns the smallest limit of our group and its parents, or 0 if there is none. */
static double group_limit(const rt__why_killed *w)
{
    char folder[sizeof w->group], file[sizeof w->group + 32], text[4096];
    double least = 0;
    snprintf(folder, sizeof folder, "%s", w->group);
    for (char *slash; (slash = strrchr(folder, '/')) && strstr(folder, "/sys/fs/cgroup");
         *slash = '\0') {
        snprintf(file, sizeof file, "%s/%s", folder,
                 w->unified ? "memory.max" : "memory.limit_in_bytes");
        read_small(file, text, sizeof text);
        double limit = strtod(text, NULL); /* "max": 0 */
        if (limit > 0 && limit < 1e18 && (least == 0 || limit < least))
            least = limit;
    }
    return least;
}

static bool was_out_of_memory(rt__why_killed *w, char *out, size_t size)
{
    char limit[RT__WORDS];
    int64_t kills = count_kills(w);
    bool grown = kills > w->kills;
    w->kills = kills;
    if (!grown)
        return false;
    double bytes = w->group[0] ? group_limit(w) : 0;
    if (bytes > 0)
        snprintf(out, size, "killed by the kernel: out of memory (cgroup limit %s)",
                 rt__words_bytes(bytes, limit));
    else
        snprintf(out, size, "killed by the kernel: out of memory");
    return true;
}

/* ---- resource limits ---- */

static bool is_limited(int resource, double *value)
{
    struct rlimit r;
    bool limited = getrlimit(resource, &r) == 0 && r.rlim_cur != RLIM_INFINITY;
    *value = limited ? (double)r.rlim_cur : 0;
    return limited;
}

bool rt__memory_limit(char *out, size_t size)
{
    double bytes;
    char text[RT__WORDS];
    if (!is_limited(RLIMIT_AS, &bytes))
        return false;
    snprintf(out, size, "memory is limited to %s (ulimit -v)", rt__words_bytes(bytes, text));
    return true;
}

bool rt__cpu_limit(double *seconds)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_CPU, &r) != 0 || r.rlim_max == RLIM_INFINITY)
        return false;
    *seconds = (double)r.rlim_max;
    return true;
}

static bool was_out_of_time(char *out, size_t size)
{
    double seconds;
    if (!rt__cpu_limit(&seconds))
        return false;
    snprintf(out, size, "processor time is limited to %.0f s (ulimit -t)", seconds);
    return true;
}

bool rt__why_killed_find(rt__why_killed *w, int signal, char *out, size_t size)
{
    double limit;
    char text[RT__WORDS];
    switch (signal) {
    case SIGKILL:
        return was_out_of_memory(w, out, size) ||
               (rt__cpu_limit(&limit) && limit <= 1 && was_out_of_time(out, size));
    case SIGXFSZ:
        if (!is_limited(RLIMIT_FSIZE, &limit))
            return false;
        snprintf(out, size, "files are limited to %s (ulimit -f)", rt__words_bytes(limit, text));
        return true;
    case SIGXCPU:
        return was_out_of_time(out, size);
    case SIGSEGV:
    case SIGBUS:
    case SIGABRT:
        return rt__memory_limit(out, size);
    default:
        return false;
    }
}

bool rt__why_killed_stays(int signal)
{
    return signal == SIGXCPU || signal == SIGXFSZ;
}
