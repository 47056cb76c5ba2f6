/* Plugins as described by configurations: their rows become keys like built-in ones, either all or none of a plugin's
 * rows are registered, and errors are reported by name. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/config/config.h"
#include "common/config/config_check.h"
#include "common/config/config_length.h"
#include "common/config/layers.h"
#include "common/config/optimizer_states.h"
#include "common/config/plugins.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ENTRY_OF(name, lists)                                                                      \
    "{\"file\": \"/p/" name ".so\", \"sha256\": \"" SHA "\", \"rows\": {\"name\": \"" name         \
    "\", " lists "}}"

/* An update rule with a key of each kind, a layer, and a task with a metric. */
#define LION                                                                                       \
    "\"optimizers\": [{\"name\": \"lion\", \"help\": \"h\", \"options\": ["                        \
    "{\"name\": \"decay\", \"kind\": \"number\", \"needed\": false, \"help\": \"d\", "             \
    "\"default\": 0.5, \"least\": 0, \"most\": 1},"                                                \
    "{\"name\": \"every\", \"kind\": \"integer\", \"needed\": false, \"help\": \"d\", "            \
    "\"default\": 3, \"least\": 1},"                                                               \
    "{\"name\": \"long\", \"kind\": \"auto\", \"needed\": false, \"help\": \"d\", \"default\": "   \
    "\"auto\", \"least\": 1},"                                                                     \
    "{\"name\": \"warm\", \"kind\": \"flag\", \"needed\": false, \"help\": \"d\", \"default\": "   \
    "true},"                                                                                       \
    "{\"name\": \"label\", \"kind\": \"text\", \"needed\": false, \"help\": \"d\", \"default\": "  \
    "\"x\"},"                                                                                      \
    "{\"name\": \"form\", \"kind\": \"choice\", \"needed\": false, \"help\": \"d\", \"default\": " \
    "\"two\", \"choices\": [\"one\", \"two\"]}],"                                                  \
    "\"states\": [{\"name\": \"mean\", \"layout\": \"like_param\", \"when\": \"decay\"}, "         \
    "{\"name\": \"norms\", \"layout\": \"per_row\"}]}]"
#define REST                                                                                       \
    "\"layers\": [{\"name\": \"shift\", \"help\": \"h\", \"flags\": [\"places\"], \"options\": ["  \
    "{\"name\": \"by\", \"kind\": \"number\", \"needed\": true, \"help\": \"d\"}]}],"              \
    "\"schedules\": [{\"name\": \"line\", \"help\": \"h\", \"options\": [], \"ends\": true}],"     \
    "\"datasets\": [{\"name\": \"ramp\", \"help\": \"h\", \"options\": []}],"                      \
    "\"tasks\": [{\"name\": \"huber\", \"help\": \"h\", \"options\": [], \"metrics\": ["           \
    "{\"name\": \"near\", \"title\": \"near\", \"help\": \"h\", \"more_is_better\": true, "        \
    "\"share\": true}]}]"
#define ALL ENTRY_OF("all", LION ", " REST)

static rt_status add(const char *text)
{
    json_t *entry;
    assert_int_equal(rt_json_parse(text, strlen(text), "entry", &entry), RT_OK);
    rt_status status = rt__plugin_add(entry);
    json_decref(entry);
    return status;
}

static rt_status parse(const char *more, rt_config *out)
{
    char *text = rt_strdup_printf("plugins: [%s]\n%s", ALL, more);
    rt_status status = rt_config_parse(text, strlen(text), "c.yaml", out);
    rt_mem_free(text);
    return status;
}

static void expect_error(rt_status status, const char *says)
{
    if (status == RT_OK || !strstr(rt_error(), says))
        fail_msg("%s \"%s\", expected \"%s\"", rt_status_name(status), rt_error(), says);
    rt_error_clear();
}

