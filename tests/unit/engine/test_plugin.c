/* Tests of plugins in a program: after loading, the example's rows are used like built-in ones; a refused file leaves nothing
 * behind. */
#include "check.h"

#include "common/base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDER RT_TEST_BINARY_DIR "/bin/tests/engine/"

static int operations(void)
{
    int n = 0;
    while (rt_op_at(n))
        n++;
    return n;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Runs before the good plugin is loaded, so that none of these rows is known yet. */
static void what_is_no_plugin_leaves_nothing(void **state)
{
    (void)state;
    char path[] = "/tmp/rt-plugin-XXXXXX";
    int fd = mkstemp(path), before = operations();
    assert_true(fd >= 0);
    close(fd);
    static const char *const texts[] = {"", "no program", "\177ELF",
                                        "\177ELF\2\1\1 and what follows is none"};
    for (int i = 0; i < COUNT(texts); i++) {
        write_text(path, texts[i]);
        assert_int_equal(rt_plugin_load(path), RT_E_FORMAT);
        assert_non_null(strstr(rt_error(), path));
        assert_non_null(strstr(rt_error(), "is not a RingTorch plugin: "));
        rt_error_clear();
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rt_plugin_load(path), RT_E_NOTFOUND);
    rt_error_clear();
    assert_int_equal(rt_plugin_load("/tmp"), RT_E_FORMAT);
    rt_error_clear();
    assert_int_equal(rt_plugin_load(FOLDER "libtwice.so"), RT_E_EXISTS);
    assert_non_null(strstr(rt_error(), "two operations are called 'squash'"));
    rt_error_clear();
    assert_int_equal(operations(), before);
    assert_null(rt_op_find("squash"));
}

/* The system's loader would crash on such a file. */
static void files_that_are_cut_off_are_refused(void **state)
{
    (void)state;
    static char whole[1 << 20];
    char path[] = "/tmp/rt-plugin-XXXXXX";
    FILE *f = fopen(FOLDER "libhills.so", "r");
    assert_non_null(f);
    size_t n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && n > 20000 && n < sizeof whole);
    for (size_t len = 0; len < 20000;
         len += len < 1000 ? 7 : 1003) { /* each such part lacks code or data */
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, whole, len, 0), (ssize_t)len);
        assert_int_equal(rt_plugin_load(path), RT_E_FORMAT);
        rt_error_clear();
    }
    close(fd);
    unlink(path);
    assert_null(rt_op_find("squash"));
}

static void its_rows_are_used_as_ours(void **state)
{
    (void)state;
    int before = operations();
    assert_int_equal(rt_plugin_load(FOLDER "libhills.so"), RT_OK);
    assert_int_equal(rt_plugin_load(FOLDER "libhills.so"), RT_OK);
    assert_int_equal(operations(), before + 1);
    assert_non_null(rt_op_find("squash"));
    rt_module *net =
        rt_nn_from_json("[{\"squashed\": {\"out\": 3, \"scale\": 2}}]", .input = rt_shape(2));
    assert_fine();
    assert_string_equal(rt_dims_text(rt_dims_of(rt_nn_find(net, "0.weight"))), "[3,2]");
    rt_tensor *y = rt_forward(net, rt_ones(rt_shape(4, 2)));
    rt_backward(rt_sum(y));
    assert_fine();
    assert_string_equal(rt_dims_text(rt_dims_of(y)), "[4,3]");
    /* d/db of 2 x / (1 + |x|), as a function of the result: 2 (1 - |y| / 2)^2, for four samples */
    const float *grad = rt_f32(rt_grad_of(rt_nn_find(net, "0.bias"))), *out = rt_f32(y);
    for (int i = 0; i < 3; i++) {
        double q = 1 - fabs((double)out[i]) / 2;
        assert_true(fabs((double)grad[i] - 4 * 2 * q * q) < 1e-5);
    }
    assert_null(rt_nn_from_json("[{\"squashed\": {\"ot\": 3}}]", .input = rt_shape(2)));
    assert_error(CONFIG, "layers[0]: squashed has no option 'ot': did you mean 'out'?");
}

