/* Rows written in C++: a plugin with an operation, its gradient, a layer and a schedule. Compiled by
 * tests/layout/user_program with all warnings, and loaded by tests/layout/install. */
#include <cmath>
#include <ringtorch/ringtorch.h>

#define POWER_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")                                              \
    F(NUMBER, p, 2, RT_FREE(RT_WITHIN(1, 4)), "exponent")                                          \
    F(PAIR, window, (1, 1), RT_FROM(1), "a pair")                                                  \
    F(TRIPLE, box, (1, 2, 3), RT_FROM(1), "a triple")                                              \
    F(CHOICE, way, 1, "up|down", "a choice")                                                       \
    F(TEXT, note, "", RT_ANY, "a text")                                                            \
    F(DTYPE, as, RT_F32, RT_ANY, "a type")                                                         \
    F(INT, limit, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)), "one that may be left out")                  \
    F(INT, size, 3, RT_WORD("all", -1, RT_FROM(1)), "one with a word")
struct power_args {
    RT_STRUCT(POWER_FIELDS)
};

static rt_status power_infer(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status power_run(rt_call *c)
{
    const auto *a = static_cast<const power_args *>(c->args);
    const float *x = rt_f32(c->in[0]);
    float *y = rt_f32(c->out[0]);
    for (int64_t i = 0; i < rt_numel(c->out[0]); i++)
        y[i] = std::copysign(std::pow(std::fabs(x[i]), static_cast<float>(a->p)), x[i]);
    return RT_OK;
}

static void power_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const auto *a = static_cast<const power_args *>(c->args);
    rt_tensor *slope = rt_mul_scalar(rt_pow_scalar(rt_abs(c->in[0]), a->p - 1), a->p);
    dx[0] = rt_mul(dy[0], slope);
}

static const rt_op power = {
    .name = "power",
    .help = "sign(x) |x|^p",
    RT_ARGS(power_args, POWER_FIELDS),
    .infer = power_infer,
    .run = power_run,
    .backward = power_backward,
    .saves_in = 1, /* backward reads x */
};

#define SHORTER_FIELDS(F) F(NUMBER, by, 0.5, RT_WITHIN(0, 1), "factor of the second half")
struct shorter_options {
    RT_STRUCT(SHORTER_FIELDS)
};

static double shorter_rate(const rt_course *c, const void *values)
{
    const auto *o = static_cast<const shorter_options *>(values);
    return c->done < c->whole / 2 ? c->lr : c->lr * o->by;
}

static const rt_schedule_row shorter = {
    .name = "shorter",
    .help = "a smaller rate in the second half",
    RT_OPTIONS(shorter_options, SHORTER_FIELDS),
    .ends = true,
    .rate = shorter_rate,
};

#define POWERED_FIELDS(F)                                                                          \
    F(INT, in, RT_NEEDED, RT_INFERRED(RT_FROM(1)), "features of the input")                        \
    F(INT, out, RT_NEEDED, RT_WITHIN(1, 100), "features of the result")
struct powered_options {
    RT_STRUCT(POWERED_FIELDS)
};

static rt_status powered_infer(void *options, rt_nn_sample *at)
{
    auto *o = static_cast<powered_options *>(options);
    if (at->dims.n != 1)
        return rt_fail(RT_E_CONFIG, "needs samples of one axis, got %s", rt_dims_text(at->dims));
    o->in = at->dims.d[0];
    at->dims = rt_shape(o->out);
    return RT_OK;
}

static rt_module *powered_make(const void *options)
{
    const auto *o = static_cast<const powered_options *>(options);
    return rt_nn_linear(o->in, o->out);
}

static const rt_layer_row powered = {
    .name = "powered",
    .help = "x w^T + b",
    RT_OPTIONS(powered_options, POWERED_FIELDS),
    .infer = powered_infer,
    .make = powered_make,
};

static const rt_job_row starter = {
    .name = "starter",
    .help = "mpirun by another name",
    .command = RT_PLUGIN_LIST(char, "mpirun", "-n", "{ranks}", "{worker}"),
    .rank = "OMPI_COMM_WORLD_RANK",
    .world = "OMPI_COMM_WORLD_SIZE",
    .local_rank = "OMPI_COMM_WORLD_LOCAL_RANK",
};

RT_PLUGIN(.name = "cxx", .ops = RT_PLUGIN_LIST(rt_op, &power),
          .layers = RT_PLUGIN_LIST(rt_layer_row, &powered),
          .schedules = RT_PLUGIN_LIST(rt_schedule_row, &shorter),
          .jobs = RT_PLUGIN_LIST(rt_job_row, &starter))
