#include "launch/jobs/asked_host.h"
#include <math.h>
#include <stdio.h>

static const double SKEW_SECONDS = 1; /* lines of logs have a time to the second */

bool rt__asked_host_clock_is_off(const rt__asked_host *h, char out[RT__CLOCK_TEXT])
{
    double off = fabs(h->ahead);
    if (off - h->uncertain < SKEW_SECONDS)
        return false;
    snprintf(out, RT__CLOCK_TEXT,
             "its clock is %.*f s %s this one's, so logs of both cannot be compared",
             off < 10 ? 1 : 0, off, h->ahead > 0 ? "ahead of" : "behind");
    return true;
}
