/* Configurations: every kind of error with its exact place, and the values of valid files. */
#include "common/base/file.h"
#include "common/config/config_check.h"
#include "configs.h"
#include "tests/support/folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void expect_check_error(const char *text, const char *message)
{
    rt_config c;
    assert_int_equal(parse(text, &c), RT_OK);
    assert_int_equal(rt_config_check(&c), RT_E_CONFIG);
    assert_string_equal(rt_error(), message);
    rt_error_clear();
    rt_config_release(&c);
}

/* ---- good files ---- */

static void a_preset_alone_is_enough(void **state)
{
    (void)state;
    rt_config c;
    assert_int_equal(parse("model: {preset: cnn}", &c), RT_OK);
    assert_int_equal(rt_config_check(&c), RT_OK);
    assert_int_equal(c.model.preset, RT_CFG_PRESET_CNN);
    assert_string_equal(c.run.name, "run");
    assert_int_equal(c.run.steps, 0);
    assert_int_equal(c.run.epochs, 1);
    assert_int_equal(c.data.batch, 64);
    assert_int_equal(c.optimizer.name, RT_CFG_OPTIMIZER_ADAMW);
    assert_true(c.optimizer.lr == 1e-3);
    assert_int_equal(c.parallel.slices, RT_AUTO);
    assert_int_equal(c.parallel.reduction, RT_CFG_REDUCTION_EXACT);
    assert_int_equal(c.parallel.sharding, RT_CFG_SHARDING_OPTIMIZER);
    assert_true(c.checkpoint.final && c.evaluate.final);
    assert_string_equal(rt_config_choice(&c, "parallel.algorithm"), "auto");
    assert_string_equal(rt_config_choice(&c, "precision"), "float32");
    assert_int_equal(json_array_size(c.model.layers), 0);
    rt_config_release(&c);
}

/* YAML 1.2's core schema has three spellings for each. */
static void booleans_and_nulls_have_three_spellings(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "True", "TRUE"},
                             *const no[] = {"false", "False", "FALSE"},
                             *const null[] = {"null", "Null", "NULL"};
    for (int i = 0; i < 3; i++) {
        char text[200];
        rt_config c;
        snprintf(text, sizeof text,
                 "optimizer: {name: sgd, momentum: 0.9, nesterov: %s}\ncheckpoint: {final: %s}\n"
                 "model: {layers: [{a: %s, b: %s, c: %s, d: '%s'}]}\n",
                 yes[i], no[i], yes[i], no[i], null[i], yes[i]);
        assert_int_equal(parse(text, &c), RT_OK);
        assert_true(c.optimizer.sgd.nesterov && !c.checkpoint.final);
        char *layers = rt_json_text(c.model.layers), expected[100];
        snprintf(expected, sizeof expected, "[{\"a\":true,\"b\":false,\"c\":null,\"d\":\"%s\"}]",
                 yes[i]);
        assert_string_equal(layers, expected);
        rt_mem_free(layers);
        rt_config_release(&c);
    }
}

static void values_of_every_type_are_read(void **state)
{
    (void)state;
    const char *text = "# a comment\n"
                       "run:\n"
                       "  name: \"a b\"   # quoted\n"
                       "  seed: 9223372036854775807\n"
                       "optimizer: {name: sgd, lr: 1.0e-3, momentum: .9, nesterov: true}\n"
                       "parallel: {slices: 12, workers: 3}\n"
                       "precision: float32\n"
                       "data:\n"
                       "model:\n"
                       "  layers:\n"
                       "  - conv2d: {out: 32, kernel: [3, 3], padding: same, slope: 1e-2}\n"
                       "  - relu\n"
                       "  - {x: 'true', y: false, z: ~, w: -7}\n";
    rt_config c;
    assert_int_equal(parse(text, &c), RT_OK);
    assert_string_equal(c.run.name, "a b");
    assert_int_equal(c.run.seed, INT64_MAX);
    assert_int_equal(c.optimizer.name, RT_CFG_OPTIMIZER_SGD);
    assert_true(c.optimizer.lr == 0.001 && c.optimizer.sgd.momentum == 0.9);
    assert_true(c.optimizer.sgd.nesterov);
    assert_int_equal(c.parallel.slices, 12);
    char *json = rt_json_text(c.model.layers);
    assert_string_equal(
        json, "[{\"conv2d\":{\"out\":32,\"kernel\":[3,3],\"padding\":\"same\",\"slope\":0.01}},"
              "\"relu\",{\"x\":\"true\",\"y\":false,\"z\":null,\"w\":-7}]");
    rt_mem_free(json);
    rt_config_release(&c);
}

