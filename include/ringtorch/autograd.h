/* Reverse-mode differentiation.
 *
 *     rt_tensor *x = rt_ones(rt_shape(4, 3)), *y = rt_zeros(rt_shape(4, 2));
 *     rt_tensor *w = rt_param(rt_ones(rt_shape(2, 3)));   // operations on w are recorded
 *     rt_tensor *loss = rt_mean(rt_square(rt_sub(rt_linear(x, w), y)));
 *     rt_backward(loss);
 *     rt_tensor *g = rt_grad_of(w);                       // [2,3] d loss / d w
 *     printf("%g\n", rt_item(rt_mean(g)));                // 3
 *     rt_grad_clear(w);
 *     rt_free(w);                                         // rt_param kept it
 *
 * Lifetime: a graph node belongs to its output tensor and keeps its inputs alive, so the graph needs no
 * object of its own and is freed with the results of a step. Gradients belong to their parameters.
 *
 * Backward functions are made of differentiable operations, so with .create_graph the backward pass is
 * recorded too. How often it can be differentiated again depends on the operation: element-wise
 * functions (tanh and others) and operations composed of them (bce_with_logits, batch_norm and others)
 * twice, pow three times, layer_norm and log_softmax four times; one more attempt fails (UNSUPPORTED).
 * All other operations can be differentiated any number of times. docs/OPERATIONS.md lists the limit of
 * each; an operation states it as .derivatives (op.h). */
#ifndef RINGTORCH_AUTOGRAD_H
#define RINGTORCH_AUTOGRAD_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Marks a leaf as a parameter, for which backward computes a gradient, and keeps it: free it with
 * rt_free. Only tensors of floats or complex numbers can be parameters. */
RT_API rt_tensor *rt_param(rt_tensor *x);
/* Returns true if x is a leaf for which a gradient is computed, or a result computed from one
 * while recording was on. */
RT_API bool rt_requires_grad(const rt_tensor *x);
/* Sets whether a gradient is computed for a parameter from now on. If not, operations treat the
 * parameter as a constant. Its gradient so far is dropped; a place set by rt_grad_place stays. */
RT_API rt_status rt_set_requires_grad(rt_tensor *param, bool wanted);

/* ---- parameters whose value is elsewhere ----
 * A parameter keeps its shape, its name and its gradient while its value is on another machine or in
 * other memory. Operations refuse such a parameter until its value is back; rt_nn_on_need in nn.h tells
 * you when to fetch it.
 *
 * An optimiser gives each of its parameters a home, which is a place in its flat buffer, and moves the
 * value there. From then on the value at home is the one that counts: the optimiser updates it,
 * rt_nn_save writes it and rt_nn_load fills it. You decide what the parameter shows at any moment (its
 * home, nothing, or other memory), and copy the value from its home after each update; nothing is copied
 * back:
 *
 *     rt_param_absent(w);
 *     rt_copy_into(mine, rt_param_home(w));  // before w is needed: fetch the value ...
 *     rt_param_present(w, mine);             // ... and show it
 *     rt_param_absent(w);                    // when it is no longer needed
 *     rt_param_present(w, rt_param_home(w)); // permanently, as after rt_optim_adamw
 */
/* Removes what the parameter shows, which is its value if it has no home. Works also after a
 * failure. */
RT_API rt_status rt_param_absent(rt_tensor *param);
/* Makes the parameter a view of `value`, which must have the parameter's shape and type, be
 * contiguous, and be on the same device as its gradient. If the parameter was absent when it got
 * its home and had no value before, the value is copied to the home. Backward must see the same
 * numbers as the operation did; it refuses a parameter whose home changed in between, through an
 * update for example. */
RT_API rt_status rt_param_present(rt_tensor *param, const rt_tensor *value);
/* Returns true if the parameter shows a value. */
RT_API bool rt_param_is_present(const rt_tensor *param);
/* Returns the parameter's home, borrowed. The home outlives the optimiser that made it, and ends
 * when another optimiser takes the parameter over. Returns NULL, without an error, if the
 * parameter has no home or the home has no value yet. The home has no history, so writing anything
 * with a gradient to it requires rt_no_grad_begin, as for the parameter itself. */
RT_API rt_tensor *rt_param_home(const rt_tensor *param);

/* The arguments of rt_backward. */
typedef struct rt_backward_args {
    rt_tensor *loss; /* the result to differentiate */
    /* d result / d loss, of the same shape; NULL: ones, and loss must have one element */
    rt_tensor *grad;
    bool create_graph; /* record the backward pass, so that gradients can be differentiated */
    bool retain_graph; /* keep what nodes saved; otherwise it is dropped as soon as it was used */
} rt_backward_args;
/* Adds d loss / d leaf to the gradient of each leaf. Fails if the loss has no history, if this
 * graph was used before without .retain_graph, or if a tensor that backward reads was changed in
 * place. The order in which gradients are added depends on the graph only. With .create_graph the
 * gradient of a leaf has a history that leads back to the leaf: clear the gradient when you are
 * done, or neither is ever freed. rt_grad has no such trap. */
#define rt_backward(...) RT_CALL(rt_backward_, rt_backward_args, loss, __VA_ARGS__)
RT_API rt_status rt_backward_(rt_backward_args a);

/* The arguments of rt_grad. */
typedef struct rt_grad_args {
    rt_tensor *loss;          /* the result to differentiate */
    rt_tensor *const *inputs; /* [count] */
    int count;                /* number of inputs */
    rt_tensor **out;          /* [count] */
    rt_tensor *grad;          /* d result / d loss, as in rt_backward */
    bool create_graph;        /* record the backward pass; also keeps the graph for another use */
} rt_grad_args;
/* Writes d loss / d inputs[i] to out[i]: zeros if the loss does not depend on that input. The
 * current scope owns the results, and the gradients of leaves stay unchanged. Inputs may be leaves
 * or results. On failure, all of out is NULL. */
