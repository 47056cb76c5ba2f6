#include "launch/cmd/status.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/output.h"
#include "common/config/config.h"
#include "common/state/run_lock.h"
#include "launch/cmd/status_past.h"
#include "launch/run/ask.h"
#include "launch/run/place.h"
#include "launch/tui/status_ready.h"
#include "launch/tui/status_show.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double ANSWER_SECONDS = 5, READY_SECONDS = 2, WATCH_SECONDS = 1;
enum { EVENTS_USUAL = 8, EVENTS_MOST = 1000 };

typedef struct status {
    char *dir;
    bool json, watch, ready;
    bool is_ready; /* what --ready has found out */
    rt_arguments args;
    int64_t events;
    rt__screen screen;
    rt__ask *ask;
    int blocks; /* shown so far */
} status;

static rt_status parse(int argc, char **argv, status *s)
{
    const rt_option options[] = {
        {"watch", 0, NULL, "redraw every second until the run ends or Ctrl-C", .flag = &s->watch},
        {"events", 0, "N", "how many of the last events to show (8)", .number = &s->events,
         .least = 0, .most = EVENTS_MOST},
        {"json", 0, NULL,
         "print one JSON object on one line, as the coordinator sends it (answered: false if there "
         "is no coordinator)",
         .flag = &s->json},
        {"ready", 0, NULL,
         "print one line, and exit with 0 only if the run takes steps or is done: for the "
         "readiness probe of a container",
         .flag = &s->ready},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch status",
        {"RUN"},
        1,
        "Shows on one screen what a run is doing: its progress, what each rank works on or waits "
        "for, the hosts, and the last events. RUN is a run directory or a file in one. If the run "
        "has ended or was killed, it shows what the run left and how to resume it.",
        options,
        "Exit codes: 0 shown, 1 the run cannot be read or does not answer, 2 wrong usage or no "
        "run. With --ready: 0 ready, 1 not ready, also if there is no run yet, 2 wrong usage."};
    RT_TRY(rt_options_parse(&usage, argc, argv, &s->args));
    if (s->ready && (s->watch || s->json))
        return RT_FAIL(ARG, "--ready: prints one line, once: leave out %s",
                       s->watch ? "--watch" : "--json");
    return RT_OK;
}

/* ---- showing ---- */

/* A signal ends --watch between two blocks, so that no reader gets half a line. A pipe that nobody reads, as that of a
 * pager, holds a block up for ever: after a second, or at a second signal, --watch ends within it. */
static volatile sig_atomic_t in_block, stop_asked;

static void exit_at_once(int number)
{
    (void)number;
    _exit(0);
}

static void exit_after_block(int number)
{
    (void)number;
    if (!in_block || stop_asked)
        _exit(0); /* the coordinator forgets clients that ask no more */
    stop_asked = 1;
    alarm(1); /* the kernel restarts the write that this signal has interrupted */
}

/* Prints a block of text. --watch draws it over the previous one on a terminal; elsewhere blocks follow each other. */
static void put_block(status *s, const char *text)
{
    bool over = s->watch && s->screen.height > 0;
    in_block = 1;
    if (over && s->blocks == 0)
        fputs("\033[2J", stdout);
    if (over)
        fputs("\033[H", stdout);
    else if (s->blocks > 0 && !s->json)
        putchar('\n');
    if (s->json)
        rt_json_print(stdout, text);
    for (const char *line = s->json ? "" : text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        fwrite(line, 1, (size_t)(end - line), stdout);
        fputs(over ? "\033[K\n" : "\n", stdout);
        end += *end == '\n';
    }
    if (over)
        fputs("\033[J", stdout);
    rt_output_flush();
    in_block = 0;
    if (stop_asked)
        _exit(0);
    s->blocks++;
}

