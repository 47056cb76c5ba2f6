#include "launch/jobs/job.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/job_rows.h"
#include <stdio.h>
#include <string.h>

/* ---- the table ---- */

#define BACKEND(name) extern const rt__job_backend rt__backend_##name;
#include "launch/jobs/backends.def"
#undef BACKEND

#define BACKEND(name) &rt__backend_##name,
static const rt__job_backend *const rows[] = {
#include "launch/jobs/backends.def"
};
#undef BACKEND

enum { ROWS = sizeof rows / sizeof *rows, REGISTERED_MOST = RT_JOB_ROWS_MAX + 16 };
static const rt__job_backend *registered[REGISTERED_MOST];
static int registered_count;

void rt__jobs_register(const rt__job_backend *backend)
{
    for (int i = 0; i < registered_count; i++)
        if (registered[i] == backend)
            return;
    if (registered_count < REGISTERED_MOST)
        registered[registered_count++] = backend;
}

bool rt__jobs_is_built_in(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return true;
    return strcmp(name, "auto") == 0;
}

/* Returns the i-th back end, the last registered first; NULL after the last one. */
static const rt__job_backend *backend_at(int i)
{
    if (i < registered_count)
        return registered[registered_count - 1 - i];
    return i - registered_count < ROWS ? rows[i - registered_count] : NULL;
}

static const rt__job_backend *find_by_name(const char *name)
{
    const rt__job_backend *b;
    for (int i = 0; (b = backend_at(i)); i++)
        if (strcmp(b->name, name) == 0)
            return b;
    return NULL;
}

static const rt__job_backend *find_by_surroundings(void)
{
    const rt__job_backend *b;
    for (int i = 0; (b = backend_at(i)); i++)
        if (!b->is_here || b->is_here())
            return b;
    return NULL;
}

static rt_status refuse_name(const char *name)
{
    rt_text names = {0};
    const rt__job_backend *b;
    for (int i = 0; (b = backend_at(i)); i++)
        rt_text_add(&names, ", %s", b->name);
    RT_FAIL(NOTFOUND, "RINGTORCH_JOBS=%s: no such back end: expected auto%s", name,
            names.data ? names.data : "");
    rt_mem_free(names.data);
    return rt_error_code();
}

rt_status rt__jobs_open(const char *name, rt__jobs *out)
{
    bool choose = !name || !*name || strcmp(name, "auto") == 0;
    *out = (rt__jobs){.backend = choose ? find_by_surroundings() : find_by_name(name)};
    if (!out->backend)
        return refuse_name(choose ? "auto" : name);
    if (!(out->backend->can & RT__JOB_AGAIN))
        snprintf(out->starts_once, sizeof out->starts_once, "%s", out->backend->name);
    rt_status status = out->backend->open ? out->backend->open(out) : RT_OK;
    if (status != RT_OK)
        rt__jobs_close(out);
    return status;
}

void rt__jobs_close(rt__jobs *jobs)
{
    if (jobs->backend && jobs->backend->close)
        jobs->backend->close(jobs);
    *jobs = (rt__jobs){0};
}

rt_status rt__jobs_hosts(const rt__jobs *jobs, const char *hostfile, int64_t threads,
                         rt__host_list *out)
{
    *out = (rt__host_list){0};
    if (hostfile[0])
        return rt__host_list_read(hostfile, out);
    return jobs->backend->hosts ? jobs->backend->hosts(jobs, threads, out) : RT_OK;
}

rt_status rt__jobs_shell(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                         const char *word[RT__SHELL_WORDS], int *count)
{
    *count = 0;
    return jobs->backend->shell
               ? jobs->backend->shell(jobs, text, word, count)
               : RT_FAIL(UNSUPPORTED, "%s cannot run commands on other hosts", jobs->backend->name);
}

rt_status rt__jobs_command(const rt__jobs *jobs, const rt__host_list *hosts, int64_t world,
                           int64_t threads, rt__command *out)
{
    *out = (rt__command){0};
    return jobs->backend->command
               ? jobs->backend->command(jobs, hosts, world, threads, out)
               : RT_FAIL(UNSUPPORTED, "job back end %s cannot start other programs than workers",
                         jobs->backend->name);
}

bool rt__jobs_explain(const rt__jobs *jobs, const char *printed, char reason[RT__REASON])
{
    return jobs->backend->explain && jobs->backend->explain(jobs, printed, reason);
}

void rt__command_release(rt__command *c)
{
    rt__environment_release(&c->environment);
    while (c->made_count > 0)
        rt_mem_free(c->made[--c->made_count]);
    *c = (rt__command){0};
}

/* ---- a job ---- */

rt_status rt__job_start(rt__job *job, const rt__jobs *jobs, const rt__job_spec *spec)
{
    *job = (rt__job){
        .jobs = jobs, .generation = spec->generation, .ranks_expected = spec->world, .alive = true};
    rt_status status = jobs->backend->start(job, spec);
    if (status != RT_OK)
        rt__job_release(job);
    return status;
}

int rt__job_fd(const rt__job *job)
{
    return job->alive && job->jobs->backend->fd ? job->jobs->backend->fd(job) : -1;
}

void rt__job_watch(rt__job *job)
{
    if (job->alive && !job->gone)
        job->jobs->backend->watch(job);
}

double rt__job_patience(const rt__job *job)
{
    return job->alive && job->jobs->backend->patience ? job->jobs->backend->patience(job) : 1;
}

bool rt__job_reaped(rt__job *job, pid_t pid, int wait_status)
{
    return job->alive && job->jobs->backend->reaped &&
           job->jobs->backend->reaped(job, pid, wait_status);
}

void rt__job_end(rt__job *job)
{
    if (job->alive && !job->gone && job->jobs->backend->end)
        job->jobs->backend->end(job);
}

bool rt__job_conclude(rt__job *job, bool now, rt__job_report *out)
{
    bool concluded = job->alive && job->gone && job->jobs->backend->conclude(job, now, out);
    job->alive &= !concluded;
    return concluded;
}

void rt__job_release(rt__job *job)
{
    if (job->jobs && job->own)
        job->jobs->backend->release(job);
    *job = (rt__job){0};
}
