/* ringtorch op as a function: files in, files out, directories, and every kind of wrong file with its exit code and message. */
#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "worker/commands/command.h"
#include <fcntl.h>
#include <ringtorch/formats.h>
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[FOLDER_MAX];

static int set_up(void **state)
{
    (void)state;
    return folder_make(folder, "op") && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") != 0 || rt_remove_tree(folder) != RT_OK || rt_shutdown();
}

/* ---- files ---- */

typedef struct tensor {
    const char *name;
    rt_dtype dtype;
    rt_dims shape;
    const void *data;
} tensor;

static const float ones_and_twos[4] = {1, 1, 2, 2}, row[2] = {3, 5};
static const int64_t indices[2] = {1, 0};
#define MATRIX(name)                                                                               \
    {                                                                                              \
        name, RT_F32, rt_shape(2, 2), ones_and_twos                                                \
    }
#define VECTOR(name)                                                                               \
    {                                                                                              \
        name, RT_F32, rt_shape(2), row                                                             \
    }
#define INDICES(name)                                                                              \
    {                                                                                              \
        name, RT_I64, rt_shape(2), indices                                                         \
    }

/* Writes a case; metadata: pairs of key and value, to a NULL. */
static void write_case(const char *path, const tensor *t, const char *const *metadata)
{
    rt_st_writer *w;
    must(rt_st_create(path, &w));
    for (; metadata[0]; metadata += 2)
        must(rt_st_metadata(w, metadata[0], metadata[1]));
    for (; t->name; t++)
        must(rt_st_add(w, t->name, t->dtype, t->shape, t->data));
    must(rt_st_finish(w, NULL, NULL));
}

#define TENSORS(...)  ((const tensor[]){__VA_ARGS__, {NULL}})
#define METADATA(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Compares a float32 tensor of a file. */
static void expect_tensor(const char *path, const char *name, rt_dims shape, const float *values)
{
    rt_st_reader *r;
    must(rt_st_open(path, &r));
    const rt_st_entry *e = rt_st_find(r, name);
    if (!e)
        fail_msg("%s: has no %s", path, name);
    assert_int_equal(e->dtype, RT_F32);
    assert_int_equal(e->shape.n, shape.n);
    assert_memory_equal(e->shape.d, shape.d, (size_t)shape.n * sizeof *shape.d);
    assert_memory_equal(e->data, values, e->bytes);
    rt_st_close(r);
}

static int64_t count_tensors(const char *path)
{
    rt_st_reader *r;
    must(rt_st_open(path, &r));
    int64_t n = rt_st_count(r);
    rt_st_close(r);
    return n;
}

/* ---- the command ---- */

/* Redirects a descriptor to a file; returns a copy of the old one. */
static int turn(int fd, const char *path)
{
    fflush(NULL);
    int old = dup(fd), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(old >= 0 && to >= 0 && dup2(to, fd) == fd);
    close(to);
    return old;
}

static void turn_back(int fd, int old)
{
    fflush(NULL);
    dup2(old, fd);
    close(old);
}

/* Runs the command with its output in the files `printed` and `told`; returns the exit code and leaves its error. */
static int op(const char *in, const char *out)
{
    char *argv[] = {"op", (char *)in, (char *)out, NULL};
    rt_error_clear();
    int old_out = turn(1, "printed"), old_err = turn(2, "told");
    int code = rt__command_op(3, argv);
    turn_back(1, old_out);
    turn_back(2, old_err);
    return code;
}

static void must_op(const char *in, const char *out)
{
    if (op(in, out) != 0)
        fail_msg("%s", rt_error());
}

static void expect_file(const char *path, const char *text)
{
    rt_bytes b;
    must(rt_file_read(path, 1 << 16, &b));
    assert_string_equal((const char *)b.data, text);
    rt_bytes_release(&b);
}

/* ---- one file ---- */

