#include "launch/options.h"
#include "common/error.h"
#include "common/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS_MAX = 65536 };

static const char about[] = "Trains the model that CONFIG (YAML) describes, with a coordinator "
                            "here and MPI workers here or on "
                            "other hosts.";

static const char more[] =
    "Ctrl-C finishes the step, writes a checkpoint and says how to go on; a second one stops at "
    "once. So "
    "do SIGTERM, SIGHUP (unless started by nohup), SIGUSR1, SIGUSR2 and SIGXCPU.\n"
    "Exit codes: 0 done, 1 the run failed, 2 wrong usage or input; stopped: 128 + the signal, so "
    "130 after "
    "Ctrl-C, 143 SIGTERM or ringtorch stop, 129 SIGHUP, 138 SIGUSR1, 140 SIGUSR2, 152 SIGXCPU. "
    "They tell of "
    "the run: if standard output cannot be written, training goes on and standard error says so.\n"
    "Environment: RINGTORCH_WORKER and RINGTORCH_COORDINATOR, programs to run instead of "
    "ringtorch-worker and ringtorch-coordinator beside this one; OMPI_MCA_..., settings of Open "
    "MPI; "
    "OMPI_MCA_plm_rsh_agent, the remote shell (ssh).";

/* A value is YAML: in single quotes everything stands for itself, but for the quote. */
static rt_status take_hostfile(const char *path, rt__train_options *o)
{
    size_t used = (size_t)snprintf(o->hostfile, sizeof o->hostfile, "parallel.hostfile='");
    if (strlen(path) > (sizeof o->hostfile - used) / 2 - 2)
        return RT_FAIL(ARG, "--hostfile '%.80s': the path is too long", path);
    for (; *path; path++) {
        if (*path == '\'')
            o->hostfile[used++] = '\'';
        o->hostfile[used++] = *path;
    }
    snprintf(o->hostfile + used, sizeof o->hostfile - used, "'");
    o->sets.item[o->sets.count++] = o->hostfile;
    return RT_OK;
}

static rt_status check_sets(const rt_option_list *sets)
{
    for (size_t i = 0; i < sets->count; i++)
        if (!strchr(sets->item[i], '=') || sets->item[i][0] == '=')
            return RT_FAIL(ARG, "--set %s: expected key=value, as in --set run.steps=200",
                           sets->item[i]);
    return RT_OK;
}

static rt_status parse(int argc, char **argv, rt__train_options *o)
{
    const char *hostfile = NULL;
    int64_t workers = 0;
    const rt_option options[] = {
        {"workers", 'n', "W", "worker processes (parallel.workers)", .number = &workers, .least = 1,
         .most = WORKERS_MAX},
        {"hostfile", 0, "FILE",
         "hosts to run on, a line each: NAME [slots=N] (parallel.hostfile); the run directory must "
         "be "
         "on a file system that they share, and control.bind an address they can reach",
         .text = &hostfile},
        {"run-dir", 0, "DIR", "where everything the run writes goes (run.dir; runs/<run.name>)",
         .text = &o->run_dir},
        {"resume", 0, "HOW",
         "never: refuse a directory that holds a run (the default)\n"
         "auto: go on from the newest state there: snapshots in memory that a killed run left, or "
         "the "
         "newest checkpoint that verifies, if there is one\n"
         "PATH: go on from this checkpoint, or from the newest good one of this run directory",
         .text = &o->resume},
        {"set", 0, "KEY=VALUE", "override one key of CONFIG; may be repeated", .list = &o->sets},
        {"separate", 0, NULL,
         "under mpirun or srun: each of their tasks is a run of its own, in its own --run-dir",
         .flag = &o->separate},
        {"json", 0, NULL, "one JSON object per line; the last one is the summary",
         .flag = &o->json},
        {"help-config", 0, NULL, "the reference of all keys of CONFIG", .flag = &o->help_config,
         .alone = true},
        {NULL},
    };
    const rt_usage usage = {"ringtorch train", {"CONFIG"}, 1, about, options, more};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    RT_TRY(check_sets(&o->sets));
    if (hostfile)
        RT_TRY(take_hostfile(hostfile, o));
    if (workers > 0) {
        snprintf(o->workers, sizeof o->workers, "parallel.workers=%" PRId64, workers);
        o->sets.item[o->sets.count++] = o->workers;
    }
    o->config = args.operand[0];
    o->help = args.help;
    return RT_OK;
}

rt_status rt__train_options_parse(int argc, char **argv, rt__train_options *out)
{
    *out = (rt__train_options){.resume = "never",
                               .sets.item = rt_malloc((size_t)(argc + 2) * sizeof *out->sets.item)};
    rt_status status = out->sets.item ? parse(argc, argv, out) : rt_error_code();
    if (status != RT_OK)
        rt__train_options_release(out);
    return status;
}

void rt__train_options_release(rt__train_options *o)
{
    rt_mem_free(o->sets.item);
    o->sets.item = NULL;
}
