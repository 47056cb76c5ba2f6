/* Tests of text files and tables as data sets: what a sample is, what is held out, what is refused and where. Also runs
 * the body of tests/fuzz/fuzz_tables.c on randomly damaged files. */
#include "../../fuzz/fuzz_tables.c"
#include "../../support/folder.h"
#include "check.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "idx_files.h"
#include "mutate.h"
#include "worker/engine/data/datasets.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static char folder[FOLDER_MAX], path[FOLDER_MAX + 16];

static const char *write_text(const char *text, size_t len)
{
    assert_int_equal(rt_file_replace(path, text, len), RT_OK);
    return path;
}

static const char *put(const char *text)
{
    return write_text(text, strlen(text));
}

/* Fails unless the call failed with "PATH<text>". */
#define assert_refused(code, text)                                                                 \
    do {                                                                                           \
        assert_int_equal(strncmp(rt_error(), path, strlen(path)), 0);                              \
        assert_string_equal(rt_error() + strlen(path), text);                                      \
        assert_int_equal(rt_error_code(), RT_E_##code);                                            \
        rt_error_clear();                                                                          \
    } while (0)

/* Reads one sample. */
static void read_tokens(const rt_dataset *d, int64_t id, int64_t *tokens, int64_t *targets,
                        float *mask)
{
    rt_data_buffer b[] = {{.data = tokens}, {.data = targets}, {.data = mask}};
    assert_int_equal(rt_data_read(d, &id, 1, b), RT_OK);
}

/* ---- text ---- */

static void tokens_are_numbered_in_ascending_order(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    int64_t x[4], y[4];
    put("b\xc3\xa9"
        "a\nab\xe2\x82\xac"
        "ab"); /* \n a b e-acute euro: 0 1 2 3 4 */
    rt_dataset *d = rt_data_text(path, .train = true, .context = 4, .stride = 2, .share = 0.12);
    assert_fine();
    assert_int_equal(rt_data_find(d, "tokens")->classes, 5);
    assert_int_equal(rt_data_size(d), 2); /* 0..4 and 2..6: the last of nine tokens is held out */
    const int64_t first[] = {2, 3, 1, 0}, next[] = {3, 1, 0, 1};
    read_tokens(d, 0, x, y, NULL);
    assert_memory_equal(x, first, sizeof x);
    assert_memory_equal(y, next, sizeof y);
    read_tokens(d, 1, x, y, NULL);
    const int64_t second[] = {1, 0, 1, 2};
    assert_memory_equal(x, second, sizeof x);
    assert_int_equal(y[3], 4);

    d = rt_data_text(path, .train = true, .context = 4, .unit = RT_TEXT_BYTES);
    assert_int_equal(rt_data_find(d, "targets")->classes, 8);
    assert_null(rt_data_find(d, "mask"));
    rt_scope_end(s);
}

/* In evaluation, every token of a part but the first is a target once; an incomplete last window is left out. */
static void windows_of_evaluation_lie_side_by_side(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    char text[1000];
    for (int i = 0; i < 1000; i++)
        text[i] = (char)('A' + i % 50);
    write_text(text, sizeof text);
    int64_t x[10], y[10];
    rt_dataset *d = rt_data_text(path, .context = 10, .stride = 1, .share = 0.25);
    assert_int_equal(rt_data_size(d), 24);
    for (int64_t i = 0; i < 24; i++) {
        read_tokens(d, i, x, y, NULL);
        assert_int_equal(x[0], (750 + 10 * i) % 50);
        assert_int_equal(y[9], (750 + 10 * i + 10) % 50);
    }
    assert_int_equal(
        rt_data_size(rt_data_text(path, .train = true, .context = 10, .stride = 1, .share = 0.25)),
        740);
    assert_int_equal(rt_data_size(rt_data_text(path, .train = true, .context = 10, .stride = 1,
                                               .share = 0.25, .limit = 7)),
                     7);
    rt_scope_end(s);
}

/* Marks the tokens that a part's windows show, by their place in the file: each token is a byte pair that occurs once. */
static void mark_seen(const rt_dataset *d, int64_t context, uint8_t *seen, uint8_t part)
{
    int64_t x[8], y[8];
    for (int64_t i = 0; i < rt_data_size(d); i++) {
        read_tokens(d, i, x, y, NULL);
        for (int64_t k = 0; k <= context; k++)
            seen[k < context ? x[k] : y[k - 1]] |= part;
    }
}

static void keyed_parts_share_nothing_and_follow_the_seed(void **state)
{
    (void)state;
    enum { N = 4000 };
    rt_scope s = rt_scope_begin();
    char text[3 * N + 1];
    uint8_t seen[N] = {0}, again[N] = {0}, other[N] = {0};
    for (int i = 0; i < N; i++) { /* token i is code point 0x1000 + i, so its number is i */
        int code = 0x1000 + i;
        text[3 * i] = (char)(0xe0 | code >> 12);
        text[3 * i + 1] = (char)(0x80 | (code >> 6 & 63));
        text[3 * i + 2] = (char)(0x80 | (code & 63));
    }
    write_text(text, 3 * N);
    for (int train = 0; train < 2; train++) {
        mark_seen(rt_data_text(path, .train = train, .context = 4, .stride = 1, .share = 0.3,
                               .split = RT_TEXT_KEYED, .seed = 5),
                  4, seen, train ? 1 : 2);
        mark_seen(rt_data_text(path, .train = train, .context = 8, .stride = 1, .share = 0.3,
                               .split = RT_TEXT_KEYED, .seed = 5),
                  8, again, train ? 1 : 2);
        mark_seen(rt_data_text(path, .train = train, .context = 4, .stride = 1, .share = 0.3,
                               .split = RT_TEXT_KEYED, .seed = 6),
                  4, other, train ? 1 : 2);
    }
    int held_out = 0, changed = 0;
    for (int i = 0; i < N; i++) {
        assert_int_not_equal(seen[i], 3);
        assert_true(!seen[i] || !again[i] || seen[i] == again[i]); /* whatever the context */
        held_out += seen[i] == 2;
        changed += seen[i] != other[i];
    }
    assert_in_range(held_out, N / 5, N * 2 / 5);
    assert_true(changed > N / 5);
    rt_scope_end(s);
}

static void masks_say_which_targets_count(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    int64_t x[11], y[11];
    float mask[11], same[11];
    put("1+1=>2\n=> 2=>\n========================");
    rt_dataset *d = rt_data_text(path, .train = true, .context = 11, .mask = RT_TEXT_AFTER,
                                 .separator = "=>", .share = 0.5);
    assert_fine();
    const float after[] = {0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1}; /* targets "+1=>2\n=> 2=" */
    read_tokens(d, 0, x, y, mask);
    assert_memory_equal(mask, after, sizeof mask);
    assert_null(rt_data_text(path, .context = 4, .mask = RT_TEXT_AFTER, .separator = "<"));
    assert_refused(FORMAT, ": no line has a target after the separator '<', where targets count");

    char text[5000];
    memset(text, 'a', sizeof text);
    write_text(text, sizeof text);
    double sum = 0;
    d = rt_data_text(path, .train = true, .context = 11, .stride = 1, .mask = RT_TEXT_RANDOM,
                     .mask_share = 0.3, .seed = 9);
    for (int64_t i = 0; i + 11 < rt_data_size(d); i += 11) {
        read_tokens(d, i, x, y, mask);
        read_tokens(d, i + 1, x, y, same); /* all targets but one are the same */
        assert_memory_equal(mask + 1, same, 10 * sizeof *mask);
        for (int k = 0; k < 11; k++)
            sum += mask[k];
    }
    assert_true(sum > 0.25 * 4400 && sum < 0.35 * 4500);
    rt_scope_end(s);
}

static void text_that_is_wrong_is_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    put("good \xc3\xa9 bad \xff");
    assert_null(rt_data_text(path, .context = 2));
    assert_refused(FORMAT, ": byte 12: 0xff is no UTF-8: convert the file, or read it as bytes");
    assert_non_null(rt_data_text(path, .context = 1, .unit = RT_TEXT_BYTES, .share = 0.5));
    put("short");
    assert_null(rt_data_text(path, .train = true, .context = 64));
    assert_refused(RANGE, ": 5 tokens: no run of the training part has the 65 of a sample and "
                          "its last target: shorten the context or change the share");
    put("");
    assert_null(rt_data_text(path));
    rt_error_clear();
    assert_null(rt_data_text(path, .share = 1));
    assert_error(RANGE, "data_text: share 1: expected one above 0 and below 1");
    assert_null(rt_data_text(path, .context = 0));
    assert_int_equal(rt_error_code(), RT_E_RANGE);
    rt_error_clear();
    put("a=b");
    assert_null(rt_data_text(path, .mask = RT_TEXT_AFTER, .separator = "\xff"));
    assert_int_equal(rt_error_code(), RT_E_ARG);
    rt_error_clear();
    assert_null(rt_data_text(folder));
    assert_int_equal(rt_error_code(), RT_E_ARG);
    rt_error_clear();
    rt_scope_end(s);
}

