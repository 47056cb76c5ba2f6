/* Snapshots taken by any number of ranks are restored by any other number with the same bits; plans that cannot be
 * followed are refused by name; a run survives the loss of a host through copies. */
#include "snapshots.h"
#include "worker/snapshot_copies.h"
#include <fcntl.h>
#include <unistd.h>

/* ---- restoring ---- */

static void going_on_from_a_snapshot_gives_the_same_bits(const char *set)
{
    const training whole = train_with(set, 1, (training){.steps = WHOLE});
    for (int writers = 1; writers <= 4; writers++) {
        empty_directory();
        training half =
            train_with(set, writers, (training){.generation = 1, .steps = HALF, .keep = true});
        assert_int_equal(half.taken, HALF);
        rt__snapshot_offers o = offers_for(&half);
        for (int readers = 1; readers <= 4; readers++)
            for (int64_t from = HALF - 1; from <= HALF; from++) {
                bool one_host = random_below(&rng, 2);
                plan p = plan_of(&o, from, half.count, readers, one_host);
                training resumed = train_with(
                    set, readers, (training){.generation = 2, .plan = &p, .steps = WHOLE});
                if (strcmp(resumed.sha, whole.sha) != 0)
                    fail_msg("%d writers, %d readers, step %" PRId64 ", one_host %d: other bits",
                             writers, readers, from, one_host);
                assert_int_equal(resumed.updates, from); /* AdamW's bias correction goes on */
            }
        rt__snapshot_offers_release(&o);
    }
}

static void any_world_size_restores_what_any_other_took(void **state)
{
    (void)state;
    going_on_from_a_snapshot_gives_the_same_bits(NULL);
}

static void so_does_a_run_whose_ranks_update_everything(void **state)
{
    (void)state;
    going_on_from_a_snapshot_gives_the_same_bits("parallel.sharding=none");
}

static void so_does_an_optimiser_with_other_states(void **state)
{
    (void)state;
    going_on_from_a_snapshot_gives_the_same_bits("optimizer.name=sgd optimizer.momentum=0.9");
    going_on_from_a_snapshot_gives_the_same_bits("optimizer.name=adam optimizer.amsgrad=true");
    going_on_from_a_snapshot_gives_the_same_bits("optimizer.name=adafactor");
}

static void so_does_a_model_with_running_statistics(void **state)
{
    (void)state;
    going_on_from_a_snapshot_gives_the_same_bits(FIXTURE_STATISTICS);
    going_on_from_a_snapshot_gives_the_same_bits(FIXTURE_STATISTICS " optimizer.name=adafactor");
}

static void pieces_of_several_generations_may_be_mixed(void **state)
{
    (void)state;
    empty_directory();
    const training whole = train_with(NULL, 1, (training){.steps = WHOLE});
    training w = {0};
    for (int64_t generation = 1; generation <= 4; generation++)
        w = train_with(NULL, (int)generation,
                       (training){.generation = generation, .steps = HALF, .keep = true});
    rt__snapshot_offers o = offers_for(&w);
    for (int i = 0; i < 8; i++) {
        plan p = plan_of(&o, HALF, w.count, 3, i % 2);
        training resumed = train_with(
            NULL, 3, (training){.generation = 9, .plan = &p, .steps = WHOLE, .keep = false});
        assert_string_equal(resumed.sha, whole.sha);
    }
    rt__snapshot_offers_release(&o);
}

/* More ranks than blocks: some own nothing. Their files hold no element, only marks. */
static void ranks_without_elements_are_no_obstacle(void **state)
{
    (void)state;
    empty_directory();
    const char *set = "parallel.slices=8";
    const training whole = train_with(set, 1, (training){.steps = WHOLE});
    training half = train_with(set, 8, (training){.generation = 1, .steps = HALF, .keep = true});
    rt__snapshot_offers o = offers_for(&half);
    assert_int_equal(o.trace_count, 8);
    plan p = plan_of(&o, HALF, half.count, 7, false);
    training resumed =
        train_with(set, 7, (training){.generation = 2, .plan = &p, .steps = WHOLE, .keep = true});
    assert_string_equal(resumed.sha, whole.sha);
    rt__snapshot_offers_release(&o);
}

/* ---- files and plans that do not match ---- */

typedef struct attempt {
    const plan *plan;
    rt_status status;
    char error[1024];
} attempt;

static void attempt_body(fixture_rank *r)
{
    attempt *a = r->ctx;
    rt_snapshot_about about;
    if (rank_failed(r, about_of(r, 50, &about)))
        return;
    a->status = restore(r, &about, a->plan);
    snprintf(a->error, sizeof a->error, "%s", rt_error());
    rt_error_clear();
}

