/* Which workers may join, what their plan says, and which checkpoints are complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/slices.h"
#include "common/config/config_length.h"
#include "coordinator/machine/checkpoints.h"
#include "coordinator/machine/members.h"
#include "coordinator/machine/plan.h"

#define SUM "0123456789abcdef"
#define IDENTITY(bytes, sum, more)                                                                 \
    "{\"files\": [{\"file\": \"d/h.csv\", \"bytes\": " bytes ", \"checksum\": \"" sum "\"}]" more  \
    "}"
/* The same data, and code of the user's own, as common/state/data_identity.h has it. */
#define WITH_CODE(first_letter, more)                                                              \
    IDENTITY("1240", SUM,                                                                          \
             ", \"plugins\": [{\"name\": \"mine\", \"file\": \"/m\", \"sha256\": \"" first_letter  \
             "234567812345678123456781234567812345678123456781234567812345678\"" more "}]")
#define PROGRAM ", \"program\": true"

static rt_msg_hello hello(int64_t rank, int64_t world)
{
    return (rt_msg_hello){.plan_hash = "",
                          .snapshot_trouble = "",
                          .host = rank == 0 ? "anna" : "berta",
                          .pid = 10 + rank,
                          .rank = rank,
                          .world = world,
                          .device = "cpu",
                          .isa = "avx2",
                          .blas = "openblas 0.3.21",
                          .threads = 1,
                          .config_hash = "c0ffee",
                          .layout_hash = "1a404",
                          .parameters = 1000,
                          .elements = 1000,
                          .samples = 6000,
                          .data = IDENTITY("1240", SUM, "")};
}

static void expect_join_fails(rt__roster *r, const rt_msg_hello *h, rt_status status,
                              const char *fragment)
{
    rt_status got = rt__roster_join(r, "peer", h, "c0ffee");
    if (got != status || !strstr(rt_error(), fragment))
        fail_msg("status %d, \"%s\": expected %d and \"%s\"", got, rt_error(), status, fragment);
    rt_error_clear();
    assert_int_equal(r->joined, 1);
}

static void mismatched_ranks_are_named(void **state)
{
    (void)state;
    rt__roster r = {0};
    assert_int_equal(rt__roster_reset(&r, 2), RT_OK);
    rt_msg_hello first = hello(0, 2), h;
    assert_int_equal(rt__roster_join(&r, "a", &first, "c0ffee"), RT_OK);
    h = hello(1, 2), h.isa = "sse41";
    expect_join_fails(
        &r, &h, RT_E_MISMATCH,
        "worker 1 on host berta has instruction set sse41, worker 0 on host anna has avx2");
    h = hello(1, 2), h.blas = "builtin";
    expect_join_fails(&r, &h, RT_E_MISMATCH, "BLAS builtin");
    h = hello(1, 2), h.device = "cuda:0";
    expect_join_fails(&r, &h, RT_E_MISMATCH, "device cuda:0");
    h = hello(1, 2), h.samples = 5999;
    expect_join_fails(&r, &h, RT_E_MISMATCH, "training set of 5999");
    h = hello(1, 2), h.data = IDENTITY("1240", "fedcba9876543210", "");
    expect_join_fails(&r, &h, RT_E_MISMATCH,
                      "worker 1 on host berta has in d/h.csv 1240 bytes (checksum "
                      "fedcba9876543210), worker 0 on host anna has 1240 bytes (checksum "
                      "0123456789abcdef): data.path must hold the same files on every host");
    h = hello(1, 2), h.data = IDENTITY("1240", SUM, ", \"preprocessing\": \"" SUM "\"");
    expect_join_fails(&r, &h, RT_E_MISMATCH,
                      "has in preprocessing " SUM ", worker 0 on host anna has none");
    h = hello(1, 2), h.data = "{\"files\": [1]}";
    expect_join_fails(&r, &h, RT_E_FORMAT, "HELLO of worker 1: data: expected");
    h = hello(1, 2), h.parameters = 999;
    expect_join_fails(&r, &h, RT_E_MISMATCH, "999");
    h = hello(1, 2), h.elements = 1007;
    expect_join_fails(&r, &h, RT_E_MISMATCH, "a state of this many elements: 1007");
    h = hello(1, 2), h.layout_hash = "0ther";
    expect_join_fails(&r, &h, RT_E_MISMATCH, "layout 0ther");
    h = hello(1, 2), h.config_hash = "decaf";
    expect_join_fails(&r, &h, RT_E_MISMATCH, "configuration with hash decaf");
    h = hello(2, 2);
    expect_join_fails(&r, &h, RT_E_PROTOCOL, "rank 2 of 2");
    h = hello(1, 3);
    expect_join_fails(&r, &h, RT_E_PROTOCOL, "rank 1 of 3");
    h = hello(0, 2);
    expect_join_fails(&r, &h, RT_E_EXISTS, "rank 0 has already joined from host anna");
    rt__roster_release(&r);
}