static void a_file_gives_a_file(void **state)
{
    (void)state;
    write_case("in", TENSORS(MATRIX("a"), VECTOR("b")), METADATA("op", "mul"));
    must_op("in", "out");
    expect_tensor("out", "out", rt_shape(2, 2), (const float[]){3, 5, 6, 10});
    assert_int_equal(count_tensors("out"), 1);
    expect_file("printed", "out: 1 tensor\n");
    expect_file("told", "");
}

static void gradients_are_those_of_the_weighted_sum(void **state)
{
    (void)state;
    write_case("in", TENSORS(MATRIX("a"), VECTOR("b")), METADATA("op", "mul", "grad", "1"));
    must_op("in", "out");
    expect_tensor("out", "grad.a", rt_shape(2, 2), (const float[]){3, 5, 3, 5});
    expect_tensor("out", "grad.b", rt_shape(2), (const float[]){3, 3});
    assert_int_equal(count_tensors("out"), 3);
    expect_file("printed", "out: 3 tensors\n");

    static const float g[4] = {1, 0, -1, 2};
    write_case("in", TENSORS(MATRIX("a"), VECTOR("b"), {"grad_out", RT_F32, rt_shape(2, 2), g}),
               METADATA("op", "mul", "grad", "1", "format", "pt"));
    must_op("in", "out");
    expect_tensor("out", "grad.a", rt_shape(2, 2), (const float[]){3, 0, -3, 10});
    expect_tensor("out", "grad.b", rt_shape(2), (const float[]){-1, 4});
}

static void arguments_are_json(void **state)
{
    (void)state;
    write_case("in", TENSORS(MATRIX("x")),
               METADATA("op", "sum", "args", "{\"axes\": [0]}", "grad", "0"));
    must_op("in", "out");
    expect_tensor("out", "out", rt_shape(2), (const float[]){3, 3});
    write_case("in", TENSORS(MATRIX("x")),
               METADATA("op", "sum", "args", "{\"axes\": [1], \"keep_dim\": true}"));
    must_op("in", "out");
    expect_tensor("out", "out", rt_shape(2, 1), (const float[]){2, 4});
}

/* The result of a view is written in row-major order. */
static void views_are_written_row_major(void **state)
{
    (void)state;
    write_case("in", TENSORS(MATRIX("x")), METADATA("op", "permute", "args", "{\"axes\": [1, 0]}"));
    must_op("in", "out");
    expect_tensor("out", "out", rt_shape(2, 2), (const float[]){1, 2, 1, 2});
}

static void random_operations_have_a_seed(void **state)
{
    (void)state;
    float many[64];
    for (int i = 0; i < 64; i++)
        many[i] = 1;
    const tensor x[] = {{"x", RT_F32, rt_shape(64), many}, {NULL}};
    static const char *const seeds[] = {"0", "7", "7"};
    write_case("in", x, METADATA("op", "dropout", "args", "{\"p\": 0.5}"));
    must_op("in", "out");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "out%d", i);
        write_case("in", x, METADATA("op", "dropout", "args", "{\"p\": 0.5}", "seed", seeds[i]));
        must_op("in", name);
    }
    rt_bytes b[4];
    static const char *const paths[] = {"out", "out0", "out1", "out2"};
    for (int i = 0; i < 4; i++)
        must(rt_file_read(paths[i], 1 << 16, &b[i]));
    assert_memory_equal(b[0].data, b[1].data, b[0].len); /* 0 is the default */
    assert_memory_equal(b[2].data, b[3].data, b[2].len);
    assert_true(memcmp(b[1].data, b[2].data, b[1].len) != 0);
    for (int i = 0; i < 4; i++)
        rt_bytes_release(&b[i]);
}

/* ---- docs/OPERATIONS.md ---- */

/* The page must contain the output of --list; if not, the test prints it. */
static void the_page_has_every_operation(void **state)
{
    (void)state;
    char *argv[] = {"op", "--list", NULL};
    int old = turn(1, "printed");
    int code = rt__command_op(2, argv);
    turn_back(1, old);
    assert_int_equal(code, 0);
    rt_bytes list, page;
    must(rt_file_read("printed", 1 << 20, &list));
    must(rt_file_read(RT_TEST_SOURCE_DIR "/docs/OPERATIONS.md", 1 << 20, &page));
    if (!strstr((const char *)page.data, (const char *)list.data)) {
        fputs((const char *)list.data, stderr); /* longer than a message may be */
        fail_msg("docs/OPERATIONS.md lacks what is above, which `ringtorch op --list` prints");
    }
    rt_bytes_release(&list);
    rt_bytes_release(&page);
}

