#include "launch/jobs/preflight_words.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/control/messages.h"
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <ringtorch/version.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rt__preflight_note(rt__asked_host *h, rt__host_state state, const char *advice,
                        const char *fmt, ...)
{
    va_list ap;
    if (h->state != RT__HOST_FINE)
        return; /* the first thing that is wrong is the one to mend */
    h->state = state;
    va_start(ap, fmt);
    vsnprintf(h->finding, sizeof h->finding, fmt, ap);
    va_end(ap);
    snprintf(h->advice, sizeof h->advice, "%s", advice);
}

/* ---- what is long ---- */

enum { SHOWN = 256 };

/* Shortens a path that leaves no room for what is said of it. Its end says more than its beginning. */
static const char *shown(const char *path, char out[SHOWN])
{
    size_t n = strlen(path);
    if (n < SHOWN)
        return path;
    snprintf(out, SHOWN, "...%s", path + n - (SHOWN - 4));
    return out;
}

/* Makes an advice of a text, or of a shorter one if it does not fit: half a command must not be pasted. Frees the text. */
static void settle(rt_text *t, const char *shorter, char advice[RT__HOST_ADVICE])
{
    bool fits = t->data && !t->failed && t->len < RT__HOST_ADVICE;
    snprintf(advice, RT__HOST_ADVICE, "%s", fits ? t->data : shorter);
    rt_mem_free(t->data);
    *t = (rt_text){0};
}

/* ---- the remote shell failed ---- */

/* Words of remote shells, what they mean, and what to do. {host} is the host, {ssh} the user's command for it. */
static const struct {
    const char *words, *finding, *advice;
    const char *also; /* other words that must be there; NULL: none */
} rows[] = {
    {"srun: error: ", "Slurm starts nothing there", "look at it: scontrol show node {host}"},
    {"Could not resolve hostname", "its name cannot be resolved",
     "correct it, or give it an address: echo 'ADDRESS {host}' >>/etc/hosts, or HostName ADDRESS "
     "in ~/.ssh/config"},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key is not the one that is known here",
     "if it was installed anew: ssh-keygen -R {host}, then once {ssh} {host} true"},
    {"Host key verification failed", "its host key is not known here",
     "compare it and accept it once: {ssh} {host} true"},
    {"Permission denied (", "it refuses our key", "ssh-copy-id {host}"},
    {"Too many authentication failures", "it refuses our keys",
     "ssh-copy-id {host}, and name the key in ~/.ssh/config: IdentityFile and IdentitiesOnly yes"},
    {"Connection refused", "no sshd listens there",
     "on it: apt-get install openssh-server, systemctl start ssh; or correct Port in "
     "~/.ssh/config",
     "ssh: connect to host "},
    {"timed out", "it does not answer", "check that it is up: {ssh} {host} true"},
    {"No route to host", "it cannot be reached from here",
     "check that it is up: {ssh} {host} true"},
    {"Network is unreachable", "it cannot be reached from here",
     "check this host's network: ip route"},
};

/* Appends `template` with {host} and {ssh} filled in, the latter as it can be pasted. */
static void fill(rt_text *t, const char *template, const rt__question *q, const char *host)
{
    for (const char *at = template; *at;) {
        if (strncmp(at, "{host}", 6) == 0) {
            rt_text_add(t, "%s", host);
            at += 6;
        } else if (strncmp(at, "{ssh}", 5) == 0) {
            for (int i = 0; i < q->shell->given; i++) {
                rt_text_add(t, "%s", i > 0 ? " " : "");
                rt_text_add_word(t, q->shell->word[i]);
            }
            at += 5;
        } else {
            rt_text_add(t, "%c", *at++);
        }
    }
}

/* "ssh: connect to host h1 port 22: Connection refused" without the first word. */
static const char *without_program(const char *line)
{
    return strncmp(line, "ssh: ", 5) == 0 ? line + 5 : line;
}

static void read_failed_shell(rt__captured *c, const rt__question *q, rt__asked_host *h)
{
    char advice[RT__HOST_ADVICE];
    rt_text t = {0};
    const size_t count = sizeof rows / sizeof *rows;
    size_t i = 0;
    while (i < count &&
           (!strstr(c->err, rows[i].words) || (rows[i].also && !strstr(c->err, rows[i].also))))
        i++;
    char *line = rt__last_line(c->err);
    if (!*line)
        line = rt__last_line(c->out);
    line[strcspn(line, "\r")] = '\0';
    fill(&t, i < count ? rows[i].advice : "make this work without a password: {ssh} {host} true", q,
         h->name);
    settle(&t, "try it by hand", advice);
    if (i < count)
        rt__preflight_note(h, RT__HOST_AWAY, advice, "%s (%.300s)", rows[i].finding,
                           without_program(line));
    else
        rt__preflight_note(h, RT__HOST_AWAY, advice, "it cannot be asked: %.300s",
                           *line ? without_program(line) : "the remote shell printed nothing");
}

