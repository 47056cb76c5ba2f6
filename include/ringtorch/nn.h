/* Modules: layers with parameters, and nets made of them.
 *
 *     rt_module *net = rt_nn_sequential(rt_nn_conv2d(1, 32, 3, .padding = RT_NN_SAME), rt_nn_relu(),
 *                                       rt_nn_flatten(), rt_nn_linear(32 * 28 * 28, 10));
 *     rt_tensor *logits = rt_forward(net, x);    // x: [n, 1, 28, 28], logits: [n, 10]
 *     rt_free(net);                              // only if it was kept: its scope frees it too
 *
 * A module of your own starts with an rt_module and has one forward function; children, parameters and buffers that are added to it
 * by name are found by everything else (state, optimisers, checkpoints):
 *
 *     typedef struct mlp {
 *         rt_module base;
 *         rt_module *fc1, *fc2;
 *     } mlp;
 *     static rt_tensor *mlp_forward(rt_module *m, rt_tensor *x)
 *     {
 *         mlp *s = (mlp *)m;
 *         return rt_forward(s->fc2, rt_relu(rt_forward(s->fc1, x)));
 *     }
 *     static const rt_module_type mlp_type = {"mlp", sizeof(mlp), mlp_forward};
 *
 *     mlp *m = rt_nn_new(&mlp_type);
 *     m->fc1 = rt_nn_child(&m->base, "fc1", rt_nn_linear(784, 128));
 *
 * One of several inputs or results has .forward_all instead, and says how many there are:
 *
 *     static void gate_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
 *     {
 *         out[0] = rt_mul(in[0], rt_sigmoid(in[1]));
 *     }
 *     static const rt_module_type gate_type = {"gate", sizeof(gate), .forward_all = gate_forward, .n_in = 2};
 *
 *     rt_tensor *y;
 *     rt_forward_all(gate, (rt_tensor *[]){a, b}, 2, &y, 1);
 *
 * Names of parameters and buffers are those PyTorch gives the same net ("0.weight", "fc1.bias"), in order of registration. */
#ifndef RINGTORCH_NN_H
#define RINGTORCH_NN_H

#include <ringtorch/ops.h>
#include <ringtorch/autograd.h>
#include <ringtorch/layers.def>

RT_BEGIN_DECLS

enum {
    RT_NN_TENSORS = 16, /* inputs, or results, of one module at most */
    RT_PERSISTENT = 1,  /* a buffer is saved with the parameters */
};

typedef struct rt_module rt_module;

typedef struct rt_module_type {
    const char *name;
    size_t size; /* of the struct that starts with rt_module */
    /* Of one input and one result. Neither this nor forward_all: it cannot be run by rt_forward, only have children that are. */
    rt_tensor *(*forward)(rt_module *self, rt_tensor *x);
    void (*destroy)(rt_module *self); /* may be NULL; what was registered is freed for you */
    /* Of any number: fills out[0..n_out), owned by the current scope. n_in and n_out are as below. */
    void (*forward_all)(rt_module *self, rt_tensor *const *in, int n_in, rt_tensor **out,
                        int n_out);
    int n_in;       /* inputs that must be given; 0 is 1; RT_MANY: any number */
    int n_optional; /* inputs behind them that may be left out, or NULL */
    int n_out;      /* results; 0 is 1; RT_MANY: as many as the caller has room for */
} rt_module_type;

/* Head of every module; private but for `training`, which forward functions read. */
struct rt_module {
    struct {
        void *head[3];
        int32_t owners[3];
    } object;
    const rt_module_type *type;
    struct rt_module_inside *inside;
    bool training;
};

/* Makes a zeroed module of that type, owned by the current scope. Fails if the size is not even that of rt_module, or the numbers of
 * inputs and results are none. */
void *rt_nn_new(const rt_module_type *type);

/* ---- what a module has ----
 * Names must be new in the module, without '.'. Each returns what it registered, which the module owns from then on; NULL on failure. */
/* A child. A module cannot be part of itself; it may be part of several, or of one under several names. */
rt_module *rt_nn_child(rt_module *self, const char *name, rt_module *child);
/* A parameter: a float32 tensor that wants its gradient. */
rt_tensor *rt_nn_param(rt_module *self, const char *name, rt_tensor *value);
/* A parameter that another module, or this one, has already: one tensor with several names. rt_nn_param_at knows it by the first. */
rt_tensor *rt_nn_tie(rt_module *self, const char *name, rt_tensor *param);
/* A tensor that is no parameter: constants, running statistics. With RT_PERSISTENT it is saved and restored like one, and float32;
 * with 0 it is made anew with the net. */
