/* A file that is written beside its target path and then moved there whole, replacing what was there.
 *
 *     rt__temporary t;
 *     RT_TRY(rt__temporary_create(path, 0644, &t));
 *     rt_status status = rt_file_write(t.fd, path, data, len);
 *     if (status == RT_OK)
 *         return rt__temporary_commit(&t);      // now it is in place
 *     rt__temporary_discard(&t);                // what was there before is untouched
 *
 * Until the commit the file has no name (O_TMPFILE), so a killed process leaves nothing behind. Only between two system
 * calls of the commit is it called <path>.tmp-<random>. On a file system without nameless files (NFS) it has that name
 * from the start. */
#ifndef RINGTORCH_COMMON_BASE_TEMPORARY_H
#define RINGTORCH_COMMON_BASE_TEMPORARY_H

#include <ringtorch/status.h>
#include <sys/types.h>

typedef struct rt__temporary {
    int fd;
    char *target; /* the path it will replace */
    char *name;   /* NULL while it has none */
} rt__temporary;

/* Creates an empty file in the directory of `path`, open for writing; its mode is `mode` less the umask. Failures name
 * the path. */
rt_status rt__temporary_create(const char *path, mode_t mode, rt__temporary *out);
/* Makes all that was written durable and puts it in place; releases t, also on failure, which changes nothing. */
rt_status rt__temporary_commit(rt__temporary *t);
/* Removes the file and releases t. */
void rt__temporary_discard(rt__temporary *t);

#endif
