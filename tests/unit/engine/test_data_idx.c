/* Tests of IDX files, plain and gzip: what is read, and every reason to refuse a file. */
#include "common/base/mem.h"
#include "idx_files.h"
#include "tests/support/folder.h"
#include "worker/engine/data/dataset.h"
#include <ringtorch/data.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { N = 23, H = 5, W = 4 };
static char dir[FOLDER_MAX];

static void fresh_dir(void)
{
    rt_remove_tree(dir);
    assert_int_equal(rt_dir_make(dir, 0755), RT_OK);
}

static int make_dir(void **state)
{
    (void)state;
    return folder_make(dir, "idx") ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

static rt_dataset *open_pair(void)
{
    char images[128], labels[128];
    snprintf(images, sizeof images, "%s/images", dir);
    snprintf(labels, sizeof labels, "%s/labels", dir);
    return rt_data_idx(images, labels, .classes = 10);
}

static int64_t classes_of(const rt_dataset *d)
{
    return rt_data_find(d, "y")->classes;
}

/* Reads samples of pixels x and labels y. */
static rt_status read_samples(const rt_dataset *d, const int64_t *ids, int64_t n, float *x,
                              int64_t *y)
{
    return rt_data_read(d, ids, n, (rt_data_buffer[]){{.data = x}, {.data = y}});
}

static void check_contents(const rt_dataset *d, int64_t n)
{
    assert_non_null(d);
    assert_int_equal(rt_data_size(d), n);
    assert_int_equal(classes_of(d), 10);
    rt_dims shape = rt_data_find(d, "x")->dims;
    assert_true(shape.n == 3 && shape.d[0] == 1 && shape.d[1] == H && shape.d[2] == W);
    int64_t ids[] = {n - 1, 0, n / 2, 0}, y[4];
    float x[4][H * W];
    assert_int_equal(read_samples(d, ids, 4, x[0], y), RT_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(y[i], ids[i] % 10);
        for (int j = 0; j < H * W; j++)
            assert_true(x[i][j] == (float)((ids[i] * H * W + j) % 256) / 255.0f);
    }
}

static void reads_plain_and_gzip_under_either_name(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), labels = idx_labels(N);
    static const char *const names[][2] = {{"images", "labels"}, {"images.gz", "labels.gz"}};
    for (int zipped = 0; zipped < 2; zipped++)
        for (int named = 0; named < 2; named++) {
            fresh_dir();
            (zipped ? write_gzip : write_file)(dir, names[named][0], &images);
            (zipped ? write_gzip : write_file)(dir, names[named][1], &labels);
            rt_scope s = rt_scope_begin();
            check_contents(open_pair(), N);
            rt_scope_end(s);
        }
    /* The caller names the file with .gz, but it exists without. */
    fresh_dir();
    write_file(dir, "images", &images);
    write_file(dir, "labels", &labels);
    char a[128], b[128];
    snprintf(a, sizeof a, "%s/images.gz", dir);
    snprintf(b, sizeof b, "%s/labels.gz", dir);
    rt_scope s = rt_scope_begin();
    check_contents(rt_data_idx(a, b, .classes = 10), N);
    rt_scope_end(s);
}

/* RFC 1952: a gzip file may consist of several members, one after the other. */
static void reads_gzip_of_two_members(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), labels = idx_labels(N), head = {0}, rest = {0};
    for (size_t i = 0; i < images.len; i++)
        put8(i < 100 ? &head : &rest, images.at[i]);
    bytes both = gzip_of(&head), second = gzip_of(&rest);
    for (size_t i = 0; i < second.len; i++)
        put8(&both, second.at[i]);
    fresh_dir();
    write_file(dir, "images", &both);
    write_file(dir, "labels", &labels);
    rt_scope s = rt_scope_begin();
    check_contents(open_pair(), N);
    rt_scope_end(s);
}

