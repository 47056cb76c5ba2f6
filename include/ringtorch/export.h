/* What all public headers share: C linkage, and macros that call a function whose arguments are one
 * struct.
 *
 *     rt_optim_adamw(net, .lr = 1e-4);          // C: the first argument, then others by name
 *     rt_optim_adamw(.net = net, .lr = 1e-4);   // C++20: all by name, in the order of the struct
 *     rt_optim_adamw(net, 1e-4);                // both: in the order of the struct
 *
 * What is left out has its default, which the struct shows: zero, or the value in RT_DEFAULT(...). What
 * is written holds, zero as well. A caller who fills the struct himself begins with the defaults, and
 * calls the function whose name ends in an underscore:
 *
 *     rt_adamw_args a = {RT_ADAMW_DEFAULTS, .net = net};     // C; rt_adamw_args a = {}; in C++
 *     a.beta1 = 0;
 *     rt_optim *opt = rt_optim_adamw_(a);
 *
 * The struct of an operation (ops.h) has its defaults in its rows:
 *
 *     rt_conv2d_args a = {RT_DEFAULTS(RT_CONV2D_FIELDS) .x = x, .w = w};   // C; no comma between them
 *
 * Another struct without an RT_..._DEFAULTS has none that are not zero. */
#ifndef RINGTORCH_EXPORT_H
#define RINGTORCH_EXPORT_H

#ifdef __cplusplus
#define RT_BEGIN_DECLS extern "C" {
#define RT_END_DECLS   }

#define RT_DEFAULT(...) = __VA_ARGS__
/* What is left out is left out on purpose, which -Wextra would warn about. */
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

/* Says in the struct what `defaults` of RT_CALL_WITH_DEFAULTS does in C, and does it in C++. */
#define RT_DEFAULT(...)
#define RT_CALL(function, args, first, ...) function((args){.first = __VA_ARGS__})
/* The caller's fields come after the defaults and override them, which -Wextra would warn about. */
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
