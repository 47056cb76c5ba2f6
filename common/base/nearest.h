/* Guesses which name a misspelt one was meant to be.
 *
 *     const char *near = rt_nearest("lrr", names, n);      // "lr", or NULL when nothing is close
 */
#ifndef RINGTORCH_COMMON_BASE_NEAREST_H
#define RINGTORCH_COMMON_BASE_NEAREST_H

#include <stddef.h>

/* Returns the name at the smallest edit distance (letters inserted, deleted or replaced, and neighbours swapped); of
 * equal ones the first. Returns NULL if even that one is too far away to be a likely typing error. */
const char *rt_nearest(const char *wanted, const char *const *names, size_t n);

#endif
