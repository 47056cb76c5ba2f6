/* The line of progress: what is dropped on a narrow screen, widths in columns, and that a resize leaves no remains of it. */
#include "launch/tui/live.h"
#include "launch/tui/screen.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const rt__part parts[] = {
    {"step 830/37,500"},     {"2 %", 1},  {"epoch 0.39", 5}, {"loss 0.2377"},  {"lr 0.001", 6},
    {"20,899 samples/s", 3}, {"0:12", 4}, {"ETA 3:20", 2},   {"2 workers", 7},
};
enum { COUNT = sizeof parts / sizeof *parts };

static void parts_give_way(void **state)
{
    (void)state;
    static const struct {
        int columns;
        const char *text;
    } rows[] = {
        {0, "step 830/37,500  2 %  epoch 0.39  loss 0.2377  lr 0.001  20,899 samples/s  0:12  "
            "ETA 3:20  2 workers"},
        {92, "step 830/37,500  2 %  epoch 0.39  loss 0.2377  lr 0.001  20,899 samples/s  0:12  "
             "ETA 3:20"},
        {77, "step 830/37,500  2 %  loss 0.2377  20,899 samples/s  0:12  ETA 3:20"},
        {50, "step 830/37,500  2 %  loss 0.2377  ETA 3:20"},
        {28, "step 830/37,500  loss 0.2377"},
        {20, "step 830/37,500  los"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[RT__LIVE_TEXT];
        assert_string_equal(rt__live_text(parts, COUNT, rows[i].columns, text), rows[i].text);
    }
}

static void columns_are_not_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns;
        size_t fits; /* bytes in three columns */
    } rows[] = {
        {"abcd", 4, 3},
        {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 4, 6}, /* letters with umlauts */
        {"\xe6\x97\xa5\xe6\x9c\xac", 4, 3},         /* two wide characters */
        {"a\xcc\x81"
         "bcd",
         4, 5},                      /* with a combining accent */
        {"\xf0\x9f\x99\x82x", 3, 5}, /* a face */
        {"\xff\xc3", 2, 2},          /* no UTF-8 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rt__columns_of(rows[i].text), rows[i].columns);
        assert_int_equal(rt__columns_fit(rows[i].text, 3), rows[i].fits);
    }
}

/* A terminal that rewraps its lines when it is resized, as seen from its last line. */
typedef struct terminal {
    char line[1024];
    int len, at, width;
} terminal;

static void obey(terminal *t, const char *bytes)
{
    for (const char *c = bytes; *c; c++) {
        int row = t->at > 0 ? (t->at - 1) / t->width : 0, n = 0, used = 0;
        if (*c == '\r') {
            t->at = row * t->width;
        } else if (sscanf(c, "\033[%dA%n", &n, &used) == 1 && used > 0) {
            t->at -= n * t->width;
            assert_true(t->at >= 0); /* else it would erase the lines above */
            c += used - 1;
        } else if (strncmp(c, "\033[J", 3) == 0) {
            t->len = t->at;
            c += 2;
        } else {
            assert_true(*c >= ' ');
            t->line[t->at++] = *c;
            t->len = t->at > t->len ? t->at : t->len;
        }
    }
    t->line[t->len] = '\0';
}

/* Makes one call and sends what it has written to the terminal. */
#define ON(t, call)                                                                                \
    do {                                                                                           \
        char written[4096] = "";                                                                   \
        FILE *to = fmemopen(written, sizeof written, "w");                                         \
        call;                                                                                      \
        fclose(to);                                                                                \
        obey(t, written);                                                                          \
    } while (0)

static void nothing_is_torn_by_a_resize(void **state)
{
    (void)state;
    static const int widths[] = {40, 120, 80, 79, 20, 40, 21, 200, 30, 29, 90};
    terminal t = {.width = 100};
    rt__live l = {0};
    char expected[RT__LIVE_TEXT];
    ON(&t, rt__live_draw(&l, parts, COUNT, t.width, to));
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        t.width = widths[i];
        ON(&t, rt__live_fit(&l, t.width, to));
        assert_string_equal(t.line, rt__live_text(parts, COUNT, t.width - 1, expected));
        assert_true(t.len < t.width);
        ON(&t, rt__live_fit(&l, t.width, to)); /* the width is the same: nothing to do */
        assert_string_equal(t.line, expected);
    }
    t.width = 20;
    ON(&t, rt__live_erase(&l, t.width, to));
    assert_string_equal(t.line, "");
    ON(&t, rt__live_fit(&l, 50, to)); /* there is no line any more */
    assert_string_equal(t.line, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_give_way),
        cmocka_unit_test(columns_are_not_bytes),
        cmocka_unit_test(nothing_is_torn_by_a_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
