/* Checkpoints being written: which pieces are in, and when one is complete. Pure.
 *
 *     rt__checkpoint *c;
 *     RT_TRY(rt__checkpoints_piece_done(&open, world, rank, &frame.body.piece_done, &c));
 *     if (rt__checkpoint_answered(c))
 *         ... c->reason ? abort it : commit it ...
 *     rt__checkpoints_close(&open, c->step);
 *
 * WRITING lasts until every rank has answered, also when a piece failed: only then can nobody write
 * into the temporary directory any more, and it can be renamed or removed. */
#ifndef RINGTORCH_COORDINATOR_CHECKPOINTS_H
#define RINGTORCH_COORDINATOR_CHECKPOINTS_H

#include <stdbool.h>
#include "common/messages.h"

typedef struct rt__piece {
    bool answered;
    char *file; /* owned; NULL if the piece failed */
    int64_t bytes;
    char checksum[17]; /* XXH3-64, 16 hex digits */
} rt__piece;

typedef struct rt__checkpoint {
    int64_t step;
    int64_t world, answers;
    rt__piece *piece; /* [world], by rank */
    bool under_way;   /* complete, and on its way to be committed or given up */
    bool held;        /* complete, but not all ranks have said that their parameters agree */
    char *reason;     /* owned; why it cannot be committed; NULL: all is well so far */
} rt__checkpoint;

typedef struct rt__checkpoints {
    rt__checkpoint *open; /* [count] */
    int64_t count;
} rt__checkpoints;

/* Note one rank's answer and give the checkpoint it belongs to (borrowed until the next call). A
 * second answer of the same rank changes nothing. PROTOCOL if the file name or checksum could not
 * be ours. */
rt_status rt__checkpoints_piece_done(rt__checkpoints *cs, int64_t world, int64_t rank,
                                     const rt_msg_piece_done *m, rt__checkpoint **out);
rt_status rt__checkpoints_piece_failed(rt__checkpoints *cs, int64_t world, int64_t rank,
                                       const rt_msg_piece_failed *m, rt__checkpoint **out);
static inline bool rt__checkpoint_answered(const rt__checkpoint *c)
{
    return c->answers == c->world;
}
rt_status rt__checkpoint_copy(const rt__checkpoint *c, rt__checkpoint *out);
void rt__checkpoint_release(rt__checkpoint *c);
/* Forgets the checkpoint of a step, or all of them. */
void rt__checkpoints_close(rt__checkpoints *cs, int64_t step);
void rt__checkpoints_release(rt__checkpoints *cs);

#endif
