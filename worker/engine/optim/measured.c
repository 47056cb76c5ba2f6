/* Sums over whole parameters, which no single shard can compute. Every parameter is cut at block borders into stretches, which depend
 * only on the net. Measurements of stretches are added in a fixed order, so the sums have the same bits no matter which shard measured
 * which stretch. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/optim/rule.h"
#include <math.h>
#include <string.h>

/* ---- counting numbers ---- */

/* Returns how many numbers one measurement of a whole parameter has. */
static int64_t numbers_of(rt_measure what, rt_matrices m)
{
    switch (what) {
    case RT_MEASURE_PER_TENSOR:
        return 1;
    case RT_MEASURE_PER_ROW:
        return m.count * m.rows;
    case RT_MEASURE_PER_COLUMN:
        return m.has_columns ? m.count * m.columns : 0;
    }
    return 0;
}

/* Returns which of those numbers elements [begin,end) of the parameter contribute to; for columns, all columns of every matrix that
 * they touch. */
static rt_range touched(rt_measure what, rt_matrices m, int64_t begin, int64_t end)
{
    int64_t matrix = m.rows * m.columns;
    switch (what) {
    case RT_MEASURE_PER_TENSOR:
        return (rt_range){0, 1};
    case RT_MEASURE_PER_ROW:
        return (rt_range){begin / m.columns, (end - 1) / m.columns + 1};
    case RT_MEASURE_PER_COLUMN:
        if (m.has_columns)
            return (rt_range){begin / matrix * m.columns, ((end - 1) / matrix + 1) * m.columns};
        break;
    }
    return (rt_range){0, 0};
}

/* ---- allocation ---- */

static rt_matrices matrices(const rt_optim *o, int32_t i)
{
    return rt__matrices_of(rt_dims_of(o->flat.flat.entry[i].param));
}

static int64_t share_of(const rt_optim *o, const rt__stretch *s, int round)
{
    int64_t n = 0, first = o->flat.flat.entry[s->entry].begin;
    const uint8_t *what = o->row.rule->measures[round];
    for (int k = 0; k < RT_MEASURES_MAX && what[k]; k++) {
        rt_range r = touched(what[k], matrices(o, s->entry), s->begin - first, s->end - first);
        n += r.end - r.begin;
    }
    return n;
}

static int64_t end_of_stretch(const rt_flat_entry *e, int64_t at)
{
    int64_t border = (at / RT_BLOCK + 1) * RT_BLOCK;
    return border < e->end ? border : e->end;
}

static rt_status list_stretches(rt_optim *o)
{
    rt__measured *m = &o->measured;
    const rt_flat *flat = &o->flat.flat;
    int64_t most = flat->entries + flat->count / RT_BLOCK + 2;
    m->stretch = rt_calloc((size_t)most, sizeof *m->stretch);
    if (!m->stretch)
        return rt_error_code();
    for (int32_t i = 0; i < flat->entries; i++)
        for (int64_t at = flat->entry[i].begin, end; at < flat->entry[i].end; at = end) {
            end = end_of_stretch(&flat->entry[i], at);
            m->stretch[m->stretches++] = (rt__stretch){.entry = i, .begin = at, .end = end};
        }
    m->stretch[m->stretches] = (rt__stretch){.begin = flat->count, .end = flat->count};
    return RT_OK;
}

static rt_status make_round(rt_optim *o, int round)
{
    rt__measured *m = &o->measured;
    const rt_flat *flat = &o->flat.flat;
    const uint8_t *what = o->row.rule->measures[round];
    int64_t shares = 0, sums = 0;
    for (int64_t i = 0; i < m->stretches; i++) {
        m->stretch[i].first[round] = shares;
        shares += share_of(o, &m->stretch[i], round);
    }
    m->stretch[m->stretches].first[round] = m->count[round] = shares;
    m->sum_at[round] = rt_calloc((size_t)flat->entries, sizeof *m->sum_at[round]);
    for (int32_t i = 0; m->sum_at[round] && i < flat->entries; i++) {
        m->sum_at[round][i] = sums;
        for (int k = 0; k < RT_MEASURES_MAX && what[k]; k++)
            sums += numbers_of(what[k], matrices(o, i));
    }
    m->share[round] = rt_calloc((size_t)shares, sizeof *m->share[round]);
    m->sum[round] = rt_calloc((size_t)sums, sizeof *m->sum[round]);
    return m->sum_at[round] && m->share[round] && m->sum[round] ? RT_OK : rt_error_code();
}

