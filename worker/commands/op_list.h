/* ringtorch op --list: every operation with its help, its tensors and its other arguments. */
#ifndef RINGTORCH_WORKER_COMMANDS_OP_LIST_H
#define RINGTORCH_WORKER_COMMANDS_OP_LIST_H

#include <ringtorch/status.h>

/* Prints them to standard output; if `json`, as one array of the results of rt__op_schema. */
rt_status rt__op_list(bool json);

#endif
