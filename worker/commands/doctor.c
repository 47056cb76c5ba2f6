/* ringtorch-worker doctor --json: what the engine computes with on this machine, for `ringtorch
 * doctor`, which knows no engine. */
#include "worker/commands/command.h"

#include <ringtorch/base.h>
#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"

rt_status rt__command_doctor(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "--json") != 0)
        return RT_FAIL(ARG, "doctor: write ringtorch doctor, which asks this program");
    RT_TRY(rt_init("auto"));
    json_t *j =
        json_pack("{s:s, s:s, s:i}", "isa", rt_isa(), "blas", rt_blas(), "threads", rt_threads());
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!text)
        return RT_FAIL(NOMEM, "doctor: out of memory");
    puts(text);
    rt_mem_free(text);
    return RT_OK;
}
