/* The curve of a run: CSV and JSON with every row, a table that fits the screen, and files that are still being written,
 * damaged, or hostile. */
#include "common/base/error.h"
#include "common/base/file.h"
#include "launch/cmd/metrics.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[64];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/rt-metrics-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* Writes the text to the file and returns its curve. */
static const char *curve(const char *text, rt__curve_form form, int width, int height,
                         int64_t *damaged)
{
    static char out[1 << 16];
    rt__screen screen = {.width = width, .height = height};
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    FILE *to = fmemopen(out, sizeof out, "w");
    if (rt__metrics_write(path, form, &screen, to, damaged) != RT_OK)
        fail_msg("%s", rt_error());
    fclose(to);
    return out;
}

#define ROW                                                                                        \
    "{\"step\":10,\"epoch\":0.5,\"loss\":1.25,\"lr\":0.0002,\"grad_norm\":null,"                   \
    "\"samples_per_second\":3671.5,\"seconds\":1.5,\"world_size\":2,\"generation\":1}\n"
#define EVALUATED                                                                                  \
    "{\"step\":1234,\"epoch\":1,\"loss\":0.5,\"lr\":1e-05,\"grad_norm\":2,"                        \
    "\"samples_per_second\":1,\"seconds\":3,\"world_size\":2,\"generation\":1,"                    \
    "\"eval_loss\":0.75,\"eval_accuracy\":0.9148}\n"
#define HEADER                                                                                     \
    "step,epoch,loss,lr,grad_norm,samples_per_second,seconds,world_size,generation,eval_loss"

static void csv_has_a_header_and_every_row(void **state)
{
    (void)state;
    int64_t damaged;
    assert_string_equal(curve(ROW EVALUATED, RT__CURVE_CSV, 80, 24, &damaged),
                        HEADER ",eval_accuracy\n"
                               "10,0.5,1.25,0.0002,,3671.5,1.5,2,1,,\n"
                               "1234,1,0.5,1e-05,2,1,3,2,1,0.75,0.9148\n");
    assert_int_equal(damaged, 0);
    assert_string_equal(curve("", RT__CURVE_CSV, 80, 24, &damaged), HEADER "\n");
}

static void json_is_what_was_written(void **state)
{
    (void)state;
    int64_t damaged;
    assert_string_equal(curve(ROW EVALUATED, RT__CURVE_JSON, 80, 24, &damaged), ROW EVALUATED);
}

/* A last line without a line break is still being written; other lines that are not rows are counted. */
static void what_is_no_row_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int damaged;
    } rows[] = {
        {ROW "{\"step\":20,\"lo", 0},
        {ROW "{\"step\":20}", 0},
        {ROW "{\"step\":20,\"lo\n", 1},
        {"\n" ROW "[1]\n\"x\"\n{\"loss\":1}\n{\"step\":\"=cmd()\"}\n", 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t damaged;
        assert_string_equal(curve(rows[i].text, RT__CURVE_CSV, 80, 24, &damaged),
                            HEADER "\n10,0.5,1.25,0.0002,,3671.5,1.5,2,1,\n");
        assert_int_equal(damaged, rows[i].damaged);
        assert_int_equal(rt_error_code(), RT_OK);
    }
}

static void table_is_for_people(void **state)
{
    (void)state;
    int64_t damaged;
    const char *out = curve(ROW EVALUATED, RT__CURVE_TABLE, 100, 24, &damaged);
    assert_string_equal(
        out, " step  epoch    loss    rate  gradient  samples/s  test loss  test accuracy\n"
             "   10   0.50  1.2500  0.0002       nan      3,672\n"
             "1,234   1.00  0.5000   1e-05    2.0000          1     0.7500        91.48 %\n");
    out = curve(ROW EVALUATED, RT__CURVE_TABLE, 50, 24, &damaged); /* some columns give way */
    assert_non_null(strstr(out, "loss"));
    assert_null(strstr(out, "gradient"));
    for (const char *line = out; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 50);
}

static int lines_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* The table has as many evenly spaced rows as fit, with the last one; without a screen it has all. */
static void table_fits_the_screen(void **state)
{
    (void)state;
    static char text[8192];
    size_t used = 0;
    int64_t damaged;
    for (int i = 1; i <= 100; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "{\"step\":%d,\"loss\":1}\n", i);
    const char *out = curve(text, RT__CURVE_TABLE, 80, 24, &damaged);
    assert_int_equal(lines_of(out), 21);
    assert_non_null(strstr(out, "\n 100 "));
    assert_non_null(strstr(out, "\n  50 "));
    assert_int_equal(lines_of(curve(text, RT__CURVE_TABLE, 80, 0, &damaged)), 101);
    assert_int_equal(lines_of(curve(text, RT__CURVE_TABLE, 80, 3, &damaged)), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_header_and_every_row),
        cmocka_unit_test(json_is_what_was_written),
        cmocka_unit_test(what_is_no_row_is_left_out),
        cmocka_unit_test(table_is_for_people),
        cmocka_unit_test(table_fits_the_screen),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
