/* Reads any bytes as a coordinator's journal, and any lines of JSON as its records: they are refused with a message, or
 * replayed to a history that stays the same when it is written and replayed again.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_journal.c -o fuzz_journal && ./fuzz_journal journals/ */
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/control/journal.h"
#include "coordinator/books/history.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const rt__history *h)
{
    json_t *records = rt__history_records(h);
    RT_ASSERT(records);
    char *text = rt_json_text(json_array_get(records, 0));
    json_decref(records);
    RT_ASSERT(text);
    return text;
}

/* A history written into a compacted journal must be read back unchanged. */
static void survives_a_round(const rt__history *h)
{
    rt__history again;
    json_t *record;
    char *one = text_of(h);
    RT_ASSERT(rt_json_parse(one, strlen(one), "history", &record) == RT_OK);
    RT_ASSERT(rt__history_init(&again) == RT_OK && rt__history_apply_json(&again, record) == RT_OK);
    char *two = text_of(&again);
    RT_ASSERT(strcmp(one, two) == 0);
    json_decref(record);
    rt_mem_free(one);
    rt_mem_free(two);
    rt__history_release(&again);
}

static void try_as_records(const char *data, size_t size)
{
    rt__history h;
    RT_ASSERT(rt__history_init(&h) == RT_OK);
    for (const char *at = data, *end = data + size; at < end && !rt_failed();) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        json_t *record;
        size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);
        if (rt_json_parse(at, len, "fuzz", &record) == RT_OK)
            rt__history_apply_json(&h, record);
        else
            rt_error_clear();
        json_decref(record);
        at += len + 1;
    }
    if (!rt_failed())
        survives_a_round(&h);
    rt_error_clear();
    rt__history_release(&h);
}

static void try_as_file(const uint8_t *data, size_t size)
{
    char path[64];
    rt__history h;
    rt__journal *j = NULL;
    snprintf(path, sizeof path, "/tmp/fuzz-journal-%d", (int)getpid());
    RT_ASSERT(rt_file_replace(path, data, size) == RT_OK);
    RT_ASSERT(rt__history_init(&h) == RT_OK);
    if (rt__journal_open(path, rt__history_visit, &h, &j) != RT_OK)
        RT_ASSERT(*rt_error());
    rt_error_clear();
    rt__journal_close(j);
    rt__history_release(&h);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t live = rt_mem_live();
    rt_error_clear();
    try_as_records((const char *)data, size);
    try_as_file(data, size);
    RT_ASSERT(rt_mem_live() == live);
    return 0;
}