static void an_empty_file_means_defaults(void **state)
{
    (void)state;
    const char *texts[] = {"", "# nothing\n", "---\n", "run:\nmodel:\n"};
    rt_config standard;
    assert_int_equal(rt_config_default(&standard), RT_OK);
    char *expected = rt_config_yaml(&standard);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rt_config c;
        assert_int_equal(parse(texts[i], &c), RT_OK);
        char *got = rt_config_yaml(&c);
        assert_string_equal(got, expected);
        rt_mem_free(got);
        rt_config_release(&c);
    }
    rt_mem_free(expected);
    rt_config_release(&standard);
}

static void written_configurations_load_back(void **state)
{
    (void)state;
    const char *sets[] = {
        "run.name=\"q: \\\"\\t# é\"",    "optimizer.lr=0.1",  "optimizer.eps=3.0000000000000004e-9",
        "model.layers=[{a: {b: 1}}, x]", "parallel.slices=6", "checkpoint.final=false",
        "schedule.name=cosine",          "run.seed=0",        "parallel.isa=avx2"};
    rt_config c, again;
    assert_int_equal(rt_config_default(&c), RT_OK);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        assert_int_equal(rt_config_set(&c, sets[i]), RT_OK);
    char path[] = "/tmp/rt-config-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(rt_config_write_yaml(&c, path), RT_OK);
    assert_int_equal(rt_config_load(path, NULL, 0, &again), RT_OK);
    assert_string_equal(again.run.name, "q: \"\t# é");
    assert_true(again.optimizer.adamw.eps == 3.0000000000000004e-9);
    char *one = rt_config_yaml(&c), *two = rt_config_yaml(&again);
    assert_string_equal(one, two);
    rt_mem_free(one);
    rt_mem_free(two);
    rt_config_release(&c);
    rt_config_release(&again);
    unlink(path);
}

static void sets_override_the_file_in_order(void **state)
{
    (void)state;
    char path[] = "/tmp/rt-config-XXXXXX";
    close(mkstemp(path));
    const char *text = "run: {steps: 5}\nmodel: {preset: mlp}\n";
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    const char *sets[] = {"run.steps=7", "run.steps=9", "parallel.slices=auto", "data.path=/x=y"};
    rt_config c;
    assert_int_equal(rt_config_load(path, sets, 4, &c), RT_OK);
    assert_int_equal(c.run.steps, 9);
    assert_string_equal(rt_config_data_path(&c), "/x=y");
    assert_int_equal(c.model.preset, RT_CFG_PRESET_MLP);
    rt_config_release(&c);
    sets[1] = "run.steps=none";
    assert_int_equal(rt_config_load(path, sets, 4, &c), RT_E_CONFIG);
    assert_null(c.run.name);
    rt_error_clear();
    unlink(path);
}

/* ---- errors ---- */

static void unknown_keys_are_named(void **state)
{
    (void)state;
    expect_error("run: {steps: 3}\noptimizer:\n  name: sgd\n  lrr: 1\n",
                 "x.yaml:4:3: unknown key 'optimizer.lrr': did you mean 'lr'? (allowed: name, lr, "
                 "clip_norm, groups, momentum, dampening, weight_decay, nesterov)");
    expect_error("optimiser: {lr: 1}\n",
                 "x.yaml:1:1: unknown key 'optimiser': did you mean 'optimizer'? (allowed: run, "
                 "model, data, task, optimizer, "
                 "schedule, parallel, checkpoint, snapshot, evaluate, control, log, precision, "
                 "device, device_fallback, plugins)");
    expect_error_at("model: {preset: cnn}\nbatch: 64\n",
                    "x.yaml:2:1: unknown key 'batch': did you mean 'data.batch'?");
    expect_error_at("snapshot: {zzzzzz: 1}\n",
                    "x.yaml:1:12: unknown key 'snapshot.zzzzzz' (allowed: every, replicas, dir)");
}

