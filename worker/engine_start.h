/* Starting the engine as a configuration asks for. */
#ifndef RINGTORCH_WORKER_ENGINE_START_H
#define RINGTORCH_WORKER_ENGINE_START_H

#include "common/config.h"

/* Calls rt_init with the configured seed, threads, instruction set and BLAS, for the calling
 * thread. */
rt_status rt__engine_start(const rt_config *cfg);

#endif
