/* Snapshots: states are kept in shared memory unchanged, our valid ones are offered, and all other files are refused by
 * name without further harm. */
#include "common/base/container.h"
#include "snapshots.h"
#include "tests/support/offer.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- offers ---- */

enum { COUNT = 50000, END = 30001 };
static float values[3][COUNT];

static rt_snapshot_about small_about(int64_t generation, int64_t rank)
{
    return (rt_snapshot_about){.run = "r1",
                               .run_dir = "/srv/x",
                               .generation = generation,
                               .rank = rank,
                               .begin = 7,
                               .end = END,
                               .count = COUNT,
                               .kinds = 3,
                               .kind = {"param", "a", "b"},
                               .layout_hash = "l",
                               .config_hash = "c"};
}

static rt__snapshot_args small_args(const rt_snapshot_about *about, const char *dir,
                                    rt__progress *progress)
{
    return (rt__snapshot_args){
        .dir = dir,
        .about = about,
        .kind = {{.data = values[0]}, {.data = values[1]}, {.data = values[2]}},
        .progress = progress};
}

static float value_of(int64_t step, int kind, int64_t element)
{
    return (float)(step * 3 + kind) + (float)element / 65536;
}

static void set_values(int64_t step)
{
    for (int kind = 0; kind < 3; kind++)
        for (int64_t i = 0; i < COUNT; i++)
            values[kind][i] = value_of(step, kind, i);
}

/* Leaves a file with two steps, newest first `step`. */
static void leave(const rt_snapshot_about *about, int64_t step)
{
    rt__snapshot *s;
    rt__snapshot_args args = small_args(about, f.dir, NULL);
    must(rt__snapshot_start(&args, &s));
    for (int64_t t = step > 1 ? step - 1 : step; t <= step && step > 0; t++) {
        set_values(t);
        rt__snapshot_take(s, t);
    }
    assert_string_equal(rt__snapshot_trouble(s), "");
    rt__snapshot_end(s);
}

static bool has(const rt_msg_offer *offers, int64_t count, const int64_t entry[5])
{
    const rt_msg_offer one = offer_of(entry);
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&offers[i], &one, sizeof one) == 0)
            return true;
    return false;
}

static void only_valid_snapshots_of_ours_are_offered(void **state)
{
    (void)state;
    empty_directory();
    rt_snapshot_about a = small_about(1, 0), other;
    char byte = 77;
    leave(&a, 9);
    a = small_about(2, 0);
    leave(&a, 1); /* one step only */
    a = small_about(2, 1);
    leave(&a, 0); /* none */
    other = small_about(2, 2);
    snprintf(other.config_hash, sizeof other.config_hash, "d");
    leave(&other, 9);
    other = small_about(2, 3);
    snprintf(other.kind[2], sizeof other.kind[2], "z");
    leave(&other, 9);
    other = small_about(2, 4);
    snprintf(other.layout_hash, sizeof other.layout_hash, "m");
    leave(&other, 9);
    a = small_about(2, 5); /* altered in its newest step: slot 1 */
    leave(&a, 9);
    int fd = open(path_of(RT_SNAPSHOT_OWN, 2, 5), O_RDWR);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)rt_snapshot_offset(&a, 1, 1) + 5), 1);
    close(fd);
    a = small_about(2, 6);
    leave(&a, 9);
    assert_int_equal(truncate(path_of(RT_SNAPSHOT_OWN, 2, 6), RT_SNAPSHOT_DATA + 2000), 0);
    a = small_about(3, 0); /* of our own generation, and of a later one */
    leave(&a, 9);
    a = small_about(4, 0);
    leave(&a, 9);
    assert_int_equal(mkdir(path_of(RT_SNAPSHOT_MPI, 2, -1), 0700), 0);

    rt__snapshot_offers o = {0};
    rt_snapshot_about ours = small_about(3, 0);
    rt__snapshot_offers_find(f.dir, &ours, &o);
    const int64_t offered[][5] = {
        {1, 0, 9, 7, END}, {1, 0, 8, 7, END}, {2, 0, 1, 7, END}, {2, 5, 8, 7, END}};
    assert_int_equal(o.offer_count, 4);
    for (int i = 0; i < 4; i++)
        assert_true(has(o.offer, o.offer_count, offered[i]));
    for (int64_t rank = 2; rank <= 6; rank++)
        assert_non_null(strstr(o.trouble, strrchr(path_of(RT_SNAPSHOT_OWN, 2, rank), '/')));
    assert_null(strstr(o.trouble, "-g1-"));
    assert_int_equal(o.trace_count, 6); /* all of generation 2 but the broken one */
    for (int64_t i = 0; i < o.trace_count; i++)
        assert_int_equal(o.trace[i].generation, 2);
    rt__snapshot_offers_release(&o);
    empty_directory();
}