static void wrong_types_are_named(void **state)
{
    (void)state;
    expect_error("data:\n  batch: abc\n",
                 "x.yaml:2:10: data.batch: expected an integer from 1 to 16777216, not 'abc'");
    expect_error("data: {batch: 1e3}",
                 "x.yaml:1:15: data.batch: expected an integer from 1 to 16777216, not '1e3'");
    expect_error("data: {batch: 64.0}",
                 "x.yaml:1:15: data.batch: expected an integer from 1 to 16777216, not '64.0'");
    expect_error("data: {batch: 0x40}",
                 "x.yaml:1:15: data.batch: expected an integer from 1 to 16777216, not '0x40'");
    expect_error("data: {batch: \"64\"}",
                 "x.yaml:1:15: data.batch: expected an integer from 1 to 16777216, not \"64\"");
    expect_error("data: {batch: [64]}",
                 "x.yaml:1:15: data.batch: expected an integer from 1 to 16777216, not a list");
    expect_error("data: {batch: }",
                 "x.yaml:1:15: data.batch has no value: expected an integer from 1 to 16777216");
    expect_error("optimizer: {nesterov: yes}",
                 "x.yaml:1:23: optimizer.nesterov: expected true or false, not 'yes': "
                 "did you mean 'true'?");
    expect_error("optimizer: {nesterov: Off}",
                 "x.yaml:1:23: optimizer.nesterov: expected true or false, not 'Off': "
                 "did you mean 'false'?");
    expect_error("optimizer: {nesterov: tRUE}",
                 "x.yaml:1:23: optimizer.nesterov: expected true or false, not 'tRUE'");
    expect_error("optimizer: {lr: fast}",
                 "x.yaml:1:17: optimizer.lr: expected a number from 0 to 1000000, not 'fast'");
    expect_error("optimizer: {lr: .inf}",
                 "x.yaml:1:17: optimizer.lr: expected a number from 0 to 1000000, not '.inf'");
    expect_error("run: {name: {a: 1}}", "x.yaml:1:13: run.name: expected text, not a mapping");
    expect_error("run: {name: ~}", "x.yaml:1:13: run.name: expected text, not '~'");
    expect_error("model: {layers: cnn}", "x.yaml:1:17: model.layers: expected a list, not 'cnn'");
    expect_error("model: {layers: {a: 1}}",
                 "x.yaml:1:17: model.layers: expected a list, not a mapping");
    expect_error(
        "parallel: {slices: maybe}",
        "x.yaml:1:20: parallel.slices: expected auto or an integer from 1 to 65536, not 'maybe'");
    expect_error_at("run: 3\n", "x.yaml:1:6: 'run' must be a mapping of keys to values");
    expect_error_at("run: [name, x]\n", "x.yaml:1:6: 'run' must be a mapping of keys to values");
    expect_error_at("- run\n", "x.yaml:1:1: a configuration is a mapping of sections");
    expect_error_at("hello\n", "x.yaml:1:1: a configuration is a mapping of sections");
    expect_error_at("[a]: 1\n", "x.yaml:1:1: the name of a section must be plain");
    expect_error_at("run: {? [a] : 1}\n", "x.yaml:1:9: a key of 'run' must be a plain name");
}

static void values_out_of_range_are_named(void **state)
{
    (void)state;
    expect_error("data: {batch: 0}",
                 "x.yaml:1:15: data.batch: expected an integer from 1 to 16777216, not '0'");
    expect_error("run: {seed: -1}", "x.yaml:1:13: run.seed: expected an integer >= 0, not '-1'");
    expect_error("run: {seed: 9223372036854775808}",
                 "x.yaml:1:13: run.seed: expected an integer >= 0, not '9223372036854775808'");
    expect_error("optimizer: {beta1: 1}",
                 "x.yaml:1:20: optimizer.beta1: expected a number from 0 to 0.9999999, not '1'");
    expect_error("optimizer: {lr: 1e400}",
                 "x.yaml:1:17: optimizer.lr: expected a number from 0 to 1000000, not '1e400'");
    expect_error("optimizer: {lr: 1e-400}\n",
                 "x.yaml:1:17: optimizer.lr: 1e-400 is too small to be told from 0: write 0 or a "
                 "larger number");
    expect_error("control: {port: 65536}",
                 "x.yaml:1:17: control.port: expected an integer from 0 to 65535, not '65536'");
    expect_error("optimizer: {name: adamv}",
                 "x.yaml:1:19: optimizer.name: expected one of adamw, sgd, adam, lamb, adafactor, "
                 "not 'adamv': did you mean 'adamw'?");
    expect_error("precision: bfloat16\n",
                 "x.yaml:1:12: precision: expected only float32, not 'bfloat16'");
}

