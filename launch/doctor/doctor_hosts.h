/* The check of the hosts in a host file: asks them as a run does before it starts (launch/jobs/preflight.h), and reports what each
 * has answered.
 *
 * A host reads its clock at some moment between request and answer. We assume the middle, so the difference may be wrong by
 * half of that time.
 *
 *     rt__check_hosts(&d);
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_HOSTS_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_HOSTS_H

#include "launch/doctor/doctor_report.h"

void rt__check_hosts(rt__doctor *d);

#endif