/* Both directories of a copied run have one run id, and both may run at once. */
static void snapshots_of_the_directory_that_was_copied_are_not_used_and_told_once(void **state)
{
    (void)state;
    rt_snapshot_about theirs = small_about(2, 0), ours = small_about(3, 0);
    empty_directory();
    snprintf(theirs.run_dir, sizeof theirs.run_dir, "%s", f.dir); /* exists */
    snprintf(ours.run_dir, sizeof ours.run_dir, "/tmp");
    leave(&theirs, 9);
    theirs.rank = 1;
    leave(&theirs, 9);
    rt__snapshot_offers o = {0};
    rt__snapshot_offers_find(f.dir, &ours, &o);
    assert_int_equal(o.offer_count, 0);
    assert_int_equal(o.trace_count, 0);
    const char *told = strstr(o.trouble, "belong to ");
    assert_non_null(told);
    assert_non_null(strstr(told, f.dir));
    assert_null(strstr(told + 1, "belong to "));
    rt__snapshot_offers_release(&o);

    rt_snapshot_about own = ours; /* with a state of its own there is nothing to miss */
    own.generation = 1;
    leave(&own, 5);
    rt__snapshot_offers_find(f.dir, &ours, &o);
    assert_int_equal(o.offer_count, 2);
    assert_string_equal(o.trouble, "");
    rt__snapshot_offers_release(&o);
    must(rt_snapshot_forget(f.dir, "r1", ours.run_dir, INT64_MAX)); /* ours alone */

    snprintf(ours.run_dir, sizeof ours.run_dir, "%s", f.dir);
    rt__snapshot_offers_find(f.dir, &ours, &o);
    assert_int_equal(o.offer_count, 4);
    assert_string_equal(o.trouble, "");
    rt__snapshot_offers_release(&o);
    empty_directory();
}

static void a_place_that_cannot_be_listed_is_trouble_and_no_failure(void **state)
{
    (void)state;
    rt__snapshot_offers o = {0};
    rt_snapshot_about ours = small_about(3, 0);
    rt__snapshot_offers_add_trouble(&o, "first");
    rt__snapshot_offers_find(f.config, &ours, &o); /* a file */
    assert_false(rt_failed());
    assert_int_equal(o.offer_count, 0);
    assert_non_null(strstr(o.trouble, "first; "));
    assert_non_null(strstr(o.trouble, f.config));
    rt__snapshot_offers_release(&o);
    for (int i = 0; i < 7; i++)
        rt__snapshot_offers_add_trouble(
            &o, "something of more than a seventh of five hundred and eleven "
                "bytes, which is all that a message holds");
    assert_int_equal(strlen(o.trouble), sizeof o.trouble - 1);
}

/* ---- taking ---- */

static void the_last_two_steps_are_kept_and_nothing_is_allocated(void **state)
{
    (void)state;
    empty_directory();
    rt__snapshot *s;
    rt_snapshot_about about = small_about(1, 3);
    _Alignas(64) rt__progress progress;
    rt__progress_init(&progress);
    rt__snapshot_args args = small_args(&about, f.dir, &progress);
    must(rt__snapshot_start(&args, &s));
    int64_t allocated = 0;
    for (int64_t t = 1; t <= 20; t++) {
        set_values(t);
        assert_true(rt__snapshot_take(s, t));
        if (t == 1)
            allocated = rt_mem_total();
        assert_int_equal(rt_mem_total(), allocated);

        rt_snapshot found;
        must(rt_snapshot_open(path_of(RT_SNAPSHOT_OWN, 1, 3), &found));
        for (int64_t step = t > 1 ? t - 1 : t; step <= t; step++) {
            float got[END - 7];
            int slot = rt_snapshot_slot_at(&found, step);
            must(rt_snapshot_verify(&found, slot));
            for (int kind = 0; kind < 3; kind++) {
                must(rt_snapshot_read(&found, slot, kind, 7, END, got));
                for (int64_t i = 7; i < END; i++)
                    assert_true(got[i - 7] == value_of(step, kind, i));
            }
        }
        rt_snapshot_close(&found);
        allocated = rt_mem_total(); /* the reader's */
    }
    assert_true(rt_snapshot_in_use(path_of(RT_SNAPSHOT_OWN, 1, 3)));
    rt__snapshot_end(s);
    assert_false(rt_snapshot_in_use(path_of(RT_SNAPSHOT_OWN, 1, 3)));
}

