/* Injects each kind of fault. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos.h"
#include "common/base/clock.h"
#include "moments.h"
#include "tests/support/child.h"
#include "tests/system/false_clock.h"
#include "tests/system/small_disk.h"
#include "tests/unit/common/random.h"

static const double PROCESS_SECONDS = 30; /* for a process to appear */
static const double MOMENT_SECONDS = 30;  /* for a checkpoint to begin */
static const double HOLD_SECONDS = 90;    /* for a stalled worker to be replaced */
static const double END_SECONDS = 90;     /* for the run to stop in an orderly way */
static const double ORPHAN_SECONDS = 5;   /* for a killed launcher's other processes to end */
enum { ROOM_LEFT = 256 << 10 };           /* on a full disk: for events, not for a checkpoint */

/* ---- victims ---- */

/* The processes to hit. Finding processes takes milliseconds, and a commit may take less, so for short moments they are found in advance. */
typedef struct target {
    victim v[VICTIMS_MAX];
    int living, count; /* the first `count` of the living are hit */
} target;

/* Moves `count` of the victims, drawn at random, to the front. */
static void draw_victims(uint64_t draw, target *t, int count)
{
    t->count = count < t->living ? count : t->living;
    for (int i = 0; i < t->count; i++) {
        int j = i + (int)random_below(&draw, t->living - i);
        victim swap = t->v[i];
        t->v[i] = t->v[j];
        t->v[j] = swap;
    }
}

static int how_many(const fault *f, int living)
{
    if (f->kind == KILL_ALL)
        return living;
    if (f->kind == KILL_SEVERAL && living > 2)
        return 2 + (int)(f->draw % (uint64_t)(living - 1));
    return f->kind == KILL_SEVERAL ? living : 1;
}

/* Returns the program that a kind hits; NULL: workers, or none. */
static const char *program_of(kind k)
{
    switch (k) {
    case KILL_MPIRUN:
    case PAUSE_MPIRUN:
        return "orterun"; /* Open MPI's name for it */
    case KILL_COORDINATOR:
    case PAUSE_COORDINATOR:
        return "ringtorch-coordinator";
    default:
        return NULL;
    }
}

static bool hits_workers(kind k)
{
    return k == KILL_WORKER || k == KILL_SEVERAL || k == KILL_ALL || k == HOLD_WORKER ||
           k == PAUSE_WORKER || k == END_WORKER || k == FULL_MEMORY;
}

static void aim(chaos *c, const injected *x, target *t)
{
    const char *program = program_of(x->fault->kind);
    *t = (target){0};
    if (program) {
        t->living = t->count = subject_process(&c->run, program, t->v, PROCESS_SECONDS);
    } else if (hits_workers(x->fault->kind)) {
        t->living = subject_workers(&c->run, t->v, PROCESS_SECONDS);
        draw_victims(x->fault->draw, t, how_many(x->fault, t->living));
    } else {
        return;
    }
    if (t->living == 0)
        chaos_fail(c, x, "no %s appeared in %.0f s", program ? program : "worker", PROCESS_SECONDS);
}

/* Sends a signal to all targets before doing anything else. */
static void hit(injected *x, const target *t, int signal)
{
    for (int i = 0; i < t->count; i++)
        victim_signal(&t->v[i], signal);
    for (int i = 0; i < t->count; i++) {
        if (t->v[i].generation > 0)
            x->generation = t->v[i].generation;
        x->hit[x->hits].rank = t->v[i].rank;
        x->hit[x->hits++].pid = t->v[i].pid;
    }
}

/* ---- the launcher ---- */

static void expect_all_gone(chaos *c, injected *x)
{
    if (!all_ended(&c->run.scratch, ORPHAN_SECONDS))
        chaos_fail(c, x, "processes outlive the launcher by %.0f s", ORPHAN_SECONDS);
}

void resume(chaos *c, int64_t workers)
{
    subject_start(&c->run, workers, 0);
}

static int64_t other_size(const chaos *c, const injected *x)
{
    const json_t *last = last_event(&c->run.records, "generation");
    return pick_size(x->fault->draw, c->least, c->most,
                     last ? event_int(last, "world_size", 0) : 0);
}

