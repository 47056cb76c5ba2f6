#include "command.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/child.h"

enum { ARGUMENTS_MAX = 32, OUTPUT_MAX = 64 << 20, SCRATCHES_MAX = 8 };

/* A process that ends by itself takes a moment, a long one on a loaded machine. */
static const double patience = 30;

static scratch
    in_use[SCRATCHES_MAX]; /* made and not yet removed; an empty path marks a free place */

/* Replaces the entry `from` by `to`. */
static void note_scratch(const char *from, const char *to)
{
    for (int i = 0; i < SCRATCHES_MAX; i++)
        if (strcmp(in_use[i].path, from) == 0) {
            snprintf(in_use[i].path, sizeof in_use[i].path, "%s", to);
            return;
        }
    fail_msg("more than %d scratch folders at a time", SCRATCHES_MAX);
}

void scratch_make(scratch *s)
{
    snprintf(s->path, sizeof s->path, "/tmp/ringtorch-test-XXXXXX");
    if (!mkdtemp(s->path))
        fail_msg("%s: %s", s->path, strerror(errno));
    note_scratch("", s->path);
}

const char *in_scratch(const scratch *s, const char *fmt, ...)
{
    static char buffers[8][512];
    static unsigned next;
    char *text = buffers[next++ % 8];
    int used = snprintf(text, sizeof buffers[0], "%s/", s->path);
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(text + used, sizeof buffers[0] - (size_t)used, fmt, args);
    va_end(args);
    assert_true(more >= 0 && (size_t)(used + more) < sizeof buffers[0]);
    return text;
}

/* ---- processes of a scratch folder ---- */

/* Reads /proc/<pid>/environ, whose entries each end with a zero byte. Not with rt_file_read: that a process is gone is not
 * an error here. Returns the bytes read, 0 if the process is gone (or a zombie, which has no environment). */
static size_t read_environment(pid_t pid, char *buffer, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = read(fd, buffer + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    buffer[used] = 0;
    return used;
}

/* Returns the value of a variable in an environment block, or NULL if there is none. */
static const char *variable(const char *block, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *entry = block; entry < block + len; entry += strlen(entry) + 1)
        if (strncmp(entry, name, name_len) == 0 && entry[name_len] == '=')
            return entry + name_len + 1;
    return NULL;
}

/* Writes the file name of a process's program. Returns false if the process is gone. */
static bool read_program(pid_t pid, char *name, size_t size)
{
    char path[64], target[512];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t len = readlink(path, target, sizeof target - 1);
    if (len < 0)
        return false;
    target[len] = 0;
    const char *slash = strrchr(target, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : target);
    return true;
}

/* Reads state and parent from /proc/<pid>/stat: "pid (name) state parent ...". */
static void read_state(process *p)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)p->pid);
    p->state = '?';
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    int parent = 0;
    const char *end = strrchr(text, ')'); /* the name may contain anything */
    if (end && sscanf(end + 1, " %c %d", &p->state, &parent) == 2)
        p->parent = parent;
}

static int number_in(const char *block, size_t len, const char *name)
{
    const char *value = variable(block, len, name);
    return value ? (int)strtol(value, NULL, 10) : -1;
}

void each_process(const scratch *s, const char *name, bool (*f)(const process *p, void *context),
                  void *context)
{
    static char environment[256 << 10];
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry; (entry = readdir(proc));) {
        process p = {.pid = (pid_t)strtol(entry->d_name, NULL, 10)};
        if (!isdigit((unsigned char)entry->d_name[0]) || p.pid == getpid())
            continue;
        size_t len = read_environment(p.pid, environment, sizeof environment);
        const char *marker = variable(environment, len, "RINGTORCH_TEST");
        if (!marker || strcmp(marker, s->path) != 0 ||
            !read_program(p.pid, p.program, sizeof p.program) ||
            (name && strcmp(p.program, name) != 0))
            continue;
        read_state(&p);
        p.rank = number_in(environment, len, "OMPI_COMM_WORLD_RANK");
        p.generation = number_in(environment, len, "RINGTORCH_GENERATION");
        if (!f(&p, context))
            break;
    }
    closedir(proc);
}

static bool count_one(const process *p, void *context)
{
    (void)p;
    ++*(int *)context;
    return true;
}