/* Finds the offsets of a small state; flat buffers hold it in the order of the parameters. */
static rt_status find_small(rt_optim *o, const rt_optimizer_state *state)
{
    const rt_flat *flat = &o->flat.flat;
    int64_t *at = rt_calloc((size_t)flat->entries, sizeof *at);
    if (!at)
        return rt_error_code();
    o->measured.small_at[state->row] = at;
    int32_t k = flat->entries, end = flat->entries + flat->small;
    while (k < end && strcmp(flat->entry[k].kind, state->name) != 0)
        k++;
    for (int32_t i = 0; i < flat->entries; i++) {
        rt_dims shape, dims = rt_dims_of(flat->entry[i].param);
        bool shared = state->layout == RT_STATE_SCALAR && i > 0;
        bool has = shared || rt_state_shape(state->layout, dims, i, &shape);
        at[i] = shared ? at[0] : has ? flat->entry[k].begin : -1;
        k += has && !shared;
    }
    return RT_OK;
}

rt_status rt__measured_init(rt_optim *o)
{
    rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX];
    int states = rt_optimizer_states(o->row.name, o->group[0].values, state);
    const int rounds = o->row.rule->rounds;
    if (rounds == 0)
        return RT_OK;
    o->measured.scratch = rt_calloc(RT_BLOCK, sizeof *o->measured.scratch);
    if (!o->measured.scratch)
        return rt_error_code();
    for (int i = 0; i < states; i++)
        if (state[i].layout != RT_STATE_LIKE_PARAM)
            RT_TRY(find_small(o, &state[i]));
    RT_TRY(list_stretches(o));
    for (int round = 0; round < rounds; round++)
        RT_TRY(make_round(o, round));
    return RT_OK;
}

void rt__measured_release(rt__measured *m)
{
    for (int round = 0; round < RT_ROUNDS_MAX; round++) {
        rt_mem_free(m->share[round]);
        rt_mem_free(m->sum[round]);
        rt_mem_free(m->sum_at[round]);
    }
    for (int i = 0; i < RT_OPTIMIZER_STATES_MAX; i++)
        rt_mem_free(m->small_at[i]);
    rt_mem_free(m->stretch);
    rt_mem_free(m->scratch);
    *m = (rt__measured){0};
}

/* ---- addresses ---- */

void rt__measured_sums(const rt_optim *o, int32_t i, rt_optimizer_part *u)
{
    const rt_optimizer_row *rule = o->row.rule;
    for (int round = 0; round < rule->rounds; round++) {
        double *at = o->measured.sum[round] + o->measured.sum_at[round][i];
        for (int k = 0; k < RT_MEASURES_MAX && rule->measures[round][k]; k++) {
            u->sum[round][k] = at;
            at += numbers_of(rule->measures[round][k], u->m);
        }
    }
}

/* Points the sums of a round at the shares of a stretch. */
static void point_at_shares(const rt_optim *o, const rt__stretch *s, int round,
                            rt_optimizer_part *u)
{
    const uint8_t *what = o->row.rule->measures[round];
    double *at = o->measured.share[round] + s->first[round];
    for (int k = 0; k < RT_MEASURES_MAX && what[k]; k++) {
        rt_range r = touched(what[k], u->m, u->at, u->at + u->n);
        u->sum[round][k] = at;
        at += r.end - r.begin;
    }
}

