/* The sizes of a tensor's axes.
 *
 *     rt_dims d = rt_shape(2, 3);      // d.n == 2, d.d[1] == 3
 */
#ifndef RINGTORCH_DIMS_H
#define RINGTORCH_DIMS_H

#include <stdint.h>

enum { RT_MAX_DIMS = 8 };

typedef struct rt_dims {
    int n;
    int64_t d[RT_MAX_DIMS];
} rt_dims;

/* rt_shape(2, 3) is [2,3]; rt_shape() is a scalar's shape (GNU C: empty initialisers). More than 8
 * sizes do not compile. */
#define rt_shape(...)                                                                              \
    ((rt_dims){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

#endif
