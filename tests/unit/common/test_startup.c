/* Whatever environment the parent left, main() must find a sane one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/startup.h"
#include "tests/support/child.h"

/* ---- one strange environment per row, each in a process of its own ---- */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Descriptors 0 to 2 are open, so the next file takes none of them. */
static bool numbers_are_safe(void)
{
    int fd = open("/dev/zero", O_RDONLY);
    return is_open(0) && is_open(1) && is_open(2) && fd > 2;
}

static void close_input(void)
{
    close(0);
}

static void close_output(void)
{
    close(1);
}

static void close_all(void)
{
    for (int fd = 0; fd < 16; fd++)
        close(fd);
}

static bool output_is_lost(void)
{
    bool lost = numbers_are_safe() && puts("nobody hears this") >= 0 && fflush(stdout) != 0;
    clearerr(stdout);
    rt_startup_allow_no_output();
    return lost && numbers_are_safe() && puts("nobody need hear this") >= 0 && fflush(stdout) == 0;
}

static void ignore_all_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int return_seven(void *argument)
{
    (void)argument;
    return 7;
}

/* SIGCHLD decides whether children can be waited for at all. */
static bool signals_are_ours(void)
{
    return child_end(child_function(return_seven, NULL)) == 7 && !is_ignored(SIGINT) &&
           !is_ignored(SIGTERM) && !is_ignored(SIGUSR1) && !is_ignored(SIGPIPE) &&
           is_ignored(SIGHUP);
}

static void note_profile(int number)
{
    (void)number;
}

/* Does what a preloaded profiler does before main(). */
static void handle_profiling(void)
{
    signal(SIGPROF, note_profile);
}

static bool profiling_is_handled(void)
{
    return raise(SIGPROF) == 0 && signal(SIGPROF, SIG_DFL) == note_profile;
}

static void block_all_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static bool none_is_blocked(void)
{
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&now, number) == 1)
            return false;
    return !is_ignored(SIGHUP);
}

static void limit_the_size_of_files(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 10, .rlim_max = 10});
}

static char folder[] = "/tmp/rt-startup-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool too_large_is_an_error(void)
{
    bool failed = rt_file_replace(in_folder("large"), "more than ten bytes", 19) != RT_OK;
    return failed && strstr(rt_error(), "File too large");
}

static void mask_everything(void)
{
    umask(0777);
}

