#include "launch/jobs/hosts.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/control/bind_address.h"
#include "launch/jobs/own_address.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, HOSTS_MAX = 4096, SLOTS_MAX = 65536 }; /* as messages.def has them */
static const double LOOK_SECONDS = 1;

/* ---- names ---- */

bool rt__host_is_name(const char *name)
{
    size_t n = 0;
    /* A leading '-' would be an option of ssh; ':' and ',' separate hosts for mpirun. */
    for (; name[n]; n++)
        if (!isalnum((unsigned char)name[n]) && (n == 0 || !strchr("-._", name[n])))
            return false;
    return n > 0 && n < RT__HOST_NAME;
}

static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789.")] == '\0'; /* an address has no domain to omit */
}

/* Returns whether two names mean the same host; one of them may lack the domain. */
static bool is_same_host(const char *a, const char *b)
{
    size_t n = strcspn(a, "."), m = strcspn(b, ".");
    if (strcmp(a, b) == 0)
        return true;
    return n == m && strncmp(a, b, n) == 0 && (a[n] == '\0') != (b[m] == '\0') && !is_number(a) &&
           !is_number(b);
}

static bool is_own_address(const char *name)
{
    rt__route own[RT__ROUTES_MOST];
    for (int i = rt__routes_own(own); i-- > 0;)
        if (strcmp(own[i].address, name) == 0)
            return true;
    return false;
}

bool rt__host_is_local(const char *name)
{
    char mine[HOST_NAME_MAX + 1];
    if (strcmp(name, "localhost") == 0 || strcmp(name, "127.0.0.1") == 0)
        return true;
    if (is_number(name))
        return is_own_address(name);
    return gethostname(mine, sizeof mine) == 0 && is_same_host(name, mine);
}

bool rt__host_list_all_local(const rt__host_list *h)
{
    for (int64_t i = 0; i < h->count; i++)
        if (!rt__host_is_local(h->name[i]))
            return false;
    return true;
}

/* Returns the number of ranks on host i if `world` ranks are left after the hosts before it. */
static int64_t ranks_on(const rt__host_list *h, int64_t i, int64_t world)
{
    return h->slots[i] < world ? h->slots[i] : world;
}

int64_t rt__host_list_local_ranks(const rt__host_list *h, int64_t world)
{
    int64_t here = h->count == 0 ? world : 0;
    for (int64_t i = 0; i < h->count && world > 0; world -= h->slots[i++])
        if (rt__host_is_local(h->name[i]))
            here += ranks_on(h, i, world);
    return here;
}

int64_t rt__host_list_busiest(const rt__host_list *h, int64_t world)
{
    int64_t most = h->count == 0 ? world : 0;
    for (int64_t i = 0; i < h->count && world > 0; world -= h->slots[i++])
        if (ranks_on(h, i, world) > most)
            most = ranks_on(h, i, world);
    return most;
}

int64_t rt__host_list_idle(const rt__host_list *h, int64_t world, int64_t *all, int64_t *hosts)
{
    *all =
        h->count == 0 ? h->tasks : 0; /* this host alone has as many slots as its job has tasks */
    *hosts = 0;
    for (int64_t i = 0; i < h->count; *all += h->slots[i++])
        *hosts += *all >= world;
    return *all > world ? *all - world : 0;
}

const char *rt__host_list_find(const rt__host_list *h, const char *name)
{
    for (int64_t i = 0; i < h->count; i++)
        if (is_same_host(h->name[i], name))
            return h->name[i];
    return NULL;
}

rt_status rt__host_list_check_bind(const rt__host_list *h, const char *path, const char *bind)
{
    static const char *const nowhere[] = {"localhost", "lo", "::1", "[::1]", "0.0.0.0", "*", "::"};
    char address[RT_ADDRESS];
    if (strcmp(bind, "auto") == 0)
        return RT_OK;
    RT_TRY(rt_bind_address(bind, address));
    bool unreachable = strncmp(address, "127.", 4) == 0;
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        unreachable |= strcmp(bind, nowhere[i]) == 0;
    for (int64_t i = 0; unreachable && i < h->count; i++) {
        char line[32] = ""; /* a list that is no file has none */
        if (h->line[i] > 0)
            snprintf(line, sizeof line, ":%" PRId64, h->line[i]);
        if (!rt__host_is_local(h->name[i]))
            return RT_FAIL(CONFIG,
                           "control.bind is %s%s%s, where host %s (%s%s) cannot reach the "
                           "coordinator: end the run if it has begun, leave control.bind out, and "
                           "the address is chosen by itself (--set control.bind=auto)",
                           bind, strcmp(bind, address) == 0 ? "" : ", which is ",
                           strcmp(bind, address) == 0 ? "" : address, h->name[i], path, line);
    }
    return RT_OK;
}

/* ---- lists ---- */

static rt_status allocate_lists(rt__host_list *h, int64_t count)
{
    size_t n = count > 0 ? (size_t)count : 1;
    *h = (rt__host_list){.name = rt_calloc(n, sizeof *h->name),
                         .slots = rt_calloc(n, sizeof *h->slots),
                         .line = rt_calloc(n, sizeof *h->line)};
    if (h->name && h->slots && h->line)
        return RT_OK;
    rt__host_list_release(h);
    return rt_error_code();
}

