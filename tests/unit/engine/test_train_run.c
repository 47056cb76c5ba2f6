/* Tests of the parts of a step: which samples it takes, the same bits for any spread of slices, updates by range,
 * evaluation. */
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/config/optimizer_states.h"
#include "idx_files.h"
#include "most_threads.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "worker/engine/train/batches.h"
#include "worker/engine/train/run.h"
#include <math.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { TRAIN = 50, TEST = 23, SIDE = 12, SUMS = 8 /* of an evaluation, at most */ };
static char dir[FOLDER_MAX];

static rt_config configure(int64_t batch, const char *more);

/* The coordinator, which does not contain the engine, derives from the configuration what a checkpoint must hold. */
static void optimisers_have_the_states_that_checkpoints_must_hold(void **state)
{
    (void)state;
    static const char *const choices[][2] = {{"optimizer.name=adamw", "optimizer.eps=1.0e-8"},
                                             {"optimizer.name=sgd", "optimizer.momentum=0"},
                                             {"optimizer.name=sgd", "optimizer.momentum=0.9"}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        rt_config cfg = configure(10, choices[i][0]);
        rt_run *r;
        must(rt_config_set(&cfg, choices[i][1]));
        must(rt_run_open(&cfg, 1, &r));
        rt_optimizer_state expected[RT_OPTIMIZER_STATES_MAX];
        const char *name;
        int states = rt_config_optimizer_states(&cfg, expected);
        assert_int_equal(rt_optim_states(rt_run_optim(r)), states);
        for (int k = 0; k < states; k++) {
            assert_int_equal(expected[k].layout, RT_STATE_LIKE_PARAM);
            assert_non_null(rt_optim_state(rt_run_optim(r), k, &name));
            assert_string_equal(name, expected[k].name);
        }
        rt_run_close(r);
        rt_config_release(&cfg);
    }
}

