/* Operations: one constant rt_op each, from which come checks, recording, gradients, calls by name and the table
 * of docs. Every operation of the library is written with this header; yours are no different.
 *
 *     // y = x * s, d x = dy * s
 *     #define SCALED_FIELDS(F)                                            \
 *         F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")               \
 *         F(NUMBER, s, 1, RT_ANY, "the factor")
 *     typedef struct scaled_args { RT_STRUCT(SCALED_FIELDS) } scaled_args;
 *
 *     static rt_status scaled_infer(rt_call *c)                    // shapes and types, before any memory is made
 *     {
 *         return rt_result_like(c, 0, c->in[0]);
 *     }
 *     static rt_status scaled_run(rt_call *c)                      // the values
 *     {
 *         const scaled_args *a = c->args;
 *         for (int64_t i = 0; i < rt_numel(c->out[0]); i++)
 *             rt_f32(c->out[0])[i] = rt_f32(c->in[0])[i] * (float)a->s;
 *         return RT_OK;
 *     }
 *     static void scaled_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
 *     {
 *         dx[0] = rt_mul_scalar(dy[0], ((const scaled_args *)c->args)->s);     // of differentiable operations
 *     }
 *     const rt_op scaled_op = {
 *         .name = "scaled",
 *         RT_ARGS(scaled_args, SCALED_FIELDS),
 *         .infer = scaled_infer,
 *         .run = scaled_run,
 *         .backward = scaled_backward,
 *     };
 *     rt_tensor *scaled(rt_tensor *x, double s) { return rt_apply(&scaled_op, &(scaled_args){x, s}); }
 *
 * There are three kinds. One that computes has infer and run. A view has infer alone, which also says strides and offset.
 * A composite has .compose alone, made of other operations, which record themselves.
 *
 * The dispatcher, rt_apply, sees to everything else: that inputs are there and of the types that their rows allow, lie on one
 * device and, unless the operation is .strided, row-major and without gaps; that values lie in their ranges; that results have
 * memory; that gradients have the shape and type of the input. Infer, run, compose and backward run in a scope of their own:
 * nothing that they make needs freeing. They may return at once when a call fails; the error slot says why. */
#ifndef RINGTORCH_OP_H
#define RINGTORCH_OP_H

#include <ringtorch/field.h>
#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

enum {
    RT_MANY = -1,          /* a number of inputs or results that the call decides */
    RT_SAVED_MAX = 4,      /* tensors that run may keep for backward */
    RT_PLAN_MAX = 512,     /* bytes of a plan */
    RT_IN_PLACE_MAX = 256, /* bytes of arguments of what is done in place */
};

typedef struct rt_op rt_op;

/* ---- arguments: a list of rows (field.h), inputs first. Operations have two kinds more: ----
 *
 *     kind     member                   default             allowed
 *     INPUT    rt_tensor *name          RT_NEEDED,          RT_FLOATS, RT_TYPE(I64) | RT_TYPE(BOOL), RT_ANY_TYPE;
 *                                       RT_OPTIONAL         with RT_SAME: all such inputs have one type;
 *                                                           with RT_PROMOTE: they are converted to one, see below
 *     INPUTS   rt_tensor *const *name;  RT_NEEDED           the same; the only input
 *              int64_t name_count
 *
 * Inputs with RT_PROMOTE are converted, and that is recorded, to the type that rt_result_type says of them; if the row does not
 * allow that and it is an integer type or bool, to int64 if that is allowed, else to float32. */
#define RT_TYPE(dtype) (1u << RT_##dtype)
/* bfloat16 and float16 are stored, and computed in float32: a run that finds no kernel for them is called again with float32 copies,
 * and its results are rounded once. */
#define RT_FLOATS   (RT_TYPE(F32) | RT_TYPE(F64) | RT_TYPE(BF16) | RT_TYPE(F16))
#define RT_ANY_TYPE 0x0fffffffu
#define RT_NOT_BOOL (RT_ANY_TYPE & ~RT_TYPE(BOOL))
#define RT_SAME     0x80000000u
#define RT_PROMOTE  0xc0000000u

