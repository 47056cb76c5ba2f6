/* Sections whose keys depend on a choice, keys that have no effect with the others, and the keys that enter the hash. */
#include "common/base/file.h"
#include "configs.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- keys without an effect ---- */

static void keys_without_effect_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *set, *message; /* message NULL: it is good */
    } cases[] = {
        {"optimizer:\n  momentum: 0.9", NULL,
         ":3: optimizer.momentum has an effect with optimizer.name sgd only, and this is adamw: "
         "leave it out"},
        {"optimizer: {name: sgd, beta1: 0.8}", NULL, ":2: optimizer.beta1 has an effect"},
        {"optimizer: {name: sgd, eps: 1e-3}", NULL,
         "with optimizer.name adamw, adam, lamb or adafactor only, and this is sgd"},
        {"optimizer: {nesterov: true}", NULL, "optimizer.nesterov"},
        {"schedule: {gamma: 0.5}", NULL, "with schedule.name step only, and this is constant"},
        {"schedule: {name: cosine, step_size: 7}", NULL, "schedule.step_size"},
        {"schedule: {name: step, min_lr: 1e-5}", NULL, "schedule.min_lr"},
        {"schedule: {name: step, steps: 9}", NULL, "schedule.steps"},
        {"parallel: {reduction: ring, algorithm: direct}", NULL, "parallel.reduction exact only"},
        {"data:\n  context: 32", NULL,
         ":3: data.context has an effect with data.dataset text or labelled-text only, and this is "
         "fashion-mnist: "
         "leave it out"},
        {"data: {dataset: text, target: y}", NULL, "with data.dataset csv only, and this is text"},
        {"data: {dataset: text, mask_share: 0.5}", NULL,
         ":2: data.mask_share has an effect with data.mask random only, and this is all"},
        {"data: {dataset: text, mask: random}", "data.separator=x",
         "--set data.separator=x: data.separator has an effect with data.mask after only"},
        {"data: {dataset: text, mask: after, separator: x}", NULL, NULL},
        {"data: {share: 0.5}", NULL, "with data.dataset text, labelled-text or csv only"},
        {"data: {dataset: csv, target: y}", "data.dataset=mnist", ":2: data.target"},
        {"data: {dataset: csv, target: y, share: 0.5, path: x}", NULL, NULL},
        {"", "optimizer.momentum=0.9",
         "--set optimizer.momentum=0.9: optimizer.momentum has an effect"},
        {"optimizer: {name: sgd, momentum: 0.9}", "optimizer.name=adamw", ":2: optimizer.momentum"},
        {"optimizer: {name: sgd, momentum: 0.9, nesterov: true}", NULL, NULL},
        {"optimizer: {momentum: 0, nesterov: false}", NULL, NULL}, /* as a run writes it */
        {"optimizer: {momentum: 0.9}", "optimizer.name=sgd", NULL},
        {"schedule: {name: cosine, min_lr: 1e-5, steps: 9}", NULL, NULL},
        {"schedule: {name: step, gamma: 0.5, step_size: 7}", NULL, NULL},
        {"parallel: {algorithm: direct}", NULL, NULL},
    };
    char path[] = "/tmp/rt-uses-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt_config c;
        char text[256];
        snprintf(text, sizeof text, "model: {preset: mlp}\n%s\n", cases[i].text);
        assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
        size_t sets = cases[i].set != NULL;
        rt_status status = rt_config_load_new(path, &cases[i].set, sets, &c);
        const char *message = cases[i].message;
        if ((status == RT_OK) != (message == NULL) || (message && !strstr(rt_error(), message)))
            fail_msg("%s, %s: status %d, \"%s\"", cases[i].text, cases[i].set, status, rt_error());
        if (message && !cases[i].set)
            assert_non_null(strstr(rt_error(), path));
        rt_error_clear();
        rt_config_release(&c);
        assert_int_equal(rt_config_load(path, &cases[i].set, sets, &c),
                         RT_OK); /* a resumed run accepts it */
        rt_config_release(&c);
    }
    unlink(path);
}

static void given_keys_are_distinguished_from_defaults(void **state)
{
    (void)state;
    static const char text[] = "schedule:\n  steps: auto\nrun: {}\n", wrong[] = "a: b: c";
    assert_true(rt_config_gives(text, strlen(text), "schedule.steps"));
    assert_false(rt_config_gives(text, strlen(text), "schedule.name"));
    assert_false(rt_config_gives(wrong, strlen(wrong), "schedule.steps"));
    assert_false(rt_failed());
}

/* ---- families: keys that depend on a choice ---- */