static int make_data(void **state)
{
    (void)state;
    if (!folder_make(dir, "run"))
        return -1;
    bytes images = idx_images(TRAIN, SIDE, SIDE), labels = idx_labels(TRAIN);
    write_gzip(dir, "train-images-idx3-ubyte.gz", &images);
    write_file(dir, "train-labels-idx1-ubyte", &labels);
    images = idx_images(TEST, SIDE, SIDE);
    labels = idx_labels(TEST);
    write_file(dir, "t10k-images-idx3-ubyte", &images);
    write_gzip(dir, "t10k-labels-idx1-ubyte.gz", &labels);
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

static const char layers[] =
    "model.layers=[{conv2d: {out: 4, kernel: 3, padding: same}}, relu, {max_pool2d: 2}, "
    "flatten, {dropout: 0.3}, {linear: 600}, tanh, {linear: 10}]";

/* Returns a configuration for the test's data; `more` is one further assignment or NULL. */
static rt_config configure(int64_t batch, const char *more)
{
    rt_config cfg;
    char text[96];
    must(rt_config_default(&cfg));
    snprintf(text, sizeof text, "data.path=%s", dir);
    must(rt_config_set(&cfg, text));
    must(rt_config_set(&cfg, layers));
    cfg.data.batch = batch;
    cfg.run.steps = 40;
    if (more)
        must(rt_config_set(&cfg, more));
    return cfg;
}

static rt_run *open_run(int64_t batch, int64_t slices, const char *more)
{
    rt_config cfg = configure(batch, more);
    rt_run *r;
    must(rt_run_open(&cfg, slices, &r));
    rt_config_release(&cfg); /* the run does not need it any more */
    return r;
}

/* ---- samples ---- */

static void expect_samples(const rt__filled *f, int64_t position)
{
    const float *x = f->buffer[0].data;
    const int64_t *y = f->buffer[1].data;
    for (int64_t i = 0; i < f->n; i++) {
        int64_t p = position + i, id = rt_permutation(77, p / TRAIN, TRAIN, p % TRAIN);
        assert_int_equal(y[i], id % 10);
        assert_true(x[i * SIDE * SIDE + 5] == (float)((id * SIDE * SIDE + 5) % 256) / 255.0f);
    }
}

static void each_slice_has_the_samples_of_its_stream_positions(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_dataset *d = rt_data_mnist(dir, .train = true);
    static const int64_t shapes[][2] = {{8, 2}, {7, 3}, {50, 4}, {64, 5}, {1, 1}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        int64_t batch = shapes[k][0], slices = shapes[k][1];
        rt__batch_plan plan = {.data = d, .seed = 77, .batch = batch, .slices = slices};
        rt__batches *b;
        must(rt__batches_new(&plan, &b));
        for (int64_t step = 0; step < 30;
             step++) { /* several epochs, which may end within a batch */
            rt_range mine = {step / 10 % slices, slices};
            int64_t p = step * batch + rt_slice_samples(batch, slices, mine.begin).begin;
            must(rt__batches_hint(b, step, mine));
            for (int64_t slice = mine.begin; slice < slices; slice++) {
                const rt__filled *f;
                must(rt__batches_take(b, step, slice, &f));
                expect_samples(f, p);
                p += f->n;
                const rt__filled *other; /* samples of any other step, fetched in between */
                int64_t t = 7 * step % 30;
                must(rt__batches_again(b, t, slice, &other));
                expect_samples(other, t * batch + rt_slice_samples(batch, slices, slice).begin);
                expect_samples(f, p - f->n); /* must still be there */
            }
            assert_int_equal(p, (step + 1) * batch);
        }
        rt__batches_free(b);
    }
    rt_scope_end(s);
}

/* ---- the same bits, however slices are spread ---- */

/* Returns the sum over T[lo,hi) from the partial sums of all ranks; the caller frees it. */
static float *tree_sum(const rt_run_partial *parts, int count, int64_t length, int64_t lo,
                       int64_t hi)
{
    for (int i = 0; i < count; i++)
        if (parts[i].node.begin == lo && parts[i].node.end == hi) {
            float *copy = malloc((size_t)length * sizeof *copy);
            return memcpy(copy, parts[i].data, (size_t)length * sizeof *copy);
        }
    assert_true(hi - lo >= 2); /* otherwise a slice is missing */
    int64_t m = rt_tree_split(lo, hi);
    float *low = tree_sum(parts, count, length, lo, m),
          *high = tree_sum(parts, count, length, m, hi);
    for (int64_t i = 0; i < length; i++)
        low[i] = low[i] + high[i];
    free(high);
    return low;
}

/* Computes [0,S) in pieces that end at random places, as several ranks would. */
static float *sum_of_pieces(rt_run *r, int64_t step, int64_t slices, uint32_t *random)
{
    int64_t length = rt_run_flat(r)->length, at = 0;
    rt_run_partial all[64], mine[RT_TREE_NODES_MAX];
    int total = 0, count;
    while (at < slices) {
        *random = *random * 1664525u + 1013904223u;
        int64_t to = at + 1 + (*random >> 10) % (slices - at);
        must(rt_run_gradients(r, step, (rt_range){at, to}, mine, &count));
        for (int i = 0; i < count; i++) {
            assert_true(i == 0 ? mine[i].node.begin == at
                               : mine[i].node.begin == mine[i - 1].node.end);
            all[total] = mine[i];
            all[total].data = malloc((size_t)length * sizeof(float));
            memcpy(all[total++].data, mine[i].data, (size_t)length * sizeof(float));
        }
        assert_int_equal(mine[count - 1].node.end, to);
        rt_range nodes[RT_TREE_NODES_MAX];
        assert_int_equal(count, rt_tree_nodes(slices, at, to, nodes)); /* as few as possible */
        at = to;
    }
    float *sum = tree_sum(all, total, length, 0, slices);
    for (int i = 0; i < total; i++)
        free(all[i].data);
    return sum;
}

static void gradients_do_not_depend_on_how_slices_are_spread(void **state)
{
    (void)state;
    uint32_t random = 20261122;
    print_message("seed %u\n", random);
    for (int64_t slices = 1; slices <= 13; slices += slices < 8 ? 1 : 4) {
        rt_run *r = open_run(26, slices, NULL);
        const rt_flat *flat = rt_run_flat(r);
        size_t size = (size_t)flat->length * sizeof(float);
        float *whole = malloc(size);
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            must(rt_init("cpu", .threads = threads));
            rt_run_partial parts[RT_TREE_NODES_MAX];
            int count;
            must(rt_run_gradients(r, 5, (rt_range){0, slices}, parts, &count));
            assert_int_equal(count, 1);
            assert_ptr_equal(parts[0].data, flat->grad);
            if (threads == 1)
                memcpy(whole, flat->grad, size);
            else
                assert_memory_equal(whole, flat->grad, size);
            assert_true(flat->grad[flat->tail + RT_SCALAR_COUNT] == 26);
            float loss = flat->grad[flat->tail + RT_SCALAR_LOSS];
            assert_true(loss > 26 * 1.5f && loss < 26 * 4);
            for (int i = 0; i < 3; i++) {
                float *sum = sum_of_pieces(r, 5, slices, &random);
                if (memcmp(sum, whole, size) != 0)
                    fail_msg("%d slices, %d threads: other bits", (int)slices, threads);
                free(sum);
            }
        }
        free(whole);
        rt_run_close(r);
    }
    must(rt_init("cpu", .threads = 1));
}

