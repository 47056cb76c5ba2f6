/* Checkpoints: written by any number of ranks and read by any other; damage is refused by name. */
#include "committed.h"
#include "common/base/mem.h"
#include "fixture.h"
#include "worker/restore.h"
#include <inttypes.h>

enum { HALF = 3, WHOLE = 6, CASES = 4, GENERATION = 2 };

static fixture f;

/* ---- writing: what the ranks and, at the end, the coordinator do ---- */

typedef struct saving {
    int64_t from;  /* step to restore before, 0: fresh */
    int64_t steps; /* save after so many */
    char sha[65];
    char layout[4096];
    rt__piece_result piece[FIXTURE_RANKS_MAX];
    char reason[FIXTURE_RANKS_MAX][256];
} saving;

typedef struct told {
    saving *s;
    int rank;
} told;

static void note_piece(void *ctx, const rt__piece_result *r)
{
    told *t = ctx;
    t->s->piece[t->rank] = *r;
    snprintf(t->s->reason[t->rank], sizeof t->s->reason[0], "%s", r->reason);
}

static const char *checkpoints(void)
{
    static _Thread_local char path[128];
    snprintf(path, sizeof path, "%s/checkpoints", f.dir);
    return path;
}

static const char *final_name(int64_t step)
{
    static _Thread_local char path[160];
    snprintf(path, sizeof path, "%s/step-%08" PRId64, checkpoints(), step);
    return path;
}

static rt_status train_and_save(fixture_rank *r, rt__stepper *s, saving *w)
{
    int64_t t = 0;
    rt__step_result did;
    rt__pieces *pieces;
    told ctx = {w, r->rank};
    if (w->from > 0)
        RT_TRY(rt__restore_run(r->run, final_name(w->from), r->config->parallel.slices, &t));
    if (t != w->from || rt_optim_updates(rt_run_optim(r->run)) != t)
        return RT_FAIL(MISMATCH, "step %" PRId64 " with %" PRId64 " updates was restored", t,
                       rt_optim_updates(rt_run_optim(r->run)));
    for (; t < w->steps; t++)
        RT_TRY(rt__step(s, t, &(rt__step_request){0}, &did));
    rt__pieces_args args = {
        r->run, r->shard.owned[r->rank], r->rank, GENERATION, checkpoints(), note_piece, &ctx};
    RT_TRY(rt__pieces_start(&args, &pieces));
    rt__pieces_save(pieces, t);
    rt__pieces_end(pieces);
    if (r->rank == 0)
        snprintf(w->layout, sizeof w->layout, "%s", rt_run_layout(r->run));
    return r->rank == 0 ? rt_run_weights_sha256(r->run, w->sha) : RT_OK;
}

static void save_body(fixture_rank *r)
{
    rt__stepper s;
    rt__stepper_args args = {r->run, r->config, r->comm, &r->shard, &r->progress};
    if (rank_failed(r, rt__stepper_init(&s, &args)))
        return;
    rank_failed(r, train_and_save(r, &s, r->ctx));
    rt__stepper_release(&s);
}

static void commit_as(const saving *w, int world, int version, int slices, const char *set)
{
    char tmp[160];
    committed_piece pieces[FIXTURE_RANKS_MAX];
    for (int r = 0; r < world; r++) {
        assert_int_equal(w->piece[r].status, RT_OK);
        memcpy(pieces[r].file, w->piece[r].file, sizeof pieces[r].file);
        pieces[r].bytes = w->piece[r].bytes;
        snprintf(pieces[r].checksum, sizeof pieces[r].checksum, "%016" PRIx64,
                 w->piece[r].checksum);
    }
    snprintf(tmp, sizeof tmp, "%s/.step-%08" PRId64 ".g%d.tmp", checkpoints(), w->steps,
             GENERATION);
    commit_checkpoint(&f, tmp, final_name(w->steps),
                      &(committed){w->steps, slices, version, w->layout, pieces, world, set});
}

static void commit(const saving *w, int world, int version, int slices)
{
    commit_as(w, world, version, slices, NULL);
}

static saving save_with(const char *set, int world, int64_t from, int64_t steps)
{
    saving w = {.from = from, .steps = steps};
    rt_config cfg = fixture_config(&f, set);
    fixture_ranks(&cfg, world, save_body, &w);
    rt_config_release(&cfg);
    return w;
}

