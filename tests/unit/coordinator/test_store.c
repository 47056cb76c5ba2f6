/* Checkpoints on disk: they are committed completely or not at all, every altered byte is detected, and the newest good one is chosen. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../checkpoint_files.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/state/data_identity.h"
#include "coordinator/shell/resume.h"
#include "coordinator/shell/store.h"
#include "tests/support/folder.h"
#include <unistd.h>

static char folder[FOLDER_MAX], root[80];

static int set_up(void **state)
{
    (void)state;
    assert_true(folder_make(folder, "store"));
    snprintf(root, sizeof root, "%s/checkpoints", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

static const char *at(const char *fmt, int64_t step, const char *file)
{
    static char buffers[4][200];
    static int next;
    char *text = buffers[next++ % 4], name[64];
    snprintf(name, sizeof name, "%s%08" PRId64 "%s", fmt[0] == '.' ? ".step-" : "step-", step,
             fmt[0] == '.' ? ".g1.tmp" : "");
    snprintf(text, sizeof buffers[0], "%s/%s%s%s", root, name, file[0] ? "/" : "", file);
    return text;
}

/* Makes the pieces that two workers would have written and reported. */
static rt__checkpoint make_pieces(int64_t step)
{
    rt__checkpoint c = {
        .step = step, .world = 2, .answers = 2, .piece = rt_calloc(2, sizeof *c.piece)};
    assert_int_equal(rt_dir_make(at(".", step, ""), 0755), RT_OK);
    for (int k = 0; k < 2; k++) {
        rt_bytes b = piece_of(k);
        rt__piece *p = &c.piece[k];
        p->file = rt_strdup_printf("piece-%05d.safetensors", k);
        p->bytes = (int64_t)b.len;
        snprintf(p->checksum, sizeof p->checksum, "%016" PRIx64, rt_hash64(b.data, b.len));
        assert_int_equal(rt_file_replace(at(".", step, p->file), b.data, b.len), RT_OK);
        rt_bytes_release(&b);
    }
    return c;
}

static void release_pieces(rt__checkpoint *c)
{
    for (int k = 0; k < 2; k++)
        rt_mem_free(c->piece[k].file);
    rt_mem_free(c->piece);
}

static const char *its_config; /* of the checkpoints that are made */

static rt_status commit(const rt__checkpoint *c)
{
    json_t *m = checkpoint_manifest(c->step);
    char *path = NULL;
    rt_manifest facts = {.run = "r1",
                         .step = c->step,
                         .slices = CHECKPOINT_SLICES,
                         .seed = 1337,
                         .world = CHECKPOINT_WORLD,
                         .parameters = CHECKPOINT_PARAMETERS,
                         .samples = 6400,
                         .config_hash = "hash",
                         .layout_hash = json_string_value(json_object_get(m, "layout_hash")),
                         .config = its_config ? its_config : checkpoint_config,
                         .layout = json_object_get(m, "layout"),
                         .data = json_object_get(m, "data"),
                         .preprocessing = json_object_get(m, "preprocessing")};
    rt_status status = rt__store_commit(root, &facts, 1, c, &path);
    if (status == RT_OK)
        assert_string_equal(path, at("step", c->step, ""));
    rt_mem_free(path);
    json_decref(m);
    return status;
}

static void make_checkpoint(int64_t step)
{
    rt__checkpoint c = make_pieces(step);
    assert_int_equal(commit(&c), RT_OK);
    release_pieces(&c);
}

static void expect_refused(const char *dir, rt_status status, const char *fragment)
{
    rt_manifest m;
    rt_status got = rt__store_verify(dir, NULL, &m);
    if (got != status || !strstr(rt_error(), fragment))
        fail_msg("status %d, \"%s\": expected %d and \"%s\"", got, rt_error(), status, fragment);
    rt_error_clear();
}

/* ---- committing ---- */

