/* Checkpoints that are sealed but wrong, since anyone can seal one. Each row alters a valid checkpoint and seals it
 * again; the error must name the alteration. Nothing waits, crashes or allocates as much as a number claims. */
#include "../checkpoint_files.h"
#include "common/state/saved.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/rt-saved-XXXXXX";

/* ---- the manifest ---- */

static void set_number(json_t *m, const char *key, int64_t n)
{
    json_object_set_new(m, key, json_integer(n));
}

static void reseal_layout(json_t *m, json_t *layout)
{
    char hex[17];
    checkpoint_hash(layout, hex);
    json_object_set_new(m, "layout", layout);
    json_object_set_new(m, "layout_hash", json_string(hex));
}

static json_t *listed(const char *file)
{
    return json_pack("{s:s, s:i, s:s}", "file", file, "bytes", 10, "checksum", "0123456789abcdef");
}

typedef struct manifest_case {
    const char *name;
    const char *key; /* set to `number`, or with .json to that; "" with .json NULL: removed */
    int64_t number;
    const char *json;
    rt_status status;
    const char *says;
} manifest_case;

#define ABSENT "-"
static const char tensor_w[] = "{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[2,3]}";

static const manifest_case manifests[] = {
    {"step_negative", "step", -1, NULL, RT_E_CORRUPT, "'step' is -1"},
    {"step_beyond_all_runs", "step", UINT32_MAX, NULL, RT_E_CORRUPT,
     "'step' is 4294967295, expected 0 to 4294967294"},
    {"step_absurd", "step", INT64_MAX, NULL, RT_E_CORRUPT, "'step' is 9223372036854775807"},
    {"step_a_real", "step", 0, "3.0", RT_E_FORMAT, "'step' is a number, expected an integer"},
    {"step_missing", "step", 0, ABSENT, RT_E_FORMAT, "the key 'step' is missing"},
    {"slices_none", "slices", 0, NULL, RT_E_CORRUPT, "'slices' is 0"},
    {"slices_many", "slices", 65537, NULL, RT_E_CORRUPT, "'slices' is 65537"},
    {"slices_of_another", "slices", 8, NULL, RT_E_CORRUPT, "its configuration says 4"},
    {"seed_of_another", "seed", 7, NULL, RT_E_CORRUPT, "its configuration says 1337"},
    {"world_none", "world", 0, NULL, RT_E_CORRUPT, "'world' is 0"},
    {"world_beyond_slices", "world", 5, NULL, RT_E_CORRUPT, "'world' is 5, expected 1 to 4"},
    {"world_of_another", "world", 3, NULL, RT_E_CORRUPT, "2 pieces, but 'world' is 3"},
    {"parameters_negative", "parameters", INT64_MIN, NULL, RT_E_CORRUPT, "'parameters' is -"},
    {"parameters_of_another", "parameters", 11, NULL, RT_E_CORRUPT,
     "10 elements, but 'parameters' is 11"},
    {"samples_none", "samples", 0, NULL, RT_E_CORRUPT, "'samples' is 0"},
    {"data_senseless", "data", 0, NULL, RT_E_FORMAT, "data: expected {\"files\""},
    {"preprocessing_senseless", "preprocessing", 0, NULL, RT_E_FORMAT,
     "'preprocessing' is not an object"},
    {"samples_absurd", "samples", INT64_MAX, NULL, RT_E_CORRUPT,
     "'samples' is 9223372036854775807"},
    {"run_a_number", "run", 0, "5", RT_E_FORMAT, "'run' is an integer"},
    {"config_a_list", "config", 0, "[]", RT_E_FORMAT, "'config' is an array, expected a string"},
    {"config_no_yaml", "config", 0, "\"{[\"", RT_E_CONFIG, "its configuration:1:"},
    {"config_of_keys_unknown", "config", 0, "\"\\u001b[2J: 1\"", RT_E_CONFIG,
     "its configuration:1:"},
    {"config_without_a_model", "config", 0, "\"parallel: {slices: 4}\"", RT_E_CONFIG, "no model"},
    {"config_empty", "config", 0, "\"\"", RT_E_CONFIG, "no model"},
    {"layout_hash", "layout_hash", 0, "\"0000000000000000\"", RT_E_CORRUPT,
     "the hash of its layout"},
    {"layout_empty", "layout", 0, "[]", RT_E_FORMAT, "'layout' is not a list of tensors"},
    {"layout_an_object", "layout", 0, "{\"w\":1}", RT_E_FORMAT, "'layout' is not a list"},
    {"layout_of_numbers", "layout", 0, "[1]", RT_E_FORMAT, "layout: entry 0 is not"},
    {"layout_without_shape", "layout", 0, "[{\"name\":\"w\",\"dtype\":\"float32\"}]", RT_E_FORMAT,
     "entry 0"},
    {"layout_dtype", "layout", 0, "[{\"name\":\"w\",\"dtype\":\"bfloat16\",\"shape\":[10]}]",
     RT_E_UNSUPPORTED, "bfloat16"},
    {"layout_axes", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10,1,1,1,1,1,1,1,1]}]", RT_E_UNSUPPORTED,
     "9 axes"},
    {"layout_size_negative", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[-5,-2]}]", RT_E_CORRUPT,
     "size -5 of axis 0"},
    {"layout_size_zero", "layout", 0, "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[0]}]",
     RT_E_CORRUPT, "size 0 of axis 0"},
    {"layout_size_a_text", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[\"10\"]}]", RT_E_CORRUPT,
     "axis 0 cannot be"},
    {"layout_overflow", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[4294967296,4294967296]}]", RT_E_CORRUPT,
     "axis 1 cannot be"},
    {"layout_wraps_to_ten", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[9223372036854775807,2]}]", RT_E_CORRUPT,
     "cannot be"},
    {"layout_of_another", "layout", 0, "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[2,4]}]",
     RT_E_CORRUPT, "8 elements, but 'parameters' is 10"},
    {"layout_kind_unknown", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10],\"kind\":\"param\"}]", RT_E_FORMAT,
     "layout: entry 0 is neither a parameter nor a buffer after the parameters"},
    {"layout_also_a_text", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10],\"also\":\"v\"}]", RT_E_FORMAT,
     "layout: tensor w: 'also' is not a list of names"},
    {"layout_also_numbers", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10],\"also\":[1]}]", RT_E_FORMAT,
     "layout: tensor w: 'also' is not a list of names"},
    {"layout_also_twice", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10],\"also\":[\"v\",\"w\"]}]", RT_E_CORRUPT,
     "layout: tensor w is there twice"},
    {"layout_buffer_first", "layout", 0,
     "[{\"name\":\"m\",\"dtype\":\"float32\",\"shape\":[1],\"kind\":\"buffer\"},"
     "{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[10]}]",
     RT_E_FORMAT, "layout: entry 1 is neither a parameter nor a buffer after the parameters"},
    {"layout_buffer_counted", "layout", 0,
     "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[9]},"
     "{\"name\":\"m\",\"dtype\":\"float32\",\"shape\":[1],\"kind\":\"buffer\"}]",
     RT_E_CORRUPT, "9 elements, but 'parameters' is 10"},
    {"pieces_none", "pieces", 0, "[]", RT_E_FORMAT, "'pieces' is not a list"},
    {"pieces_a_text", "pieces", 0, "\"p\"", RT_E_FORMAT, "'pieces' is not a list"},
    {"pieces_of_numbers", "pieces", 0, "[1, 2]", RT_E_FORMAT,
     "expected an object with the key 'file'"},
    {"version", "format_version", 2, NULL, RT_E_MISMATCH,
     "format version 2, this program reads version 1"},
};

