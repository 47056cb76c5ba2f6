/* Snapshots: taken by any number of ranks, offered, restored by any other number with the same bits; what cannot be
 * used is refused by name and costs nothing but the snapshot. */
#include "fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../common/random.h"
#include "common/messages.h"
#include "common/snapshot_list.h"
#include "worker/snapshot.h"
#include "worker/snapshot_about.h"
#include "worker/snapshot_offers.h"
#include "worker/snapshot_restore.h"

enum { HALF = 3, WHOLE = 6, PIECES_MAX = 64 };

static fixture f;
static uint64_t rng;

static void empty_directory(void)
{
    must(rt_snapshot_forget(f.dir, "r1", INT64_MAX));
}

static const char *path_of(rt_snapshot_what what, int64_t generation, int64_t rank)
{
    static _Thread_local char path[256];
    rt_snapshot_name n = {.what = what, .run = "r1", .generation = generation, .rank = rank};
    char *made = rt_snapshot_path(f.dir, &n);
    snprintf(path, sizeof path, "%s", made);
    rt_mem_free(made);
    return path;
}

/* ---- plans, as the coordinator makes them ---- */

typedef struct plan {
    rt_msg_plan message;
    int64_t numbers[PIECES_MAX * RT_PIECE_FIELDS];
} plan;

static void add_piece(plan *p, int64_t begin, int64_t end, const int64_t *offer, int64_t holder)
{
    assert_true(p->message.pieces_count + RT_PIECE_FIELDS <= PIECES_MAX * RT_PIECE_FIELDS);
    int64_t *at = p->numbers + p->message.pieces_count;
    at[0] = begin;
    at[1] = end;
    at[2] = offer[0];
    at[3] = offer[1];
    at[4] = holder;
    p->message.pieces_count += RT_PIECE_FIELDS;
}

/* Covers [0,count) with pieces of what is offered of a step: whichever fits, cut anywhere. */
static plan plan_of(const rt__offers *o, int64_t step, int64_t count, int world, bool one_host)
{
    plan p = {.message = {.start_step = step, .source = 2, .one_host = one_host, .world = world}};
    for (int64_t at = 0; at < count;) {
        const int64_t *fits[PIECES_MAX];
        int n = 0;
        for (int64_t i = 0; i < o->offer_count; i += RT_OFFER_FIELDS) {
            const int64_t *x = o->offer + i;
            if (x[2] == step && x[3] <= at && at < x[4])
                fits[n++] = x;
        }
        if (n == 0)
            fail_msg("nobody offers element %" PRId64 " of step %" PRId64, at, step);
        const int64_t *x = fits[random_below(&rng, n)];
        int64_t end = random_below(&rng, 3) > 0 ? x[4] : at + 1 + random_below(&rng, x[4] - at);
        if (p.message.pieces_count > (PIECES_MAX - 16) * RT_PIECE_FIELDS)
            end = x[4];
        add_piece(&p, at, end, x, random_below(&rng, world));
        at = end;
    }
    return p;
}

/* ---- ranks ---- */

typedef struct training {
    int64_t generation;
    const plan *plan; /* to begin with; NULL: fresh */
    int64_t steps;    /* to make in all */
    bool keep;        /* take a snapshot of each step */
    char sha[65];
    int64_t count;           /* parameters */
    rt_snapshot_about about; /* of rank 0 */
    int64_t taken;           /* snapshots */
} training;

static rt_status about_of(const fixture_rank *r, int64_t generation, rt_snapshot_about *out)
{
    char hash[65];
    RT_TRY(rt_config_hash(r->config, hash));
    rt__snapshot_who who = {"r1", f.dir, hash, generation, r->rank, r->shard.owned[r->rank]};
    return rt__snapshot_about_run(out, r->run, &who);
}

static rt_status restore(const fixture_rank *r, const rt_snapshot_about *about, const plan *p)
{
    bool all = r->config->parallel.sharding == RT_CFG_SHARDING_NONE;
    rt__snapshot_source from = {.run = r->run,
                                .comm = r->comm,
                                .dir = f.dir,
                                .about = about,
                                .rank = r->rank,
                                .world = r->world,
                                .states = all ? (rt_range){0, rt_run_flat(r->run)->count}
                                              : r->shard.owned[r->rank]};
    rt_msg_plan message = p->message;
    message.pieces = p->numbers; /* plans are handed on by value */
    return rt__snapshot_restore(&from, &message);
}

static rt_status start(fixture_rank *r, const rt_snapshot_about *about, rt__snapshot **out)
{
    rt__snapshot_args args = {.dir = f.dir, .about = about, .progress = &r->progress};
    for (int kind = 0; kind < about->kinds; kind++)
        args.kind[kind] = rt__snapshot_kind(r->run, kind, NULL);
    return rt__snapshot_start(&args, out);
}

