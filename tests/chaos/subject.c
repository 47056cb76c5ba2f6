#include "subject.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/system/false_clock.h"
#include "tests/system/runs.h"
#include "tests/system/small_disk.h"

/* The learning rate is constant, because the run's last step is chosen only after all faults; there are slices for the largest world;
 * each step has a line of metrics, so that every step can be compared; checkpoints are frequent, so that faults hit them. */
#define CHAOS_CONFIG                                                                               \
    "run: {name: chaos, seed: 7, hash_every: 25, max_restarts: 1000}\n"                            \
    "model:\n"                                                                                     \
    "  layers:\n"                                                                                  \
    "    - conv2d: {out: 4, kernel: 3, padding: same}\n"                                           \
    "    - relu\n"                                                                                 \
    "    - max_pool2d: 2\n"                                                                        \
    "    - flatten\n"                                                                              \
    "    - linear: 96\n"                                                                           \
    "    - relu\n"                                                                                 \
    "    - dropout: 0.1\n"                                                                         \
    "    - linear: 10\n"                                                                           \
    "data: {dataset: fashion-mnist, path: \"%s\", batch: 256}\n"                                   \
    "optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.01, clip_norm: 1.0}\n"                   \
    "parallel: {slices: 8}\n"

/* ---- the folder ---- */

/* Only the run directory and /dev/shm are mounts, so the rest of the folder stays visible to everyone. */
static bool mount_disks(subject *s)
{
    if (mount_small(s->run_dir, "96m") && mount_small(s->memory, "128m"))
        return true;
    fprintf(stderr, "chaos: file systems of its own: %s\n", strerror(errno));
    return false;
}

bool subject_open(subject *s, const subject_wishes *wishes)
{
    *s = (subject){.wishes = *wishes};
    scratch_make(&s->scratch);
    snprintf(s->run_dir, sizeof s->run_dir, "%s", in_scratch(&s->scratch, "run"));
    snprintf(s->memory, sizeof s->memory, "/dev/shm");
    if (wishes->config) {
        snprintf(s->config, sizeof s->config, "%s", wishes->config);
    } else {
        make_data(&s->scratch, &(data_set){.train = 520, .test = 100});
        snprintf(s->config, sizeof s->config, "%s",
                 write_config(&s->scratch, "chaos.yaml", CHAOS_CONFIG));
    }
    records_open(&s->records, s->run_dir);
    if (rt_dir_make(s->run_dir, 0700) != RT_OK ||
        rt_dir_make(in_scratch(&s->scratch, "tmp"), 0700) != RT_OK) {
        fprintf(stderr, "chaos: %s\n", rt_error());
        return false;
    }
    if (!false_clock_begin(in_scratch(&s->scratch, "clock"))) {
        fprintf(stderr, "chaos: %s: %s\n", s->scratch.path, strerror(errno));
        return false;
    }
    /* MPI's session directories must be here, so that we find what it leaves in them. */
    setenv("TMPDIR", in_scratch(&s->scratch, "tmp"), 1);
    return !wishes->own_disks || mount_disks(s);
}

static bool kill_it(const process *p, void *context)
{
    (void)context;
    kill(p->pid, SIGKILL);
    return true;
}

/* Moves the contents of a disk of our own, which vanishes with us, to the folder. */
static void rescue(subject *s)
{
    const char *kept = in_scratch(&s->scratch, "kept");
    result r = run(&s->scratch, 60, "cp", "-a", s->run_dir, kept, NULL);
    result_release(&r);
    unmount(s->run_dir);
    if (rmdir(s->run_dir) != 0 || rename(kept, s->run_dir) != 0)
        fprintf(stderr, "chaos: %s: %s\n", s->run_dir, strerror(errno));
}

void subject_close(subject *s, bool keep)
{
    double end = rt_clock() + 10;
    for (; !all_ended(&s->scratch, 0.05) && rt_clock() < end; rt_clock_sleep(0.01))
        each_process(&s->scratch, NULL, kill_it, NULL);
    false_clock_end();
    if (s->started)
        waitpid(s->launcher.pid, NULL, 0);
    records_close(&s->records);
    if (keep && s->wishes.own_disks)
        rescue(s);
    if (keep)
        return;
    if (s->wishes.own_disks)
        unmount(s->run_dir);
    if (rt_remove_tree(s->scratch.path) != RT_OK)
        fprintf(stderr, "chaos: %s\n", rt_error());
}

/* ---- commands ---- */