static void kill_launcher(chaos *c, injected *x)
{
    kill(c->run.launcher.pid, SIGKILL);
    result r = subject_finish(&c->run, 10);
    result_release(&r);
    expect_all_gone(c, x);
    x->size = other_size(c, x);
    resume(c, x->size);
}

static void end_launcher(chaos *c, injected *x)
{
    kill(c->run.launcher.pid, SIGTERM);
    result r = subject_finish(&c->run, END_SECONDS);
    if (r.exit_code != 128 + SIGTERM)
        chaos_fail(c, x, "exit code %d after SIGTERM, expected 143: %s", r.exit_code, r.err);
    result_release(&r);
    expect_all_gone(c, x);
    x->size = other_size(c, x);
    resume(c, x->size);
}

/* ---- stopping ---- */

static void pause_process(injected *x, const target *t)
{
    hit(x, t, SIGSTOP);
    rt_clock_sleep(x->fault->seconds);
    for (int i = 0; i < t->count; i++)
        victim_signal(&t->v[i], SIGCONT);
}

/* Stops a worker until the run kills it for that. */
static void hold_worker(chaos *c, injected *x, const target *t)
{
    hit(x, t, SIGSTOP);
    if (t->count == 0 || victim_await_end(&t->v[0], HOLD_SECONDS))
        return;
    victim_signal(&t->v[0], SIGCONT);
    chaos_fail(c, x, "worker %d (pid %d) stood still for %.0f s and was not given up", t->v[0].rank,
               (int)t->v[0].pid, HOLD_SECONDS);
}

/* ---- through the tools ---- */

static void scale(chaos *c, injected *x)
{
    char size[24];
    x->size = other_size(c, x);
    snprintf(size, sizeof size, "%lld", (long long)x->size);
    int code = subject_tool(&c->run, (const char *[]){"scale", c->run.run_dir, size, NULL});
    if (code != 0)
        chaos_fail(c, x, "ringtorch scale %s: exit code %d", size, code);
}

/* Asks for a checkpoint, and repeats that while none can be made because a generation starts. */
static int save(chaos *c, double seconds)
{
    int code;
    double end = rt_clock() + seconds;
    while ((code = subject_tool(
                &c->run, (const char *[]){"checkpoint", "now", c->run.run_dir, NULL})) != 0 &&
           rt_clock() < end)
        rt_clock_sleep(0.2);
    return code;
}

static void expect_saved(chaos *c, injected *x)
{
    int code = save(c, 20);
    if (code != 0)
        chaos_fail(c, x, "ringtorch checkpoint now: exit code %d", code);
}

/* ---- the machine ---- */

static int spin(void *argument)
{
    (void)argument;
    volatile bool go_on = true;
    while (go_on)
        ;
    return 0;
}

static void load(const injected *x)
{
    pid_t busy[256];
    long count = 4 * sysconf(_SC_NPROCESSORS_ONLN);
    if (count > 256)
        count = 256;
    for (long i = 0; i < count; i++)
        busy[i] = child_function(spin, NULL);
    rt_clock_sleep(x->fault->seconds);
    for (long i = 0; i < count; i++)
        if (busy[i] > 0) {
            kill(busy[i], SIGKILL);
            waitpid(busy[i], NULL, 0);
        }
}

/* Fills shared memory, so that the next generation finds no room for its snapshots and must go on without them. */
static void fill_memory(chaos *c, injected *x, const target *t)
{
    fill_start(c->run.memory, 0);
    hit(x, t, SIGKILL);
    if (!await_event(&c->run.records, x->since, "running", 60))
        chaos_fail(c, x, "no generation runs 60 s after a loss while shared memory is full");
    await_metrics(&c->run.records, 10, 60);
    fill_stop();
}

