/* ringtorch checkpoint diff A B: compares the parameters and optimiser states of two checkpoints tensor by tensor and
 * bit by bit. They may have any number of pieces and come from one run or two. */
#include "worker/commands/diff.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "worker/commands/command.h"
#include "worker/state.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct side {
    rt_saved saved;
    rt__state state;
} side;

typedef struct diff {
    side side[2];
    bool json;
    json_t *list;                       /* of results, for --json */
    int64_t equal, different, one_only; /* number of tensors */
} diff;

/* ---- printing ---- */

/* A parameter or buffer is printed by its name, a state of the optimiser with its kind in front: "exp_avg/0.weight". */
static void name_of(const char *kind, const char *tensor, char out[600])
{
    bool parameter = strcmp(kind, "param") == 0 || strcmp(kind, "buffer") == 0;
    snprintf(out, 600, "%s%s%s", parameter ? "" : kind, parameter ? "" : "/", tensor);
}

/* Prints the result for one tensor. `details` are further members of its JSON object (ownership passes); `words` is the
 * text for people. */
static rt_status report(diff *d, const char *name, const char *verdict, json_t *details,
                        const char *words)
{
    if (!d->json) {
        rt_text_print(stdout, "%-28s  %s\n", name, words);
        json_decref(details);
        return RT_OK;
    }
    json_t *j = json_pack("{s:s, s:s}", "tensor", name, "verdict", verdict);
    int failed =
        !j || json_object_update_missing(j, details) != 0 || json_array_append(d->list, j) != 0;
    json_decref(details);
    json_decref(j);
    return failed ? RT_FAIL(NOMEM, "checkpoint diff: out of memory") : RT_OK;
}

static rt_status report_one_only(diff *d, const char *name, int which)
{
    d->one_only++;
    return report(d, name, which == 0 ? "only in A" : "only in B", json_object(),
                  which == 0 ? "only in A" : "only in B");
}

static rt_status report_shapes(diff *d, const char *name, rt_dims a, rt_dims b)
{
    char words[160], shape[2][64];
    snprintf(shape[0], sizeof shape[0], "%s", rt_dims_text(a));
    snprintf(shape[1], sizeof shape[1], "%s", rt_dims_text(b));
    snprintf(words, sizeof words, "shape %s in A, %s in B", shape[0], shape[1]);
    d->different++;
    return report(d, name, "shape", json_pack("{s:s, s:s}", "a", shape[0], "b", shape[1]), words);
}

/* ---- comparing ---- */

/* Counts elements whose bits differ, so that 0 and -0, or two different NaN, count as different. */
static rt_status compare_values(diff *d, const char *name, const float *a, const float *b,
                                int64_t n)
{
    int64_t count = 0;
    double most = 0;
    char words[160];
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (memcmp(&a[i], &b[i], sizeof a[i]) == 0)
            continue;
        count++;
        if (!(difference <= most)) /* NaN counts as the largest */
            most = isnan(most) ? most : difference;
    }
    if (count == 0) {
        d->equal++;
        return report(d, name, "equal", json_object(), "equal");
    }
    d->different++;
    snprintf(words, sizeof words, "%" PRId64 " of %" PRId64 " elements differ, by at most %.3g",
             count, n, most);
    return report(d, name, "differs",
                  json_pack("{s:I, s:I, s:o}", "differing", (json_int_t)count, "elements",
                            (json_int_t)n, "max_abs_difference", rt_json_number(most)),
                  words);
}

static rt_status compare_part(diff *d, int64_t i)
{
    const rt__state *a = &d->side[0].state, *b = &d->side[1].state;
    const rt_saved_part *x = &a->parts.part[i], *y;
    char name[600];
    name_of(x->kind, x->tensor, name);
    y = rt_saved_parts_find(&b->parts, x->kind, x->tensor);
    if (!y)
        return report_one_only(d, name, 0);
    if (x->shape.n != y->shape.n ||
        memcmp(x->shape.d, y->shape.d, (size_t)x->shape.n * sizeof *x->shape.d) != 0)
        return report_shapes(d, name, x->shape, y->shape);
    return compare_values(d, name, a->data + x->at, b->data + y->at, x->elements);
}