static void commits_and_verifies(void **state)
{
    (void)state;
    rt_manifest m;
    make_checkpoint(50);
    assert_false(rt_path_exists(at(".", 50, "")));
    assert_int_equal(rt__store_verify(at("step", 50, ""), NULL, &m), RT_OK);
    assert_int_equal(m.step, 50);
    assert_int_equal(m.slices, 4);
    assert_int_equal(m.seed, 1337);
    assert_int_equal(m.parameters, 10);
    assert_string_equal(m.run, "r1");
    assert_string_equal(m.config, checkpoint_config);
    assert_int_equal(json_array_size(m.layout), 2);
    assert_true(rt_data_identity_is_sound(m.data));
    json_t *preprocessing = checkpoint_preprocessing();
    assert_true(json_equal(m.preprocessing, preprocessing));
    json_decref(preprocessing);
    rt_manifest_release(&m);
}

static void a_piece_that_is_not_as_reported_is_not_committed(void **state)
{
    (void)state;
    rt__checkpoint c = make_pieces(50);
    c.piece[1].bytes++;
    assert_int_equal(commit(&c), RT_E_CORRUPT);
    rt_error_clear();
    c.piece[1].bytes -= 2;
    assert_int_equal(commit(&c), RT_E_CORRUPT);
    rt_error_clear();
    c.piece[1].bytes++;
    assert_int_equal(rt_remove_tree(at(".", 50, "piece-00001.safetensors")), RT_OK);
    assert_int_equal(commit(&c), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "piece-00001.safetensors"));
    assert_false(rt_path_exists(at("step", 50, "")));
    release_pieces(&c);
}

static void a_new_checkpoint_takes_the_place_of_an_old_one(void **state)
{
    (void)state;
    rt_manifest m;
    make_checkpoint(50);
    assert_int_equal(rt_file_replace(at("step", 50, "manifest.json"), "{}", 2), RT_OK);
    make_checkpoint(50);
    assert_int_equal(rt__store_verify(at("step", 50, ""), NULL, &m), RT_OK);
    rt_manifest_release(&m);
}

static void discards_and_tidies(void **state)
{
    (void)state;
    rt__checkpoint a = make_pieces(1), b = make_pieces(2);
    make_checkpoint(3);
    assert_int_equal(rt__store_discard(root, 1, 1), RT_OK);
    assert_false(rt_path_exists(at(".", 1, "")));
    assert_int_equal(rt__store_tidy(root), RT_OK);
    assert_false(rt_path_exists(at(".", 2, "")));
    assert_true(rt_path_exists(at("step", 3, "")));
    release_pieces(&a);
    release_pieces(&b);
}

/* ---- verifying ---- */

/* Alters each byte of a file in turn. */
static void expect_every_byte_matters(const char *file)
{
    rt_bytes b;
    rt_manifest m;
    char path[200];
    snprintf(path, sizeof path, "%s", at("step", 50, file));
    assert_int_equal(rt_file_read(path, 1 << 20, &b), RT_OK);
    for (size_t i = 0; i < b.len; i++) {
        uint8_t old = b.data[i];
        b.data[i] ^= 1;
        assert_int_equal(rt_file_replace(path, b.data, b.len), RT_OK);
        if (rt__store_verify(at("step", 50, ""), NULL, &m) == RT_OK)
            fail_msg("%s: byte %zu altered, and nobody noticed", file, i);
        rt_error_clear();
        b.data[i] = old;
    }
    assert_int_equal(rt_file_replace(path, b.data, b.len), RT_OK);
    assert_int_equal(rt__store_verify(at("step", 50, ""), NULL, &m), RT_OK);
    rt_manifest_release(&m);
    rt_bytes_release(&b);
}

static void every_altered_byte_is_found(void **state)
{
    (void)state;
    make_checkpoint(50);
    expect_every_byte_matters("piece-00000.safetensors");
    expect_every_byte_matters("piece-00001.safetensors");
    expect_every_byte_matters("manifest.json");
}