/* ---- tables ---- */

enum { ROWS = 400 };

/* Rows i, 2i + 1, 7, -i as columns a, b, c, d. */
static bytes table_of(int rows)
{
    bytes b = {0};
    b.len = (size_t)snprintf((char *)b.at, BYTES_MAX, "a, \"b\" ,c,d\r\n");
    for (int i = 0; i < rows; i++)
        b.len += (size_t)snprintf((char *)b.at + b.len, BYTES_MAX - b.len,
                                  "%d,%d.0,\"7\", %de0\r\n", i, 2 * i + 1, -i);
    return b;
}

static void read_row(const rt_dataset *d, int64_t id, float *x, float *y)
{
    assert_int_equal(rt_data_read(d, &id, 1, (rt_data_buffer[]){{.data = x}, {.data = y}}), RT_OK);
}

static void rows_are_parted_by_a_draw_of_their_own(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    uint8_t part[ROWS] = {0};
    /* appending rows moves no other row to another part */
    for (int rows = ROWS; rows >= ROWS / 2; rows -= ROWS / 2) {
        bytes b = table_of(rows);
        write_text((char *)b.at, b.len);
        for (int train = 0; train < 2; train++) {
            rt_dataset *d =
                rt_data_csv(path, .train = train, .standardise = RT_CSV_NONE, .seed = 3);
            assert_fine();
            float x[3], y[1];
            for (int64_t i = 0; i < rt_data_size(d); i++) {
                read_row(d, i, x, y);
                assert_true(x[1] == 2 * x[0] + 1 && x[2] == 7 && y[0] == -x[0]);
                int row = (int)x[0];
                assert_true(rows == ROWS ? part[row] == 0 : part[row] == 1 + train);
                part[row] = (uint8_t)(1 + train);
            }
        }
    }
    int held_out = 0;
    for (int i = 0; i < ROWS; i++) {
        assert_int_not_equal(part[i], 0);
        held_out += part[i] == 1;
    }
    assert_in_range(held_out, ROWS / 10, ROWS * 3 / 10);
    rt_scope_end(s);
}