rt_tensor *rt_nn_buffer(rt_module *self, const char *name, rt_tensor *value, unsigned flags);

/* ---- running ---- */
/* Returns m's result for input x. Runs in a scope of its own: only the result outlives it. A forward
 * that gives NULL and no error is one. */
rt_tensor *rt_forward(rt_module *m, rt_tensor *x);
/* The same for any number: fills out[0..n_out), owned by the caller's scope; all are NULL on failure. */
rt_status rt_forward_all(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out);
/* Switches dropout and the like, for m and all below it. Modules start in training mode. */
void rt_nn_train(rt_module *m, bool training);
/* In a forward: tells of a statistic over the batch, of the shape of the buffer of that name. The buffer becomes
 * (1 - momentum) buffer + momentum value: at once, as with PyTorch's layers; in a training run once a step, by the mean over the
 * step's samples, whoever has which of them, and the buffer must be RT_PERSISTENT. Nothing is recorded. */
rt_status rt_nn_observe(rt_module *self, const char *name, rt_tensor *value, double momentum);

/* Functions that are called around m's own forward. They may put other tensors, owned by the scope or by themselves, in the place of
 * inputs and results. */
typedef struct rt_nn_hooks {
    void *ctx;
    void (*before)(void *ctx, rt_module *m, rt_tensor **in, int n_in); /* may be NULL */
    void (*after)(void *ctx, rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                  int n_out); /* may be NULL */
} rt_nn_hooks;
/* Adds hooks, called in the order in which they were added. */
rt_status rt_nn_hook(rt_module *m, rt_nn_hooks h);
/* Removes those of that ctx. */
void rt_nn_unhook(rt_module *m, const void *ctx);

/* Calls fn for m and every module below it that has parameters of its own (rt_nn_own_param_at), before they are read (needed) and when
 * they are no longer: around its forward, which runs those below it meanwhile, and around the backward of what was recorded in it, as
 * often as backward comes to it. So a parameter's value may be elsewhere in between (rt_param_absent, rt_param_present in autograd.h),
 * as with parameters that are sharded or offloaded. fn NULL: no more. */
rt_status rt_nn_on_need(rt_module *m, void (*fn)(void *ctx, rt_module *of, bool needed), void *ctx);

/* ---- freezing ---- */
/* Lets parameters of m want no gradient (frozen), or want it again: those whose full name, or another name of theirs, matches the
 * pattern ("0.*", "*.bias"; * stands for any characters, ? for one). Optimisers leave frozen ones as they are; they keep their place
 * in everything. Fails (NOTFOUND) if none matches. */
rt_status rt_nn_freeze(rt_module *m, const char *pattern, bool frozen);

/* ---- devices ---- */
/* Moves all parameters and buffers to a device, before an optimiser is made; gradients are cleared. What the net is given must lie there
 * too (rt_to_device). On failure some have been moved. */
rt_status rt_nn_to_device(rt_module *m, rt_device device);

/* ---- looking ----
 * Numbers are in order of registration, depth first. Tensors are borrowed; names are too, until something is registered in m or below
 * it. Each takes the same time for any number. `name` may be NULL. */
/* The number of parameters in m and below it; one of several names counts once. */
int64_t rt_nn_param_count(const rt_module *m);
/* The i-th one, NULL if there is none, and its full name ("3.weight"). */
rt_tensor *rt_nn_param_at(const rt_module *m, int64_t i, const char **name);
/* Does it want its gradient, not being frozen? */
bool rt_nn_param_trainable(const rt_module *m, int64_t i);
/* Number of elements of all of them. */
int64_t rt_nn_numel(const rt_module *m);
/* The same for buffers; *persistent (may be NULL): is it saved? */
int64_t rt_nn_buffer_count(const rt_module *m);
/* The i-th one, NULL if there is none. */
rt_tensor *rt_nn_buffer_at(const rt_module *m, int64_t i, const char **name, bool *persistent);
/* The momentum that rt_nn_observe was called with last for it; 0: it never was. */
double rt_nn_buffer_momentum(const rt_module *m, int64_t i);
/* The other names of parameters and buffers that have several. */
int64_t rt_nn_alias_count(const rt_module *m);
/* The i-th such name, and (may be NULL) the name under which rt_nn_param_at or rt_nn_buffer_at has that tensor. */
rt_tensor *rt_nn_alias_at(const rt_module *m, int64_t i, const char **name, const char **first);
/* The parameter or buffer of that full name, also one of the others; NULL, which is no error, if there is none. */
rt_tensor *rt_nn_find(const rt_module *m, const char *name);
/* The module of that full name ("1.fc1"; "" is m); NULL, which is no error, if there is none. */
rt_module *rt_nn_find_module(const rt_module *m, const char *name);
/* The i-th parameter that m itself has, tied ones too; NULL if there is none. */
rt_tensor *rt_nn_own_param_at(const rt_module *m, int i, const char **name);
/* One line a layer, for people: name, type, parameters and buffers, which of them are frozen or tied. The caller frees it with
 * rt_text_free. */
