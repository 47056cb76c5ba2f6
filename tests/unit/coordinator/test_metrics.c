/* metrics.jsonl stays one history through resumes, through deaths while rows are moved, and with the files of earlier versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "coordinator/books/metrics.h"

static char dir[] = "/tmp/rt-metrics-XXXXXX";
static char path[64], abandoned[64];
static const rt__metrics files = {path, abandoned};

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
    snprintf(abandoned, sizeof abandoned, "%s/metrics-abandoned.jsonl", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(dir) == RT_OK ? 0 : -1;
}

/* Makes rows of the steps in "1 2 3g2 4e", of generation 1 unless another is given, with an evaluation if there is an "e"; "x" is a line that
 * is no row; a final "~" leaves out the newline of the last line. */
static char *rows(const char *words)
{
    const size_t room = 64;
    char *text = calloc(1, room * strlen(words) + 1);
    for (const char *w = words; *w; w += strcspn(w, " "), w += strspn(w, " ")) {
        char *end = text + strlen(text);
        long long step, generation = 1;
        const char *evaluation = memchr(w, 'e', strcspn(w, " ")) ? "\"eval_loss\":0.4," : "";
        if (*w == '~')
            end[-1] = '\0';
        else if (sscanf(w, "%lldg%lld", &step, &generation) >= 1)
            snprintf(end, room, "{\"step\":%lld,\"loss\":0.5,%s\"generation\":%lld}\n", step,
                     evaluation, generation);
        else
            snprintf(end, room, "garbage\n");
    }
    return text;
}

static void put(const char *to, const char *words)
{
    char *text = rows(words);
    assert_int_equal(rt_file_replace(to, text, strlen(text)), RT_OK);
    free(text);
}

static void expect(const char *of, const char *words, const char *row)
{
    rt_bytes found = {0};
    char *text = rows(words);
    if (rt_path_exists(of))
        assert_int_equal(rt_file_read(of, 1 << 20, &found), RT_OK);
    if (strcmp(found.data ? (char *)found.data : "", text) != 0)
        fail_msg("%s: %s holds\n%sexpected\n%s", row, of, (char *)found.data, text);
    rt_bytes_release(&found);
    free(text);
}

static void an_opened_file_is_one_history(void **state)
{
    (void)state;
    static const struct {
        const char *before, *abandoned, *after, *abandoned_after;
        int64_t newest;
    } cases[] = {
        {"", "", "", "", -1},
        {"1 2 10", "", "1 2 10", "", 10},
        {"1 2 3 2g2 3g2 4g2", "", "1 2g2 3g2 4g2", "2 3", 4}, /* an earlier version's resume */
        {"1 2 3 3g2", "", "1 2 3g2", "3", 3},                 /* a step twice */
        {"5 6 1g2 2g2", "4", "1g2 2g2", "4 5 6", 2},          /* resumed from step 0 */
        {"1 2 3 2g2 3g2 2g3", "", "1 2g3", "2 3 2g2 3g2", 2}, /* twice */
        {"1 2 3 ~", "", "1 2", "3 ~", 2},                     /* a torn line is told apart below */
        {"1 x 2 x", "", "1 2", "x x", 2},                     /* somebody else's lines */
        {"x", "", "", "x", -1},
        /* The process died after some rows had reached the other file, and before they left this one. */
        {"1 2 3 4 2g2", "9 2 3 4", "1 2g2", "9 2 3 4", 2},
        {"1 2 3 4 2g2", "9 2 3", "1 2g2", "9 2 3 4", 2},
        {"1 2 3 4 2g2", "9 2", "1 2g2", "9 2 3 4", 2},
        {"1 2 3 4 2g2", "2 3 4", "1 2g2", "2 3 4", 2},
        {"1 2 3 4 2g2", "2 3 9", "1 2g2", "2 3 9 2 3 4", 2}, /* those rows are others */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t newest;
        put(path, cases[i].before);
        put(abandoned, cases[i].abandoned);
        assert_int_equal(rt__metrics_open(&files, &newest), RT_OK);
        assert_int_equal(newest, cases[i].newest);
        expect(path, cases[i].after, cases[i].before);
        if (!strchr(cases[i].abandoned_after, '~'))
            expect(abandoned, cases[i].abandoned_after, cases[i].before);
        assert_int_equal(rt__metrics_open(&files, &newest), RT_OK); /* it stays so */
        expect(path, cases[i].after, cases[i].before);
    }
}

