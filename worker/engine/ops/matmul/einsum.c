/* Sums of products that an equation states, as in torch.einsum: "bij,bjk->bik". Each operand is made a tensor whose axes have labels:
 * diagonals are taken of letters that are there twice, and axes of size 1 that broadcast are dropped. Then they are multiplied from left
 * to right, and a label is summed in the first product after which neither an operand nor the result has it. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/matmul/contract.h"
#include <stdio.h>
#include <string.h>

/* Labels: A to Z are 0 to 25, a to z 26 to 51, the axes that "..." stands for 52 to 59, of which the last is the last axis. */
enum { LETTERS = 52, LABELS = LETTERS + RT_MAX_DIMS, REST = -1 };

/* A group of the equation: labels, with REST for "...". */
typedef struct group {
    int n, label[RT_MAX_DIMS + 1];
    bool has_rest;
} group;

typedef struct parse {
    const char *text, *at; /* all of it, and what has not been read */
    int64_t size[LABELS];  /* of each label; -1: no operand has it */
    int count[LABELS];     /* how often the operands have it */
    int rest;              /* the most axes that "..." stands for */
    char shown[64]; /* the text as messages show it: they would have no room for a long one */
} parse;

/* ---- the text ---- */

static rt_status refuse(const parse *e, const char *why)
{
    return RT_FAIL(ARG, "einsum: '%s', character %d: %s", e->shown, (int)(e->at - e->text) + 1,
                   why);
}

static void skip_blanks(parse *e)
{
    e->at += strspn(e->at, " \t\n");
}

static bool take(parse *e, const char *word)
{
    skip_blanks(e);
    size_t n = strlen(word);
    if (strncmp(e->at, word, n) != 0)
        return false;
    e->at += n;
    return true;
}

