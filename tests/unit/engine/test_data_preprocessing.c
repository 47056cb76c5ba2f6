/* Tests of data read with the preprocessing of other data: the vocabulary of a text, columns, means and deviations of a
 * table. Also runs the body of tests/fuzz/fuzz_preprocessing.c on randomly damaged JSON. */
#include "../../fuzz/fuzz_preprocessing.c"
#include "../../support/folder.h"
#include "check.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "mutate.h"
#include "worker/engine/data/datasets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static char folder[FOLDER_MAX], path[FOLDER_MAX + 16];

static void put_bytes(const char *text, size_t len)
{
    assert_int_equal(rt_file_replace(path, text, len), RT_OK);
}

static void put(const char *text)
{
    put_bytes(text, strlen(text));
}

/* Fails unless the call failed with "PATH<text>". */
static void assert_refused(const void *result, rt_status code, const char *text)
{
    assert_null(result);
    size_t len = strlen(path);
    bool named = strncmp(rt_error(), path, len) == 0;
    if (rt_error_code() != code || strcmp(rt_error() + (named ? len : 0), text) != 0)
        fail_msg("%d \"%s\": expected %d \"%s\"", rt_error_code(), rt_error(), code, text);
    rt_error_clear();
}

/* ---- text ---- */

static const rt_dataset *text_of(rt_text_unit unit, const char *preprocessing)
{
    return rt_data_text(path, .train = true, .context = 3, .share = 0.1, .unit = unit,
                        .preprocessing = preprocessing);
}

static void expect_tokens(const rt_dataset *d, int64_t a, int64_t b, int64_t c)
{
    int64_t tokens[3], targets[3], id = 0;
    rt_data_buffer to[] = {{.data = tokens}, {.data = targets}};
    assert_fine();
    assert_int_equal(rt_data_read(d, &id, 1, to), RT_OK);
    const int64_t expected[] = {a, b, c};
    assert_memory_equal(tokens, expected, sizeof tokens);
}

static void texts_tell_their_vocabulary(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("b\xc3\xa9"
        "a\n\xf0\x9f\x98\x80"
        "abab");
    assert_string_equal(rt_data_preprocessing(text_of(RT_TEXT_CHARACTERS, NULL)),
                        "{\"dataset\":\"text\",\"unit\":\"characters\",\"vocabulary\":"
                        "\"\\nab\xc3\xa9\xf0\x9f\x98\x80\"}");
    assert_string_equal(rt_data_preprocessing(text_of(RT_TEXT_BYTES, NULL)),
                        "{\"dataset\":\"text\",\"unit\":\"bytes\",\"vocabulary\":"
                        "[10,97,98,128,152,159,169,195,240]}");
    put_bytes("ab\0ab\0ab\0", 9); /* NUL is a character like any other */
    assert_string_equal(rt_data_preprocessing(text_of(RT_TEXT_CHARACTERS, NULL)),
                        "{\"dataset\":\"text\",\"unit\":\"characters\",\"vocabulary\":[0,97,98]}");
    rt_scope_end(s);
}

/* Data read with a preprocessing return the same preprocessing, character by character: runs compare it. */
static void another_text_is_numbered_alike(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("dcbadcba\xc3\xa9");
    const char *told = rt_data_preprocessing(text_of(RT_TEXT_CHARACTERS, NULL));
    put("bd\xc3\xa9"
        "bdbd");
    const rt_dataset *d = text_of(RT_TEXT_CHARACTERS, told);
    expect_tokens(d, 1, 3, 4);
    assert_int_equal(rt_data_find(d, "targets")->classes, 5);
    assert_string_equal(rt_data_preprocessing(d), told);
    /* The order does not matter, and both a list and a text are accepted. */
    expect_tokens(text_of(RT_TEXT_CHARACTERS,
                          "{\"dataset\":\"text\",\"unit\":\"characters\",\"vocabulary\":\"\xc3\xa9"
                          "db\"}"),
                  2, 1, 0);
    expect_tokens(text_of(RT_TEXT_CHARACTERS, "{\"dataset\":\"text\",\"unit\":\"characters\","
                                              "\"vocabulary\":[0,98,100,233]}"),
                  1, 2, 3);
    rt_scope_end(s);
}