/* Both parts are standardised with the statistics of the training rows, whatever the limit. */
static void columns_are_standardised(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    bytes b = table_of(ROWS);
    write_text((char *)b.at, b.len);
    float x[3], y[1], held[3];
    rt_dataset *plain = rt_data_csv(path, .train = true, .standardise = RT_CSV_NONE),
               *train = rt_data_csv(path, .train = true),
               *few = rt_data_csv(path, .train = true, .limit = 5),
               *test = rt_data_csv(path, .train = false),
               *raw = rt_data_csv(path, .train = false, .standardise = RT_CSV_INPUTS);
    assert_fine();
    int64_t n = rt_data_size(train);
    double sum = 0, squares = 0, mean = 0, spread = 0;
    for (int64_t i = 0; i < n; i++) {
        read_row(train, i, x, y);
        sum += (double)x[0];
        squares += (double)x[0] * (double)x[0];
        assert_true(x[2] == 0 && fabsf(y[0] + x[0]) < 1e-5f);
        read_row(plain, i, x, y);
        mean += (double)x[0] / (double)n;
    }
    assert_true(fabs(sum) < 1e-3 && fabs(squares / (double)n - 1) < 1e-5);
    for (int64_t i = 0; i < n; i++) {
        read_row(plain, i, x, y);
        spread += ((double)x[0] - mean) * ((double)x[0] - mean) / (double)n;
    }
    for (int64_t i = 0; i < rt_data_size(test); i++) {
        read_row(test, i, held, y);
        read_row(raw, i, x, y);
        assert_true(x[0] == held[0]);
        assert_true(fabs((double)held[0] - (-(double)y[0] - mean) / sqrt(spread)) < 1e-4);
    }
    assert_int_equal(rt_data_size(few), 5);
    read_row(few, 4, held, y);
    read_row(train, 4, x, y);
    assert_memory_equal(held, x, sizeof x);
    rt_scope_end(s);
}

