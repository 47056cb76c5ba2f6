#include "coordinator/books/journal_show.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/output.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/control/journal.h"
#include "common/control/sentence.h"
#include "coordinator/books/history.h"
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MAX = 72 }; /* of a longer text, such as the configuration, only the size is shown */

typedef struct show {
    bool json;
    int64_t count;
    rt__history history; /* applies the records, to find out whether a coordinator could */
} show;

/* ---- one record ---- */

static void add_value(rt_text *line, const json_t *value)
{
    const char *text = json_string_value(value);
    char *json = text ? NULL : rt_json_text(value);
    if (text && (strlen(text) > TEXT_MAX || strchr(text, '\n')))
        rt_text_add(line, "(%zu bytes)", strlen(text));
    else
        rt_text_add(line, "%s", text ? text : json ? json : "?");
    rt_mem_free(json);
}

/* Adds the fields of a record, "generation 1, start_step 0, lost_steps 0, source fresh". */
static void add_fields(rt_text *line, const json_t *record)
{
    const char *key, *separator = "";
    json_t *value;
    json_object_foreach((json_t *)record, key, value)
    {
        if (strcmp(key, "kind") == 0)
            continue;
        rt_text_add(line, "%s%s ", separator, key);
        add_value(line, value);
        separator = ", ";
    }
}

/* Returns "    8  commit       the checkpoint of step 500 is on disk"; a kind that this program does not know is shown by its
 * fields. */
static char *readable(const json_t *record, int64_t number)
{
    rt_text line = {0};
    const char *kind = json_string_value(json_object_get(record, "kind"));
    rt_text_add(&line, "%5" PRId64 "  %-11s ", number, kind ? kind : "?");
    if (!rt__sentence_of_record(record, &line))
        add_fields(&line, record);
    return rt_text_take(&line);
}

static rt_status show_record(void *ctx, const json_t *record)
{
    show *s = ctx;
    char *line = s->json ? rt_json_text(record) : readable(record, ++s->count);
    if (!line)
        return rt_error_code();
    rt_json_print(stdout, line);
    rt_mem_free(line);
    return rt__history_visit(&s->history, record);
}

/* ---- the command ---- */

/* Returns the journal's path: RUN is the directory, or the file itself (rt_malloc). */
static rt_status find_journal(const char *run, char **path)
{
    struct stat st;
    bool directory = stat(run, &st) == 0 && S_ISDIR(st.st_mode);
    *path = directory ? rt_path_join(run, "journal") : rt_strdup(run);
    if (!*path)
        return rt_error_code();
    bool there;
    rt_status status = rt_path_look(*path, &there);
    if (status == RT_OK && there)
        return RT_OK;
    rt_mem_free(*path);
    *path = NULL;
    RT_TRY(status);
    return directory
               ? RT_FAIL(NOTFOUND, "%s: no journal in it: expected the directory of a run", run)
               : RT_FAIL(NOTFOUND, "%s: no such run: expected a run directory, as runs/NAME", run);
}

/* Loads the plugins of the run whose journal this is. */
static void know_plugins(const char *path)
{
    char *copy = rt_strdup(path);
    if (copy)
        rt_config_register_plugins(dirname(copy));
    rt_mem_free(copy);
    rt_error_clear();
}

static rt_status show_journal(const char *run, bool json)
{
    char *path;
    int64_t torn;
    show s = {.json = json};
    RT_TRY(find_journal(run, &path));
    know_plugins(path);
    rt_status status = rt__history_init(&s.history);
    if (status == RT_OK)
        status = rt__journal_read(path, show_record, &s, &torn);
    if (status == RT_OK && torn > 0)
        rt_text_print(stderr,
                      "ringtorch: %s: its last %" PRId64
                      " byte%s not a complete record: cut off by a crash, or still being written\n",
                      path, torn, torn == 1 ? " is" : "s are");
    rt__history_release(&s.history);
    rt_mem_free(path);
    return status;
}

static rt_status run_show(int argc, char **argv)
{
    bool json = false;
    const rt_option options[] = {{"json", 0, NULL,
                                  "each record with all its fields, one JSON object per line",
                                  .flag = &json},
                                 {NULL}};
    const rt_usage usage = {
        "ringtorch journal show",
        {"RUN"},
        1,
        "Shows what the coordinator of a run has decided, one sentence per record, in order: "
        "generations of workers and what they started from, checkpoints, evaluations, the end. "
        "docs/RUN.md lists all kinds of records and their fields. It only reads, so the run may "
        "still be going on. If the journal is damaged, it shows all records before the damage, "
        "then where the damage is. If another version of ringtorch wrote records that this one "
        "does not understand, it shows their fields, then names the first of them.",
        options,
        "Exit codes: 0 shown, 1 failed, 2 wrong usage, no run, or a journal that is damaged or not "
        "understood."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    return args.help ? RT_OK : show_journal(args.operand[0], json);
}

/* `show` is the only subcommand; without one its help says so. */
static rt_status dispatch(int argc, char **argv)
{
    static const char *const names[] = {"show", NULL};
    if (argc > 1 && argv[1][0] != '-' && strcmp(argv[1], "show") != 0)
        return rt_unknown_word("command", argv[1], names);
    bool named = argc > 1 && argv[1][0] != '-';
    return run_show(argc - named, argv + named);
}

int rt__journal_command(int argc, char **argv)
{
    rt_status status = dispatch(argc, argv);
    if (status != RT_OK) {
        rt_output_flush(); /* the records come before the error */
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    }
    return rt_status_exit_code(status);
}