static void damage_is_described(void **state)
{
    (void)state;
    rt_bytes b;
    make_checkpoint(50);
    expect_refused(root, RT_E_NOTFOUND, "no manifest.json");
    const char *piece = at("step", 50, "piece-00001.safetensors");
    assert_int_equal(rt_file_read(piece, 1 << 20, &b), RT_OK);
    assert_int_equal(rt_file_replace(piece, b.data, b.len - 3), RT_OK);
    expect_refused(at("step", 50, ""), RT_E_CORRUPT, "piece-00001.safetensors: truncated");
    b.data[2] ^= 4;
    assert_int_equal(rt_file_replace(piece, b.data, b.len), RT_OK);
    expect_refused(at("step", 50, ""), RT_E_CORRUPT, "piece-00001.safetensors: altered");
    assert_int_equal(rt_remove_tree(piece), RT_OK);
    expect_refused(at("step", 50, ""), RT_E_NOTFOUND, "piece-00001.safetensors: is missing");
    rt_bytes_release(&b);
}

static void another_format_version_is_reported_first(void **state)
{
    (void)state;
    json_t *j;
    make_checkpoint(50);
    const char *path = at("step", 50, "manifest.json");
    assert_int_equal(rt_json_load(path, 1 << 20, &j), RT_OK);
    json_object_set_new(j, "format_version", json_integer(999));
    char *text = rt_json_text(j);
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    expect_refused(at("step", 50, ""), RT_E_MISMATCH,
                   "format version 999, this program reads version 1");
    rt_mem_free(text);
    json_decref(j);
}

/* ---- choosing and pruning ---- */

static int reports;

static void count_report(void *ctx, const char *reason)
{
    (void)ctx;
    assert_non_null(strstr(reason, "step-"));
    reports++;
}

static const rt__store_verifier verifier = {.report = count_report};

static void spoil(int64_t step)
{
    assert_int_equal(rt_file_replace(at("step", step, "piece-00000.safetensors"), "x", 1), RT_OK);
}

static void newest_good_one_is_found(void **state)
{
    (void)state;
    rt_manifest m;
    char *path;
    reports = 0;
    assert_int_equal(rt__store_newest(root, INT64_MAX, &verifier, &path, &m), RT_OK);
    assert_null(path); /* there are none at all */
    make_checkpoint(90);
    make_checkpoint(100);
    make_checkpoint(100000000); /* nine digits: sorted as numbers, not as text */
    spoil(100000000);
    assert_int_equal(rt__store_newest(root, INT64_MAX, &verifier, &path, &m), RT_OK);
    assert_int_equal(m.step, 100);
    assert_string_equal(path, at("step", 100, ""));
    assert_int_equal(reports, 1);
    rt_manifest_release(&m);
    rt_mem_free(path);
    spoil(100);
    spoil(90);
    assert_int_equal(rt__store_newest(root, INT64_MAX, &verifier, &path, &m), RT_E_CORRUPT);
    assert_null(path);
    assert_int_equal(reports, 4);
}

static bool cancel(void *ctx, uint64_t bytes)
{
    (void)ctx, (void)bytes;
    return false;
}

/* A search that the user has interrupted says nothing about the checkpoints, and reads no further ones. */
static void a_cancelled_search_blames_no_checkpoint(void **state)
{
    (void)state;
    static const rt_watch watch = {.on_bytes = cancel};
    static const rt__store_verifier cancelled = {.report = count_report, .watch = &watch};
    rt_manifest m;
    char *path;
    reports = 0;
    make_checkpoint(90);
    make_checkpoint(100);
    assert_int_equal(rt__store_newest(root, INT64_MAX, &cancelled, &path, &m), RT_E_INTERRUPTED);
    rt_error_clear();
    assert_null(path);
    assert_int_equal(reports, 0);
}

static void prunes_all_but_the_newest(void **state)
{
    (void)state;
    for (int64_t step = 10; step <= 50; step += 10)
        make_checkpoint(step);
    assert_int_equal(rt__store_prune(root, 3, -1, &verifier), RT_OK);
    rt_names names;
    assert_int_equal(rt_dir_list(root, &names), RT_OK);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.name[0], "step-00000030");
    rt_names_release(&names);
}

static void the_last_good_one_is_never_pruned(void **state)
{
    (void)state;
    for (int64_t step = 10; step <= 30; step += 10)
        make_checkpoint(step);
    spoil(20);
    spoil(30);
    assert_int_equal(rt__store_prune(root, 2, -1, &verifier), RT_OK);
    assert_true(rt_path_exists(at("step", 10, "")));
}

