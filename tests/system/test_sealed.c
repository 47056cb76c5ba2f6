/* Checkpoints that somebody has altered and sealed again. `checkpoint verify` answers whether a checkpoint can be loaded:
 * eval, export and train refuse what it refuses, in the same words, with exit code 2 and before a worker starts, and
 * accept what it finds sound. No command hangs, and the terminal obeys nothing in the checkpoint. */
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/state/manifest.h"
#include "tiny.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char checkpoint[200]; /* a copy, altered by each row */

static void must_be(bool so)
{
    assert_true(so);
}

/* ---- altering ---- */

static const char *piece(int k)
{
    return in_scratch(&s, "checkpoint/piece-%05d.safetensors", k);
}

/* Lists a piece in the manifest with its present length and hash. */
static void list_again(json_t *m, int k)
{
    uint64_t sum, bytes;
    char hex[17];
    json_t *entry = json_array_get(json_object_get(m, "pieces"), (size_t)k);
    must_be(rt_hash64_file(piece(k), &sum, &bytes) == RT_OK);
    snprintf(hex, sizeof hex, "%016" PRIx64, sum);
    json_object_set_new(entry, "bytes", json_integer((json_int_t)bytes));
    json_object_set_new(entry, "checksum", json_string(hex));
}

/* Replaces a text in a piece by another of the same length. */
static void reword(json_t *m, int k, const char *from, const char *to)
{
    rt_bytes b;
    must_be(strlen(from) == strlen(to) && rt_file_read(piece(k), 16 << 20, &b) == RT_OK);
    char *at = memmem(b.data, b.len, from, strlen(from));
    must_be(at != NULL);
    memcpy(at, to, strlen(to));
    must_be(rt_file_replace(piece(k), b.data, b.len) == RT_OK);
    rt_bytes_release(&b);
    list_again(m, k);
}

static void nothing(json_t *m)
{
    (void)m;
}
static void negative_step(json_t *m)
{
    json_object_set_new(m, "step", json_integer(-1));
}
static void absurd_step(json_t *m)
{
    json_object_set_new(m, "step", json_integer(INT64_MAX));
}
static void other_slices(json_t *m)
{
    json_object_set_new(m, "slices", json_integer(8));
}
static void config_that_draws(json_t *m)
{
    json_object_set_new(m, "config", json_string("\"\\e[2J\": 1\n"));
}
static void config_of_nothing(json_t *m)
{
    json_object_set_new(m, "config", json_string(""));
}
static void one_piece_twice(json_t *m)
{
    json_t *pieces = json_object_get(m, "pieces");
    json_array_set(pieces, 1, json_array_get(pieces, 0));
}
static void piece_of_text(json_t *m)
{
    must_be(rt_file_replace(piece(0), "not a safetensors file", 22) == RT_OK);
    list_again(m, 0);
}
static void piece_without_tensors(json_t *m)
{
    must_be(rt_file_replace(piece(1), "\2\0\0\0\0\0\0\0{}", 10) == RT_OK);
    list_again(m, 1);
}
static void state_of_another_optimiser(json_t *m)
{
    reword(m, 0, "\"exp_avg/", "\"exp_abc/");
}
static void entry_far_away(json_t *m)
{
    reword(m, 0, ".weight@0\"", ".weight@9\"");
}
static void tensor_that_draws(json_t *m)
{
    reword(m, 0, "param/0.weight@0", "param/\\u001b[2J@");
}
static void endless_piece(json_t *m)
{
    (void)m;
    must_be(unlink(piece(0)) == 0 && symlink("/dev/zero", piece(0)) == 0);
}
static void piece_that_waits(json_t *m)
{
    (void)m;
    must_be(unlink(piece(0)) == 0 && mkfifo(piece(0), 0600) == 0);
}
static void terabyte_of_holes(json_t *m)
{
    (void)m;
    must_be(truncate(piece(0), (off_t)1 << 40) == 0);
}

typedef struct row {
    const char *name;
    void (*alter)(json_t *m);
    const char *says; /* NULL: it is sound */
} row;

