/* Losses and gradients that are not finite: all ranks react as run.nan_loss demands, wherever they come from. */
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/samples.h"
#include "fixture.h"
#include "poison.h"
#include <math.h>
#include <ringtorch/train.h>

enum { STEPS = 6, BAD_STEP = 3, BAD_SLICE = 2, SLICES = 4, BATCH = 20, SEED = 7 };

static fixture f;

/* What happens to the bad slice; see poison.h. */
typedef enum spoil { LOSS_NAN, LOSS_INFINITE, GRADIENT_NAN } spoil;
static const poison spoils[] = {
    [LOSS_NAN] = {.phase = RT_PHASE_FORWARD, .element = -11, .value = NAN},
    /* The bias of one class is huge: the sum of losses overflows, but the gradient stays finite. */
    [LOSS_INFINITE] = {.phase = RT_PHASE_FORWARD, .element = -1, .value = 3e38f},
    /* A weight of the last layer, on the gradient's way back to the first. */
    [GRADIENT_NAN] = {.phase = RT_PHASE_BACKWARD, .element = -11, .value = NAN},
};

/* How ranks sum, what they exchange before the update, what is spoiled, and in which net. */
typedef struct way {
    const char *sharding, *reduction;
    bool reported; /* report every step, so all ranks know all sums before the update */
    spoil spoil;
    const char *layers;
} way;

typedef struct outcome {
    const way *how;
    rt_status status[FIXTURE_RANKS_MAX];
    int64_t made[FIXTURE_RANKS_MAX];   /* steps */
    int64_t blamed[FIXTURE_RANKS_MAX]; /* the slice that a FAULT would name */
    int skipped[FIXTURE_RANKS_MAX];    /* of those; bit t: step t */
    double loss[STEPS];
    char error[FIXTURE_RANKS_MAX][1024];
    uint64_t before[FIXTURE_RANKS_MAX], after[FIXTURE_RANKS_MAX]; /* state, around the last step */
    uint64_t weights[FIXTURE_RANKS_MAX];                          /* in the end */
} outcome;

static bool has_slice(const fixture_rank *r, int64_t slice)
{
    return r->shard.slices.begin <= slice && slice < r->shard.slices.end;
}

/* Parameters and states of the optimiser. */
static uint64_t state_hash(const rt_run *run)
{
    const rt_flat *flat = rt_run_flat(run);
    const rt_optim *o = rt_run_optim(run);
    size_t bytes = (size_t)flat->count * sizeof(float);
    uint64_t sum[1 + 2] = {rt_run_weights_hash64(run)};
    for (int i = 0; i < rt_optim_states(o); i++)
        sum[1 + i] = rt_hash64(rt_optim_state(o, i, NULL), bytes);
    return rt_hash64(sum, sizeof sum);
}

static void spoiled_body(fixture_rank *r)
{
    outcome *o = r->ctx;
    rt__stepper s;
    rt__step_result did;
    rt_status status = RT_OK;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress, NULL, NULL};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    poison p = spoils[o->how->spoil];
    p.run = r->run;
    p.step = has_slice(r, BAD_SLICE) ? BAD_STEP : -1;
    p.slice = BAD_SLICE;
    rt_run_on_phase(r->run, poison_phase, &p);
    for (; status == RT_OK && o->made[r->rank] < STEPS; o->made[r->rank] += status == RT_OK) {
        p.now = o->made[r->rank];
        o->before[r->rank] = state_hash(r->run);
        status = rt__step(&s, p.now, &(rt__step_request){.norm = o->how->reported}, &did);
        o->skipped[r->rank] |= (status == RT_OK && did.skipped) << p.now;
        if (r->rank == 0 && status == RT_OK)
            o->loss[p.now] = did.loss;
    }
    poison_phase(&p, RT_PHASE_UPDATE, -1); /* the memory is correct again */
    o->after[r->rank] = state_hash(r->run);
    o->weights[r->rank] = rt_run_weights_hash64(r->run);
    o->status[r->rank] = status;
    o->blamed[r->rank] = rt__progress_read(&r->progress).slice;
    snprintf(o->error[r->rank], sizeof o->error[0], "%s", rt_error());
    rt_error_clear();
    rt__stepper_release(&s);
}