static void expect_best(const int64_t *steps, int64_t count, int64_t best)
{
    char to[64] = "", expected[64] = "";
    char *link = rt_path_join(root, "best");
    int64_t found;
    assert_int_equal(rt__store_mark_best(root, steps, count, &found), RT_OK);
    assert_int_equal(found, best);
    if (best >= 0)
        snprintf(expected, sizeof expected, "step-%08lld", (long long)best);
    assert_true(readlink(link, to, sizeof to - 1) >= 0 || best < 0);
    assert_string_equal(to, expected);
    rt_mem_free(link);
}

/* The best is the first of the given steps that is on disk; it stays, however old, until there is a better one. */
static void the_best_one_is_marked_and_never_pruned(void **state)
{
    (void)state;
    for (int64_t step = 10; step <= 50; step += 10)
        make_checkpoint(step);
    expect_best((const int64_t[]){60, 20, 10}, 3, 20);
    assert_int_equal(rt__store_prune(root, 2, 20, &verifier), RT_OK);
    assert_true(rt_path_exists(at("step", 20, "")) && !rt_path_exists(at("step", 10, "")));
    make_checkpoint(60);
    expect_best((const int64_t[]){60, 20, 10}, 3, 60);
    assert_int_equal(rt__store_prune(root, 2, 60, &verifier), RT_OK);
    assert_false(rt_path_exists(at("step", 20, "")));
    expect_best((const int64_t[]){60, 20, 10}, 3, 60);
    expect_best((const int64_t[]){70}, 1, -1);
    expect_best(NULL, 0, -1);
}

/* ---- resuming ---- */

static rt_config config_with(const char *set)
{
    rt_config cfg;
    static const char text[] = "run: {steps: 100}\nmodel: {preset: mlp}\n";
    assert_int_equal(rt_config_parse(text, strlen(text), "test", &cfg), RT_OK);
    if (set)
        assert_int_equal(rt_config_set(&cfg, set), RT_OK);
    return cfg;
}

static rt_status resume_first(const rt__resume *how, rt_config *cfg, rt__source *source)
{
    rt__found found;
    RT_TRY(rt__resume_find(how, &found));
    return rt__resume_settle(how, &found, cfg, source);
}

static rt_status resume(const char *mode, const char *prior, const char *set, rt_config *cfg,
                        rt__source *source)
{
    *cfg = config_with(set);
    rt__resume how = {.mode = mode, .root = root, .prior_config = prior, .verifier = verifier};
    return resume_first(&how, cfg, source);
}

static void resumes_from_the_newest_with_its_slices_and_seed(void **state)
{
    (void)state;
    rt_config cfg;
    rt__source source;
    make_checkpoint(10);
    make_checkpoint(20);
    assert_int_equal(resume("auto", NULL, "parallel.workers=3", &cfg, &source), RT_OK);
    assert_int_equal(source.step, 20);
    assert_string_equal(source.path, at("step", 20, ""));
    assert_int_equal(strlen(source.layout_hash), 16);
    assert_int_equal(cfg.parallel.slices, 4);
    assert_int_equal(cfg.run.seed, 1337);
    rt__source_release(&source);
    rt_config_release(&cfg);

    assert_int_equal(resume(at("step", 10, ""), NULL, NULL, &cfg, &source), RT_OK);
    assert_int_equal(source.step, 10);
    rt__source_release(&source);
    rt_config_release(&cfg);

    assert_int_equal(resume(folder, NULL, NULL, &cfg, &source), RT_OK); /* a run directory */
    assert_int_equal(source.step, 20);
    rt__source_release(&source);
    rt_config_release(&cfg);
}

static void fresh_runs_take_slices_from_their_workers_or_from_the_run_before(void **state)
{
    (void)state;
    rt_config cfg;
    rt__source source;
    assert_int_equal(resume("auto", NULL, "parallel.workers=3", &cfg, &source), RT_OK);
    assert_null(source.path);
    assert_int_equal(cfg.parallel.slices, 4);
    rt_config_release(&cfg);
    const char prior[] =
        "parallel: {workers: 2, slices: 16}\nrun: {steps: 100}\nmodel: {preset: mlp}\n";
    assert_int_equal(resume("auto", prior, "parallel.workers=3", &cfg, &source), RT_OK);
    assert_int_equal(cfg.parallel.slices, 16);
    rt_config_release(&cfg);
}

