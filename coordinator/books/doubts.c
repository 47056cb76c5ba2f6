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
