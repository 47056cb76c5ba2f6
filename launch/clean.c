#include "launch/clean.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/options.h"
#include "common/text.h"
#include "launch/remains.h"
#include "launch/place.h"
#include "launch/words.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct clean {
    const char *run, *dir; /* NULL: not given */
    bool dry_run;
    rt_arguments args;
    int64_t removed, kept;
    double bytes;
    bool failed;
} clean;

static rt_status parse(int argc, char **argv, clean *c)
{
    const rt_option options[] = {
        {"dry-run", 0, NULL, "say what would be removed, and remove nothing", .flag = &c->dry_run},
        {"dir", 0, "DIR", "look there too: where snapshot.dir was", .text = &c->dir},
        {NULL},
    };
    const rt_usage usage = {"ringtorch clean",
                            {"RUN"},
                            0,
                            "Removes what dead runs left in shared memory: snapshots and MPI's "
                            "files, named ringtorch-*, in "
                            "/dev/shm and /tmp. What a live run uses is never touched. Without its "
                            "snapshots a killed run "
                            "goes on from its newest checkpoint.\n"
                            "\n"
                            "RUN: only what this run left: its run directory, or its id.",
                            options,
                            "Exit codes: 0 clean now, 1 something could not be removed, or RUN is "
                            "alive, 2 wrong usage, or no "
                            "run."};
    RT_TRY(rt_options_parse(&usage, argc, argv, &c->args));
    c->run = c->args.operand[0];
    return RT_OK;
}

/* ---- telling ---- */

/* What the files were good for. */
static void tell_step(const rt__remains_run *r)
{
    char step[RT__WORDS], saved[RT__WORDS];
    int64_t checkpoint = -1;
    rt_mem_free(r->dir ? rt__place_checkpoint(r->dir, INT64_MAX, &checkpoint) : NULL);
    if (r->step >= 0)
        printf("holds step %s", rt__words_number((double)r->step, step));
    else if (r->part >= 0)
        printf("holds a part of step %s", rt__words_number((double)r->part, step));
    else
        printf("holds no step");
    if (!r->dir)
        printf(", of a run directory that is not known\n");
    else if (!rt_path_exists(r->dir))
        printf(", the run directory is gone\n");
    else if (checkpoint >= 0)
        printf(", newest checkpoint is of step %s\n", rt__words_number((double)checkpoint, saved));
    else
        printf(", there is no checkpoint\n");
}

static void tell_run(const rt__remains_run *r)
{
    rt_text dir = {0};
    if (r->dir)
        rt__words_add(&dir, r->dir);
    printf("run %s%s%s: ", r->id, dir.data ? " in " : "", dir.data ? dir.data : "");
    rt_mem_free(dir.data);
    if (r->state == RT__RUN_DEAD)
        tell_step(r);
    else
        printf("left alone: %s\n", r->why);
}

static void tell_items(const rt__remains_run *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        char size[RT__WORDS];
        rt_text path = {0};
        rt__words_add(&path, r->item[i].path);
        printf("  %10s  %s\n", rt__words_bytes(r->item[i].bytes, size), path.data ? path.data : "");
        rt_mem_free(path.data);
    }
}

/* ---- cleaning ---- */

static void clean_run(clean *c, rt__remains_run *r)
{
    tell_run(r);
    if (r->state == RT__RUN_DEAD)
        tell_items(r);
    if (r->state == RT__RUN_DEAD && !c->dry_run && rt__remains_remove(r) != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        rt_error_clear();
        c->failed = true;
    }
    if (r->state != RT__RUN_DEAD)
        c->kept++;
    for (int64_t i = 0; i < r->count; i++) {
        bool gone = c->dry_run ? r->state == RT__RUN_DEAD : r->item[i].removed;
        c->removed += gone;
        c->bytes += gone ? r->item[i].bytes : 0;
    }
}

static void conclude(const clean *c)
{
    char size[RT__WORDS];
    if (c->removed > 0)
        printf("%s %" PRId64 " file%s, %s\n", c->dry_run ? "would remove" : "removed", c->removed,
               rt_plural(c->removed), rt__words_bytes(c->bytes, size));
    else if (!c->failed)
        puts("nothing to clean");
}

/* RUN may be any path in a run directory; an id of a run is taken as it is. */
static rt_status find_run(const clean *c, const rt__remains *l, char **out)
{
    struct stat st;
    for (int64_t i = 0; i < l->count; i++)
        if (rt__remains_is_of(&l->run[i], c->run)) {
            *out = rt_strdup(c->run);
            return *out ? RT_OK : rt_error_code();
        }
    if (stat(c->run, &st) == 0)
        return rt__place_find(c->run, out);
    return RT_FAIL(NOTFOUND,
                   "%s: neither a run directory nor the id of a run that has left something",
                   c->run);
}

static rt_status run_on(clean *c, rt__remains *l)
{
    char *only = NULL;
    if (c->run)
        RT_TRY(find_run(c, l, &only));
    for (int64_t i = 0; i < l->count; i++)
        if (!only || rt__remains_is_of(&l->run[i], only))
            clean_run(c, &l->run[i]);
    rt_mem_free(only);
    conclude(c);
    return c->failed || (c->run && c->kept > 0) ? RT_E_IO : RT_OK;
}

static rt_status run_clean(clean *c)
{
    rt__remains l;
    RT_TRY(rt__remains_find(c->dir, &l));
    rt_status status = run_on(c, &l);
    rt__remains_release(&l);
    return status;
}

int rt__clean_command(int argc, char **argv)
{
    clean c = {0};
    rt_status status = parse(argc, argv, &c);
    if (status == RT_OK && !c.args.help)
        status = run_clean(&c);
    if (rt_failed())
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    return rt_status_exit_code(status);
}
