#include "launch/jobs/capture.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "launch/jobs/child.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double END_SECONDS = 2; /* between SIGTERM and SIGKILL */

typedef struct stream {
    int fd; /* -1: closed at its end */
    char *text;
    size_t len;
} stream;

/* Appends what has arrived and drops as much at the beginning as does not fit: what matters stands at the end, behind the greeting of a
 * host, for example. */
static void append(stream *s, char *piece, size_t n)
{
    size_t over = s->len + n > RT__CAPTURED_MAX ? s->len + n - RT__CAPTURED_MAX : 0;
    for (size_t i = 0; i < n; i++)
        if (piece[i] == '\0')
            piece[i] = '\n';
    memmove(s->text, s->text + over, s->len - over);
    memcpy(s->text + s->len - over, piece, n);
    s->len += n - over;
}

static void take(stream *s)
{
    char piece[4096];
    ssize_t n = read(s->fd, piece, sizeof piece);
    if (n > 0)
        append(s, piece, (size_t)n);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        close(s->fd);
        s->fd = -1;
    }
}

typedef struct limits {
    double seconds, patience;
    void (*waiting)(const char *const *argv); /* NULL after it has been called */
    const atomic_bool *stop;                  /* may be NULL */
} limits;

static bool is_over(const limits *l, double began)
{
    return rt_clock() >= began + l->seconds || (l->stop && atomic_load(l->stop));
}

/* Reads both streams until the child ends or the time is over. Does not wait for the pipes to close: children of the
 * child may keep them open. */
static bool follow(pid_t pid, stream s[2], const char *const *argv, limits l, int *status)
{
    double began = rt_clock();
    bool ended = false;
    while (!ended && !is_over(&l, began)) {
        struct pollfd p[2] = {{s[0].fd, POLLIN, 0}, {s[1].fd, POLLIN, 0}};
        poll(p, 2, 10);
        ended = waitpid(pid, status, WNOHANG) == pid;
        for (int i = 0; i < 2; i++)
            if (p[i].revents && s[i].fd >= 0)
                take(&s[i]);
        if (!ended && l.waiting && rt_clock() > began + l.patience) {
            l.waiting(argv);
            l.waiting = NULL;
        }
    }
    for (int i = 0; i < 2; i++)
        while (ended && s[i].fd >= 0 && poll(&(struct pollfd){s[i].fd, POLLIN, 0}, 1, 0) > 0)
            take(&s[i]);
    return ended;
}

/* Ends the child with all of its process group: a script that somebody uses in place of ssh waits for an ssh of its own. The child is
 * reaped last, so that its group cannot be another one meanwhile. */
static void end_child(pid_t pid)
{
    siginfo_t ended = {0};
    double end = rt_clock() + END_SECONDS;
    kill(-pid, SIGTERM); /* mpirun takes its ranks along, which have other groups */
    while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == 0) {
        if (rt_clock() > end)
            kill(-pid, SIGKILL);
        rt_clock_sleep(0.01);
    }
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static rt_status start(const char *const *argv, const char *const *env, int fd[2][2], pid_t *pid)
{
    static const char *const none[] = {NULL};
    RT_TRY(rt_os_pipe(fd[0]));
    rt_status status = rt_os_pipe(fd[1]);
    if (status != RT_OK) {
        close(fd[0][1]);
    } else {
        status = rt__child_start(&(rt__child){.argv = argv,
                                              .env = env ? env : none,
                                              .death_signal = SIGTERM,
                                              .out_fd = fd[0][1],
                                              .err_fd = fd[1][1],
                                              .keep_fd = -1},
                                 pid);
        close(fd[0][1]);
        close(fd[1][1]);
        if (status != RT_OK)
            close(fd[1][0]);
    }
    if (status != RT_OK)
        close(fd[0][0]);
    return status;
}

static rt_status capture(const char *const *argv, const char *const *env, limits l,
                         rt__captured *out)
{
    pid_t pid = 0;
    int fd[2][2], status = 0;
    double began = rt_clock();
    *out = (rt__captured){.out = rt_calloc(1, RT__CAPTURED_MAX + 1),
                          .err = rt_calloc(1, RT__CAPTURED_MAX + 1)};
    rt_status result = out->out && out->err ? start(argv, env, fd, &pid) : rt_error_code();
    if (result != RT_OK) {
        rt__captured_release(out);
        return result;
    }
    stream s[2] = {{fd[0][0], out->out, 0}, {fd[1][0], out->err, 0}};
    bool ended = follow(pid, s, argv, l, &status);
    out->seconds = rt_clock() - began;
    if (!ended)
        end_child(pid);
    out->exit_code = ended ? rt__exit_code(status) : -1;
    for (int i = 0; i < 2; i++)
        if (s[i].fd >= 0)
            close(s[i].fd);
    return RT_OK;
}

rt_status rt__capture(const char *const *argv, const char *const *env, double seconds,
                      rt__captured *out)
{
    return capture(argv, env, (limits){.seconds = seconds}, out);
}

rt_status rt__capture_waiting(const char *const *argv, const char *const *env, double seconds,
                              double patience, void (*waiting)(const char *const *argv),
                              rt__captured *out)
{
    return capture(argv, env, (limits){seconds, patience, waiting, NULL}, out);
}

rt_status rt__capture_stoppable(const char *const *argv, double seconds, const atomic_bool *stop,
                                rt__captured *out)
{
    return capture(argv, NULL, (limits){.seconds = seconds, .stop = stop}, out);
}

void rt__captured_release(rt__captured *c)
{
    rt_mem_free(c->out);
    rt_mem_free(c->err);
    *c = (rt__captured){0};
}

char *rt__last_line(char *text)
{
    char *last = text + strlen(text);
    for (char *line = text, *end; *line; line = end) {
        size_t len = strcspn(line, "\n");
        end = line + len + (line[len] == '\n');
        line[len] = '\0';
        if (line[strspn(line, "- \t\r")] != '\0')
            last = line;
    }
    return last;
}
