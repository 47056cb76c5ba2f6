#include "launch/doctor/doctor_programs.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/plugins.h"
#include "common/control/words.h"
#include "launch/jobs/backend_command.h"
#include "launch/jobs/capture.h"
#include "launch/jobs/child.h"
#include "launch/run/plugins.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double ENGINE_SECONDS = 20, RANKS_SECONDS = 30;

#define MEASURE_SECONDS "1"
static const char ranks_advice[] =
    "try mpirun -n 2 hostname by hand; the usual causes are shared memory, TMPDIR, the limits "
    "above and, between hosts, firewalls and programs at different paths";

/* ---- programs of ours ---- */

/* Returns the path of a program beside this one (rt_malloc). If it is missing, reports that and returns NULL. */
static char *find_beside(rt__doctor *d, const char *name)
{
    char *path = rt__program_beside(name);
    if (path && access(path, X_OK) == 0)
        return path;
    rt__doctor_report(d, RT__PROBLEM, name, RT__PROGRAM_ADVICE, "%s: not found",
                      path ? path : name);
    rt_mem_free(path);
    rt_error_clear();
    return NULL;
}

/* Returns the most useful line of output: the message of a program of ours, else what the back end makes of the output, else the
 * last line. */
static const char *most_useful_line(const rt__doctor *d, rt__captured *c, char reason[RT__REASON])
{
    char *ours = strstr(c->err, "ringtorch: ");
    if (ours) {
        ours[strcspn(ours, "\n")] = '\0';
        return ours + strlen("ringtorch: ");
    }
    if (d->jobs.backend && rt__jobs_explain(&d->jobs, c->err, reason))
        return reason;
    const char *last = rt__last_line(c->err);
    return *last ? last : rt__last_line(c->out);
}

/* Reports how a program failed. */
static void report_failure(rt__doctor *d, const char *check, const char *advice, const char *what,
                           rt__captured *c)
{
    char reason[RT__REASON];
    if (c->exit_code < 0)
        rt__doctor_report(d, RT__PROBLEM, check, advice, "%s: did not end within %.0f s", what,
                          c->seconds);
    else
        rt__doctor_report(d, RT__PROBLEM, check, advice, "%s: exit code %d: %s", what, c->exit_code,
                          most_useful_line(d, c, reason));
}

/* ---- the engine ---- */

static void report_engine(rt__doctor *d, const json_t *j)
{
    const char *isa = rt__field_text(j, "isa"), *blas = rt__field_text(j, "blas");
    bool slow = strcmp(isa, "ref") == 0 || strcmp(isa, "sse4") == 0;
    rt__doctor_report(d, slow ? RT__WARNING : RT__FINE, "kernels",
                      slow ? "use a processor with AVX2, or unset RINGTORCH_ISA" : NULL,
                      "%s, %d thread%s", isa, (int)rt__field_int(j, "threads", 1),
                      rt_plural(rt__field_int(j, "threads", 1)));
    bool builtin = strcmp(blas, "builtin") == 0;
    rt__doctor_report(d, builtin ? RT__WARNING : RT__FINE, "BLAS",
                      builtin ? "install libopenblas-dev and build again, or unset RINGTORCH_BLAS: "
                                "it makes matrix products faster"
                              : NULL,
                      "%s", blas);
    d->without_mpi = json_is_false(json_object_get(j, "mpi"));
}

void rt__check_engine(rt__doctor *d)
{
    rt__captured c;
    json_t *j = NULL;
    char *worker = find_beside(d, "ringtorch-worker");
    char *coordinator = find_beside(d, "ringtorch-coordinator");
    rt_mem_free(coordinator);
    if (!worker)
        return;
    const char *const argv[] = {worker, "doctor", "--json", NULL};
    if (rt__capture(argv, NULL, ENGINE_SECONDS, &c) != RT_OK) {
        rt__doctor_report_error(d, "kernels", "build it again");
    } else {
        if (c.exit_code == 0 && rt_json_parse(c.out, strlen(c.out), "doctor", &j) == RT_OK)
            report_engine(d, j);
        else
            report_failure(d, "kernels", "build it again: it cannot compute here", worker, &c);
        rt_error_clear();
        json_decref(j);
        rt__captured_release(&c);
    }
    rt_mem_free(worker);
}

/* ---- the back end that starts workers ---- */

/* Makes the job back ends of a plugin known, as `train` does with those of its configuration. */
static rt_status add_plugin(const char *plugin)
{
    json_t *resolved = NULL, *named = json_pack("[s]", plugin);
    char *worker = rt__program_beside("ringtorch-worker");
    rt__plugins_ask(worker);
    rt_status status = !worker  ? rt_error_code()
                       : !named ? RT_FAIL(FORMAT, "--plugin: its path is not UTF-8")
                                : rt__plugins_resolve(named, true, NULL, &resolved);
    rt__plugins_ask(NULL);
    rt_mem_free(worker);
    json_decref(resolved);
    json_decref(named);
    return status == RT_OK ? rt__command_backends_register() : status;
}

