#include "launch/jobs/allocation.h"
#include "common/base/error.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "launch/jobs/slurm_list.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_BYTES = 1 << 20 };
static const char BLANKS[] = " \t\r\n";

/* ---- lists of words ---- */

/* Every word is a host with one slot: files with a line for each slot. */
static rt_status read_words(const char *text, rt__host_list *out)
{
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        size_t len = strcspn(text, BLANKS);
        RT_TRY(rt__host_list_add(out, text, len, 1));
        text += len;
    }
    return RT_OK;
}

/* Takes a host and its slots, and moves behind them. */
static rt_status take_pair(const char **at, rt__host_list *out)
{
    size_t len = strcspn(*at, BLANKS);
    const char *number = *at + len + strspn(*at + len, " \t");
    char *end;
    errno = 0;
    long long slots = strtoll(number, &end, 10);
    if (end == number || errno || !strchr(BLANKS, *end))
        return RT_FAIL(CONFIG, "'%.*s': expected a number of slots after the host, as in node1 4",
                       (int)(len < 80 ? len : 80), *at);
    RT_TRY(rt__host_list_add(out, *at, len, slots));
    *at = end;
    return RT_OK;
}

/* "node1 4 node2 4" */
static rt_status read_pairs(const char *text, rt__host_list *out)
{
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS))
        RT_TRY(take_pair(&text, out));
    return RT_OK;
}

/* "node1 4 all.q@node1 UNDEFINED" in each line */
static rt_status read_pair_lines(const char *text, rt__host_list *out)
{
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        RT_TRY(take_pair(&text, out));
        text += strcspn(text, "\n");
    }
    return RT_OK;
}

/* ---- Slurm ---- */

/* Returns the variable's number, or 0 if it is unset or no positive number. */
static int64_t number(const char *variable)
{
    const char *text = getenv(variable);
    long long n = text ? strtoll(text, NULL, 10) : 0;
    return n > 0 ? n : 0;
}

/* Reads a list of counts. Sets *fits to whether it has one for each host; a step may have other numbers than its job. */
static rt_status take_counts(const char *variable, rt__host_list *h, bool *fits)
{
    int64_t total = 0, *count = rt_calloc((size_t)h->count + 1, sizeof *count);
    const char *text = getenv(variable);
    if (!count)
        return rt_error_code();
    rt_status status = text ? rt__slurm_counts(text, count, h->count, &total) : RT_OK;
    *fits = status == RT_OK && total == h->count;
    for (int64_t i = 0; *fits && i < h->count; i++)
        h->slots[i] = count[i];
    rt_mem_free(count);
    return status == RT_OK ? RT_OK : rt_error_prefix("%s '%.80s'", variable, text);
}

/* srun --ntasks=1 replaces the job's number of tasks by its own. */
static bool asked_for_tasks(void)
{
    return number("SLURM_NTASKS") > 0 && number("SLURM_STEP_NUM_TASKS") != 1;
}

/* Without a number of tasks, Slurm counts one for each CPU. */
static rt_status count_slots(rt__host_list *h, int64_t threads)
{
    bool fits;
    int64_t tasks = asked_for_tasks() ? number("SLURM_NTASKS") : 0, each;
    RT_TRY(take_counts("SLURM_TASKS_PER_NODE", h, &fits));
    if (fits && tasks > 0)
        return RT_OK;
    RT_TRY(take_counts("SLURM_JOB_CPUS_PER_NODE", h, &fits));
    each = number("SLURM_CPUS_PER_TASK") > 0 ? number("SLURM_CPUS_PER_TASK") : threads;
    for (int64_t i = 0; i < h->count; i++)
        if (fits)
            h->slots[i] = h->slots[i] > each ? h->slots[i] / each : 1;
        else if (tasks > 0)
            h->slots[i] = (tasks + h->count - 1) / h->count;
    return RT_OK;
}

/* A node's name need not be what the node calls itself. */
static rt_status name_this_node(rt__host_list *h)
{
    const char *node = getenv("SLURMD_NODENAME");
    char here[HOST_NAME_MAX + 1] = "";
    gethostname(here, sizeof here - 1);
    for (int64_t i = 0; node && rt__host_is_name(here) && i < h->count; i++)
        if (strcmp(h->name[i], node) == 0 && !rt__host_is_local(node)) {
            char *name = rt_strdup(here);
            if (!name)
                return rt_error_code();
            rt_mem_free(h->name[i]);
            h->name[i] = name;
        }
    return RT_OK;
}

/* ---- the table ---- */

