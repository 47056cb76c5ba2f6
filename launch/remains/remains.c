#include "launch/remains/remains.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/state/run_lock.h"
#include "common/state/snapshot_list.h"
#include "launch/remains/control_file.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double YOUNG_SECONDS =
    60; /* a run whose directory is unknown may be starting until its files are this old */

/* A slot of a snapshot: the elements [begin,end) of `count` after `step` steps. Parts with the same key and step together
 * make one state. */
typedef struct part {
    int64_t step, begin, end, count;
    uint64_t key;
} part;

typedef struct rt__remains_facts {
    part *part;
    int64_t parts;
    bool in_use, other_version, open_to_others;
    bool mpirun;    /* mpirun of this run is alive */
    double touched; /* wall clock: when one of its directories was last changed */
} facts;

/* ---- sizes ---- */

static _Thread_local double counted_bytes;

static int count_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)path, (void)where;
    if (kind == FTW_F || kind == FTW_SL)
        counted_bytes += (double)st->st_blocks * 512;
    return 0;
}

static double bytes_below(const char *path)
{
    enum { OPEN_DIRECTORIES = 16 };
    counted_bytes = 0;
    nftw(path, count_entry, OPEN_DIRECTORIES, FTW_PHYS);
    return counted_bytes;
}

/* ---- grouping ---- */

static void *grow(void *list, int64_t count, size_t size)
{
    if (count & (count - 1)) /* full at every power of two */
        return list;
    return rt_realloc(list, (size_t)(count ? 2 * count : 1) * size);
}

/* Finds the run by id, user and run directory (NULL: any). Another user's files with the id of our run do not belong to
 * that run, nor do those of a copy of its run directory. A file that names no directory and is in use belongs to a run
 * whose files are in use, if there is one. */
static rt__remains_run *find(const rt__remains *l, const char *id, int64_t user, const char *dir,
                             bool in_use)
{
    rt__remains_run *found = NULL;
    for (int64_t i = 0; i < l->count; i++) {
        rt__remains_run *r = &l->run[i];
        if (r->user != user || strcmp(r->id, id) != 0 ||
            (dir && r->dir && rt_snapshot_owner_of(r->dir, dir) != RT_SNAPSHOT_OURS))
            continue;
        if (!found || (!dir && in_use && r->facts->in_use))
            found = r;
    }
    return found;
}

static rt__remains_run *find_or_add(rt__remains *l, const char *id, int64_t user, const char *dir,
                                    bool in_use)
{
    rt__remains_run *found = find(l, id, user, dir, in_use);
    if (found)
        return found;
    rt__remains_run *grown = grow(l->run, l->count, sizeof *grown);
    facts *f = grown ? rt_calloc(1, sizeof *f) : NULL;
    if (grown)
        l->run = grown;
    if (!f)
        return NULL;
    rt__remains_run *r = &l->run[l->count++];
    *r = (rt__remains_run){.user = user, .step = -1, .part = -1, .facts = f};
    snprintf(r->id, sizeof r->id, "%s", id);
    return r;
}

/* Returns the entry's reason without the path that it begins with. */
static const char *reason_of(const rt_snapshot_entry *e)
{
    size_t n = strlen(e->path);
    bool named = strncmp(e->reason, e->path, n) == 0 && strncmp(e->reason + n, ": ", 2) == 0;
    return named ? e->reason + n + 2 : e->reason;
}

static rt_status add_item(rt__remains_run *r, const char *path, const char *unusable, bool control)
{
    rt__remains_item *grown = grow(r->item, r->count, sizeof *grown);
    if (!grown)
        return rt_error_code();
    r->item = grown;
    rt__remains_item *item = &r->item[r->count++];
    *item = (rt__remains_item){.path = rt_strdup(path),
                               .unusable = unusable ? rt_strdup(unusable) : NULL,
                               .control = control,
                               .bytes = bytes_below(path)};
    r->bytes += item->bytes;
    return item->path && (item->unusable || !unusable) ? RT_OK : rt_error_code();
}

/* Parts fit together if they have the same configuration, layout and size. */
static uint64_t key_of(const rt_snapshot_about *a)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s %s %" PRId64, a->config_hash, a->layout_hash, a->count);
    return rt_hash64(text, (size_t)n);
}

