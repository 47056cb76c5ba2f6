/* Simulates runs with random seeds until a rule is broken or the time is up: tools/soak. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/sim/runs.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

typedef struct options {
    double seconds;
    int64_t faults;
    bool one, large, trace;
    uint64_t seed; /* the only one, or the first */
} options;

static int usage(const char *what)
{
    fprintf(
        stderr,
        "soak: %s\nusage: soak [--seconds N] [--faults N] [--from SEED] [--large] | --seed SEED "
        "[--large] [--trace]\n",
        what);
    return 2;
}

static bool parse(int argc, char **argv, options *o)
{
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--large") == 0)
            o->large = true;
        else if (strcmp(argv[i], "--trace") == 0)
            o->trace = true;
        else if (strcmp(argv[i], "--seconds") == 0 && has_value)
            o->seconds = strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--faults") == 0 && has_value)
            o->faults = strtoll(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0 && has_value)
            o->seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            o->one = true, o->seed = strtoull(argv[++i], NULL, 10);
        else
            return false;
    }
    return o->seconds > 0 && o->faults > 0;
}

int main(int argc, char **argv)
{
    options o = {.seconds = INFINITY, .faults = INT64_MAX};
    sim_totals t = {0};
    if (getrandom(&o.seed, sizeof o.seed, 0) != sizeof o.seed)
        return usage("no random numbers from the system: give --from SEED");
    o.seed >>= 16; /* short enough to be copied by hand */
    if (!parse(argc, argv, &o))
        return usage("what is that?");
    rt_log_open("sim", "/dev/null", false);
    rt_log_set_level(RT_LOG_ERROR);
    bool good = true;
    double began = rt_clock(), told = began;
    while (good && t.faults < o.faults && rt_clock() - began < o.seconds) {
        good = sim_run(&(sim_order){.seed = o.seed++,
                                    .size = o.large ? SIM_LARGE : SIM_MIXED,
                                    .live = o.trace ? stdout : NULL},
                       &t);
        if (o.one)
            break;
        if (rt_clock() - told > 10) {
            told = rt_clock();
            fprintf(stderr, "%.0f s: %" PRId64 " runs, %" PRId64 " faults\n", told - began, t.runs,
                    t.faults);
        }
    }
    sim_totals_print(&t, stdout);
    return good ? 0 : 1;
}
