/* Files: whole reads and writes, and atomic replacement. Reading is in input.h, directories and paths are in directory.h.
 *
 *     rt_bytes b = {0};
 *     RT_TRY(rt_file_read("manifest.json", 1 << 20, &b));   // refuses more than 1 MiB
 *     ...
 *     rt_bytes_release(&b);
 *     RT_TRY(rt_file_replace("summary.json", text, strlen(text)));   // old or new, never half
 *
 * Every failure names the path and the system's reason. ENOSPC and EDQUOT give RT_E_NOSPACE, ENOENT
 * RT_E_NOTFOUND, EEXIST RT_E_EXISTS; a path that cannot be used as asked (no permission, not a
 * directory, is a directory, read-only) RT_E_ARG; anything else RT_E_IO. */
#ifndef RINGTORCH_COMMON_BASE_FILE_H
#define RINGTORCH_COMMON_BASE_FILE_H

#include "common/base/directory.h"
#include "common/base/input.h"
#include <stddef.h>

/* Writes a temporary file beside `path`, fsyncs it, renames it over `path`, fsyncs the directory.
 * Its mode is 0644 less the umask. */
rt_status rt_file_replace(const char *path, const void *data, size_t len);
/* Does the same for a file that only its owner may read. */
rt_status rt_file_replace_secret(const char *path, const void *data, size_t len);
/* rt_file_create opens a file for writing (mode 0644, truncated; a pipe or socket is refused), rt_file_write writes all
 * bytes, rt_file_finish fsyncs and closes. */
rt_status rt_file_create(const char *path, int *fd);
rt_status rt_file_write(int fd, const char *path, const void *data, size_t len);
rt_status rt_file_finish(int fd, const char *path);
/* Opens a file to append to; it is created if missing. Refuses a pipe or socket (ARG) instead of waiting for its
 * reader. */
rt_status rt_file_open_log(const char *path, int *fd);
/* Does the same for a file of lines, and first removes the incomplete line at its end that a crash may have left, so that
 * what is appended begins a line. What is longer than lines may be is no remainder of ours: it stays, and is ended. */
rt_status rt_file_open_lines(const char *path, int *fd);
/* Appends one line to such a file with one write(2). */
rt_status rt_file_append_line(const char *path, const char *line);
#endif
