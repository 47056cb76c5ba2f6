/* Runs an elementwise kernel over a grid, strip by strip. The kernel only sees contiguous elements or single values:
 *
 *     static void add_strip(const rt_numbers *p, int64_t n, const strip *in, void *y);   // y[i] = in[0] + in[1]
 *     static const strips add = {add_strip, 2, {sizeof(float), sizeof(float)}, sizeof(float)};
 *     run_grid(e, g, &add, &numbers, (const void *[]){a, b}, y);
 *
 * Where rows are long, a strip is a part of a row and points into the operands. Where they are short, or an operand's elements are not
 * contiguous, a strip spans many rows, and operands that are not contiguous for that long are gathered first: a row of four elements
 * then costs two or three instructions instead of a call. Every text with such kernels includes this file, so each instruction set gets
 * its own copy. */
#ifndef RINGTORCH_KERNELS_CPU_GRID_H
#define RINGTORCH_KERNELS_CPU_GRID_H

#include "kernels/cpu/cpu.h"
#include <string.h>

/* An operand of a strip: element i lies at i * step, which is 0 or 1. */
typedef struct strip {
    const void *x;
    int64_t step;
} strip;
typedef void strip_fn(const rt_numbers *numbers, int64_t n, const strip *in, void *y);

/* A kernel, with the element sizes in bytes of its operands and its output. */
typedef struct strips {
    strip_fn *run;
    int operands;
    int64_t in[RT_GRID_OPERANDS], out;
} strips;

/* Calls loop(n, in, step of operand 0, step of operand 1, y), an inline function, with constant steps: compilers need them to vectorise
 * the loop. */
#define FOR_STEPS(loop, n, in, y)                                                                  \
    do {                                                                                           \
        if ((in)[0].step && (in)[1].step)                                                          \
            loop(n, in, 1, 1, y);                                                                  \
        else if ((in)[0].step)                                                                     \
            loop(n, in, 1, 0, y);                                                                  \
        else                                                                                       \
            loop(n, in, 0, (in)[1].step, y);                                                       \
    } while (0)

enum {
    LONG_ROW = 64,      /* elements from which a row gets strips of its own */
    GATHERED = 512,     /* elements of a strip over shorter rows */
    GRID_PIECE = 16384, /* elements of the output that a thread computes at a time */
    WIDE_BYTES = 64,    /* filled at once, possibly past the end */
    NARROW_BYTES = 16,  /* the same for short rows; copied at once */
};

/* ---- one operand in the order of the output ---- */

typedef struct source {
    const char *at; /* the next element */
    int last;       /* innermost axis */
    int64_t size;   /* bytes of an element */
    int64_t dim[RT_KERNEL_DIMS], index[RT_KERNEL_DIMS];
    int64_t step[RT_KERNEL_DIMS]; /* elements */
} source;

/* Opens operand k at element `begin` of the output; axes that are contiguous in this operand are merged. */
static void source_open(source *s, const rt_grid *g, int k, int64_t size, const void *x,
                        int64_t begin)
{
    s->last = 0;
    s->size = size;
    s->dim[0] = g->dim[0];
    s->step[0] = g->stride[k][0];
    for (int d = 1; d < g->nd; d++) {
        int64_t dim = g->dim[d], step = g->stride[k][d];
        bool runs_on = s->step[s->last] == step * dim || s->dim[s->last] == 1;
        int64_t rows = runs_on ? s->dim[s->last] : 1;
        s->last += !runs_on;
        s->dim[s->last] = rows * dim;
        s->step[s->last] = step;
    }
    s->at = x;
    for (int d = s->last; d >= 0; d--) {
        s->index[d] = begin ? begin % s->dim[d] : 0;
        s->at += s->index[d] * s->step[d] * size;
        begin = begin ? begin / s->dim[d] : 0;
    }
}

/* If axis d is at its end, advances the axes around it. */
static inline void source_carry(source *s, int d)
{
    for (; d > 0 && s->index[d] == s->dim[d]; d--) {
        s->at += (s->step[d - 1] - s->dim[d] * s->step[d]) * s->size;
        s->index[d] = 0;
        s->index[d - 1]++;
    }
}

