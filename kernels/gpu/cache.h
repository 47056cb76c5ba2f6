/* Compiled kernels on disk, so that a driver compiles a text only once: in $RINGTORCH_KERNEL_CACHE (if empty: nowhere), else
 * $XDG_CACHE_HOME/ringtorch/kernels, else ~/.cache/ringtorch/kernels. A file that is damaged or belongs to another driver counts as
 * missing, and a file that cannot be written is no error: the text is compiled again. */
#ifndef RINGTORCH_KERNELS_GPU_CACHE_H
#define RINGTORCH_KERNELS_GPU_CACHE_H

#include "common/base/file.h"
#include <stdbool.h>

/* Computes the name of the compiled form of a text in parts; `about` describes the compiler and its options (both lists end with
 * NULL). */
bool rt__kernel_cache_key(const char *const *text, const char *const *about, char key[65]);
bool rt__kernel_cache_load(const char *key, rt_bytes *out);
void rt__kernel_cache_store(const char *key, const void *data, size_t size);

#endif
