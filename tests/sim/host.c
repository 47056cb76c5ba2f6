#include "tests/sim/host.h"

#include "tests/sim/memory.h"

sim_snapshot *sim_host_create(sim_host *h, int64_t generation, int64_t rank, int64_t begin,
                              int64_t end)
{
    if (h->snapshots == h->room)
        h->snapshot = sim_grow(h->snapshot, &h->room, sizeof *h->snapshot);
    sim_snapshot *s = sim_alloc(sizeof *s);
    *s = (sim_snapshot){.holders = 2,
                        .generation = generation,
                        .rank = rank,
                        .begin = begin,
                        .end = end,
                        .slot = {{.step = -1}, {.step = -1}},
                        .mark = {.slice = -1}};
    return h->snapshot[h->snapshots++] = s;
}

sim_snapshot *sim_host_find(const sim_host *h, int64_t generation, int64_t rank)
{
    for (int64_t i = 0; i < h->snapshots; i++)
        if (h->snapshot[i]->generation == generation && h->snapshot[i]->rank == rank)
            return h->snapshot[i];
    return NULL;
}

int sim_snapshot_slot(const sim_snapshot *s, int64_t step)
{
    for (int k = 0; k < 2; k++)
        if (s->slot[k].step == step)
            return k;
    return -1;
}

void sim_snapshot_write(sim_snapshot *s, int64_t step, uint64_t hash)
{
    s->newest = 1 - s->newest;
    s->slot[s->newest].step = step;
    s->slot[s->newest].hash = hash;
}

void sim_snapshot_drop(sim_snapshot *s)
{
    if (s && --s->holders == 0)
        sim_free(s);
}

void sim_host_forget(sim_host *h, int64_t before)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < h->snapshots; i++)
        if (h->snapshot[i]->generation < before)
            sim_snapshot_drop(h->snapshot[i]);
        else
            h->snapshot[kept++] = h->snapshot[i];
    h->snapshots = kept;
}
