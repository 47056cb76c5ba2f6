#include "tests/sim/launcher.h"

#include "tests/sim/coordinator.h"
#include "tests/sim/world.h"
#include <inttypes.h>
#include <string.h>

enum {
    EXEC_MOST = 80 * SIM_MILLISECOND,   /* to start a coordinator */
    NOTICE_MOST = 20 * SIM_MILLISECOND, /* to notice that a child has ended */
    LAST_WORDS = 500 * SIM_MILLISECOND, /* for the last messages of a coordinator that has left */
    ALIVE_EVERY = SIM_SECOND,
    STUCK_AFTER = 5 * SIM_SECOND, /* without a confirmation, the coordinator is killed */
    USER_MOST = 20 * SIM_SECOND,  /* until the command is typed again */
};

static void note_job(sim_world *w)
{
    sim_mail_send(w, sim_pid_of(SIM_LAUNCHER), RT_MSG_LAUNCHER,
                  &(rt_msg_launcher){.pid = 999,
                                     .host = w->host[0].name,
                                     .job_generation = w->launcher.generation,
                                     .starts_once = ""});
}

static void say_hosts(sim_world *w)
{
    const char *name[SIM_HOSTS_MOST];
    int64_t slots[SIM_HOSTS_MOST], n = 0;
    for (int64_t i = 0; i < w->s->hosts; i++) {
        if (!w->host[i].listed)
            continue;
        name[n] = w->host[i].name;
        slots[n++] = w->host[i].slots;
    }
    if (w->s->hosts == 1)
        n = 0; /* only the launcher's own */
    sim_mail_send(
        w, sim_pid_of(SIM_LAUNCHER), RT_MSG_HOSTS,
        &(rt_msg_hosts){.hosts = name, .hosts_count = n, .slots = slots, .slots_count = n});
}

/* ---- the coordinator, its child ---- */

static void start_coordinator(sim_world *w, sim_pid who, int64_t again)
{
    (void)who;
    if (!w->launcher.ended)
        sim_coordinator_start(w, again);
}

void sim_launcher_coordinator_gone(sim_world *w)
{
    sim_launcher *l = &w->launcher;
    sim_rules_sums_lost(w, l->generation);
    l->tool.alive = false; /* it reports that the coordinator is gone */
    if (l->process.alive && !l->ended)
        sim_after(w, sim_below(&w->dice, NOTICE_MOST + EXEC_MOST), sim_pid_of(SIM_LAUNCHER),
                  start_coordinator, true);
}

static void end_if_over(sim_world *w);

void sim_launcher_coordinator_refused(sim_world *w, const char *why)
{
    sim_launcher *l = &w->launcher;
    sim_note_text(w, why, "launcher: the coordinator ends at once, %lld:", 1);
    snprintf(w->rules.failure, sizeof w->rules.failure, "%s", why);
    l->ended = true;
    l->exit_code = 1;
    sim_job_end(w, l->generation);
    end_if_over(w);
}

static void look_for_last_words(sim_world *w, sim_pid who, int64_t arg)
{
    (void)who;
    (void)arg;
    if (!w->coordinator.alive)
        sim_launcher_coordinator_gone(w);
}

void sim_launcher_coordinator_left(sim_world *w)
{
    sim_after(w, LAST_WORDS, sim_pid_of(SIM_LAUNCHER), look_for_last_words, 0);
}

/* Sends a message once a second that the coordinator only has to confirm: if it does not, it is stuck. */
static void send_alive(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    const sim_pipe *up = &w->launcher.line.up;
    if (w->coordinator.alive && w->launcher.line.with == w->coordinator.life &&
        up->first < up->sent && w->now - up->ring[up->first % up->room].at > STUCK_AFTER) {
        sim_note(w, "launcher: the coordinator is stuck for %lld s, kills it",
                 STUCK_AFTER / SIM_SECOND);
        sim_coordinator_die(w);
    } else if (w->coordinator.alive) {
        sim_mail_send(
            w, who, RT_MSG_ALIVE,
            &(rt_msg_alive){.seconds = (double)(w->now - w->launcher.started) / SIM_SECOND});
    }
    if (!w->launcher.ended)
        sim_after(w, ALIVE_EVERY, who, send_alive, 0);
}

/* ---- the user ---- */

static void type_command(sim_world *w, sim_pid who, int64_t arg)
{
    (void)who;
    (void)arg;
    sim_launcher_start(w);
}

