/* Directories and paths.
 *
 *     char *path = rt_path_join(run_dir, "logs");
 *     RT_TRY(rt_dir_make(path, 0755));            // with its parents
 *     rt_names names;
 *     RT_TRY(rt_dir_list(path, &names));          // sorted
 *     ...
 *     rt_names_release(&names);
 *     rt_mem_free(path);
 *
 * Failures are those of common/base/file.h. */
#ifndef RINGTORCH_COMMON_BASE_DIRECTORY_H
#define RINGTORCH_COMMON_BASE_DIRECTORY_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Creates a directory and its parents; an existing one is fine. */
rt_status rt_dir_make(const char *path, unsigned mode);
/* Creates a directory in one that exists; fails with NOTFOUND if that is gone. An existing one is fine. */
rt_status rt_dir_make_in_place(const char *path, unsigned mode);
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
/* Returns the path from the root, for processes that may start in another directory (allocated). Symbolic links stay:
 * they may lead elsewhere on another host. NULL on failure, with IO if the working directory is gone. */
char *rt_path_absolute(const char *path);

#endif