/* ---- our program failed there ---- */

/* Advises to install what is here. */
static void advise_install(const rt__question *q, const char *host, char advice[RT__HOST_ADVICE])
{
    static const char same[] = "install the same RingTorch there under the same path";
    char from[PATH_MAX], to[PATH_MAX + RT__HOST_NAME];
    rt_text t = {0};
    snprintf(from, sizeof from, "%s", q->program);
    for (int i = 0; i < 2; i++)
        if (strrchr(from, '/'))
            *strrchr(from, '/') = '\0';
    if (strcmp(from, "/usr") == 0 || !*from) {
        snprintf(advice, RT__HOST_ADVICE, "install the same packages there as here");
        return;
    }
    snprintf(from + strlen(from), sizeof from - strlen(from), "/");
    snprintf(to, sizeof to, "%s:%s", host, from);
    rt_text_add(&t, "%s, as in: rsync -a ", same);
    rt_text_add_word(&t, from);
    rt_text_add(&t, " ");
    rt_text_add_word(&t, to);
    settle(&t, same, advice);
}

/* `line` is the last one of its output. */
static void read_failed_program(rt__captured *c, const char *line, const rt__question *q,
                                rt__asked_host *h)
{
    static const char library[] = "error while loading shared libraries: ";
    char advice[RT__HOST_ADVICE], path[SHOWN];
    const char *missing = strstr(c->err, library), *program = shown(q->program, path);
    advise_install(q, h->name, advice);
    if (missing) {
        missing += sizeof library - 1;
        rt__preflight_note(h, RT__HOST_UNFIT,
                           "install there what RingTorch needs (docs/INSTALL.md): apt-get install "
                           "openmpi-bin libzmq5 libmsgpackc2 libyaml-0-2 libjansson4",
                           "%s lacks the library %.*s", program, (int)strcspn(missing, ":\n"),
                           missing);
    } else if (c->exit_code == 127 || c->exit_code == 126) {
        rt__preflight_note(h, RT__HOST_UNFIT, advice, "there is no RingTorch: %s %s there", program,
                           c->exit_code == 127 ? "is not" : "cannot be executed");
    } else if (strstr(c->err, "unknown command")) {
        rt__preflight_note(h, RT__HOST_UNFIT, advice,
                           "%s there is of another version than the one here, %s", program,
                           rt_version());
    } else {
        line = *c->err ? rt__last_line(c->err) : line;
        rt__preflight_note(h, RT__HOST_UNFIT, advice, "%s there ends with exit code %d: %.200s",
                           program, c->exit_code, *line ? line : "it printed nothing");
    }
}

/* ---- its answer ---- */

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

static void check_version(const json_t *j, const rt__question *q, rt__asked_host *h)
{
    char messages[24], advice[RT__HOST_ADVICE], path[SHOWN];
    const char *program = shown(q->program, path);
    snprintf(messages, sizeof messages, "%016" PRIx64, rt_messages_identity());
    advise_install(q, h->name, advice);
    if (strcmp(text_of(j, "version"), rt_version()) != 0)
        rt__preflight_note(h, RT__HOST_UNFIT, advice, "%s there is version %.40s, here it is %s",
                           program, text_of(j, "version"), rt_version());
    else if (strcmp(text_of(j, "messages"), messages) != 0)
        rt__preflight_note(h, RT__HOST_UNFIT, advice,
                           "%s there is another build of version %s, which speaks another protocol",
                           program, rt_version());
}

/* Advises to look at the run directory there. */
static void advise_look(const rt__question *q, const char *host, char advice[RT__HOST_ADVICE])
{
    static const char allow[] = "let our user read and write it";
    rt_text command = {0}, t = {0};
    rt_text_add(&command, "ls -ld ");
    rt_text_add_word(&command, q->run_dir);
    rt_text_add(&t, "%s; it looks like this there: ", allow);
    fill(&t, "{ssh} {host} ", q, host);
    rt_text_add_word(&t, command.data ? command.data : "");
    rt_mem_free(command.data);
    settle(&t, allow, advice);
}

