#include "common/state/snapshot_list.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- owners ---- */

bool rt_snapshot_is_ours(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && st.st_uid == geteuid();
}

static bool is_same(const rt_snapshot_name *a, const rt_snapshot_name *b)
{
    return a->what == b->what && a->generation == b->generation && a->rank == b->rank &&
           strcmp(a->run, b->run) == 0;
}

rt_snapshot_owner rt_snapshot_owner_of(const char *named, const char *run_dir)
{
    struct stat theirs, ours;
    if (strcmp(named, run_dir) == 0)
        return RT_SNAPSHOT_OURS;
    if (stat(named, &theirs) != 0)
        return RT_SNAPSHOT_ORPHAN;
    bool same =
        stat(run_dir, &ours) == 0 && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
    return same ? RT_SNAPSHOT_OURS : RT_SNAPSHOT_OTHERS;
}

/* Judges any of our names in a shared directory; what names no run directory is an orphan. */
static rt_snapshot_owner owner_of_path(const char *path, const char *run_dir)
{
    rt_snapshot s;
    rt_snapshot_name n;
    const char *slash = strrchr(path, '/');
    rt_snapshot_owner owner = RT_SNAPSHOT_ORPHAN;
    if (!rt_snapshot_name_parse(slash ? slash + 1 : path, &n) || n.what >= RT_SNAPSHOT_MPI)
        return owner;
    if (rt_snapshot_open(path, &s) == RT_OK)
        owner = rt_snapshot_owner_of(s.about.run_dir, run_dir);
    else
        rt_error_clear();
    rt_snapshot_close(&s);
    return owner;
}

bool rt_snapshot_may_remove(const char *path, const char *run_dir)
{
    if (!rt_snapshot_is_ours(path))
        return false;
    const rt_snapshot_owner owner = owner_of_path(path, run_dir);
    return owner == RT_SNAPSHOT_OURS || (owner == RT_SNAPSHOT_ORPHAN && !rt_snapshot_in_use(path));
}

/* Returns whether the run in run_dir (NULL: any) may read a file or directory. */
static bool may_read(const char *path, const char *run_dir)
{
    return rt_snapshot_is_ours(path) &&
           (!run_dir || owner_of_path(path, run_dir) != RT_SNAPSHOT_OTHERS);
}

char *rt_snapshot_find(const char *dir, const rt_snapshot_name *name, const char *run_dir)
{
    rt_names names;
    char *path = NULL;
    if (rt_dir_list(dir, &names) != RT_OK)
        return NULL;
    for (size_t i = 0; i < names.count && !path; i++) {
        rt_snapshot_name n;
        if (!rt_snapshot_name_parse(names.name[i], &n) || !is_same(&n, name))
            continue;
        path = rt_path_join(dir, names.name[i]);
        if (path && !may_read(path, run_dir)) {
            rt_mem_free(path);
            path = NULL;
        }
    }
    rt_names_release(&names);
    if (!path && !rt_failed()) {
        char text[RT_SNAPSHOT_NAME];
        rt_snapshot_name_print(name, text);
        return RT_FAIL_NULL(NOTFOUND, "%s/%s-*: no such file of ours", dir, text);
    }
    return path;
}

/* ---- locks ---- */

