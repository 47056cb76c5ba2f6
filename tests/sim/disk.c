#include "tests/sim/disk.h"

#include "tests/sim/memory.h"
#include <inttypes.h>
#include <string.h>

void sim_disk_release(sim_disk *d)
{
    for (int64_t i = 0; i < d->records; i++)
        json_decref(d->journal[i]);
    sim_free(d->journal);
    sim_free(d->piece);
    sim_free(d->checkpoint);
    *d = (sim_disk){0};
}

/* ---- pieces ---- */

static sim_piece *find_piece(const sim_disk *d, int64_t step, int64_t generation, int64_t rank)
{
    for (int64_t i = 0; i < d->pieces; i++) {
        sim_piece *p = &d->piece[i];
        if (p->step == step && p->generation == generation && p->rank == rank)
            return p;
    }
    return NULL;
}

void sim_disk_write_piece(sim_disk *d, const sim_piece *p)
{
    sim_piece *there = d->pieces < 1024 ? find_piece(d, p->step, p->generation, p->rank) : NULL;
    if (there) {
        *there = *p;
        return;
    }
    if (d->pieces == d->pieces_room)
        d->piece = sim_grow(d->piece, &d->pieces_room, sizeof *d->piece);
    d->piece[d->pieces++] = *p;
}

static bool is_of(const sim_piece *p, int64_t step, int64_t generation)
{
    return p->step == step && (generation < 0 || p->generation == generation);
}

void sim_disk_discard(sim_disk *d, int64_t step, int64_t generation)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < d->pieces; i++)
        if (!is_of(&d->piece[i], step, generation))
            d->piece[kept++] = d->piece[i];
    d->pieces = kept;
}

void sim_disk_tidy(sim_disk *d)
{
    d->pieces = 0;
}

/* ---- checkpoints ---- */

/* Keeps the list in ascending order of steps; a checkpoint of the same step is replaced, as rename does. */
static void add_checkpoint(sim_disk *d, const sim_checkpoint *c)
{
    if (d->checkpoints == d->checkpoints_room)
        d->checkpoint = sim_grow(d->checkpoint, &d->checkpoints_room, sizeof *d->checkpoint);
    int64_t i = d->checkpoints;
    while (i > 0 && d->checkpoint[i - 1].step >= c->step)
        i--;
    bool same = i < d->checkpoints && d->checkpoint[i].step == c->step;
    if (!same) {
        memmove(&d->checkpoint[i + 1], &d->checkpoint[i],
                (size_t)(d->checkpoints - i) * sizeof *d->checkpoint);
        d->checkpoints++;
    }
    d->checkpoint[i] = *c;
}

bool sim_disk_commit(sim_disk *d, int64_t step, int64_t generation, int64_t world, int64_t count,
                     const char **why, bool *mixed)
{
    sim_checkpoint c = {.step = step, .world = world};
    int64_t found = 0, elements = 0;
    *mixed = false;
    for (int64_t i = 0; i < d->pieces; i++) {
        const sim_piece *p = &d->piece[i];
        if (!is_of(p, step, generation) || p->rank >= world)
            continue;
        *mixed |= found > 0 && p->hash != c.hash;
        c.hash = p->hash;
        elements += p->end - p->begin;
        found++;
    }
    *why = found < world ? "a piece is not there" : "";
    if (found < world)
        return false;
    *mixed |= elements != count;
    snprintf(c.path, sizeof c.path, "checkpoints/step-%08" PRId64, step);
    sim_disk_discard(d, step, generation);
    add_checkpoint(d, &c);
    return true;
}

const sim_checkpoint *sim_disk_newest(const sim_disk *d, int64_t most)
{
    for (int64_t i = d->checkpoints - 1; i >= 0; i--)
        if (d->checkpoint[i].step <= most && !d->checkpoint[i].rotten)
            return &d->checkpoint[i];
    return NULL;
}

const sim_checkpoint *sim_disk_at(const sim_disk *d, const char *path)
{
    for (int64_t i = 0; i < d->checkpoints; i++)
        if (strcmp(d->checkpoint[i].path, path) == 0)
            return &d->checkpoint[i];
    return NULL;
}

bool sim_disk_has(const sim_disk *d, int64_t step)
{
    for (int64_t i = 0; i < d->checkpoints; i++)
        if (d->checkpoint[i].step == step)
            return true;
    return false;
}

/* Like rt__store_prune, removes nothing if none of those that stay can be used. */
void sim_disk_prune(sim_disk *d, int64_t keep)
{
    int64_t extra = d->checkpoints - keep;
    if (extra <= 0)
        return;
    bool usable = false;
    for (int64_t i = extra; i < d->checkpoints; i++)
        usable |= !d->checkpoint[i].rotten;
    if (!usable)
        return;
    d->checkpoints -= extra;
    memmove(d->checkpoint, d->checkpoint + extra, (size_t)d->checkpoints * sizeof *d->checkpoint);
}

/* ---- the journal ---- */

void sim_disk_log(sim_disk *d, const json_t *record)
{
    if (d->records == d->records_room)
        d->journal = sim_grow(d->journal, &d->records_room, sizeof *d->journal);
    d->journal[d->records++] = json_deep_copy(record);
}

void sim_disk_shorten_log(sim_disk *d, const json_t *record)
{
    while (d->records > 0)
        json_decref(d->journal[--d->records]);
    sim_disk_log(d, record);
}
