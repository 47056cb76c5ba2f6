/* Operations. Each one is a constant rt_op, from which its checks, recording, gradient, calls by name
 * and documentation follow. Every operation of the library is written with this header; yours are no
 * different:
 *
 *     #define SCALED_FIELDS(F)                                            \
 *         F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")               \
 *         F(NUMBER, s, 1, RT_ANY, "the factor")
 *     typedef struct scaled_args { RT_STRUCT(SCALED_FIELDS) } scaled_args;
 *
 *     static rt_status scaled_infer(rt_call *c)       // shapes and types, before memory is allocated
 *     {
 *         return rt_result_like(c, 0, c->in[0]);
 *     }
 *     static rt_status scaled_run(rt_call *c)         // the values: y = x s
 *     {
 *         const scaled_args *a = c->args;
 *         for (int64_t i = 0; i < rt_numel(c->out[0]); i++)
 *             rt_f32(c->out[0])[i] = rt_f32(c->in[0])[i] * (float)a->s;
 *         return RT_OK;
 *     }
 *     static void scaled_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
 *     {
 *         dx[0] = rt_mul_scalar(dy[0], ((const scaled_args *)c->args)->s);   // d x = d y s
 *     }
 *     static const rt_op scaled_op = {
 *         .name = "scaled",
 *         RT_ARGS(scaled_args, SCALED_FIELDS),
 *         .infer = scaled_infer,
 *         .run = scaled_run,
 *         .backward = scaled_backward,
 *     };
 *
 *     rt_tensor *x = rt_param(rt_ones(rt_shape(2, 3)));
 *     rt_tensor *y = rt_apply(&scaled_op, &(scaled_args){x, 3});   // [2,3]
 *     rt_backward(rt_sum(y));
 *     printf("%g\n", rt_item(rt_mean(rt_grad_of(x))));             // 3
 *     rt_free(x);
 *
 * There are three kinds of operations. One that computes has .infer and .run. A view has .infer alone,
 * which also states strides and offset. A composite has .compose alone, made of other operations,
 * which record themselves.
 *
 * Call a composite through rt_apply, like any other operation: rt_apply checks and converts its
 * arguments and frees its intermediate results. In the library, composites that come down to one
 * operation with at most views and a copy around it (rt_reshape, rt_narrow, rt_softmax, rt_matmul) are
 * functions that check their arguments themselves and that .compose calls. The steps of a net are full
 * of them, and a call within a call would cost each of them a second scope and a second copy of its
 * arguments.
 *
 * Infer sees shapes and types, not values, because results have their memory before run. An operation
 * whose result has a shape that depends on values is therefore a composite: compose computes the size
 * with other operations, reads it (rt_item), and gives it as an argument to an operation that states its
 * result by it. rt_unique is an example: it sorts, marks the first of equal elements, counts the marks,
 * and gathers as many elements.
 *
 * The dispatcher, rt_apply, does everything else. It checks that inputs are given, have types that
 * their rows allow, lie on one device and, unless the operation is .strided, are contiguous; that
 * values lie in their ranges; it allocates results; and it checks that gradients have the shape and
 * type of their inputs.
 *
 * The functions of an operation must not throw a C++ exception or longjmp: that would leave the library's
 * scopes and its recording in the state of the interrupted call. Catch inside, and fail with rt_fail.
 *
 * Lifetime: infer, run, compose and backward each run in a scope of their own, so they free nothing.
 * They may return as soon as a call fails; the error slot says why. An rt_op must live as long as
 * anything that it recorded. */
#ifndef RINGTORCH_OP_H
#define RINGTORCH_OP_H

#include <ringtorch/field.h>
#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

enum {
    RT_MANY = -1,          /* a number of inputs or results that each call decides */
    RT_SAVED_MAX = 4,      /* maximum of tensors that run may keep for backward */
    RT_PLAN_MAX = 512,     /* maximum of bytes of a plan */
    RT_IN_PLACE_MAX = 256, /* maximum of bytes of the arguments of an operation in place */
    RT_CONSTANT = 255,     /* .derivatives of a composite whose results have no gradient */
};

