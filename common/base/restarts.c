#include "common/base/restarts.h"
#include <math.h>

static const double FIRST_PAUSE_SECONDS = 0.1;

bool rt_restarts_failed(rt_restarts *r)
{
    if (r->count >= r->most)
        return false;
    r->count++;
    r->from = -1;
    return true;
}

double rt_restarts_pause(const rt_restarts *r)
{
    enum { AT_ONCE = 2, DOUBLINGS_MOST = 30 };
    int64_t doublings = r->count - AT_ONCE - 1;
    if (doublings < 0)
        return 0;
    int most = doublings < DOUBLINGS_MOST ? (int)doublings : DOUBLINGS_MOST;
    return fmin(ldexp(FIRST_PAUSE_SECONDS, most), r->pause_most);
}

bool rt_restarts_step(rt_restarts *r, int64_t step)
{
    if (r->count == 0)
        return false;
    if (r->from < 0 || step < r->from) /* the run may have been set back to an earlier step */
        r->from = step;
    if (step - r->from < RT_RESTARTS_SOUND_STEPS)
        return false;
    r->count = 0;
    return true;
}
