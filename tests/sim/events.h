/* Future events, in order of virtual time.
 *
 *     sim_events q = {0};
 *     sim_events_add(&q, &(sim_event){.at = 5 * SIM_SECOND, .what = step_done, .who = pid});
 *     sim_event next;
 *     while (sim_events_take(&q, &next)) ...           // earliest first; at the same time, in order of adding
 *     sim_events_release(&q);
 *
 * An event is something that a process does. If the process has died in the meantime, the event does not happen; if the process is stopped
 * (SIGSTOP), it happens when the process continues. */
#ifndef RINGTORCH_TESTS_SIM_EVENTS_H
#define RINGTORCH_TESTS_SIM_EVENTS_H

#include "tests/sim/dice.h"

typedef struct sim_world sim_world;

/* Names a process: rank >= 0 is a worker of that generation, the negative ones are below. */
typedef struct sim_pid {
    int32_t generation, rank;
} sim_pid;
enum {
    SIM_MPIRUN = -1,      /* of that generation */
    SIM_LAUNCHER = -2,    /* generation 0, as for all below */
    SIM_COORDINATOR = -3, /* the process that runs coordinator/machine/state.h */
    SIM_TOOL = -4,        /* the user's `ringtorch scale` and the like */
    SIM_NATURE = -5,      /* not a process: nobody can kill or stop it */
};

/* Packs a name into an argument of an event. */
static inline int64_t sim_pack(sim_pid p)
{
    return (int64_t)((uint64_t)(uint32_t)p.generation << 32 | (uint32_t)p.rank);
}
static inline sim_pid sim_unpack(int64_t packed)
{
    return (sim_pid){(int32_t)(packed >> 32), (int32_t)packed};
}

/* Carries out an event, with the `arg` that it was planned with. */
typedef void sim_action(sim_world *w, sim_pid who, int64_t arg);

typedef struct sim_event {
    sim_time at;
    uint64_t number; /* in order of adding */
    sim_action *what;
    sim_pid who;
    /* of `who` when the event was planned: it must not happen to a process started later in its place */
    uint32_t life;
    int64_t arg;
} sim_event;

typedef struct sim_events {
    sim_event *heap;
    int64_t count, room;
    uint64_t made;
} sim_events;

/* Adds a copy; its number is filled in. */
void sim_events_add(sim_events *q, const sim_event *e);
/* Takes the next event out. Returns false if there is none. */
bool sim_events_take(sim_events *q, sim_event *out);
void sim_events_release(sim_events *q);

#endif