static void expect_refusal(const char *name, rt_status status, const char *says)
{
    rt_saved s;
    int64_t live = rt_mem_live();
    rt_status got = rt_saved_open(dir, NULL, &s);
    if (got != status || !strstr(rt_error(), says) || !strstr(rt_error(), dir))
        fail_msg("%s: status %d, \"%s\"; expected %d, naming \"%s\" and \"%s\"", name, got,
                 rt_error(), status, says, dir);
    assert_null(strchr(rt_error(), '\033'));
    rt_error_clear();
    assert_int_equal(rt_mem_live(), live);
}

static void make(json_t *m, rt_bytes first, rt_bytes second)
{
    rt_bytes pieces[] = {first, second};
    assert_int_equal(rt_remove_tree(dir), RT_OK);
    assert_int_equal(make_checkpoint_at(dir, m, pieces), 0);
    json_decref(m);
}

static void sound_ones_open(void **state)
{
    (void)state;
    rt_saved s;
    rt_saved_entry e;
    make(checkpoint_manifest(50), piece_of(0), piece_of(1));
    assert_int_equal(rt_saved_open(dir, NULL, &s), RT_OK);
    assert_int_equal(s.manifest.step, 50);
    assert_int_equal(s.pieces, 2);
    assert_int_equal(rt_manifest_tensor(&s.manifest, 0).elements, 6);
    assert_int_equal(rt_saved_entry_at(&s, 1, 1, &e), RT_OK);
    assert_string_equal(e.kind, "param");
    assert_string_equal(e.tensor, "b");
    assert_int_equal(e.count, 4);
    rt_saved_close(&s);
}