static void ranks_are_found_and_missed(void **state)
{
    (void)state;
    rt__roster r = {0};
    char text[64], peer[32];
    assert_int_equal(rt__roster_reset(&r, 100), RT_OK);
    for (int64_t k = 0; k < 100; k += 2) {
        rt_msg_hello h = hello(k, 100);
        snprintf(peer, sizeof peer, "p%lld", (long long)k);
        assert_int_equal(rt__roster_join(&r, peer, &h, "c0ffee"), RT_OK);
        assert_int_equal(rt__roster_join(&r, peer, &h, "c0ffee"), RT_OK); /* sent twice */
    }
    assert_int_equal(r.joined, 50);
    assert_int_equal(rt__roster_rank(&r, "p42"), 42);
    assert_int_equal(rt__roster_rank(&r, "p43"), -1);
    rt__roster_missing(&r, text, sizeof text);
    assert_int_equal(strncmp(text, "1, 3, 5, 7", 10), 0);
    assert_true(strlen(text) < sizeof text && strstr(text, "…"));
    rt__roster_release(&r);
}

/* Addresses are found, however many there are and however similar they are. */
static void ten_thousand_ranks_are_found(void **state)
{
    (void)state;
    enum { WORLD = 10000 };
    rt__roster r = {.first = -1};
    char peer[64];
    assert_int_equal(rt__roster_rank(&r, "worker 0"), -1); /* before any generation */
    for (int generation = 1; generation <= 2; generation++) {
        assert_int_equal(rt__roster_reset(&r, WORLD), RT_OK);
        for (int64_t k = WORLD - 1; k >= 0; k--) {
            rt_msg_hello h = hello(k, WORLD);
            snprintf(peer, sizeof peer, "worker %lld#%d", (long long)k, generation);
            assert_int_equal(rt__roster_rank(&r, peer), -1);
            assert_int_equal(rt__roster_join(&r, peer, &h, "c0ffee"), RT_OK);
        }
        for (int64_t k = 0; k < WORLD; k++) {
            snprintf(peer, sizeof peer, "worker %lld#%d", (long long)k, generation);
            assert_int_equal(rt__roster_rank(&r, peer), k);
            snprintf(peer, sizeof peer, "worker %lld#%d", (long long)k, 3 - generation);
            assert_int_equal(rt__roster_rank(&r, peer), -1);
        }
        assert_int_equal(rt__roster_rank(&r, ""), -1);
    }
    rt__roster_release(&r);
}

/* ---- plans ---- */

typedef struct fixture {
    rt_config cfg;
    rt__roster roster;
    rt__source source;
} fixture;

