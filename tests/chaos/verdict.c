/* What must hold at the end. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"

/* ---- weights ---- */

static void judge_result(chaos *c, const outcome *o)
{
    if (o->exit_code != 0)
        chaos_fail(c, NULL, "the run ended with exit code %d", o->exit_code);
    if (strcmp(o->weights, o->undisturbed) != 0)
        chaos_fail(c, NULL, "weights_sha256 is %s; undisturbed, with %lld workers: %s", o->weights,
                   (long long)c->plan.other_workers, o->undisturbed);
    const char *verify[] = {"checkpoint", "verify", c->run.run_dir, NULL};
    int code = subject_tool(&c->run, verify);
    if (code != 0)
        chaos_fail(c, NULL, "ringtorch checkpoint verify: exit code %d", code);
}

/* ---- metrics ---- */

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Returns whether a line has only what an evaluation gave: it was made anew after its report had been lost. */
static bool lacks_report(const metric *m)
{
    return isnan(m->loss) && isnan(m->lr) && isnan(m->grad_norm);
}

/* Every value of every line must equal that of the undisturbed run for the same step. So two lines of a step that was made twice agree,
 * too. */
static void compare_metrics(chaos *c, const outcome *o, bool *seen)
{
    const records *r = &c->run.records, *q = &o->reference;
    int64_t wrong = 0;
    for (size_t i = 0; i < r->metrics_count; i++) {
        const metric *m = &r->metrics[i];
        if (m->step < 1 || m->step > o->steps || (size_t)m->step > q->metrics_count) {
            wrong++;
            continue;
        }
        if (lacks_report(m))
            continue;
        seen[m->step] = true;
        const metric *expected = &q->metrics[m->step - 1];
        bool equal = same(m->loss, expected->loss) && same(m->lr, expected->lr) &&
                     same(m->grad_norm, expected->grad_norm);
        if (!equal && wrong++ == 0)
            chaos_fail(c, NULL,
                       "metrics.jsonl, step %lld in generation %lld: loss %.17g, gradient %.17g; "
                       "undisturbed: %.17g, %.17g",
                       (long long)m->step, (long long)m->generation, m->loss, m->grad_norm,
                       expected->loss, expected->grad_norm);
    }
    if (wrong > 1)
        chaos_fail(c, NULL, "metrics.jsonl: %lld lines differ from the undisturbed run's",
                   (long long)wrong);
}

/* Returns whether a generation started from that step. */
static bool is_start(const records *r, int64_t step)
{
    size_t at = 0;
    for (json_t *e; (e = find_event(r, at, "running", &at)); at++)
        if (event_int(e, "start_step", -1) == step)
            return true;
    return false;
}

/* If a process dies after leaving a state and before sending its report, that report is missing. It is that of the step that the next
 * generation starts from. If the coordinator was away, some lines just before it may be missing, too. No other line may be. */
static void judge_metrics(chaos *c, outcome *o)
{
    bool *seen = rt_calloc((size_t)o->steps + 2, sizeof *seen);
    RT_ASSERT(seen);
    if ((int64_t)o->reference.metrics_count != o->steps)
        chaos_fail(c, NULL, "the undisturbed run has %zu lines of metrics for %lld steps",
                   o->reference.metrics_count, (long long)o->steps);
    compare_metrics(c, o, seen);
    for (int64_t step = 1, first = 0; step <= o->steps; step++) {
        if (seen[step]) {
            first = 0;
            continue;
        }
        first = first ? first : step;
        o->reports_lost++;
        bool last_of_gap = step == o->steps || seen[step + 1];
        if (last_of_gap && !is_start(&c->run.records, step))
            chaos_fail(
                c, NULL,
                "metrics.jsonl: the reports of steps %lld to %lld are missing, and no generation "
                "started from the last of them",
                (long long)first, (long long)step);
    }
    if (c->run.records.torn)
        chaos_fail(c, NULL, "%lld lines of events.jsonl and metrics.jsonl are not whole",
                   (long long)c->run.records.torn);
    rt_mem_free(seen);
}

/* ---- lost steps ---- */

/* With snapshots, at most the step in flight is lost. A generation that left none (an event tells why) is replaced from a checkpoint. */
static void judge_lost_steps(chaos *c, outcome *o)
{
    int64_t ran = -1, troubled = -1; /* the last generations that made steps, and had trouble */
    bool without = false;            /* the one that last made steps left no snapshots */
    size_t i;
    json_t *event;
    json_array_foreach(c->run.records.events, i, event)
    {
        int64_t generation = event_int(event, "generation", -1);
        if (strcmp(event_name(event), "snapshot_trouble") == 0) {
            troubled = generation;
            without = without || generation == ran;
        }
        if (strcmp(event_name(event), "running") != 0)
            continue;
        int64_t lost = event_int(event, "lost_steps", 0);
        bool from_snapshots = !without;
        ran = generation;
        without = troubled == generation;
        if (!from_snapshots)
            continue;
        if (lost > o->lost_steps_most)
            o->lost_steps_most = lost;
        if (lost > 1)
            chaos_fail(c, NULL,
                       "generation %lld starts from step %lld (%s) and has lost %lld steps",
                       (long long)generation, (long long)event_int(event, "start_step", -1),
                       event_string(event, "source"), (long long)lost);
    }
}

/* ---- what is left ---- */

static void expect_none(chaos *c, const char *folder, const char *start)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strncmp(e->d_name, start, strlen(start)) == 0)
            chaos_fail(c, NULL, "left over: %s/%s", folder, e->d_name);
    if (d)
        closedir(d);
}

static void judge_leftovers(chaos *c, const outcome *o)
{
    char path[512], name[96];
    if (o->outlived)
        chaos_fail(c, NULL, "%lld processes are alive 5 s after the end", (long long)o->outlived);
    json_t *summary = NULL;
    snprintf(path, sizeof path, "%s/summary.json", c->run.run_dir);
    if (rt_json_load(path, 1 << 20, &summary) == RT_OK) {
        snprintf(name, sizeof name, "ringtorch-%s", event_string(summary, "run"));
        expect_none(c, "/dev/shm", name);
        expect_none(c, "/tmp", name);
    }
    rt_error_clear();
    json_decref(summary);
    if (c->run.wishes.own_disks)
        expect_none(c, "/dev/shm", ""); /* nobody else uses this one */
    snprintf(path, sizeof path, "%s/tmp", c->run.scratch.path);
    expect_none(c, path, "");
    snprintf(path, sizeof path, "%s/checkpoints", c->run.run_dir);
    expect_none(c, path, ".step-");
    expect_none(c, c->run.run_dir, "control.json");
}

void judge(chaos *c, outcome *o)
{
    records_read(&c->run.records);
    records_read(&o->reference);
    judge_result(c, o);
    judge_metrics(c, o);
    judge_lost_steps(c, o);
    judge_leftovers(c, o);
}