static void targets_and_ignored_columns_are_named(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    bytes b = table_of(30);
    write_text((char *)b.at, b.len);
    float x[1], y[2];
    rt_dataset *d = rt_data_csv(path, .train = true, .target = "d,a", .ignore = "c",
                                .standardise = RT_CSV_NONE);
    assert_fine();
    assert_int_equal(rt_data_find(d, "x")->dims.d[0], 1);
    assert_int_equal(rt_data_find(d, "y")->dims.d[0], 2);
    read_row(d, 7, x, y);
    assert_true(y[0] == -y[1] && x[0] == 2 * y[1] + 1);
    put("name,v,w\nx,1,2\n,3,4\n5,6,7\n8,9,10\n1,2,3\n"); /* words in a column that is ignored */
    assert_non_null(rt_data_csv(path, .train = true, .ignore = "name"));
    rt_scope_end(s);
}

static void tables_that_are_wrong_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } row[] = {
        {"a,b\n1,2\n3,x\n", ":3:3: column 'b': 'x' is no number"},
        {"a,b\n1,\n", ":2:3: column 'b': the cell is empty, expected a number"},
        {"a,b\n1,nan\n", ":2:3: column 'b': 'nan' is no number"},
        {"a,b\n1,0x1\n", ":2:3: column 'b': '0x1' is no number"},
        {"a,b\n1,1e39\n", ":2:3: column 'b': '1e39' is beyond float32"},
        {"a,b\n1,2\n\n3,4\n", ":3:1: column 'a': the cell is empty, expected a number"},
        {"a,b\n1\n", ":2: 1 cell, expected 2 as in the first line"},
        {"a,b\n1,2,3\n", ":2: more than 2 cells, as many as the first line has"},
        {"a,b\n1,\"2\n", ":2:4: a quote that is not closed on its line"},
        {"a,b\n1,\"2\"3\n", ":2:7: something follows a quoted cell, expected a comma"},
        {"1,2\n3,4\n", ":1:1: a number, where the first line is expected to name the columns"},
        {"a,\n1,2\n", ":1:3: a column without a name"},
        {"a,b,a\n1,2,3\n", ":1:5: a second column of this name"},
        {"a\n1\n", ": 1 column: no input is left beside the targets"},
        {"", ": an empty file, expected a line of names"},
    };
    rt_scope s = rt_scope_begin();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        put(row[i].text);
        assert_null(rt_data_csv(path, .train = true));
        assert_refused(FORMAT, row[i].says);
    }
    put("a,b\n");
    assert_null(rt_data_csv(path, .train = true));
    assert_refused(RANGE, ": no row falls to the training part: change the share or add rows");
    put("age,size\n1,2\n");
    assert_null(rt_data_csv(path, .target = "sizes"));
    assert_refused(NOTFOUND, ": target: no column 'sizes': did you mean 'size'?");
    assert_null(rt_data_csv(path, .target = "size", .ignore = "size"));
    assert_refused(ARG, ": ignore: column 'size' is named twice");
    assert_null(rt_data_csv(path, .share = 0));
    assert_error(RANGE, "data_csv: share 0: expected one above 0 and below 1");
    rt_scope_end(s);
}

/* ---- both ---- */

