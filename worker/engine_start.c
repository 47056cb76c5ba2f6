#include "worker/engine_start.h"

#include <ringtorch/base.h>

rt_status rt__engine_start(const rt_config *cfg)
{
    const char *isa = rt_config_choice(cfg, "parallel.isa");
    const char *blas = rt_config_choice(cfg, "parallel.blas");
    return rt_init("cpu", .seed = (uint64_t)cfg->run.seed, .threads = (int)cfg->parallel.threads,
                   .isa = cfg->parallel.isa == RT_CFG_ISA_AUTO ? NULL : isa,
                   .blas = cfg->parallel.blas == RT_CFG_BLAS_AUTO ? NULL : blas);
}
