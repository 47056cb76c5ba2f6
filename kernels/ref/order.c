/* Order: sorting, and what depends on comparisons alone; one text for every level (kernels/ref/wide.h). NaN is larger than all numbers
 * where elements are sorted, and more extreme than all others, in both directions, where an extreme is looked for. -0 equals 0. */
#include "kernels/ref/wide.h"
#include <string.h>

/* ---- sorting ---- */

typedef uint32_t key_F32, key_I32;
typedef uint64_t key_F64, key_I64;
typedef uint16_t key_I16;
typedef uint8_t key_I8, key_U8, key_BOOL;

/* An integer that compares like the element; keys may lie where elements will be. */
typedef OF_ELEMENT(key_, RT_DTYPE) key __attribute__((may_alias));

enum { DIGITS = sizeof(T), VALUES = 256, FEW = 48 };

static inline key key_of(T v, key flip)
{
    const key sign = (key)((key)1 << (8 * sizeof(key) - 1));
    key k;
#ifdef RT_BITS
    v += 0; /* -0 becomes 0 */
    memcpy(&k, &v, sizeof k);
    k = IS_NAN(v) ? (key)-1 : k & sign ? (key)~k : (key)(k | sign);
#else
    k = (T)-1 > 0 ? (key)v : (key)((key)v ^ sign);
#endif
    return (key)(k ^ flip);
}

/* Keys and the columns that they come from: two lists of one length. */
typedef struct keys {
    key *key;
    int64_t *at;
} keys;

static void insertion_sort(int64_t n, keys a)
{
    for (int64_t i = 1; i < n; i++) {
        key k = a.key[i];
        int64_t at = a.at[i], j = i;
        for (; j > 0 && a.key[j - 1] > k; j--) {
            a.key[j] = a.key[j - 1];
            a.at[j] = a.at[j - 1];
        }
        a.key[j] = k;
        a.at[j] = at;
    }
}

/* Sorts by one digit, keeping the order of equal ones. count: how often each value of the digit occurs. */
static void distribute(int64_t n, int digit, int64_t count[VALUES], keys from, keys to)
{
    for (int64_t v = 0, sum = 0; v < VALUES; v++) {
        int64_t here = count[v];
        count[v] = sum;
        sum += here;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t place = count[from.key[i] >> 8 * digit & (VALUES - 1)]++;
        to.key[place] = from.key[i];
        to.at[place] = from.at[i];
    }
}

/* Sorts digit by digit, from the lowest; digits that are equal everywhere are left out. */
static void radix_sort(int64_t n, keys a, keys other)
{
    int64_t count[DIGITS][VALUES] = {{0}}, *at = a.at;
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < DIGITS; d++)
            count[d][a.key[i] >> 8 * d & (VALUES - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        if (count[d][a.key[0] >> 8 * d & (VALUES - 1)] == n)
            continue;
        distribute(n, d, count[d], a, other);
        keys swap = a;
        a = other;
        other = swap;
    }
    if (a.at != at)
        memcpy(at, a.at, (size_t)n * sizeof *at);
}

/* Sorts each row of x; equal elements keep their order. places[i]: the column of values[i]. */
KERNEL(sort, ORDERED, (rt_exec *e, rt_rows r, bool descending, const void *x, void *values,
                       int64_t *places))
{
    int64_t own = r.len > FEW ? r.len : 0, threads = rt__min(e->threads, r.n);
    char *scratch =
        own ? rt_scratch(e, (size_t)(threads * own) * (sizeof(T) + sizeof *places)) : NULL;
    if (own && !scratch)
        return;
    RT_PARALLEL_FOR_IF(e, row, r.n, r.n > 1 && rt__worth_threads(e, r.n * r.len * 4))
    {
        const T *xi = (const T *)x + row * r.len;
        T *value = (T *)values + row * r.len;
        keys a = {(key *)value, places + row * r.len};
        for (int64_t i = 0; i < r.len; i++) {
            a.key[i] = key_of(xi[i], descending ? (key)-1 : 0);
            a.at[i] = i;
        }
        int64_t *at = (int64_t *)scratch + omp_get_thread_num() * own;
        T *key_room = (T *)((int64_t *)scratch + threads * own) + omp_get_thread_num() * own;
        if (own)
            radix_sort(r.len, a, (keys){(key *)key_room, at});
        else
            insertion_sort(r.len, a);
        for (int64_t i = 0; i < r.len; i++)
            value[i] = xi[a.at[i]];
    }
}