int count_processes(const scratch *s, const char *name)
{
    int count = 0;
    each_process(s, name, count_one, &count);
    return count;
}

static bool kill_one(const process *p, void *context)
{
    (void)context;
    fprintf(stderr, "left over: process %d, %s\n", (int)p->pid, p->program);
    kill(p->pid, SIGKILL);
    return true;
}

typedef struct rank_search {
    int rank;
    pid_t pid;
} rank_search;

static bool match_rank(const process *p, void *context)
{
    rank_search *search = context;
    if (p->rank == search->rank)
        search->pid = p->pid;
    return !search->pid;
}

pid_t find_worker(const scratch *s, int rank, double seconds)
{
    rank_search search = {.rank = rank};
    for (double end = rt_clock() + seconds; !search.pid && rt_clock() < end; rt_clock_sleep(0.005))
        each_process(s, "ringtorch-worker", match_rank, &search);
    return search.pid;
}

pid_t signal_worker(const scratch *s, int rank, int signal)
{
    pid_t pid = find_worker(s, rank, LONG);
    if (pid <= 0 || kill(pid, signal) != 0)
        fail_msg("there is no worker %d to be sent signal %d", rank, signal);
    return pid;
}

static void add_sanitizer_option(const char *option)
{
    const char *options = getenv("ASAN_OPTIONS");
    char all[1024];
    snprintf(all, sizeof all, "%s:%s", options ? options : "", option);
    setenv("ASAN_OPTIONS", all, 1);
}

void let_crashes_be_signals(void)
{
    add_sanitizer_option("handle_segv=0");
}

void let_exits_be_sudden(void)
{
    add_sanitizer_option("detect_leaks=0");
}

void preload(const char *name)
{
    static char usual[512]; /* what is loaded into all of them */
    static bool known;
    char all[1024];
    const char *now = getenv("LD_PRELOAD");
    if (!known)
        snprintf(usual, sizeof usual, "%s", now ? now : "");
    known = true;
    if (name) {
        snprintf(all, sizeof all, RT_TEST_BINARY_DIR "/bin/tests/system/libpreload_%s.so%s%s", name,
                 usual[0] ? ":" : "", usual);
        setenv("LD_PRELOAD", all, 1);
    } else if (usual[0]) {
        setenv("LD_PRELOAD", usual, 1);
    } else {
        unsetenv("LD_PRELOAD");
    }
}

static bool take_first(const process *p, void *context)
{
    *(pid_t *)context = p->pid;
    return false;
}

pid_t find_program(const scratch *s, const char *name, double seconds)
{
    pid_t pid = 0;
    for (double end = rt_clock() + seconds; !pid && rt_clock() < end; rt_clock_sleep(0.002))
        each_process(s, name, take_first, &pid);
    return pid;
}

bool all_ended(const scratch *s, double seconds)
{
    for (double end = rt_clock() + seconds; rt_clock() < end; rt_clock_sleep(0.01))
        if (count_processes(s, NULL) == 0)
            return true;
    return false;
}

/* Waits for the processes to end, then kills them, repeatedly, since they may start others meanwhile. Returns whether
 * killing was unnecessary. */
static bool end_processes(const scratch *s)
{
    bool clean = all_ended(s, patience);
    for (bool ended = clean; !ended; ended = all_ended(s, 0.1))
        each_process(s, NULL, kill_one, NULL);
    return clean;
}

bool end_all_processes(void)
{
    bool clean = true;
    for (int i = 0; i < SCRATCHES_MAX; i++)
        if (in_use[i].path[0] && !end_processes(&in_use[i]))
            clean = false;
    return clean;
}

/* Nobody else reads what a rank says at its very end, and its exit code no longer matters then. */
static bool tells_of_leaks(const scratch *s)
{
#ifdef __SANITIZE_ADDRESS__
    result r = run(s, patience, "grep", "-rh", "--include=*.log", "-A", "40",
                   "ERROR: LeakSanitizer", s->path, NULL);
    bool leaks = r.exit_code == 0;
    if (leaks)
        fprintf(stderr, "%s\n", r.out);
    result_release(&r);
    return leaks;
#else
    (void)s;
    return false;
#endif
}

/* cmocka does not count what fails at the end of a group. */
static void end_badly(void)
{
    fflush(NULL);
    _exit(1);
}

