#include "launch/child.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/startup.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

/* Returns our environment with `add` laid over it, less what belongs to a job that we are in
 * ourselves; strings are borrowed. */
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
        if (!is_replaced(environ[i], add) && !rt_startup_of_outer_job(environ[i]))
            env[n++] = environ[i];
    for (size_t i = 0; i < more; i++)
        env[n++] = add[i];
    env[n] = NULL;
    return env;
}

/* Between fork and exec only calls that are safe there: the socket library has threads of its own.
 */
static void become(const rt__child *c, const char **env, int report_fd, pid_t parent)
{
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, c->death_signal);
    if (getppid() != parent) /* it died before we asked to be told */
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
    if (pipe2(report, O_CLOEXEC) != 0) {
        rt_mem_free(env);
        return RT_FAIL(IO, "cannot make a pipe: %s", strerror(errno));
    }
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0)
        become(c, env, report[1], parent);
    int e = errno;
    close(report[1]);
    rt_mem_free(env);
    ssize_t got = *pid > 0 ? read(report[0], &failure, sizeof failure)
                           : 0; /* the end of it once exec is done */
    close(report[0]);
    if (*pid < 0)
        return RT_FAIL(CHILD, "cannot start %s: %s", c->argv[0], strerror(e));
    if (got != sizeof failure)
        return RT_OK;
    waitpid(*pid, NULL, 0);
    return RT_FAIL(NOTFOUND, "cannot start %s: %s", c->argv[0], strerror(failure));
}

/* ---- ending ---- */

rt_status rt__adopt_orphans(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
               ? RT_OK
               : RT_FAIL(INTERNAL, "PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
}

/* A process as /proc/<pid>/stat tells it. */
typedef struct process {
    char state; /* 'Z': ended, its parent has not asked yet how */
    pid_t parent;
    int wait_status; /* of one that has ended */
} process;

/* False: there is no such process. */
static bool read_process(pid_t pid, process *out)
{
    enum { STATE = 3, PARENT = 4, EXIT_CODE = 52 }; /* fields as proc(5) counts them */
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *name_end = strrchr(text, ')'), *rest = NULL; /* the name may hold anything */
    if (!name_end)
        return false;
    *out = (process){.parent = -1};
    int field = STATE;
    for (char *word = strtok_r(name_end + 1, " \n", &rest); word;
         word = strtok_r(NULL, " \n", &rest), field++) {
        if (field == STATE)
            out->state = *word;
        else if (field == PARENT)
            out->parent = (pid_t)strtol(word, NULL, 10);
        else if (field == EXIT_CODE)
            out->wait_status = (int)strtol(word, NULL, 10);
    }
    return true;
}

bool rt__zombie_status(pid_t pid, pid_t parent, int *wait_status)
{
    process p;
    if (!read_process(pid, &p) || p.parent != parent || p.state != 'Z')
        return false;
    *wait_status = p.wait_status;
    return true;
}

bool rt__process_is_alive(pid_t pid)
{
    process p;
    return read_process(pid, &p) && p.state != 'Z' && p.state != 'X';
}

double rt__process_busy(pid_t pid)
{
    char path[64];
    unsigned long long ran = 0, queued = 0; /* nanoseconds */
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    bool known = fscanf(f, "%llu %llu", &ran, &queued) == 2;
    fclose(f);
    return known ? 1e-9 * (double)(ran + queued) : 0;
}

int rt__children_of(pid_t parent, pid_t *out, int room)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *entry; count < room && (entry = readdir(proc));) {
        process p;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (isdigit((unsigned char)entry->d_name[0]) && read_process(pid, &p) && p.parent == parent)
            out[count++] = pid;
    }
    closedir(proc);
    return count;
}

/* Adds the children of one thread: whoever forks is their parent. */
static int add_listed(const char *path, pid_t *out, int room)
{
    char text[8192], *at = text, *end;
    int fd = open(path, O_RDONLY | O_CLOEXEC), count = 0;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    for (long pid; count < room && (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
        out[count++] = (pid_t)pid;
    return n >= 0 ? count : -1;
}

int rt__children_listed(pid_t parent, pid_t *out, int room)
{
    char path[320];
    int count = -1;
    snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
    DIR *threads = opendir(path);
    if (!threads)
        return -1;
    for (struct dirent *entry; (entry = readdir(threads));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)parent, entry->d_name);
        int more = add_listed(path, out + (count > 0 ? count : 0), room - (count > 0 ? count : 0));
        count = more < 0 ? count : (count > 0 ? count : 0) + more;
    }
    closedir(threads);
    return count;
}

static bool is_among(pid_t pid, const pid_t *list, int count)
{
    for (int i = 0; i < count; i++)
        if (list[i] == pid)
            return true;
    return false;
}

/* Kills our children but those to spare; returns how many there were. */
static int kill_children(const pid_t *spare, int n_spare)
{
    enum { AT_ONCE = 256 }; /* what is not found in this round is in the next */
    pid_t child[AT_ONCE];
    int count = rt__children_of(getpid(), child, AT_ONCE), killed = 0;
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
    /* Once more after nobody was found: a dying parent may hand us its children in between. */
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
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return RT_FAIL_NULL(IO, "/proc/self/exe: %s", strerror(errno));
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    return rt_strdup_printf("%s/%s", self, name);
}
