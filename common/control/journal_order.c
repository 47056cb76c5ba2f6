#include "common/control/journal_order.h"
#include "common/base/error.h"
#include <stdio.h>
#include <string.h>

static rt_status misplaced(const rt_record_order *o, const rt_record *r, const char *expected)
{
    return RT_FAIL(CORRUPT, "record %lld is '%s', expected %s", (long long)o->records,
                   rt_record_rows[r->kind].kind, expected);
}

/* The name becomes a part of paths. */
static rt_status check_name(const rt_record_order *o, const char *run)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    size_t len = strlen(run);
    if (len > 0 && len < RT_RUN_ID && strspn(run, allowed) == len)
        return RT_OK;
    return RT_FAIL(CORRUPT,
                   "record %lld names the run '%.80s', expected at most %d letters and digits",
                   (long long)o->records, run, RT_RUN_ID - 1);
}

/* Refuses what no coordinator has written, though the fields by themselves could be. */
static rt_status check_values(const rt_record_order *o, const rt_record *r)
{
    if (r->kind == RT_RECORD_run)
        return check_name(o, r->body.run.run);
    return r->kind == RT_RECORD_history ? check_name(o, r->body.history.run) : RT_OK;
}

static rt_status check_before(const rt_record_order *o, const rt_record *r)
{
    if (r->kind == RT_RECORD_history)
        return o->records == 1 ? RT_OK : misplaced(o, r, "nothing before it");
    if (r->kind == RT_RECORD_run && o->run[0])
        return misplaced(o, r, "only one");
    rt_record_after after = rt_record_rows[r->kind].after;
    if (after >= RT_AFTER_RUN && !o->run[0])
        return misplaced(o, r, "'run' or 'history' before it");
    if (after >= RT_AFTER_GENERATION && o->generation == 0)
        return misplaced(o, r, "'generation' before it");
    if (after >= RT_AFTER_PLAN && !o->planned)
        return misplaced(o, r, "'plan' before it");
    return RT_OK;
}

static rt_status check_number(const rt_record_order *o, const rt_record *r, int64_t generation,
                              int64_t least, int64_t most)
{
    if (generation >= least && generation <= most)
        return RT_OK;
    return RT_FAIL(CORRUPT, "record %lld is '%s' of generation %lld, expected generation %lld%s",
                   (long long)o->records, rt_record_rows[r->kind].kind, (long long)generation,
                   (long long)most, least < most ? " at most" : "");
}

static rt_status check_generation(const rt_record_order *o, const rt_record *r)
{
    int64_t last = o->generation;
    switch (r->kind) {
    case RT_RECORD_generation:
        return check_number(o, r, r->body.generation.generation, last + 1, last + 1);
    case RT_RECORD_plan:
        return check_number(o, r, r->body.plan.generation, last, last);
    case RT_RECORD_over:
        return check_number(o, r, r->body.over.generation, last, last);
    case RT_RECORD_exited:
        return check_number(o, r, r->body.exited.generation, last, last);
    case RT_RECORD_evaluated: /* what a lost generation has found is written down by the next one */
        return check_number(o, r, r->body.evaluated.generation, 0, last);
    case RT_RECORD_doubt:
        return check_number(o, r, r->body.doubt.generation, 0, last);
    default:
        return RT_OK;
    }
}

static void take(rt_record_order *o, const rt_record *r)
{
    switch (r->kind) {
    case RT_RECORD_run:
        snprintf(o->run, sizeof o->run, "%s", r->body.run.run);
        break;
    case RT_RECORD_history:
        snprintf(o->run, sizeof o->run, "%s", r->body.history.run);
        o->generation = r->body.history.generation;
        o->planned = r->body.history.planned;
        break;
    case RT_RECORD_launch:
        o->planned = false;
        break;
    case RT_RECORD_generation:
        o->generation = r->body.generation.generation;
        o->planned = false;
        break;
    case RT_RECORD_plan:
        o->planned = true;
        break;
    default:
        break;
    }
}

static rt_status check(const rt_record_order *o, const rt_record *r)
{
    RT_TRY(check_before(o, r));
    RT_TRY(check_generation(o, r));
    return check_values(o, r);
}

static rt_record record_of(rt_record_kind kind, const void *values)
{
    rt_record r = {.kind = kind};
    memcpy(&r.body, values, rt_record_rows[kind].schema.size);
    return r;
}

rt_status rt_record_may_follow(const rt_record_order *o, rt_record_kind kind, const void *values)
{
    rt_record r = record_of(kind, values);
    rt_record_order next = *o;
    next.records++;
    return check(&next, &r);
}

void rt_record_follows(rt_record_order *o, rt_record_kind kind, const void *values)
{
    rt_record r = record_of(kind, values);
    o->records++;
    take(o, &r);
}

rt_status rt_record_read_next(rt_record_order *o, const json_t *json, rt_record *out)
{
    o->records++;
    rt_status status = rt_record_read(json, out);
    o->unknown |= status != RT_OK;
    if (o->unknown)
        return status;
    RT_TRY(check(o, out));
    take(o, out);
    return RT_OK;
}
