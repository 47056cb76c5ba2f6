/* The doctor's look at the programs: the engine in ringtorch-worker, mpirun, ranks that talk. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/error.h"
#include "common/mem.h"
#include "launch/capture.h"
#include "launch/child.h"
#include "launch/doctor_checks.h"
#include "common/fields.h"
#include "common/text.h"
#include "launch/mpi_environment.h"
#include "launch/words.h"

static const double ENGINE_SECONDS = 20, VERSION_SECONDS = 5, RANKS_SECONDS = 30;

#define MEASURE_SECONDS "1"
static const char ranks_advice[] =
    "try by hand: mpirun -n 2 hostname; shared memory, TMPDIR, the limits above and, between "
    "hosts, "
    "firewalls and a program that lies elsewhere are what most often keeps it from working";

/* ---- programs of ours ---- */

/* Returns the path of a program beside this one (rt_malloc), or says that it is not there. */
static char *find_beside(rt__doctor *d, const char *name)
{
    char *path = rt__program_beside(name);
    if (path && access(path, X_OK) == 0)
        return path;
    rt__doctor_say(d, RT__PROBLEM, name, "build it with ./quickstart or cmake --build",
                   "%s: not there", path ? path : name);
    rt_mem_free(path);
    rt_error_clear();
    return NULL;
}

/* Returns the line that says most: what a program of ours said, or what was said last. */
static const char *telling_line(rt__captured *c)
{
    char *ours = strstr(c->err, "ringtorch: ");
    if (ours) {
        ours[strcspn(ours, "\n")] = '\0';
        return ours + strlen("ringtorch: ");
    }
    const char *last = rt__last_line(c->err);
    return *last ? last : rt__last_line(c->out);
}

/* Says what went wrong with a program that was run. */
static void say_failure(rt__doctor *d, const char *check, const char *advice, const char *what,
                        rt__captured *c)
{
    if (c->exit_code < 0)
        rt__doctor_say(d, RT__PROBLEM, check, advice, "%s: has not ended after %.0f s", what,
                       c->seconds);
    else
        rt__doctor_say(d, RT__PROBLEM, check, advice, "%s: exit code %d: %s", what, c->exit_code,
                       telling_line(c));
}

/* ---- the engine ---- */

static void say_engine(rt__doctor *d, const json_t *j)
{
    const char *isa = rt__field_text(j, "isa"), *blas = rt__field_text(j, "blas");
    bool slow = strcmp(isa, "ref") == 0 || strcmp(isa, "sse4") == 0;
    rt__doctor_say(d, slow ? RT__WARNING : RT__FINE, "kernels",
                   slow ? "use a processor with AVX2, or unset RINGTORCH_ISA" : NULL,
                   "%s, %d thread%s", isa, (int)rt__field_int(j, "threads", 1),
                   rt_plural(rt__field_int(j, "threads", 1)));
    bool builtin = strcmp(blas, "builtin") == 0;
    rt__doctor_say(d, builtin ? RT__WARNING : RT__FINE, "BLAS",
                   builtin ? "install libopenblas-dev and build again, or unset RINGTORCH_BLAS: "
                             "matrix products are faster with it"
                           : NULL,
                   "%s", blas);
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
        rt__doctor_fail(d, "kernels", "build it again");
    } else {
        if (c.exit_code == 0 && rt_json_parse(c.out, strlen(c.out), "doctor", &j) == RT_OK)
            say_engine(d, j);
        else
            say_failure(d, "kernels", "build it again: it cannot compute here", worker, &c);
        rt_error_clear();
        json_decref(j);
        rt__captured_release(&c);
    }
    rt_mem_free(worker);
}

/* ---- mpirun ---- */

/* Says which mpirun there is; false if it cannot be used. */
static bool say_version(rt__doctor *d, const char *mpirun)
{
    const char *const argv[] = {mpirun, "--version", NULL};
    rt__captured c;
    int major = 0, minor = 0;
    if (rt__capture(argv, NULL, VERSION_SECONDS, &c) != RT_OK) {
        rt__doctor_fail(d, "mpirun", "install it with apt-get install openmpi-bin");
        return false;
    }
    char *first = c.out;
    first[strcspn(first, "\n")] = '\0';
    bool open_mpi = sscanf(first, "mpirun (Open MPI) %d.%d", &major, &minor) == 2;
    if (c.exit_code != 0)
        say_failure(d, "mpirun", "install Open MPI 4.1: apt-get install openmpi-bin", mpirun, &c);
    else if (!open_mpi || major != 4)
        rt__doctor_say(d, RT__WARNING, "mpirun", "put the mpirun of Open MPI 4.1 first in PATH",
                       "%s: '%s': written for Open MPI 4.1", mpirun, first);
    else
        rt__doctor_say(d, RT__FINE, "mpirun", NULL, "%s, Open MPI %d.%d", mpirun, major, minor);
    bool usable = c.exit_code == 0;
    rt__captured_release(&c);
    return usable;
}