static void a_row_has_keys_of_its_own(void **state)
{
    (void)state;
    rt_config c;
    /* The name may come last. */
    assert_int_equal(parse("optimizer: {momentum: 0.9, weight_decay: 0.1, name: sgd}", &c), RT_OK);
    assert_true(c.optimizer.sgd.momentum == 0.9 && c.optimizer.sgd.weight_decay == 0.1);
    assert_true(c.optimizer.adamw.weight_decay == 0 && c.optimizer.adamw.beta1 == 0.9);
    char *yaml = rt_config_yaml(&c);
    assert_non_null(strstr(yaml, "\n  momentum: 0.9\n"));
    assert_null(strstr(yaml, "beta1"));
    rt_mem_free(yaml);
    rt_config_release(&c);
    expect_error("optimizer:\n  momentum: 0.9\n  name: sgd\n  momentum: 0\n",
                 "x.yaml:4:3: duplicate key 'optimizer.momentum', first given at line 2");
    expect_error(
        "optimizer:\n  momentum: [0.9]\n  name: sgd\n",
        "x.yaml:2:13: optimizer.momentum: expected a number from 0 to 0.9999999, not a list");
    expect_error("optimizer:\n  momentum: 1\n  name: sgd\n",
                 "x.yaml:2:13: optimizer.momentum: expected a number from 0 to 0.9999999, not '1'");
    expect_error("schedule: {name: step, step_size: 0}",
                 "x.yaml:1:35: schedule.step_size: expected an integer >= 1, not '0'");
    expect_error_at("optimizer: {momemtum: 0.9}",
                    "x.yaml:1:13: unknown key 'optimizer.momemtum': did you mean 'momentum'?");
    expect_set_error("optimizer.momentum=2", "--set optimizer.momentum=2: optimizer.momentum: "
                                             "expected a number from 0 to 0.9999999, not '2'");
    expect_set_error("optimizer.lrr=2",
                     "--set optimizer.lrr=2: unknown key 'optimizer.lrr': did you mean 'lr'? "
                     "(allowed: name, lr, clip_norm, groups, beta1, beta2, eps, weight_decay)");
}

/* The path, too: if the user gives none, the default of the finally chosen data set applies. */
static void every_data_set_has_a_path_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path;
    } cases[] = {
        {"{}", "/usr/share/datasets/fashion-mnist"},
        {"data: {dataset: mnist}", "/usr/share/datasets/mnist"},
        {"data: {dataset: text}", "data/text.txt"},
        {"data: {path: /x, dataset: csv}", "/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt_config c, copy;
        assert_int_equal(parse(cases[i].text, &c), RT_OK);
        assert_string_equal(rt_config_data_path(&c), cases[i].path);
        assert_int_equal(rt_config_copy(&c, &copy), RT_OK);
        rt_config_release(&c);
        assert_string_equal(rt_config_data_path(&copy), cases[i].path);
        rt_config_release(&copy);
    }
    expect_error(
        "data: {dataset: text, contxt: 3}",
        "x.yaml:1:23: unknown key 'data.contxt': did you mean 'context'? (allowed: dataset, "
        "batch, eval_batch, limit, augment, path, context, stride, unit, split, share, "
        "seed, mask, separator, mask_share)");
}

/* Values go to the row that is chosen in the end. */
static void another_row_may_be_chosen_later(void **state)
{
    (void)state;
    rt_config c;
    assert_int_equal(parse("optimizer: {weight_decay: 0.1, beta1: 0.5}", &c), RT_OK);
    assert_int_equal(rt_config_set(&c, "optimizer.momentum=0.75"), RT_OK);
    assert_int_equal(rt_config_set(&c, "optimizer.name=sgd"), RT_OK);
    assert_true(c.optimizer.sgd.weight_decay == 0.1 && c.optimizer.sgd.momentum == 0.75);
    assert_int_equal(rt_config_set(&c, "optimizer.name=adamw"), RT_OK);
    assert_true(c.optimizer.adamw.weight_decay == 0.1 && c.optimizer.adamw.beta1 == 0.5);
    rt_config_release(&c);
}

/* ---- the hash ---- */

static void hash_after(const char *assignment, char hex[65])
{
    rt_config c;
    assert_int_equal(parse("model: {preset: cnn}", &c), RT_OK);
    if (assignment)
        assert_int_equal(rt_config_set(&c, assignment), RT_OK);
    assert_int_equal(rt_config_hash(&c, hex), RT_OK);
    assert_int_equal(strlen(hex), 64);
    rt_config_release(&c);
}