static void limit_reads_the_first_samples_only(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), labels = idx_labels(N);
    labels.at[8 + 20] = 99; /* after the part that is read */
    fresh_dir();
    write_gzip(dir, "train-images-idx3-ubyte.gz", &images);
    write_file(dir, "train-labels-idx1-ubyte", &labels);
    rt_scope s = rt_scope_begin();
    check_contents(rt_data_mnist(dir, .train = true, .limit = 20), 20);
    assert_int_equal(classes_of(rt_data_mnist(dir, .train = true, .limit = 21)), 100);
    rt_scope_end(s);
}

/* The identity of a data set covers only the part that is read: a run was not trained on the rest. */
static void files_are_known_by_what_is_read_of_them(void **state)
{
    (void)state;
    uint64_t sums[4][2];
    for (int i = 0; i < 4; i++) {
        bytes images = idx_images(N, H, W), labels = idx_labels(N);
        if (i == 1)
            images.at[16 + 19 * H * W] ^= 1;
        else if (i == 2)
            labels.at[8 + 19] ^= 1;
        else if (i == 3)
            images.at[16 + 20 * H * W] ^= 1, labels.at[8 + 20] ^= 1;
        fresh_dir();
        write_gzip(dir, "train-images-idx3-ubyte.gz", &images);
        write_file(dir, "train-labels-idx1-ubyte", &labels);
        rt_scope s = rt_scope_begin();
        const rt_dataset *d = rt_data_mnist(dir, .train = true, .limit = 20);
        assert_int_equal(d->files, 2);
        assert_int_equal(d->file[0].bytes + d->file[1].bytes, 20 * (1 + H * W));
        for (int k = 0; k < 2; k++)
            sums[i][k] = d->file[k].checksum;
        rt_scope_end(s);
    }
    assert_true(sums[1][0] == sums[0][0] && sums[1][1] != sums[0][1]);
    assert_true(sums[2][0] != sums[0][0] && sums[2][1] == sums[0][1]);
    assert_memory_equal(sums[3], sums[0], sizeof sums[0]);
}

/* Labels as QMNIST stores them: int32, the class in the first of several columns. */
static bytes idx_table(uint32_t n, uint32_t columns)
{
    bytes b = {0};
    put32_be(&b, 0x0c02);
    put32_be(&b, n);
    put32_be(&b, columns);
    for (uint32_t i = 0; i < n * columns; i++)
        put32_be(&b, i % columns == 0 ? i / columns % 10 : 1000 + i);
    return b;
}

/* The number of classes follows from the labels, which need not begin at 0; it is at least ten, as
 * in MNIST. */
static void classes_follow_from_the_labels(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), labels = idx_labels(N);
    fresh_dir();
    write_file(dir, "train-images-idx3-ubyte", &images);
    for (int most = 3; most <= 26; most += 23) {
        for (int i = 0; i < N; i++)
            labels.at[8 + i] = (uint8_t)(1 + i % most);
        write_file(dir, "train-labels-idx1-ubyte", &labels);
        rt_scope s = rt_scope_begin();
        rt_dataset *d = rt_data_mnist(dir, .train = true);
        assert_int_equal(classes_of(d), most < N ? 10 : N + 1);
        rt_scope_end(s);
    }
}

/* File names under which data sets in MNIST's format are published; set: the name added to the
 * folder to choose one. */
static const struct {
    const char *images, *labels, *set;
    bool train, table;
} published[] = {
    {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "", true},
    {"t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "", false},
    {"emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", "", true},
    {"emnist-digits-test-images-idx3-ubyte", "emnist-digits-test-labels-idx1-ubyte",
     "/emnist-digits", false},
    {"qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int", "", true, true},
    {"qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int", "/qmnist", false, true},
};

static void finds_the_names_of_the_kin_of_mnist(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), bytes_of = idx_labels(N), table = idx_table(N, 8);
    for (size_t i = 0; i < 2 * sizeof published / sizeof *published; i++) {
        char name[128], folder[96];
        size_t k = i / 2;
        const char *end = i % 2 ? ".gz" : "";
        fresh_dir();
        snprintf(name, sizeof name, "%s%s", published[k].images, end);
        (i % 2 ? write_gzip : write_file)(dir, name, &images);
        snprintf(name, sizeof name, "%s%s", published[k].labels, end);
        (i % 2 ? write_gzip : write_file)(dir, name, published[k].table ? &table : &bytes_of);
        snprintf(folder, sizeof folder, "%s%s", dir, published[k].set);
        rt_scope s = rt_scope_begin();
        rt_dataset *d = rt_data_mnist(folder, .train = published[k].train);
        if (!d)
            fail_msg("%s: %s", published[k].images, rt_error());
        check_contents(d, N);
        assert_null(rt_data_mnist(folder, .train = !published[k].train)); /* the other part */
        assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
        rt_error_clear();
        rt_scope_end(s);
    }
}