/* ---- refusals ---- */

static void a_wrong_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        tensor t[4];
        const char *metadata[8];
        const char *text;
    } rows[] = {
        {{MATRIX("x")}, {"format", "pt"}, "in: no operation: expected metadata such as"},
        {{MATRIX("x")},
         {"op", "sofmax"},
         "in: there is no operation 'sofmax': did you mean 'softmax'?"},
        {{MATRIX("x")},
         {"op", "zzzzzzzz"},
         "in: there is no operation 'zzzzzzzz': ringtorch op --list"},
        {{MATRIX("x")}, {"op", ""}, "in: there is no operation '': ringtorch op --list"},
        {{MATRIX("x")}, {"op", "sum", "args", "{"}, "in: args:1:"},
        {{MATRIX("x")},
         {"op", "sum", "args", "[]"},
         "in: sum: its arguments are not a JSON object"},
        {{MATRIX("x")}, {"op", "sum", "args", "{\"axs\": [0]}"}, "did you mean 'axes'?"},
        {{MATRIX("x")}, {"op", "sum", "args", "{\"axes\": [7]}"}, "in: sum: "},
        {{MATRIX("x")},
         {"op", "neg", "grad", "yes"},
         "in: metadata \"grad\" is \"yes\", expected \"0\" or \"1\""},
        {{MATRIX("x")}, {"op", "neg", "seed", "-1"}, "in: seed -1: expected a number from 0 to"},
        {{MATRIX("x")}, {"op", "neg", "seed", "x"}, "in: seed x: not a whole number"},
        {{MATRIX("y")}, {"op", "neg"}, "in: neg takes no tensor 'y': "},
        {{{NULL}}, {"op", "neg"}, "in: neg needs the tensor 'x'"},
        {{{NULL}}, {"op", "relu_"}, "in: relu_ needs the tensor 'x'"},
        {{MATRIX("x"), VECTOR("grad_out")}, {"op", "neg", "grad", "1"}, "in: neg: 'grad_out' is"},
        {{INDICES("x")},
         {"op", "neg", "grad", "1"},
         "in: neg: none of its tensors is of a float or complex type"},
        {{INDICES("x")},
         {"op", "softmax", "args", "{\"axis\": 0}"},
         "in: softmax: x is int64[2] cpu, expected float32, "},
        {{MATRIX("a"), {"b", RT_F32, rt_shape(4), ones_and_twos}},
         {"op", "mul"},
         "do not broadcast"},
    };
    rt_remove_tree("out");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_case("in", rows[i].t, rows[i].metadata);
        int code = op("in", "out");
        if (code != 2 || !strstr(rt_error(), rows[i].text))
            fail_msg("exit code %d, \"%s\", expected 2 and \"%s\"", code, rt_error(), rows[i].text);
        assert_false(rt_path_exists("out"));
        expect_file("printed", "");
    }
    assert_int_equal(op("absent", "out"), 2);
    assert_non_null(strstr(rt_error(), "absent: cannot open: No such file"));
    assert_int_equal(op("in", "in"), 2);
    assert_string_equal(
        rt_error(), "in: results would replace what they are computed from: give another place");
}

/* A header that claims more than the file holds, one that overflows, and one that is truncated. */
static void a_hostile_file_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[1000000],\"data_offsets\":[0,4000000]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[0,1,1,1,1,1,1,1,1],\"data_offsets\":[0,0]}}",
        "{\"x\":{\"dtype\":\"F32\"",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        FILE *f = fopen("hostile", "w");
        assert_non_null(f);
        uint64_t len = strlen(headers[i]);
        fwrite(&len, sizeof len, 1, f);
        fputs(headers[i], f);
        fclose(f);
        assert_int_equal(op("hostile", "out"), 2);
        assert_non_null(strstr(rt_error(), "hostile:"));
    }
}

