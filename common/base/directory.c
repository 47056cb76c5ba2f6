#include "common/base/directory.h"

#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

rt_status rt_dir_make_in_place(const char *path, unsigned mode)
{
    if (mkdir(path, mode) == 0)
        return RT_OK;
    int error = errno;
    struct stat st;
    if (error == EEXIST && stat(path, &st) == 0)
        error = S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    if (error == 0)
        return RT_OK;
    errno = error;
    return RT__FAIL_ERRNO(path, "create the directory");
}

rt_status rt_dir_make(const char *path, unsigned mode)
{
    char *partial = rt_strdup(path);
    if (!partial)
        return rt_error_prefix("%s", path);
    rt_status status = RT_OK;
    for (char *slash = strchr(partial + (*partial == '/'), '/'); slash && status == RT_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        status = rt_dir_make_in_place(partial, mode);
        *slash = '/';
    }
    if (status == RT_OK)
        status = rt_dir_make_in_place(partial, mode);
    rt_mem_free(partial);
    return status;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    if (remove(path) == 0 || errno == ENOENT)
        return 0;
    RT__FAIL_ERRNO(path, "remove");
    return -1;
}

rt_status rt_remove_tree(const char *path)
{
    enum { OPEN_DIRECTORIES = 16 };
    if (nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return RT_OK;
    return rt_failed() ? rt_error_code() : RT__FAIL_ERRNO(path, "remove");
}

rt_status rt_parent_sync(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == path ? rt_strdup("/")
                   : slash       ? rt_strdup_printf("%.*s", (int)(slash - path), path)
                                 : rt_strdup(".");
    if (!parent)
        return rt_error_prefix("%s", path);
    rt_status status = RT_OK;
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        status = RT__FAIL_ERRNO(parent, "open");
    else if (fsync(fd) < 0)
        status = RT__FAIL_ERRNO(parent, "sync");
    if (fd >= 0)
        close(fd);
    rt_mem_free(parent);
    return status;
}

rt_status rt_rename_durably(const char *from, const char *to)
{
    if (rename(from, to) < 0) {
        int error = errno;
        char doing[PATH_MAX + 16];
        snprintf(doing, sizeof doing, "rename to %s", to);
        errno = error;
        return RT__FAIL_ERRNO(from, doing);
    }
    return rt_parent_sync(to);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static rt_status add_name(rt_names *n, const char *name)
{
    if ((n->count & (n->count - 1)) == 0) { /* full at every power of two */
        char **grown = rt_realloc(n->name, (n->count ? 2 * n->count : 1) * sizeof *grown);
        if (!grown)
            return rt_error_code();
        n->name = grown;
    }
    char *copy = rt_strdup(name);
    if (!copy)
        return rt_error_code();
    n->name[n->count++] = copy;
    return RT_OK;
}

rt_status rt_dir_list(const char *path, rt_names *out)
{
    *out = (rt_names){0};
    DIR *dir = opendir(path);
    if (!dir)
        return RT__FAIL_ERRNO(path, "list");
    rt_status status = RT_OK;
    while (status == RT_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            status = errno ? RT__FAIL_ERRNO(path, "list") : RT_OK;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = add_name(out, entry->d_name);
    }
    closedir(dir);
    if (status != RT_OK)
        rt_names_release(out);
    else if (out->count > 1)
        qsort(out->name, out->count, sizeof *out->name, by_bytes);
    return status;
}

void rt_names_release(rt_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        rt_mem_free(n->name[i]);
    rt_mem_free(n->name);
    *n = (rt_names){0};
}

bool rt_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

rt_status rt_path_look(const char *path, bool *there)
{
    struct stat st;
    *there = stat(path, &st) == 0;
    return *there || errno == ENOENT || errno == ENOTDIR ? RT_OK : RT__FAIL_ERRNO(path, "access");
}

char *rt_path_join(const char *a, const char *b)
{
    size_t len = strlen(a);
    bool slash = len > 0 && a[len - 1] == '/';
    return rt_strdup_printf("%s%s%s", a, slash || len == 0 ? "" : "/", b);
}

char *rt_path_simplify(const char *path)
{
    char *out = rt_strdup(path);
    size_t used = path[0] == '/';
    if (!out || !path[0])
        return out;
    for (const char *part = path + strspn(path, "/"); *part; part += strspn(part, "/")) {
        size_t len = strcspn(part, "/");
        if (len != 1 || *part != '.') {
            if (used > 0 && out[used - 1] != '/')
                out[used++] = '/';
            memcpy(out + used, part, len);
            used += len;
        }
        part += len;
    }
    if (used == 0)
        out[used++] = '.';
    out[used] = '\0';
    return out;
}

char *rt_path_absolute(const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/')
        return rt_strdup(path);
    if (!getcwd(here, sizeof here))
        return RT_FAIL_NULL(IO, "%s: the working directory: %m", path);
    char *joined = rt_path_join(here, path), *out = joined ? rt_path_simplify(joined) : NULL;
    rt_mem_free(joined);
    return out;
}