/* Leaves one committed checkpoint of HALF steps by `world` ranks and nothing else. */
static void one_checkpoint(int world)
{
    must(rt_remove_tree(checkpoints()));
    saving w = save_with(NULL, world, 0, HALF);
    commit(&w, world, 1, 4);
}

/* ---- tests ---- */

/* `set` is NULL or sets the optimiser; the number of readers goes up to `most`. */
static void resume_at_any_world_size(const char *set, int most)
{
    must(rt_remove_tree(checkpoints()));
    saving whole = save_with(set, 1, 0, WHOLE);
    for (int writers = 1; writers <= 4; writers++) {
        must(rt_remove_tree(checkpoints()));
        saving half = save_with(set, writers, 0, HALF);
        commit_as(&half, writers, 1, 4, set);
        for (int readers = 1; readers <= most; readers++) {
            saving resumed = save_with(set, readers, HALF, WHOLE);
            assert_string_equal(resumed.sha, whole.sha);
            must(rt_remove_tree(final_name(WHOLE)));
        }
    }
}

static void resuming_at_any_world_size_gives_the_same_bits(void **state)
{
    (void)state;
    resume_at_any_world_size(NULL, 4);
}

/* The optimiser's states have other shapes than the parameters, and belong to the ranks that own the end of the
 * buffers. */
static void small_states_are_in_checkpoints(void **state)
{
    (void)state;
    resume_at_any_world_size("optimizer.name=adafactor", 2);
}

static void running_statistics_are_in_checkpoints(void **state)
{
    (void)state;
    resume_at_any_world_size(FIXTURE_STATISTICS, 2);
}

static void more_ranks_than_blocks_is_fine(void **state)
{
    (void)state;
    /* More ranks than blocks: some own nothing and write a piece without entries. */
    must(rt_remove_tree(checkpoints()));
    saving w = save_with("parallel.slices=8", 8, 0, HALF);
    commit(&w, 8, 1, 8);
    saving resumed = save_with("parallel.slices=8", 3, HALF, HALF);
    assert_string_equal(resumed.sha, w.sha);
}

/* Opens and loads the checkpoint with a fresh run of one rank; returns the error's text ("" if it
 * loads). */
typedef struct loading {
    int64_t slices;
    rt_status status;
    char error[1024], before[65], after[65];
} loading;

static void load_body(fixture_rank *r)
{
    loading *l = r->ctx;
    int64_t step;
    if (rank_failed(r, rt_run_weights_sha256(r->run, l->before)))
        return;
    l->status = rt__restore_run(r->run, final_name(HALF), l->slices, &step);
    snprintf(l->error, sizeof l->error, "%s", rt_error());
    rt_error_clear();
    rank_failed(r, rt_run_weights_sha256(r->run, l->after));
}

/* Loading must fail with this status, name all three texts, and change nothing. */
static void expect_refused(const char *set, int64_t slices, rt_status status, const char *a,
                           const char *b)
{
    loading l = {.slices = slices};
    rt_config cfg = fixture_config(&f, set);
    fixture_ranks(&cfg, 1, load_body, &l);
    rt_config_release(&cfg);
    if (l.status != status || !strstr(l.error, a) || !strstr(l.error, b))
        fail_msg("status %d, expected %d; \"%s\" should name \"%s\" and \"%s\"", l.status, status,
                 l.error, a, b);
    assert_string_equal(l.before, l.after);
}

static void in_checkpoint(char path[256], const char *file)
{
    snprintf(path, 256, "%s/%s", final_name(HALF), file);
}

static void flip_byte(const char *file, long at)
{
    char path[256];
    in_checkpoint(path, file);
    FILE *stream = fopen(path, "r+b");
    assert_non_null(stream);
    fseek(stream, at, at < 0 ? SEEK_END : SEEK_SET);
    int byte = fgetc(stream);
    fseek(stream, -1, SEEK_CUR);
    fputc(byte ^ 1, stream);
    fclose(stream);
}

static void an_altered_byte_is_found_wherever_it_is(void **state)
{
    (void)state;
    static const long places[CASES] = {0, 40, 100000, -1};
    for (int i = 0; i < CASES; i++) {
        one_checkpoint(2);
        flip_byte("piece-00001.safetensors", places[i]);
        expect_refused(NULL, 4, RT_E_CORRUPT, "piece-00001.safetensors", "altered");
    }
}

