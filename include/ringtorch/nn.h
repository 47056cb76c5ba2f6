/* Modules: layers with parameters, and nets made of them.
 *
 *     typedef struct mlp {                                  // a module of your own
 *         rt_module base;
 *         rt_module *fc1, *fc2;
 *     } mlp;
 *     static rt_tensor *mlp_forward(rt_module *m, rt_tensor *x)
 *     {
 *         mlp *s = (mlp *)m;
 *         return rt_forward(s->fc2, rt_relu(rt_forward(s->fc1, x)));
 *     }
 *     static const rt_module_type mlp_type = {.name = "mlp", .size = sizeof(mlp), .forward = mlp_forward};
 *
 *     static void gate_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
 *     {
 *         (void)m, (void)n_in, (void)n_out;
 *         out[0] = rt_mul(in[0], rt_sigmoid(in[1]));
 *     }
 *     static const rt_module_type gate_type = {          // one with several inputs or results
 *         .name = "gate", .size = sizeof(rt_module), .forward_all = gate_forward, .n_in = 2};
 *
 *     rt_module *net = rt_nn_sequential(rt_nn_conv2d(1, 8, 3, .padding = RT_NN_SAME), rt_nn_relu(),
 *                                       rt_nn_flatten(), rt_nn_linear(8 * 28 * 28, 10));
 *     rt_tensor *x = rt_randn(rt_shape(16, 1, 28, 28));
 *     rt_tensor *logits = rt_forward(net, x);               // [16,10]
 *
 *     mlp *m = rt_nn_new(&mlp_type);
 *     m->fc1 = rt_nn_child(&m->base, "fc1", rt_nn_linear(784, 128));
 *     m->fc2 = rt_nn_child(&m->base, "fc2", rt_nn_linear(128, 10));
 *     rt_tensor *a = rt_forward(&m->base, rt_flatten(x, 1, -1));   // [16,10]
 *
 *     rt_tensor *y;
 *     rt_forward_all(rt_nn_new(&gate_type), (rt_tensor *[]){a, logits}, 2, &y, 1);
 *     printf("%s\n", rt_describe(y));                       // float32[16,10] cpu
 *
 *     // C++20: initializer lists
 *     rt_module *block = rt_nn_residual(rt_nn_linear(8, 8), rt_nn_relu());
 *     rt_module *net = rt_nn_sequential(rt_nn_linear(4, 8), block);
 *     printf("%d parameters\n", (int)rt_nn_param_count(net));   // 4 parameters
 *
 * A module of your own is a struct that begins with an rt_module, and a forward function. Children,
 * parameters and buffers that you register by name are found by everything else (saving, optimisers,
 * checkpoints). Their names are those that PyTorch gives the same net ("0.weight", "fc1.bias"), in order
 * of registration.
 *
 * A forward function or a hook must not throw a C++ exception or longjmp: that would leave the library's
 * scopes and its recording in the state of the interrupted call. Catch inside, and fail with rt_fail.
 *
 * Lifetime: the current scope owns a new module; a child belongs to its parent too, so freeing the net
 * frees everything in it. rt_free a net only if you kept it (rt_keep). */
#ifndef RINGTORCH_NN_H
#define RINGTORCH_NN_H

#include <ringtorch/autograd.h>
#include <ringtorch/layers.def>
#include <ringtorch/ops.h>

RT_BEGIN_DECLS

enum {
    RT_NN_TENSORS = 16, /* maximum of inputs, and of results, of one module */
    RT_PERSISTENT = 1,  /* for buffers: saved with the parameters */
    /* for persistent buffers: values are 0 or more, as variances are; a run refuses others at its start */
    RT_NOT_NEGATIVE = 2,
};

typedef struct rt_module rt_module;

/* A kind of modules. */
typedef struct rt_module_type {
    const char *name; /* for messages and summaries */
    size_t size;      /* of the struct that begins with rt_module */
    /* For one input and one result. A module with neither this nor forward_all cannot be run by
     * rt_forward; it only has children that can. */
    rt_tensor *(*forward)(rt_module *self, rt_tensor *x);
    void (*destroy)(rt_module *self); /* may be NULL; what was registered is freed for you */
    /* For any number of inputs and results: fills out[0..n_out), owned by the current scope. n_in and
     * n_out are as below. */
    void (*forward_all)(rt_module *self, rt_tensor *const *in, int n_in, rt_tensor **out,
                        int n_out);
    int n_in;       /* inputs that must be given; 0 means 1; RT_MANY: any number */
    int n_optional; /* inputs after them that may be left out, or NULL */
    int n_out;      /* results; 0 means 1; RT_MANY: as many as the caller has room for */
} rt_module_type;

