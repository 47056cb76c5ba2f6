#include "worker/arrivals.h"
#include "common/base/directory.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/input.h"
#include "common/base/outer_job.h"
#include "common/base/run_files.h"
#include "worker/report.h"
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_MOST = 8, HOST = 64 };

/* Slurm gives a job that it has requeued the name it had. */
static uint64_t identify_job(void)
{
    char text[512];
    const char *name = getenv("PMIX_NAMESPACE"), *restarts = getenv("SLURM_RESTART_COUNT");
    snprintf(text, sizeof text, "%s %s", name ? name : "", restarts ? restarts : "");
    return rt_hash64(text, strlen(text));
}

rt__arrivals rt__arrivals_of_job(void)
{
    rt_outer_job job = {0};
    const char *dir = getenv("RINGTORCH_JOIN_DIR");
    rt_outer_job_find(&job);
    return (rt__arrivals){.dir = dir ? dir : getenv("RINGTORCH_RUN_DIR"),
                          .job = identify_job(),
                          .rank = (int)job.rank,
                          .world = (int)job.size};
}

static bool make_path(const rt__arrivals *a, int rank, char path[PATH_MAX])
{
    int n = a->dir ? snprintf(path, PATH_MAX, "%s/logs/" RT_ARRIVAL_NOTE "%016" PRIx64 "-%d",
                              a->dir, a->job, rank)
                   : PATH_MAX;
    return n < PATH_MAX;
}

void rt__arrivals_note(rt__arrivals *a)
{
    char path[PATH_MAX], host[HOST];
    if (!make_path(a, a->rank, path) || rt_path_exists(path))
        return;
    rt__host_name(host, sizeof host);
    a->noted |= rt_file_replace(path, host, strlen(host)) == RT_OK;
    rt_error_clear();
}

/* Finds out whether a rank has come, and on which host. */
static bool has_come(const rt__arrivals *a, int rank, char host[HOST])
{
    char path[PATH_MAX];
    rt_bytes text = {0};
    if (rank == a->rank) {
        rt__host_name(host, HOST);
        return true;
    }
    bool come =
        make_path(a, rank, path) && rt_input_read(path, RT_INPUT_FILE, HOST, &text) == RT_OK;
    snprintf(host, HOST, "%.*s", (int)text.len, come ? (const char *)text.data : "");
    rt_bytes_release(&text);
    rt_error_clear();
    return come;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *fmt,
                                                         ...)
{
    size_t used = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + used, size - used, fmt, ap);
    va_end(ap);
}

/* Appends those that have come: "0, 1 on node0, 3 on node1". */
static void append_come(const rt__arrivals *a, char *text, size_t size)
{
    char host[HOST], before[HOST] = "";
    int come = 0;
    for (int i = 0; i < a->world; i++) {
        if (!has_come(a, i, host) || ++come > SHOWN_MOST)
            continue;
        if (come > 1 && strcmp(host, before) != 0)
            append(text, size, " on %s", before);
        append(text, size, "%s%d", come > 1 ? ", " : "", i);
        memcpy(before, host, HOST);
    }
    append(text, size, " on %s", before);
    if (come > SHOWN_MOST)
        append(text, size, " and %d more", come - SHOWN_MOST);
}

int rt__arrivals_describe(const rt__arrivals *a, char *text, size_t size)
{
    char host[HOST];
    int missing = 0;
    text[0] = '\0';
    for (int i = 0; i < a->world; i++)
        if (!has_come(a, i, host) && ++missing <= SHOWN_MOST)
            append(text, size, "%s%d", missing > 1 ? ", " : "rank ", i);
    if (missing > SHOWN_MOST)
        append(text, size, " and %d more", missing - SHOWN_MOST);
    if (missing > 0 && missing == a->world - 1)
        return -1;
    append(text, size, "; these have: ");
    append_come(a, text, size);
    return missing;
}

void rt__arrivals_forget(const rt__arrivals *a)
{
    char path[PATH_MAX];
    for (int i = 0; i < a->world; i++)
        if ((i == a->rank || a->rank == 0) && make_path(a, i, path))
            unlink(path);
}