static void the_hash_is_of_the_mathematics(void **state)
{
    (void)state;
    const char *math[] = {
        "run.seed=1",         "model.preset=mlp",       "model.layers=[relu]", "data.batch=65",
        "data.dataset=mnist", "data.dataset=csv",       "optimizer.lr=0.1",    "schedule.name=step",
        "parallel.slices=4",  "parallel.reduction=ring"};
    const char *free[] = {"run.name=x",
                          "run.steps=9",
                          "schedule.steps=9",
                          "run.report_every=1",
                          "data.path=/x",
                          "parallel.workers=4",
                          "parallel.threads=2",
                          "parallel.sharding=none",
                          "checkpoint.every=1",
                          "evaluate.every=3",
                          "control.port=1",
                          "log.level=debug",
                          "parallel.algorithm=direct"};
    char base[65], other[65];
    hash_after(NULL, base);
    for (size_t i = 0; i < sizeof math / sizeof *math; i++) {
        hash_after(math[i], other);
        assert_string_not_equal(base, other);
    }
    for (size_t i = 0; i < sizeof free / sizeof *free; i++) {
        hash_after(free[i], other);
        assert_string_equal(base, other);
    }
}

/* These hashes must never change: runs and snapshots of earlier versions are recognised by them. */
static void the_hash_outlives_versions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"", "04e13b682766ec4cb27329e545e57d0a99ffc07b06b19b3b29e4d62c319c0dd5"},
        {"optimizer: {name: sgd, momentum: 0.9, nesterov: true, weight_decay: 1e-4, lr: 0.1}",
         "0c0fa8f998a35b011e949394b0a0bee7923089eb51a848ed3a0d5243fd3fed74"},
        {"optimizer: {eps: 1e-6, beta2: 0.98, clip_norm: 3}",
         "01de7e6b9e509a557b1da273c004a36282c75084d25a97da4c8323515b56d25d"},
        {"schedule: {name: cosine, min_lr: 1e-5, warmup: 10}",
         "9d745920ec9d8c07e972a88724136e2d9dad88bd97492bb0a4efecedd7272289"},
        {"schedule: {name: step, gamma: 0.5, step_size: 7}",
         "ecc0a0d19c758cb1968eb735a066c0ea53ddec89db64a125d2341c129cba28f9"},
        /* Keys of another rule, which the first versions accepted. */
        {"optimizer: {name: adamw, momentum: 0.5, weight_decay: 0.1}",
         "f1e06274cc961bd824a68cfb09152e362dc6bf4010a2f83e868b2ccbc5f9b902"},
        {"optimizer: {name: sgd, beta1: 0.8, eps: 1e-3}",
         "6e3ae8fe33098c01cb9ecb5d3f3e7ce7cf5fc994232cdeb4cc70eca4c404990f"},
        {"data: {dataset: mnist, path: /x, batch: 65}",
         "11acd693c6783333629b75042486c3c5dcb509d5afb9672bde00511964ba03b1"},
        {"data: {path: /y, limit: 100, eval_batch: 3}",
         "77308e966d081509f5e09d75f901657caaa1049ed57be10a6206521348a19731"},
        {"data: {dataset: text, path: /x, stride: 0}",
         "e26e6add96cf366dca9d414b4a284c88059ed9c4bcbf2ecc51af5f68443a123d"},
        {"data: {dataset: csv, path: /x, target: a}",
         "c84547aa3ff1c33897ce285b2d23810058775159f30ecba9bb2aa1d8fac82908"},
        {"schedule: {name: cosine, steps: auto}\nparallel: {slices: auto}\n"
         "model: {layers: [{conv2d: {out: 4, kernel: 3}}, {max_pool2d: {kernel: 2}}, flatten]}",
         "5a7184f9faa57315623288deaaba582a818f50015a0878ad3043417ea20f2556"},
        {"schedule: {name: constant, gamma: 0.3}",
         "b98f37f84c3fbeb98f8af687eacfa973f5b3a26b2a2039a6622f1b71c288fa58"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt_config c;
        char hex[65];
        assert_int_equal(parse(cases[i].text, &c), RT_OK);
        assert_int_equal(rt_config_hash(&c, hex), RT_OK);
        assert_string_equal(hex, cases[i].hex);
        char *yaml = rt_config_yaml(&c); /* the YAML that the run writes gives the same hash */
        rt_config_release(&c);
        assert_int_equal(parse(yaml, &c), RT_OK);
        assert_int_equal(rt_config_hash(&c, hex), RT_OK);
        assert_string_equal(hex, cases[i].hex);
        rt_mem_free(yaml);
        rt_config_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_without_effect_are_refused),
        TEST(given_keys_are_distinguished_from_defaults),
        TEST(a_row_has_keys_of_its_own),
        TEST(another_row_may_be_chosen_later),
        TEST(every_data_set_has_a_path_of_its_own),
        TEST(the_hash_is_of_the_mathematics),
        TEST(the_hash_outlives_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
