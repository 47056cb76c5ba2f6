#include "launch/jobs/child.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/base/startup.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- starting ---- */

static size_t name_length(const char *assignment)
{
    return (size_t)(strchrnul(assignment, '=') - assignment);
}

static bool is_replaced(const char *assignment, const char *const *by)
{
    size_t n = name_length(assignment);
    for (; *by; by++)
        if (name_length(*by) == n && strncmp(*by, assignment, n) == 0)
            return true;
    return false;
}

/* Returns our environment with the variables of `add` added or replaced, and without those of an MPI job or a run that
 * started us. The strings are borrowed. */
static const char **make_environment(const char *const *add)
{
    size_t ours = 0, more = 0, n = 0;
    while (environ[ours])
        ours++;
    while (add[more])
        more++;
    const char **env = rt_malloc((ours + more + 1) * sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < ours; i++)
        if (!is_replaced(environ[i], add) && !rt_startup_of_outer_job(environ[i]) &&
            !rt_startup_of_run(environ[i]))
            env[n++] = environ[i];
    for (size_t i = 0; i < more; i++)
        env[n++] = add[i];
    env[n] = NULL;
    return env;
}

/* Between fork and exec, uses only calls that are safe there, because the socket library has threads of its own. */
static void exec_child(const rt__child *c, const char **env, int report_fd, pid_t parent)
{
    sigset_t none;
    setpgid(0, 0);
    if (!rt_os_die_with_parent(c->death_signal, parent, false))
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int in = open("/dev/null", O_RDONLY);
    dup2(in, STDIN_FILENO);
    if (c->out_fd >= 0)
        dup2(c->out_fd, STDOUT_FILENO);
    if (c->err_fd >= 0)
        dup2(c->err_fd, STDERR_FILENO);
    if (c->keep_fd >= 0)
        fcntl(c->keep_fd, F_SETFD, 0);
    execvpe(c->argv[0], (char *const *)c->argv, (char *const *)env);
    int e = errno;
    if (write(report_fd, &e, sizeof e) != sizeof e)
        _exit(126);
    _exit(127);
}

rt_status rt__child_start(const rt__child *c, pid_t *pid)
{
    int report[2], failure = 0;
    const char **env = make_environment(c->env);
    if (!env)
        return rt_error_code();
    if (rt_os_pipe(report) != RT_OK) {
        rt_mem_free(env);
        return rt_error_code();
    }
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0)
        exec_child(c, env, report[1], parent);
    int e = errno;
    close(report[1]);
    rt_mem_free(env);
    ssize_t got = *pid > 0 ? read(report[0], &failure, sizeof failure)
                           : 0; /* 0 once exec has succeeded and closed the other end */
    close(report[0]);
    if (*pid < 0)
        return RT_FAIL(CHILD, "cannot start %s: %s", c->argv[0], strerror(e));
    if (got != sizeof failure)
        return RT_OK;
    waitpid(*pid, NULL, 0);
    return RT_FAIL(NOTFOUND, "cannot start %s: %s", c->argv[0], strerror(failure));
}

int rt__exit_code(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/* ---- ending ---- */

static bool is_among(pid_t pid, const pid_t *list, int count)
{
    for (int i = 0; i < count; i++)
        if (list[i] == pid)
            return true;
    return false;
}

/* Kills our children except those to spare. Returns how many it killed. */
static int kill_children(const pid_t *spare, int n_spare)
{
    enum { AT_ONCE = 256 }; /* the next round finds the others */
    pid_t child[AT_ONCE];
    int count = rt_os_children(getpid(), child, AT_ONCE), killed = 0;
    for (int i = 0; i < count; i++) {
        if (is_among(child[i], spare, n_spare))
            continue;
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, WNOHANG);
        killed++;
    }
    return killed;
}

void rt__children_end(const pid_t *spare, int n_spare)
{
    double end = rt_clock() + 5;
    /* Look once more after finding none: a dying child may leave us its own children in between. */
    for (int clean = 0; clean < 2 && rt_clock() < end;) {
        clean = kill_children(spare, n_spare) == 0 ? clean + 1 : 0;
        if (clean == 0)
            rt_clock_sleep(0.002);
    }
}

/* ---- programs ---- */

char *rt__find_program(const char *name)
{
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? rt_strdup(name) : NULL;
    const char *path = getenv("PATH");
    for (const char *p = path ? path : ""; *p; p += strcspn(p, ":"), p += *p == ':') {
        char *candidate = rt_strdup_printf("%.*s/%s", (int)strcspn(p, ":"), p, name);
        if (!candidate || access(candidate, X_OK) == 0)
            return candidate;
        rt_mem_free(candidate);
    }
    return NULL;
}

char *rt__program_beside(const char *name)
{
    char *self = rt_os_program_path();
    if (!self)
        return NULL;
    char *path = rt_strdup_printf("%.*s/%s", (int)(strrchr(self, '/') - self), self, name);
    rt_mem_free(self);
    return path;
}