static void set(rt_config *cfg, const char *assignment)
{
    assert_int_equal(rt_config_set(cfg, assignment), RT_OK);
}

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){0};
    rt_config_default(&f.cfg);
    set(&f.cfg, "parallel.slices=12");
    rt__roster_reset(&f.roster, 3);
    for (int64_t k = 0; k < 3; k++) {
        rt_msg_hello h = hello(k, 3);
        char peer[8] = {'p', (char)('0' + k)};
        rt__roster_join(&f.roster, peer, &h, "c0ffee");
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    rt_config_release(&f->cfg);
    rt__roster_release(&f->roster);
    rt_error_clear();
    return 0;
}

static void steps_come_from_steps_or_epochs(void **state)
{
    fixture *f = *state;
    int64_t end;
    set(&f->cfg, "run.epochs=5");
    set(&f->cfg, "data.batch=64");
    assert_int_equal(rt_config_steps(&f->cfg, 60000, &end), RT_OK);
    assert_int_equal(end, 4688); /* 4687.5, rounded up so that every sample is used */
    set(&f->cfg, "run.steps=12");
    assert_int_equal(rt_config_steps(&f->cfg, 60000, &end), RT_OK);
    assert_int_equal(end, 12);
    set(&f->cfg, "run.steps=0");
    set(&f->cfg, "run.epochs=1");
    assert_int_equal(rt_config_steps(&f->cfg, 63, &end), RT_OK);
    assert_int_equal(end, 1);
    assert_int_equal(rt_config_steps(&f->cfg, 64, &end), RT_OK);
    assert_int_equal(end, 1);
    set(&f->cfg, "run.epochs=1000000");
    assert_int_equal(rt_config_steps(&f->cfg, INT64_MAX / 2, &end), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(), "run.epochs"));
}

static void other_data_are_refused(void **state)
{
    fixture *f = *state;
    static const struct {
        int64_t step, samples; /* more or fewer than the workers found */
        rt_status status;
    } rows[] = {{10, 0, RT_OK}, {10, 1, RT_E_MISMATCH}, {10, -1, RT_E_MISMATCH}, {0, 1, RT_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__plan p;
        rt__source source = {.step = rows[i].step, .samples = f->roster.samples + rows[i].samples};
        assert_int_equal(rt__plan_make(&f->cfg, &source, &f->roster, 200, "", &p), rows[i].status);
        if (rows[i].status != RT_OK)
            assert_non_null(strstr(rt_error(), "the same run cannot go on with other data"));
        rt__plan_release(&p);
        source.samples = 0; /* an older checkpoint or journal does not record it */
        assert_int_equal(rt__plan_make(&f->cfg, &source, &f->roster, 200, "", &p), RT_OK);
        rt__plan_release(&p);
    }
}

/* Also if a state in memory cannot be read because it does not fit the model of other data: its steps were made. */
static void other_contents_of_the_data_are_refused(void **state)
{
    fixture *f = *state;
    static const struct {
        int64_t step, made;
        const char *data; /* that the state was made with */
        const char *says; /* NULL: it is accepted */
    } rows[] = {
        {10, 0, IDENTITY("1240", SUM, ""), NULL},
        {10, 0, IDENTITY("1239", SUM, ""),
         "d/h.csv: has changed: it is 1240 bytes (checksum " SUM
         "), and this run was made with 1239 bytes (checksum " SUM
         ") up to step 10: the same run cannot go on with other data: bring the former back, or "
         "begin a new run from its weights: another --run-dir and --set model.init=RUN"},
        {10, 12, IDENTITY("1240", "fedcba9876543210", ""), "up to step 12"},
        {0, 0, IDENTITY("1239", SUM, ""), NULL},
        {0, 12, IDENTITY("1239", SUM, ""), "up to step 12"},
        {10, 0, IDENTITY("1240", SUM, ", \"preprocessing\": \"" SUM "\""),
         "preprocessing.json of a run that began with model.init): has"},
        {10, 0, "{\"files\": []}", NULL}, /* a file that only one has read does not count */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__plan p;
        rt__source source = {.step = rows[i].step, .made = rows[i].made};
        source.data = json_loads(rows[i].data, 0, NULL);
        assert_int_equal(rt__plan_make(&f->cfg, &source, &f->roster, 200, "", &p),
                         rows[i].says ? RT_E_MISMATCH : RT_OK);
        if (rows[i].says)
            assert_non_null(strstr(rt_error(), rows[i].says));
        rt__plan_release(&p);
        rt__source_release(&source);
        rt_error_clear();
    }
}

/* A plugin, and a program that is the worker. */
static const struct {
    const char *kind, *now, *then;
} code[] = {
    {"plugin", WITH_CODE("1", ""), WITH_CODE("2", "")},
    {"program", WITH_CODE("1", PROGRAM), WITH_CODE("2", PROGRAM)},
};

static void hosts_have_the_same_code(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char says[80];
        rt__roster r = {0};
        rt_msg_hello first = hello(0, 2), second = hello(1, 2);
        first.data = code[i].now, second.data = code[i].then;
        assert_int_equal(rt__roster_reset(&r, 2), RT_OK);
        assert_int_equal(rt__roster_join(&r, "a", &first, "c0ffee"), RT_OK);
        snprintf(says, sizeof says, ": the file of the %s must be the same on every host",
                 code[i].kind);
        expect_join_fails(&r, &second, RT_E_MISMATCH, says);
        rt__roster_release(&r);
    }
}