static void expect_no_set(const char *folder, rt_status code, const char *says)
{
    rt_scope s = rt_scope_begin();
    assert_null(rt_data_mnist(folder, .train = true));
    if (rt_error_code() != code || !strstr(rt_error(), says))
        fail_msg("%s: got \"%s\", expected \"%s\"", folder, rt_error(), says);
    rt_error_clear();
    rt_scope_end(s);
}

static void several_sets_in_a_folder_are_told_apart(void **state)
{
    (void)state;
    char set[160], choose[160];
    bytes images = idx_images(N, H, W), labels = idx_labels(N);
    static const char *const sets[] = {"emnist-letters", "emnist-digits"};
    fresh_dir();
    for (int i = 0; i < 2; i++) {
        snprintf(set, sizeof set, "%s-train-images-idx3-ubyte", sets[i]);
        write_file(dir, set, &images);
        snprintf(set, sizeof set, "%s-train-images-idx3-ubyte.gz",
                 sets[i]); /* the same file, packed */
        write_gzip(dir, set, &images);
        snprintf(set, sizeof set, "%s-train-labels-idx1-ubyte", sets[i]);
        write_file(dir, set, &labels);
    }
    snprintf(choose, sizeof choose, "data.path: %s/emnist-digits", dir);
    expect_no_set(dir, RT_E_ARG, choose);
    snprintf(set, sizeof set, "%s/emnist-digits", dir);
    rt_scope s = rt_scope_begin();
    check_contents(rt_data_mnist(set, .train = true), N);
    rt_scope_end(s);
    snprintf(set, sizeof set, "%s/emnist-byclass", dir);
    expect_no_set(set, RT_E_NOTFOUND, "emnist-byclass-train-images-idx3-ubyte");
    snprintf(set, sizeof set, "%s/emnist-digits-train-labels-idx1-ubyte", dir);
    remove(set);
    snprintf(set, sizeof set, "%s/emnist-digits", dir);
    expect_no_set(set, RT_E_NOTFOUND, "emnist-digits-train-labels-idx1-ubyte");
    write_file(dir, "train-images-idx3-ubyte", &images); /* a set without a name is preferred */
    write_file(dir, "train-labels-idx1-ubyte", &labels);
    s = rt_scope_begin();
    check_contents(rt_data_mnist(dir, .train = true), N);
    rt_scope_end(s);
}

static void tables_of_labels_are_checked(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), table = idx_table(N, 8), wide = idx_table(1, 65);
    fresh_dir();
    write_file(dir, "train-images-idx3-ubyte", &images);
    table.at[12 + 5 * 32 + 2] = 1; /* the class of sample 5 is 256 more */
    write_file(dir, "train-labels-idx2-int", &table);
    expect_no_set(dir, RT_E_RANGE, "byte 172: label 5 is 261");
    table = idx_table(N, 8);
    table.len -= 4;
    write_file(dir, "train-labels-idx2-int", &table);
    expect_no_set(dir, RT_E_CORRUPT, "content ends at byte 744");
    write_file(dir, "train-labels-idx2-int", &wide);
    expect_no_set(dir, RT_E_FORMAT, "65 columns");
}