/* A torn row is moved to the other file, where it ends with a newline. */
static void a_torn_line_is_taken_out(void **state)
{
    (void)state;
    char *whole = rows("1 2"), *first = rows("1");
    for (size_t len = strlen(first) + 1; len < strlen(whole); len++) {
        int64_t newest;
        rt_bytes moved;
        put(abandoned, "");
        assert_int_equal(rt_file_replace(path, whole, len), RT_OK);
        assert_int_equal(rt__metrics_open(&files, &newest), RT_OK);
        assert_int_equal(newest, 1);
        expect(path, "1", "torn");
        assert_int_equal(rt_file_read(abandoned, 1 << 20, &moved), RT_OK);
        assert_int_equal(moved.len, len - strlen(first) + 1);
        assert_int_equal(moved.data[moved.len - 1], '\n');
        rt_bytes_release(&moved);
    }
    free(whole);
    free(first);
}

static void going_back_moves_later_rows(void **state)
{
    (void)state;
    static const struct {
        const char *before, *abandoned;
        int64_t step;
        const char *after, *abandoned_after;
        int64_t newest;
    } cases[] = {
        {"", "", 5, "", "", -1},
        {"1 2 3", "", 3, "1 2 3", "", 3},
        {"1 2 3", "", 9, "1 2 3", "", 3},
        {"1 2 3", "", 2, "1 2", "3", 2},
        {"10 20 30", "", 25, "10 20", "30", 20},
        {"10 20 30", "5", 0, "", "5 10 20 30", -1},
        {"10 20 30", "9 20", 10, "10", "9 20 30", 10}, /* the process died in between */
        {"10 20 30", "9 20 30", 10, "10", "9 20 30", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t newest;
        put(path, cases[i].before);
        put(abandoned, cases[i].abandoned);
        assert_int_equal(rt__metrics_rewind(&files, cases[i].step, &newest), RT_OK);
        assert_int_equal(newest, cases[i].newest);
        expect(path, cases[i].after, cases[i].before);
        expect(abandoned, cases[i].abandoned_after, cases[i].before);
    }
}

/* The process may have died after writing any part of the abandoned row to the other file. */
static void a_half_moved_row_is_completed(void **state)
{
    (void)state;
    char *moved = rows("9 20 30");
    for (size_t len = 0; len <= strlen(moved); len++) {
        int64_t newest;
        put(path, "10 20 30");
        char *nine = rows("9");
        size_t begin = strlen(nine);
        free(nine);
        if (len < begin)
            continue;
        assert_int_equal(rt_file_replace(abandoned, moved, len), RT_OK);
        assert_int_equal(rt__metrics_rewind(&files, 10, &newest), RT_OK);
        expect(path, "10", "half moved");
        expect(abandoned, "9 20 30", "half moved");
    }
    free(moved);
}

static void going_forward_moves_rows_back(void **state)
{
    (void)state;
    static const struct {
        const char *before, *abandoned;
        rt__rows_wanted want;
        rt__doubt doubt;
        const char *after, *abandoned_after;
        int64_t newest;
    } cases[] = {
        {"1", "", {5}, {}, "1", "", 1},
        {"1", "1 2 3 4", {3}, {}, "1 2 3", "1 4", 3},
        {"", "2 3 4", {9}, {}, "2 3 4", "", 4},
        {"1", "4 x 3", {4}, {}, "1 3 4", "x", 4},
        {"1", "2 3 2g2 3g2 2g3", {3}, {}, "1 2g3 3g2", "2 3 2g2", 3}, /* the last one */
        {"1", "2e 3 2g2 3g2e", {3}, {}, "1 2e 3g2e", "3 2g2", 3},     /* an evaluated one */
        {"1", "2e 2g2e", {3}, {}, "1 2g2e", "2e", 2},                 /* the last of them */
        {"1", "2 3 3g2", {3, true}, {}, "1 2", "3 3g2", 2},           /* is to be evaluated */
        {"1", "2 3e 3g2", {3, true}, {}, "1 2 3e", "3g2", 3},         /* was evaluated */
        {"1", "2 3g2 4g3", {4, .since = 2}, {}, "1 3g2 4g3", "2", 4}, /* configured otherwise */
        {"1", "2 3 2g2 3g3", {3}, {2, 2}, "1 2g2 3g3", "2 3", 3},     /* 3 is in doubt */
        {"1", "2 3 3g2", {3}, {2, 1}, "1", "2 3 3g2", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t newest;
        rt__doubts doubts = {.list = {cases[i].doubt}, .count = cases[i].doubt.generation > 0};
        rt__rows_wanted want = cases[i].want;
        want.doubts = &doubts;
        put(path, cases[i].before);
        put(abandoned, cases[i].abandoned);
        assert_int_equal(rt__metrics_bring_back(&files, &want, &newest), RT_OK);
        expect(path, cases[i].after, cases[i].abandoned);
        expect(abandoned, cases[i].abandoned_after, cases[i].abandoned);
        assert_int_equal(newest, cases[i].newest);
    }
    assert_int_equal(unlink(abandoned), 0);
    put(path, "1");
    int64_t newest;
    rt__rows_wanted want = {5, .doubts = &(rt__doubts){}};
    assert_int_equal(rt__metrics_bring_back(&files, &want, &newest), RT_OK);
    assert_int_equal(newest, 1);
    assert_false(rt_path_exists(abandoned));
}

/* The process may have died after writing any part of the rows to the file that they go back to. */
static void rows_that_are_half_moved_back_are_completed(void **state)
{
    (void)state;
    char *whole = rows("1 2 3 4"), *one = rows("1");
    for (size_t len = strlen(one); len <= strlen(whole); len++) {
        int64_t newest;
        assert_int_equal(rt_file_replace(path, whole, len), RT_OK);
        put(abandoned, "2 3 4");
        assert_int_equal(rt__metrics_open(&files, &newest), RT_OK);
        rt__rows_wanted want = {4, .doubts = &(rt__doubts){}};
        assert_int_equal(rt__metrics_bring_back(&files, &want, &newest), RT_OK);
        assert_int_equal(newest, 4);
        expect(path, "1 2 3 4", "half moved back");
    }
    free(whole);
    free(one);
}

static void generations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t generation;
    } cases[] = {{"", -1}, {"1", 1}, {"1 2g12", 12}, {"1g3 x", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t generation;
        put(path, cases[i].text);
        assert_int_equal(rt__metrics_last_generation(&files, &generation), RT_OK);
        assert_int_equal(generation, cases[i].generation);
    }
}

static void anything_but_a_file_is_refused(void **state)
{
    (void)state;
    int64_t newest;
    rt__metrics folder = {dir, abandoned}, none = {"/tmp/rt-metrics-none", abandoned};
    assert_int_not_equal(rt__metrics_open(&folder, &newest), RT_OK);
    assert_non_null(strstr(rt_error(), dir));
    rt_error_clear();
    assert_int_equal(rt__metrics_open(&none, &newest), RT_OK);
    assert_int_equal(newest, -1);
}

static int64_t told[8], of;
static int tellings;

static void tell(int64_t done, int64_t total)
{
    if (tellings < 8)
        told[tellings++] = done;
    of = total;
}

/* The launcher, which waits for it, must know that it makes progress. */
static void reading_a_long_file_reports_progress(void **state)
{
    (void)state;
    const rt__metrics slow = {path, abandoned, tell, 100};
    int64_t newest;
    put(path, "1 2 3 4 5 6 7 8 9");
    assert_int_equal(rt__metrics_open(&slow, &newest), RT_OK);
    assert_int_equal(newest, 9);
    assert_int_equal(tellings, 2); /* rows of 37 bytes: after the third and the sixth */
    assert_int_equal(told[0], 3 * of / 9);
    assert_int_equal(told[1], 6 * of / 9);
}

/* A file with a hole in it reads as one line without end. */
static void an_endless_line_is_refused(void **state)
{
    (void)state;
    static const rt__doubts none;
    enum { LEN = 3 * RT_INPUT_LINE_MAX };
    char *row = rows("7"), *text = calloc(1, LEN);
    int64_t newest;
    put(path, "1");
    memcpy(text, row, strlen(row));
    assert_int_equal(rt_file_replace(abandoned, text, LEN), RT_OK);
    rt_status status = rt__metrics_bring_back(
        &files, &(rt__rows_wanted){.step = 9, .since = 0, .doubts = &none}, &newest);
    assert_int_equal(status, RT_E_CORRUPT);
    assert_non_null(strstr(rt_error(), abandoned));
    rt_error_clear();
    expect(path, "1", "endless");
    free(row);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_opened_file_is_one_history),
        cmocka_unit_test(a_torn_line_is_taken_out),
        cmocka_unit_test(going_back_moves_later_rows),
        cmocka_unit_test(a_half_moved_row_is_completed),
        cmocka_unit_test(going_forward_moves_rows_back),
        cmocka_unit_test(rows_that_are_half_moved_back_are_completed),
        cmocka_unit_test(an_endless_line_is_refused),
        cmocka_unit_test(generations_are_read),
        cmocka_unit_test(reading_a_long_file_reports_progress),
        cmocka_unit_test(anything_but_a_file_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