#define RT_OPTIONAL 0

/* ---- one call ---- */

/* A result, as infer says it will be. */
typedef struct rt_spec {
    rt_dims dims;
    rt_dtype dtype;
    /* Views: the window into the first input's storage, in elements from its first. */
    int64_t stride[RT_MAX_DIMS], offset;
} rt_spec;

typedef struct rt_call {
    const rt_op *op;
    /* The argument struct. Backward: a copy of it, whose inputs are in `in` (a list of INPUTS in it is not there any more). */
    const void *args;
    rt_tensor *const *in; /* [n_in]; an optional one that was left out is NULL */
    rt_tensor **out;      /* [n_out]; run fills them; backward: those that are saved, else NULL */
    /* [op->n_saved]; set by run for backward, which takes them as constants: inputs, results or others. */
    rt_tensor **saved;
    rt_spec *spec; /* [n_out]; set by infer */
    void *plan;    /* [op->plan_size] bytes, zero before infer: for run and backward */
    int n_in, n_out;
    bool recorded; /* run: backward may follow, so fill saved */
} rt_call;

/* Infer: says that result i is a contiguous tensor of that shape and type. */
rt_status rt_result(rt_call *c, int i, rt_dims dims, rt_dtype dtype);
/* Infer: the same, of the shape and type of x. */
rt_status rt_result_like(rt_call *c, int i, const rt_tensor *x);
/* Infer of a view: says that the result is that window into the first input. stride [dims.n] and offset count elements. Fails
 * if it reaches outside of the memory that the input lies in. */
rt_status rt_window(rt_call *c, rt_dims dims, const int64_t *stride, int64_t offset);
/* Infer, or compose, of an operation with RT_MANY results: says how many, before anything about them. */
rt_status rt_results(rt_call *c, int count);
/* Backward: is the gradient of input i wanted? */
bool rt_needs(const rt_call *c, int i);
/* Backward: lets the next operation write its result straight into the fixed place of input i's gradient, if it has one that is
 * empty and nothing else will be added. Only a saving: the result is the same without it. */
void rt_aim(const rt_call *c, int i);

/* ---- the operation ---- */

struct rt_op {
    const char *name; /* as rt_op_find takes it */
    const char *help; /* one line, with the formula */

    /* RT_ARGS(struct, FIELDS) sets these. */
    const rt_field *fields; /* [n_fields], inputs first */
    const void *defaults;   /* an argument struct in which all that is not needed is set */
    size_t args_size;
    int n_fields;
    int n_in; /* RT_MANY: one row of INPUTS */

    int n_out; /* 0 is 1; RT_MANY: infer says */
    rt_status (*infer)(rt_call *c);
    rt_status (*run)(rt_call *c);
    void (*compose)(rt_call *c); /* sets c->out */
    /* Sets dx[i] for each input that rt_needs; dx[i] left NULL means no gradient. dy[k] has shape and type of result k; of several
     * results, those that nothing depends on have zeros. May look at the shape of every input, but read the values only of
     * what is saved. NULL: not differentiable, results want no gradient. */
    void (*backward)(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);
    uint32_t saves_in;  /* bit i, at most 31: backward reads the value of input i */
    uint32_t saves_out; /* bit k: of result k */
    uint32_t
        shapes_in; /* bit i: run reads no more than the shape of input i, which may be without value */
    int n_saved;      /* tensors that run keeps, at most RT_SAVED_MAX */
    size_t plan_size; /* at most RT_PLAN_MAX */
    bool strided;     /* run takes inputs as they lie */
    /* Run may write its result where the first input lies: it reads no element of an input of that shape after it wrote the one
     * in the same place. */
    bool in_place;
    /* The result is a copy of the first input that may be made later: run can find both in one storage. */
    bool shares;
    bool writes; /* compose writes into the first input, and gives it back: see rt_apply_in_place */
    /* Run never looks at memory, and calls operations. Unless it says so, it is given copies on the CPU of inputs that lie on
     * another device, and its results are copied back: rt_f32 and rt_data read there. */
    bool on_device;
};

