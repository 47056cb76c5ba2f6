/* The families of fast kernels. F(<family>, isa) is kernels/cpu/<family>.inc, compiled for each instruction set into an
 * object of its own, so that they build in parallel and an edit costs one family. elementwise, by far the largest, is
 * dealt out to several: F(<family>_<slice>, isa). CMakeLists.txt reads this list too. */
#ifndef RINGTORCH_KERNELS_FAMILIES_H
#define RINGTORCH_KERNELS_FAMILIES_H

#define RT_FAMILIES(F, isa)                                                                        \
    F(elementwise_0, isa)                                                                          \
    F(elementwise_1, isa)                                                                          \
    F(elementwise_2, isa)                                                                          \
    F(gemm, isa)                                                                                   \
    F(conv, isa)                                                                                   \
    F(pool, isa)                                                                                   \
    F(fold, isa)                                                                                   \
    F(rows, isa)                                                                                   \
    F(channels, isa)                                                                               \
    F(norm, isa)                                                                                   \
    F(sort, isa)                                                                                   \
    F(update, isa)                                                                                 \
    F(random, isa)

#endif
