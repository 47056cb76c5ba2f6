/* Starts and shuts down the engine. */
#include "common/base/error.h"
#include "worker/engine/base/debug.h"
#include "worker/engine/base/pool.h"
#include "worker/engine/base/thread.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic uint64_t init_seed;

rt_status rt_init_(rt_init_args a)
{
    const char *device = a.device ? a.device : "auto";
    if (strcmp(device, "auto") && strcmp(device, "cpu") && strcmp(device, "cpu:0"))
        return RT_FAIL(DEVICE, "init: device \"%s\" is not in this build, use \"auto\" or \"cpu\"",
                       device);
    if (a.threads != RT_AUTO && (a.threads < 1 || a.threads > INT32_MAX))
        return RT_FAIL(RANGE, "init: %lld threads, expected 1 or more, or RT_AUTO",
                       (long long)a.threads);
    RT_TRY(rt_kernels_init(a.isa, a.blas));
    if (a.threads != RT_AUTO)
        rt_kernels_set_threads((int)a.threads);
    atomic_store(&init_seed, a.seed);
    rt__streams_seek((rt_rng){.seed = a.seed});
    return RT_OK;
}

int rt_shutdown(void)
{
    int code = 0;
    rt__scopes_release(); /* with RT_DEBUG this may find objects that the program freed itself */
    if (rt_failed()) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        rt_error_clear();
        code = 1;
    }
    rt__debug_release();
    rt__streams_release();
    rt__pool_thread_release();
    rt__pool_trim();
    rt_kernels_shutdown();
    return code;
}

uint64_t rt_seed(void)
{
    return atomic_load(&init_seed);
}

const char *rt_isa(void)
{
    const rt_kernels *k = rt_kernels_cpu();
    return k ? k->isa : "none";
}

const char *rt_blas(void)
{
    const rt_kernels *k = rt_kernels_cpu();
    return k ? k->blas : "none";
}

int rt_threads(void)
{
    return rt_kernels_threads();
}
