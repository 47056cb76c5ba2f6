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
/* Returns x as one matrix by merging all axes before the last. Rows are counted from those axes, because the last axis may have
 * size 0. `what` begins messages. */
rt_tensor *rt__as_rows(const char *what, rt_tensor *x);
/* Returns whether x has n axes, else fails with x's name; false without an error for NULL. */
bool rt__has_axes(const char *what, const char *name, const rt_tensor *x, int n);
/* Returns a b, which must have that many axes, 3 for a batch of matrices. */
rt_tensor *rt__plain_product(const char *what, rt_tensor *a, int na, rt_tensor *b, int nb);

#endif
