/* Which faults happen, and when: faults are injected one after the other up to the scenario's number; after that nothing goes wrong, and
 * the run must come to its end.
 *
 *     sim_faults_begin(&world);                 // plans the first fault
 *     ... world.faults.happened ...
 *
 * Each kind is one row: its name, how often it is chosen among the others, and what it does. */
#ifndef RINGTORCH_TESTS_SIM_FAULTS_H
#define RINGTORCH_TESTS_SIM_FAULTS_H

#include "tests/sim/events.h"

/* FAULT(constant, function in faults.c, weight, what happens) */
#define SIM_FAULT_LIST(FAULT)                                                                      \
    FAULT(KILL_RANK, kill_rank, 10, "a worker is killed")                                          \
    FAULT(KILL_SEVERAL, kill_several, 4, "several workers are killed at once")                     \
    FAULT(KILL_ALL, kill_all, 2, "all workers are killed")                                         \
    FAULT(KILL_TOGETHER, kill_together, 4, "the coordinator and all workers are killed at once")   \
    FAULT(KILL_MPIRUN, kill_mpirun, 3, "mpirun is killed")                                         \
    FAULT(KILL_COORDINATOR, kill_coordinator, 6, "the coordinator is killed")                      \
    FAULT(KILL_INSIDE, kill_inside, 6, "the coordinator is killed between two of its effects")     \
    FAULT(KILL_LAUNCHER, kill_launcher, 1, "the launcher is killed; the user resumes")             \
    FAULT(EXIT_RANK, exit_rank, 2, "a worker leaves with an error of its own")                     \
    FAULT(STOP_RANK, stop_rank, 3, "a worker is stopped (SIGSTOP) for a while")                    \
    FAULT(STOP_COORDINATOR, stop_coordinator, 2, "the coordinator is stopped for a while")         \
    FAULT(STOP_MPIRUN, stop_mpirun, 1, "mpirun is stopped for a while")                            \
    FAULT(SLOW_RANK, slow_rank, 2, "a worker becomes slower")                                      \
    FAULT(SLOW_NETWORK, slow_network, 2, "messages take long")                                     \
    FAULT(CUT_HOSTS, cut_hosts, 3, "hosts are cut off from the others")                            \
    FAULT(LOSE_HOST, lose_host, 1, "a host goes down with all that is on it")                      \
    FAULT(SLOW_DISK, slow_disk, 2, "the disk is slow")                                             \
    FAULT(FULL_DISK, full_disk, 1, "the disk is full")                                             \
    FAULT(ROT, rot, 1, "a committed checkpoint is altered on disk")                                \
    FAULT(NOT_FINITE, not_finite, 1, "a step's loss is not finite, by accident")                   \
    FAULT(FLIP, flip, 1, "a bit of one worker's parameters flips")                                 \
    FAULT(TERM_RANK, term_rank, 2,                                                                 \
          "a worker is told to leave (SIGTERM), and killed half a minute later")                   \
    FAULT(INTERRUPT, interrupt, 1, "the user interrupts, and resumes later")                       \
    FAULT(SCALE, scale, 2, "the user wants another number of workers")                             \
    FAULT(HOSTS, change_hosts, 2, "the host file changes")                                         \
    FAULT(CHECKPOINT_NOW, checkpoint_now, 2, "the user wants a checkpoint now")                    \
    FAULT(STATUS, ask_status, 1, "the user asks how the run is doing")

typedef enum sim_fault {
#define FAULT(constant, function, weight, text) SIM_##constant,
    SIM_FAULT_LIST(FAULT)
#undef FAULT
        SIM_FAULTS
} sim_fault;

typedef struct sim_faults {
    sim_dice dice; /* decides what, when and whom; separate from the world's */
    int64_t happened;
    int64_t of_kind[SIM_FAULTS];
    sim_time calm_since; /* when the last one is over */
} sim_faults;

void sim_faults_begin(sim_world *w);
/* Returns "a worker is killed". */
const char *sim_fault_text(sim_fault f);

#endif
