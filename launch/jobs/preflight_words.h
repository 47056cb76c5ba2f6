/* What the preflight of a host has found, as a sentence for people and the command that mends it. Private to preflight*.c.
 *
 *     rt__preflight_read(&captured, &question, host);     // fills state, finding, advice, called, ahead, reaches
 */
#ifndef RINGTORCH_LAUNCH_JOBS_PREFLIGHT_WORDS_H
#define RINGTORCH_LAUNCH_JOBS_PREFLIGHT_WORDS_H

#include "launch/jobs/asked_host.h"
#include "launch/jobs/remote_shell.h"

/* What all hosts are asked. */
typedef struct rt__question {
    const rt__shell *shell;
    char *program;      /* ringtorch-worker, by its absolute path */
    char *run_dir;      /* absolute; NULL: none */
    char *worker;       /* absolute; NULL: program */
    char *command;      /* for the remote shell */
    double seconds;     /* that an answer may take */
    const char **place; /* [places] "10.0.0.1:5000", in the order of the candidates */
    int places;
} rt__question;

/* Takes the answer of a host: what the remote shell has printed, and when it was asked. */
void rt__preflight_read(rt__captured *c, double asked_at, const rt__question *q, rt__asked_host *h);
/* Records what is wrong. */
__attribute__((format(printf, 4, 5))) void rt__preflight_note(rt__asked_host *h,
                                                              rt__host_state state,
                                                              const char *advice, const char *fmt,
                                                              ...);

#endif
