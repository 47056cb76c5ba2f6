/* What the preflight of a host has found, as a sentence for people and the command that mends it. Private to preflight*.c.
 *
 *     rt__preflight_read(&captured, &question, host);     // fills state, finding, advice, called, ahead, reaches
 *
 * Remote shells end with whatever code they like: ssh passes on that of the command or fails with 255, rsh knows only its own,
 * srun and qrsh have their own rules. Therefore the command itself prints at its end how our program ended. If that is
 * missing, the host was not reached, or was lost again. */
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
    const char *token;  /* the command prints TOKEN=CODE at its end */
    double seconds;     /* that an answer may take */
    const char **place; /* [places] "10.0.0.1:5000", in the order of the candidates */
    int places;
} rt__question;

/* Takes the answer of a host: what the remote shell has printed, and when it was asked. */
void rt__preflight_read(rt__captured *c, double asked_at, const rt__question *q, rt__asked_host *h);
/* Records of each host of a host file that it is the machine of one that is listed before it: both names would count its slots. An
 * allocation may name a machine several times, because its slots are the scheduler's business. */
void rt__preflight_note_twins(rt__asked_host *host, int64_t count);
/* Records what is wrong. */
__attribute__((format(printf, 4, 5))) void rt__preflight_note(rt__asked_host *h,
                                                              rt__host_state state,
                                                              const char *advice, const char *fmt,
                                                              ...);

#endif
