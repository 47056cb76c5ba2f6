#include "launch/doctor/doctor.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/output.h"
#include "common/base/text.h"
#include "launch/doctor/doctor_hosts.h"
#include "launch/doctor/doctor_machine.h"
#include "launch/doctor/doctor_network.h"
#include "launch/doctor/doctor_programs.h"
#include "launch/tui/screen.h"
#include <stdio.h>
#include <string.h>

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
