#include "tests/sim/mail.h"

#include "common/base/error.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/memory.h"
#include "tests/sim/world.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LATENCY = 150,                          /* microseconds, one way, without faults */
    RECONNECT_MOST = 100 * SIM_MILLISECOND, /* between ZeroMQ's attempts */
    HEARTBEAT_LOST = 5 * SIM_SECOND,        /* until a silent peer counts as lost */
    HEARTBEAT_MORE = 1 * SIM_SECOND,
    UNCONFIRMED_MAX = 1024, /* as the wire's */
};

static sim_line *line_of(sim_world *w, sim_pid who)
{
    if (who.rank == SIM_LAUNCHER)
        return &w->launcher.line;
    if (who.rank == SIM_TOOL)
        return &w->launcher.tool_line;
    if (who.rank < 0 || who.generation >= w->jobs || !w->job[who.generation])
        return NULL;
    return &w->job[who.generation]->rank[who.rank].line;
}

/* ---- names ---- */

static char *put_number(char *at, int64_t n)
{
    char digits[24];
    int count = 0;
    do
        digits[count++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* Writes "worker 3#7": as the wire does, with the generation in place of the random part. */
void sim_mail_address(sim_pid who, char address[64])
{
    if (who.rank < 0) {
        snprintf(address, 64, who.rank == SIM_LAUNCHER ? "launcher#0" : "tool#0");
        return;
    }
    memcpy(address, "worker ", 7);
    char *end = put_number(address + 7, who.rank);
    *end++ = '#';
    *put_number(end, who.generation) = '\0';
}

static bool parse_address(const char *address, sim_pid *who)
{
    *who = (sim_pid){0, address[0] == 'l' ? SIM_LAUNCHER : SIM_TOOL};
    if (strncmp(address, "worker ", 7) != 0)
        return address[0] != '\0';
    char *end;
    who->rank = (int32_t)strtol(address + 7, &end, 10);
    who->generation = (int32_t)strtol(end + 1, NULL, 10);
    return true;
}

/* ---- pipes ---- */

static struct sim_posted *posted(const sim_pipe *p, int64_t number)
{
    return &p->ring[number % p->room];
}

static void drop_first(sim_pipe *p)
{
    sim_letter_drop(posted(p, p->first++)->letter);
}

static void empty(sim_pipe *p)
{
    while (p->first < p->sent)
        drop_first(p);
    p->delivered = p->first;
}

/* A letter's place in the ring depends on its size, so growing it moves every letter to a new place. */
static void make_room(sim_pipe *p)
{
    sim_pipe larger = *p;
    larger.ring = NULL;
    larger.ring = sim_grow(larger.ring, &larger.room, sizeof *larger.ring);
    for (int64_t n = p->first; n < p->sent; n++)
        *posted(&larger, n) = *posted(p, n);
    sim_free(p->ring);
    *p = larger;
}

static void post(sim_pipe *p, sim_letter *l, sim_time at)
{
    if (p->sent - p->first == p->room)
        make_room(p);
    *posted(p, p->sent++) = (struct sim_posted){l, at};
}

/* Drops letters whose confirmation has reached the sender. */
static void confirm(sim_pipe *p, sim_time now)
{
    while (p->first < p->delivered && posted(p, p->first)->at <= now)
        drop_first(p);
}

/* Returns how long a message takes. TCP hides losses, so they show as pauses. */
static sim_time transit(sim_world *w)
{
    sim_time t = LATENCY + sim_below(&w->dice, 2 * LATENCY);
    if (w->now < w->slow_network_until)
        t += sim_around(&w->dice, 400 * SIM_MILLISECOND);
    return t;
}

/* Returns the time until which nothing passes between a process and the coordinator; 0: the line is open. */
static sim_time cut_until(const sim_world *w, const sim_process *p)
{
    const sim_host *a = &w->host[p->host], *b = &w->host[w->coordinator.host];
    return a->side == b->side ? 0 : a->cut_until > b->cut_until ? a->cut_until : b->cut_until;
}

/* ---- delivery ---- */

static void deliver_up(sim_world *w, sim_pid who, int64_t arg);

static bool connected(const sim_world *w, const sim_line *l)
{
    return w->coordinator.alive && l->with == w->coordinator.life;
}

static void wake(sim_world *w, sim_pipe *p, sim_pid who, sim_action *what, sim_time at)
{
    p->awake = true;
    sim_at(w, at > w->now ? at : w->now, who, what, 0);
}

/* A letter reaches the coordinator. The network does that, even if the sender is stopped. */
static void deliver_up(sim_world *w, sim_pid who, int64_t arg)
{
    (void)who;
    sim_pid from = sim_unpack(arg);
    sim_line *l = line_of(w, from);
    if (!l)
        return;
    sim_pipe *p = &l->up;
    p->awake = false;
    if (!connected(w, l) || p->delivered == p->sent)
        return;
    struct sim_posted *next = posted(p, p->delivered);
    sim_time open = cut_until(w, sim_process_of(w, from)), ready = w->coordinator.frozen_until;
    sim_time at = open > ready ? open : ready;
    at = at > next->at ? at : next->at;
    if (at > w->now) {
        p->awake = true;
        sim_at(w, at, sim_pid_of(SIM_NATURE), deliver_up, arg);
        return;
    }
    sim_letter *letter = sim_letter_keep(next->letter);
    sim_time confirmed = w->now + transit(w);
    int64_t number = p->delivered++;
    next->at = SIM_NEVER; /* until it has been handled */
    if (p->delivered < p->sent) {
        p->awake = true;
        next = posted(p, p->delivered);
        sim_at(w, next->at > w->now ? next->at : w->now, sim_pid_of(SIM_NATURE), deliver_up, arg);
    }
    l->heard = true;
    sim_coordinator_receives(w, from, letter);
    sim_letter_drop(letter);
    l = line_of(w, from);
    if (l && connected(w, l) && number >= l->up.first && number < l->up.delivered)
        posted(&l->up, number)->at = confirmed;
}

static void start_up(sim_world *w, sim_pid who, sim_pipe *p)
{
    if (p->awake || p->delivered == p->sent)
        return;
    p->awake = true;
    sim_time at = posted(p, p->delivered)->at;
    sim_at(w, at > w->now ? at : w->now, sim_pid_of(SIM_NATURE), deliver_up, sim_pack(who));
}

/* A letter reaches a process, which handles it, so it must be alive and not stopped. */
static void deliver_down(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_line *l = line_of(w, who);
    sim_pipe *p = &l->down;
    p->awake = false;
    if (p->first == p->sent)
        return;
    struct sim_posted *next = posted(p, p->first);
    sim_time open = cut_until(w, sim_process_of(w, who));
    sim_time at = open > next->at ? open : next->at;
    if (at > w->now) {
        wake(w, p, who, deliver_down, at);
        return;
    }
    sim_letter *letter = sim_letter_keep(next->letter);
    drop_first(p);
    p->delivered = p->first;
    if (p->first < p->sent)
        wake(w, p, who, deliver_down, posted(p, p->first)->at);
    if (who.rank >= 0)
        sim_rank_receives(w, who, letter);
    else
        sim_launcher_receives(w, who, letter);
    sim_letter_drop(letter);
}

/* ---- sending ---- */

/* A message that cannot be encoded is not sent; its sender only logs that. */
static sim_letter *write_letter(sim_world *w, rt_msg_type type, const void *body,
                                int64_t generation)
{
    sim_letter *l = sim_letter_write(type, body, generation);
    if (!l) {
        sim_violate(w, "a message that cannot be sent: %s", rt_error());
        rt_error_clear();
    }
    return l;
}

bool sim_mail_send(sim_world *w, sim_pid who, rt_msg_type type, const void *body)
{
    sim_line *l = line_of(w, who);
    confirm(&l->up, w->now);
    if (l->up.sent - l->up.first >= UNCONFIRMED_MAX)
        return false;
    sim_letter *letter = write_letter(w, type, body, who.generation);
    if (!letter)
        return true;
    post(&l->up, letter, w->now + transit(w));
    if (connected(w, l))
        start_up(w, who, &l->up);
    return true;
}

int64_t sim_mail_unconfirmed(sim_world *w, sim_pid who)
{
    sim_pipe *up = &line_of(w, who)->up;
    confirm(up, w->now);
    return up->sent - up->first;
}

/* Every rank receives the same PLAN, so one copy is enough. */
static sim_letter *write_once(sim_world *w, int64_t generation, rt_msg_type type, const void *body)
{
    if (type != RT_MSG_PLAN)
        return write_letter(w, type, body, generation);
    const rt_msg_plan *a = body;
    struct sim_plan_copy *c = &w->plan_copy;
    if (c->letter && c->event == w->happened && memcmp(&c->body, a, sizeof *a) == 0)
        return sim_letter_keep(c->letter);
    sim_letter *l = write_letter(w, type, body, generation);
    sim_letter_drop(c->letter);
    *c = (struct sim_plan_copy){
        .letter = l ? sim_letter_keep(l) : NULL, .event = w->happened, .body = *a};
    return l;
}

bool sim_mail_answer(sim_world *w, const char *peer, int64_t generation, rt_msg_type type,
                     const void *body)
{
    sim_pid who;
    sim_line *l = parse_address(peer, &who) ? line_of(w, who) : NULL;
    if (!l || !connected(w, l) || !l->heard)
        return false;
    sim_process *process = sim_process_of(w, who);
    if (!process->alive)
        return true; /* nobody has noticed yet */
    sim_letter *letter = write_once(w, generation, type, body);
    if (!letter)
        return false;
    sim_rules_sent(w, who, &l->down, letter);
    post(&l->down, letter, w->now + transit(w));
    if (!l->down.awake)
        wake(w, &l->down, who, deliver_down, posted(&l->down, l->down.first)->at);
    return true;
}

/* ---- connections ---- */

/* Returns the time from which messages can pass between a process and the coordinator that its line is connected to. */
static sim_time open_from(sim_world *w, sim_pid who)
{
    if (!connected(w, line_of(w, who)))
        return SIM_NEVER;
    sim_time cut = cut_until(w, sim_process_of(w, who)), stopped = w->coordinator.frozen_until;
    return cut > stopped ? cut : stopped;
}

static void notice_up(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_time from = open_from(w, who);
    if (from <= w->now)
        sim_link_feed(w, who, RT__LINK_UP);
    else if (from < SIM_NEVER)
        sim_at(w, from, who, notice_up, 0);
}

static void notice_down(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    if (open_from(w, who) > w->now)
        sim_link_feed(w, who, RT__LINK_DOWN);
}

static void each_rank(sim_world *w, int host, sim_time least, sim_time more, sim_action *what)
{
    for (int64_t g = 0; g < w->jobs; g++)
        for (int64_t k = 0; w->job[g] && k < w->job[g]->world; k++) {
            const sim_process *p = &w->job[g]->rank[k].process;
            if (p->alive && (host < 0 || p->host == host))
                sim_after(w, least + sim_below(&w->dice, more), (sim_pid){(int32_t)g, (int32_t)k},
                          what, 0);
        }
}

void sim_mail_cut(sim_world *w, int host)
{
    each_rank(w, host, HEARTBEAT_LOST, HEARTBEAT_MORE, notice_down);
}

void sim_mail_healed(sim_world *w, int host)
{
    each_rank(w, host, 0, RECONNECT_MOST, notice_up);
}

void sim_mail_coordinator_stopped(sim_world *w)
{
    each_rank(w, -1, HEARTBEAT_LOST, HEARTBEAT_MORE, notice_down);
    each_rank(w, -1, w->coordinator.frozen_until - w->now, RECONNECT_MOST, notice_up);
}

/* ---- deaths and reconnections ---- */

void sim_mail_open(sim_world *w, sim_pid who)
{
    sim_line *l = line_of(w, who);
    empty(&l->up);
    empty(&l->down);
    l->down.awake = false;
    l->heard = false;
    l->with = w->coordinator.alive ? w->coordinator.life : 0;
    if (who.rank >= 0)
        sim_after(w, sim_below(&w->dice, RECONNECT_MOST), who, notice_up, 0);
}

void sim_mail_release(sim_line *l)
{
    empty(&l->up);
    empty(&l->down);
    sim_free(l->up.ring);
    sim_free(l->down.ring);
    *l = (sim_line){0};
}

/* Takes back some of the last messages: they were still in the sender when it died. */
static void lose_tail(sim_world *w, sim_pipe *p)
{
    int64_t under_way = p->sent - p->delivered;
    for (int64_t lost = under_way > 0 ? sim_below(&w->dice, under_way + 1) : 0; lost > 0; lost--)
        sim_letter_drop(posted(p, --p->sent)->letter);
}

void sim_mail_sender_died(sim_world *w, sim_pid who)
{
    sim_line *l = line_of(w, who);
    lose_tail(w, &l->up);
    empty(&l->down);
    l->down.awake = false;
}

static void each_line(sim_world *w, void (*f)(sim_world *w, sim_pid who, sim_line *l))
{
    f(w, sim_pid_of(SIM_LAUNCHER), &w->launcher.line);
    f(w, sim_pid_of(SIM_TOOL), &w->launcher.tool_line);
    for (int64_t g = 0; g < w->jobs; g++)
        for (int64_t k = 0; w->job[g] && k < w->job[g]->world; k++)
            f(w, (sim_pid){(int32_t)g, (int32_t)k}, &w->job[g]->rank[k].line);
}

static void other_end_died(sim_world *w, sim_pid who, sim_line *l)
{
    l->heard = false;
    confirm(&l->up, w->now);
    lose_tail(w, &l->down);
    if (who.rank >= 0 && cut_until(w, sim_process_of(w, who)) <= w->now)
        sim_after(w, sim_below(&w->dice, 5 * SIM_MILLISECOND), who, notice_down, 0);
}

void sim_mail_coordinator_died(sim_world *w)
{
    each_line(w, other_end_died);
}

/* Is a message of this type among the first `sent`? */
static bool was_sent(const sim_pipe *p, int64_t sent, rt_msg_type type)
{
    for (int64_t n = p->first; n < sent; n++)
        if (posted(p, n)->letter->type == type)
            return true;
    return false;
}

/* Begins a new conversation: first the messages that the process must always send, then the unconfirmed ones, except those just sent. */
static void reconnected(sim_world *w, sim_pid who, int64_t life)
{
    sim_line *l = line_of(w, who);
    if (!w->coordinator.alive || w->coordinator.life != (uint32_t)life || connected(w, l))
        return;
    sim_pipe before = l->up;
    l->up = (sim_pipe){0};
    empty(&l->down);
    l->with = w->coordinator.life;
    if (who.rank >= 0) {
        sim_link_feed(w, who, RT__LINK_UP);
        sim_link_feed(w, who, RT__LINK_RESET);
    } else {
        sim_launcher_reconnected(w, who);
    }
    int64_t said = l->up.sent;
    for (int64_t n = before.first; n < before.sent; n++) {
        sim_letter *letter = posted(&before, n)->letter;
        if (was_sent(&l->up, said, letter->type))
            sim_letter_drop(letter);
        else
            post(&l->up, letter, w->now + transit(w));
    }
    sim_free(before.ring);
    start_up(w, who, &l->up);
}

static void will_reconnect(sim_world *w, sim_pid who, sim_line *l)
{
    (void)l;
    const sim_process *p = sim_process_of(w, who);
    if (!p->alive)
        return;
    sim_time open = cut_until(w, p), at = w->now + sim_below(&w->dice, RECONNECT_MOST);
    sim_at(w, open > at ? open : at, who, reconnected, w->coordinator.life);
}

void sim_mail_coordinator_listens(sim_world *w)
{
    each_line(w, will_reconnect);
}

/* A process that sends a message after this is told to reconnect. */
void sim_mail_forget(sim_world *w, int64_t generation)
{
    sim_job *j = generation < w->jobs ? w->job[generation] : NULL;
    for (int64_t k = 0; j && k < j->world; k++) {
        sim_pid who = {(int32_t)generation, (int32_t)k};
        sim_line *l = &j->rank[k].line;
        if (!connected(w, l))
            continue;
        l->with = 0;
        l->heard = false;
        will_reconnect(w, who, l);
    }
}
