/* Compiled kernels on disk, so that a driver compiles a text once: $RINGTORCH_KERNEL_CACHE (empty: none), else
 * $XDG_CACHE_HOME/ringtorch/kernels, else ~/.cache/ringtorch/kernels. A file that is damaged, missing or of another driver is as if it
 * were not there, and one that cannot be written is no error: the text is compiled again. */
#ifndef RINGTORCH_KERNELS_GPU_CACHE_H
#define RINGTORCH_KERNELS_GPU_CACHE_H

#include <stdbool.h>
#include "common/file.h"

/* Writes the name of what is made of a text in parts, by what `about` says of the maker and its options (both lists end with NULL). */
bool rt__kernel_cache_key(const char *const *text, const char *const *about, char key[65]);
bool rt__kernel_cache_load(const char *key, rt_bytes *out);
void rt__kernel_cache_store(const char *key, const void *data, size_t size);

#endif
