#include "launch/cmd/options.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS_MAX = 65536 };

static const char about[] = "Trains the model that CONFIG (YAML) describes, with a coordinator on "
                            "this host and MPI workers on this host or others.";

static const char more[] =
    "Ctrl-C finishes the step, writes a checkpoint and says how to resume; a second one stops at "
    "once. SIGTERM, SIGHUP (unless started by nohup), SIGUSR1, SIGUSR2 and SIGXCPU do the same.\n"
    "Exit codes: 0 done, 1 the run failed, 2 wrong usage or input; if stopped, 128 + the signal: "
    "130 after Ctrl-C, 143 SIGTERM or ringtorch stop, 129 SIGHUP, 138 SIGUSR1, 140 SIGUSR2, 152 "
    "SIGXCPU. They tell how the run ended: if standard output cannot be written, training "
    "continues and standard error says so.\n"
    "Environment: RINGTORCH_WORKER and RINGTORCH_COORDINATOR, programs to run instead of "
    "ringtorch-worker (one without rows of its own) and ringtorch-coordinator beside this one; "
    "RINGTORCH_JOBS, what starts the workers: auto, mpirun (the first in PATH, of Open MPI 4 or "
    "5), slurm (the same, reaching other hosts by srun; auto inside a Slurm job), or a job back "
    "end of a plugin; OMPI_MCA_... and "
    "PRTE_MCA_..., settings of Open MPI; OMPI_MCA_plm_rsh_agent, the "
    "remote shell (default: ssh).";

/* Adds --set parallel.hostfile=... The value is YAML: inside single quotes, every character except the quote is literal. */
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
         "hosts to run on, one per line: NAME [slots=N] (parallel.hostfile); they are reached by "
         "ssh, without a password, and the run directory must be on a file system that they share",
         .text = &hostfile},
        {"run-dir", 0, "DIR", "where the run writes everything (run.dir; runs/<run.name>)",
         .text = &o->run_dir},
        {"resume", 0, "HOW",
         "never: refuse a directory that holds a run (the default)\n"
         "auto: resume from the newest state there: snapshots that a killed run left in memory, or "
         "the newest checkpoint that verifies; if there is neither, start anew\n"
         "PATH: resume from this checkpoint, or from the newest good one of this run directory",
         .text = &o->resume, .words = "never auto"},
        {"worker", 0, "PROGRAM",
         "a program of your own that trains, with its net, loss or data (ringtorch/worker.h), the "
         "same on every host; the default is ringtorch-worker",
         .text = &o->worker},
        {"set", 0, "KEY=VALUE", "override one key of CONFIG; may be repeated", .list = &o->sets},
        {"separate", 0, NULL,
         "under mpirun or srun: each of their tasks is a separate run with its own --run-dir",
         .flag = &o->separate},
        {"json", 0, NULL, "print one JSON object per line; the last one is the summary",
         .flag = &o->json},
        {"help-config", 0, NULL,
         "the reference of all keys; with CONFIG, also those of its plugins",
         .flag = &o->help_config, .alone = true},
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
