#include "common/config/job_rows.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <string.h>

/* ---- the rows that are known ---- */

static rt__job_row known[RT_JOB_ROWS_MAX];
static int count;

int rt__job_rows(void)
{
    return count;
}

rt__job_row *rt__job_row_at(int i)
{
    return &known[i];
}

void rt__job_row_add(const rt__job_row *row)
{
    RT_ASSERT(count < RT_JOB_ROWS_MAX);
    known[count++] = *row;
}

const char *rt__job_row_plugin(const rt__job_row *row)
{
    return rt__plugin_name(row->added.plugin);
}

const char *rt__job_row_file(const rt__job_row *row)
{
    return json_string_value(json_object_get(row->added.plugin, "file"));
}

/* ---- places in words ---- */

#define NAME(name) "{" #name "}",
static const char *const places[] = {RT_JOB_PLACES(NAME)};
#undef NAME

/* Returns the place that the text begins with, or -1. */
static int find_place(const char *text)
{
    for (int i = 0; i < RT_JOB_PLACE_COUNT; i++)
        if (strncmp(text, places[i], strlen(places[i])) == 0)
            return i;
    return -1;
}

bool rt__job_word_fill(const char *word, const char *const value[RT_JOB_PLACE_COUNT], rt_text *out)
{
    while (*word) {
        size_t plain = strcspn(word, "{");
        rt_text_add(out, "%.*s", (int)plain, word);
        word += plain;
        if (!*word)
            break;
        int place = find_place(word);
        if (place < 0 && word[1] != '{')
            return false;
        rt_text_add(out, "%s", place < 0 ? "{" : value[place]);
        word += place < 0 ? 2 : strlen(places[place]);
    }
    return true;
}

/* ---- reading a description ---- */

static rt_status wrong_word(const char *list, size_t i, const char *word, const char *expected)
{
    return RT_FAIL(FORMAT, ".%s[%zu] '%.60s': expected %s", list, i, word, expected);
}

/* A program is looked up in PATH. A relative path would depend on where the launcher is started. */
static bool is_program(const char *word)
{
    return *word && *word != '-' && (!strchr(word, '/') || *word == '/');
}

/* Reads a list of texts. Returns how many there are. */
static rt_status read_words(const json_t *d, const char *list, int most, const char **word, int *n)
{
    const json_t *given = json_object_get(d, list);
    size_t words = json_array_size(given);
    if (words < 1 || words > (size_t)most)
        return RT_FAIL(FORMAT, ".%s: expected 1 to %d words", list, most);
    for (size_t i = 0; i < words; i++) {
        word[i] = json_string_value(json_array_get(given, i));
        if (!word[i] || !rt__is_plain_text(word[i], RT_JOB_WORD_BYTES))
            return RT_FAIL(FORMAT,
                           ".%s[%zu]: expected a text of at most %d bytes without control "
                           "characters",
                           list, i, RT_JOB_WORD_BYTES);
    }
    *n = (int)words;
    return is_program(word[0])
               ? RT_OK
               : wrong_word(list, 0, word[0], "a program to find in PATH, or an absolute path");
}

/* Returns the next brace that opens a place, or NULL: two braces stand for one. */
static const char *next_brace(const char *at)
{
    while ((at = strchr(at, '{')) && at[1] == '{')
        at += 2;
    return at;
}

static bool names_worker(const char *word)
{
    for (const char *at = word; (at = next_brace(at)); at++)
        if (strncmp(at, RT_JOB_WORKER, sizeof RT_JOB_WORKER - 1) == 0)
            return true;
    return false;
}

