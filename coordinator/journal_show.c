#include "coordinator/journal_show.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/options.h"
#include "common/text.h"
#include "common/output.h"
#include "coordinator/journal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MAX = 72 }; /* a longer text, such as the configuration, is told by its size */

typedef struct show {
    bool json;
    int64_t count;
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

/* "    3  plan         generation 1, start_step 0, lost_steps 0, source fresh" */
static char *readable(const json_t *record, int64_t number)
{
    rt_text line = {0};
    const char *kind = json_string_value(json_object_get(record, "kind")), *key, *separator = " ";
    json_t *value;
    rt_text_add(&line, "%5" PRId64 "  %-11s", number, kind ? kind : "?");
    json_object_foreach((json_t *)record, key, value)
    {
        if (strcmp(key, "kind") == 0)
            continue;
        rt_text_add(&line, "%s%s ", separator, key);
        add_value(&line, value);
        separator = ", ";
    }
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
    return RT_OK;
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

static rt_status show_journal(const char *run, bool json)
{
    char *path;
    int64_t torn;
    show s = {.json = json};
    RT_TRY(find_journal(run, &path));
    rt_status status = rt__journal_read(path, show_record, &s, &torn);
    if (status == RT_OK && torn > 0)
        rt_text_print(stderr,
                      "ringtorch: %s: its last %" PRId64
                      " byte%s no whole record: cut off by a crash, or being written\n",
                      path, torn, torn == 1 ? " is" : "s are");
    rt_mem_free(path);
    return status;
}

static rt_status run_show(int argc, char **argv)
{
    bool json = false;
    const rt_option options[] = {
        {"json", 0, NULL, "the records as they are, one JSON object a line", .flag = &json},
        {NULL}};
    const rt_usage usage = {
        "ringtorch journal show",
        {"RUN"},
        1,
        "Shows what the coordinator of a run has decided, a line per record in the order of the "
        "decisions: generations of workers and what they started from, checkpoints, evaluations, "
        "the "
        "end. Only reads, so that the run may be going on. Of a damaged journal all records up to "
        "the "
        "damage are shown, then its place.",
        options,
        "Exit codes: 0 shown, 1 failed, 2 wrong usage, no run, or a damaged journal."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    return args.help ? RT_OK : show_journal(args.operand[0], json);
}

/* `show` is the only word there is; without one its help says so. */
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
        rt_output_flush(); /* what was shown comes before what is wrong */
        fprintf(stderr, "ringtorch: %s\n", rt_error());
    }
    return rt_status_exit_code(status);
}
