#include "launch/tui/status_show.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/control/sentence.h"
#include "common/control/words.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    PIPE_RANKS = 40, /* rows of ranks (and of hosts) if the screen has no height */
    ROWS_LEAST = 3,  /* rows of each table on the smallest screen */
};

/* ---- the head ---- */

const char *rt__phase_in_words(const char *phase)
{
    static const struct {
        const char *phase, *words;
    } table[] = {
        {"BOOT", "starting"},
        {"RECOVER", "looking for the state to start from"},
        {"GATHER", "starting workers"},
        {"RUN", "training"},
        {"DRAIN", "finishing"},
        {"REGROUP", "ending a generation that lost a worker"},
        {"DONE", "done"},
        {"FAILED", "failed"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].phase, phase) == 0)
            return table[i].words;
    return *phase ? phase : "phase unknown";
}

static bool is_step(const json_t *j, const char *key)
{
    return rt__field_int(j, key, -1) >= 0;
}

static void show_title(const json_t *j, const rt__screen *s, rt_text *out)
{
    char name[RT__CELL], run[RT__CELL], phase[RT__CELL];
    const char *id = rt__field_text(j, "run");
    const char *state = rt__field_text(j, "phase");
    const json_t *verifying = json_object_get(j, "verifying");
    bool bad = strcmp(state, "FAILED") == 0, busy = strcmp(state, "REGROUP") == 0;
    rt__screen_line(s, out,
                    bad    ? rt__red
                    : busy ? rt__yellow
                           : rt__bold,
                    "%s: %s%s%s", rt__cell_clean(rt__field_text(j, "name"), name),
                    rt__cell_clean(rt__phase_in_words(state), phase), *id ? "   run " : "",
                    rt__cell_clean(id, run));
    if (json_is_object(verifying)) {
        rt_text words = {0};
        rt__words_verifying(verifying, &words);
        rt__screen_line(s, out, NULL, "verifying  %s", words.data ? words.data : "");
        rt_mem_free(words.data);
    }
}

static void show_progress(const json_t *j, const rt__screen *s, rt_text *out)
{
    char a[RT__WORDS], b[RT__WORDS];
    double step = rt__field_number(j, "step"), end = rt__field_number(j, "end_step");
    double epoch = rt__field_number(j, "epoch"), loss = rt__field_number(j, "loss");
    rt_text line = {0};
    rt_text_add(&line, "step       %s", rt__words_number(step, a));
    if (end > 0)
        rt_text_add(&line, " of %s (%.1f %%)", rt__words_number(end, b), 100 * step / end);
    if (isfinite(epoch))
        rt_text_add(&line, ", epoch %.2f", epoch);
    if (isfinite(loss))
        rt_text_add(&line, ", loss %.4g", loss);
    else if (isfinite(rt__field_number(j, "samples_per_second"))) /* a report has arrived */
        rt_text_add(&line, ", loss nan");
    rt__screen_line(s, out, NULL, "%s", line.data ? line.data : "");
    rt_mem_free(line.data);
}

static void show_speed(const json_t *j, const rt__screen *s, rt_text *out)
{
    char speed[RT__WORDS], eta[RT__WORDS], so_far[RT__WORDS];
    rt__screen_line(s, out, NULL, "speed      %s samples/s, ETA %s, %s so far",
                    rt__words_number(rt__field_number(j, "samples_per_second"), speed),
                    rt__words_duration(rt__field_number(j, "eta_seconds"), eta),
                    rt__words_duration(rt__field_number(j, "seconds"), so_far));
}

static void show_workers(const json_t *j, const rt__screen *s, rt_text *out)
{
    char w[RT__WORDS], t[RT__WORDS], lost_text[RT__WORDS];
    int64_t world = rt__field_int(j, "world_size", 0), target = rt__field_int(j, "target_world", 0);
    int64_t restarts = rt__field_int(j, "restarts", 0), lost = rt__field_int(j, "lost_steps", 0);
    rt_text wanted = {0};
    if (target > 0 && target != world)
        rt_text_add(&wanted, " (%s wanted)", rt__words_number((double)target, t));
    rt__screen_line(s, out, target > 0 && target != world ? rt__yellow : NULL,
                    "workers    %s%s, generation %" PRId64 ", %" PRId64
                    " restart%s, %s step%s lost",
                    rt__words_number((double)world, w), wanted.data ? wanted.data : "",
                    rt__field_int(j, "generation", 0), restarts, rt_plural(restarts),
                    rt__words_number((double)lost, lost_text), rt_plural(lost));
    rt_mem_free(wanted.data);
}

