/* The right name behind a misspelt one.
 *
 *     const char *near = rt_nearest("lrr", names, n);      // "lr", or NULL when nothing is close
 */
#ifndef RINGTORCH_COMMON_NEAREST_H
#define RINGTORCH_COMMON_NEAREST_H

#include <stddef.h>

/* Returns the name that takes the fewest insertions, deletions and replacements of letters and swaps of
 * neighbours, the first of equals; NULL if even that one is too far to be what was
 * meant. */
const char *rt_nearest(const char *wanted, const char *const *names, size_t n);

#endif
