/* A plugin with one of each: an operation with its gradient, a layer that uses it, an update rule, a schedule, a data set, a task and a
 * job back end.
 *
 *     make -C examples/plugin CPPFLAGS=-I$PWD/include
 *     ringtorch train examples/plugin/hills.yaml -n 2
 *     RINGTORCH_JOBS=mpiexec ringtorch train examples/plugin/hills.yaml -n 2
 *
 * It needs the public headers and is linked with nothing; docs/PLUGINS.md explains it piece by piece. */
#include <math.h>
#include <ringtorch/ringtorch.h>

/* ---- an operation: y = scale x / (1 + |x|) ---- */

#define SQUASH_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")                                              \
    F(NUMBER, scale, 1, RT_WITHIN(-1e6, 1e6), "what y comes near to for large x")
typedef struct squash_args {
    RT_STRUCT(SQUASH_FIELDS)
} squash_args;

static rt_status squash_infer(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status squash_run(rt_call *c)
{
    const squash_args *a = c->args;
    const float *x = rt_f32(c->in[0]), scale = (float)a->scale;
    float *y = rt_f32(c->out[0]);
    for (int64_t i = 0; i < rt_numel(c->out[0]); i++)
        y[i] = scale * x[i] / (1 + fabsf(x[i]));
    return RT_OK;
}

/* d x = d y scale / (1 + |x|)^2 */
static void squash_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const squash_args *a = c->args;
    rt_tensor *q = rt_add_scalar(rt_abs(c->in[0]), 1);
    dx[0] = rt_mul_scalar(rt_div(dy[0], rt_mul(q, q)), a->scale);
}

static const rt_op squash = {
    .name = "squash",
    .help = "scale x / (1 + |x|)",
    RT_ARGS(squash_args, SQUASH_FIELDS),
    .infer = squash_infer,
    .run = squash_run,
    .backward = squash_backward,
    .saves_in = 1, /* backward reads x */
};

/* ---- a layer: squash(x w^T + b) ---- */

#define SQUASHED_FIELDS(F)                                                                         \
    F(INT, in, RT_NEEDED, RT_INFERRED(RT_FROM(1)), "features of the input")                        \
    F(INT, out, RT_NEEDED, RT_WITHIN(1, 1 << 20), "features of the result")                        \
    F(NUMBER, scale, 1, RT_WITHIN(1e-3, 1e3), "largest result")
typedef struct squashed_options {
    RT_STRUCT(SQUASHED_FIELDS)
} squashed_options;

typedef struct squashed {
    rt_module base;
    rt_tensor *weight, *bias;
    double scale;
} squashed;

static rt_tensor *squashed_forward(rt_module *m, rt_tensor *x)
{
    squashed *s = (squashed *)m;
    rt_tensor *sum = rt_linear(x, s->weight, .bias = s->bias);
    return rt_apply(&squash, &(squash_args){.x = sum, .scale = s->scale});
}

static rt_status squashed_infer(void *options, rt_nn_sample *at)
{
    squashed_options *o = options;
    o->in = at->dims.n > 0 ? at->dims.d[at->dims.n - 1] : 0;
    if (o->in < 1)
        return rt_fail(RT_E_CONFIG, "needs samples with features, got %s", rt_dims_text(at->dims));
    at->dims.d[at->dims.n - 1] = o->out;
    return RT_OK;
}

static rt_module *squashed_make(const void *options)
{
    static const rt_module_type type = {
        .name = "squashed", .size = sizeof(squashed), .forward = squashed_forward};
    const squashed_options *o = options;
    squashed *s = rt_nn_new(&type);
    if (!s)
        return NULL;
    double bound = 1 / sqrt((double)o->in);
    s->scale = o->scale;
    s->weight = rt_nn_param_uniform(&s->base, "weight", rt_shape(o->out, o->in), bound);
    s->bias = rt_nn_param_constant(&s->base, "bias", rt_shape(o->out), 0);
    return s->bias ? &s->base : NULL;
}

static const rt_layer_row squashed_row = {
    .name = "squashed",
    .help = "squash(x w^T + b); w [out, in], b [out]",
    RT_OPTIONS(squashed_options, SQUASHED_FIELDS),
    .infer = squashed_infer,
    .make = squashed_make,
};

