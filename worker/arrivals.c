#include "worker/arrivals.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/input.h"
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_MOST = 8, HOST = 64 };

static bool make_path(const rt__arrivals *a, int rank, char path[PATH_MAX])
{
    const char *job = a->job ? a->job : "";
    int n = a->dir ? snprintf(path, PATH_MAX, "%s/logs/.come-%016" PRIx64 "-%d", a->dir,
                              rt_hash64(job, strlen(job)), rank)
                   : PATH_MAX;
    return n < PATH_MAX;
}

void rt__arrivals_note(rt__arrivals *a)
{
    char path[PATH_MAX], host[HOST] = "";
    if (a->noted || !make_path(a, a->rank, path))
        return;
    gethostname(host, sizeof host - 1);
    a->noted = rt_file_replace(path, host, strlen(host)) == RT_OK;
    rt_error_clear();
}

static bool has_come(const rt__arrivals *a, int rank, char host[HOST])
{
    char path[PATH_MAX];
    rt_bytes text = {0};
    bool come =
        make_path(a, rank, path) && rt_input_read(path, RT_INPUT_FILE, HOST, &text) == RT_OK;
    snprintf(host, HOST, "%.*s", (int)text.len, come ? (const char *)text.data : "");
    rt_bytes_release(&text);
    rt_error_clear();
    return come || rank == a->rank;
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

int rt__arrivals_describe(const rt__arrivals *a, char *text, size_t size)
{
    char host[HOST];
    int missing = 0, come = 0;
    text[0] = '\0';
    for (int i = 0; i < a->world; i++)
        if (!has_come(a, i, host) && ++missing <= SHOWN_MOST)
            append(text, size, "%s%d", missing > 1 ? ", " : "rank ", i);
    if (missing > SHOWN_MOST)
        append(text, size, " and %d more", missing - SHOWN_MOST);
    for (int i = 0; i < a->world; i++)
        if (has_come(a, i, host) && ++come <= SHOWN_MOST)
            append(text, size, "%s%d%s%s", come > 1 ? ", " : "; these have: ", i,
                   *host ? " on " : "", host);
    if (come > SHOWN_MOST)
        append(text, size, " and %d more", come - SHOWN_MOST);
    return missing;
}

void rt__arrivals_forget(const rt__arrivals *a)
{
    char path[PATH_MAX];
    for (int i = 0; i < a->world; i++)
        if ((i == a->rank || a->rank == 0) && make_path(a, i, path))
            unlink(path);
}