static void text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
#define TEXT(unit, vocabulary)                                                                     \
    "{\"dataset\":\"text\",\"unit\":\"" unit "\",\"vocabulary\":" vocabulary "}"
    static const char senseless[] =
        "preprocessing: the preprocessing of the data is not {\"dataset\": "
        "\"text\", \"unit\", \"vocabulary\": characters or their "
        "numbers}";
    static const struct {
        const char *preprocessing;
        rt_status code;
        const char *says;
    } rows[] = {
        {TEXT("characters", "\"ab\\n\""), RT_E_MISMATCH,
         ":2:2: '\\u200b' is not in the vocabulary of 3 that the model was trained with; 2 of "
         "the 7 characters here are not: use a text with that vocabulary, or train a model on this "
         "one"},
        {TEXT("bytes", "[97]"), RT_E_MISMATCH,
         ": is read as characters, but the model was trained on bytes: set unit to that"},
        {"{\"dataset\":\"csv\"}", RT_E_MISMATCH,
         ": is read as text, but the model was trained on data of the kind csv"},
        {"{\"unit\":1}", RT_E_FORMAT,
         "preprocessing: the preprocessing of the data is not a JSON object with a \"dataset\""},
        {"[]", RT_E_FORMAT,
         "preprocessing: the preprocessing of the data is not a JSON object with a \"dataset\""},
        {"{", RT_E_FORMAT, NULL},
        {TEXT("characters", "\"\""), RT_E_FORMAT, senseless},
        {TEXT("characters", "null"), RT_E_FORMAT, senseless},
        {TEXT("characters", "[97, 1114112]"), RT_E_FORMAT, senseless},
        {TEXT("characters", "[55296]"), RT_E_FORMAT, senseless}, /* a surrogate */
        {TEXT("characters", "[-1]"), RT_E_FORMAT, senseless},
        {TEXT("characters", "[97.5]"), RT_E_FORMAT, senseless},
        {TEXT("characters", "\"aba\""), RT_E_FORMAT,
         "preprocessing: the preprocessing of the data is not a vocabulary that has each token "
         "once"},
    };
    rt_scope s = rt_scope_begin();
    put("ab\na\xe2\x80\x8b"
        "bZ");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const rt_dataset *d = text_of(RT_TEXT_CHARACTERS, rows[i].preprocessing);
        if (rows[i].says)
            assert_refused(d, rows[i].code, rows[i].says);
        assert_true(!d && (!rows[i].says || !rt_failed()));
        rt_error_clear();
    }
    assert_refused(text_of(RT_TEXT_BYTES, TEXT("bytes", "[256]")), RT_E_FORMAT, senseless);
    rt_scope_end(s);
}

/* After such a separator no token could ever count in the loss. */
static void separators_that_nothing_follows_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *separator, *says;
    } rows[] = {
        {"\n", "separator '\\x0a': has a line break, after which nothing on its line could count"},
        {"=\n",
         "separator '=\\x0a': has a line break, after which nothing on its line could count"},
        {"!", ": no line has a target after the separator '!', where targets count"},
    };
    rt_scope s = rt_scope_begin();
    put("1+1=2\n1+2=3\n1+3=4!"); /* the text ends with the separator */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const rt_dataset *d = rt_data_text(path, .train = true, .context = 2, .share = 0.3,
                                           .mask = RT_TEXT_AFTER, .separator = rows[i].separator);
        assert_refused(d, i < 2 ? RT_E_ARG : RT_E_FORMAT, rows[i].says);
    }
    rt_scope_end(s);
}

/* ---- tables ---- */

static void expect_row(const rt_dataset *d, int64_t id, const float *x, const float *y)
{
    float inputs[2], targets[1];
    rt_data_buffer to[] = {{.data = inputs}, {.data = targets}};
    assert_fine();
    assert_int_equal(rt_data_read(d, &id, 1, to), RT_OK);
    assert_memory_equal(inputs, x, sizeof inputs);
    assert_memory_equal(targets, y, sizeof targets);
}

#define COLUMN(name, mean, deviation)                                                              \
    "{\"name\":\"" name "\",\"mean\":" mean ",\"deviation\":" deviation "}"
#define TABLE(inputs, targets)                                                                     \
    "{\"dataset\":\"csv\",\"inputs\":[" inputs "],\"targets\":[" targets "]}"
