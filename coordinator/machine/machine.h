/* The run as a state machine: (state, event, now) -> (state, effects). It opens no file or socket and reads no clock, so that the
 * same code runs in the coordinator, in tests and under a simulated clock.
 *
 *     rt__run run;
 *     rt__run_init(&run, &(rt__run_facts){.cfg = &cfg, .run_id = id, .effects = &effects, ...});
 *     rt__run_step(&run, now, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &frame});
 *     while (!rt__run_ended(&run)) ...            // feed it frames, answers and ticks
 *     rt__run_release(&run);
 *
 * Its phases are the rows of phases.def. protocol.def is the table of what it handles in which phase, and which phases may follow.
 *
 * When a coordinator dies, a new one is started with the history that the journal yields. If the launcher reports that the job of
 * the last generation is alive, the new coordinator gathers that generation: its workers send HELLO again in the middle of their
 * work, and those that have no plan yet receive the one in the journal.
 *
 * Time is in seconds since the user typed the command. rt__run_step calls effects in order; they must not call back. Their results
 * arrive as later events. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_MACHINE_H
#define RINGTORCH_COORDINATOR_MACHINE_MACHINE_H

#include "coordinator/machine/state.h"

enum { RT__TICK_MOST = 1 };

/* Takes over facts->history. */
void rt__run_init(rt__run *r, const rt__run_facts *facts);
void rt__run_release(rt__run *r);
/* Handles one event. Never fails: a failure becomes part of the state. */
void rt__run_step(rt__run *r, double now, const rt__event *e);

/* A row of protocol.def. */
typedef struct rt__rule {
    rt__input_kind input;
    uint32_t phases;
    rt__handler *handler; /* NULL: ignored */
    uint32_t next;        /* phases that the handler may enter */
    const char *text;
} rt__rule;

/* Returns the rows, *count of them, in the order of protocol.def. */
const rt__rule *rt__run_rules(int *count);

#endif
