/* Tests both implementations of os.h: test_os runs with the one that was built, test_os_posix with posix.c. Where they
 * differ, POSIX_ONLY marks what POSIX cannot find out. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "tests/support/child.h"
#include "tests/support/folder.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <cmocka.h>

#ifndef POSIX_ONLY
#define POSIX_ONLY false
#endif

static const double PATIENCE = 20;
static char dir[FOLDER_MAX];

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static bool becomes_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, (int)(1000 * PATIENCE)) == 1;
}

static pid_t sleeper(void)
{
    const char *const argv[] = {"sleep", "1000", NULL};
    pid_t pid = child_program(argv, NULL, NULL);
    assert_true(pid > 0);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- descriptors ---- */

static bool is_inherited(int fd)
{
    return !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void a_pipe_is_not_inherited(void **state)
{
    (void)state;
    int ends[2];
    char c = 0;
    assert_int_equal(rt_os_pipe(ends), RT_OK);
    assert_false(is_inherited(ends[0]) || is_inherited(ends[1]));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_int_equal(c, 'x');
    close(ends[0]);
    close(ends[1]);
}

static void a_connection_is_not_inherited(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(connect(other, (struct sockaddr *)&at, sizeof at), 0);
    int fd = rt_os_accept(listener);
    assert_true(fd >= 0);
    assert_false(is_inherited(fd));
    close(fd);
    close(other);
    close(listener);
    assert_int_equal(rt_os_accept(listener), -1);
}

static void running_out_of_descriptors_is_an_error(void **state)
{
    (void)state;
    int ends[2];
    rt_os_waker w;
    rt_os_signals s;
    sigset_t set;
    struct rlimit was, few;
    sigemptyset(&set);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = (struct rlimit){3, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    rt_status pipe_status = rt_os_pipe(ends), waker = rt_os_waker_open(&w),
              signals = rt_os_signals_open(&s, &set);
    setrlimit(RLIMIT_NOFILE, &was);
    assert_int_equal(pipe_status, RT_E_IO);
    assert_int_equal(waker, RT_E_IO);
    assert_int_equal(signals, RT_E_IO);
    assert_non_null(strstr(rt_error(), "ulimit -n"));
    rt_error_clear();
    rt_os_waker_close(&w); /* must be harmless */
    rt_os_signals_close(&s);
}

static void a_file_without_a_name_gets_one(void **state)
{
    (void)state;
    char path[FOLDER_MAX + 20], own[RT_OS_DESCRIPTOR_PATH], text[4] = "";
    int fd = rt_os_open_nameless(dir, 0644);
    if (POSIX_ONLY)
        assert_int_equal(fd, -1);
    if (fd < 0)
        return;
    snprintf(path, sizeof path, "%s/named", dir);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(
        linkat(AT_FDCWD, rt_os_descriptor_path(fd, own), AT_FDCWD, path, AT_SYMLINK_FOLLOW), 0);
    close(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, text, 4), 3);
    assert_string_equal(text, "abc");
    close(fd);
    unlink(path);
}

/* The contents stay, and no hole is left for which there may be no room later. */
static void space_is_reserved_for_a_file(void **state)
{
    (void)state;
    static const off_t sizes[] = {0, 1, 511, 512, 513, 100000, 4096, 300000};
    char path[FOLDER_MAX + 20], text[6] = "";
    snprintf(path, sizeof path, "%s/room", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
    assert_int_equal(pwrite(fd, "end", 4, 50000), 4); /* with a hole before it */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct stat st;
        assert_int_equal(rt_os_allocate(fd, sizes[i] ? sizes[i] : 1), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_true(st.st_size >= sizes[i] && st.st_size >= 50004);
        assert_true(st.st_blocks * 512 >= sizes[i]);
    }
    assert_int_equal(pread(fd, text, 5, 0), 5);
    assert_string_equal(text, "begin");
    assert_int_equal(pread(fd, text, 4, 50000), 4);
    assert_string_equal(text, "end");
    assert_int_equal(rt_os_allocate(-1, 1), EBADF);
    struct rlimit was, small;
    getrlimit(RLIMIT_FSIZE, &was);
    small = (struct rlimit){400000, was.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int error = rt_os_allocate(fd, 500000);
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(error, EFBIG);
    close(fd);
    unlink(path);
}

static void a_map_can_be_populated_at_once(void **state)
{
    (void)state;
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | rt_os_map_now,
                   -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    p[8191] = 1;
    munmap(p, 8192);
}

/* ---- waking a thread that polls ---- */

static void *wake(void *waker)
{
    rt_os_waker_wake(waker);
    return NULL;
}

static void a_waker_wakes_a_poll_once(void **state)
{
    (void)state;
    rt_os_waker w;
    pthread_t thread;
    assert_int_equal(rt_os_waker_open(&w), RT_OK);
    assert_false(is_inherited(w.fd));
    for (int round = 0; round < 3; round++) {
        assert_false(is_readable(w.fd));
        rt_os_waker_clear(&w); /* must not wait */
        assert_int_equal(pthread_create(&thread, NULL, wake, &w), 0);
        assert_true(becomes_readable(w.fd));
        pthread_join(thread, NULL);
        for (int i = 0; i < 100000 * (round == 1); i++) /* more than a pipe holds */
            rt_os_waker_wake(&w);
        assert_true(is_readable(w.fd));
        rt_os_waker_clear(&w);
    }
    assert_false(is_readable(w.fd));
    rt_os_waker_close(&w);
    rt_os_waker_close(&w);
}

/* ---- signals as data ---- */

static void signals_come_as_data(void **state)
{
    (void)state;
    sigset_t set, before;
    rt_os_signals s;
    int seen = 0, number;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &before);
    kill(getpid(), SIGUSR1); /* one that is already pending */
    assert_int_equal(rt_os_signals_open(&s, &set), RT_OK);
    assert_true(becomes_readable(s.fd));
    assert_int_equal(rt_os_signals_next(&s), SIGUSR1);
    assert_int_equal(rt_os_signals_next(&s), 0);
    assert_false(is_readable(s.fd));
    kill(getpid(), SIGUSR1);
    pid_t pid = sleeper();
    end(pid);
    for (double until = rt_clock() + PATIENCE; seen != 3 && rt_clock() < until;)
        if (becomes_readable(s.fd))
            while ((number = rt_os_signals_next(&s)))
                seen |= number == SIGUSR1 ? 1 : number == SIGCHLD ? 2 : 4;
    assert_int_equal(seen, 3);
    rt_os_signals_close(&s);
    rt_os_signals_close(&s);
    assert_int_equal(rt_os_signals_next(&s), 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- processes ---- */

static int exit_with_3(void *ctx)
{
    (void)ctx;
    return 3;
}

static void a_process_is_inspected(void **state)
{
    (void)state;
    rt_os_process p;
    assert_true(rt_os_process_look(getpid(), &p));
    assert_int_equal(p.parent, getppid());
    assert_false(p.ended || p.how_known);
    assert_non_null(strstr(p.name, "test_os"));
    pid_t pid = child_function(exit_with_3, NULL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT),
                     0); /* nobody has waited for it */
    assert_true(rt_os_process_look(pid, &p));
    assert_int_equal(p.parent, getpid());
    assert_true(p.ended);
    if (!POSIX_ONLY) {
        assert_true(p.how_known);
        assert_true(WIFEXITED(p.wait_status));
        assert_int_equal(WEXITSTATUS(p.wait_status), 3);
    }
    waitpid(pid, NULL, 0);
    assert_false(rt_os_process_look(pid, &p));
    assert_false(rt_os_process_look(0, &p));
}

static bool has(const pid_t *list, int count, pid_t pid)
{
    for (int i = 0; i < count; i++)
        if (list[i] == pid)
            return true;
    return false;
}

static void children_are_listed(void **state)
{
    (void)state;
    pid_t a = sleeper(), b = sleeper(), list[8];
    int count = rt_os_children(getpid(), list, 8);
    assert_int_equal(count, 2);
    assert_true(has(list, count, a) && has(list, count, b));
    assert_int_equal(rt_os_children(getpid(), list, 1), 1); /* no more than there is room for */
    assert_int_equal(rt_os_children(a, list, 8), 0);
    count = rt_os_children_listed(getpid(), list, 8);
    assert_true(count == -1 || (count == 2 && has(list, count, a) && has(list, count, b)));
    if (POSIX_ONLY)
        assert_int_equal(count, -1);
    end(a);
    end(b);
    assert_int_equal(rt_os_children(getpid(), list, 8), 0);
}

static void a_variable_of_a_process_is_read(void **state)
{
    (void)state;
    setenv("RINGTORCH_TEST_A", "x=y", 1);
    setenv("RINGTORCH_TEST_AB", "other", 1);
    pid_t pid = sleeper();
    char *value = NULL; /* visible at the latest when setpriv has exec'ed sleep */
    for (double until = rt_clock() + PATIENCE; !POSIX_ONLY && !value && rt_clock() < until;)
        value = rt_os_process_variable(pid, "RINGTORCH_TEST_A");
    if (!POSIX_ONLY)
        assert_string_equal(value, "x=y");
    rt_mem_free(value);
    assert_null(rt_os_process_variable(pid, "RINGTORCH_TEST_"));
    end(pid);
    assert_null(rt_os_process_variable(pid, "RINGTORCH_TEST_A"));
    assert_false(rt_failed());
}

static rt_os_end last_end;

static int64_t wait_for_end(rt_os_watch *w)
{
    int64_t place = -1;
    for (double until = rt_clock() + PATIENCE; place < 0 && rt_clock() < until;
         rt_clock_sleep(0.001))
        place = rt_os_watch_next(w, &last_end);
    return place;
}

static void ends_of_processes_are_noticed(void **state)
{
    (void)state;
    enum { MANY = 40 };
    rt_os_watch w;
    pid_t pid[MANY];
    assert_int_equal(rt_os_watch_open(&w), RT_OK);
    assert_int_equal(w.fd >= 0, !POSIX_ONLY);
    for (int i = 0; i < MANY; i++) {
        pid[i] = sleeper();
        assert_int_equal(rt_os_watch_add(&w, pid[i]), i);
    }
    assert_int_equal(rt_os_watch_next(&w, &last_end), -1);
    end(pid[17]);
    assert_true(w.fd < 0 || becomes_readable(w.fd));
    assert_int_equal(wait_for_end(&w), 17);
    assert_int_equal(rt_os_watch_next(&w, &last_end), -1); /* once */
    assert_int_equal(rt_os_watch_add(&w, pid[17]), -1);
    rt_os_watch_signal(&w, SIGTERM);
    for (int i = 0; i < MANY; i++)
        if (i != 17) {
            int status;
            waitpid(pid[i], &status, 0);
            assert_int_equal(WTERMSIG(status), SIGTERM);
        }
    for (int i = 0; i < MANY - 1; i++)
        assert_true(wait_for_end(&w) >= 0);
    assert_int_equal(rt_os_watch_next(&w, &last_end), -1);
    rt_os_watch_close(&w);
    rt_os_watch_close(&w);
}

/* Waits until a child of ours has ended, and leaves it a zombie. */
static void await_zombie(pid_t pid)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* Ends are reported in their order, not in that of adding; before their parent has waited for them, and after. */
static void ends_are_reported_in_order_with_their_status(void **state)
{
    (void)state;
    enum { MANY = 4 };
    static const int order[MANY] = {2, 0, 3, 1}, by[MANY] = {SIGTERM, SIGKILL, SIGUSR1, SIGINT};
    rt_os_watch w;
    for (int asked = 0; asked < 2 && !POSIX_ONLY; asked++) {
        pid_t pid[MANY];
        assert_int_equal(rt_os_watch_open(&w), RT_OK);
        for (int i = 0; i < MANY; i++) {
            pid[i] = sleeper();
            assert_int_equal(rt_os_watch_add(&w, pid[i]), i);
        }
        for (int i = 0; i < MANY; i++) {
            kill(pid[order[i]], by[i]);
            await_zombie(pid[order[i]]);
            if (asked)
                waitpid(pid[order[i]], NULL, 0);
        }
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(wait_for_end(&w), order[i]);
            assert_int_equal(last_end.unasked_by, asked ? 0 : getpid());
            assert_true(asked || last_end.how_known);
            assert_int_equal(last_end.wait_status, last_end.how_known ? by[i] : 0);
            if (!asked)
                waitpid(pid[order[i]], NULL, 0);
        }
        rt_os_watch_close(&w);
    }
}

/* A child that requests to die with its parent, and reports when it has done so. */
static int ask_and_wait(void *ctx)
{
    const int *ends = ctx;
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, 0); /* child_function requested it */
    if (!rt_os_die_with_parent(SIGKILL, parent, true) ||
        write(ends[1], &(pid_t){getpid()}, sizeof(pid_t)) < 0)
        return 1;
    rt_clock_sleep(1000);
    return 0;
}

static int start_one_that_asks(void *ctx)
{
    child_function(ask_and_wait, ctx);
    rt_clock_sleep(1000);
    return 0;
}

static void a_child_dies_with_its_parent(void **state)
{
    (void)state;
    int ends[2];
    pid_t grandchild = 0;
    assert_int_equal(rt_os_pipe(ends), RT_OK);
    pid_t parent = child_function(start_one_that_asks, ends);
    assert_int_equal(read(ends[0], &grandchild, sizeof grandchild), sizeof grandchild);
    end(parent);
    rt_os_process p;
    bool gone = false;
    for (double until = rt_clock() + PATIENCE; !gone && rt_clock() < until; rt_clock_sleep(0.01))
        gone = !rt_os_process_look(grandchild, &p) || p.ended;
    assert_true(gone);
    assert_false(rt_os_die_with_parent(SIGKILL, parent, false)); /* it is not ours */
    close(ends[0]);
    close(ends[1]);
}

/* ---- this process ---- */

static void the_program_finds_its_path(void **state)
{
    (void)state;
    char *path = rt_os_program_path();
    assert_non_null(path);
    assert_int_equal(path[0], '/');
    assert_non_null(strstr(path, "/test_os"));
    assert_int_equal(access(path, X_OK), 0);
    rt_mem_free(path);
    assert_true(POSIX_ONLY || rt_os_memory_used() > 100000);
    assert_true(rt_os_process_busy(getpid()) >= 0);
}

/* ---- the rest ---- */

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[64] = {0}, b[64] = {0};
    int zeros = 0;
    assert_int_equal(rt_os_random(a, sizeof a), RT_OK);
    assert_int_equal(rt_os_random(b, sizeof b), RT_OK);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        zeros += a[i] == 0;
    assert_true(zeros < 16); /* all of it is filled */
}

