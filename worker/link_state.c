#include "worker/link_state.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* mpirun ends a job with SIGTERM and at once SIGKILL (docs/decisions/0004). A rank that still lives after this time got
 * SIGTERM from another sender, who allows it more time to leave. */
static const double LEAVE_AFTER = 0.2;
static const double LEAVE_GRACE = 30;
static const double LATE_AFTER = 1; /* seconds after which PROGRESS reports what delays our HELLO */
static const double OFFER_AGAIN =
    0.05; /* seconds until the queue is offered to a full wire again */
enum { CHECKSUMS_KEPT = 4 };
static const double IDLE = 3600; /* seconds to the next tick if nothing is due */

void rt__orders_init(rt__orders *o)
{
    atomic_init(&o->abort, 0);
    atomic_init(&o->stop_after, -1);
    atomic_init(&o->stop_checkpoint, 0);
    atomic_init(&o->checkpoint_after, -1);
}

/* ---- messages ---- */

/* Makes a deep copy through the wire's own encoding. */
static rt_status copy_body(rt_msg_type type, const void *body, rt_msg_body *out)
{
    rt_bytes b;
    RT_TRY(rt_msg_encode(type, body, &b));
    rt_status status = rt_msg_decode(type, b.data, b.len, out);
    rt_bytes_release(&b);
    return status;
}

rt__note *rt__note_make(rt_msg_type type, const void *body)
{
    rt__note *n = rt_calloc(1, sizeof *n);
    if (!n || copy_body(type, body, &n->body) != RT_OK) {
        rt_mem_free(n);
        return NULL;
    }
    n->type = type;
    return n;
}

void rt__note_free(rt__note *n)
{
    if (n)
        rt_msg_body_release(n->type, &n->body);
    rt_mem_free(n);
}

static void notes_free(rt__note *n)
{
    while (n) {
        rt__note *next = n->next;
        rt__note_free(n);
        n = next;
    }
}

void rt__link_state_init(rt__link_state *s, const rt__link_facts *facts, double now)
{
    *s = (rt__link_state){
        .facts = *facts, .down_since = now, .next_progress = now, .late_at = now + LATE_AFTER};
    s->queue_end = &s->queue;
}

void rt__link_state_release(rt__link_state *s)
{
    notes_free(s->queue);
    notes_free(s->pieces);
    rt__note_free(s->hello);
    rt__note_free(s->layout);
    rt__note_free(s->evaluated);
    rt_mem_free(s->checksum);
    rt__note_free(s->finished);
    if (s->has_plan)
        rt_msg_body_release(RT_MSG_PLAN, &s->plan);
    *s = (rt__link_state){0};
}

/* ---- sending ---- */

static bool send(rt__link_state *s, rt_msg_type type, const void *body)
{
    bool taken = s->facts.effects->send(s->facts.effects->ctx, type, body);
    s->sent += taken;
    return taken;
}

static void replace(rt__note **place, rt__note *n)
{
    rt__note_free(*place);
    *place = n;
}

static void append(rt__note **list, rt__note *n)
{
    while (*list)
        list = &(*list)->next;
    *list = n;
}

static void forget_checksums(rt__link_state *s, int count)
{
    s->checksum_count -= count;
    memmove(s->checksum, s->checksum + count, (size_t)s->checksum_count * sizeof *s->checksum);
}

/* Forgets the checksums that the coordinator has confirmed, except for the last few. */
static void forget_confirmed_checksums(rt__link_state *s)
{
    int64_t confirmed = s->sent - s->facts.effects->unconfirmed(s->facts.effects->ctx);
    int count = 0;
    while (s->checksum_count - count > CHECKSUMS_KEPT && s->checksum[count].number <= confirmed)
        count++;
    if (count > 0)
        forget_checksums(s, count);
}

static bool make_room_for_checksum(rt__link_state *s)
{
    int room = s->checksum_room > 0 ? 2 * s->checksum_room : 2 * CHECKSUMS_KEPT;
    if (s->checksum_count < s->checksum_room)
        return true;
    rt__sent_checksum *larger = rt_realloc(s->checksum, (size_t)room * sizeof *larger);
    if (!larger)
        return false;
    s->checksum = larger;
    s->checksum_room = room;
    return true;
}

/* Keeps the checksums of all parameters that may have to be resent. A checkpoint is committed only once all ranks'
 * checksums agree, and after a flipped bit only later ones differ. A coordinator that dies loses those that it had not
 * yet received from all ranks, which are the last few, and those that it has not confirmed. They are resent in order,
 * because agreement at a step stands for all steps before it. */