static rt_status train(fixture_rank *r, rt__stepper *s, training *w)
{
    rt_snapshot_about about;
    rt__snapshot *snapshot = NULL;
    int64_t taken = 0;
    rt__step_result did;
    RT_TRY(about_of(r, w->generation, &about));
    if (w->plan)
        RT_TRY(restore(r, &about, w->plan));
    if (w->keep)
        RT_TRY(start(r, &about, &snapshot));
    for (int64_t t = w->plan ? w->plan->message.start_step : 0; t < w->steps; t++) {
        RT_TRY(rt__step(s, t, &(rt__step_wish){0}, &did));
        if (w->keep)
            taken += rt__snapshot_take(snapshot, t + 1);
    }
    rt__snapshot_end(snapshot);
    if (r->rank != 0)
        return RT_OK;
    w->count = rt_run_flat(r->run)->count;
    w->about = about;
    w->taken = taken;
    return rt_run_weights_sha256(r->run, w->sha);
}

static void train_body(fixture_rank *r)
{
    rt__stepper s;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    rank_failed(r, train(r, &s, r->ctx));
    rt__stepper_release(&s);
}

/* set: NULL, or one or two keys with a blank in between. */
static rt_config config_with(const char *set)
{
    char first[64] = "";
    const char *blank = set ? strchr(set, ' ') : NULL;
    if (blank)
        snprintf(first, sizeof first, "%.*s", (int)(blank - set), set);
    return blank ? fixture_config2(&f, first, blank + 1) : fixture_config(&f, set);
}

static training train_with(const char *set, int world, training w)
{
    rt_config cfg = config_with(set);
    fixture_ranks(&cfg, world, train_body, &w);
    rt_config_release(&cfg);
    return w;
}

/* What a rank of a later generation finds; fails the test if anything is in the way. */
static rt__offers offers_for(const training *w)
{
    rt__offers o = {0};
    rt_snapshot_about ours = w->about;
    ours.generation = 100;
    rt__offers_find(f.dir, &ours, &o);
    assert_string_equal(o.trouble, "");
    return o;
}

/* ---- restoring ---- */

static void going_on_from_a_snapshot_gives_the_same_bits(const char *set)
{
    const training whole = train_with(set, 1, (training){.steps = WHOLE});
    for (int writers = 1; writers <= 4; writers++) {
        empty_directory();
        training half =
            train_with(set, writers, (training){.generation = 1, .steps = HALF, .keep = true});
        assert_int_equal(half.taken, HALF);
        rt__offers o = offers_for(&half);
        for (int readers = 1; readers <= 4; readers++)
            for (int64_t from = HALF - 1; from <= HALF; from++) {
                bool one_host = random_below(&rng, 2);
                plan p = plan_of(&o, from, half.count, readers, one_host);
                training resumed = train_with(
                    set, readers, (training){.generation = 2, .plan = &p, .steps = WHOLE});
                if (strcmp(resumed.sha, whole.sha) != 0)
                    fail_msg("%d writers, %d readers, step %" PRId64 ", one_host %d: other bits",
                             writers, readers, from, one_host);
            }
        rt__offers_release(&o);
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
    rt__offers o = offers_for(&w);
    for (int i = 0; i < 8; i++) {
        plan p = plan_of(&o, HALF, w.count, 3, i % 2);
        training resumed = train_with(
            NULL, 3, (training){.generation = 9, .plan = &p, .steps = WHOLE, .keep = false});
        assert_string_equal(resumed.sha, whole.sha);
    }
    rt__offers_release(&o);
}

/* More ranks than blocks: some own nothing. Their files hold no element, only marks. */
static void ranks_without_elements_are_no_obstacle(void **state)
{
    (void)state;
    empty_directory();
    const char *set = "parallel.slices=8";
    const training whole = train_with(set, 1, (training){.steps = WHOLE});
    training half = train_with(set, 8, (training){.generation = 1, .steps = HALF, .keep = true});
    rt__offers o = offers_for(&half);
    assert_int_equal(o.trace_count, 8 * RT_TRACE_FIELDS);
    plan p = plan_of(&o, HALF, half.count, 7, false);
    training resumed =
        train_with(set, 7, (training){.generation = 2, .plan = &p, .steps = WHOLE, .keep = true});
    assert_string_equal(resumed.sha, whole.sha);
    rt__offers_release(&o);
}

/* ---- what is not as it was planned ---- */

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

/* Restoring must fail so, and name both texts. */
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
    const int64_t one[] = {1, 0}, other[] = {1, 1}, *first, *second;
    rt_range of_one = rt_owned_by_rank(half.count, 2, 0);
    first = of_one.begin == 0 ? one : other;
    second = of_one.begin == 0 ? other : one;
    int64_t middle = of_one.begin == 0 ? of_one.end : of_one.begin;
    snprintf(path, sizeof path, "%s", path_of(RT_SNAPSHOT_OWN, 1, second[1]));

    plan p = {.message = {.start_step = HALF, .source = 2, .one_host = 1}};
    add_piece(&p, 0, middle, first, 0);
    add_piece(&p, middle, half.count, second, 0);
    plan late = p, wrong = {.message = p.message};
    late.message.start_step = HALF + 5;
    wrong.message.pieces_count = 0;
    add_piece(&wrong, 0, half.count, second, 0);

    expect_failure(NULL, &late, RT_E_CORRUPT, "step 8", path_of(RT_SNAPSHOT_OWN, 1, first[1]));
    expect_failure(NULL, &wrong, RT_E_CORRUPT, "step 3", path);
    expect_failure("optimizer.lr=0.5", &p, RT_E_CORRUPT, "configuration",
                   path_of(RT_SNAPSHOT_OWN, 1, first[1]));
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
    expect_failure(NULL, &p, RT_E_CORRUPT, "step 3", path);
}