typedef struct rt_op rt_op;

/* ---- arguments ----
 * The arguments of an operation are a list of rows (field.h), inputs first. Operations have three kinds of
 * rows in addition to those of field.h:
 *
 *     kind     member                   default             allowed
 *     INPUT    rt_tensor *name          RT_NEEDED,          RT_FLOATS, RT_TYPE(I64) | RT_TYPE(BOOL),
 *                                       RT_OPTIONAL         RT_ANY_TYPE; with RT_SAME all such inputs
 *                                                           have one type; with RT_PROMOTE they are
 *                                                           converted to one
 *     INPUTS   rt_tensor *const *name;  RT_NEEDED           the same; the only input
 *              int64_t name_count
 *     INTS     const int64_t *name;     RT_NEEDED or        as INT, for each; a list of integers of any
 *              int64_t name_count       RT_EMPTY            length, borrowed for the call
 *
 * A value that may be omitted has RT_MAYBE(range) as what is allowed and RT_NOT_GIVEN as its default
 * (field.h); run and compose check for that before they use it.
 *
 * Inputs with RT_PROMOTE are converted to the type that rt_result_type gives for them, and the conversion
 * is recorded. If the row does not allow that type and it is an integer type or bool, they are converted
 * to int64 if that is allowed, otherwise to float32. */
#define RT_TYPE(dtype) (1u << RT_##dtype)
/* All float types. bfloat16 and float16 are storage types; computation is in float32: if .run finds no
 * kernel for them, it is called again with float32 copies, and its results are rounded once. */
#define RT_FLOATS (RT_TYPE(F32) | RT_TYPE(F64) | RT_TYPE(BF16) | RT_TYPE(F16))
/* All integer types, not bool. */
#define RT_INTEGERS (RT_TYPE(I64) | RT_TYPE(I32) | RT_TYPE(I16) | RT_TYPE(I8) | RT_TYPE(U8))
#define RT_COMPLEX  (RT_TYPE(C64) | RT_TYPE(C128))
#define RT_ANY_TYPE 0x0fffffffu
#define RT_NOT_BOOL (RT_ANY_TYPE & ~RT_TYPE(BOOL))
#define RT_SAME     0x80000000u
#define RT_PROMOTE  0xc0000000u

#define RT_OPTIONAL 0

/* ---- one call ---- */

/* A result, as infer states it. */
typedef struct rt_spec {
    rt_dims dims;   /* its shape */
    rt_dtype dtype; /* its type */
    /* For views: the window into the first input's storage, in elements of dtype from its first one. */
    int64_t stride[RT_MAX_DIMS], offset;
} rt_spec;

/* One call of an operation, as its functions see it. */
typedef struct rt_call {
    const rt_op *op; /* the operation */
    /* The argument struct. In backward: a copy of it; use `in` for the inputs (a list of INPUTS is not
     * in the copy, nor are the integers of INTS: keep what backward needs of them in `plan`). */
    const void *args;
    rt_tensor *const *in; /* [n_in]; an optional input that was left out is NULL */
    /* [n_out]; run fills them. In backward: the results that are saved; the others are NULL. */
    rt_tensor **out;
    /* [op->n_saved]; run sets them for backward, which treats them as constants: inputs, results or
     * other tensors. */
    rt_tensor **saved;
    rt_spec *spec;   /* [n_out]; set by infer */
    void *plan;      /* [op->plan_size] bytes, zero before infer: for run and backward */
    int n_in, n_out; /* the numbers of inputs and results */
    bool recorded;   /* in run: backward may follow, so fill `saved` */
} rt_call;

/* States, in infer, that result i is a contiguous tensor of that shape and type. */
RT_API rt_status rt_result(rt_call *c, int i, rt_dims dims, rt_dtype dtype);
/* States, in infer, that result i is a contiguous tensor with the shape and type of x. */
RT_API rt_status rt_result_like(rt_call *c, int i, const rt_tensor *x);
/* States, in infer of a view, that the result is a window into the first input. stride [dims.n]
 * and offset count elements. Fails if the window reaches outside of the memory of the input. */