/* Restoring must fail with this status and name both texts. */
static void expect_failure(const char *set, const plan *p, rt_status status, const char *a,
                           const char *b)
{
    attempt x = {.plan = p};
    rt_config cfg = fixture_config(&f, set);
    fixture_ranks(&cfg, 1, attempt_body, &x);
    rt_config_release(&cfg);
    if (x.status != status || !strstr(x.error, a) || !strstr(x.error, b))
        fail_msg("status %d, expected %d; \"%s\" should name \"%s\" and \"%s\"", x.status, status,
                 x.error, a, b);
}

static void files_that_are_not_as_offered_are_named(void **state)
{
    (void)state;
    char byte = 1, path[256];
    empty_directory();
    training half = train_with(NULL, 2, (training){.generation = 1, .steps = HALF, .keep = true});
    const rt_msg_offer one = {.generation = 1, .rank = 0}, other = {.generation = 1, .rank = 1};
    const rt_msg_offer *first, *second;
    rt_range of_one = rt_owned_by_rank(half.count, 2, 0);
    first = of_one.begin == 0 ? &one : &other;
    second = of_one.begin == 0 ? &other : &one;
    int64_t middle = of_one.begin == 0 ? of_one.end : of_one.begin;
    snprintf(path, sizeof path, "%s", path_of(RT_SNAPSHOT_OWN, 1, second->rank));

    plan p = {.message = {.start_step = HALF, .source = RT_SOURCE_SNAPSHOT, .one_host = true}};
    add_piece(&p, 0, middle, first, 0);
    add_piece(&p, middle, half.count, second, 0);
    plan late = p, wrong = {.message = p.message};
    late.message.start_step = HALF + 5;
    wrong.message.pieces_count = 0;
    add_piece(&wrong, 0, half.count, second, 0);

    expect_failure(NULL, &late, RT_E_NOTFOUND, "step 8", path_of(RT_SNAPSHOT_OWN, 1, first->rank));
    expect_failure(NULL, &wrong, RT_E_CORRUPT, "step 3", path);
    expect_failure("optimizer.lr=0.5", &p, RT_E_CORRUPT, "configuration",
                   path_of(RT_SNAPSHOT_OWN, 1, first->rank));
    rt_snapshot found;
    must(rt_snapshot_open(path, &found));
    int fd = open(path, O_RDWR), slot = rt_snapshot_slot_at(&found, HALF);
    size_t last =
        rt_snapshot_offset(&found.about, slot, 2) + rt_snapshot_kind_bytes(&found.about) - 1;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)last), 1);
    rt_snapshot_close(&found);
    close(fd);
    expect_failure(NULL, &p, RT_E_CORRUPT, "altered", path);
    assert_int_equal(truncate(path, 100000), 0);
    expect_failure(NULL, &p, RT_E_CORRUPT, "step 3", path);
    assert_int_equal(unlink(path), 0);
    *strrchr(path, '-') = '\0'; /* the original is gone, so its tag is unknown */
    expect_failure(NULL, &p, RT_E_NOTFOUND, "step 3", path);
}

