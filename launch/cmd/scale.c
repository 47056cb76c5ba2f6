#include "launch/cmd/scale.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "common/state/run_lock.h"
#include "launch/cmd/status_past.h"
#include "launch/run/ask.h"
#include "launch/run/place.h"
#include <stdio.h>
#include <string.h>

enum { REASON_MAX = 255, WORKERS_MAX = 65536 };

typedef struct order {
    bool json;
    rt_arguments args;
    bool printed; /* the answer has been printed */
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
    o->printed = accepted || o->json;
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

/* Fails with CLOSED and says what became of a run that has no coordinator. */
static rt_status report_past_run(const char *dir)
{
    json_t *past;
    rt_error_clear();
    RT_TRY(rt__past_read(dir, 1, &past));
    const char *status = rt__field_text(past, "status"), *next = rt__field_text(past, "next");
    bool killed = strcmp(status, "killed") == 0;
    if (strcmp(status, "empty") == 0)
        RT_FAIL(CLOSED, "%s: nothing has been run here yet", dir);
    else
        RT_FAIL(CLOSED, "%s: the run %s %s%s%s", dir, killed ? "was" : "is", status,
                *next ? ": " : "", next);
    json_decref(past);
    return RT_E_CLOSED;
}

/* ---- the commands ---- */

typedef struct command {
    const char *name, *about, *exit_codes;
    rt_msg_type type;
    double seconds; /* how long to wait for the answer */
} command;

static rt_status take_reason(const command *c, const char *reason, order *o)
{
    if (reason && strlen(reason) > REASON_MAX)
        return RT_FAIL(RANGE, "--reason: %zu bytes, at most %d are allowed", strlen(reason),
                       REASON_MAX);
    const char **to =
        c->type == RT_MSG_STOP_RUN ? &o->body.stop_run.reason : &o->body.checkpoint_now.reason;
    *to = reason ? reason : c->name;
    return RT_OK;
}

/* Reads the command line: RUN and W, or RUN and a reason. */
static rt_status parse(const command *c, int argc, char **argv, order *o)
{
    const char *reason = NULL;
    bool scales = c->type == RT_MSG_SCALE;
    const rt_option json = {"json", 0, NULL, "print the answer as one JSON object: accepted, text",
                            .flag = &o->json},
                    why = {"reason", 0, "TEXT", "why, recorded in events.jsonl", .text = &reason},
                    end = {NULL};
    const rt_option options[] = {scales ? json : why, scales ? end : json, end};
    const rt_usage usage = {
        c->name, {"RUN", scales ? "W" : NULL}, scales ? 2 : 1, c->about, options, c->exit_codes};
    RT_TRY(rt_options_parse(&usage, argc, argv, &o->args));
    if (o->args.help)
        return RT_OK;
    return scales ? rt_whole_number("W", o->args.operand[1], 1, WORKERS_MAX, &o->body.scale.workers)
                  : take_reason(c, reason, o);
}

static int carry_out(const command *c, int argc, char **argv)
{
    char *dir = NULL;
    order o = {.type = c->type, .seconds = c->seconds};
    rt_status status = parse(c, argc, argv, &o);
    if (status == RT_OK && o.args.help)
        return 0;
    if (status == RT_OK)
        status = rt__place_find(o.args.operand[0], &dir);
    int exit_code = status == RT_OK ? 1 : rt_status_exit_code(status);
    if (status == RT_OK)
        status = send(&o, dir);
    if (status == RT_E_CLOSED && !rt_run_lock_is_held(dir))
        status = report_past_run(dir);
    if (status != RT_OK && !o.printed)
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    rt_mem_free(dir);
    return status == RT_OK ? 0 : exit_code;
}

static const char answered[] = "Exit codes: 0 accepted, 1 refused, or the run is over or does not "
                               "answer, 2 wrong usage or no run.",
                  committed[] = "Exit codes: 0 committed, 1 refused or failed, or the run is over "
                                "or does not answer, 2 wrong usage or no run.";

int rt__scale_command(int argc, char **argv)
{
    static const command c = {
        .name = "ringtorch scale",
        .about =
            "Changes the number of workers of a run to W. The run finishes its current step and "
            "loses none; its final weights are the same, bit for bit. RUN is a run directory.",
        .exit_codes = answered,
        .type = RT_MSG_SCALE,
        .seconds = 5};
    return carry_out(&c, argc, argv);
}

int rt__stop_command(int argc, char **argv)
{
    static const command c = {
        .name = "ringtorch stop",
        .about = "Ends a run as Ctrl-C does: it finishes its current step and writes a checkpoint. "
                 "To resume it: ringtorch train RUN/config.yaml --run-dir RUN --resume auto.",
        .exit_codes = answered,
        .type = RT_MSG_STOP_RUN,
        .seconds = 5};
    return carry_out(&c, argc, argv);
}

int rt__checkpoint_now_command(int argc, char **argv)
{
    static const command c = {.name = "ringtorch checkpoint now",
                              .about = "Makes a run write a checkpoint after its current step, and "
                                       "waits until the checkpoint is committed.",
                              .exit_codes = committed,
                              .type = RT_MSG_CHECKPOINT_NOW,
                              .seconds = 600};
    return carry_out(&c, argc, argv);
}