RT_API rt_status rt_window(rt_call *c, rt_dims dims, const int64_t *stride, int64_t offset);
/* The same with another element type, in which stride and offset count: a view of complex numbers as
 * real ones, or of real ones as complex. Fails if the first element would not lie a whole number of
 * such elements from the beginning of the input's storage. */
RT_API rt_status rt_window_as(rt_call *c, rt_dtype dtype, rt_dims dims, const int64_t *stride,
                              int64_t offset);
/* States, in infer or compose of an operation with RT_MANY results, how many results there are.
 * Call it before anything about them. */
RT_API rt_status rt_results(rt_call *c, int count);
/* Returns, in backward, whether the gradient of input i is needed. */
RT_API bool rt_needs(const rt_call *c, int i);
/* Lets the next operation of backward write its result directly to the fixed place of the gradient
 * of input i, if it has one that is empty and nothing else will be added to it. This only saves
 * time: the result is the same without it. */
RT_API void rt_aim(const rt_call *c, int i);

/* ---- the operation ---- */

struct rt_op {
    const char *name; /* as rt_op_find takes it */
    const char *help; /* one line, with the formula */

    /* RT_ARGS(struct, FIELDS) sets the following: the fields [n_fields], inputs first. */
    const rt_field *fields;
    const void *defaults; /* an argument struct in which everything that is not needed is set */
    size_t args_size;     /* of the argument struct */
    int n_fields;         /* number of fields */
    int n_in;             /* number of inputs; RT_MANY: one row of INPUTS */

    int n_out;                      /* number of results; 0 means 1; RT_MANY: infer states it */
    rt_status (*infer)(rt_call *c); /* states shapes and types of the results */
    rt_status (*run)(rt_call *c);   /* computes the results */
    void (*compose)(rt_call *c);    /* calls other operations and sets c->out */
    /* Sets dx[i] for each input that rt_needs; dx[i] left NULL means no gradient. dy[k] has the shape
     * and type of result k; of several results, those that nothing depends on have zeros. May use the
     * shapes of all inputs, but only values that are saved. NULL: the operation is not differentiable,
     * and its results have no gradient. */
    void (*backward)(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);
    /* How often results can be differentiated, if there is a limit: 2 for most element-wise functions,
     * which have no third derivative here, and for operations composed of them. 0: no limit.
     * RT_CONSTANT: never, for a composite; others are not differentiable without .backward. */
    uint8_t derivatives;
    /* bit i: backward reads the value of input i; bit 31 also stands for all inputs after it */
    uint32_t saves_in;
    /* [n_in], or NULL. Bit i of entry k: the gradient of input k reads input i. If none of these
     * gradients is needed, input i is not kept, and may be changed. */
    const uint32_t *saves_in_for;
    uint32_t saves_out; /* bit k: backward reads the value of result k */
    /* bit i: run reads only the shape of input i, which may have no value */
    uint32_t shapes_in;
    int n_saved;      /* tensors that run keeps, at most RT_SAVED_MAX */
    size_t plan_size; /* at most RT_PLAN_MAX */
    bool strided;     /* run accepts inputs with any strides */
    /* Run may write its result to the memory of the first input: it reads no element of an input of
     * that shape after writing the element in the same place. */
    bool in_place;
    /* The result is a copy of the first input that may be made later: run may find both in one storage. */
    bool shares;
    bool writes; /* compose writes to the first input, and returns it: see rt_apply_in_place */
    /* Run never accesses memory itself but calls operations. Without this flag, run is given copies on
     * the CPU of inputs that are on another device, and its results are copied back, so that rt_f32 and
     * rt_data work there. */
    bool on_device;
};

/* Runs an operation with one result and returns it, owned by the caller's scope; NULL if anything
 * failed before or now. args is the argument struct of the operation, and is copied. op must live
 * as long as anything that it recorded: make it static and outside of functions, because what
 * RT_ARGS makes inside of a function lives only as long as the function runs. */