void scratch_remove(scratch *s)
{
    bool clean = end_processes(s), leaks = tells_of_leaks(s);
    if (rt_remove_tree(s->path) != RT_OK)
        fprintf(stderr, "%s\n", rt_error());
    rt_error_clear();
    note_scratch(s->path, "");
    if (!clean || leaks)
        atexit(end_badly);
    if (!clean)
        fail_msg("processes outlived the commands that started them");
    if (leaks)
        fail_msg("a worker ended without freeing all of its memory: see above");
}

/* ---- commands ---- */

/* Writes the path of the file that "out" or "err" goes to. Not with in_scratch, whose buffers belong to the test. */
static void output_path(const command *c, const char *stream, char path[96])
{
    snprintf(path, 96, "%s/%s.%d", c->scratch->path, stream, c->number);
}

command start_list(const scratch *s, const char *program, const char *const *arguments)
{
    static int number;
    char built[512];
    snprintf(built, sizeof built, RT_TEST_BINARY_DIR "/bin/%s", program);
    command c = {.scratch = s, .number = ++number};
    const char *argv[ARGUMENTS_MAX + 2] = {access(built, X_OK) == 0 ? built : program};
    for (int i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
        argv[i + 1] = arguments[i];
    char out[96], err[96];
    output_path(&c, "out", out);
    output_path(&c, "err", err);
    setenv("RINGTORCH_TEST", s->path, 1);
    c.pid = child_program(argv, out, err);
    assert_true(c.pid > 0);
    return c;
}

static void collect(va_list args, const char *list[ARGUMENTS_MAX + 1])
{
    int count = 0;
    while ((list[count] = va_arg(args, const char *)))
        assert_true(++count < ARGUMENTS_MAX);
}

command start(const scratch *s, const char *program, ...)
{
    const char *list[ARGUMENTS_MAX + 1];
    va_list args;
    va_start(args, program);
    collect(args, list);
    va_end(args);
    return start_list(s, program, list);
}

static char *output_text(const command *c, const char *stream)
{
    char path[96];
    rt_bytes b = {0};
    output_path(c, stream, path);
    if (rt_file_read(path, OUTPUT_MAX, &b) != RT_OK)
        fail_msg("%s", rt_error());
    return (char *)b.data;
}

void await_output(const command *c, const char *fragment)
{
    bool there = false;
    for (double end = rt_clock() + LONG; !there; rt_clock_sleep(0.01)) {
        char *text = output_text(c, "out");
        there = strstr(text, fragment) != NULL;
        if (!there && rt_clock() > end)
            fail_msg("'%s' is never printed, only:\n%s", fragment, text);
        rt_mem_free(text);
    }
}

result finish(command c, double seconds)
{
    int status = 0;
    pid_t ended = 0;
    double end = rt_clock() + seconds;
    while ((ended = waitpid(c.pid, &status, WNOHANG)) == 0 && rt_clock() < end)
        rt_clock_sleep(0.002);
    if (ended == 0) {
        kill(-c.pid, SIGKILL);
        waitpid(c.pid, &status, 0);
    }
    result r = {.out = output_text(&c, "out"), .err = output_text(&c, "err")};
    r.exit_code = ended == 0          ? -1
                  : WIFEXITED(status) ? WEXITSTATUS(status)
                                      : 128 + WTERMSIG(status);
    return r;
}

result run_list(const scratch *s, double seconds, const char *program, const char *const *arguments)
{
    return finish(start_list(s, program, arguments), seconds);
}

result run(const scratch *s, double seconds, const char *program, ...)
{
    const char *list[ARGUMENTS_MAX + 1];
    va_list args;
    va_start(args, program);
    collect(args, list);
    va_end(args);
    return run_list(s, seconds, program, list);
}

void result_release(result *r)
{
    rt_mem_free(r->out);
    rt_mem_free(r->err);
    *r = (result){0};
}

void expect_exit(const result *r, int exit_code)
{
    if (r->exit_code != exit_code)
        fail_msg("exit code %d, expected %d\n--- output\n%s\n--- errors\n%s", r->exit_code,
                 exit_code, r->out, r->err);
}

void expect_text(const char *text, const char *fragment)
{
    if (!strstr(text, fragment))
        fail_msg("'%s' is not in:\n%s", fragment, text);
}
