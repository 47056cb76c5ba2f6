/* The checks of programs: the engine, what starts jobs, and whether ranks start. Each reports what it has found.
 *
 *     rt__check_engine(&d);
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_PROGRAMS_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_PROGRAMS_H

#include "launch/doctor/doctor_report.h"

void rt__check_engine(rt__doctor *d);
void rt__check_jobs(rt__doctor *d);
void rt__check_ranks(rt__doctor *d);

#endif
