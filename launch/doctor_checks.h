/* The checks of the doctor. Each says what it has found; one that fails says what to do.
 *
 *     void rt__check_disk(rt__doctor *d)
 *     {
 *         if (failed)
 *             rt__doctor_say(d, RT__PROBLEM, "disk", "choose another directory", "%s: %s", dir, why);
 *         else
 *             rt__doctor_say(d, RT__FINE, "disk", NULL, "64 MiB in %.2f s", seconds);
 *     }
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_CHECKS_H
#define RINGTORCH_LAUNCH_DOCTOR_CHECKS_H

#include <stdbool.h>
#include "common/json.h"
#include "launch/hosts.h"

typedef enum rt__verdict { RT__FINE, RT__WARNING, RT__PROBLEM } rt__verdict;

typedef struct rt__doctor {
    const char *hostfile; /* NULL: only this host */
    rt__host_list hosts;  /* of it, those that answer; set by rt__check_hosts */
    bool json, color;
    json_t *checks; /* of --json */
    int count[3];   /* findings, by verdict */
} rt__doctor;

/* check: a word or two; advice: what to do, NULL where nothing is to be done. */
__attribute__((format(printf, 5, 6))) void rt__doctor_say(rt__doctor *d, rt__verdict verdict,
                                                          const char *check, const char *advice,
                                                          const char *fmt, ...);
/* Says that the error in the slot is a problem, and clears it. */
void rt__doctor_fail(rt__doctor *d, const char *check, const char *advice);

/* doctor_machine.c */
void rt__check_processors(rt__doctor *d);
void rt__check_memory(rt__doctor *d);
void rt__check_shared_memory(rt__doctor *d);
void rt__check_limits(rt__doctor *d);
void rt__check_temporary(rt__doctor *d);
void rt__check_disk(rt__doctor *d);
void rt__check_remains(rt__doctor *d);

/* doctor_programs.c */
void rt__check_engine(rt__doctor *d);
void rt__check_mpi(rt__doctor *d);

/* doctor_network.c */
void rt__check_wire(rt__doctor *d);

/* doctor_hosts.c */
void rt__check_hosts(rt__doctor *d);

#endif
