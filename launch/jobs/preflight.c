#include "launch/jobs/preflight.h"
#include "common/base/clock.h"
#include "common/base/directory.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/base/stop_signals.h"
#include "common/base/text.h"
#include "common/state/snapshot_name.h"
#include "launch/jobs/child.h"
#include "launch/jobs/control_address.h"
#include "launch/jobs/preflight_words.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AT_ONCE = 32, BACKLOG = 512 };
static const double ANSWER_SECONDS =
    12; /* ssh may take 5 to connect, and the host 3 to find that it cannot reach us */

/* The whole under way. */
typedef struct look {
    const rt__preflight_spec *spec;
    rt__preflight *p;
    rt__shell shell;
    rt__question question;
    char token[RT_SNAPSHOT_TAG];
    char *token_path;              /* NULL: no run directory */
    int listener[RT__ROUTES_MOST]; /* of each candidate; -1: none */
    char place[RT__ROUTES_MOST][32];
    const char *places[RT__ROUTES_MOST];
    void (*work)(struct look *l, rt__asked_host *h);
    atomic_llong next, done;
    atomic_bool stop;
    double stopped_at;
} look;

/* ---- signals ---- */

/* A held signal stops everything, but nothing stops a look-up of a name, which may take many seconds. Therefore a second signal ends the
 * process, unless it follows so soon that it may belong to the same request to stop. */
static void notice_signals(look *l)
{
    static const double ECHO_SECONDS = 0.25;
    int signal = rt_stop_signals_take();
    if (signal && !l->p->stopped_by) {
        l->p->stopped_by = signal;
        l->stopped_at = rt_clock();
        atomic_store(&l->stop, true);
    } else if (!signal && l->p->stopped_by && rt_clock() > l->stopped_at + ECHO_SECONDS) {
        rt_stop_signals_release();
    }
}

static rt_status check_signals(look *l)
{
    char name[RT_SIGNAL_NAME];
    notice_signals(l);
    return l->p->stopped_by ? RT_FAIL(INTERRUPTED, "stopped by %s before it began",
                                      rt_signal_name(l->p->stopped_by, name))
                            : RT_OK;
}

/* ---- 32 hosts at a time ---- */

static void *work(void *arg)
{
    look *l = arg;
    for (int64_t i; (i = atomic_fetch_add(&l->next, 1)) < l->p->count;
         atomic_fetch_add(&l->done, 1))
        if (!l->p->host[i].here && !atomic_load(&l->stop))
            l->work(l, &l->p->host[i]);
    return NULL;
}

/* Sends the token to those that connect, which shows that it was us whom they have reached. */
static void serve(look *l, double seconds)
{
    struct pollfd f[RT__ROUTES_MOST];
    for (int i = 0; i < l->p->candidates; i++)
        f[i] = (struct pollfd){.fd = l->listener[i], .events = POLLIN};
    poll(f, (nfds_t)l->p->candidates, (int)(1e3 * seconds));
    for (int i = 0; i < l->p->candidates; i++) {
        int fd = f[i].revents ? rt_os_accept(f[i].fd) : -1;
        if (fd < 0)
            continue;
        ssize_t sent = send(fd, l->token, strlen(l->token), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent; /* a host that has left by now says that it did not reach us */
        close(fd);
    }
}

/* Does something for each other host, in threads; meanwhile answers those that connect. */
static rt_status for_each_host(look *l, void (*f)(look *, rt__asked_host *))
{
    pthread_t thread[AT_ONCE];
    int started = 0, failure = 0;
    l->work = f;
    atomic_store(&l->next, 0);
    atomic_store(&l->done, 0);
    while (failure == 0 && started < AT_ONCE && started < l->p->count)
        if ((failure = pthread_create(&thread[started], NULL, work, l)) == 0)
            started++;
    if (started == 0)
        return RT_FAIL(NOMEM,
                       "%s: the system refuses a thread that asks its hosts: %s: raise the limit "
                       "of processes (ulimit -u)",
                       l->spec->source, strerror(failure));
    while (atomic_load(&l->done) < l->p->count) {
        serve(l, 0.005);
        notice_signals(l);
    }
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    return check_signals(l);
}

/* ---- where to listen ---- */

static void find_route(look *l, rt__asked_host *h)
{
    if (!rt__route_find(&l->shell, h->name, &h->route))
        h->route = (rt__route){0};
    rt_error_clear();
}

static void add_candidate(rt__preflight *p, const rt__route *r)
{
    for (int i = 0; i < p->candidates; i++)
        if (strcmp(p->candidate[i].address, r->address) == 0)
            return;
    if (p->candidates < RT__ROUTES_MOST)
        p->candidate[p->candidates++] = *r;
}

/* Collects the addresses from which packets to the hosts leave. If that is unknown of one, any address of this host may be
 * the one that it reaches. */
static rt_status find_candidates(look *l)
{
    rt__preflight *p = l->p;
    rt__route own[RT__ROUTES_MOST];
    bool all_known = true;
    if (strcmp(l->spec->bind, "auto") != 0) {
        if (rt__route_of_bind(l->spec->bind, own))
            add_candidate(p, own);
        return RT_OK;
    }
    RT_TRY(for_each_host(l, find_route));
    for (int64_t i = 0; i < p->count; i++) {
        all_known &= p->host[i].here || p->host[i].route.address[0];
        if (p->host[i].route.address[0])
            add_candidate(p, &p->host[i].route);
    }
    int n = all_known ? 0 : rt__routes_own(own);
    for (int i = 0; i < n; i++)
        add_candidate(p, &own[i]);
    if (p->candidates > 0)
        return RT_OK;
    return RT_FAIL(CONFIG,
                   "control.bind is auto, but this host has no address other than loopback, "
                   "where the hosts of %s could reach it: connect it to their network, or "
                   "set control.bind",
                   l->spec->source);
}

/* Listens on an address. Returns -1 if it cannot; the coordinator's attempt will say why. */
static int listen_on(const char *address, int64_t port, char place[32])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof at;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool listens = fd >= 0 && inet_pton(AF_INET, address, &at.sin_addr) == 1 &&
                   setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                   bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, BACKLOG) == 0 &&
                   getsockname(fd, (struct sockaddr *)&at, &size) == 0;
    snprintf(place, 32, "%s:%u", address, listens ? ntohs(at.sin_port) : 0U);
    if (listens)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void listen_everywhere(look *l)
{
    for (int i = 0; i < l->p->candidates; i++) {
        l->listener[i] = listen_on(l->p->candidate[i].address, l->spec->port, l->place[i]);
        l->places[i] = l->place[i];
    }
    l->question.place = l->places;
    l->question.places = l->p->candidates;
}

