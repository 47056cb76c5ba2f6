#include "launch/remains.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/snapshot_list.h"
#include "launch/ask.h"
#include "launch/place.h"
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
    60; /* a run whose directory is not known is not judged before */

/* A slot of a snapshot: the elements [begin,end) of `count` as they were after `step` steps. Parts
 * with the same key and step make one state. */
typedef struct part {
    int64_t step, begin, end, count;
    uint64_t key;
} part;

typedef struct rt__remains_facts {
    part *part;
    int64_t parts;
    bool in_use, other_version, open_to_others;
    bool mpirun;    /* a process that may be mpirun of this run is alive */
    double touched; /* wall clock: when a directory of it was last changed */
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

/* Files of another user that bear the name of one of our runs are no part of it. */
static rt__remains_run *find_or_add(rt__remains *l, const char *id, int64_t user)
{
    for (int64_t i = 0; i < l->count; i++)
        if (l->run[i].user == user && strcmp(l->run[i].id, id) == 0)
            return &l->run[i];
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

static rt_status add_item(rt__remains_run *r, const char *path)
{
    rt__remains_item *grown = grow(r->item, r->count, sizeof *grown);
    if (!grown)
        return rt_error_code();
    r->item = grown;
    r->item[r->count] = (rt__remains_item){.path = rt_strdup(path), .bytes = bytes_below(path)};
    if (!r->item[r->count].path)
        return rt_error_code();
    r->bytes += r->item[r->count++].bytes;
    return RT_OK;
}

/* States may be put together of whatever has the same configuration, layout and size. */
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

/* Returns whether a process is alive that may be mpirun or its daemon; a zombie is not, nor is somebody
 * who has got the number since. */
static bool is_living_mpirun(int pid)
{
    static const char *const names[] = {"mpi", "orte", "prte", "prun"};
    char path[64], text[256], name[64], state;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return fd < 0 && kill(pid, 0) == 0; /* it cannot be looked at */
    text[n] = '\0';
    if (sscanf(text, "%*d (%63[^)]) %c", name, &state) != 2 || state == 'Z' || state == 'X')
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* mpirun locks nothing, but names a directory after itself: <dir>/ompi.<host>.<user>/pid.<pid>. */
static bool has_living_mpirun(const char *dir)
{
    rt_names sessions, processes;
    bool alive = false;
    if (rt_dir_list(dir, &sessions) != RT_OK)
        rt_error_clear();
    for (size_t i = 0; i < sessions.count; i++) {
        char *session = rt_path_join(dir, sessions.name[i]);
        if (!session || rt_dir_list(session, &processes) != RT_OK)
            rt_error_clear();
        for (size_t k = 0; session && k < processes.count; k++) {
            int pid;
            alive |=
                sscanf(processes.name[k], "pid.%d", &pid) == 1 && pid > 0 && is_living_mpirun(pid);
        }
        if (session)
            rt_names_release(&processes);
        rt_mem_free(session);
    }
    rt_names_release(&sessions);
    return alive;
}

static void note_directory(facts *f, const char *path, const struct stat *st, bool mpirun)
{
    /* What others can change while it is being removed is not removed. */
    f->open_to_others |= (st->st_mode & 022) != 0;
    f->mpirun |= mpirun && has_living_mpirun(path);
    f->touched = (double)st->st_mtime > f->touched ? (double)st->st_mtime : f->touched;
}

static rt_status add_entry(rt__remains *l, const rt_snapshot_entry *e)
{
    struct stat st;
    if (lstat(e->path, &st) != 0)
        return RT_OK; /* removed meanwhile */
    rt__remains_run *r = find_or_add(l, e->name.run, st.st_uid);
    if (!r)
        return rt_error_code();
    RT_TRY(add_item(r, e->path));
    if (S_ISDIR(st.st_mode))
        note_directory(r->facts, e->path, &st, e->name.what == RT_SNAPSHOT_MPIRUN);
    r->facts->in_use |= e->in_use;
    r->facts->other_version |= e->status == RT_E_MISMATCH;
    if (!e->snapshot)
        return RT_OK;
    if (!r->dir && !(r->dir = rt_strdup(e->snapshot->about.run_dir)))
        return rt_error_code();
    return add_parts(r->facts, e->snapshot);
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

/* Finds the newest step of which all elements are here. */
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

static void keep(rt__remains_run *r, rt__run_state state, const char *why)
{
    r->state = state;
    snprintf(r->why, sizeof r->why, "%s", why);
}

/* The lock of a run directory is that of the run which is in it now: another one, if its control file
 * says so. */
static bool is_held_by(const rt__remains_run *r)
{
    rt__control c;
    if (!rt__place_is_held(r->dir))
        return false;
    bool other = rt__control_read(r->dir, &c) == RT_OK && strcmp(c.run, r->id) != 0;
    rt_error_clear();
    return !other;
}

/* A launcher on another host holds a lock that may not be seen from here. */
static bool may_live_elsewhere(const rt__remains_run *r, char host[256])
{
    rt__control c;
    char name[256] = "";
    bool known = rt__control_read(r->dir, &c) == RT_OK;
    rt_error_clear();
    gethostname(name, sizeof name - 1);
    if (!known || strcmp(c.run, r->id) != 0 || !c.host[0] || strcmp(c.host, name) == 0)
        return false;
    snprintf(host, 256, "%s", c.host);
    return true;
}

static void judge(rt__remains_run *r)
{
    char why[512], host[256];
    const facts *f = r->facts;
    find_step(r);
    if (r->user != (int64_t)geteuid()) {
        snprintf(why, sizeof why, "belongs to user %" PRId64 ": clean up as that user", r->user);
        keep(r, RT__RUN_KEPT, why);
    } else if (f->in_use) {
        keep(r, RT__RUN_ALIVE, "alive: a worker uses it");
    } else if (r->dir && is_held_by(r)) {
        keep(r, RT__RUN_ALIVE, "alive: its launcher runs");
    } else if (f->mpirun) {
        keep(r, RT__RUN_ALIVE, "alive: its mpirun runs");
    } else if (!r->dir && f->touched > rt_clock_wall() - YOUNG_SECONDS) {
        keep(r, RT__RUN_KEPT, "made a moment ago: it may be starting");
    } else if (f->open_to_others) {
        keep(r, RT__RUN_KEPT,
             "others may write to its directories: look at it, then remove it by hand");
    } else if (r->dir && may_live_elsewhere(r, host)) {
        snprintf(
            why, sizeof why,
            "its coordinator is on host %s: if that has ended, clean up there first, or remove "
            "control.json of the run directory",
            host);
        keep(r, RT__RUN_KEPT, why);
    } else if (!r->dir && f->other_version) {
        keep(r, RT__RUN_KEPT,
             "made by another version of ringtorch: clean up with that one, or remove it by hand");
    }
}

/* ---- finding ---- */

static rt_status add_directory(rt__remains *l, const char *dir, bool only_mpi)
{
    rt_snapshot_list list;
    RT_TRY(rt_snapshot_list_read(dir, NULL, &list));
    rt_status status = RT_OK;
    for (int64_t i = 0; i < list.count && status == RT_OK; i++)
        if (!only_mpi || list.item[i].name.what >= RT_SNAPSHOT_MPI)
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
    for (int64_t i = 0; i < out->count; i++)
        judge(&out->run[i]);
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
        for (int64_t k = 0; k < r->count; k++)
            rt_mem_free(r->item[k].path);
        rt_mem_free(r->item);
        rt_mem_free(r->dir);
        rt_mem_free(r->facts->part);
        rt_mem_free(r->facts);
    }
    rt_mem_free(l->run);
    *l = (rt__remains){0};
}

/* ---- removing ---- */

static rt_status remove_items(rt__remains_run *r)
{
    rt_saved_error first = {0};
    for (int64_t i = 0; i < r->count && r->state == RT__RUN_DEAD; i++) {
        bool in_use = false;
        rt_status status = rt_snapshot_remove(r->item[i].path, &in_use);
        r->item[i].removed = status == RT_OK && !in_use;
        if (in_use)
            keep(r, RT__RUN_ALIVE, "alive: a worker uses it");
        if (status != RT_OK && first.code == RT_OK)
            rt_error_save(&first);
        rt_error_clear();
    }
    return rt_error_restore(&first);
}

rt_status rt__remains_remove(rt__remains_run *r)
{
    int lock = -1;
    if (r->state != RT__RUN_DEAD)
        return RT_OK;
    if (r->dir && !rt__place_lock(r->dir, &lock) && is_held_by(r)) {
        keep(r, RT__RUN_ALIVE, "alive: its launcher runs");
        return RT_OK;
    }
    rt_status status = remove_items(r);
    if (lock >= 0)
        close(lock);
    return status;
}