static void keep_checksum(rt__link_state *s, const rt_msg_checksum *m)
{
    if (m->slice >= 0)
        return;
    if (!make_room_for_checksum(s)) {
        rt_error_clear();
        if (s->checksum_count == 0)
            return;
        forget_checksums(s, 1);
    }
    s->checksum[s->checksum_count++] = (rt__sent_checksum){*m, s->sent};
    forget_confirmed_checksums(s);
}

/* Keeps messages that must be resent to a restarted coordinator; frees the others. */
static void keep(rt__link_state *s, rt__note *n)
{
    n->next = NULL;
    switch (n->type) {
    case RT_MSG_HELLO:
        replace(&s->hello, n);
        break;
    case RT_MSG_LAYOUT:
        replace(&s->layout, n);
        break;
    case RT_MSG_EVALUATED: /* also holds the best of all before it */
        replace(&s->evaluated, n);
        break;
    case RT_MSG_FINISHED:
        replace(&s->finished, n);
        break;
    case RT_MSG_CHECKSUM:
        keep_checksum(s, &n->body.checksum);
        rt__note_free(n);
        break;
    case RT_MSG_PIECE_DONE:
    case RT_MSG_PIECE_FAILED:
        append(&s->pieces, n);
        break;
    default:
        rt__note_free(n);
    }
}

static void send_queue(rt__link_state *s)
{
    rt__note *n;
    while ((n = s->queue) && send(s, n->type, &n->body)) {
        s->queue = n->next;
        if (!s->queue)
            s->queue_end = &s->queue;
        keep(s, n);
    }
}

static void queue(rt__link_state *s, rt__note *n)
{
    n->next = NULL;
    *s->queue_end = n;
    s->queue_end = &n->next;
}

static bool send_hello_again(rt__link_state *s, double now)
{
    rt_msg_hello again = s->hello->body.hello;
    rt_msg_progress doing;
    s->facts.effects->look(s->facts.effects->ctx, now, &doing);
    again.step = s->has_plan ? doing.step : 0;
    again.plan_hash = s->plan_hash;
    return send(s, RT_MSG_HELLO, &again);
}

static bool send_leave(rt__link_state *s)
{
    rt_msg_leave m = {.reason = "SIGTERM", .grace = LEAVE_GRACE};
    return send(s, RT_MSG_LEAVE, &m);
}

static bool send_notes(rt__link_state *s, const rt__note *n)
{
    while (n && send(s, n->type, &n->body))
        n = n->next;
    return !n;
}

static bool resend_checksums(rt__link_state *s)
{
    for (int i = 0; i < s->checksum_count; i++) {
        if (!send(s, RT_MSG_CHECKSUM, &s->checksum[i].checksum))
            return false;
        s->checksum[i].number = s->sent;
    }
    return true;
}

/* Resends to a new coordinator everything that it needs to know. If that fails half-way all of it is sent again; every
 * message may arrive twice. */
static void resend_state(rt__link_state *s, double now)
{
    bool sent = !s->hello || send_hello_again(s, now);
    sent = sent && (!s->layout || send(s, RT_MSG_LAYOUT, &s->layout->body));
    sent = sent && resend_checksums(s) && send_notes(s, s->pieces);
    sent = sent && (!s->left || send_leave(s));
    s->resend_due = !sent;
    s->resend_last_due = s->evaluated || s->finished;
}

/* Resends the last evaluation and FINISHED, after all unconfirmed messages: an evaluation must follow the report of its
 * step, and a coordinator that receives FINISHED ends the run, so it must have the last evaluation by then. The
 * evaluation is resent even if it was confirmed, because a coordinator whose disk was full could not journal it; it
 * also holds the best of all before it. */
static void resend_last(rt__link_state *s)
{
    if (!s->resend_last_due || s->resend_due)
        return;
    bool sent = !s->evaluated || send(s, RT_MSG_EVALUATED, &s->evaluated->body);
    sent = sent && (!s->finished || send(s, RT_MSG_FINISHED, &s->finished->body));
    s->resend_last_due = !sent;
}

/* Returns when the next PROGRESS is due. Before our HELLO only long activities are reported. */
static double progress_due(const rt__link_state *s)
{
    if (!s->hello && s->next_progress < s->late_at)
        return s->late_at;
    return s->moved && s->hello ? 0 : s->next_progress;
}

