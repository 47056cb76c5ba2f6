/* The phases of a worker's step: their names and the numbers that PROGRESS carries.
 *
 *     printf("rank %d: %s\n", rank, rt_phase_name(m->phase));       // "forward"
 */
#ifndef RINGTORCH_COMMON_BASE_PHASE_H
#define RINGTORCH_COMMON_BASE_PHASE_H

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

/* What PROGRESS reports before the worker can send HELLO; the words follow "is". */
#define RT_WHAT_OPENING   "opening the data set"
#define RT_WHAT_COMPILING "compiling kernels"
#define RT_WHAT_MPI_INIT  "in MPI_Init"

/* Returns the name, "forward", or "?" if the number is not a phase. */
const char *rt_phase_name(int64_t phase);

#endif
