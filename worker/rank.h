/* The rank process: environment, log, threads, and one session.
 *
 *     return rt__rank_main();      // all that `ringtorch-worker` without arguments does
 *
 * It is started by mpirun and reads RINGTORCH_ENDPOINT, RINGTORCH_KEYS, RINGTORCH_RUN,
 * RINGTORCH_GENERATION and RINGTORCH_RUN_DIR, which the launcher sets, and the resolved config.yaml
 * in the run directory. Three threads work for it: this one computes, another is the only one to
 * call MPI, a third the only one to talk to the coordinator. */
#ifndef RINGTORCH_WORKER_RANK_H
#define RINGTORCH_WORKER_RANK_H

/* Returns the exit code: 0 done, 1 failed, 2 wrong configuration, data or use. */
int rt__rank_main(void);

#endif
