/* Status codes, the error slot, memory, text, names, hashes, JSON and dtypes. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include "common/base/text.h"
#include <math.h>
#include <pthread.h>
#include <ringtorch/dtype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- status and errors ---- */

static void codes_have_names_and_exit_codes(void **state)
{
    (void)state;
    assert_string_equal(rt_status_name(RT_OK), "OK");
    assert_string_equal(rt_status_name(RT_E_SHAPE), "SHAPE");
    assert_string_equal(rt_status_text(RT_E_NOMEM), "out of memory");
    assert_int_equal(rt_status_exit_code(RT_OK), 0);
    assert_int_equal(rt_status_exit_code(RT_E_CONFIG), 2);
    assert_int_equal(rt_status_exit_code(RT_E_CORRUPT), 2);
    assert_int_equal(rt_status_exit_code(RT_E_NET), 1);
    assert_int_equal(rt_status_exit_code(RT_E_INTERNAL), 1);
    assert_string_equal(rt_status_name((rt_status)-999), "?");
    assert_non_null(rt_status_text((rt_status)-999));
}

static void the_first_failure_is_kept(void **state)
{
    (void)state;
    assert_false(rt_failed());
    assert_string_equal(rt_error(), "");
    assert_int_equal(RT_FAIL(SHAPE, "sizes %d and %d", 3, 4), RT_E_SHAPE);
    assert_int_equal(RT_FAIL(IO, "a consequence"), RT_E_IO);
    assert_true(rt_failed());
    assert_int_equal(rt_error_code(), RT_E_SHAPE);
    assert_string_equal(rt_error(), "sizes 3 and 4");
    assert_ptr_equal(strstr(rt_error_place(), "tests/unit/common/test_base.c:"), rt_error_place());
    rt_error_clear();
    assert_false(rt_failed());
    assert_int_equal(rt_error_code(), RT_OK);
}

