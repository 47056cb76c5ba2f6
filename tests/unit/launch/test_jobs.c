/* The table of back ends (launch/jobs/job.h) with two besides mpirun: one whose ranks are children of the launcher, and one
 * that adopts running ranks. Each runs whole jobs for a scripted coordinator, in the same launcher. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/os/os.h"
#include "launch/cmd/train.h"
#include "launch/jobs/child.h"
#include "launch/jobs/job.h"
#include "launch/jobs/job_environment.h"
#include "supervising.h"

/* ---- two back ends ---- */

enum { RANKS_MOST = 8 };

typedef struct crew {
    int64_t world, left, first;
    pid_t pid[RANKS_MOST];
    int status; /* of the first */
    bool ordered, failed;
    rt_os_watch watch;
} crew;

static void end_crew(rt__job *job)
{
    crew *c = job->own;
    c->ordered |= !c->failed;
    for (int64_t i = 0; i < c->world; i++)
        if (c->pid[i] > 0)
            kill(c->pid[i], SIGKILL);
}

static void take_end(rt__job *job, int64_t rank, int status)
{
    crew *c = job->own;
    c->pid[rank] = 0;
    job->gone = --c->left == 0;
    if (c->ordered || c->failed || status == 0)
        return;
    c->failed = true;
    c->first = rank;
    c->status = status;
    end_crew(job);
}

static bool conclude(rt__job *job, bool now, rt__job_report *r)
{
    (void)now;
    const crew *c = job->own;
    *r = (rt__job_report){
        .outcome = c->ordered ? RT__JOB_ORDERED : RT__JOB_DONE, .rank = -1, .host = "", .text = ""};
    if (c->failed) {
        r->outcome = RT__JOB_FAILED;
        r->rank = c->first;
        r->signal = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;
        r->exit_code = r->signal ? 128 + r->signal : WEXITSTATUS(c->status);
        r->ranks = &c->first;
        r->ranks_count = 1;
    }
    return true;
}

static void release(rt__job *job)
{
    crew *c = job->own;
    rt_os_watch_close(&c->watch);
    rt_mem_free(c);
}

static rt_status make_crew(rt__job *job, const rt__job_spec *spec)
{
    crew *c = job->own = rt_calloc(1, sizeof *c);
    if (!c)
        return rt_error_code();
    c->watch.fd = -1;
    c->world = c->left = spec->world;
    return spec->world <= RANKS_MOST ? RT_OK : RT_FAIL(UNSUPPORTED, "at most %d", RANKS_MOST);
}

/* The ranks are children: waitpid tells how they end. */
static rt_status start_children(rt__job *job, const rt__job_spec *spec)
{
    RT_TRY(make_crew(job, spec));
    crew *c = job->own;
    for (int64_t i = 0; i < c->world; i++) {
        rt__environment e = {0};
        rt__job_environment(spec, &e);
        rt__environment_add(&e, "OMPI_COMM_WORLD_RANK=%d", (int)i);
        rt_status status =
            rt__child_start(&(rt__child){.argv = (const char *[]){spec->worker, NULL},
                                         .env = (const char *const *)e.item,
                                         .death_signal = SIGKILL,
                                         .out_fd = -1,
                                         .err_fd = -1,
                                         .keep_fd = -1},
                            &c->pid[i]);
        rt__environment_release(&e);
        RT_TRY(status);
        job->ranks_started++;
    }
    return RT_OK;
}

static void watch_nothing(rt__job *job)
{
    (void)job;
}

static bool child_reaped(rt__job *job, pid_t pid, int wait_status)
{
    const crew *c = job->own;
    for (int64_t i = 0; i < c->world; i++)
        if (c->pid[i] == pid) {
            if (!WIFSTOPPED(wait_status))
                take_end(job, i, wait_status);
            return true;
        }
    return false;
}

static rt_status two_places(const rt__jobs *jobs, int64_t threads, rt__host_list *list)
{
    (void)jobs;
    (void)threads;
    return rt__host_list_copy((const char *const[]){"localhost"}, (const int64_t[]){2}, 1, list);
}

static bool is_asked_for(void)
{
    return getenv("TEST_CHILDREN") != NULL;
}

static const rt__job_backend children = {
    .name = "children",
    .what = "ranks are children of the launcher",
    .can = RT__JOB_AGAIN,
    .is_here = is_asked_for,
    .hosts = two_places,
    .start = start_children,
    .watch = watch_nothing,
    .reaped = child_reaped,
    .end = end_crew,
    .conclude = conclude,
    .release = release,
};

/* The ranks run already, with the pids in TEST_RANKS: they are watched, and none can be started again. */
static rt_status adopt(rt__job *job, const rt__job_spec *spec)
{
    RT_TRY(make_crew(job, spec));
    crew *c = job->own;
    char *at = getenv("TEST_RANKS");
    RT_TRY(rt_os_watch_open(&c->watch));
    for (int64_t i = 0; i < c->world; i++) {
        c->pid[i] = (pid_t)strtol(at, &at, 10);
        if (rt_os_watch_add(&c->watch, c->pid[i]) != i)
            return RT_FAIL(NOTFOUND, "rank %d is not there", (int)i);
        job->ranks_started++;
    }
    return RT_OK;
}