static const row rows[] = {
    {"nothing", nothing, NULL},
    {"negative_step", negative_step, "'step' is -1"},
    {"absurd_step", absurd_step, "'step' is 9223372036854775807"},
    {"other_slices", other_slices, "its configuration says 4"},
    {"config_that_draws", config_that_draws, "\\x1b[2J"},
    {"config_of_nothing", config_of_nothing, "no model"},
    {"one_piece_twice", one_piece_twice, "is there twice"},
    {"piece_of_text", piece_of_text, "not a safetensors file"},
    {"piece_without_tensors", piece_without_tensors, "is missing"},
    {"state_of_another_optimiser", state_of_another_optimiser, "no state exp_abc"},
    {"entry_far_away", entry_far_away, "0.weight"},
    {"tensor_that_draws", tensor_that_draws, "\\x1b[2J"},
    {"endless_piece", endless_piece, "is a character device"},
    {"piece_that_waits", piece_that_waits, "is a pipe"},
    {"terabyte_of_holes", terabyte_of_holes, "1099511627776 bytes"},
};

/* ---- checking ---- */

static void alter_checkpoint(void (*alter)(json_t *manifest))
{
    const char *path = in_scratch(&s, "checkpoint/manifest.json");
    json_t *m;
    must_be(rt_remove_tree(checkpoint) == RT_OK);
    result copied =
        run(&s, LONG, "cp", "-r", newest_checkpoint(&s, in_scratch(&s, "run")), checkpoint, NULL);
    expect_exit(&copied, 0);
    result_release(&copied);
    must_be(rt_json_load(path, 16 << 20, &m) == RT_OK);
    alter(m);
    must_be(rt_manifest_seal(m) == RT_OK);
    char *text = rt_json_text(m);
    must_be(rt_file_replace(path, text, strlen(text)) == RT_OK);
    rt_mem_free(text);
    json_decref(m);
}

static void must_be_calm(const row *r, const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 && *c != '\n')
            fail_msg("%s: byte %02x in:\n%s", r->name, (unsigned char)*c, text);
}

/* Checks one command's answer and extracts its reason, which must be the same for all commands. */
static void look(const row *r, const char *what, result done, char reason[1200])
{
    must_be_calm(r, done.out);
    must_be_calm(r, done.err);
    if (done.exit_code != (r->says ? 2 : 0))
        fail_msg("%s: %s: exit code %d\n%s%s", r->name, what, done.exit_code, done.out, done.err);
    const char *said = strstr(done.err, "ringtorch: ");
    if (r->says && (!said || !strstr(said, r->says)))
        fail_msg("%s: %s does not say \"%s\" but\n%s", r->name, what, r->says, done.err);
    if (r->says && !*reason)
        snprintf(reason, 1200, "%s", said);
    else if (r->says && strcmp(reason, said) != 0)
        fail_msg("%s: %s says\n%swhere others say\n%s", r->name, what, said, reason);
    result_release(&done);
}

static void all_commands_agree(void **state)
{
    const row *r = *state;
    char reason[1200] = "", dir[200];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "resumed"));
    alter_checkpoint(r->alter);
    look(r, "verify", run(&s, LONG, "ringtorch", "checkpoint", "verify", checkpoint, NULL), reason);
    look(r, "eval", run(&s, LONG, "ringtorch", "eval", checkpoint, NULL), reason);
    look(r, "export",
         run(&s, LONG, "ringtorch", "export", checkpoint, "--format", "safetensors", "--out",
             in_scratch(&s, "out.safetensors"), NULL),
         reason);
    look(r, "train",
         run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "--run-dir", dir,
             "--resume", checkpoint, "--set", "run.steps=25", "--set", "schedule.name=constant",
             NULL),
         reason);
    if (r->says && rt_path_exists(dir))
        fail_msg("%s: a run was begun: %s", r->name, dir);
    must_be(rt_remove_tree(dir) == RT_OK);
}

