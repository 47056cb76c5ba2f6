/* Tests of text lines with labels: classes, lengths, parts, and errors about wrong lines. */
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "tests/support/folder.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/held_out.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static char dir[FOLDER_MAX], path[FOLDER_MAX + 32];

static int set_up(void **state)
{
    (void)state;
    if (!folder_make(dir, "labelled"))
        return -1;
    snprintf(path, sizeof path, "%s/lines", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

static void write_lines(const char *text)
{
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
}

static rt_dataset *open_part(bool train, int64_t limit)
{
    const rt_data_labelled_text_values v = {.path = path, .context = 5, .share = 0.4, .seed = 3};
    return rt__open_labelled_text(&v, &(rt_data_part){train, limit});
}

/* Checks the samples of both parts, in the order of the file. */
static void lines_are_samples(void **state)
{
    (void)state;
    enum { N = 40 };
    static const char *const labels[] = {"spam", "ham", "spa", "x"}; /* 2, 0, 1, 3 */
    static const int64_t classes[] = {2, 0, 1, 3};
    static const char *const ends[] = {"\n", "\r\n", "\n\n"}; /* blank lines among them */
    rt_text text = {0};
    for (int i = 0; i < N; i++) /* texts of 1 to 7 bytes */
        rt_text_add(&text, "%s\t%.*s%s", labels[i % 4], 1 + i % 7, "a\tc\xc3\xa9?!",
                    i == N - 1 ? "" : ends[i % 3]);
    char *lines = rt_text_take(&text);
    assert_non_null(lines);
    write_lines(lines);
    rt_mem_free(lines);
    rt_scope s = rt_scope_begin();
    rt_dataset *part[] = {open_part(true, INT64_MAX), open_part(false, INT64_MAX)};
    const rt_data_field *f;
    assert_int_equal(rt_data_fields(part[0], &f), 3);
    assert_string_equal(f[0].name, "tokens");
    assert_string_equal(f[1].name, "tokens.length");
    assert_true(f[0].varies && f[0].dims.d[0] == 5 && f[0].classes == 256);
    assert_true(f[2].dtype == RT_I64 && f[2].classes == 4);
    int64_t at[2] = {0, 0};
    for (int i = 0; i < N; i++) {
        int64_t tokens[5], length, y, k = 1 + i % 7 < 5 ? 1 + i % 7 : 5;
        int held_out = rt__held_out(3, i, 0.4);
        rt_data_buffer b[] = {{tokens}, {&length}, {&y}};
        assert_int_equal(rt_data_read(part[held_out], &at[held_out], 1, b), RT_OK);
        at[held_out]++;
        assert_int_equal(y, classes[i % 4]);
        assert_int_equal(length, k);
        for (int64_t j = 0; j < k; j++)
            assert_int_equal(tokens[j], (uint8_t) "a\tc\xc3\xa9"[j]);
    }
    for (int p = 0; p < 2; p++)
        assert_true(at[p] > N / 6 && rt_data_size(part[p]) == at[p]);
    assert_int_equal(rt_data_size(open_part(true, 3)), 3);
    rt_scope_end(s);
}

static void wrong_lines_are_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a\tb\n\nhello\n", "lines:3: no tab: expected a label, a tab and a text"},
        {"a\tb\n\tb\n", "lines:2: no label"},
        {"a\tb\nc\t\r\n", "lines:2: no text"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789\tx\n",
         "lines:1: the label is too long"},
        {"", "0 lines: none falls to the training part"},
        {"\n\n", "0 lines: none falls to the training part"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_lines(rows[i][0]);
        assert_null(open_part(true, INT64_MAX));
        if (!strstr(rt_error(), rows[i][1]))
            fail_msg("row %zu: %s", i, rt_error());
        rt_error_clear();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_samples),
        cmocka_unit_test(wrong_lines_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
