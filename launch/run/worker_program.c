#include "launch/run/worker_program.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/plugins.h"
#include "launch/jobs/capture.h"
#include "launch/jobs/child.h"
#include "launch/run/plugins.h"
#include <ringtorch/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double ANSWER_SECONDS = 60; /* the program may lie on a slow disk */
static const double PATIENCE_SECONDS = 5;

/* ---- finding it ---- */

/* Fails unless the path is that of a file that can be executed. `what` names it in messages: "--worker ./spirals". */
static rt_status check_file(const char *path, const char *what)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return RT_FAIL(NOTFOUND, "%s: %m: name the program that trains", what);
    if (!S_ISREG(st.st_mode))
        return RT_FAIL(ARG, "%s: is not a file: name the program that trains", what);
    if (access(path, X_OK) != 0)
        return RT_FAIL(ARG, "%s: cannot be executed: %m: name the program that trains", what);
    return RT_OK;
}

rt_status rt__worker_find(const char *option, rt__worker *out)
{
    char what[512];
    *out = (rt__worker){.chosen = option != NULL};
    out->path = option ? rt_path_absolute(option) : rt__program_beside("ringtorch-worker");
    if (!out->path)
        return rt_error_code();
    snprintf(what, sizeof what, "--worker %.400s", option ? option : "");
    return option ? check_file(out->path, what) : RT_OK;
}

/* Takes the program that the variable names. It is not asked what it is: it stands for ringtorch-worker. */
static rt_status take_variable(const char *given, rt__worker *out)
{
    *out = (rt__worker){.path = rt_path_absolute(given), .chosen = true};
    if (!out->path)
        return rt_error_code();
    return rt_path_exists(out->path)
               ? RT_OK
               : RT_FAIL(NOTFOUND, "RINGTORCH_WORKER=%.400s: not found: correct or unset it",
                         given);
}

/* ---- asking it ---- */

static void say_waiting(const char *const *argv)
{
    rt_text_print(stderr, "ringtorch: still asking %s what it is, for %.0f s now; at most %.0f s\n",
                  argv[0], PATIENCE_SECONDS, ANSWER_SECONDS);
}

/* Takes the program's rows over from its answer. */
static rt_status take_answer(const json_t *answer, const char *what)
{
    const char *version = json_string_value(json_object_get(answer, "version"));
    if (!version)
        return RT_FAIL(ARG,
                       "%s: is not a worker: a program whose main() calls rt_worker_main "
                       "(ringtorch/worker.h) is one",
                       what);
    if (strcmp(version, RT_VERSION_TEXT) != 0)
        return RT_FAIL(MISMATCH,
                       "%s: is of RingTorch %.40s, but this is %s: build it again with the library "
                       "of this version",
                       what, version, RT_VERSION_TEXT);
    json_t *program = json_object_get(answer, "program");
    if (json_is_object(program))
        rt_config_set_program(json_incref(program));
    return RT_OK;
}

/* Fails with the program's own reason, if it gave one, why it is no worker that can be used. */
static rt_status refused(const rt__captured *c, const char *what)
{
    static const char own[] = "ringtorch: ";
    const char *line = rt__last_line(c->err);
    if (c->exit_code == -1)
        return RT_FAIL(TIMEOUT, "%s: did not say within %.0f s what it is, and was ended", what,
                       ANSWER_SECONDS);
    if (c->exit_code > 128)
        return RT_FAIL(ARG, "%s: was killed by signal %d when asked what it is: %s", what,
                       c->exit_code - 128, strsignal(c->exit_code - 128));
    if (c->exit_code == 2 && strncmp(line, own, sizeof own - 1) == 0)
        return RT_FAIL(ARG, "%s: %s", what, line + sizeof own - 1);
    return take_answer(NULL, what);
}

static rt_status ask(const char *path, const char *what)
{
    const char *const argv[] = {path, "program", NULL};
    rt__captured c;
    json_t *answer = NULL;
    if (rt__capture_waiting(argv, NULL, ANSWER_SECONDS, PATIENCE_SECONDS, say_waiting, &c) != RT_OK)
        return rt_error_prefix("%s", what);
    rt_status status = RT_OK;
    if (c.exit_code != 0)
        status = refused(&c, what);
    else if (rt_json_parse(c.out, strlen(c.out), what, &answer) != RT_OK)
        rt_error_clear(); /* a program that prints something else */
    if (status == RT_OK)
        status = take_answer(answer, what);
    json_decref(answer);
    rt__captured_release(&c);
    return status;
}

rt_status rt__worker_choose(const char *option, rt__worker *out)
{
    char what[512];
    const char *variable = getenv("RINGTORCH_WORKER"); /* an empty variable counts as unset */
    if (!option && variable && *variable)
        RT_TRY(take_variable(variable, out));
    else
        RT_TRY(rt__worker_find(option, out));
    snprintf(what, sizeof what, "--worker %.400s", option ? option : "");
    if (option)
        RT_TRY(ask(out->path, what));
    rt__plugins_ask(out->path);
    return RT_OK;
}

/* ---- the program of a run ---- */

rt_status rt__worker_settle(const rt_config *cfg, rt__worker *w)
{
    char sha256[65];
    const json_t *program = rt_config_program(cfg->plugins);
    if (w->chosen || !program)
        return RT_OK;
    const char *file = json_string_value(json_object_get(program, "file")),
               *recorded = json_string_value(json_object_get(program, "sha256"));
    char *what = rt_strdup_printf("%.400s, the program of this run", file);
    rt_status status = what ? check_file(file, what) : rt_error_code();
    if (status == RT_OK)
        status = rt_sha256_file(file, sha256);
    if (status == RT_OK && strcmp(sha256, recorded) != 0)
        status =
            RT_FAIL(MISMATCH,
                    "%s: has changed: its sha256 is %s, but the run's is %s: put that file "
                    "back, or begin a new run from the run's weights: another --run-dir, --set "
                    "model.init=RUN and --worker %.400s",
                    what, sha256, recorded, file);
    char *path = status == RT_OK ? rt_strdup(file) : NULL;
    rt_mem_free(what);
    if (!path)
        return rt_error_code();
    rt_mem_free(w->path);
    w->path = path;
    rt__plugins_ask(path);
    return RT_OK;
}

void rt__worker_release(rt__worker *w)
{
    rt_mem_free(w->path);
    w->path = NULL;
}