static void prefixes_name_the_context(void **state)
{
    (void)state;
    assert_int_equal(rt_error_prefix("nothing"), RT_OK);
    RT_FAIL(IO, "disk on fire");
    assert_int_equal(rt_error_prefix("step %d", 7), RT_E_IO);
    rt_error_prefix("run x");
    assert_string_equal(rt_error(), "run x: step 7: disk on fire");
    char longest[4000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    rt_error_prefix("%s", longest); /* cut, not overrun */
    assert_in_range(strlen(rt_error()), 1000, 1023);
    rt_error_clear();
    RT_FAIL(IO, "%s", longest);
    rt_error_prefix("x");
    assert_ptr_equal(strstr(rt_error(), "x: aaaa"), rt_error());
    rt_error_clear();
}

static void *fail_in_thread(void *saved)
{
    RT_FAIL(NUMERIC, "nan in a thread");
    rt_error_save(saved);
    return rt_failed() ? NULL : saved;
}

static void threads_hand_their_errors_over(void **state)
{
    (void)state;
    pthread_t t;
    rt_saved_error saved, none = {.code = RT_OK};
    void *emptied;
    pthread_create(&t, NULL, fail_in_thread, &saved);
    pthread_join(t, &emptied);
    assert_non_null(emptied);
    assert_false(rt_failed()); /* a slot each */
    assert_int_equal(rt_error_restore(&none), RT_OK);
    assert_false(rt_failed());
    assert_int_equal(rt_error_restore(&saved), RT_E_NUMERIC);
    assert_string_equal(rt_error(), "nan in a thread");
    saved.code = RT_E_IO;
    rt_error_restore(&saved); /* the first stays */
    assert_int_equal(rt_error_code(), RT_E_NUMERIC);
    rt_error_clear();
}

/* ---- memory ---- */

static void memory_is_counted(void **state)
{
    (void)state;
    int64_t live = rt_mem_live(), total = rt_mem_total();
    void *a = rt_malloc(0), *b = rt_calloc(3, 5), *c = rt_malloc_aligned(64, 100);
    char *d = rt_strdup_printf("%d-%s", 7, "x"), *e = rt_strdup("abc");
    assert_non_null(a);
    assert_int_equal((uintptr_t)c % 64, 0);
    assert_memory_equal(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    assert_string_equal(d, "7-x");
    assert_string_equal(e, "abc");
    assert_int_equal(rt_mem_live(), live + 5);
    e = rt_realloc(e, 1000);
    assert_string_equal(e, "abc");
    assert_int_equal(rt_mem_live(), live + 5);
    assert_int_equal(rt_mem_total(), total + 6);
    void *all[] = {a, b, c, d, e, NULL};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        rt_mem_free(all[i]);
    assert_int_equal(rt_mem_live(), live);
}

static void memory_fails_on_purpose(void **state)
{
    (void)state;
    int64_t live = rt_mem_live();
    char *kept = rt_strdup("kept");
    rt_mem_fail_after(2);
    void *a = rt_malloc(1), *b = rt_malloc(1);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(rt_malloc(123));
    assert_int_equal(rt_error_code(), RT_E_NOMEM);
    assert_string_equal(rt_error(), "out of memory: 123 bytes asked for");
    assert_null(rt_calloc(1, 1));
    assert_null(rt_malloc_aligned(64, 1));
    assert_null(rt_strdup("x"));
    assert_null(rt_realloc(kept, 100));
    assert_string_equal(kept, "kept");
    rt_mem_fail_after(-1);
    rt_error_clear();
    assert_null(rt_calloc(SIZE_MAX / 2, 3)); /* the product overflows */
    assert_int_equal(rt_error_code(), RT_E_NOMEM);
    rt_error_clear();
    rt_mem_free(a);
    rt_mem_free(b);
    rt_mem_free(kept);
    assert_int_equal(rt_mem_live(), live);
}

/* ---- text and names ---- */

static void text_grows(void **state)
{
    (void)state;
    rt_text t = {0};
    char *empty = rt_text_take(&t);
    assert_string_equal(empty, "");
    rt_mem_free(empty);
    for (int i = 0; i < 1000; i++)
        rt_text_add(&t, "%03d,", i);
    assert_int_equal(t.len, 4000);
    char *all = rt_text_take(&t);
    assert_int_equal(strlen(all), 4000);
    assert_string_equal(all + 3992, "998,999,");
    rt_mem_free(all);

    int64_t live = rt_mem_live();
    rt_mem_fail_after(1);
    for (int i = 0; i < 1000; i++)
        rt_text_add(&t, "more and more ");
    assert_null(rt_text_take(&t));
    rt_mem_fail_after(-1);
    assert_int_equal(rt_error_code(), RT_E_NOMEM);
    assert_int_equal(rt_mem_live(), live);
    rt_error_clear();
}

/* A terminal shows text from outside but never obeys it. */
static void printable_text_holds_no_controls(void **state)
{
    (void)state;
    static const struct {
        const char *from, *shown;
    } rows[] = {
        {"", ""},
        {"plain ~ text", "plain ~ text"},
        {"\033[2J\n\r\t\x7f", "\\x1b[2J\\x0a\\x0d\\x09\\x7f"},
        {"caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x94\xa5", "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x94\xa5"},
        {"\xc2\x9b"
         "31m\xc2\xa0",
         "\\u009b31m\xc2\xa0"}, /* C1; a no-break space is none */
        {"a\u202egnp.exe \u2066b\u2069",
         "a\\u202egnp.exe \\u2066b\\u2069"}, /* read from the right */
        {"na\u200bme\u200d\u2060\ufeff", "na\\u200bme\\u200d\\u2060\\ufeff"}, /* of no width */
        {"x\u00ad\u3164\u2028\U000e0041", "x\\u00ad\\u3164\\u2028\\U000e0041"},
        {"\u00fc\u03b1\u5b57\u0627 \u2764\ufe0f \U0001f525",
         "\u00fc\u03b1\u5b57\u0627 \u2764\ufe0f \U0001f525"},
        {"\x9b"
         "31m \xff",
         "\\x9b31m \\xff"}, /* bytes that begin no character */
        {"\xc3", "\\xc3"},  /* cut off */
        {"\xe2\x80"
         "A",
         "\\xe2\\x80"
         "A"},
        {"\xc0\x9b \xe0\x80\x9b", "\\xc0\\x9b \\xe0\\x80\\x9b"}, /* overlong */
        {"\xed\xa0\x80 \xf4\x90\x80\x80",
         "\\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80"}, /* surrogate, too high */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char shown[100], cut[9];
        rt_text grown = {0};
        assert_int_equal(rt_text_printable(shown, sizeof shown, rows[i].from),
                         strlen(rows[i].shown));
        assert_string_equal(shown, rows[i].shown);
        size_t len = rt_text_printable(cut, sizeof cut, rows[i].from);
        assert_true(len < sizeof cut && strncmp(cut, shown, len) == 0 && cut[len] == '\0');
        rt_text_add_printable(&grown, rows[i].from);
        char *all = rt_text_take(&grown);
        assert_string_equal(all, rows[i].shown);
        rt_mem_free(all);
        RT_FAIL(FORMAT, "tensor %s", rows[i].from);
        assert_string_equal(rt_error() + strlen("tensor "), rows[i].shown);
        rt_error_prefix("%s", rows[i].from);
        assert_memory_equal(rt_error(), rows[i].shown, strlen(rows[i].shown));
        rt_error_clear();
    }
}

/* Line breaks stay; nothing else in a name moves the cursor. Printed JSON keeps its meaning. */
static void printed_text_is_not_obeyed(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    rt_text_print(to, "%s\nstep %d\n", "run \033[2J\r", 7);
    rt_json_print(to, "{\"a\":\"\xc3\xa9\x7f\xc2\x9b\u202e\U000e0041\"}");
    assert_int_equal(fclose(to), 0);
    assert_string_equal(
        text,
        "run \\x1b[2J\\x0d\nstep 7\n{\"a\":\"\xc3\xa9\\u007f\\u009b\\u202e\\udb40\\udc41\"}\n");
    free(text);
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    const char *names[] = {"name", "lr", "weight_decay", "beta1", "beta2", "momentum"};
    const char *cases[][2] = {
        {"lrr", "lr"},     {"weigth_decay", "weight_decay"},
        {"beta", "beta1"}, {"momentun", "momentum"},
        {"nam", "name"},   {"xyz", NULL},
        {"nmae", "name"},  {"mnae", NULL}, /* swapped neighbours count as one error */
        {"", NULL},        {"epochs", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = rt_nearest(cases[i][0], names, sizeof names / sizeof *names);
        if (cases[i][1])
            assert_string_equal(near, cases[i][1]);
        else
            assert_null(near);
    }
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[199] = 0;
    assert_null(rt_nearest(longest, names, 6));
}

/* ---- hashes, JSON, dtypes ---- */

static void hashes_have_their_published_values(void **state)
{
    (void)state;
    assert_true(rt_hash64("", 0) == 0x2d06800538d394c2u); /* XXH3-64 of nothing, seed 0 */
    char hex[65];
    rt_sha256 h;
    assert_int_equal(rt_sha256_init(&h), RT_OK);
    rt_sha256_update(&h, "a", 1);
    rt_sha256_update(&h, "bc", 2);
    rt_sha256_hex(&h, hex); /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hashing_in_parts_equals_hashing_at_once(void **state)
{
    (void)state;
    uint8_t data[3000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 >> 3);
    for (size_t cut = 0; cut < sizeof data; cut += 271) {
        rt_hasher64 h;
        assert_int_equal(rt_hasher64_init(&h), RT_OK);
        rt_hasher64_update(&h, data, cut);
        rt_hasher64_update(&h, data + cut, sizeof data - cut);
        assert_true(rt_hasher64_finish(&h) == rt_hash64(data, sizeof data));
    }
    for (size_t len = 0; len < sizeof data; len += 1 + len / 16) { /* for each code path of XXH3 */
        rt_hasher64 h;
        assert_int_equal(rt_hasher64_init(&h), RT_OK);
        rt_hasher64_update(&h, data + 1, len);
        assert_true(rt_hasher64_finish(&h) == rt_hash64(data + 1, len));
    }
    data[1500] ^= 1;
    uint64_t before = rt_hash64(data, sizeof data);
    data[1500] ^= 1;
    assert_true(before != rt_hash64(data, sizeof data));
}

static void json_errors_name_the_place(void **state)
{
    (void)state;
    const char *bad[][2] = {
        {"{\"a\": 1,\n  \"b\" 2}", "x.json:2:7: "},
        {"{\"a\": 1, \"a\": 2}", "x.json:1:12: duplicate object key"},
        {"", "x.json:1:0: "},
        {"{} x", "x.json:1:4: end of file expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *j;
        assert_int_equal(rt_json_parse(bad[i][0], strlen(bad[i][0]), "x.json", &j), RT_E_FORMAT);
        assert_null(j);
        if (strstr(rt_error(), bad[i][1]) != rt_error())
            assert_string_equal(rt_error(), bad[i][1]);
        rt_error_clear();
    }
}

static void json_members_are_typed(void **state)
{
    (void)state;
    const char *text = "{\"step\": 5, \"loss\": 0.5, \"name\": \"x\", \"list\": [1]}";
    json_t *j, *list;
    int64_t i;
    double d;
    const char *s;
    assert_int_equal(rt_json_parse(text, strlen(text), "m", &j), RT_OK);
    assert_int_equal(rt_json_int(j, "step", "m", &i), RT_OK);
    assert_int_equal(i, 5);
    assert_int_equal(rt_json_double(j, "loss", "m", &d), RT_OK);
    assert_true(d == 0.5);
    assert_int_equal(rt_json_double(j, "step", "m", &d), RT_OK);
    assert_int_equal(rt_json_string(j, "name", "m", &s), RT_OK);
    assert_string_equal(s, "x");
    assert_int_equal(rt_json_member(j, "list", "m", &list), RT_OK);

    assert_int_equal(rt_json_int(j, "loss", "m", &i), RT_E_FORMAT);
    assert_string_equal(rt_error(), "m: 'loss' is a number, expected an integer");
    rt_error_clear();
    assert_int_equal(rt_json_string(j, "missing", "m", &s), RT_E_FORMAT);
    assert_string_equal(rt_error(), "m: the key 'missing' is missing");
    rt_error_clear();
    assert_int_equal(rt_json_int(list, "x", "m", &i), RT_E_FORMAT);
    assert_string_equal(rt_error(), "m: an array, expected an object with the key 'x'");
    rt_error_clear();
    char *again = rt_json_text(j);
    assert_string_equal(again, "{\"step\":5,\"loss\":0.5,\"name\":\"x\",\"list\":[1]}");
    rt_mem_free(again);
    json_decref(j);
}

/* Every number is written with the fewest digits that read back unchanged, and a real number stays real. */
static void json_numbers_are_short_and_exact(void **state)
{
    (void)state;
    static const struct {
        const char *given, *text;
    } rows[] = {
        {"[0.0002]", "[0.0002]"},
        {"[0.10000000000000001, 0.30000000000000004]", "[0.1,0.30000000000000004]"},
        {"[1.0, -2.0, 100.0, 0.0]", "[1.0,-2.0,100.0,0.0]"},
        {"[1, -2, 9007199254740993]", "[1,-2,9007199254740993]"},
        {"[1e300, 1e-05, 123456789012345680.0]", "[1e+300,1e-05,1.2345678901234568e+17]"},
        {"[0.10000000149011612]", "[0.10000000149011612]"},
        {"{\"a 0.10000000000000001 \\\" 2.50\": \"1.50 \\\\\", \"b\": [true, false, null]}",
         "{\"a 0.10000000000000001 \\\" 2.50\":\"1.50 \\\\\",\"b\":[true,false,null]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j, *again;
        assert_int_equal(rt_json_parse(rows[i].given, strlen(rows[i].given), "row", &j), RT_OK);
        char *text = rt_json_text(j);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(rt_json_parse(text, strlen(text), "row", &again), RT_OK);
        assert_true(json_equal(j, again));
        json_decref(again);
        json_decref(j);
        rt_mem_free(text);
    }
    json_t *none = rt_json_number(-INFINITY), *some = rt_json_number(0);
    assert_true(json_is_null(none) && json_is_real(some));
    json_decref(none);
    json_decref(some);
}

static void numbers_are_formatted(void **state)
{
    (void)state;
    static const struct {
        double x;
        int decimals;
        const char *text;
    } rows[] = {{0.23768, 4, "0.2377"}, {-1.5, 0, "-2"},      {NAN, 4, "nan"},
                {-NAN, 2, "nan"},       {INFINITY, 4, "inf"}, {-INFINITY, 4, "-inf"},
                {1e300, 4, "1e+300"}};
    char text[RT_FIXED];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(rt_fixed(rows[i].x, rows[i].decimals, text), rows[i].text);
}

/* null, a string and a missing member do not count as 0. */
static void non_numbers_do_not_count_as_zero(void **state)
{
    (void)state;
    json_t *j = json_pack("{s:n, s:s, s:i, s:f}", "null", "text", "1", "one", 1, "half", 0.5);
    const char *no_number[] = {"null", "text", "missing"};
    for (size_t i = 0; i < sizeof no_number / sizeof *no_number; i++) {
        assert_true(isnan(rt__field_number(j, no_number[i])));
        assert_int_equal(rt__field_int(j, no_number[i], -7), -7);
    }
    assert_true(rt__field_number(j, "one") == 1 && rt__field_number(j, "half") == 0.5);
    assert_int_equal(rt__field_int(j, "one", -7), 1);
    json_decref(j);
}

static void dtypes_have_sizes_and_names(void **state)
{
    (void)state;
    assert_int_equal(rt_dtype_size(RT_F32), 4);
    assert_int_equal(rt_dtype_size(RT_I64), 8);
    assert_int_equal(rt_dtype_size(RT_BF16), 2);
    assert_string_equal(rt_dtype_name(RT_F32), "float32");
    assert_string_equal(rt_dtype_safetensors(RT_BOOL), "BOOL");
    assert_int_equal(rt_dtype_size((rt_dtype)99), 0);
    assert_string_equal(rt_dtype_name((rt_dtype)99), "?");
}

static void clocks_move_forward(void **state)
{
    (void)state;
    double t = rt_clock();
    rt_clock_sleep(0.01);
    assert_true(rt_clock() - t >= 0.009);
    rt_clock_sleep(-1);
    assert_true(rt_clock_wall() > 1.7e9);
}

static int clear_error(void **state)
{
    (void)state;
    rt_error_clear();
    rt_mem_fail_after(-1);
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clear_error)
    const struct CMUnitTest tests[] = {
        TEST(codes_have_names_and_exit_codes),
        TEST(the_first_failure_is_kept),
        TEST(prefixes_name_the_context),
        TEST(threads_hand_their_errors_over),
        TEST(memory_is_counted),
        TEST(memory_fails_on_purpose),
        TEST(text_grows),
        TEST(printable_text_holds_no_controls),
        TEST(printed_text_is_not_obeyed),
        TEST(the_nearest_name_is_found),
        TEST(hashes_have_their_published_values),
        TEST(hashing_in_parts_equals_hashing_at_once),
        TEST(json_errors_name_the_place),
        TEST(json_members_are_typed),
        TEST(json_numbers_are_short_and_exact),
        TEST(numbers_are_formatted),
        TEST(non_numbers_do_not_count_as_zero),
        TEST(dtypes_have_sizes_and_names),
        TEST(clocks_move_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
