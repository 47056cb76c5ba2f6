#include "launch/doctor/doctor.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/output.h"
#include "common/base/text.h"
#include "launch/doctor/doctor_checks.h"
#include "launch/tui/screen.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const verdict_words[] = {"ok", "warning", "problem"};

/* ---- findings ---- */

static void add_json(rt__doctor *d, rt__verdict verdict, const char *check, const char *advice,
                     const char *text)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "verdict",
                          verdict_words[verdict], "finding", text, "advice", advice);
    if (!j) /* not UTF-8: a path */
        j = json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "verdict", verdict_words[verdict],
                      "finding", "cannot be shown in UTF-8", "advice", advice);
    json_array_append_new(d->checks, j);
}

void rt__doctor_report(rt__doctor *d, rt__verdict verdict, const char *check, const char *advice,
                       const char *fmt, ...)
{
    static const char *const styles[] = {"", "\033[33m", "\033[31m"};
    char text[1024], cleaned[RT__CELL];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt__cell_clean(text, cleaned);
    d->count[verdict]++;
    if (d->json) {
        add_json(d, verdict, check, advice, cleaned);
        return;
    }
    bool colored = d->color && verdict != RT__FINE;
    printf("%s%-7s%s  %-13s  %s\n", colored ? styles[verdict] : "", verdict_words[verdict],
           colored ? "\033[0m" : "", check, cleaned);
    if (advice)
        printf("%9s%-13s  -> %s\n", "", "", advice);
    rt_output_flush();
}

void rt__doctor_report_error(rt__doctor *d, const char *check, const char *advice)
{
    rt__doctor_report(d, RT__PROBLEM, check, advice, "%s", rt_error());
    rt_error_clear();
}

/* ---- the whole ---- */

static void check_all(rt__doctor *d)
{
    rt__check_processors(d);
    rt__check_memory(d);
    rt__check_shared_memory(d);
    rt__check_limits(d);
    rt__check_temporary(d);
    rt__check_disk(d);
    rt__check_remains(d);
    rt__check_engine(d);
    rt__check_wire(d);
    rt__check_jobs(d);
    rt__check_hosts(d);
    rt__check_ranks(d);
}

static rt_status conclude(rt__doctor *d)
{
    int warnings = d->count[RT__WARNING], problems = d->count[RT__PROBLEM];
    if (!d->json) {
        printf("%d problem%s, %d warning%s\n", problems, rt_plural(problems), warnings,
               rt_plural(warnings));
        return RT_OK;
    }
    json_t *j = json_pack("{s:O, s:i, s:i}", "checks", d->checks, "warnings", warnings, "problems",
                          problems);
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!text)
        return RT_FAIL(NOMEM, "doctor: out of memory");
    rt_json_print(stdout, text);
    rt_mem_free(text);
    return RT_OK;
}

static rt_status parse(int argc, char **argv, rt__doctor *d, rt_arguments *args)
{
    const rt_option options[] = {
        {"hostfile", 0, "FILE",
         "also check the hosts in FILE, as in parallel.hostfile: whether they answer, their "
         "clocks, and latency and bandwidth between each pair",
         .text = &d->hostfile},
        {"plugin", 0, "FILE",
         "loads the plugin in FILE, whose job back ends RINGTORCH_JOBS may then name",
         .text = &d->plugin},
        {"json", 0, NULL, "print one JSON object on one line: checks, warnings, problems",
         .flag = &d->json},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch doctor",
        {NULL},
        0,
        "Checks in a few seconds what this machine can do for a run: programs, processors, memory, "
        "limits, network, disk. Prints one line for each, and what to do if something is wrong.",
        options,
        "Exit codes: 0 no problem (there may be warnings), 1 a problem, 2 wrong usage."};
    return rt_options_parse(&usage, argc, argv, args);
}

int rt__doctor_command(int argc, char **argv)
{
    rt__doctor d = {.color = rt__screen_of_stdout().color, .checks = json_array()};
    rt_arguments args;
    rt_status status = parse(argc, argv, &d, &args);
    int exit_code = rt_status_exit_code(status);
    if (status == RT_OK && !args.help) {
        rt_log_set_level(RT_LOG_ERROR);
        check_all(&d);
        exit_code = conclude(&d) == RT_OK && d.count[RT__PROBLEM] == 0 ? 0 : 1;
    }
    if (rt_failed())
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    json_decref(d.checks);
    rt__host_list_release(&d.hosts);
    rt__jobs_close(&d.jobs);
    return exit_code;
}
