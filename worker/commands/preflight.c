/* ringtorch-worker preflight: prints as one JSON object what the launcher must know of this host before it starts a run on
 * it. The launcher runs it through a remote shell (launch/jobs/preflight.c). It starts neither the engine nor MPI. */
#include "worker/commands/command.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/control/messages.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <ringtorch/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PLACES_MOST = 32, TOKEN_MOST = 64 };
static const double CONNECT_SECONDS = 3;

/* ---- the run directory ---- */

/* Opens the file with the token. The directory of another host may hold anything under its name, a pipe for example, for whose writer
 * we would wait: only a file counts. Returns -1 with errno; 0 stands for something else that is there. */
static int open_token(const char *path)
{
    struct stat is;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || (fstat(fd, &is) == 0 && S_ISREG(is.st_mode)))
        return fd;
    close(fd);
    errno = 0;
    return -1;
}

/* Reads the file with the token; the text of anything else is "". Returns 0 or an errno. */
static int read_directory(const char *dir, char text[TOKEN_MOST])
{
    char *path = rt_strdup_printf("%s/.preflight", dir);
    int fd = path ? open_token(path) : -1, failure = 0;
    ssize_t n = fd >= 0 ? read(fd, text, TOKEN_MOST - 1) : -1;
    if (n < 0)
        failure = errno;
    if (fd >= 0)
        close(fd);
    rt_mem_free(path);
    text[n > 0 ? n : 0] = '\0';
    return failure;
}

/* Says what the directory is here: "same" if the file in it holds the token; "other" if the directory is there without the file, or
 * with another token; "none" if it is not there; "unreadable" or "unwritable" with the system's words. */
static void add_directory(json_t *j, const char *dir, const char *token)
{
    char text[TOKEN_MOST];
    int failure = read_directory(dir, text);
    const char *is = "unreadable";
    bool missing = failure == ENOENT || failure == ENOTDIR;
    if (missing) {
        failure = access(dir, F_OK) == 0 ? 0 : errno;
        bool gone = failure == ENOENT || failure == ENOTDIR;
        is = failure == 0 ? "other" : gone ? "none" : is;
        failure = gone ? 0 : failure;
    } else if (failure == 0 && strcmp(text, token) != 0) {
        is = "other";
    } else if (failure == 0) {
        failure = access(dir, W_OK) == 0 ? 0 : errno;
        is = failure == 0 ? "same" : "unwritable";
    }
    json_object_set_new(j, "directory", json_string(is));
    if (failure != 0)
        json_object_set_new(j, "directory_error", json_string(strerror(failure)));
}

/* ---- connections to the launcher ---- */

typedef struct place {
    const char *text; /* "10.0.0.1:5000" */
    int fd;
    char got[TOKEN_MOST];
    size_t len;
    bool reached;
} place;

static bool parse_place(const char *text, struct sockaddr_in *out)
{
    char address[INET_ADDRSTRLEN];
    unsigned port;
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(text, "%15[0-9.]:%u", address, &port) != 2 || port == 0 || port > 65535)
        return false;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, address, &out->sin_addr) == 1;
}

static void begin_connection(place *p)
{
    struct sockaddr_in to;
    p->fd = -1;
    if (!parse_place(p->text, &to))
        return;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd >= 0 && connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0 &&
        errno != EINPROGRESS) {
        close(p->fd);
        p->fd = -1;
    }
}

