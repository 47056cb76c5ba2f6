/* ringtorch-worker program: tells the launcher which version this worker program has and which rows it brings. */
#include "worker/commands/command.h"

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/config/plugins.h"
#include "worker/engine/plugin/plugin.h"
#include <stdio.h>

static rt_status print_answer(void)
{
    const json_t *own = rt__program_entry();
    json_t *answer = json_pack("{s:s, s:O?}", "version", RT_VERSION_TEXT, "program", own);
    char *text = answer ? rt_json_text(answer) : NULL;
    json_decref(answer);
    if (!text)
        return RT_FAIL(NOMEM, "out of memory: the description of this program");
    rt_json_print(stdout, text);
    rt_mem_free(text);
    return rt_error_code();
}

rt_status rt__command_check_worker(const char *named)
{
    return named ? RT_FAIL(ARG, "--worker %.400s: is for ringtorch: run that program itself", named)
                 : RT_OK;
}

int rt__command_program(int argc, char **argv)
{
    const rt_usage usage = {
        .command = "ringtorch-worker program",
        .about = "Prints the version and the rows of this program (ringtorch/worker.h), as JSON.",
        .more = "Exit codes: 0 done, 1 failed."};
    rt_arguments args;
    rt_status status = rt_options_parse(&usage, argc, argv, &args);
    if (status == RT_OK && !args.help)
        status = print_answer();
    return rt_status_exit_code(status);
}