/* Returns the label of a letter, or -1. */
static int label_of(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

/* Reads a group up to what ends it: a comma, "->" or the end of the text. */
static rt_status read_group(parse *e, group *g)
{
    *g = (group){0};
    for (skip_blanks(e); *e->at && *e->at != ',' && strncmp(e->at, "->", 2) != 0; skip_blanks(e)) {
        int label = label_of(*e->at);
        if (g->n - g->has_rest == RT_MAX_DIMS && label >= 0)
            return refuse(e, "a ninth axis, but tensors have 8 at most");
        if (strncmp(e->at, "...", 3) == 0) {
            if (g->has_rest)
                return refuse(e, "a second '...' in one group");
            g->has_rest = true;
            e->at += 3;
            g->label[g->n++] = REST;
        } else if (label >= 0) {
            g->label[g->n++] = label;
            e->at++;
        } else {
            return refuse(e, "expected a letter, '...', a comma or '->'");
        }
    }
    return RT_OK;
}

/* ---- operands ---- */

/* Gives x's axes the labels of a group. */
static rt_status label_axes(parse *e, const group *g, int i, rt_labelled *x)
{
    int n = x->x->dims.n, rest = n - (g->n - g->has_rest), axis = 0;
    if (rest < 0 || (rest > 0 && !g->has_rest))
        return RT_FAIL(SHAPE, "einsum: '%s': operand %d is %s, but its group has %d letters%s",
                       e->shown, i, rt_dims_text(x->x->dims), g->n - g->has_rest,
                       g->has_rest ? " beside '...'" : "");
    for (int k = 0; k < g->n; k++) {
        for (int r = 0; g->label[k] == REST && r < rest; r++)
            x->label[axis++] = LABELS - rest + r;
        if (g->label[k] != REST)
            x->label[axis++] = g->label[k];
    }
    e->rest = rest > e->rest ? rest : e->rest;
    return RT_OK;
}

/* The name of a label in messages. */
static const char *name_of(int label)
{
    static const char names[] = "A\0B\0C\0D\0E\0F\0G\0H\0I\0J\0K\0L\0M\0N\0O\0P\0Q\0R\0S\0T\0U\0V\0"
                                "W\0X\0Y\0Z\0a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0n\0o\0p\0q\0r\0"
                                "s\0t\0u\0v\0w\0x\0y\0z";
    return label < LETTERS ? names + (size_t)label * 2 : "...";
}

/* Notes the sizes of the labels, which broadcast between operands but not within one. */
static rt_status note_sizes(parse *e, int i, const rt_labelled *x)
{
    uint64_t seen = 0;
    for (int axis = 0; axis < x->x->dims.n; axis++) {
        int label = x->label[axis];
        int64_t size = x->x->dims.d[axis], before = e->size[label];
        bool twice = seen & rt__label_bit(label);
        for (int k = 0; twice && k < axis; k++)
            before = x->label[k] == label ? x->x->dims.d[k] : before;
        if (before != size && (twice || (before != -1 && before != 1 && size != 1)))
            return RT_FAIL(SHAPE,
                           "einsum: '%s': operand %d is %s: '%s' has size %lld, but %lld before",
                           e->shown, i, rt_dims_text(x->x->dims), name_of(label), (long long)size,
                           (long long)before);
        seen |= rt__label_bit(label);
        if (e->size[label] == -1 || e->size[label] == 1)
            e->size[label] = size;
        e->count[label]++;
    }
    return RT_OK;
}

/* Takes the diagonals of labels that are there twice. A diagonal becomes the last axis. */
static rt_labelled without_repeats(rt_labelled x)
{
    for (int j = 1; x.x && j < x.x->dims.n; j++)
        for (int i = 0; i < j; i++)
            if (x.label[i] == x.label[j]) {
                int label = x.label[i], n = x.x->dims.n, kept = 0;
                x.x = rt_diagonal(x.x, .axis1 = i, .axis2 = j);
                for (int k = 0; k < n; k++)
                    if (k != i && k != j)
                        x.label[kept++] = x.label[k];
                x.label[kept] = label;
                j = 0;
                break;
            }
    return x;
}

static rt_status read_operands(parse *e, rt_labelled *x, int n)
{
    for (int i = 0; i < n; i++) {
        group g;
        if (i > 0 && !take(e, ","))
            return RT_FAIL(ARG, "einsum: '%s' has groups for %d tensors, but there are %d",
                           e->shown, i, n);
        RT_TRY(read_group(e, &g));
        RT_TRY(label_axes(e, &g, i, &x[i]));
        RT_TRY(note_sizes(e, i, &x[i]));
    }
    if (*e->at == ',')
        return RT_FAIL(ARG, "einsum: '%s', character %d: a group more than the %d tensors",
                       e->shown, (int)(e->at - e->text) + 1, n);
    for (int i = 0; i < n; i++)
        x[i] = rt__drop_ones(without_repeats(x[i]), e->size);
    return rt_error_code();
}

/* ---- the result ---- */

/* The labels of the result, in order. */
typedef struct order {
    int n, label[LABELS];
    uint64_t set;
} order;

static void append(order *out, int label)
{
    out->label[out->n++] = label;
    out->set |= rt__label_bit(label);
}

static void append_rest(const parse *e, order *out)
{
    for (int r = 0; r < e->rest; r++)
        append(out, LABELS - e->rest + r);
}

static rt_status read_result(parse *e, order *out)
{
    group g;
    *out = (order){0};
    if (!take(e, "->")) {
        append_rest(e, out);
        for (int label = 0; label < LETTERS; label++)
            if (e->count[label] == 1)
                append(out, label);
        return RT_OK;
    }
    const char *begin = e->at;
    RT_TRY(read_group(e, &g));
    if (*e->at)
        return refuse(e, "nothing may follow the result");
    for (int k = 0; k < g.n; k++) {
        int label = g.label[k];
        if (label == REST) {
            append_rest(e, out);
            continue;
        }
        e->at = strchr(begin, *name_of(label));
        if (e->size[label] == -1)
            return refuse(e, "no operand has this axis of the result");
        if (out->set & rt__label_bit(label)) {
            e->at = strchr(e->at + 1, *e->at);
            return refuse(e, "the result has this axis twice");
        }
        append(out, label);
    }
    return RT_OK;
}

static rt_tensor *multiply(const parse *e, rt_labelled *x, int n, const order *out)
{
    if (out->n > RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE, "einsum: '%s': the result has %d axes, more than %d", e->shown,
                            out->n, RT_MAX_DIMS);
    rt_labelled y = x[0];
    for (int i = 1; i < n; i++) {
        uint64_t keep = out->set;
        for (int k = i + 1; k < n; k++)
            keep |= rt__labels_of(&x[k]);
        y = rt__contract("einsum", y, x[i], keep);
    }
    return rt__by_labels(rt__sum_labels(y, out->set, n > 1), out->label, out->n);
}

#define EINSUM_FIELDS(F)                                                                           \
    F(INPUTS, xs, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "one for each group of letters")           \
    F(TEXT, equation, RT_NEEDED, RT_ANY, "\"bij,bjk->bik\": a letter for each axis, ... for others")
typedef struct RT_DESIGNATED einsum_args {
    RT_STRUCT(EINSUM_FIELDS)
} einsum_args;

RT_COMPOSITE(einsum, einsum_args, EINSUM_FIELDS,
             "y = the products of the xs summed over the axes that the result lacks, from left to "
             "right")
{
    int n = c->n_in;
    order out;
    parse e = {.text = a->equation, .at = a->equation};
    if (!e.text || n == 0)
        return RT_FAIL_NULL(ARG, "einsum: expected an equation and tensors");
    enum { SHOWN = 60 };
    bool all = strnlen(e.text, SHOWN + 1) <= SHOWN;
    snprintf(e.shown, sizeof e.shown, "%.*s%s", SHOWN, e.text, all ? "" : "...");
    for (int i = 0; i < LABELS; i++)
        e.size[i] = -1;
    rt_labelled *x = rt_calloc((size_t)n, sizeof *x);
    for (int i = 0; x && i < n; i++)
        x[i].x = c->in[i];
    rt_tensor *y = NULL;
    if (x && read_operands(&e, x, n) == RT_OK && read_result(&e, &out) == RT_OK)
        y = multiply(&e, x, n, &out);
    rt_mem_free(x);
    return y;
}

rt_tensor *rt_einsum_(const char *equation, rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_einsum,
                    &(einsum_args){.xs = xs, .xs_count = count, .equation = equation});
}
