/* A matrix as gemm takes it. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_MATMUL_MATRIX_H
#define RINGTORCH_WORKER_ENGINE_OPS_MATMUL_MATRIX_H

#include "worker/engine/ops/ops.h"

/* The last two axes of a tensor: rows `ld` elements apart, or, swapped, columns. */
typedef struct rt_matrix {
    rt_tensor *x; /* the tensor itself, or a copy if neither axis has stride 1 */
    int64_t rows, cols, ld;
    bool swapped;
} rt_matrix;

/* x must have at least two axes. Returns false if a copy was needed and failed. */
bool rt__matrix(rt_tensor *x, rt_matrix *out);

#endif
