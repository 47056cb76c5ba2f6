#include "common/base/phase.h"

static const char *const names[RT_PHASES] = {
#define PHASE(constant, name) name,
    RT_PHASE_LIST(PHASE)
#undef PHASE
};

const char *rt_phase_name(int64_t phase)
{
    return phase >= 0 && phase < RT_PHASES ? names[phase] : "?";
}
