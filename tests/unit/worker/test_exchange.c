/* Values that slices exchange within a step: the results over 1 to 4 ranks, and what happens on failures. A row of
 * test_step checks that the weights equal the trainer's. */
#include "common/base/log.h"
#include "common/config/config_check.h"
#include "fixture.h"
#include "poison.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/ops/norm/channels.h"
#include <math.h>
#include <ringtorch/exchange.h>
#include <ringtorch/random.h>

static fixture f;

/* ---- a layer's requests, made by a hook before the first layer of each slice ---- */

enum { WIDTH = 5 };

typedef struct asker {
    fixture_rank *r;
    void (*ask)(struct asker *a, int64_t slice);
    const void *how;
} asker;

static void note(asker *a, const char *what, int64_t slice)
{
    snprintf(a->r->error, sizeof a->r->error, "rank %d of %d, slice %lld: %s", a->r->rank,
             a->r->world, (long long)slice, what);
}

static void before(void *ctx, rt_module *m, rt_tensor **in, int n_in)
{
    asker *a = ctx;
    (void)in, (void)n_in;
    if (m->training)
        a->ask(a, rt_exchange_slice());
}

/* Makes steps with a request in each slice; the first failure is kept for the caller. */
static rt_status step_asking(fixture_rank *r, asker *a, int64_t steps)
{
    rt__stepper s;
    rt__step_result did;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    RT_TRY(rt__stepper_init(&s, &args));
    a->r = r;
    rt_module *first = rt_nn_find_module(rt_run_net(r->run), "0");
    rt_status status = rt_nn_hook(first, (rt_nn_hooks){.before = before, .ctx = a});
    for (int64_t t = 0; t < steps && status == RT_OK; t++)
        status = rt__step(&s, t, &(rt__step_request){0}, &did);
    rt_nn_unhook(first, a);
    rt__stepper_release(&s);
    return status;
}

/* ---- answers ---- */

static double number_of(int64_t slice, int64_t i)
{
    return sin((double)(slice * 31 + i * 7 + 1)) * pow(10, (double)(slice % 5));
}

/* T[lo, hi) of the numbers i, in float32 or float64. */
static double tree(int64_t lo, int64_t hi, int64_t i, bool wide)
{
    if (hi - lo == 1)
        return wide ? number_of(lo, i) : (double)(float)number_of(lo, i);
    int64_t m = rt_tree_split(lo, hi);
    double sum = tree(lo, m, i, wide) + tree(m, hi, i, wide);
    return wide ? sum : (double)(float)sum;
}

