/* A binary heap (Williams: Algorithm 232, Heapsort, 1964). */
#include "tests/sim/events.h"

#include "tests/sim/memory.h"

static bool before(const sim_event *a, const sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void sim_events_add(sim_events *q, const sim_event *e)
{
    if (q->count == q->room)
        q->heap = sim_grow(q->heap, &q->room, sizeof *q->heap);
    sim_event added = *e;
    added.number = q->made++;
    int64_t i = q->count++;
    for (; i > 0 && before(&added, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
        q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = added;
}

bool sim_events_take(sim_events *q, sim_event *out)
{
    if (q->count == 0)
        return false;
    *out = q->heap[0];
    sim_event last = q->heap[--q->count];
    int64_t i = 0;
    for (int64_t child; (child = 2 * i + 1) < q->count; i = child) {
        if (child + 1 < q->count && before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!before(&q->heap[child], &last))
            break;
        q->heap[i] = q->heap[child];
    }
    q->heap[i] = last;
    return true;
}

void sim_events_release(sim_events *q)
{
    sim_free(q->heap);
    *q = (sim_events){0};
}
