#include "coordinator/books/doubts.h"
#include <string.h>

void rt__doubts_add(rt__doubts *d, rt__doubt doubt)
{
    while (d->count > 0 && d->list[d->count - 1].step >= doubt.step)
        d->count--; /* the new doubt rules out all that this one does */
    if (d->count == RT__DOUBTS) {
        d->list[1].step = d->list[0].step;
        memmove(d->list, d->list + 1, (size_t)--d->count * sizeof *d->list);
    }
    d->list[d->count++] = doubt;
}

bool rt__doubts_include(const rt__doubts *d, int64_t generation, int64_t step)
{
    for (int i = 0; i < d->count; i++)
        if (generation <= d->list[i].generation && step > d->list[i].step)
            return true;
    return false;
}