/* Parts of owned and of other elements, abandoned in the middle and started over: the next take keeps what the parts
 * brought; without parts, or at the take after that, the present values are kept. */
static void parts_are_kept_as_they_were_copied(void **state)
{
    (void)state;
    empty_directory();
    rt__snapshot *s;
    rt_snapshot_about about = small_about(1, 3);
    about.begin = 8192;
    rt__snapshot_args args = small_args(&about, f.dir, NULL);
    must(rt__snapshot_start(&args, &s));
    for (int64_t step = 1; step <= 8; step++) {
        int64_t length = 8192 * (1 + step % 3);
        set_values(step);
        if (step % 4 > 0) {
            for (int64_t at = 0; step % 2 && at < about.begin + length; at += length)
                rt__snapshot_part(s, at, at + length);
            for (int64_t at = 0; at < COUNT; at += length)
                rt__snapshot_part(s, at, at + length < COUNT ? at + length : COUNT);
            set_values(1000); /* too late */
        }
        assert_true(rt__snapshot_take(s, step));

        rt_snapshot found;
        float got[END];
        must(rt_snapshot_open(path_of(RT_SNAPSHOT_OWN, 1, 3), &found));
        int slot = rt_snapshot_slot_at(&found, step);
        must(rt_snapshot_verify(&found, slot));
        for (int kind = 0; kind < 3; kind++) {
            must(rt_snapshot_read(&found, slot, kind, about.begin, END, got));
            for (int64_t i = about.begin; i < END; i++)
                assert_true(got[i - about.begin] == value_of(step, kind, i));
        }
        rt_snapshot_close(&found);
    }
    rt__snapshot_end(s);
}

static void any_length_is_copied_and_hashed_as_it_is(void **state)
{
    (void)state;
    enum { MOST = 3 * RT_SNAPSHOT_PIECE };
    static uint8_t from[MOST + 64];
    _Alignas(64) static uint8_t to[MOST + 64];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)random_bits(&rng);
    for (int i = 0; i < 200; i++) {
        size_t len = i < 130 ? (size_t)i : (size_t)random_below(&rng, MOST);
        const uint8_t *source = from + random_below(&rng, 64); /* at any place */
        uint64_t before = random_bits(&rng), expected = before;
        memset(to, 0x5a, sizeof to);
        for (size_t at = 0; at < len; at += RT_SNAPSHOT_PIECE)
            expected = rt_snapshot_checksum(
                expected, source + at, len - at < RT_SNAPSHOT_PIECE ? len - at : RT_SNAPSHOT_PIECE);
        assert_true(rt__snapshot_copy(to, source, len, before) == expected);
        assert_memory_equal(to, source, len);
        for (size_t after = len; after < len + 64; after++)
            assert_int_equal(to[after], 0x5a);
    }
}

static void the_mark_of_a_rank_outlives_it(void **state)
{
    (void)state;
    empty_directory();
    rt__snapshot *s;
    rt_snapshot_about about = small_about(1, 3), ours = small_about(2, 0);
    _Alignas(64) rt__progress progress;
    rt__progress_init(&progress);
    rt__snapshot_args args = small_args(&about, f.dir, &progress);
    must(rt__snapshot_start(&args, &s));
    rt__progress_step(&progress, 17);
    rt__progress_enter_phase(&progress, RT_PHASE_BACKWARD, 6);

    rt__snapshot_offers o = {0};
    rt__snapshot_offers_find(f.dir, &ours, &o);
    const rt_msg_trace expected = {
        .generation = 1, .rank = 3, .step = 17, .slice = 6, .phase = RT_PHASE_BACKWARD};
    assert_int_equal(o.trace_count, 1);
    assert_memory_equal(o.trace, &expected, sizeof expected);
    assert_int_equal(o.offer_count, 0);
    rt__snapshot_offers_release(&o);
    rt__snapshot_end(s);
    rt__progress_enter_phase(&progress, RT_PHASE_UPDATE, -1); /* no longer mirrored */
}

/* ---- trouble ---- */

static void a_file_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    rt__snapshot *s;
    rt_snapshot_about about = small_about(1, 3);
    rt__snapshot_args args = small_args(&about, "/tmp/there is no such directory", NULL);
    assert_int_equal(rt__snapshot_start(&args, &s), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "/tmp/there is no such directory/ringtorch-r1-g1-r3"));
    rt_error_clear();
}

