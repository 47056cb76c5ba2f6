/* Files: whole reads, atomic replacement, directories.
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

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt_bytes {
    uint8_t *data; /* owned; one zero byte follows the end, so text can be used as a string */
    size_t len;
} rt_bytes;
void rt_bytes_release(rt_bytes *b);

/* Reads a whole regular file of at most `limit` bytes; common/base/input.h has the other ways to read. */
rt_status rt_file_read(const char *path, size_t limit, rt_bytes *out);
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
/* Appends one line with one write(2); the file is created if missing. */
rt_status rt_file_append_line(const char *path, const char *line);
/* Creates a directory and its parents; an existing one is fine. */
rt_status rt_dir_make(const char *path, unsigned mode);
/* Renames a directory or file and fsyncs the parent: the commit of an atomic change. */
rt_status rt_rename_durably(const char *from, const char *to);
/* Fsyncs the directory that holds `path`, so that files created, renamed or removed there stay so after a crash. */
rt_status rt_parent_sync(const char *path);
/* Removes a file, or a directory with everything in it; succeeds if there is none. */
rt_status rt_remove_tree(const char *path);
/* Lists the names in a directory (not . and ..), sorted bytewise; free with rt_names_release. */
typedef struct rt_names {
    char **name;
    size_t count;
} rt_names;
rt_status rt_dir_list(const char *path, rt_names *out);
void rt_names_release(rt_names *n);
bool rt_path_exists(const char *path);
/* Finds out whether anything exists at `path`, following links. Fails with ARG if permission is denied or links form a
 * loop, and with IO if the file system reports an error. */
rt_status rt_path_look(const char *path, bool *there);
/* Returns "a/b" (allocated; NULL on failure). */
char *rt_path_join(const char *a, const char *b);
/* Returns the path without components that change nothing: "./a//b/." becomes "a/b" (allocated; NULL on failure). ".."
 * stays, because its meaning depends on links. */
char *rt_path_simplify(const char *path);

#endif
