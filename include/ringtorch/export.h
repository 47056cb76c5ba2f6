/* What all public headers share: C linkage, exported symbols, and macros that call a function whose
 * arguments are one struct.
 *
 *     rt_module *net = rt_nn_linear(2, 1);
 *     rt_optim *a = rt_optim_adamw(net, .lr = 1e-4);             // the first argument, then others by name
 *     rt_adamw_args args = {RT_ADAMW_DEFAULTS, .net = net};      // the same, with a struct that you fill
 *     args.lr = 1e-4;
 *     rt_optim *b = rt_optim_adamw_(args);
 *     rt_tensor *x = rt_ones(rt_shape(1, 1, 4, 4)), *w = rt_ones(rt_shape(1, 1, 2, 2));
 *     rt_conv2d_args c = {RT_DEFAULTS(RT_CONV2D_FIELDS) .x = x, .w = w};   // note: no comma between them
 *     rt_tensor *y = rt_conv2d_(c);                              // [1,1,3,3]
 *
 *     // C++20: all arguments by name, or all by position, in the order of the struct
 *     rt_module *net = rt_nn_linear(2, 1);
 *     rt_optim *a = rt_optim_adamw(.net = net, .lr = 1e-4);
 *     rt_optim *b = rt_optim_adamw(net, 1e-4);
 *     rt_adamw_args args = {};                                   // has the defaults
 *     args.net = net;
 *     rt_optim *c = rt_optim_adamw_(args);
 *     printf("%g\n", rt_optim_lr(a));                       // 0.0001
 *
 * An argument that is left out has its default, which the struct shows: zero, or the value in
 * RT_DEFAULT(...). A value that you write is used as it is, even if it is zero. The function that takes
 * the struct has the name of the call and an underscore. The defaults of an operation are in its rows
 * (RT_DEFAULTS); a struct that has neither rows nor an RT_..._DEFAULTS macro has only zeros as defaults.
 * An argument whose row says RT_NEEDED has no default, but no compiler asks for it. A tensor that is left
 * out is NULL, which the call refuses; a number is 0, which is an error only where the row does not allow
 * 0: rt_threshold(x) computes with a threshold and a value of 0.
 *
 * Lifetime: argument structs are passed by value, and pointers in them are borrowed for the call unless
 * the function's comment says otherwise. */
#ifndef RINGTORCH_EXPORT_H
#define RINGTORCH_EXPORT_H

/* Marks a function of the library, which is visible outside of it. Everything without this mark is
 * hidden (the library is compiled with -fvisibility=hidden), so other names, whether rt_ or rt__,
 * may change at any time. */
#define RT_API __attribute__((visibility("default")))

#ifdef __cplusplus
#define RT_BEGIN_DECLS extern "C" {
#define RT_END_DECLS   }

#define RT_DEFAULT(...) = __VA_ARGS__
/* Arguments are left out on purpose, which -Wextra would warn about. */
#define RT_CALL(function, args, first, ...)                                                        \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push")                                                             \
            _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                     \
                _Pragma("GCC diagnostic ignored \"-Wshadow\"") /* calls in arguments of calls */   \
            auto rt_result_ = function(args{__VA_ARGS__});                                         \
        _Pragma("GCC diagnostic pop") rt_result_;                                                  \
    })
#define RT_CALL_WITH_DEFAULTS(function, args, defaults, first, ...)                                \
    RT_CALL(function, args, first, __VA_ARGS__)
#define RT_OP_CALL(function, args, FIELDS, first, ...) RT_CALL(function, args, first, __VA_ARGS__)
#else
#define RT_BEGIN_DECLS
#define RT_END_DECLS

/* The default of a member. In C it only documents what the `defaults` of RT_CALL_WITH_DEFAULTS do; in C++ it
 * is the initialiser. */
#define RT_DEFAULT(...)
#define RT_CALL(function, args, first, ...) function((args){.first = __VA_ARGS__})
/* The caller's members come after the defaults and override them, which -Wextra would warn about. */
#define RT_CALL_WITH_DEFAULTS(function, args, defaults, first, ...)                                \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")       \
            function((args){defaults, .first = __VA_ARGS__});                                      \
        _Pragma("GCC diagnostic pop")                                                              \
    })
/* The same with the defaults of an operation's rows (op.h). */
#define RT_OP_CALL(function, args, FIELDS, first, ...)                                             \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")       \
            function((args){RT_DEFAULTS(FIELDS).first = __VA_ARGS__});                             \
        _Pragma("GCC diagnostic pop")                                                              \
    })
#endif

#endif