static void duplicates_are_named(void **state)
{
    (void)state;
    expect_error("run:\n  steps: 1\n  name: a\n  steps: 2\n",
                 "x.yaml:4:3: duplicate key 'run.steps', first given at line 2");
    expect_error("run: {}\nmodel: {preset: cnn}\nrun: {}\n",
                 "x.yaml:3:1: duplicate key 'run', first given at line 1");
    expect_error("precision: float32\nprecision: float32\n",
                 "x.yaml:2:1: duplicate key 'precision', first given at line 1");
    expect_error("model: {layers: [{a: 1, a: 2}]}", "x.yaml:1:25: duplicate key 'a'");
}

static void special_yaml_is_refused(void **state)
{
    (void)state;
    expect_error("run: &r {steps: 1}\n",
                 "x.yaml:1:6: anchor '&r': anchors are not supported, remove it");
    expect_error("run:\n  steps: &s 1\n",
                 "x.yaml:2:10: anchor '&s': anchors are not supported, remove it");
    expect_error("run:\n  steps: *s\n",
                 "x.yaml:2:10: alias '*s': aliases are not supported, repeat the value");
    expect_error("run: {steps: !!int 1}\n",
                 "x.yaml:1:14: tag 'tag:yaml.org,2002:int': tags are not supported, remove it");
    expect_error("run: {}\n---\nrun: {}\n",
                 "x.yaml:2:1: a second document: a configuration is one document");
    expect_error("run: {name: \"a\\0b\"}\n", "x.yaml:1:13: a zero byte in a value");
    expect_error_at("run:\n  steps: 1\n name: x\n",
                    "x.yaml:3:2: not YAML: did not find expected key");
    expect_error_at("run: {steps: 1\n", "x.yaml:2:1: not YAML: did not find expected ',' or '}'");
    expect_error_at("run:\n\tsteps: 1\n",
                    "x.yaml:2:1: not YAML: found character that cannot start any token");
    expect_error_at("run: {name: \xff\xfe}\n",
                    "x.yaml:1:1: invalid leading UTF-8 octet at byte 12");
    char deep[400] = "model: {layers: ";
    memset(deep + strlen(deep), '[', 100);
    expect_error_at(deep, "x.yaml:1:82: more than 64 levels deep");
}

static void sets_are_checked_as_files_are(void **state)
{
    (void)state;
    expect_set_error(
        "data.batch=abc",
        "--set data.batch=abc: data.batch: expected an integer from 1 to 16777216, not 'abc'");
    expect_set_error(
        "data.batch=",
        "--set data.batch=: data.batch has no value: expected an integer from 1 to 16777216");
    expect_set_error("snapshot.evry=1",
                     "--set snapshot.evry=1: unknown key 'snapshot.evry': did you mean 'every'? "
                     "(allowed: every, replicas, dir)");
    expect_set_error("run=1",
                     "--set run=1: 'run' is a section: name one of its keys, as run.KEY=VALUE");
    expect_set_error("steps", "--set steps: expected SECTION.KEY=VALUE, e.g. parallel.workers=4");
    expect_set_error("run.name=a: b",
                     "--set run.name=a: b: run.name: expected text, not a mapping");
    expect_set_error(
        "run.steps=1\n---\n2",
        "--set run.steps=1\\x0a---\\x0a2: a second document: a configuration is one document");
    expect_set_error("run.steps=*x",
                     "--set run.steps=*x: alias '*x': aliases are not supported, repeat the value");
    expect_set_error("model.layers=[a",
                     "--set model.layers=[a: not YAML: did not find expected ',' or ']', while "
                     "parsing a flow sequence");
}