static void will_resume(sim_world *w)
{
    sim_after(w, SIM_SECOND + sim_below(&w->dice, USER_MOST), sim_pid_of(SIM_NATURE), type_command,
              0);
}

void sim_launcher_start(sim_world *w)
{
    sim_launcher *l = &w->launcher;
    sim_process_start(&l->process, 0);
    l->started = w->now;
    l->starts++;
    l->generation = 0;
    sim_letter_drop(l->exited);
    l->exited = NULL;
    l->interrupted = l->ended = false;
    sim_note(w, "launcher: started, %lld. time", l->starts);
    sim_rules_run_begins(w);
    sim_mail_open(w, sim_pid_of(SIM_LAUNCHER));
    l->line.with = 0; /* connects as soon as the coordinator has reported where it listens */
    sim_after(w, sim_below(&w->dice, EXEC_MOST), sim_pid_of(SIM_LAUNCHER), start_coordinator,
              false);
    sim_after(w, ALIVE_EVERY, sim_pid_of(SIM_LAUNCHER), send_alive, 0);
}

static void say_interrupt(sim_world *w)
{
    sim_mail_send(w, sim_pid_of(SIM_LAUNCHER), RT_MSG_INTERRUPT,
                  &(rt_msg_interrupt){.signal = w->launcher.interrupt_signal, .reason = "signal"});
}

void sim_launcher_interrupt(sim_world *w, int signal)
{
    sim_launcher *l = &w->launcher;
    if (l->interrupted || l->ended)
        return;
    l->interrupted = true;
    l->interrupt_signal = signal;
    say_interrupt(w);
}

/* ---- jobs ---- */

