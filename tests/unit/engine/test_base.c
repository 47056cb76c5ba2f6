/* Tests of objects, scopes, the memory pool, start and end. */
#include "check.h"

#include "common/base/mem.h"
#include "worker/engine/base/object.h"
#include "worker/engine/base/pool.h"
#include <pthread.h>
#include <stdlib.h>

/* ---- objects and scopes ---- */

typedef struct probe {
    rt_object object;
    rt_object *child;
    int *destroyed, *hollowed;
} probe;

static void probe_destroy(void *object)
{
    probe *p = object;
    ++*p->destroyed;
    rt_free(p->child);
}

static void probe_hollow(void *object)
{
    ++*((probe *)object)->hollowed;
}

static const rt_object_type probe_type = {"probe", probe_destroy, probe_hollow};
static int destroyed, hollowed;

static probe *new_probe(void)
{
    probe *p = rt__object_new(&probe_type, sizeof *p);
    assert_non_null(p);
    p->destroyed = &destroyed;
    p->hollowed = &hollowed;
    return p;
}

static void scope_frees_what_was_made_in_it(void **state)
{
    (void)state;
    int64_t live = rt_live_objects();
    destroyed = 0;
    rt_scope outer = rt_scope_begin();
    new_probe();
    rt_scope inner = rt_scope_begin();
    new_probe();
    new_probe();
    rt_scope_end(inner);
    assert_int_equal(destroyed, 2);
    rt_scope_end(outer);
    assert_int_equal(destroyed, 3);
    assert_int_equal(rt_live_objects(), live);
}

static void outer_scope_makes_up_for_a_skipped_end(void **state)
{
    (void)state;
    destroyed = 0;
    rt_scope outer = rt_scope_begin();
    rt_scope inner = rt_scope_begin();
    new_probe();
    rt_scope_end(outer);
    assert_int_equal(destroyed, 1);
    rt_scope_end(inner); /* too late, harmless */
    assert_int_equal(destroyed, 1);
}

static void kept_object_outlives_its_scope(void **state)
{
    (void)state;
    destroyed = 0;
    rt_scope s = rt_scope_begin();
    probe *p = rt_keep(new_probe());
    rt_scope_end(s);
    assert_int_equal(destroyed, 0);
    rt_free(p);
    assert_int_equal(destroyed, 1);
    rt_free(NULL);
    assert_null(rt_keep((probe *)NULL));
}

static void returned_object_belongs_to_the_outer_scope(void **state)
{
    (void)state;
    destroyed = 0;
    rt_scope outer = rt_scope_begin(), inner = rt_scope_begin();
    new_probe();
    probe *p = rt_scope_return(inner, new_probe());
    assert_int_equal(destroyed, 1);
    assert_int_equal(p->object.refs, 1);
    rt_scope_end(outer);
    assert_int_equal(destroyed, 2);
    rt_scope empty = rt_scope_begin();
    assert_null(rt_scope_return(empty, (probe *)NULL));
}

static void chain_of_a_million_objects_dies_without_recursion(void **state)
{
    (void)state;
    enum { LONG = 1000000 };
    destroyed = 0;
    probe *head = NULL;
    for (int i = 0; i < LONG; i++) {
        probe *p = rt__object_make(&probe_type, sizeof *p);
        assert_non_null(p);
        *p = (probe){p->object, head ? &head->object : NULL, &destroyed, &hollowed};
        head = p;
    }
    rt_free(head);
    assert_int_equal(destroyed, LONG);
}

static void object_with_only_edges_left_becomes_hollow(void **state)
{
    (void)state;
    destroyed = hollowed = 0;
    probe *p = rt__object_make(&probe_type, sizeof *p);
    *p = (probe){p->object, NULL, &destroyed, &hollowed};
    rt__edge_keep(p);
    rt_keep(p);
    rt_free(p);
    assert_int_equal(hollowed, 0);
    rt_free(p); /* the last owner of the value */
    assert_int_equal(hollowed, 1);
    assert_int_equal(destroyed, 0);
    rt__edge_free(p);
    assert_int_equal(destroyed, 1);
}