/* at[i]: where the longest run of equal elements of row i ends, or the first of them. r.len >= 1. */
KERNEL(longest_run, ORDERED, (rt_exec *e, rt_rows r, const void *x, int64_t *at))
{
    RT_PARALLEL_FOR(e, row, r.n, r.n * r.len)
    {
        const T *xi = (const T *)x + row * r.len;
        int64_t longest = 0, begin = 0;
        for (int64_t i = 0; i < r.len; i++) {
            if (i + 1 < r.len && xi[i] == xi[i + 1])
                continue;
            if (i + 1 - begin > longest) {
                longest = i + 1 - begin;
                at[row] = i;
            }
            begin = i + 1;
        }
    }
}

/* ---- extremes and their places, along the middle of [outer, red, inner] ---- */

enum { STRIP = 16 };

static inline bool beats(T v, T best, bool largest)
{
    return largest ? v > best || (IS_NAN(v) && !IS_NAN(best))
                   : v < best || (IS_NAN(v) && !IS_NAN(best));
}

/* Returns the place of the extreme of a row; the first NaN ends the search. */
static inline __attribute__((always_inline)) int64_t extreme_of_row(int64_t n, const bool largest,
                                                                    const T *x)
{
    T best = x[0];
    int64_t at = 0;
    for (int64_t i = 1; i < n && !IS_NAN(best); i++)
        if (largest ? !(x[i] <= best) : !(x[i] >= best)) { /* also NaN */
            best = x[i];
            at = i;
        }
    return at;
}

/* Finds the extremes of n columns. */
static inline __attribute__((always_inline)) void extreme_strip(const int64_t n, bool largest,
                                                                rt_fold f, const T *x, int64_t *at)
{
    T best[STRIP];
    int64_t place[STRIP] = {0};
    for (int64_t i = 0; i < n; i++)
        best[i] = x[i];
    for (int64_t r = 1; r < f.red; r++)
        for (int64_t i = 0; i < n; i++) {
            T v = x[r * f.inner + i];
            if (beats(v, best[i], largest)) {
                best[i] = v;
                place[i] = r;
            }
        }
    for (int64_t i = 0; i < n; i++)
        at[i] = place[i];
}

/* at: [outer, inner], the first place of the largest or smallest element; red >= 1. */
KERNEL(extreme_at, ORDERED, (rt_exec *e, rt_fold f, bool largest, const void *x, int64_t *at))
{
    int64_t strips = rt__ceil_div(f.inner, STRIP);
    RT_PARALLEL_FOR(e, u, f.outer * strips, f.outer * f.red * f.inner)
    {
        int64_t o = u / strips, c = u % strips * STRIP, n = rt__min(STRIP, f.inner - c);
        const T *xi = (const T *)x + o * f.red * f.inner + c;
        int64_t *to = at + o * f.inner + c;
        if (f.inner == 1)
            *to = largest ? extreme_of_row(f.red, true, xi) : extreme_of_row(f.red, false, xi);
        else if (n == STRIP)
            extreme_strip(STRIP, largest, f, xi, to);
        else
            extreme_strip(n, largest, f, xi, to);
    }
}

/* Scans n neighbouring columns from row to row. An element takes the place if it is not less extreme, so that the last of equal ones
 * has it; any comparison with NaN is false, so nothing but NaN takes the place of NaN. */
static inline __attribute__((always_inline)) void
cumextreme_strip(const int64_t n, const bool largest, rt_fold f, const T *x, T *y, int64_t *at)
{
    T best[STRIP];
    int64_t place[STRIP] = {0};
    for (int64_t i = 0; i < n; i++)
        best[i] = x[i];
    for (int64_t r = 0; r < f.red; r++)
        for (int64_t i = 0; i < n; i++) {
            T v = x[r * f.inner + i];
            bool takes = (largest ? v >= best[i] : v <= best[i]) || IS_NAN(v);
            best[i] = takes ? v : best[i];
            place[i] = takes ? r : place[i];
            y[r * f.inner + i] = best[i];
            at[r * f.inner + i] = place[i];
        }
}

/* y[r] = the largest or smallest of x[0..r]; at[r]: the last place of it. */
KERNEL(cumextreme, ORDERED, (rt_exec *e, rt_fold f, bool largest, const void *x, void *y,
                             int64_t *at))
{
    if (f.red == 0)
        return;
    int64_t strips = rt__ceil_div(f.inner, STRIP);
    RT_PARALLEL_FOR(e, u, f.outer * strips, f.outer * f.red * f.inner)
    {
        int64_t o = u / strips, c = u % strips * STRIP, n = rt__min(STRIP, f.inner - c);
        int64_t begin = o * f.red * f.inner + c;
        const T *in = (const T *)x + begin;
        T *out = (T *)y + begin;
        if (n == 1 && largest)
            cumextreme_strip(1, true, f, in, out, at + begin);
        else if (n == 1)
            cumextreme_strip(1, false, f, in, out, at + begin);
        else
            cumextreme_strip(n, largest, f, in, out, at + begin);
    }
}