/* As in config.yaml, the plugins come after the keys that need them. */
static void rows_are_keys(void **state)
{
    (void)state;
    rt_config c, again;
    char *text = rt_strdup_printf(
        "optimizer: {name: lion, every: 5, label: a b}\nschedule: {name: line, steps: 9}\n"
        "data: {dataset: ramp}\ntask: {name: huber}\nmodel: {layers: [{shift: 2}, {linear: 1}]}\n"
        "checkpoint: {best: near}\nevaluate: {every: 1}\nplugins: [%s]\n",
        ALL);
    assert_int_equal(rt_config_parse(text, strlen(text), "c.yaml", &c), RT_OK);
    rt_mem_free(text);
    assert_int_equal(rt_config_check(&c), RT_OK);
    assert_string_equal(rt_config_choice(&c, "optimizer.name"), "lion");
    const struct {
        double decay;
        int64_t every, longer;
        bool warm;
        const char *label;
        int form;
    } *v = rt_config_values(&c, "optimizer");
    assert_true(v->decay == 0.5 && v->every == 5 && v->longer == RT_AUTO && v->warm &&
                v->form == 1);
    assert_string_equal(v->label, "a b");
    assert_true(rt_config_schedule_ends(&c));
    assert_string_equal(rt_config_data_path(&c), "");
    assert_true(rt_layers_have(c.model.layers, RT_LAYER_PLACES));
    assert_string_equal(rt_metric_find("near")->task, "huber");
    text = rt_config_yaml(&c);
    assert_non_null(text);
    assert_int_equal(rt_config_parse(text, strlen(text), "again", &again), RT_OK);
    char *twice = rt_config_yaml(&again), a[65], b[65];
    assert_string_equal(text, twice);
    assert_int_equal(rt_config_hash(&c, a), RT_OK);
    assert_int_equal(rt_config_set(&again, "optimizer.form=one"), RT_OK);
    assert_int_equal(rt_config_hash(&again, b), RT_OK);
    assert_string_not_equal(a, b);
    rt_mem_free(text);
    rt_mem_free(twice);
    rt_config_release(&again);
    rt_config_release(&c);
}

static void states_are_kept_when_their_number_is_not_0(void **state)
{
    (void)state;
    rt_config c;
    rt_optimizer_state s[RT_OPTIMIZER_STATES_MAX];
    assert_int_equal(parse("optimizer: {name: lion}\n", &c), RT_OK);
    assert_int_equal(rt_config_optimizer_states(&c, s), 2);
    assert_string_equal(s[0].name, "mean");
    assert_int_equal(s[1].layout, RT_STATE_PER_ROW);
    assert_int_equal(rt_config_set(&c, "optimizer.decay=0"), RT_OK);
    assert_int_equal(rt_config_optimizer_states(&c, s), 1);
    assert_string_equal(s[0].name, "norms");
    assert_int_equal(s[0].row, 1);
    rt_config_release(&c);
}

static void keys_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"optimizer: {name: lion, decya: 0.5}\n", "did you mean 'decay'?"},
        {"optimizer: {name: lion, decay: 2}\n", "expected a number from 0 to 1"},
        {"optimizer: {name: lion, form: three}\n", "expected one of one, two"},
        {"optimizer: {name: lino}\n", "did you mean 'lion'?"},
        {"optimizer: {name: lion, every: 0}\n", "expected an integer >= 1"},
        {"model: {layers: [{shfit: 1}]}\n", "did you mean 'shift'?"},
        {"model: {layers: [shift]}\n", "shift needs 'by': d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config c;
        rt_status status = parse(rows[i].text, &c);
        if (status == RT_OK) {
            status = rt_layers_check(c.model.layers, "model.layers");
            rt_config_release(&c);
        }
        expect_error(status, rows[i].says);
    }
}

/* ---- what is refused ---- */

