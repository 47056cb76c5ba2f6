/* Tests of tasks: which task a data set gets by default, which data and nets fit it, losses, weights and metrics compared with
 * formulas, and that parts of a batch add up to the whole. */
#include "check.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "tests/golden/tasks.h"
#include "tests/support/outcome.h"
#include "worker/engine/tasks/task.h"
#include <math.h>
#include <string.h>

static int set_up(void **state)
{
    (void)state;
    return rt_init("cpu", .threads = 1) == RT_OK ? 0 : -1;
}

enum { N = 6, CLASSES = 3, TOKENS = 4, WORDS = 5 };

static const float logits[N * CLASSES] = {2,  -1, 0,    0.5f, 0.25f,  -2,   1,  1, 1,
                                          -3, 4,  1.5f, 0,    0.125f, 0.5f, -1, 0, 2};
static const int64_t labels[N] = {0, 1, 2, 1, 2, 0};

static rt_tensor *floats(const float *x, rt_dims dims)
{
    return rt_from(x, dims, RT_F32);
}

static rt_tensor *integers(const int64_t *x, rt_dims dims)
{
    return rt_from(x, dims, RT_I64);
}

/* Returns -log softmax of a row at its label. */
static double loss_of(const float *row, int classes, int64_t label)
{
    double sum = 0;
    for (int i = 0; i < classes; i++)
        sum += exp((double)row[i]);
    return log(sum) - (double)row[label];
}

static rt_config config(const char *const *sets)
{
    rt_config cfg;
    must(rt_config_default(&cfg));
    for (; *sets; sets++)
        must(rt_config_set(&cfg, *sets));
    return cfg;
}
#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static rt_dataset *images(void)
{
    return rt_data_tensors({"x", rt_zeros(rt_shape(N, 2))},
                           {"y", integers(labels, rt_shape(N)), .classes = CLASSES});
}

static rt_dataset *table(void)
{
    return rt_data_tensors({"x", rt_zeros(rt_shape(N, 2))}, {"y", rt_zeros(rt_shape(N, 2))});
}

static rt_dataset *text(bool masked)
{
    rt_tensor *tokens = rt_zeros(rt_shape(N, TOKENS), RT_I64);
    return masked ? rt_data_tensors({"tokens", tokens, .classes = WORDS},
                                    {"targets", tokens, .classes = WORDS},
                                    {"mask", rt_zeros(rt_shape(N, TOKENS))})
                  : rt_data_tensors({"tokens", tokens, .classes = WORDS},
                                    {"targets", tokens, .classes = WORDS});
}

/* Returns more samples than are examined at a time, all of one class. */
static rt_dataset *same(void)
{
    rt_tensor *y = rt_full(rt_shape(100), 1, RT_I64);
    return rt_data_tensors({"x", rt_zeros(rt_shape(100, 2))}, {"y", y, .classes = CLASSES});
}

static rt_dataset *nothing(void)
{
    return rt_data_tensors({"x", rt_zeros(rt_shape(N, 2))});
}

static rt_dataset *set_of(const char *kind)
{
    return strcmp(kind, "images") == 0   ? images()
           : strcmp(kind, "same") == 0   ? same()
           : strcmp(kind, "table") == 0  ? table()
           : strcmp(kind, "text") == 0   ? text(false)
           : strcmp(kind, "masked") == 0 ? text(true)
                                         : nothing();
}

