/* A plugin of which each row can make the mistakes that authors make; the option `fault` says which. */
#include <math.h>
#include <ringtorch/plugin.h>
#include <string.h>

/* ---- a layer ---- */

#define STEP_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")
typedef struct step_args {
    RT_STRUCT(STEP_FIELDS)
} step_args;

static rt_status step_infer(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status step_run(rt_call *c)
{
    memcpy(rt_f32(c->out[0]), rt_f32(c->in[0]), (size_t)rt_numel(c->in[0]) * sizeof(float));
    return RT_OK;
}

/* No .backward: what lies before it learns nothing. */
static const rt_op step = {.name = "careless_step",
                           .help = "x",
                           RT_ARGS(step_args, STEP_FIELDS),
                           .infer = step_infer,
                           .run = step_run};

enum {
    LAYER_FINE,
    NO_SHAPE,
    NO_MODULE,
    NO_BACKWARD,
    FAILS,
    NO_TENSOR,
    MISSHAPEN,
    NARROWS,
    RETYPES,
    DROPS
};
#define LAYER_FIELDS(F)                                                                            \
    F(CHOICE, fault, 0,                                                                            \
      "none|no_shape|no_module|no_backward|fails|no_tensor|misshapen|narrows|"                     \
      "retypes|drops",                                                                             \
      "what it does wrong")
typedef struct layer_options {
    RT_STRUCT(LAYER_FIELDS)
} layer_options;

static rt_tensor *through_step(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_apply(&step, &(step_args){.x = x});
}

static rt_tensor *through_nothing(rt_module *m, rt_tensor *x)
{
    (void)m, (void)x;
    rt_fail(RT_E_RANGE, "the moon is full");
    return NULL;
}

static rt_tensor *to_nothing(rt_module *m, rt_tensor *x)
{
    (void)m, (void)x;
    return NULL;
}

/* .infer says that the shape stays. */
static rt_tensor *to_fewer(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_narrow(x, 1, 0, 1);
}

static rt_tensor *to_integers(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_to(x, RT_I64);
}

static rt_tensor *to_half_the_batch(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_narrow(x, 0, 0, rt_dims_of(x).d[0] / 2);
}

static rt_status layer_infer(void *options, rt_nn_sample *at)
{
    (void)at;
    if (((layer_options *)options)->fault == MISSHAPEN)
        return rt_fail(RT_E_SHAPE, "no such shape");
    return ((layer_options *)options)->fault == NO_SHAPE ? RT_E_SHAPE : RT_OK;
}

static rt_module *layer_make(const void *options)
{
    static const rt_module_type type = {
        .name = "careless", .size = sizeof(rt_module), .forward = through_step};
    static const rt_module_type failing = {
        .name = "careless", .size = sizeof(rt_module), .forward = through_nothing};
    static const rt_module_type empty = {
        .name = "careless", .size = sizeof(rt_module), .forward = to_nothing};
    static const rt_module_type narrowing = {
        .name = "careless", .size = sizeof(rt_module), .forward = to_fewer};
    static const rt_module_type retyping = {
        .name = "careless", .size = sizeof(rt_module), .forward = to_integers};
    static const rt_module_type dropping = {
        .name = "careless", .size = sizeof(rt_module), .forward = to_half_the_batch};
    switch (((const layer_options *)options)->fault) {
    case NARROWS:
        return rt_nn_new(&narrowing);
    case RETYPES:
        return rt_nn_new(&retyping);
    case DROPS:
        return rt_nn_new(&dropping);
    case FAILS:
        return rt_nn_new(&failing);
    case NO_TENSOR:
        return rt_nn_new(&empty);
    case NO_MODULE:
        return NULL;
    case NO_BACKWARD:
        return rt_nn_new(&type);
    default:
        return rt_nn_tanh();
    }
}

static const rt_layer_row layer = {.name = "careless",
                                   .help = "tanh(x)",
                                   RT_OPTIONS(layer_options, LAYER_FIELDS),
                                   .infer = layer_infer,
                                   .make = layer_make};

/* ---- a schedule, an update rule and a data set ---- */

static double rate(const rt_course *c, const void *values)
{
    (void)values;
    return c->done < 1 ? c->lr : (double)NAN;
}

static const rt_schedule_row schedule = {
    .name = "careless", .help = "no number from the second step on", .rate = rate};

static void update(rt_optimizer_part *u)
{
    (void)u;
}

static double no_rate(const rt_course *c, const void *values)
{
    (void)values;
    if (c->done > 0)
        rt_fail(RT_E_RANGE, "the moon is full");
    return c->lr;
}

static const rt_schedule_row no_schedule = {
    .name = "failing", .help = "fails from the second step on", .rate = no_rate};

static void no_update(rt_optimizer_part *u)
{
    (void)u;
    rt_fail(RT_E_RANGE, "the moon is full");
}

static const rt_optimizer_row no_optimizer = {
    .name = "failing", .help = "fails", .update = no_update};

static rt_status refuse(const char *name, const void *values)
{
    (void)name, (void)values;
    return RT_E_RANGE;
}

static const rt_optimizer_row optimizer = {
    .name = "careless", .help = "refuses everything", .update = update, .check = refuse};

static rt_dataset *no_data(const void *options, const rt_data_part *part)
{
    (void)options, (void)part;
    return NULL;
}

static const rt_dataset_row dataset = {.name = "careless", .help = "no data", .open = no_data};

/* ---- tasks ---- */

enum {
    FINE,
    NO_REASON,
    NO_SUMS,
    NO_WEIGHT,
    NEGATIVE_WEIGHT,
    MISFIT,
    NO_LOSS,
    MANY_LOSSES,
    UNSET_WEIGHT,
    ZERO_WEIGHT,
    OTHER_WEIGHT,
    NO_SCORE,
    TELLS_NO_LOSS,
    TELLS_LESS,
    TELLS_OTHER
};
#define TASK_FIELDS(F)                                                                             \
    F(CHOICE, fault, 0,                                                                            \
      "none|no_reason|no_sums|no_weight|negative_weight|misfit|no_loss|many_losses|unset_weight|"  \
      "zero_weight|other_weight|no_score|tells_no_loss|tells_less|tells_other",                    \
      "what it does wrong")
typedef struct task_options {
    RT_STRUCT(TASK_FIELDS)
} task_options;

static int fault_of(const rt_task *t)
{
    return ((const task_options *)t->state)->fault;
}

static bool task_fits(const rt_dataset *d)
{
    return rt_data_find(d, "y") != NULL;
}

static rt_status task_open(rt_task *t, const void *options, const rt_dataset *d)
{
    (void)d;
    task_options *o = rt_task_state(t, sizeof *o);
    if (!o)
        return rt_error_code();
    *o = *(const task_options *)options;
    t->sums = o->fault == NO_SUMS ? 0 : 2;
    t->weight = o->fault == NO_WEIGHT ? 0 : o->fault == NEGATIVE_WEIGHT ? -1 : 1;
    return o->fault == NO_REASON ? RT_E_CONFIG : RT_OK;
}

static int64_t task_outputs(const rt_dataset *d)
{
    (void)d;
    return 1;
}

static rt_status task_check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
{
    (void)d, (void)shape;
    return fault_of(t) == MISFIT ? RT_E_CONFIG : RT_OK;
}

static rt_tensor *task_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                            double *weight)
{
    rt_tensor *errors = rt_abs(rt_sub(results[0], rt_batch_field(b, "y")));
    if (fault_of(t) != UNSET_WEIGHT)
        *weight = fault_of(t) == ZERO_WEIGHT    ? 0
                  : fault_of(t) == OTHER_WEIGHT ? (double)b->n / 2
                                                : (double)b->n;
    return fault_of(t) == NO_LOSS ? NULL : fault_of(t) == MANY_LOSSES ? errors : rt_sum(errors);
}

