/* Compares steps and evaluations over 1 to 4 ranks with the library's trainer in one process, bit by bit. */
#include "common/base/log.h"
#include "fixture.h"
#include "worker/evaluate.h"
#include <math.h>
#include <ringtorch/train.h>

enum { STEPS = 6 };

static fixture f;

/* The results of a group of ranks. */
typedef struct outcome {
    char sha[FIXTURE_RANKS_MAX][65];
    double loss[STEPS], norm[STEPS];
    rt_evaluation evaluation[FIXTURE_RANKS_MAX];
    int64_t stopped_after[FIXTURE_RANKS_MAX]; /* steps made */
    int stop_wish;                            /* rank 0 asks to stop at this step; -1: never */
} outcome;

static rt_status train(fixture_rank *r, rt__stepper *s, outcome *o)
{
    rt__step_result did = {0};
    int64_t t = 0;
    for (; t < STEPS && !did.orders; t++) {
        rt__step_request wish = {.orders = t == o->stop_wish && r->rank == 0 ? RT__ORDER_STOP : 0,
                                 .norm = true};
        RT_TRY(rt__step(s, t, &wish, &did));
        if (r->rank == 0) {
            o->loss[t] = did.loss;
            o->norm[t] = did.grad_norm;
        }
    }
    o->stopped_after[r->rank] = t;
    RT_TRY(rt__evaluate(r->run, r->comm, r->rank, r->world, &o->evaluation[r->rank]));
    return rt_run_weights_sha256(r->run, o->sha[r->rank]);
}

static void train_body(fixture_rank *r)
{
    rt__stepper s;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    rank_failed(r, train(r, &s, r->ctx));
    rt__stepper_release(&s);
}

static outcome train_with(const char *set, const char *other, int world, int stop_wish)
{
    outcome o = {.stop_wish = stop_wish};
    rt_config cfg = fixture_config2(&f, set, other);
    fixture_ranks(&cfg, world, train_body, &o);
    rt_config_release(&cfg);
    for (int r = 1; r < world; r++) {
        assert_string_equal(o.sha[r], o.sha[0]);
        assert_memory_equal(&o.evaluation[r], &o.evaluation[0], sizeof o.evaluation[0]);
        assert_int_equal(o.stopped_after[r], o.stopped_after[0]);
    }
    return o;
}

/* Trains the same configuration with the library's trainer. */
static outcome train_alone(const char *set, const char *other)
{
    outcome o = {0};
    const char *sets[] = {set, other, NULL};
    rt_scope scope = rt_scope_begin();
    rt_trainer *t = rt_trainer_open(f.config, .set = sets);
    for (int i = 0; i < STEPS; i++) {
        must(rt_trainer_step(t));
        o.loss[i] = rt_trainer_loss(t);
    }
    must(rt_trainer_evaluate(t, &o.evaluation[0]));
    must(rt_trainer_weights_sha256(t, o.sha[0]));
    rt_scope_end(scope);
    return o;
}

static void expect_same(const outcome *a, const outcome *b)
{
    assert_string_equal(a->sha[0], b->sha[0]);
    assert_memory_equal(a->loss, b->loss, sizeof a->loss);
    assert_memory_equal(&a->evaluation[0], &b->evaluation[0], sizeof a->evaluation[0]);
}

static void any_number_of_ranks_gives_the_trainers_bits(void **state)
{
    (void)state;
    outcome alone = train_alone(NULL, NULL);
    assert_true(alone.loss[STEPS - 1] < alone.loss[0]);
    for (int world = 1; world <= 4; world++) {
        outcome o = train_with(NULL, NULL, world, -1);
        expect_same(&o, &alone);
        assert_int_equal(o.evaluation[0].count, FIXTURE_TEST);
    }
}

/* More slices than ranks and no power of two: several partial sums per rank. */
static void odd_slices_give_the_trainers_bits(void **state)
{
    (void)state;
    outcome alone = train_alone("parallel.slices=7", NULL), four = train_alone(NULL, NULL);
    assert_string_not_equal(alone.sha[0],
                            four.sha[0]); /* otherwise equality below would prove nothing */
    for (int world = 1; world <= 5; world += 2) {
        outcome o = train_with("parallel.slices=7", NULL, world, -1);
        expect_same(&o, &alone);
    }
}