static void gradients_differ_by_step_and_by_seed(void **state)
{
    (void)state;
    rt_run *a = open_run(8, 2, NULL), *b = open_run(8, 2, NULL), *c = open_run(8, 2, "run.seed=4");
    const rt_flat *fa = rt_run_flat(a), *fb = rt_run_flat(b), *fc = rt_run_flat(c);
    size_t size = (size_t)fa->length * sizeof(float);
    assert_memory_equal(fa->param, fb->param, size);
    assert_memory_not_equal(fa->param, fc->param, size);
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    must(rt_run_gradients(a, 0, (rt_range){0, 2}, parts, &count));
    must(rt_run_gradients(b, 1, (rt_range){0, 2}, parts, &count));
    assert_memory_not_equal(fa->grad, fb->grad, size);
    must(rt_run_gradients(b, 0, (rt_range){0, 2}, parts, &count)); /* back again */
    assert_memory_equal(fa->grad, fb->grad, size);
    rt_run_close(a);
    rt_run_close(b);
    rt_run_close(c);
}

/* ---- computed again ---- */

typedef struct audits {
    uint64_t owner[8], other[8];
    int owners, others;
} audits;

static void note_audit(void *ctx, int64_t step, int64_t slice, bool owner, uint64_t sum)
{
    audits *a = ctx;
    assert_int_equal(step, 5);
    (owner ? a->owner : a->other)[slice] = sum;
    ++*(owner ? &a->owners : &a->others);
}

/* An audit compares everything that a slice gives, dropout included; recomputing must not change the sums. */
static void a_slice_computed_again_has_the_same_bits(void **state)
{
    (void)state;
    enum { SLICES = 5 };
    audits a = {0};
    rt_run *r = open_run(26, SLICES, "run.audit=1"), *plain = open_run(26, SLICES, NULL);
    const rt_flat *flat = rt_run_flat(r);
    size_t size = (size_t)flat->length * sizeof(float);
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    rt_run_on_audit(r, note_audit, &a);
    must(rt_run_gradients(r, 5, (rt_range){0, 3}, parts, &count));
    assert_true(a.owners == 3 && a.others == 0);
    must(rt_run_audit(r, 5, (rt_range){0, SLICES}));
    assert_true(a.owners == 3 && a.others == SLICES);
    for (int s = 0; s < SLICES; s++) {
        if (s < 3)
            assert_true(a.owner[s] == a.other[s]);
        must(rt_run_gradients(plain, 5, (rt_range){s, s + 1}, parts, &count));
        assert_true(a.other[s] == rt_hash64(parts[0].data, size));
        for (int other = 0; other < s; other++)
            assert_true(a.other[s] != a.other[other]);
    }
    must(rt_run_gradients(r, 5, (rt_range){0, SLICES}, parts, &count));
    must(rt_run_audit(r, 5, (rt_range){1, 4}));
    must(rt_run_gradients(plain, 5, (rt_range){0, SLICES}, parts, &count));
    assert_memory_equal(flat->grad, rt_run_flat(plain)->grad, size);
    flat->param[flat->count - 1] += 1; /* like a memory fault */
    must(rt_run_audit(r, 5, (rt_range){2, 3}));
    assert_true(a.other[2] != a.owner[2]);
    rt_run_close(r);
    rt_run_close(plain);
}