RT_API rt_tensor *rt_apply(const rt_op *op, const void *args);
/* Runs an operation with any number of results: out[0..count). Fails if the operation has a
 * different number of results. */
RT_API rt_status rt_apply_all(const rt_op *op, const void *args, rt_tensor **out, int count);

/* Runs an operation, puts its result in the place of its first input x, and returns x; NULL if
 * anything failed before or now. What is recorded is the same as if the result were a new tensor:
 * x and, if x is a view, its base and all other views of that base have the history of the result
 * from now on. Fails, and names the reason, if
 *   - x is a parameter for which a gradient is computed, or a view of one, while recording is on;
 *   - x has a history that cannot express this: recording is off, or x shares memory with a result of which it is not a view;
 *   - x has elements that share their memory (rt_expand);
 *   - the result has another shape, or is of a higher category than x: complex > float > integer > bool (a float64 is rounded to float32).
 *
 * A backward that needs the old value fails; the operation itself keeps a copy if its own backward
 * needs it. op must have .run, one result and a fixed number of inputs; with .in_place no memory
 * is needed in addition to x. */
RT_API rt_tensor *rt_apply_in_place(const rt_op *op, const void *args);

/* ---- by name ---- */

/* Returns the operation with that name; NULL, without an error, if there is none. */
RT_API const rt_op *rt_op_find(const char *name);
/* Returns the i-th operation in the order of names; NULL if there are no more. */
RT_API const rt_op *rt_op_at(int i);
/* Makes an operation known by its name for the rest of the program; op must live that long. Fails
 * if the name is taken, or if op is none of the three kinds of operations. Do not call it while
 * other threads look up operations. */
RT_API rt_status rt_op_register(const rt_op *op);

/* ---- what the rows expand to, in addition to field.h ---- */

#define RT_MEMBER_INPUT(name, value) rt_tensor *name;
#define RT_MEMBER_INPUTS(name, value)                                                              \
    rt_tensor *const *name;                                                                        \
    int64_t name##_count;
#define RT_MEMBER_INTS(name, value)                                                                \
    const int64_t *name RT_DEFAULT(nullptr);                                                       \
    int64_t name##_count RT_DEFAULT(0);
#define RT_DEFAULT_INPUT(name, value)
#define RT_DEFAULT_INPUTS(name, value)
#define RT_DEFAULT_INTS(name, value)
#define RT_SCHEMA_INPUT(allowed) RT_SCHEMA_INPUTS(allowed)
#ifdef __cplusplus
#define RT_SCHEMA_INPUTS(allowed) .set<uint32_t>(&rt_field::dtypes, allowed)
#else
#define RT_SCHEMA_INPUTS(allowed) .dtypes = allowed
#endif

#define RT_SCHEMA_INTS(...) __VA_ARGS__

/* The members of an rt_op that describe its arguments. */
#define RT_ARGS(type, FIELDS) RT_PUBLIC_ARGS(type, FIELDS)
#define RT_PUBLIC_ARGS(type, FIELDS)                                                               \
    .fields = RT_ROWS_OF(FIELDS), .defaults = RT_DEFAULTS_OF(type, FIELDS),                        \
    .args_size = sizeof(type), .n_fields = RT_ROW_COUNT(FIELDS), .n_in = 0 FIELDS(RT_COUNT_ROW)
#define RT_COUNT_ROW(kind, name, value, allowed, help) RT_COUNT_##kind
#define RT_COUNT_INPUT                                 +1
#define RT_COUNT_INPUTS                                +RT_MANY
#define RT_COUNT_INT
#define RT_COUNT_NUMBER
#define RT_COUNT_FLAG
#define RT_COUNT_PAIR
#define RT_COUNT_TRIPLE
#define RT_COUNT_DIMS
#define RT_COUNT_DTYPE
#define RT_COUNT_CHOICE
#define RT_COUNT_AUTO
#define RT_COUNT_TEXT
#define RT_COUNT_INTS

RT_END_DECLS

#endif
