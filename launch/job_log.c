/* The texts are those of Open MPI 4 (help-orterun.txt, help-errmgr-base.txt, help-plm-base.txt,
 * help-orte-odls-default.txt, help-mca-base.txt, help-mpi-runtime.txt and help-orte-runtime.txt of its
 * share folder, and orterun.c). */
#include "launch/job_log.h"
#include "common/error.h"
#include "common/input.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/fields.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CANNOT_START "MPI cannot start"
const char rt__mpi_cannot_start[] = CANNOT_START;
enum { READ_BYTES = 1 << 18 };

char *rt__log_read(const char *path)
{
    rt_bytes end;
    if (rt_input_tail(path, READ_BYTES, &end) != RT_OK)
        rt_error_clear();
    return (char *)end.data;
}

/* ---- lines ---- */

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* Returns whether a line consists of nothing that could be read: blanks, rulers of dashes, asterisks. */
static bool is_blank(const char *line)
{
    return strchr("\n", line[strspn(line, " \t\r-*=#@_")]) != NULL;
}

/* "[h1:93] [[61219,0],0] ACTIVATE PROC [[61219,1],3] STATE RUNNING AT ...": mpirun tells what becomes of its ranks
 * because we ask for it (mpi_environment.c). Returns the name of the rank in such a line; NULL: it is another line. */
static const char *state_of_rank(const char *line)
{
    static const char mark[] = "] ACTIVATE PROC ";
    const char *at = *line == '[' ? memmem(line, strcspn(line, "\n"), mark, sizeof mark - 1) : NULL;
    return at ? at + sizeof mark - 1 : NULL;
}

static bool is_state(const char *line)
{
    static const char mark[] = "] ACTIVATE JOB ";
    return state_of_rank(line) ||
           (*line == '[' && memmem(line, strcspn(line, "\n"), mark, sizeof mark - 1));
}

