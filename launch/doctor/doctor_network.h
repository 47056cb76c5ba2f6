/* The check of the control plane: messages over loopback and their encryption.
 *
 *     rt__check_wire(&d);
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_NETWORK_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_NETWORK_H

#include "launch/doctor/doctor_report.h"

void rt__check_wire(rt__doctor *d);

#endif