/* Reads what the launcher sends, which is the token: another program may listen at the same address of another network. */
static void read_token(place *p, const char *token)
{
    ssize_t n = read(p->fd, p->got + p->len, sizeof p->got - 1 - p->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    p->len += n > 0 ? (size_t)n : 0;
    p->got[p->len] = '\0';
    p->reached = strcmp(p->got, token) == 0;
    if (n > 0 && !p->reached && p->len + 1 < sizeof p->got)
        return;
    close(p->fd);
    p->fd = -1;
}

/* Connects to all places at once. */
static void connect_all(place *p, int n, const char *token)
{
    for (int i = 0; i < n; i++)
        begin_connection(&p[i]);
    for (double end = rt_clock() + CONNECT_SECONDS; rt_clock() < end;) {
        struct pollfd f[PLACES_MOST];
        bool open = false;
        for (int i = 0; i < n; i++) {
            f[i] = (struct pollfd){.fd = p[i].fd, .events = POLLIN};
            open |= p[i].fd >= 0;
        }
        if (!open)
            return;
        poll(f, (nfds_t)n, 50);
        for (int i = 0; i < n; i++)
            if (p[i].fd >= 0 && f[i].revents)
                read_token(&p[i], token);
    }
}

static json_t *list_reached(const rt_option_list *places, const char *token)
{
    place p[PLACES_MOST] = {0};
    int n = places->count < PLACES_MOST ? (int)places->count : PLACES_MOST;
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        p[i].text = places->item[i];
    connect_all(p, n, token);
    for (int i = 0; i < n; i++)
        if (p[i].reached)
            json_array_append_new(list, json_string(p[i].text));
    return list;
}

/* ---- all of it ---- */

/* sshd sets SSH_CONNECTION to "client port server port". */
static void add_client(json_t *j)
{
    const char *set = getenv("SSH_CONNECTION");
    char address[INET6_ADDRSTRLEN];
    if (set && sscanf(set, "%45[0-9a-fA-F.:]", address) == 1)
        json_object_set_new(j, "from", json_string(address));
}

static void add_shared_memory(json_t *j)
{
    struct statvfs fs;
    if (statvfs("/dev/shm", &fs) == 0)
        json_object_set_new(j, "shm_bytes",
                            json_integer((json_int_t)fs.f_bavail * (json_int_t)fs.f_frsize));
}

static rt_status run(int argc, char **argv)
{
    const char *dir = NULL, *token = "", *program = NULL;
    char host[256] = "", messages[24], machine[RT_OS_MACHINE];
    rt_option_list places = {.item = rt_malloc((size_t)argc * sizeof *places.item)};
    const rt_option options[] = {
        {"run-dir", 0, "DIR", "the run directory: is it the launcher's?", .text = &dir},
        {"token", 0, "TEXT", "what the launcher has written into DIR/.preflight, and sends",
         .text = &token},
        {"program", 0, "FILE", "the workers' program: can it be executed?", .text = &program},
        {"reach", 0, "ADDRESS:PORT", "where the launcher listens; may be repeated",
         .list = &places},
        {NULL},
    };
    const rt_usage usage = {"ringtorch-worker preflight",
                            {NULL},
                            0,
                            "Whether this host can take part in a run: one JSON object.",
                            options};
    rt_arguments args;
    if (!places.item)
        return rt_error_code();
    rt_status status = rt_options_parse(&usage, argc, argv, &args);
    if (status != RT_OK || args.help) {
        rt_mem_free(places.item);
        return status;
    }
    double clock = rt_clock_wall();
    gethostname(host, sizeof host - 1);
    snprintf(messages, sizeof messages, "%016" PRIx64, rt_messages_identity());
    json_t *j = json_pack("{s:s, s:s, s:s, s:f}", "version", rt_version(), "messages", messages,
                          "host", host, "clock", clock);
    if (rt_os_machine(machine))
        json_object_set_new(j, "machine", json_string(machine));
    if (dir)
        add_directory(j, dir, token);
    if (program)
        json_object_set_new(j, "program", json_boolean(access(program, X_OK) == 0));
    add_client(j);
    add_shared_memory(j);
    json_object_set_new(j, "reached", list_reached(&places, token));
    rt_mem_free(places.item);
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!text)
        return RT_FAIL(NOMEM, "preflight: out of memory");
    puts(text);
    rt_mem_free(text);
    return RT_OK;
}

int rt__command_preflight(int argc, char **argv)
{
    return rt_status_exit_code(run(argc, argv));
}