/* What Open MPI says beside every failure. */
static bool is_noise(const char *line)
{
    static const char *const starts[] = {
        "Primary job  terminated normally",
        "a non-zero exit code. Per user-direction",
        "mpirun detected that one or more processes exited",
        "the job to be terminated. The first process",
        "mpirun noticed that process rank",
        "mpirun: Forwarding signal",
        "An internal error has occurred in ORTE",
        "This is something that should be reported to the developers",
    };
    static const char *const parts[] = {
        "Process name: [[",
        "Exit code:",
        "ORTE_ERROR_LOG",
        "PMIX ERROR",
        "OPAL ERROR",
        "help message",
        "MCA parameter",
        "MPI_ERRORS",
        "your MPI job)",
        "FORCE-TERMINATE",
        "tcp_peer_recv_connect_ack"}; /* a stranger has connected to its port */
    size_t length = strcspn(line, "\n");
    if (is_blank(line) || is_state(line))
        return true;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(line, starts[i], strlen(starts[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (memmem(line, length, parts[i], strlen(parts[i])))
            return true;
    return false;
}

static void copy_line(const char *line, char *out, size_t size)
{
    line += strspn(line, " \t");
    size_t length = strcspn(line, "\n");
    while (length > 0 && strchr(" \t\r", line[length - 1]))
        length--;
    snprintf(out, size, "%.*s", (int)length, line);
}

/* Returns the last line before `end` that says something; NULL: none does. */
static const char *last_words(const char *text, const char *end)
{
    const char *found = NULL;
    for (const char *line = text; *line && line < end; line = next_line(line))
        if (!is_noise(line))
            found = line;
    return found;
}

static bool is_ruler(const char *line)
{
    size_t dashes = strspn(line, "-");
    return dashes > 40 && strchr("\r\n", line[dashes]);
}

/* Returns the first line of the message of Open MPI's, which stands between two rulers, that a line is in; NULL: it is in
 * none. */
static const char *message_of(const char *text, const char *line)
{
    const char *message = NULL;
    for (const char *l = text; l < line; l = next_line(l))
        if (is_ruler(l))
            message = message ? NULL : next_line(l);
    while (message && *message && is_blank(message))
        message = next_line(message);
    return message;
}

/* "  Policy: nope" */
static bool is_detail(const char *line)
{
    return *line == ' ' && memmem(line, strcspn(line, "\n"), ": ", 2);
}

/* Copies what a message says: the first sentence, which may go over several lines, and the details that it gives. */
static void copy_message(const char *line, char *out, size_t size)
{
    size_t used = 0;
    char words[256];
    out[0] = '\0';
    for (; *line && !is_blank(line) && used < size; line = next_line(line)) {
        copy_line(line, words, sizeof words);
        if (!is_state(line))
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", words);
    }
    char *end = strstr(out, ". ");
    if (end)
        end[0] = '\0';
    used = strlen(out);
    while (used > 0 && strchr(".:", out[used - 1]))
        out[--used] = '\0';
    const char *before = ": ";
    for (; *line && !is_ruler(line) && used < size; line = next_line(line))
        if (is_detail(line)) {
            copy_line(line, words, sizeof words);
            used += (size_t)snprintf(out + used, size - used, "%s%s", before, words);
            before = ", ";
        }
}

/* Copies the last that was said, if anything was. */
static void copy_last_words(const char *log, char *out, size_t size)
{
    const char *words = last_words(log, log + strlen(log));
    const char *message = words ? message_of(log, words) : NULL;
    if (message)
        copy_message(message, out, size);
    else if (words)
        copy_line(words, out, size);
}

/* ---- why ---- */

/* One way in which Open MPI fails: a part of its text, and the sentence that we make of it, in which
 * {Label} stands for what follows "Label:" behind that part, and {} for the paragraph after the next.
 * The first row whose text is there counts. */
static const struct why {
    const char *text, *sentence;
    const char *host; /* the label before the name of the host that it happened on */
    bool final;
} whys[] = {
    {"mpirun does not support recursive calls",
     "mpirun does not run inside another MPI job: start ringtorch without mpirun or srun", NULL,
     true},
    {"or execute an executable:",
     "{Executable} cannot be executed on {Node}: it must be there, and be executable", "Node",
     true},
    {"was unable to find the specified executable file",
     "{Executable} cannot be executed on {Node}: it must be there, and be executable", "Node",
     true},
    {"via the \"execve\" system call",
     "{Application name} cannot be executed on {Local host}: {Error}", "Local host", true},
    {"change to the specified working directory:", "{Working directory} is not there on {Node}",
     "Node", true},
    {"orted: not found",
     "orted is not found on one of the hosts: install the same Open MPI on all of them", NULL,
     true},
    {"orted: command not found",
     "orted is not found on one of the hosts: install the same Open MPI on all of them", NULL,
     true},
    {"A requested component was not found",
     "Open MPI on {Host} has no {Framework} component '{Component}': look at OMPI_MCA_{Framework}",
     NULL, true},
    {"No components were able to be opened in the",
     "Open MPI on {Host} has no {Framework} component that works here: look at "
     "OMPI_MCA_{Framework}",
     NULL, true},
    {"BTLs attempted: self\n",
     "Open MPI has no way for messages between the workers: look at OMPI_MCA_btl and "
     "OMPI_MCA_btl_tcp_if_include",
     NULL, true},
    {"MPI processes are unable to reach each other",
     "the workers cannot reach each other, tried: {BTLs attempted}: look at OMPI_MCA_btl and the "
     "network",
     NULL, false},
    {"at least one MPI process is unreachable",
     "the workers cannot reach each other: look at OMPI_MCA_btl and the network", NULL, false},
    {"A call to mkdir was unable to create", "Open MPI cannot make the folder {Directory}: {Error}",
     NULL, false},
    {"It looks like pmix_init failed", CANNOT_START ": {}", NULL, false},
    {"It looks like orte_init failed", CANNOT_START ": {}", NULL, false},
    {"It looks like MPI_INIT failed", CANNOT_START ": {}", NULL, false},
    {"Local abort before MPI_INIT completed", CANNOT_START ", and does not say why", NULL, false},
    {"*** An error occurred in MPI_Init",
     CANNOT_START ", and does not say why: look at the variables OMPI_MCA_* that are set", NULL,
     false},
    {"was unable to start the specified application",
     "a worker cannot be started on {Node}: {Error name}", "Node", false},
};

/* Copies what follows "Label:" somewhere behind `from`. */
static void find_field(const char *from, const char *label, char *out, size_t size)
{
    size_t n = strlen(label);
    for (const char *line = next_line(from); *line; line = next_line(line)) {
        const char *word = line + strspn(line, " \t");
        if (strncmp(word, label, n) == 0 && word[n] == ':') {
            copy_line(word + n + 1, out, size);
            return;
        }
    }
    snprintf(out, size, "?");
}

/* Copies the paragraph after the one that `from` is in: Open MPI's own words for an inner failure. */
static void find_detail(const char *from, char *out, size_t size)
{
    size_t used = 0;
    const char *line = from;
    while (*line && !is_blank(line))
        line = next_line(line);
    while (*line && is_blank(line))
        line = next_line(line);
    out[0] = '\0';
    for (; *line && !is_blank(line) && used < size; line = next_line(line)) {
        char words[256];
        if (is_state(line))
            continue;
        copy_line(line, words, sizeof words);
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

static bool find_why(const char *log, rt__blame *out)
{
    for (size_t i = 0; i < sizeof whys / sizeof *whys; i++) {
        const char *at = strstr(log, whys[i].text);
        if (!at)
            continue;
        make_sentence(at, whys[i].sentence, out->reason, sizeof out->reason);
        out->final = whys[i].final;
        if (whys[i].host)
            find_field(at, whys[i].host, out->host, sizeof out->host);
        return true;
    }
    return false;
}

/* What our own programs say before they have a log of their own. */
static bool find_ours(const char *log, char reason[RT__REASON])
{
    static const char name[] = "ringtorch: ";
    for (const char *line = log; *line; line = next_line(line))
        if (strncmp(line, name, sizeof name - 1) == 0) {
            copy_line(line + sizeof name - 1, reason, RT__REASON);
            return true;
        }
    return false;
}

/* ---- who ---- */

/* "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed)." */
static bool find_killed(const char *log, rt__blame *out)
{
    const char *at = strstr(log, "process rank ");
    for (; at;
         at = strstr(at + 1, "process rank ")) /* "attempting to start process rank 0" is another */
        if (sscanf(at,
                   "process rank %" SCNd64 " with PID %*d on node %*s exited on signal %" SCNd64,
                   &out->rank, &out->signal) == 2)
            return true;
    out->rank = -1;
    return false;
}

/* "Process name: [[16421,1],12]", then "Exit code:    3" */
static bool find_left(const char *log, rt__blame *out)
{
    const char *at = strstr(log, "Process name: [[");
    bool found = at && sscanf(at, "Process name: [[%*d,%*d],%" SCNd64 "] Exit code: %" SCNd64,
                              &out->rank, &out->exit_code) == 2;
    if (!found)
        out->rank = -1;
    return found;
}

/* The first rank that has failed as mpirun saw it. It ends without a word about that rank when it has ended the others
 * before it gets to it. */
static void find_failed(const char *log, rt__blame *out)
{
    static const char *const states[] = {"EXITED WITH NON-ZERO STATUS", "ABORTED BY SIGNAL"};
    for (const char *line = log; *line; line = next_line(line)) {
        const char *at = state_of_rank(line);
        char state[32];
        if (!at || sscanf(at, "[[%*d,%*d],%" SCNd64 "] STATE %31[A-Z -]", &out->rank, state) != 2)
            continue;
        for (int i = 0; i < 2; i++)
            if (strncmp(state, states[i], strlen(states[i])) == 0) {
                out->by_signal = i == 1;
                return;
            }
    }
    out->rank = -1;
}

/* "ORTE has lost communication with a remote daemon.", then "Remote daemon: [[1,0],1] on node h1" */
static void find_lost_daemon(const char *log, rt__blame *out)
{
    static const char *const texts[] = {"ORTE has lost communication with a remote daemon",
                                        "ORTE was unable to reliably start one or more daemons",
                                        "An ORTE daemon has unexpectedly failed after launch",
                                        "A daemon died unexpectedly"};
    const char *at = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !at; i++)
        at = strstr(log, texts[i]);
    if (!at)
        return;
    out->daemon = true;
    const char *daemon = strstr(at, "Remote daemon: [[");
    if (!daemon || sscanf(daemon, "Remote daemon: [[%*d,%*d],%*d] on node %255s", out->host) != 1)
        out->host[0] = '\0';
    const char *words = last_words(log, at); /* of the remote shell */
    if (words && !out->reason[0])
        copy_line(words, out->reason, sizeof out->reason);
}

void rt__log_blame(const char *log, rt__blame *out)
{
    *out = (rt__blame){.rank = -1};
    out->explained = find_why(log, out) || find_ours(log, out->reason);
    find_lost_daemon(log, out);
    if (!out->daemon && !find_killed(log, out) && !find_left(log, out))
        find_failed(log, out);
    if (!out->reason[0] && !out->daemon)
        copy_last_words(log, out->reason, sizeof out->reason);
}

/* ---- others ---- */

void rt__log_name_host(const char *log, const char *host, char reason[RT__REASON])
{
    for (const char *line = log; *line; line = next_line(line))
        if (!is_noise(line) && memmem(line, strcspn(line, "\n"), host, strlen(host))) {
            copy_line(line, reason, RT__REASON);
            return;
        }
}

/* An entry of our log: "2026-11-28 20:49:47.592 ERROR worker 0: what (file.c:141)". */
static bool take_error(const char *line, char reason[RT__REASON])
{
    static const char mark[] = " ERROR worker ";
    const char *at = memmem(line, strcspn(line, "\n"), mark, sizeof mark - 1);
    const char *what = at ? strstr(at + sizeof mark - 1, ": ") : NULL;
    if (!what)
        return false;
    copy_line(what + 2, reason, RT__REASON);
    return true;
}

/* The same under log.format: json. */
static bool take_json_error(const char *line, char reason[RT__REASON])
{
    json_t *entry = NULL;
    bool is_error = *line == '{' &&
                    rt_json_parse(line, strcspn(line, "\n"), "log", &entry) == RT_OK &&
                    strcmp(rt__field_text(entry, "level"), "ERROR") == 0;
    if (is_error)
        copy_line(rt__field_text(entry, "msg"), reason, RT__REASON);
    json_decref(entry);
    rt_error_clear();
    return is_error;
}

/* The place in our source is for developers, who have the log. */
static void cut_place(char *reason)
{
    char *open = strrchr(reason, '(');
    size_t n = strlen(reason);
    if (open && open > reason && n > 0 && reason[n - 1] == ')' && strstr(open, ".c:"))
        open[-1] = '\0';
}

void rt__log_worker(const char *log, char reason[RT__REASON])
{
    rt__blame mpi = {.rank = -1};
    reason[0] = '\0';
    for (const char *line = log; *line; line = next_line(line))
        if (take_error(line, reason) || take_json_error(line, reason)) {
            cut_place(reason);
            return;
        }
    if (find_why(log, &mpi))
        memcpy(reason, mpi.reason, RT__REASON);
    else
        copy_last_words(log, reason, RT__REASON);
}