/* A user may name a pipe, but a run directory's configuration must be a file, so that reading it never waits. */
static void configurations_of_runs_are_files(void **state)
{
    (void)state;
    rt_config c;
    char path[FOLDER_MAX + 16], text[FOLDER_MAX + 80];
    char dir[FOLDER_MAX];
    assert_true(folder_make(dir, "config"));
    snprintf(path, sizeof path, "%s/config.yaml", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(rt_config_load_run(path, &c), RT_E_ARG);
    snprintf(text, sizeof text, "%s: is a pipe, expected a regular file", path);
    assert_string_equal(rt_error(), text);
    rt_error_clear();
    assert_int_equal(rt_remove_tree(dir), RT_OK);
}

static void data_lie_beside_the_configuration_or_in_the_working_directory(void **state)
{
    (void)state;
    const struct {
        const char *path,
            *found; /* found: below the folder of the configuration, or NULL: taken as it is */
    } cases[] = {{"rows.csv", "rows.csv"},
                 {"sub/more.csv", "sub/more.csv"},
                 {"in_both.csv", NULL}, /* the working directory comes first */
                 {"in_neither.csv", NULL} /* the message names what was asked for */};
    char dir[] = "/tmp/rt-config-XXXXXX", *before = getcwd(NULL, 0);
    assert_non_null(before);
    assert_non_null(mkdtemp(dir));
    const char *files[] = {"conf/rows.csv", "conf/sub/more.csv", "conf/in_both.csv",
                           "work/in_both.csv"};
    const char *folders[] = {"conf", "conf/sub", "work"};
    char text[200], path[200], expected[200];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        assert_int_equal(rt_file_replace(path, "x", 1), RT_OK);
    }
    snprintf(path, sizeof path, "%s/work", dir);
    assert_int_equal(chdir(path), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt_config c;
        snprintf(text, sizeof text, "data: {dataset: csv, path: %s}\n", cases[i].path);
        assert_int_equal(rt_file_replace("../conf/run.yaml", text, strlen(text)), RT_OK);
        assert_int_equal(rt_config_load("../conf/run.yaml", NULL, 0, &c), RT_OK);
        snprintf(expected, sizeof expected, "%s/conf/%s", dir,
                 cases[i].found ? cases[i].found : "");
        assert_string_equal(rt_config_data_path(&c), cases[i].found ? expected : cases[i].path);
        rt_config_release(&c);
    }
    assert_int_equal(chdir(before), 0);
    free(before);
    assert_int_equal(rt_remove_tree(dir), RT_OK);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    rt_config c;
    assert_int_equal(rt_config_load("/proc/nonexistent/x.yaml", NULL, 0, &c), RT_E_NOTFOUND);
    assert_string_equal(rt_error(),
                        "/proc/nonexistent/x.yaml: cannot open: No such file or directory");
    rt_error_clear();
    assert_int_equal(rt_config_load("/tmp", NULL, 0, &c), RT_E_ARG);
    assert_string_equal(rt_error(), "/tmp: is a directory, expected a regular file or a pipe");
    rt_error_clear();
    assert_int_equal(rt_config_load("/dev/zero", NULL, 0, &c), RT_E_ARG);
    assert_null(c.run.name);
    rt_error_clear();
}