/* ---- update ---- */

/* Copies the parameters of a layer from their homes while they are needed. */
static void fetch(void *ctx, rt_module *of, bool needed)
{
    rt_tensor *p;
    *(int *)ctx += needed;
    for (int i = 0; (p = rt_nn_own_param_at(of, i, NULL)); i++)
        must(needed ? rt_param_present(p, rt_clone(rt_param_home(p))) : rt_param_absent(p));
}

/* A run never reads the tensors of parameters, only their homes. */
static void runs_do_not_care_where_parameters_are(void **state)
{
    (void)state;
    char hash[2][65];
    double sums[2][SUMS];
    int calls[2] = {0};
    for (int away = 0; away < 2; away++) {
        rt_run *r = open_run(10, 2, "optimizer.name=lamb");
        rt_module *net = rt_run_net(r);
        int fetched = 0;
        for (int64_t i = 0; away && i < rt_nn_param_count(net); i++)
            must(rt_param_absent(rt_nn_param_at(net, i, NULL)));
        must(away ? rt_nn_on_need(net, fetch, &fetched) : RT_OK);
        for (int64_t step = 0; step < 3; step++) {
            rt_range all = {0, rt_run_flat(r)->length};
            rt_run_partial parts[RT_TREE_NODES_MAX];
            double squares[8];
            int count;
            must(rt_run_gradients(r, step, (rt_range){0, 2}, parts, &count));
            must(rt_run_sums(r, all, squares));
            rt_run_weigh(r, squares);
            must(rt_run_measure(r, step, 0, all, 0.5));
            must(rt_optim_settle(rt_run_optim(r), 0, step + 1));
            must(rt_run_update(r, step, all, 0.5));
        }
        must(rt_run_open_test(r));
        must(rt_run_eval_chunk(r, 0, sums[away]));
        must(rt_run_weights_sha256(r, hash[away]));
        calls[away] = fetched;
        rt_run_close(r);
    }
    assert_string_equal(hash[0], hash[1]);
    assert_memory_equal(sums[0], sums[1], sizeof(double));
    assert_true(calls[0] == 0 && calls[1] > 3 * 2 * 3);
}

static void updates_by_owned_ranges_are_one_update(void **state)
{
    (void)state;
    rt_run *a = open_run(10, 2, NULL), *b = open_run(10, 2, NULL);
    const rt_flat *fa = rt_run_flat(a), *fb = rt_run_flat(b);
    assert_true(fa->count > RT_BLOCK); /* several blocks, with the tail in the last one */
    for (int64_t step = 0; step < 3; step++) {
        rt_run_partial parts[RT_TREE_NODES_MAX];
        int count;
        must(rt_run_gradients(a, step, (rt_range){0, 2}, parts, &count));
        must(rt_run_gradients(b, step, (rt_range){0, 2}, parts, &count));
        must(rt_run_update(a, step, (rt_range){0, fa->length}, 0.5));
        for (int rank = 0; rank < 3; rank++) {
            double sums[8] = {0}, all[8];
            rt_range owned = rt_owned_by_rank(fb->length, 3, rank);
            must(rt_run_sums(a, (rt_range){0, fa->length}, all));
            must(rt_run_sums(b, owned, sums));
            for (int64_t block = owned.begin / RT_BLOCK;
                 block < rt_run_blocks(b) && block * RT_BLOCK < owned.end; block++)
                assert_true(sums[block] == all[block] && sums[block] > 0);
            int64_t loss = rt_run_blocks(b);
            assert_true(all[loss] == (double)fb->grad[fb->tail + RT_SCALAR_LOSS]);
            assert_true(sums[loss] == (owned.end == fb->length ? all[loss] : 0));
            must(rt_run_update(b, step, owned, 0.5));
        }
        assert_memory_equal(fa->param, fb->param, (size_t)fa->length * sizeof(float));
        assert_true(rt_run_loss(a) == rt_run_loss(b) && rt_run_loss(a) > 1.5 && rt_run_loss(a) < 4);
        assert_true(fa->param[fa->tail + RT_SCALAR_COUNT] == 10);
    }
    double sum;
    assert_int_equal(rt_run_sums(a, (rt_range){1, 2}, &sum), RT_E_RANGE);
    rt_error_clear();
    rt_run_close(a);
    rt_run_close(b);
}