static void send_progress(rt__link_state *s, double now)
{
    if (!s->up || s->ending || now < progress_due(s))
        return;
    rt_msg_progress m;
    s->next_progress = now + RT_PROGRESS_SECONDS;
    s->moved = false;
    s->facts.effects->look(s->facts.effects->ctx, now, &m);
    send(s, RT_MSG_PROGRESS, &m); /* if it cannot be sent, the next one replaces it */
}

/* ---- the end ---- */

__attribute__((format(printf, 3, 4))) static void end(rt__link_state *s, rt_status code,
                                                      const char *fmt, ...)
{
    if (s->ended.code != RT_OK)
        return;
    va_list ap;
    va_start(ap, fmt);
    s->ended.code = code;
    vsnprintf(s->ended.text, sizeof s->ended.text, fmt, ap);
    snprintf(s->ended.place, sizeof s->ended.place, "link");
    va_end(ap);
}

static void give_up(rt__link_state *s)
{
    rt_log_error("%s", s->ended.text);
    atomic_store(&s->facts.orders->abort, 1);
}

static void check_lease(rt__link_state *s, double now)
{
    if (s->up || s->ending || s->ended.code != RT_OK || now - s->down_since < RT_LEASE_SECONDS)
        return;
    end(s, RT_E_NET,
        "%s: the coordinator has not been reachable for %.0f s: this rank gives up its place",
        s->facts.endpoint, RT_LEASE_SECONDS);
    give_up(s);
}

/* Handles SIGTERM: leaves in an orderly way if the coordinator can be reached and this is the first SIGTERM. */
static void terminate(rt__link_state *s, double now)
{
    if (!s->up || s->leave_at != 0 || s->ended.code != RT_OK) {
        rt_log_info("SIGTERM: ended at once");
        s->quit = true;
        return;
    }
    s->leave_at = now + LEAVE_AFTER;
}

static void leave_if_due(rt__link_state *s, double now)
{
    if (s->left || s->leave_at == 0 || now < s->leave_at || s->ended.code != RT_OK)
        return;
    s->left = send_leave(s);
    if (s->left)
        rt_log_info("SIGTERM: sent LEAVE to the coordinator; work goes on for at most %.0f s",
                    LEAVE_GRACE);
}

/* ---- messages of the coordinator ---- */

static void refuse_plan(rt__link_state *s, const rt_msg_plan *plan)
{
    char text[256];
    snprintf(text, sizeof text,
             "a second plan, %.64s, came in generation %" PRId64 ": this rank follows plan %s",
             plan->plan_hash, s->facts.generation, s->plan_hash);
    rt_log_error("%s", text);
    rt_msg_fault m = {.code = RT_E_PROTOCOL, .message = text, .slice = -1, .place = "link"};
    rt__note *n = rt__note_make(RT_MSG_FAULT, &m);
    if (n)
        queue(s, n);
    rt_error_clear();
}

static void take_plan(rt__link_state *s, rt_msg_body *body)
{
    if (!s->has_plan) {
        snprintf(s->plan_hash, sizeof s->plan_hash, "%s", body->plan.plan_hash);
        s->plan = *body; /* we own it now */
        *body = (rt_msg_body){0};
        s->has_plan = true;
    } else if (strcmp(body->plan.plan_hash, s->plan_hash) != 0) {
        refuse_plan(s, &body->plan);
    }
}

/* Before the plan, REFUSED refuses this rank; later it refuses only one of our messages. */
static void take_refused(rt__link_state *s, const rt_msg_refused *m)
{
    rt_log_error("refused: %s", m->reason);
    if (!s->has_plan)
        end(s, m->code != RT_OK ? m->code : RT_E_PROTOCOL, "%s", m->reason);
}

static void take_stop(rt__link_state *s, const rt_msg_stop *m)
{
    rt__orders *o = s->facts.orders;
    if (m->after_step >= 0) {
        rt_log_info("ordered to stop after step %" PRId64 ": %s", m->after_step, m->reason);
        atomic_store(&o->stop_checkpoint, m->checkpoint != 0);
        atomic_store(&o->stop_after, m->after_step);
        return;
    }
    rt_log_info("told to leave: %s", m->reason);
    end(s, RT_E_ABORTED, "told to leave: %s", m->reason);
    atomic_store(&o->abort, 1);
}

