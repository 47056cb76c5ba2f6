/* Tests of safetensors: the bytes written, reading them back, hostile files, full disks. */
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "worker/engine/formats/weights.h"
#include <math.h>
#include <ringtorch/formats.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[FOLDER_MAX], path[96];

static int make_dir(void **state)
{
    (void)state;
    if (!folder_make(dir, "safetensors"))
        return -1;
    snprintf(path, sizeof path, "%s/t.safetensors", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

static const float weights[6] = {1, 2, 3, 4, 5, 6.5f};
static const int64_t counts[2] = {-1, 1};

/* Writes weights [2,3], an empty tensor, counts [2] and a scalar byte, with metadata. */
static void write_sample(uint64_t *bytes, uint64_t *checksum)
{
    static const uint8_t flag = 7;
    rt_st_writer *w;
    must(rt_st_create(path, &w));
    must(rt_st_metadata(w, "format", "pt"));
    must(rt_st_metadata(w, "quote\"", "line\nbreak"));
    must(rt_st_add(w, "0.weight", RT_F32, rt_shape(2, 3), weights));
    must(rt_st_add(w, "nothing", RT_F32, rt_shape(0, 5), NULL));
    must(rt_st_add(w, "n", RT_I64, rt_shape(2), counts));
    must(rt_st_add(w, "flag", RT_U8, rt_shape(), &flag));
    must(rt_st_finish(w, bytes, checksum));
}

static void reads_back_what_was_written(void **state)
{
    (void)state;
    uint64_t bytes, checksum, sum, size;
    write_sample(&bytes, &checksum);
    must(rt_hash64_file(path, &sum, &size));
    assert_true(sum == checksum && size == bytes);

    rt_st_reader *r;
    must(rt_st_open(path, &r));
    assert_int_equal(rt_st_count(r), 4);
    assert_string_equal(rt_st_get_metadata(r, "format"), "pt");
    assert_string_equal(rt_st_get_metadata(r, "quote\""), "line\nbreak");
    assert_null(rt_st_get_metadata(r, "other"));
    assert_string_equal(rt_st_at(r, 0)->name, "0.weight");
    assert_string_equal(rt_st_at(r, 1)->name, "nothing");
    assert_null(rt_st_at(r, 4));
    const rt_st_entry *e = rt_st_find(r, "0.weight");
    assert_true(e && e->dtype == RT_F32 && e->shape.n == 2 && e->shape.d[0] == 2 &&
                e->shape.d[1] == 3);
    assert_memory_equal(e->data, weights, sizeof weights);
    e = rt_st_find(r, "n");
    assert_true(e->dtype == RT_I64 && e->bytes == sizeof counts);
    assert_memory_equal(e->data, counts, sizeof counts);
    e = rt_st_find(r, "flag");
    assert_true(e->shape.n == 0 && e->bytes == 1 && *(const uint8_t *)e->data == 7);
    assert_int_equal(rt_st_find(r, "nothing")->bytes, 0);
    assert_null(rt_st_find(r, "missing"));
    rt_st_close(r);
}

/* Compares the file with the format's specification, byte by byte. */
static void writes_the_format(void **state)
{
    (void)state;
    rt_st_writer *w;
    must(rt_st_create(path, &w));
    must(rt_st_add(w, "a", RT_F32, rt_shape(1), weights));
    must(rt_st_finish(w, NULL, NULL));
    static const char header[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ";
    rt_bytes b;
    must(rt_file_read(path, 1000, &b));
    size_t length = sizeof header - 1;
    while ((8 + length) % 8 != 0)
        length--;
    assert_int_equal(b.len, 8 + length + 4);
    assert_int_equal(b.data[0], length);
    assert_memory_equal(b.data + 1, "\0\0\0\0\0\0\0", 7);
    assert_memory_equal(b.data + 8, header, length);
    assert_memory_equal(b.data + 8 + length, weights, 4);
    rt_bytes_release(&b);
}

static void writer_refuses(void **state)
{
    (void)state;
    rt_st_writer *w;
    must(rt_st_create(path, &w));
    must(rt_st_add(w, "a", RT_F32, rt_shape(1), weights));
    assert_int_equal(rt_st_add(w, "a", RT_F32, rt_shape(1), weights), RT_E_EXISTS);
    rt_error_clear();
    assert_int_equal(rt_st_add(w, "__metadata__", RT_F32, rt_shape(1), weights), RT_E_EXISTS);
    rt_error_clear();
    assert_int_equal(rt_st_add(w, "b", RT_F32, rt_shape(INT64_MAX, 3), weights), RT_E_SHAPE);
    rt_error_clear();
    assert_int_equal(rt_st_add(w, "c", RT_F32, rt_shape(-1), weights), RT_E_SHAPE);
    rt_error_clear();
    assert_int_equal(rt_st_add(w, "\xff\xfe", RT_F32, rt_shape(1), weights), RT_E_ARG);
    rt_error_clear();
    must(rt_st_finish(w, NULL, NULL)); /* the tensors that were right are written */
    rt_st_reader *r;
    must(rt_st_open(path, &r));
    assert_int_equal(rt_st_count(r), 1);
    rt_st_close(r);

    assert_int_equal(rt_st_create("/no/such/folder/x", &w), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "/no/such/folder/x"));
    rt_error_clear();
    must(rt_st_create(path, &w));
    rt_st_abandon(w);
}

/* ---- hostile files ---- */

static void write_raw(const char *header, size_t length, size_t data)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < 8; i++)
        fputc((int)(length >> 8 * i & 0xff), f);
    fputs(header, f);
    for (size_t i = 0; i < data; i++)
        fputc(0, f);
    assert_int_equal(fclose(f), 0);
}