static void failed_thread_makes_nothing(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(-1));
    assert_null(x);
    assert_null(rt__object_new(&probe_type, sizeof(probe)));
    assert_null(rt_zeros(rt_shape(2)));
    assert_error(SHAPE, "tensor: negative size in [-1]");
    assert_non_null(rt_zeros(rt_shape(2)));
}

static void *leave_objects_behind(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++)
        if (!rt_zeros(rt_shape(100)))
            return "failed";
    return NULL;
}

static void ending_thread_releases_its_scopes(void **state)
{
    (void)state;
    int64_t live = rt_live_objects();
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, leave_objects_behind, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    assert_int_equal(rt_live_objects(), live);
}

/* ---- the pool ---- */

static void blocks_are_aligned_and_large_enough(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 40000; bytes = bytes * 9 / 8 + 1) {
        char *p = rt__pool_alloc(bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        memset(p, 0xA5, bytes); /* the address sanitizer watches */
        rt__pool_free(p, bytes);
    }
}

static void small_sizes_are_looked_up_in_their_classes(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= RT_SMALL_BYTES; bytes++) {
        int class = rt__small_size_class(bytes);
        assert_int_equal(class, rt__size_class(bytes));
        assert_true(rt__size_class_bytes(class) >= bytes);
    }
    assert_int_equal(rt__small_size_class(RT_SMALL_BYTES + 1), RT_SMALL_CLASSES);
    assert_int_equal(rt__size_class(RT_SMALL_BYTES + 1), RT_SMALL_CLASSES);
}

static void freed_block_is_used_again(void **state)
{
    (void)state;
    size_t sizes[] = {1, 100, 1024, 1025, 100000, 5000000};
    for (int i = 0; i < COUNT(sizes); i++) {
        void *p = rt__pool_alloc(sizes[i]);
        rt__pool_free(p, sizes[i]);
        int64_t before = rt_memory().system_allocations;
        assert_ptr_equal(rt__pool_alloc(sizes[i]), p);
        assert_int_equal(rt_memory().system_allocations, before);
        rt__pool_free(p, sizes[i]);
    }
}

static void statistics_add_up(void **state)
{
    (void)state;
    rt_memory_stats before = rt_memory();
    void *p = rt__pool_alloc(1 << 20);
    rt_memory_stats during = rt_memory();
    assert_int_equal(during.bytes_used - before.bytes_used, 1 << 20);
    rt__pool_free(p, 1 << 20);
    rt_memory_stats after = rt_memory();
    assert_int_equal(after.bytes_used, before.bytes_used);
    assert_in_range(after.bytes_cached, 1 << 20, INT64_MAX);
    int64_t blocks = rt_mem_live();
    rt__pool_trim();
    assert_int_equal(rt_memory().bytes_cached, 0);
    assert_true(rt_mem_live() < blocks);
}

/* The peak counts blocks of all kinds, including those that threads keep; memory freed before more is taken
 * does not count. */
static void the_peak_is_the_most_at_once(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20, SMALL = 1024 };
    const rt_device cpu = {RT_CPU};
    assert_int_equal(rt_memory_reset_peak(cpu), RT_OK);
    int64_t before = rt_memory().bytes_used;
    assert_int_equal(rt_memory().bytes_peak, before);
    for (int i = 0; i < 3; i++) {
        void *a = rt__pool_alloc(LARGE), *b = i == 1 ? rt__pool_alloc(LARGE) : NULL;
        rt__pool_free(a, LARGE);
        rt__pool_free(b, LARGE);
    }
    assert_int_equal(rt_memory().bytes_used, before);
    assert_int_equal(rt_memory().bytes_peak, before + 2 * LARGE);
    assert_int_equal(rt_memory_reset_peak(cpu), RT_OK);
    assert_int_equal(rt_memory_on(cpu).bytes_peak, before);
    void *small[RT_SMALL_KEPT + 1]; /* more than a thread keeps for itself */
    for (int i = 0; i < COUNT(small); i++)
        small[i] = rt__pool_alloc(SMALL);
    assert_int_equal(rt_memory().bytes_peak, rt_memory().bytes_used);
    assert_in_range(rt_memory().bytes_peak, before + SMALL, INT64_MAX);
    for (int i = 0; i < COUNT(small); i++)
        rt__pool_free(small[i], SMALL);
    rt__pool_thread_release();
    rt__pool_trim();
    assert_in_range(rt_memory().bytes_peak, rt_memory().bytes_used + COUNT(small) * SMALL,
                    INT64_MAX);
}