char *rt_nn_summary(const rt_module *m);
/* Frees a text that this library made; NULL is fine. */
void rt_text_free(char *text);

/* ---- layers ---- */
#ifdef __cplusplus
#define rt_nn_sequential(...) rt_nn_sequential_of({__VA_ARGS__})
#else
#define rt_nn_sequential(...)                                                                      \
    rt_nn_sequential_((rt_module *const[]){__VA_ARGS__},                                           \
                      (int)(sizeof((rt_module *const[]){__VA_ARGS__}) / sizeof(rt_module *)))
#endif
/* One layer after the other; named "0", "1", ... */
rt_module *rt_nn_sequential_(rt_module *const *layers, int count);

#ifdef __cplusplus
#define rt_nn_residual(...)                rt_nn_residual_of({__VA_ARGS__}, nullptr)
#define rt_nn_residual_with(shortcut, ...) rt_nn_residual_of({__VA_ARGS__}, shortcut)
#else
#define rt_nn_residual(...) rt_nn_residual_with(NULL, __VA_ARGS__)
#define rt_nn_residual_with(shortcut, ...)                                                         \
    rt_nn_residual_((rt_module *const[]){__VA_ARGS__},                                             \
                    (int)(sizeof((rt_module *const[]){__VA_ARGS__}) / sizeof(rt_module *)),        \
                    shortcut)
#endif
/* x + f(x), with f the layers one after the other, named "0", "1", ...; or shortcut(x) + f(x), with a child "shortcut" (NULL: none). */
rt_module *rt_nn_residual_(rt_module *const *layers, int count, rt_module *shortcut);

/* Layers with arguments: what they are, the arguments with their defaults, and what each computes are rows of <ringtorch/layers.def>, from
 * which the structs rt_nn_<layer>_args and the functions below are declared; ops.h has the operations. Those of RT_INFERRED come first:
 *
 *     rt_nn_linear(784, 128), rt_nn_linear(784, 10, .bias = false)
 *     rt_nn_conv2d(1, 32, 3, .padding = RT_NN_SAME), rt_nn_max_pool2d(2), rt_nn_dropout(0.5)
 *
 * Weights and biases start as PyTorch's: uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), keyed by the thread's random streams. */
#define rt_nn_linear(...)                                                                          \
    RT_OP_CALL(rt_nn_linear_, rt_nn_linear_args, RT_NN_LINEAR_FIELDS, in, __VA_ARGS__)
#define rt_nn_conv2d(...)                                                                          \
    RT_OP_CALL(rt_nn_conv2d_, rt_nn_conv2d_args, RT_NN_CONV2D_FIELDS, in, __VA_ARGS__)
#define rt_nn_max_pool2d(...)                                                                      \
    RT_OP_CALL(rt_nn_max_pool2d_, rt_nn_max_pool2d_args, RT_NN_POOL2D_FIELDS, kernel, __VA_ARGS__)
#define rt_nn_avg_pool2d(...)                                                                      \
    RT_OP_CALL(rt_nn_avg_pool2d_, rt_nn_avg_pool2d_args, RT_NN_POOL2D_FIELDS, kernel, __VA_ARGS__)
#define rt_nn_batch_norm2d(...)                                                                    \
    RT_OP_CALL(rt_nn_batch_norm2d_, rt_nn_batch_norm2d_args, RT_NN_BATCH_NORM2D_FIELDS, in,        \
               __VA_ARGS__)
#define rt_nn_dropout(...)                                                                         \
    RT_OP_CALL(rt_nn_dropout_, rt_nn_dropout_args, RT_NN_DROPOUT_FIELDS, p, __VA_ARGS__)
#define rt_nn_embedding(...)                                                                       \
    RT_OP_CALL(rt_nn_embedding_, rt_nn_embedding_args, RT_NN_EMBEDDING_FIELDS, tokens, __VA_ARGS__)
