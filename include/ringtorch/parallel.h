/* Work of your own on the library's threads, with the same bits for any number of them.
 *
 *     static rt_status squares(void *context, int64_t begin, int64_t end, int64_t piece)
 *     {
 *         double *sums = context;
 *         for (int64_t i = begin; i < end; i++)
 *             sums[piece] += (double)i * (double)i;
 *         return RT_OK;
 *     }
 *
 *     double sums[10] = {0}, sum = 0;                   // one for each piece of 100 numbers
 *     rt_parallel_map(1000, 100, squares, sums);
 *     for (int i = 0; i < 10; i++)
 *         sum += sums[i];                               // in the order of the pieces
 *     printf("%.0f\n", sum);                            // 332833500
 *
 * The cuts follow from the arguments and never from the number of threads (rt_init), which decides only who computes a piece and when.
 * So a result is the same if each piece writes to places of its own, and what pieces have in common is put together afterwards, in
 * their order. */
#ifndef RINGTORCH_PARALLEL_H
#define RINGTORCH_PARALLEL_H

#include <ringtorch/status.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* Computes the items [begin, end) of a piece, for rt_parallel_map. It may run on another thread than the caller's, at the same time as
 * other pieces: it works with memory (rt_data, asked for before) and makes, changes and frees no tensors. */
typedef rt_status (*rt_parallel_body)(void *context, int64_t begin, int64_t end, int64_t piece);

/* Cuts n items into pieces of `piece` items, the last of which may have fewer, calls the body once for each, and returns when all have
 * ended. piece must be at least 1; n may be 0. If pieces fail, by what they return or by filling their thread's error slot, the
 * failure of the first of them by number is the result and fills the caller's slot; of the pieces after it some may not have run. A call
 * from within a body runs on the thread of that body; a call from an operation's run is like any other. While the slot is filled nothing
 * runs. */
RT_API rt_status rt_parallel_map(int64_t n, int64_t piece, rt_parallel_body body, void *context);

RT_END_DECLS

#endif