static void the_peak_of_no_device(void **state)
{
    (void)state;
    const rt_device none = {RT_METAL, 3};
    assert_int_equal(rt_memory_on(none).bytes_peak, 0);
    assert_int_equal(rt_error_code(), RT_E_DEVICE);
    rt_error_clear();
    assert_int_equal(rt_memory_reset_peak(none), RT_E_DEVICE);
    rt_error_clear();
}

static void impossible_size_is_refused(void **state)
{
    (void)state;
    assert_null(rt__pool_alloc((size_t)1 << 60));
    assert_error(NOMEM, "out of memory: 1152921504606846976 bytes asked for");
}

static void full_memory_is_retried_without_the_cache(void **state)
{
    (void)state;
    rt__pool_free(rt__pool_alloc(1 << 20), 1 << 20);
    rt_mem_fail_after(0);
    assert_null(rt__pool_alloc(1 << 22));
    rt_mem_fail_after(-1);
    assert_int_equal(rt_memory().bytes_cached, 0); /* the pool returned its cached memory first */
    rt_error_clear();
}

/* With sizes that vary, as batches of texts have them, the memory held must stay near the largest use. */
static void sizes_that_vary_share_memory(void **state)
{
    (void)state;
    enum { BLOCKS = 64, ROUNDS = 20000 };
    const size_t bound = 32 << 20;
    unsigned random = 1;
    void *block[BLOCKS] = {0};
    size_t size[BLOCKS] = {0}, alive = 0, most = 0;
    rt__pool_trim();
    int64_t before = rt_memory().bytes_used + rt_memory().bytes_cached, held = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int i = rand_r(&random) % BLOCKS;
        rt__pool_free(block[i], size[i]);
        alive -= size[i];
        block[i] = NULL;
        size[i] = 4096 + (size_t)(rand_r(&random) % 400) * 5000;
        if (alive + size[i] > bound)
            size[i] = 0;
        else
            block[i] = rt__pool_alloc(size[i]);
        alive += size[i];
        most = alive > most ? alive : most;
        rt_memory_stats s = rt_memory();
        held = s.bytes_used + s.bytes_cached - before > held
                   ? s.bytes_used + s.bytes_cached - before
                   : held;
    }
    for (int i = 0; i < BLOCKS; i++)
        rt__pool_free(block[i], size[i]);
    if (held > (int64_t)(most / 100 * 131)) /* 1.3, and what sizes are rounded up to */
        fail_msg("%lld bytes held for %zu in use", (long long)held, most);
    rt__pool_trim();
    assert_in_range(rt_memory().bytes_used + rt_memory().bytes_cached, 0, before);
}

/* Steps use blocks of one size, then of another: after the first few steps, none requests memory from the
 * system. */
static void steps_that_repeat_ask_no_more(void **state)
{
    (void)state;
    enum { BLOCKS = 12 };
    static const size_t sizes[] = {3 << 20, 5 << 20, 700000, 1500, 8 << 20};
    int64_t asked = 0;
    rt__pool_trim();
    for (int step = 0; step < 40; step++) {
        for (int k = 0; k < COUNT(sizes); k++) {
            void *block[BLOCKS];
            for (int i = 0; i < BLOCKS; i++)
                block[i] = rt__pool_alloc(sizes[k] + (size_t)i * 1000);
            for (int i = 0; i < BLOCKS; i++)
                rt__pool_free(block[(i * 5) % BLOCKS],
                              sizes[k] + (size_t)((i * 5) % BLOCKS) * 1000);
        }
        if (step == 3)
            asked = rt_memory().system_allocations;
    }
    assert_int_equal(rt_memory().system_allocations, asked);
    rt__pool_trim();
}

