/* The texts are those of Open MPI 4 (help-orterun.txt, help-errmgr-base.txt and help-plm-base.txt of
 * its share folder). */
#include "launch/job_log.h"
#include "common/error.h"
#include "common/input.h"
#include "common/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { READ_BYTES = 16384, TAIL_LINES = 8 };

/* "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed)." */
static bool find_killed(const char *log, rt__blame *out)
{
    const char *at = strstr(log, "process rank ");
    return at &&
           sscanf(at, "process rank %" SCNd64 " with PID %*d on node %*s exited on signal %" SCNd64,
                  &out->rank, &out->signal) == 2;
}

/* "Process name: [[16421,1],12]", then "Exit code:    3" */
static bool find_left(const char *log, rt__blame *out)
{
    const char *at = strstr(log, "Process name: [[");
    return at && sscanf(at, "Process name: [[%*d,%*d],%" SCNd64 "] Exit code: %" SCNd64, &out->rank,
                        &out->exit_code) == 2;
}

/* "ORTE has lost communication with a remote daemon.", then "Remote daemon: [[1,0],1] on node h1" */
static bool find_lost_daemon(const char *log, rt__blame *out)
{
    const char *lost = strstr(log, "ORTE has lost communication with a remote daemon");
    const char *at = lost ? strstr(lost, "Remote daemon: [[") : NULL;
    out->daemon = lost || strstr(log, "ORTE was unable to reliably start one or more daemons") ||
                  strstr(log, "An ORTE daemon has unexpectedly failed after launch") ||
                  strstr(log, "A daemon died unexpectedly");
    if (!at || sscanf(at, "Remote daemon: [[%*d,%*d],%*d] on node %255s", out->host) != 1)
        out->host[0] = '\0';
    return out->daemon;
}

bool rt__log_blame(const char *log, rt__blame *out)
{
    *out = (rt__blame){.rank = -1};
    if (find_lost_daemon(log, out) || find_killed(log, out))
        return true;
    *out = (rt__blame){.rank = -1};
    if (find_left(log, out))
        return true;
    *out = (rt__blame){.rank = -1};
    return false;
}

char *rt__log_end(const char *path)
{
    rt_bytes end;
    if (rt_input_tail(path, READ_BYTES, &end) != RT_OK)
        rt_error_clear();
    return (char *)end.data;
}

void rt__log_tail(const char *text, char *out, size_t size)
{
    const char *lines[TAIL_LINES];
    int count = 0;
    size_t used = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (line[strspn(line, "- \t\r")] == '\n' || line[strspn(line, "- \t\r")] == '\0')
            continue;
        if (count == TAIL_LINES)
            memmove(lines, lines + 1, (size_t)--count * sizeof *lines);
        lines[count++] = line;
    }
    out[0] = '\0';
    for (int i = 0; i < count && used + 1 < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? "\n" : "",
                                 (int)strcspn(lines[i], "\n"), lines[i]);
}
