/* A matrix as gemm takes it. */
#ifndef RINGTORCH_ENGINE_MATRIX_H
#define RINGTORCH_ENGINE_MATRIX_H

#include "worker/engine/ops/ops.h"

/* The last two axes of a tensor: rows `ld` elements apart, or, swapped, columns. */
typedef struct rt_matrix {
    rt_tensor *x; /* the tensor itself; a copy of one whose elements lie apart both ways */
    int64_t rows, cols, ld;
    bool swapped;
} rt_matrix;

/* x has at least two axes. False if a copy was needed and failed. */
bool rt__matrix(rt_tensor *x, rt_matrix *out);

#endif