#define TENSOR(name, dtype, shape, offsets)                                                        \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    rt_status code; /* RT_OK: accepted */
    const char *says;
} files[] = {
    {"{}", 0, RT_OK, ""},
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "}   ", 4, RT_OK, ""},
    {"{" TENSOR("b", "F32", "[1]", "[4,8]") "," TENSOR("a", "F32", "[1]", "[0,4]") "}", 8, RT_OK,
     ""},
    {"{" TENSOR("a", "F32", "[0]", "[4,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}", 4, RT_OK,
     ""},
    {"[]", 0, RT_E_FORMAT, "not a JSON object"},
    {"{", 0, RT_E_FORMAT, "t.safetensors:1:"},
    {"{} x", 0, RT_E_FORMAT, "t.safetensors:1:"},
    {"{\"a\":5}", 0, RT_E_FORMAT, "\"a\""},
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[0,4]") "}", 4,
     RT_E_FORMAT, "duplicate"},
    {"{" TENSOR("a", "F8", "[4]", "[0,4]") "}", 4, RT_E_UNSUPPORTED, "\"F8\""},
    {"{" TENSOR("a", "F32", "[2]", "[0,4]") "}", 4, RT_E_FORMAT, "shape and type need 8"},
    {"{" TENSOR("a", "F32", "[-1]", "[0,4]") "}", 4, RT_E_FORMAT, "natural number"},
    {"{" TENSOR("a", "F32", "[1.0]", "[0,4]") "}", 4, RT_E_FORMAT, "natural number"},
    {"{" TENSOR("a", "F32", "1", "[0,4]") "}", 4, RT_E_FORMAT, "shape"},
    {"{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, RT_E_FORMAT, "at most 8"},
    {"{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, RT_E_FORMAT, "overflows"},
    {"{" TENSOR("a", "F32", "[9223372036854775807,2]", "[0,4]") "}", 4, RT_E_FORMAT, "overflows"},
    {"{" TENSOR("a", "F32", "[1]", "[4,0]") "}", 4, RT_E_CORRUPT, "do not fit"},
    {"{" TENSOR("a", "F32", "[1]", "[-4,0]") "}", 4, RT_E_CORRUPT, "do not fit"},
    {"{" TENSOR("a", "F32", "[1]", "[4,8]") "}", 4, RT_E_CORRUPT, "do not fit"},
    {"{" TENSOR("a", "F32", "[1]", "[0]") "}", 4, RT_E_FORMAT, "pair"},
    {"{" TENSOR("a", "F32", "[1]", "[0,4,4]") "}", 4, RT_E_FORMAT, "pair"},
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 5, RT_E_CORRUPT,
     "1 bytes that belong to no tensor"},
    {"{" TENSOR("a", "F32", "[1]", "[1,5]") "}", 5, RT_E_CORRUPT, "leaves a gap"},
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}", 4,
     RT_E_CORRUPT, "overlaps"},
    {"{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[1]", "[4,8]") "}", 8,
     RT_E_CORRUPT, "overlaps"},
    {"{\"__metadata__\":5}", 0, RT_E_FORMAT, "__metadata__"},
    {"{\"__metadata__\":{\"a\":5}}", 0, RT_E_FORMAT, "\"a\" is not a string"},
    {"{\"a\\u0000b\":{}}", 0, RT_E_FORMAT, ""},
};