static void show_saved(const json_t *j, const rt__screen *s, rt_text *out)
{
    char checkpoint[RT__WORDS + 16] = "none", snapshot[RT__WORDS + 16] = "none", n[RT__WORDS];
    if (is_step(j, "checkpoint_step"))
        snprintf(checkpoint, sizeof checkpoint, "of step %s",
                 rt__words_number(rt__field_number(j, "checkpoint_step"), n));
    if (is_step(j, "snapshot_step"))
        snprintf(snapshot, sizeof snapshot, "of step %s",
                 rt__words_number(rt__field_number(j, "snapshot_step"), n));
    rt__screen_line(s, out, NULL, "saved      checkpoint %s, snapshot %s", checkpoint, snapshot);
}

static void show_head(const json_t *j, const rt__screen *s, rt_text *out)
{
    char directory[RT__CELL];
    show_title(j, s, out);
    show_progress(j, s, out);
    show_speed(j, s, out);
    show_workers(j, s, out);
    show_saved(j, s, out);
    rt__screen_line(s, out, NULL, "directory  %s",
                    rt__cell_clean(rt__field_text(j, "directory"), directory));
}

enum { HEAD_LINES = 6 };

/* ---- ranks ---- */

/* The most troubling state first. */
static const char *const rank_states[] = {"gone",     "silent", "stalled",
                                          "starting", "ok",     "finished"};
enum { RANK_STATES = 6, STARTING = 3, FIRST_GOOD = 4 };

static int rank_trouble(const json_t *rank)
{
    const char *state = rt__field_text(rank, "state");
    for (int i = 0; i < RANK_STATES; i++)
        if (strcmp(rank_states[i], state) == 0)
            return i;
    return STARTING; /* a state this program does not know deserves a look */
}

static void describe_doing(const json_t *rank, char out[RT__CELL])
{
    char what[RT__CELL], heard[RT__WORDS];
    int64_t peer = rt__field_int(rank, "peer", -1);
    double silent = rt__field_number(rank, "heard_seconds");
    const char *state = rt__field_text(rank, "state");
    rt__cell_clean(rt__field_text(rank, "what"), what);
    rt_text text = {0};
    if (strcmp(state, "silent") == 0 && isfinite(silent))
        rt_text_add(&text, "no message for %s%s", rt__words_seconds(silent, heard),
                    *what ? ", last: " : "");
    rt_text_add(&text, "%s", what);
    if (peer >= 0 && rank_trouble(rank) != STARTING)
        rt_text_add(&text, "%swaits for rank %" PRId64, *what ? ", " : "", peer);
    snprintf(out, RT__CELL, "%s", text.data ? text.data : "");
    rt_mem_free(text.data);
}

static void number_cell(const json_t *row, const char *key, char out[RT__CELL])
{
    char text[RT__WORDS];
    snprintf(out, RT__CELL, "%s", rt__words_number(rt__field_number(row, key), text));
}

static void rank_cell(const void *rank, int column, char out[RT__CELL])
{
    char text[RT__WORDS];
    switch (column) {
    case 0:
        snprintf(out, RT__CELL, "%" PRId64, rt__field_int(rank, "rank", -1));
        break;
    case 1:
        rt__cell_clean(rt__field_text(rank, "state"), out);
        break;
    case 2:
        rt__cell_clean(rt__field_text(rank, "host"), out);
        break;
    case 3:
        if (rt__field_int(rank, "pid", 0) > 0) /* the worker may not have joined yet */
            snprintf(out, RT__CELL, "%" PRId64, rt__field_int(rank, "pid", 0));
        else
            snprintf(out, RT__CELL, "-");
        break;
    case 4:
        number_cell(rank, "step", out);
        break;
    case 5:
        snprintf(out, RT__CELL, "%s", rt__words_bytes(rt__field_number(rank, "rss_bytes"), text));
        break;
    case 6:
        rt__cell_clean(rt__field_text(rank, "phase"), out);
        break;
    case 7:
        snprintf(out, RT__CELL, "%s", rt__words_seconds(rt__field_number(rank, "since"), text));
        break;
    default:
        describe_doing(rank, out);
    }
}

static int by_trouble(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int p = rank_trouble(x), q = rank_trouble(y);
    if (p != q)
        return p < q ? -1 : 1;
    int64_t i = rt__field_int(x, "rank", -1), k = rt__field_int(y, "rank", -1);
    return i < k ? -1 : i > k;
}