static void gzip_is_read_as_it_is(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    bytes b = table_of(50);
    write_gzip(folder, "file", &b);
    assert_int_equal(
        rt_data_size(rt_data_csv(path, .train = true)) + rt_data_size(rt_data_csv(path)), 50);
    assert_non_null(rt_data_text(path, .train = true));
    assert_fine();
    bytes cut = gzip_of(&b);
    write_text((char *)cut.at, cut.len - 5);
    assert_null(rt_data_csv(path, .train = true));
    assert_int_equal(rt_error_code(), RT_E_CORRUPT);
    rt_error_clear();
    rt_scope_end(s);
}

/* A run compares this checksum to see that its data are the same: it depends on the content only, not on how the file is
 * stored. */
static void the_content_of_a_file_is_known_by_its_checksum(void **state)
{
    (void)state;
    bytes b = table_of(50);
    char content[BYTES_MAX], other[BYTES_MAX];
    snprintf(content, sizeof content, "%.*s", (int)b.len, (const char *)b.at);
    snprintf(other, sizeof other, "z%s", content + 1);
    rt_scope s = rt_scope_begin();
    put(content);
    const rt_dataset *sets[] = {rt_data_csv(path, .train = true, .share = 0.5),
                                rt_data_csv(path, .share = 0.5),
                                rt_data_text(path, .train = true, .context = 2)};
    assert_fine();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sets[i]->files, 1);
        assert_string_equal(sets[i]->file[0].path, path);
        assert_int_equal(sets[i]->file[0].bytes, b.len);
        assert_true(sets[i]->file[0].checksum == rt_hash64(content, b.len));
    }
    write_gzip(folder, "file", &b);
    const rt_dataset *zipped = rt_data_csv(path, .train = true, .share = 0.5);
    assert_true(zipped->file[0].checksum == sets[0]->file[0].checksum);
    put(other);
    const rt_dataset *renamed = rt_data_csv(path, .train = true, .share = 0.5);
    assert_fine();
    assert_true(renamed->file[0].checksum != sets[0]->file[0].checksum);
    rt_scope_end(s);
}

