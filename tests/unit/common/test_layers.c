/* The layers of a configuration as checked without the engine: their places, options and number of slices. */
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/config/config_place.h"
#include "common/config/config_slices.h"
#include "common/config/layers.h"
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* Lines are needed for errors that are found after parsing. */
static void lines_of_elements_are_found(void **state)
{
    (void)state;
    static const char text[] = "run: {steps: 1}\n"
                               "model:\n"
                               "  # layers, from here on\n"
                               "  layers:\n"
                               "    - flatten\n"
                               "\n"
                               "    - {linear: 10}\n"
                               "    - residual:\n"
                               "        - relu\n"
                               "        - {linear: 10}\n"
                               "    - residual:\n"
                               "        layers: [relu]\n"
                               "        shortcut: [relu]\n";
    char path[] = "/tmp/rt-lines-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    static const struct {
        const char *place;
        int64_t line;
    } places[] = {{"run.steps", 1},
                  {"model.layers", 5},
                  {"model.layers[0]", 5},
                  {"model.layers[1]", 7},
                  {"model.layers[1]: linear: [2] is wrong", 7},
                  {"model.layers[2].residual[1]: x", 10},
                  {"model.layers[2].residual", 9},
                  {"model.layers[3].residual.shortcut[0]", 13},
                  {"model.layers[2].residual[2]", 0},
                  {"model.layers[1].residual[1]", 0},
                  {"model.layers[4]", 0},
                  {"model.layers[-1]", 0},
                  {"model.preset", 0},
                  {"model.layer", 0},
                  {"run.steps[0]", 0},
                  {"run.steps.x", 0}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (rt_config_line(path, places[i].place) != places[i].line)
            fail_msg("%s: line %lld", places[i].place,
                     (long long)rt_config_line(path, places[i].place));
    assert_int_equal(truncate(path, 60), 0);
    assert_int_equal(rt_config_line(path, "model.layers[1]"), 0);
    unlink(path);
    assert_int_equal(rt_config_line(path, "model.layers[0]"), 0);
    assert_int_equal(rt_error_code(), RT_OK);
}

/* Defaults of options, words in place of numbers, and the first option without its name. */
static void layers_are_read(void **state)
{
    (void)state;
    static const char text[] = "[\"relu\", {\"conv2d\": {\"out\": 3, \"kernel\": 5, \"padding\": "
                               "\"same\"}}, {\"linear\": 7}, "
                               "{\"max_pool2d\": {\"kernel\": 2, \"stride\": \"auto\"}}]";
    json_t *layers;
    rt_layer l;
    assert_int_equal(rt_json_parse(text, strlen(text), "t", &layers), RT_OK);
    assert_int_equal(rt_layers_check(layers, "layers"), RT_OK);
    assert_int_equal(rt_layer_count(layers), 4);
    assert_int_equal(rt_layer_read(rt_layer_at(layers, 0), &l), RT_OK);
    assert_int_equal(l.id, RT_LAYER_relu);
    assert_int_equal(rt_layer_read(rt_layer_at(layers, 1), &l), RT_OK);
    assert_int_equal(l.id, RT_LAYER_conv2d);
    assert_int_equal(l.options.conv2d.out, 3);
    assert_int_equal(l.options.conv2d.kernel, 5);
    assert_int_equal(l.options.conv2d.stride, 1);
    assert_int_equal(l.options.conv2d.padding, RT_NN_SAME);
    assert_true(l.options.conv2d.bias);
    assert_int_equal(rt_layer_read(rt_layer_at(layers, 2), &l), RT_OK);
    assert_int_equal(l.options.linear.out, 7);
    assert_int_equal(rt_layer_read(rt_layer_at(layers, 3), &l), RT_OK);
    assert_int_equal(l.options.max_pool2d.stride, RT_AUTO);
    json_decref(layers);
}

/* The number of slices that `parallel.slices: auto` gives, by model, batch and workers; 0 if it is refused. */
static void slices_leave_room_to_grow(void **state)
{
    (void)state;
#define DENSE "layers: [flatten, {linear: 10}]"
#define TEXT  "layers: [{embedding: {tokens: 65, out: 8}}, {linear: 65}]"
#define NORM  "layers: [{residual: [{conv2d: {out: 1, kernel: 1}}, batch_norm2d]}]"
    static const struct {
        const char *model;
        int64_t batch, workers, slices;
    } rows[] = {
        {"preset: cnn", 64, 1, 4},
        {"preset: cnn", 64, 2, 4},
        {"preset: cnn", 64, 3, 4},
        {"preset: cnn", 64, 5, 8},
        {"preset: cnn", 64, 64, 64},
        {"preset: cnn", 8, 1, 1},
        {"preset: cnn", 63, 1, 2},
        {"preset: cnn", 4096, 1, 8},
        {"preset: cnn", 4096, 3, 32},
        {"preset: mlp", 64, 1, 1},
        {"preset: mlp", 64, 3, 4},
        {"preset: mlp", 1024, 1, 2},
        {DENSE, 4096, 1, 8},
        {DENSE, 1023, 2, 2},
        {TEXT, 64, 1, 4},
        {NORM, 64, 1, 4},
        {NORM, 64, 4, 4},
        {NORM, 64, 5, 0},
        {NORM, 128, 5, 8},
        {NORM, 8, 1, 1},
        {NORM, 31, 2, 0},
        {"preset: cnn", 1 << 24, 65536, 65536},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        rt_config c;
        snprintf(text, sizeof text, "model: {%s}\ndata: {batch: %lld}\nparallel: {workers: %lld}\n",
                 rows[i].model, (long long)rows[i].batch, (long long)rows[i].workers);
        assert_int_equal(rt_config_parse(text, strlen(text), "t", &c), RT_OK);
        rt_status status = rt_config_resolve_slices(&c);
        if (status != (rows[i].slices ? RT_OK : RT_E_CONFIG) ||
            (rows[i].slices && c.parallel.slices != rows[i].slices))
            fail_msg("%s: %lld slices, expected %lld (%s)", text, (long long)c.parallel.slices,
                     (long long)rows[i].slices, rt_error());
        rt_error_clear();
        c.parallel.slices = 7; /* a number that is given counts */
        assert_int_equal(rt_config_resolve_slices(&c), RT_OK);
        assert_int_equal(c.parallel.slices, 7);
        rt_config_release(&c);
    }
}

/* README: the configurations that come with RingTorch give the same bits for 1 to 4 workers. */
static void shipped_configurations_have_one_number_of_slices(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob(RT_TEST_SOURCE_DIR "/configs/*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 5);
    for (size_t i = 0; i < files.gl_pathc; i++)
        for (int workers = 1; workers <= 4; workers++) {
            char set[40];
            rt_config c;
            snprintf(set, sizeof set, "parallel.workers=%d", workers);
            assert_int_equal(
                rt_config_load_new(files.gl_pathv[i], (const char *const[]){set}, 1, &c), RT_OK);
            if (rt_config_resolve_slices(&c) != RT_OK || c.parallel.slices != 4)
                fail_msg("%s: %lld slices for %d workers, expected 4 (%s)", files.gl_pathv[i],
                         (long long)c.parallel.slices, workers, rt_error());
            rt_config_release(&c);
        }
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_elements_are_found),
        cmocka_unit_test(layers_are_read),
        cmocka_unit_test(slices_leave_room_to_grow),
        cmocka_unit_test(shipped_configurations_have_one_number_of_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