/* A fault: how a good file is damaged, and what the error must say. */
typedef struct fault {
    const char *what;
    void (*harm)(bytes *images, bytes *labels);
    rt_status code;
    const char *says[3];
} fault;

static void harm_magic(bytes *i, bytes *l)
{
    (void)l;
    i->at[2] = 0x0d;
}
static void harm_dims(bytes *i, bytes *l)
{
    (void)l;
    i->at[3] = 2;
}
static void harm_swapped(bytes *i, bytes *l)
{
    bytes t = *i;
    *i = *l;
    *l = t;
}
static void harm_zero_height(bytes *i, bytes *l)
{
    (void)l;
    memset(i->at + 8, 0, 4);
}
static void harm_huge(bytes *i, bytes *l)
{
    (void)l;
    memset(i->at + 4, 0xff, 12);
}
static void harm_large(bytes *i, bytes *l)
{
    (void)l;
    i->at[5] = 1; /* 65,536 more images */
}
static void harm_header_cut(bytes *i, bytes *l)
{
    (void)l;
    i->len = 11;
}
static void harm_empty(bytes *i, bytes *l)
{
    (void)l;
    i->len = 0;
}
static void harm_cut(bytes *i, bytes *l)
{
    (void)l;
    i->len -= 3;
}
static void harm_longer(bytes *i, bytes *l)
{
    (void)l;
    put8(i, 1);
}
static void harm_labels_longer(bytes *i, bytes *l)
{
    (void)i;
    put8(l, 1);
}
static void harm_label(bytes *i, bytes *l)
{
    (void)i;
    l->at[8 + 17] = 10;
}
static void harm_count(bytes *i, bytes *l)
{
    (void)i;
    l->at[7]--;
    l->len--;
}

static const fault faults[] = {
    {"magic number", harm_magic, RT_E_FORMAT, {"/images", "byte 0", "0x00000803"}},
    {"dimensions", harm_dims, RT_E_FORMAT, {"/images", "0x00000802", "3 dimensions"}},
    {"swapped files", harm_swapped, RT_E_FORMAT, {"/images", "0x00000801", "0x00000803"}},
    {"height 0", harm_zero_height, RT_E_FORMAT, {"/images", "byte 8", "dimension 1 is 0"}},
    {"sizes that overflow", harm_huge, RT_E_CORRUPT, {"/images", "byte 4", "4294967295"}},
    {"more than a file can hold",
     harm_large,
     RT_E_CORRUPT,
     {"/images", "truncated", "fetch it again"}},
    {"header cut", harm_header_cut, RT_E_CORRUPT, {"/images", "byte 11", "at least 16"}},
    {"empty file", harm_empty, RT_E_CORRUPT, {"/images", "byte 0", "truncated"}},
    {"pixels cut", harm_cut, RT_E_CORRUPT, {"/images", "truncated", "fetch it again"}},
    {"one byte more", harm_longer, RT_E_CORRUPT, {"/images", "goes on after byte 476", "header"}},
    {"one label more",
     harm_labels_longer,
     RT_E_CORRUPT,
     {"/labels", "goes on after byte 31", "header"}},
    {"label out of range",
     harm_label,
     RT_E_RANGE,
     {"/labels", "label 17 is 10", "expected 0 to 9"}},
    {"counts differ",
     harm_count,
     RT_E_MISMATCH,
     {"23 images", "22 labels", "do not belong together"}},
};

static void expect_refusal(const fault *f, bool zipped)
{
    int64_t memory = rt_mem_live();
    rt_scope s = rt_scope_begin();
    rt_dataset *d = open_pair();
    if (d || rt_error_code() != f->code)
        fail_msg("%s%s: got %s: %s", f->what, zipped ? " (gzip)" : "",
                 rt_status_name(rt_error_code()), rt_error());
    for (int i = 0; i < 3; i++)
        if (!zipped && !strstr(rt_error(), f->says[i]))
            fail_msg("%s: \"%s\" does not say \"%s\"", f->what, rt_error(), f->says[i]);
    rt_error_clear();
    rt_scope_end(s);
    rt_shutdown(); /* empties the pool, so that memory use can be compared */
    assert_int_equal(rt_mem_live(), memory);
}

