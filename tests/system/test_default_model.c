/* The model that users see first (configs/fashion-cnn.yaml), on the real data, for the first steps
 * of training: equal for 1 to 4 workers, evaluation counts every image once, logits come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "row.h"
#include "runs.h"

static scratch s;
static const char *config = RT_TEST_SOURCE_DIR "/configs/fashion-cnn.yaml";

static int set_up(void **state)
{
    (void)state;
    scratch_make(&s);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

static const char *run_dir(const char *workers)
{
    return in_scratch(&s, "cnn-%s", workers);
}

/* The command of the issue, with fewer steps. */
static void train(const char *workers, char sha[65])
{
    result r = run(&s, LONG, "ringtorch", "train", config, "-n", workers, "--run-dir",
                   run_dir(workers), "--set", "run.steps=20", "--set", "parallel.slices=4", "--set",
                   "evaluate.final=false", "--json", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(run_dir(workers), "weights_sha256", sha, 65);
}

static void same_weights_for_1_to_4_workers(void **state)
{
    (void)state;
    char first[65], other[65];
    train("1", first);
    for (int workers = 2; workers <= 4; workers++) {
        char count[16];
        snprintf(count, sizeof count, "%d", workers);
        train(count, other);
        assert_string_equal(other, first);
    }
}

/* `model: {preset: cnn}` is documented as the same network. */
static void preset_is_the_same_network(void **state)
{
    (void)state;
    char spelled[65], preset[65];
    rt_bytes text = {0};
    if (rt_file_read(config, 1 << 16, &text) != RT_OK)
        fail_msg("%s", rt_error());
    char *model = strstr((char *)text.data, "\nmodel:"),
         *data = strstr((char *)text.data, "\ndata:");
    assert_true(model && data && model < data);
    char changed[8192];
    snprintf(changed, sizeof changed, "%.*s\nmodel: {preset: cnn}%s",
             (int)(model - (char *)text.data), (char *)text.data, data);
    rt_bytes_release(&text);
    const char *path = in_scratch(&s, "preset.yaml");
    assert_int_equal(rt_file_replace(path, changed, strlen(changed)), RT_OK);

    summary_text(run_dir("1"), "weights_sha256", spelled, sizeof spelled);
    result r = run(&s, LONG, "ringtorch", "train", path, "-n", "1", "--run-dir", run_dir("preset"),
                   "--set", "run.steps=20", "--set", "parallel.slices=4", "--set",
                   "evaluate.final=false", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(run_dir("preset"), "weights_sha256", preset, sizeof preset);
    assert_string_equal(preset, spelled);
}

static void eval_counts_each_test_image_once(void **state)
{
    (void)state;
    result r = run(&s, LONG, "ringtorch", "eval", run_dir("3"), "--json", NULL);
    expect_exit(&r, 0);
    json_t *answer = NULL;
    int64_t count = 0;
    if (rt_json_parse(r.out, strlen(r.out), "eval", &answer) != RT_OK ||
        rt_json_int(answer, "count", "eval", &count) != RT_OK)
        fail_msg("%s", rt_error());
    assert_int_equal(count, 10000);
    json_decref(answer);
    result_release(&r);
}

static int64_t little_endian_64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* Fails the test unless the entry of a safetensors header has that type and shape. */
static void expect_tensor(json_t *header, const char *name, const char *dtype, const int64_t *shape,
                          size_t rank)
{
    json_t *entry = json_object_get(header, name);
    assert_non_null(entry);
    assert_string_equal(json_string_value(json_object_get(entry, "dtype")), dtype);
    json_t *dims = json_object_get(entry, "shape");
    assert_int_equal(json_array_size(dims), rank);
    for (size_t i = 0; i < rank; i++)
        assert_int_equal(json_integer_value(json_array_get(dims, i)), shape[i]);
}

static void logits_are_written_as_safetensors(void **state)
{
    (void)state;
    const char *path = in_scratch(&s, "logits.safetensors");
    result r = run(&s, LONG, "ringtorch", "eval", run_dir("2"), "--logits", path, "--limit", "100",
                   "--json", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    rt_bytes file = {0};
    if (rt_file_read(path, 1 << 20, &file) != RT_OK)
        fail_msg("%s", rt_error());
    assert_true(file.len > 8);
    int64_t header_len = little_endian_64(file.data);
    assert_in_range(header_len, 2, file.len - 8);
    json_t *header = NULL;
    assert_int_equal(rt_json_parse((char *)file.data + 8, (size_t)header_len, path, &header),
                     RT_OK);
    expect_tensor(header, "logits", "F32", (const int64_t[]){100, 10}, 2);
    expect_tensor(header, "labels", "I64", (const int64_t[]){100}, 1);
    json_decref(header);
    rt_bytes_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_weights_for_1_to_4_workers),
        ROW(preset_is_the_same_network),
        ROW(eval_counts_each_test_image_once),
        ROW(logits_are_written_as_safetensors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
