/* The ranks of a generation as a grid with named axes, which determines the groups that ranks communicate in and the
 * blocks that each one owns.
 *
 *     rt_mesh *m;                                 // axes data and tensor, sizes 4 and 2
 *     RT_TRY(rt_mesh_make(&plan, 8, 5, rt_block_count(flat->length), &m));
 *     int data = rt_mesh_find(m, "data"), place = rt_mesh_place(m, data, 5);      // 2
 *     rt_range mine = rt_mesh_owned(m, data, place);                              // of blocks
 *     RT_TRY(rt_mesh_connect(m, world));
 *     RT_TRY(rt_comm_all_reduce(rt_mesh_group(m, data), grad, RT_ALGO_AUTO));     // of 1, 3, 5 and 7
 *     rt_mesh_free(m);
 *
 * A rank has a place on each axis. The last axis varies fastest, so neighbours on it are neighbours in the world and
 * mostly on the same host:
 *
 *     data x tensor = 4 x 2:    rank = 2 * place on data + place on tensor
 *
 * Each axis divides the blocks of the flat buffers (RT_BLOCK elements each) among its places: each
 * block has one owner on each axis. */
#ifndef RINGTORCH_WORKER_PARALLEL_MESH_H
#define RINGTORCH_WORKER_PARALLEL_MESH_H

#include "common/base/slices.h"
#include "common/control/messages.h"
#include "worker/comm/comm.h"

enum { RT_MESH_AXES_MAX = 8, RT_MESH_NAME_BYTES = 16 };

typedef struct rt_mesh rt_mesh;

/* Copies axes and owners from a plan. `rank` is this rank, `blocks` the number of blocks of a flat buffer. Fails with
 * PROTOCOL, naming the axis, if the axes do not form a grid of `world` ranks or a block has no owner or two owners on
 * one of them. */
rt_status rt_mesh_make(const rt_msg_plan *plan, int world, int rank, int64_t blocks, rt_mesh **out);
void rt_mesh_free(rt_mesh *m); /* m may be NULL */

int rt_mesh_axes(const rt_mesh *m);
const char *rt_mesh_name(const rt_mesh *m, int axis);
int rt_mesh_size(const rt_mesh *m, int axis);
/* Returns the axis of that name, or -1 if there is none. */
int rt_mesh_find(const rt_mesh *m, const char *name);
int rt_mesh_rank(const rt_mesh *m); /* this rank */

/* Returns a rank's place on an axis. */
int rt_mesh_place(const rt_mesh *m, int axis, int rank);
/* Returns the rank that has the same places as `rank` except for `place` on this axis. */
int rt_mesh_along(const rt_mesh *m, int axis, int place, int rank);
/* Returns the blocks owned by a place of an axis; may be empty. */
rt_range rt_mesh_owned(const rt_mesh *m, int axis, int place);

/* Makes a communicator for each axis, of the ranks that differ from this one only in their place on it; a rank's place
 * is its rank there. All ranks of `world` must call it, on the communicating thread; `world` must outlive the mesh. An
 * axis that all ranks lie on uses `world` itself and costs nothing. Any other costs as much as rt_comm_group. */
rt_status rt_mesh_connect(rt_mesh *m, rt_comm *world);
/* Returns the communicator of an axis, or NULL before rt_mesh_connect. */
rt_comm *rt_mesh_group(const rt_mesh *m, int axis);

#endif
