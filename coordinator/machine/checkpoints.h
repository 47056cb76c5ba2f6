/* Checkpoints that are being written: which pieces have been reported, and when one is complete. Pure.
 *
 *     rt__checkpoint *c;
 *     RT_TRY(rt__checkpoints_piece_done(&open, world, rank, &frame.body.piece_done, &c));
 *     if (rt__checkpoint_answered(c))
 *         ... c->reason ? abort it : commit it ...
 *     rt__checkpoints_close(&open, c->step);
 *
 * RT__CHECKPOINT_WRITING lasts until every rank has answered, even if a piece failed: before that, a rank may still write into the temporary
 * directory, which must be neither renamed nor removed. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_CHECKPOINTS_H
#define RINGTORCH_COORDINATOR_MACHINE_CHECKPOINTS_H

#include "common/control/messages.h"
#include <stdbool.h>

typedef struct rt__piece {
    bool answered;
    char *file; /* owned; NULL if the piece failed */
    int64_t bytes;
    char checksum[17]; /* XXH3-64, 16 hex digits */
} rt__piece;

typedef enum rt__checkpoint_state {
    RT__CHECKPOINT_WRITING, /* not all ranks have answered */
    RT__CHECKPOINT_HELD, /* complete, but not all ranks are known to have had the same parameters */
    RT__CHECKPOINT_COMMITTING, /* being renamed, or renamed already; COMMITTED will arrive */
} rt__checkpoint_state;

typedef struct rt__checkpoint {
    int64_t step;
    int64_t world, answers;
    rt__piece *piece; /* [world], by rank */
    rt__checkpoint_state state;
    char *reason; /* owned; why it cannot be committed; NULL: it can so far */
} rt__checkpoint;

typedef struct rt__checkpoints {
    rt__checkpoint *open; /* [count] */
    int64_t count;
} rt__checkpoints;

/* Both take one rank's answer and write its checkpoint (borrowed until the next call). A second answer of the same rank changes nothing.
 * PROTOCOL if no worker of ours could have sent that file name or checksum. */
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