/* The mean is over targets that count, which each rank knows only for its own slices. */
static void weights_that_depend_on_data_give_the_trainers_bits(void **state)
{
    (void)state;
    static const char *const rows[] = {"task.ignore=3", "task.weights=1,2,0.1,1,1,0,1,1,3,1"};
    outcome plain = train_alone(NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome alone = train_alone("task.name=classification", rows[i]);
        assert_string_not_equal(alone.sha[0], plain.sha[0]);
        for (int world = 1; world <= 4; world++) {
            outcome o = train_with("task.name=classification", rows[i], world, -1);
            expect_same(&o, &alone);
        }
    }
}

/* Norms and means of whole parameters, which no rank has alone. */
static void every_optimiser_gives_the_trainers_bits(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"optimizer.name=sgd", "optimizer.momentum=0.9"},
        {"optimizer.name=adam", "optimizer.amsgrad=true"},
        {"optimizer.name=lamb", "optimizer.clip_norm=0.05"},
        {"optimizer.name=lamb", "optimizer.groups=[{match: '*.bias', weight_decay: 0}]"},
        {"optimizer.name=lamb", "model.freeze=['1.*']"},
        {"optimizer.name=adafactor", "parallel.sharding=none"},
        {"optimizer.name=adafactor", "parallel.slices=7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome alone = train_alone(rows[i][0], rows[i][1]);
        assert_true(isfinite(alone.loss[STEPS - 1]));
        for (int world = 1; world <= 4; world++) {
            outcome o = train_with(rows[i][0], rows[i][1], world, -1);
            expect_same(&o, &alone);
        }
    }
}

/* Each rank sees the batches of its own slices, and all have the same running statistics. */
static void running_statistics_give_the_trainers_bits(void **state)
{
    (void)state;
    static const char *const rows[] = {NULL, "parallel.slices=7", "parallel.sharding=none",
                                       "optimizer.name=adafactor", "parallel.reduction=ring"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool ring = rows[i] && strstr(rows[i], "ring");
        outcome alone = train_alone(FIXTURE_STATISTICS, rows[i]);
        for (int world = 1; world <= (ring ? 1 : 4); world++) {
            outcome o = train_with(FIXTURE_STATISTICS, rows[i], world, -1);
            expect_same(&o, &alone);
        }
        if (ring) /* train_with checks that all ranks agree */
            train_with(FIXTURE_STATISTICS, rows[i], 3, -1);
    }
}

/* Slices that need values of each other within a step, in one process or in several. */
static void exchanges_give_the_trainers_bits(void **state)
{
    (void)state;
    static const char *const rows[] = {NULL,
                                       "parallel.slices=2",
                                       "parallel.slices=7",
                                       "parallel.sharding=none",
                                       "optimizer.clip_norm=0.05",
                                       "model.freeze=['0.*','1.bias']"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome alone = train_alone(FIXTURE_EXCHANGES, rows[i]);
        assert_true(alone.loss[STEPS - 1] < alone.loss[0]);
        for (int world = 1; world <= (i == 1 ? 2 : 4); world++) {
            outcome o = train_with(FIXTURE_EXCHANGES, rows[i], world, -1);
            expect_same(&o, &alone);
        }
    }
}

static void clipping_gives_the_trainers_bits(void **state)
{
    (void)state;
    outcome alone = train_alone("optimizer.clip_norm=0.05", NULL),
            unclipped = train_alone(NULL, NULL);
    assert_string_not_equal(alone.sha[0], unclipped.sha[0]);
    for (int world = 1; world <= 4; world++) {
        outcome o = train_with("optimizer.clip_norm=0.05", NULL, world, -1);
        expect_same(&o, &alone);
    }
}