static void a_skipped_update_commits_the_scalars_only(void **state)
{
    (void)state;
    rt_run *r = open_run(10, 2, NULL);
    const rt_flat *flat = rt_run_flat(r);
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    must(rt_run_gradients(r, 0, (rt_range){0, 2}, parts, &count));
    uint64_t before = rt_run_weights_hash64(r);
    flat->grad[flat->tail + RT_SCALAR_LOSS] = INFINITY;
    double sums[8];
    must(rt_run_sums(r, (rt_range){0, flat->length}, sums));
    int64_t blocks = rt_run_blocks(r);
    assert_true(rt_run_finite(sums, (rt_range){0, blocks}));
    assert_false(rt_run_finite(sums, (rt_range){0, blocks + 1}));
    rt_run_skip(r, 0, (rt_range){0, flat->length});
    assert_true(rt_run_weights_hash64(r) == before && isinf(rt_run_loss(r)));
    assert_int_equal(rt_optim_updates(rt_run_optim(r)), 1);
    assert_true(rt_optim_state(rt_run_optim(r), 0, NULL)[100] == 0);
    flat->param[flat->tail + RT_SCALAR_WEIGHT] = 0; /* no target counted */
    assert_true(isnan(rt_run_loss(r)));
    flat->param[flat->tail] = 5; /* no weight */
    assert_true(rt_run_weights_hash64(r) == before);
    flat->param[flat->count - 1] += 1;
    assert_true(rt_run_weights_hash64(r) != before);
    rt_run_close(r);
}

/* A step of plain SGD, weighted by 1/batch, changes parameters by minus the learning rate times the mean gradient. */
static void the_update_uses_the_mean_gradient(void **state)
{
    (void)state;
    rt_config cfg = configure(10, "optimizer.name=sgd");
    cfg.optimizer.lr = 0.5;
    cfg.schedule.warmup = 2;
    rt_run *r;
    must(rt_run_open(&cfg, 1, &r));
    rt_config_release(&cfg);
    const rt_flat *flat = rt_run_flat(r);
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    must(rt_run_gradients(r, 0, (rt_range){0, 1}, parts, &count));
    float before = flat->param[100], gradient = flat->grad[100];
    assert_true(gradient != 0 && rt_run_lr(r, 0) == 0.25 && rt_run_lr(r, 1) == 0.5);
    must(rt_run_update(r, 0, (rt_range){0, flat->length}, 1));
    assert_true(fabsf(flat->param[100] - (before - 0.25f * gradient / 10)) < 1e-6f);
    rt_run_close(r);
}

/* ---- evaluation ---- */

