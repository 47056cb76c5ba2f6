/* Text that grows as it is added to.
 *
 *     rt_text t = {0};
 *     for (...) rt_text_add(&t, "%s: %ld\n", name, value);
 *     char *all = rt_text_take(&t);        // NULL if memory ran out on the way; one check is
 * enough
 *     ...
 *     rt_mem_free(all);
 */
#ifndef RINGTORCH_COMMON_TEXT_H
#define RINGTORCH_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rt_text {
    char *data; /* owned, zero-terminated; NULL while empty */
    size_t len, room;
    bool failed; /* memory ran out: later additions are dropped */
} rt_text;

__attribute__((format(printf, 2, 3))) void rt_text_add(rt_text *t, const char *fmt, ...);
/* Returns the text ("" if nothing was added; free with rt_mem_free) and empties t; NULL with the
 * error slot filled if memory ran out. */
char *rt_text_take(rt_text *t);

#endif