static void fill_disk(chaos *c, injected *x)
{
    fill_start(c->run.run_dir, ROOM_LEFT);
    int code = subject_tool(&c->run, (const char *[]){"checkpoint", "now", c->run.run_dir, NULL});
    if (code == 0)
        chaos_fail(c, x, "a checkpoint was made on a full disk");
    if (!await_event(&c->run.records, x->since, "checkpoint_failed", 30))
        chaos_fail(c, x, "no checkpoint_failed in events.jsonl on a full disk");
    fill_stop();
    expect_saved(c, x);
}

/* ---- moments ---- */

typedef struct newer {
    int64_t than;
    bool found;
} newer;

static bool is_newer(const process *p, void *context)
{
    newer *n = context;
    n->found = p->generation > n->than;
    return !n->found;
}

/* Waits for the mpirun of a generation newer than that of the previous fault. A worker that is looked for after that has sent nothing yet. */
static bool await_start(chaos *c, int64_t generation)
{
    newer n = {.than = generation};
    for (double end = rt_clock() + MOMENT_SECONDS; !n.found && rt_clock() < end;
         rt_clock_sleep(0.001))
        each_process(&c->run.scratch, NULL, is_newer, &n);
    return n.found;
}

static bool await_checkpoint(chaos *c, bool committing)
{
    checkpoint_watch w;
    bool met = checkpoint_watch_begin(&w, c->run.run_dir) &&
               checkpoint_watch_await(&w, -1, committing, MOMENT_SECONDS);
    checkpoint_watch_end(&w);
    return met;
}

static bool is_short(moment m)
{
    return m == IN_CHECKPOINT || m == IN_COMMIT;
}

static moment await_moment(chaos *c, const fault *f, const injected *before)
{
    bool met = true;
    if (f->moment == AT_START)
        met = await_start(c, before ? before->generation : 0);
    else if (is_short(f->moment))
        met = await_checkpoint(c, f->moment == IN_COMMIT);
    if (f->delay > 0)
        rt_clock_sleep(f->delay);
    return met ? f->moment : IN_STEPS;
}

/* ---- all of them ---- */

static void carry_out(chaos *c, injected *x, const target *t)
{
    switch (x->fault->kind) {
    case KILL_WORKER:
    case KILL_SEVERAL:
    case KILL_ALL:
    case KILL_MPIRUN:
    case KILL_COORDINATOR:
        hit(x, t, SIGKILL);
        break;
    case END_WORKER:
        hit(x, t, SIGTERM);
        break;
    case KILL_LAUNCHER:
        kill_launcher(c, x);
        break;
    case END_LAUNCHER:
        end_launcher(c, x);
        break;
    case HOLD_WORKER:
        hold_worker(c, x, t);
        break;
    case PAUSE_WORKER:
    case PAUSE_COORDINATOR:
    case PAUSE_MPIRUN:
        pause_process(x, t);
        break;
    case SCALE:
        scale(c, x);
        break;
    case SAVE:
        expect_saved(c, x);
        break;
    case LOAD:
        load(x);
        break;
    case CLOCK:
        false_clock_set((int64_t)(x->fault->draw % (4 * 86400)) - 2 * 86400);
        break;
    case FULL_MEMORY:
        fill_memory(c, x, t);
        break;
    case FULL_DISK:
        fill_disk(c, x);
        break;
    case KINDS:
        break;
    }
}

/* Notes the state of the run before the fault. */
static void note(chaos *c, injected *x)
{
    x->since = records_events(&c->run.records);
    x->metrics_since = c->run.records.metrics_count;
    x->step = c->run.records.newest_step;
    json_t *generation = last_event(&c->run.records, "generation");
    x->generation = generation ? event_int(generation, "generation", 0) : 0;
}

void inject(chaos *c, const fault *f, int number, const injected *before, injected *x)
{
    target t;
    bool early = is_short(f->moment);
    *x = (injected){.fault = f, .number = number, .outage = -1};
    if (early) {
        note(c, x);
        aim(c, x, &t);
    }
    x->moment = await_moment(c, f, before);
    if (!early) {
        note(c, x);
        aim(c, x, &t);
    }
    x->at = rt_clock();
    carry_out(c, x, &t);
    victims_release(t.v, t.living);
}