/* Returns how many elements are left in the current row. */
static inline int64_t source_left(const source *s)
{
    return s->dim[s->last] - s->index[s->last];
}

/* Advances by n elements within the row. */
static inline void source_skip(source *s, int64_t n)
{
    s->at += n * s->step[s->last] * s->size;
    s->index[s->last] += n;
    source_carry(s, s->last);
}

/* gather_uint32_t and its siblings copy the next n elements. */
#define E uint8_t
#include "kernels/cpu/gather.inc"
#define E uint16_t
#include "kernels/cpu/gather.inc"
#define E uint32_t
#include "kernels/cpu/gather.inc"
#define E uint64_t
#include "kernels/cpu/gather.inc"
typedef unsigned __int128 uint128_t __attribute__((aligned(8)));
#define E uint128_t
#include "kernels/cpu/gather.inc"

/* Returns the next n elements: in place if possible, else copied to `room`. */
static strip source_take(source *s, int64_t n, void *room)
{
    const strip here = {s->at, s->step[s->last]};
    if ((here.step == 0 || here.step == 1) && n <= source_left(s)) {
        source_skip(s, n);
        return here;
    }
    (s->size == 1   ? gather_uint8_t
     : s->size == 2 ? gather_uint16_t
     : s->size == 4 ? gather_uint32_t
     : s->size == 8 ? gather_uint64_t
                    : gather_uint128_t)(s, n, room);
    return (strip){room, 1};
}

/* ---- all operands ---- */

/* Computes elements [begin, end) of the output. */
static void run_piece(const rt_grid *g, const strips *kernel, const rt_numbers *numbers,
                      const void *const *in, char *y, int64_t begin, int64_t end)
{
    _Alignas(64) char room[RT_GRID_OPERANDS][GATHERED * sizeof(uint128_t) + WIDE_BYTES];
    source from[RT_GRID_OPERANDS];
    strip at[RT_GRID_OPERANDS];
    const int operands = kernel->operands;
    bool by_rows = true;
    for (int k = 0; k < operands; k++) {
        source *s = &from[k];
        source_open(s, g, k, kernel->in[k], in[k], begin);
        by_rows &= s->dim[s->last] >= LONG_ROW && (s->step[s->last] | 1) == 1;
    }
    for (int64_t i = begin, n; i < end; i += n) {
        n = by_rows ? end - i : rt__min(GATHERED, end - i);
        for (int k = 0; k < operands && by_rows; k++)
            n = rt__min(n, source_left(&from[k]));
        for (int k = 0; k < operands; k++)
            at[k] = source_take(&from[k], n, room[k]);
        kernel->run(numbers, n, at, y + i * kernel->out);
    }
}

/* The general case, cut into pieces for the threads. */
static __attribute__((noinline)) void run_pieces(rt_exec *e, const rt_grid *g, const strips *kernel,
                                                 const rt_numbers *numbers, const void *const *in,
                                                 char *y)
{
    const int64_t n = rt_grid_count(g);
    if (n <= 0)
        return;
    if (!rt__worth_threads(e, n)) {
        run_piece(g, kernel, numbers, in, y, 0, n);
        return;
    }
    RT_PARALLEL_FOR(e, piece, rt__ceil_div(n, GRID_PIECE), n)
    run_piece(g, kernel, numbers, in, y, piece * GRID_PIECE, rt__min((piece + 1) * GRID_PIECE, n));
}

/* A grid with one axis of contiguous or single elements, too short for threads, is a single strip. */
static inline void run_grid(rt_exec *e, const rt_grid *g, const strips *kernel,
                            const rt_numbers *numbers, const void *const *in, void *y)
{
    strip at[RT_GRID_OPERANDS];
    bool plain = g->nd == 1 && !rt__worth_threads(e, g->dim[0]);
    for (int k = 0; k < kernel->operands; k++) {
        at[k] = (strip){in[k], g->stride[k][0]};
        plain &= (at[k].step | 1) == 1;
    }
    if (plain)
        kernel->run(numbers, g->dim[0], at, y);
    else
        run_pieces(e, g, kernel, numbers, in, y);
}

#endif
