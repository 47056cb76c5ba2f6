/* The command that runs another command on a host. If it is ssh, it must fail instead of asking for a password, and end
 * when the host is gone: options that the user has not given are added for that.
 *
 *     rt__shell shell;
 *     rt__captured c;
 *     RT_TRY(rt__shell_find(&jobs, &shell));
 *     RT_TRY(rt__shell_run(&shell, "node1", "uname -a", 10, &c));   // as rt__capture
 *     rt__captured_release(&c);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_REMOTE_SHELL_H
#define RINGTORCH_LAUNCH_JOBS_REMOTE_SHELL_H

#include "launch/jobs/capture.h"
#include "launch/jobs/job.h"

typedef struct rt__shell {
    char text[RT__SHELL_TEXT];
    const char *word[RT__SHELL_WORDS]; /* has room for a host, a command and the end */
    int count, given;                  /* words in all; without the options that we have added */
    bool is_ssh;
    /* Once it is set, a command that runs is ended early. NULL, as rt__shell_find leaves it: never. */
    const atomic_bool *stop;
} rt__shell;

/* Fails as rt__jobs_shell does. `out` must not be copied: its words point into it. */
rt_status rt__shell_find(const rt__jobs *jobs, rt__shell *out);
/* Runs a command on a host, at most so many seconds. The host's login shell reads the command. */
rt_status rt__shell_run(const rt__shell *shell, const char *host, const char *command,
                        double seconds, rt__captured *out);
/* Asks ssh what its configuration says of a host: runs `ssh ... -G host`. */
rt_status rt__shell_ask_ssh(const rt__shell *shell, const char *host, rt__captured *out);
/* Completes a command line in the same way, as one text for mpirun. Returns `out`. */
const char *rt__shell_complete(const char *text, char out[RT__SHELL_TEXT]);

#endif