static outcome train_spoiled(const way *how, const char *policy, int world)
{
    outcome o = {.how = how};
    char nan_loss[64], sharding[64], reduction[64], layers[128];
    snprintf(nan_loss, sizeof nan_loss, "run.nan_loss=%s", policy);
    snprintf(sharding, sizeof sharding, "parallel.sharding=%s", how->sharding);
    snprintf(reduction, sizeof reduction, "parallel.reduction=%s", how->reduction);
    snprintf(layers, sizeof layers, "model.layers=%s", how->layers);
    const char *sets[] = {nan_loss, sharding, reduction, layers, NULL};
    rt_config cfg = fixture_config_all(&f, sets);
    fixture_ranks(&cfg, world, spoiled_body, &o);
    rt_config_release(&cfg);
    return o;
}

#define USUAL "[flatten, {linear: 400}, relu, {dropout: 0.2}, {linear: 10}]"
/* 3 * 65536 parameters: of four ranks, one owns nothing but the tail, and with it the loss. */
#define WHOLE_BLOCKS "[flatten, {linear: 192}, relu, {linear: 226}, relu, {linear: 10}]"
static const way ways[] = {
    {"optimizer", "exact", false, LOSS_NAN, USUAL},
    {"optimizer", "exact", true, LOSS_NAN, USUAL},
    {"optimizer", "exact", false, LOSS_INFINITE, USUAL},
    {"optimizer", "exact", false, LOSS_INFINITE, WHOLE_BLOCKS},
    {"optimizer", "exact", true, LOSS_INFINITE, WHOLE_BLOCKS},
    {"optimizer", "exact", false, GRADIENT_NAN, USUAL},
    {"optimizer", "exact", true, GRADIENT_NAN, USUAL},
    {"optimizer", "ring", false, LOSS_INFINITE, USUAL},
    {"optimizer", "ring", true, GRADIENT_NAN, USUAL},
    {"none", "exact", false, LOSS_NAN, USUAL},
    {"none", "exact", true, GRADIENT_NAN, USUAL},
    {"none", "ring", false, LOSS_INFINITE, WHOLE_BLOCKS},
};
enum { WAYS = sizeof ways / sizeof *ways };

/* ---- stop ---- */

static void expect_blame(const outcome *o, int world, int rank)
{
    char slice[64], samples[512];
    const char *text = o->error[rank];
    int64_t begin = rt_slices_of_rank(SLICES, world, rank).begin,
            end = rt_slices_of_rank(SLICES, world, rank).end;
    rt_sampling p = {SEED, FIXTURE_TRAIN, BATCH, SLICES};
    rt_slice_sample_text(&p, BAD_STEP, BAD_SLICE, samples, sizeof samples);
    snprintf(slice, sizeof slice, "step %d, slice %d: ", BAD_STEP + 1, BAD_SLICE);
    bool mine = begin <= BAD_SLICE && BAD_SLICE < end;
    bool early = o->how->reported || world == 1 || strcmp(o->how->sharding, "none") == 0;
    if (o->how->spoil == GRADIENT_NAN && !early) {
        assert_non_null(
            strstr(text, "run.report_every=1")); /* the slice can no longer be recomputed */
        assert_int_equal(o->blamed[rank], -1);
    } else if (mine) {
        assert_int_equal(o->blamed[rank], BAD_SLICE);
        if (!strstr(text, slice) || !strstr(text, samples))
            fail_msg("\"%s\" should name %sand samples %s", text, slice, samples);
    } else {
        assert_int_equal(o->blamed[rank], -1);
        assert_null(strstr(text, slice));
        assert_non_null(strstr(text, "in none of slices"));
    }
    assert_non_null(strstr(text, "step 4"));
    assert_non_null(strstr(text, "optimizer.lr"));
    if (early)
        assert_true(o->before[rank] == o->after[rank]);
}

static void all_ranks_fail_at_once_and_the_one_to_blame_names_the_samples(void **state)
{
    (void)state;
    for (int k = 0; k < WAYS; k++) {
        for (int world = 1; world <= 4; world += 1 + 2 * (k % 2)) {
            const char *policy = k % 2 ? "stop" : "restart-from-checkpoint";
            outcome o = train_spoiled(&ways[k], policy, world);
            for (int r = 0; r < world; r++) {
                assert_int_equal(o.status[r], RT_E_NUMERIC);
                assert_int_equal(o.made[r], BAD_STEP);
                expect_blame(&o, world, r);
            }
        }
    }
}

/* ---- skip ---- */

