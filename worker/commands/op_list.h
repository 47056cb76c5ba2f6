/* ringtorch op --list: every operation with its help, its tensors and its other arguments. */
#ifndef RINGTORCH_WORKER_COMMANDS_OP_LIST_H
#define RINGTORCH_WORKER_COMMANDS_OP_LIST_H

#include <ringtorch/status.h>

/* Prints them to standard output; json: one array of what rt__op_schema returns. */
rt_status rt__op_list(bool json);

#endif