static void hostile_headers(void **state)
{
    (void)state;
    int64_t memory = rt_mem_live();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_raw(files[i].header, strlen(files[i].header), files[i].data);
        rt_st_reader *r;
        rt_status got = rt_st_open(path, &r);
        if (got != files[i].code)
            fail_msg("%s: got %s (%s)", files[i].header, rt_status_name(got), rt_error());
        if (got != RT_OK &&
            (!strstr(rt_error(), files[i].says) || !strstr(rt_error(), "t.safetensors")))
            fail_msg("%s: \"%s\" does not say \"%s\"", files[i].header, rt_error(), files[i].says);
        rt_error_clear();
        if (got == RT_OK)
            rt_st_close(r);
        assert_int_equal(rt_mem_live(), memory);
    }
}

static void bools_are_0_or_1(void **state)
{
    (void)state;
    static const char header[] =
        "{" TENSOR("a", "U8", "[2]", "[0,2]") "," TENSOR("m", "BOOL", "[3]", "[2,5]") "}";
    static const uint8_t rows[][5] = {{7, 7, 1, 0, 1}, {7, 7, 1, 0, 2}, {7, 7, 255, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_raw(header, strlen(header), 0);
        FILE *f = fopen(path, "ab");
        assert_non_null(f);
        fwrite(rows[i], 1, sizeof rows[i], f);
        assert_int_equal(fclose(f), 0);
        char text[256];
        size_t at = i == 1 ? 2 : 0;
        snprintf(text, sizeof text,
                 "%s: byte %zu: element %zu of tensor \"m\", a bool, is %d, expected 0 or 1", path,
                 8 + strlen(header) + 2 + at, at, rows[i][2 + at]);
        rt_st_reader *r;
        assert_int_equal(rt_st_open(path, &r), i == 0 ? RT_OK : RT_E_FORMAT);
        assert_string_equal(rt_error(), i == 0 ? "" : text);
        rt_error_clear();
        rt_st_close(r);
    }
}

static void hostile_lengths(void **state)
{
    (void)state;
    static const size_t lengths[] = {3, 100, 1000, (size_t)1 << 40, SIZE_MAX, SIZE_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_raw("{}", lengths[i], 0);
        rt_st_reader *r;
        assert_int_equal(rt_st_open(path, &r), RT_E_CORRUPT);
        assert_null(r);
        rt_error_clear();
    }
    rt_st_reader *r;
    assert_int_equal(rt_st_open("/no/such/file", &r), RT_E_NOTFOUND);
    rt_error_clear();
    assert_int_equal(rt_st_open(dir, &r), RT_E_ARG);
    rt_error_clear();
}

static void no_truncated_file_is_accepted(void **state)
{
    (void)state;
    uint64_t bytes, checksum;
    write_sample(&bytes, &checksum);
    for (off_t length = (off_t)bytes - 1; length >= 0; length--) {
        assert_int_equal(truncate(path, length), 0);
        rt_st_reader *r;
        assert_int_not_equal(rt_st_open(path, &r), RT_OK);
        assert_non_null(strstr(rt_error(), path));
        rt_error_clear();
    }
}

/* ---- failing while writing ---- */

/* Writes a large tensor and returns the status; afterwards neither name may hold half a file. */
static rt_status write_large(const char *to, const float *data, int64_t n)
{
    rt_st_writer *w;
    must(rt_st_create(to, &w));
    must(rt_st_add(w, "large", RT_F32, rt_shape(n), data));
    rt_status status = rt_st_finish(w, NULL, NULL);
    rt_names names;
    char folder[96];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(to, '/') - to), to);
    must(rt_dir_list(folder, &names));
    for (size_t i = 0; i < names.count; i++)
        assert_null(strstr(names.name[i], ".tmp"));
    rt_names_release(&names);
    return status;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    char place[80], file[96];
    snprintf(place, sizeof place, "%s/small", dir);
    snprintf(file, sizeof file, "%s/x.safetensors", place);
    must(rt_dir_make(place, 0755));
    if (mount("none", place, "tmpfs", 0, "size=1m") != 0)
        skip(); /* needs root */
    float *data = calloc(N, sizeof *data);
    rt_status first = write_large(file, data, 1000), second = write_large(file, data, N);
    char text[256];
    snprintf(text, sizeof text, "%s", rt_error());
    rt_error_clear();
    rt_st_reader *r;
    int64_t left = rt_st_open(file, &r) == RT_OK ? rt_st_at(r, 0)->shape.d[0] : -1;
    rt_st_close(r);
    umount(place);
    free(data);
    assert_int_equal(first, RT_OK);
    assert_int_equal(second, RT_E_NOSPACE);
    assert_non_null(strstr(text, file));
    assert_int_equal(left, 1000);
}