typedef struct batch_system {
    const char *name, *job, *hosts; /* the variables of the job's number and of its hosts */
    bool file;                      /* the hosts are in a file */
    rt_status (*read)(const char *text, rt__host_list *out);
    const char *more; /* how to ask for more slots, a format */
} batch_system;

#define SELECT "qsub -l select=NODES:mpiprocs=WORKERS, NODES x WORKERS = %" PRId64
static const batch_system systems[] = {
    {"Slurm", "SLURM_JOB_ID", "SLURM_JOB_NODELIST", false, rt__slurm_hosts, "sbatch -n %" PRId64},
    {"Slurm", "SLURM_JOBID", "SLURM_NODELIST", false, rt__slurm_hosts, "sbatch -n %" PRId64},
    {"PBS", "PBS_JOBID", "PBS_NODEFILE", true, read_words, SELECT},
    {"Grid Engine", "JOB_ID", "PE_HOSTFILE", true, read_pair_lines, "qsub -pe NAME %" PRId64},
    {"LSF", "LSB_JOBID", "LSB_DJOB_HOSTFILE", true, read_words, "bsub -n %" PRId64},
    {"LSF", "LSB_JOBID", "LSB_MCPU_HOSTS", false, read_pairs, "bsub -n %" PRId64},
    {"LSF", "LSB_JOBID", "LSB_HOSTS", false, read_words, "bsub -n %" PRId64},
    {"OAR", "OAR_JOB_ID", "OAR_NODEFILE", true, read_words, "oarsub -l core=%" PRId64},
};
enum { SYSTEMS = sizeof systems / sizeof *systems };

static const batch_system *find_system(void)
{
    for (int i = 0; i < SYSTEMS; i++) {
        const char *hosts = getenv(systems[i].hosts);
        if (hosts && *hosts)
            return &systems[i];
    }
    return NULL;
}

bool rt__allocation_is_slurm(void)
{
    const batch_system *b = find_system();
    return b && b->read == rt__slurm_hosts;
}

const char *rt__allocation_advice(int64_t slots, char text[128])
{
    const batch_system *b = find_system();
    snprintf(text, 128, b ? b->more : "%" PRId64 " slots", slots);
    return text;
}

void rt__allocation_leave_out(const char *names, rt_text *text)
{
    if (rt__allocation_is_slurm())
        rt_text_add(text, "ask for a job without %s: sbatch --exclude=%s",
                    strchr(names, ',') ? "them" : "it", names);
    else
        rt_text_add(text, "name the other hosts in a file for --hostfile");
}

/* Reads the list, of which *there is false if it is in a file that cannot be read. */
static rt_status read_list(const batch_system *b, bool *there, rt__host_list *out)
{
    const char *value = getenv(b->hosts);
    rt_bytes text = {0};
    *there = !b->file || rt_input_read(value, RT_INPUT_FILE, LIST_BYTES, &text) == RT_OK;
    if (!*there) {
        rt_text_print(stderr, "ringtorch: %s: %s: ignored, and the run uses this host only\n",
                      b->hosts, rt_error());
        rt_error_clear();
        return RT_OK;
    }
    rt_status status = b->read(b->file ? (const char *)text.data : value, out);
    rt_bytes_release(&text);
    return status == RT_OK ? RT_OK : rt_error_prefix("%s '%.80s'", b->hosts, value);
}

/* This host alone needs no list. Only if the user has asked for tasks does their number say how many workers there shall be. */
static void settle(const batch_system *b, rt__host_list *h)
{
    const char *job = getenv(b->job);
    char from[RT__HOSTS_FROM];
    int64_t tasks = 0;
    snprintf(from, sizeof from, "%s's allocation%s%.80s%s", b->name, job && *job ? " (job " : "",
             job ? job : "", job && *job ? ")" : "");
    for (int64_t i = 0; i < h->count; i++)
        tasks += h->slots[i];
    if (rt__host_list_all_local(h)) {
        if (b->read == rt__slurm_hosts && !asked_for_tasks())
            tasks = 0;
        rt__host_list_release(h);
    }
    h->tasks = tasks;
    memcpy(h->from, from, sizeof from);
}

rt_status rt__allocation_find(int64_t threads, rt__host_list *out)
{
    const batch_system *b = find_system();
    bool there = false;
    *out = (rt__host_list){0};
    rt_status status = b ? read_list(b, &there, out) : RT_OK;
    if (status == RT_OK && there && b->read == rt__slurm_hosts)
        status = count_slots(out, threads);
    if (status == RT_OK && there && b->read == rt__slurm_hosts)
        status = name_this_node(out);
    if (status != RT_OK)
        rt__host_list_release(out);
    else if (out->count > 0)
        settle(b, out);
    return status;
}