static rt_status show(status *s, const json_t *j, bool past)
{
    rt_text out = {0};
    if (s->watch && s->screen.height > 0)
        s->screen = rt__screen_of_stdout(); /* it may have been resized */
    if (s->watch && s->screen.height > 1)
        s->screen.height--; /* the cursor needs a line of its own */
    s->screen.now = rt_clock_wall();
    if (s->ready)
        s->is_ready = past ? rt__ready_past(j, &out) : rt__ready_now(j, &out);
    else if (past)
        rt__past_show(j, &s->screen, &out);
    else
        rt__status_show(j, &s->screen, &out);
    char *text = s->json ? rt_json_text(j) : rt_text_take(&out);
    if (s->json)
        rt_mem_free(out.data);
    if (!text)
        return rt_error_code();
    put_block(s, text);
    rt_mem_free(text);
    return RT_OK;
}

static rt_status show_past(status *s)
{
    json_t *past;
    RT_TRY(rt__past_read(s->dir, s->events, &past));
    rt_status result = show(s, past, true);
    json_decref(past);
    return result;
}

static rt_status show_answer(status *s, const rt_frame *f)
{
    json_t *j;
    if (f->type == RT_MSG_REFUSED)
        return RT_FAIL(PROTOCOL, "%s: refused: %s", s->dir, f->body.refused.reason);
    const char *text = f->body.status_is.json;
    RT_TRY(rt_json_parse(text, strlen(text), "STATUS_IS", &j));
    rt_status result =
        json_is_object(j) ? show(s, j, false) : RT_FAIL(FORMAT, "STATUS_IS: is not an object");
    json_decref(j);
    return result;
}

/* ---- asking ---- */

static rt_status ask_once(status *s, double seconds)
{
    rt_frame f;
    RT_TRY(rt__ask_for(s->ask, RT_MSG_STATUS, &(rt_msg_status){.events = s->events}, seconds, &f));
    rt_status result = show_answer(s, &f);
    rt_frame_release(&f);
    return result;
}

/* Prints a block that says that there was no answer. */
static void show_silence(status *s)
{
    char text[1200];
    if (s->json)
        return;
    snprintf(text, sizeof text, "%s", rt_error());
    put_block(s, text);
}

/* Shows the run once a second until it ends. */
static rt_status watch(status *s)
{
    signal(SIGINT, exit_after_block);
    signal(SIGTERM, exit_after_block);
    signal(SIGALRM, exit_at_once);
    rt_status result = rt__ask_open(s->dir, &s->ask);
    while (result == RT_OK && !ferror(stdout)) { /* main() reports a write error */
        double next = rt_clock() + WATCH_SECONDS;
        result = ask_once(s, ANSWER_SECONDS);
        if (result == RT_E_TIMEOUT) {
            show_silence(s);
            rt_error_clear();
            result = RT_OK;
        }
        rt_clock_sleep(result == RT_OK ? next - rt_clock() : 0);
    }
    return result;
}

/* Shows what the coordinator answers or, if the run has no coordinator and no launcher, what the run has left. */
static rt_status show_run(status *s)
{
    rt_config_register_plugins(s->dir);
    rt_status result = s->watch ? watch(s) : rt__ask_open(s->dir, &s->ask);
    if (!s->watch && result == RT_OK)
        result = ask_once(s, s->ready ? READY_SECONDS : ANSWER_SECONDS);
    if (result != RT_E_CLOSED || rt_run_lock_is_held(s->dir))
        return result;
    rt_error_clear();
    return show_past(s);
}

int rt__status_command(int argc, char **argv)
{
    status s = {.screen = rt__screen_of_stdout(), .events = EVENTS_USUAL};
    rt_status result = parse(argc, argv, &s);
    if (result == RT_OK && s.args.help)
        return 0;
    bool asked = result == RT_OK;
    if (asked)
        result = rt__place_find(s.args.operand[0], &s.dir);
    /* A probe may come before the run has made its directory, which is no mistake. */
    int exit_code = result == RT_OK || (s.ready && asked) ? 1 : rt_status_exit_code(result);
    if (result == RT_OK)
        result = show_run(&s);
    if (result != RT_OK)
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    rt__ask_close(s.ask);
    rt_mem_free(s.dir);
    return result == RT_OK && (s.is_ready || !s.ready) ? 0 : exit_code;
}