static void the_old_output_stays_after_a_failure(void **state)
{
    (void)state;
    write_case("in", TENSORS(MATRIX("x")), METADATA("op", "neg"));
    must_op("in", "out");
    rt_bytes before, after;
    must(rt_file_read("out", 1 << 16, &before));
    write_case("in", TENSORS(MATRIX("y")), METADATA("op", "neg"));
    assert_int_equal(op("in", "out"), 2);
    must(rt_file_read("out", 1 << 16, &after));
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    rt_bytes_release(&before);
    rt_bytes_release(&after);
}

/* ---- directories ---- */

static void a_directory_goes_on_after_a_failure(void **state)
{
    (void)state;
    must(rt_dir_make("cases", 0755));
    write_case("cases/a.safetensors", TENSORS(MATRIX("x")), METADATA("op", "neg"));
    write_case("cases/b.safetensors", TENSORS(MATRIX("x")), METADATA("op", "ngg"));
    write_case("cases/c.safetensors", TENSORS(MATRIX("x")), METADATA("op", "square"));
    must(rt_dir_make("cases/d.safetensors", 0755));
    write_case("cases/notes", TENSORS(MATRIX("x")), METADATA("op", "neg"));
    assert_int_equal(op("cases", "results/of/cases"), 1);
    assert_string_equal(rt_error(), ""); /* printed where it happened */
    expect_file("printed", "results/of/cases: 2 of 4 done\n");
    expect_file("told",
                "ringtorch: cases/b.safetensors: there is no operation 'ngg': did you mean 'neg'?\n"
                "ringtorch: cases/d.safetensors: is a directory, expected a regular file\n");
    expect_tensor("results/of/cases/a.safetensors", "out", rt_shape(2, 2),
                  (const float[]){-1, -1, -2, -2});
    expect_tensor("results/of/cases/c.safetensors", "out", rt_shape(2, 2),
                  (const float[]){1, 1, 4, 4});
    rt_names names;
    must(rt_dir_list("results/of/cases", &names));
    assert_int_equal(names.count, 2);
    rt_names_release(&names);

    must(rt_remove_tree("cases/b.safetensors"));
    must(rt_remove_tree("cases/d.safetensors"));
    must_op("cases", "results/of/cases");
    expect_file("printed", "results/of/cases: 2 of 2 done\n");
}

static void a_wrong_directory_is_refused(void **state)
{
    (void)state;
    must(rt_dir_make("empty", 0755));
    assert_int_equal(op("empty", "never"), 2);
    assert_string_equal(rt_error(), "empty: holds no *.safetensors");
    assert_false(rt_path_exists("never"));
    assert_int_equal(op("cases", "cases"), 2);
    assert_int_equal(op("cases", "cases/../cases"), 2);
    assert_int_equal(op("cases", "in"), 2); /* a file */
    write_case("in", TENSORS(MATRIX("x")), METADATA("op", "neg"));
    assert_int_equal(op("in", "cases"), 2);
    assert_non_null(strstr(rt_error(), "cases: is a directory"));
    rt_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gives_a_file),
        cmocka_unit_test(gradients_are_those_of_the_weighted_sum),
        cmocka_unit_test(arguments_are_json),
        cmocka_unit_test(views_are_written_row_major),
        cmocka_unit_test(random_operations_have_a_seed),
        cmocka_unit_test(the_page_has_every_operation),
        cmocka_unit_test(a_wrong_file_is_refused),
        cmocka_unit_test(a_hostile_file_is_refused),
        cmocka_unit_test(the_old_output_stays_after_a_failure),
        cmocka_unit_test(a_directory_goes_on_after_a_failure),
        cmocka_unit_test(a_wrong_directory_is_refused),
    };
    return cmocka_run_group_tests_name("op", tests, set_up, tear_down);
}