static void evaluation_counts_each_sample_once(void **state)
{
    (void)state;
    double losses[3], right[3];
    static const char *const sizes[] = {"data.eval_batch=5", "data.eval_batch=23",
                                        "data.eval_batch=1000"};
    for (int k = 0; k < 3; k++) {
        rt_run *r = open_run(8, 1, sizes[k]);
        assert_int_equal(rt_run_eval_samples(r), TEST);
        assert_int_equal(rt_run_eval_chunks(r), 2); /* of 16 samples */
        assert_true(rt_run_eval_sums(r) <= SUMS);
        losses[k] = 0;
        right[k] = 0;
        for (int64_t c = 0; c < rt_run_eval_chunks(r); c++) {
            double sums[SUMS];
            must(rt_run_eval_chunk(r, c, sums));
            losses[k] += sums[0];
            right[k] += sums[2];
        }
        double sums[SUMS];
        assert_int_equal(rt_run_eval_chunk(r, rt_run_eval_chunks(r), sums), RT_E_RANGE);
        rt_error_clear();

        rt_scope s = rt_scope_begin();
        rt_run_prediction o[RT_RUN_PREDICTIONS];
        int parts;
        must(rt_run_predict(r, 3, TEST, o, &parts));
        assert_int_equal(parts, 3);
        assert_string_equal(rt_dims_text(rt_dims_of(o[0].value)), "[20,1,12,12]");
        assert_string_equal(rt_dims_text(rt_dims_of(o[1].value)), "[20,10]");
        assert_string_equal(o[1].name, "logits");
        assert_int_equal(rt_i64(o[2].value)[0], 3);
        int64_t hits = 0;
        const int64_t *answer = rt_i64(rt_argmax(o[1].value, 1));
        for (int i = 0; i < 20; i++)
            hits += answer[i] == (i + 3) % 10;
        assert_true((double)hits <= right[k] && right[k] <= (double)hits + 3);
        assert_int_equal(rt_run_predict(r, 0, TEST + 1, o, &parts), RT_E_RANGE);
        rt_error_clear();
        rt_scope_end(s);
        rt_run_close(r);
    }
    assert_true(right[0] == right[1] && right[1] == right[2]);
    assert_true(losses[0] == losses[1] && losses[1] == losses[2]);
    assert_true(losses[0] / TEST > 1.5 && losses[0] / TEST < 4);
}

static void evaluation_leaves_training_alone(void **state)
{
    (void)state;
    rt_run *a = open_run(8, 2, NULL), *b = open_run(8, 2, NULL);
    for (int64_t step = 0; step < 3; step++) {
        rt_run_partial parts[RT_TREE_NODES_MAX];
        int count;
        double sums[SUMS];
        must(rt_run_gradients(a, step, (rt_range){0, 2}, parts, &count));
        must(rt_run_update(a, step, (rt_range){0, rt_run_flat(a)->length}, 1));
        must(rt_run_eval_chunk(b, 0, sums));
        must(rt_run_gradients(b, step, (rt_range){0, 2}, parts, &count));
        must(rt_run_update(b, step, (rt_range){0, rt_run_flat(b)->length}, 1));
    }
    char ha[65], hb[65];
    must(rt_run_weights_sha256(a, ha));
    must(rt_run_weights_sha256(b, hb));
    assert_string_equal(ha, hb);
    rt_run_close(a);
    rt_run_close(b);
}

/* ---- identity ---- */

static void layout_and_hash_name_the_parameters(void **state)
{
    (void)state;
    rt_run *r = open_run(8, 1, NULL);
    assert_string_equal(rt_run_layout(r),
                        "[{\"name\":\"0.weight\",\"dtype\":\"float32\",\"shape\":[4,1,3,3]},"
                        "{\"name\":\"0.bias\",\"dtype\":\"float32\",\"shape\":[4]},"
                        "{\"name\":\"5.weight\",\"dtype\":\"float32\",\"shape\":[600,144]},"
                        "{\"name\":\"5.bias\",\"dtype\":\"float32\",\"shape\":[600]},"
                        "{\"name\":\"7.weight\",\"dtype\":\"float32\",\"shape\":[10,600]},"
                        "{\"name\":\"7.bias\",\"dtype\":\"float32\",\"shape\":[10]}]");
    assert_int_equal(strlen(rt_run_layout_hash(r)), 16);

    /* The identity is known before the net is made. */
    char *before;
    rt_config cfg = configure(8, NULL);
    must(rt_run_find_layout(&cfg, NULL, &before));
    assert_string_equal(before, rt_run_layout(r));
    rt_mem_free(before);
    rt_config_release(&cfg);

    /* In order of names: bias before weight. */
    static const int order[] = {1, 0, 3, 2, 5, 4};
    const rt_flat *flat = rt_run_flat(r);
    char want[65], got[65];
    rt_sha256 h;
    must(rt_sha256_init(&h));
    for (int i = 0; i < 6; i++) {
        const rt_flat_entry *e = &flat->entry[order[i]];
        rt_sha256_update(&h, flat->param + e->begin, (size_t)(e->end - e->begin) * sizeof(float));
    }
    rt_sha256_hex(&h, want);
    must(rt_run_weights_sha256(r, got));
    assert_string_equal(got, want);
    flat->param[flat->tail] = 5; /* the tail is no weight */
    must(rt_run_weights_sha256(r, got));
    assert_string_equal(got, want);
    flat->param[flat->count - 1] += 1;
    must(rt_run_weights_sha256(r, got));
    assert_string_not_equal(got, want);
    rt_run_close(r);
}

