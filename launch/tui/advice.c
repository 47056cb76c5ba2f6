#include "launch/tui/advice.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *called = "ringtorch";

void rt__advice_set_program(const char *name)
{
    called = name;
}

static const char *take(rt_text *t, char text[RT__ADVICE])
{
    snprintf(text, RT__ADVICE, "%s", t->data ? t->data : "");
    rt_mem_free(t->data);
    *t = (rt_text){0};
    return text;
}

/* Adds a path; one that begins like an option gets "./" in front. */
static void add_path(rt_text *t, const char *path)
{
    char *safe = path[0] == '-' ? rt_path_join(".", path) : NULL;
    rt_text_add_word(t, safe ? safe : path);
    rt_mem_free(safe);
    rt_error_clear();
}

/* Adds `ringtorch train` with the configuration of the run in `from` and the run directory `to`. */
static void add_train(rt_text *t, const char *from, const char *to)
{
    char *config = rt_path_join(from, "config.yaml");
    rt_text_add_word(t, called);
    rt_text_add(t, " train ");
    add_path(t, config ? config : from);
    rt_text_add(t, " --run-dir ");
    add_path(t, to);
    rt_mem_free(config);
    rt_error_clear();
}

/* Returns the path of a directory beside `run_dir` (rt_malloc), also if no suffix can be added to its name: ".", "..",
 * "/". */
static char *path_beside(const char *run_dir, const char *suffix)
{
    char real[PATH_MAX];
    size_t length = strlen(run_dir);
    while (length > 1 && run_dir[length - 1] == '/')
        length--;
    size_t dots = 0; /* at the end of the path */
    while (dots < length && run_dir[length - 1 - dots] == '.')
        dots++;
    bool nameless = dots > 0 && dots < 3 && (dots == length || run_dir[length - 1 - dots] == '/');
    if (nameless && realpath(run_dir, real))
        return path_beside(real, suffix);
    if (length == 1 && run_dir[0] == '/')
        return rt_strdup_printf("/run%s", suffix);
    return rt_strdup_printf("%.*s%s", (int)length, run_dir, suffix);
}

/* Adds `ringtorch train` with the same configuration and a run directory beside it. */
static void add_new_run(rt_text *t, const char *run_dir, const char *suffix)
{
    char *beside = path_beside(run_dir, suffix);
    add_train(t, run_dir, beside ? beside : run_dir);
    rt_mem_free(beside);
}

/* Adds --set KEY=PATH. The value is YAML: inside single quotes, every character except the quote is literal. */
static void add_setting(rt_text *t, const char *key, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-";
    bool quoted = path[0] == '-' || path[strspn(path, plain)] != '\0';
    rt_text value = {0};
    rt_text_add(&value, "%s=%s", key, quoted ? "'" : "");
    for (const char *c = path; *c; c++)
        rt_text_add(&value, *c == '\'' ? "''" : "%c", *c);
    rt_text_add(&value, "%s", quoted ? "'" : "");
    rt_text_add(t, "--set ");
    rt_text_add_word(t, value.data ? value.data : "");
    rt_mem_free(value.data);
}

const char *rt__advice_setting(const char *key, const char *path, char text[RT__ADVICE])
{
    rt_text t = {0};
    add_setting(&t, key, path);
    return take(&t, text);
}

/* Adds the command that resumes the run. */
static void add_resume(rt_text *t, const char *run_dir)
{
    add_train(t, run_dir, run_dir);
    rt_text_add(t, " --resume auto");
}

const char *rt__advice_resume(const char *run_dir, char text[RT__ADVICE])
{
    rt_text t = {0};
    add_resume(&t, run_dir);
    return take(&t, text);
}

const char *rt__advice_eval(const char *run_dir, const json_t *plugins, char text[RT__ADVICE])
{
    rt_text t = {0};
    rt_text_add_word(&t, called);
    rt_text_add(&t, " eval ");
    add_path(&t, run_dir);
    for (size_t i = 0; i < json_array_size(plugins); i++) {
        const json_t *plugin = json_array_get(plugins, i);
        bool program = json_is_true(json_object_get(plugin, "program"));
        rt_text_add(&t, program ? " --worker " : " --plugin ");
        rt_text_add_word(&t, json_string_value(json_object_get(plugin, "file")));
    }
    return take(&t, text);
}

const char *rt__advice_train_on(const char *run_dir, int64_t steps, char text[RT__ADVICE])
{
    rt_text t = {0};
    add_resume(&t, run_dir);
    rt_text_add(&t, " --set run.steps=%" PRId64, steps);
    return take(&t, text);
}

const char *rt__advice_without_patience(const char *run_dir, char text[RT__ADVICE])
{
    rt_text t = {0};
    add_resume(&t, run_dir);
    rt_text_add(&t, " --set run.patience=0");
    return take(&t, text);
}

const char *rt__advice_from_weights(const char *run_dir, char text[RT__ADVICE])
{
    rt_text t = {0};
    add_new_run(&t, run_dir, "-on");
    rt_text_add(&t, " ");
    add_setting(&t, "model.init", run_dir);
    return take(&t, text);
}

const char *rt__advice_other_workers(const char *run_dir, int64_t workers, char text[RT__ADVICE])
{
    rt_text t = {0};
    add_new_run(&t, run_dir, "-again");
    rt_text_add(&t, " -n %" PRId64, workers);
    return take(&t, text);
}

const char *rt__advice_other_rate(const char *run_dir, double rate, const char *checkpoint,
                                  char text[RT__ADVICE])
{
    rt_text t = {0};
    add_new_run(&t, run_dir, "-slower");
    if (checkpoint) {
        rt_text_add(&t, " ");
        add_setting(&t, "model.init", checkpoint);
    }
    rt_text_add(&t, " --set optimizer.lr=");
    rt_text_add_number(&t, rate);
    return take(&t, text);
}

const char *rt__advice_repeat(int argc, char **argv, int64_t workers, char text[RT__ADVICE])
{
    rt_text t = {0};
    rt_text_add_word(&t, called);
    for (int i = 0; i < argc; i++) {
        rt_text_add(&t, " ");
        rt_text_add_word(&t, argv[i]);
    }
    if (workers > 0)
        rt_text_add(&t, " -n %" PRId64, workers);
    return take(&t, text);
}