static rt_status task_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                            double *sums)
{
    sums[0] = rt_item(rt_sum(task_loss(t, results, b, &sums[1])));
    return fault_of(t) == NO_SCORE ? RT_E_RANGE : rt_error_code();
}

static void task_tell(const rt_task *t, const double *sums, rt_metrics *out)
{
    if (fault_of(t) != TELLS_NO_LOSS)
        rt_metrics_add(out, "loss", sums[0] / sums[1]);
    if (fault_of(t) != TELLS_LESS)
        rt_metrics_add(out, "miss", sums[0]);
    if (fault_of(t) == TELLS_OTHER)
        rt_metrics_add(out, "mis", sums[0]);
}

static const rt_metric_row task_metrics[] = {{.name = "miss", .title = "miss", .help = "errors"},
                                             {.name = NULL}};

#define TASK(text, field, ...)                                                                     \
    {                                                                                              \
        .name = text, .help = "the mean absolute error", RT_OPTIONS(task_options, TASK_FIELDS),    \
        .target = field, .target_name = "targets", .results = {"predictions"}, .fits = task_fits,  \
        .open = task_open, .outputs = task_outputs, .check = task_check, .loss = task_loss,        \
        .score = task_score, .tell = task_tell, __VA_ARGS__                                        \
    }
static const rt_task_row task = TASK("careless", "y", .metrics = task_metrics),
                         astray = TASK("astray", "z", .metrics = NULL);

RT_PLUGIN(.name = "careless", .ops = RT_PLUGIN_LIST(rt_op, &step),
          .layers = RT_PLUGIN_LIST(rt_layer_row, &layer),
          .optimizers = RT_PLUGIN_LIST(rt_optimizer_row, &optimizer, &no_optimizer),
          .schedules = RT_PLUGIN_LIST(rt_schedule_row, &schedule, &no_schedule),
          .datasets = RT_PLUGIN_LIST(rt_dataset_row, &dataset),
          .tasks = RT_PLUGIN_LIST(rt_task_row, &task, &astray))