static void a_run_goes_on_with_the_same_code(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        char says[200];
        rt__plan p;
        rt__source source = {.step = 10, .data = json_loads(code[i].then, 0, NULL)};
        json_decref(f->roster.data);
        f->roster.data = json_loads(code[i].now, 0, NULL);
        assert_int_equal(rt__plan_make(&f->cfg, &source, &f->roster, 200, "", &p), RT_E_MISMATCH);
        snprintf(says, sizeof says, "%s mine: has changed: it is sha256 12345678", code[i].kind);
        assert_non_null(strstr(rt_error(), says));
        snprintf(says, sizeof says, "the same run cannot go on with another %s: bring the former ",
                 code[i].kind);
        assert_non_null(strstr(rt_error(), says));
        rt__plan_release(&p);
        rt__source_release(&source);
        rt_error_clear();
    }
}

static void a_plan_covers_all_slices(void **state)
{
    fixture *f = *state;
    rt__plan p;
    assert_int_equal(rt__plan_make(&f->cfg, &f->source, &f->roster, 200, "", &p), RT_OK);
    assert_int_equal(p.message.slice_begin_count, 4);
    assert_int_equal(p.message.slice_begin[0], 0);
    assert_int_equal(p.message.slice_begin[3], 12);
    for (int r = 0; r < 3; r++)
        assert_true(p.message.slice_begin[r] < p.message.slice_begin[r + 1]);
    assert_int_equal(p.message.axes_count, 1);
    assert_string_equal(p.message.axes[0], "data");
    assert_int_equal(p.message.axis_sizes_count, 1);
    assert_int_equal(p.message.axis_sizes[0], 3);
    assert_int_equal(p.message.end_step, 200);
    assert_int_equal(p.message.source, RT_SOURCE_FRESH);
    assert_string_equal(p.message.checkpoint, "");
    assert_int_equal(p.message.checkpoint_every, f->cfg.checkpoint.every);
    assert_true(p.message.checkpoint_final && p.message.evaluate_final);
    assert_int_equal(strlen(p.message.plan_hash), 64);
    rt__plan_release(&p);
}

