#include "launch/jobs/slurm_list.h"
#include "common/base/error.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS_MOST = 9, COUNT_MOST = 65536 };

/* ---- hosts ---- */

/* The part of an expression that is being expanded: what stands before the rest is complete. */
typedef struct name {
    char text[RT__HOST_NAME];
    size_t len;
} name;

static rt_status append(name *n, const char *text, size_t len)
{
    if (len >= sizeof n->text - n->len)
        return RT_FAIL(RANGE, "a host name is longer than %d bytes", RT__HOST_NAME - 1);
    memcpy(n->text + n->len, text, len);
    n->len += len;
    return RT_OK;
}

/* Reads digits and returns their number, which is 0 if there are none or too many. */
static size_t take_number(const char *at, int64_t *value)
{
    size_t n = strspn(at, "0123456789");
    *value = 0;
    for (size_t i = 0; i < n && n <= DIGITS_MOST; i++)
        *value = *value * 10 + (at[i] - '0');
    return n <= DIGITS_MOST ? n : 0;
}

static rt_status expand(const name *before, const char *rest, size_t len, rt__host_list *out);

/* Expands "01-03" in front of `rest`. Numbers have as many digits as the first one. */
static rt_status expand_range(const name *before, const char *range, size_t range_len,
                              const char *rest, size_t len, rt__host_list *out)
{
    int64_t from, to;
    size_t width = take_number(range, &from), used = width;
    to = from;
    if (width > 0 && range[used] == '-') {
        size_t n = take_number(range + used + 1, &to);
        used = n > 0 ? used + 1 + n : 0;
    }
    if (width == 0 || used != range_len || to < from)
        return RT_FAIL(CONFIG, "'%.*s' is no range of numbers such as 01-16",
                       (int)(range_len < 40 ? range_len : 40), range);
    for (int64_t i = from; i <= to; i++) {
        char digits[24];
        name n = *before;
        int wrote = snprintf(digits, sizeof digits, "%0*" PRId64, (int)width, i);
        RT_TRY(append(&n, digits, (size_t)wrote));
        RT_TRY(expand(&n, rest, len, out)); /* ends at the limit on hosts */
    }
    return RT_OK;
}

/* Expands an expression without commas outside of its brackets. */
static rt_status expand(const name *before, const char *rest, size_t len, rt__host_list *out)
{
    name n = *before;
    const char *open = memchr(rest, '[', len), *end = rest + len;
    RT_TRY(append(&n, rest, open ? (size_t)(open - rest) : len));
    if (!open)
        return rt__host_list_add(out, n.text, n.len, 1);
    const char *close = memchr(open, ']', (size_t)(end - open));
    if (!close)
        return RT_FAIL(CONFIG, "a bracket is not closed");
    for (const char *range = open + 1; range <= close;) {
        const char *stop = memchr(range, ',', (size_t)(close - range));
        if (!stop)
            stop = close;
        RT_TRY(expand_range(&n, range, (size_t)(stop - range), close + 1, (size_t)(end - close - 1),
                            out));
        range = stop + 1;
    }
    return RT_OK;
}

rt_status rt__slurm_hosts(const char *text, rt__host_list *out)
{
    for (const char *at = text;;) {
        size_t len = 0;
        for (bool inside = false; at[len] && (inside || at[len] != ','); len++)
            inside = at[len] == '[' || (inside && at[len] != ']');
        RT_TRY(expand(&(name){.len = 0}, at, len, out));
        if (at[len] == '\0')
            return RT_OK;
        at += len + 1;
    }
}

/* ---- counts ---- */

rt_status rt__slurm_counts(const char *text, int64_t *count, int64_t room, int64_t *total)
{
    *total = 0;
    for (const char *at = text;;) {
        int64_t value, times = 1;
        size_t n = take_number(at, &value), m = 0;
        const char *next = at + n;
        if (n > 0 && strncmp(next, "(x", 2) == 0) {
            m = take_number(next + 2, &times);
            next = m > 0 && next[2 + m] == ')' ? next + 3 + m : at;
        }
        if (n == 0 || value < 1 || value > COUNT_MOST || times < 1 || next == at ||
            (*next && *next != ','))
            return RT_FAIL(CONFIG, "expected numbers such as 2(x3),1");
        for (int64_t i = 0; i < times && *total + i < room; i++)
            count[*total + i] = value;
        *total += times;
        if (!*next)
            return RT_OK;
        at = next + 1;
    }
}
