/* Classes of sizes, four to a doubling: class 0 holds up to 64 bytes, then come 80, 96, 112, 128, 160, ...
 *
 *     int class = rt__size_class(100);             // 3
 *     size_t bytes = rt__size_class_bytes(class);  // 112
 */
#ifndef RINGTORCH_ENGINE_SIZE_CLASS_H
#define RINGTORCH_ENGINE_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
    RT_SIZE_LEAST_LOG2 = 6, /* the smallest class has 64 bytes */
    RT_SIZE_MOST_LOG2 = 46, /* no request of 2^47 bytes or more can succeed */
    RT_SIZE_CLASSES = 4 * (RT_SIZE_MOST_LOG2 - RT_SIZE_LEAST_LOG2 + 1) + 1,
};

/* The smallest class that holds so many bytes. */
static inline int rt__size_class(size_t bytes)
{
    if (bytes <= (size_t)1 << RT_SIZE_LEAST_LOG2)
        return 0;
    uint64_t last = bytes - 1;
    int log2 = 63 - __builtin_clzll(last);
    return 4 * (log2 - RT_SIZE_LEAST_LOG2) + (int)(last >> (log2 - 2) & 3) + 1;
}

/* What a class holds. */
static inline size_t rt__size_class_bytes(int class)
{
    if (class == 0)
        return (size_t)1 << RT_SIZE_LEAST_LOG2;
    int log2 = RT_SIZE_LEAST_LOG2 + (class - 1) / 4;
    return ((size_t)1 << log2) + (((size_t)(class - 1) % 4 + 1) << (log2 - 2));
}

#endif
