#include "launch/jobs/outer.h"
#include "common/base/directory.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/outer_job.h"
#include "common/base/run_files.h"
#include "common/base/startup.h"
#include "launch/jobs/child.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool begun; /* a worker of ours has joined MPI, which a process can do only once */

rt_status rt__outer_start_worker(const char *worker, const char *how, rt__environment *e, int out,
                                 pid_t *pid)
{
    for (char **v = environ; *v; v++)
        if (rt_startup_of_outer_job(*v))
            rt__environment_add(e, "%s", *v);
    rt__environment_add(e, "RINGTORCH_JOIN=%s", how);
    if (e->failed)
        return RT_FAIL(RANGE, "too many or too long environment variables");
    RT_TRY(rt__child_start(&(rt__child){.argv = (const char *const[]){worker, NULL},
                                        .env = (const char *const *)e->item,
                                        .death_signal = SIGKILL,
                                        .out_fd = out,
                                        .err_fd = out,
                                        .keep_fd = -1},
                           pid));
    begun = true;
    return RT_OK;
}

void rt__outer_remove_notes(const char *run_dir)
{
    rt_names names = {0};
    char path[PATH_MAX];
    char *logs = rt_path_join(run_dir, "logs");
    if (logs && rt_dir_list(logs, &names) == RT_OK)
        for (size_t i = 0; i < names.count; i++)
            if (strncmp(names.name[i], RT_ARRIVAL_NOTE, sizeof RT_ARRIVAL_NOTE - 1) == 0 &&
                snprintf(path, sizeof path, "%s/%s", logs, names.name[i]) < (int)sizeof path)
                unlink(path);
    rt_error_clear();
    rt_names_release(&names);
    rt_mem_free(logs);
}

void rt__outer_send_home(const char *worker)
{
    pid_t pid;
    int status;
    rt__environment e = {0};
    if (!begun && rt__outer_start_worker(worker, "leave", &e, -1, &pid) == RT_OK)
        while (waitpid(pid, &status, 0) < 0) /* until the others have come, too */
            continue;
    rt_error_clear(); /* mpirun ends them once we have failed */
    rt__environment_release(&e);
}

rt_status rt__outer_become_worker(const char *worker, const char *run_dir)
{
    char *const argv[] = {(char *)worker, NULL};
    bool set = setenv("RINGTORCH_JOIN", "work", 1) == 0;
    if (!set || (run_dir && setenv("RINGTORCH_JOIN_DIR", run_dir, 1) != 0))
        return RT_FAIL(NOMEM, "RINGTORCH_JOIN: no memory for the environment");
    execv(worker, argv);
    return RT_FAIL(NOTFOUND, "%s: cannot be executed: %s: " RT__PROGRAM_ADVICE, worker,
                   strerror(errno));
}

/* ---- addresses at which the ranks may reach the coordinator ---- */

bool rt__outer_is_on_several_hosts(void)
{
    rt_outer_job job;
    return rt_outer_job_find(&job) && job.hosts != 1;
}

rt_status rt__outer_find_addresses(char text[RT_ADDRESSES])
{
    rt__route own[RT__ROUTES_MOST];
    int n = rt__routes_own(own);
    rt__routes_list(own, n, text);
    if (n > 0)
        return RT_OK;
    return RT_FAIL(
        UNSUPPORTED,
        "the ranks are on several hosts, and this one has no address that the others could "
        "reach: set control.bind to one, as in --set control.bind=192.168.0.10");
}
