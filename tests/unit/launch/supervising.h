/* Runs the launcher with a scripted coordinator and shell scripts as workers. Tests send it orders and check what it
 * does, and what it sends to the coordinator.
 *
 *     cmocka_unit_test_setup_teardown(f, supervising_begin, supervising_end)
 *
 *     pid_t pid = begin_job(3);                          // three ranks, which wait for ever
 *     kill(rank(1), SIGKILL);
 *     expect_text(await_exited(1), "signal: 9, rank: 1");
 *     end_run(pid, 0); */
#ifndef RINGTORCH_TESTS_UNIT_LAUNCH_SUPERVISING_H
#define RINGTORCH_TESTS_UNIT_LAUNCH_SUPERVISING_H

#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>

#include "launching.h"

static char worker[96], memory[96]; /* the worker's program; snapshot.dir */

static inline void write_program(const char *path, const char *text)
{
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Ranks that wait for ever. Like real ones, they die with mpirun. */
static const char sleeper[] = "#!/bin/sh\nexec setpriv --pdeathsig KILL sleep 1000\n";

static inline int supervising_begin(void **state)
{
    (void)state;
    char yaml[512];
    make_folder("");
    snprintf(worker, sizeof worker, "%s/worker", folder);
    snprintf(memory, sizeof memory, "%s/memory", folder);
    snprintf(
        yaml, sizeof yaml,
        "run: {steps: 100}\nmodel: {preset: mlp}\nparallel: {slices: 8}\nsnapshot: {dir: %s}\n",
        memory);
    assert_int_equal(rt_file_replace(config, yaml, strlen(yaml)), RT_OK);
    assert_int_equal(rt_dir_make(memory, 0700), RT_OK);
    write_program(worker, sleeper);
    setenv("RINGTORCH_WORKER", worker, 1);
    setenv("RINGTORCH_COORDINATOR", RT_TEST_BINARY_DIR "/bin/tests/launch/scripted_coordinator", 1);
    unsetenv("SCRIPT_AGAIN");
    unsetenv("SCRIPT_READS");
    return 0;
}

static inline int supervising_end(void **state)
{
    (void)state;
    remove_folder();
    return 0;
}

/* ---- orders to the launcher, and what the coordinator receives from it ---- */

__attribute__((format(printf, 1, 2))) static inline void order(const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    assert_int_equal(rt_file_append_line(in_run("orders"), line), RT_OK);
}

static inline void await_heard(const char *fragment)
{
    await_text("heard", fragment);
}

static inline void await_printed(const char *name, char *text, size_t size, const char *fragment)
{
    for (double end = rt_clock() + patience; read_output(name, text, size), !strstr(text, fragment);
         rt_clock_sleep(0.01))
        if (rt_clock() > end)
            fail_msg("'%s' is never printed, only:\n%s", fragment, text);
}

static inline void await_error(const char *fragment)
{
    await_printed("err", err, sizeof err, fragment);
}

static inline int times_heard(const char *fragment)
{
    rt_bytes b;
    int count = 0;
    assert_int_equal(rt_file_read(in_run("heard"), 1 << 20, &b), RT_OK);
    for (const char *at = (char *)b.data; (at = strstr(at, fragment)); at++)
        count++;
    rt_bytes_release(&b);
    return count;
}

static inline void await_twice(const char *fragment)
{
    for (double end = rt_clock() + patience; times_heard(fragment) < 2; rt_clock_sleep(0.005))
        if (rt_clock() > end)
            fail_msg("'%s' is not heard twice", fragment);
}

/* Waits until the launcher reports the end of a job. Returns the message: "EXITED {job_generation: 1, ...}". */
static inline const char *await_exited(int generation)
{
    static char line[4096];
    char head[64];
    rt_bytes b;
    snprintf(head, sizeof head, "EXITED {job_generation: %d,", generation);
    await_heard(head);
    assert_int_equal(rt_file_read(in_run("heard"), 1 << 20, &b), RT_OK);
    const char *at = strstr((char *)b.data, head);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    rt_bytes_release(&b);
    return line;
}

static inline pid_t rank(int number)
{
    char variable[64];
    snprintf(variable, sizeof variable, "OMPI_COMM_WORLD_RANK=%d", number);
    return await_process("sleep", variable);
}

/* Starts a run and its first job, and waits until the launcher watches all ranks. */
static inline pid_t begin_job(int world)
{
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 %d", world);
    double end = rt_clock() + patience;
    for (int i = 0; i < world; i++)
        for (pid_t p = rank(i); !watches(pid, p); rt_clock_sleep(0.005))
            if (rt_clock() > end)
                fail_msg("the launcher does not watch rank %d", i);
    return pid;
}

static inline void end_run(pid_t pid, int exit_code)
{
    order("over %d ", exit_code);
    expect_end(pid, exit_code);
    assert_int_equal(times_heard("REFUSED"), 0);
}
/* Makes a remote shell that knows three kinds of hosts. */
static inline void make_agent(void)
{
    char agent[96];
    snprintf(agent, sizeof agent, "%s/agent", folder);
    write_program(agent, "#!/bin/sh\n[ $1 = -q ] || exit 9\ncase $2 in\n"
                         "away*) exit 255;;\nslow) sleep 1000;;\nesac\n"
                         "exec sh -c \"$3\"\n");
    snprintf(agent, sizeof agent, "no-such : %s/agent -q", folder);
    setenv("OMPI_MCA_plm_rsh_agent", agent, 1);
}

/* Puts a script first in PATH that claims to be the mpirun of this version of Open MPI. */
static inline void fake_mpirun(const char *version, const char *text)
{
    char name[4096];
    snprintf(name, sizeof name, "%s/bin", folder);
    assert_int_equal(rt_dir_make(name, 0755), RT_OK);
    snprintf(name, sizeof name, "%s/bin/mpirun", folder);
    write_mpirun_script(name, version, text);
    snprintf(name, sizeof name, "%s/bin:%s", folder, getenv("PATH"));
    setenv("PATH", name, 1);
}

#endif