static void a_failed_write_leaves_nothing(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    char file[96];
    snprintf(file, sizeof file, "%s/limited.safetensors", dir);
    float *data = calloc(N, sizeof *data);
    struct rlimit old, small = {.rlim_cur = 1 << 16};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    rt_status status = write_large(file, data, N);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    free(data);
    assert_int_not_equal(status, RT_OK);
    assert_false(rt_path_exists(file));
    rt_error_clear();
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    int64_t memory = rt_mem_live();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 200);
        rt_mem_fail_after(n);
        rt_st_writer *w = NULL;
        rt_status status = rt_st_create(path, &w);
        if (status == RT_OK)
            status = rt_st_add(w, "a", RT_F32, rt_shape(6), weights);
        if (status == RT_OK)
            status = rt_st_finish(w, NULL, NULL);
        else
            rt_st_abandon(w);
        rt_st_reader *r = NULL;
        if (status == RT_OK)
            status = rt_st_open(path, &r);
        rt_mem_fail_after(-1);
        rt_st_close(r);
        assert_true(status == RT_OK || status == RT_E_NOMEM);
        rt_error_clear();
        assert_int_equal(rt_mem_live(), memory);
        done = status == RT_OK;
    }
}

/* ---- nets ---- */

static rt_module *small_net(int64_t hidden)
{
    return rt_nn_sequential(rt_nn_linear(3, hidden), rt_nn_relu(), rt_nn_linear(hidden, 2));
}

static double sum_of(const rt_module *net)
{
    double sum = 0;
    for (int64_t i = 0; i < rt_nn_param_count(net); i++) {
        rt_tensor *p = rt_nn_param_at(net, i, NULL);
        for (int64_t j = 0; j < rt_numel(p); j++)
            sum = 3 * sum + rt_f32(p)[j];
    }
    return sum;
}

static void nets_are_saved_and_loaded(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *a = small_net(4), *b = small_net(4), *other = small_net(5);
    assert_true(sum_of(a) != sum_of(b));
    must(rt_nn_save(a, path));
    must(rt_nn_load(b, path));
    assert_true(sum_of(a) == sum_of(b));

    double before = sum_of(other);
    assert_int_equal(rt_nn_load(other, path), RT_E_MISMATCH);
    assert_non_null(strstr(rt_error(), "\"0.weight\" is float32[4,3], expected float32[5,3]"));
    rt_error_clear();
    assert_true(sum_of(other) == before);

    rt_module *longer =
        rt_nn_sequential(rt_nn_linear(3, 4), rt_nn_relu(), rt_nn_linear(4, 2), rt_nn_linear(2, 2));
    assert_int_equal(rt_nn_load(longer, path), RT_E_MISMATCH);
    assert_non_null(strstr(rt_error(), "\"3.weight\" [2,2] is missing; \"3.bias\" [2] is missing"));
    rt_error_clear();
    rt_module *shorter = rt_nn_sequential(rt_nn_linear(3, 4));
    assert_int_equal(rt_nn_load(shorter, path), RT_E_MISMATCH);
    assert_non_null(
        strstr(rt_error(), "\"2.weight\" [2,4] is not in this model; \"2.bias\" [2] is"));
    rt_error_clear();
    rt_scope_end(s);
}

/* Writes the net's parameters as another type, under names with a prefix. */
static void save_as(const rt_module *net, rt_dtype dtype, const char *prefix)
{
    rt_st_writer *w;
    char names[4][64];
    must(rt_st_create(path, &w));
    for (int i = 0; i < 4; i++) {
        const char *name;
        rt_tensor *p = rt_nn_param_at(net, i, &name);
        snprintf(names[i], sizeof names[i], "%s%s", prefix, name);
        must(rt_st_add(w, names[i], dtype, rt_dims_of(p), rt_data(rt_to(p, dtype))));
    }
    must(rt_st_finish(w, NULL, NULL));
}

