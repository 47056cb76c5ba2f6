/* The log: its two formats, its level, and many threads writing whole lines. */
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/rt-log-XXXXXX";

static char *content(void)
{
    rt_bytes b;
    assert_int_equal(rt_file_read(path, 1 << 24, &b), RT_OK);
    return (char *)b.data;
}

static void plain_lines(void **state)
{
    (void)state;
    rt_log_warn("slow link: %d ms\nsecond line", 7);
    rt_log_debug("not shown");
    rt_log_set_level(RT_LOG_DEBUG);
    rt_log_debug("shown");
    char *text = content();
    int y, mo, d, h, mi, ms, used = 0;
    double s;
    assert_int_equal(sscanf(text, "%d-%d-%d %d:%d:%lf%n", &y, &mo, &d, &h, &mi, &s, &used), 6);
    ms = (int)(s * 1000) % 1000;
    assert_in_range(ms, 0, 999);
    assert_int_equal(used, 23);
    assert_memory_equal(text + 23, " WARN  worker 3: slow link: 7 ms\\x0asecond line\n", 48);
    assert_non_null(strstr(text, " DEBUG worker 3: shown\n"));
    assert_null(strstr(text, "not shown"));
    rt_mem_free(text);
}

static void json_lines(void **state)
{
    (void)state;
    assert_int_equal(rt_log_open("a \"b\"", path, true), RT_OK);
    rt_log_error("tab\there, quote\" back\\slash, é, bell\a");
    char *text = content(), *end = strchr(text, '\n');
    json_t *j;
    const char *s;
    assert_int_equal(rt_json_parse(text, (size_t)(end - text), "line", &j), RT_OK);
    assert_int_equal(rt_json_string(j, "msg", "line", &s), RT_OK);
    assert_string_equal(s, "tab\there, quote\" back\\slash, é, bell\a");
    assert_int_equal(rt_json_string(j, "who", "line", &s), RT_OK);
    assert_string_equal(s, "a \"b\"");
    assert_int_equal(rt_json_string(j, "level", "line", &s), RT_OK);
    assert_string_equal(s, "ERROR");
    double ts;
    assert_int_equal(rt_json_double(j, "ts", "line", &ts), RT_OK);
    assert_true(ts > 1.7e9);
    json_decref(j);
    rt_mem_free(text);
}

static void long_entries_are_cut_and_stay_json(void **state)
{
    (void)state;
    assert_int_equal(rt_log_open("w", path, true), RT_OK);
    char quotes[6000];
    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = 0;
    rt_log_error("%s", quotes);
    rt_log_error("next");
    char *text = content(), *end = strchr(text, '\n');
    json_t *j;
    assert_int_equal(rt_json_parse(text, (size_t)(end - text), "line", &j), RT_OK);
    json_decref(j);
    assert_non_null(strstr(end, "next"));
    rt_mem_free(text);
}

enum { THREADS = 4, LINES = 500 };

static void *write_lines(void *who)
{
    for (int i = 0; i < LINES; i++)
        rt_log_info("%s %d end", (const char *)who, i);
    return NULL;
}

static void threads_write_whole_lines(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    static char names[THREADS][32];
    for (int i = 0; i < THREADS; i++) {
        snprintf(names[i], sizeof names[i], "thread%d", i);
        pthread_create(&threads[i], NULL, write_lines, names[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    char *text = content();
    int lines = 0;
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1, lines++)
        assert_memory_equal(end - 4, " end", 4);
    assert_int_equal(lines, THREADS * LINES);
    rt_mem_free(text);
}

static void a_log_that_cannot_be_opened_is_named(void **state)
{
    (void)state;
    assert_int_equal(rt_log_open("w", "/proc/nonexistent/x.log", false), RT_E_NOTFOUND);
    assert_string_equal(rt_error(),
                        "/proc/nonexistent/x.log: cannot open: No such file or directory");
    rt_error_clear();
}

/* A burst is logged with one line; the next line has the count so far. */
static void frequent_warnings_are_limited(void **state)
{
    (void)state;
    rt_log_limit knocks = {0};
    for (int i = 0; i < 100; i++) {
        rt_log_warn_limited(&knocks, "somebody knocks: %d", i);
        knocks.next += 1000; /* so that a slow machine does not matter */
    }
    knocks.next = 0; /* as if the pause were over */
    rt_log_warn_limited(&knocks, "somebody knocks: %d", 100);
    char *text = content(), *second = strchr(text, '\n');
    assert_non_null(strstr(text, "somebody knocks: 0\n"));
    assert_non_null(second);
    assert_non_null(strstr(second, "somebody knocks: 100 (101 such so far)\n"));
    assert_null(strchr(strchr(second + 1, '\n') + 1, '\n'));
    assert_int_equal(knocks.count, 101);
    rt_mem_free(text);
}

static int start(void **state)
{
    (void)state;
    memcpy(strrchr(path, '-'), "-XXXXXX", 7); /* a fresh name for each test */
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    rt_log_set_level(RT_LOG_INFO);
    return rt_log_open("worker 3", path, false) == RT_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    rt_log_close();
    return unlink(path);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        TEST(plain_lines),
        TEST(json_lines),
        TEST(long_entries_are_cut_and_stay_json),
        TEST(threads_write_whole_lines),
        TEST(a_log_that_cannot_be_opened_is_named),
        TEST(frequent_warnings_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
