/* Checksums of the same parameters by every rank, and audits of slices: they are equal as long as memory and arithmetic
 * work, and show which rank is faulty. */
#include "common/base/samples.h"
#include "fixture.h"
#include "poison.h"

enum { STEPS = 6, TOLD_MAX = 256, SEED = 7 };

static fixture f;

/* The checksums that one rank reported, in order. */
typedef struct diary {
    rt_msg_checksum told[TOLD_MAX];
    int count;
} diary;

typedef struct outcome {
    diary of[FIXTURE_RANKS_MAX];
    uint64_t weights[FIXTURE_RANKS_MAX][STEPS + 1]; /* before each step, and in the end */
    int faulty;                                     /* the rank with the fault; -1 if none */
    poison fault;
    int silent; /* 1: no on_checksum is set */
} outcome;

static void note(void *ctx, const rt_msg_checksum *m)
{
    diary *d = ctx;
    RT_ASSERT(d->count < TOLD_MAX);
    d->told[d->count++] = *m;
}

static void steps_body(fixture_rank *r)
{
    outcome *o = r->ctx;
    rt__stepper s;
    rt__step_result did;
    rt__stepper_args args = {r->run,         r->config,    r->comm,
                             &r->shard,      &r->progress, o->silent ? NULL : note,
                             &o->of[r->rank]};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    poison p = o->fault;
    p.run = r->run;
    if (r->rank == o->faulty)
        rt_run_on_phase(r->run, poison_phase, &p);
    for (int64_t t = 0; t < STEPS; t++) {
        p.now = t;
        o->weights[r->rank][t] = rt_run_weights_hash64(r->run);
        if (rank_failed(r, rt__step(&s, t, &(rt__step_request){.checksum = t % 2 == 0}, &did)))
            break;
    }
    o->weights[r->rank][STEPS] = rt_run_weights_hash64(r->run);
    rt__stepper_release(&s);
}

static outcome *run_steps(outcome *o, const char *const *sets, int world)
{
    rt_config cfg = fixture_config_all(&f, sets);
    fixture_ranks(&cfg, world, steps_body, o);
    rt_config_release(&cfg);
    return o;
}

/* Returns the checksum that a rank reported for a step and slice; fails unless it reported it once. */
static int64_t checksum_from(const outcome *o, int rank, int64_t step, int64_t slice, bool owner)
{
    const rt_msg_checksum *found = NULL;
    for (int i = 0; i < o->of[rank].count; i++) {
        const rt_msg_checksum *m = &o->of[rank].told[i];
        if (m->step != step || m->slice != slice || m->owner != owner)
            continue;
        assert_null(found);
        found = m;
    }
    if (!found)
        fail_msg("rank %d told nothing of step %d, slice %d", rank, (int)step, (int)slice);
    return found->sum;
}

/* ---- parameters ---- */

static void all_ranks_send_the_same_checksum_of_the_parameters_before_a_step(void **state)
{
    (void)state;
    const char *const sharded[] = {NULL}, *const replicated[] = {"parallel.sharding=none", NULL};
    outcome alone = {.faulty = -1};
    run_steps(&alone, sharded, 1);
    for (int world = 1; world <= 4; world++) {
        outcome o = {.faulty = -1};
        run_steps(&o, world % 2 ? sharded : replicated, world);
        for (int r = 0; r < world; r++) {
            assert_int_equal(o.of[r].count, STEPS / 2);
            for (int64_t t = 0; t < STEPS; t += 2)
                assert_true((uint64_t)checksum_from(&o, r, t, -1, false) == alone.weights[0][t]);
        }
    }
}

/* A bit of a weight that rank 1 does not own flips while it computes step 2, and the next gather repairs it: comparing
 * the parameters after the step would find nothing. */
static void a_flip_during_a_step_shows_on_that_rank_only(void **state)
{
    (void)state;
    const char *const sets[] = {NULL};
    outcome o = {
        .faulty = 1,
        .fault = {.step = 2, .slice = 1, .phase = RT_PHASE_BACKWARD, .element = -11, .flip = 1}};
    run_steps(&o, sets, 4);
    for (int r = 0; r < 4; r++) {
        assert_true((checksum_from(&o, r, 2, -1, false) != checksum_from(&o, 3, 2, -1, false)) ==
                    (r == 1));
        assert_true(checksum_from(&o, r, 0, -1, false) == checksum_from(&o, 3, 0, -1, false));
        assert_true(o.weights[r][3] == o.weights[3][3]);
    }
}