static void plans_must_cover_every_element_once(void **state)
{
    (void)state;
    empty_directory();
    training half = train_with(NULL, 1, (training){.generation = 1, .steps = HALF, .keep = true});
    const rt_msg_offer offer = {.generation = 1, .rank = 0};
    const int64_t n = half.count;
    const struct {
        int64_t a, b, c, d; /* pieces [a,b) and [c,d) */
        int64_t holder;
        const char *text;
    } bad[] = {{0, 10, 11, n, 0, "begins at 10"},   {0, 10, 9, n, 0, "begins at 10"},
               {1, 10, 10, n, 0, "begins at 0"},    {0, 10, 10, n - 1, 0, "end at element"},
               {0, 10, 10, n + 1, 0, "piece 1"},    {0, 10, 10, 5, 0, "piece 1"},
               {0, 10, 10, n, 1, "held by rank 1"}, {0, 10, 10, n, -1, "held by rank -1"},
               {0, -1, -1, n, 0, "piece 0"},        {0, n, 0, n, 0, "piece 1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        plan p = {.message = {.start_step = HALF, .source = RT_SOURCE_SNAPSHOT, .one_host = true}};
        add_piece(&p, bad[i].a, bad[i].b, &offer, 0);
        add_piece(&p, bad[i].c, bad[i].d, &offer, bad[i].holder);
        expect_failure(NULL, &p, RT_E_PROTOCOL, "plan", bad[i].text);
    }
    plan none = {.message = {.start_step = HALF, .source = RT_SOURCE_SNAPSHOT, .one_host = true}};
    expect_failure(NULL, &none, RT_E_PROTOCOL, "plan", "end at element 0");
}

static void a_copy_stands_in_for_the_original(void **state)
{
    (void)state;
    char own[256];
    empty_directory();
    const training whole = train_with(NULL, 1, (training){.steps = WHOLE});
    training half = train_with(NULL, 2, (training){.generation = 1, .steps = HALF, .keep = true});
    snprintf(own, sizeof own, "%s", path_of(RT_SNAPSHOT_OWN, 1, 1));
    assert_int_equal(link(own, path_of(RT_SNAPSHOT_COPY, 1, 1)), 0);
    rt__snapshot_offers both = offers_for(&half);
    assert_int_equal(both.offer_count, 2 * 2); /* not offered twice */
    rt__snapshot_offers_release(&both);

    assert_int_equal(unlink(own), 0);
    rt__snapshot_offers o = offers_for(&half);
    assert_int_equal(o.offer_count, 2 * 2);
    assert_int_equal(o.trace_count, 1); /* a copy has no mark of its rank's place */
    plan p = plan_of(&o, HALF, half.count, 2, true);
    training resumed = train_with(NULL, 2, (training){.generation = 2, .plan = &p, .steps = WHOLE});
    assert_string_equal(resumed.sha, whole.sha);
    rt__snapshot_offers_release(&o);
}

/* ---- copies on other hosts ---- */

static void every_rank_has_a_keeper_on_another_host(void **state)
{
    (void)state;
    enum { WORLD_MAX = 12 };
    static char host[WORLD_MAX][RT__HOST_BYTES];
    for (int i = 0; i < 500; i++) {
        int world = 1 + (int)random_below(&rng, WORLD_MAX), hosts = 1 + (int)random_below(&rng, 4);
        bool several = false, even = world % hosts == 0 && i % 2;
        int kept[WORLD_MAX] = {0};
        for (int r = 0; r < world; r++) {
            int64_t h = even ? r / (world / hosts) : random_below(&rng, hosts);
            snprintf(host[r], RT__HOST_BYTES, "h%d", (int)h);
            several = several || strcmp(host[r], host[0]) != 0;
        }
        for (int r = 0; r < world; r++) {
            int keeper = rt__copies_keeper(host, world, r);
            assert_int_equal(keeper >= 0, several);
            if (keeper < 0)
                continue;
            assert_string_not_equal(host[keeper], host[r]);
            kept[keeper]++;
        }
        for (int r = 0; even && several && r < world; r++)
            assert_int_equal(kept[r], 1);
    }
}

typedef struct hosting {
    const char *host[4];
    bool keeps[4]; /* otherwise it has no room for copies */
    bool takes[4]; /* otherwise it takes no snapshots of its own */
    char trouble[4][512];
    training training;
} hosting;

static rt_status train_with_copies(fixture_rank *r, rt__stepper *s, hosting *h)
{
    rt_snapshot_about about;
    rt__snapshot *own = NULL;
    rt__copies *copies;
    rt__step_result did;
    RT_TRY(about_of(r, 1, &about));
    if (h->takes[r->rank])
        RT_TRY(start(r, &about, &own));
    rt__copies_args args = {r->comm,
                            r->rank,
                            r->world,
                            h->host[r->rank],
                            h->keeps[r->rank] ? f.dir : "/tmp/none here",
                            &about,
                            r->shard.owned,
                            0,
                            own};
    RT_TRY(rt__copies_start(&args, &copies));
    for (int64_t t = 0; t < HALF; t++) {
        RT_TRY(rt__step(s, t, &(rt__step_request){0}, &did));
        if (own)
            rt__snapshot_take(own, t + 1);
        RT_TRY(rt__copies_exchange(copies, t + 1));
    }
    snprintf(h->trouble[r->rank], sizeof h->trouble[0], "%s", rt__copies_trouble(copies));
    rt__copies_end(copies);
    rt__snapshot_end(own);
    if (r->rank == 0) {
        h->training.count = rt_run_flat(r->run)->count;
        h->training.about = about;
    }
    return RT_OK;
}

static void copies_body(fixture_rank *r)
{
    rt__stepper s;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    rank_failed(r, train_with_copies(r, &s, r->ctx));
    rt__stepper_release(&s);
}

static void train_on_hosts(hosting *h, int world)
{
    rt_config cfg = config_with(NULL);
    empty_directory();
    fixture_ranks(&cfg, world, copies_body, h);
    rt_config_release(&cfg);
}

static void a_lost_host_is_survived_by_the_copies_on_the_other(void **state)
{
    (void)state;
    const training whole = train_with(NULL, 1, (training){.steps = WHOLE});
    static const char *const hosts[][4] = {{"a", "b"}, {"a", "a", "b"}, {"a", "b", "b", "a"}};
    for (int i = 0; i < 3; i++)
        for (int lost = 0; lost < 2; lost++) {
            hosting h = {.keeps = {true, true, true, true}, .takes = {true, true, true, true}};
            memcpy(h.host, hosts[i], sizeof h.host);
            train_on_hosts(&h, i + 2);
            for (int r = 0; r < i + 2; r++) { /* lost with the host's memory */
                bool here = (h.host[r][0] == 'a') == (lost == 0);
                must(rt_remove_tree(path_of(here ? RT_SNAPSHOT_OWN : RT_SNAPSHOT_COPY, 1, r)));
                assert_string_equal(h.trouble[r], "");
            }
            rt__snapshot_offers o = offers_for(&h.training);
            for (int64_t from = HALF - 1; from <= HALF; from++) {
                plan p = plan_of(&o, from, h.training.count, 2, from % 2);
                training resumed =
                    train_with(NULL, 2, (training){.generation = 2, .plan = &p, .steps = WHOLE});
                assert_string_equal(resumed.sha, whole.sha);
            }
            rt__snapshot_offers_release(&o);
        }
}

static void ranks_without_copies_do_not_hinder_others(void **state)
{
    (void)state;
    hosting h = {
        .host = {"a", "b", "c"}, .keeps = {true, true, false}, .takes = {false, true, true}};
    train_on_hosts(&h, 3); /* 0 is kept by 1, 1 by 2, 2 by 0 */
    const struct {
        rt_snapshot_what what;
        int64_t rank;
        bool there, filled;
    } expected[] = {{RT_SNAPSHOT_OWN, 0, false, false},  {RT_SNAPSHOT_OWN, 1, true, true},
                    {RT_SNAPSHOT_OWN, 2, true, true},    {RT_SNAPSHOT_COPY, 0, true, false},
                    {RT_SNAPSHOT_COPY, 1, false, false}, {RT_SNAPSHOT_COPY, 2, true, true}};
    for (int i = 0; i < 6; i++) {
        rt_snapshot s;
        const char *path = path_of(expected[i].what, 1, expected[i].rank);
        assert_int_equal(rt_path_exists(path), expected[i].there);
        if (!expected[i].there)
            continue;
        must(rt_snapshot_open(path, &s));
        int newest = rt_snapshot_newest(&s);
        assert_int_equal(newest >= 0 ? s.slot[newest].step : -1, expected[i].filled ? HALF : -1);
        rt_snapshot_close(&s);
    }
    assert_string_equal(h.trouble[0], "");
    assert_non_null(strstr(h.trouble[2], "rank 1"));
    assert_non_null(strstr(h.trouble[2], "/tmp/none here"));
}

static void on_one_host_no_copies_are_kept(void **state)
{
    (void)state;
    hosting h = {.host = {"a", "a"}, .keeps = {true, true}, .takes = {true, true}};
    train_on_hosts(&h, 2);
    rt_snapshot_list l;
    must(rt_snapshot_list_read(f.dir, "r1", &l));
    assert_int_equal(l.count, 2);
    rt_snapshot_list_release(&l);
}

static int set_up(void **state)
{
    (void)state;
    rng = random_seed("test_snapshot_restore");
    fixture_make(&f, 5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_remove(&f);
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_world_size_restores_what_any_other_took),
        cmocka_unit_test(so_does_a_run_whose_ranks_update_everything),
        cmocka_unit_test(so_does_an_optimiser_with_other_states),
        cmocka_unit_test(so_does_a_model_with_running_statistics),
        cmocka_unit_test(pieces_of_several_generations_may_be_mixed),
        cmocka_unit_test(ranks_without_elements_are_no_obstacle),
        cmocka_unit_test(files_that_are_not_as_offered_are_named),
        cmocka_unit_test(plans_must_cover_every_element_once),
        cmocka_unit_test(a_copy_stands_in_for_the_original),
        cmocka_unit_test(every_rank_has_a_keeper_on_another_host),
        cmocka_unit_test(a_lost_host_is_survived_by_the_copies_on_the_other),
        cmocka_unit_test(ranks_without_copies_do_not_hinder_others),
        cmocka_unit_test(on_one_host_no_copies_are_kept),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