/* Checks the places in one word of the command, and notes in `has` which there are. */
static rt_status check_word(const char *word, size_t i, bool is_last, bool has[RT_JOB_PLACE_COUNT])
{
#define EMPTY(name) "",
    static const char *const none[] = {RT_JOB_PLACES(EMPTY)};
#undef EMPTY
    bool is_worker = strcmp(word, RT_JOB_WORKER) == 0;
    rt_text filled = {0};
    if (is_last && !is_worker)
        return wrong_word("command", i, word, RT_JOB_WORKER " as the last word");
    if (!is_last && names_worker(word))
        return wrong_word("command", i, word, RT_JOB_WORKER " as the last word only");
    bool right = is_worker || rt__job_word_fill(word, none, &filled);
    rt_mem_free(filled.data);
    if (!right)
        return wrong_word("command", i, word,
                          "{ranks}, {threads}, {hosts}, {host_slots} or {variables} in braces, and "
                          "{{ for a brace");
    for (const char *at = word; (at = next_brace(at)); at++) {
        int place = find_place(at);
        if (place >= 0)
            has[place] = true;
    }
    return i > 0 || !strchr(word, '{')
               ? RT_OK
               : wrong_word("command", i, word, "the name of a program, without braces");
}

static rt_status read_command(const json_t *d, rt__job_row *row)
{
    bool has[RT_JOB_PLACE_COUNT] = {false};
    RT_TRY(read_words(d, "command", RT_JOB_WORDS_MAX, row->word, &row->words));
    for (int i = 0; i < row->words; i++)
        RT_TRY(check_word(row->word[i], (size_t)i, i == row->words - 1, has));
    row->names_hosts = has[RT_JOB_PLACE_hosts] || has[RT_JOB_PLACE_host_slots];
    if (!has[RT_JOB_PLACE_ranks] && !has[RT_JOB_PLACE_host_slots])
        return RT_FAIL(FORMAT, ".command: expected {ranks} or {host_slots} in a word: how many "
                               "ranks to start");
    return RT_OK;
}

/* Hosts that a command starts ranks on must also be asked whether they can be reached. */
static rt_status read_shell(const json_t *d, rt__job_row *row)
{
    bool given = json_object_get(d, "shell") != NULL;
    if (given != row->names_hosts)
        return RT_FAIL(FORMAT, ".shell: expected it to be given if .command has {hosts} or "
                               "{host_slots}, and only then");
    return given ? read_words(d, "shell", RT_JOB_SHELL_WORDS_MAX, row->shell, &row->shell_words)
                 : RT_OK;
}

/* Our own variables are no numbers of a rank, and messages about those that are wrong show them. */
static bool is_variable(const char *name)
{
    enum { MOST = 64 };
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    size_t len = strlen(name);
    return len > 0 && len <= MOST && strspn(name, letters) == len &&
           !(name[0] >= '0' && name[0] <= '9') && strncmp(name, "RINGTORCH_", 10) != 0;
}

static rt_status read_variables(const json_t *d, rt__job_row *row)
{
#define ROW(number, named_in, of_open_mpi, needed, what) {#number, needed},
    static const struct {
        const char *member;
        bool needed;
    } rows[] = {RT_RANK_VARIABLES(ROW)};
#undef ROW
    for (int i = 0; i < RT_RANK_NUMBERS; i++) {
        const json_t *given = json_object_get(d, rows[i].member);
        const char *name = json_string_value(given);
        if (!given && !rows[i].needed)
            continue;
        if (!name || !is_variable(name))
            return RT_FAIL(FORMAT,
                           ".%s: expected the name of an environment variable: at most 64 letters, "
                           "digits and _, and not RINGTORCH_...",
                           rows[i].member);
        row->variable[i] = name;
    }
    return RT_OK;
}

rt_status rt__job_row_read(const json_t *description, rt__job_row *out)
{
    const json_t *once = json_object_get(description, "once");
    *out = (rt__job_row){.once = json_is_true(once)};
    RT_TRY(read_command(description, out));
    RT_TRY(read_shell(description, out));
    RT_TRY(read_variables(description, out));
    return !once || json_is_boolean(once) ? RT_OK
                                          : RT_FAIL(FORMAT, ".once: expected true or false");
}
