/* What status draws: no line is too long at any width, no screen too tall at any height, troubled ranks come first, and
 * the terminal obeys nothing that the coordinator or a hostile name contains. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/words.h"
#include "launch/tui/status_show.h"

static const double NOW = 1795000000; /* 2026-11-18 */

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    return 0;
}

/* ---- objects ---- */

static json_t *make_rank(int64_t rank, const char *state, const char *what, int64_t peer)
{
    return json_pack("{s:I, s:s, s:I, s:s, s:s, s:f, s:I, s:o, s:I, s:f, s:s}", "rank",
                     (json_int_t)rank, "host", "node7", "pid", (json_int_t)(41000 + rank), "phase",
                     "reduce", "what", what, "since", 4.2, "step", (json_int_t)1240, "peer",
                     peer >= 0 ? json_integer(peer) : json_null(), "rss_bytes",
                     (json_int_t)(412 << 20), "heard_seconds", 4.0, "state", state);
}

static json_t *make_event(int n)
{
    return json_pack("{s:s, s:s, s:f, s:i, s:i, s:s}", "event", "worker_lost", "time",
                     "2026-11-18T08:03:44Z", "seconds", 12.5, "generation", 1, "step", n, "cause",
                     "killed by signal 9");
}

/* Makes the status of a run with so many ranks, hosts and events. */
static json_t *make_status(int ranks, int hosts, int events)
{
    json_t *r = json_array(), *h = json_array(), *e = json_array();
    for (int i = 0; i < ranks; i++)
        json_array_append_new(r, make_rank(i, "ok", "conv2d", -1));
    for (int i = 0; i < hosts; i++) {
        char name[16];
        snprintf(name, sizeof name, "node%d", i);
        json_array_append_new(h, json_pack("{s:s, s:i, s:i, s:s, s:f}", "host", name, "slots", 4,
                                           "used", 2, "state", "in use", "cooldown_seconds", 0.0));
    }
    for (int i = 0; i < events; i++)
        json_array_append_new(e, make_event(i));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:i, "
        "s:n, s:o, s:i, s:o, s:o}",
        "run", "9f21", "directory", "runs/tiny", "name", "tiny", "phase", "RUN", "generation", 3,
        "step", 1240, "end_step", 2000, "epoch", 1.32, "loss", 0.3412, "samples_per_second", 5120.4,
        "seconds", 3700.0, "eta_seconds", 42.0, "world_size", ranks, "target_world", ranks,
        "restarts", 2, "lost_steps", 1, "checkpoint_step", 1000, "snapshot_step", "ranks", r,
        "ranks_left_out", 0, "hosts", h, "events", e);
}

static void set_state(json_t *status, size_t rank, const char *state)
{
    json_t *row = json_array_get(json_object_get(status, "ranks"), rank);
    json_object_set_new(row, "state", json_string(state));
}

/* ---- drawing ---- */

static char *draw(const json_t *status, int width, int height, bool color)
{
    rt_text out = {0};
    rt__screen s = {.width = width, .height = height, .color = color, .now = NOW};
    rt__status_show(status, &s, &out);
    char *text = rt_text_take(&out);
    assert_non_null(text);
    return text;
}

static void expect_text(const char *text, const char *fragment)
{
    if (!strstr(text, fragment))
        fail_msg("'%s' is not in:\n%s", fragment, text);
}

/* Returns the columns of the longest line; UTF-8 continuation bytes take none. */
static int widest(const char *text, int *lines)
{
    int most = 0, now = 0;
    for (*lines = 0; *text; text++) {
        now += *text != '\n' && ((unsigned char)*text & 0xc0) != 0x80;
        most = now > most ? now : most;
        if (*text == '\n') {
            now = 0;
            ++*lines;
        }
    }
    return most;
}

static void one_screen_tells_it_all(void **state)
{
    (void)state;
    json_t *status = make_status(2, 1, 1);
    json_object_set_new(json_array_get(json_object_get(status, "ranks"), 0), "peer",
                        json_integer(1));
    char *text = draw(status, 100, 30, false);
    static const char *const fragments[] = {
        "tiny: training   run 9f21\n",
        "step       1,240 of 2,000 (62.0 %), epoch 1.32, loss 0.3412\n",
        "speed      5,120 samples/s, ETA 0:42, 1:01:40 so far\n",
        "workers    2, generation 3, 2 restarts, 1 step lost\n",
        "saved      checkpoint of step 1,000, snapshot none\n",
        "directory  runs/tiny\n",
        "rank  state  host     pid   step   memory  phase     for  doing\n",
        "   0  ok     node7  41000  1,240  412 MiB  reduce  4.2 s  conv2d, waits for rank 1\n",
        "   1  ok     node7  41001  1,240  412 MiB  reduce  4.2 s  conv2d\n",
        "host   slots  used  state\n",
        "node0      4     2  in use\n",
        "last events\n",
        "08:03:44  workers lost at step",
    };
    for (size_t i = 0; i < sizeof fragments / sizeof *fragments; i++)
        expect_text(text, fragments[i]);
    assert_null(strchr(text, '\033'));
    rt_mem_free(text);
    json_decref(status);
}

