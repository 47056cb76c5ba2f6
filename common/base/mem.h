/* The one way to allocate host memory. Allocations are counted, and tests can make them fail.
 *
 *     float *v = rt_malloc(n * sizeof *v);     // if NULL, the error slot names the size asked for
 *     rt_mem_fail_after(3);                    // tests: the 4th allocation from now on fails
 */
#ifndef RINGTORCH_COMMON_BASE_MEM_H
#define RINGTORCH_COMMON_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Each returns NULL and fills the error slot (NOMEM) on failure; size 0 gives a valid pointer. */
void *rt_malloc(size_t size);
void *rt_calloc(size_t count, size_t size); /* overflow of count*size is a failure */
void *rt_realloc(void *p, size_t size);     /* p stays valid on failure */
char *rt_strdup(const char *s);
__attribute__((format(printf, 1, 2))) char *rt_strdup_printf(const char *fmt, ...);
void *rt_malloc_aligned(size_t alignment, size_t size); /* alignment: a power of two >= 8 */
void rt_mem_free(void *p);                              /* for all of the above; NULL is fine */

/* Makes every allocation after the next n fail (process-wide; n < 0: never fail again). Tests only.
 */
void rt_mem_fail_after(int64_t n);
/* Return how many allocations have not been freed, and how many were ever made. Process-wide. */
int64_t rt_mem_live(void);
int64_t rt_mem_total(void);

#endif
