#include "launch/jobs/log_text.h"
#include "common/base/error.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <stdio.h>
#include <string.h>

enum { READ_BYTES = 1 << 18 };

/* Open MPI 5 puts zeros between its messages. */
char *rt__log_read(const char *path)
{
    rt_bytes end;
    if (rt_input_tail(path, READ_BYTES, &end) != RT_OK)
        rt_error_clear();
    for (size_t i = 0; i < end.len; i++)
        if (end.data[i] == '\0')
            end.data[i] = '\n';
    return (char *)end.data;
}

/* ---- lines ---- */

const char *rt__log_next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* Returns whether a line has no words, only blanks, dashes, asterisks and the like. */
static bool is_blank(const char *line)
{
    return strchr("\n", line[strspn(line, " \t\r-*=#@_")]) != NULL;
}

/* mpirun logs "[h1:93] [[61219,0],0] ACTIVATE PROC [[61219,1],3] STATE RUNNING AT ..." for its ranks because we ask for it
 * (openmpi.h). */
bool rt__log_is_state(const char *line)
{
    static const char *const marks[] = {"] ACTIVATE PROC ", "] ACTIVATE JOB ", "] ACTIVATING PROC ",
                                        "] ACTIVATING JOB "};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (*line == '[' && memmem(line, strcspn(line, "\n"), marks[i], strlen(marks[i])))
            return true;
    return false;
}

bool rt__log_is_noise(const char *line, const char *const *noise)
{
    size_t length = strcspn(line, "\n");
    if (is_blank(line) || rt__log_is_state(line))
        return true;
    for (; *noise; noise++)
        if (memmem(line, length, *noise, strlen(*noise)))
            return true;
    return false;
}

void rt__log_copy_line(const char *line, char *out, size_t size)
{
    line += strspn(line, " \t");
    size_t length = strcspn(line, "\n");
    while (length > 0 && strchr(" \t\r", line[length - 1]))
        length--;
    snprintf(out, size, "%.*s", (int)length, line);
}

static bool is_ruler(const char *line)
{
    size_t dashes = strspn(line, "-");
    return dashes > 40 && strchr("\r\n", line[dashes]);
}

/* Returns whether the message after a ruler is noise, that is, whether its first line is. */
static bool opens_noise(const char *ruler, const char *const *noise)
{
    const char *line = rt__log_next_line(ruler);
    while (*line && is_blank(line) && !is_ruler(line))
        line = rt__log_next_line(line);
    return *line && !is_ruler(line) && rt__log_is_noise(line, noise);
}

const char *rt__log_last_line(const char *text, const char *end, const char *const *noise)
{
    const char *found = NULL;
    bool inside = false, skips = false;
    for (const char *line = text; *line && line < end; line = rt__log_next_line(line))
        if (is_ruler(line)) {
            inside = !inside;
            skips = inside && opens_noise(line, noise);
        } else if (!skips && !rt__log_is_noise(line, noise)) {
            found = line;
        }
    return found;
}

/* Returns the first line of the Open MPI message, which stands between two rulers, that contains `line`; NULL: there is
 * none. */
static const char *message_of(const char *text, const char *line)
{
    const char *message = NULL;
    for (const char *l = text; l < line; l = rt__log_next_line(l))
        if (is_ruler(l))
            message = message ? NULL : rt__log_next_line(l);
    while (message && *message && is_blank(message))
        message = rt__log_next_line(message);
    return message;
}

/* Returns whether a line is a detail such as "  Policy: nope". */
static bool is_detail(const char *line)
{
    return *line == ' ' && memmem(line, strcspn(line, "\n"), ": ", 2);
}

/* Copies the first sentence of a message, which may take several lines, and its details. */
static void copy_message(const char *line, char *out, size_t size)
{
    size_t used = 0;
    char words[256];
    out[0] = '\0';
    for (; *line && !is_blank(line) && used < size; line = rt__log_next_line(line)) {
        rt__log_copy_line(line, words, sizeof words);
        if (!rt__log_is_state(line))
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", words);
    }
    char *end = strstr(out, ". ");
    if (end)
        end[0] = '\0';
    used = strlen(out);
    while (used > 0 && strchr(".:", out[used - 1]))
        out[--used] = '\0';
    const char *before = ": ";
    for (; *line && !is_ruler(line) && used < size; line = rt__log_next_line(line))
        if (is_detail(line)) {
            rt__log_copy_line(line, words, sizeof words);
            used += (size_t)snprintf(out + used, size - used, "%s%s", before, words);
            before = ", ";
        }
}

void rt__log_last_message(const char *log, const char *const *noise, char *out, size_t size)
{
    const char *words = rt__log_last_line(log, log + strlen(log), noise);
    const char *message = words ? message_of(log, words) : NULL;
    if (message)
        copy_message(message, out, size);
    else if (words)
        rt__log_copy_line(words, out, size);
}

/* ---- why ---- */

/* Copies what follows "Label:" at the beginning of a line after `from`. */
static void find_field(const char *from, const char *label, char *out, size_t size)
{
    size_t n = strlen(label);
    for (const char *line = rt__log_next_line(from); *line; line = rt__log_next_line(line)) {
        const char *word = line + strspn(line, " \t");
        if (strncmp(word, label, n) == 0 && word[n] == ':') {
            rt__log_copy_line(word + n + 1, out, size);
            return;
        }
    }
    snprintf(out, size, "?");
}

/* Copies the paragraph after the one that contains `from`: Open MPI describes an internal failure there. */
static void find_detail(const char *from, char *out, size_t size)
{
    size_t used = 0;
    const char *line = from;
    while (*line && !is_blank(line))
        line = rt__log_next_line(line);
    while (*line && is_blank(line))
        line = rt__log_next_line(line);
    out[0] = '\0';
    for (; *line && !is_blank(line) && used < size; line = rt__log_next_line(line)) {
        char words[256];
        if (rt__log_is_state(line))
            continue;
        rt__log_copy_line(line, words, sizeof words);
        const char *text = strncmp(words, "--> ", 4) == 0 ? words + 4 : words;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ": " : "", text);
    }
}

static void make_sentence(const char *from, const char *sentence, char *out, size_t size)
{
    rt_text t = {0};
    for (const char *c = sentence; *c; c++) {
        char label[32], field[256];
        size_t n = *c == '{' ? strcspn(c + 1, "}") : 0;
        if (*c != '{') {
            rt_text_add(&t, "%c", *c);
            continue;
        }
        snprintf(label, sizeof label, "%.*s", (int)n, c + 1);
        if (n > 0)
            find_field(from, label, field, sizeof field);
        else
            find_detail(from, field, sizeof field);
        rt_text_add(&t, "%s", field);
        c += n + 1;
    }
    snprintf(out, size, "%s", t.data ? t.data : "");
    rt_mem_free(t.data);
}

bool rt__log_find_why(const char *log, const rt__why *rows, rt__why_found *out)
{
    for (; rows->text; rows++) {
        const char *at = strstr(log, rows->text);
        if (!at)
            continue;
        make_sentence(at, rows->sentence, out->reason, sizeof out->reason);
        out->final = rows->final;
        if (rows->host)
            find_field(at, rows->host, out->host, sizeof out->host);
        return true;
    }
    return false;
}