static void no_line_is_too_long_and_no_screen_too_tall(void **state)
{
    (void)state;
    static const int counts[] = {0, 1, 2, 7, 40, 300};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        json_t *status = make_status(counts[c], counts[c] / 2, counts[c]);
        if (counts[c] > 3)
            set_state(status, 3, "stalled");
        json_object_set_new(status, "name", json_string("ünï-日本語-a-rather-long-name-of-a-run"));
        for (int width = 20; width <= 160; width += 7)
            for (int height = 26; height <= 70; height += 11) {
                char *text = draw(status, width, height, false);
                int lines, columns = widest(text, &lines);
                if (columns > width || lines > height)
                    fail_msg("%d x %d: drawn %d x %d:\n%s", width, height, columns, lines, text);
                rt_mem_free(text);
            }
        json_decref(status);
    }
}

static void narrow_screens_keep_what_matters(void **state)
{
    (void)state;
    json_t *status = make_status(2, 0, 0);
    set_state(status, 1, "stalled");
    char *text = draw(status, 40, 24, false);
    expect_text(text, "rank  state");
    expect_text(text, "   1  stalled");
    expect_text(text, "conv2d");
    assert_null(strstr(text, "memory"));
    assert_null(strstr(text, "pid"));
    rt_mem_free(text);
    json_decref(status);
}

static void the_troubled_come_first_when_not_all_fit(void **state)
{
    (void)state;
    json_t *status = make_status(1000, 0, 0);
    set_state(status, 990, "stalled");
    set_state(status, 991, "silent");
    set_state(status, 992, "gone");
    set_state(status, 5, "starting");
    json_object_set_new(status, "ranks_left_out", json_integer(9000));
    char *text = draw(status, 80, 24, false);
    const char *gone = strstr(text, " 992  gone"), *silent = strstr(text, " 991  silent");
    const char *stalled = strstr(text, " 990  stalled"), *starting = strstr(text, "   5  starting");
    assert_true(gone && silent && stalled && starting);
    assert_true(gone < silent && silent < stalled && stalled < starting);
    expect_text(silent, "no message for 4.0 s, last: ");
    expect_text(text, "... and 9,985 more, all ok\n"); /* 16 of 24 lines are ranks, one is this */
    rt_mem_free(text);
    json_decref(status);
}

static void what_is_left_out_is_counted_by_state(void **state)
{
    (void)state;
    json_t *status = make_status(100, 0, 0);
    for (size_t i = 0; i < 60; i++)
        set_state(status, i, "stalled");
    char *text = draw(status, 80, 24, false);
    expect_text(text, "... and 85 more, 45 stalled, 40 ok\n");
    rt_mem_free(text);
    /* The coordinator leaves out the least troubled ranks. If it sends no healthy one, we do not claim any. */
    for (size_t i = 0; i < 100; i++)
        set_state(status, i, "stalled");
    json_object_set_new(status, "ranks_left_out", json_integer(5));
    text = draw(status, 80, 24, false);
    expect_text(text, "... and 90 more, all stalled\n");
    rt_mem_free(text);
    json_decref(status);
}

static void all_ranks_are_in_order_when_they_fit(void **state)
{
    (void)state;
    json_t *status = make_status(4, 0, 0);
    set_state(status, 3, "stalled");
    char *text = draw(status, 80, 24, false);
    assert_true(strstr(text, "   0  ok") < strstr(text, "   3  stalled"));
    assert_null(strstr(text, "more"));
    rt_mem_free(text);
    json_decref(status);
}

static void hosts_that_cool_down_are_shown(void **state)
{
    (void)state;
    json_t *status = make_status(1, 30, 0);
    json_t *host = json_array_get(json_object_get(status, "hosts"), 20);
    json_object_set_new(host, "state", json_string("cooling down"));
    json_object_set_new(host, "cooldown_seconds", json_real(42));
    char *text = draw(status, 80, 20, false);
    expect_text(text, "node20      4     2  cooling down, 42 s left\n");
    expect_text(text, "in use or idle\n");
    rt_mem_free(text);
    text = draw(status, 80, 0, false); /* a pipe: all of them */
    expect_text(text, "node29 ");
    rt_mem_free(text);
    json_decref(status);
}

static void a_rank_that_has_not_joined_has_no_pid(void **state)
{
    (void)state;
    json_t *status = make_status(2, 0, 0);
    set_state(status, 1, "starting");
    json_t *rank = json_array_get(json_object_get(status, "ranks"), 1);
    json_object_set_new(rank, "pid", json_integer(0));
    json_object_set_new(rank, "peer", json_integer(0)); /* nor does it wait for another rank */
    char *text = draw(status, 100, 24, false);
    expect_text(text, "   1  starting  node7      -  1,240");
    assert_null(strstr(text, "waits for"));
    rt_mem_free(text);
    json_decref(status);
}

static void colors_only_where_they_are_wanted(void **state)
{
    (void)state;
    json_t *status = make_status(2, 0, 0);
    set_state(status, 1, "stalled");
    char *text = draw(status, 80, 24, true);
    expect_text(text, "\033[31m   1  stalled");
    expect_text(text, "\033[0m\n");
    rt_mem_free(text);
    json_decref(status);
}