/* Returns the first stretch that ends after `at`. */
static int64_t stretch_at(const rt__measured *m, int64_t at)
{
    int64_t low = 0, high = m->stretches;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (m->stretch[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- rounds ---- */

rt_status rt__optim_measure(rt_optim *o, int round, int64_t begin, int64_t end, int64_t t,
                            double lr, double grad_scale)
{
    const rt__measured *m = &o->measured;
    for (int64_t i = stretch_at(m, begin); i < m->stretches && m->stretch[i].begin < end; i++) {
        const rt__stretch *s = &m->stretch[i];
        rt_optimizer_part u;
        memset(m->share[round] + s->first[round], 0,
               (size_t)(s[1].first[round] - s->first[round]) * sizeof(double));
        if (rt__optim_skips(o, s->entry))
            continue;
        rt__part_init(o, s->entry, t ? t : o->made[s->entry] + 1, lr, grad_scale, &u);
        rt__part_set(o, s->begin, s->end, &u);
        u.at = s->begin - o->flat.flat.entry[s->entry].begin;
        point_at_shares(o, s, round, &u);
        o->row.rule->measure(&u, round);
    }
    return RT_OK;
}

/* Adds up the shares of all stretches of one parameter, beginning with s; returns the first stretch of the next parameter. */
static const rt__stretch *add_up(const rt_optim *o, int round, const rt__stretch *s,
                                 rt_optimizer_part *u)
{
    const uint8_t *what = o->row.rule->measures[round];
    const int32_t entry = s->entry;
    const int64_t first = o->flat.flat.entry[entry].begin;
    const rt__stretch *last = o->measured.stretch + o->measured.stretches;
    for (int k = 0; k < RT_MEASURES_MAX && what[k]; k++)
        memset(u->sum[round][k], 0, (size_t)numbers_of(what[k], u->m) * sizeof(double));
    for (; s < last && s->entry == entry; s++) {
        const double *from = o->measured.share[round] + s->first[round];
        for (int k = 0; k < RT_MEASURES_MAX && what[k]; k++) {
            rt_range r = touched(what[k], u->m, s->begin - first, s->end - first);
            for (int64_t i = r.begin; i < r.end; i++)
                u->sum[round][k][i] += *from++;
        }
    }
    return s;
}

rt_status rt__optim_settle(rt_optim *o, int round, int64_t t)
{
    const rt__measured *m = &o->measured;
    for (const rt__stretch *s = m->stretch; s < m->stretch + m->stretches;) {
        rt_optimizer_part u;
        int32_t i = s->entry;
        rt__part_init(o, i, t ? t : o->made[i] + 1, o->lr, 1, &u);
        s = add_up(o, round, s, &u);
        if (o->row.rule->settle && !rt__optim_skips(o, i))
            o->row.rule->settle(&u, round);
    }
    return RT_OK;
}

/* ---- for trainers that shard ---- */

int rt_optim_rounds(const rt_optim *o)
{
    return rt__is_optim("optim_rounds", o) ? o->row.rule->rounds : 0;
}

static rt_status check(const char *what, const rt_optim *o, int round)
{
    if (!rt__is_optim(what, o))
        return rt_error_code();
    if (round < 0 || round >= o->row.rule->rounds)
        return RT_FAIL(RANGE, "%s: round %d: %s has %d", what, round, o->row.schema.owner,
                       o->row.rule->rounds);
    return RT_OK;
}

rt_status rt_optim_measure(rt_optim *o, int round, int64_t begin, int64_t end, int64_t t, double lr,
                           double grad_scale)
{
    RT_TRY(check("optim_measure", o, round));
    RT_TRY(rt__optim_check_range("optim_measure", o, begin, end, t));
    if (begin % RT_BLOCK != 0 || (end % RT_BLOCK != 0 && end != o->flat.flat.count))
        return RT_FAIL(RANGE, "optim_measure: [%lld, %lld): expected whole blocks of %d",
                       (long long)begin, (long long)end, RT_BLOCK);
    return rt__optim_measure(o, round, begin, end, t, lr, grad_scale);
}

double *rt_optim_measures(rt_optim *o, int round, int64_t *count)
{
    if (check("optim_measures", o, round) != RT_OK)
        return NULL;
    *count = o->measured.count[round];
    return o->measured.share[round];
}

void rt_optim_measured(const rt_optim *o, int round, int64_t begin, int64_t end, int64_t *first,
                       int64_t *last)
{
    *first = *last = 0;
    if (check("optim_measured", o, round) != RT_OK)
        return;
    const rt__measured *m = &o->measured;
    *first = m->stretch[stretch_at(m, begin)].first[round];
    *last = end > begin ? m->stretch[stretch_at(m, end)].first[round] : *first;
}

rt_status rt_optim_settle(rt_optim *o, int round, int64_t t)
{
    RT_TRY(check("optim_settle", o, round));
    return t >= 1 ? rt__optim_settle(o, round, t)
                  : RT_FAIL(RANGE, "optim_settle: update %lld: counted from 1", (long long)t);
}
