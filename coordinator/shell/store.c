#include "coordinator/shell/store.h"
#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include "common/state/manifest.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

static void final_name(int64_t step, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "step-%08" PRId64, step);
}

static void temporary_name(int64_t step, int64_t generation, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, ".step-%08" PRId64 ".g%" PRId64 ".tmp", step, generation);
}

/* Returns the step of "step-00000500", or -1. */
static int64_t step_of_name(const char *name)
{
    int64_t step = -1;
    int end = 0;
    if (sscanf(name, "step-%" SCNd64 "%n", &step, &end) != 1 || name[end] != '\0' || step < 0)
        return -1;
    return step;
}

/* ---- writing ---- */

static rt_status check_piece_length(const char *dir, const rt__piece *p)
{
    struct stat st;
    char *path = rt_path_join(dir, p->file);
    if (!path)
        return rt_error_code();
    rt_status status = RT_OK;
    if (stat(path, &st) != 0)
        status =
            RT_FAIL(NOTFOUND, "%s: is missing, although its worker reported it as written", path);
    else if (st.st_size != p->bytes)
        status = RT_FAIL(CORRUPT, "%s: %lld bytes, its worker reported %" PRId64, path,
                         (long long)st.st_size, p->bytes);
    rt_mem_free(path);
    return status;
}

static json_t *pieces_json(const rt__checkpoint *c)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < c->world; k++) {
        const rt__piece *p = &c->piece[k];
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "file", p->file, "bytes",
                                              (json_int_t)p->bytes, "checksum", p->checksum));
    }
    return list;
}

static rt_status write_manifest(const char *dir, const rt_manifest *f, const rt__checkpoint *c)
{
    rt_status status;
    char *path = rt_path_join(dir, "manifest.json"), *text = NULL;
    json_t *m = json_pack(
        "{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:O, s:o, s:O*, s:s*, s:O*}",
        "format_version", RT_MANIFEST_VERSION, "run", f->run, "step", (json_int_t)f->step, "slices",
        (json_int_t)f->slices, "seed", (json_int_t)f->seed, "world", (json_int_t)f->world,
        "parameters", (json_int_t)f->parameters, "samples", (json_int_t)f->samples, "config_hash",
        f->config_hash, "layout_hash", f->layout_hash, "config", f->config, "layout", f->layout,
        "pieces", pieces_json(c), "data", f->data, "task", f->task, "preprocessing",
        f->preprocessing);
    status = !path ? rt_error_code() : m ? RT_OK : RT_FAIL(INTERNAL, "%s: cannot be made", path);
    if (status == RT_OK)
        status = rt_manifest_seal(m);
    if (status == RT_OK)
        text = rt_json_text(m);
    if (status == RT_OK)
        status = text ? rt_file_replace(path, text, strlen(text)) : rt_error_code();
    rt_mem_free(text);
    rt_mem_free(path);
    json_decref(m);
    return status;
}

/* Removes a checkpoint if it exists. It is renamed first, so that nobody takes a half of it for a whole. */
static rt_status remove_checkpoint(const char *root, const char *path)
{
    if (!rt_path_exists(path))
        return RT_OK;
    char *aside = rt_path_join(root, ".step-removed");
    rt_status status = aside ? rt_remove_tree(aside) : rt_error_code();
    if (status == RT_OK)
        status = rt_rename_durably(path, aside);
    if (status == RT_OK)
        status = rt_remove_tree(aside);
    rt_mem_free(aside);
    return status;
}

rt_status rt__store_commit(const char *root, const rt_manifest *facts, int64_t generation,
                           const rt__checkpoint *c, char **path)
{
    char tmp_name[NAME_SIZE], name[NAME_SIZE];
    temporary_name(c->step, generation, tmp_name);
    final_name(c->step, name);
    char *tmp = rt_path_join(root, tmp_name), *final = rt_path_join(root, name);
    rt_status status = tmp && final ? RT_OK : rt_error_code();
    for (int64_t k = 0; status == RT_OK && k < c->world; k++)
        status = check_piece_length(tmp, &c->piece[k]);
    if (status == RT_OK)
        status = write_manifest(tmp, facts, c);
    if (status == RT_OK) /* one from before a resume from an older checkpoint, or a damaged one */
        status = remove_checkpoint(root, final);
    if (status == RT_OK)
        status = rt_rename_durably(tmp, final);
    rt_mem_free(tmp);
    if (status == RT_OK)
        *path = final;
    else
        rt_mem_free(final);
    return status;
}

rt_status rt__store_discard(const char *root, int64_t step, int64_t generation)
{
    char name[NAME_SIZE];
    temporary_name(step, generation, name);
    char *path = rt_path_join(root, name);
    rt_status status = path ? rt_remove_tree(path) : rt_error_code();
    rt_mem_free(path);
    return status;
}

rt_status rt__store_tidy(const char *root)
{
    rt_names names = {0};
    if (!rt_path_exists(root))
        return RT_OK;
    rt_status status = rt_dir_list(root, &names);
    for (size_t i = 0; status == RT_OK && i < names.count; i++) {
        if (strncmp(names.name[i], ".step-", 6) != 0)
            continue;
        char *path = rt_path_join(root, names.name[i]);
        status = path ? rt_remove_tree(path) : rt_error_code();
        rt_mem_free(path);
    }
    rt_names_release(&names);
    return status;
}

/* ---- verifying ---- */

