#include "tests/sim/rank_link.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "tests/sim/world.h"

static sim_link *link_of(sim_world *w, sim_pid who)
{
    return &w->job[who.generation]->rank[who.rank].link;
}

static double seconds(sim_time t)
{
    return (double)t / SIM_SECOND;
}

/* ---- effects ---- */

static bool effect_send(void *ctx, rt_msg_type type, const void *body)
{
    const sim_link *l = ctx;
    return sim_mail_send(l->self.world, l->self.who, type, body);
}

static int64_t effect_unconfirmed(void *ctx)
{
    const sim_link *l = ctx;
    return sim_mail_unconfirmed(l->self.world, l->self.who);
}

static void effect_look(void *ctx, double now, rt_msg_progress *out)
{
    const sim_link *l = ctx;
    (void)now;
    sim_rank_look(l->self.world, l->self.who, out);
}

static void effect_forget(void *ctx, int64_t before)
{
    const sim_link *l = ctx;
    sim_rank_forget(l->self.world, l->self.who, before);
}

/* ---- events ---- */

static void tick(sim_world *w, sim_pid who, int64_t arg);

static void plan_tick(sim_world *w, sim_pid who)
{
    sim_link *l = link_of(w, who);
    sim_time next = (sim_time)(rt__link_next(&l->state, seconds(w->now)) * SIM_SECOND);
    next = next > w->now ? next : w->now + SIM_MILLISECOND; /* a thread cannot wake up sooner */
    if (l->tick_at > w->now && l->tick_at <= next)
        return;
    l->tick_at = next;
    sim_at(w, next, who, tick, next);
}

/* Gives the state machine an event, and the rank its result. */
static void step(sim_world *w, sim_pid who, const rt__link_event *e)
{
    sim_link *l = link_of(w, who);
    bool had_plan = l->state.has_plan;
    rt_status before = l->state.ended.code;
    rt__link_step(&l->state, seconds(w->now), e);
    plan_tick(w, who);
    if (l->state.has_plan && !had_plan)
        sim_rank_has_plan(w, who);
    if (l->state.quit)
        sim_job_rank_gone(w, who, 143, 0);
    else if (l->state.ended.code != before)
        sim_rank_must_leave(w, who, &l->state.ended);
}

static void tick(sim_world *w, sim_pid who, int64_t arg)
{
    if (link_of(w, who)->tick_at == arg)
        step(w, who, &(rt__link_event){.kind = RT__LINK_TICK});
}

void sim_link_feed(sim_world *w, sim_pid who, rt__link_kind kind)
{
    if (link_of(w, who)->open)
        step(w, who, &(rt__link_event){.kind = kind});
}

void sim_link_post(sim_world *w, sim_pid who, rt_msg_type type, const void *body)
{
    rt__note *n = rt__note_make(type, body);
    if (!n) {
        sim_violate(w, "a worker's message that cannot be sent: %s", rt_error());
        rt_error_clear();
        return;
    }
    step(w, who, &(rt__link_event){.kind = RT__LINK_POST, .note = n});
}

void sim_link_receives(sim_world *w, sim_pid who, sim_letter *letter)
{
    rt_frame f;
    sim_letter_read(letter, "coordinator", "coordinator", &f);
    if (letter->type == RT_MSG_PLAN) /* the machine takes it over, and reads only its hash */
        f.body.plan = (rt_msg_plan){.checkpoint = rt_strdup(""),
                                    .plan_hash = rt_strdup(letter->body.plan.plan_hash)};
    step(w, who, &(rt__link_event){.kind = RT__LINK_FRAME, .frame = &f});
    if (letter->type == RT_MSG_PLAN)
        rt_msg_body_release(RT_MSG_PLAN, &f.body);
}

/* ---- beginning and end ---- */

void sim_link_open(sim_world *w, sim_pid who)
{
    sim_link *l = link_of(w, who);
    l->open = true;
    l->self.world = w;
    l->self.who = who;
    l->effects = (rt__link_effects){.ctx = l,
                                    .send = effect_send,
                                    .unconfirmed = effect_unconfirmed,
                                    .look = effect_look,
                                    .forget = effect_forget};
    rt__orders_init(&l->orders);
    rt__link_state_init(&l->state,
                        &(rt__link_facts){.generation = who.generation,
                                          .endpoint = "tcp://h0",
                                          .orders = &l->orders,
                                          .effects = &l->effects},
                        seconds(w->now));
    plan_tick(w, who);
}

void sim_link_close(sim_link *l)
{
    if (l->open)
        rt__link_state_release(&l->state);
    l->open = false;
}