static void senseless_manifests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        const manifest_case *c = &manifests[i];
        json_t *m = checkpoint_manifest(50);
        if (!c->json)
            set_number(m, c->key, c->number);
        else if (strcmp(c->json, ABSENT) == 0)
            json_object_del(m, c->key);
        else if (strncmp(c->name, "layout_", 7) == 0 && strcmp(c->key, "layout") == 0)
            reseal_layout(m, json_loads(c->json, 0, NULL));
        else
            json_object_set_new(m, c->key, json_loads(c->json, JSON_DECODE_ANY, NULL));
        make(m, piece_of(0), piece_of(1));
        expect_refusal(c->name, c->status, c->says);
    }
}

/* Wrong lists in `pieces`. */
static void lists_of_pieces_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        rt_status status;
        const char *says;
    } rows[] = {
        {"piece-00000.safetensors", "piece-00000.safetensors", RT_E_CORRUPT, "is there twice"},
        {"piece-00000.safetensors", "../x", RT_E_FORMAT, "\"../x\" is not the name of a file"},
        {"piece-00000.safetensors", "/etc/passwd", RT_E_FORMAT, "is not the name of a file"},
        {"", "piece-00000.safetensors", RT_E_FORMAT, "piece \"\""},
        {".hidden", "piece-00000.safetensors", RT_E_FORMAT, "piece \".hidden\""},
        {"a\033[2J", "b", RT_E_NOTFOUND, "a\\x1b[2J: is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *m = checkpoint_manifest(50);
        json_object_set_new(m, "pieces", json_pack("[o, o]", listed(rows[i].a), listed(rows[i].b)));
        make(m, piece_of(0), piece_of(1));
        expect_refusal(rows[i].a, rows[i].status, rows[i].says);
    }
}

static void a_tensor_named_twice_is_refused(void **state)
{
    (void)state;
    char layout[300];
    json_t *m = checkpoint_manifest(50);
    snprintf(layout, sizeof layout, "[%s,%s]", tensor_w, tensor_w);
    set_number(m, "parameters", 12);
    reseal_layout(m, json_loads(layout, 0, NULL));
    make(m, piece_of(0), piece_of(1));
    expect_refusal("twice", RT_E_CORRUPT, "tensor w is there twice");
}

/* ---- other things in place of a piece ---- */

static const char *piece_path(int k)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/piece-%05d.safetensors", dir, k);
    return path;
}

static void make_fifo(const char *path)
{
    assert_int_equal(mkfifo(path, 0600), 0);
}
static void make_endless(const char *path)
{
    assert_int_equal(symlink("/dev/zero", path), 0);
}
static void make_directory(const char *path)
{
    assert_int_equal(mkdir(path, 0700), 0);
}
static void make_terabyte(const char *path)
{
    int fd;
    assert_int_equal(rt_file_create(path, &fd), RT_OK);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
}
static void make_nothing(const char *path)
{
    (void)path;
}

