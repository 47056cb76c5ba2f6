#include "worker/rank_numbers.h"

#include "common/base/error.h"
#include "common/base/rank_variables.h"
#include "common/base/text.h"
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct found {
    const char *from; /* the variable; "": none has it */
    int number;
} found;

static rt_status read_number(const char *name, const char *what, int *out)
{
    const char *text = getenv(name);
    char *end;
    if (!text)
        return RT_FAIL(ARG,
                       "%s is not set, which tells a worker %s: what starts the workers must "
                       "set it for each of them",
                       name, what);
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < 0 || number > INT_MAX)
        return RT_FAIL(ARG, "%s=%.40s: expected a number of at least 0, which tells a worker %s",
                       name, text, what);
    *out = (int)number;
    return RT_OK;
}

static rt_status find(const char *named_in, const char *of_open_mpi, bool needed, const char *what,
                      found *out)
{
    const char *told = getenv(named_in);
    *out = (found){.from = told ? told : of_open_mpi};
    if (!*out->from && !needed)
        return RT_OK;
    return read_number(out->from, what, &out->number);
}

static rt_status check_below(const found *number, const found *of)
{
    return number->number < of->number
               ? RT_OK
               : RT_FAIL(ARG, "%s=%d and %s=%d: expected a number below that of all ranks",
                         number->from, number->number, of->from, of->number);
}

static rt_status check_ordered(const found *world)
{
    int ordered;
    RT_TRY(read_number(RT_RANKS_ORDERED, "how many were ordered", &ordered));
    return world->number == ordered
               ? RT_OK
               : RT_FAIL(ARG,
                         "%s=%d, but %d worker%s had been ordered: what starts them must start as "
                         "many",
                         world->from, world->number, ordered, rt_plural(ordered));
}

rt_status rt__rank_numbers_read(rt__rank_numbers *out)
{
    found n[RT_RANK_NUMBERS];
#define ROW(number, named_in, of_open_mpi, needed, what)                                           \
    RT_TRY(find(named_in, of_open_mpi, needed, what, &n[RT_NUMBER_##number]));
    RT_RANK_VARIABLES(ROW)
#undef ROW
    const found *world = &n[RT_NUMBER_world], *local = &n[RT_NUMBER_local_world];
    RT_TRY(check_ordered(world));
    RT_TRY(check_below(&n[RT_NUMBER_rank], world));
    RT_TRY(check_below(&n[RT_NUMBER_local_rank], *local->from ? local : world));
    *out = (rt__rank_numbers){.rank = n[RT_NUMBER_rank].number,
                              .world = world->number,
                              .local_rank = n[RT_NUMBER_local_rank].number,
                              .local_world = *local->from ? local->number : world->number,
                              .rank_from = n[RT_NUMBER_rank].from,
                              .world_from = world->from};
    return RT_OK;
}

rt_status rt__rank_numbers_check(const rt__rank_numbers *n, int rank, int world)
{
    return rank == n->rank && world == n->world
               ? RT_OK
               : RT_FAIL(MISMATCH,
                         "%s=%d and %s=%d, but MPI has made this process rank %d of %d: what "
                         "starts the workers must start them as the ranks of one MPI job, as "
                         "mpirun and srun --mpi=pmix do",
                         n->rank_from, n->rank, n->world_from, n->world, rank, world);
}
