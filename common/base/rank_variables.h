/* The environment variables that say which rank of a job a worker is. What starts the ranks sets them. The launcher tells a
 * worker their names in variables of its own; without those the worker reads Open MPI's.
 *
 *     #define ROW(number, named_in, of_open_mpi, needed, what) {named_in, of_open_mpi, needed},
 *     static const struct { const char *named_in, *of_open_mpi; bool needed; } rows[] = {RT_RANK_VARIABLES(ROW)};
 *
 * A job back end of a plugin names other variables (ringtorch/job.h, whose members have the names of these rows). */
#ifndef RINGTORCH_COMMON_BASE_RANK_VARIABLES_H
#define RINGTORCH_COMMON_BASE_RANK_VARIABLES_H

#define RT_RANK_OF_OPEN_MPI "OMPI_COMM_WORLD_RANK"

/* ROW(number, our variable with the name of the one to read, Open MPI's variable, whether every job must set it, what its
 * value is) */
#define RT_RANK_VARIABLES(ROW)                                                                     \
    ROW(rank, "RINGTORCH_RANK_FROM", RT_RANK_OF_OPEN_MPI, true, "its number")                      \
    ROW(world, "RINGTORCH_WORLD_FROM", "OMPI_COMM_WORLD_SIZE", true, "how many workers there are") \
    ROW(local_rank, "RINGTORCH_LOCAL_RANK_FROM", "OMPI_COMM_WORLD_LOCAL_RANK", true,               \
        "its number on its host")                                                                  \
    ROW(local_world, "RINGTORCH_LOCAL_WORLD_FROM", "OMPI_COMM_WORLD_LOCAL_SIZE", false,            \
        "how many workers its host has")

#define RT__RANK_NUMBER(number, named_in, of_open_mpi, needed, what) RT_NUMBER_##number,
enum { RT_RANK_VARIABLES(RT__RANK_NUMBER) RT_RANK_NUMBERS };
#undef RT__RANK_NUMBER

/* How many ranks the launcher has ordered. */
#define RT_RANKS_ORDERED "RINGTORCH_RANKS"

#endif