static void damaged_files_are_refused_or_read(void **state)
{
    (void)state;
    static const char good[] =
        "a,b,\"c\"\r\n1,-2.5,3e2\n\"4\",5,6\n7,\xc3\xa9,9\n1,1,1\n2,2,2\n3,3,3\n";
    uint32_t seed = 20261129;
    uint8_t damaged[512];
    rt_shutdown();
    int64_t memory = rt_mem_live();
    for (int i = 0; i < 1500; i++)
        LLVMFuzzerTestOneInput(damaged, mutate(&seed, (const uint8_t *)good, sizeof good - 1,
                                               damaged, sizeof damaged));
    rt_shutdown();
    assert_int_equal(rt_mem_live(), memory);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    bytes b = table_of(40);
    write_text((char *)b.at, b.len);
    for (int csv = 0; csv < 2; csv++) {
        bool done = false;
        for (int n = 0; !done; n++) {
            assert_true(n < 200);
            int64_t objects = rt_live_objects();
            rt_scope s = rt_scope_begin();
            rt_mem_fail_after(n);
            done = (csv ? rt_data_csv(path, .train = true)
                        : rt_data_text(path, .mask = RT_TEXT_RANDOM, .context = 8)) != NULL;
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
    bool made = folder_make(folder, "tables");
    snprintf(path, sizeof path, "%s/file", folder);
    return made ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(folder) != RT_OK || rt_shutdown();
}

/* ---- by configuration ---- */

static rt_dataset *configured(bool train, const char *const *sets)
{
    char text[256];
    rt_config cfg;
    snprintf(text, sizeof text, "data.path=%s", path);
    assert_int_equal(rt_config_default(&cfg), RT_OK);
    assert_int_equal(rt_config_set(&cfg, text), RT_OK);
    for (; *sets; sets++)
        if (rt_config_set(&cfg, *sets) != RT_OK)
            fail_msg("%s", rt_error());
    rt_dataset *d = rt__data_open(&cfg, train, NULL, NULL);
    rt_config_release(&cfg); /* the data set does not need it */
    assert_fine();
    return d;
}

static void assert_same(const rt_dataset *a, const rt_dataset *b)
{
    enum { ROOM = 4096 };
    static uint8_t left[RT_DATA_FIELDS_MAX][ROOM], right[RT_DATA_FIELDS_MAX][ROOM];
    rt_data_buffer x[RT_DATA_FIELDS_MAX], y[RT_DATA_FIELDS_MAX];
    assert_true(rt_data_size(a) == rt_data_size(b) && a->fields == b->fields);
    for (int f = 0; f < a->fields; f++) {
        x[f].data = left[f];
        y[f].data = right[f];
        assert_true(a->item[f] <= ROOM && a->item[f] == b->item[f]);
        assert_true(a->field[f].classes == b->field[f].classes);
    }
    for (int64_t i = 0; i < rt_data_size(a); i++) {
        assert_int_equal(rt_data_read(a, &i, 1, x), RT_OK);
        assert_int_equal(rt_data_read(b, &i, 1, y), RT_OK);
        for (int f = 0; f < a->fields; f++)
            assert_memory_equal(left[f], right[f], a->item[f]);
    }
}

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Each configuration key has the meaning of the C argument of the same name. */
static void configurations_open_text(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    char text[3000];
    for (int i = 0; i < 2999; i++)
        text[i] = i % 12 == 11 ? '\n' : i % 5 == 3 ? ':' : (char)('a' + i * i % 17);
    text[2999] = 0;
    put(text);
    for (int train = 0; train < 2; train++) {
        assert_same(configured(train, SETS("data.dataset=text")),
                    rt_data_text(path, .train = train, .seed = 0));
        assert_same(configured(train, SETS("run.seed=3", "data.dataset=text", "data.context=7",
                                           "data.stride=3", "data.share=0.3", "data.split=keyed",
                                           "data.mask=random", "data.mask_share=0.4", "data.seed=9",
                                           "data.unit=bytes")),
                    rt_data_text(path, .train = train, .context = 7, .stride = 3, .share = 0.3,
                                 .split = RT_TEXT_KEYED, .mask = RT_TEXT_RANDOM, .mask_share = 0.4,
                                 .seed = 9, .unit = RT_TEXT_BYTES));
        assert_same(configured(train, SETS("data.dataset=text", "data.mask=after",
                                           "data.separator=\":\"", "data.limit=2")),
                    rt_data_text(path, .train = train, .mask = RT_TEXT_AFTER, .separator = ":",
                                 .limit = train ? 2 : INT64_MAX));
    }
    rt_scope_end(s);
}

static void configurations_open_tables(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    char text[4000] = "a,b,c,d\n";
    size_t used = strlen(text);
    for (int i = 0; i < 90; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d,%d,%d,%d\n", i, i * i % 31,
                                 i % 7, i * i % 13);
    put(text);
    for (int train = 0; train < 2; train++) {
        assert_same(configured(train, SETS("data.dataset=csv")),
                    rt_data_csv(path, .train = train, .seed = 0));
        assert_same(configured(train, SETS("run.seed=3", "data.dataset=csv", "data.target=\"c,a\"",
                                           "data.ignore=b", "data.share=0.4", "data.seed=9",
                                           "data.standardise=inputs", "data.limit=20")),
                    rt_data_csv(path, .train = train, .target = "c,a", .ignore = "b", .share = 0.4,
                                .seed = 9, .standardise = RT_CSV_INPUTS,
                                .limit = train ? 20 : INT64_MAX));
    }
    rt_scope_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_numbered_in_ascending_order),
        cmocka_unit_test(windows_of_evaluation_lie_side_by_side),
        cmocka_unit_test(keyed_parts_share_nothing_and_follow_the_seed),
        cmocka_unit_test(masks_say_which_targets_count),
        cmocka_unit_test(text_that_is_wrong_is_refused),
        cmocka_unit_test(rows_are_parted_by_a_draw_of_their_own),
        cmocka_unit_test(columns_are_standardised),
        cmocka_unit_test(targets_and_ignored_columns_are_named),
        cmocka_unit_test(tables_that_are_wrong_are_refused),
        cmocka_unit_test(gzip_is_read_as_it_is),
        cmocka_unit_test(the_content_of_a_file_is_known_by_its_checksum),
        cmocka_unit_test(damaged_files_are_refused_or_read),
        cmocka_unit_test(configurations_open_text),
        cmocka_unit_test(configurations_open_tables),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