/* Other programs write half precision, and prefixes that wrappers of modules put before all names. */
static void weights_of_others_are_converted(void **state)
{
    (void)state;
    static const rt_dtype types[] = {RT_F32, RT_F64, RT_F16, RT_BF16};
    static const char *const prefixes[] = {"", "module.", "_orig_mod.module."};
    rt_scope s = rt_scope_begin();
    rt_module *a = small_net(4), *b = small_net(4);
    for (int i = 0; i < 4; i++) /* values that each type can hold */
        must(rt_copy_into(rt_nn_param_at(a, i, NULL),
                          rt_to(rt_to(rt_detach(rt_nn_param_at(a, i, NULL)), RT_BF16), RT_F32)));
    for (int t = 0; t < 4; t++)
        for (int p = 0; p < 3; p++) {
            save_as(a, types[t], prefixes[p]);
            must(rt_fill(rt_nn_param_at(b, 0, NULL), 7));
            must(rt_nn_load(b, path));
            if (types[t] == RT_F16) /* a narrower exponent may round the smallest */
                assert_float_equal(sum_of(a), sum_of(b), 1e-3 * (1 + fabs(sum_of(a))));
            else
                assert_true(sum_of(a) == sum_of(b));
        }
    save_as(a, RT_I64, "");
    assert_int_equal(rt_nn_load(b, path), RT_E_MISMATCH);
    assert_non_null(
        strstr(rt_error(), "\"0.weight\" is int64[4,3], expected float32[4,3]; \"0.bias\""));
    rt_error_clear();
    rt_scope_end(s);
}

/* When only the last layer differs, the other layers can be loaded on request, and it keeps its initial
 * values. */
static void what_fits_is_taken_over_if_that_is_wanted(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *a = small_net(4);
    rt_module *b = rt_nn_sequential(rt_nn_linear(3, 4), rt_nn_relu(), rt_nn_linear(4, 7));
    float before = rt_f32(rt_nn_param_at(b, 2, NULL))[0];
    must(rt_nn_save(a, path));
    must(rt__weights_assign_file(b, path, true));
    for (int i = 0; i < 2; i++)
        assert_memory_equal(rt_f32(rt_nn_param_at(a, i, NULL)), rt_f32(rt_nn_param_at(b, i, NULL)),
                            (size_t)rt_numel(rt_nn_param_at(a, i, NULL)) * sizeof(float));
    assert_true(rt_f32(rt_nn_param_at(b, 2, NULL))[0] == before);
    rt_module *none = rt_nn_sequential(rt_nn_linear(8, 9));
    assert_int_equal(rt__weights_assign_file(none, path, true), RT_E_MISMATCH);
    rt_error_clear();
    rt_scope_end(s);
}

/* One error lists all problems; a long list is cut. */
static void a_long_list_of_complaints_is_cut(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    must(rt_nn_save(small_net(4), path));
    rt_module *other = rt_nn_sequential(rt_nn_relu(), rt_nn_linear(3, 4), rt_nn_linear(4, 4),
                                        rt_nn_linear(4, 4), rt_nn_linear(4, 2));
    assert_int_equal(rt_nn_load(other, path), RT_E_MISMATCH);
    assert_non_null(strstr(rt_error(), "\"1.weight\" [4,3] is missing"));
    assert_non_null(strstr(rt_error(), "\"2.weight\" is float32[2,4], expected float32[4,4]"));
    assert_non_null(strstr(rt_error(), "; and 2 more"));
    rt_error_clear();
    rt_scope_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(writes_the_format),
        cmocka_unit_test(writer_refuses),
        cmocka_unit_test(hostile_headers),
        cmocka_unit_test(bools_are_0_or_1),
        cmocka_unit_test(hostile_lengths),
        cmocka_unit_test(no_truncated_file_is_accepted),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(a_failed_write_leaves_nothing),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(nets_are_saved_and_loaded),
        cmocka_unit_test(weights_of_others_are_converted),
        cmocka_unit_test(what_fits_is_taken_over_if_that_is_wanted),
        cmocka_unit_test(a_long_list_of_complaints_is_cut),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