rt_status rt__store_verify(const char *dir, const rt_watch *watch, rt_manifest *out)
{
    rt_saved s;
    *out = (rt_manifest){0};
    RT_TRY(rt_saved_open(dir, watch, &s));
    *out = s.manifest;
    s.manifest = (rt_manifest){0};
    rt_saved_close(&s);
    return RT_OK;
}

/* ---- finding and removing ---- */

/* Lists the steps up to `most` of the checkpoints in root, newest first. */
static rt_status list_steps(const char *root, int64_t most, int64_t **steps, size_t *count)
{
    rt_names names = {0};
    *steps = NULL;
    *count = 0;
    if (!rt_path_exists(root))
        return RT_OK;
    RT_TRY(rt_dir_list(root, &names));
    *steps = rt_malloc((names.count + 1) * sizeof **steps);
    for (size_t i = 0; *steps && i < names.count; i++) {
        int64_t step = step_of_name(names.name[i]);
        if (step < 0 || step > most)
            continue;
        size_t at = (*count)++;
        for (; at > 0 && (*steps)[at - 1] < step; at--) /* insertion sort: there are few */
            (*steps)[at] = (*steps)[at - 1];
        (*steps)[at] = step;
    }
    rt_names_release(&names);
    return *steps ? RT_OK : rt_error_code();
}

static char *checkpoint_path(const char *root, int64_t step)
{
    char name[NAME_SIZE];
    final_name(step, name);
    return rt_path_join(root, name);
}

/* Finds the first step whose checkpoint verifies; *found is its index, or count if none does. */
static rt_status first_verified(const char *root, const int64_t *steps, size_t count,
                                const rt__store_verifier *verifier, size_t *found, char **path,
                                rt_manifest *m)
{
    for (*found = 0; *found < count; ++*found) {
        *path = checkpoint_path(root, steps[*found]);
        if (!*path)
            return rt_error_code();
        rt_status status = rt__store_verify(*path, verifier->watch, m);
        if (status == RT_OK)
            return RT_OK;
        rt_mem_free(*path);
        *path = NULL;
        if (status == RT_E_INTERRUPTED)
            return status;
        verifier->report(verifier->ctx, rt_error());
        rt_error_clear();
    }
    return RT_OK;
}

rt_status rt__store_newest(const char *root, int64_t most, const rt__store_verifier *verifier,
                           char **path, rt_manifest *out)
{
    int64_t *steps;
    size_t count, found;
    *path = NULL;
    RT_TRY(list_steps(root, most, &steps, &count));
    rt_status status = first_verified(root, steps, count, verifier, &found, path, out);
    rt_mem_free(steps);
    if (status == RT_OK && count > 0 && found == count)
        status = RT_FAIL(CORRUPT,
                         "%s: none of its %zu checkpoints can be read (events.jsonl says why): "
                         "restore one from a copy, or start anew in another run directory",
                         root, count);
    return status;
}

static int64_t first_there(const char *root, const int64_t *steps, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        char *path = checkpoint_path(root, steps[i]);
        bool there = path && rt_path_exists(path);
        rt_mem_free(path);
        if (there)
            return steps[i];
    }
    return -1;
}

/* Points the link at a checkpoint beside it. Unlike a checkpoint's directory, a link can be replaced by rename(2). */
static rt_status point(const char *root, const char *link, const char *name)
{
    char now[NAME_SIZE] = "";
    ssize_t len = readlink(link, now, sizeof now - 1);
    if (len > 0 && strcmp(now, name) == 0)
        return RT_OK;
    char *tmp = rt_path_join(root, ".step-best.tmp");
    rt_status status = tmp ? rt_remove_tree(tmp) : rt_error_code();
    if (status == RT_OK && symlink(name, tmp) != 0)
        status = RT__FAIL_ERRNO(tmp, "make a link");
    if (status == RT_OK)
        status = rt_rename_durably(tmp, link);
    rt_mem_free(tmp);
    return status;
}

rt_status rt__store_mark_best(const char *root, const int64_t *steps, int64_t count, int64_t *best)
{
    char name[NAME_SIZE];
    *best = first_there(root, steps, count);
    char *link = rt_path_join(root, "best");
    if (!link)
        return rt_error_code();
    rt_status status = RT_OK;
    if (*best >= 0) {
        final_name(*best, name);
        status = point(root, link, name);
    } else if (unlink(link) != 0 && errno != ENOENT && errno != ENOTDIR) {
        status = RT__FAIL_ERRNO(link, "remove");
    }
    rt_mem_free(link);
    return status;
}

rt_status rt__store_prune(const char *root, int64_t keep, int64_t best,
                          const rt__store_verifier *verifier)
{
    int64_t *steps;
    size_t count, found;
    char *sound = NULL;
    rt_manifest m = {0};
    RT_TRY(list_steps(root, INT64_MAX, &steps, &count));
    size_t kept = count < (size_t)keep ? count : (size_t)keep;
    rt_status status = RT_OK;
    if (count > kept)
        status = first_verified(root, steps, kept, verifier, &found, &sound, &m);
    for (size_t i = kept; status == RT_OK && sound && i < count; i++) {
        if (steps[i] == best)
            continue;
        char *path = checkpoint_path(root, steps[i]);
        status = path ? remove_checkpoint(root, path) : rt_error_code();
        rt_mem_free(path);
    }
    rt_manifest_release(&m);
    rt_mem_free(sound);
    rt_mem_free(steps);
    return status;
}
