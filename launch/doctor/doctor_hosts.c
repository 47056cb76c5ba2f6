#include "launch/doctor/doctor_hosts.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "launch/jobs/capture.h"
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double ANSWER_SECONDS = 6, SKEW_SECONDS = 1;
enum { AT_ONCE = 32 };

typedef struct asked {
    const rt__jobs *jobs;
    const char *host;
    int64_t slots;
    pthread_t thread;
    bool started, ok;
    double ahead, uncertain; /* seconds */
    char why[256];           /* not ok */
} asked;

static void fail(asked *a, const char *why)
{
    snprintf(a->why, sizeof a->why, "%s", why);
}

/* Reads the time from the last line that was printed; a greeting may come before it. */
static void take_time(asked *a, rt__captured *c, double before)
{
    char *end, *line = rt__last_line(c->out);
    double there = strtod(line, &end);
    if (end == line || *end != '\0' || there < 1e9) {
        fail(a, "its `date +%s.%N` printed no time");
        return;
    }
    a->ok = true;
    a->ahead = there - (before + c->seconds / 2);
    a->uncertain = c->seconds / 2;
}

static void *ask(void *arg)
{
    asked *a = arg;
    char text[RT__SHELL_TEXT], why[128];
    const char *argv[RT__SHELL_WORDS];
    rt__captured c;
    int n;
    if (rt__jobs_shell(a->jobs, text, argv, &n) != RT_OK) {
        fail(a, rt_error());
        rt_error_clear();
        return NULL;
    }
    argv[n++] = a->host;
    argv[n++] = "date +%s.%N";
    argv[n] = NULL;
    double before = rt_clock_wall();
    if (rt__capture(argv, NULL, ANSWER_SECONDS, &c) != RT_OK) {
        fail(a, rt_error());
        rt_error_clear();
        return NULL;
    }
    if (c.exit_code == 0) {
        take_time(a, &c, before);
    } else if (c.exit_code < 0) {
        snprintf(why, sizeof why, "no answer after %.0f s", ANSWER_SECONDS);
        fail(a, why);
    } else {
        fail(a, rt__last_line(c.err));
    }
    rt__captured_release(&c);
    return NULL;
}

/* Asks AT_ONCE hosts at a time, each from a thread that waits for its remote shell. */
static void ask_all(asked *list, int64_t n)
{
    for (int64_t from = 0; from < n; from += AT_ONCE) {
        int64_t to = from + AT_ONCE < n ? from + AT_ONCE : n;
        for (int64_t i = from; i < to; i++) {
            if (rt__host_is_local(list[i].host))
                list[i].ok = true;
            else if (pthread_create(&list[i].thread, NULL, ask, &list[i]) == 0)
                list[i].started = true;
            else
                fail(&list[i], "no thread could be started to ask it");
        }
        for (int64_t i = from; i < to; i++)
            if (list[i].started)
                pthread_join(list[i].thread, NULL);
    }
}

static void report_host(rt__doctor *d, const asked *a)
{
    bool skewed = fabs(a->ahead) - a->uncertain > SKEW_SECONDS;
    if (!a->ok)
        rt__doctor_report(d, RT__PROBLEM, "host",
                          "make this work without a password: ssh HOST true (or set "
                          "OMPI_MCA_plm_rsh_agent)",
                          "%s: %s", a->host, *a->why ? a->why : "cannot be asked");
    else if (!a->started)
        rt__doctor_report(d, RT__FINE, "host", NULL, "%s: this host", a->host);
    else
        rt__doctor_report(
            d, skewed ? RT__WARNING : RT__FINE, "host",
            skewed
                ? "set its clock (chrony, ntpd): otherwise logs of several hosts cannot be compared"
                : NULL,
            "%s: clock %+.3f s (within %.3f s)", a->host, a->ahead, a->uncertain);
}

/* Keeps the hosts that answer: rt__check_ranks measures between them. */
static rt_status keep_answering(rt__doctor *d, const asked *list, int64_t n)
{
    const char **name = rt_malloc((size_t)n * sizeof *name);
    int64_t *slots = rt_malloc((size_t)n * sizeof *slots), count = 0;
    rt_status status = name && slots ? RT_OK : rt_error_code();
    for (int64_t i = 0; i < n && status == RT_OK; i++)
        if (list[i].ok) {
            name[count] = list[i].host;
            slots[count++] = 1; /* one rank each */
        }
    if (status == RT_OK && count > 0)
        status = rt__host_list_copy(name, slots, count, &d->hosts);
    rt_mem_free(name);
    rt_mem_free(slots);
    return status;
}

static rt_status check(rt__doctor *d, const rt__host_list *h)
{
    asked *list = rt_calloc((size_t)h->count, sizeof *list);
    if (!list)
        return rt_error_code();
    for (int64_t i = 0; i < h->count; i++)
        list[i] = (asked){.jobs = &d->jobs, .host = h->name[i], .slots = h->slots[i]};
    ask_all(list, h->count);
    for (int64_t i = 0; i < h->count; i++)
        report_host(d, &list[i]);
    rt_status status = keep_answering(d, list, h->count);
    rt_mem_free(list);
    return status;
}

void rt__check_hosts(rt__doctor *d)
{
    rt__host_list h = {0};
    char text[RT__SHELL_TEXT];
    const char *word[RT__SHELL_WORDS];
    int words;
    if (!d->hostfile || !d->jobs.backend)
        return;
    if (rt__host_list_read(d->hostfile, &h) != RT_OK)
        rt__doctor_report_error(d, "host file", "each line must be NAME [slots=N]");
    else if (!rt__host_list_all_local(&h) && rt__jobs_shell(&d->jobs, text, word, &words) != RT_OK)
        rt__doctor_report_error(d, "host file", "workers on other hosts are started with it");
    else if (check(d, &h) != RT_OK)
        rt__doctor_report_error(d, "host file", "free some memory");
    rt__host_list_release(&h);
}
