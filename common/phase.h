/* What a worker can be doing, by name and by the number that PROGRESS carries.
 *
 *     printf("rank %d: %s\n", rank, rt_phase_name(m->phase));       // "forward"
 */
#ifndef RINGTORCH_COMMON_PHASE_H
#define RINGTORCH_COMMON_PHASE_H

#include <stdint.h>

/* PHASE(constant, name). Numbers are on the wire: append only. */
#define RT_PHASE_LIST(PHASE)                                                                       \
    PHASE(START, "start")                                                                          \
    PHASE(RESTORE, "restore")                                                                      \
    PHASE(LOAD, "load")                                                                            \
    PHASE(FORWARD, "forward")                                                                      \
    PHASE(BACKWARD, "backward")                                                                    \
    PHASE(REDUCE, "reduce")                                                                        \
    PHASE(UPDATE, "update")                                                                        \
    PHASE(GATHER, "gather")                                                                        \
    PHASE(CHECKPOINT, "checkpoint")                                                                \
    PHASE(EVALUATE, "evaluate")                                                                    \
    PHASE(FINISH, "finish")                                                                        \
    PHASE(SNAPSHOT, "snapshot")

typedef enum rt_phase {
#define PHASE(constant, name) RT_PHASE_##constant,
    RT_PHASE_LIST(PHASE)
#undef PHASE
        RT_PHASES /* how many there are */
} rt_phase;

/* Returns "forward"; "?" for a number that is no phase. */
const char *rt_phase_name(int64_t phase);
/* Returns the phase of that name, RT_PHASES if there is none. */
rt_phase rt_phase_of_name(const char *name);

#endif