/* The scalars after the state have owners, too, even if they begin a block. */
static void a_plan_gives_every_block_one_owner(void **state)
{
    static const struct {
        int64_t elements, blocks;
    } rows[] = {{0, 1}, {1000, 1}, {RT_BLOCK - 16, 1}, {RT_BLOCK - 15, 2}, {7 * RT_BLOCK, 8}};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__plan p;
        int owners[8] = {0};
        f->roster.elements = rows[i].elements;
        assert_int_equal(rt__plan_make(&f->cfg, &f->source, &f->roster, 200, "", &p), RT_OK);
        assert_int_equal(p.message.owned_count, 3);
        for (int r = 0; r < 3; r++)
            for (int64_t b = p.message.owned[r].begin; b < p.message.owned[r].end; b++)
                owners[b]++;
        for (int64_t b = 0; b < 8; b++)
            assert_int_equal(owners[b], b < rows[i].blocks);
        rt__plan_release(&p);
    }
}

static void hash_of(fixture *f, int64_t end_step, char out[65])
{
    rt__plan p;
    assert_int_equal(rt__plan_make(&f->cfg, &f->source, &f->roster, end_step, "", &p), RT_OK);
    memcpy(out, p.hash, 65);
    rt__plan_release(&p);
}

/* The hash covers what decides bits and what ranks must agree on, and nothing else. */
static void the_plan_hash_sees_what_matters(void **state)
{
    fixture *f = *state;
    char first[65], other[65];
    hash_of(f, 200, first);
    hash_of(f, 200, other);
    assert_string_equal(first, other);
    set(&f->cfg, "run.report_every=77");
    hash_of(f, 200, other);
    assert_string_equal(first, other);
    hash_of(f, 201, other);
    assert_string_not_equal(first, other);
    set(&f->cfg, "parallel.slices=13");
    hash_of(f, 200, other);
    assert_string_not_equal(first, other);
    set(&f->cfg, "parallel.slices=12");
    f->roster.elements += RT_BLOCK; /* other owners */
    hash_of(f, 200, other);
    assert_string_not_equal(first, other);
    f->roster.elements -= RT_BLOCK;
    hash_of(f, 200, other);
    assert_string_equal(first, other);
    snprintf(f->roster.isa, sizeof f->roster.isa, "avx512");
    hash_of(f, 200, other);
    assert_string_not_equal(first, other);
}

static void expect_no_plan(fixture *f, int64_t end_step, rt_status status, const char *fragment)
{
    rt__plan p;
    rt_status got = rt__plan_make(&f->cfg, &f->source, &f->roster, end_step, "", &p);
    if (got != status || !strstr(rt_error(), fragment))
        fail_msg("status %d, \"%s\": expected %d and \"%s\"", got, rt_error(), status, fragment);
    rt_error_clear();
}

static void checkpoints_of_other_models_are_refused(void **state)
{
    fixture *f = *state;
    char path[] = "step-00000050";
    f->source = (rt__source){.step = 50, .path = path, .parameters = 1000, .layout_hash = "1a404"};
    rt__plan p;
    assert_int_equal(rt__plan_make(&f->cfg, &f->source, &f->roster, 50, "", &p), RT_OK);
    assert_int_equal(p.message.start_step, 50);
    assert_int_equal(p.message.source, RT_SOURCE_CHECKPOINT);
    assert_string_equal(p.message.checkpoint, path);
    rt__plan_release(&p);
    expect_no_plan(f, 49, RT_E_CONFIG, "step-00000050: is at step 50, after the last step 49");
    f->source.parameters = 1001;
    expect_no_plan(f, 50, RT_E_MISMATCH, "model of 1001 parameters, this one has 1000");
    f->source.parameters = 1000;
    snprintf(f->source.layout_hash, sizeof f->source.layout_hash, "5tr4ng3");
    expect_no_plan(f, 50, RT_E_MISMATCH, "layout 5tr4ng3");
}

/* ---- checkpoints being written ---- */

