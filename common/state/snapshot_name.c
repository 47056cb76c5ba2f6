#include "common/state/snapshot_name.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/os/os.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "ringtorch-";

void rt_snapshot_name_print(const rt_snapshot_name *n, char out[RT_SNAPSHOT_NAME])
{
    static const char *const suffix[] = {"", "-copy", "-mpi", "-orte"};
    char rank[32] = "";
    if (n->what < RT_SNAPSHOT_MPI)
        snprintf(rank, sizeof rank, "-r%" PRId64, n->rank);
    snprintf(out, RT_SNAPSHOT_NAME, "%s%s-g%" PRId64 "%s%s%s%s", PREFIX, n->run, n->generation,
             rank, suffix[n->what], n->tag[0] ? "-" : "", n->tag);
}

rt_status rt_snapshot_tag_make(char tag[RT_SNAPSHOT_TAG])
{
    uint32_t random;
    RT_TRY(rt_os_random(&random, sizeof random));
    snprintf(tag, RT_SNAPSHOT_TAG, "%08" PRIx32, random);
    return RT_OK;
}

bool rt_snapshot_tag_is(const char *text)
{
    return strlen(text) == RT_SNAPSHOT_TAG - 1 &&
           strspn(text, "0123456789abcdef") == RT_SNAPSHOT_TAG - 1;
}

/* Cuts "-<tag>" off the end of text, if there is one. */
static void cut_tag(char *text, char tag[RT_SNAPSHOT_TAG])
{
    char *dash = strrchr(text, '-');
    if (!dash || !rt_snapshot_tag_is(dash + 1))
        return;
    memcpy(tag, dash + 1, RT_SNAPSHOT_TAG);
    *dash = 0;
}

/* Cuts `suffix` off the end of text; returns false if it is not there. */
static bool cut_suffix(char *text, const char *suffix)
{
    size_t len = strlen(text), n = strlen(suffix);
    if (len < n || strcmp(text + len - n, suffix) != 0)
        return false;
    text[len - n] = 0;
    return true;
}

/* Cuts "<mark><number>" off the end of text; returns false if it is not there. */
static bool cut_number(char *text, const char *mark, int64_t *out)
{
    char *at = NULL, *end;
    for (char *next = strstr(text, mark); next; next = strstr(next + 1, mark))
        at = next;
    if (!at)
        return false;
    errno = 0;
    *out = strtoll(at + strlen(mark), &end, 10);
    *at = 0;
    return *end == 0 && errno == 0 && *out >= 0;
}

bool rt_snapshot_name_parse(const char *name, rt_snapshot_name *out)
{
    char text[RT_SNAPSHOT_NAME], again[RT_SNAPSHOT_NAME];
    size_t prefix = sizeof PREFIX - 1;
    *out = (rt_snapshot_name){.rank = -1};
    if (strncmp(name, PREFIX, prefix) != 0 || strlen(name) >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%s", name + prefix);
    cut_tag(text, out->tag);
    if (cut_suffix(text, "-mpi")) {
        out->what = RT_SNAPSHOT_MPI;
    } else if (cut_suffix(text, "-orte")) {
        out->what = RT_SNAPSHOT_MPIRUN;
    } else {
        if (cut_suffix(text, "-copy"))
            out->what = RT_SNAPSHOT_COPY;
        if (!cut_number(text, "-r", &out->rank))
            return false;
    }
    if (!cut_number(text, "-g", &out->generation) || !text[0] || strlen(text) >= sizeof out->run)
        return false;
    memcpy(out->run, text, strlen(text) + 1);
    rt_snapshot_name_print(out, again); /* "-g+1" and "-g01" are not ours */
    return strcmp(again, name) == 0;
}

char *rt_snapshot_path(const char *dir, const rt_snapshot_name *name)
{
    char text[RT_SNAPSHOT_NAME];
    rt_snapshot_name_print(name, text);
    return rt_path_join(dir, text);
}