/* ---- the question ---- */

/* Quotes a word for the login shell of another host, whichever shell that is. */
static void add_quoted(rt_text *t, const char *word)
{
    rt_text_add(t, " '");
    for (; *word; word++)
        *word == '\'' ? rt_text_add(t, "'\\''") : rt_text_add(t, "%c", *word);
    rt_text_add(t, "'");
}

/* Makes the command of which preflight_words.h says why it ends with a mark. Login shells differ in how they name the exit code
 * of a command, so sh is asked for it. */
static rt_status make_command(look *l)
{
    rt__question *q = &l->question;
    rt_text t = {0};
    q->token = l->token;
    rt_text_add(&t, "sh -c '\"$@\"; echo \"%s=$?\"' sh", l->token);
    add_quoted(&t, q->program);
    rt_text_add(&t, " preflight --token %s", l->token);
    if (q->run_dir) {
        rt_text_add(&t, " --run-dir");
        add_quoted(&t, q->run_dir);
    }
    if (q->worker) {
        rt_text_add(&t, " --program");
        add_quoted(&t, q->worker);
    }
    for (int i = 0; i < q->places; i++)
        if (l->listener[i] >= 0)
            rt_text_add(&t, " --reach %s", q->place[i]);
    q->command = rt_text_take(&t);
    return q->command ? RT_OK : rt_error_code();
}

static rt_status make_question(look *l)
{
    rt__question *q = &l->question;
    const char *worker = l->spec->worker;
    q->shell = &l->shell;
    q->seconds = ANSWER_SECONDS;
    q->program = rt__program_beside("ringtorch-worker");
    if (!q->program)
        return rt_error_code();
    /* mpirun looks for a name without a slash in PATH. */
    if (worker && strchr(worker, '/') && strcmp(worker, q->program) != 0 &&
        !(q->worker = rt_path_absolute(worker)))
        return rt_error_code();
    if (!l->spec->run_dir)
        return RT_OK;
    q->run_dir = rt_path_absolute(l->spec->run_dir);
    l->token_path = rt_path_join(l->spec->run_dir, ".preflight");
    return q->run_dir && l->token_path ? rt_file_replace(l->token_path, l->token, strlen(l->token))
                                       : rt_error_code();
}

static void ask(look *l, rt__asked_host *h)
{
    rt__captured c;
    double now = rt_clock_wall();
    if (rt__shell_run(&l->shell, h->name, l->question.command, ANSWER_SECONDS, &c) != RT_OK) {
        rt__preflight_note(h, RT__HOST_AWAY,
                           "look at the limits of this host: ulimit -u, ulimit -n",
                           "it cannot be asked: %s", rt_error());
        rt_error_clear();
        return;
    }
    rt__preflight_read(&c, now, &l->question, h);
    rt__captured_release(&c);
}

/* ---- the address ---- */

/* Returns how many hosts, of those that have answered, reach a candidate. */
static int64_t count_reaching(const rt__preflight *p, int candidate)
{
    int64_t n = 0;
    for (int64_t i = 0; i < p->count; i++)
        n += !p->host[i].here && (p->host[i].reaches >> candidate & 1);
    return n;
}