static void a_trainer_takes_its_rows(void **state)
{
    (void)state;
    const char *set[] = {"plugins=[" FOLDER "libhills.so]", "run.steps=60", NULL};
    rt_trainer *t = rt_trainer_open(RT_TEST_SOURCE_DIR "/examples/plugin/hills.yaml", .set = set);
    assert_fine();
    rt_evaluation before, after;
    assert_int_equal(rt_trainer_evaluate(t, &before), RT_OK);
    while (rt_trainer_at(t) < rt_trainer_steps(t) && rt_trainer_step(t) == RT_OK)
        continue;
    assert_int_equal(rt_trainer_evaluate(t, &after), RT_OK);
    assert_true(rt_metrics_get(&after.metrics, "loss") <
                rt_metrics_get(&before.metrics, "loss") / 2);
    assert_false(isnan(rt_metrics_get(&after.metrics, "near")));
}

/* Loads the same rows from another file: its operation has the name of a loaded one. */
static void a_second_plugin_of_the_same_names_is_refused(void **state)
{
    (void)state;
    int before = operations();
    assert_int_equal(rt_plugin_load(FOLDER "libhills_again.so"), RT_E_EXISTS);
    assert_non_null(strstr(rt_error(), "libhills_again.so"));
    rt_error_clear();
    assert_int_equal(operations(), before);
}

/* Opens a run with a mistake, trains two steps and evaluates; returns the text of the error, "" if there is none. */
static const char *run_with(const char *const mistake[2])
{
    static char text[1024];
    const char *set[] = {"plugins=[" FOLDER "libhills.so, " FOLDER "libcareless.so]", mistake[0],
                         mistake[1], NULL};
    rt_evaluation e;
    rt_scope s = rt_scope_begin();
    rt_trainer *t =
        rt_trainer_open(RT_TEST_SOURCE_DIR "/tests/unit/engine/plugins/careless.yaml", .set = set);
    for (int i = 0; t && i < 2 && !rt_failed(); i++)
        rt_trainer_step(t);
    if (t && !rt_failed())
        rt_trainer_evaluate(t, &e);
    snprintf(text, sizeof text, "%s", rt_failed() ? rt_error() : "");
    rt_error_clear();
    rt_scope_end(s);
    return text;
}

