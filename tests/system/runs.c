#include "runs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, JSON_MAX = 1 << 20 };

/* Fails the test if one of its own means fails. */
static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

/* ---- data ---- */

static void write_file(const scratch *s, const char *path, const uint8_t *data, size_t len,
                       bool gzip)
{
    must(rt_file_replace(path, data, len));
    if (!gzip)
        return;
    result r = run(s, LONG, "gzip", "-f", "-n", path, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A small generator of our own keeps the pictures the same everywhere (xorshift32). */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void draw(uint8_t *pixels, int label, uint32_t *state)
{
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)(next_random(state) % 96);
    for (int y = 2 + 2 * label; y < 6 + 2 * label; y++)
        for (int x = 4; x < 24; x++)
            pixels[y * SIDE + x] = (uint8_t)(160 + next_random(state) % 96);
}

static void make_split(const scratch *s, const char *split, int count, uint32_t seed,
                       const data_set *d)
{
    size_t images_len = 16 + (size_t)count * PIXELS,
           labels_len = 8 + (size_t)(count - d->labels_short);
    uint8_t *images = rt_calloc(1, images_len), *labels = rt_calloc(1, 8 + (size_t)count);
    assert_true(images && labels);
    put_be32(images, 0x803); /* unsigned bytes, 3 axes */
    put_be32(images + 4, (uint32_t)count);
    put_be32(images + 8, SIDE);
    put_be32(images + 12, SIDE);
    put_be32(labels, 0x801);
    put_be32(labels + 4, (uint32_t)(count - d->labels_short));
    for (int i = 0; i < count; i++) {
        labels[8 + i] = (uint8_t)(next_random(&seed) % CLASSES);
        draw(images + 16 + (size_t)i * PIXELS, labels[8 + i], &seed);
        if (i == 7 && d->bad_label)
            labels[8 + i] = (uint8_t)d->bad_label;
    }
    write_file(s, in_scratch(s, "data/%s-images-idx3-ubyte", split), images, images_len, d->gzip);
    write_file(s, in_scratch(s, "data/%s-labels-idx1-ubyte", split), labels, labels_len, d->gzip);
    rt_mem_free(images);
    rt_mem_free(labels);
}

void make_data(const scratch *s, const data_set *d)
{
    must(rt_dir_make(in_scratch(s, "data"), 0755));
    make_split(s, "train", d->train, 12345, d);
    make_split(s, "t10k", d->test, 54321, &(data_set){.gzip = d->gzip});
}

const char *write_config(const scratch *s, const char *name, const char *text)
{
    const char *path = in_scratch(s, "%s", name), *folder = in_scratch(s, "data");
    char filled[8192] = "";
    size_t used = 0;
    for (const char *hole; (hole = strstr(text, "%s")); text = hole + 2)
        used += (size_t)snprintf(filled + used, sizeof filled - used, "%.*s%s", (int)(hole - text),
                                 text, folder);
    used += (size_t)snprintf(filled + used, sizeof filled - used, "%s", text);
    assert_true(used < sizeof filled);
    must(rt_file_replace(path, filled, used));
    return path;
}

void tiny_setup(scratch *s)
{
    scratch_make(s);
    make_data(s, &(data_set){.train = 520, .test = 100});
    write_config(s, "tiny.yaml", TINY_CONFIG);
}

/* ---- run directories ---- */

json_t *read_summary(const char *run_dir)
{
    char path[600];
    snprintf(path, sizeof path, "%s/summary.json", run_dir);
    json_t *summary = NULL;
    must(rt_json_load(path, JSON_MAX, &summary));
    return summary;
}

int64_t summary_int(const char *run_dir, const char *key)
{
    json_t *summary = read_summary(run_dir);
    int64_t value = 0;
    must(rt_json_int(summary, key, "summary.json", &value));
    json_decref(summary);
    return value;
}

static void print_what_was_lost(const char *run_dir)
{
    char line[2048];
    snprintf(line, sizeof line,
             "cd %s && grep -hE '\"event\": *\"(worker_lost|stall|host_lost)\"' events.jsonl; "
             "for log in logs/*.g*.log; do echo \"--- $log\"; tail -n 12 \"$log\"; done",
             run_dir);
    FILE *f = popen(line, "r");
    while (f && fgets(line, sizeof line, f))
        print_message("%s", line);
    if (f)
        pclose(f);
}

void expect_restarts(const char *run_dir, int64_t count)
{
    int64_t restarts = summary_int(run_dir, "restarts");
    if (restarts != count)
        print_what_was_lost(run_dir);
    assert_int_equal(restarts, count);
}

double summary_number(const char *run_dir, const char *key)
{
    json_t *j = read_summary(run_dir), *value = json_object_get(j, key);
    if (!json_is_number(value))
        fail_msg("%s: no number %s", run_dir, key);
    double x = json_number_value(value);
    json_decref(j);
    return x;
}

void summary_text(const char *run_dir, const char *key, char *out, size_t size)
{
    json_t *summary = read_summary(run_dir);
    const char *value = NULL;
    must(rt_json_string(summary, key, "summary.json", &value));
    snprintf(out, size, "%s", value);
    json_decref(summary);
}

int64_t last_step(const char *run_dir)
{
    char path[600];
    snprintf(path, sizeof path, "%s/metrics.jsonl", run_dir);
    rt_bytes text = {0};
    if (rt_file_read(path, 16 << 20, &text) != RT_OK) {
        rt_error_clear(); /* not there yet */
        return 0;
    }
    int64_t step = 0;
    for (char *line = (char *)text.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *entry = NULL;
        must(rt_json_parse(line, (size_t)(end - line), path, &entry));
        must(rt_json_int(entry, "step", path, &step));
        json_decref(entry);
    }
    rt_bytes_release(&text);
    return step;
}

static bool line_is_written(const char *run_dir, const char *fragment)
{
    char path[256];
    rt_bytes text = {0};
    snprintf(path, sizeof path, "%s/events.jsonl", run_dir);
    bool found = rt_file_read(path, 1 << 22, &text) == RT_OK &&
                 strstr((const char *)text.data, fragment) != NULL;
    rt_error_clear();
    rt_bytes_release(&text);
    return found;
}

void await_line(const char *run_dir, const char *fragment)
{
    for (double end = rt_clock() + LONG; !line_is_written(run_dir, fragment); rt_clock_sleep(0.02))
        if (rt_clock() > end)
            fail_msg("events.jsonl never says %s", fragment);
}

void await_step(const char *run_dir, int64_t step, double seconds)
{
    double end = rt_clock() + seconds;
    while (last_step(run_dir) < step) {
        if (rt_clock() > end)
            fail_msg("%s: no step %lld after %.0f s, only %lld", run_dir, (long long)step, seconds,
                     (long long)last_step(run_dir));
        rt_clock_sleep(0.005);
    }
}

void train_tiny(const scratch *s, const char *run_dir, int workers, const char *const *more,
                char sha[65])
{
    char count[16];
    snprintf(count, sizeof count, "%d", workers);
    const char *arguments[32] = {
        "train", in_scratch(s, "tiny.yaml"), "-n", count, "--run-dir", run_dir, "--json"};
    for (int i = 7; more && *more; i++)
        arguments[i] = *more++;
    result r = run_list(s, LONG, "ringtorch", arguments);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(run_dir, "weights_sha256", sha, 65);
    assert_int_equal(strlen(sha), 64);
}

void expect_weights_of_one_host(const scratch *s, const char *run_dir, bool constant_rate)
{
    static char here[65],
        steps_here[64]; /* of the last run on this host, which the next row may need again */
    static bool constant_here;
    static int number;
    char there[65], steps[64];
    snprintf(steps, sizeof steps, "run.steps=%lld", (long long)summary_int(run_dir, "steps"));
    const char *more[] = {"--set", steps, constant_rate ? "--set" : NULL, "schedule.name=constant",
                          NULL};
    summary_text(run_dir, "weights_sha256", there, sizeof there);
    if (constant_rate != constant_here || strcmp(steps, steps_here) != 0)
        train_tiny(s, in_scratch(s, "here-%d", ++number), 2, more, here);
    snprintf(steps_here, sizeof steps_here, "%s", steps);
    constant_here = constant_rate;
    assert_string_equal(there, here);
}

const char *newest_checkpoint(const scratch *s, const char *run_dir)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s/checkpoints", run_dir);
    rt_names names = {0};
    must(rt_dir_list(folder, &names));
    const char *newest = NULL;
    for (size_t i = 0; i < names.count; i++) /* sorted, and steps have leading zeros */
        if (strncmp(names.name[i], "step-", 5) == 0 && !strchr(names.name[i], '.'))
            newest = names.name[i];
    if (!newest)
        fail_msg("%s: no checkpoint", folder);
    const char *path = in_scratch(s, "%s/checkpoints/%s", run_dir + strlen(s->path) + 1, newest);
    rt_names_release(&names);
    return path;
}

void alter_byte(const char *path, long offset)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(f);
    assert_int_not_equal(byte, EOF);
    fseek(f, -1, SEEK_CUR);
    fputc(byte ^ 0x20, f);
    assert_int_equal(fclose(f), 0);
}

void cut_file(const char *path, long bytes)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    fclose(f);
    assert_int_equal(truncate(path, bytes < 0 ? size + bytes : bytes), 0);
}
