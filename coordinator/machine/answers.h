/* Answers to tools, also to those that wait for a checkpoint. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_ANSWERS_H
#define RINGTORCH_COORDINATOR_MACHINE_ANSWERS_H

#include "coordinator/machine/state.h"

__attribute__((format(printf, 3, 4))) void rt__run_accept(rt__run *r, const char *peer,
                                                          const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void rt__run_refuse(rt__run *r, const char *peer,
                                                          rt_status code, const char *fmt, ...);
/* Answers the tools that wait for a checkpoint up to `step`, which was committed (text: its path) or failed (text: why). */
void rt__run_answer_waiting_tools(rt__run *r, int64_t step, bool committed, const char *text);

#endif