static void refuses_what_is_wrong_and_says_where(void **state)
{
    (void)state;
    rt_shutdown();
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++)
        for (int zipped = 0; zipped < 2; zipped++) {
            bytes images = idx_images(N, H, W), labels = idx_labels(N);
            faults[k].harm(&images, &labels);
            fresh_dir();
            (zipped ? write_gzip : write_file)(dir, "images", &images);
            (zipped ? write_gzip : write_file)(dir, "labels", &labels);
            fault f = faults[k];
            /* the size of a gzip file does not show that its content is too short */
            if (zipped && f.harm == harm_large)
                f.code = RT_E_CORRUPT;
            expect_refusal(&f, zipped);
        }
}

/* Flips each byte of a gzip file and cuts it at each length: it must never be accepted, unless only
 * unused fields of the header changed. */
static void refuses_damaged_gzip(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), labels = idx_labels(N), good = gzip_of(&images);
    fresh_dir();
    write_file(dir, "labels", &labels);
    for (size_t at = 0; at < good.len; at++) {
        bool free_field =
            at >= 4 && at <= 10; /* time, level, system; padding before a stored block */
        bytes bad = good;
        bad.at[at] ^= 0x40;
        write_file(dir, "images", &bad);
        rt_scope s = rt_scope_begin();
        rt_dataset *d = open_pair();
        if (!free_field && d)
            fail_msg("accepted with byte %zu flipped", at);
        assert_true(free_field || rt_failed());
        rt_error_clear();
        rt_scope_end(s);

        bad = good;
        bad.len = at;
        write_file(dir, "images", &bad);
        s = rt_scope_begin();
        assert_null(open_pair());
        assert_true(at < 2 || rt_error_code() == RT_E_CORRUPT);
        rt_error_clear();
        rt_scope_end(s);
    }
    /* What follows the last member is not gzip. */
    char where[64];
    snprintf(where, sizeof where, "byte %zu: something that is not gzip follows", good.len);
    put8(&good, 0);
    put8(&good, 7);
    write_file(dir, "images", &good);
    rt_scope s = rt_scope_begin();
    assert_null(open_pair());
    assert_int_equal(rt_error_code(), RT_E_CORRUPT);
    if (!strstr(rt_error(), where))
        fail_msg("\"%s\" does not say \"%s\"", rt_error(), where);
    rt_error_clear();
    rt_scope_end(s);
}

/* Servers and interrupted downloads may leave something else in place of a file; the error must say
 * what it is. */
static void tells_text_from_data(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content, *says;
    } cases[] = {
        {"images.gz", "<!DOCTYPE html><html>", "/images.gz: looks like a web page"},
        {"images.gz", "\n  <html>", "/images.gz: looks like a web page"},
        {"images", "<Error><Code>AccessDenied</Code></Error>", "/images: looks like a web page"},
        {"images.gz", "Not found", "/images.gz: is text"},
        {"images.gz", "version https://git-lfs.github.com/spec/v1\noid", "/images.gz: is text"},
        {"images.gz", "\x1b\x8b\x08", "/images.gz: content ends at byte 3"},
    };
    bytes labels = idx_labels(N);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes content = {0};
        for (const char *c = cases[i].content; *c; c++)
            put8(&content, (uint8_t)*c);
        fresh_dir();
        write_file(dir, cases[i].name, &content);
        write_file(dir, "labels", &labels);
        rt_scope s = rt_scope_begin();
        assert_null(open_pair());
        assert_int_equal(rt_status_exit_code(rt_error_code()), 2);
        if (!strstr(rt_error(), cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", rt_error(), cases[i].says);
        rt_error_clear();
        rt_scope_end(s);
    }
}

