#include "tests/sim/rows.h"

#include "tests/sim/memory.h"

void sim_rows_release(sim_rows *r)
{
    sim_free(r->kept);
    sim_free(r->abandoned);
    *r = (sim_rows){0};
}

sim_row sim_row_of(const json_t *json)
{
    const json_t *loss = json_object_get(json, "eval_loss");
    return (sim_row){.step = json_integer_value(json_object_get(json, "step")),
                     .generation = json_integer_value(json_object_get(json, "generation")),
                     .evaluated = loss != NULL,
                     .loss = json_number_value(loss)};
}

sim_row sim_rows_last(const sim_rows *r)
{
    return r->count > 0 ? r->kept[r->count - 1] : (sim_row){.step = -1};
}

static void append(sim_row **list, int64_t *count, int64_t *room, const sim_row *row)
{
    if (*count == *room)
        *list = sim_grow(*list, room, sizeof **list);
    (*list)[(*count)++] = *row;
}

void sim_rows_add(sim_rows *r, const sim_row *row)
{
    append(&r->kept, &r->count, &r->room, row);
}

void sim_rows_rewind(sim_rows *r, int64_t step)
{
    int64_t first = r->count;
    while (first > 0 && r->kept[first - 1].step > step)
        first--;
    for (int64_t i = first; i < r->count; i++)
        append(&r->abandoned, &r->abandoned_count, &r->abandoned_room, &r->kept[i]);
    r->count = first;
}

/* Returns the abandoned row of a step to prefer, or -1 if there is none. */
static int64_t find(const sim_rows *r, int64_t step, const rt__rows_wanted *want)
{
    int64_t found = -1;
    bool needs_evaluation = want->evaluated && step == want->step;
    for (int64_t i = 0; i < r->abandoned_count; i++) {
        const sim_row *row = &r->abandoned[i];
        if (row->step != step || row->generation < want->since ||
            (needs_evaluation && !row->evaluated) ||
            rt__doubts_include(want->doubts, row->generation, step))
            continue;
        if (found < 0 || row->evaluated || !r->abandoned[found].evaluated)
            found = i;
    }
    return found;
}

int64_t sim_rows_bring_back(sim_rows *r, const rt__rows_wanted *want)
{
    int64_t before = r->count;
    for (int64_t step = sim_rows_last(r).step + 1; step <= want->step; step++) {
        int64_t i = find(r, step, want);
        if (i < 0)
            continue;
        sim_rows_add(r, &r->abandoned[i]);
        r->abandoned_count--;
        for (; i < r->abandoned_count; i++)
            r->abandoned[i] = r->abandoned[i + 1];
    }
    return r->count - before;
}
