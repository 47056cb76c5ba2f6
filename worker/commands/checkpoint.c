/* ringtorch checkpoint ls|verify|show: what is in a run directory or a checkpoint, and whether it
 * is sound. */
#include "worker/commands/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"

static const char usage[] = "checkpoint ls|verify|show RUN|CHECKPOINT, or checkpoint now RUN";

/* Whether the link "best" beside a checkpoint points to it. */
static bool is_best(const char *dir)
{
    struct stat here, there;
    char *link = rt_strdup_printf("%s/../best", dir);
    bool same = link && stat(link, &there) == 0 && stat(dir, &here) == 0 &&
                here.st_ino == there.st_ino && here.st_dev == there.st_dev;
    rt_mem_free(link);
    return same;
}

/* Prints one line on one checkpoint. Returns its status, with the error slot filled if it is not
 * sound. */
static rt_status look_at(const char *dir)
{
    rt_saved s;
    RT_TRY(rt_saved_open(dir, NULL, &s));
    printf("%s  step %" PRId64 "  %d piece%s  sound%s\n", dir, s.manifest.step, s.pieces,
           s.pieces == 1 ? "" : "s", is_best(dir) ? "  best" : "");
    rt_saved_close(&s);
    return RT_OK;
}

/* Looks at all checkpoints below; fails with the first that is not sound, after all have been
 * looked at. */
static rt_status look_at_all(const char *checkpoints)
{
    rt_names names;
    rt_saved_error first = {0};
    RT_TRY(rt_dir_list(checkpoints, &names));
    for (size_t i = 0; i < names.count; i++) {
        if (strncmp(names.name[i], "step-", 5) != 0)
            continue;
        char *dir = rt_path_join(checkpoints, names.name[i]);
        if (!dir || look_at(dir) != RT_OK) {
            printf("%s  not sound: %s\n", dir ? dir : names.name[i], rt_error());
            if (first.code == RT_OK)
                rt_error_save(&first);
            rt_error_clear();
        }
        rt_mem_free(dir);
    }
    rt_names_release(&names);
    return rt_error_restore(&first);
}

static rt_status list(const char *path)
{
    char *checkpoints = rt_path_join(path, "checkpoints");
    if (!checkpoints)
        return RT_E_NOMEM;
    rt_status status = rt_path_exists(checkpoints) ? look_at_all(checkpoints) : look_at(path);
    rt_mem_free(checkpoints);
    return status;
}

static rt_status show(const char *path)
{
    rt_saved s;
    RT_TRY(rt__saved_find(path, &s));
    rt_status status =
        json_dumpf(s.manifest.json, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF
            ? RT_OK
            : RT_FAIL(IO, "standard output cannot be written");
    rt_saved_close(&s);
    return status;
}

rt_status rt__command_checkpoint(int argc, char **argv)
{
    static const rt__option none[] = {{NULL, NULL, NULL}};
    const char *path;
    if (argc < 2)
        return RT_FAIL(ARG, "checkpoint: what is it to do? ringtorch %s", usage);
    const char *what = argv[1];
    if (what[0] == '-')
        return rt__arguments(argc, argv, none, usage, &path);
    bool is_list = strcmp(what, "ls") == 0 || strcmp(what, "verify") == 0;
    if (!is_list && strcmp(what, "show") != 0)
        return RT_FAIL(ARG, "checkpoint %s: not understood: ringtorch %s", what, usage);
    RT_TRY(rt__arguments(argc - 1, argv + 1, none, usage, &path));
    return is_list ? list(path) : show(path);
}
