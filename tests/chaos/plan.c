#include "plan.h"

#include <string.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "tests/unit/common/random.h"

enum { STARTS = 1, SAVES = 2, AGAIN = 4, EVER = 7 };

static const struct {
    const char *name, *help;
    int weight, moments;
} kinds[] = {
#define KIND(constant, name, weight, moments, help) {name, help, weight, moments},
#include "kinds.def"
};

const char *kind_name(kind k)
{
    return kinds[k].name;
}

const char *kind_help(kind k)
{
    return kinds[k].help;
}

kind kind_find(const char *name)
{
    int k = 0;
    while (k < KINDS && strcmp(kinds[k].name, name) != 0)
        k++;
    return (kind)k;
}

bool kind_needs_disks(kind k)
{
    return k == FULL_MEMORY || k == FULL_DISK;
}

const char *moment_name(moment m)
{
    static const char *const names[] = {"in a step", "at a start", "in a checkpoint", "in a commit",
                                        "in a recovery"};
    return names[m];
}

int64_t pick_size(uint64_t draw, int64_t least, int64_t most, int64_t now)
{
    bool inside = now >= least && now <= most;
    int64_t others = most - least + (inside ? 0 : 1);
    if (others < 1)
        return least;
    int64_t size = least + (int64_t)(draw % (uint64_t)others);
    return inside && size >= now ? size + 1 : size;
}

/* ---- drawing ---- */

static kind draw_kind(uint64_t *rng, unsigned allowed)
{
    int64_t total = 0;
    for (int k = 0; k < KINDS; k++)
        if (allowed >> k & 1)
            total += kinds[k].weight;
    int64_t ticket = random_below(rng, total);
    int k = 0;
    while (!(allowed >> k & 1) || (ticket -= kinds[k].weight) >= 0)
        k++;
    return (kind)k;
}

/* Does a generation or a coordinator start after this fault, so that the next fault may hit that? */
static bool starts_something(const fault *f, const plan_wishes *w)
{
    return f->kind <= KILL_COORDINATOR || f->kind == END_WORKER ||
           (f->kind == SCALE && w->least < w->most);
}

static moment draw_moment(uint64_t *rng, kind k, const fault *before, const plan_wishes *w)
{
    static const moment choices[] = {AT_START, IN_CHECKPOINT, IN_COMMIT, AT_RECOVERY};
    static const int needs[] = {STARTS, SAVES, SAVES, AGAIN};
    int64_t choice = random_below(rng, 8); /* in half of the cases: somewhere in a step */
    if (choice >= 4 || !(kinds[k].moments & needs[choice]))
        return IN_STEPS;
    moment m = choices[choice];
    bool follows = m == AT_START || m == AT_RECOVERY;
    if (!follows)
        return m;
    if (!before) /* the very first start counts, too */
        return m == AT_START ? m : IN_STEPS;
    bool new_job = before->kind != KILL_COORDINATOR;
    return starts_something(before, w) && (m == AT_RECOVERY || new_job) ? m : IN_STEPS;
}

static double draw_seconds(uint64_t *rng, kind k)
{
    double x = (double)random_below(rng, 1001) / 1000;
    switch (k) {
    case PAUSE_WORKER:
        return 1 + x;
    case PAUSE_COORDINATOR:
        return 1 + 7 * x;
    case PAUSE_MPIRUN:
    case LOAD:
        return 2 + 2 * x;
    default:
        return 0;
    }
}

static double draw_delay(uint64_t *rng, moment m)
{
    double x = (double)random_below(rng, 1001) / 1000;
    switch (m) {
    case AT_RECOVERY:
        return 0.3 * x;
    case AT_START:
        return 0.1 * x;
    case IN_STEPS:
        return 0.05 * x; /* anywhere in a step */
    default:
        return 0;
    }
}

static void shuffle(uint64_t *rng, kind *list, int count)
{
    for (int i = count - 1; i > 0; i--) {
        int j = (int)random_below(rng, i + 1);
        kind k = list[i];
        list[i] = list[j];
        list[j] = k;
    }
}

void plan_make(plan *p, const plan_wishes *w)
{
    uint64_t rng = w->seed;
    kind first[KINDS];
    int each = 0;
    for (int k = 0; k < KINDS; k++)
        if (w->kinds >> k & 1)
            first[each++] = (kind)k;
    shuffle(&rng, first, each);
    *p = (plan){.faults = rt_calloc((size_t)w->count, sizeof(fault)), .count = w->count};
    RT_ASSERT(p->faults);
    p->workers = pick_size(random_bits(&rng), w->least, w->most, 0);
    p->other_workers = pick_size(random_bits(&rng), w->least, w->most, p->workers);
    for (int i = 0; i < p->count; i++) {
        fault *f = &p->faults[i];
        f->kind = i < each ? first[i] : draw_kind(&rng, w->kinds);
        f->moment = draw_moment(&rng, f->kind, i > 0 ? f - 1 : NULL, w);
        f->gap = 5 + random_below(&rng, 55);
        f->delay = draw_delay(&rng, f->moment);
        f->seconds = draw_seconds(&rng, f->kind);
        f->draw = random_bits(&rng);
    }
}

void plan_release(plan *p)
{
    rt_mem_free(p->faults);
    *p = (plan){0};
}
