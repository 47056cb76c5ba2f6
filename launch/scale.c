#include "launch/scale.h"
#include "common/error.h"
#include "common/json.h"
#include "common/mem.h"
#include "launch/arguments.h"
#include "launch/ask.h"
#include "launch/place.h"
#include <stdio.h>
#include <string.h>

static const char scale_help[] = "usage: ringtorch scale RUN W [--json]\n"
                                 "\n"
                                 "Lets a run go on with W workers. It finishes the step it is in; "
                                 "nothing of it is lost, and the\n"
                                 "weights it will have are the same bits. RUN is a run directory.\n"
                                 "\n"
                                 "  --json   the answer as one JSON object: accepted, text\n"
                                 "\n"
                                 "Exit codes: 0 accepted, 1 refused, or the run is not there or "
                                 "does not answer, 2 wrong usage.\n";

static const char stop_help[] =
    "usage: ringtorch stop RUN [--reason TEXT] [--json]\n"
    "\n"
    "Ends a run: it finishes the step it is in, writes a checkpoint and leaves, as after SIGTERM: "
    "its\n"
    "ringtorch train ends with exit code 143. It can be gone on with: ringtorch train "
    "RUN/config.yaml\n"
    "--run-dir RUN --resume auto.\n"
    "\n"
    "  --reason TEXT   is kept in events.jsonl\n"
    "  --json          the answer as one JSON object: accepted, text\n"
    "\n"
    "Exit codes: 0 accepted, 1 refused, or the run is not there or does not answer, 2 wrong "
    "usage.\n";

static const char checkpoint_help[] =
    "usage: ringtorch checkpoint now RUN [--reason TEXT] [--json]\n"
    "\n"
    "Makes a run write a checkpoint after the step it is in, and waits until it is committed.\n"
    "\n"
    "  --reason TEXT   is kept in events.jsonl\n"
    "  --json          the answer as one JSON object: accepted, text\n"
    "\n"
    "Exit codes: 0 committed, 1 refused or failed, or the run is not there or does not answer, 2 "
    "wrong\n"
    "usage.\n";

enum { REASON_MAX = 255, WORKERS_MAX = 65536 };
static const double ANSWER_SECONDS = 5, CHECKPOINT_SECONDS = 600;

typedef struct order {
    const char *operands[2], *reason;
    int count;
    bool json, help;
    bool told; /* the answer has been printed */
    /* what is sent */
    rt_msg_type type;
    rt_msg_body body;
    double seconds;
} order;

static rt_status parse(int argc, char **argv, int wanted, bool with_reason, order *o)
{
    const rt__argument table[] = {{"--json", NULL, &o->json},
                                  {"--help", NULL, &o->help},
                                  {"-h", NULL, &o->help},
                                  {with_reason ? "--reason" : NULL, &o->reason, NULL},
                                  {NULL, NULL, NULL}};
    RT_TRY(rt__arguments_parse(argc, argv, table, o->operands, wanted, &o->count));
    if (o->reason && strlen(o->reason) > REASON_MAX)
        return RT_FAIL(RANGE, "--reason: %zu bytes, at most %d are allowed", strlen(o->reason),
                       REASON_MAX);
    return RT_OK;
}

/* ---- sending ---- */

static rt_status print_json(bool accepted, const char *text)
{
    json_t *j = json_pack("{s:b, s:s}", "accepted", accepted, "text", text);
    char *line = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!line)
        return RT_FAIL(FORMAT, "the coordinator's answer is not UTF-8");
    puts(line);
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
        puts(text);
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

/* status: of the command line. */
static int carry_out(order *o, rt_status status, const char *help)
{
    char *dir = NULL;
    int exit_code = 2;
    if (o->help) {
        rt_error_clear();
        fputs(help, stdout);
        return 0;
    }
    if (status == RT_OK) {
        exit_code = 1;
        status = rt__place_find(o->operands[0], &dir);
    }
    if (status == RT_OK)
        status = send(o, dir);
    if (status != RT_OK && !o->told)
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    rt_mem_free(dir);
    return status == RT_OK ? 0 : exit_code;
}

/* ---- the commands ---- */

static rt_status read_scale(int argc, char **argv, order *o)
{
    RT_TRY(parse(argc, argv, 2, false, o));
    if (o->count < 2)
        return RT_FAIL(ARG, o->count == 0 ? "no run: write ringtorch scale RUN W"
                                          : "no number of workers: write ringtorch scale RUN W");
    o->type = RT_MSG_SCALE;
    return rt__whole_number("W", o->operands[1], 1, WORKERS_MAX, &o->body.scale.workers);
}

int rt__scale_command(int argc, char **argv)
{
    order o = {.seconds = ANSWER_SECONDS};
    return carry_out(&o, read_scale(argc, argv, &o), scale_help);
}

static rt_status read_stop(int argc, char **argv, order *o)
{
    RT_TRY(parse(argc, argv, 1, true, o));
    if (o->count < 1)
        return RT_FAIL(ARG, "no run: write ringtorch stop RUN");
    o->type = RT_MSG_STOP_RUN;
    o->body.stop_run.reason = o->reason ? o->reason : "ringtorch stop";
    return RT_OK;
}

int rt__stop_command(int argc, char **argv)
{
    order o = {.seconds = ANSWER_SECONDS};
    return carry_out(&o, read_stop(argc, argv, &o), stop_help);
}

static rt_status read_checkpoint_now(int argc, char **argv, order *o)
{
    RT_TRY(parse(argc, argv, 1, true, o));
    if (o->count < 1)
        return RT_FAIL(ARG, "no run: write ringtorch checkpoint now RUN");
    o->type = RT_MSG_CHECKPOINT_NOW;
    o->body.checkpoint_now.reason = o->reason ? o->reason : "ringtorch checkpoint now";
    return RT_OK;
}

int rt__checkpoint_now_command(int argc, char **argv)
{
    order o = {.seconds = CHECKPOINT_SECONDS};
    return carry_out(&o, read_checkpoint_now(argc, argv, &o), checkpoint_help);
}