void rt__check_jobs(rt__doctor *d)
{
    const char *name = getenv("RINGTORCH_JOBS");
    bool usual = !name || !*name || strcmp(name, "auto") == 0 || strcmp(name, "mpirun") == 0;
    if (d->plugin && add_plugin(d->plugin) != RT_OK)
        rt__doctor_report_error(d, "plugin", "no run can load it");
    if (d->without_mpi) {
        rt__doctor_report(d, RT__FINE, "ranks", NULL,
                          "none: this ringtorch was built without MPI (RT_WITH_MPI=OFF), and "
                          "evaluates and exports what was trained elsewhere");
        return;
    }
    if (rt__jobs_open(name, &d->jobs) == RT_OK)
        rt__doctor_report(d, RT__FINE, d->jobs.backend->name, NULL, "%s", d->jobs.about);
    else if (usual)
        rt__doctor_report_error(
            d, "mpirun",
            "no worker can start without it: apt-get install openmpi-bin, or add it to PATH");
    else
        rt__doctor_report_error(d, "jobs",
                                "no worker can start: unset RINGTORCH_JOBS for mpirun, or name the "
                                "plugin that brings this job back end with --plugin");
}

/* ---- ranks ---- */

static void report_pair(rt__doctor *d, const json_t *pair)
{
    static const double SLOW = 100e6, LATE = 1e-3;
    char speed[RT__WORDS], name[64];
    double latency = rt__field_number(pair, "latency_seconds");
    double bytes = rt__field_number(pair, "bytes_per_second");
    const char *from = rt__field_text(pair, "from_host"), *to = rt__field_text(pair, "to_host");
    bool slow = !(bytes > SLOW), late = !(latency < LATE);
    snprintf(name, sizeof name, "%s", "ranks");
    rt__doctor_report(
        d, slow || late ? RT__WARNING : RT__FINE, name,
        slow   ? "exchanging gradients will be slow: use a faster network or fewer hosts"
        : late ? "each step waits for several messages: check whether the machine is busy"
               : NULL,
        "%s%s%s: %.1f us, %s/s", from, strcmp(from, to) == 0 ? "" : " - ",
        strcmp(from, to) == 0 ? "" : to, 1e6 * latency, rt__words_bytes(bytes, speed));
}

static void report_ranks(rt__doctor *d, const json_t *j, double seconds)
{
    const json_t *pairs = rt__field_list(j, "pairs");
    double idle = seconds - rt__field_number(j, "seconds");
    rt__doctor_report(d, idle > 5 ? RT__WARNING : RT__FINE, "ranks",
                      idle > 5 ? "each recovery takes at least this long: check whether the "
                                 "machine is busy or a name server slow"
                               : NULL,
                      "%d ranks start and end in %.1f s", (int)rt__field_int(j, "world", 0), idle);
    for (size_t i = 0; i < json_array_size(pairs); i++)
        report_pair(d, json_array_get(pairs, i));
}

static void measure(rt__doctor *d, rt__command *command)
{
    rt__captured c;
    json_t *j = NULL;
    const char *const *env = (const char *const *)command->environment.item;
    if (command->environment.failed || rt__capture(command->word, env, RANKS_SECONDS, &c)) {
        rt__doctor_report_error(d, "ranks", ranks_advice);
        return;
    }
    if (c.exit_code == 0 && rt_json_parse(c.out, strlen(c.out), "bandwidth", &j) == RT_OK)
        report_ranks(d, j, c.seconds);
    else
        report_failure(d, "ranks", ranks_advice, d->jobs.backend->name, &c);
    json_decref(j);
    rt__captured_release(&c);
}

/* Starts two ranks here, or one on each host of the host file that answers, and measures between them. */
void rt__check_ranks(rt__doctor *d)
{
    static const char *const more[] = {"bandwidth", "--seconds", MEASURE_SECONDS, NULL};
    rt__host_list none = {0}, *hosts = rt__host_list_all_local(&d->hosts) ? &none : &d->hosts;
    char *worker = d->jobs.backend ? rt__program_beside("ringtorch-worker") : NULL;
    rt__command command = {0};
    if (!worker || access(worker, X_OK) != 0) {
        rt_mem_free(worker);
        rt_error_clear();
        return;
    }
    if (rt__jobs_command(&d->jobs, hosts, hosts->count > 0 ? hosts->count : 2, 1, &command) !=
        RT_OK) {
        rt__doctor_report_error(d, "ranks", ranks_advice);
    } else {
        command.word[command.count++] = worker;
        for (int i = 0; i <= 3; i++)
            command.word[command.count++] = more[i];
        measure(d, &command);
    }
    rt_error_clear();
    rt__command_release(&command);
    rt_mem_free(worker);
}
