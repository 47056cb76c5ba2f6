/* A worker's link to the coordinator: the real state machine (worker/link_state.h), with the simulated line instead of a thread and a wire.
 *
 *     sim_link_open(w, who);                          // the process has started
 *     sim_link_post(w, who, RT_MSG_HELLO, &hello);
 *     sim_link_feed(w, who, RT__LINK_UP);             // the network is up
 *     sim_link_close(&rank->link);
 *
 * It informs the rank through sim_rank_has_plan and sim_rank_must_leave. */
#ifndef RINGTORCH_TESTS_SIM_RANK_LINK_H
#define RINGTORCH_TESTS_SIM_RANK_LINK_H

#include "tests/sim/events.h"
#include "tests/sim/letter.h"
#include "tests/sim/process.h"
#include "worker/link_state.h"

typedef struct sim_link {
    bool open;
    rt__link_state state;
    rt__orders orders;
    rt__link_effects effects;
    struct {
        sim_world *world;
        sim_pid who;
    } self;
    sim_time tick_at; /* time of the next planned tick */
} sim_link;

void sim_link_open(sim_world *w, sim_pid who);
void sim_link_post(sim_world *w, sim_pid who, rt_msg_type type, const void *body);
/* Gives the link an event without data: up, down, reset, terminate. */
void sim_link_feed(sim_world *w, sim_pid who, rt__link_kind kind);
void sim_link_receives(sim_world *w, sim_pid who, sim_letter *l);
void sim_link_close(sim_link *l);

#endif
