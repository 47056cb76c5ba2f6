/* The AVX2 variant of common/base/hash.c; built for x86-64 only.
 *
 *     if (__builtin_cpu_supports("avx2"))
 *         sum = rt__hash64_avx2(data, len);
 */
#ifndef RINGTORCH_COMMON_BASE_HASH_AVX2_H
#define RINGTORCH_COMMON_BASE_HASH_AVX2_H

#include <stddef.h>
#include <stdint.h>

/* Returns the same value as rt_hash64. The processor must have AVX2. */
uint64_t rt__hash64_avx2(const void *data, size_t len);

#endif