static void plans_must_cover_every_element_once(void **state)
{
    (void)state;
    empty_directory();
    training half = train_with(NULL, 1, (training){.generation = 1, .steps = HALF, .keep = true});
    const int64_t offer[] = {1, 0}, n = half.count;
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
        plan p = {.message = {.start_step = HALF, .source = 2, .one_host = 1}};
        add_piece(&p, bad[i].a, bad[i].b, offer, 0);
        add_piece(&p, bad[i].c, bad[i].d, offer, bad[i].holder);
        expect_failure(NULL, &p, RT_E_PROTOCOL, "plan", bad[i].text);
    }
    plan none = {.message = {.start_step = HALF, .source = 2, .one_host = 1}};
    expect_failure(NULL, &none, RT_E_PROTOCOL, "plan", "end at element 0");
    add_piece(&none, 0, n, offer, 0);
    none.message.pieces_count--;
    expect_failure(NULL, &none, RT_E_PROTOCOL, "plan", "4 numbers");
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
    rt__offers both = offers_for(&half);
    assert_int_equal(both.offer_count, 2 * 2 * RT_OFFER_FIELDS); /* not offered twice */
    rt__offers_release(&both);

    assert_int_equal(unlink(own), 0);
    rt__offers o = offers_for(&half);
    assert_int_equal(o.offer_count, 2 * 2 * RT_OFFER_FIELDS);
    assert_int_equal(o.trace_count, RT_TRACE_FIELDS); /* a copy does not tell where its rank was */
    plan p = plan_of(&o, HALF, half.count, 2, true);
    training resumed = train_with(NULL, 2, (training){.generation = 2, .plan = &p, .steps = WHOLE});
    assert_string_equal(resumed.sha, whole.sha);
    rt__offers_release(&o);
}

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
    return (rt__snapshot_args){.dir = dir,
                               .about = about,
                               .kind = {values[0], values[1], values[2]},
                               .progress = progress};
}

static void set_values(int64_t step)
{
    for (int kind = 0; kind < 3; kind++)
        for (int64_t i = 0; i < COUNT; i++)
            values[kind][i] = (float)(step * 3 + kind) + (float)i / 65536;
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

static bool has(const int64_t *numbers, int64_t count, const int64_t entry[5])
{
    for (int64_t i = 0; i < count; i += 5)
        if (memcmp(numbers + i, entry, 5 * sizeof *entry) == 0)
            return true;
    return false;
}

static void only_what_is_whole_and_ours_is_offered(void **state)
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
    assert_int_equal(truncate(path_of(RT_SNAPSHOT_OWN, 2, 6), 10000), 0);
    a = small_about(3, 0); /* of our own generation, and of a later one */
    leave(&a, 9);
    a = small_about(4, 0);
    leave(&a, 9);
    assert_int_equal(mkdir(path_of(RT_SNAPSHOT_MPI, 2, -1), 0700), 0);

    rt__offers o = {0};
    rt_snapshot_about ours = small_about(3, 0);
    rt__offers_find(f.dir, &ours, &o);
    const int64_t offered[][5] = {
        {1, 0, 9, 7, END}, {1, 0, 8, 7, END}, {2, 0, 1, 7, END}, {2, 5, 8, 7, END}};
    assert_int_equal(o.offer_count, 4 * RT_OFFER_FIELDS);
    for (int i = 0; i < 4; i++)
        assert_true(has(o.offer, o.offer_count, offered[i]));
    for (int64_t rank = 2; rank <= 6; rank++)
        assert_non_null(strstr(o.trouble, strrchr(path_of(RT_SNAPSHOT_OWN, 2, rank), '/')));
    assert_null(strstr(o.trouble, "-g1-"));
    assert_int_equal(o.trace_count,
                     6 * RT_TRACE_FIELDS); /* all of generation 2 but the broken one */
    for (int64_t i = 0; i < o.trace_count; i += RT_TRACE_FIELDS)
        assert_int_equal(o.trace[i], 2);
    rt__offers_release(&o);
    empty_directory();
}

