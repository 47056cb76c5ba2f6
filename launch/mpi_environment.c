#include "launch/mpi_environment.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/text.h"
#include "launch/child.h"
#include "launch/probe.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void rt__environment_add(rt__environment *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char text[8192];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *copy = n >= 0 && (size_t)n < sizeof text && e->count < RT__ENVIRONMENT_MAX
                     ? rt_strdup(text)
                     : NULL;
    e->failed |= !copy;
    if (copy)
        e->item[e->count++] = copy;
}

void rt__environment_release(rt__environment *e)
{
    while (e->count > 0)
        rt_mem_free(e->item[--e->count]);
}

void rt__environment_add_mca(rt__environment *e, const char *name, const char *value)
{
    char variable[96];
    snprintf(variable, sizeof variable, "OMPI_MCA_%s", name);
    if (!getenv(variable))
        rt__environment_add(e, "%s=%s", variable, value);
}

/* LD_PRELOAD cannot hold a path with a space or colon. */
void rt__environment_add_listening(rt__environment *e, const char *address)
{
    const char *before = getenv("LD_PRELOAD");
    char *library = rt__program_beside("ringtorch-listen.so");
    if (!library)
        e->failed = true;
    else if (rt_path_exists(library) && !strpbrk(library, " :")) {
        rt__environment_add(e, "RINGTORCH_LISTEN=%s", address);
        rt__environment_add(e, "LD_PRELOAD=%s%s%s", library, before && *before ? ":" : "",
                            before ? before : "");
    } else
        rt_log_debug("mpirun listens on all addresses: %s cannot be preloaded", library);
    rt_mem_free(library);
}

/* How Open MPI 4 behaves on one host: loopback and shared memory only, which also saves 0.3 s of
 * looking for network cards in each start. */
static void add_one_host(rt__environment *e)
{
    rt__environment_add_listening(e, "127.0.0.1");
    rt__environment_add_mca(e, "oob_tcp_if_include", "lo");
    rt__environment_add_mca(e, "plm", "isolated");
    rt__environment_add_mca(e, "btl", "self,vader");
}

/* On several: a remote shell that fails instead of asking for a password, and TCP between them. */
static void add_many_hosts(rt__environment *e)
{
    rt__environment_add_mca(e, "plm", "rsh");
    rt__environment_add_mca(e, "plm_rsh_agent", rt__default_agent);
    rt__environment_add_mca(e, "btl", "self,vader,tcp");
}

/* Root and more ranks than cores are for the user to choose; when a rank dies the others are killed
 * at once instead of a second later; what becomes of each rank is logged, since mpirun does not always say in the end
 * which rank has failed. */
void rt__environment_add_mpi(rt__environment *e, const rt__host_list *hosts, int64_t busiest)
{
    rt__environment_add(e, "OMPI_ALLOW_RUN_AS_ROOT=1");
    rt__environment_add(e, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    rt__environment_add_mca(e, "rmaps_base_oversubscribe", "1");
    rt__environment_add_mca(e, "pml", "ob1");
    rt__environment_add_mca(e, "odls_base_sigkill_timeout", "0");
    rt__environment_add_mca(e, "orte_base_help_aggregate",
                            "0"); /* else reasons get lost at the end */
    rt__environment_add_mca(e, "state_base_verbose", "1");
    if (busiest > sysconf(_SC_NPROCESSORS_ONLN))
        rt__environment_add_mca(e, "mpi_yield_when_idle", "1");
    if (hosts->count > 0)
        add_many_hosts(e);
    else
        add_one_host(e);
}

char *rt__mpi_host_list(const rt__host_list *h)
{
    rt_text t = {0};
    for (int64_t i = 0; i < h->count; i++)
        rt_text_add(&t, "%s%s:%" PRId64, i > 0 ? "," : "", h->name[i], h->slots[i]);
    return rt_text_take(&t);
}
