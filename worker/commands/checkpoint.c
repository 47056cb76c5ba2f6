/* ringtorch checkpoint ls|verify|show|diff: shows what is in a run directory or a checkpoint, and whether it is sound. */
#include "worker/commands/command.h"
#include "worker/commands/diff.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/program.h"
#include "common/base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- ls, verify ---- */

/* Returns whether the link "best" beside a checkpoint points to it. */
static bool is_best(const char *dir)
{
    struct stat here, there;
    char *link = rt_strdup_printf("%s/../best", dir);
    bool same = link && stat(link, &there) == 0 && stat(dir, &here) == 0 &&
                here.st_ino == there.st_ino && here.st_dev == there.st_dev;
    rt_mem_free(link);
    return same;
}

/* Prints one JSON object that describes a checkpoint, or says why it is not sound. */
static rt_status print_json(const char *dir, const rt_saved *s, const char *error)
{
    json_t *j = json_pack("{s:o, s:o, s:o, s:b, s:b, s:o}", "checkpoint", rt_json_text_or_null(dir),
                          "step", s ? json_integer(s->manifest.step) : json_null(), "pieces",
                          s ? json_integer(s->pieces) : json_null(), "sound", s != NULL, "best",
                          is_best(dir), "error", error ? rt_json_text_or_null(error) : json_null());
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!text)
        return RT_FAIL(NOMEM, "%s: out of memory", dir);
    rt_json_print(stdout, text);
    rt_mem_free(text);
    return RT_OK;
}

static rt_status open_sound(const char *dir, rt_saved *s)
{
    RT_TRY(rt_saved_open(dir, NULL, s));
    rt_status status = rt__model_check(s);
    if (status != RT_OK)
        rt_saved_close(s);
    return status;
}

/* Prints one line about a checkpoint. Returns its status, with the error slot filled if it is not sound. */
static rt_status check_one(const char *dir, bool json)
{
    rt_saved s;
    rt_status status = open_sound(dir, &s);
    if (status != RT_OK) {
        rt_saved_error why;
        rt_error_save(&why);
        if (json)
            print_json(dir, NULL, why.text);
        else
            rt_text_print(stdout, "%s  not sound: %s\n", dir, why.text);
        return rt_error_restore(&why);
    }
    if (json)
        status = print_json(dir, &s, NULL);
    else
        rt_text_print(stdout, "%s  step %" PRId64 "  %d piece%s  sound%s\n", dir, s.manifest.step,
                      s.pieces, rt_plural(s.pieces), is_best(dir) ? "  best" : "");
    rt_saved_close(&s);
    return status;
}

/* Prints all checkpoints in a directory; afterwards fails with the error of the first that is not sound. */
static rt_status check_all(const char *checkpoints, bool json)
{
    rt_names names;
    rt_saved_error first = {0};
    RT_TRY(rt_dir_list(checkpoints, &names));
    for (size_t i = 0; i < names.count; i++) {
        if (strncmp(names.name[i], "step-", 5) != 0)
            continue;
        char *dir = rt_path_join(checkpoints, names.name[i]);
        if (!dir || check_one(dir, json) != RT_OK) {
            if (first.code == RT_OK)
                rt_error_save(&first);
            rt_error_clear();
        }
        rt_mem_free(dir);
    }
    rt_names_release(&names);
    return rt_error_restore(&first);
}

static rt_status list(const char *path, bool json)
{
    char *checkpoints = rt_path_join(path, "checkpoints");
    if (!checkpoints)
        return RT_E_NOMEM;
    bool is_run;
    rt_status status = rt__saved_check_path(path);
    if (status == RT_OK)
        status = rt_path_look(checkpoints, &is_run);
    if (status == RT_OK)
        status = is_run ? check_all(checkpoints, json) : check_one(path, json);
    rt_mem_free(checkpoints);
    return status;
}

static rt_status ls(int argc, char **argv)
{
    bool json = false;
    const rt_option options[] = {
        {"json", 0, NULL,
         "a JSON object per checkpoint: checkpoint, step, pieces, sound, best, error",
         .flag = &json},
        {NULL}};
    const rt_usage usage = {
        strcmp(argv[0], "ls") == 0 ? "ringtorch checkpoint ls" : "ringtorch checkpoint verify",
        {"RUN|CHECKPOINT"},
        1,
        "Looks at a checkpoint, or at all of a run: a line each, and whether it is sound: all its "
        "bytes as they were written, all there that loading it needs, and of the model that its "
        "configuration makes, as far as the data set is there to tell. (ls and verify are the "
        "same.)",
        options,
        "Exit codes: 0 all are sound, 2 one is not, or there is none, or wrong usage."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    return args.help ? RT_OK : list(args.operand[0], json);
}

/* ---- show ---- */

static rt_status show(const char *path)
{
    rt_saved s;
    RT_TRY(rt__saved_find(path, &s));
    rt_status status = rt__model_check(&s);
    char *text = status == RT_OK ? rt_json_indented(s.manifest.json) : NULL;
    if (text)
        rt_json_print(stdout, text);
    rt_mem_free(text);
    rt_saved_close(&s);
    return rt_error_code();
}

static rt_status show_manifest(int argc, char **argv)
{
    const rt_usage usage = {
        "ringtorch checkpoint show",
        {"RUN|CHECKPOINT"},
        1,
        "Prints the manifest of a checkpoint as JSON; of a run that of the newest "
        "one that verifies.",
        .more = "Exit codes: 0 shown, 2 no checkpoint, or wrong usage."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    return args.help ? RT_OK : show(args.operand[0]);
}

/* ---- the commands ---- */

static int run_list(int argc, char **argv)
{
    return rt_status_exit_code(ls(argc, argv));
}

static int run_show(int argc, char **argv)
{
    return rt_status_exit_code(show_manifest(argc, argv));
}

/* As in diff(1), a difference is not a failure but an answer. */
static int run_diff(int argc, char **argv)
{
    bool equal;
    rt_status status = rt__command_diff(argc, argv, &equal);
    return status == RT_OK && !equal ? 1 : rt_status_exit_code(status);
}

static const rt_command commands[] = {
    {"ls", "RUN|CHECKPOINT", "a line for each checkpoint, and whether it is sound", run_list},
    {"verify", "RUN|CHECKPOINT", "the same", run_list},
    {"show", "RUN|CHECKPOINT", "the manifest", run_show},
    {"diff", "A B", "what differs between two, tensor by tensor", run_diff},
    {"now", "RUN", "makes a run that goes on write one", NULL},
    {NULL},
};

static const rt_program program = {
    .name = "ringtorch checkpoint",
    .about = "lists, verifies, shows and compares checkpoints; makes a run write one",
    .example = "ls RUN",
    .commands = commands,
};

int rt__command_checkpoint(int argc, char **argv)
{
    return rt_program_run(&program, argc, argv);
}