static const char houses[] = TABLE(COLUMN("rooms", "3.0", "0.5") "," COLUMN("area", "10.0", "4.0"),
                                   COLUMN("price", "1.0", "2.0"));

/* Inputs have the model's order, whatever the file's order is; other columns of the file are ignored and need not be
 * numbers. */
static void another_table_is_scaled_alike(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("street,price,area,rooms\nx,5,18,4\ny,3,2,3.5\n"
        "z,1,1,1\nz,1,1,1\nz,1,1,1\nz,1,1,1\nz,1,1,1\nz,1,1,1\nz,1,1,1\nz,1,1,1\nz,1,1,1\n");
    const float x[][2] = {{2, 2}, {1, -2}}, y[][1] = {{2}, {1}};
    int found[2] = {0};
    for (int train = 0; train < 2; train++) {
        const rt_dataset *d = rt_data_csv(path, .train = train, .share = 0.5, .target = "price",
                                          .preprocessing = houses);
        assert_fine();
        assert_string_equal(rt_data_preprocessing(d), houses);
        for (int64_t id = 0; id < rt_data_size(d); id++) {
            float in[2], out[1];
            rt_data_buffer to[] = {{.data = in}, {.data = out}};
            assert_int_equal(rt_data_read(d, &id, 1, to), RT_OK);
            for (int i = 0; i < 2; i++)
                if (memcmp(in, x[i], sizeof in) == 0) {
                    expect_row(d, id, x[i], y[i]);
                    found[i]++;
                }
        }
    }
    assert_true(found[0] == 1 && found[1] == 1);
    rt_scope_end(s);
}

/* A table read again with its own preprocessing is the same to the last bit. */
static void a_table_read_with_its_own_is_the_same(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_text table = {0};
    rt_text_add(&table, "a,\"b, c\",constant,y\n");
    for (int i = 0; i < 60; i++)
        rt_text_add(&table, "%.17g,%.17g,7,%.17g\n", 1.0 / (3 + i), 1e5 / (7 + i), 0.1 * i * i);
    char *text = rt_text_take(&table);
    put(text);
    rt_mem_free(text);
    for (int standardise = RT_CSV_BOTH; standardise <= RT_CSV_NONE; standardise++) {
        const rt_dataset *own = rt_data_csv(path, .train = true, .target = "y,\"b, c\"",
                                            .standardise = (rt_csv_standardise)standardise),
                         *again = rt_data_csv(path, .train = true, .target = " \"y\" , \"b, c\"",
                                              .preprocessing = rt_data_preprocessing(own));
        assert_fine();
        assert_string_equal(rt_data_preprocessing(own), rt_data_preprocessing(again));
        assert_int_equal(rt_data_size(own), rt_data_size(again));
        for (int64_t id = 0; id < rt_data_size(own); id++) {
            float a[2][2], b[2][2];
            rt_data_buffer to[] = {{.data = a[0]}, {.data = a[1]}},
                           too[] = {{.data = b[0]}, {.data = b[1]}};
            assert_int_equal(rt_data_read(own, &id, 1, to), RT_OK);
            assert_int_equal(rt_data_read(again, &id, 1, too), RT_OK);
            assert_memory_equal(a, b, sizeof a);
        }
    }
    rt_scope_end(s);
}