/* ---- audits ---- */

static int rank_of(int64_t slices, int world, int64_t slice)
{
    int r = 0;
    while (rt_slices_of_rank(slices, world, r).end <= slice)
        r++;
    return r;
}

/* Each audited slice is reported by its owner and by the next rank, and by no other. */
static void expect_audits(const outcome *o, int64_t slices, int world, double share,
                          int64_t wrong_step, int64_t wrong_slice)
{
    int expected[FIXTURE_RANKS_MAX] = {0};
    for (int64_t t = 0; t < STEPS; t++)
        for (int64_t s = 0; s < slices; s++) {
            if (!rt_slice_is_audited(SEED, share, t, s))
                continue;
            int owner = rank_of(slices, world, s), other = (owner + 1) % world;
            expected[owner]++;
            expected[other]++;
            bool same = checksum_from(o, owner, t, s, true) == checksum_from(o, other, t, s, false);
            assert_int_equal(same, t != wrong_step || s != wrong_slice);
        }
    for (int r = 0; r < world; r++)
        assert_int_equal(o->of[r].count, expected[r] + STEPS / 2);
}

static void audits_find_the_same_bits_and_change_none(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        int64_t slices;
    } cuts[] = {{"parallel.slices=4", 4}, {"parallel.slices=7", 7}};
    static const struct {
        const char *set;
        double share;
    } shares[] = {{"run.audit=1", 1}, {"run.audit=0.4", 0.4}};
    for (int c = 0; c < 2; c++) {
        outcome plain = {.faulty = -1};
        run_steps(&plain, (const char *const[]){cuts[c].set, NULL}, 1);
        for (int a = 0; a < 2; a++)
            for (int world = 1; world <= 4; world++) {
                outcome o = {.faulty = -1};
                run_steps(&o, (const char *const[]){cuts[c].set, shares[a].set, NULL}, world);
                expect_audits(&o, cuts[c].slices, world, shares[a].share, -1, -1);
                for (int r = 0; r < world; r++)
                    assert_memory_equal(o.weights[r], plain.weights[0], sizeof o.weights[r]);
            }
    }
}

/* One bit of one bias is wrong while one rank makes the forward pass of one slice. */
static void a_wrong_bit_in_a_slice_is_found_whoever_computes_it(void **state)
{
    (void)state;
    for (int world = 2; world <= 4; world++)
        for (int by_owner = 0; by_owner < 2; by_owner++) {
            int owner = rank_of(4, world, 2);
            outcome o = {.faulty = by_owner ? owner : (owner + 1) % world,
                         .fault = {.step = 3,
                                   .slice = 2,
                                   .phase = RT_PHASE_FORWARD,
                                   .element = -1,
                                   .flip = 1 << 16}};
            run_steps(&o, (const char *const[]){"run.audit=1", NULL}, world);
            expect_audits(&o, 4, world, 1, 3, 2);
        }
}

static void nothing_is_audited_without_a_listener(void **state)
{
    (void)state;
    outcome o = {.faulty = -1, .silent = 1}, plain = {.faulty = -1};
    run_steps(&o, (const char *const[]){"run.audit=1", NULL}, 2);
    run_steps(&plain, (const char *const[]){NULL}, 1);
    assert_int_equal(o.of[0].count + o.of[1].count, 0);
    assert_memory_equal(o.weights[1], plain.weights[0], sizeof o.weights[1]);
}

static int set_up(void **state)
{
    (void)state;
    fixture_make(&f, 31);
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
        cmocka_unit_test(all_ranks_send_the_same_checksum_of_the_parameters_before_a_step),
        cmocka_unit_test(a_flip_during_a_step_shows_on_that_rank_only),
        cmocka_unit_test(audits_find_the_same_bits_and_change_none),
        cmocka_unit_test(a_wrong_bit_in_a_slice_is_found_whoever_computes_it),
        cmocka_unit_test(nothing_is_audited_without_a_listener),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