static void ask_for_sums(asker *a, int64_t slice)
{
    int64_t slices = rt_exchange_slices();
    double wide[WIDTH];
    float narrow[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        narrow[i] = (float)(wide[i] = number_of(slice, i));
    rt_exchange_sum(wide, WIDTH, RT_F64);
    rt_exchange_sum(narrow, WIDTH, RT_F32);
    rt_exchange_sum(wide, 0, RT_F64);
    for (int i = 0; i < WIDTH && !rt_failed(); i++)
        if (wide[i] != tree(0, slices, i, true) || (double)narrow[i] != tree(0, slices, i, false))
            note(a, "another sum", slice);
}

static void ask_for_all(asker *a, int64_t slice)
{
    int64_t slices = rt_exchange_slices(), mine[2] = {slice, slice * slice}, all[2 * 16];
    rt_exchange_gather(mine, all, sizeof mine);
    for (int64_t s = 0; s < slices && !rt_failed(); s++)
        if (all[2 * s] != s || all[2 * s + 1] != s * s)
            note(a, "another gather", slice);
}

static void ask_each(asker *a, int64_t slice)
{
    int64_t slices = rt_exchange_slices(), to[16], from[16];
    for (int64_t s = 0; s < slices; s++)
        to[s] = 100 * slice + s;
    rt_exchange_all_to_all(to, from, sizeof *to);
    for (int64_t s = 0; s < slices && !rt_failed(); s++)
        if (from[s] != 100 * s + slice)
            note(a, "another block", slice);
}

static void answers_body(fixture_rank *r)
{
    asker a = {.ask = (void (*)(asker *, int64_t))r->ctx};
    rank_failed(r, step_asking(r, &a, 2));
}

static void all_slices_get_what_they_ask_for(void **state)
{
    (void)state;
    void (*const asks[])(asker *, int64_t) = {ask_for_sums, ask_for_all, ask_each};
    static const char *const slices[] = {"parallel.slices=4", "parallel.slices=7",
                                         "parallel.slices=13"};
    for (size_t k = 0; k < sizeof slices / sizeof *slices; k++) {
        rt_config cfg = fixture_config2(&f, FIXTURE_EXCHANGES, slices[k]);
        for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
            for (int world = 1; world <= 4; world++)
                fixture_ranks(&cfg, world, answers_body, (void *)asks[i]);
        rt_config_release(&cfg);
    }
}

/* ---- failures ---- */

typedef struct fault {
    int64_t slice;
    bool asked;        /* the failing slice has made its request; otherwise others wait for it */
    const char *wrong; /* what it does */
} fault;

typedef struct end {
    const fault *how;
    rt_status status[FIXTURE_RANKS_MAX];
    char error[FIXTURE_RANKS_MAX][512];
    _Atomic(rt__orders *)
        orders[FIXTURE_RANKS_MAX]; /* through which the coordinator would reach the ranks */
    atomic_bool failed;
} end;

static void misbehave(asker *a, int64_t slice)
{
    const fault *how = ((const end *)a->how)->how;
    double x[2] = {1, 2}, all[2 * 16];
    if (how->asked || slice != how->slice)
        rt_exchange_sum(x, 2, RT_F64);
    if (slice != how->slice)
        return;
    if (strcmp(how->wrong, "fails") == 0)
        RT_FAIL(NOMEM, "slice %lld is at its end", (long long)slice);
    else if (strcmp(how->wrong, "another size") == 0)
        rt_exchange_sum(x, 1, RT_F64);
    else if (strcmp(how->wrong, "another type") == 0)
        rt_exchange_sum(x, 2, RT_F32);
    else
        rt_exchange_gather(x, all, sizeof x);
}

/* When a rank fails, all others are aborted, as by the coordinator. */
static void faulty_body(fixture_rank *r)
{
    end *e = r->ctx;
    asker a = {.ask = misbehave, .how = e};
    atomic_store(&e->orders[r->rank], &r->orders);
    if (atomic_load(&e->failed))
        atomic_store(&r->orders.abort, 1);
    e->status[r->rank] = step_asking(r, &a, 3);
    snprintf(e->error[r->rank], sizeof e->error[0], "%s", rt_error());
    rt_error_clear();
    atomic_store(&e->failed, true);
    for (int i = 0; i < r->world; i++) {
        rt__orders *other = atomic_load(&e->orders[i]);
        if (other)
            atomic_store(&other->abort, 1);
    }
}

static void a_failing_slice_ends_all_ranks(void **state)
{
    (void)state;
    static const fault faults[] = {
        {0, false, "fails"},        {3, false, "fails"},        {6, false, "fails"},
        {2, true, "fails"},         {1, false, "another size"}, {3, false, "another type"},
        {2, false, "another kind"}, {6, true, "another kind"},
    };
    rt_config cfg = fixture_config2(&f, FIXTURE_EXCHANGES, "parallel.slices=7");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        end e = {.how = &faults[i]};
        fixture_ranks(&cfg, 1, faulty_body, &e);
        bool fails = strcmp(faults[i].wrong, "fails") == 0;
        assert_int_equal(e.status[0], fails ? RT_E_NOMEM : RT_E_INTERNAL);
        if (!strstr(e.error[0], fails ? "at its end" : "must not depend on its samples"))
            fail_msg("%s, slice %lld: \"%s\"", faults[i].wrong, (long long)faults[i].slice,
                     e.error[0]);
    }
    rt_config_release(&cfg);
}

static void a_rank_that_fails_is_not_waited_for(void **state)
{
    (void)state;
    static const fault faults[] = {{0, false, "fails"}, {3, false, "fails"}, {2, true, "fails"}};
    rt_config cfg = fixture_config(&f, FIXTURE_EXCHANGES);
    for (int world = 2; world <= 4; world++)
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
            end e = {.how = &faults[i]};
            fixture_ranks(&cfg, world, faulty_body, &e);
            int failed = 0;
            for (int r = 0; r < world; r++) {
                failed += e.status[r] == RT_E_NOMEM;
                assert_true(e.status[r] == RT_E_NOMEM || e.status[r] == RT_E_ABORTED);
            }
            assert_int_equal(failed, 1);
        }
    rt_config_release(&cfg);
}