static void signals_have_names(void **state)
{
    (void)state;
    assert_string_equal(rt_os_signal_name(SIGKILL), "KILL");
    assert_string_equal(rt_os_signal_name(SIGXCPU), "XCPU");
    assert_string_equal(rt_os_signal_name(SIGSEGV), "SEGV");
    assert_null(rt_os_signal_name(0));
    assert_null(rt_os_signal_name(-1));
    assert_null(rt_os_signal_name(100000));
}

/* A process that may use only one of several processors says so. */
static void processors_are_counted(void **state)
{
    (void)state;
    cpu_set_t all, one;
    int64_t before = rt_os_processors();
    assert_true(before >= 1 && before <= sysconf(_SC_NPROCESSORS_ONLN));
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return; /* a machine with more processors than a set holds */
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(rt_os_processors(), POSIX_ONLY ? before : 1);
    sched_setaffinity(0, sizeof all, &all);
}

/* Returns 77 if this process may not have a network of its own, 0 if that makes it another host. */
static int be_another_host(void *name)
{
    char mine[RT_OS_MACHINE];
    if (unshare(CLONE_NEWNET) != 0)
        return 77;
    return rt_os_machine(mine) && strcmp(mine, name) != 0 ? 0 : 1;
}

static int be_the_same_host(void *name)
{
    char mine[RT_OS_MACHINE];
    return rt_os_machine(mine) && strcmp(mine, name) == 0 ? 0 : 1;
}

