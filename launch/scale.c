#include "launch/scale.h"
#include "common/error.h"
#include "common/fields.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/options.h"
#include "common/text.h"
#include "launch/ask.h"
#include "launch/place.h"
#include "launch/status_past.h"
#include <stdio.h>
#include <string.h>

enum { REASON_MAX = 255, WORKERS_MAX = 65536 };
static const double ANSWER_SECONDS = 5, CHECKPOINT_SECONDS = 600;

typedef struct order {
    const char *reason;
    bool json;
    rt_arguments args;
    bool told; /* the answer has been printed */
    /* what is sent */
    rt_msg_type type;
    rt_msg_body body;
    double seconds;
} order;

/* ---- sending ---- */

static rt_status print_json(bool accepted, const char *text)
{
    json_t *j = json_pack("{s:b, s:s}", "accepted", accepted, "text", text);
    char *line = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!line)
        return RT_FAIL(FORMAT, "the coordinator's answer is not UTF-8");
    rt_json_print(stdout, line);
    rt_mem_free(line);
    return RT_OK;
}

static rt_status take_answer(order *o, const char *dir, const rt_frame *f)
{
    bool accepted = f->type == RT_MSG_ACCEPTED;
    const char *text = accepted ? f->body.accepted.text : f->body.refused.reason;
    if (o->json)
        RT_TRY(print_json(accepted, text));
    else if (accepted)
        rt_text_print(stdout, "%s\n", text);
    o->told = accepted || o->json;
    return accepted ? RT_OK : RT_FAIL(UNSUPPORTED, "%s: refused: %s", dir, text);
}

static rt_status send(order *o, const char *dir)
{
    rt__ask *ask;
    rt_frame f;
    RT_TRY(rt__ask_open(dir, &ask));
    rt_status status = rt__ask_for(ask, o->type, &o->body, o->seconds, &f);
    if (status == RT_OK) {
        status = take_answer(o, dir, &f);
        rt_frame_release(&f);
    }
    rt__ask_close(ask);
    return status;
}

/* Says what has become of a run that nobody answers for. */
static rt_status nobody_there(const char *dir)
{
    json_t *past;
    rt_error_clear();
    RT_TRY(rt__past_read(dir, 1, &past));
    const char *status = rt__field_text(past, "status"), *next = rt__field_text(past, "next");
    bool killed = strcmp(status, "killed") == 0;
    if (strcmp(status, "empty") == 0)
        RT_FAIL(CLOSED, "%s: nothing was run here yet", dir);
    else
        RT_FAIL(CLOSED, "%s: the run %s %s%s%s", dir, killed ? "was" : "is", status,
                *next ? ": " : "", next);
    json_decref(past);
    return RT_E_CLOSED;
}

/* status: of the command line. */
static int carry_out(order *o, rt_status status)
{
    char *dir = NULL;
    if (status == RT_OK && o->args.help)
        return 0;
    if (status == RT_OK)
        status = rt__place_find(o->args.operand[0], &dir);
    int exit_code = status == RT_OK ? 1 : rt_status_exit_code(status);
    if (status == RT_OK)
        status = send(o, dir);
    if (status == RT_E_CLOSED && !rt__place_is_held(dir))
        status = nobody_there(dir);
    if (status != RT_OK && !o->told)
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    rt_mem_free(dir);
    return status == RT_OK ? 0 : exit_code;
}

/* ---- the commands ---- */

static const char json_help[] = "the answer as one JSON object: accepted, text",
                  reason_help[] = "is kept in events.jsonl";

static rt_status read_scale(int argc, char **argv, order *o)
{
    const rt_option options[] = {{"json", 0, NULL, json_help, .flag = &o->json}, {NULL}};
    const rt_usage usage = {"ringtorch scale",
                            {"RUN", "W"},
                            2,
                            "Lets a run go on with W workers. It finishes the step it is in; "
                            "nothing of it is lost, and the "
                            "weights it will have are the same bits. RUN is a run directory.",
                            options,
                            "Exit codes: 0 accepted, 1 refused, or the run is over or does not "
                            "answer, 2 wrong usage, or no "
                            "run."};
    RT_TRY(rt_options_parse(&usage, argc, argv, &o->args));
    if (o->args.help)
        return RT_OK;
    o->type = RT_MSG_SCALE;
    return rt_whole_number("W", o->args.operand[1], 1, WORKERS_MAX, &o->body.scale.workers);
}

int rt__scale_command(int argc, char **argv)
{
    order o = {.seconds = ANSWER_SECONDS};
    return carry_out(&o, read_scale(argc, argv, &o));
}

/* The commands that take RUN and a reason. */
static rt_status read_reason(const char *command, const char *about, const char *more, int argc,
                             char **argv, order *o)
{
    const rt_option options[] = {{"reason", 0, "TEXT", reason_help, .text = &o->reason},
                                 {"json", 0, NULL, json_help, .flag = &o->json},
                                 {NULL}};
    RT_TRY(rt_options_parse(&(rt_usage){command, {"RUN"}, 1, about, options, more}, argc, argv,
                            &o->args));
    if (!o->reason)
        o->reason = command;
    if (strlen(o->reason) > REASON_MAX)
        return RT_FAIL(RANGE, "--reason: %zu bytes, at most %d are allowed", strlen(o->reason),
                       REASON_MAX);
    return RT_OK;
}

static rt_status read_stop(int argc, char **argv, order *o)
{
    RT_TRY(read_reason(
        "ringtorch stop",
        "Ends a run: it finishes the step it is in, writes a checkpoint and leaves, as after "
        "Ctrl-C. It "
        "can be gone on with: ringtorch train RUN/config.yaml --run-dir RUN --resume auto.",
        "Exit codes: 0 accepted, 1 refused, or the run is over or does not answer, 2 wrong usage, "
        "or no "
        "run.",
        argc, argv, o));
    o->type = RT_MSG_STOP_RUN;
    o->body.stop_run.reason = o->reason;
    return RT_OK;
}

int rt__stop_command(int argc, char **argv)
{
    order o = {.seconds = ANSWER_SECONDS};
    return carry_out(&o, read_stop(argc, argv, &o));
}

static rt_status read_checkpoint_now(int argc, char **argv, order *o)
{
    RT_TRY(read_reason(
        "ringtorch checkpoint now",
        "Makes a run write a checkpoint after the step it is in, and waits until it is committed.",
        "Exit codes: 0 committed, 1 refused or failed, or the run is over or does not answer, 2 "
        "wrong "
        "usage, or no run.",
        argc, argv, o));
    o->type = RT_MSG_CHECKPOINT_NOW;
    o->body.checkpoint_now.reason = o->reason;
    return RT_OK;
}

int rt__checkpoint_now_command(int argc, char **argv)
{
    order o = {.seconds = CHECKPOINT_SECONDS};
    return carry_out(&o, read_checkpoint_now(argc, argv, &o));
}