/* ---- resources ---- */

static void phases(void *ctx, rt_phase phase, int64_t slice)
{
    char *text = ctx;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%s%d ", rt_phase_name(phase), (int)slice);
}

static void phases_are_told(void **state)
{
    (void)state;
    char text[256] = "";
    rt_run *r = open_run(8, 2, NULL);
    rt_run_on_phase(r, phases, text);
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    must(rt_run_gradients(r, 0, (rt_range){0, 2}, parts, &count));
    must(rt_run_update(r, 0, (rt_range){0, 100}, 1));
    assert_string_equal(text, "load0 forward0 backward0 load1 forward1 backward1 update-1 ");
    rt_run_close(r);
}

static void ignore_audit(void *ctx, int64_t step, int64_t slice, bool owner, uint64_t sum)
{
    (void)ctx, (void)step, (void)slice, (void)owner, (void)sum;
}

static void steps_after_the_first_allocate_nothing(void **state)
{
    (void)state;
    rt_run *r = open_run(26, 4, "run.audit=1");
    int64_t total = 0, objects = 0;
    rt_run_on_audit(r, ignore_audit, NULL);
    for (int64_t step = 0; step < 30; step++) {
        rt_run_partial parts[RT_TREE_NODES_MAX];
        int count;
        must(rt_run_gradients(r, step, (rt_range){0, 4}, parts, &count));
        must(rt_run_audit(r, step, (rt_range){step % 4, step % 4 + 1}));
        must(rt_run_update(r, step, (rt_range){0, rt_run_flat(r)->length}, 1));
        if (step == 3) {
            total = rt_mem_total();
            objects = rt_live_objects();
        }
    }
    assert_int_equal(rt_mem_total(), total);
    assert_int_equal(rt_live_objects(), objects);
    rt_run_close(r);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    must(rt_init("cpu", .threads = 1));
    rt_shutdown();
    rt_config cfg = configure(8, "run.audit=0.5");
    int64_t memory = rt_mem_live(), objects = rt_live_objects();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 2000);
        rt_mem_fail_after(n);
        rt_run *r = NULL;
        rt_run_partial parts[RT_TREE_NODES_MAX];
        int count;
        rt_status status = rt_run_open(&cfg, 2, &r);
        if (status == RT_OK)
            status = rt_run_gradients(r, 0, (rt_range){0, 2}, parts, &count);
        rt_mem_fail_after(-1);
        done = status == RT_OK;
        if (!done && rt_error_code() != RT_E_NOMEM)
            fail_msg("allocation %d: %s", n, rt_error());
        rt_error_clear();
        rt_run_close(r);
        rt_shutdown();
        if (rt_mem_live() != memory || rt_live_objects() != objects)
            fail_msg("allocation %d: something is left", n);
    }
    rt_config_release(&cfg);
}

/* ---- refusals ---- */

static void expect_no_run(int64_t batch, int64_t slices, const char *more, rt_status code,
                          const char *says)
{
    rt_config cfg = configure(batch, more);
    rt_run *r;
    rt_status got = rt_run_open(&cfg, slices, &r);
    if (got != code || !strstr(rt_error(), says))
        fail_msg("%s: got %s: \"%s\", expected \"%s\"", more ? more : "-", rt_status_name(got),
                 rt_error(), says);
    assert_null(r);
    rt_error_clear();
    rt_config_release(&cfg);
}

/* A net may have more outputs than there are classes (EMNIST counts its letters from 1). A run without evaluation
 * needs no test set; evaluating it all the same gives an error that says what is missing. */
