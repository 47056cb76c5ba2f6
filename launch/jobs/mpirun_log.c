#include "launch/jobs/mpirun_log.h"
#include "common/base/text.h"
#include "launch/jobs/job_log.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NOISE_MOST = 40 };

/* Reads "[h1:93] [[61219,0],0] ACTIVATE PROC [[61219,1],3] STATE ABORTED BY SIGNAL AT ..."; version 5 calls the rank
 * [prterun-h1-93@1,3]. A job number of 0 means a daemon. Returns false for daemons and for other lines. */
static bool read_state(const char *line, int64_t *rank, char state[32])
{
    static const char mark[] = "] ACTIVATE PROC [", end[] = "] STATE ";
    size_t length = strcspn(line, "\n");
    const char *name = memmem(line, length, mark, sizeof mark - 1);
    const char *close =
        name ? memmem(name, (size_t)(line + length - name), end, sizeof end - 1) : NULL;
    const char *comma = close ? memrchr(name, ',', (size_t)(close - name)) : NULL;
    if (!comma)
        return false;
    const char *job = comma[-1] == ']' ? comma - 2 : comma - 1;
    bool daemon = *job == '0' && (job[-1] == ',' || job[-1] == '@');
    return !daemon && sscanf(comma + 1, "%" SCNd64, rank) == 1 &&
           sscanf(close + sizeof end - 1, "%31[A-Z -]", state) == 1;
}

/* Finds the rank that mpirun saw fail first. */
static void find_failed(const char *log, rt__blame *out)
{
    /* WITHOUT SYNC: it has exited, perhaps with 0, and has not ended MPI before. */
    static const char *const states[] = {"EXITED WITH NON-ZERO STATUS", "CALLED ABORT",
                                         "TERMINATED WITHOUT SYNC", "ABORTED BY SIGNAL"};
    enum { STATES = sizeof states / sizeof *states, BY_SIGNAL = STATES - 1 };
    char state[32];
    for (const char *line = log; *line; line = rt__log_next_line(line)) {
        if (*line != '[' || !read_state(line, &out->rank, state))
            continue;
        for (int i = 0; i < STATES; i++)
            if (strncmp(state, states[i], strlen(states[i])) == 0) {
                out->by_signal = i == BY_SIGNAL;
                return;
            }
    }
    out->rank = -1;
}

bool rt__mpirun_log_started(const char *log)
{
    return strstr(log, "STATE RUNNING") != NULL;
}

static void find_host(const char *from, const rt__host_mark *marks, char host[256])
{
    for (; marks->label; marks++) {
        const char *at = strstr(from, marks->label);
        const char *name = at ? at + strlen(marks->label) : NULL;
        size_t length = name ? strcspn(name, "\n") : 0;
        if (name && marks->before[0])
            name = memmem(name, length, marks->before, strlen(marks->before));
        if (name && sscanf(name + strlen(marks->before), "%255s", host) == 1)
            return;
    }
}

static void join_noise(const rt__openmpi *mpi, const char *noise[NOISE_MOST])
{
    int n = 0;
    for (const char *const *w = mpi->noise; *w; w++)
        noise[n++] = *w;
    for (const char *const *w = rt__mpi_noise; *w; w++)
        noise[n++] = *w;
    noise[n] = NULL;
}

/* Finds out whether a daemon was lost or could not be started. The remote shell may have said why in the line before. */
static void find_lost_daemon(const rt__openmpi *mpi, const char *log, rt__blame *out)
{
    const char *at = NULL, *noise[NOISE_MOST];
    for (const char *const *text = mpi->lost_daemon; *text && !at; text++)
        at = strstr(log, *text);
    if (!at)
        return;
    out->daemon = true;
    find_host(at, mpi->host_marks, out->why.host);
    join_noise(mpi, noise);
    const char *words = rt__log_last_line(log, at, noise);
    if (words && !out->why.reason[0])
        rt__log_copy_line(words, out->why.reason, sizeof out->why.reason);
}

void rt__mpirun_log_blame(const rt__openmpi *mpi, const char *log, rt__blame *out)
{
    const char *noise[NOISE_MOST];
    *out = (rt__blame){.rank = -1};
    out->explained = rt__log_find_why(log, mpi->whys, &out->why) ||
                     rt__log_find_why(log, rt__mpi_whys, &out->why) ||
                     rt__log_own_message(log, out->why.reason);
    find_lost_daemon(mpi, log, out);
    if (!out->daemon)
        find_failed(log, out);
    join_noise(mpi, noise);
    if (!out->why.reason[0] && !out->daemon)
        rt__log_last_message(log, noise, out->why.reason, sizeof out->why.reason);
}

void rt__mpirun_log_name_host(const rt__openmpi *mpi, const char *log, const char *host,
                              char reason[RT__REASON])
{
    const char *noise[NOISE_MOST];
    join_noise(mpi, noise);
    for (const char *line = log; *line; line = rt__log_next_line(line))
        if (memmem(line, strcspn(line, "\n"), host, strlen(host)) &&
            !rt__log_is_noise(line, noise)) {
            rt__log_copy_line(line, reason, RT__REASON);
            return;
        }
}
