/* Complex numbers: making them, and their parts.
 *
 *     rt_tensor *z = rt_complex(rt_scalar(3), rt_scalar(-4));                // 3 - 4i
 *     rt_tensor *w = rt_polar(rt_scalar(2), rt_scalar(0));                   // 2
 *     rt_tensor *y = rt_mul(z, rt_conj(w));                                  // 6 - 8i
 *     printf("%g %g\n", rt_item(rt_real(y)), rt_item(rt_imag(y)));           // 6 -8
 *     printf("%g\n", rt_item(rt_abs(y)));                                    // 10
 *
 * Other operations take complex numbers where docs/OPERATIONS.md says so: arithmetic, powers, exponentials,
 * trigonometric and hyperbolic functions, sums, products of matrices, and all that only move elements.
 * Those that need an order, such as rt_maximum, refuse them. The type of a complex number's parts is
 * float32 for complex64 and float64 for complex128.
 *
 * Gradients are those of a real loss with respect to the conjugate, as in PyTorch: where the loss is
 * L(x + iy), the gradient is dL/dx + i dL/dy, so that a step against it makes the loss smaller. rt_backward
 * of a complex result needs .grad.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_COMPLEX_H
#define RINGTORCH_OPS_COMPLEX_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Returns re + i im, which broadcast. Parts of float64 make complex128, others complex64. */
RT_API rt_tensor *rt_complex(rt_tensor *re, rt_tensor *im);
/* Returns the complex numbers of these absolute values and angles, abs * (cos(angle) + i sin(angle)),
 * which broadcast. */
RT_API rt_tensor *rt_polar(rt_tensor *abs, rt_tensor *angle);

/* Returns a view of the real parts; x itself if it is real. */
RT_API rt_tensor *rt_real(rt_tensor *x);
/* Returns a view of the imaginary parts. Fails with DTYPE if x is real. */
RT_API rt_tensor *rt_imag(rt_tensor *x);
/* Returns a view of complex numbers as real ones, with a new last axis of 2: real and imaginary parts.
 * Fails with DTYPE if x is real. */
RT_API rt_tensor *rt_view_as_real(rt_tensor *x);
/* Returns a view of real numbers as complex ones, without the last axis, which holds real and imaginary
 * parts: its size is 2 and its stride 1, the other strides are even, and x begins at an even place of its
 * storage. Takes float32 and float64. */
RT_API rt_tensor *rt_view_as_complex(rt_tensor *x);

/* Returns re - i im; x itself if it is real. */
RT_API rt_tensor *rt_conj(rt_tensor *x);
/* Returns the angle of x in the complex plane, in [-pi, pi], of the type of the parts: 0 or pi for real
 * numbers, whose gradient is 0. */
RT_API rt_tensor *rt_angle(rt_tensor *x);

RT_END_DECLS

#endif
