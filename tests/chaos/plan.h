/* Which faults are injected, when, and into what: all of it follows from the seed.
 *
 *     plan p;
 *     plan_make(&p, &(plan_wishes){.seed = 7, .count = 20, .kinds = ~0u, .least = 1, .most = 6});
 *     for (int i = 0; i < p.count; i++)
 *         printf("%s %s\n", kind_name(p.faults[i].kind), moment_name(p.faults[i].moment));
 *     plan_release(&p);
 *
 * What a fault hits also depends on the machine, so the same seed gives the same faults in the same order, but not at the same
 * microseconds. */
#ifndef RINGTORCH_TESTS_CHAOS_PLAN_H
#define RINGTORCH_TESTS_CHAOS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

typedef enum kind {
#define KIND(constant, name, weight, moments, help) constant,
#include "kinds.def"
    KINDS
} kind;

typedef enum moment {
    IN_STEPS,      /* while steps are made */
    AT_START,      /* a generation starts: a process of it exists, no worker has sent HELLO */
    IN_CHECKPOINT, /* pieces are being written */
    IN_COMMIT,     /* all pieces are written, and the manifest is being written */
    AT_RECOVERY,   /* 0 to 300 ms after the previous fault */
} moment;

typedef struct fault {
    kind kind;
    moment moment;
    int64_t gap;    /* lines of metrics between the recovery from the previous fault and this one */
    double delay;   /* seconds after the moment */
    double seconds; /* how long the fault lasts, if it lasts */
    uint64_t draw;  /* decides what it hits, or what size it asks for */
} fault;

typedef struct plan_wishes {
    uint64_t seed;
    int count;
    unsigned kinds;      /* bit k: kind k may be drawn */
    int64_t least, most; /* workers */
} plan_wishes;

typedef struct plan {
    fault *faults; /* [count] */
    int count;
    int64_t workers;       /* of the first start */
    int64_t other_workers; /* of the undisturbed run: another size */
} plan;

/* Every kind in `kinds` is used once, in random order, before kinds are drawn by weight. */
void plan_make(plan *p, const plan_wishes *wishes);
void plan_release(plan *p);

const char *kind_name(kind k);
const char *kind_help(kind k);
const char *moment_name(moment m);
/* Returns the kind of that name, or KINDS if there is none. */
kind kind_find(const char *name);
/* Returns whether it needs file systems of our own, which only root may mount. */
bool kind_needs_disks(kind k);
/* Returns a size in [least, most], different from `now` if possible. */
int64_t pick_size(uint64_t draw, int64_t least, int64_t most, int64_t now);

#endif