/* Head of every module; private but for `training`, which forward functions read. */
struct rt_module {
    struct {
        void *head[3];
        int32_t owners[3];
    } object;                        /* private */
    const rt_module_type *type;      /* private */
    struct rt_module_inside *inside; /* private */
    bool training;                   /* set by rt_nn_train */
};

/* Makes a module of that type, whose memory is zero. The current scope owns it. Fails if .size is
 * smaller than rt_module, or the numbers of inputs and results are invalid. */
RT_API void *rt_nn_new(const rt_module_type *type);

/* ---- registering ----
 * A name must be new in the module and have no '.'. Each function returns what it registered, which the
 * module owns from then on; NULL on failure. */
/* Registers a child and returns it. A module cannot be part of itself; it may be part of several
 * modules, or of one under several names. */
RT_API rt_module *rt_nn_child(rt_module *self, const char *name, rt_module *child);
/* Registers a parameter, a tensor of floats for which backward computes a gradient, and returns
 * it. Use float32 unless the net is never trained: optimisers, training runs and rt_nn_save refuse
 * parameters of other types by name. */
RT_API rt_tensor *rt_nn_param(rt_module *self, const char *name, rt_tensor *value);
/* Registers a parameter that this or another module already has, and returns it: one tensor with
 * several names. rt_nn_param_at lists it under its first name. */
RT_API rt_tensor *rt_nn_tie(rt_module *self, const char *name, rt_tensor *param);
/* Registers a tensor that is not a parameter, such as constants or running statistics, and returns
 * it. With RT_PERSISTENT it must be float32, and is saved and restored like a parameter; with 0 it
 * is made again with the net. */
RT_API rt_tensor *rt_nn_buffer(rt_module *self, const char *name, rt_tensor *value, unsigned flags);

/* ---- running ---- */
/* Returns the result of m for input x. The forward function runs in a scope of its own: only its
 * result outlives it. It is an error if it returns NULL without an error. */
RT_API rt_tensor *rt_forward(rt_module *m, rt_tensor *x);
/* Runs m with any number of inputs and results. Fills out[0..n_out), which the caller's scope
 * owns; all are NULL on failure. */
RT_API rt_status rt_forward_all(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                                int n_out);
/* Switches m and all modules below it to training mode or out of it, for dropout and the like.
 * Modules start in training mode. */
RT_API void rt_nn_train(rt_module *m, bool training);
/* Reports, in a forward function, a statistic over the batch; it must have the shape of the buffer
 * of that name. The buffer becomes (1 - momentum) buffer + momentum value: immediately, as in
 * PyTorch's layers; in a training run once per step, with the mean over all samples of the step,
 * wherever they are, and then the buffer must be RT_PERSISTENT. Nothing is recorded. */
RT_API rt_status rt_nn_observe(rt_module *self, const char *name, rt_tensor *value,
                               double momentum);

/* Functions that are called around the forward function of a module. They may replace inputs and
 * results by other tensors, owned by the scope or by themselves. */
typedef struct rt_nn_hooks {
    void *ctx;                                                         /* passed to the functions */
    void (*before)(void *ctx, rt_module *m, rt_tensor **in, int n_in); /* may be NULL */
    void (*after)(void *ctx, rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                  int n_out); /* may be NULL */
} rt_nn_hooks;
/* Adds hooks. They are called in the order in which they were added. */
RT_API rt_status rt_nn_hook(rt_module *m, rt_nn_hooks h);
/* Removes the hooks with that ctx. */
RT_API void rt_nn_unhook(rt_module *m, const void *ctx);