static void note_unreached(const look *l, int chosen, rt__asked_host *h)
{
    const rt__preflight *p = l->p;
    char advice[512];
    for (int i = 0; i < p->candidates; i++)
        if (h->reaches >> i & 1) {
            rt__preflight_note(h, RT__HOST_AWAY,
                               "set control.bind to an address of this host that all of them reach",
                               "it reaches this host only at %s (%s), but others at %s (%s)",
                               p->candidate[i].address, p->candidate[i].interface,
                               p->candidate[chosen].address, p->candidate[chosen].interface);
            return;
        }
    if (l->spec->port > 0)
        snprintf(advice, sizeof advice,
                 "let it through the firewalls of both, as in: iptables -I INPUT -p tcp --dport "
                 "%" PRId64 " -j ACCEPT",
                 l->spec->port);
    else
        snprintf(advice, sizeof advice,
                 "let it through the firewalls of both, as in: iptables -I INPUT -p tcp -s "
                 "%s -j ACCEPT; or set control.bind to another address of this host",
                 h->route.to[0] ? h->route.to : h->name);
    rt__preflight_note(h, RT__HOST_AWAY, advice,
                       "it cannot connect to %s port %s of this host (%s), where the coordinator "
                       "would listen",
                       p->candidate[chosen].address, strchr(l->place[chosen], ':') + 1,
                       p->candidate[chosen].interface);
}

/* Takes the candidate that the most hosts reach, the first of several. */
static void choose_address(look *l)
{
    rt__preflight *p = l->p;
    int best = 0;
    for (int i = 1; i < p->candidates; i++)
        if (count_reaching(p, i) > count_reaching(p, best))
            best = i;
    if (p->candidates > 0) {
        snprintf(p->address, sizeof p->address, "%s", p->candidate[best].address);
        snprintf(p->interface, sizeof p->interface, "%s", p->candidate[best].interface);
    }
    if (strcmp(l->spec->bind, "auto") != 0)
        snprintf(p->address, sizeof p->address, "%s", l->spec->bind);
    for (int64_t i = 0; p->candidates > 0 && l->listener[best] >= 0 && i < p->count; i++)
        if (!p->host[i].here && p->host[i].called[0] && !(p->host[i].reaches >> best & 1))
            note_unreached(l, best, &p->host[i]);
}

/* ---- the whole ---- */

static rt_status look_around(look *l)
{
    RT_TRY(rt__shell_find(l->spec->jobs, &l->shell));
    l->shell.stop = &l->stop;
    RT_TRY(find_candidates(l));
    RT_TRY(rt_snapshot_tag_make(l->token));
    listen_everywhere(l);
    RT_TRY(make_question(l));
    RT_TRY(make_command(l));
    RT_TRY(for_each_host(l, ask));
    choose_address(l);
    return RT_OK;
}

static void tidy_up(look *l)
{
    if (l->token_path)
        unlink(l->token_path);
    for (int i = 0; i < l->p->candidates; i++)
        if (l->listener[i] >= 0)
            close(l->listener[i]);
    rt_mem_free(l->token_path);
    rt_mem_free(l->question.program);
    rt_mem_free(l->question.run_dir);
    rt_mem_free(l->question.worker);
    rt_mem_free(l->question.command);
}

static rt_status list_hosts(const rt__host_list *hosts, rt__preflight *out)
{
    *out = (rt__preflight){.host = rt_calloc((size_t)hosts->count + 1, sizeof *out->host),
                           .count = hosts->count};
    if (!out->host)
        return rt_error_code();
    for (int64_t i = 0; i < hosts->count; i++) {
        rt__asked_host *h = &out->host[i];
        *h = (rt__asked_host){.slots = hosts->slots[i],
                              .line = hosts->line[i],
                              .shm_bytes = -1,
                              .here = rt__host_is_local(hosts->name[i])};
        snprintf(h->name, sizeof h->name, "%s", hosts->name[i]);
        if (h->here && isdigit((unsigned char)h->name[0])) /* an address of ours */
            gethostname(h->called, sizeof h->called - 1);
        if (h->here && !rt_os_machine(h->machine))
            h->machine[0] = '\0';
    }
    return RT_OK;
}

rt_status rt__preflight_run(const rt__preflight_spec *spec, rt__preflight *out)
{
    look l = {.spec = spec, .p = out};
    rt_status status = list_hosts(spec->hosts, out);
    for (int i = 0; i < RT__ROUTES_MOST; i++)
        l.listener[i] = -1;
    if (status == RT_OK && rt__host_list_all_local(spec->hosts)) {
        bool is_auto = strcmp(spec->bind, "auto") == 0;
        snprintf(out->address, sizeof out->address, "%s", is_auto ? "127.0.0.1" : spec->bind);
    } else if (status == RT_OK) {
        status = look_around(&l);
        tidy_up(&l);
    }
    if (status == RT_OK) {
        rt__preflight_note_twins(out->host, out->count);
        return RT_OK;
    }
    int stopped_by = out->stopped_by;
    rt__preflight_release(out);
    out->stopped_by = stopped_by;
    return status;
}

void rt__preflight_release(rt__preflight *p)
{
    rt_mem_free(p->host);
    *p = (rt__preflight){0};
}

const rt__asked_host *rt__preflight_find(const rt__preflight *p, const char *name)
{
    for (int64_t i = 0; p && i < p->count; i++)
        if (strcmp(p->host[i].name, name) == 0)
            return &p->host[i];
    return NULL;
}
