/* The implementation for Linux. proc(5) documents the files under /proc. */
#include "common/base/os/os.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- descriptors ---- */

rt_status rt_os_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) == 0
               ? RT_OK
               : RT_FAIL(IO, "cannot make a pipe: %s (see ulimit -n)", strerror(errno));
}

int rt_os_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

const char *rt_os_descriptor_path(int fd, char out[RT_OS_DESCRIPTOR_PATH])
{
    snprintf(out, RT_OS_DESCRIPTOR_PATH, "/proc/self/fd/%d", fd);
    return out;
}

int rt_os_open_nameless(const char *folder, mode_t mode)
{
    char own[RT_OS_DESCRIPTOR_PATH];
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    /* Without /proc the file could not be given a name later. */
    if (fd >= 0 && access(rt_os_descriptor_path(fd, own), F_OK) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int rt_os_allocate(int fd, off_t bytes)
{
    int error;
    do
        error = posix_fallocate(fd, 0, bytes);
    while (error == EINTR);
    return error;
}

const int rt_os_map_now = MAP_POPULATE;

/* ---- waking a thread that polls ---- */

rt_status rt_os_waker_open(rt_os_waker *w)
{
    *w = (rt_os_waker){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .end = -1};
    return w->fd >= 0 ? RT_OK
                      : RT_FAIL(IO, "cannot make an eventfd: %s (see ulimit -n)", strerror(errno));
}

/* The write fails only if 2^64 - 2 wakes are pending, and then the other thread wakes anyway. */
void rt_os_waker_wake(const rt_os_waker *w)
{
    ssize_t written = write(w->fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)written;
}

void rt_os_waker_clear(const rt_os_waker *w)
{
    uint64_t count;
    ssize_t got = read(w->fd, &count, sizeof count);
    (void)got;
}

void rt_os_waker_close(rt_os_waker *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

/* ---- signals as data ---- */

rt_status rt_os_signals_open(rt_os_signals *s, const sigset_t *set)
{
    *s = (rt_os_signals){.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK)};
    return s->fd >= 0 ? RT_OK
                      : RT_FAIL(IO, "cannot make a signalfd: %s (see ulimit -n)", strerror(errno));
}

int rt_os_signals_next(const rt_os_signals *s)
{
    struct signalfd_siginfo info;
    return s->fd >= 0 && read(s->fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

void rt_os_signals_close(rt_os_signals *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* ---- processes ---- */

bool rt_os_die_with_parent(int signal, pid_t parent, bool watch)
{
    (void)watch;
    /* The parent may have died before the request. */
    return prctl(PR_SET_PDEATHSIG, signal) == 0 && getppid() == parent;
}

rt_status rt_os_adopt_orphans(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
               ? RT_OK
               : RT_FAIL(INTERNAL, "PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
}

/* Reads a small file of /proc as text; returns false if it cannot be read. */
static bool read_proc(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, room - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

bool rt_os_process_look(pid_t pid, rt_os_process *out)
{
    enum { STATE = 3, PARENT = 4, EXIT_CODE = 52 }; /* fields as numbered in proc(5) */
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    read_proc(path, text, sizeof text);
    char *name = strchr(text, '('), *name_end = strrchr(text, ')'), *rest = NULL;
    if (!name || !name_end || name_end < name) /* the name may hold anything */
        return false;
    *out = (rt_os_process){.parent = -1};
    snprintf(out->name, sizeof out->name, "%.*s", (int)(name_end - name - 1), name + 1);
    int field = STATE;
    for (char *word = strtok_r(name_end + 1, " \n", &rest); word;
         word = strtok_r(NULL, " \n", &rest), field++) {
        if (field == STATE)
            out->ended = *word == 'Z' || *word == 'X';
        else if (field == PARENT)
            out->parent = (pid_t)strtol(word, NULL, 10);
        else if (field == EXIT_CODE)
            out->wait_status = (int)strtol(word, NULL, 10);
    }
    out->how_known = out->ended && field > EXIT_CODE;
    return true;
}

int rt_os_children(pid_t parent, pid_t *out, int room)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *entry; count < room && (entry = readdir(proc));) {
        rt_os_process p;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (isdigit((unsigned char)entry->d_name[0]) && rt_os_process_look(pid, &p) &&
            p.parent == parent)
            out[count++] = pid;
    }
    closedir(proc);
    return count;
}

/* Adds the children of one thread; the kernel lists children by the thread that forked them. */
static int add_listed(const char *path, pid_t *out, int room)
{
    char text[8192], *at = text, *end;
    int count = 0;
    if (!read_proc(path, text, sizeof text))
        return -1;
    for (long pid; count < room && (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
        out[count++] = (pid_t)pid;
    return count;
}

int rt_os_children_listed(pid_t parent, pid_t *out, int room)
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
        int so_far = count > 0 ? count : 0;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)parent, entry->d_name);
        int more = add_listed(path, out + so_far, room - so_far);
        count = more < 0 ? count : so_far + more;
    }
    closedir(threads);
    return count;
}

char *rt_os_process_variable(pid_t pid, const char *name)
{
    enum { ENVIRONMENT_MAX = 4 << 20 }; /* the kernel allows 6 MiB of arguments and environment */
    char path[64], *value = NULL;
    size_t length = strlen(name);
    rt_bytes b = {0};
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    if (rt_file_read(path, ENVIRONMENT_MAX, &b) != RT_OK)
        rt_error_clear(); /* the process is gone, or another user's */
    for (size_t at = 0; at < b.len && !value; at += strlen((char *)b.data + at) + 1) {
        const char *entry = (char *)b.data + at;
        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            value = rt_strdup(entry + length + 1);
    }
    rt_bytes_release(&b);
    return value;
}

double rt_os_process_busy(pid_t pid)
{
    char path[64], text[128];
    unsigned long long ran = 0, queued = 0; /* nanoseconds */
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    read_proc(path, text, sizeof text);
    return sscanf(text, "%llu %llu", &ran, &queued) == 2 ? 1e-9 * (double)(ran + queued) : 0;
}

rt_status rt_os_watch_open(rt_os_watch *w)
{
    *w = (rt_os_watch){.fd = epoll_create1(EPOLL_CLOEXEC)};
    return w->fd >= 0 ? RT_OK
                      : RT_FAIL(IO, "cannot make an epoll: %s (see ulimit -n)", strerror(errno));
}

static bool make_room(rt_os_watch *w)
{
    if (w->count < w->room)
        return true;
    int64_t room = w->room ? 2 * w->room : 16;
    void *grown = rt_realloc(w->process, (size_t)room * sizeof *w->process);
    if (!grown) {
        rt_error_clear();
        return false;
    }
    w->process = grown;
    w->room = room;
    return true;
}

int64_t rt_os_watch_add(rt_os_watch *w, pid_t pid)
{
    int fd = make_room(w) ? pidfd_open(pid, 0) : -1;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)w->count};
    if (fd < 0)
        return -1;
    if (epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return -1;
    }
    w->process[w->count] = (struct rt_os_watched){.pid = pid, .fd = fd};
    return w->count++;
}

/* struct pidfd_info of <linux/pidfd.h> of Linux 6.15, which Debian 12's headers do not have yet. */
typedef struct pidfd_info_v0 {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t wait_status;
} pidfd_info_v0;
#define PIDFD_GET_INFO_V0 _IOWR(0xff, 11, pidfd_info_v0)
#define PIDFD_INFO_EXIT   (UINT64_C(1) << 3)

/* Finds out how a process ended: from /proc while it is a zombie, from its pidfd once its parent has waited for it. */
static void look_at_end(const struct rt_os_watched *p, rt_os_end *out)
{
    rt_os_process process;
    pidfd_info_v0 info = {.mask = PIDFD_INFO_EXIT};
    *out = (rt_os_end){0};
    if (rt_os_process_look(p->pid, &process) && process.how_known) {
        *out = (rt_os_end){process.parent, true, process.wait_status};
    } else if (ioctl(p->fd, PIDFD_GET_INFO_V0, &info) == 0 && (info.mask & PIDFD_INFO_EXIT)) {
        *out = (rt_os_end){0, true, info.wait_status};
    }
}

/* epoll appends descriptors to its list as they become ready, so ends are returned in their order. */
int64_t rt_os_watch_next(rt_os_watch *w, rt_os_end *out)
{
    struct epoll_event event;
    if (w->fd < 0 || epoll_wait(w->fd, &event, 1, 0) != 1)
        return -1;
    struct rt_os_watched *p = &w->process[event.data.u64];
    look_at_end(p, out);
    /* Closing alone would remove it only when no child that is about to exec has a copy any more. */
    epoll_ctl(w->fd, EPOLL_CTL_DEL, p->fd, NULL);
    close(p->fd);
    *p = (struct rt_os_watched){.fd = -1};
    return (int64_t)event.data.u64;
}

void rt_os_watch_signal(const rt_os_watch *w, int signal)
{
    for (int64_t i = 0; i < w->count; i++)
        if (w->process[i].fd >= 0)
            pidfd_send_signal(w->process[i].fd, signal, NULL, 0);
}

void rt_os_watch_close(rt_os_watch *w)
{
    for (int64_t i = 0; i < w->count; i++)
        if (w->process[i].fd >= 0)
            close(w->process[i].fd);
    if (w->fd >= 0)
        close(w->fd);
    rt_mem_free(w->process);
    *w = (rt_os_watch){.fd = -1};
}

/* ---- this process ---- */

char *rt_os_program_path(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return RT_FAIL_NULL(IO,
                            "/proc/self/exe: %s: mount /proc, which tells a program where it lies",
                            strerror(errno));
    self[n] = '\0';
    return rt_strdup(self);
}

int64_t rt_os_memory_used(void)
{
    char text[128];
    long long pages = 0;
    read_proc("/proc/self/statm", text, sizeof text);
    return sscanf(text, "%*d %lld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

int64_t rt_os_processors(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    bool known = sched_getaffinity(0, sizeof set, &set) == 0; /* not if there are more than 1024 */
    return known && CPU_COUNT(&set) < online ? CPU_COUNT(&set) : online;
}

/* ---- the rest ---- */

rt_status rt_os_random(void *out, size_t bytes)
{
    return getrandom(out, bytes, 0) == (ssize_t)bytes
               ? RT_OK
               : RT_FAIL(IO, "no random numbers from the system: %s", strerror(errno));
}

const char *rt_os_signal_name(int signal)
{
    return sigabbrev_np(signal);
}

/* A network namespace is a file, a tmpfs a device of its own. The kernel makes the name of a boot at random. */
bool rt_os_machine(char out[RT_OS_MACHINE])
{
    char boot[64], host[RT_OS_MACHINE / 2] = "";
    struct stat network, memory;
    read_proc("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    boot[strcspn(boot, "\n")] = '\0';
    if (!*boot || stat("/proc/self/ns/net", &network) != 0 || stat("/dev/shm", &memory) != 0 ||
        gethostname(host, sizeof host - 1) != 0)
        return false;
    snprintf(out, RT_OS_MACHINE, "%s/%ju/%ju/%s", boot, (uintmax_t)network.st_ino,
             (uintmax_t)memory.st_dev, host);
    return true;
}