static void keys_must_fit_together(void **state)
{
    (void)state;
    expect_check_error("run: {steps: 1}",
                       "no model: set model.preset (mlp, cnn) or list model.layers");
    expect_check_error("model: {preset: cnn, layers: [relu]}",
                       "model.preset and model.layers are both given: keep one of them");
    expect_check_error(
        "model: {preset: cnn}\nparallel: {workers: 4, slices: 3}",
        "parallel.slices 3 is less than parallel.workers 4: each worker needs at least one slice: "
        "use -n 3 or fewer, or raise parallel.slices (in a new run: model.init takes over the "
        "weights "
        "of one that is there)");
    expect_check_error(
        "model: {preset: cnn}\nparallel: {slices: 65}",
        "data.batch 64 is less than the 65 slices of a step: each slice needs at least one sample");
    expect_check_error("model: {preset: cnn}\nparallel: {workers: 5}\ndata: {batch: 7}",
                       "data.batch 7 is less than the 8 slices of a step (parallel.slices: auto): "
                       "each slice needs at "
                       "least one sample");
    expect_check_error("model: {preset: cnn}\nrun: {epochs: 0}",
                       "run.steps and run.epochs are both 0: set one of them");
    expect_check_error("model: {preset: cnn}\nrun: {name: a/b}",
                       "run.name 'a/b' must be usable as the name of a directory: not empty, no "
                       "'/', no leading '.'");
    expect_check_error("model: {preset: cnn}\ndata: {augment: [flip]}",
                       "data.augment: there are no augmentations in this release: use []");
    expect_check_error("model: {preset: cnn}\noptimizer: {name: sgd, nesterov: true}",
                       "optimizer.nesterov needs optimizer.momentum > 0");
    expect_check_error(
        "model: {preset: cnn}\noptimizer: {name: sgd, momentum: 0.9, nesterov: true, "
        "dampening: 0.1}",
        "optimizer.nesterov needs optimizer.dampening 0");
    expect_check_error("model: {preset: cnn, freeze: [0.*, 3]}",
                       "model.freeze[1]: expected the name of a parameter or a pattern of names, "
                       "such as '0.*'");
    expect_check_error("model: {layers: [relu, {residual: {layers: [relu], shortcut: [{linear: "
                       "x}]}}]}",
                       "model.layers[1].residual.shortcut[0]: linear: out is \"x\", expected an "
                       "integer");
    expect_check_error("model: {preset: cnn}\noptimizer: {groups: [{weight_decay: 0}]}",
                       "optimizer.groups[0]: expected a mapping with match: the names of its "
                       "parameters, such as '*.bias'");
    expect_check_error(
        "model: {preset: cnn}\noptimizer: {groups: [{match: a}, {match: b, weight_decai: 0}]}",
        "optimizer.groups[1] has no key 'weight_decai': did you mean 'weight_decay'?");
    expect_check_error(
        "model: {preset: cnn}\noptimizer: {groups: [{match: a, momentum: 0}]}",
        "optimizer.groups[0] has no key 'momentum' (it has: beta1, beta2, eps, weight_decay)");
    expect_check_error("model: {preset: cnn}\noptimizer: {groups: [{match: a, weight_decay: -1}]}",
                       "optimizer.groups[0]: weight_decay is -1, expected 0 to 1000000");
    expect_check_error("model: {preset: cnn}\noptimizer: {groups: [{match: a, lr_scale: -1}]}",
                       "optimizer.groups[0]: lr_scale: expected a number that is not below 0");
    expect_check_error(
        "model: {preset: cnn}\nparallel: {workers: 3, algorithm: halving}",
        "parallel.algorithm halving needs 1, 2, 4, 8, ... workers, not 3: use auto or direct");
    expect_check_error(
        "model: {preset: cnn}\nparallel: {workers: 2, slices: 6, algorithm: halving}",
        "parallel.algorithm halving needs 2, 4, 8, ... slices, not 6: use auto or "
        "direct, or change parallel.slices");
}

/* ---- help, memory ---- */

static void numbers_are_written_short(void **state)
{
    (void)state;
    rt_config c;
    char hex[65];
    assert_int_equal(
        parse("model: {layers: [flatten, {linear: 128}, relu, {dropout: 0.1}, {linear: 10}]}\n"
              "optimizer: {clip_norm: 10, lr: 2e-4}",
              &c),
        RT_OK);
    assert_int_equal(rt_config_hash(&c, hex), RT_OK);
    assert_string_equal(hex, "7f5e75fe1392d5f2b6898989a816e6e548d7014f3bac7b5690161772c01165d4");
    char *yaml = rt_config_yaml(&c);
    assert_non_null(strstr(yaml, "{\"dropout\":0.1}"));
    assert_non_null(strstr(yaml, "clip_norm: 10\n"));
    assert_non_null(strstr(yaml, "lr: 0.0002\n"));
    rt_mem_free(yaml);
    rt_config_release(&c);
}

/* Returns the help of a section, up to the next one; to be freed. */
static char *help_of(const char *section, const char *next)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    rt_config_help(to);
    fclose(to);
    char *begin = strstr(text, section), *end = strstr(text, next);
    assert_true(begin && end && begin < end);
    *end = 0;
    memmove(text, begin, strlen(begin) + 1);
    return text;
}