/* ---- an update rule: steps of one length, by the sign of the mean gradient ---- */

#define SIGNS_FIELDS(F)                                                                            \
    F(NUMBER, decay, 0.9, RT_WITHIN(0, 0.9999),                                                    \
      "decay of the mean gradient; 0: the gradient itself")
typedef struct signs_values {
    RT_STRUCT(SIGNS_FIELDS)
} signs_values;

static void signs_update(rt_optimizer_part *u)
{
    const signs_values *v = u->values;
    float *mean = u->state[0]; /* NULL if it is not kept */
    for (int64_t i = 0; i < u->n; i++) {
        double g = u->grad_scale * (double)u->g[i];
        if (mean)
            g = mean[i] = (float)(v->decay * (double)mean[i] + (1 - v->decay) * g);
        u->p[i] -= (float)(g > 0 ? u->lr : g < 0 ? -u->lr : 0);
    }
}

static const rt_optimizer_state_row signs_states[] = {
    {"mean_grad", RT_STATE_LIKE_PARAM, .when = "decay"}, {NULL}};

static const rt_optimizer_row signs = {
    .name = "signs",
    .help = "steps of length lr against the sign of the mean gradient",
    RT_OPTIONS(signs_values, SIGNS_FIELDS),
    .states = signs_states,
    .update = signs_update,
};

/* ---- a schedule: a straight line from lr down to a share of it ---- */

#define LINE_FIELDS(F) F(NUMBER, to, 0, RT_WITHIN(0, 1), "share of lr at the end")
typedef struct line_values {
    RT_STRUCT(LINE_FIELDS)
} line_values;

static double line_rate(const rt_course *c, const void *values)
{
    const line_values *v = values;
    if (c->done >= c->whole)
        return c->lr * v->to;
    double left = (double)(c->whole - c->done) / (double)c->whole;
    return c->lr * (v->to + (1 - v->to) * left);
}

static const rt_schedule_row line = {
    .name = "line",
    .help = "falls in a straight line until schedule.steps",
    RT_OPTIONS(line_values, LINE_FIELDS),
    .ends = true,
    .rate = line_rate,
};

/* ---- a data set: points of a landscape and their heights ---- */

#define HILLS_FIELDS(F)                                                                            \
    F(INT, points, 512, RT_WITHIN(2, 1 << 20),                                                     \
      "points to train with; an eighth of them is for evaluation")                                 \
    F(INT, seed, 1, RT_FROM(0), "key of the points")
typedef struct hills_options {
    RT_STRUCT(HILLS_FIELDS)
} hills_options;

/* A number in [-1, 1) for each place: the same on every host. (splitmix64, Steele et al. 2014) */
static float number_at(uint64_t seed, uint64_t place)
{
    uint64_t z = seed + (place + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)(z >> 40) / (float)(1 << 23) - 1;
}

static rt_dataset *hills_open(const void *options, const rt_data_part *part)
{
    const hills_options *o = options;
    int64_t n = part->train ? o->points : (o->points + 7) / 8, first = part->train ? 0 : o->points;
    n = n < part->limit ? n : part->limit;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_empty(rt_shape(n, 2)), *y = rt_empty(rt_shape(n, 1));
    float *to = rt_f32(x), *height = rt_f32(y);
    for (int64_t i = 0; to && height && i < n; i++) {
        float a = to[2 * i] = number_at((uint64_t)o->seed, (uint64_t)(2 * (first + i)));
        float b = to[2 * i + 1] = number_at((uint64_t)o->seed, (uint64_t)(2 * (first + i) + 1));
        height[i] = a * a - b * a + 0.5f * b;
    }
    rt_dataset *d = rt_data_tensors({"x", x}, {"y", y});
    return rt_scope_return(s, d);
}

static const rt_dataset_row hills = {
    .name = "hills",
    .help = "points of a landscape, and how high they lie",
    RT_OPTIONS(hills_options, HILLS_FIELDS),
    .open = hills_open,
};

/* ---- a task: the mean of errors that are squared where they are small (Huber 1964) ---- */

#define HUBER_FIELDS(F) F(NUMBER, delta, 0.5, RT_WITHIN(1e-6, 1e6), "largest error that is squared")
typedef struct huber_options {
    RT_STRUCT(HUBER_FIELDS)
} huber_options;

