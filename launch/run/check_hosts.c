#include "launch/run/check_hosts.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "launch/jobs/allocation.h"
#include <inttypes.h>
#include <stdio.h>

enum { SHOWN_MOST = 5, PLACE = RT__HOSTS_FROM + RT__HOST_NAME + 64 };

/* ---- lines ---- */

/* Writes the place that names the host, with which lines begin. */
static void write_place(const rt__hosts_wanted *w, const rt__asked_host *h, char place[PLACE])
{
    char number[32] = "";
    if (h->line > 0)
        snprintf(number, sizeof number, ":%" PRId64, h->line);
    snprintf(place, PLACE, "%s%s: host %s: ", w->hosts->from, number, h->name);
}

static void print_host(const rt__hosts_wanted *w, const rt__asked_host *h, const char *more)
{
    char place[PLACE];
    write_place(w, h, place);
    rt_text_print(stderr, "ringtorch: %s%s: %s%s\n", place, h->finding, h->advice, more);
}

/* Prints the hosts in this state, at most a few, and returns how many there are. */
static int64_t print_hosts(const rt__hosts_wanted *w, const rt__preflight *p, rt__host_state state,
                           const char *more)
{
    int64_t n = 0;
    for (int64_t i = 0; i < p->count; i++)
        if (p->host[i].state == state && ++n <= SHOWN_MOST)
            print_host(w, &p->host[i], more);
    if (n > SHOWN_MOST)
        rt_text_print(stderr, "ringtorch: %s: and %" PRId64 " more\n", w->hosts->from,
                      n - SHOWN_MOST);
    return n;
}

static void warn_about_clocks(const rt__hosts_wanted *w, const rt__preflight *p)
{
    int64_t n = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const rt__asked_host *h = &p->host[i];
        char place[PLACE], off[RT__CLOCK_TEXT];
        if (h->state != RT__HOST_FINE || !rt__asked_host_clock_is_off(h, off) || ++n > SHOWN_MOST)
            continue;
        write_place(w, h, place);
        rt_text_print(stderr, "ringtorch: %s%s: " RT__CLOCK_ADVICE "\n", place, off);
    }
}

/* ---- the judgement ---- */

static int64_t slots_of(const rt__preflight *p, bool only_fine)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < p->count; i++)
        if (!only_fine || p->host[i].state == RT__HOST_FINE)
            sum += p->host[i].slots;
    return sum;
}

static int64_t count_in(const rt__preflight *p, rt__host_state state)
{
    int64_t n = 0;
    for (int64_t i = 0; i < p->count; i++)
        n += p->host[i].state == state;
    return n;
}

/* Refuses the start. The user can take hosts out of a file, but not out of an allocation. */
static rt_status refuse_unfit(const rt__hosts_wanted *w, const rt__preflight *p, int64_t unfit)
{
    rt_text names = {0}, advice = {0};
    for (int64_t i = 0; i < p->count; i++)
        if (p->host[i].state == RT__HOST_UNFIT)
            rt_text_add(&names, "%s%s", names.len > 0 ? "," : "", p->host[i].name);
    if (w->hosts->tasks > 0 && names.data)
        rt__allocation_leave_out(names.data, &advice);
    else
        rt_text_add(&advice, "take %s out of the list", unfit == 1 ? "it" : "them");
    rt_status status = RT_FAIL(
        CONFIG, "%s: workers could not run on %" PRId64 " of its hosts: mend %s, or %s",
        w->hosts->from, unfit, unfit == 1 ? "that" : "these", advice.data ? advice.data : "");
    rt_mem_free(names.data);
    rt_mem_free(advice.data);
    return status;
}

static rt_status judge(const rt__hosts_wanted *w, const rt__preflight *p)
{
    int64_t unfit = print_hosts(w, p, RT__HOST_UNFIT, ""), away = count_in(p, RT__HOST_AWAY);
    int64_t wanted = w->cfg->parallel.workers, room = slots_of(p, true), all = slots_of(p, false);
    /* A list with fewer slots than workers is no mistake: it may grow during the run. */
    bool enough = away == 0 || room >= (w->resumes ? 1 : wanted < all ? wanted : all);
    if (away > 0)
        print_hosts(w, p, RT__HOST_AWAY,
                    enough && unfit == 0 ? "; going on without it until it is back" : "");
    if (unfit > 0)
        return refuse_unfit(w, p, unfit);
    if (!enough)
        return RT_FAIL(CONFIG,
                       "%s: without %s there is room for %" PRId64 " of %" PRId64
                       " workers: mend that%s",
                       w->hosts->from, away == 1 ? "this host" : "these hosts", room, wanted,
                       room > 0 ? ", or ask for fewer with -n" : "");
    warn_about_clocks(w, p);
    return RT_OK;
}

rt_status rt__check_hosts_of_run(const rt__hosts_wanted *w, rt__preflight *out)
{
    RT_TRY(rt__preflight_run(&(rt__preflight_spec){.jobs = w->jobs,
                                                   .hosts = w->hosts,
                                                   .source = w->hosts->from,
                                                   .bind = w->cfg->control.bind,
                                                   .port = w->cfg->control.port,
                                                   .run_dir = w->run_dir,
                                                   .worker = w->worker},
                             out));
    rt_status status = judge(w, out);
    if (status != RT_OK)
        rt__preflight_release(out);
    return status;
}