#define rt_nn_positions(...)                                                                       \
    RT_OP_CALL(rt_nn_positions_, rt_nn_positions_args, RT_NN_POSITIONS_FIELDS, places, __VA_ARGS__)
#define rt_nn_layer_norm(...)                                                                      \
    RT_OP_CALL(rt_nn_layer_norm_, rt_nn_layer_norm_args, RT_NN_LAYER_NORM_FIELDS, features,        \
               __VA_ARGS__)
#define rt_nn_attention(...)                                                                       \
    RT_OP_CALL(rt_nn_attention_, rt_nn_attention_args, RT_NN_ATTENTION_FIELDS, features,           \
               __VA_ARGS__)

/* rt_nn_linear_(args), rt_nn_relu(), ... */
#define RT_NN_MADE_WITH(id, ...)  rt_module *rt_nn_##id##_(rt_nn_##id##_args a);
#define RT_NN_MADE_PLAIN(id, ...) rt_module *rt_nn_##id(void);
#define RT_NN_MADE_OF_JSON(...)
RT_LAYERS(RT_NN_MADE_WITH, RT_NN_MADE_PLAIN, RT_NN_MADE_OF_JSON)
#undef RT_NN_MADE_WITH
#undef RT_NN_MADE_PLAIN
#undef RT_NN_MADE_OF_JSON

typedef struct rt_nn_from_json_args {
    const char *json;
    rt_dims input; /* shape of one sample: [1, 28, 28] */
    rt_dtype
        dtype; /* of its elements: RT_F32, or RT_I64 where the net begins with a layer of tokens */
} rt_nn_from_json_args;
#define rt_nn_from_json(...) RT_CALL(rt_nn_from_json_, rt_nn_from_json_args, json, __VA_ARGS__)
/* Builds a net from JSON, a list of layers; each is a name or {name: {option: value}}, and the
 * first option may go without its name:
 *
 *     [{"conv2d": {"out": 32, "kernel": 3, "padding": "same"}}, "relu", {"max_pool2d": 2},
 *      {"residual": [{"conv2d": {"out": 32, "kernel": 3, "padding": "same"}}, "relu"]},
 *      "flatten", {"linear": 10}]
 *
 * Sizes of inputs follow from `input`. Layers and options are those of docs/LAYERS.md. Parameters have the names of PyTorch's nested
 * Sequentials: "3.0.weight" is that of the convolution in `residual`. Fails and names the place of the layer (layers[3].residual[0])
 * and the option at fault, what is allowed and the nearest. */
rt_module *rt_nn_from_json_(rt_nn_from_json_args a);
/* The layers of a preset ("cnn", "mlp") as JSON text, NULL for an unknown name. `classes` becomes
 * the last layer's size. */
char *rt_nn_preset(const char *name, int64_t classes); /* rt_text_free */

/* ---- initialisers ----
 * They fill x in place, keyed by the thread's random streams; fan-in and fan-out as torch.nn.init.
 * `a` is the negative slope of the leaky ReLU that follows (0: ReLU). */
/* Uniform in [low, high). */
rt_status rt_init_uniform(rt_tensor *x, double low, double high);
/* Normal with that mean and standard deviation. */
rt_status rt_init_normal(rt_tensor *x, double mean, double std);
/* All elements `value`. */
rt_status rt_init_constant(rt_tensor *x, double value);
/* Uniform within gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010). */
rt_status rt_init_xavier_uniform(rt_tensor *x, double gain);
/* Normal, standard deviation gain * sqrt(2 / (fan_in + fan_out)) (the same). */
rt_status rt_init_xavier_normal(rt_tensor *x, double gain);
/* Uniform within sqrt(6 / ((1 + a^2) fan_in)) (He et al. 2015). */
rt_status rt_init_kaiming_uniform(rt_tensor *x, double a);
/* Normal, standard deviation sqrt(2 / ((1 + a^2) fan_in)) (the same). */
rt_status rt_init_kaiming_normal(rt_tensor *x, double a);

RT_END_DECLS

#ifdef __cplusplus
#include <initializer_list>
inline rt_module *rt_nn_sequential_of(std::initializer_list<rt_module *> layers)
{
    return rt_nn_sequential_(layers.begin(), (int)layers.size());
}
inline rt_module *rt_nn_residual_of(std::initializer_list<rt_module *> layers, rt_module *shortcut)
{
    return rt_nn_residual_(layers.begin(), (int)layers.size(), shortcut);
}
#endif

#endif
