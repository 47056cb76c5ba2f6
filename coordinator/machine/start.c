#include "coordinator/machine/start.h"
#include "common/base/mem.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <stdio.h>

void rt__run_on_alive(rt__run *r, double now, const rt__input *in)
{
    (void)now;
    r->ranks_started = in->frame->body.alive.ranks_started;
    r->ranks_expected = in->frame->body.alive.ranks_expected;
}

static void look_for_checkpoint(rt__run *r, bool again)
{
    rt__source_release(&r->fallback);
    const rt__history *h = &r->history;
    int64_t most = INT64_MAX;
    if (h->doubts.count > 0) { /* checkpoints that were committed after the doubt are good, too */
        int64_t good = rt__doubts_last(&h->doubts).step;
        most = h->committed_step > good ? h->committed_step : good;
        most = h->committing_step > most ? h->committing_step : most;
    }
    r->lookup.number++;
    if (r->lookup.most != most || r->lookup.outdated)
        r->lookup.good_from = r->lookup.number;
    r->lookup.most = most;
    r->lookup.outdated = false;
    r->facts.effects->recover(r->facts.effects->ctx, again, most, r->lookup.number);
}

void rt__run_recover(rt__run *r, double now, bool again)
{
    rt__run_enter(r, now, RT__RECOVER);
    look_for_checkpoint(r, again);
}

/* Takes over what the journal says about a generation whose ranks have all finished; some may have left already. */
static void adopt_completed_generation(rt__run *r)
{
    const rt__completion *o = &r->history.completion;
    r->newest_step = o->step;
    r->end_step = o->end_step;
    r->roster.samples = o->samples;
    r->loss = o->loss;
    snprintf(r->weights_sha256, sizeof r->weights_sha256, "%s", o->weights_sha256);
    for (int64_t k = 0; k < r->roster.world; k++)
        r->roster.member[k].finished = true;
    r->roster.finished = r->roster.world;
}

void rt__run_adopt(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    if (rt__roster_reset(&r->roster, r->history.world) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    rt__run_enter(r, now, RT__ADOPT);
    r->job = RT__JOB_ALIVE;
    r->disk_unseen = true;
    r->facts.effects->generation(r->facts.effects->ctx, r->generation);
    if (rt__run_completion_recorded(r))
        adopt_completed_generation(r);
}

/* Gathers the adopted generation: its workers will send HELLO again, or already have. */
static void rejoin(rt__run *r, double now)
{
    if (rt__run_has_job(r) && r->launchers_job != r->generation)
        r->job = RT__JOB_UNKNOWN;
    r->joined_at = now;
    RT__RECORD(r, now, coordinator_restarted, .world_size = r->history.world,
               .planned = r->history.planned);
    rt__run_enter(r, now, RT__REJOIN);
    look_for_checkpoint(r, true);
}

/* With a host file or an allocation, no generation may be started before the list of hosts has arrived. */
static bool waits_for_hosts(const rt__run *r)
{
    return rt__run_has_hosts(r) && !r->hosts_known;
}

void rt__run_begin_if_ready(rt__run *r, double now)
{
    if (!rt__run_in(r, RT__IN(BOOT) | RT__IN(ADOPT)) || r->launcher[0] == '\0' ||
        waits_for_hosts(r))
        return;
    if (r->phase == RT__ADOPT)
        rejoin(r, now);
    else
        rt__run_recover(r, now, r->facts.takes_over && r->history.generation > 0);
}

void rt__run_on_launcher(rt__run *r, double now, const rt__input *in)
{
    const rt_frame *f = in->frame;
    if (r->launcher[0])
        return; /* sent again after a broken connection */
    snprintf(r->launcher, sizeof r->launcher, "%s", f->peer);
    snprintf(r->hosts.here, sizeof r->hosts.here, "%s", f->body.launcher.host);
    snprintf(r->starts_once, sizeof r->starts_once, "%s", f->body.launcher.starts_once);
    r->launchers_job = f->body.launcher.job_generation;
    r->hosts_listed = f->body.launcher.listed;
    rt__run_begin_if_ready(r, now);
}

/* Asks the launcher to start the job. May be repeated: the launcher starts no generation twice. */
static void send_start(rt__run *r, double now)
{
    rt_msg_start_generation m = {.job_generation = r->generation, .world = r->roster.world};
    const char **names = rt_calloc((size_t)r->hosts.count + 1, sizeof *names);
    int64_t *slots = rt_calloc((size_t)r->hosts.count + 1, sizeof *slots);
    if (!names || !slots) {
        rt__run_fail_with_error(r, now);
    } else {
        for (int64_t i = 0; i < r->hosts.count; i++)
            if (r->hosts.host[i].used > 0) {
                names[m.hosts_count++] = r->hosts.host[i].name;
                slots[m.slots_count++] = r->hosts.host[i].used;
            }
        m.hosts = names;
        m.slots = slots;
        rt__run_send(r, r->launcher, RT_MSG_START_GENERATION, &m);
    }
    rt_mem_free(names);
    rt_mem_free(slots);
}

/* Returns the names of the hosts in use, for records. */
static json_t *hosts_in_use(const rt__run *r)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < r->hosts.count; i++)
        if (r->hosts.host[i].used > 0)
            json_array_append_new(list, rt__record_text(r->hosts.host[i].name));
    return list;
}

