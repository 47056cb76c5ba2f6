/* Finds out when a resumed run has nothing left to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "launch/run/finished.h"

static char dir[] = "/tmp/rt-finished-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(rt_file_replace(in_dir(name), text, strlen(text)), RT_OK);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(dir) == RT_OK ? 0 : -1;
}

#define DONE     "{\"status\": \"done\", \"steps\": 40, \"checkpoint_step\": 40}"
#define NO_FILE  "{\"status\": \"done\", \"steps\": 40, \"checkpoint_step\": null}"
#define GONE     "{\"status\": \"done\", \"steps\": 40, \"checkpoint_step\": 30}"
#define STOPPED  "{\"status\": \"stopped\", \"steps\": 40, \"checkpoint_step\": 40}"
#define FAILED   "{\"status\": \"failed\", \"steps\": 40, \"checkpoint_step\": 40}"
#define MODEL    "model: {preset: mlp}\nparallel: {workers: 2, slices: 8}\n"
#define STEPS    MODEL "run: {steps: 40, seed: 7}\n"
#define EPOCHS   MODEL "run: {epochs: 2, seed: 7}\n"
#define PATIENCE MODEL "run: {steps: 90, patience: 3, seed: 7}\nevaluate: {every: 5}\n"
#define EARLY                                                                                      \
    "{\"status\": \"done\", \"steps\": 40, \"checkpoint_step\": 40, \"ended_early\": true, "       \
    "\"best_step\": 25}"

static void only_what_is_left_is_done(void **state)
{
    (void)state;
    static const struct {
        const char *summary, *of_run, *asked, *set;
        rt__finished_answer answer;
        bool out_of_patience;
    } cases[] = {
        {DONE, STEPS, STEPS, NULL, RT__NOTHING_LEFT},
        {DONE, STEPS, STEPS, "parallel.workers=4", RT__NOTHING_LEFT},
        {DONE, STEPS, STEPS, "parallel.slices=auto", RT__NOTHING_LEFT},
        {DONE, STEPS, STEPS, "run.seed=1337", RT__NOTHING_LEFT}, /* as if none was given */
        {DONE, STEPS, STEPS, "run.steps=41", RT__SOMETHING_LEFT},
        {DONE, STEPS, STEPS, "run.steps=39", RT__PAST_THE_END},
        {NO_FILE, STEPS, STEPS, NULL, RT__NOTHING_LEFT},
        {GONE, STEPS, STEPS, NULL, RT__SOMETHING_LEFT},
        {STOPPED, STEPS, STEPS, NULL, RT__SOMETHING_LEFT},
        {FAILED, STEPS, STEPS, NULL, RT__SOMETHING_LEFT},
        {"[]", STEPS, STEPS, NULL, RT__SOMETHING_LEFT},
        {"{\"status\": \"done\"}", STEPS, STEPS, NULL, RT__SOMETHING_LEFT},
        {"garbage", STEPS, STEPS, NULL, RT__SOMETHING_LEFT},
        {DONE, "garbage", STEPS, NULL, RT__SOMETHING_LEFT},
        {DONE, EPOCHS, EPOCHS, NULL, RT__NOTHING_LEFT},
        {DONE, EPOCHS, EPOCHS, "run.epochs=3", RT__SOMETHING_LEFT},
        {DONE, EPOCHS, EPOCHS, "run.steps=40", RT__NOTHING_LEFT},
        {EARLY, PATIENCE, PATIENCE, NULL, RT__NOTHING_LEFT, true},
        {EARLY, PATIENCE, PATIENCE, "run.steps=120", RT__NOTHING_LEFT, true},
        {EARLY, PATIENCE, PATIENCE, "run.patience=2", RT__NOTHING_LEFT, true},
        {EARLY, PATIENCE, PATIENCE, "run.steps=40", RT__NOTHING_LEFT, false},
        {EARLY, PATIENCE, PATIENCE, "run.steps=39", RT__PAST_THE_END, false},
        {EARLY, PATIENCE, PATIENCE, "run.patience=4", RT__SOMETHING_LEFT},
        {EARLY, PATIENCE, PATIENCE, "run.patience=0", RT__SOMETHING_LEFT},
        {EARLY, PATIENCE, PATIENCE, "evaluate.every=10",
         RT__SOMETHING_LEFT}, /* two since the best */
        {DONE, PATIENCE, PATIENCE, "run.steps=120", RT__SOMETHING_LEFT},
        /* A run that trains differently: the coordinator names the difference. */
        {DONE, STEPS, STEPS, "optimizer.lr=0.5", RT__SOMETHING_LEFT},
        {DONE, STEPS, STEPS, "run.seed=8", RT__SOMETHING_LEFT},
        {DONE, STEPS, STEPS, "parallel.slices=16", RT__SOMETHING_LEFT},
        {DONE, STEPS, STEPS, "model.init=elsewhere", RT__SOMETHING_LEFT},
    };
    assert_int_equal(rt_dir_make(in_dir("checkpoints"), 0755), RT_OK);
    assert_int_equal(rt_dir_make(in_dir("checkpoints/step-00000040"), 0755), RT_OK);
    put("checkpoints/step-00000040/manifest.json", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt_config cfg;
        rt__finished f;
        put("summary.json", cases[i].summary);
        put("config.yaml", cases[i].of_run);
        assert_int_equal(rt_config_parse(cases[i].asked, strlen(cases[i].asked), "asked", &cfg),
                         RT_OK);
        if (cases[i].set)
            assert_int_equal(rt_config_set(&cfg, cases[i].set), RT_OK);
        rt__finished_check(dir, "auto", &cfg, &f);
        if (f.answer != cases[i].answer)
            fail_msg("case %zu, %s: answer %d, expected %d", i, cases[i].set, f.answer,
                     cases[i].answer);
        if (f.answer == RT__NOTHING_LEFT && f.out_of_patience != cases[i].out_of_patience)
            fail_msg("case %zu, %s: is said to be%s out of patience", i, cases[i].set,
                     f.out_of_patience ? "" : " not");
        assert_int_equal(f.summary != NULL, f.answer != RT__SOMETHING_LEFT);
        assert_false(rt_failed());
        rt__finished_release(&f);
        rt_config_release(&cfg);
    }
}