/* A net whose layers do not declare that they exchange is not computed in lock-step. */
static void refused_body(fixture_rank *r)
{
    asker a = {.ask = ask_for_sums};
    rt_status status = step_asking(r, &a, 1);
    if (status != RT_E_UNSUPPORTED || !strstr(rt_error(), "RT_LAYER_EXCHANGES"))
        snprintf(r->error, sizeof r->error, "\"%s\"", rt_error());
    rt_error_clear();
}

static void a_net_must_declare_that_it_exchanges(void **state)
{
    (void)state;
    rt_config cfg = fixture_config(&f, NULL);
    fixture_ranks(&cfg, 1, refused_body, NULL);
    rt_config_release(&cfg);
    cfg = fixture_config2(&f, FIXTURE_EXCHANGES, "run.audit=0.5");
    assert_int_equal(rt_config_check(&cfg), RT_E_CONFIG);
    expect_error(RT_E_CONFIG, "run.audit: a layer exchanges values");
    rt_config_release(&cfg);
}

/* A NaN reaches all slices through the first sum. The rank that has the bad slice names it, the others name none. */
static void spoiled_body(fixture_rank *r)
{
    end *e = r->ctx;
    rt__stepper s;
    rt__step_result did;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    poison p = {.run = r->run, .step = 1, .slice = 2, .phase = RT_PHASE_FORWARD, .value = NAN};
    rt_range mine = r->shard.slices;
    p.step = mine.begin <= p.slice && p.slice < mine.end ? p.step : -1;
    rt_run_on_phase(r->run, poison_phase, &p);
    for (; p.now < 3 && e->status[r->rank] == RT_OK; p.now++)
        e->status[r->rank] = rt__step(&s, p.now, &(rt__step_request){.norm = true}, &did);
    snprintf(e->error[r->rank], sizeof e->error[0], "%s", rt_error());
    rt_error_clear();
    rt__stepper_release(&s);
}

static void a_nan_is_traced_to_its_slice(void **state)
{
    (void)state;
    rt_config cfg = fixture_config(&f, FIXTURE_EXCHANGES);
    for (int world = 1; world <= 4; world++) {
        end e = {0};
        fixture_ranks(&cfg, world, spoiled_body, &e);
        for (int r = 0; r < world; r++) {
            rt_range of = rt_slices_of_rank(4, world, r);
            bool mine = of.begin <= 2 && 2 < of.end;
            assert_int_equal(e.status[r], RT_E_NUMERIC);
            if (!strstr(e.error[r], mine ? "step 2, slice 2: the loss is nan: samples"
                                         : "step 2: the loss is nan: the cause is in none of"))
                fail_msg("rank %d of %d: \"%s\"", r, world, e.error[r]);
        }
    }
    rt_config_release(&cfg);
}

/* ---- sync_batch_norm ---- */

static rt_status open_alone(const rt_config *cfg, rt_run **out)
{
    RT_TRY(rt_run_start_engine(cfg));
    return rt_run_open(cfg, cfg->parallel.slices, out);
}

static rt_status step_alone(rt_run *r, int64_t step)
{
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    rt_range all = {0, rt_run_flat(r)->length};
    RT_TRY(rt_run_gradients(r, step, (rt_range){0, 4}, parts, &count));
    return rt_run_update(r, step, all, 1);
}

/* Returns the gradients of a step and behind them its scalars, [length]; the parameters stay. */
static float *gradients_of(rt_run *r, int64_t slices)
{
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    must(rt_run_gradients(r, 0, (rt_range){0, slices}, parts, &count));
    assert_int_equal(count, 1);
    return parts[0].data;
}

#define NORM(layer)                                                                                \
    "model.layers=[{conv2d: {out: 4, kernel: 3, stride: 2}}, " layer                               \
    ", relu, {conv2d: {out: 3, kernel: 5, stride: 3}}, " layer ", flatten, {linear: 10}]"

