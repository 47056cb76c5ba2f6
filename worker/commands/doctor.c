/* ringtorch-worker doctor --json: prints what the engine computes with on this machine, for `ringtorch doctor`, which
 * has no engine. */
#include "worker/commands/command.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/comm/comm.h"
#include <ringtorch/base.h>
#include <stdio.h>

static rt_status run(int argc, char **argv)
{
    bool json = false;
    const rt_option options[] = {{"json", 0, NULL, "the only form there is", .flag = &json},
                                 {NULL}};
    const rt_usage usage = {"ringtorch-worker doctor",
                            {NULL},
                            0,
                            "What the engine computes with on this machine, for ringtorch doctor.",
                            options};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    if (args.help)
        return RT_OK;
    RT_TRY(rt_init("auto"));
    json_t *j = json_pack("{s:s, s:s, s:i, s:b}", "isa", rt_isa(), "blas", rt_blas(), "threads",
                          rt_threads(), "mpi", rt_comm_has_mpi());
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!text)
        return RT_FAIL(NOMEM, "doctor: out of memory");
    puts(text);
    rt_mem_free(text);
    return RT_OK;
}

int rt__command_doctor(int argc, char **argv)
{
    return rt_status_exit_code(run(argc, argv));
}
