#include "worker/snapshot_restore.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include "worker/run_parts.h"
#include "worker/snapshot_about.h"
#include <inttypes.h>
#include <string.h>

static rt_range range_of(const rt_msg_piece *p)
{
    return (rt_range){p->begin, p->end};
}

/* ---- the plan ---- */

static rt_status check_plan(const rt_msg_plan *plan, int64_t count, int world)
{
    int64_t at = 0;
    for (int64_t i = 0; i < plan->pieces_count; i++) {
        const rt_msg_piece *p = &plan->pieces[i];
        if (p->begin != at || p->end < at || p->end > count)
            return RT_FAIL(PROTOCOL,
                           "plan: piece %" PRId64 " is [%" PRId64 ",%" PRId64
                           "), expected one that begins at %" PRId64 " and ends at %" PRId64
                           " or before",
                           i, p->begin, p->end, at, count);
        if (p->holder < 0 || p->holder >= world)
            return RT_FAIL(PROTOCOL,
                           "plan: piece %" PRId64 " is held by rank %" PRId64
                           ", expected one below %d",
                           i, p->holder, world);
        at = p->end;
    }
    if (at != count)
        return RT_FAIL(PROTOCOL, "plan: pieces end at element %" PRId64 ", expected %" PRId64, at,
                       count);
    return RT_OK;
}

/* ---- one piece ---- */

static rt_status open_as(const rt__snapshot_source *from, const rt_msg_piece *p, int64_t step,
                         rt_snapshot_what what, rt_snapshot *s, int *slot)
{
    rt_snapshot_name name = {.what = what, .generation = p->generation, .rank = p->rank};
    memcpy(name.run, from->about->run, sizeof name.run);
    char *path = rt_snapshot_find(from->dir, &name, from->about->run_dir);
    if (!path)
        return rt_error_code();
    rt_status status = rt_snapshot_open(path, s);
    rt_mem_free(path);
    RT_TRY(status);
    status = rt__snapshot_fits(s, from->about);
    *slot = rt_snapshot_slot_at(s, step);
    if (status == RT_OK && *slot < 0)
        status = RT_FAIL(NOTFOUND, "%s: does not hold step %" PRId64, s->path, step);
    if (status != RT_OK)
        rt_snapshot_close(s);
    return status;
}

/* Opens the original, else the copy. Fails with the error of the original, or of the copy if there is no original. */
static rt_status open_piece(const rt__snapshot_source *from, const rt_msg_piece *p, int64_t step,
                            rt_snapshot *s, int *slot)
{
    rt_saved_error own;
    rt_status status = open_as(from, p, step, RT_SNAPSHOT_OWN, s, slot);
    if (status == RT_OK)
        return RT_OK;
    rt_error_save(&own);
    status = open_as(from, p, step, RT_SNAPSHOT_COPY, s, slot);
    if (status == RT_OK || (own.code == RT_E_NOTFOUND && status != RT_E_NOTFOUND))
        return status;
    rt_error_clear();
    return rt_error_restore(&own);
}

static rt_range both(rt_range a, rt_range b)
{
    rt_range r = {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
    return r.begin < r.end ? r : (rt_range){a.begin, a.begin};
}

/* Reads a piece into its place: the parameters, and the optimiser states of the elements in `states`. */
static rt_status read_piece(const rt__snapshot_source *from, const rt_msg_piece *p, int64_t step,
                            rt_range states, bool verify)
{
    rt_snapshot s;
    int slot;
    RT_TRY(open_piece(from, p, step, &s, &slot));
    rt_status status = verify ? rt_snapshot_verify(&s, slot) : RT_OK;
    for (int kind = 0; status == RT_OK && kind < from->about->kinds; kind++) {
        rt_range r = kind > 0 ? both(range_of(p), states) : range_of(p);
        status = rt_snapshot_read(&s, slot, kind, r.begin, r.end,
                                  rt_buf_range(rt__run_buffer(from->run, kind, NULL), r).data);
    }
    rt_snapshot_close(&s);
    return status;
}

/* Turns an error of a file into CORRUPT, because the file was valid when it was offered. NOTFOUND remains: the step may have been
 * overwritten by its writer, if the job of an earlier generation has not died as a whole, and then nothing is wrong with what
 * that writer keeps. */
static rt_status not_as_offered(rt_status status, int64_t step)
{
    rt_saved_error e;
    if (status == RT_OK || status == RT_E_NOMEM)
        return status;
    rt_error_save(&e);
    return status == RT_E_NOTFOUND
               ? RT_FAIL(NOTFOUND, "snapshot of step %" PRId64 " is gone: %s", step, e.text)
               : RT_FAIL(CORRUPT, "snapshot of step %" PRId64 ": %s", step, e.text);
}

/* ---- all pieces ---- */

static rt_status read_all(const rt__snapshot_source *from, const rt_msg_plan *plan)
{
    for (int64_t i = 0; i < plan->pieces_count; i++) {
        const rt_msg_piece *p = &plan->pieces[i];
        bool mine = i % from->world == from->rank; /* ours to verify */
        if (p->begin < p->end)
            RT_TRY(not_as_offered(read_piece(from, p, plan->start_step, from->states, mine),
                                  plan->start_step));
    }
    return RT_OK;
}

typedef struct exchange {
    const rt__snapshot_source *from;
    const rt_msg_plan *plan;
} exchange;

/* Called on the communication thread. */
static rt_status exchange_job(rt_comm *c, void *arg)
{
    const exchange *x = arg;
    const rt__snapshot_source *from = x->from;
    for (int64_t i = 0; i < x->plan->pieces_count; i++) {
        const rt_msg_piece *p = &x->plan->pieces[i];
        if (p->end > p->begin && p->holder == from->rank)
            RT_TRY(not_as_offered(read_piece(from, p, x->plan->start_step, range_of(p), true),
                                  x->plan->start_step));
        for (int kind = 0; kind < from->about->kinds; kind++) {
            const rt_buf state = rt__run_buffer(from->run, kind, NULL);
            RT_TRY(rt_comm_broadcast(c, rt_buf_range(state, range_of(p)), (int)p->holder));
        }
    }
    return RT_OK;
}

rt_status rt__snapshot_restore(const rt__snapshot_source *from, const rt_msg_plan *plan)
{
    RT_TRY(check_plan(plan, rt_run_flat(from->run)->tail, from->world));
    if (plan->one_host || from->world == 1) {
        RT_TRY(read_all(from, plan));
    } else {
        exchange x = {from, plan};
        RT_TRY(rt__commthread_run(from->comm, exchange_job, &x));
    }
    rt_optim_set_updates(rt_run_optim(from->run), plan->start_step);
    return rt_run_send(from->run);
}