static int host_of_name(const sim_world *w, const char *name)
{
    for (int64_t i = 0; i < w->s->hosts; i++)
        if (strcmp(w->host[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Sabotage: the job is not gone at all. */
static void lie_about_job(sim_world *w, sim_pid who, int64_t generation)
{
    (void)who;
    sim_launcher_job_gone(
        w, generation, &(rt_msg_exited){.job_generation = generation, .exit_code = 1, .rank = -1});
}

static void start_job(sim_world *w, const rt_msg_start_generation *m)
{
    sim_launcher *l = &w->launcher;
    int host[SIM_HOSTS_MOST] = {0};
    int64_t all = m->world;
    if (m->job_generation <= l->newest) { /* from a coordinator that does not know of the job */
        if (l->exited && l->exited->body.exited.job_generation == m->job_generation)
            sim_mail_send(w, sim_pid_of(SIM_LAUNCHER), RT_MSG_EXITED, &l->exited->body.exited);
        return;
    }
    if (l->generation != 0) {
        sim_violate(w,
                    "START_GENERATION %" PRId64 " while the job of generation %" PRId64 " is alive",
                    m->job_generation, l->generation);
        return;
    }
    for (int64_t i = 0; i < m->hosts_count && i < SIM_HOSTS_MOST; i++)
        host[i] = host_of_name(w, m->hosts[i]);
    sim_note(w, "launcher: starts g%lld of %lld workers", m->job_generation, m->world);
    l->generation = l->newest = m->job_generation;
    if (w->sabotage == SIM_EARLY_EXIT)
        sim_after(w, 5 * SIM_SECOND, sim_pid_of(SIM_LAUNCHER), lie_about_job, m->job_generation);
    if (m->hosts_count > 0)
        sim_job_start(w, m->job_generation, m->world, host, m->slots, m->hosts_count);
    else
        sim_job_start(w, m->job_generation, m->world, host, &all, 1);
}

/* Ends the command once the run has ended and no job is left. */
static void end_if_over(sim_world *w)
{
    sim_launcher *l = &w->launcher;
    if (!l->ended || l->generation != 0)
        return;
    l->process.alive = l->tool.alive = false;
    sim_note(w, "launcher: ends with exit code %lld", l->exit_code);
    if (sim_rules_run_ended(w, l->interrupted, l->exit_code))
        w->over = true;
    else
        will_resume(w);
}

void sim_launcher_job_gone(sim_world *w, int64_t generation, const rt_msg_exited *how)
{
    sim_launcher *l = &w->launcher;
    if (!l->process.alive || l->generation != generation)
        return;
    sim_note(w, "launcher: job of g%lld is gone: rank %lld, exit code %lld, signal %lld",
             generation, how->rank, how->exit_code, how->signal);
    sim_rules_sums_lost(w, generation);
    l->generation = 0;
    sim_letter_drop(l->exited);
    l->exited = sim_letter_write(RT_MSG_EXITED, how, 0);
    sim_mail_send(w, sim_pid_of(SIM_LAUNCHER), RT_MSG_EXITED, how);
    end_if_over(w);
}

/* ---- messages from the coordinator ---- */

static void run_ended(sim_world *w, const rt_msg_run_ended *m)
{
    sim_launcher *l = &w->launcher;
    l->ended = true;
    l->exit_code = m->exit_code;
    sim_note_text(w, m->message, "launcher: RUN_ENDED, exit code %lld", m->exit_code);
    sim_job_end(w, l->generation);
    end_if_over(w);
}

static void probed(sim_world *w, sim_pid who, int64_t host)
{
    const sim_host *h = &w->host[host];
    bool ok = h->side == 0 && h->down_until <= w->now;
    sim_mail_send(w, who, RT_MSG_PROBED, &(rt_msg_probed){.host = h->name, .ok = ok});
}

void sim_launcher_hosts_changed(sim_world *w)
{
    if (w->launcher.process.alive && !w->launcher.ended)
        say_hosts(w);
}

int64_t sim_launcher_room(const sim_world *w)
{
    int64_t room = 0;
    for (int64_t i = 0; i < w->s->hosts; i++)
        room += w->host[i].listed ? w->host[i].slots - w->host[i].left : 0;
    return room;
}

/* ---- tools ---- */

bool sim_tool_ask(sim_world *w, rt_msg_type type, const void *body, int64_t number)
{
    sim_launcher *l = &w->launcher;
    if (l->tool.alive || !w->coordinator.alive || !l->process.alive || l->ended)
        return false;
    sim_process_start(&l->tool, 0);
    l->asked = type;
    l->asked_number = number;
    l->asked_at = w->now;
    if (type == RT_MSG_SCALE)
        w->rules.target = 0; /* the previous request no longer counts */
    sim_mail_open(w, sim_pid_of(SIM_TOOL));
    sim_mail_send(w, sim_pid_of(SIM_TOOL), type, body);
    return true;
}

static void answered(sim_world *w, const sim_letter *answer)
{
    sim_note_text(w, rt_msg_name(answer->type), "tool: %lld is answered:", w->launcher.asked);
    w->launcher.tool.alive = false;
    sim_rules_answered(w, w->launcher.asked, w->launcher.asked_number, answer);
}

/* ---- receiving ---- */

void sim_launcher_receives(sim_world *w, sim_pid who, const sim_letter *l)
{
    if (who.rank == SIM_TOOL) {
        answered(w, l);
        return;
    }
    switch (l->type) {
    case RT_MSG_START_GENERATION:
        start_job(w, &l->body.start_generation);
        break;
    case RT_MSG_END_GENERATION:
        if (l->body.end_generation.job_generation == w->launcher.generation)
            sim_job_end(w, w->launcher.generation);
        break;
    case RT_MSG_RUN_ENDED:
        run_ended(w, &l->body.run_ended);
        break;
    case RT_MSG_PROBE:
        if (host_of_name(w, l->body.probe.host) >= 0)
            sim_after(w, SIM_SECOND, who, probed, host_of_name(w, l->body.probe.host));
        break;
    case RT_MSG_SHOW:
        break;
    default:
        sim_violate(w, "%s was sent to the launcher", rt_msg_name(l->type));
    }
}

void sim_launcher_reconnected(sim_world *w, sim_pid who)
{
    if (who.rank == SIM_TOOL) {
        return; /* a tool ends with the coordinator that it asked */
    }
    note_job(w);
    say_hosts(w);
    if (w->launcher.interrupted)
        say_interrupt(w);
    if (w->launcher.exited)
        sim_mail_send(w, who, RT_MSG_EXITED, &w->launcher.exited->body.exited);
}

/* ---- its end ---- */

void sim_launcher_die(sim_world *w)
{
    sim_launcher *l = &w->launcher;
    if (!l->process.alive || l->ended)
        return;
    l->process.alive = false;
    sim_mail_sender_died(w, sim_pid_of(SIM_LAUNCHER));
    if (w->coordinator.alive)
        sim_coordinator_die(w);
    l->tool.alive = false; /* also if the coordinator had just left by itself */
    sim_rules_sums_lost(w, l->generation);
    sim_job_orphaned(w, l->generation);
    l->generation = 0;
    will_resume(w);
}

void sim_launcher_release(sim_launcher *l)
{
    sim_mail_release(&l->line);
    sim_mail_release(&l->tool_line);
    sim_letter_drop(l->exited);
}