/* Chooses the task by name or by fields and checks whether outputs of a shape fit. said: what the error names; NULL: no error. */
static void tasks_fit_or_say_why_not(void **state)
{
    (void)state;
    static const struct {
        const char *set, *name, *option, *task;
        rt_dims output;
        const char *said;
    } rows[] = {
        {"images", "auto", NULL, "classification", {1, {CLASSES}}, NULL},
        {"images", "auto", NULL, "classification", {1, {CLASSES + 2}}, NULL},
        {"images", "auto", NULL, "classification", {1, {2}}, "has 2 outputs, one for each class"},
        {"images", "auto", NULL, "classification", {2, {2, 2}}, "gives [2,2] for each sample"},
        {"images", "classification", "task.weights=1,2,3", "classification", {1, {CLASSES}}, NULL},
        {"images",
         "classification",
         "task.weights=1,2",
         "classification",
         {1, {CLASSES}},
         "2 numbers, expected 3"},
        {"images", "classification", "task.weights=1,x", NULL, {0}, "task.weights: 'x'"},
        {"images", "classification", "task.weights=1;2", NULL, {0}, "task.weights: '1;2'"},
        {"images", "classification", "task.weights=1,-2", NULL, {0}, "task.weights: '-2'"},
        {"images",
         "classification",
         "task.weights=1,1e-45,1",
         NULL,
         {0},
         "task.weights: '1e-45,1'"},
        {"images",
         "classification",
         "task.weights=1,0,1e-30",
         "classification",
         {1, {CLASSES}},
         NULL},
        {"images", "language", NULL, NULL, {0}, "x float32 [2], y int64 []"},
        {"images", "regression", NULL, NULL, {0}, "not a task for this data set"},
        {"table", "auto", NULL, "regression", {1, {2}}, NULL},
        {"table", "auto", NULL, "regression", {1, {3}}, "gives [3] for each sample, expected [2]"},
        {"table", "classification", NULL, NULL, {0}, "y float32 [2]"},
        {"text", "auto", NULL, "language", {2, {TOKENS, WORDS}}, NULL},
        {"masked", "auto", NULL, "language", {2, {TOKENS, WORDS}}, NULL},
        {"text", "auto", NULL, "language", {1, {WORDS}}, "expected [4,5]"},
        {"text", "auto", NULL, "language", {2, {TOKENS - 1, WORDS}}, "expected [4,5]"},
        {"text",
         "auto",
         NULL,
         "language",
         {2, {TOKENS, WORDS - 1}},
         "has 4 outputs for each token"},
        {"text", "regression", NULL, NULL, {0}, "tokens int64 [4], targets int64 [4]"},
        {"nothing",
         "auto",
         NULL,
         NULL,
         {0},
         "no task fits this data set: its samples are x float32 [2]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[64];
        snprintf(name, sizeof name, "task.name=%s", rows[i].name);
        rt_config cfg = config(SETS(name, rows[i].option));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = set_of(rows[i].set);
        rt_status status = rt__task_open(&t, &cfg, NULL, d);
        assert_int_equal(status == RT_OK, rows[i].task != NULL);
        if (status == RT_OK) {
            assert_string_equal(t.row->name, rows[i].task);
            status = rt__task_check(&t, d, &rows[i].output, 1);
        }
        if ((status == RT_OK) != (rows[i].said == NULL) ||
            (rows[i].said && !strstr(rt_error(), rows[i].said)))
            fail_msg("row %zu: %s", i, rt_error());
        rt_error_clear();
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* Makes a batch of some of the samples: tensors by name, as the loaders give them. */
static rt_batch batch_of(const rt_dataset *d, int64_t begin, int64_t end, rt_tensor *const *field)
{
    rt_batch b = {.n = end - begin};
    b.fields = rt_data_fields(d, &b.about);
    for (int i = 0; i < b.fields; i++)
        b.field[i] = rt_contiguous(rt_narrow(field[i], 0, begin, end - begin));
    return b;
}

/* Checks loss and weight of the whole batch, and that the parts add up to them; scores likewise. */
static rt_metrics add_up(const rt_task *t, const rt_dataset *d, rt_tensor *const *field,
                         rt_tensor *outputs, double loss, double weight)
{
    static const int64_t cuts[] = {0, 1, 4, N};
    double losses = 0, weights = 0, sums[16] = {0};
    rt_metrics m = {0};
    assert_true(t->sums <= 16);
    for (int i = 0; i < 3; i++) {
        double w, part[16];
        rt_batch b = batch_of(d, cuts[i], cuts[i + 1], field);
        rt_tensor *o = rt_contiguous(rt_narrow(outputs, 0, cuts[i], cuts[i + 1] - cuts[i]));
        losses += rt_item(t->row->loss(t, &o, &b, &w));
        assert_true(!t->row->weigh || t->row->weigh(t, &b) == w);
        weights += w;
        must(t->row->score(t, &o, &b, part));
        for (int64_t k = 0; k < t->sums; k++)
            sums[k] += part[k];
    }
    if (fabs(losses - loss) > 1e-5 * (1 + fabs(loss)) || fabs(weights - weight) > 1e-6 * weight)
        fail_msg("%s: loss %.9g, expected %.9g; weight %.9g, expected %.9g", t->row->name, losses,
                 loss, weights, weight);
    assert_true(t->weight == 0 || t->weight * N == weight);
    t->row->tell(t, sums, &m);
    assert_string_equal(m.metric[0].name, "loss");
    for (int64_t i = 0; i < m.count; i++) /* all metrics that the rows list, in their order */
        assert_true(rt_metric_in_task(rt_metric_find(m.metric[i].name), t->row->name));
    return m;
}

static void expect(const rt_metrics *m, const char *name, double value)
{
    double got = rt_metrics_get(m, name);
    if (!(fabs(got - value) <= 1e-6 * (1 + fabs(value))))
        fail_msg("%s: %.9g, expected %.9g", name, got, value);
}

static void classification_counts_what_it_is_told_to(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        double weight[CLASSES]; /* of a sample of each class in the loss */
        double counts[CLASSES]; /* in the accuracy */
    } rows[] = {
        {NULL, {1, 1, 1}, {1, 1, 1}},
        {"task.ignore=1", {1, 0, 1}, {1, 0, 1}},
        {"task.ignore=7", {1, 1, 1}, {1, 1, 1}},
        {"task.weights=0.5,2,0", {0.5, 2, 0}, {1, 1, 1}},
    };
    /* of equal outputs, the first counts */
    static const bool right[N] = {true, false, false, true, true, false};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config cfg = config(SETS("task.name=classification", rows[i].option));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = images();
        must(rt__task_open(&t, &cfg, NULL, d));
        double loss = 0, weight = 0, hits = 0, counted = 0;
        for (int k = 0; k < N; k++) {
            loss += rows[i].weight[labels[k]] * loss_of(logits + k * CLASSES, CLASSES, labels[k]);
            weight += rows[i].weight[labels[k]];
            hits += right[k] ? rows[i].counts[labels[k]] : 0;
            counted += rows[i].counts[labels[k]];
        }
        rt_tensor *field[] = {rt_zeros(rt_shape(N, 2)), integers(labels, rt_shape(N))};
        rt_metrics m = add_up(&t, d, field, floats(logits, rt_shape(N, CLASSES)), loss, weight);
        expect(&m, "loss", loss / weight);
        expect(&m, "accuracy", hits / counted);
        assert_int_equal(t.weight == 1, i == 0); /* otherwise it depends on the data */
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* With class weights, smoothing and an ignored label in every combination, losses and weights of the net must be PyTorch's. */
static void classification_is_that_of_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_tasks / sizeof *golden_tasks; i++) {
        const struct golden_task *g = &golden_tasks[i];
        rt_config cfg =
            config(SETS("task.name=classification", g->smoothing, g->ignore, g->weights));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = images();
        must(rt__task_open(&t, &cfg, NULL, d));
        rt_tensor *field[] = {rt_zeros(rt_shape(N, 2)), integers(labels, rt_shape(N))};
        rt_batch b = batch_of(d, 0, N, field);
        rt_tensor *x = floats(logits, rt_shape(N, CLASSES));
        for (int step = 0; step < TASKS_STEPS; step++) {
            double weight;
            rt_tensor *leaf = rt_param(x), *loss = t.row->loss(&t, &leaf, &b, &weight);
            must(rt_backward(loss));
            if (!(fabs(rt_item(loss) / weight - g->loss[step]) <= 1e-5))
                fail_msg("row %zu, step %d: loss %.9g, expected %.9g", i, step,
                         rt_item(loss) / weight, g->loss[step]);
            x = rt_sub(rt_detach(leaf), rt_mul_scalar(rt_grad_of(leaf), 1 / weight));
            rt_free(leaf);
        }
        for (int k = 0; k < N * CLASSES; k++)
            if (!(fabs((double)rt_f32(x)[k] - g->logits[k]) <= 1e-5))
                fail_msg("row %zu: logit %d is %.9g, expected %.9g", i, k, (double)rt_f32(x)[k],
                         g->logits[k]);
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* A data set in which nothing counts is refused; the error names the keys responsible. */
static void what_counts_nothing_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *task, *options[2], *said;
    } rows[] = {
        {"images", "classification", {"task.weights=0,0,0"}, "change task.weights"},
        {"images", "classification", {"task.weights=0,0,1"}, NULL},
        {"images", "classification", {"task.ignore=0"}, NULL},
        {"same", "classification", {"task.ignore=1"}, "change task.ignore"},
        {"same", "classification", {"task.ignore=0"}, NULL},
        {"same",
         "classification",
         {"task.ignore=0", "task.weights=1,0,1"},
         "change task.ignore and task.weights"},
        {"text", "language", {"task.ignore=0"}, "change task.ignore"},
        {"text", "language", {"task.ignore=1"}, NULL},
        {"masked", "language", {NULL}, "nothing in the test samples counts"},
        {"masked", "language", {"task.ignore=1"}, "data.separator or task.ignore"},
        {"table", "regression", {NULL}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[64];
        snprintf(name, sizeof name, "task.name=%s", rows[i].task);
        rt_config cfg = config(SETS(name, rows[i].options[0], rows[i].options[1]));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = set_of(rows[i].set);
        must(rt__task_open(&t, &cfg, NULL, d));
        rt_status status = rt__task_check_weight(&t, "test", d);
        assert_int_equal(status, rows[i].said ? RT_E_CONFIG : RT_OK);
        if (rows[i].said && !strstr(rt_error(), rows[i].said))
            fail_msg("row %zu: %s", i, rt_error());
        rt_error_clear();
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* Targets that are masked out or ignored change neither loss nor weight nor gradient. */
static void language_counts_tokens(void **state)
{
    (void)state;
    for (int row = 0; row < 4; row++) {
        bool masked = row & 1, ignores = row & 2;
        rt_config cfg = config(SETS("task.name=language", ignores ? "task.ignore=2" : NULL));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = text(masked);
        must(rt__task_open(&t, &cfg, NULL, d));
        float out[N * TOKENS * WORDS], mask[N * TOKENS];
        int64_t target[N * TOKENS];
        double loss = 0, weight = 0;
        for (int k = 0; k < N * TOKENS; k++) {
            for (int j = 0; j < WORDS; j++)
                out[k * WORDS + j] = (float)((k * 7 + j * 3) % 11) / 4;
            target[k] = k * 3 % WORDS;
            mask[k] = k % 3 == 0 ? 0 : 1;
            double counts = (ignores && target[k] == 2) || (masked && mask[k] == 0) ? 0 : 1;
            loss += counts * loss_of(out + k * WORDS, WORDS, target[k]);
            weight += counts;
        }
        rt_tensor *targets = integers(target, rt_shape(N, TOKENS));
        rt_tensor *field[] = {targets, targets, floats(mask, rt_shape(N, TOKENS))};
        rt_tensor *outputs = floats(out, rt_shape(N, TOKENS, WORDS));
        rt_metrics m = add_up(&t, d, field, outputs, loss, weight);
        expect(&m, "loss", loss / weight);
        expect(&m, "perplexity", exp(loss / weight));
        assert_int_equal(t.weight == 0, row > 0);

        rt_batch b = batch_of(d, 0, N, field);
        double w;
        rt_tensor *leaf = rt_param(outputs);
        must(rt_backward(t.row->loss(&t, &leaf, &b, &w)));
        const float *grad = rt_f32(rt_grad_of(leaf));
        for (int k = 0; k < N * TOKENS; k++) {
            bool counts = !(ignores && target[k] == 2) && !(masked && mask[k] == 0);
            assert_int_equal(grad[k * WORDS + target[k]] != 0, counts);
        }
        rt_free(leaf);
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* R2 as scikit-learn computes it: for each target separately, then the mean. */
static void regression_tells_errors_and_r2(void **state)
{
    (void)state;
    static const float y[N * 2] = {1, 1e3f, 2, 1001, -1, 1002, 0.5f, 999, 3, 1000, 0, 1003};
    static const float guess[N * 2] = {1.5f, 1e3f, 2, 1000, 0, 1002, 1, 1000, 2, 1000, -1, 1001};
    for (int absolute = 0; absolute < 2; absolute++) {
        rt_config cfg =
            config(SETS("task.name=regression", absolute ? "task.loss=mae" : "task.loss=mse"));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = table();
        must(rt__task_open(&t, &cfg, NULL, d));
        double error = 0, square = 0, r2 = 0;
        for (int j = 0; j < 2; j++) {
            double mean = 0, residual = 0, deviation = 0;
            for (int i = 0; i < N; i++)
                mean += (double)y[2 * i + j] / N;
            for (int i = 0; i < N; i++) {
                double e = (double)guess[2 * i + j] - (double)y[2 * i + j];
                residual += e * e;
                error += fabs(e);
                deviation += ((double)y[2 * i + j] - mean) * ((double)y[2 * i + j] - mean);
            }
            square += residual;
            r2 += (1 - residual / deviation) / 2;
        }
        rt_tensor *field[] = {rt_zeros(rt_shape(N, 2)), floats(y, rt_shape(N, 2))};
        rt_metrics m =
            add_up(&t, d, field, floats(guess, rt_shape(N, 2)), absolute ? error : square, 2 * N);
        expect(&m, "loss", (absolute ? error : square) / (2 * N));
        expect(&m, "mse", square / (2 * N));
        expect(&m, "mae", error / (2 * N));
        expect(&m, "r2", r2);
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* A constant target has no deviation: R2 is 1 if the net meets it, 0 if not, and NaN if the net's output is NaN. */
static void r2_of_a_constant(void **state)
{
    (void)state;
    static const struct {
        float guess;
        double r2;
    } rows[] = {{0.1f, 1}, {0.2f, 0}, {NAN, NAN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config cfg = config(SETS("task.name=regression"));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = table();
        must(rt__task_open(&t, &cfg, NULL, d));
        rt_tensor *field[] = {rt_zeros(rt_shape(N, 2)),
                              rt_full(rt_shape(N, 2), (double)0.1f, RT_F32)};
        rt_batch b = batch_of(d, 0, N, field);
        double sums[16];
        rt_metrics m = {0};
        rt_tensor *guess = rt_full(rt_shape(N, 2), (double)rows[i].guess, RT_F32);
        must(t.row->score(&t, &guess, &b, sums));
        t.row->tell(&t, sums, &m);
        double r2 = rt_metrics_get(&m, "r2");
        assert_true(isnan(rows[i].r2) ? isnan(r2) : r2 == rows[i].r2);
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* ---- rows of users, which leave out what has a default ---- */

static rt_tensor *plain_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                             double *weight)
{
    (void)t;
    *weight = (double)b->n;
    return rt_sum(rt_abs(rt_sub(results[0], rt_batch_field(b, "y"))));
}

static rt_status plain_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                             double *sums)
{
    sums[0] = rt_item(plain_loss(t, results, b, &sums[1]));
    sums[2] = 3.0 * (double)b->n;
    return rt_error_code();
}

/* Each sample counts its first input, which only the data tell. */
static double heavy_weigh(const rt_task *t, const rt_batch *b)
{
    (void)t;
    return rt_item(rt_sum(rt_narrow(rt_batch_field(b, "x"), 1, 0, 1)));
}

static rt_tensor *heavy_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                             double *weight)
{
    rt_tensor *weights = rt_narrow(rt_batch_field(b, "x"), 1, 0, 1);
    *weight = heavy_weigh(t, b);
    return rt_sum(rt_mul(rt_abs(rt_sub(results[0], rt_batch_field(b, "y"))), weights));
}

static rt_status three_sums(rt_task *t, const void *options, const rt_dataset *d)
{
    (void)options, (void)d;
    t->sums = 3;
    t->weight = 1;
    return RT_OK;
}

static void a_loss_is_a_task(void **state)
{
    (void)state;
    static const rt_metric_row metrics[] = {{"three", "three", "three times one"}, {NULL}};
    static const rt_task_row rows[] = {
        {.name = "plain", .help = "a loss", .target = "y", .loss = plain_loss},
        {.name = "plain",
         .help = "a metric",
         .target = "y",
         .loss = plain_loss,
         .score = plain_score,
         .metrics = metrics},
        {.name = "plain",
         .help = "weights",
         .target = "y",
         .weigh = heavy_weigh,
         .loss = heavy_loss},
    };
    for (int i = 0; i < 3; i++) {
        rt_config cfg = config(SETS(NULL));
        rt_scope s = rt_scope_begin();
        rt_task t;
        rt_dataset *d = table();
        must(rt__task_open(&t, &cfg, &rows[i], d));
        assert_int_equal(t.sums, i == 1 ? 3 : 2);
        assert_true(t.weight == (i == 2 ? 0 : 1)); /* 0: .weigh says it */
        assert_int_equal(rt__task_results(t.row), 1);
        assert_string_equal(rt__task_result_name(t.row, 0), "predictions");
        assert_string_equal(rt__task_target_name(t.row), "y");
        rt_tensor *field[] = {rt_full(rt_shape(N, 2), 3, RT_F32), rt_zeros(rt_shape(N, 2))};
        rt_tensor *guess = rt_full(rt_shape(N, 2), 0.5, RT_F32);
        rt_batch b = batch_of(d, 0, N, field);
        double sums[3];
        rt_metrics m = {0};
        must(rt__task_score(&t, &guess, &b, sums));
        must(rt__task_tell(&t, sums, &m));
        assert_int_equal(m.count, i == 1 ? 2 : 1);
        assert_true(rt_metrics_get(&m, "loss") == 1);
        assert_true(i != 1 || rt_metrics_get(&m, "three") == 3);
        assert_true(sums[1] == (i == 2 ? 3 * N : N));
        rt__task_close(&t);
        rt_scope_end(s);
        rt_config_release(&cfg);
    }
}

/* What is left to the library must be counted as it counts. */
static void sums_of_ones_own_need_functions_of_ones_own(void **state)
{
    (void)state;
    static const rt_task_row row = {
        .name = "plain", .help = "a loss", .target = "y", .loss = plain_loss, .open = three_sums};
    rt_config cfg = config(SETS(NULL));
    rt_scope s = rt_scope_begin();
    rt_task t;
    assert_int_equal(rt__task_open(&t, &cfg, &row, table()), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(),
                           ".open set sums to 3, expected 2, since the row has no .tell: "
                           "of losses, of weights, and of each of .metrics"));
    rt_error_clear();
    rt__task_close(&t);
    rt_scope_end(s);
    rt_config_release(&cfg);
}

static int shut_down(void **state)
{
    (void)state;
    rt_shutdown();
    return rt_mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_fit_or_say_why_not),
        cmocka_unit_test(classification_counts_what_it_is_told_to),
        cmocka_unit_test(classification_is_that_of_pytorch),
        cmocka_unit_test(what_counts_nothing_is_refused),
        cmocka_unit_test(language_counts_tokens),
        cmocka_unit_test(regression_tells_errors_and_r2),
        cmocka_unit_test(r2_of_a_constant),
        cmocka_unit_test(a_loss_is_a_task),
        cmocka_unit_test(sums_of_ones_own_need_functions_of_ones_own),
    };
    return cmocka_run_group_tests(tests, set_up, shut_down);
}