/* Calls fn for m and every module below it that has parameters of its own (rt_nn_own_param_at):
 * with needed = true before they are read, and with false when they no longer are. It does so
 * around the module's forward function, during which the modules below it run, and around the
 * backward of what that function recorded, each time backward reaches it. Between these calls the
 * value of a parameter may be elsewhere, as with sharded or offloaded parameters; rt_param_absent
 * in autograd.h says what fn does then. fn runs with recording off; NULL removes it. A layer that
 * exchanges values between slices (exchange.h) is needed by several slices at once: fn is called
 * once for each.
 *
 *     static void fetch(void *ctx, rt_module *of, bool needed)
 *     {
 *         rt_tensor *w;
 *         for (int i = 0; (w = rt_nn_own_param_at(of, i, NULL)); i++)
 *             needed ? rt_param_present(w, rt_clone(rt_param_home(w))) : rt_param_absent(w);
 *     }
 */
RT_API rt_status rt_nn_on_need(rt_module *m, void (*fn)(void *ctx, rt_module *of, bool needed),
                               void *ctx);

/* ---- freezing ---- */
/* Freezes parameters of m, so that no gradient is computed for them, or unfreezes them: those for
 * which one of their full names matches the pattern ("0.*", "*.bias"; * stands for any characters,
 * ? for one character). Optimisers leave frozen parameters unchanged; their places stay the same
 * everywhere. Fails (NOTFOUND) if no parameter matches. */
RT_API rt_status rt_nn_freeze(rt_module *m, const char *pattern, bool frozen);

/* ---- devices ---- */
/* Moves all parameters and buffers to a device, and clears gradients. Make the optimiser
 * afterwards: an older one refuses parameters that have moved. Inputs of the net must be on that
 * device too (rt_to_device). After a failure some parameters may have been moved. */
RT_API rt_status rt_nn_to_device(rt_module *m, rt_device device);

/* ---- listing ----
 * Indices follow the order of registration, depth first. Tensors are borrowed; names are borrowed until
 * something is registered in m or below it. The time of each call does not depend on the index. `name`
 * may be NULL. */
/* Returns the number of parameters in m and below it. A parameter with several names counts once. */
RT_API int64_t rt_nn_param_count(const rt_module *m);
/* Returns the i-th parameter, NULL if there is none, and its full name ("3.weight"). */
RT_API rt_tensor *rt_nn_param_at(const rt_module *m, int64_t i, const char **name);
/* Returns true if a gradient is computed for the i-th parameter, that is, if it is not frozen. */
RT_API bool rt_nn_param_trainable(const rt_module *m, int64_t i);
/* Returns the number of elements of all parameters together. */
RT_API int64_t rt_nn_numel(const rt_module *m);
/* Returns the number of buffers in m and below it. */
RT_API int64_t rt_nn_buffer_count(const rt_module *m);
/* Returns the i-th buffer, NULL if there is none, its full name, and whether it is saved
 * (`persistent` may be NULL). */
RT_API rt_tensor *rt_nn_buffer_at(const rt_module *m, int64_t i, const char **name,
                                  bool *persistent);
/* Returns the momentum that the last rt_nn_observe of the i-th buffer was called with; 0 if there
 * was none. */
RT_API double rt_nn_buffer_momentum(const rt_module *m, int64_t i);
/* Returns the number of additional names of parameters and buffers that have several. */
RT_API int64_t rt_nn_alias_count(const rt_module *m);
/* Returns the tensor with the i-th additional name, that name, and the name under which
 * rt_nn_param_at or rt_nn_buffer_at lists the tensor (`first` may be NULL). */
RT_API rt_tensor *rt_nn_alias_at(const rt_module *m, int64_t i, const char **name,
                                 const char **first);
/* Returns the parameter or buffer with that full name, which may be an additional one; NULL,
 * without an error, if there is none. */
RT_API rt_tensor *rt_nn_find(const rt_module *m, const char *name);
/* Returns the module with that full name ("1.fc1"; "" is m); NULL, without an error, if there is
 * none. */
RT_API rt_module *rt_nn_find_module(const rt_module *m, const char *name);
/* Returns the i-th parameter that m itself has, tied ones included; NULL if there is none. */
RT_API rt_tensor *rt_nn_own_param_at(const rt_module *m, int i, const char **name);
/* Returns one line for each layer, for people: its name, type, parameters and buffers, and which
 * of them are frozen or tied. Free it with rt_text_free. */
RT_API char *rt_nn_summary(const rt_module *m);
/* Frees a text that this library made. NULL is allowed. */
RT_API void rt_text_free(char *text);