static void algorithm_and_sharding_do_not_change_bits(void **state)
{
    (void)state;
    outcome one = train_with(NULL, NULL, 1, -1);
    static const char *const sets[] = {"parallel.algorithm=direct", "parallel.algorithm=halving",
                                       "parallel.sharding=none"};
    for (int i = 0; i < 3; i++) {
        outcome o = train_with(sets[i], NULL, 4, -1);
        expect_same(&o, &one);
        assert_memory_equal(o.norm, one.norm, sizeof o.norm);
    }
    outcome fewer = train_with("parallel.algorithm=halving", NULL, 3, -1); /* a worker was lost */
    expect_same(&fewer, &one);
    outcome o = train_with("parallel.sharding=none", "optimizer.clip_norm=0.05", 3, -1);
    outcome clipped = train_with("optimizer.clip_norm=0.05", NULL, 1, -1);
    expect_same(&o, &clipped);
}

/* A ring sums in another order: close, the same on all ranks and every time, but not the same bits.
 */
static void a_ring_is_deterministic_and_close(void **state)
{
    (void)state;
    outcome exact = train_with(NULL, NULL, 3, -1);
    outcome ring = train_with("parallel.reduction=ring", NULL, 3, -1);
    outcome again = train_with("parallel.reduction=ring", NULL, 3, -1);
    expect_same(&ring, &again);
    for (int t = 0; t < STEPS; t++)
        assert_true(ring.loss[t] > 0.99 * exact.loss[t] && ring.loss[t] < 1.01 * exact.loss[t]);
    outcome uneven =
        train_with("parallel.reduction=ring", "parallel.slices=7", 2, -1); /* folds several nodes */
    assert_true(uneven.loss[0] > 0.99 * exact.loss[0] && uneven.loss[0] < 1.01 * exact.loss[0]);
}

static void all_ranks_stop_after_the_step_that_rank_0_chose(void **state)
{
    (void)state;
    for (int world = 1; world <= 4; world++) {
        outcome o = train_with(world % 2 ? NULL : "parallel.sharding=none", NULL, world, 2);
        for (int r = 0; r < world; r++)
            assert_int_equal(o.stopped_after[r], 3);
        assert_true(o.norm[2] > 0); /* known for the last report, due or not */
    }
}

/* Makes steps until the loss is infinite or NaN; records when, and that it was reported as NUMERIC. */
static void diverge_body(fixture_rank *r)
{
    outcome *o = r->ctx;
    rt__stepper s;
    rt__step_result did;
    rt_status status = RT_OK;
    int64_t t = 0;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    while (status == RT_OK && t < 50)
        status = rt__step(&s, t++, &(rt__step_request){0}, &did);
    o->stopped_after[r->rank] = status == RT_E_NUMERIC ? t : -1;
    rt_error_clear();
    rt__stepper_release(&s);
}

static void a_loss_that_is_not_finite_stops_every_rank_at_once(void **state)
{
    (void)state;
    outcome o = {0};
    rt_config cfg = fixture_config2(&f, "optimizer.name=sgd", "optimizer.lr=1000000");
    fixture_ranks(&cfg, 3, diverge_body, &o);
    rt_config_release(&cfg);
    assert_true(o.stopped_after[0] > 1);
    assert_int_equal(o.stopped_after[1], o.stopped_after[0]);
    assert_int_equal(o.stopped_after[2], o.stopped_after[0]);
}

static int set_up(void **state)
{
    (void)state;
    fixture_make(&f, 3);
    rt_log_set_level(RT_LOG_WARN);
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
        cmocka_unit_test(any_number_of_ranks_gives_the_trainers_bits),
        cmocka_unit_test(odd_slices_give_the_trainers_bits),
        cmocka_unit_test(weights_that_depend_on_data_give_the_trainers_bits),
        cmocka_unit_test(every_optimiser_gives_the_trainers_bits),
        cmocka_unit_test(running_statistics_give_the_trainers_bits),
        cmocka_unit_test(exchanges_give_the_trainers_bits),
        cmocka_unit_test(clipping_gives_the_trainers_bits),
        cmocka_unit_test(algorithm_and_sharding_do_not_change_bits),
        cmocka_unit_test(a_ring_is_deterministic_and_close),
        cmocka_unit_test(all_ranks_stop_after_the_step_that_rank_0_chose),
        cmocka_unit_test(a_loss_that_is_not_finite_stops_every_rank_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