/* ---- ranks ---- */

static void say_pair(rt__doctor *d, const json_t *pair)
{
    static const double SLOW = 100e6, LATE = 1e-3;
    char speed[RT__WORDS], name[64];
    double latency = rt__field_number(pair, "latency_seconds");
    double bytes = rt__field_number(pair, "bytes_per_second");
    const char *from = rt__field_text(pair, "from_host"), *to = rt__field_text(pair, "to_host");
    bool slow = !(bytes > SLOW), late = !(latency < LATE);
    snprintf(name, sizeof name, "%s", "ranks");
    rt__doctor_say(d, slow || late ? RT__WARNING : RT__FINE, name,
                   slow   ? "gradients will take long: use a faster network, or fewer hosts"
                   : late ? "each step waits for several messages: is the machine busy?"
                          : NULL,
                   "%s%s%s: %.1f us, %s/s", from, strcmp(from, to) == 0 ? "" : " - ",
                   strcmp(from, to) == 0 ? "" : to, 1e6 * latency, rt__words_bytes(bytes, speed));
}

static void say_ranks(rt__doctor *d, const json_t *j, double seconds)
{
    const json_t *pairs = rt__field_list(j, "pairs");
    double idle = seconds - rt__field_number(j, "seconds");
    rt__doctor_say(d, idle > 5 ? RT__WARNING : RT__FINE, "ranks",
                   idle > 5 ? "recovery takes at least as long: is the machine busy, or a name "
                              "server slow?"
                            : NULL,
                   "%d start and end in %.1f s", (int)rt__field_int(j, "world", 0), idle);
    for (size_t i = 0; i < json_array_size(pairs); i++)
        say_pair(d, json_array_get(pairs, i));
}

/* Two ranks here, or one on each host of the host file. */
static void run_ranks(rt__doctor *d, const char *mpirun, const char *worker)
{
    rt__host_list none = {0}, *hosts = rt__host_list_all_local(&d->hosts) ? &none : &d->hosts;
    rt__environment env = {0};
    rt__captured c;
    json_t *j = NULL;
    char world[24], *list = rt__mpi_host_list(hosts);
    const char *argv[24] = {mpirun, "-n", world, "--oversubscribe", "--bind-to", "none"};
    int n = 6;
    snprintf(world, sizeof world, "%" PRId64, hosts->count > 0 ? hosts->count : 2);
    if (list && hosts->count > 0) {
        argv[n++] = "--host";
        argv[n++] = list;
    }
    argv[n++] = worker;
    argv[n++] = "bandwidth";
    argv[n++] = "--seconds";
    argv[n++] = MEASURE_SECONDS;
    rt__environment_add_mpi(&env, hosts, hosts->count > 0 ? 1 : 2);
    if (!list || env.failed ||
        rt__capture(argv, (const char *const *)env.item, RANKS_SECONDS, &c)) {
        rt__doctor_fail(d, "ranks", "look at mpirun");
    } else {
        if (c.exit_code == 0 && rt_json_parse(c.out, strlen(c.out), "bandwidth", &j) == RT_OK)
            say_ranks(d, j, c.seconds);
        else
            say_failure(d, "ranks", ranks_advice, "mpirun", &c);
        rt__captured_release(&c);
    }
    rt_error_clear();
    json_decref(j);
    rt__environment_release(&env);
    rt_mem_free(list);
}

void rt__check_mpi(rt__doctor *d)
{
    char *mpirun = rt__find_program("mpirun");
    char *worker = rt__program_beside("ringtorch-worker");
    if (!mpirun)
        rt__doctor_say(d, RT__PROBLEM, "mpirun",
                       "install it with apt-get install openmpi-bin, or add it to PATH",
                       "not found in PATH");
    else if (say_version(d, mpirun) && worker && access(worker, X_OK) == 0)
        run_ranks(d, mpirun, worker);
    rt_error_clear();
    rt_mem_free(mpirun);
    rt_mem_free(worker);
}
