/* What differs between versions of Open MPI: how its mpirun is set up, and the messages in which it explains why it could
 * not start. Each version is one constant in openmpi<major>.c.
 *
 *     const rt__openmpi *mpi;
 *     int minor;
 *     RT_TRY(rt__openmpi_find("/usr/bin/mpirun", &mpi, &minor));
 *     rt__openmpi_setup(mpi, &hosts, 4, &environment);
 *
 * We never read from messages how a rank ended or which one was the first. The kernel tells that of ranks on this host;
 * mpirun's exit status and its log of states (rt__log_is_state), which are the same in all versions, tell it of the others. */
#ifndef RINGTORCH_LAUNCH_JOBS_OPENMPI_H
#define RINGTORCH_LAUNCH_JOBS_OPENMPI_H

#include "launch/jobs/environment.h"
#include "launch/jobs/hosts.h"
#include "launch/jobs/log_text.h"

/* An environment variable; if the user has set it, the user's value stays. A list ends with {NULL}. */
typedef struct rt__setting {
    const char *variable, *value;
} rt__setting;

/* How a message names a host: "Remote daemon: [[61219,0],1] on node h1" has the label "Remote daemon:" and the name after
 * " on node ". */
typedef struct rt__host_mark {
    const char *label, *before;
} rt__host_mark;

typedef struct rt__openmpi {
    int major;
    const char *const
        *arguments; /* of mpirun, for ranks on this host; ends with NULL, as all lists here */
    const char *const *host_arguments; /* the same for several hosts; the list of hosts follows */
    const rt__setting *always, *one_host, *many_hosts;
    const rt__setting *by_shell, *by_srun; /* how daemons are started on other hosts */
    const char *shell;                     /* the variable that names the remote shell */
    const char *srun_options;              /* the variable with more options of srun */
    const char *srun_argument; /* the option of mpirun that sets it; NULL: the variable does */
    const char *const *
        folders; /* variables that name the folder for mpirun's files; we set the first unless the user has set one */
    const rt__why *whys;             /* in addition to rt__mpi_whys */
    const char *const *lost_daemon;  /* messages that a host is gone or cannot be reached */
    const rt__host_mark *host_marks; /* how these name the host */
    const char *const
        *noise; /* parts of lines that explain nothing, in addition to rt__mpi_noise */
} rt__openmpi;

extern const rt__openmpi rt__openmpi4, rt__openmpi5;

/* The variable in which users name their remote shell, for every version. */
#define RT__SHELL_VARIABLE "OMPI_MCA_plm_rsh_agent"
/* "ssh", which remote_shell.h completes. */
extern const char rt__default_shell[];

/* Asks an mpirun for its version, which takes some 10 ms. Fails with UNSUPPORTED if it belongs to another MPI or to an
 * unknown version; the message says which it is and what to do. */
rt_status rt__openmpi_find(const char *mpirun, const rt__openmpi **out, int *minor);
/* Parses what `mpirun --version` prints. Fails in the same way. */
rt_status rt__openmpi_parse(const char *mpirun, const char *version, const rt__openmpi **out,
                            int *minor);
/* Adds the settings with which mpirun starts ranks on these hosts (an empty list: this host) and they communicate.
 * busiest: threads on the host that has the most. srun: the options with which Slurm's srun starts the daemons on the
 * other hosts, which must also be given as srun_argument, if there is one; NULL: a remote shell starts them. docs/decisions/0004 and 0041 give the reasons. */
void rt__openmpi_setup(const rt__openmpi *mpi, const rt__host_list *hosts, int64_t busiest,
                       const char *srun, rt__environment *e);
/* Makes mpirun listen only on this IPv4 address, and on IPv6 only on loopback. */
void rt__openmpi_listen(rt__environment *e, const char *address);

#endif