/* Two slots take 1.2 MB here; with 2 MiB to be left free they fit into 4 MiB and not into 3. */
static void only_float32_in_host_memory_is_taken(void **state)
{
    (void)state;
    static const struct {
        rt_dtype dtype;
        rt_device device;
        const char *says;
    } rows[] = {
        {RT_BF16, {RT_CPU, 0}, "snapshot: a has type bfloat16, but"},
        {RT_F32, {RT_OPENCL, 1}, "snapshot: a has type float32 on a device, but"},
    };
    const rt_snapshot_about about = small_about(1, 0);
    for (int i = 0; i < 2; i++) {
        rt__snapshot *s = NULL;
        rt__snapshot_args args = small_args(&about, f.dir, NULL);
        args.kind[1].dtype = rows[i].dtype;
        args.kind[1].device = rows[i].device;
        assert_int_equal(rt__snapshot_start(&args, &s), RT_E_UNSUPPORTED);
        assert_null(s);
        assert_non_null(strstr(rt_error(), rows[i].says));
        rt_error_clear();
    }
}

static void without_room_there_are_no_snapshots_but_marks(void **state)
{
    (void)state;
    char small[128], path[256], options[32];
    snprintf(small, sizeof small, "%s/small", f.dir);
    assert_int_equal(mkdir(small, 0700), 0);
    const int megabytes[] = {1, 2, 3, 4};
    setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1); /* as in a pod */
    for (int i = 0; i < 4; i++) {
        snprintf(options, sizeof options, "size=%dm", megabytes[i]);
        if (mount("tmpfs", small, "tmpfs", 0, options) != 0) {
            print_message("a small file system cannot be mounted here (%s): not tried\n",
                          strerror(errno));
            return;
        }
        rt__snapshot *s;
        rt_snapshot found;
        rt_snapshot_about about = small_about(1, 3);
        about.end = COUNT;
        about.begin = 0;
        about.kinds = 3;
        _Alignas(64) rt__progress progress;
        rt__progress_init(&progress);
        rt__snapshot_args args = small_args(&about, small, &progress);
        args.keep_free = 2 << 20;
        args.files = 400;
        must(rt__snapshot_start(&args, &s));
        assert_true(rt__snapshot_ready(s) == (megabytes[i] == 4));
        snprintf(path, sizeof path, "%s", path_in(small, RT_SNAPSHOT_OWN, 1, 3));
        bool fits = megabytes[i] == 4;
        assert_int_equal(rt__snapshot_take(s, 1), fits);
        assert_int_equal(rt__snapshot_take(s, 2), fits);
        assert_int_equal(strstr(rt__snapshot_trouble(s), path) != NULL, !fits);
        char advice[RT_CONTAINER_ADVICE];
        double bytes = 400 * (double)rt_snapshot_file_bytes(&about) + (2 << 20);
        assert_true(rt_container_shm_advice("", bytes, advice));
        if (strncmp(small, "/dev/shm/", 9) == 0)
            assert_int_equal(strstr(rt__snapshot_trouble(s), advice) != NULL, !fits);
        rt__progress_step(&progress, 2);
        must(rt_snapshot_open(path, &found));
        assert_int_equal(rt_snapshot_newest(&found) >= 0, fits);
        assert_int_equal(found.mark.step, 2);
        rt_snapshot_close(&found);
        rt__snapshot_end(s);
        assert_int_equal(umount(small), 0);
    }
    unsetenv("KUBERNETES_SERVICE_HOST");
}

static int set_up(void **state)
{
    (void)state;
    rng = random_seed("test_snapshot");
    fixture_make(&f, 5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char small[128];
    snprintf(small, sizeof small, "%s/small", f.dir);
    umount2(small, MNT_DETACH); /* only there if a test has failed */
    fixture_remove(&f);
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_valid_snapshots_of_ours_are_offered),
        cmocka_unit_test(snapshots_of_the_directory_that_was_copied_are_not_used_and_told_once),
        cmocka_unit_test(a_place_that_cannot_be_listed_is_trouble_and_no_failure),
        cmocka_unit_test(the_last_two_steps_are_kept_and_nothing_is_allocated),
        cmocka_unit_test(parts_are_kept_as_they_were_copied),
        cmocka_unit_test(any_length_is_copied_and_hashed_as_it_is),
        cmocka_unit_test(the_mark_of_a_rank_outlives_it),
        cmocka_unit_test(a_file_that_cannot_be_made_is_an_error),
        cmocka_unit_test(only_float32_in_host_memory_is_taken),
        cmocka_unit_test(without_room_there_are_no_snapshots_but_marks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