void subject_start(subject *s, int64_t workers, int64_t steps)
{
    char count[24], end[48];
    snprintf(count, sizeof count, "%lld", (long long)workers);
    snprintf(end, sizeof end, "run.steps=%lld", (long long)(steps ? steps : 1000000000));
    const char *arguments[] = {"train",     s->config,
                               "-n",        count,
                               "--run-dir", s->run_dir,
                               "--resume",  s->legs ? "auto" : "never",
                               "--set",     end,
                               "--set",     "schedule.name=constant",
                               "--set",     "run.report_every=1",
                               "--set",     "checkpoint.every=40",
                               NULL};
    s->launcher = start_list(&s->scratch, "ringtorch", arguments);
    s->started = true;
    s->legs++;
}

bool subject_lives(const subject *s)
{
    siginfo_t info = {0};
    return s->started &&
           waitid(P_PID, (id_t)s->launcher.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

result subject_finish(subject *s, double seconds)
{
    s->started = false;
    return finish(s->launcher, seconds);
}

int subject_tool(subject *s, const char *const *arguments)
{
    result r = run_list(&s->scratch, 90, "ringtorch", arguments);
    int code = r.exit_code;
    if (s->wishes.verbose && code != 0)
        fprintf(stderr, "chaos: ringtorch %s: exit code %d: %s", arguments[0], code, r.err);
    result_release(&r);
    return code;
}

/* ---- processes ---- */

typedef struct search {
    victim *found;
    int count, most;
    int generation; /* the newest so far */
} search;

static bool take_worker(const process *p, void *context)
{
    search *x = context;
    if (p->rank < 0 || p->generation < x->generation || p->state == 'Z')
        return true;
    if (p->generation > x->generation) {
        victims_release(x->found, x->count);
        x->count = 0;
        x->generation = p->generation;
    }
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (fd >= 0 && x->count < x->most)
        x->found[x->count++] = (victim){p->pid, fd, p->rank, p->generation};
    else if (fd >= 0)
        close(fd);
    return true;
}

static void sort_by_rank(victim *v, int count)
{
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && v[j].rank < v[j - 1].rank; j--) {
            victim swap = v[j];
            v[j] = v[j - 1];
            v[j - 1] = swap;
        }
}

int subject_workers(subject *s, victim v[VICTIMS_MAX], double seconds)
{
    search x = {.found = v, .most = VICTIMS_MAX, .generation = -1};
    for (double end = rt_clock() + seconds;; rt_clock_sleep(0.001)) {
        each_process(&s->scratch, "ringtorch-worker", take_worker, &x);
        if (x.count > 0 || rt_clock() > end)
            break;
    }
    sort_by_rank(v, x.count);
    return x.count;
}

static bool take_first(const process *p, void *context)
{
    search *x = context;
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (fd >= 0)
        x->found[x->count++] = (victim){p->pid, fd, p->rank, p->generation};
    return x->count == 0;
}

bool subject_process(subject *s, const char *program, victim *v, double seconds)
{
    search x = {.found = v};
    for (double end = rt_clock() + seconds;; rt_clock_sleep(0.001)) {
        each_process(&s->scratch, program, take_first, &x);
        if (x.count > 0 || rt_clock() > end)
            return x.count > 0;
    }
}

void victim_signal(const victim *v, int signal)
{
    syscall(SYS_pidfd_send_signal, v->fd, signal, NULL, 0);
}

bool victim_await_end(const victim *v, double seconds)
{
    struct pollfd p = {.fd = v->fd, .events = POLLIN};
    return poll(&p, 1, (int)(seconds * 1000)) == 1;
}

void victims_release(victim *v, int count)
{
    for (int i = 0; i < count; i++)
        close(v[i].fd);
}

/* ---- debugging ---- */

static bool describe_process(const process *p, void *context)
{
    (void)context;
    char path[64], wait[64] = "";
    snprintf(path, sizeof path, "/proc/%d/wchan", (int)p->pid);
    FILE *f = fopen(path, "re");
    if (f) {
        wait[fread(wait, 1, sizeof wait - 1, f)] = 0;
        fclose(f);
    }
    fprintf(stderr, "  process %d (parent %d) %s, rank %d of generation %d, state %c, in %s\n",
            (int)p->pid, (int)p->parent, p->program, p->rank, p->generation, p->state, wait);
    return true;
}

void subject_describe(subject *s)
{
    size_t count = records_events(&s->records);
    fprintf(stderr, "  newest step in metrics: %lld; last events:\n",
            (long long)s->records.newest_step);
    for (size_t i = count > 8 ? count - 8 : 0; i < count; i++) {
        char *text = rt_json_text(json_array_get(s->records.events, i));
        fprintf(stderr, "  %s\n", text ? text : "");
        rt_mem_free(text);
    }
    each_process(&s->scratch, NULL, describe_process, NULL);
}