static rt_status add_parts(facts *f, const rt_snapshot *s)
{
    for (int i = 0; i < RT_SNAPSHOT_SLOTS; i++) {
        if (s->slot[i].step < 0)
            continue;
        part *grown = grow(f->part, f->parts, sizeof *grown);
        if (!grown)
            return rt_error_code();
        f->part = grown;
        f->part[f->parts++] = (part){s->slot[i].step, s->about.begin, s->about.end, s->about.count,
                                     key_of(&s->about)};
    }
    return RT_OK;
}

static void note_directory(facts *f, const struct stat *st)
{
    /* We do not remove what others could change meanwhile. */
    f->open_to_others |= (st->st_mode & 022) != 0;
    f->touched = (double)st->st_mtime > f->touched ? (double)st->st_mtime : f->touched;
}

static rt_status add_entry(rt__remains *l, const rt_snapshot_entry *e)
{
    struct stat st;
    if (lstat(e->path, &st) != 0)
        return RT_OK; /* it was removed meanwhile */
    const char *dir = e->snapshot ? e->snapshot->about.run_dir : NULL;
    rt__remains_run *r = find_or_add(l, e->name.run, st.st_uid, dir, e->in_use);
    if (!r)
        return rt_error_code();
    bool unusable = e->status != RT_OK && !e->foreign;
    RT_TRY(add_item(r, e->path, unusable ? reason_of(e) : NULL, false));
    if (S_ISDIR(st.st_mode))
        note_directory(r->facts, &st);
    if (e->name.what == RT_SNAPSHOT_MPIRUN)
        r->facts->mpirun |= e->in_use;
    else
        r->facts->in_use |= e->in_use;
    r->facts->other_version |= e->status == RT_E_MISMATCH;
    if (!e->snapshot)
        return RT_OK;
    if (!r->dir && !(r->dir = rt_strdup(dir)))
        return rt_error_code();
    return add_parts(r->facts, e->snapshot);
}

/* Returns whether the control file in the run directory is this run's. */
static bool has_control(const rt__remains_run *r)
{
    rt__control c;
    bool ours = rt__control_read(r->dir, &c) == RT_OK && strcmp(c.run, r->id) == 0;
    rt_error_clear();
    return ours;
}

/* Adds the control file that a killed coordinator has left in the run directory. */
static rt_status add_control(rt__remains_run *r)
{
    if (!r->dir || !has_control(r))
        return RT_OK;
    char *path = rt_path_join(r->dir, "control.json");
    rt_status status = path ? add_item(r, path, NULL, true) : rt_error_code();
    rt_mem_free(path);
    return status;
}

/* ---- judging ---- */

