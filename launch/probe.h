/* Asking other hosts whether a command can be run on them: `<agent> <host> true`, in the background.
 *
 *     rt__probes p = {0};
 *     RT_TRY(rt__probes_ask(&p, "node3"));
 *     ... waitpid says that `pid` has ended: rt__probes_reaped(&p, pid, wait_status);
 *     ... in each turn of the loop:
 *     char host[RT__HOST_NAME];
 *     bool ok;
 *     while (rt__probes_answer(&p, host, &ok))
 *         printf("%s %s\n", host, ok ? "answers" : "does not answer");
 *     rt__probes_end(&p);
 *
 * The agent is mpirun's: what the user has set as OMPI_MCA_plm_rsh_agent, else ssh. */
#ifndef RINGTORCH_LAUNCH_PROBE_H
#define RINGTORCH_LAUNCH_PROBE_H

#include <stdbool.h>
#include <sys/types.h>
#include "launch/hosts.h"

/* ssh that fails instead of asking for a password, and ends when the other host is gone. */
extern const char rt__default_agent[];
enum { RT__AGENT_TEXT = 1024, RT__AGENT_WORDS = 32 };
/* Takes the agent apart into words, which lie in text; host and command are to follow. Returns how
 * many there are, 0 if there is no such program. */
int rt__agent_words(char text[RT__AGENT_TEXT], const char *word[RT__AGENT_WORDS]);
/* NOTFOUND if the agent is not there. */
rt_status rt__agent_check(void);

enum { RT__PROBES_AT_ONCE = 32 };

typedef struct rt__probe {
    char host[RT__HOST_NAME];
    pid_t pid; /* 0: waits for its turn, or has its answer */
    double began;
    bool answered, ok;
} rt__probe;

typedef struct rt__probes {
    rt__probe *probe; /* [count] */
    size_t count, room;
} rt__probes;

/* Asks a host; one that is being asked already is asked once. */
rt_status rt__probes_ask(rt__probes *p, const char *host);
/* Takes the end of a child; false if it is none of these. */
bool rt__probes_reaped(rt__probes *p, pid_t pid, int wait_status);
/* Takes one answer; false if there is none. A host that has not answered for 5 s does not. */
bool rt__probes_answer(rt__probes *p, char host[RT__HOST_NAME], bool *ok);
/* Lists their processes; returns how many. */
int rt__probes_children(const rt__probes *p, pid_t out[RT__PROBES_AT_ONCE]);
/* Ends them all. */
void rt__probes_end(rt__probes *p);

#endif
