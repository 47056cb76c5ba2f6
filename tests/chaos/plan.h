/* Which faults come, when, and to whom: all of it follows from the seed.
 *
 *     plan p;
 *     plan_make(&p, &(plan_wishes){.seed = 7, .count = 20, .kinds = ~0u, .least = 1, .most = 6});
 *     for (int i = 0; i < p.count; i++)
 *         printf("%s %s\n", kind_name(p.faults[i].kind), moment_name(p.faults[i].moment));
 *     plan_release(&p);
 *
 * What a fault meets depends on the machine as well, so the same seed gives the same faults in the
 * same order, not the same microseconds. */
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
    AT_START,      /* a generation starts: a process of it exists, no worker has said HELLO */
    IN_CHECKPOINT, /* pieces are being written */
    IN_COMMIT,     /* all pieces are there, the manifest is being written */
    AT_RECOVERY,   /* 0 to 300 ms after the fault before */
} moment;

typedef struct fault {
    kind kind;
    moment moment;
    int64_t gap;    /* lines of metrics between the recovery from the fault before and this one */
    double delay;   /* seconds after the moment has come */
    double seconds; /* how long it lasts, if it does */
    uint64_t draw;  /* whom it hits, or what size it asks for */
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

/* Every kind asked for comes once, in random order, before kinds are drawn by weight. */
void plan_make(plan *p, const plan_wishes *wishes);
void plan_release(plan *p);

const char *kind_name(kind k);
const char *kind_help(kind k);
const char *moment_name(moment m);
/* Returns the kind of that name, or KINDS. */
kind kind_find(const char *name);
/* Returns whether it needs file systems of our own, which only root may mount. */
bool kind_needs_disks(kind k);
/* Returns a size in [least, most], another than `now` where there is one. */
int64_t pick_size(uint64_t draw, int64_t least, int64_t most, int64_t now);

#endif
