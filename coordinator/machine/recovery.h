/* Measures the parts of a recovery, from the first sign of a loss to the first step after it. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_RECOVERY_H
#define RINGTORCH_COORDINATOR_MACHINE_RECOVERY_H

#include "coordinator/machine/state.h"

/* Notes the times of a loss, as seen by the launcher and by us. */
void rt__run_begin_recovery(rt__run *r, double now, const rt_msg_exited *m);
/* Ends the recovery, if one is under way, because steps are made again. `m`: the first report after the loss; NULL: there was none. */
void rt__run_end_recovery(rt__run *r, double now, const rt_msg_report *m);

#endif