/* The same number of elements in another shape: only the model reveals the difference. */
static void transpose_the_first(json_t *m)
{
    json_t *layout = json_object_get(m, "layout");
    json_t *shape = json_object_get(json_array_get(layout, 0), "shape");
    json_t *last = json_incref(json_array_get(shape, json_array_size(shape) - 1));
    char hex[17];
    json_array_remove(shape, json_array_size(shape) - 1);
    json_array_insert_new(shape, 0, last);
    char *text = rt_json_text(layout);
    snprintf(hex, sizeof hex, "%016" PRIx64, rt_hash64(text, strlen(text)));
    rt_mem_free(text);
    json_object_set_new(m, "layout_hash", json_string(hex));
}

/* Two numbers in the configuration ask for gigabytes of parameters. */
static void grow_the_model(json_t *m)
{
    const char *config = json_string_value(json_object_get(m, "config"));
    const char *at = strstr(config, "{\"linear\":");
    must_be(at != NULL);
    at += strlen("{\"linear\":");
    size_t digits = strspn(at, "0123456789");
    char *text = rt_strdup_printf("%.*s16777216%s", (int)(at - config), config, at + digits);
    json_object_set_new(m, "config", json_string(text));
    rt_mem_free(text);
}

/* No command may allocate memory for a model before it knows that the checkpoint belongs to that model. */
static void a_model_that_is_too_large_takes_no_memory(void **state)
{
    (void)state;
#if defined __SANITIZE_ADDRESS__
    skip(); /* the sanitizer itself reserves terabytes of address space */
#endif
    alter_checkpoint(grow_the_model);
    static const char *const commands[] = {"checkpoint verify", "eval", "checkpoint show"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[700];
        snprintf(line, sizeof line,
                 "ulimit -v 4000000; exec " RT_TEST_BINARY_DIR "/bin/ringtorch %s %s", commands[i],
                 checkpoint);
        result done = run(&s, LONG, "sh", "-c", line, NULL);
        expect_exit(&done, 2);
        expect_text(done.err, "of another model: it has");
        result_release(&done);
    }
}

/* A run finds out when its first worker has made the model, and does not try again. */
static void a_layout_of_another_shape_is_refused(void **state)
{
    (void)state;
    const row r = {.name = "transposed", .says = "0.weight"};
    char reason[1200] = "";
    alter_checkpoint(transpose_the_first);
    look(&r, "verify", run(&s, LONG, "ringtorch", "checkpoint", "verify", checkpoint, NULL),
         reason);
    look(&r, "eval", run(&s, LONG, "ringtorch", "eval", checkpoint, NULL), reason);
    look(&r, "show", run(&s, LONG, "ringtorch", "checkpoint", "show", checkpoint, NULL), reason);
    look(&r, "diff", run(&s, LONG, "ringtorch", "checkpoint", "diff", checkpoint, checkpoint, NULL),
         reason);
    look(&r, "export",
         run(&s, LONG, "ringtorch", "export", checkpoint, "--out",
             in_scratch(&s, "out.safetensors"), NULL),
         reason);
    result done = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "--run-dir",
                      in_scratch(&s, "resumed"), "--resume", checkpoint, "--set", "run.steps=25",
                      "--set", "schedule.name=constant", NULL);
    expect_exit(&done, 2);
    expect_text(done.err, "parameter names, order or shapes differ from this model's");
    result_release(&done);
}

static int set_up(void **state)
{
    char sha[65];
    const char *more[] = {"--set", "run.steps=20", "--set", "schedule.name=constant", NULL};
    tiny_begin(state);
    snprintf(checkpoint, sizeof checkpoint, "%s", in_scratch(&s, "checkpoint"));
    train_tiny(&s, in_scratch(&s, "run"), 2, more, sha);
    return 0;
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof *rows };
    struct CMUnitTest tests[ROWS + 2];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){.name = rows[i].name,
                                       .test_func = all_commands_agree,
                                       .initial_state = (void *)&rows[i]};
    tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(a_layout_of_another_shape_is_refused);
    tests[ROWS + 1] =
        (struct CMUnitTest)cmocka_unit_test(a_model_that_is_too_large_takes_no_memory);
    return cmocka_run_group_tests(tests, set_up, tiny_end);
}