static void tables_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const char senseless[] =
        "preprocessing: the preprocessing of the data is not {\"dataset\": "
        "\"csv\", \"inputs\": [{\"name\", \"mean\", \"deviation\"}], "
        "\"targets\": [...]}";
    static const struct {
        const char *preprocessing, *target, *ignore;
        rt_status code;
        const char *says;
    } rows[] = {
        {TABLE(COLUMN("a", "0", "1") "," COLUMN("d", "0", "1"), COLUMN("e", "0", "1")), NULL, NULL,
         RT_E_MISMATCH, ": lacks columns that the model was trained with: 'd', 'e'"},
        {TABLE(COLUMN("a", "0", "1"), COLUMN("b", "0", "1")), "c", NULL, RT_E_MISMATCH,
         ": target: 'c', but the model predicts 'b'"},
        {TABLE(COLUMN("a", "0", "1"), COLUMN("b", "0", "1")), "b,c", NULL, RT_E_MISMATCH,
         ": target: 'c', but the model predicts nothing else"},
        {TABLE(COLUMN("a", "0", "1"), COLUMN("b", "0", "1") "," COLUMN("c", "0", "1")), "b", NULL,
         RT_E_MISMATCH, ": target: names 1 columns, but the model predicts 2"},
        {TABLE(COLUMN("a", "0", "1"), COLUMN("b", "0", "1")), NULL, "c,a", RT_E_MISMATCH,
         ": ignore: the model was trained with column 'a'"},
        {TABLE(COLUMN("a", "0", "1e-39"), COLUMN("b", "0", "1")), NULL, NULL, RT_E_FORMAT,
         ":2:1: column 'a': '1' is beyond float32 in the deviations that the model was trained "
         "with"},
        {TABLE(COLUMN("a", "0", "0"), COLUMN("b", "0", "1")), NULL, NULL, RT_E_FORMAT, senseless},
        {TABLE(COLUMN("a", "0", "-1"), COLUMN("b", "0", "1")), NULL, NULL, RT_E_FORMAT, senseless},
        {TABLE(COLUMN("a", "0", "1e-320"), COLUMN("b", "0", "1")), NULL, NULL, RT_E_FORMAT,
         senseless},
        {TABLE(COLUMN("a", "1e300", "1"), COLUMN("b", "0", "1")), NULL, NULL, RT_E_FORMAT,
         senseless},
        {TABLE(COLUMN("a", "0", "1"), COLUMN("a", "0", "1")), NULL, NULL, RT_E_FORMAT, senseless},
        {TABLE("", COLUMN("a", "0", "1")), NULL, NULL, RT_E_FORMAT, senseless},
        {TABLE("1", "2"), NULL, NULL, RT_E_FORMAT, senseless},
    };
    rt_scope s = rt_scope_begin();
    put("a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(rt_data_csv(path, .train = true, .target = rows[i].target,
                                   .ignore = rows[i].ignore,
                                   .preprocessing = rows[i].preprocessing),
                       rows[i].code, rows[i].says);
    rt_scope_end(s);
}

/* ---- names of columns, and cells that are hard to show ---- */

static void columns_are_named_as_their_line_writes_them(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("\"price, EUR\",caf\xe9,b\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n");
    const rt_dataset *d =
        rt_data_csv(path, .train = true, .target = "\"price, EUR\", b", .standardise = RT_CSV_NONE);
    assert_fine();
    assert_int_equal(rt_data_find(d, "y")->dims.d[0], 2);
    /* Errors name a column that is not UTF-8 by its escaped form. */
    assert_string_equal(
        rt_data_preprocessing(rt_data_csv(path, .train = true, .target = "caf\\xe9",
                                          .ignore = "\"price, EUR\"", .standardise = RT_CSV_NONE)),
        "{\"dataset\":\"csv\",\"inputs\":[{\"name\":\"b\",\"mean\":0.0,"
        "\"deviation\":1.0}],\"targets\":[{\"name\":\"caf\\\\xe9\",\"mean\":0.0,"
        "\"deviation\":1.0}]}");
    assert_fine();
    static const char *const lists[] = {"\"price, EUR", "\"price\" EUR", "\""};
    for (int i = 0; i < 3; i++) {
        char says[100];
        snprintf(says, sizeof says, ": target: a quote that is not closed before a comma: %s",
                 lists[i]);
        assert_refused(rt_data_csv(path, .target = lists[i]), RT_E_ARG, says);
    }
    rt_scope_end(s);
}

static void long_names_and_zero_bytes_are_told(void **state)
{
    (void)state;
    static char name[100001], list[100001];
    rt_scope s = rt_scope_begin();
    memset(name, 'a', 100000);
    put(name);
    assert_refused(rt_data_csv(path), RT_E_FORMAT,
                   ":1:1: a column name of 100000 bytes, expected at most 255");
    put("a,b\n1,2\n");
    memset(list, 'b', 100000);
    assert_null(rt_data_csv(path, .target = list));
    assert_true(rt_error_code() == RT_E_NOTFOUND && strlen(rt_error()) < 500);
    rt_error_clear();
    put_bytes("a,b\0c\n1,2\n", 10);
    assert_refused(rt_data_csv(path), RT_E_FORMAT, ":1:3: a zero byte in the name of a column");
    put_bytes("a,b\n1,\0"
              "2\n",
              9);
    assert_refused(rt_data_csv(path), RT_E_FORMAT, ":2:3: column 'b': '\\x002' is no number");
    rt_scope_end(s);
}

