/* Messages: every type survives encoding and decoding, and everything that deviates from messages.def is refused.
 */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/codec.h"
#include "common/control/messages_codec.h"
#include "tests/support/message_text.h"
#include "tests/support/random_message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int clear_error(void **state)
{
    (void)state;
    rt_error_clear();
    return 0;
}

static void expect_protocol_error(int64_t type, const void *data, size_t len, const char *message)
{
    rt_msg_body body;
    assert_int_equal(rt_msg_decode(type, data, len, &body), RT_E_PROTOCOL);
    if (message)
        assert_string_equal(rt_error(), message);
    rt_error_clear();
}

static void random_messages_survive(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 40 * RT_MSG_TYPES; i++) {
        rt_msg_type type = rt_msg_type_at(i % RT_MSG_TYPES);
        rt_msg_body body, again;
        rt_bytes one, two;
        assert_int_equal(random_message(type, &seed, &body), RT_OK);
        assert_int_equal(rt_msg_encode(type, &body, &one), RT_OK);
        assert_int_equal(rt_msg_decode(type, one.data, one.len, &again), RT_OK);
        assert_int_equal(rt_msg_encode(type, &again, &two), RT_OK);
        assert_int_equal(one.len, two.len);
        assert_memory_equal(one.data, two.data, one.len);
        rt_bytes_release(&one);
        rt_bytes_release(&two);
        rt_msg_body_release(type, &body);
        rt_msg_body_release(type, &again);
    }
}

static void values_survive_the_round_trip(void **state)
{
    (void)state;
    int64_t begins[] = {0,   1,   INT64_MAX, INT64_MIN, -1,        -33,  127,   128,
                        255, 256, 65535,     65536,     1LL << 32, -129, -32769};
    enum { N = sizeof begins / sizeof *begins };
    rt_msg_plan plan = {.world = 3,
                        .slice_begin = begins,
                        .slice_begin_count = N,
                        .checkpoint = NULL,
                        .plan_hash = "ab\"c"};
    rt_msg_body got;
    rt_bytes bytes;
    assert_int_equal(rt_msg_encode(RT_MSG_PLAN, &plan, &bytes), RT_OK);
    assert_int_equal(rt_msg_decode(RT_MSG_PLAN, bytes.data, bytes.len, &got), RT_OK);
    assert_int_equal(got.plan.world, 3);
    assert_int_equal(got.plan.slice_begin_count, N);
    assert_memory_equal(got.plan.slice_begin, begins, sizeof begins);
    assert_string_equal(got.plan.checkpoint, ""); /* NULL travels as "" */
    assert_string_equal(got.plan.plan_hash, "ab\"c");
    rt_msg_body_release(RT_MSG_PLAN, &got);
    rt_bytes_release(&bytes);

    const char *hosts[] = {"alpha", "", "gamma"};
    rt_msg_start_generation start = {
        .job_generation = 2, .world = 3, .hosts = hosts, .hosts_count = 3};
    assert_int_equal(rt_msg_encode(RT_MSG_START_GENERATION, &start, &bytes), RT_OK);
    assert_int_equal(rt_msg_decode(RT_MSG_START_GENERATION, bytes.data, bytes.len, &got), RT_OK);
    assert_int_equal(got.start_generation.hosts_count, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(got.start_generation.hosts[i], hosts[i]);
    rt_msg_body_release(RT_MSG_START_GENERATION, &got);
    rt_bytes_release(&bytes);

    rt_msg_report report = {.loss = -0.1, .lr = 1e-300};
    assert_int_equal(rt_msg_encode(RT_MSG_REPORT, &report, &bytes), RT_OK);
    assert_int_equal(rt_msg_decode(RT_MSG_REPORT, bytes.data, bytes.len, &got), RT_OK);
    assert_true(got.report.loss == -0.1 && got.report.lr == 1e-300);
    rt_msg_body_release(RT_MSG_REPORT, &got);
    rt_bytes_release(&bytes);
}

/* Every proper prefix of a message is refused, and so is one byte more. */
static void truncated_messages_are_refused(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < RT_MSG_TYPES; i++) {
        rt_msg_type type = rt_msg_type_at(i);
        rt_msg_body body;
        rt_bytes bytes;
        do { /* draw until it is short, so that all prefixes can be tried */
            assert_int_equal(random_message(type, &seed, &body), RT_OK);
            assert_int_equal(rt_msg_encode(type, &body, &bytes), RT_OK);
            rt_msg_body_release(type, &body);
            if (bytes.len > 2000)
                rt_bytes_release(&bytes);
        } while (!bytes.data);
        for (size_t len = 0; len < bytes.len; len++) {
            uint8_t *exact = rt_malloc(len); /* sanitizers then see any read past the end */
            memcpy(exact, bytes.data, len);
            expect_protocol_error(type, exact, len, NULL);
            rt_mem_free(exact);
        }
        uint8_t *longer = rt_calloc(1, bytes.len + 1);
        memcpy(longer, bytes.data, bytes.len);
        expect_protocol_error(type, longer, bytes.len + 1, NULL);
        rt_mem_free(longer);
        rt_bytes_release(&bytes);
    }
}

