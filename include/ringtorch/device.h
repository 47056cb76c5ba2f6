/* Devices that tensors are stored and computed on. Zero is the CPU, so a field that is left out means
 * the CPU.
 *
 *     rt_device cpu = {RT_CPU, 0};
 *     rt_tensor *x = rt_zeros(rt_shape(2, 3), .device = cpu);   // [2,3]
 *     printf("%s\n", rt_describe(x));                           // float32[2,3] cpu
 *
 * An rt_device is a plain value: copy it freely. rt_device_named (tensor.h) turns "opencl:0" into one. */
#ifndef RINGTORCH_DEVICE_H
#define RINGTORCH_DEVICE_H

#include <ringtorch/export.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* The kinds of devices. */
typedef enum rt_device_kind { RT_CPU, RT_CUDA, RT_OPENCL, RT_METAL } rt_device_kind;
/* A device. */
typedef struct rt_device {
    uint8_t kind;  /* rt_device_kind */
    uint8_t index; /* which device of that kind, from 0 */
} rt_device;

RT_END_DECLS

#endif