/* Numbers too small for a float are read as zero, as by every reader of decimal numbers. */
static void numbers_too_small_are_zero(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("a,b,y\n1e-400,1e-320,1\n-1e-400,1e-320,1\n1e-400,1e-320,1\n1e-400,1e-320,1\n");
    float x[] = {0, 0}, y[] = {0};
    expect_row(rt_data_csv(path, .train = true), 0, x, y); /* constant columns are 0 */
    rt_scope_end(s);
}

/* ---- texts with labels ---- */

static const rt_dataset *labelled(bool train, const char *preprocessing)
{
    const rt_data_labelled_text_values v = {.path = path, .context = 3, .share = 0.5, .seed = 3};
    return rt__open_labelled_text(&v, &(rt_data_part){train, INT64_MAX, preprocessing});
}

static void labels_are_numbered_as_the_model_knows_them(void **state)
{
    (void)state;
    static const char told[] =
        "{\"dataset\":\"labelled-text\",\"labels\":[\"ham\",\"sp\\\\xe9m\",\"x\"]}";
    rt_scope s = rt_scope_begin();
    put("x\ta\nsp\xe9m\tb\nham\tc\nx\td\nham\te\nham\tf\nx\tg\nx\th\n");
    assert_string_equal(rt_data_preprocessing(labelled(true, NULL)), told);
    put("x\ta\nx\tb\nx\tc\nx\td\nx\te\nx\tf\nx\tg\n"); /* read alone, it would be class 0 of 1 */
    for (int train = 0; train < 2; train++) {
        int64_t tokens[3], length, y, id = 0;
        rt_data_buffer to[] = {{.data = tokens}, {.data = &length}, {.data = &y}};
        const rt_dataset *d = labelled(train, told);
        assert_fine();
        assert_int_equal(rt_data_read(d, &id, 1, to), RT_OK);
        assert_int_equal(y, 2);
        assert_int_equal(rt_data_find(d, "y")->classes, 3);
        assert_string_equal(rt_data_preprocessing(d), told);
    }
    put("x\ta\n\nspam\tb\nx\tc\nspam\td\n");
    assert_refused(labelled(true, told), RT_E_MISMATCH,
                   ":3: 'spam' is none of the 3 labels that the model was trained with; 2 of the 4 "
                   "lines here have such labels");
    static const char *const senseless[] = {"", ",\"labels\":[]", ",\"labels\":[1]",
                                            ",\"labels\":[\"x\",\"x\"]"};
    for (int i = 0; i < 4; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"dataset\":\"labelled-text\"%s}", senseless[i]);
        assert_refused(labelled(true, json), RT_E_FORMAT,
                       "preprocessing: the preprocessing of the data is not {\"dataset\": "
                       "\"labelled-text\", \"labels\": each once}");
    }
    rt_scope_end(s);
}

/* The byte 0xff is shown as the four characters \\xff, which may also be a label: one class for both would be wrong. */
static void labels_that_are_written_alike_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("b\tx\n\na\xff\ty\nb\tz\na\\xff\ty\n");
    assert_refused(labelled(true, NULL), RT_E_FORMAT,
                   ":3: the label 'a\\xff' has other bytes than that of line 5, but both are "
                   "written like this: "
                   "rename one of them");
    rt_scope_end(s);
}

