/* The implementation for any system with POSIX.1-2008. os.h says what it cannot find out. Processes are listed by ps(1)
 * with the standard's options. */
#include "common/base/os/os.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- descriptors ---- */

static bool set_flags(int fd, bool nonblocking)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
           (!nonblocking || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

static rt_status make_pipe(int ends[2], bool nonblocking)
{
    if (pipe(ends) == 0 && set_flags(ends[0], nonblocking) && set_flags(ends[1], nonblocking))
        return RT_OK;
    return RT_FAIL(IO, "cannot make a pipe: %s (see ulimit -n)", strerror(errno));
}

rt_status rt_os_pipe(int ends[2])
{
    return make_pipe(ends, false);
}

int rt_os_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

const char *rt_os_descriptor_path(int fd, char out[RT_OS_DESCRIPTOR_PATH])
{
    (void)fd;
    (void)out;
    return NULL;
}

int rt_os_open_nameless(const char *folder, mode_t mode)
{
    (void)folder;
    (void)mode;
    return -1;
}

/* Writes to every block of the file, because the file system may later have no room for a hole. */
int rt_os_allocate(int fd, off_t bytes)
{
    enum { BLOCK = 512 }; /* no file system has smaller ones */
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return errno;
    for (off_t at = 0; at < bytes; at += BLOCK) {
        off_t last = at + BLOCK < bytes ? at + BLOCK - 1 : bytes - 1;
        char byte = 0;
        if (last < end && pread(fd, &byte, 1, last) != 1)
            return errno;
        if (pwrite(fd, &byte, 1, last) != 1)
            return errno;
    }
    return 0;
}

const int rt_os_map_now = 0;

/* ---- waking a thread that polls ---- */

rt_status rt_os_waker_open(rt_os_waker *w)
{
    int ends[2] = {-1, -1};
    rt_status status = make_pipe(ends, true);
    *w = (rt_os_waker){.fd = ends[0], .end = ends[1]};
    if (status != RT_OK)
        rt_os_waker_close(w);
    return status;
}

/* If the pipe is full, the other thread has been woken already. */
void rt_os_waker_wake(const rt_os_waker *w)
{
    ssize_t written = write(w->end, "", 1);
    (void)written;
}

void rt_os_waker_clear(const rt_os_waker *w)
{
    char taken[256];
    while (read(w->fd, taken, sizeof taken) == sizeof taken)
        ;
}

void rt_os_waker_close(rt_os_waker *w)
{
    if (w->fd >= 0)
        close(w->fd);
    if (w->end >= 0)
        close(w->end);
    *w = (rt_os_waker){.fd = -1, .end = -1};
}

/* ---- signals as data ---- */

typedef struct watcher {
    pthread_t thread;
    sigset_t set;
    int end;
} watcher;

static void *pass_signals_on(void *arg)
{
    watcher *w = arg;
    for (int number; sigwait(&w->set, &number) == 0;) {
        unsigned char byte = (unsigned char)number;
        ssize_t written = write(w->end, &byte, 1);
        (void)written; /* the pipe is full only if thousands of signals are unread */
    }
    return NULL;
}

rt_status rt_os_signals_open(rt_os_signals *s, const sigset_t *set)
{
    int ends[2] = {-1, -1};
    *s = (rt_os_signals){.fd = -1};
    watcher *w = rt_malloc(sizeof *w);
    if (!w)
        return rt_error_code();
    rt_status status = make_pipe(ends, true);
    *w = (watcher){.set = *set, .end = ends[1]};
    if (status == RT_OK && pthread_create(&w->thread, NULL, pass_signals_on, w) != 0)
        status = RT_FAIL(NOMEM, "the system refuses another thread (see ulimit -u)");
    if (status == RT_OK) {
        *s = (rt_os_signals){.fd = ends[0], .watcher = w};
        return RT_OK;
    }
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    rt_mem_free(w);
    return status;
}

int rt_os_signals_next(const rt_os_signals *s)
{
    unsigned char byte;
    return s->fd >= 0 && read(s->fd, &byte, 1) == 1 ? byte : 0;
}

void rt_os_signals_close(rt_os_signals *s)
{
    watcher *w = s->watcher;
    if (w) {
        pthread_cancel(w->thread);
        pthread_join(w->thread, NULL);
        close(w->end);
        rt_mem_free(w);
    }
    if (s->fd >= 0)
        close(s->fd);
    *s = (rt_os_signals){.fd = -1};
}

/* ---- processes ---- */

typedef struct parent_watch {
    int signal;
    pid_t parent;
} parent_watch;

static void *look_after_parent(void *arg)
{
    parent_watch w = *(parent_watch *)arg;
    rt_mem_free(arg);
    while (getppid() == w.parent)
        rt_clock_sleep(1);
    kill(getpid(), w.signal);
    return NULL;
}

bool rt_os_die_with_parent(int signal, pid_t parent, bool watch)
{
    pthread_t thread;
    parent_watch *w = watch ? rt_malloc(sizeof *w) : NULL;
    if (w) {
        *w = (parent_watch){signal, parent};
        if (pthread_create(&thread, NULL, look_after_parent, w) == 0)
            pthread_detach(thread);
        else
            rt_mem_free(w);
    }
    return getppid() == parent;
}

rt_status rt_os_adopt_orphans(void)
{
    return RT_FAIL(UNSUPPORTED, "this system gives orphans to no process but init");
}

/* Calls line(ctx, text) for each line that ps prints, until it returns false; *ps is the pid of ps. Returns false if ps
 * could not be run. */
static bool ask_ps(const char *const *argv, pid_t *ps, bool (*line)(void *ctx, const char *text),
                   void *ctx)
{
    char text[512];
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (rt_os_pipe(ends) != RT_OK) {
        rt_error_clear();
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    bool started = posix_spawnp(ps, argv[0], &actions, NULL, (char *const *)argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *f = started ? fdopen(ends[0], "r") : NULL;
    for (bool more = true; f && fgets(text, sizeof text, f);)
        more =
            more && line(ctx, text); /* read to the end, or ps would complain about a closed pipe */
    if (f)
        fclose(f);
    else
        close(ends[0]);
    if (started)
        waitpid(*ps, NULL, 0);
    return f != NULL;
}

/* Extracts the program's name from a command line: "sleep" from "/bin/sleep 10" and from "[sleep] <defunct>". */
static void take_name(const char *args, char out[64])
{
    size_t length = strcspn(args, " \n");
    for (const char *slash; (slash = memchr(args, '/', length)); args = slash + 1)
        length -= (size_t)(slash + 1 - args);
    bool bracket = length > 2 && args[0] == '[';
    snprintf(out, 64, "%.*s", (int)(bracket ? length - 2 : length), args + bracket);
}

static bool take_process(void *ctx, const char *text)
{
    rt_os_process *p = ctx;
    int parent, at;
    if (sscanf(text, "%d %n", &parent, &at) == 1) {
        p->parent = (pid_t)parent;
        p->ended = strstr(text, "<defunct>") != NULL; /* the standard's mark of a zombie */
        take_name(text + at, p->name);
    }
    return false;
}

bool rt_os_process_look(pid_t pid, rt_os_process *out)
{
    char number[24];
    pid_t ps;
    *out = (rt_os_process){.parent = -1};
    if (pid <= 0 || (kill(pid, 0) != 0 && errno != EPERM))
        return false;
    snprintf(number, sizeof number, "%d", (int)pid);
    const char *const argv[] = {"ps", "-o", "ppid=", "-o", "args=", "-p", number, NULL};
    return !ask_ps(argv, &ps, take_process, out) || out->parent >= 0;
}

typedef struct children {
    pid_t parent, ps, *out;
    int count, room;
} children;

static bool take_child(void *ctx, const char *text)
{
    children *c = ctx;
    int pid, parent;
    if (sscanf(text, "%d %d", &pid, &parent) == 2 && (pid_t)parent == c->parent && pid != c->ps)
        c->out[c->count++] = (pid_t)pid;
    return c->count < c->room;
}

int rt_os_children(pid_t parent, pid_t *out, int room)
{
    static const char *const argv[] = {"ps", "-A", "-o", "pid=", "-o", "ppid=", NULL};
    children c = {.parent = parent, .out = out, .room = room};
    if (room > 0)
        ask_ps(argv, &c.ps, take_child, &c);
    return c.count;
}

int rt_os_children_listed(pid_t parent, pid_t *out, int room)
{
    (void)parent;
    (void)out;
    (void)room;
    return -1;
}

char *rt_os_process_variable(pid_t pid, const char *name)
{
    (void)pid;
    (void)name;
    return NULL;
}

double rt_os_process_busy(pid_t pid)
{
    (void)pid;
    return 0;
}

rt_status rt_os_watch_open(rt_os_watch *w)
{
    *w = (rt_os_watch){.fd = -1};
    return RT_OK;
}

int64_t rt_os_watch_add(rt_os_watch *w, pid_t pid)
{
    if (kill(pid, 0) != 0 && errno != EPERM)
        return -1;
    struct rt_os_watched *grown =
        rt_realloc(w->process, (size_t)(w->count + 1) * sizeof *w->process);
    if (!grown) {
        rt_error_clear();
        return -1;
    }
    w->process = grown;
    w->process[w->count] = (struct rt_os_watched){.pid = pid, .fd = -1};
    return w->count++;
}

int64_t rt_os_watch_next(rt_os_watch *w, rt_os_end *out)
{
    *out = (rt_os_end){0};
    for (int64_t i = 0; i < w->count; i++)
        if (w->process[i].pid > 0 && kill(w->process[i].pid, 0) != 0 && errno == ESRCH) {
            w->process[i].pid = 0;
            return i;
        }
    return -1;
}

void rt_os_watch_signal(const rt_os_watch *w, int signal)
{
    for (int64_t i = 0; i < w->count; i++)
        if (w->process[i].pid > 0)
            kill(w->process[i].pid, signal);
}

void rt_os_watch_close(rt_os_watch *w)
{
    rt_mem_free(w->process);
    *w = (rt_os_watch){.fd = -1};
}

/* ---- this process ---- */

static bool take_first_word(void *ctx, const char *text)
{
    snprintf(ctx, PATH_MAX, "%.*s", (int)strcspn(text, " \n"), text);
    return false;
}

/* Returns the path of an executable file of that name in PATH (rt_malloc), or NULL if there is none. */
static char *find_in_path(const char *name)
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : ""; *p; p += strcspn(p, ":"), p += *p == ':') {
        char *candidate = rt_strdup_printf("%.*s/%s", (int)strcspn(p, ":"), p, name);
        if (!candidate || access(candidate, X_OK) == 0)
            return candidate;
        rt_mem_free(candidate);
    }
    return NULL;
}

char *rt_os_program_path(void)
{
    char number[24], called[PATH_MAX] = "", whole[PATH_MAX];
    pid_t ps;
    snprintf(number, sizeof number, "%d", (int)getpid());
    const char *const argv[] = {"ps", "-o", "args=", "-p", number, NULL};
    ask_ps(argv, &ps, take_first_word, called);
    char *found = strchr(called, '/') ? rt_strdup(called) : find_in_path(called);
    bool known = found && realpath(found, whole);
    rt_mem_free(found);
    return known ? rt_strdup(whole)
                 : RT_FAIL_NULL(NOTFOUND,
                                "%s: cannot find out where this program is: call it by its path",
                                called);
}

int64_t rt_os_memory_used(void)
{
    return 0;
}

int64_t rt_os_processors(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN);
}

