/* Finds the reason of a failure in the log of another program, and turns it into a sentence of ours.
 *
 *     static const rt__why rows[] = {{"execute an executable:", "{Executable} cannot be executed on {Node}", "Node", true},
 *                                    {NULL}};
 *     char *text = rt__log_read(path);                       // NULL: cannot be read
 *     rt__why_found f = {0};
 *     if (!rt__log_find_why(text, rows, &f))
 *         rt__log_last_message(text, noise, f.reason, sizeof f.reason);
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_LOG_TEXT_H
#define RINGTORCH_LAUNCH_JOBS_LOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { RT__REASON = 512 }; /* bytes of a reason, with the zero */

/* One kind of failure: a text in the log, and our sentence for it. In the sentence, {Label} is replaced by what follows
 * "Label:" after that text, and {} by the next paragraph. */
typedef struct rt__why {
    const char *text, *sentence; /* text NULL: the end of a table */
    const char *host;            /* the label of the host that it happened on; NULL: none */
    bool final;                  /* another try would end in the same way */
} rt__why;

typedef struct rt__why_found {
    char reason[RT__REASON];
    char host[256];
    bool final;
} rt__why_found;

/* Returns the text of a log (rt_mem_free), only the last part of a very long one; NULL without an error if it cannot be
 * read. */
char *rt__log_read(const char *path);
/* Fills *out from the first row whose text the log contains. If there is none, returns false and leaves *out unchanged. */
bool rt__log_find_why(const char *log, const rt__why *rows, rt__why_found *out);
/* Returns whether a line is blank, a state, or contains one of noise[] (NULL-terminated). */
bool rt__log_is_noise(const char *line, const char *const *noise);
/* Copies the last line that is not noise. If it belongs to a message of Open MPI, which stands between two rulers, copies
 * that message's first sentence and its details. Skips messages whose first line is noise. */
void rt__log_last_message(const char *log, const char *const *noise, char *out, size_t size);
/* Returns the last line before `end` that is not noise; NULL: there is none. */
const char *rt__log_last_line(const char *text, const char *end, const char *const *noise);
const char *rt__log_next_line(const char *line);
/* Copies a line without leading and trailing blanks. */
void rt__log_copy_line(const char *line, char *out, size_t size);
/* Returns whether a line reports the state of a rank or job, which we ask Open MPI to log. */
bool rt__log_is_state(const char *line);

#endif
