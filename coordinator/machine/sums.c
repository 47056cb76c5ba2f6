#include "coordinator/machine/sums.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <string.h>

static void drop(rt__sums *s, int i)
{
    rt_mem_free(s->open[i].value);
    rt_mem_free(s->open[i].from);
    s->count--;
    memmove(&s->open[i], &s->open[i + 1], (size_t)(s->count - i) * sizeof *s->open);
}

void rt__sums_clear(rt__sums *s)
{
    while (s->count > 0)
        drop(s, s->count - 1);
    s->wrong = false;
}

void rt__sums_release(rt__sums *s)
{
    rt__sums_clear(s);
}

static rt__sum *find_or_open(rt__sums *s, int64_t world, const rt_msg_checksum *m)
{
    for (int i = 0; i < s->count; i++)
        if (s->open[i].step == m->step && s->open[i].slice == m->slice)
            return &s->open[i];
    if (s->count == RT__SUMS_OPEN) /* some rank never answered */
        drop(s, 0);
    int64_t places = m->slice < 0 ? world : 2;
    rt__sum x = {.step = m->step,
                 .slice = m->slice,
                 .value = rt_calloc((size_t)places, sizeof *x.value),
                 .from = rt_calloc((size_t)places, sizeof *x.from)};
    if (!x.value || !x.from) {
        rt_mem_free(x.value);
        rt_mem_free(x.from);
        return NULL;
    }
    for (int64_t k = 0; k < places; k++)
        x.from[k] = -1;
    s->open[s->count] = x;
    return &s->open[s->count++];
}

/* Returns the value that more than half of the ranks have (Boyer and Moore's majority vote), or any value if there is none. *clear: whether
 * there is one. */
static int64_t majority(const rt__sum *x, int64_t n, bool *clear)
{
    int64_t candidate = 0, lead = 0, votes = 0;
    for (int64_t k = 0; k < n; k++) {
        if (lead == 0)
            candidate = x->value[k];
        lead += x->value[k] == candidate ? 1 : -1;
    }
    for (int64_t k = 0; k < n; k++)
        votes += x->value[k] == candidate;
    *clear = 2 * votes > n;
    return candidate;
}

static void judge(const rt__sum *x, int64_t n, rt__verdict *out)
{
    bool clear;
    int64_t value = majority(x, n, &clear);
    for (int64_t k = 0; k < n; k++)
        out->differ |= x->value[k] != x->value[0];
    for (int64_t k = 0; out->differ && k < n && out->count < RT__SUMS_NAMED; k++)
        if (!clear || x->value[k] != value)
            out->ranks[out->count++] = x->from[k];
}

rt_status rt__sums_add(rt__sums *s, int64_t world, int64_t rank, const rt_msg_checksum *m,
                       rt__verdict *out)
{
    *out = (rt__verdict){0};
    rt__sum *x = find_or_open(s, world, m);
    if (!x)
        return rt_error_code();
    int64_t place = m->slice < 0 ? rank : m->owner ? 0 : 1, places = m->slice < 0 ? world : 2;
    if (x->from[place] >= 0)
        return RT_OK;
    x->from[place] = rank;
    x->value[place] = m->sum;
    if (++x->answers < places)
        return RT_OK;
    out->complete = true;
    judge(x, places, out);
    s->wrong |= out->differ;
    if (m->slice < 0 && !s->wrong && m->step > s->agreed_step)
        s->agreed_step = m->step;
    drop(s, (int)(x - s->open));
    return RT_OK;
}