static void claims_are_checked_before_memory_is_taken(void **state)
{
    (void)state;
    int64_t total = rt_mem_total();
    /* SHOW {json}: a string said to be 4 GiB - 1 long; COMMITTED {step}: an array of 2^32 - 1
     * fields. */
    expect_protocol_error(RT_MSG_SHOW, "\x91\xdb\xff\xff\xff\xff", 6,
                          "SHOW.json: expected a string");
    expect_protocol_error(RT_MSG_COMMITTED, "\xdd\xff\xff\xff\xff", 5,
                          "COMMITTED: expected an array of 1 fields");
    /* START_GENERATION {generation, world, hosts, slots}: more hosts than bytes, then more than allowed.
     */
    expect_protocol_error(RT_MSG_START_GENERATION, "\x94\x01\x01\xdc\x0f\xff", 6,
                          "START_GENERATION.hosts: claims 4095 entries, at most 4096 are allowed");
    expect_protocol_error(
        RT_MSG_START_GENERATION, "\x94\x01\x01\xdd\xff\xff\xff\xff", 8,
        "START_GENERATION.hosts: claims 4294967295 entries, at most 4096 are allowed");
    assert_int_equal(rt_mem_total(), total);
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    expect_protocol_error(RT_MSG_COMMITTED, "\x91\xa1x", 3, "COMMITTED.step: expected an integer");
    expect_protocol_error(RT_MSG_COMMITTED, "\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 10,
                          "COMMITTED.step: expected an integer"); /* 2^64 - 1 does not fit */
    expect_protocol_error(RT_MSG_COMMITTED, "\x92\x01\x01", 3,
                          "COMMITTED: expected an array of 1 fields");
    expect_protocol_error(RT_MSG_COMMITTED, "\x81\x01\x01", 3,
                          "COMMITTED: expected an array of 1 fields");
    expect_protocol_error(RT_MSG_ABORTED, "\x92\x01\x05", 3, "ABORTED.reason: expected a string");
    expect_protocol_error(RT_MSG_ABORTED,
                          "\x92\x01\xa3"
                          "a\0b",
                          6, "ABORTED.reason: expected a string without zero bytes");
    expect_protocol_error(RT_MSG_LEAVE, "\x92\xa0\x01", 3, "LEAVE.grace: expected a 64-bit float");
    expect_protocol_error(RT_MSG_COMMITTED, "\x91\x01\x01", 3,
                          "COMMITTED: 1 bytes behind the last field");
    expect_protocol_error(99, "\x90", 1, "99 is not a message type");
    expect_protocol_error(0, "\x90", 1, "0 is not a message type");
}