static int by_rank(const void *a, const void *b)
{
    int64_t i = rt__field_int(*(json_t *const *)a, "rank", -1);
    int64_t k = rt__field_int(*(json_t *const *)b, "rank", -1);
    return i < k ? -1 : i > k;
}

/* Summarises the ranks that are not shown: rows[shown .. n) and those that the coordinator left out. It leaves out the
 * least troubled ones, so we count these like the last one it sent. */
static void show_other_ranks(const json_t **rows, size_t shown, size_t n, int64_t left_out,
                             const rt__screen *s, rt_text *out)
{
    int64_t count[RANK_STATES] = {0};
    char text[RT__WORDS];
    for (size_t i = shown; i < n; i++)
        count[rank_trouble(rows[i])]++;
    count[n > 0 ? rank_trouble(rows[n - 1]) : FIRST_GOOD] += left_out;
    int64_t all = (int64_t)(n - shown) + left_out;
    rt_text line = {0};
    const char *separator = ", ";
    rt_text_add(&line, "... and %s more", rt__words_number((double)all, text));
    for (int i = 0; i < RANK_STATES; i++) {
        if (count[i] == all)
            rt_text_add(&line, ", all %s", rank_states[i]);
        else if (count[i] > 0)
            rt_text_add(&line, "%s%s %s", separator, rt__words_number((double)count[i], text),
                        rank_states[i]);
    }
    rt__screen_line(s, out, rt__dim, "%s", line.data ? line.data : "");
    rt_mem_free(line.data);
}

/* Shows at most `lines` lines of ranks, not counting the titles. */
static void show_ranks(const json_t *j, int lines, const rt__screen *s, rt_text *out)
{
    rt__column columns[9] = {{"rank", .right = true},
                             {"state"},
                             {"host", .drop = 4},
                             {"pid", .right = true, .drop = 3},
                             {"step", .right = true, .drop = 6},
                             {"memory", .right = true, .drop = 2},
                             {"phase", .drop = 5},
                             {"for", .right = true, .drop = 7},
                             {"doing"}};
    rt__table t = {columns, 9, rank_cell};
    const json_t *list = rt__field_list(j, "ranks");
    size_t n = json_array_size(list), shown = n;
    int64_t left_out = rt__field_int(j, "ranks_left_out", 0);
    left_out = left_out > 0 ? left_out : 0;
    const json_t **rows = rt_malloc((n + 1) * sizeof *rows);
    if (!rows)
        return;
    for (size_t i = 0; i < n; i++)
        rows[i] = json_array_get(list, i);
    bool all = n <= (size_t)lines && left_out == 0;
    if (!all && shown > (size_t)lines - 1)
        shown = (size_t)lines - 1;
    qsort(rows, n, sizeof *rows, by_trouble);
    if (all)
        qsort(rows, n, sizeof *rows, by_rank);
    rt__table_lay_out(&t, (const void *const *)rows, shown, s->width);
    rt__screen_line(s, out, NULL, " ");
    rt__table_row(&t, NULL, rt__bold, s, out);
    for (size_t i = 0; i < shown; i++) {
        int trouble = rank_trouble(rows[i]);
        rt__table_row(&t, rows[i],
                      trouble < STARTING     ? rt__red
                      : trouble < FIRST_GOOD ? rt__yellow
                                             : NULL,
                      s, out);
    }
    if (!all)
        show_other_ranks(rows, shown, n, left_out, s, out);
    rt_mem_free(rows);
}

/* ---- hosts ---- */

static void host_cell(const void *host, int column, char out[RT__CELL])
{
    double cooling = rt__field_number(host, "cooldown_seconds");
    char text[RT__WORDS], state[RT__CELL];
    switch (column) {
    case 0:
        rt__cell_clean(rt__field_text(host, "host"), out);
        break;
    case 1:
        number_cell(host, "slots", out);
        break;
    case 2:
        number_cell(host, "used", out);
        break;
    default:
        rt__cell_clean(rt__field_text(host, "state"), state);
        if (cooling > 0)
            snprintf(out, RT__CELL, "%.400s, %s left", state, rt__words_seconds(cooling, text));
        else
            snprintf(out, RT__CELL, "%s", state);
    }
}

static bool is_good_host(const json_t *host)
{
    const char *state = rt__field_text(host, "state");
    return strcmp(state, "in use") == 0 || strcmp(state, "idle") == 0;
}

