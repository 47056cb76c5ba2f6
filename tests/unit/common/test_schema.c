/* Rows of records: how structs are written and read back, and what is refused. Rows of operations' arguments are tested
 * in tests/unit/engine/test_op_schema.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/schema.h"
#include <math.h>

#define RECORD_FIELDS(F)                                                                           \
    F(FLAG, first, RT_NEEDED, RT_ANY, "a flag, so that what follows needs its alignment")          \
    F(TEXT, host, RT_NEEDED, RT_ANY, "a name")                                                     \
    F(TEXT, message, NULL, RT_MAYBE(RT_ANY), "a sentence, or none")                                \
    F(INT, rank, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)), "a rank, or none")                            \
    F(NUMBER, speed, RT_NEEDED, RT_OR_NAN(RT_FROM(0)), "measured")                                 \
    F(VALUE, ranks, RT_NEEDED, RT_SHAPE(INTEGERS), "numbers of workers")                           \
    F(VALUE, losses, RT_NEEDED, RT_SHAPE(NUMBERS), "of each worker")                               \
    F(VALUE, hosts, RT_NEEDED, RT_SHAPE(TEXTS), "names")                                           \
    F(VALUE, rows, RT_NEEDED, RT_SHAPE(OBJECTS), "whatever")                                       \
    F(VALUE, place, NULL, RT_MAYBE(RT_SHAPE(OBJECT)), "where it was, or null")                     \
    F(VALUE, anything, RT_NEEDED, RT_ANY, "any value")                                             \
    F(METRICS, metrics, RT_NEEDED, RT_ANY, "what an evaluation tells")                             \
    F(METRICS, best, RT_EMPTY, RT_PREFIX("best_"), "of the best one")                              \
    F(FLAG, last, RT_NEEDED, RT_ANY, "behind them all")
typedef struct record {
    RT_STRUCT(RECORD_FIELDS)
} record;
static const rt__schema schema = {RT__SCHEMA("record", "field", record, RECORD_FIELDS)};

#define WHOLE                                                                                      \
    "{\"first\":true,\"host\":\"h0\",\"message\":\"so it is\",\"rank\":3,\"speed\":2.5,"           \
    "\"ranks\":[0,2],\"losses\":[0.5,null],\"hosts\":[\"a\",\"b\"],\"rows\":[{\"a\":1}],"          \
    "\"place\":{\"step\":7},\"anything\":[1,\"x\"],\"loss\":0.25,\"accuracy\":null,"               \
    "\"best_loss\":0.125,\"last\":true}"
#define BARE                                                                                       \
    "{\"first\":false,\"host\":\"\",\"message\":null,\"rank\":null,\"speed\":null,\"ranks\":[],"   \
    "\"losses\":[],\"hosts\":[],\"rows\":[],\"place\":null,\"anything\":null,\"loss\":1.0,"        \
    "\"last\":false}"

/* The counts that the compiler uses when a record is written. */
_Static_assert(RT__NEEDED(RECORD_FIELDS) == 10, "");
_Static_assert(RT__ARGUMENTS(.a = 1) == 1 && RT__ARGUMENTS(.a = 1, .b = f(2, 3)) == 2, "");
_Static_assert(RT__ARGUMENTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                             21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32) == 32,
               "");

static json_t *parse(const char *text)
{
    json_t *j = NULL;
    if (rt_json_parse(text, strlen(text), "record", &j) != RT_OK)
        fail_msg("%s: %s", text, rt_error());
    return j;
}

static rt_status read_record(const json_t *j, record *out)
{
    memcpy(out, schema.defaults, sizeof *out);
    return rt__schema_set(&schema, out, j);
}

static void expect_same_text(const record *r, const char *expected)
{
    json_t *j = rt__schema_to_json(&schema, r);
    char *text = rt_json_text(j);
    assert_string_equal(text, expected);
    rt_mem_free(text);
    json_decref(j);
}

static void a_record_is_read_and_written_back(void **state)
{
    (void)state;
    static const char *const texts[] = {WHOLE, BARE};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        record r;
        json_t *j = parse(texts[i]);
        if (read_record(j, &r) != RT_OK)
            fail_msg("%s", rt_error());
        expect_same_text(&r, texts[i]);
        json_decref(j);
    }
}