void rt__host_list_release(rt__host_list *h)
{
    for (int64_t i = 0; i < h->count; i++)
        rt_mem_free(h->name[i]);
    rt_mem_free(h->name);
    rt_mem_free(h->slots);
    rt_mem_free(h->line);
    *h = (rt__host_list){0};
}

char *rt__host_list_join(const rt__host_list *h, bool slots)
{
    rt_text t = {0};
    for (int64_t i = 0; i < h->count; i++) {
        rt_text_add(&t, "%s%s", i > 0 ? "," : "", h->name[i]);
        if (slots)
            rt_text_add(&t, ":%" PRId64, h->slots[i]);
    }
    return rt_text_take(&t);
}

rt_status rt__host_list_copy(const char *const *name, const int64_t *slots, int64_t count,
                             rt__host_list *out)
{
    RT_TRY(allocate_lists(out, count));
    for (int64_t i = 0; i < count; i++) {
        out->name[i] = rt_strdup(name[i]);
        if (!out->name[i]) {
            rt__host_list_release(out);
            return rt_error_code();
        }
        out->slots[i] = slots[i];
        out->count++;
    }
    return RT_OK;
}

/* Returns the place of a host in the list, its length if it is not there. Lists name their hosts in order. */
static int64_t place_of(const rt__host_list *h, const char *name)
{
    int64_t i = 0;
    if (h->count > 0 && strcmp(h->name[h->count - 1], name) == 0)
        return h->count - 1;
    while (i < h->count && strcmp(h->name[i], name) != 0)
        i++;
    return i;
}

rt_status rt__host_list_add(rt__host_list *h, const char *name, size_t len, int64_t slots)
{
    char text[RT__HOST_NAME];
    snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), name);
    if (len >= sizeof text || strlen(text) != len || !rt__host_is_name(text))
        return RT_FAIL(CONFIG, "'%.80s' is not a host name", text);
    if (!h->name)
        RT_TRY(allocate_lists(h, HOSTS_MAX));
    int64_t i = place_of(h, text);
    if (i == HOSTS_MAX)
        return RT_FAIL(RANGE, "it names more than %d hosts", HOSTS_MAX);
    int64_t before = i < h->count ? h->slots[i] : 0;
    if (slots < 1 || slots > SLOTS_MAX - before)
        return RT_FAIL(RANGE, "host %s has %" PRId64 " slots: expected 1 to %d", text, slots,
                       SLOTS_MAX);
    if (i == h->count) {
        h->name[i] = rt_strdup(text);
        if (!h->name[i])
            return rt_error_code();
        h->count++;
    }
    h->slots[i] = before + slots;
    return RT_OK;
}

/* ---- the file ---- */

/* A place in the text. */
typedef struct place {
    const char *path, *line_start, *at, *end; /* end: of the line */
    int64_t line;
} place;

/* Fails with a message that begins with the place, "path:line:column". */
#define BAD_HOSTS(p, where, fmt, ...)                                                              \
    RT_FAIL(CONFIG, "%s:%" PRId64 ":%td: " fmt, (p)->path, (p)->line,                              \
            (where) - (p)->line_start + 1, __VA_ARGS__)

static void skip_blanks(place *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
    if (p->at < p->end && *p->at == '#')
        p->at = p->end;
}

/* Takes the next word and returns its length, 0 at the end of the line. */
static size_t take_word(place *p, const char **word)
{
    skip_blanks(p);
    *word = p->at;
    while (p->at < p->end && !strchr(" \t\r#", *p->at))
        p->at++;
    return (size_t)(p->at - *word);
}

static rt_status parse_name(const place *p, const char *word, size_t len, rt__host_list *out)
{
    char name[RT__HOST_NAME];
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), word);
    if (strchr(name, '@'))
        return BAD_HOSTS(p, word,
                         "'%s': no user may be given here: put it into ~/.ssh/config, as in: Host "
                         "%s, User %.*s",
                         name, strchr(name, '@') + 1, (int)strcspn(name, "@"), name);
    if (len >= sizeof name || !rt__host_is_name(name))
        return BAD_HOSTS(
            p, word,
            "'%s' is not a host name: expected letters, digits, '-', '.' and '_', as in "
            "node1 slots=4",
            name);
    for (int64_t i = 0; i < out->count; i++)
        if (strcmp(out->name[i], name) == 0)
            return BAD_HOSTS(p, word, "%s is already in line %" PRId64 ": give it more slots there",
                             name, out->line[i]);
    if (out->count == HOSTS_MAX)
        return BAD_HOSTS(p, word, "more than %d hosts", HOSTS_MAX);
    out->name[out->count] = rt_strdup(name);
    return out->name[out->count] ? RT_OK : rt_error_code();
}