static void wrong_entries_are_refused(void **state)
{
    (void)state;
#define ROW(list, row) ENTRY_OF("w", "\"" list "\": [" row "]")
#define RULE(options)                                                                              \
    ROW("optimizers", "{\"name\": \"w\", \"help\": \"h\", \"options\": [" options "]}")
    static const struct {
        const char *entry, *says;
    } rows[] = {
        {"{}", "expected the path of a plugin, or an object"},
        {"{\"file\": \"p.so\", \"sha256\": \"" SHA "\", \"rows\": {\"name\": \"w\"}}",
         "an absolute path"},
        {"{\"file\": \"/p.so\", \"sha256\": \"12\", \"rows\": {\"name\": \"w\"}}", "\"sha256\""},
        {ENTRY_OF("w", "\"layers\": 1"), "layers[0]: expected a list"},
        {ROW("layers", "1"), "layers[0]: expected a name"},
        {ROW("layers", "{\"name\": \"linear\", \"help\": \"h\", \"options\": []}"),
         "linear is built in"},
        {ROW("layers", "{\"name\": \"W\", \"help\": \"h\", \"options\": []}"),
         "layers[0]: .name 'W': expected a name of"},
        {ROW("layers", "{\"name\": \"w\", \"help\": \"a\\u001bb\", \"options\": []}"),
         "a line of help"},
        {ROW("layers", "{\"name\": \"w\", \"help\": \"h\", \"options\": {}}"),
         "w: expected a list of at most"},
        {ROW("layers", "{\"name\": \"w\", \"help\": \"h\", \"options\": [], \"flags\": [\"x\"]}"),
         "an unknown flag"},
        {ROW("optimizers", "{\"name\": \"sgd\", \"help\": \"h\", \"options\": []}"),
         "sgd is built in"},
        {RULE("{\"name\": \"lr\", \"kind\": \"number\", \"help\": \"h\", \"default\": 1.0}"),
         "optimizers[0] 'w': key 'lr': its section has a key of this name anyway"},
        {RULE("{\"name\": \"a\", \"kind\": \"pair\", \"help\": \"h\", \"default\": [1, 1]}"),
         "optimizers[0] 'w': key 'a': expected INT"},
        {RULE("{\"name\": \"a\", \"kind\": \"number\", \"needed\": true, \"help\": \"h\"}"),
         "optimizers[0] 'w': key 'a': expected INT"},
        {RULE("{\"name\": \"a\", \"kind\": \"tensor\", \"help\": \"h\"}"), "'kind': expected"},
        {RULE("{\"name\": \"a\", \"kind\": \"number\", \"help\": \"h\"}"),
         "'default': expected a value"},
        {RULE("{\"name\": \"a\", \"kind\": \"number\", \"help\": \"h\", \"default\": \"x\"}"),
         "a is \"x\", expected a number"},
        {RULE("{\"name\": \"a\", \"kind\": \"integer\", \"help\": \"h\", \"default\": 5, \"most\": "
              "4}"),
         "a is 5, expected 4 or less"},
        {RULE("{\"name\": \"a\", \"kind\": \"choice\", \"help\": \"h\", \"default\": \"x\"}"),
         "'choices': expected"},
        {RULE("{\"name\": \"a\", \"kind\": \"flag\", \"help\": \"h\", \"default\": "
              "true},{\"name\": \"a\", \"kind\": \"flag\", \"help\": \"h\", \"default\": true}"),
         "a name that no earlier row has"},
        {ROW("optimizers", "{\"name\": \"w\", \"help\": \"h\", \"options\": [], \"states\": "
                           "[{\"name\": \"s\", \"layout\": \"round\"}]}"),
         "a state is a name"},
        {ROW("optimizers", "{\"name\": \"w\", \"help\": \"h\", \"options\": [], \"states\": "
                           "[{\"name\": \"s\", \"layout\": \"scalar\", \"when\": \"x\"}]}"),
         "a state is a name"},
        {ROW("tasks", "{\"name\": \"w\", \"help\": \"h\", \"options\": [], \"metrics\": "
                      "[{\"name\": \"loss\", \"title\": \"t\", \"help\": \"h\"}]}"),
         "metric loss: another metric"},
        {ROW("tasks", "{\"name\": \"w\", \"help\": \"h\", \"options\": [], \"metrics\": "
                      "[{\"name\": \"aa\", \"title\": \"t\", \"help\": \"h\"}, {\"name\": \"aa\", "
                      "\"title\": \"t\", \"help\": \"h\"}]}"),
         "metric aa: another metric"},
        {ROW("tasks", "{\"name\": \"w\", \"help\": \"h\", \"options\": [], \"metrics\": "
                      "[{\"name\": \"sixteen_letters_\", \"title\": \"t\", \"help\": \"h\"}]}"),
         "at most 15 letters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int layers = rt__layer_kinds(), metrics = rt_metric_kinds();
        int64_t live = rt_mem_live();
        expect_error(add(rows[i].entry), rows[i].says);
        assert_int_equal(rt__layer_kinds(), layers);
        assert_int_equal(rt_metric_kinds(), metrics);
        if (rt_mem_live() != live)
            fail_msg("row %zu: %lld allocations are left", i, (long long)(rt_mem_live() - live));
    }
}

/* If one row is wrong, the valid rows before it are not registered either. */
static void all_of_a_plugin_are_known_or_none(void **state)
{
    (void)state;
    rt_config c;
    int layers = rt__layer_kinds();
    expect_error(
        add(ENTRY_OF("half",
                     "\"layers\": [{\"name\": \"good\", \"help\": \"h\", \"options\": []}],"
                     "\"tasks\": [{\"name\": \"language\", \"help\": \"h\", \"options\": []}]")),
        "language is built in");
    assert_int_equal(rt__layer_kinds(), layers);
    expect_error(rt_config_parse("task: {name: good}", 18, "c", &c), "task.name: expected one of");
}

static void the_same_rows_are_one_and_others_of_that_name_are_refused(void **state)
{
    (void)state;
    int layers = rt__layer_kinds();
    assert_int_equal(add(ALL), RT_OK);
    assert_int_equal(add(ALL), RT_OK);
    assert_int_equal(rt__layer_kinds(), layers);
    expect_error(
        add(ENTRY_OF(
            "other",
            "\"layers\": [{\"name\": \"shift\", \"help\": \"another\", \"options\": []}]")),
        "plugin other (/p/other.so): layers: there is another shift already, of plugin all "
        "(/p/all.so)");
}

/* Two files of one configuration, of other content: which of them would compute a row that both have? */
static void two_plugins_of_a_configuration_share_nothing(void **state)
{
    (void)state;
#define ONE(file, digit, name, lists)                                                              \
    "{\"file\": \"" file "\", \"sha256\": \"" digit SHA_REST "\", \"rows\": {\"name\": \"" name    \
    "\", " lists "}}"
#define SHA_REST   "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FLAT(name) "\"schedules\": [{\"name\": \"" name "\", \"help\": \"h\", \"options\": []}]"
    static const struct {
        const char *second, *says; /* says NULL: both are taken */
    } rows[] = {
        {ONE("/p/b.so", "a", "bb", FLAT("flat2")), NULL},
        {ONE("/p/a.so", "0", "aa", FLAT("flat1")), NULL},
        {ONE("/p/b.so", "a", "aa", FLAT("flat1")),
         "plugins[1]: /p/b.so: its name is 'aa', as that of plugins[0], /p/a.so: give one"},
        {ONE("/p/b.so", "a", "bb", FLAT("flat1")),
         "plugins[1]: /p/b.so: schedules: flat1 is a row of plugins[0], /p/a.so, already"},
        {ONE("/p/b.so", "a", "bb", "\"ops\": [\"other\", \"hump\"]"),
         "plugins[1]: /p/b.so: ops: hump is a row of plugins[0], /p/a.so, already"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config c;
        char *text = rt_strdup_printf(
            "plugins: [%s, %s]\n", ONE("/p/a.so", "0", "aa", "\"ops\": [\"hump\"], " FLAT("flat1")),
            rows[i].second);
        rt_status status = rt_config_parse(text, strlen(text), "c.yaml", &c);
        rt_mem_free(text);
        if (status == RT_OK)
            rt_config_release(&c);
        if (rows[i].says)
            expect_error(status, rows[i].says);
        else
            assert_int_equal(status, RT_OK);
    }
}

/* A configuration that a program has written must not name code to run. */
static void paths_are_taken_from_the_user_alone(void **state)
{
    (void)state;
    rt_config c;
    static const char text[] = "plugins: [/p/mine.so]\n";
    expect_error(rt_config_parse(text, sizeof text - 1, "c.yaml", &c),
                 "c.yaml: plugins[0]: expected the path of a plugin, or an object");
    expect_error(parse("run: {steps: x}\n", &c), "run.steps");
}

static void unloaded_code_is_named(void **state)
{
    (void)state;
    assert_int_equal(add(ALL), RT_OK);
    rt_layer l;
    json_t *j = json_pack("{s:i}", "shift", 1);
    assert_int_equal(rt_layer_read(j, &l), RT_OK);
    expect_error(
        rt__added_check(&rt__layer_rows[l.id].added, "layer shift"),
        "layer shift is of the plugin all, which was not loaded: if you trust that program (sha256 "
        "0123456789abcdef...), add --plugin /p/all.so");
    assert_int_equal(rt__added_check(&rt__layer_rows[RT_LAYER_relu].added, "layer relu"), RT_OK);
    json_decref(j);
}

/* What a message tells to paste is one word for the shell. */
static void paths_to_paste_are_quoted(void **state)
{
    (void)state;
    rt__added added = {.description = json_true(),
                       .plugin = json_pack("{s:s, s:s, s:{s:s}}", "file", "/my plug ins/all.so",
                                           "sha256", "0123456789abcdef0", "rows", "name", "all")};
    rt__added_check(&added, "layer shift");
    assert_non_null(strstr(rt_error(), "add --plugin '/my plug ins/all.so'"));
    rt_error_clear();
    json_decref((json_t *)added.plugin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_keys),
        cmocka_unit_test(states_are_kept_when_their_number_is_not_0),
        cmocka_unit_test(keys_are_checked),
        cmocka_unit_test(wrong_entries_are_refused),
        cmocka_unit_test(all_of_a_plugin_are_known_or_none),
        cmocka_unit_test(the_same_rows_are_one_and_others_of_that_name_are_refused),
        cmocka_unit_test(two_plugins_of_a_configuration_share_nothing),
        cmocka_unit_test(paths_are_taken_from_the_user_alone),
        cmocka_unit_test(unloaded_code_is_named),
        cmocka_unit_test(paths_to_paste_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