/* The coordinator has committed or aborted a checkpoint, so the reports of our pieces up to it need not be resent. */
static void take_answer(rt__link_state *s, int64_t step)
{
    for (rt__note **at = &s->pieces; *at;) {
        rt__note *n = *at;
        int64_t of =
            n->type == RT_MSG_PIECE_DONE ? n->body.piece_done.step : n->body.piece_failed.step;
        if (of != step) {
            at = &n->next;
            continue;
        }
        *at = n->next;
        rt__note_free(n);
    }
}

static void take_forget(const rt__link_state *s, int64_t before)
{
    if (s->facts.effects->forget)
        s->facts.effects->forget(s->facts.effects->ctx, before);
}

/* Returns whether to handle a frame. Frames of another generation are dropped, with one exception: an order to leave
 * from a newer generation is obeyed, because a rank that receives it was cut off while its own generation ended. */
static bool is_ours(const rt__link_state *s, const rt_frame *f)
{
    if (f->generation == s->facts.generation)
        return true;
    if (f->generation > s->facts.generation && f->type == RT_MSG_STOP &&
        f->body.stop.after_step < 0)
        return true;
    rt_log_debug("%s of generation %" PRId64 " dropped", rt_msg_name(f->type), f->generation);
    return false;
}

static void handle_frame(rt__link_state *s, rt_frame *f)
{
    rt_msg_body *b = &f->body;
    switch (f->type) {
    case RT_MSG_PLAN:
        take_plan(s, b);
        break;
    case RT_MSG_REFUSED:
        take_refused(s, &b->refused);
        break;
    case RT_MSG_STOP:
        take_stop(s, &b->stop);
        break;
    case RT_MSG_CHECKPOINT:
        rt_log_info("ordered to write a checkpoint after step %" PRId64, b->checkpoint.after_step);
        atomic_store(&s->facts.orders->checkpoint_after, b->checkpoint.after_step);
        break;
    case RT_MSG_COMMITTED:
        rt_log_info("checkpoint of step %" PRId64 " committed", b->committed.step);
        take_answer(s, b->committed.step);
        break;
    case RT_MSG_ABORTED:
        rt_log_warn("checkpoint of step %" PRId64 " given up: %s", b->aborted.step,
                    b->aborted.reason);
        take_answer(s, b->aborted.step);
        break;
    case RT_MSG_FORGET:
        take_forget(s, b->forget.before);
        break;
    default:
        rt_log_warn("%s is not for a worker: dropped", rt_msg_name(f->type));
    }
}

/* ---- events ---- */

static void note_disconnect(rt__link_state *s, double now)
{
    if (s->up)
        s->down_since = now;
    s->up = false;
}

void rt__link_step(rt__link_state *s, double now, const rt__link_event *e)
{
    switch (e->kind) {
    case RT__LINK_POST:
        queue(s, e->note);
        break;
    case RT__LINK_FRAME:
        if (is_ours(s, e->frame))
            handle_frame(s, e->frame);
        break;
    case RT__LINK_UP:
        s->up = true;
        break;
    case RT__LINK_DOWN:
        note_disconnect(s, now);
        break;
    case RT__LINK_RESET:
        resend_state(s, now);
        return; /* the wire then resends unconfirmed messages */
    case RT__LINK_MOVED:
        s->moved = true;
        break;
    case RT__LINK_TERMINATE:
        terminate(s, now);
        break;
    case RT__LINK_REFUSED:
        end(s, e->error->code, "%s", e->error->text);
        give_up(s);
        break;
    case RT__LINK_ENDING:
        s->ending = true;
        break;
    case RT__LINK_TICK:
        if (s->resend_due)
            resend_state(s, now);
        check_lease(s, now);
        break;
    }
    resend_last(s);
    send_queue(s);
    leave_if_due(s, now);
    send_progress(s, now);
}

static double earlier(double a, double b)
{
    return a < b ? a : b;
}

double rt__link_next(const rt__link_state *s, double now)
{
    double next = now + IDLE;
    if (s->up && !s->ending)
        next = earlier(next, progress_due(s));
    if (s->queue || s->resend_due || s->resend_last_due)
        next = earlier(next, now + OFFER_AGAIN);
    if (!s->up && s->ended.code == RT_OK)
        next = earlier(next, s->down_since + RT_LEASE_SECONDS);
    if (s->leave_at != 0 && !s->left && s->ended.code == RT_OK)
        next = earlier(next, s->leave_at > now ? s->leave_at : now + OFFER_AGAIN);
    return next;
}
