/* Runs the body of tests/fuzz/fuzz_journal.c on randomly damaged records and journals, in bounded time. */
#include "tests/fuzz/fuzz_journal.c"
#include "tests/unit/engine/mutate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ROOM = 8192 };

static const char *const records[] = {
    "{\"kind\":\"run\",\"run\":\"1234\",\"config\":\"run: {name: x}\"}",
    "{\"kind\":\"init\",\"weights_sha256\":\"beef\"}",
    "{\"kind\":\"generation\",\"generation\":1,\"world\":2,\"restart\":false,\"hosts\":[\"h\"],"
    "\"trained_seconds\":0.5,\"trained_steps\":4}",
    "{\"kind\":\"plan\",\"generation\":1,\"start_step\":7,\"lost_steps\":2,\"source\":"
    "\"snapshot\"}",
    "{\"kind\":\"first_step\",\"seconds\":1.5}",
    "{\"kind\":\"committing\",\"step\":10}",
    "{\"kind\":\"commit\",\"step\":10}",
    "{\"kind\":\"abort\",\"step\":11}",
    "{\"kind\":\"compare\",\"by\":\"accuracy\",\"since\":7}",
    "{\"kind\":\"reported\",\"row\":{\"step\":10,\"loss\":0.5}}",
    "{\"kind\":\"evaluated\",\"generation\":1,\"step\":10,\"loss\":null,\"accuracy\":0.5,"
    "\"better\":true,"
    "\"best\":{\"step\":10,\"accuracy\":0.5}}",
    "{\"kind\":\"early_stop\",\"step\":10}",
    "{\"kind\":\"skipped\",\"step\":9}",
    "{\"kind\":\"not_finite\",\"step\":9}",
    "{\"kind\":\"exited\",\"generation\":1}",
    "{\"kind\":\"doubt\",\"generation\":1,\"step\":9}",
    "{\"kind\":\"recovered\",\"recovery_seconds\":0.25}",
    "{\"kind\":\"interrupt\",\"signal\":2}",
    "{\"kind\":\"target\",\"workers\":3}",
    "{\"kind\":\"over\",\"generation\":1,\"step\":20,\"end_step\":20,\"samples\":5,\"loss\":0.5,"
    "\"trained_seconds\":1,\"trained_steps\":9,\"weights_sha256\":\"ab\",\"in_memory\":true}",
    "{\"kind\":\"end\",\"status\":\"done\",\"step\":20}",
    "{\"kind\":\"launch\"}",
};

/* Writes records of all kinds as lines, then the history that they yield, which is a record, too. */
static size_t lines_of_records(uint8_t out[ROOM])
{
    rt__history h;
    size_t len = 0;
    assert_int_equal(rt__history_init(&h), RT_OK);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        json_t *record;
        assert_int_equal(rt_json_parse(records[i], strlen(records[i]), "record", &record), RT_OK);
        assert_int_equal(rt__history_apply_json(&h, record), RT_OK);
        json_decref(record);
        len += (size_t)snprintf((char *)out + len, ROOM - len, "%s\n", records[i]);
    }
    char *history = text_of(&h);
    len += (size_t)snprintf((char *)out + len, ROOM - len, "%s\n", history);
    assert_true(len < ROOM);
    rt_mem_free(history);
    rt__history_release(&h);
    return len;
}

static rt_status no_visitor(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_OK;
}

/* Returns the same records in a journal's format. */
static rt_bytes journal_of_records(void)
{
    char path[64];
    rt__journal *j;
    rt_bytes b;
    snprintf(path, sizeof path, "/tmp/journal-%d", (int)getpid());
    assert_int_equal(rt__journal_open(path, no_visitor, NULL, &j), RT_OK);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        json_t *record;
        assert_int_equal(rt_json_parse(records[i], strlen(records[i]), "record", &record), RT_OK);
        assert_int_equal(rt__journal_append(j, record), RT_OK);
        json_decref(record);
    }
    rt__journal_close(j);
    assert_int_equal(rt_file_read(path, ROOM, &b), RT_OK);
    unlink(path);
    return b;
}

static void damaged_records_are_refused_or_kept(void **state)
{
    (void)state;
    uint32_t seed = 20261128;
    uint8_t good[ROOM], damaged[ROOM];
    size_t len = lines_of_records(good);
    try_as_records((char *)good, len);
    for (int i = 0; i < 5000; i++)
        try_as_records((char *)damaged, mutate(&seed, good, len, damaged, sizeof damaged));
}

static void damaged_journals_are_refused_or_replayed(void **state)
{
    (void)state;
    uint32_t seed = 20261129;
    uint8_t damaged[ROOM];
    rt_bytes good = journal_of_records();
    for (int i = 0; i < 500; i++)
        LLVMFuzzerTestOneInput(damaged,
                               mutate(&seed, good.data, good.len, damaged, sizeof damaged));
    rt_bytes_release(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_records_are_refused_or_kept),
        cmocka_unit_test(damaged_journals_are_refused_or_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
