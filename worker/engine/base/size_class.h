/* Size classes, four per doubling: class 0 holds up to 64 bytes, then come 80, 96, 112, 128, 160, ...
 *
 *     int class = rt__size_class(100);             // 3
 *     size_t bytes = rt__size_class_bytes(class);  // 112
 */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_SIZE_CLASS_H
#define RINGTORCH_WORKER_ENGINE_BASE_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
    RT_SIZE_LEAST_LOG2 = 6, /* the smallest class has 64 bytes */
    RT_SIZE_MOST_LOG2 = 46, /* no request of 2^47 bytes or more can succeed */
    RT_SIZE_CLASSES = 4 * (RT_SIZE_MOST_LOG2 - RT_SIZE_LEAST_LOG2 + 1) + 1,
    RT_SMALL_BYTES = 1024,
    RT_SMALL_CLASSES = 17, /* up to RT_SMALL_BYTES */
};

/* Returns the smallest class that holds that many bytes. */
static inline int rt__size_class(size_t bytes)
{
    if (bytes <= (size_t)1 << RT_SIZE_LEAST_LOG2)
        return 0;
    uint64_t last = bytes - 1;
    int log2 = 63 - __builtin_clzll(last);
    return 4 * (log2 - RT_SIZE_LEAST_LOG2) + (int)(last >> (log2 - 2) & 3) + 1;
}

/* The same for up to RT_SMALL_BYTES, from a table indexed by 16-byte units: every tensor and graph node looks
 * up two classes. */
extern const uint8_t rt__small_class[RT_SMALL_BYTES / 16 + 1];
static inline int rt__small_size_class(size_t bytes)
{
    return bytes <= RT_SMALL_BYTES ? rt__small_class[(bytes + 15) / 16] : RT_SMALL_CLASSES;
}

/* Returns the bytes of a block of a class. */
static inline size_t rt__size_class_bytes(int class)
{
    if (class == 0)
        return (size_t)1 << RT_SIZE_LEAST_LOG2;
    int log2 = RT_SIZE_LEAST_LOG2 + (class - 1) / 4;
    return ((size_t)1 << log2) + (((size_t)(class - 1) % 4 + 1) << (log2 - 2));
}

#endif