/* ---- layers ---- */
#ifdef __cplusplus
#define rt_nn_sequential(...) rt_nn_sequential_of({__VA_ARGS__})
#else
#define rt_nn_sequential(...)                                                                      \
    rt_nn_sequential_((rt_module *const[]){__VA_ARGS__},                                           \
                      (int)(sizeof((rt_module *const[]){__VA_ARGS__}) / sizeof(rt_module *)))
#endif
/* Makes a module that runs layers one after the other; they are named "0", "1", ... Inputs after
 * the first (rt_forward_all) go to each layer that takes more than one, as many as it takes. */
RT_API rt_module *rt_nn_sequential_(rt_module *const *layers, int count);

#ifdef __cplusplus
#define rt_nn_residual(...)                rt_nn_residual_of({__VA_ARGS__}, nullptr)
#define rt_nn_residual_with(shortcut, ...) rt_nn_residual_of({__VA_ARGS__}, shortcut)
#else
#define rt_nn_residual(...) rt_nn_residual_with(NULL, __VA_ARGS__)
/* As rt_nn_residual, with a layer `shortcut` on the other path: shortcut(x) + f(x). It becomes the child
 * "shortcut"; NULL stands for x itself. */
#define rt_nn_residual_with(shortcut, ...)                                                         \
    rt_nn_residual_((rt_module *const[]){__VA_ARGS__},                                             \
                    (int)(sizeof((rt_module *const[]){__VA_ARGS__}) / sizeof(rt_module *)),        \
                    shortcut)
#endif
/* Makes a module that computes x + f(x), where f is the layers one after the other, named "0",
 * "1", ... Inputs after the first go to the layers, as in rt_nn_sequential. */
RT_API rt_module *rt_nn_residual_(rt_module *const *layers, int count, rt_module *shortcut);

/* ---- layers of layers.def ----
 * The rows of <ringtorch/layers.def> define the layers, their arguments with defaults, and what they
 * compute; the structs rt_nn_<layer>_args and the functions below are declared from them. Arguments that
 * configurations infer (RT_INFERRED) come first:
 *
 *     rt_nn_linear(784, 128), rt_nn_linear(784, 10, .bias = false)
 *     rt_nn_conv2d(1, 32, 3, .padding = RT_NN_SAME), rt_nn_max_pool2d(2), rt_nn_dropout(0.5)
 *
 * Weights and biases start as PyTorch's do: uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), keyed by the
 * thread's random streams. */
#define rt_nn_linear(...)                                                                          \
    RT_OP_CALL(rt_nn_linear_, rt_nn_linear_args, RT_NN_LINEAR_FIELDS, in, __VA_ARGS__)
#define rt_nn_conv2d(...)                                                                          \
    RT_OP_CALL(rt_nn_conv2d_, rt_nn_conv2d_args, RT_NN_CONV2D_FIELDS, in, __VA_ARGS__)
#define rt_nn_max_pool2d(...)                                                                      \
    RT_OP_CALL(rt_nn_max_pool2d_, rt_nn_max_pool2d_args, RT_NN_POOL2D_FIELDS, kernel, __VA_ARGS__)
#define rt_nn_avg_pool2d(...)                                                                      \
    RT_OP_CALL(rt_nn_avg_pool2d_, rt_nn_avg_pool2d_args, RT_NN_POOL2D_FIELDS, kernel, __VA_ARGS__)
#define rt_nn_batch_norm2d(...)                                                                    \
    RT_OP_CALL(rt_nn_batch_norm2d_, rt_nn_batch_norm2d_args, RT_NN_BATCH_NORM_FIELDS, in,          \
               __VA_ARGS__)
/* Takes x [n, in, ...]. Outside of training steps of several slices (exchange.h) it is the batch
 * normalisation of its input. */
