/* Checks in the background whether commands can be run on other hosts, with `<shell> <host> true`.
 *
 *     rt__probes p = {.jobs = &jobs};
 *     RT_TRY(rt__probes_ask(&p, "node3"));
 *     ... waitpid says that `pid` has ended: rt__probes_reaped(&p, pid, wait_status);
 *     ... in each turn of the loop:
 *     char host[RT__HOST_NAME];
 *     bool ok;
 *     while (rt__probes_answer(&p, host, &ok))
 *         printf("%s %s\n", host, ok ? "answers" : "does not answer");
 *     rt__probes_end(&p);
 *
 * The shell is the one with which the back end of the jobs starts workers. */
#ifndef RINGTORCH_LAUNCH_JOBS_PROBE_H
#define RINGTORCH_LAUNCH_JOBS_PROBE_H

#include "launch/jobs/job.h"
#include <stdbool.h>
#include <sys/types.h>

enum { RT__PROBES_AT_ONCE = 32 };

typedef struct rt__probe {
    char host[RT__HOST_NAME];
    pid_t pid; /* 0: waits for its turn, or has answered */
    double began;
    bool answered, ok;
} rt__probe;

typedef struct rt__probes {
    const rt__jobs *jobs; /* borrowed */
    rt__probe *probe;     /* [count] */
    size_t count, room;
} rt__probes;

/* Asks a host, unless a probe of it is under way. */
rt_status rt__probes_ask(rt__probes *p, const char *host);
/* Records the end of a child process. Returns false if the child is not a probe. */
bool rt__probes_reaped(rt__probes *p, pid_t pid, int wait_status);
/* Takes one answer. Returns false if there is none. A host that is silent for 5 s counts as not answering. */
bool rt__probes_answer(rt__probes *p, char host[RT__HOST_NAME], bool *ok);
/* Lists the probes' processes. Returns how many there are. */
int rt__probes_children(const rt__probes *p, pid_t out[RT__PROBES_AT_ONCE]);
/* Ends all probes. */
void rt__probes_end(rt__probes *p);

#endif
