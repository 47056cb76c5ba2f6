/* The names of files and directories that runs keep in shared memory.
 *
 *     <dir>/ringtorch-<run>-g<generation>-r<rank>-<tag>         a snapshot (common/state/snapshot_header.h)
 *     <dir>/ringtorch-<run>-g<generation>-r<rank>-copy-<tag>    a copy for a rank of another host
 *     <dir>/ringtorch-<run>-g<generation>-mpi-<tag>/            what MPI shares among the ranks of a host
 *     /tmp/ringtorch-<run>-g<generation>-orte-<tag>/            mpirun's own files
 *
 * These directories are open to all users of the machine, who can see the names in them. Each name ends with a tag of 8
 * random hex digits, so that nobody can guess the next one and create it before we do. Names without a tag are
 * accepted, too.
 *
 *     rt_snapshot_name name = {RT_SNAPSHOT_OWN, "66f1a2", .generation = 1, .rank = 0};
 *     RT_TRY(rt_snapshot_tag_make(name.tag));
 *     char *path = rt_snapshot_path("/dev/shm", &name);    // "/dev/shm/ringtorch-66f1a2-g1-r0-7c01b9e4"
 */
#ifndef RINGTORCH_COMMON_STATE_SNAPSHOT_NAME_H
#define RINGTORCH_COMMON_STATE_SNAPSHOT_NAME_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum rt_snapshot_what {
    RT_SNAPSHOT_OWN,
    RT_SNAPSHOT_COPY,
    RT_SNAPSHOT_MPI,
    RT_SNAPSHOT_MPIRUN,
} rt_snapshot_what;

enum { RT_SNAPSHOT_TAG = 9, RT_SNAPSHOT_NAME = 160 };

typedef struct rt_snapshot_name {
    rt_snapshot_what what;
    char run[64];
    int64_t generation, rank;  /* rank: -1 for MPI and mpirun */
    char tag[RT_SNAPSHOT_TAG]; /* "" if none */
} rt_snapshot_name;

/* Makes a random tag. Fails with IO if the system provides no random numbers. */
rt_status rt_snapshot_tag_make(char tag[RT_SNAPSHOT_TAG]);
bool rt_snapshot_tag_is(const char *text);
void rt_snapshot_name_print(const rt_snapshot_name *n, char out[RT_SNAPSHOT_NAME]);
/* Parses the last component of a path; returns false if it is not one of our names. */
bool rt_snapshot_name_parse(const char *name, rt_snapshot_name *out);
/* Returns the path of that name in `dir` (rt_mem_free; NULL if memory runs out). */
char *rt_snapshot_path(const char *dir, const rt_snapshot_name *name);

#endif