static void only_files_of_the_right_length_are_read(void **state)
{
    (void)state;
    static const struct {
        void (*make)(const char *path);
        rt_status status;
        const char *says;
    } rows[] = {
        {make_fifo, RT_E_ARG, "is a pipe, expected a regular file"},
        {make_endless, RT_E_ARG, "is a character device, expected a regular file"},
        {make_directory, RT_E_ARG, "is a directory, expected a regular file"},
        {make_terabyte, RT_E_CORRUPT, "truncated or extended: 1099511627776 bytes"},
        {make_nothing, RT_E_NOTFOUND, "is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < CHECKPOINT_WORLD; k++) {
            make(checkpoint_manifest(50), piece_of(0), piece_of(1));
            assert_int_equal(unlink(piece_path(k)), 0);
            rows[i].make(piece_path(k));
            expect_refusal(piece_path(k), rows[i].status, rows[i].says);
        }
    for (size_t i = 0; i + 1 < sizeof rows / sizeof *rows;
         i++) { /* in place of the manifest itself */
        char path[64];
        make(checkpoint_manifest(50), piece_of(0), piece_of(1));
        snprintf(path, sizeof path, "%s/manifest.json", dir);
        assert_int_equal(unlink(path), 0);
        rows[i].make(path);
        bool too_long = rows[i].make == make_terabyte;
        expect_refusal(path, too_long ? RT_E_RANGE : rows[i].status,
                       too_long ? "larger than" : rows[i].says);
    }
}

/* ---- contents of a piece ---- */

typedef struct entry {
    const char *name;
    int64_t elements;
} entry;

/* Makes a piece with these entries. */
static rt_bytes piece_with(const entry *e, size_t n)
{
    rt_text header = {0};
    int64_t at = 0;
    rt_text_add(&header, "{");
    for (size_t i = 0; i < n && e[i].name; i++)
        add_entry(&header, e[i].name, e[i].elements, &at);
    rt_text_add(&header, "}");
    return safetensors_of(rt_text_take(&header), at, 0);
}

static void pieces_must_make_a_whole(void **state)
{
    (void)state;
    enum { MOST = 8 };
    static const struct {
        entry first[MOST]; /* beside a valid second piece */
        rt_status status;
        const char *says;
    } rows[] = {
        {{{NULL, 0}}, RT_E_CORRUPT, "element 0 of param/w is missing"},
        {{{"param/w@0", 5}, {"exp_avg/w@0", 5}},
         RT_E_CORRUPT,
         "element 0 of exp_avg_sq/w is missing"},
        {{{"param/w@0", 5}, {"exp_avg/w@0", 4}, {"exp_avg_sq/w@0", 5}},
         RT_E_CORRUPT,
         "element 4 of exp_avg/w is missing"},
        {{{"param/w@1", 4}, {"exp_avg/w@0", 5}, {"exp_avg_sq/w@0", 5}},
         RT_E_CORRUPT,
         "element 0 of param/w is missing"},
        {{{"param/w@0", 6}, {"exp_avg/w@0", 5}, {"exp_avg_sq/w@0", 5}},
         RT_E_CORRUPT,
         "element 5 of param/w is there twice"},
        {{{"param/w@0", 5}, {"param/w@00", 5}, {"exp_avg/w@0", 5}, {"exp_avg_sq/w@0", 5}},
         RT_E_CORRUPT,
         "element 0 of param/w is there twice"},
        {{{"param/w@-1", 5}}, RT_E_FORMAT, "is not <kind>/<tensor>@<start>"},
        {{{"param/w@9223372036854775807", 5}}, RT_E_CORRUPT, "exceeds the tensor's 6"},
        {{{"param/w@9999999999999999999999", 5}}, RT_E_CORRUPT, "exceeds the tensor's 6"},
        {{{"param/w@2", 5}}, RT_E_CORRUPT, "exceeds the tensor's 6"},
        {{{"param/x@0", 5}}, RT_E_CORRUPT, "tensor x is not in the layout"},
        {{{"momentum_buffer/w@0", 5}}, RT_E_CORRUPT, "no state momentum_buffer"},
        {{{"w", 5}}, RT_E_FORMAT, "entry \"w\" is not <kind>/<tensor>@<start>"},
        {{{"param/w@0 ", 5}}, RT_E_FORMAT, "is not <kind>"},
        {{{"param/\\u001b[2Jw@0", 5}}, RT_E_CORRUPT, "tensor \\x1b[2Jw is not in the layout"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(checkpoint_manifest(50), piece_with(rows[i].first, MOST), piece_of(1));
        expect_refusal(rows[i].first[0].name ? rows[i].first[0].name : "empty", rows[i].status,
                       rows[i].says);
    }
}

static void pieces_must_be_safetensors(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t data;
        rt_status status;
        const char *says;
    } rows[] = {
        {"", 0, RT_E_FORMAT, "piece-00000.safetensors"},
        {"[]", 0, RT_E_FORMAT, "the header is not a JSON object"},
        {"{\"param/w@0\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}", 24,
         RT_E_CORRUPT, "belong to no tensor"},
        {"{\"param/w@0\":{\"dtype\":\"F16\",\"shape\":[5],\"data_offsets\":[0,10]}}", 10,
         RT_E_FORMAT, "is float16 with 1 axes"},
        {"{\"param/w@0\":{\"dtype\":\"F32\",\"shape\":[5,1],\"data_offsets\":[0,20]}}", 20,
         RT_E_FORMAT, "is float32 with 2 axes"},
        {"{\"param/"
         "w@0\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
         0, RT_E_FORMAT, "overflows"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(checkpoint_manifest(50), safetensors_of(rt_strdup(rows[i].header), rows[i].data, 0),
             piece_of(1));
        expect_refusal(rows[i].header, rows[i].status, rows[i].says);
    }
    for (size_t length = 0; length < 8;
         length++) { /* shorter than the length field of the header */
        rt_bytes b = piece_of(0);
        b.len = length;
        make(checkpoint_manifest(50), b, piece_of(1));
        expect_refusal("short", RT_E_CORRUPT, "piece-00000.safetensors");
    }
}

/* ---- watching, and cancelling ---- */

typedef struct follower {
    int64_t promised, came, most;
} follower;

static void note_begin(void *ctx, const char *what, int64_t bytes)
{
    assert_string_equal(what, dir);
    ((follower *)ctx)->promised = bytes;
}

static bool note_bytes(void *ctx, uint64_t bytes)
{
    follower *f = ctx;
    f->came += (int64_t)bytes;
    return f->came <= f->most;
}

static void reading_is_followed_and_can_be_ended(void **state)
{
    (void)state;
    rt_saved s;
    follower f = {.most = INT64_MAX};
    const rt_watch watch = {note_begin, note_bytes, &f};
    make(checkpoint_manifest(50), piece_of(0), piece_of(1));
    assert_int_equal(rt_saved_open(dir, &watch, &s), RT_OK);
    assert_int_equal(f.came, f.promised);
    assert_true(f.came > 0);
    rt_saved_close(&s);
    f = (follower){.most = 0};
    int64_t live = rt_mem_live();
    assert_int_equal(rt_saved_open(dir, &watch, &s), RT_E_INTERRUPTED);
    assert_true(f.came < f.promised); /* it stopped early */
    rt_error_clear();
    assert_int_equal(rt_mem_live(), live);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rt_remove_tree(dir) == RT_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_ones_open),
        cmocka_unit_test(senseless_manifests_are_refused),
        cmocka_unit_test(lists_of_pieces_are_checked),
        cmocka_unit_test(a_tensor_named_twice_is_refused),
        cmocka_unit_test(only_files_of_the_right_length_are_read),
        cmocka_unit_test(pieces_must_make_a_whole),
        cmocka_unit_test(pieces_must_be_safetensors),
        cmocka_unit_test(reading_is_followed_and_can_be_ended),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
