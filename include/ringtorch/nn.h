/* Modules: layers with parameters, and nets made of them.
 *
 *     rt_module *net = rt_nn_sequential(rt_nn_conv2d(1, 32, 3, .same = true), rt_nn_relu(),
 *                                       rt_nn_flatten(), rt_nn_linear(32 * 28 * 28, 10));
 *     rt_tensor *logits = rt_forward(net, x);    // x: [n, 1, 28, 28], logits: [n, 10]
 *     rt_free(net);                              // only if it was kept: its scope frees it too
 *
 * A module of your own starts with an rt_module and has one forward function; children and
 * parameters that are added to it by name are found by everything else (state, optimisers,
 * checkpoints):
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
 * Parameter names are those PyTorch gives the same net ("0.weight", "fc1.bias"), in order of
 * registration. */
#ifndef RINGTORCH_NN_H
#define RINGTORCH_NN_H

#include <ringtorch/ops.h>
#include <ringtorch/autograd.h>

RT_BEGIN_DECLS

typedef struct rt_module rt_module;

typedef struct rt_module_type {
    const char *name;
    size_t size; /* of the struct that starts with rt_module */
    rt_tensor *(*forward)(rt_module *self, rt_tensor *x); /* NULL: it cannot be run by rt_forward */
    void (*destroy)(rt_module *self); /* may be NULL; children and parameters are freed for you */
} rt_module_type;

/* Head of every module; fields are private, the size is not. */
struct rt_module {
    void *object[4];
    const rt_module_type *type;
    struct rt_module_slot *slots; /* children and parameters by name */
    int32_t slot_count, slot_capacity;
    bool training;
};

/* Makes a zeroed module of that type, owned by the current scope. Fails if the size is not even that
 * of rt_module. */
void *rt_nn_new(const rt_module_type *type);
/* Registers a child, which the parent owns from now on. Returns it; NULL on failure (names must be new,
 * without '.'; a module cannot be part of itself). */
rt_module *rt_nn_child(rt_module *self, const char *name, rt_module *child);
/* The same for a parameter. */
rt_tensor *rt_nn_param(rt_module *self, const char *name, rt_tensor *value);

/* Returns m's output for input x. Runs in a scope of its own: only the result outlives it. A forward
 * that gives NULL and no error is one. */
rt_tensor *rt_forward(rt_module *m, rt_tensor *x);
/* Switches dropout and the like, for m and all below it. Modules start in training mode. */
void rt_nn_train(rt_module *m, bool training);
/* The number of parameter tensors below m. */
int64_t rt_nn_param_count(const rt_module *m);
/* The i-th one in order of registration, NULL if there is none, and its full name ("3.weight"; `name` may be NULL).
 * Both are borrowed; the name until the module dies or the same parameter is asked for through another module. */
rt_tensor *rt_nn_param_at(const rt_module *m, int64_t i, const char **name);
/* Number of elements of all of them. */
int64_t rt_nn_numel(const rt_module *m);
/* One line a layer, for people: name, type, parameters. The caller frees it with rt_text_free. */
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

/* Weights and biases start as PyTorch's: uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), keyed by the
 * thread's random streams. */
typedef struct rt_nn_linear_args {
    int64_t in, out;
    bool no_bias;
} rt_nn_linear_args;
#define rt_nn_linear(...) RT_CALL(rt_nn_linear_, rt_nn_linear_args, in, __VA_ARGS__)
/* x w^T + b over the last axis; w [out, in], b [out]. */
rt_module *rt_nn_linear_(rt_nn_linear_args a);

typedef struct rt_nn_conv2d_args {
    int64_t in, out, kernel; /* square unless .kernel_w is given */
    int64_t kernel_w;        /* 0, which no kernel is: as .kernel */
    int64_t stride RT_DEFAULT(1), padding, dilation RT_DEFAULT(1), groups RT_DEFAULT(1);
    bool same, no_bias;
} rt_nn_conv2d_args;
#define RT_NN_CONV2D_DEFAULTS .stride = 1, .dilation = 1, .groups = 1
#define rt_nn_conv2d(...)                                                                          \
    RT_CALL_WITH_DEFAULTS(rt_nn_conv2d_, rt_nn_conv2d_args, RT_NN_CONV2D_DEFAULTS, in, __VA_ARGS__)
/* rt_conv2d with w [out, in/groups, kernel, kernel_w] and b [out]. */
rt_module *rt_nn_conv2d_(rt_nn_conv2d_args a);

typedef struct rt_nn_pool2d_args {
    int64_t kernel, stride, padding; /* stride 0, which none is: as kernel */
} rt_nn_pool2d_args;
#define rt_nn_max_pool2d(...) RT_CALL(rt_nn_max_pool2d_, rt_nn_pool2d_args, kernel, __VA_ARGS__)
#define rt_nn_avg_pool2d(...) RT_CALL(rt_nn_avg_pool2d_, rt_nn_pool2d_args, kernel, __VA_ARGS__)
/* rt_max_pool2d over square windows. */
rt_module *rt_nn_max_pool2d_(rt_nn_pool2d_args a);
/* rt_avg_pool2d over square windows. */
rt_module *rt_nn_avg_pool2d_(rt_nn_pool2d_args a);

/* All axes but the first become one. */
rt_module *rt_nn_flatten(void);
/* rt_dropout while training, else x. */
rt_module *rt_nn_dropout(double p);
/* rt_relu. */
rt_module *rt_nn_relu(void);
/* rt_gelu. */
rt_module *rt_nn_gelu(void);
/* rt_tanh. */
rt_module *rt_nn_tanh(void);
/* rt_sigmoid. */
rt_module *rt_nn_sigmoid(void);
/* rt_silu. */
rt_module *rt_nn_silu(void);

/* Builds a net from JSON, a list of layers; each is a name or {name: {option: value}}, and the
 * first option may go without its name:
 *
 *     [{"conv2d": {"out": 32, "kernel": 3, "padding": "same"}}, "relu", {"max_pool2d": 2},
 *      "flatten", {"linear": 10}]
 *
 * Sizes of inputs follow from `input`, the shape of one sample ([1,28,28]). Fails (CONFIG) and
 * names the layer and option at fault, the allowed ones and the nearest.
 *
 *     linear      out, bias (true)
 *     conv2d      out, kernel, stride (1), padding (0, or "same"), dilation (1), groups (1), bias
 *     max_pool2d, avg_pool2d    kernel, stride (kernel), padding (0)
 *     dropout     p
 *     flatten, relu, gelu, tanh, sigmoid, silu
 */
rt_module *rt_nn_from_json(const char *json, rt_dims input);
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
#endif

#endif