static void mask_nothing(void)
{
    umask(0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 0777 : 01000;
}

static bool owner_may_all(void)
{
    return rt_file_replace(in_folder("masked"), "x", 1) == RT_OK &&
           mode_of(in_folder("masked")) == 0600 && rt_dir_make(in_folder("d"), 0755) == RT_OK &&
           mode_of(in_folder("d")) == 0700;
}

static bool others_may_not_write(void)
{
    return rt_file_replace(in_folder("open"), "x", 1) == RT_OK &&
           mode_of(in_folder("open")) == 0644 &&
           rt_file_replace_secret(in_folder("secret"), "x", 1) == RT_OK &&
           mode_of(in_folder("secret")) == 0600;
}

static void allow_few_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 16;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool many_files_may_be_open(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur == limit.rlim_max || limit.rlim_cur >= 65536;
}

typedef struct world {
    const char *name;
    void (*make)(void);
    bool (*is_sane)(void);
} world;

static const world worlds[] = {
    {"without_input", close_input, numbers_are_safe},
    {"without_output", close_output, output_is_lost},
    {"without_any_descriptor", close_all, output_is_lost},
    {"all_signals_ignored", ignore_all_signals, signals_are_ours},
    {"a_signal_handled_by_a_library", handle_profiling, profiling_is_handled},
    {"all_signals_blocked", block_all_signals, none_is_blocked},
    {"files_may_not_grow", limit_the_size_of_files, too_large_is_an_error},
    {"umask_of_all", mask_everything, owner_may_all},
    {"umask_of_none", mask_nothing, others_may_not_write},
    {"few_open_files", allow_few_files, many_files_may_be_open},
};

static int start_up_in(void *argument)
{
    const world *w = argument;
    w->make();
    rt_startup();
    return w->is_sane() ? 0 : 1;
}

static void is_made_sane(void **state)
{
    assert_int_equal(child_end(child_function(start_up_in, *state)), 0);
}

/* ---- variables ---- */

static void only_the_variables_of_jobs_and_runs_are_left_out(void **state)
{
    static const struct {
        const char *assignment;
        bool outer, batch, run; /* set by a job, by a batch system, by a run of ours */
    } rows[] = {
        {"OMPI_COMM_WORLD_RANK=0", true},
        {"OMPI_MCA_ess=^singleton", true},
        {"OMPI_MCA_ess_base_jobid=1828651009", true},
        {"OMPI_MCA_orte_hnp_uri=1828651008.0;tcp://127.0.0.1:37837", true},
        {"OMPI_MCA_pmix=^s1,s2,cray,isolated", true},
        {"PMIX_RANK=0", true},
        {"PMI_RANK=0", true},
        {"SLURM_NODELIST=n[1-4]", true, true},
        {"FLUX_JOB_ID=1", true, true},
        {"PE_HOSTFILE=/nonexistent", true, true},
        {"PBS_ENVIRONMENT=PBS_BATCH", true, true},
        {"LSB_JOBID=1", true, true},
        {"ALPS_APP_ID=1", true, true},
        {"JSM_JSRUN_WMGR_PID=1", true, true},
        {"LOADL_HOSTFILE=/nonexistent", true, true},
        {"RINGTORCH_RUN=r-1", .run = true},
        {"RINGTORCH_RUN_DIR=/runs/x", .run = true},
        {"RINGTORCH_KEYS=secret", .run = true},
        {"RINGTORCH_RANKS=2", .run = true},
        {"RINGTORCH_RANK_FROM=SLURM_PROCID", .run = true},
        {"RINGTORCH_LOCAL_WORLD_FROM=", .run = true},
        {"RINGTORCH_ENDPOINT=tcp://10.0.0.1:5000", .run = true},
        {"RINGTORCH_ADDRESSES=10.0.0.1,10.1.0.1", .run = true},
        {"RINGTORCH_BIND=10.0.0.1", .run = true},
        {"RINGTORCH_LISTEN=127.0.0.1", .run = true},
        {"RINGTORCH_JOIN=work", .run = true},
        {"RINGTORCH_JOIN_DIR=/runs/x", .run = true},
        {"OMPI_MCA_btl=self,tcp", false},
        {"OMPI_MCA_btl_tcp_if_include=eth0", false},
        {"OMPI_MCA_plm_rsh_agent=ssh", false},
        {"OMPI_MCA_orte_keep_fqdn_hostnames=1", false},
        {"OMPI_ALLOW_RUN_AS_ROOT=1", false},
        {"OPAL_PREFIX=/opt/openmpi", false},
        {"RINGTORCH_WORKER=/opt/worker", false},
        {"RINGTORCH_ISA=avx2", false},
        {"PATH=/bin", false},
        {"SGE_ROOT=/opt/sge", false},
        {"MY_OMPI_RANK=1", false},
        {"PMIXER=1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rt_startup_of_outer_job(rows[i].assignment) != rows[i].outer ||
            rt_startup_of_batch_system(rows[i].assignment) != rows[i].batch ||
            rt_startup_of_run(rows[i].assignment) != rows[i].run)
            fail_msg("%s", rows[i].assignment);
}

int main(void)
{
    enum { WORLDS = sizeof worlds / sizeof *worlds };
    struct CMUnitTest tests[WORLDS + 1];
    for (size_t i = 0; i < WORLDS; i++)
        tests[i] = (struct CMUnitTest){
            .name = worlds[i].name, .test_func = is_made_sane, .initial_state = (void *)&worlds[i]};
    tests[WORLDS] =
        (struct CMUnitTest)cmocka_unit_test(only_the_variables_of_jobs_and_runs_are_left_out);
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rt_remove_tree(folder) == RT_OK ? failed : 1;
}