/* Runs an operation that has one result and returns it, owned by the caller's scope; NULL if anything failed before or now.
 * args: the operation's argument struct, of which a copy is kept. op must live as long as what it recorded: let it be static, and
 * outside of functions, since what RT_ARGS makes there would live no longer than they do. */
rt_tensor *rt_apply(const rt_op *op, const void *args);
/* The same for any number of results: out[0..count). Fails if the operation has another number of them. */
rt_status rt_apply_all(const rt_op *op, const void *args, rt_tensor **out, int count);

/* Runs an operation and puts its result in the place of its first input, which it returns; NULL if anything failed before or now. What
 * is recorded is as if the result were a new tensor: x and, if x is a view, its base and all other views of that have its history from
 * now on. Fails, and names the reason, if
 *   - x is a parameter that wants its gradient, or a view of one, while recording is on;
 *   - x has a history that cannot say so: recording is off, or x shares its memory with a result that it is no view of;
 *   - x has elements that share their memory (rt_expand);
 *   - the result has another shape, or is of a higher category than x: float > integer > bool (a float64 is rounded to float32).
 * A backward that needs the old value fails; the operation itself keeps a copy where its own does. op has .run, one result and inputs
 * of a fixed number; with .in_place no memory is needed beside x. */
rt_tensor *rt_apply_in_place(const rt_op *op, const void *args);

/* ---- by name ---- */

/* Returns the operation of that name; NULL, which is no error, if there is none. */
const rt_op *rt_op_find(const char *name);
/* Returns operation i, in the order of names; NULL from the number of operations on. */
const rt_op *rt_op_at(int i);
/* Makes an operation known by its name, for as long as the program runs; op must live as long. Fails if the name is taken, or if op
 * is not of one of the three kinds. Not while other threads look for operations. */
rt_status rt_op_register(const rt_op *op);

/* ---- what the rows expand to, beside what field.h says ---- */

#define RT_MEMBER_INPUT(name, value) rt_tensor *name;
#define RT_MEMBER_INPUTS(name, value)                                                              \
    rt_tensor *const *name;                                                                        \
    int64_t name##_count;
#define RT_DEFAULT_INPUT(name, value)
#define RT_DEFAULT_INPUTS(name, value)
#define RT_SCHEMA_INPUT(allowed)  .dtypes = allowed
#define RT_SCHEMA_INPUTS(allowed) .dtypes = allowed

/* The members of an rt_op that describe its arguments. */
#define RT_ARGS(type, FIELDS) RT_PUBLIC_ARGS(type, FIELDS)
#define RT_PUBLIC_ARGS(type, FIELDS)                                                               \
    .fields = (const rt_field[]){FIELDS(RT_SCHEMA_ROW)},                                           \
    .n_fields = (int)(sizeof((const rt_field[]){FIELDS(RT_SCHEMA_ROW)}) / sizeof(rt_field)),       \
    .n_in = 0 FIELDS(RT_COUNT_ROW), .args_size = sizeof(type), .defaults = &(const type)           \
    {                                                                                              \
        FIELDS(RT_DEFAULT_ROW)                                                                     \
    }
#define RT_COUNT_ROW(kind, name, value, allowed, help) RT_COUNT_##kind
#define RT_COUNT_INPUT                                 +1
#define RT_COUNT_INPUTS                                +RT_MANY
#define RT_COUNT_INT
#define RT_COUNT_NUMBER
#define RT_COUNT_FLAG
#define RT_COUNT_PAIR
#define RT_COUNT_DIMS
#define RT_COUNT_DTYPE
#define RT_COUNT_CHOICE
#define RT_COUNT_AUTO
#define RT_COUNT_TEXT

RT_END_DECLS

#endif