/* Prints the part if A does not have it. */
static rt_status report_rest(diff *d, int64_t i)
{
    const rt_saved_part *y = &d->side[1].state.parts.part[i];
    char name[600];
    if (rt_saved_parts_find(&d->side[0].state.parts, y->kind, y->tensor))
        return RT_OK;
    name_of(y->kind, y->tensor, name);
    return report_one_only(d, name, 1);
}

static rt_status each_part(diff *d, const rt__state *s, rt_status (*f)(diff *d, int64_t i))
{
    for (int64_t i = 0; i < s->count; i++)
        RT_TRY(f(d, i));
    return RT_OK;
}

/* ---- the command ---- */

static bool is_equal(const diff *d)
{
    return d->different == 0 && d->one_only == 0;
}

static void print_sides(const diff *d)
{
    for (int i = 0; i < 2 && !d->json; i++)
        rt_text_print(stdout, "%c  %s  step %" PRId64 "\n", "AB"[i], d -> side[i].saved.dir,
                      d->side[i].saved.manifest.step);
}

static rt_status conclude(const diff *d)
{
    const rt_saved *a = &d->side[0].saved, *b = &d->side[1].saved;
    if (!d->json) {
        printf("%" PRId64 " equal, %" PRId64 " different, %" PRId64 " on one side only\n", d->equal,
               d->different, d->one_only);
        return RT_OK;
    }
    json_t *j =
        json_pack("{s:o, s:o, s:I, s:I, s:b, s:O}", "a", rt_json_text_or_null(a->dir), "b",
                  rt_json_text_or_null(b->dir), "a_step", (json_int_t)a->manifest.step, "b_step",
                  (json_int_t)b->manifest.step, "equal", is_equal(d), "tensors", d->list);
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    if (!text)
        return RT_FAIL(NOMEM, "checkpoint diff: out of memory");
    rt_json_print(stdout, text);
    rt_mem_free(text);
    return RT_OK;
}

static rt_status load_side(const char *path, side *s)
{
    RT_TRY(rt__saved_find(path, &s->saved));
    RT_TRY(rt__model_check(&s->saved));
    return rt__state_load(&s->saved, true, &s->state);
}

static rt_status compare(diff *d, const char *a, const char *b)
{
    RT_TRY(load_side(a, &d->side[0]));
    RT_TRY(load_side(b, &d->side[1]));
    print_sides(d);
    RT_TRY(each_part(d, &d->side[0].state, compare_part));
    RT_TRY(each_part(d, &d->side[1].state, report_rest));
    return conclude(d);
}

static void release(diff *d)
{
    for (int i = 0; i < 2; i++) {
        rt__state_release(&d->side[i].state);
        rt_saved_close(&d->side[i].saved);
    }
    json_decref(d->list);
}

rt_status rt__command_diff(int argc, char **argv, bool *equal)
{
    diff d = {.list = json_array()};
    const rt_option options[] = {
        {"json", 0, NULL, "one JSON object: a, b, a_step, b_step, equal, tensors", .flag = &d.json},
        {NULL}};
    const rt_usage usage = {"ringtorch checkpoint diff",
                            {"A", "B"},
                            2,
                            "Compares two checkpoints, or the newest ones of two runs, bit by bit: "
                            "each parameter and each "
                            "state of the optimiser. They may be of different numbers of workers.",
                            options,
                            "Exit codes: 0 equal, 1 different, 2 wrong usage or checkpoint."};
    rt_arguments args;
    rt_status status = rt_options_parse(&usage, argc, argv, &args);
    if (status == RT_OK && !args.help)
        status = compare(&d, args.operand[0], args.operand[1]);
    *equal = is_equal(&d);
    release(&d);
    return status;
}
