/* The checks of this machine: processors, memory, limits, disk, and what dead runs have left. Each reports what it has found.
 *
 *     rt__check_processors(&d);
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_MACHINE_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_MACHINE_H

#include "launch/doctor/doctor_report.h"

void rt__check_processors(rt__doctor *d);
void rt__check_memory(rt__doctor *d);
void rt__check_shared_memory(rt__doctor *d);
/* Returns what to think of so many free bytes of shared memory. */
rt__verdict rt__judge_shared(double free);
void rt__check_limits(rt__doctor *d);
void rt__check_temporary(rt__doctor *d);
void rt__check_disk(rt__doctor *d);
void rt__check_remains(rt__doctor *d);

#endif
