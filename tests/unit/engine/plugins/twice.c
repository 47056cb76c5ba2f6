/* A plugin that lists an operation twice, after a correct layer: neither may remain. */
#include <ringtorch/plugin.h>

#define SQUASH_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")
typedef struct squash_args {
    RT_STRUCT(SQUASH_FIELDS)
} squash_args;

static void squash_compose(rt_call *c)
{
    c->out[0] = rt_tanh(c->in[0]);
}

static const rt_op squash = {.name = "squash",
                             .help = "tanh(x)",
                             RT_ARGS(squash_args, SQUASH_FIELDS),
                             .compose = squash_compose};

static rt_module *squashed_make(const void *options)
{
    (void)options;
    return rt_nn_tanh();
}

static const rt_layer_row squashed = {.name = "squashed", .help = "tanh", .make = squashed_make};

RT_PLUGIN(.name = "twice", .ops = RT_PLUGIN_LIST(rt_op, &squash, &squash),
          .layers = RT_PLUGIN_LIST(rt_layer_row, &squashed))
