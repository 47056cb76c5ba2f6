#include "launch/cmd/clean.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "common/control/words.h"
#include "launch/remains/remains.h"
#include "launch/run/place.h"
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
        {"dry-run", 0, NULL, "only show what would be removed", .flag = &c->dry_run},
        {"dir", 0, "DIR", "search DIR, too: what snapshot.dir was set to", .text = &c->dir},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch clean",
        {"RUN"},
        0,
        "Removes what dead runs left in shared memory: snapshots and MPI's "
        "files, named ringtorch-*, in "
        "/dev/shm and /tmp, and the control.json of such a run. It never touches what a live run "
        "uses. Without its snapshots, a killed "
        "run resumes from its newest checkpoint.\n"
        "\n"
        "With RUN, the directory or the id of a run, removes only what that run left.",
        options,
        "Exit codes: 0 clean now, 1 something could not be removed, or RUN is "
        "alive, 2 wrong usage or no run."};
    RT_TRY(rt_options_parse(&usage, argc, argv, &c->args));
    c->run = c->args.operand[0];
    return RT_OK;
}

/* ---- printing ---- */

/* Prints which step the files hold, and whether a checkpoint can replace them. */
static void print_step(const rt__remains_run *r)
{
    char step[RT__WORDS], saved[RT__WORDS];
    int64_t checkpoint = -1;
    rt_mem_free(r->dir ? rt__place_checkpoint(r->dir, INT64_MAX, &checkpoint) : NULL);
    if (r->step >= 0)
        printf("holds step %s", rt__words_number((double)r->step, step));
    else if (r->part >= 0)
        printf("holds part of step %s", rt__words_number((double)r->part, step));
    else
        printf("holds no step");
    if (!r->dir)
        printf(", its run directory is unknown\n");
    else if (!rt_path_exists(r->dir))
        printf(", its run directory is gone\n");
    else if (checkpoint >= 0)
        printf(", its newest checkpoint is of step %s\n",
               rt__words_number((double)checkpoint, saved));
    else
        printf(", it has no checkpoint\n");
}

static void print_run(const rt__remains_run *r)
{
    rt_text dir = {0};
    if (r->dir)
        rt__words_add(&dir, r->dir);
    printf("run %s%s%s: ", r->id, dir.data ? " in " : "", dir.data ? dir.data : "");
    rt_mem_free(dir.data);
    if (r->state == RT__RUN_DEAD)
        print_step(r);
    else
        printf("left alone: %s\n", r->why);
}

static void print_items(const rt__remains_run *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        char size[RT__WORDS];
        rt_text line = {0};
        rt__words_add(&line, r->item[i].path);
        if (r->item[i].unusable) {
            rt_text_add(&line, ": unusable: ");
            rt__words_add(&line, r->item[i].unusable);
        }
        printf("  %10s  %s\n", rt__words_bytes(r->item[i].bytes, size), line.data ? line.data : "");
        rt_mem_free(line.data);
    }
}

/* ---- cleaning ---- */

static void clean_run(clean *c, rt__remains_run *r)
{
    print_run(r);
    if (r->state == RT__RUN_DEAD)
        print_items(r);
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

static void print_total(const clean *c)
{
    char size[RT__WORDS];
    if (c->removed > 0)
        printf("%s %" PRId64 " file%s, %s\n", c->dry_run ? "would remove" : "removed", c->removed,
               rt_plural(c->removed), rt__words_bytes(c->bytes, size));
    else if (!c->failed)
        puts("nothing to clean");
}

/* Finds the run that RUN means: the id of a run, or any path in a run directory. */
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
    return RT_FAIL(NOTFOUND, "%s: neither a run directory nor the id of a run that left anything",
                   c->run);
}

static rt_status run_on(clean *c, rt__remains *l)
{
    char *only = NULL;
    if (c->run)
        RT_TRY(find_run(c, l, &only));
    rt_status status = only ? rt__remains_add(l, only) : RT_OK;
    if (status != RT_OK) {
        rt_mem_free(only);
        return status;
    }
    for (int64_t i = 0; i < l->count; i++)
        if (!only || rt__remains_is_of(&l->run[i], only))
            clean_run(c, &l->run[i]);
    rt_mem_free(only);
    print_total(c);
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