/* ---- what we must not rely on ---- */

static void anything_may_be_missing(void **state)
{
    (void)state;
    json_t *whole = make_status(3, 2, 2);
    const char *key;
    json_t *value;
    json_object_foreach(whole, key, value)
    {
        json_t *wrong[] = {NULL,          json_null(),      json_true(), json_string("x"),
                           json_object(), json_integer(-1), json_array()};
        json_array_append_new(wrong[6], json_string("y"));
        for (int i = 0; i < 7; i++) {
            json_t *status = json_deep_copy(whole);
            if (wrong[i])
                json_object_set_new(status, key, wrong[i]);
            else
                json_object_del(status, key);
            rt_mem_free(draw(status, 80, 24, false));
            json_decref(status);
        }
    }
    json_decref(whole);
    json_t *empty = json_object();
    char *text = draw(empty, 80, 24, false);
    expect_text(text, "phase unknown");
    expect_text(text, "step       -");
    rt_mem_free(text);
    json_decref(empty);
}

static void nothing_controls_the_terminal(void **state)
{
    (void)state;
    static const char evil[] = "\033]0;owned\007\033[2J\x7f\r\xc2\x9b"
                               "31m";
    json_t *status = make_status(2, 1, 1);
    static const char *const keys[] = {"name", "run", "directory", "phase"};
    for (int i = 0; i < 4; i++)
        json_object_set_new(status, keys[i], json_string(evil));
    json_t *rank = json_array_get(json_object_get(status, "ranks"), 0);
    json_t *host = json_array_get(json_object_get(status, "hosts"), 0);
    json_t *event = json_array_get(json_object_get(status, "events"), 0);
    static const char *const rank_keys[] = {"host", "phase", "what", "state"};
    for (int i = 0; i < 4; i++)
        json_object_set_new(rank, rank_keys[i], json_string(evil));
    json_object_set_new(host, "host", json_string(evil));
    json_object_set_new(host, "state", json_string(evil));
    json_object_set_new(event, "event", json_string(evil));
    json_object_set_new(event, "cause", json_string(evil));
    json_object_set_new(event, evil, json_string(evil));
    char *text = draw(status, 120, 40, false);
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f ||
            ((unsigned char)*c == 0xc2 && (unsigned char)c[1] < 0xa0))
            fail_msg("byte %02x in:\n%s", (unsigned char)*c, text);
    rt_mem_free(text);
    json_decref(status);
}

/* ---- words ---- */

static void numbers_are_readable(void **state)
{
    (void)state;
    char t[RT__WORDS];
    assert_string_equal(rt__words_number(0, t), "0");
    assert_string_equal(rt__words_number(999, t), "999");
    assert_string_equal(rt__words_number(1234567, t), "1,234,567");
    assert_string_equal(rt__words_number(-1234, t), "-1,234");
    assert_string_equal(rt__words_number(1.0 / 0.0 - 1.0 / 0.0, t), "-");
    assert_string_equal(rt__words_duration(123, t), "2:03");
    assert_string_equal(rt__words_duration(3723, t), "1:02:03");
    assert_string_equal(rt__words_duration(3 * 86400 + 7200, t), "3 d 2 h");
    assert_string_equal(rt__words_duration(-1, t), "-");
    assert_string_equal(rt__words_seconds(0.123, t), "0.12 s");
    assert_string_equal(rt__words_seconds(4.23, t), "4.2 s");
    assert_string_equal(rt__words_seconds(42.4, t), "42 s");
    assert_string_equal(rt__words_seconds(190, t), "3:10");
    assert_string_equal(rt__words_bytes(0, t), "0 B");
    assert_string_equal(rt__words_bytes(1 << 20, t), "1.0 MiB");
    assert_string_equal(rt__words_bytes(412.0 * (1 << 20), t), "412 MiB");
    assert_string_equal(rt__words_clock("2026-11-18T08:03:44Z", NOW, t), "08:03:44");
    assert_string_equal(rt__words_clock("2026-11-17T08:03:44Z", NOW, t), "2026-11-17 08:03:44");
    assert_string_equal(rt__words_clock("yesterday", NOW, t), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_screen_tells_it_all),
        cmocka_unit_test(no_line_is_too_long_and_no_screen_too_tall),
        cmocka_unit_test(narrow_screens_keep_what_matters),
        cmocka_unit_test(the_troubled_come_first_when_not_all_fit),
        cmocka_unit_test(what_is_left_out_is_counted_by_state),
        cmocka_unit_test(all_ranks_are_in_order_when_they_fit),
        cmocka_unit_test(hosts_that_cool_down_are_shown),
        cmocka_unit_test(a_rank_that_has_not_joined_has_no_pid),
        cmocka_unit_test(colors_only_where_they_are_wanted),
        cmocka_unit_test(anything_may_be_missing),
        cmocka_unit_test(nothing_controls_the_terminal),
        cmocka_unit_test(numbers_are_readable),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