/* The error names the preprocessing file, not the data file, when the former is at fault. */
static void what_is_at_fault_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *preprocessing, *says;
    } rows[] = {
        {"{", "x.st:"},
        {"{}", "x.st: the preprocessing of the data is not a JSON object with a \"dataset\""},
        {"{\"dataset\":\"%s\",\"unit\":\"characters\"}",
         "x.st: the preprocessing of the data is not {\"dataset\": "},
    };
    const rt_data_labelled_text_values v = {.path = path, .context = 3, .share = 0.5};
    rt_scope s = rt_scope_begin();
    for (int i = 0; i < 9; i++) {
        char json[80];
        static const char *const kinds[] = {"csv", "text", "labelled-text"};
        snprintf(json, sizeof json, rows[i / 3].preprocessing, kinds[i % 3]);
        const rt_data_part part = {true, INT64_MAX, json, "x.st"};
        if (i % 3 == 2)
            put("a\tb\n");
        else
            put("a,b\n1,2\n3,4\n");
        rt_dataset *d =
            i % 3 == 0   ? rt_data_csv(path, .preprocessing = json, .preprocessing_from = "x.st")
            : i % 3 == 1 ? rt_data_text(path, .context = 1, .share = 0.5, .preprocessing = json,
                                        .preprocessing_from = "x.st")
                         : rt__open_labelled_text(&v, &part);
        assert_null(d);
        assert_int_equal(rt_error_code(), RT_E_FORMAT);
        assert_int_equal(strncmp(rt_error(), rows[i / 3].says, strlen(rows[i / 3].says)), 0);
        rt_error_clear();
    }
    rt_scope_end(s);
}

/* ---- all ---- */

static void damaged_preprocessing_is_refused_or_makes_sense(void **state)
{
    (void)state;
    static const char *const good[] = {
        TABLE(COLUMN("c", "3.0", "0.5") "," COLUMN("a", "10.0", "4.0"), COLUMN("b", "1.0", "2.0")),
        "{\"dataset\":\"text\",\"unit\":\"characters\",\"vocabulary\":\"\\nabc\"}",
        "{\"dataset\":\"text\",\"unit\":\"bytes\",\"vocabulary\":[10,97,98,99]}"};
    uint32_t seed = 20261130;
    uint8_t damaged[512];
    rt_shutdown();
    int64_t memory = rt_mem_live();
    for (int i = 0; i < 3000; i++) {
        const char *from = good[i % 3];
        LLVMFuzzerTestOneInput(
            damaged, mutate(&seed, (const uint8_t *)from, strlen(from), damaged, sizeof damaged));
    }
    rt_shutdown();
    assert_int_equal(rt_mem_live(), memory);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    put("a,b\n1,2\n3,4\n5,6\n7,8\n");
    static const char *const with[] = {
        TABLE(COLUMN("b", "3.0", "0.5"), COLUMN("a", "10.0", "4.0")),
        "{\"dataset\":\"text\",\"unit\":\"characters\",\"vocabulary\":\"\\n,12345678ab\"}"};
    for (int text = 0; text < 2; text++) {
        bool done = false;
        for (int n = 0; !done; n++) {
            assert_true(n < 300);
            int64_t objects = rt_live_objects();
            rt_scope s = rt_scope_begin();
            rt_mem_fail_after(n);
            done = (text ? rt_data_text(path, .context = 1, .share = 0.5, .preprocessing = with[1])
                         : rt_data_csv(path, .train = true, .preprocessing = with[0])) != NULL;
            rt_mem_fail_after(-1);
            assert_true(done || rt_error_code() == RT_E_NOMEM);
            rt_error_clear();
            rt_scope_end(s);
            assert_int_equal(rt_live_objects(), objects);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    bool made = folder_make(folder, "preprocessing");
    snprintf(path, sizeof path, "%s/file", folder);
    return made ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(folder) != RT_OK || rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_tell_their_vocabulary),
        cmocka_unit_test(another_text_is_numbered_alike),
        cmocka_unit_test(text_that_does_not_fit_is_refused),
        cmocka_unit_test(separators_that_nothing_follows_are_refused),
        cmocka_unit_test(another_table_is_scaled_alike),
        cmocka_unit_test(a_table_read_with_its_own_is_the_same),
        cmocka_unit_test(tables_that_do_not_fit_are_refused),
        cmocka_unit_test(columns_are_named_as_their_line_writes_them),
        cmocka_unit_test(long_names_and_zero_bytes_are_told),
        cmocka_unit_test(numbers_too_small_are_zero),
        cmocka_unit_test(labels_are_numbered_as_the_model_knows_them),
        cmocka_unit_test(labels_that_are_written_alike_are_refused),
        cmocka_unit_test(what_is_at_fault_is_named),
        cmocka_unit_test(damaged_preprocessing_is_refused_or_makes_sense),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
