/* Marks memory that the pool keeps but nobody uses, so that the address sanitizer reports any access to it; does
 * nothing without the sanitizer. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_POISON_H
#define RINGTORCH_WORKER_ENGINE_BASE_POISON_H

#if defined(__SANITIZE_ADDRESS__) /* gcc */
#define RT_ADDRESS_SANITIZER 1
#elif defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define RT_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef RT_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define RT_POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define RT_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define RT_POISON(p, n)   ((void)(p), (void)(n))
#define RT_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#endif
