/* Conversations with the coordinator with the guarantees of common/control/wire.h: in order and at most once.
 *
 *     sim_mail_send(w, who, RT_MSG_PROGRESS, &progress);        // to the coordinator
 *     sim_mail_answer(w, "w3#7", generation, RT_MSG_STOP, &m);  // from the coordinator: false if it has no such peer
 *
 * A worker's link is told what ZeroMQ would tell it: that the connection was made or lost (at once, or after the heartbeat's timeout), and
 * that the coordinator does not know the worker.
 *
 * What can go wrong: a message is slow; a host is cut off and its messages wait; a process dies and only some of its messages arrive; the
 * coordinator dies, only some of its messages arrive, and its successor receives all unconfirmed messages again. So some messages are lost
 * and some arrive twice, though never within one conversation. */
#ifndef RINGTORCH_TESTS_SIM_MAIL_H
#define RINGTORCH_TESTS_SIM_MAIL_H

#include "tests/sim/events.h"
#include "tests/sim/letter.h"

/* One direction of a line. Letters first ... sent-1 are kept, letter n at n % room. */
typedef struct sim_pipe {
    struct sim_posted {
        sim_letter *letter;
        sim_time at; /* on its way: when it arrives; delivered: when the sender will know */
    } * ring;
    int64_t room, first, delivered, sent;
    bool awake; /* its next delivery is planned as an event */
} sim_pipe;

/* A process's line to the coordinator. */
typedef struct sim_line {
    sim_pipe up, down;
    uint32_t with; /* life of the coordinator at the other end; 0: not connected */
    bool heard;    /* the coordinator has received a message from here, so it can answer */
} sim_line;

/* Opens the line of a process that has just started. */
void sim_mail_open(sim_world *w, sim_pid who);
void sim_mail_release(sim_line *l);
/* Sends to the coordinator, now or as soon as there is one. Returns false if too many messages wait already. */
bool sim_mail_send(sim_world *w, sim_pid who, rt_msg_type type, const void *body);
/* Returns how many messages of a process the coordinator has not confirmed. */
int64_t sim_mail_unconfirmed(sim_world *w, sim_pid who);
/* Sends from the coordinator. */
bool sim_mail_answer(sim_world *w, const char *peer, int64_t generation, rt_msg_type type,
                     const void *body);
/* A process has died: part of what it sent arrives, and nothing reaches it. */
void sim_mail_sender_died(sim_world *w, sim_pid who);
/* The coordinator has died; the coordinator has started again and listens. */
void sim_mail_coordinator_died(sim_world *w);
void sim_mail_coordinator_listens(sim_world *w);
/* Hosts are cut off, or reachable again: their processes notice after a while. */
void sim_mail_cut(sim_world *w, int host);
void sim_mail_healed(sim_world *w, int host);
/* The coordinator has been stopped. */
void sim_mail_coordinator_stopped(sim_world *w);
/* The coordinator drops its connections to the ranks of a generation. */
void sim_mail_forget(sim_world *w, int64_t generation);
/* Writes the address under which the coordinator knows a process. */
void sim_mail_address(sim_pid who, char address[64]);

#endif
