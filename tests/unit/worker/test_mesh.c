/* Meshes: places, owners, and a communicator for each axis. */
#include "tests/unit/comm/ranks.h"
#include "worker/parallel/mesh.h"

enum { AXES_MAX = 3, BLOCKS = 11 };

typedef struct grid {
    int axes, size[AXES_MAX];
} grid;

static const grid GRIDS[] = {
    {1, {1}}, {1, {6}}, {2, {2, 2}}, {2, {3, 2}}, {2, {1, 5}}, {3, {2, 1, 3}}, {3, {2, 2, 2}},
};
enum { GRIDS_COUNT = sizeof GRIDS / sizeof *GRIDS };

static const char *const NAMES[AXES_MAX] = {"data", "pipeline", "tensor"};

static int world_of(const grid *g)
{
    int world = 1;
    for (int i = 0; i < g->axes; i++)
        world *= g->size[i];
    return world;
}

static rt_status make_mesh(const grid *g, int rank, rt_mesh **out)
{
    rt_msg_blocks owned[AXES_MAX * WORLD_MAX];
    int64_t sizes[AXES_MAX], n = 0;
    for (int i = 0; i < g->axes; i++) {
        sizes[i] = g->size[i];
        for (int place = 0; place < g->size[i]; place++) {
            const rt_range r = rt_blocks_of_rank(BLOCKS, g->size[i], place);
            owned[n++] = (rt_msg_blocks){.begin = r.begin, .end = r.end};
        }
    }
    const rt_msg_plan plan = {.axes = NAMES,
                              .axes_count = g->axes,
                              .axis_sizes = sizes,
                              .axis_sizes_count = g->axes,
                              .owned = owned,
                              .owned_count = n};
    return rt_mesh_make(&plan, world_of(g), rank, BLOCKS, out);
}

/* Row-major by its definition: the last axis varies fastest. */
static void ranks_lie_in_rows(void **state)
{
    (void)state;
    for (int k = 0; k < GRIDS_COUNT; k++) {
        const grid *g = &GRIDS[k];
        rt_mesh *m;
        int place[AXES_MAX] = {0};
        assert_int_equal(make_mesh(g, 0, &m), RT_OK);
        assert_int_equal(rt_mesh_axes(m), g->axes);
        assert_int_equal(rt_mesh_find(m, "expert"), -1);
        for (int rank = 0; rank < world_of(g); rank++) {
            for (int i = 0; i < g->axes; i++) {
                assert_int_equal(rt_mesh_find(m, NAMES[i]), i);
                assert_string_equal(rt_mesh_name(m, i), NAMES[i]);
                assert_int_equal(rt_mesh_size(m, i), g->size[i]);
                assert_int_equal(rt_mesh_place(m, i, rank), place[i]);
                for (int other = 0; other < g->size[i]; other++) {
                    const int there = rt_mesh_along(m, i, other, rank);
                    for (int j = 0; j < g->axes; j++)
                        assert_int_equal(rt_mesh_place(m, j, there), j == i ? other : place[j]);
                }
            }
            for (int i = g->axes - 1; i >= 0 && ++place[i] == g->size[i]; i--)
                place[i] = 0;
        }
        rt_mesh_free(m);
    }
}

static void owners_are_the_plans(void **state)
{
    (void)state;
    for (int k = 0; k < GRIDS_COUNT; k++) {
        rt_mesh *m;
        assert_int_equal(make_mesh(&GRIDS[k], 0, &m), RT_OK);
        for (int i = 0; i < GRIDS[k].axes; i++)
            for (int place = 0; place < GRIDS[k].size[i]; place++) {
                const rt_range want = rt_blocks_of_rank(BLOCKS, GRIDS[k].size[i], place);
                assert_int_equal(rt_mesh_owned(m, i, place).begin, want.begin);
                assert_int_equal(rt_mesh_owned(m, i, place).end, want.end);
            }
        rt_mesh_free(m);
    }
}

static const grid *shape;

/* Gathers, on each axis, the ranks of the world that are there. */
static rt_status look_along(rt_comm *c, rt_mesh *m, int axis)
{
    rt_comm *g = rt_mesh_group(m, axis);
    const int size = rt_mesh_size(m, axis), rank = rt_comm_rank(c);
    int32_t there[WORLD_MAX] = {0};
    rt_range each[WORLD_MAX];
    CHECK(rt_comm_world(g) == size && rt_comm_rank(g) == rt_mesh_place(m, axis, rank),
          "rank %d of %d", rt_comm_rank(g), rt_comm_world(g));
    CHECK((g == c) == (size == rt_comm_world(c)), "axis %d", axis);
    for (int i = 0; i < size; i++)
        each[i] = (rt_range){i, i + 1};
    there[rt_comm_rank(g)] = rank;
    RT_TRY(rt_comm_all_gather(g, (rt_buf){.data = there, .count = size, .dtype = RT_I32}, each,
                              RT_ALGO_AUTO));
    for (int i = 0; i < size; i++)
        CHECK(there[i] == rt_mesh_along(m, axis, i, rank), "rank %d at %d", there[i], i);
    return RT_OK;
}

static rt_status connect_and_look(rt_comm *c, uint64_t seed)
{
    rt_mesh *m;
    (void)seed;
    RT_TRY(make_mesh(shape, rt_comm_rank(c), &m));
    rt_status status = rt_mesh_connect(m, c);
    const int64_t sent = rt_comm_stats_of(c).messages_sent;
    if (status == RT_OK && sent > 0)
        status = RT_FAIL(INTERNAL, "%lld messages in the world", (long long)sent);
    for (int i = 0; i < shape->axes && status == RT_OK; i++)
        status = look_along(c, m, i);
    rt_mesh_free(m);
    return status;
}

static void every_axis_has_a_communicator(void **state)
{
    (void)state;
    for (int k = 0; k < GRIDS_COUNT; k++) {
        shape = &GRIDS[k];
        run_in_world(world_of(shape), connect_and_look, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_lie_in_rows),
        cmocka_unit_test(owners_are_the_plans),
        cmocka_unit_test(every_axis_has_a_communicator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
