/* The check of the hosts in a host file: whether commands can be run there, and how far their clocks are off.
 *
 * A clock is read with `date +%s.%N` over the remote shell, at some moment between request and answer. We assume the
 * middle, so the difference may be wrong by half of that time.
 *
 *     rt__check_hosts(&d);
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_HOSTS_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_HOSTS_H

#include "launch/doctor/doctor_report.h"

void rt__check_hosts(rt__doctor *d);

#endif
