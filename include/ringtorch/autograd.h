/* Reverse-mode differentiation.
 *
 *     rt_tensor *w = rt_param(rt_randn(rt_shape(10, 784)));    // kept; ops on it are recorded
 *     rt_tensor *loss = rt_mean(rt_square(rt_sub(rt_linear(x, w), y)));
 *     rt_backward(loss);                                        // rt_grad_of(w) is d loss / d w
 *     rt_grad_clear(w);
 *
 * A graph node belongs to its output tensor and keeps its inputs, so the graph needs no object of
 * its own. Backward is written with differentiable ops: with .create_graph it is recorded too.
 * Functions of one element (tanh, ...), and what is made of them (bce_with_logits, batch_norm, ...), can be differentiated twice,
 * all else without limit. */
#ifndef RINGTORCH_AUTOGRAD_H
#define RINGTORCH_AUTOGRAD_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Marks a leaf as wanting its gradient and keeps it (free it with rt_free). Float tensors only. */
rt_tensor *rt_param(rt_tensor *x);
/* Is it a leaf that wants its gradient, or computed from one while recording was on? */
bool rt_requires_grad(const rt_tensor *x);
/* Lets a parameter want its gradient or not from now on: operations take one that does not as a constant. Its gradient so far is
 * forgotten, the place of rt_grad_place stays. */
rt_status rt_set_requires_grad(rt_tensor *param, bool wanted);

/* ---- parameters whose value is elsewhere ----
 * A parameter keeps its shape, its name and its gradient while its value is on another machine, or in other memory. Operations
 * refuse it until it is brought back; see rt_nn_on_need in nn.h for who brings it, and when. */
/* Lets go of the value. */
rt_status rt_param_absent(rt_tensor *param);
/* Makes the parameter a view of `value`, which has its shape and type and is contiguous. Backward must meet the value that the
 * operation met: the same numbers, and as often changed in place. */
rt_status rt_param_present(rt_tensor *param, const rt_tensor *value);
/* Is the value there? */
bool rt_param_is_present(const rt_tensor *param);

typedef struct rt_backward_args {
    rt_tensor *loss;
    rt_tensor *grad; /* d result / d loss, same shape; NULL: ones, and loss must have one element */
    bool create_graph; /* record the backward pass, so that gradients can be differentiated */
    bool retain_graph; /* keep what nodes saved; otherwise it is dropped as soon as it was used */
} rt_backward_args;
/* Adds d loss / d leaf to each leaf's gradient. Fails if the loss has no history, if this graph was
 * used before without .retain_graph, or if a tensor that backward reads was changed in place.
 * Gradients are added in an order that depends on the graph alone. With .create_graph a leaf's
 * gradient has a history that leads back to the leaf: clear it when done, or neither is ever freed;
 * rt_grad has no such trap. */
#define rt_backward(...) RT_CALL(rt_backward_, rt_backward_args, loss, __VA_ARGS__)
/* The function behind rt_backward. */
rt_status rt_backward_(rt_backward_args a);

/* Writes d loss / d inputs[i] into out[i] (zeros if it does not depend on it), owned by the current
 * scope; leaves the leaves' gradients alone. Inputs may be leaves or results. All of out is NULL on
 * failure. */
typedef struct rt_grad_args {
    rt_tensor *loss;
    rt_tensor *const *inputs;
    int count;
    rt_tensor **out;
    rt_tensor *grad;   /* as above */
    bool create_graph; /* also keeps the graph for another use */
} rt_grad_args;
#define rt_grad(...) RT_CALL(rt_grad_, rt_grad_args, loss, __VA_ARGS__)
/* The function behind rt_grad. */
rt_status rt_grad_(rt_grad_args a);

/* Returns the leaf's gradient, borrowed until it is cleared or the leaf dies; NULL if there is none
 * yet. */
rt_tensor *rt_grad_of(const rt_tensor *leaf);
/* Forgets the gradient (a gradient with a fixed place, see rt_grad_place, is merely marked empty:
 * no memory is touched). */
void rt_grad_clear(rt_tensor *leaf);
/* Gives the leaf's gradient a fixed place: backward writes it into `view` (same shape, contiguous)
 * the first time and adds after that. This is how gradients live in one flat buffer. */
rt_status rt_grad_place(rt_tensor *leaf, rt_tensor *view);

/* Turns recording off in the calling thread; returns the former state, for ... */
bool rt_no_grad_begin(void);
/* ... which restores it. They nest. */
void rt_no_grad_end(bool former);

RT_END_DECLS

#endif