/* Slices of 5 samples must normalise like one batch of 20. */
static void the_first_step_is_that_of_batch_norm_on_the_whole_batch(void **state)
{
    (void)state;
    rt_run *together, *whole;
    rt_config cut = fixture_config(&f, NORM("sync_batch_norm")),
              one = fixture_config2(&f, NORM("batch_norm2d"), "parallel.slices=1");
    must(open_alone(&cut, &together));
    must(open_alone(&one, &whole));
    const float *a = gradients_of(together, 4), *b = gradients_of(whole, 1);
    const rt_flat *flat = rt_run_flat(together);
    for (int32_t i = 0; i < flat->entries + flat->small; i++) {
        const rt_flat_entry *e = &flat->entry[i];
        double most = 1e-3, off = 0;
        for (int64_t k = e->begin; k < e->end; k++) {
            most = fmax(most, fabs((double)b[k]));
            off = fmax(off, fabs((double)a[k] - (double)b[k]));
        }
        if (!(off < 2e-5 * most + 2e-5)) /* a bias before a normalisation has none */
            fail_msg("%s: gradients differ by %g of %g", e->name, off, most);
    }
    const float *loss = a + flat->tail + RT_SCALAR_LOSS;
    assert_true(fabs((double)*loss - (double)b[flat->tail + RT_SCALAR_LOSS]) < 1e-4);
    rt_run_close(together);
    rt_run_close(whole);
    rt_config_release(&cut);
    rt_config_release(&one);
}

static double loss_at(rt_run *r, const float *from, const float *direction, double h)
{
    const rt_flat *flat = rt_run_flat(r);
    for (int64_t i = 0; i < flat->count; i++)
        flat->param[i] = (float)((double)from[i] + h * (double)direction[i]);
    return (double)gradients_of(r, 4)[flat->tail + RT_SCALAR_LOSS];
}

/* Along the gradient g the loss of all slices rises by |g|^2. Sigmoids, since it must be smooth. */
static void the_gradient_is_that_of_the_loss(void **state)
{
    (void)state;
    static const char smooth[] =
        "model.layers=[{conv2d: {out: 4, kernel: 5, stride: 3}}, sync_batch_norm, sigmoid, "
        "flatten, {linear: 12}, sync_batch_norm, sigmoid, {linear: 10}]";
    rt_run *r;
    rt_config cfg = fixture_config(&f, smooth);
    must(open_alone(&cfg, &r));
    const rt_flat *flat = rt_run_flat(r);
    size_t bytes = (size_t)flat->count * sizeof(float);
    float *from = malloc(bytes), *g = malloc(bytes);
    memcpy(from, flat->param, bytes);
    memcpy(g, gradients_of(r, 4), bytes);
    for (int32_t i = 0; i < flat->entries; i++) { /* each parameter by itself */
        const rt_flat_entry *e = &flat->entry[i];
        double square = 0, h;
        float *part = calloc(1, bytes);
        for (int64_t k = e->begin; k < e->end; k++)
            square += (double)(part[k] = g[k]) * (double)g[k];
        h = 1e-2 / sqrt(square);
        double rise = (loss_at(r, from, part, h) - loss_at(r, from, part, -h)) / (2 * h);
        if (!(fabs(rise - square) < 1e-2 * square + 1e-4))
            fail_msg("%s: the loss rises by %g, expected %g", e->name, rise, square);
        free(part);
    }
    free(from);
    free(g);
    rt_run_close(r);
    rt_config_release(&cfg);
}

/* ---- the statistics as defined in docs/NUMERICS.md ---- */

enum { SLICES = 7, CHANNELS = 3, PLANE = 45, SAMPLES_MOST = 4 };

typedef struct values {
    int n;
    float x[SAMPLES_MOST][CHANNELS][PLANE];
} values;

static values given[SLICES];