static void a_place_that_cannot_be_listed_is_trouble_and_no_failure(void **state)
{
    (void)state;
    rt__offers o = {0};
    rt_snapshot_about ours = small_about(3, 0);
    rt__offers_add_trouble(&o, "first");
    rt__offers_find(f.config, &ours, &o); /* a file */
    assert_false(rt_failed());
    assert_int_equal(o.offer_count, 0);
    assert_non_null(strstr(o.trouble, "first; "));
    assert_non_null(strstr(o.trouble, f.config));
    rt__offers_release(&o);
    for (int i = 0; i < 7; i++)
        rt__offers_add_trouble(&o, "something of more than a seventh of five hundred and eleven "
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
                    assert_true(got[i - 7] == (float)(step * 3 + kind) + (float)i / 65536);
            }
        }
        rt_snapshot_close(&found);
        allocated = rt_mem_total(); /* the reader's */
    }
    assert_true(rt_snapshot_in_use(path_of(RT_SNAPSHOT_OWN, 1, 3)));
    rt__snapshot_end(s);
    assert_false(rt_snapshot_in_use(path_of(RT_SNAPSHOT_OWN, 1, 3)));
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

static void where_a_rank_was_outlives_it(void **state)
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
    rt__progress_phase(&progress, RT_PHASE_BACKWARD, 6);

    rt__offers o = {0};
    rt__offers_find(f.dir, &ours, &o);
    const int64_t expected[] = {1, 3, 17, 6, RT_PHASE_BACKWARD};
    assert_int_equal(o.trace_count, RT_TRACE_FIELDS);
    assert_memory_equal(o.trace, expected, sizeof expected);
    assert_int_equal(o.offer_count, 0);
    rt__offers_release(&o);
    rt__snapshot_end(s);
    rt__progress_phase(&progress, RT_PHASE_UPDATE, -1); /* to nowhere now */
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
static void without_room_there_are_no_snapshots_but_marks(void **state)
{
    (void)state;
    char small[128], path[256], options[32];
    snprintf(small, sizeof small, "%s/small", f.dir);
    assert_int_equal(mkdir(small, 0700), 0);
    const int megabytes[] = {1, 2, 3, 4};
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
        snprintf(path, sizeof path, "%s/ringtorch-r1-g1-r3", small);
        must(rt__snapshot_start(&args, &s));
        bool fits = megabytes[i] == 4;
        assert_int_equal(rt__snapshot_take(s, 1), fits);
        assert_int_equal(rt__snapshot_take(s, 2), fits);
        assert_int_equal(strstr(rt__snapshot_trouble(s), path) != NULL, !fits);
        rt__progress_step(&progress, 2);
        must(rt_snapshot_open(path, &found));
        assert_int_equal(rt_snapshot_newest(&found) >= 0, fits);
        assert_int_equal(found.mark.step, 2);
        rt_snapshot_close(&found);
        rt__snapshot_end(s);
        assert_int_equal(umount(small), 0);
    }
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
        cmocka_unit_test(any_world_size_restores_what_any_other_took),
        cmocka_unit_test(so_does_a_run_whose_ranks_update_everything),
        cmocka_unit_test(so_does_an_optimiser_with_other_states),
        cmocka_unit_test(pieces_of_several_generations_may_be_mixed),
        cmocka_unit_test(ranks_without_elements_are_no_obstacle),
        cmocka_unit_test(files_that_are_not_as_offered_are_named),
        cmocka_unit_test(plans_must_cover_every_element_once),
        cmocka_unit_test(a_copy_stands_in_for_the_original),
        cmocka_unit_test(only_what_is_whole_and_ours_is_offered),
        cmocka_unit_test(a_place_that_cannot_be_listed_is_trouble_and_no_failure),
        cmocka_unit_test(the_last_two_steps_are_kept_and_nothing_is_allocated),
        cmocka_unit_test(any_length_is_copied_and_hashed_as_it_is),
        cmocka_unit_test(where_a_rank_was_outlives_it),
        cmocka_unit_test(a_file_that_cannot_be_made_is_an_error),
        cmocka_unit_test(without_room_there_are_no_snapshots_but_marks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
