/* Devices that tensors lie on and are computed on. Zero is the CPU, so a field left out means it.
 *
 *     rt_device gpu = {RT_OPENCL, 0};       // "opencl:0"
 */
#ifndef RINGTORCH_DEVICE_H
#define RINGTORCH_DEVICE_H

#include <stdint.h>
#include <ringtorch/export.h>

RT_BEGIN_DECLS

typedef enum rt_device_kind { RT_CPU, RT_CUDA, RT_OPENCL, RT_METAL } rt_device_kind;
typedef struct rt_device {
    uint8_t kind; /* rt_device_kind */
    uint8_t index;
} rt_device;

RT_END_DECLS

#endif