#define rt_grad(...) RT_CALL(rt_grad_, rt_grad_args, loss, __VA_ARGS__)
RT_API rt_status rt_grad_(rt_grad_args a);

/* Returns the gradient of a leaf; NULL if there is none yet. Borrowed until it is cleared or the
 * leaf is freed. */
RT_API rt_tensor *rt_grad_of(const rt_tensor *leaf);
/* Clears the gradient of a leaf. A gradient with a fixed place (rt_grad_place) is only marked as
 * empty; its memory is not touched. */
RT_API void rt_grad_clear(rt_tensor *leaf);
/* Gives the gradient of a leaf a fixed place: backward writes the first gradient to `view`, which
 * must be contiguous and have the same shape, and adds later ones to it. This is how all gradients
 * of an optimiser are in one flat buffer. */
RT_API rt_status rt_grad_place(rt_tensor *leaf, rt_tensor *view);

/* Turns recording off in the calling thread and returns whether it was on, for rt_no_grad_end.
 * Calls nest. */
RT_API bool rt_no_grad_begin(void);
/* Restores the state of recording that rt_no_grad_begin returned. */
RT_API void rt_no_grad_end(bool former);

/* What the operations of a thread record. */
typedef enum rt_grad_mode {
    RT_GRAD_ON,  /* operations on tensors that want a gradient are recorded: the initial mode */
    RT_GRAD_OFF, /* nothing is recorded, as after rt_no_grad_begin */
    /* Nothing is recorded, and rt_param, rt_backward and rt_grad fail: code for training that strays
     * into a program that serves predictions is found at once. */
    RT_GRAD_INFERENCE
} rt_grad_mode;
/* Sets the mode of the calling thread and returns the former one, which ends the scope of this one:
 *
 *     rt_grad_mode former = rt_set_grad_mode(RT_GRAD_INFERENCE);
 *     rt_tensor *y = rt_relu(x);
 *     rt_set_grad_mode(former); */
RT_API rt_grad_mode rt_set_grad_mode(rt_grad_mode mode);

/* ---- hooks ---- */
/* A function that is called with the gradient dy of a tensor, and returns the gradient to go on with:
 * dy, NULL, which means dy, or another tensor of its shape and type. It must not change dy in place.
 * It may call rt_backward and rt_grad on results that have no history in common with the pass, not even a
 * parameter; else these fail.
 * The scope of the backward pass owns what it makes. */
typedef rt_tensor *(*rt_grad_hook)(rt_tensor *dy, void *context);
/* Calls the hook whenever backward has the whole gradient of x, before the gradient is passed on, given to
 * rt_grad, or added to that of a leaf. Hooks of a tensor are called in the order in which they were
 * added. They belong to the history of x as it is now: to a parameter for good, to a result until its
 * graph is freed, and not to what a later operation in place makes of x. Returns a number for
 * rt_off_grad, or 0 on failure: x must want a gradient. */
RT_API int64_t rt_on_grad(rt_tensor *x, rt_grad_hook hook, void *context);
/* Removes a hook, also while hooks are called: one that is removed before its turn is not called, and one
 * that a hook adds waits for the next pass. Fails with NOTFOUND if x has none of that number. */
RT_API rt_status rt_off_grad(rt_tensor *x, int64_t number);

/* ---- functions of tensors ---- */
/* A function from tensors to tensors, which sets out[0..n_out). It depends on `in` and on constants
 * alone, and may draw random numbers. */
typedef void (*rt_function)(rt_tensor *const *in, rt_tensor **out, void *context);

/* The arguments of rt_checkpoint. */
typedef struct rt_checkpoint_args {
    rt_function function; /* called now and in backward */
    void *context;        /* for the function; must live as long as the results' history */
    rt_tensor *const *in; /* [n_in]: all that may want a gradient, parameters included */
    int n_in;             /* number of inputs */
    rt_tensor **out;      /* [n_out] */
    int n_out;            /* number of results */
} rt_checkpoint_args;
/* Calls a function and keeps only its inputs for backward, which calls it again to have what lies
 * between: memory is exchanged for time (Chen et al. 2016, Training deep nets with sublinear memory
 * cost). The second call draws the same random numbers. Results are those of the plain call;
 * gradients, too, but for the order of additions where an input is also used elsewhere. Results can be
 * differentiated once. Backward fails if the function uses a parameter that is not among its inputs. On failure all of
 * out is NULL. */
#define rt_checkpoint(...) RT_CALL(rt_checkpoint_, rt_checkpoint_args, function, __VA_ARGS__)
RT_API rt_status rt_checkpoint_(rt_checkpoint_args a);

/* The arguments of rt_hvp. */
typedef struct rt_hvp_args {
    rt_tensor *loss;          /* one number, with a history */
    rt_tensor *const *inputs; /* [count] */
    rt_tensor *const *v;      /* [count], each of the shape and type of its input */
    int count;                /* number of inputs */
    rt_tensor **out;          /* [count] */
} rt_hvp_args;
/* Writes the product of the loss's Hessian with a vector, both over all inputs together, to out, without
 * making the Hessian: the gradient of <gradient, v> (Pearlmutter 1994, Fast exact multiplication by the
 * Hessian). The current scope owns the results; the graph stays for another use. On failure all of out is NULL. */
#define rt_hvp(...) RT_CALL(rt_hvp_, rt_hvp_args, loss, __VA_ARGS__)
RT_API rt_status rt_hvp_(rt_hvp_args a);

RT_END_DECLS

#endif
