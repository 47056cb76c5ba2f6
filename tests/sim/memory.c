#include "tests/sim/memory.h"

#include <stdio.h>
#include <stdlib.h>

static void *or_end(void *p)
{
    if (p)
        return p;
    fputs("the simulator is out of memory\n", stderr);
    abort();
}

void *sim_alloc(size_t size)
{
    return or_end(calloc(1, size ? size : 1));
}

void *sim_grow(void *list, int64_t *room, size_t item)
{
    *room = *room ? 2 * *room : 8;
    return or_end(realloc(list, (size_t)*room * item));
}

void sim_free(void *p)
{
    free(p);
}