static void an_altered_manifest_is_found(void **state)
{
    (void)state;
    char path[256];
    rt_bytes b = {0};
    one_checkpoint(2);
    in_checkpoint(path, "manifest.json");
    must(rt_file_read(path, 1 << 20, &b));
    char *step = strstr((char *)b.data, "\"step\":3");
    assert_non_null(step);
    step[7] = '4';
    must(rt_file_replace(path, b.data, b.len));
    rt_bytes_release(&b);
    expect_refused(NULL, 4, RT_E_CORRUPT, "manifest.json", "altered");
}

static void truncated_and_missing_pieces_are_named(void **state)
{
    (void)state;
    char path[256];
    rt_bytes b = {0};
    one_checkpoint(2);
    in_checkpoint(path, "piece-00000.safetensors");
    must(rt_file_read(path, 1 << 26, &b));
    must(rt_file_replace(path, b.data, b.len - 4));
    rt_bytes_release(&b);
    expect_refused(NULL, 4, RT_E_CORRUPT, "piece-00000.safetensors", "truncated");
    must(rt_remove_tree(path));
    expect_refused(NULL, 4, RT_E_NOTFOUND, "piece-00000.safetensors", "missing");
    in_checkpoint(path, "manifest.json");
    must(rt_remove_tree(path));
    expect_refused(NULL, 4, RT_E_NOTFOUND, "step-00000003", "manifest.json");
}

static void another_model_optimiser_or_slicing_is_named(void **state)
{
    (void)state;
    one_checkpoint(2);
    expect_refused("model.layers=[flatten, {linear: 300}, relu, {linear: 10}]", 4, RT_E_MISMATCH,
                   "1.weight", "[300,784]");
    expect_refused("model.layers=[flatten, {linear: 400}, relu, {linear: 10}, relu, {linear: 10}]",
                   4, RT_E_MISMATCH, "another model", "");
    expect_refused("optimizer.name=sgd", 4, RT_E_MISMATCH, "exp_avg", "optimiser");
    expect_refused("optimizer.name=adafactor", 4, RT_E_MISMATCH, "exp_avg", "optimiser");
    expect_refused("parallel.slices=8", 8, RT_E_MISMATCH, "4 slices", "parallel.slices=4");
}

static void another_format_version_is_refused(void **state)
{
    (void)state;
    must(rt_remove_tree(checkpoints()));
    saving w = save_with(NULL, 1, 0, HALF);
    commit(&w, 1, 2, 4);
    expect_refused(NULL, 4, RT_E_MISMATCH, "manifest.json", "version 2");
}

/* Pieces that are each valid but do not fit together, as if one rank had owned too little or too much. */
typedef struct piecemeal {
    rt_range owned[2];
    saving w;
} piecemeal;

static void piecemeal_body(fixture_rank *r)
{
    piecemeal *p = r->ctx;
    snprintf(p->w.layout, sizeof p->w.layout, "%s", rt_run_layout(r->run));
    for (int k = 0; k < 2; k++) {
        told ctx = {&p->w, k};
        rt__pieces *pieces;
        rt__pieces_args args = {r->run,        p->owned[k], k,   GENERATION,
                                checkpoints(), note_piece,  &ctx};
        if (rank_failed(r, rt__pieces_start(&args, &pieces)))
            return;
        rt__pieces_save(pieces, HALF);
        rt__pieces_end(pieces);
    }
}

static void expect_bad_cover(rt_range first, rt_range second, const char *what)
{
    piecemeal p = {{first, second}, {.steps = HALF}};
    rt_config cfg = fixture_config(&f, NULL);
    must(rt_remove_tree(checkpoints()));
    fixture_ranks(&cfg, 1, piecemeal_body, &p);
    rt_config_release(&cfg);
    commit(&p.w, 2, 1, 4);
    expect_refused(NULL, 4, RT_E_CORRUPT, "param/1.weight", what);
}

typedef struct nowhere {
    char run_dir[160];
    rt_status status;
    char reason[256];
} nowhere;

static void note_failure(void *ctx, const rt__piece_result *r)
{
    nowhere *n = ctx;
    n->status = r->status;
    snprintf(n->reason, sizeof n->reason, "%s", r->reason);
    rt_error_clear();
}