/* A FIFO has no end and a device may have none: reading must not wait for either. */
static void refuses_what_is_no_file(void **state)
{
    (void)state;
    bytes labels = idx_labels(N);
    for (int i = 0; i < 2; i++) {
        char images[256];
        fresh_dir();
        snprintf(images, sizeof images, "%s/images", dir);
        assert_int_equal(i == 0 ? mkfifo(images, 0600) : symlink("/dev/zero", images), 0);
        write_file(dir, "labels", &labels);
        rt_scope s = rt_scope_begin();
        assert_null(open_pair());
        assert_int_equal(rt_error_code(), RT_E_ARG);
        assert_non_null(strstr(rt_error(), i == 0 ? "/images: is a pipe, expected a regular file"
                                                  : "/images: is a character device"));
        rt_error_clear();
        rt_scope_end(s);
    }
}

static void names_what_is_missing(void **state)
{
    (void)state;
    fresh_dir();
    rt_scope s = rt_scope_begin();
    assert_null(open_pair());
    assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "/images: neither"));
    assert_non_null(strstr(rt_error(), "/images.gz exists"));
    rt_error_clear();

    assert_null(rt_data_mnist("/no/such/folder", .train = true));
    assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "/no/such/folder: no such directory"));
    rt_error_clear();

    assert_null(rt_data_idx(dir, dir)); /* a directory */
    assert_int_equal(rt_error_code(), RT_E_ARG);
    rt_error_clear();

    assert_null(rt_data_idx("x"));
    assert_int_equal(rt_error_code(), RT_E_ARG);
    rt_error_clear();
    rt_scope_end(s);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    bytes images = idx_images(N, H, W), labels = idx_labels(N);
    fresh_dir();
    write_gzip(dir, "images.gz", &images);
    write_gzip(dir, "labels.gz", &labels);
    rt_shutdown();
    int64_t memory = rt_mem_live(), objects = rt_live_objects();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 200);
        rt_mem_fail_after(n);
        rt_scope s = rt_scope_begin();
        done = open_pair() != NULL;
        rt_mem_fail_after(-1);
        assert_true(done || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        rt_shutdown();
        assert_int_equal(rt_mem_live(), memory);
        assert_int_equal(rt_live_objects(), objects);
    }
}

static void reads_the_real_thing(void **state)
{
    (void)state;
    static const char folder[] = "/usr/share/datasets/fashion-mnist";
    if (!rt_path_exists(folder))
        skip();
    rt_scope s = rt_scope_begin();
    rt_dataset *train = rt_data_mnist(folder, .train = true),
               *test = rt_data_mnist(folder, .train = false);
    assert_int_equal(rt_data_size(train), 60000);
    assert_int_equal(rt_data_size(test), 10000);
    float *x = malloc(784 * sizeof *x);
    int64_t y, count[10] = {0};
    double sum = 0;
    for (int64_t id = 0; id < 10000; id++) {
        assert_int_equal(read_samples(test, &id, 1, x, &y), RT_OK);
        count[y]++;
        for (int i = 0; i < 784; i++)
            sum += x[i];
    }
    free(x);
    for (int c = 0; c < 10; c++)
        assert_int_equal(count[c], 1000);
    /* Mean of all test pixels by Python: 0.2868492807122849 */
    assert_true(sum / 7840000 > 0.286849 && sum / 7840000 < 0.286850);
    rt_scope_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_and_gzip_under_either_name),
        cmocka_unit_test(reads_gzip_of_two_members),
        cmocka_unit_test(limit_reads_the_first_samples_only),
        cmocka_unit_test(files_are_known_by_what_is_read_of_them),
        cmocka_unit_test(classes_follow_from_the_labels),
        cmocka_unit_test(finds_the_names_of_the_kin_of_mnist),
        cmocka_unit_test(several_sets_in_a_folder_are_told_apart),
        cmocka_unit_test(tables_of_labels_are_checked),
        cmocka_unit_test(refuses_what_is_wrong_and_says_where),
        cmocka_unit_test(refuses_damaged_gzip),
        cmocka_unit_test(tells_text_from_data),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(names_what_is_missing),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(reads_the_real_thing),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