#define rt_nn_sync_batch_norm(...)                                                                 \
    RT_OP_CALL(rt_nn_sync_batch_norm_, rt_nn_sync_batch_norm_args, RT_NN_BATCH_NORM_FIELDS, in,    \
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
/* With .mask, whose name does not matter in C, it takes a second input: int64 [n], the length of
 * each sample, or float32 [n, places], where 0 marks a place that is not there. Such a place is
 * seen by itself only. */
#define rt_nn_attention(...)                                                                       \
    RT_OP_CALL(rt_nn_attention_, rt_nn_attention_args, RT_NN_ATTENTION_FIELDS, features,           \
               __VA_ARGS__)
/* With .mask it takes a second input, as rt_nn_attention does; rt_nn_mean_places("") averages over
 * all places. */
#define rt_nn_mean_places(...)                                                                     \
    RT_OP_CALL(rt_nn_mean_places_, rt_nn_mean_places_args, RT_NN_MEAN_PLACES_FIELDS, mask,         \
               __VA_ARGS__)

#define RT_NN_MADE_WITH(id, ...)  RT_API rt_module *rt_nn_##id##_(rt_nn_##id##_args a);
#define RT_NN_MADE_PLAIN(id, ...) RT_API rt_module *rt_nn_##id(void);
#define RT_NN_MADE_OF_JSON(...)
RT_LAYERS(RT_NN_MADE_WITH, RT_NN_MADE_PLAIN, RT_NN_MADE_OF_JSON)
#undef RT_NN_MADE_WITH
#undef RT_NN_MADE_PLAIN
#undef RT_NN_MADE_OF_JSON

/* The arguments of rt_nn_from_json. */
typedef struct rt_nn_from_json_args {
    const char *json; /* a list of layers */
    rt_dims input;    /* the shape of one sample: [1, 28, 28] */
    /* the type of its elements: RT_F32, or RT_I64 if the first layer takes tokens */
    rt_dtype dtype;
} rt_nn_from_json_args;
/* Builds a net from JSON, a list of layers. Each layer is a name or {name: {option: value}}, and
 * the first option may be given without its name:
 *
 *     [{"conv2d": {"out": 32, "kernel": 3, "padding": "same"}}, "relu", {"max_pool2d": 2},
 *      {"residual": [{"conv2d": {"out": 32, "kernel": 3, "padding": "same"}}, "relu"]},
 *      "flatten", {"linear": 10}]
 *
 * The sizes of inputs follow from `input`. docs/LAYERS.md lists layers and options. Parameters
 * have the names of PyTorch's nested Sequentials: "3.0.weight" belongs to the convolution in
 * `residual`. An error names the place of the layer (layers[3].residual[0]) and the option at
 * fault, what is allowed, and the nearest name. */
#define rt_nn_from_json(...) RT_CALL(rt_nn_from_json_, rt_nn_from_json_args, json, __VA_ARGS__)
RT_API rt_module *rt_nn_from_json_(rt_nn_from_json_args a);
/* Returns the layers of a preset ("cnn", "mlp") as JSON text, in which the last layer has
 * `classes` outputs; NULL for an unknown name. Free it with rt_text_free. */
RT_API char *rt_nn_preset(const char *name, int64_t classes);

/* ---- initialisers ----
 * They fill x in place, keyed by the thread's random streams. Fan-in and fan-out are those of
 * torch.nn.init; `a` is the negative slope of the leaky ReLU that follows (0 for a ReLU). */
/* Fills x with numbers uniform in [low, high). */
RT_API rt_status rt_init_uniform(rt_tensor *x, double low, double high);
/* Fills x with normal numbers of that mean and standard deviation. */
RT_API rt_status rt_init_normal(rt_tensor *x, double mean, double std);
/* Sets all elements of x to `value`. */
RT_API rt_status rt_init_constant(rt_tensor *x, double value);
/* Fills x with numbers uniform within gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio
 * 2010). */
RT_API rt_status rt_init_xavier_uniform(rt_tensor *x, double gain);
/* Fills x with normal numbers of standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot
 * and Bengio 2010). */
RT_API rt_status rt_init_xavier_normal(rt_tensor *x, double gain);
/* Fills x with numbers uniform within sqrt(6 / ((1 + a^2) fan_in)) (He et al. 2015). */
RT_API rt_status rt_init_kaiming_uniform(rt_tensor *x, double a);
/* Fills x with normal numbers of standard deviation sqrt(2 / ((1 + a^2) fan_in)) (He et al. 2015). */
RT_API rt_status rt_init_kaiming_normal(rt_tensor *x, double a);

RT_END_DECLS

#ifdef __cplusplus
#include <initializer_list>
inline rt_module *rt_nn_sequential_of(std::initializer_list<rt_module *> layers)
{
    return rt_nn_sequential_(layers.begin(), static_cast<int>(layers.size()));
}
inline rt_module *rt_nn_residual_of(std::initializer_list<rt_module *> layers, rt_module *shortcut)
{
    return rt_nn_residual_(layers.begin(), static_cast<int>(layers.size()), shortcut);
}
#endif

#endif
