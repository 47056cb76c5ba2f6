/* The operations that kernels/elementwise.def makes. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_ELEMENTWISE_H
#define RINGTORCH_WORKER_ENGINE_OPS_ELEMENTWISE_H

#include <ringtorch/op.h>

enum {
    RT_ELEMENTWISE_OPS = 0
#define UNARY(...)          +2 /* with the one in place */
#define PARAMETRIC(...)     +2
#define UNARY_OPS(...)      +2
#define PARAMETRIC_OPS(...) +2
#define BINARY(...)         +2
#define TERNARY(...)        +2
#define COMPARE(...)        +1
#define BITWISE(...)        +2
#define PREDICATE(...)      +1
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef BITWISE
#undef COMPARE
#undef PREDICATE
};

extern const rt_op *const rt__elementwise_ops[RT_ELEMENTWISE_OPS];

#endif