/* The expected result: all steps but one, each with its own number. */
static void skip_one_body(fixture_rank *r)
{
    outcome *o = r->ctx;
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    for (int64_t t = 0; t < STEPS; t++) {
        if (t == BAD_STEP)
            continue;
        if (rank_failed(r, rt_run_gradients(r->run, t, (rt_range){0, SLICES}, parts, &count)) ||
            rank_failed(r, rt_run_update(r->run, t, (rt_range){0, rt_run_flat(r->run)->length}, 1)))
            return;
    }
    o->weights[0] = rt_run_weights_hash64(r->run);
}

static void expect_skipped(const outcome *o, int world)
{
    for (int r = 0; r < world; r++) {
        assert_int_equal(o->status[r], RT_OK);
        assert_int_equal(o->made[r], STEPS);
        assert_int_equal(o->skipped[r], 1 << BAD_STEP);
        assert_true(o->weights[r] == o->weights[0]);
    }
    for (int t = 0; t < STEPS; t++)
        assert_int_equal(isfinite(o->loss[t]) != 0, t != BAD_STEP || o->how->spoil == GRADIENT_NAN);
}

static void a_skipped_step_changes_nothing_and_counts(void **state)
{
    (void)state;
    for (int k = 0; k < WAYS; k++) {
        outcome expected = {0};
        char layers[128];
        snprintf(layers, sizeof layers, "model.layers=%s", ways[k].layers);
        rt_config cfg = fixture_config(&f, layers);
        fixture_ranks(&cfg, 1, skip_one_body, &expected);
        rt_config_release(&cfg);
        for (int world = 1; world <= 4; world += 1 + 2 * (k % 2)) {
            outcome o = train_spoiled(&ways[k], "skip", world);
            expect_skipped(&o, world);
            if (world == 1 || strcmp(ways[k].reduction, "exact") == 0)
                assert_true(o.weights[0] == expected.weights[0]);
        }
    }
}

/* ---- overflows that happen by themselves ---- */

enum { LONG = 30 };

typedef struct story {
    char sha[FIXTURE_RANKS_MAX][65];
    bool skipped[LONG];
} story;

static void overflow_body(fixture_rank *r)
{
    story *o = r->ctx;
    rt__stepper s;
    rt__step_result did;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress, NULL, NULL};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    for (int64_t t = 0; t < LONG; t++) {
        if (rank_failed(r, rt__step(&s, t, &(rt__step_request){0}, &did)))
            break;
        if (r->rank == 0)
            o->skipped[t] = did.skipped;
    }
    rank_failed(r, rt_run_weights_sha256(r->run, o->sha[r->rank]));
    rt__stepper_release(&s);
}

static void trainer_and_any_number_of_ranks_skip_the_same_steps(void **state)
{
    (void)state;
    story alone = {0};
    int skips = 0;
    rt_scope scope = rt_scope_begin();
    rt_trainer *t = rt_trainer_open(f.config, .set = overflowing);
    for (int i = 0; i < LONG; i++) {
        must(rt_trainer_step(t));
        alone.skipped[i] = !isfinite(rt_trainer_loss(t));
        skips += alone.skipped[i];
    }
    assert_int_equal(rt_trainer_at(t), LONG);
    must(rt_trainer_weights_sha256(t, alone.sha[0]));
    rt_scope_end(scope);
    print_message("%d of %d steps skipped\n", skips, LONG);
    assert_in_range(skips, 3,
                    LONG - 6); /* some are skipped and some not, else the test proves nothing */
    assert_false(alone.skipped[LONG - 1]);
    for (int world = 1; world <= 4; world++) {
        story o = {0};
        rt_config cfg = fixture_config_all(&f, overflowing);
        fixture_ranks(&cfg, world, overflow_body, &o);
        rt_config_release(&cfg);
        assert_memory_equal(o.skipped, alone.skipped, sizeof o.skipped);
        for (int r = 0; r < world; r++)
            assert_string_equal(o.sha[r], alone.sha[0]);
    }
}

static int set_up(void **state)
{
    (void)state;
    fixture_make(&f, 23);
    rt_log_set_level(RT_LOG_ERROR);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&f);
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ranks_fail_at_once_and_the_one_to_blame_names_the_samples),
        cmocka_unit_test(a_skipped_step_changes_nothing_and_counts),
        cmocka_unit_test(trainer_and_any_number_of_ranks_skip_the_same_steps),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
