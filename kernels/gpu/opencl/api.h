/* The part of OpenCL 1.2 that we use, as Khronos specifies its binary interface, and the loading of its library. We
 * declare it here and load it when a device is requested, so that one binary is built and runs with and without OpenCL.
 *
 *     const rt_opencl *cl = rt__opencl();      // NULL: no libOpenCL.so.1 here
 *     cl->finish(queue);
 */
#ifndef RINGTORCH_KERNELS_GPU_OPENCL_API_H
#define RINGTORCH_KERNELS_GPU_OPENCL_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct cl_platform *cl_platform;
typedef struct cl_device *cl_device;
typedef struct cl_context *cl_context;
typedef struct cl_queue *cl_queue;
typedef struct cl_memory *cl_memory;
typedef struct cl_program *cl_program;
typedef struct cl_kernel *cl_kernel;
typedef struct cl_event *cl_event;
typedef uint32_t cl_number; /* cl_uint, cl_bool; of infos */

enum {
    CL_SUCCESS = 0,
    CL_MEMORY_FAILURE = -4, /* CL_MEM_OBJECT_ALLOCATION_FAILURE */
    CL_OUT_OF_RESOURCES = -5,
    CL_OUT_OF_HOST_MEMORY = -6,

    CL_PLATFORM_NAME = 0x0902,
    CL_DEVICE_SINGLE_FP_CONFIG = 0x101B,
    CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
    CL_DEVICE_NAME = 0x102B,
    CL_DRIVER_VERSION = 0x102D,
    CL_DEVICE_VERSION = 0x102F,
    CL_DEVICE_DOUBLE_FP_CONFIG = 0x1032,
    CL_PROGRAM_BINARY_SIZES = 0x1165,
    CL_PROGRAM_BINARIES = 0x1166,
    CL_PROGRAM_BUILD_LOG = 0x1183,

    CL_FP_DENORM = 1 << 0,
    CL_FP_FMA = 1 << 5,
    CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT = 1 << 7,
};
#define CL_DEVICE_TYPE_ALL ((uint64_t)0xFFFFFFFF)
#define CL_MEM_READ_WRITE  ((uint64_t)1)

/* FUNCTION(name here, name in the library, result, parameters) */
#define RT_OPENCL_FUNCTIONS(FUNCTION)                                                              \
    FUNCTION(platforms, clGetPlatformIDs, int32_t,                                                 \
             (cl_number room, cl_platform * out, cl_number * count))                               \
    FUNCTION(platform_info, clGetPlatformInfo, int32_t,                                            \
             (cl_platform p, cl_number what, size_t room, void *out, size_t *size))                \
    FUNCTION(devices, clGetDeviceIDs, int32_t,                                                     \
             (cl_platform p, uint64_t type, cl_number room, cl_device * out, cl_number * count))   \
    FUNCTION(device_info, clGetDeviceInfo, int32_t,                                                \
             (cl_device d, cl_number what, size_t room, void *out, size_t *size))                  \
    FUNCTION(create_context, clCreateContext, cl_context,                                          \
             (const intptr_t *properties, cl_number count, const cl_device *devices,               \
              void (*notify)(const char *, const void *, size_t, void *), void *data,              \
              int32_t *status))                                                                    \
    FUNCTION(create_queue, clCreateCommandQueue, cl_queue,                                         \
             (cl_context c, cl_device d, uint64_t properties, int32_t * status))                   \
    FUNCTION(create_buffer, clCreateBuffer, cl_memory,                                             \
             (cl_context c, uint64_t flags, size_t bytes, void *host, int32_t *status))            \
    FUNCTION(release_memory, clReleaseMemObject, int32_t, (cl_memory m))                           \
    FUNCTION(read, clEnqueueReadBuffer, int32_t,                                                   \
             (cl_queue q, cl_memory m, cl_number wait, size_t offset, size_t bytes, void *to,      \
              cl_number events, const cl_event *event, cl_event *done))                            \
    FUNCTION(write, clEnqueueWriteBuffer, int32_t,                                                 \
             (cl_queue q, cl_memory m, cl_number wait, size_t offset, size_t bytes,                \
              const void *from, cl_number events, const cl_event *event, cl_event *done))          \
    FUNCTION(copy, clEnqueueCopyBuffer, int32_t,                                                   \
             (cl_queue q, cl_memory from, cl_memory to, size_t from_offset, size_t to_offset,      \
              size_t bytes, cl_number events, const cl_event *event, cl_event *done))              \
    FUNCTION(program_of_source, clCreateProgramWithSource, cl_program,                             \
             (cl_context c, cl_number count, const char *const *text, const size_t *length,        \
              int32_t *status))                                                                    \
    FUNCTION(program_of_binary, clCreateProgramWithBinary, cl_program,                             \
             (cl_context c, cl_number count, const cl_device *devices, const size_t *size,         \
              const unsigned char *const *binary, int32_t *loaded, int32_t *status))               \
    FUNCTION(build, clBuildProgram, int32_t,                                                       \
             (cl_program p, cl_number count, const cl_device *devices, const char *options,        \
              void (*notify)(cl_program, void *), void *data))                                     \
    FUNCTION(build_info, clGetProgramBuildInfo, int32_t,                                           \
             (cl_program p, cl_device d, cl_number what, size_t room, void *out, size_t *size))    \
    FUNCTION(program_info, clGetProgramInfo, int32_t,                                              \
             (cl_program p, cl_number what, size_t room, void *out, size_t *size))                 \
    FUNCTION(release_program, clReleaseProgram, int32_t, (cl_program p))                           \
    FUNCTION(create_kernel, clCreateKernel, cl_kernel,                                             \
             (cl_program p, const char *name, int32_t *status))                                    \
    FUNCTION(set_argument, clSetKernelArg, int32_t,                                                \
             (cl_kernel k, cl_number i, size_t size, const void *value))                           \
    FUNCTION(run, clEnqueueNDRangeKernel, int32_t,                                                 \
             (cl_queue q, cl_kernel k, cl_number dims, const size_t *offset, const size_t *items,  \
              const size_t *group, cl_number events, const cl_event *event, cl_event *done))       \
    FUNCTION(finish, clFinish, int32_t, (cl_queue q))

typedef struct rt_opencl {
#define FUNCTION(name, symbol, result, parameters) result(*name) parameters;
    RT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
} rt_opencl;

/* Loads the library once per process; NULL without an error if it is not installed or lacks one of the functions. */
const rt_opencl *rt__opencl(void);

#endif