/* Fails if the page lacks an optimiser, and prints the text that belongs there. */
static void the_page_has_every_optimiser(void **state)
{
    (void)state;
    char page[65536], *help = help_of("\noptimizer: ", "\n\nschedule: ");
    FILE *from = fopen(RT_TEST_SOURCE_DIR "/docs/OPTIMIZERS.md", "r");
    assert_non_null(from);
    page[fread(page, 1, sizeof page - 1, from)] = 0;
    fclose(from);
    if (!strstr(page, help)) {
        fputs(help, stderr); /* longer than a message may be */
        fail_msg("docs/OPTIMIZERS.md lacks what is above");
    }
    free(help);
}

static void the_help_names_every_key(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    rt_config_help(to);
    fclose(to);
#define KEY(section, key)                                     assert_non_null(strstr(text, #key));
#define INT(section, key, standard, least, most, math, help)  KEY(section, key)
#define NUMBER(section, key, standard, low, high, math, help) KEY(section, key)
#define CHOICE(section, key, standard, math, help, options)   KEY(section, key)
#define STRING(section, key, standard, math, help)            KEY(section, key)
#define SECTION(name, help)                                   assert_non_null(strstr(text, "\n" #name ": " help "\n"));
#include "common/config/config.def"
    assert_non_null(strstr(text, "one of adamw, sgd, adam, lamb, adafactor; default adamw"));
    assert_non_null(strstr(text, "auto or an integer from 1 to 65536; default auto"));
    assert_non_null(strstr(
        text, "one of fashion-mnist, mnist, text, labelled-text, csv; default fashion-mnist"));
    assert_non_null(strstr(text, "\n    path           text; default \"data/table.csv\"\n"));
    const char *sgd = strstr(text, "\n  with name: sgd (");
    assert_non_null(sgd);
    assert_non_null(strstr(sgd, "\n    momentum       a number from 0 to 0.9999999; default 0\n"));
    free(text);
}

/* Fails the n-th allocation for n = 0, 1, 2, ... until loading succeeds: each failure is reported
 * and leaks nothing. */
static void no_allocation_failure_leaks(void **state)
{
    (void)state;
    char path[] = "/tmp/rt-config-XXXXXX";
    close(mkstemp(path));
    const char *text =
        "run: {name: x}\nmodel: {layers: [{conv2d: {out: 3}}, relu]}\ndata: {path: /x}\n";
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    const char *sets[] = {"run.dir=/y", "model.layers=[{a: 1}]"};
    int64_t live = rt_mem_live();
    int failures = 0;
    for (int n = 0;; n++) {
        rt_config c;
        rt_mem_fail_after(n);
        rt_status status = rt_config_load(path, sets, 2, &c);
        char *yaml = status == RT_OK ? rt_config_yaml(&c) : NULL;
        rt_mem_fail_after(-1);
        bool done = yaml != NULL;
        rt_mem_free(yaml);
        rt_config_release(&c);
        assert_int_equal(rt_mem_live(), live);
        if (done)
            break;
        assert_int_equal(rt_error_code(), RT_E_NOMEM);
        rt_error_clear();
        failures++;
    }
    assert_false(rt_failed());
    assert_in_range(failures, 10, 1000);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_preset_alone_is_enough),
        TEST(booleans_and_nulls_have_three_spellings),
        TEST(values_of_every_type_are_read),
        TEST(an_empty_file_means_defaults),
        TEST(written_configurations_load_back),
        TEST(sets_override_the_file_in_order),
        TEST(unknown_keys_are_named),
        TEST(wrong_types_are_named),
        TEST(values_out_of_range_are_named),
        TEST(duplicates_are_named),
        TEST(special_yaml_is_refused),
        TEST(sets_are_checked_as_files_are),
        TEST(configurations_of_runs_are_files),
        TEST(data_lie_beside_the_configuration_or_in_the_working_directory),
        TEST(files_that_cannot_be_read_are_named),
        TEST(keys_must_fit_together),
        TEST(numbers_are_written_short),
        TEST(the_help_names_every_key),
        TEST(the_page_has_every_optimiser),
        TEST(no_allocation_failure_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
