#include "launch/jobs/slurm_step.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "launch/jobs/capture.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double VERSION_SECONDS = 10;
enum {
    IMMEDIATE_SECONDS = 8
}; /* a step that cannot begin by then fails, before a preflight gives up */

/* Finds out whether this srun needs an option to share the resources of the job with other steps: since 20.11 a step has
 * them for itself. Fails with NOTFOUND if srun does not work. */
static rt_status ask_version(bool *overlap)
{
    static const char *const argv[] = {"srun", "--version", NULL};
    const char *conf = getenv("SLURM_CONF");
    char *set = rt_strdup_printf("SLURM_CONF=%s", conf ? conf : "");
    rt__captured c;
    if (!set)
        return rt_error_code();
    rt_status status =
        rt__capture(argv, conf ? (const char *const[]){set, NULL} : NULL, VERSION_SECONDS, &c);
    rt_mem_free(set);
    if (status != RT_OK)
        return status;
    int year = 0, month = 0;
    const char *number = strchr(c.out, ' ');
    if (c.exit_code != 0)
        status = RT_FAIL(NOTFOUND,
                         "srun reaches the other hosts of a Slurm job, and does not work here: %s: "
                         "repair it, or set RINGTORCH_JOBS=mpirun to reach them by ssh",
                         *c.err ? rt__last_line(c.err) : "`srun --version` fails");
    else if (number && sscanf(number, " %d.%d", &year, &month) != 2)
        year = 0;
    *overlap = year == 0 || year > 20 || (year == 20 && month >= 11);
    rt__captured_release(&c);
    return status;
}

char *rt__slurm_options(const rt__host_list *hosts, int64_t world)
{
    rt_text t = {0}, names = {0};
    bool overlap;
    int64_t count = 0;
    if (ask_version(&overlap) != RT_OK)
        return NULL;
    for (int64_t i = 0; i < hosts->count && world > 0; world -= hosts->slots[i++])
        if (!rt__host_is_local(hosts->name[i]))
            rt_text_add(&names, "%s%s", count++ > 0 ? "," : "", hosts->name[i]);
    rt_text_add(&t, "%s--quiet --immediate=%d --nodes=%" PRId64 " --nodelist=%s",
                overlap ? "--overlap " : "", IMMEDIATE_SECONDS, count,
                names.data ? names.data : "");
    rt_mem_free(names.data);
    return rt_text_take(&t);
}

/* srun executes the words that it is given, so a shell on the host takes the command. */
rt_status rt__slurm_shell(char text[RT__SHELL_TEXT], const char *word[RT__SHELL_WORDS], int *count)
{
    const char *job = getenv("SLURM_JOB_ID"), *conf = getenv("SLURM_CONF");
    bool overlap;
    rt_text t = {0};
    RT_TRY(ask_version(&overlap));
    rt_text_add(&t, "h=$1; shift; ");
    if (conf) {
        rt_text_add(&t, "SLURM_CONF=");
        rt_text_add_word(&t, conf);
        rt_text_add(&t, "; export SLURM_CONF; ");
    }
    rt_text_add(&t, "exec srun %s--quiet --immediate=%d --jobid=", overlap ? "--overlap " : "",
                IMMEDIATE_SECONDS);
    rt_text_add_word(&t, job ? job : "");
    rt_text_add(&t, " --nodes=1 --ntasks=1 --mpi=none --input=none --nodelist=\"$h\" sh -c \"$*\"");
    int n = snprintf(text, RT__SHELL_TEXT, "%s", t.data ? t.data : "");
    bool failed = !t.data;
    rt_mem_free(t.data);
    if (failed || n >= RT__SHELL_TEXT)
        return RT_FAIL(RANGE, "SLURM_CONF: the path is too long");
    const char *const words[] = {"sh", "-c", text, "srun"};
    memcpy(word, words, sizeof words);
    *count = sizeof words / sizeof *words;
    return RT_OK;
}