/* The path given to --resume decides whether the run resumes from its last step. */
static void the_last_checkpoint_by_its_path_is_the_end(void **state)
{
    (void)state;
    char slash[160];
    snprintf(slash, sizeof slash, "%s/./", dir);
    const struct {
        const char *resume;
        rt__finished_answer answer;
    } cases[] = {
        {dir, RT__NOTHING_LEFT},
        {slash, RT__NOTHING_LEFT},
        {"checkpoints/step-00000040", RT__NOTHING_LEFT},
        {"checkpoints/step-00000030", RT__SOMETHING_LEFT},
        {"checkpoints/step-00000050", RT__SOMETHING_LEFT},
        {"never", RT__SOMETHING_LEFT},
        {"/tmp", RT__SOMETHING_LEFT},
    };
    rt_config cfg;
    assert_int_equal(rt_dir_make(in_dir("checkpoints/step-00000030"), 0755), RT_OK);
    put("summary.json", DONE);
    put("config.yaml", STEPS);
    assert_int_equal(rt_config_parse(STEPS, strlen(STEPS), "asked", &cfg), RT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt__finished f;
        bool inside = strncmp(cases[i].resume, "checkpoints/", 12) == 0;
        rt__finished_check(dir, inside ? in_dir(cases[i].resume) : cases[i].resume, &cfg, &f);
        if (f.answer != cases[i].answer)
            fail_msg("--resume %s: answer %d, expected %d", cases[i].resume, f.answer,
                     cases[i].answer);
        rt__finished_release(&f);
    }
    rt_config_release(&cfg);
}

static void a_directory_without_a_run_has_all_left(void **state)
{
    (void)state;
    rt_config cfg;
    rt__finished f;
    assert_int_equal(rt_config_default(&cfg), RT_OK);
    rt__finished_check("/tmp/rt-finished-none", "auto", &cfg, &f);
    assert_int_equal(f.answer, RT__SOMETHING_LEFT);
    rt__finished_release(&f);
    rt_config_release(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_left_is_done),
        cmocka_unit_test(the_last_checkpoint_by_its_path_is_the_end),
        cmocka_unit_test(a_directory_without_a_run_has_all_left),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