static void check_directory(const json_t *j, const rt__question *q, rt__asked_host *h)
{
    const char *is = text_of(j, "directory"), *why = text_of(j, "directory_error");
    char advice[RT__HOST_ADVICE], path[SHOWN];
    const char *run_dir = shown(q->run_dir, path);
    if (strcmp(is, "same") == 0)
        return;
    if (*why) {
        advise_look(q, h->name, advice);
        rt__preflight_note(h, RT__HOST_UNFIT, advice,
                           "%s, the run directory, cannot be %s there: %.100s", run_dir,
                           strcmp(is, "unwritable") == 0 ? "written" : "read", why);
        return;
    }
    rt__preflight_note(h, RT__HOST_UNFIT,
                       "mount the file system that holds it there, as in: mount -t nfs "
                       "SERVER:/PATH /PATH, or choose a --run-dir that all hosts share",
                       "%s, the run directory, is not shared: %s", run_dir,
                       strcmp(is, "other") == 0 ? "another directory is there" : "it is not there");
}

static void check_files(const json_t *j, const rt__question *q, rt__asked_host *h)
{
    char path[SHOWN];
    if (q->worker && json_is_false(json_object_get(j, "program")))
        rt__preflight_note(h, RT__HOST_UNFIT, "put it there under the same path, and executable",
                           "%s cannot be executed there", shown(q->worker, path));
    if (q->run_dir)
        check_directory(j, q, h);
}

static void take_clock(const json_t *j, const rt__captured *c, double asked_at, rt__asked_host *h)
{
    h->ahead = json_number_value(json_object_get(j, "clock")) - (asked_at + c->seconds / 2);
    h->uncertain = c->seconds / 2;
}

static void take_reached(const json_t *j, const rt__question *q, rt__asked_host *h)
{
    const json_t *list = json_object_get(j, "reached"), *item;
    size_t k;
    json_array_foreach(list, k, item)
    {
        const char *text = json_string_value(item);
        for (int i = 0; text && i < q->places; i++)
            if (strcmp(text, q->place[i]) == 0)
                h->reaches |= UINT64_C(1) << i;
    }
}

/* Takes the mark that the command prints at its end out of the output, and our program's exit code out of the mark. Returns
 * false if there is none. A shell that shows the command itself prints no digit behind the sign. */
static bool take_end(rt__captured *c, const char *token)
{
    char *mark = NULL;
    for (char *at = c->out; (at = strstr(at, token)); at++)
        if (at[strlen(token)] == '=' && isdigit((unsigned char)at[strlen(token) + 1]))
            mark = at;
    if (!mark)
        return false;
    sscanf(mark + strlen(token), "=%9d", &c->exit_code);
    *mark = '\0';
    return true;
}

void rt__preflight_read(rt__captured *c, double asked_at, const rt__question *q, rt__asked_host *h)
{
    json_t *j = NULL;
    if (c->exit_code < 0) {
        rt__preflight_note(h, RT__HOST_AWAY, "look at it: it may be overloaded, or its disk hang",
                           "no answer after %.0f s", q->seconds);
        return;
    }
    if (!take_end(c, q->token)) {
        read_failed_shell(c, q, h);
        return;
    }
    char *line = rt__last_line(c->out); /* a greeting may come before it */
    if (c->exit_code != 0 || rt_json_parse(line, strlen(line), h->name, &j) != RT_OK ||
        !json_is_object(j)) {
        rt_error_clear();
        json_decref(j);
        read_failed_program(c, line, q, h);
        return;
    }
    snprintf(h->called, sizeof h->called, "%s", text_of(j, "host"));
    snprintf(h->machine, sizeof h->machine, "%s", text_of(j, "machine"));
    const json_t *shm = json_object_get(j, "shm_bytes");
    h->shm_bytes = json_is_integer(shm) ? json_integer_value(shm) : -1;
    take_clock(j, c, asked_at, h);
    take_reached(j, q, h);
    check_version(j, q, h);
    check_files(j, q, h);
    json_decref(j);
}

/* ---- all answers ---- */

static int64_t slots_of_machine(const rt__asked_host *host, int64_t count, const char *machine)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        if (strcmp(host[i].machine, machine) == 0)
            sum += host[i].slots;
    return sum;
}

void rt__preflight_note_twins(rt__asked_host *host, int64_t count)
{
    char advice[RT__HOST_ADVICE];
    for (int64_t i = 1; i < count; i++)
        for (int64_t k = 0; k < i && host[i].line > 0 && host[i].machine[0]; k++) {
            if (strcmp(host[i].machine, host[k].machine) != 0)
                continue;
            snprintf(advice, sizeof advice, "list it once, as in: %s slots=%" PRId64, host[k].name,
                     slots_of_machine(host, count, host[i].machine));
            rt__preflight_note(&host[i], RT__HOST_UNFIT, advice,
                               "it is the machine of line %" PRId64 " (%s)", host[k].line,
                               host[k].name);
            break;
        }
}