/* ---- the rest ---- */

rt_status rt_os_random(void *out, size_t bytes)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, bytes) : -1;
    rt_status status =
        n == (ssize_t)bytes
            ? RT_OK
            : RT_FAIL(IO, "no random numbers from the system: /dev/urandom: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

const char *rt_os_signal_name(int signal)
{
    static const struct {
        int number;
        const char *name;
    } rows[] = {
        {SIGABRT, "ABRT"}, {SIGALRM, "ALRM"}, {SIGBUS, "BUS"},   {SIGCHLD, "CHLD"},
        {SIGCONT, "CONT"}, {SIGFPE, "FPE"},   {SIGHUP, "HUP"},   {SIGILL, "ILL"},
        {SIGINT, "INT"},   {SIGKILL, "KILL"}, {SIGPIPE, "PIPE"}, {SIGQUIT, "QUIT"},
        {SIGSEGV, "SEGV"}, {SIGSTOP, "STOP"}, {SIGSYS, "SYS"},   {SIGTERM, "TERM"},
        {SIGTRAP, "TRAP"}, {SIGTSTP, "TSTP"}, {SIGTTIN, "TTIN"}, {SIGTTOU, "TTOU"},
        {SIGURG, "URG"},   {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGVTALRM, "VTALRM"},
        {SIGXCPU, "XCPU"}, {SIGXFSZ, "XFSZ"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].number == signal)
            return rows[i].name;
    return NULL;
}

bool rt_os_machine(char out[RT_OS_MACHINE])
{
    (void)out;
    return false;
}
