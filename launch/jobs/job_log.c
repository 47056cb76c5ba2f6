#include "launch/jobs/job_log.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CANNOT_START "MPI cannot start"
const char rt__mpi_cannot_start[] = CANNOT_START;

/* The texts are those of libmpi in Open MPI 4 and 5: help-mca-base.txt, help-mpi-runtime.txt and help-mca-bml-r2.txt in
 * its share folder. Ranks print them whatever starts the ranks. */
const rt__why rt__mpi_whys[] = {
    {"A requested component was not found",
     "Open MPI on {Host} has no {Framework} component '{Component}': check OMPI_MCA_{Framework}",
     NULL, true},
    {"No components were able to be opened in the",
     "Open MPI on {Host} has no {Framework} component that works here: check OMPI_MCA_{Framework}",
     NULL, true},
    {"BTLs attempted: self\n",
     "Open MPI has no transport between the workers: check OMPI_MCA_btl and "
     "OMPI_MCA_btl_tcp_if_include",
     NULL, true},
    {"MPI processes are unable to reach each other",
     "the workers cannot reach each other, tried: {BTLs attempted}: check OMPI_MCA_btl and the "
     "network",
     NULL, false},
    {"at least one MPI process is unreachable",
     "the workers cannot reach each other: check OMPI_MCA_btl and the network", NULL, false},
    {"It looks like pmix_init failed", CANNOT_START ": {}", NULL, false},
    {"It looks like MPI_INIT failed", CANNOT_START ": {}", NULL, false},
    {"Local abort before MPI_INIT completed", CANNOT_START ", and does not say why", NULL, false},
    {"*** An error occurred in MPI_Init",
     CANNOT_START ", and does not say why: check which variables OMPI_MCA_* are set", NULL, false},
    {0}};

const char *const rt__mpi_noise[] = {
    "OPAL ERROR", "PMIX ERROR", "help message", "MCA parameter", "MPI_ERRORS", "your MPI job)",
    "MPI job as well)", "on a NULL communicator",
    /* what workers log in passing; their errors are found first */
    " DEBUG worker ", " INFO  worker ", " WARN  worker ", "{\"ts\": ", NULL};

/* Copies the message of an error in our log: "2026-11-28 20:49:47.592 ERROR worker 0: what (file.c:141)". */
static bool take_error(const char *line, char reason[RT__REASON])
{
    static const char mark[] = " ERROR worker ";
    const char *at = memmem(line, strcspn(line, "\n"), mark, sizeof mark - 1);
    const char *what = at ? strstr(at + sizeof mark - 1, ": ") : NULL;
    if (!what)
        return false;
    rt__log_copy_line(what + 2, reason, RT__REASON);
    return true;
}

/* The same under log.format: json. */
static bool take_json_error(const char *line, char reason[RT__REASON])
{
    json_t *entry = NULL;
    bool is_error = *line == '{' &&
                    rt_json_parse(line, strcspn(line, "\n"), "log", &entry) == RT_OK &&
                    strcmp(rt__field_text(entry, "level"), "ERROR") == 0;
    if (is_error)
        rt__log_copy_line(rt__field_text(entry, "msg"), reason, RT__REASON);
    json_decref(entry);
    rt_error_clear();
    return is_error;
}

/* Cuts off the place in our source: it is for developers, who can read the log. */
static void cut_place(char *reason)
{
    char *open = strrchr(reason, '(');
    size_t n = strlen(reason);
    if (open && open > reason && n > 0 && reason[n - 1] == ')' && strstr(open, ".c:"))
        open[-1] = '\0';
}

bool rt__log_own_message(const char *log, char reason[RT__REASON])
{
    static const char name[] = "ringtorch: ";
    for (const char *line = log; *line; line = rt__log_next_line(line))
        if (strncmp(line, name, sizeof name - 1) == 0) {
            rt__log_copy_line(line + sizeof name - 1, reason, RT__REASON);
            return true;
        }
    return false;
}

char *rt__log_read_worker(const char *run_dir, int64_t rank, int64_t generation)
{
    char *path =
        rt_strdup_printf("%s/logs/worker-%" PRId64 ".g%" PRId64 ".log", run_dir, rank, generation);
    char *text = path ? rt__log_read(path) : NULL;
    if (!path)
        rt_error_clear();
    rt_mem_free(path);
    return text;
}

void rt__log_worker_reason(const char *log, rt__why_found *out)
{
    *out = (rt__why_found){0};
    for (const char *line = log; *line; line = rt__log_next_line(line))
        if (take_error(line, out->reason) || take_json_error(line, out->reason)) {
            cut_place(out->reason);
            return;
        }
    if (!rt__log_find_why(log, rt__mpi_whys, out))
        rt__log_last_message(log, rt__mpi_noise, out->reason, sizeof out->reason);
}

static bool is_crash(int signal)
{
    return signal == SIGSEGV || signal == SIGABRT || signal == SIGFPE || signal == SIGBUS ||
           signal == SIGILL;
}

void rt__log_name_worker(int64_t rank, int64_t generation, int signal, int exit_code,
                         char reason[RT__REASON])
{
    bool silent = signal == 0 && exit_code > 0 && exit_code < 128;
    if (silent || is_crash(signal)) /* MPI and the C++ runtime log where a crash was */
        snprintf(reason, RT__REASON, "logs/worker-%" PRId64 ".g%" PRId64 ".log may say %s", rank,
                 generation, silent ? "why" : "where");
}

void rt__log_job_reason(const char *path, rt__why_found *out)
{
    char *log = rt__log_read(path);
    *out = (rt__why_found){0};
    if (log && !rt__log_own_message(log, out->reason) && !rt__log_find_why(log, rt__mpi_whys, out))
        rt__log_last_message(log, rt__mpi_noise, out->reason, sizeof out->reason);
    rt_mem_free(log);
}

bool rt__log_explain_rank(const rt__ended_rank *e, rt__why_found *out)
{
    char *log = rt__log_read_worker(e->run_dir, e->rank, e->generation);
    *out = (rt__why_found){0};
    if (e->signal != 0 && e->why_killed)
        out->final = rt__why_killed_find(e->why_killed, e->signal, out->reason, RT__REASON) &&
                     rt__why_killed_stays(e->signal);
    else if (e->signal == 0 && log)
        rt__log_worker_reason(log, out);
    if (log && !out->reason[0])
        rt__log_name_worker(e->rank, e->generation, e->signal, e->exit_code, out->reason);
    bool silent = e->signal == 0 && !log;
    rt_mem_free(log);
    return !silent;
}
