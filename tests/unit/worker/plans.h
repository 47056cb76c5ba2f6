/* The part of a PLAN that assigns slices and blocks to ranks, as the coordinator makes it.
 *
 *     plan_room room;
 *     rt_msg_plan plan = {.start_step = 3};
 *     plan_deal(&plan, &room, world, slices, elements);
 */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_PLANS_H
#define RINGTORCH_TESTS_UNIT_WORKER_PLANS_H

#include "common/base/slices.h"
#include "common/control/messages.h"

enum { PLAN_RANKS_MAX = 64 };

/* The memory that the plan points to. */
typedef struct plan_room {
    const char *axes[2];
    int64_t axis_sizes[2], slice_begin[PLAN_RANKS_MAX + 1];
    rt_msg_blocks owned[PLAN_RANKS_MAX];
} plan_room;

/* `elements` are those of a flat buffer, tail included. */
static inline void plan_deal(rt_msg_plan *p, plan_room *room, int world, int64_t slices,
                             int64_t elements)
{
    *room = (plan_room){.axes = {RT_AXIS_DATA}, .axis_sizes = {world}};
    for (int r = 0; r < world; r++) {
        rt_range own = rt_blocks_of_rank(rt_block_count(elements), world, r);
        room->owned[r] = (rt_msg_blocks){.begin = own.begin, .end = own.end};
        room->slice_begin[r] = rt_slices_of_rank(slices, world, r).begin;
    }
    room->slice_begin[world] = slices;
    p->world = world;
    p->slices = slices;
    p->axes = room->axes;
    p->axis_sizes = room->axis_sizes;
    p->owned = room->owned;
    p->slice_begin = room->slice_begin;
    p->axes_count = p->axis_sizes_count = 1;
    p->owned_count = world;
    p->slice_begin_count = world + 1;
}

#endif