static void test_set_is_opened_only_if_needed(void **state)
{
    (void)state;
    char t10k[128], aside[160];
    snprintf(t10k, sizeof t10k, "%s/t10k-images-idx3-ubyte", dir);
    snprintf(aside, sizeof aside, "%s.aside", t10k);
    rt_run *r = open_run(8, 2, "model.layers=[flatten, {linear: 12}]");
    assert_int_equal(rt_run_eval_samples(r), TEST);
    rt_run_close(r);
    assert_int_equal(rename(t10k, aside), 0);
    expect_no_run(8, 2, NULL, RT_E_NOTFOUND, "t10k-images-idx3-ubyte");
    r = open_run(8, 2, "evaluate.final=false");
    assert_int_equal(rt_run_open_test(r), RT_E_NOTFOUND);
    rt_error_clear();
    assert_int_equal(rename(aside, t10k), 0);
    must(rt_run_open_test(r));
    assert_int_equal(rt_run_eval_samples(r), TEST);
    rt_run_close(r);
}

static void wrong_configurations_are_refused(void **state)
{
    (void)state;
    expect_no_run(3, 4, NULL, RT_E_CONFIG, "4 slices of a batch of 3");
    expect_no_run(8, 1, "data.path=/no/such/folder", RT_E_NOTFOUND, "/no/such/folder");
    expect_no_run(8, 1, "model.layers=[flatten, {linear: 9}]", RT_E_RANGE,
                  "the last layer of the model has 9 outputs");
    expect_no_run(8, 1, "model.layers=[{linear: 10}]", RT_E_CONFIG,
                  "gives [1,12,10] for each sample");
    expect_no_run(8, 1, "model.layers=[flatten, {liner: 10}]", RT_E_CONFIG,
                  "model.layers[1]: unknown layer 'liner'");
    expect_no_run(8, 1, "model.freeze=['9.*']", RT_E_NOTFOUND,
                  "model.freeze[0]: freeze: no parameter matches \"9.*\"");
    expect_no_run(8, 1, "model.freeze=['*.weight', '*.bias']", RT_E_CONFIG,
                  "model.freeze: no parameter is left");
    expect_no_run(8, 1, "run.steps=5000000000", RT_E_CONFIG, "run.steps");
    rt_run *r = open_run(8, 2, NULL);
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    assert_int_equal(rt_run_gradients(r, 0, (rt_range){1, 3}, parts, &count), RT_E_RANGE);
    rt_error_clear();
    assert_int_equal(rt_run_gradients(r, 40, (rt_range){0, 2}, parts, &count), RT_E_RANGE);
    rt_error_clear();
    rt_run_close(r);
}

static void steps_follow_from_epochs(void **state)
{
    (void)state;
    rt_config cfg = configure(8, NULL);
    cfg.run.steps = 0;
    cfg.run.epochs = 3;
    cfg.data.limit = 21;
    rt_run *r;
    must(rt_run_open(&cfg, 1, &r));
    assert_int_equal(rt_run_samples(r), 21);
    assert_int_equal(rt_run_steps(r), 8); /* 63 samples, 8 at a time */
    rt_run_close(r);
    rt_config_release(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slice_has_the_samples_of_its_stream_positions),
        cmocka_unit_test(gradients_do_not_depend_on_how_slices_are_spread),
        cmocka_unit_test(gradients_differ_by_step_and_by_seed),
        cmocka_unit_test(a_slice_computed_again_has_the_same_bits),
        cmocka_unit_test(runs_do_not_care_where_parameters_are),
        cmocka_unit_test(updates_by_owned_ranges_are_one_update),
        cmocka_unit_test(a_skipped_update_commits_the_scalars_only),
        cmocka_unit_test(the_update_uses_the_mean_gradient),
        cmocka_unit_test(evaluation_counts_each_sample_once),
        cmocka_unit_test(evaluation_leaves_training_alone),
        cmocka_unit_test(layout_and_hash_name_the_parameters),
        cmocka_unit_test(optimisers_have_the_states_that_checkpoints_must_hold),
        cmocka_unit_test(phases_are_told),
        cmocka_unit_test(steps_after_the_first_allocate_nothing),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(test_set_is_opened_only_if_needed),
        cmocka_unit_test(wrong_configurations_are_refused),
        cmocka_unit_test(steps_follow_from_epochs),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