/* A user's function that gives something wrong is named, with what was expected, before wrong figures come of it. */
static void mistakes_of_rows_are_named(void **state)
{
    (void)state;
#define OF(kind, row) kind " " row " of the plugin careless: "
#define TASK(fault, says)                                                                          \
    {                                                                                              \
        {"task.name=careless", "task.fault=" fault}, OF("task", "careless") says                   \
    }
#define LAYER(fault, says)                                                                         \
    {                                                                                              \
        {"model.layers=[{careless: " fault "}, {linear: 1}]"},                                     \
            "model.layers[0]: " OF("layer", "careless") says                                       \
    }
#define RETURNS(fault, says)                                                                       \
    {                                                                                              \
        {"model.layers=[{linear: 4}, {careless: " fault "}, {linear: 1}]"},                        \
            "model.layers[1]: " OF("layer", "careless") "forward: returned " says                  \
    }
    static const struct {
        const char *mistake[2], *says;
    } rows[] = {
        {{"task.name=careless"}, ""},
        LAYER("no_shape", ".infer returned RT_E_SHAPE without a message"),
        LAYER("no_module", ".make returned NULL without a message"),
        LAYER("misshapen", "no such shape"),
        {{"model.layers=[{linear: 4}, {careless: fails}, {linear: 1}]"},
         "model.layers[1]: " OF("layer", "careless") "forward: the moon is full"},
        {{"model.layers=[{linear: 4}, {careless: no_tensor}, {linear: 1}]"},
         "model.layers[1]: " OF("layer", "careless") "forward: careless returned no tensor (NULL)"},
        RETURNS("narrows", "float32[16,1] cpu, expected float32[16,4], which is what .infer said"),
        RETURNS("retypes", "int64[16,4] cpu, expected float32[16,4], which is what .infer said"),
        RETURNS("drops", "float32[8,4] cpu, expected float32[16,4], which is what .infer said"),
        {{"schedule.name=failing"}, OF("schedule", "failing") ".rate: the moon is full"},
        {{"optimizer.name=failing"}, OF("optimiser", "failing") ".update: the moon is full"},
        {{"schedule.name=careless"}, OF("schedule", "careless") "the rate of step 2 is nan"},
        {{"optimizer.name=careless"}, "careless: .check returned RT_E_RANGE without a message"},
        {{"data.dataset=careless"}, OF("data set", "careless") ".open returned NULL without"},
        {{"task.name=astray"},
         OF("task", "astray") ".target is 'z', a field that the data set does "
                              "not have: its samples are x float32 [2], y"},
        TASK("no_reason", ".open returned RT_E_CONFIG without a message"),
        TASK("no_sums", ".open set sums to 0, expected"),
        TASK("no_weight", ".open set weight to 0, expected what each sample counts, since"),
        TASK("negative_weight", ".open set weight to -1, expected"),
        TASK("misfit", ".check returned RT_E_CONFIG without a message"),
        TASK("no_loss", ".loss returned NULL without a message"),
        TASK("many_losses", ".loss returned float32[16,1] cpu, expected one number"),
        TASK("unset_weight", ".loss set *weight to nan for 16 samples, expected 16"),
        TASK("zero_weight", ".loss set *weight to 0 for 16 samples, expected 16"),
        TASK("other_weight", ".loss set *weight to 8 for 16 samples, expected 16"),
        TASK("no_score", ".score returned RT_E_RANGE without a message"),
        TASK("tells_no_loss", ".tell gave no 'loss'"),
        TASK("tells_less", ".tell gave no 'miss', which .metrics lists"),
        TASK("tells_other", ".tell gave 'mis', which .metrics does not list"),
    };
    for (int i = 0; i < COUNT(rows); i++) {
        const char *text = run_with(rows[i].mistake);
        if (rows[i].says[0] ? !strstr(text, rows[i].says) : text[0] != '\0')
            fail_msg("%s %s: \"%s\", expected \"%s\"", rows[i].mistake[0],
                     rows[i].mistake[1] ? rows[i].mistake[1] : "", text, rows[i].says);
    }
}

/* The first step says in the log which parameters an operation without .backward cuts off; the run goes on. */
static void parameters_without_a_gradient_are_named_once(void **state)
{
    (void)state;
    char path[] = "/tmp/rt-plugin-XXXXXX", text[4096] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(rt_log_open("test", path, false), RT_OK);
    const char *const cut[2] = {"model.layers=[{linear: 4}, {careless: no_backward}, {linear: 1}]"};
    const char *const whole[2] = {"run.seed=2"};
    assert_string_equal(run_with(whole), "");
    assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
    assert_null(strstr(text, "got no gradient"));
    assert_string_equal(run_with(cut), "");
    rt_log_close();
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    const char *told = strstr(text, "2 of 4 parameters got no gradient and are not trained: "
                                    "0.weight, 0.bias: ");
    if (!told || strstr(strchr(told, '\n'), "got no gradient"))
        fail_msg("the log says: %s", text);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_plugin_leaves_nothing),
        TEST(files_that_are_cut_off_are_refused),
        TEST(its_rows_are_used_as_ours),
        TEST(a_trainer_takes_its_rows),
        TEST(mistakes_of_rows_are_named),
        TEST(parameters_without_a_gradient_are_named_once),
        TEST(a_second_plugin_of_the_same_names_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
