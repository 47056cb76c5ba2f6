/* The sizes of a tensor's axes.
 *
 *     rt_dims d = rt_shape(2, 3);
 *     printf("%d axes, the last of size %d\n", d.n, (int)d.d[1]);   // 2 axes, the last of size 3
 *
 * An rt_dims is a plain value: copy it freely. */
#ifndef RINGTORCH_DIMS_H
#define RINGTORCH_DIMS_H

#include <stdint.h>

enum { RT_MAX_DIMS = 8 };

/* The number of axes and their sizes. */
typedef struct rt_dims {
    int n;                  /* number of axes */
    int64_t d[RT_MAX_DIMS]; /* size of each axis */
} rt_dims;

#ifdef __cplusplus
template <class... Sizes> constexpr rt_dims rt_shape(Sizes... sizes)
{
    static_assert(sizeof...(Sizes) <= RT_MAX_DIMS, "rt_shape: more than 8 sizes");
    return rt_dims{static_cast<int>(sizeof...(Sizes)), {static_cast<int64_t>(sizes)...}};
}
#else
/* Makes an rt_dims: rt_shape(2, 3) is [2,3], and rt_shape() is the shape of a scalar (which uses
 * empty initialisers, a GNU C extension). More than 8 sizes do not compile. */
#define rt_shape(...)                                                                              \
    ((rt_dims){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#endif

#endif