/* Opens the path without following links or waiting; returns -1 with errno on failure. */
static int open_to_lock(const char *path)
{
    return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

bool rt_snapshot_in_use(const char *path)
{
    int fd = open_to_lock(path);
    bool in_use = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return in_use;
}

rt_status rt_snapshot_remove(const char *path, bool *in_use)
{
    *in_use = false;
    if (rt_path_exists(path) && !rt_snapshot_is_ours(path))
        return RT_FAIL(ARG, "%s: belongs to another user: left alone", path);
    int fd = open_to_lock(path); /* a link cannot be opened and has no user */
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        *in_use = true;
    rt_status status = *in_use ? RT_OK : rt_remove_tree(path);
    if (fd >= 0)
        close(fd);
    return status;
}

/* ---- a directory ---- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_name(const void *a, const void *b)
{
    const rt_snapshot_name *x = &((const rt_snapshot_entry *)a)->name;
    const rt_snapshot_name *y = &((const rt_snapshot_entry *)b)->name;
    int order = strcmp(x->run, y->run);
    if (order == 0)
        order = compare(x->generation, y->generation);
    if (order == 0)
        order = compare(x->rank, y->rank);
    return order != 0 ? order : compare(x->what, y->what);
}

/* Closes the file but keeps its header: there may be more files than descriptors. */
static void close_keeping(rt_snapshot *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* Returns whether an entry belongs to another user, and marks it so. */
static bool is_foreign(rt_snapshot_entry *e)
{
    struct stat st;
    e->foreign = lstat(e->path, &st) == 0 && st.st_uid != geteuid();
    if (e->foreign)
        e->status = RT_FAIL(ARG, "%s: owner is user %u, expected %u: not used", e->path,
                            (unsigned)st.st_uid, (unsigned)geteuid());
    return e->foreign;
}

/* Opens an entry. A file that cannot be used is recorded in the entry; only running out of memory is a failure. */
static rt_status open_entry(rt_snapshot_entry *e)
{
    bool foreign = is_foreign(e);
    if (!foreign && e->name.what < RT_SNAPSHOT_MPI) {
        e->snapshot = rt_malloc(sizeof *e->snapshot);
        if (!e->snapshot)
            return RT_E_NOMEM;
        e->status = rt_snapshot_open(e->path, e->snapshot);
        if (e->status == RT_E_NOMEM)
            return e->status;
        close_keeping(e->snapshot);
        if (e->status != RT_OK) {
            rt_mem_free(e->snapshot);
            e->snapshot = NULL;
        }
    }
    e->reason = rt_strdup(rt_error());
    if (!e->reason)
        return RT_E_NOMEM;
    rt_error_clear();
    e->in_use = !foreign && rt_snapshot_in_use(e->path);
    return RT_OK;
}

static rt_status add_entries(const char *dir, const char *run, const rt_names *names,
                             rt_snapshot_list *l)
{
    l->item = rt_calloc(names->count, sizeof *l->item);
    if (!l->item)
        return RT_E_NOMEM;
    for (size_t i = 0; i < names->count; i++) {
        rt_snapshot_entry *e = &l->item[l->count];
        if (!rt_snapshot_name_parse(names->name[i], &e->name) || (run && strcmp(e->name.run, run)))
            continue;
        l->count++;
        e->path = rt_path_join(dir, names->name[i]);
        if (!e->path)
            return RT_E_NOMEM;
        RT_TRY(open_entry(e));
    }
    if (l->count > 1)
        qsort(l->item, (size_t)l->count, sizeof *l->item, by_name);
    return RT_OK;
}

rt_status rt_snapshot_list_read(const char *dir, const char *run, rt_snapshot_list *out)
{
    rt_names names;
    *out = (rt_snapshot_list){0};
    rt_status status = rt_dir_list(dir, &names);
    if (status == RT_E_NOTFOUND) {
        rt_error_clear();
        return RT_OK;
    }
    RT_TRY(status);
    status = add_entries(dir, run, &names, out);
    rt_names_release(&names);
    if (status != RT_OK)
        rt_snapshot_list_release(out);
    return status;
}

void rt_snapshot_list_release(rt_snapshot_list *l)
{
    for (int64_t i = 0; i < l->count; i++) {
        rt_snapshot_entry *e = &l->item[i];
        if (e->snapshot)
            rt_snapshot_close(e->snapshot);
        rt_mem_free(e->snapshot);
        rt_mem_free(e->reason);
        rt_mem_free(e->path);
    }
    rt_mem_free(l->item);
    *l = (rt_snapshot_list){0};
}

rt_status rt_snapshot_forget(const char *dir, const char *run, const char *run_dir, int64_t before)
{
    rt_names names;
    rt_status status = rt_dir_list(dir, &names), first = RT_OK;
    if (status == RT_E_NOTFOUND) {
        rt_error_clear();
        return RT_OK;
    }
    RT_TRY(status);
    for (size_t i = 0; i < names.count; i++) {
        rt_snapshot_name n;
        if (!rt_snapshot_name_parse(names.name[i], &n) || strcmp(n.run, run) != 0 ||
            n.generation >= before)
            continue;
        char *path = rt_path_join(dir, names.name[i]);
        if (!path)
            status = RT_E_NOMEM;
        else
            status = rt_snapshot_may_remove(path, run_dir) ? rt_remove_tree(path) : RT_OK;
        first = first == RT_OK ? status : first;
        rt_mem_free(path);
    }
    rt_names_release(&names);
    return first;
}
