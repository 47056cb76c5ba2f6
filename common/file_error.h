/* What file.c, directory.c and output.c share: how failures of system calls become errors, and
 * temporary files.
 *
 *     if (open(path, flags) < 0)
 *         return RT__FAIL_ERRNO(path, "open");    // "runs/x: cannot open: Permission denied"
 */
#ifndef RINGTORCH_COMMON_FILE_ERROR_H
#define RINGTORCH_COMMON_FILE_ERROR_H

#include <sys/types.h>
#include <ringtorch/status.h>

/* Reads errno. */
#define RT__FAIL_ERRNO(path, doing) rt__fail_errno(__FILE__, __LINE__, path, doing)
rt_status rt__fail_errno(const char *file, int line, const char *path, const char *doing);

/* Creates an empty file beside `path`, under a name that nobody can have prepared; its mode is `mode` less
 * the umask. *name is the caller's, who unlinks the file and frees it. */
rt_status rt__temporary_create(const char *path, mode_t mode, char **name, int *fd);

#endif