static void expect_no_resume(const char *set, rt_status status, const char *fragment)
{
    rt_config cfg;
    rt__source source;
    rt_status got = resume("auto", NULL, set, &cfg, &source);
    if (got != status || !strstr(rt_error(), fragment))
        fail_msg("%s: status %d, \"%s\": expected %d and \"%s\"", set, got, rt_error(), status,
                 fragment);
    rt_error_clear();
    rt_config_release(&cfg);
}

static void another_model_is_refused_by_the_keys_that_differ(void **state)
{
    (void)state;
    make_checkpoint(10);
    expect_no_resume("optimizer.lr=0.5", RT_E_MISMATCH, "optimizer.lr: 0.001 there, 0.5 here");
    expect_no_resume("parallel.slices=8", RT_E_MISMATCH, "parallel.slices: 4 there, 8 here");
    expect_no_resume("run.seed=7", RT_E_MISMATCH, "run.seed: 1337 there, 7 here");
    expect_no_resume("optimizer.name=sgd", RT_E_MISMATCH, "optimizer.name: adamw there, sgd here");
    expect_no_resume("model.preset=cnn", RT_E_MISMATCH, "model.preset");
    expect_no_resume("run.steps=9", RT_E_CONFIG, "is at step 10, after the last step 9");
    expect_no_resume("parallel.workers=5", RT_E_CONFIG, "use -n 4 or fewer");
}

/* ---- the length of a resumed run, and of its cosine ---- */

#define MODEL  "model: {preset: mlp}\nparallel: {slices: 4}\n"
#define COSINE MODEL "schedule: {name: cosine}\n"

typedef struct length_case {
    const char *before, *now; /* configurations */
    bool checkpoint;          /* there is one, which knows that there are 6,400 samples */
    int64_t run_steps, cosine_steps, cosine_before;
    const char *refusal; /* NULL: it is none */
} length_case;

static void check_length(const length_case *c)
{
    rt_config cfg;
    rt__source source;
    assert_int_equal(rt_config_parse(c->now, strlen(c->now), "now", &cfg), RT_OK);
    its_config = c->before;
    if (c->checkpoint)
        make_checkpoint(10);
    its_config = NULL;
    rt__resume how = {
        .mode = "auto", .root = root, .prior_config = c->before, .verifier = verifier};
    rt_status status = resume_first(&how, &cfg, &source);
    if ((status != RT_OK) != (c->refusal != NULL) ||
        (c->refusal && !strstr(rt_error(), c->refusal)))
        fail_msg("%s -> %s: %s", c->before, c->now, rt_error());
    rt_error_clear();
    if (!c->refusal && (cfg.run.steps != c->run_steps || cfg.schedule.steps != c->cosine_steps ||
                        source.cosine_before != c->cosine_before))
        fail_msg("%s -> %s: steps %lld, cosine %lld, before %lld", c->before, c->now,
                 (long long)cfg.run.steps, (long long)cfg.schedule.steps,
                 (long long)source.cosine_before);
    rt__source_release(&source);
    rt_config_release(&cfg);
    assert_int_equal(rt_remove_tree(root), RT_OK);
}