static int by_step_and_place(const void *a, const void *b)
{
    const part *x = a, *y = b;
    if (x->step != y->step)
        return x->step > y->step ? -1 : 1;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Finds the newest step of which all elements are on this host. */
static void find_step(rt__remains_run *r)
{
    const facts *f = r->facts;
    if (f->parts > 1)
        qsort(f->part, (size_t)f->parts, sizeof *f->part, by_step_and_place);
    r->part = f->parts > 0 ? f->part[0].step : -1;
    for (int64_t i = 0, covered = 0; i < f->parts && r->step < 0; i++) {
        const part *p = &f->part[i];
        bool same = i > 0 && p->step == p[-1].step && p->key == p[-1].key;
        covered = same ? covered : 0;
        if (p->begin <= covered && p->end > covered)
            covered = p->end;
        if (covered == p->count)
            r->step = p->step;
    }
}

static void set_state(rt__remains_run *r, rt__run_state state, const char *why)
{
    r->state = state;
    snprintf(r->why, sizeof r->why, "%s", why);
}

/* Returns whether a launcher of this run holds the lock of its run directory. The control file tells whether another run
 * is in the directory now. */
static bool is_held_by(const rt__remains_run *r)
{
    rt__control c;
    if (!rt_run_lock_is_held(r->dir))
        return false;
    bool other = rt__control_read(r->dir, &c) == RT_OK && strcmp(c.run, r->id) != 0;
    rt_error_clear();
    return !other;
}

/* Returns whether a launcher on another host may be alive: its lock may be invisible from here. If so, writes why we keep
 * the run. */
static bool may_live_elsewhere(const rt__remains_run *r, char *why, size_t size)
{
    rt__control c;
    char name[256] = "";
    rt_status status = rt__control_read(r->dir, &c);
    rt_error_clear();
    gethostname(name, sizeof name - 1);
    if (status == RT_E_MISMATCH) {
        snprintf(why, size,
                 "control.json of the run directory is of another version of ringtorch: clean up "
                 "with that one, or, if the run has ended, remove control.json");
        return true;
    }
    if (status != RT_OK || strcmp(c.run, r->id) != 0 || !c.host[0] || strcmp(c.host, name) == 0)
        return false;
    snprintf(why, size,
             "its coordinator is on host %s: if that has ended, clean up there first, or remove "
             "control.json of the run directory",
             c.host);
    return true;
}

static void judge(rt__remains_run *r)
{
    char why[512];
    const facts *f = r->facts;
    set_state(r, RT__RUN_DEAD, "");
    find_step(r);
    if (r->user != (int64_t)geteuid()) {
        snprintf(why, sizeof why, "belongs to user %" PRId64 ": clean up as that user", r->user);
        set_state(r, RT__RUN_KEPT, why);
    } else if (f->in_use) {
        set_state(r, RT__RUN_ALIVE, "alive: a worker uses it");
    } else if (r->dir && is_held_by(r)) {
        set_state(r, RT__RUN_ALIVE, "alive: its launcher runs");
    } else if (f->mpirun) {
        set_state(r, RT__RUN_ALIVE, "alive: its mpirun runs");
    } else if (!r->dir && f->touched > rt_clock_wall() - YOUNG_SECONDS) {
        set_state(r, RT__RUN_KEPT, "made a moment ago: it may be starting");
    } else if (f->open_to_others) {
        set_state(
            r, RT__RUN_KEPT,
            "other users may write to its directories: inspect them, then remove them by hand");
    } else if (r->dir && may_live_elsewhere(r, why, sizeof why)) {
        set_state(r, RT__RUN_KEPT, why);
    } else if (!r->dir && f->other_version) {
        set_state(
            r, RT__RUN_KEPT,
            "made by another version of ringtorch: clean up with that one, or remove it by hand");
    }
}

/* ---- finding ---- */

static rt_status add_directory(rt__remains *l, const char *dir, bool only_mpi)
{
    rt_snapshot_list list;
    RT_TRY(rt_snapshot_list_read(dir, NULL, &list));
    rt_status status = RT_OK;
    /* Snapshots first: they tell which run directories there are. */
    for (int64_t i = 0; i < list.count && status == RT_OK && !only_mpi; i++)
        if (list.item[i].snapshot)
            status = add_entry(l, &list.item[i]);
    for (int64_t i = 0; i < list.count && status == RT_OK; i++)
        if (!list.item[i].snapshot && (!only_mpi || list.item[i].name.what >= RT_SNAPSHOT_MPI))
            status = add_entry(l, &list.item[i]);
    rt_snapshot_list_release(&list);
    return status;
}

static bool is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static rt_status add_all(rt__remains *l, const char *dir)
{
    struct stat st;
    if (dir && stat(dir, &st) != 0)
        return RT_FAIL(ARG, "%s: cannot be looked into: %s", dir, strerror(errno));
    RT_TRY(add_directory(l, "/dev/shm", false));
    if (!dir || !is_same(dir, "/tmp"))
        RT_TRY(add_directory(l, "/tmp", true));
    return dir && !is_same(dir, "/dev/shm") ? add_directory(l, dir, false) : RT_OK;
}

rt_status rt__remains_find(const char *dir, rt__remains *out)
{
    *out = (rt__remains){0};
    rt_status status = add_all(out, dir);
    if (status != RT_OK) {
        rt__remains_release(out);
        return status;
    }
    for (int64_t i = 0; i < out->count && status == RT_OK; i++) {
        status = add_control(&out->run[i]);
        judge(&out->run[i]);
    }
    if (status != RT_OK)
        rt__remains_release(out);
    return status;
}

rt_status rt__remains_add(rt__remains *l, const char *run_dir)
{
    char dir[PATH_MAX];
    rt__control c;
    if (!realpath(run_dir, dir) || rt__control_read(dir, &c) != RT_OK) {
        rt_error_clear();
        return RT_OK;
    }
    rt__remains_run *r = find_or_add(l, c.run, c.user, dir, false);
    if (!r)
        return rt_error_code();
    if (r->dir)
        return RT_OK; /* its snapshots name it */
    r->dir = rt_strdup(dir);
    if (!r->dir)
        return rt_error_code();
    RT_TRY(add_control(r));
    judge(r);
    return RT_OK;
}

bool rt__remains_is_of(const rt__remains_run *r, const char *dir_or_id)
{
    char real[PATH_MAX];
    if (strcmp(r->id, dir_or_id) == 0)
        return true;
    return r->dir &&
           ((realpath(dir_or_id, real) && strcmp(r->dir, real) == 0) || is_same(r->dir, dir_or_id));
}

void rt__remains_release(rt__remains *l)
{
    for (int64_t i = 0; i < l->count; i++) {
        rt__remains_run *r = &l->run[i];
        for (int64_t k = 0; k < r->count; k++) {
            rt_mem_free(r->item[k].path);
            rt_mem_free(r->item[k].unusable);
        }
        rt_mem_free(r->item);
        rt_mem_free(r->dir);
        rt_mem_free(r->facts->part);
        rt_mem_free(r->facts);
    }
    rt_mem_free(l->run);
    *l = (rt__remains){0};
}

/* Returns whether the run in run_dir, whose id is `id` ("": unknown), has left these; a copy of the directory has the id,
 * too. */
static bool is_left_by(const rt__remains_run *r, const char *run_dir, const char *id)
{
    bool has_id = id[0] && strcmp(r->id, id) == 0;
    return rt__remains_is_of(r, run_dir) ||
           (has_id && (!r->dir || rt_snapshot_owner_of(r->dir, run_dir) != RT_SNAPSHOT_OTHERS));
}

int64_t rt__remains_newest(const char *where, const char *run_dir)
{
    rt__remains l = {0};
    rt__control c;
    int64_t step = -1;
    bool known = rt__control_read(run_dir, &c) == RT_OK; /* a killed coordinator leaves the file */
    rt_error_clear();
    if (add_directory(&l, where, false) != RT_OK)
        rt_error_clear();
    for (int64_t i = 0; i < l.count; i++) {
        find_step(&l.run[i]);
        if (is_left_by(&l.run[i], run_dir, known ? c.run : "") && l.run[i].step > step)
            step = l.run[i].step;
    }
    rt__remains_release(&l);
    return step;
}

/* ---- removing ---- */

/* A control file is removed only under the lock: without it, a launcher that starts now could have written another. */
static rt_status remove_items(rt__remains_run *r, bool locked)
{
    rt_saved_error first = {0};
    for (int64_t i = 0; i < r->count && r->state == RT__RUN_DEAD; i++) {
        bool in_use = false;
        if (r->item[i].control && !(locked && has_control(r)))
            continue;
        rt_status status = rt_snapshot_remove(r->item[i].path, &in_use);
        r->item[i].removed = status == RT_OK && !in_use;
        if (in_use)
            set_state(r, RT__RUN_ALIVE, "alive: a worker uses it");
        if (status != RT_OK && first.code == RT_OK)
            rt_error_save(&first);
        rt_error_clear();
    }
    return rt_error_restore(&first);
}

/* Sees to it that there is a lock file to hold where a control file is to be removed. */
static void make_lock(const rt__remains_run *r)
{
    int fd;
    if (!r->dir || !has_control(r))
        return;
    if (rt_run_lock_open(r->dir, &fd) == RT_OK)
        close(fd);
    rt_error_clear();
}

rt_status rt__remains_remove(rt__remains_run *r)
{
    int lock = -1;
    if (r->state != RT__RUN_DEAD)
        return RT_OK;
    make_lock(r);
    if (r->dir && !rt_run_lock_try(r->dir, &lock) && is_held_by(r)) {
        set_state(r, RT__RUN_ALIVE, "alive: its launcher runs");
        return RT_OK;
    }
    rt_status status = remove_items(r, lock >= 0);
    if (lock >= 0)
        close(lock);
    return status;
}
