#include "launch/jobs/job_environment.h"
#include "common/base/rank_variables.h"
#include "common/state/snapshot_list.h"
#include <inttypes.h>
#include <stdlib.h>

/* Environment variables that influence a worker's bits must be the same on every host. A remote shell does not pass them
 * on, and the coordinator refuses workers that compute differently. */
static void add_arithmetic_choices(rt__environment *e)
{
    static const char *const names[] = {"RINGTORCH_ISA", "RINGTORCH_BLAS", "OPENBLAS_CORETYPE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value)
            rt__environment_add(e, "%s=%s", names[i], value);
    }
}

/* The tag is part of the name of the directory that the ranks of a host share. Nobody else may know that name before the
 * directory exists. */
void rt__job_environment(const rt__job_spec *spec, rt__environment *e)
{
    char tag[RT_SNAPSHOT_TAG];
    if (rt_snapshot_tag_make(tag) == RT_OK)
        rt__environment_add(e, "RINGTORCH_TAG=%s", tag);
    else
        e->failed = true;
    rt__environment_add(e, RT_RANKS_ORDERED "=%" PRId64, spec->world);
    rt__environment_add(e, "RINGTORCH_ENDPOINT=%s", spec->endpoint);
    if (spec->addresses && spec->addresses[0])
        rt__environment_add(e, "RINGTORCH_ADDRESSES=%s", spec->addresses);
    rt__environment_add(e, "RINGTORCH_KEYS=%s", spec->keys);
    rt__environment_add(e, "RINGTORCH_RUN=%s", spec->run_id);
    rt__environment_add(e, "RINGTORCH_GENERATION=%" PRId64, spec->generation);
    rt__environment_add(e, "RINGTORCH_RUN_DIR=%s", spec->run_dir);
    rt__environment_add(e, "OMP_NUM_THREADS=%" PRId64, spec->threads);
    add_arithmetic_choices(e);
}