/* S(fma: x - m, x - m) of a row, or S(x) without m: 16 lanes, folded. */
static float row_sum(const float *x, const float *m)
{
    float lane[16] = {0};
    for (int i = 0; i < PLANE; i++)
        lane[i % 16] = m ? fmaf(x[i] - *m, x[i] - *m, lane[i % 16]) : lane[i % 16] + x[i];
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static float channel_sum(const values *v, int c, const float *m)
{
    float sum = 0;
    for (int i = 0; i < v->n; i++)
        sum += row_sum(v->x[i][c], m);
    return sum;
}

/* Of slices [lo, hi): the number of values, their sum, and that of their squares. */
static void whole_sums(int64_t lo, int64_t hi, int c, double out[3])
{
    if (hi - lo == 1) {
        const values *v = &given[lo];
        double n = v->n * PLANE, s = (double)channel_sum(v, c, NULL);
        float m = (float)(s / n);
        double d = (double)channel_sum(v, c, &m), mean = (double)m;
        memcpy(out, (double[]){n, s, d + mean * (2 * s - n * mean)}, 3 * sizeof *out);
        return;
    }
    double right[3];
    int64_t middle = rt_tree_split(lo, hi);
    whole_sums(lo, middle, c, out);
    whole_sums(middle, hi, c, right);
    for (int i = 0; i < 3; i++)
        out[i] += right[i];
}

static void ask_for_moments(asker *a, int64_t slice)
{
    values *v = &given[slice];
    rt_tensor *m[2];
    int64_t count;
    rt_scope s = rt_scope_begin();
    rt_random_seek(1, 2, (uint32_t)slice);
    v->n = 1 + (int)slice % SAMPLES_MOST;
    rt_tensor *x = rt_normal(rt_shape(v->n, CHANNELS, PLANE), 3, 0.25);
    memcpy(v->x, rt_f32(x), (size_t)rt_numel(x) * sizeof(float));
    if (rt__whole_moments(x, m, &count) == RT_OK)
        for (int c = 0; c < CHANNELS; c++) {
            double sum[3];
            whole_sums(0, SLICES, c, sum);
            double mean = sum[1] / sum[0], var = (sum[2] - mean * sum[1]) / sum[0];
            if (count != (int64_t)sum[0] || rt_f32(m[0])[c] != (float)mean ||
                rt_f32(m[1])[c] != (float)var)
                note(a, "other statistics", slice);
        }
    rt_scope_end(s);
}

static void statistics_are_added_as_the_page_says(void **state)
{
    (void)state;
    rt_config cfg = fixture_config2(&f, FIXTURE_EXCHANGES, "parallel.slices=7");
    fixture_ranks(&cfg, 1, answers_body, (void *)ask_for_moments);
    rt_config_release(&cfg);
}

static void later_steps_allocate_nothing(void **state)
{
    (void)state;
    rt_run *r;
    rt_config cfg = fixture_config(&f, FIXTURE_EXCHANGES);
    must(open_alone(&cfg, &r));
    for (int64_t t = 0; t < 2; t++)
        must(step_alone(r, t));
    int64_t objects = rt_live_objects(), total = rt_mem_total();
    for (int64_t t = 2; t < 6; t++)
        must(step_alone(r, t));
    assert_int_equal(rt_live_objects(), objects);
    assert_int_equal(rt_mem_total(), total);
    rt_run_close(r);
    rt_config_release(&cfg);
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    bool failed = true;
    int failures = 0;
    rt_config cfg = fixture_config(&f, FIXTURE_EXCHANGES);
    for (int64_t n = 0; failed; n += 1 + n / 20) {
        rt_run *r;
        must(open_alone(&cfg, &r));
        rt_memory_trim();
        rt_mem_fail_after(n);
        rt_status status = step_alone(r, 0);
        rt_mem_fail_after(-1);
        failed = status != RT_OK;
        if (failed)
            assert_int_equal(status, RT_E_NOMEM);
        rt_error_clear();
        must(step_alone(r, 0)); /* whole again */
        rt_run_close(r);
        assert_int_equal(rt_live_objects(), 0);
        failures += failed;
    }
    assert_true(failures > 30);
    rt_config_release(&cfg);
}

static int set_up(void **state)
{
    (void)state;
    fixture_make(&f, 5);
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
        cmocka_unit_test(all_slices_get_what_they_ask_for),
        cmocka_unit_test(a_failing_slice_ends_all_ranks),
        cmocka_unit_test(a_rank_that_fails_is_not_waited_for),
        cmocka_unit_test(a_net_must_declare_that_it_exchanges),
        cmocka_unit_test(a_nan_is_traced_to_its_slice),
        cmocka_unit_test(the_first_step_is_that_of_batch_norm_on_the_whole_batch),
        cmocka_unit_test(the_gradient_is_that_of_the_loss),
        cmocka_unit_test(statistics_are_added_as_the_page_says),
        cmocka_unit_test(later_steps_allocate_nothing),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