static void save_nowhere_body(fixture_rank *r)
{
    nowhere *n = r->ctx;
    char dir[200];
    rt__pieces *pieces;
    snprintf(dir, sizeof dir, "%s/checkpoints", n->run_dir);
    rt__pieces_args args = {r->run, {0, 1000}, 0, GENERATION, dir, note_failure, n};
    if (rank_failed(r, rt__pieces_start(&args, &pieces)))
        return;
    rt__pieces_save(pieces, HALF);
    rt__pieces_end(pieces);
}

/* A run directory that was renamed or removed would be there again, with a checkpoint and nothing else in it. */
static void a_run_directory_that_is_gone_is_not_made_again(void **state)
{
    (void)state;
    nowhere n = {.status = RT_OK};
    snprintf(n.run_dir, sizeof n.run_dir, "%s/renamed", f.dir);
    rt_config cfg = fixture_config(&f, NULL);
    fixture_ranks(&cfg, 1, save_nowhere_body, &n);
    rt_config_release(&cfg);
    assert_int_equal(n.status, RT_E_NOTFOUND);
    assert_non_null(strstr(n.reason, "/renamed/checkpoints: cannot create the directory: "));
    assert_false(rt_path_exists(n.run_dir));
}

static void gaps_and_overlaps_are_named_by_element(void **state)
{
    (void)state;
    int64_t end = INT64_C(1) << 40; /* is clipped to the number of elements */
    expect_bad_cover((rt_range){0, 1000}, (rt_range){1001, end},
                     "element 1000 of param/1.weight is missing");
    expect_bad_cover((rt_range){0, 1000}, (rt_range){998, end},
                     "element 998 of param/1.weight is there twice");
    expect_bad_cover((rt_range){5, 1000}, (rt_range){1000, end},
                     "element 0 of param/1.weight is missing");
}

static void a_piece_that_cannot_be_written_is_reported(void **state)
{
    (void)state;
    piecemeal p = {{{0, 10}, {10, 20}}, {.steps = HALF}};
    rt_config cfg = fixture_config(&f, NULL);
    must(rt_remove_tree(checkpoints()));
    must(rt_file_replace(checkpoints(), "in the way",
                         10)); /* a file where the directory should be */
    fixture_ranks(&cfg, 1, piecemeal_body, &p);
    rt_config_release(&cfg);
    assert_int_not_equal(p.w.piece[0].status, RT_OK);
    assert_non_null(strstr(p.w.reason[0], "checkpoints"));
    must(rt_remove_tree(checkpoints()));
}

static void the_newest_sound_one_is_found(void **state)
{
    (void)state;
    rt_saved s;
    one_checkpoint(1);
    saving later = save_with(NULL, 2, HALF, WHOLE);
    commit(&later, 2, 1, 4);
    must(rt__saved_find(f.dir, &s));
    assert_int_equal(s.manifest.step, WHOLE);
    rt_saved_close(&s);
    char path[256];
    snprintf(path, sizeof path, "%s/piece-00001.safetensors", final_name(WHOLE));
    must(rt_file_replace(path, "gone", 4));
    must(rt__saved_find(f.dir, &s));
    assert_int_equal(s.manifest.step, HALF);
    rt_saved_close(&s);
    assert_int_equal(rt__saved_find("/proc/nonexistent", &s), RT_E_NOTFOUND);
    rt_error_clear();
}

static int set_up(void **state)
{
    (void)state;
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
        cmocka_unit_test(resuming_at_any_world_size_gives_the_same_bits),
        cmocka_unit_test(small_states_are_in_checkpoints),
        cmocka_unit_test(running_statistics_are_in_checkpoints),
        cmocka_unit_test(more_ranks_than_blocks_is_fine),
        cmocka_unit_test(an_altered_byte_is_found_wherever_it_is),
        cmocka_unit_test(an_altered_manifest_is_found),
        cmocka_unit_test(truncated_and_missing_pieces_are_named),
        cmocka_unit_test(a_run_directory_that_is_gone_is_not_made_again),
        cmocka_unit_test(another_model_optimiser_or_slicing_is_named),
        cmocka_unit_test(another_format_version_is_refused),
        cmocka_unit_test(gaps_and_overlaps_are_named_by_element),
        cmocka_unit_test(a_piece_that_cannot_be_written_is_reported),
        cmocka_unit_test(the_newest_sound_one_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
