/* A new file on its way to a place where another may be: written beside it, then put there whole.
 *
 *     rt__temporary t;
 *     RT_TRY(rt__temporary_create(path, 0644, &t));
 *     rt_status status = rt_file_write(t.fd, path, data, len);
 *     if (status == RT_OK)
 *         return rt__temporary_commit(&t);      // now it is there
 *     rt__temporary_discard(&t);                // what was there before is as it was
 *
 * Until the commit the file has no name (O_TMPFILE), so that a process that is killed leaves nothing of it: only between
 * two system calls of the commit it is called <path>.tmp-<random>. Where the file system knows no files without a name
 * (NFS), it is called so from the beginning. */
#ifndef RINGTORCH_COMMON_TEMPORARY_H
#define RINGTORCH_COMMON_TEMPORARY_H

#include <sys/types.h>
#include <ringtorch/status.h>

typedef struct rt__temporary {
    int fd;
    char *target; /* the place it is for */
    char *name;   /* NULL: it has none yet */
} rt__temporary;

/* Creates an empty file in the directory of `path`, open for writing; its mode is `mode` less the umask. Failures name
 * the path. */
rt_status rt__temporary_create(const char *path, mode_t mode, rt__temporary *out);
/* Makes all that was written durable and puts it in place; releases t, also on failure, which changes nothing. */
rt_status rt__temporary_commit(rt__temporary *t);
/* Removes the file and releases t. */
void rt__temporary_discard(rt__temporary *t);

#endif