static rt__checkpoint *answer(rt__checkpoints *cs, int64_t rank, int64_t step, const char *failed)
{
    rt__checkpoint *c = NULL;
    char file[40];
    snprintf(file, sizeof file, "piece-%05d.safetensors", (int)rank);
    rt_status status =
        failed ? rt__checkpoints_piece_failed(
                     cs, 3, rank, &(rt_msg_piece_failed){.step = step, .reason = failed}, &c)
               : rt__checkpoints_piece_done(cs, 3, rank,
                                            &(rt_msg_piece_done){.step = step,
                                                                 .file = file,
                                                                 .bytes = 100 + rank,
                                                                 .checksum = "00112233445566ff"},
                                            &c);
    assert_int_equal(status, RT_OK);
    return c;
}

static void pieces_of_several_steps_are_kept_apart(void **state)
{
    (void)state;
    rt__checkpoints cs = {0};
    answer(&cs, 0, 10, NULL);
    answer(&cs, 0, 20, NULL);
    answer(&cs, 0, 20, NULL);
    answer(&cs, 2, 10, NULL);
    assert_false(rt__checkpoint_answered(answer(&cs, 1, 20, NULL)));
    rt__checkpoint *c = answer(&cs, 1, 10, NULL);
    assert_true(rt__checkpoint_answered(c));
    assert_null(c->reason);
    assert_int_equal(c->piece[2].bytes, 102);
    assert_string_equal(c->piece[2].file, "piece-00002.safetensors");
    assert_int_equal(cs.count, 2);
    rt__checkpoints_close(&cs, 10);
    rt__checkpoints_close(&cs, 10);
    assert_int_equal(cs.count, 1);
    assert_int_equal(cs.open[0].step, 20);
    rt__checkpoints_release(&cs);
}

static void a_failed_piece_waits_for_the_others(void **state)
{
    (void)state;
    rt__checkpoints cs = {0};
    answer(&cs, 0, 10, NULL);
    assert_false(rt__checkpoint_answered(answer(&cs, 1, 10, "disk full")));
    rt__checkpoint *c = answer(&cs, 2, 10, "disk full as well");
    assert_true(rt__checkpoint_answered(c));
    assert_string_equal(c->reason, "worker 1: disk full");
    rt__checkpoints_release(&cs);
}

/* A name from the wire becomes a path, so only our own names may pass. */
static void strange_pieces_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *checksum;
        int64_t bytes;
    } bad[] = {
        {"../../etc/passwd", "00112233445566ff", 1},
        {"piece-00000.safetensors/../x", "00112233445566ff", 1},
        {"piece-x.safetensors", "00112233445566ff", 1},
        {"", "00112233445566ff", 1},
        {"piece-00000.safetensors", "00112233445566F", 1},
        {"piece-00000.safetensors", "zz112233445566ff", 1},
        {"piece-00000.safetensors", "00112233445566ff", -1},
    };
    rt__checkpoints cs = {0};
    rt__checkpoint *c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rt_msg_piece_done m = {
            .step = 1, .file = bad[i].file, .bytes = bad[i].bytes, .checksum = bad[i].checksum};
        assert_int_equal(rt__checkpoints_piece_done(&cs, 3, 0, &m, &c), RT_E_PROTOCOL);
        rt_error_clear();
    }
    assert_int_equal(cs.count, 0);
    rt__checkpoints_release(&cs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mismatched_ranks_are_named),
        cmocka_unit_test(ranks_are_found_and_missed),
        cmocka_unit_test(ten_thousand_ranks_are_found),
        cmocka_unit_test_setup_teardown(steps_come_from_steps_or_epochs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_data_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_contents_of_the_data_are_refused, set_up, tear_down),
        cmocka_unit_test(hosts_have_the_same_code),
        cmocka_unit_test_setup_teardown(a_run_goes_on_with_the_same_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan_covers_all_slices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan_gives_every_block_one_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_plan_hash_sees_what_matters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checkpoints_of_other_models_are_refused, set_up, tear_down),
        cmocka_unit_test(pieces_of_several_steps_are_kept_apart),
        cmocka_unit_test(a_failed_piece_waits_for_the_others),
        cmocka_unit_test(strange_pieces_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