enum { LOSS, NEAR, SAMPLES, SUMS };

static bool huber_fits(const rt_dataset *d)
{
    const rt_data_field *y = rt_data_find(d, "y");
    return y && y->dtype == RT_F32 && y->dims.n == 1 && y->dims.d[0] == 1 && !y->varies;
}

static rt_status huber_open(rt_task *t, const void *options, const rt_dataset *d)
{
    (void)d;
    huber_options *o = rt_task_state(t, sizeof *o);
    if (!o)
        return rt_error_code();
    *o = *(const huber_options *)options;
    t->sums = SUMS;
    t->weight = 1;
    return RT_OK;
}

static int64_t huber_outputs(const rt_dataset *d)
{
    (void)d;
    return 1;
}

static rt_status huber_check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
{
    (void)t;
    (void)d;
    return shape->n == 1 && shape->d[0] == 1 ? RT_OK : rt_task_wrong_output(*shape, "one number");
}

/* With e = |y - prediction| and c the smaller of e and delta: c (e - c / 2). */
static rt_tensor *huber_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                             double *weight)
{
    const huber_options *o = t->state;
    *weight = (double)b->n;
    rt_tensor *e = rt_abs(rt_sub(results[0], rt_batch_field(b, "y")));
    rt_tensor *c = rt_clamp(e, .high = o->delta);
    return rt_sum(rt_mul(c, rt_sub(e, rt_mul_scalar(c, 0.5))));
}

static rt_status huber_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                             double *sums)
{
    const huber_options *o = t->state;
    const float *guess = rt_f32(rt_contiguous(results[0])), *y = rt_f32(rt_batch_field(b, "y"));
    sums[LOSS] = rt_item(huber_loss(t, results, b, &sums[SAMPLES]));
    sums[NEAR] = 0;
    for (int64_t i = 0; guess && y && i < b->n; i++)
        sums[NEAR] += fabs((double)guess[i] - (double)y[i]) <= o->delta / 5;
    return rt_error_code();
}

static void huber_tell(const rt_task *t, const double *sums, rt_metrics *out)
{
    (void)t;
    rt_metrics_add(out, "loss", sums[LOSS] / sums[SAMPLES]);
    rt_metrics_add(out, "near", sums[NEAR] / sums[SAMPLES]);
}

static const rt_metric_row huber_metrics[] = {
    {"near", "near", "share of the samples whose error is at most a fifth of delta",
     .more_is_better = true, .share = true},
    {NULL}};

static const rt_task_row huber = {
    .name = "huber",
    .help = "a number for each sample: the mean of Huber's loss",
    RT_OPTIONS(huber_options, HUBER_FIELDS),
    .metrics = huber_metrics,
    .target = "y",
    .target_name = "targets",
    .results = {"predictions"},
    .fits = huber_fits,
    .open = huber_open,
    .outputs = huber_outputs,
    .check = huber_check,
    .loss = huber_loss,
    .score = huber_score,
    .tell = huber_tell,
};

/* ---- a job back end: the program that MPI's standard names, with no settings of ours ---- */

static const rt_job_row mpiexec = {
    .name = "mpiexec",
    .help = "Open MPI's mpiexec, on this host",
    .command = RT_PLUGIN_LIST(char, "mpiexec", "--oversubscribe", "--bind-to", "none", "-n",
                              "{ranks}", "{worker}"),
    .rank = "OMPI_COMM_WORLD_RANK",
    .world = "OMPI_COMM_WORLD_SIZE",
    .local_rank = "OMPI_COMM_WORLD_LOCAL_RANK",
    .local_world = "OMPI_COMM_WORLD_LOCAL_SIZE",
};

/* ---- all of it ---- */

RT_PLUGIN(.name = "hills", .ops = RT_PLUGIN_LIST(rt_op, &squash),
          .layers = RT_PLUGIN_LIST(rt_layer_row, &squashed_row),
          .optimizers = RT_PLUGIN_LIST(rt_optimizer_row, &signs),
          .schedules = RT_PLUGIN_LIST(rt_schedule_row, &line),
          .datasets = RT_PLUGIN_LIST(rt_dataset_row, &hills),
          .tasks = RT_PLUGIN_LIST(rt_task_row, &huber),
          .jobs = RT_PLUGIN_LIST(rt_job_row, &mpiexec))