/* Shows at most `lines` lines of hosts, not counting the titles. If not all fit, those in trouble come first. */
static void show_hosts(const json_t *j, int lines, const rt__screen *s, rt_text *out)
{
    rt__column columns[] = {{"host"}, {"slots", .right = true}, {"used", .right = true}, {"state"}};
    rt__table t = {columns, 4, host_cell};
    const json_t *list = rt__field_list(j, "hosts");
    size_t n = json_array_size(list), k = 0;
    const json_t **rows = rt_malloc((n + 1) * sizeof *rows);
    if (!rows)
        return;
    bool all = n <= (size_t)lines;
    for (int good = 0; good < 2 && !all; good++)
        for (size_t i = 0; i < n; i++)
            if (is_good_host(json_array_get(list, i)) == (good == 1))
                rows[k++] = json_array_get(list, i);
    for (size_t i = 0; i < n && all; i++)
        rows[k++] = json_array_get(list, i);
    size_t shown = all ? n : (size_t)lines - 1, bad = 0;
    rt__table_lay_out(&t, (const void *const *)rows, shown, s->width);
    rt__screen_line(s, out, NULL, " ");
    rt__table_row(&t, NULL, rt__bold, s, out);
    for (size_t i = 0; i < n; i++) {
        if (i < shown)
            rt__table_row(&t, rows[i], is_good_host(rows[i]) ? NULL : rt__yellow, s, out);
        else
            bad += !is_good_host(rows[i]);
    }
    if (!all && bad > 0)
        rt__screen_line(s, out, rt__dim, "... and %zu more, %zu of them unusable", n - shown, bad);
    else if (!all)
        rt__screen_line(s, out, rt__dim, "... and %zu more, in use or idle", n - shown);
    rt_mem_free(rows);
}

/* ---- events ---- */

static void show_last(const json_t *list, size_t lines, const rt__screen *s, rt_text *out)
{
    size_t n = json_array_size(list), from = n > lines ? n - lines : 0;
    rt__screen_line(s, out, NULL, " ");
    rt__screen_line(s, out, rt__bold, "last events");
    for (size_t i = from; i < n; i++) {
        const json_t *event = json_array_get(list, i);
        char clock[RT__WORDS];
        rt_text words = {0};
        rt__sentence_of(event, &words);
        rt__screen_line(s, out, NULL, "%8s  %s",
                        rt__words_clock(rt__field_text(event, "time"), s->now, clock),
                        words.data ? words.data : "");
        rt_mem_free(words.data);
    }
}

void rt__events_show(const json_t *list, const rt__screen *screen, rt_text *out)
{
    if (json_array_size(list) > 0)
        show_last(list, json_array_size(list), screen, out);
}

/* ---- the whole ---- */

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int at_least(int a, int b)
{
    return a > b ? a : b;
}

/* How many lines each part gets. */
typedef struct plan {
    int ranks, hosts, events;
} plan;

/* Divides the screen. If it is small, events lose lines first, then hosts, then ranks, but none gets fewer than ROWS_LEAST
 * unless it needs fewer. */
static plan make_plan(const json_t *j, const rt__screen *s)
{
    int ranks = (int)json_array_size(rt__field_list(j, "ranks"));
    int hosts = (int)json_array_size(rt__field_list(j, "hosts"));
    int events = (int)json_array_size(rt__field_list(j, "events"));
    ranks += rt__field_int(j, "ranks_left_out", 0) > 0;
    plan p = {ranks, hosts, events};
    if (s->height <= 0)
        return (plan){least(ranks, PIPE_RANKS), least(hosts, PIPE_RANKS), events};
    int titles = 2 * ((ranks > 0) + (hosts > 0) + (events > 0));
    int room = s->height - HEAD_LINES - titles;
    p.events = at_least(least(events, ROWS_LEAST), least(events, room - ranks - hosts));
    p.hosts = at_least(least(hosts, ROWS_LEAST), least(hosts, room - ranks - p.events));
    p.ranks = at_least(least(ranks, ROWS_LEAST), least(ranks, room - p.hosts - p.events));
    return p;
}

void rt__status_show(const json_t *status, const rt__screen *screen, rt_text *out)
{
    plan p = make_plan(status, screen);
    show_head(status, screen, out);
    if (p.ranks > 0)
        show_ranks(status, p.ranks, screen, out);
    if (p.hosts > 0)
        show_hosts(status, p.hosts, screen, out);
    if (p.events > 0)
        show_last(rt__field_list(status, "events"), (size_t)p.events, screen, out);
}