static rt_status parse_slots(const place *p, const char *word, size_t len, int64_t *slots)
{
    static const char key[] = "slots=";
    const char *digits = word + sizeof key - 1;
    size_t n = len >= sizeof key - 1 ? len - (sizeof key - 1) : 0;
    if (n == 0 || strncmp(word, key, sizeof key - 1) != 0)
        return BAD_HOSTS(p, word, "'%.*s' is not understood: expected slots=N after the name",
                         (int)(len < 80 ? len : 80), word);
    *slots = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)digits[i]))
            return BAD_HOSTS(p, digits + i, "slots=%.*s: expected a whole number",
                             (int)(n < 40 ? n : 40), digits);
        *slots = *slots > SLOTS_MAX ? *slots : *slots * 10 + (digits[i] - '0');
    }
    if (*slots < 1 || *slots > SLOTS_MAX)
        return BAD_HOSTS(p, digits, "slots=%.*s: expected 1 to %d", (int)(n < 40 ? n : 40), digits,
                         SLOTS_MAX);
    return RT_OK;
}

static rt_status parse_line(place *p, rt__host_list *out)
{
    const char *word;
    size_t len = take_word(p, &word);
    if (len == 0)
        return RT_OK;
    RT_TRY(parse_name(p, word, len, out));
    int64_t i = out->count++;
    out->line[i] = p->line;
    out->slots[i] = 1;
    if ((len = take_word(p, &word)) > 0)
        RT_TRY(parse_slots(p, word, len, &out->slots[i]));
    if ((len = take_word(p, &word)) > 0)
        return BAD_HOSTS(p, word, "'%.*s': nothing may follow slots=N; one host a line",
                         (int)(len < 80 ? len : 80), word);
    return RT_OK;
}

rt_status rt__host_list_parse(const char *text, size_t len, const char *path, rt__host_list *out)
{
    place p = {.path = path, .at = text, .line = 1};
    RT_TRY(allocate_lists(out, HOSTS_MAX));
    rt_status status = RT_OK;
    for (const char *end = text + len; p.at < end && status == RT_OK; p.at = p.end + 1, p.line++) {
        const char *newline = memchr(p.at, '\n', (size_t)(end - p.at));
        p.line_start = p.at;
        p.end = newline ? newline : end;
        const char *zero = memchr(p.at, '\0', (size_t)(p.end - p.at));
        status =
            zero ? BAD_HOSTS(&p, zero, "a zero byte: this is %s", "not text") : parse_line(&p, out);
    }
    snprintf(out->from, sizeof out->from, "%s", path);
    if (status == RT_OK && out->count == 0)
        status =
            RT_FAIL(CONFIG, "%s:1:1: it names no host: expected lines such as node1 slots=4", path);
    if (status != RT_OK)
        rt__host_list_release(out);
    return status;
}

rt_status rt__host_list_read(const char *path, rt__host_list *out)
{
    rt_bytes b = {0};
    *out = (rt__host_list){0};
    if (rt_file_read(path, FILE_MAX, &b) != RT_OK)
        return rt_error_prefix("host file");
    rt_status status = rt__host_list_parse((const char *)b.data, b.len, path, out);
    rt_bytes_release(&b);
    return status;
}

/* ---- watching the file ---- */

static rt_status read_and_check(const rt__hosts_file *f, rt__host_list *out)
{
    RT_TRY(rt__host_list_read(f->path, out));
    rt_status status = rt__host_list_check_bind(out, f->path, f->bind);
    if (status != RT_OK)
        rt__host_list_release(out);
    return status;
}

/* Records which version of the file there is. Returns whether it differs from the last one. */
static bool has_changed(rt__hosts_file *f)
{
    struct stat st = {0};
    bool there = stat(f->path, &st) == 0;
    bool same = there == f->there && st.st_size == f->size && (int64_t)st.st_ino == f->inode &&
                st.st_mtim.tv_sec == f->changed.tv_sec && st.st_mtim.tv_nsec == f->changed.tv_nsec;
    f->there = there;
    f->size = st.st_size;
    f->inode = (int64_t)st.st_ino;
    f->changed = st.st_mtim;
    return !same;
}

rt_status rt__hosts_file_open(rt__hosts_file *f, const char *path, const char *bind)
{
    *f = (rt__hosts_file){.path = path, .bind = bind, .next_look = rt_clock() + LOOK_SECONDS};
    if (path[0] == '\0')
        return RT_OK;
    has_changed(f); /* before we read it, so that the next look notices a change made meanwhile */
    return read_and_check(f, &f->hosts);
}

rt__hosts_news rt__hosts_file_look(rt__hosts_file *f)
{
    rt__host_list next;
    double now = rt_clock();
    if (f->path[0] == '\0' || now < f->next_look)
        return RT__HOSTS_SAME;
    f->next_look = now + LOOK_SECONDS;
    if (!has_changed(f))
        return RT__HOSTS_SAME;
    if (read_and_check(f, &next) != RT_OK) {
        snprintf(f->trouble, sizeof f->trouble, "%s", rt_error());
        rt_error_clear();
        return RT__HOSTS_BAD;
    }
    f->trouble[0] = '\0';
    rt__host_list_release(&f->hosts);
    f->hosts = next;
    return RT__HOSTS_NEW;
}

void rt__hosts_file_close(rt__hosts_file *f)
{
    rt__host_list_release(&f->hosts);
}