static bool open_generation(rt__run *r, int64_t world)
{
    json_t *hosts = hosts_in_use(r);
    r->generation = r->history.generation + 1;
    rt_status status = RT__DECIDE(
        r, generation, .generation = r->generation, .world = world, .restart = r->recovery.on,
        .hosts = hosts, .trained_seconds = r->history.trained_seconds + r->generation_seconds,
        .trained_steps = r->history.trained_steps + r->generation_steps);
    json_decref(hosts);
    return status == RT_OK;
}

static void start_generation(rt__run *r, double now)
{
    int64_t world = rt__hosts_allot(&r->hosts, rt__run_wanted_workers(r), now);
    if (world < 1) { /* the last host was set aside while we looked for a checkpoint */
        rt__run_enter(r, now, RT__BACKOFF);
        return;
    }
    if (!open_generation(r, world)) {
        rt__run_fail_with_error(r, now);
        return;
    }
    r->generations_here++;
    r->generation_seconds = 0;
    r->generation_steps = 0;
    r->committed_step = r->fallback.path ? r->fallback.step : -1;
    r->cause = (rt__cause){.rank = -1};
    r->disk_unseen = false;
    r->ranks_started = r->ranks_expected = 0;
    r->not_finite.pending = false;
    r->unsaved_step = -1;
    rt__offers_release(&r->offers);
    rt__sums_clear(&r->sums);
    r->mismatch.step = -1;
    r->facts.effects->generation(r->facts.effects->ctx, r->generation);
    if (rt__roster_reset(&r->roster, world) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    rt__run_enter(r, now, RT__GATHER);
    r->job = RT__JOB_ALIVE;
    r->joined_at = now;
    send_start(r, now);
    json_t *hosts = hosts_in_use(r);
    RT__RECORD(r, now, generation, .world_size = world, .hosts = hosts, .restart = r->recovery.on);
    json_decref(hosts);
}

void rt__run_record_exit(rt__run *r)
{
    /* If this record cannot be written, a successor learns it from the launcher. */
    RT__NOTE(r, exited, .generation = r->generation);
}

bool rt__run_set_fallback(rt__run *r, double now, const rt__event *e)
{
    if (e->status != RT_OK) {
        rt__run_fail(r, now, rt_status_exit_code(e->status), "%s", e->text);
        return false;
    }
    rt__source_release(&r->fallback);
    r->fallback = *e->source;
    *e->source = (rt__source){0};
    return true;
}

void rt__run_on_recovered(rt__run *r, double now, const rt__input *in)
{
    if (!rt__run_set_fallback(r, now, in->event))
        return;
    if (r->fallback.exact && RT__DECIDE(r, doubt, .generation = r->history.generation,
                                        .step = r->fallback.step) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    start_generation(r, now);
}

void rt__run_on_unverified(rt__run *r, double now, const rt__input *in)
{
    RT__RECORD(r, now, checkpoint_unusable, .reason = in->event->text);
}

/* Our predecessor journaled a generation and died before the launcher received START_GENERATION. */
void rt__run_on_unknown_job(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    int64_t places = r->hosts.count > 0 ? 0 : r->roster.world;
    for (int64_t i = 0; i < r->hosts.count; i++)
        places += r->hosts.host[i].used;
    if (places >= r->roster.world) {
        r->job = RT__JOB_ALIVE;
        send_start(r, now);
        return;
    }
    r->job = RT__JOB_NONE; /* its hosts have gone from the list: start another generation */
    rt__run_record_exit(r);
    rt__run_recover(r, now, true);
}

void rt__run_try_start_next(rt__run *r, double now)
{
    if (now >= r->not_before && !waits_for_hosts(r) && rt__hosts_room(&r->hosts, now) > 0)
        rt__run_recover(r, now, true);
}

void rt__run_on_backoff_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    rt__run_try_start_next(r, now);
}
