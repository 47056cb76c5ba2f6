#include "common/phase.h"
#include <string.h>

static const char *const names[RT_PHASES] = {
#define PHASE(constant, name) name,
    RT_PHASE_LIST(PHASE)
#undef PHASE
};

const char *rt_phase_name(int64_t phase)
{
    return phase >= 0 && phase < RT_PHASES ? names[phase] : "?";
}

rt_phase rt_phase_of_name(const char *name)
{
    int i = 0;
    while (i < RT_PHASES && strcmp(names[i], name) != 0)
        i++;
    return (rt_phase)i;
}
