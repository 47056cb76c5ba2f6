#include "launch/jobs/outer.h"
#include "common/base/error.h"
#include "common/base/outer_job.h"
#include "common/base/startup.h"
#include "launch/jobs/child.h"
#include <arpa/inet.h>
#include <errno.h>
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

rt_status rt__outer_become_worker(const char *worker)
{
    char *const argv[] = {(char *)worker, NULL};
    if (setenv("RINGTORCH_JOIN", "work", 1) != 0)
        return RT_FAIL(NOMEM, "RINGTORCH_JOIN: no memory for the environment");
    execv(worker, argv);
    return RT_FAIL(NOTFOUND, "%s: cannot be executed: %s: " RT__PROGRAM_ADVICE, worker,
                   strerror(errno));
}

/* ---- an address that all ranks can reach ---- */

enum { DISCARD = 9 }; /* a port; nothing is sent */

bool rt__outer_is_on_several_hosts(void)
{
    rt_outer_job job;
    return rt_outer_job_find(&job) && job.hosts != 1;
}

/* Open MPI 4 tells its ranks where mpirun listens: "1234.0;tcp://10.0.0.1,10.1.0.1:4711;tcp6://..." */
static bool find_by_mpirun(char address[RT__ROUTE_TEXT])
{
    const char *uri = getenv("OMPI_MCA_orte_hnp_uri");
    const char *at = uri ? strstr(uri, "tcp://") : NULL;
    for (at = at ? at + strlen("tcp://") : NULL; at && *at && *at != ':'; at += *at == ',') {
        size_t len = strcspn(at, ",:;");
        char text[INET_ADDRSTRLEN];
        struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(DISCARD)};
        snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : 0), at);
        if (inet_pton(AF_INET, text, &there.sin_addr) == 1 && rt__route_source(&there, address))
            return true;
        at += len;
    }
    return false;
}

static bool find_by_interface(char address[RT__ROUTE_TEXT])
{
    rt__route own[RT__ROUTES_MOST];
    bool found = rt__routes_own(own) > 0;
    if (found)
        memcpy(address, own[0].address, RT__ROUTE_TEXT);
    return found;
}

rt_status rt__outer_address(char address[RT__ROUTE_TEXT])
{
    if (find_by_mpirun(address) || find_by_interface(address))
        return RT_OK;
    return RT_FAIL(
        UNSUPPORTED,
        "the ranks are on several hosts, and this one has no address that the others could "
        "reach: set control.bind to one, as in --set control.bind=192.168.0.10");
}