/* In PLAN and PROGRESS the bytes before and after the one in question are those of an empty message. */
static void numbers_without_a_name_are_refused(void **state)
{
    (void)state;
    static const struct {
        rt_msg_type type;
        rt_msg_body body;
        size_t at; /* of the number in the bytes */
        uint8_t number;
        const char *says;
    } rows[] = {
        {RT_MSG_PLAN, {}, 9, 3, "PLAN.source: 3 is not a source"},
        {RT_MSG_PLAN, {}, 9, 0xff, "PLAN.source: -1 is not a source"},
        {RT_MSG_PROGRESS, {}, 3, RT_PHASES, "PROGRESS.phase: 12 is not a phase"},
        {RT_MSG_RUN_ENDED, {}, 4, 3, "RUN_ENDED.next: 3 is not a next"},
        {RT_MSG_RUN_ENDED, {}, 3, 2, "RUN_ENDED.keep: expected 0 or 1"},
        {RT_MSG_REFUSED, {}, 1, 1, "REFUSED.code: 1 is not a status code"},
        {RT_MSG_REFUSED, {}, 1, 0xf3, "REFUSED.code: -13 is not a status code"},
        {RT_MSG_CHECKSUM, {}, 3, 0xff, "CHECKSUM.owner: expected 0 or 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_bytes bytes;
        assert_int_equal(rt_msg_encode(rows[i].type, &rows[i].body, &bytes), RT_OK);
        size_t at = bytes.data[0] == 0xdc ? rows[i].at + 2 : rows[i].at;
        bytes.data[at] = rows[i].number;
        expect_protocol_error(rows[i].type, bytes.data, bytes.len, rows[i].says);
        rt_bytes_release(&bytes);
    }
    rt_msg_plan plan = {.source = (rt_source)7};
    rt_bytes bytes;
    assert_int_equal(rt_msg_encode(RT_MSG_PLAN, &plan, &bytes), RT_E_RANGE);
    assert_string_equal(rt_error(), "PLAN.source: 7 is not a source");
    rt_error_clear();
}

static void half_an_entry_is_refused(void **state)
{
    (void)state;
    const rt_msg_trace trace = {.generation = 1, .rank = 2, .step = 3, .slice = 4, .phase = 5};
    rt_msg_hello hello = {.traces = &trace, .traces_count = 1};
    rt_msg_body got;
    rt_bytes bytes;
    assert_int_equal(rt_msg_encode(RT_MSG_HELLO, &hello, &bytes), RT_OK);
    assert_int_equal(rt_msg_decode(RT_MSG_HELLO, bytes.data, bytes.len, &got), RT_OK);
    assert_int_equal(got.hello.traces_count, 1);
    assert_memory_equal(got.hello.traces, &trace, sizeof trace);
    rt_msg_body_release(RT_MSG_HELLO, &got);
    /* ..., [1, 2, 3, 4, 5], [], ""]: one number less in the array, and an integer less behind its head. */
    uint8_t *numbers = bytes.data + bytes.len - 8;
    assert_int_equal(numbers[0], 0x95);
    numbers[0] = 0x94;
    expect_protocol_error(RT_MSG_HELLO, bytes.data, bytes.len,
                          "HELLO.traces: 4 numbers, expected 5 for each entry");
    rt_bytes_release(&bytes);
}

static void too_long_fields_are_not_sent(void **state)
{
    (void)state;
    char reason[300];
    memset(reason, 'x', sizeof reason);
    reason[255] = 0;
    rt_msg_interrupt m = {.reason = reason};
    rt_bytes bytes;
    assert_int_equal(rt_msg_encode(RT_MSG_INTERRUPT, &m, &bytes), RT_OK);
    rt_bytes_release(&bytes);
    reason[255] = 'x';
    reason[256] = 0;
    assert_int_equal(rt_msg_encode(RT_MSG_INTERRUPT, &m, &bytes), RT_E_RANGE);
    assert_string_equal(rt_error(), "INTERRUPT.reason: 256 bytes, at most 255 fit");
    assert_null(bytes.data);
    rt_error_clear();
    static const rt_msg_offer many[4001];
    rt_msg_hello hello = {.offers = many, .offers_count = 4001};
    assert_int_equal(rt_msg_encode(RT_MSG_HELLO, &hello, &bytes), RT_E_RANGE);
    assert_string_equal(rt_error(), "HELLO.offers: 4001 entries, at most 4000 fit");
    rt_error_clear();
}

static void messages_print_for_people(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    int64_t steps[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    rt_msg_offer offers[] = {{.generation = 3, .rank = 1, .step = 40, .end = 7}, {.step = 2}};
    rt_msg_hello hello = {.host = "a\"b\n", .pid = 7, .offers = offers, .offers_count = 2};
    write_message(to, RT_MSG_HELLO, &hello);
    rt_msg_plan plan = {.slice_begin = steps,
                        .slice_begin_count = 9,
                        .source = RT_SOURCE_SNAPSHOT,
                        .one_host = true};
    write_message(to, RT_MSG_PLAN, &plan);
    rt_msg_fault fault = {.code = RT_E_NUMERIC};
    write_message(to, RT_MSG_FAULT, &fault);
    rt_msg_leave leave = {.reason = "spot", .grace = 0.5};
    write_message(to, RT_MSG_LEAVE, &leave);
    fclose(to);
    assert_non_null(strstr(text, "HELLO {host: \"a\\\"b\\x0a\", pid: 7, rank: 0"));
    assert_non_null(strstr(text, "offers: [{generation: 3, rank: 1, step: 40, begin: 0, end: 7}, "
                                 "{generation: 0, rank: 0, step: 2, begin: 0, end: 0}], traces: "));
    assert_non_null(strstr(text, "slice_begin: [1, 2, 3, 4, 5, 6, 7, 8, ... 9 in all], "));
    assert_non_null(strstr(text, "source: snapshot, "));
    assert_non_null(strstr(text, "one_host: true, "));
    assert_non_null(strstr(text, "FAULT {code: NUMERIC, "));
    assert_non_null(strstr(text, "LEAVE {reason: \"spot\", grace: 0.5}"));
    free(text);
    assert_string_equal(rt_msg_name(RT_MSG_PIECE_FAILED), "PIECE_FAILED");
    assert_string_equal(rt_msg_name(1000), "?");
}

static void no_allocation_failure_leaks(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < RT_MSG_TYPES; i++) {
        rt_msg_type type = rt_msg_type_at(i);
        rt_msg_body body, got;
        assert_int_equal(random_message(type, &seed, &body), RT_OK);
        int64_t live = rt_mem_live();
        for (int n = 0;; n++) {
            rt_bytes bytes = {0};
            rt_mem_fail_after(n);
            rt_status status = rt_msg_encode(type, &body, &bytes);
            if (status == RT_OK)
                status = rt_msg_decode(type, bytes.data, bytes.len, &got);
            rt_mem_fail_after(-1);
            if (status == RT_OK)
                rt_msg_body_release(type, &got);
            rt_bytes_release(&bytes);
            assert_int_equal(rt_mem_live(), live);
            if (status == RT_OK)
                break;
            assert_int_equal(rt_error_code(), RT_E_NOMEM);
            rt_error_clear();
        }
        rt_msg_body_release(type, &body);
    }
}

/* The item reader against msgpack-c's writer, over integers of every width and sign. */
static void integers_of_every_width_are_read(void **state)
{
    (void)state;
    for (int shift = 0; shift < 64; shift++)
        for (int64_t off = -2; off <= 2; off++) {
            int64_t value = (int64_t)(((uint64_t)1 << shift) + (uint64_t)off), got = 0;
            rt__writer w = {0};
            rt_bytes bytes;
            rt__write_int(&w, value);
            rt__write_int(&w, ~value);
            assert_int_equal(rt__writer_take(&w, &bytes), RT_OK);
            rt__reader r = {bytes.data, bytes.data + bytes.len};
            assert_true(rt__read_int(&r, &got));
            assert_int_equal(got, value);
            assert_true(rt__read_int(&r, &got));
            assert_int_equal(got, ~value);
            assert_ptr_equal(r.at, r.end);
            rt_bytes_release(&bytes);
        }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clear_error)
    const struct CMUnitTest tests[] = {
        TEST(random_messages_survive),
        TEST(values_survive_the_round_trip),
        TEST(truncated_messages_are_refused),
        TEST(claims_are_checked_before_memory_is_taken),
        TEST(numbers_without_a_name_are_refused),
        TEST(half_an_entry_is_refused),
        TEST(wrong_types_are_refused),
        TEST(too_long_fields_are_not_sent),
        TEST(messages_print_for_people),
        TEST(no_allocation_failure_leaks),
        TEST(integers_of_every_width_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