static void a_cosine_keeps_its_length(void **state)
{
    (void)state;
#define STEPS(n)     "run: {steps: " #n "}\n"
#define EPOCHS(n)    "run: {epochs: " #n "}\n"
#define AUTO_WRITTEN MODEL "schedule: {name: cosine, steps: auto}\n"
#define OF(n)        MODEL "schedule: {name: cosine, steps: " #n "}\n"
    static const length_case cases[] = {
        {STEPS(40) COSINE, STEPS(40) COSINE, false, 40, RT_AUTO, 0, NULL},
        {STEPS(40) COSINE, STEPS(80) COSINE, false, 80, 40, 0, NULL},
        {STEPS(40) COSINE, STEPS(20) COSINE, false, 20, 40, 0, NULL},
        {STEPS(40) COSINE, STEPS(80) OF(80), false, 80, 80, 40, NULL},
        {STEPS(80) OF(40), STEPS(80) COSINE, false, 80, 40, 0, NULL},
        {STEPS(80) OF(40), STEPS(90) OF(40), false, 90, 40, 0, NULL},
        {STEPS(80) OF(40), STEPS(90) OF(90), false, 90, 90, 40, NULL},
        {STEPS(40) MODEL, STEPS(80) MODEL, false, 80, RT_AUTO, 0, NULL}, /* no cosine */
        {EPOCHS(1) AUTO_WRITTEN, EPOCHS(1) COSINE, true, 0, RT_AUTO, 0, NULL},
        {EPOCHS(1) AUTO_WRITTEN, EPOCHS(2) COSINE, true, 0, 100, 0, NULL},
        {EPOCHS(1) AUTO_WRITTEN, STEPS(150) COSINE, true, 150, 100, 0, NULL},
        {EPOCHS(1) AUTO_WRITTEN, EPOCHS(1) COSINE, false, 0, RT_AUTO, 0, NULL},
        {EPOCHS(1) AUTO_WRITTEN, EPOCHS(2) COSINE, false, 0, 0, 0, "set schedule.steps"},
        {EPOCHS(1) AUTO_WRITTEN, EPOCHS(2) OF(200), false, 0, 200, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_length(&cases[i]);
}

/* 6,400 samples are 91.4 batches of 70. Earlier versions made 91 steps, with a cosine of 92. */
static void a_run_of_an_earlier_version_ends_where_it_would_have(void **state)
{
    (void)state;
#define BATCH "data: {batch: 70}\n"
    static const length_case cases[] = {
        {EPOCHS(1) COSINE BATCH, EPOCHS(1) COSINE BATCH, true, 91, 92, 0, NULL},
        {EPOCHS(1) MODEL BATCH, EPOCHS(1) MODEL BATCH, true, 91, RT_AUTO, 0, NULL},
        {EPOCHS(1) COSINE BATCH, EPOCHS(2) COSINE BATCH, true, 0, 92, 0, NULL},
        {EPOCHS(1) AUTO_WRITTEN BATCH, EPOCHS(1) COSINE BATCH, true, 0, RT_AUTO, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_length(&cases[i]);
}

static void a_restart_takes_what_is_left(void **state)
{
    (void)state;
    rt__source source;
    rt__resume how = {.mode = "auto", .root = root, .verifier = verifier};
    assert_int_equal(rt__resume_after_loss(&how, "hash", INT64_MAX, &source), RT_OK);
    assert_int_equal(source.step, 0);
    make_checkpoint(10);
    make_checkpoint(20);
    spoil(20);
    assert_int_equal(rt__resume_after_loss(&how, "hash", INT64_MAX, &source), RT_OK);
    assert_int_equal(source.step, 10);
    rt__source_release(&source);
    assert_int_equal(rt__resume_after_loss(&how, "other mathematics", INT64_MAX, &source), RT_OK);
    assert_int_equal(source.step, 0);
    spoil(10);
    assert_int_equal(rt__resume_after_loss(&how, "hash", INT64_MAX, &source), RT_OK);
    assert_int_equal(source.step, 0);
    assert_null(source.path);
    assert_false(rt_failed());
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(commits_and_verifies),
        TEST(a_piece_that_is_not_as_reported_is_not_committed),
        TEST(a_new_checkpoint_takes_the_place_of_an_old_one),
        TEST(discards_and_tidies),
        TEST(every_altered_byte_is_found),
        TEST(damage_is_described),
        TEST(another_format_version_is_reported_first),
        TEST(newest_good_one_is_found),
        TEST(a_cancelled_search_blames_no_checkpoint),
        TEST(prunes_all_but_the_newest),
        TEST(the_last_good_one_is_never_pruned),
        TEST(the_best_one_is_marked_and_never_pruned),
        TEST(resumes_from_the_newest_with_its_slices_and_seed),
        TEST(fresh_runs_take_slices_from_their_workers_or_from_the_run_before),
        TEST(another_model_is_refused_by_the_keys_that_differ),
        TEST(a_cosine_keeps_its_length),
        TEST(a_run_of_an_earlier_version_ends_where_it_would_have),
        TEST(a_restart_takes_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
