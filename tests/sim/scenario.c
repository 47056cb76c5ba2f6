#include "tests/sim/scenario.h"

#include "common/base/slices.h"
#include <inttypes.h>

static int64_t pick(sim_dice *d, const int64_t *list, int64_t n)
{
    return list[sim_below(d, n)];
}
#define PICK(d, ...)                                                                               \
    pick(d, (const int64_t[]){__VA_ARGS__}, sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t))

/* Most worlds are small, because there every order of events comes up soon. */
static int64_t pick_workers(sim_dice *d, sim_size size)
{
    if (size == SIM_LARGE)
        return PICK(d, 1000, 10000);
    return sim_chance(d, 0.02) ? sim_between(d, 17, 128) : PICK(d, 1, 2, 2, 3, 4, 4, 5, 8, 16);
}

sim_scenario sim_scenario_of(uint64_t seed, sim_size size)
{
    sim_dice d = sim_dice_of(seed, 1);
    sim_scenario s = {.seed = seed, .allowed = UINT32_MAX};
    bool large = size == SIM_LARGE;
    s.workers = pick_workers(&d, size);
    s.hosts = large ? s.workers / 50 : s.workers > 1 ? PICK(&d, 1, 1, 2, 3, 4) : 1;
    s.slots = (s.workers + s.hosts - 1) / s.hosts + sim_below(&d, 2);
    s.slices = rt_slices_auto((int)s.workers);
    s.blocks = large ? s.workers : PICK(&d, 1, 7, 16, 40);
    s.steps = large ? 30 : sim_between(&d, 30, 200);
    s.report_every = PICK(&d, 1, 5, 10);
    s.checkpoint_every = PICK(&d, 0, 5, 20, 50);
    s.keep = PICK(&d, 1, 2, 3);
    s.snapshot_every = PICK(&d, 0, 1, 1, 1, 1, 4);
    s.hash_every = PICK(&d, 0, 1, 10, 100);
    s.max_restarts = !large && sim_chance(&d, 0.1) ? PICK(&d, 0, 1, 10) : 1000000;
    s.stall_restart = !sim_chance(&d, 0.2);
    s.nan_loss = PICK(&d, SIM_NAN_STOP, SIM_NAN_SKIP, SIM_NAN_RESTART, SIM_NAN_RESTART);
    s.bad_step = sim_chance(&d, 0.03) ? sim_below(&d, s.steps) : -1;
    s.crash_step =
        !large && s.snapshot_every > 0 && sim_chance(&d, 0.02) ? sim_below(&d, s.steps) : -1;
    s.step_time = (large ? 1000 : PICK(&d, 50, 200, 400, 1000, 3000)) * SIM_MILLISECOND;
    s.disk_time = PICK(&d, 20, 100, 2000) * SIM_MILLISECOND;
    s.boot_time = PICK(&d, 300, 1000, 3000) * SIM_MILLISECOND;
    s.faults = large ? 12 : sim_between(&d, 5, 60);
    s.quiet = (large ? 6000 : PICK(&d, 500, 2000, 6000)) * (sim_time)SIM_MILLISECOND;
    s.burst = PICK(&d, 0, 20, 60) / 100.0;
    s.evaluate_every = PICK(&d, 0, 1, 1, 3, 7, 20);
    s.patience = s.evaluate_every > 0 ? PICK(&d, 0, 0, 3, 10) : 0;
    s.best_is_most = sim_chance(&d, 0.5);
    return s;
}

void sim_scenario_print(const sim_scenario *s, FILE *to)
{
    fprintf(to,
            "seed %" PRIu64 ": %" PRId64 " workers on %" PRId64 " hosts, %" PRId64
            " steps of %.3f s, checkpoint.every=%" PRId64 " keep=%" PRId64
            " snapshot.every=%" PRId64 " max_restarts=%" PRId64 " stall_action=%s, up to %" PRId64
            " faults, one in %.1f s\n",
            s->seed, s->workers, s->hosts, s->steps, (double)s->step_time / SIM_SECOND,
            s->checkpoint_every, s->keep, s->snapshot_every, s->max_restarts,
            s->stall_restart ? "restart" : "report", s->faults, (double)s->quiet / SIM_SECOND);
}