static void members_have_their_values(void **state)
{
    (void)state;
    record r;
    json_t *whole = parse(WHOLE), *bare = parse(BARE);
    assert_int_equal(read_record(whole, &r), RT_OK);
    assert_true(r.first && r.last && r.rank == 3 && r.speed == 2.5);
    assert_string_equal(r.host, "h0");
    assert_string_equal(r.message, "so it is");
    assert_ptr_equal(r.ranks, json_object_get(whole, "ranks"));
    assert_int_equal(r.metrics.count, 2);
    assert_true(rt_metrics_get(&r.metrics, "loss") == 0.25);
    assert_true(isnan(rt_metrics_get(&r.metrics, "accuracy")));
    assert_int_equal(r.best.count, 1);
    assert_true(rt_metrics_get(&r.best, "loss") == 0.125);
    assert_int_equal(read_record(bare, &r), RT_OK);
    assert_true(!r.message && r.rank == RT_NOT_GIVEN && isnan(r.speed) && !r.place);
    assert_int_equal(r.best.count, 0);
    json_decref(whole);
    json_decref(bare);
}

/* A path may hold any bytes and a measurement may be NaN; neither makes a record unreadable. */
static void values_without_a_json_form_are_written(void **state)
{
    (void)state;
    record r;
    json_t *bare = parse(BARE), *none = json_null();
    assert_int_equal(read_record(bare, &r), RT_OK);
    r.host = "a\xff\xc3\xa4";
    r.speed = INFINITY;
    r.anything = none;
    json_t *j = rt__schema_to_json(&schema, &r);
    assert_string_equal(json_string_value(json_object_get(j, "host")), "a???");
    assert_true(json_is_null(json_object_get(j, "speed")));
    json_decref(j);
    json_decref(bare);
}

/* Each row changes one member of a valid record; NULL removes it. */
static void errors_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *says;
    } rows[] = {
        {"host", NULL, "record needs 'host': a name"},
        {"host", "null", "record: host is null, expected a text"},
        {"host", "1", "record: host is 1, expected a text"},
        {"message", "1", "record: message is 1, expected a text, or null"},
        {"rank", "-1", "record: rank is -1, expected 0 or more"},
        {"rank", "\"0\"", "record: rank is \"0\", expected an integer, or null"},
        {"speed", "-0.5", "record: speed is -0.5, expected 0 or more"},
        {"speed", "\"nan\"", "record: speed is \"nan\", expected a number, or null"},
        {"ranks", NULL, "record needs 'ranks': numbers of workers"},
        {"ranks", "[1, 1.5]", "record: ranks is [1,1.5], expected a list of integers"},
        {"ranks", "1", "record: ranks is 1, expected a list of integers"},
        {"losses", "[true]", "record: losses is [true], expected a list of numbers"},
        {"hosts", "[1]", "record: hosts is [1], expected a list of texts"},
        {"rows", "[[]]", "record: rows is [[]], expected a list of objects"},
        {"place", "[]", "record: place is [], expected an object, or null"},
        {"accuracy", "\"high\"", "record: accuracy is \"high\", expected a number, or null"},
        {"best_loss", "[]", "record: best_loss is [], expected a number, or null"},
        {"eval_loss", "1",
         "record has no field 'eval_loss' (it has: first, host, message, rank, speed, ranks, "
         "losses, hosts, rows, place, anything, last)"},
        {"metrics", "1",
         "record has no field 'metrics' (it has: first, host, message, rank, speed, ranks, "
         "losses, hosts, rows, place, anything, last)"},
        {"hots", "1", "record has no field 'hots': did you mean 'host'?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        record r;
        json_t *j = parse(WHOLE);
        json_t *value = NULL;
        if (rows[i].value)
            value = json_loads(rows[i].value, JSON_DECODE_ANY, NULL);
        if (value)
            json_object_set_new(j, rows[i].name, value);
        else
            json_object_del(j, rows[i].name);
        assert_int_not_equal(read_record(j, &r), RT_OK);
        assert_string_equal(rt_error(), rows[i].says);
        rt_error_clear();
        json_decref(j);
    }
    record r;
    json_t *j = parse("{\"first\":true,\"host\":\"\",\"speed\":1,\"ranks\":[],\"losses\":[],"
                      "\"hosts\":[],\"rows\":[],\"anything\":1,\"last\":true}");
    assert_int_not_equal(read_record(j, &r), RT_OK);
    assert_string_equal(rt_error(),
                        "record needs 'loss', or another metric: what an evaluation tells");
    rt_error_clear();
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_and_written_back),
        cmocka_unit_test(members_have_their_values),
        cmocka_unit_test(values_without_a_json_form_are_written),
        cmocka_unit_test(errors_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