enum { HAMMER_BLOCKS = 64, HAMMER_ROUNDS = 20000 };

static void *hammer(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    unsigned char *block[HAMMER_BLOCKS] = {0};
    size_t size[HAMMER_BLOCKS] = {0};
    void *result = NULL;
    for (int round = 0; round < HAMMER_ROUNDS; round++) {
        int i = rand_r(&random) % HAMMER_BLOCKS;
        unsigned char mark = (unsigned char)(i ^ (int)(uintptr_t)seed);
        if (block[i] && (block[i][0] != mark || block[i][size[i] - 1] != mark))
            result = "a block was given to two owners";
        rt__pool_free(block[i], size[i]);
        size[i] = 1 + (size_t)rand_r(&random) % (round % 16 ? 5000 : 300000);
        block[i] = rt__pool_alloc(size[i]);
        memset(block[i], mark, size[i]);
    }
    for (int i = 0; i < HAMMER_BLOCKS; i++)
        rt__pool_free(block[i], size[i]);
    return result;
}

static void pool_serves_several_threads(void **state)
{
    (void)state;
    pthread_t thread[4];
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hammer, (void *)(16 * i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_null(result);
    }
}

/* ---- starting and ending ---- */

static void init_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    assert_int_equal(rt_init("cuda:0"), RT_E_DEVICE);
    assert_error(DEVICE, "init: device \"cuda:0\" is not in this build, use \"auto\" or \"cpu\"");
    rt_init("cpu", .threads = -2);
    assert_error(RANGE, "init: -2 threads, expected 1 or more, or RT_AUTO");
    rt_init("cpu", .threads = 0);
    assert_error(RANGE, "init: 0 threads, expected 1 or more, or RT_AUTO");
    assert_int_equal(rt_init("cpu", .isa = "mmx"), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(), "mmx"));
    rt_error_clear();
    assert_int_equal(rt_init("auto", .threads = 2, .isa = "ref"), RT_OK);
    assert_string_equal(rt_isa(), "ref");
    assert_int_equal(rt_threads(), 2);
    assert_int_equal(rt_init("auto"), RT_OK);
}

static void shutdown_releases_everything(void **state)
{
    (void)state;
    rt_zeros(rt_shape(1000));
    assert_int_equal(rt_shutdown(), 0);
    assert_int_equal(rt_live_objects(), 0);
    assert_int_equal(rt_memory().bytes_used, 0);
    assert_int_equal(rt_memory().bytes_cached, 0);
    assert_int_equal(rt_mem_live(), 0);
    rt_zeros(rt_shape(-1));
    assert_int_equal(rt_shutdown(), 1); /* prints the error */
    assert_fine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scope_frees_what_was_made_in_it),
        TEST(outer_scope_makes_up_for_a_skipped_end),
        TEST(kept_object_outlives_its_scope),
        TEST(returned_object_belongs_to_the_outer_scope),
        TEST(chain_of_a_million_objects_dies_without_recursion),
        TEST(object_with_only_edges_left_becomes_hollow),
        TEST(failed_thread_makes_nothing),
        TEST(ending_thread_releases_its_scopes),
        TEST(blocks_are_aligned_and_large_enough),
        TEST(small_sizes_are_looked_up_in_their_classes),
        TEST(freed_block_is_used_again),
        TEST(statistics_add_up),
        TEST(the_peak_is_the_most_at_once),
        TEST(the_peak_of_no_device),
        TEST(impossible_size_is_refused),
        TEST(full_memory_is_retried_without_the_cache),
        TEST(sizes_that_vary_share_memory),
        TEST(steps_that_repeat_ask_no_more),
        TEST(pool_serves_several_threads),
        TEST(init_refuses_what_it_cannot_do),
        TEST(shutdown_releases_everything),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