static int watch_fd(const rt__job *job)
{
    const crew *c = job->own;
    return c->watch.fd;
}

static void watch_adopted(rt__job *job)
{
    crew *c = job->own;
    rt_os_end end;
    for (int64_t i; (i = rt_os_watch_next(&c->watch, &end)) >= 0;)
        take_end(job, i, end.how_known ? end.wait_status : SIGKILL);
}

static bool never(void)
{
    return false;
}

static const rt__job_backend adopted = {
    .name = "adopted",
    .what = "ranks that run already",
    .is_here = never,
    .start = adopt,
    .fd = watch_fd,
    .watch = watch_adopted,
    .end = end_crew,
    .conclude = conclude,
    .release = release,
};

/* ---- the launcher with them ---- */

static int train(void *argument)
{
    (void)argument;
    char *argv[] = {"train", config, "--run-dir", run_dir, NULL};
    char path[128];
    snprintf(path, sizeof path, "%s/out", folder);
    stdout = freopen(path, "w", stdout);
    snprintf(path, sizeof path, "%s/err", folder);
    stderr = freopen(path, "w", stderr);
    rt__jobs_register(&children);
    rt__jobs_register(&adopted);
    return rt__train(4, argv, rt_clock());
}

static pid_t begin_with(const char *jobs)
{
    setenv("RINGTORCH_JOBS", jobs, 1);
    pid_t pid = child_function(train, NULL);
    unsetenv("RINGTORCH_JOBS");
    assert_true(pid > 0);
    return pid;
}

static void ranks_may_be_children_of_the_launcher(void **state)
{
    (void)state;
    pid_t pid = begin_with("children");
    await_heard(
        "HOSTS {hosts: [\"localhost\"], slots: [2], called: [], away: []}"); /* the back end's hosts */
    order("start 1 3");
    kill(rank(1), SIGKILL);
    expect_text(await_exited(1), "exit_code: 137, signal: 9, rank: 1, ranks: [1], host: \"\"");
    order("start 2 2");
    rank(1);
    assert_int_equal(find_process("mpirun"), 0);
    order("end 2");
    expect_text(await_exited(2), "exit_code: 0, signal: 0, rank: -1, ranks: []");
    write_program(worker, "#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = 1 ] && exit 7\nexec sleep 1000\n");
    order("start 3 2");
    expect_text(await_exited(3), "exit_code: 7, signal: 0, rank: 1, ranks: [1]");
    order("probe elsewhere"); /* the back end has no remote shell */
    await_heard("PROBED {host: \"elsewhere\", ok: false}");
    end_run(pid, 0);
}

static void the_environment_chooses_the_back_end(void **state)
{
    (void)state;
    setenv("TEST_CHILDREN", "1", 1);
    pid_t pid = begin_with("auto");
    unsetenv("TEST_CHILDREN");
    await_heard("LAUNCHER");
    order("start 1 1");
    rank(0);
    assert_int_equal(find_process("mpirun"), 0);
    end_run(pid, 0);
}

static void a_job_that_runs_is_adopted(void **state)
{
    (void)state;
    char ranks[64];
    pid_t pid[2];
    for (int i = 0; i < 2; i++)
        pid[i] = child_program((const char *[]){"sleep", "1000", NULL}, NULL, NULL);
    snprintf(ranks, sizeof ranks, "%d %d", (int)pid[0], (int)pid[1]);
    setenv("TEST_RANKS", ranks, 1);
    pid_t launcher = begin_with("adopted");
    unsetenv("TEST_RANKS");
    await_heard("LAUNCHER");
    order("start 1 2");
    await_heard("ranks_started: 2");
    kill(pid[0], SIGTERM);
    expect_text(await_exited(1), "exit_code: 143, signal: 15, rank: 0, ranks: [0], host: \"\"");
    for (int i = 0; i < 2; i++)
        waitpid(pid[i], NULL, 0); /* the launcher ended the other one because of that */
    order("start 2 2");
    const char *m = await_exited(2);
    expect_text(m, "adopted starts no other workers once they have ended: submit the job again");
    expect_text(m, "final: true");
    end_run(launcher, 0);
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    pid_t pid = begin_with("nosuch");
    expect_end(pid, 2);
    expect_text(
        err,
        "ringtorch: RINGTORCH_JOBS=nosuch: no such back end: expected auto, adopted, children, "
        "outer, slurm, mpirun\n");
    assert_false(rt_path_exists(run_dir));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, supervising_begin, supervising_end)
    const struct CMUnitTest tests[] = {
        TEST(ranks_may_be_children_of_the_launcher),
        TEST(the_environment_chooses_the_back_end),
        TEST(a_job_that_runs_is_adopted),
        TEST(unknown_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