static void a_machine_has_one_name(void **state)
{
    (void)state;
    char name[RT_OS_MACHINE];
    if (!rt_os_machine(name)) {
        assert_true(POSIX_ONLY);
        return;
    }
    assert_int_equal(child_end(child_function(be_the_same_host, name)), 0);
    int other = child_end(child_function(be_another_host, name));
    assert_true(other == 0 || other == 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_is_not_inherited),
        cmocka_unit_test(a_connection_is_not_inherited),
        cmocka_unit_test(running_out_of_descriptors_is_an_error),
        cmocka_unit_test(a_file_without_a_name_gets_one),
        cmocka_unit_test(space_is_reserved_for_a_file),
        cmocka_unit_test(a_map_can_be_populated_at_once),
        cmocka_unit_test(a_waker_wakes_a_poll_once),
        cmocka_unit_test(signals_come_as_data),
        cmocka_unit_test(a_process_is_inspected),
        cmocka_unit_test(children_are_listed),
        cmocka_unit_test(a_variable_of_a_process_is_read),
        cmocka_unit_test(ends_of_processes_are_noticed),
        cmocka_unit_test(ends_are_reported_in_order_with_their_status),
        cmocka_unit_test(a_child_dies_with_its_parent),
        cmocka_unit_test(the_program_finds_its_path),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(signals_have_names),
        cmocka_unit_test(processors_are_counted),
        cmocka_unit_test(a_machine_has_one_name),
    };
    if (!folder_make(dir, "os"))
        return 1;
    int failed = cmocka_run_group_tests_name("os", tests, NULL, NULL);
    rt_remove_tree(dir);
    return failed || rt_mem_live() != 0;
}
