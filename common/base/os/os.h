/* What programs need from the operating system that POSIX lacks or makes hard.
 *
 *     rt_os_waker w;
 *     RT_TRY(rt_os_waker_open(&w));
 *     ... any thread: rt_os_waker_wake(&w);
 *     struct pollfd p = {.fd = w.fd, .events = POLLIN};
 *     poll(&p, 1, -1);
 *     rt_os_waker_clear(&w);
 *
 * linux.c uses Linux's own system calls. posix.c does the same with POSIX.1-2008, more slowly, or returns that the
 * answer is unknown. The build chooses one of them (RT_OS, docs/ARCHITECTURE.md); tests/unit/common/test_os.c runs with
 * both. */
#ifndef RINGTORCH_COMMON_BASE_OS_OS_H
#define RINGTORCH_COMMON_BASE_OS_OS_H

#include <ringtorch/status.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- descriptors ---- */

/* Makes a pipe that programs started later do not inherit. */
rt_status rt_os_pipe(int ends[2]);
/* Accepts a connection that programs started later do not inherit. Returns -1 with errno if there is none. */
int rt_os_accept(int listener);

enum { RT_OS_DESCRIPTOR_PATH = 40 };
/* Writes a path that names an open descriptor, for linking a file that has no name yet or for finding out where a
 * directory was moved. Returns `out`, or NULL if this system has no such path. */
const char *rt_os_descriptor_path(int fd, char out[RT_OS_DESCRIPTOR_PATH]);
/* Opens a new file without a name in a folder, for writing. Returns -1 if the system or the file system has no such
 * files. */
int rt_os_open_nameless(const char *folder, mode_t mode);

/* Reserves space on the file system for the first `bytes` of a file. Returns 0 or an errno. */
int rt_os_allocate(int fd, off_t bytes);
/* The mmap flag that creates all pages at once instead of one by one when first touched; 0 if the system has none. */
extern const int rt_os_map_now;

/* ---- waking a thread that polls ---- */

typedef struct rt_os_waker {
    int fd;  /* to be polled for POLLIN; -1: not open */
    int end; /* where POSIX writes */
} rt_os_waker;

/* Fails with IO if no descriptors are left. */
rt_status rt_os_waker_open(rt_os_waker *w);
/* May be called from any thread and from a signal handler. Several wakes before the other thread looks count as one. */
void rt_os_waker_wake(const rt_os_waker *w);
/* Makes fd unreadable until the next wake. */
void rt_os_waker_clear(const rt_os_waker *w);
void rt_os_waker_close(rt_os_waker *w); /* no-op if not open */

/* ---- signals as data ---- */

typedef struct rt_os_signals {
    int fd;        /* to be polled for POLLIN; -1: not open */
    void *watcher; /* POSIX: the thread that waits for them */
} rt_os_signals;

/* The caller must have blocked these signals in all threads. Fails with IO or NOMEM. */
rt_status rt_os_signals_open(rt_os_signals *s, const sigset_t *set);
/* Returns the next pending signal, or 0 if there is none. */
int rt_os_signals_next(const rt_os_signals *s);
void rt_os_signals_close(rt_os_signals *s); /* no-op if not open */

/* ---- processes ---- */

/* Requests `signal` for this process when its parent dies. Call it between fork and exec or at the start of a program,
 * with the pid that the parent had then. Returns false if that parent is already gone. POSIX has no such request: there
 * a program that asks for itself (`watch`) checks once a second from a thread of its own; for a child about to exec
 * something else nothing is done. */
bool rt_os_die_with_parent(int signal, pid_t parent, bool watch);
/* Makes orphans among our descendants our children. Fails with UNSUPPORTED if the system cannot: orphans go to init
 * then, and we can end only those in our own process groups. */
rt_status rt_os_adopt_orphans(void);

typedef struct rt_os_process {
    pid_t parent;
    bool ended;      /* a zombie: its parent has not waited for it yet */
    bool how_known;  /* wait_status is known */
    int wait_status; /* as of waitpid */
    char name[64];   /* of the program, shortened; "" if unknown */
} rt_os_process;
/* Inspects a process of this host; returns false if there is none. POSIX cannot tell `ended` or wait_status, so a
 * zombie counts as alive there. */
bool rt_os_process_look(pid_t pid, rt_os_process *out);
/* Lists the children of a process into out[room]; returns how many. */
int rt_os_children(pid_t parent, pid_t *out, int room);
/* The same within microseconds, from the kernel's own list, which may miss a child that is just being created. Returns
 * -1 if the system keeps no such list. */
int rt_os_children_listed(pid_t parent, pid_t *out, int room);
/* Returns the value of a variable in the environment that a process was started with (rt_malloc), or NULL if it is
 * unset or unknown. */
char *rt_os_process_variable(pid_t pid, const char *name);
/* Returns for how many seconds the main thread of a process has run or waited for a processor; the rest of its life it
 * slept. Returns 0 if unknown. */
double rt_os_process_busy(pid_t pid);

/* A set of processes, not only children, that reports when one ends. */
typedef struct rt_os_watch {
    int fd; /* to be polled for POLLIN; -1 if there is none and the caller must look from time to time */
    int64_t count, room;
    struct rt_os_watched {
        pid_t pid; /* 0: its end was reported */
        int fd;
    } * process; /* [count], owned */
} rt_os_watch;

rt_status rt_os_watch_open(rt_os_watch *w);
/* Adds a process and returns its place in the set, or -1 if it is gone or memory or descriptors have run out. */
int64_t rt_os_watch_add(rt_os_watch *w, pid_t pid);
/* How a watched process ended. */
typedef struct rt_os_end {
    /* The parent that has not waited for it yet; 0 if it has, or if that is unknown. */
    pid_t unasked_by;
    /* Whether wait_status is known: always until the parent has waited; after that only since Linux 6.15. */
    bool how_known;
    int wait_status; /* as of waitpid; 0 if unknown */
} rt_os_end;
/* Returns the place of a process that has ended, each one once; in the order in which they ended if the system keeps it
 * (Linux). Returns -1 if there is none. */
int64_t rt_os_watch_next(rt_os_watch *w, rt_os_end *out);
/* Sends a signal to all that have not ended. If the system can tell (Linux), a process that has reused the pid of an
 * ended one is not hit. */
void rt_os_watch_signal(const rt_os_watch *w, int signal);
void rt_os_watch_close(rt_os_watch *w); /* no-op if not open */

/* ---- this process ---- */

/* Returns the path of the running program (rt_malloc), or NULL with an error if it is unknown. */
char *rt_os_program_path(void);
/* Returns how much memory this process uses, in bytes; 0 if unknown. */
int64_t rt_os_memory_used(void);
/* Returns how many processors this process may use. POSIX cannot tell if that is fewer than there are. */
int64_t rt_os_processors(void);

/* ---- the rest ---- */

enum { RT_OS_MACHINE = 160 };
/* Writes a text that names this host until it is booted again: processes with the same text have the same kernel, host name, network
 * and /dev/shm. Containers and network namespaces of one machine are therefore hosts of their own. Returns false if it is
 * unknown. */
bool rt_os_machine(char out[RT_OS_MACHINE]);

/* Fills `out` with bytes that nobody can guess. Fails with IO. */
rt_status rt_os_random(void *out, size_t bytes);
/* Returns a signal's name without SIG ("TERM"), or NULL if there is no such signal or it has no name. */
const char *rt_os_signal_name(int signal);

#endif
