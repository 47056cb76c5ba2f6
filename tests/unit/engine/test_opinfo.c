/* Runs operations by their names on samples of PyTorch's OpInfo, and compares values and gradients with PyTorch's as its own tests do
 * (torch.testing.assert_close). The files golden/opinfo/<family>.safetensors are what golden/make_opinfo.py writes; one file is one
 * test. Operations that exist in place, too, run so on the same samples, if they can hold the result. */
#include "check.h"

#include "common/base/json.h"
#include "tests/support/golden.h"
#include "worker/engine/ops/call_by_name.h"
#include <complex.h>
#include <math.h>
#include <ringtorch/op.h>
#include <stdlib.h>

enum { TENSORS = 64 };

typedef struct sample {
    const char *entry, *type; /* in OpInfo */
    int number;               /* in OpInfo */
    const char *op;           /* our operation */
    json_t *args;             /* borrowed */
    int gradients;            /* whether they are wanted */
    rt__named given[TENSORS]; /* by the names of the operation */
    int n_given;              /* of given */
    const rt_st_entry *expected[TENSORS];
    int n_expected; /* of expected */
} sample;

/* Returns what follows "<i><mark>" in the name of a tensor; NULL if it does not begin so. */
static const char *name_in(const rt_st_entry *e, int i, char mark)
{
    char *end;
    return strtol(e->name, &end, 10) == i && *end == mark ? end + 1 : NULL;
}

/* Reads sample i, whose tensors begin at *at, and moves *at behind them. */
static void read_sample(const rt_st_reader *r, json_t *j, int i, int64_t *at, sample *s)
{
    const rt_st_entry *e;
    *s = (sample){0};
    if (json_unpack(j, "{s:s, s:s, s:i, s:s, s:o, s:b}", "entry", &s->entry, "type", &s->type,
                    "sample", &s->number, "op", &s->op, "args", &s->args, "grad",
                    &s->gradients) != 0)
        fail_msg("sample %d: expected entry, type, sample, op, args and grad", i);
    for (; *at < rt_st_count(r) && name_in(e = rt_st_at(r, *at), i, '.'); ++*at) {
        assert_in_range(s->n_given, 0, TENSORS - 1);
        s->given[s->n_given++] =
            (rt__named){name_in(e, i, '.'), rt_from(e->data, e->shape, e->dtype)};
    }
    for (; *at < rt_st_count(r) && name_in(e = rt_st_at(r, *at), i, ':'); ++*at) {
        assert_in_range(s->n_expected, 0, TENSORS - 1);
        s->expected[s->n_expected++] = e;
    }
    assert_true(s->n_expected > 0); /* a sample that expects nothing tests nothing */
}

/* ---- comparing ---- */

/* Returns how far an element may be from the expected one: PyTorch's default tolerances. */
static double allowed(rt_dtype type, double size)
{
    switch (type) {
    case RT_BF16:
        return 1e-5 + 1.6e-2 * size;
    case RT_F16:
        return 1e-5 + 1e-3 * size;
    case RT_F32:
    case RT_C64:
        return 1e-5 + 1.3e-6 * size;
    case RT_F64:
    case RT_C128:
        return 1e-7 + 1e-7 * size;
    default:
        return 0;
    }
}

static bool is_close(rt_dtype type, double complex got, double complex want)
{
    bool nan = isnan(creal(want)) || isnan(cimag(want));
    if (nan || isnan(creal(got)) || isnan(cimag(got)))
        return nan && (isnan(creal(got)) || isnan(cimag(got)));
    if (got == want)
        return true;
    double error = cabs(got - want);
    return isfinite(error) && error <= allowed(type, cabs(want));
}

static const double complex *complex_of(rt_tensor *x)
{
    return rt_data(rt_contiguous(rt_to(x, RT_C128)));
}

/* Writes what is wrong with a result into text; empty if nothing is. */
static void compare(const rt_st_entry *want, rt_tensor *got, char *text, size_t room)
{
    rt_tensor *expected = rt_from(want->data, want->shape, want->dtype);
    rt_dims a = rt_dims_of(got), b = want->shape;
    text[0] = '\0';
    if (rt_dtype_of(got) != want->dtype || a.n != b.n ||
        memcmp(a.d, b.d, (size_t)a.n * sizeof *a.d) != 0) {
        snprintf(text, room, "%s is not PyTorch's %s", rt_describe(got), rt_describe(expected));
        return;
    }
    const double complex *x = complex_of(got), *y = complex_of(expected);
    assert_fine();
    for (int64_t i = 0; i < rt_numel(got); i++)
        if (!is_close(want->dtype, x[i], y[i])) {
            snprintf(text, room, "element %lld is %.9g%+.9gi, PyTorch's is %.9g%+.9gi",
                     (long long)i, creal(x[i]), cimag(x[i]), creal(y[i]), cimag(y[i]));
            return;
        }
}

/* ---- running ---- */

/* Prints what is wrong with a sample. */
static void complain(const sample *s, const char *op, const char *what, const char *text)
{
    print_error("%s, %s, sample %d (%s): %s%s%s\n", s->entry, s->type, s->number, op, what,
                *what ? ": " : "", text);
}

/* Returns whether all results are as PyTorch's. */
static bool agrees(const sample *s, const char *op, const rt__named_list *results)
{
    char text[300];
    bool fine = true;
    for (int i = 0; i < s->n_expected; i++) {
        const char *name = strchr(s->expected[i]->name, ':') + 1;
        int k = 0;
        while (k < results->count && strcmp(results->item[k].name, name) != 0)
            k++;
        if (k == results->count)
            snprintf(text, sizeof text, "there is no such result");
        else
            compare(s->expected[i], results->item[k].x, text, sizeof text);
        if (text[0])
            complain(s, op, name, text);
        fine &= !text[0];
    }
    return fine;
}

static bool run_sample(const sample *s, const char *name)
{
    const rt_op *op = rt_op_find(name);
    rt__named_list results = {0};
    if (!op) {
        complain(s, name, "", "there is no such operation");
        return false;
    }
    bool fine =
        rt__call_by_name(op, s->given, s->n_given, s->args, s->gradients, &results) == RT_OK;
    if (fine)
        fine = agrees(s, name, &results);
    else
        complain(s, name, "", rt_error());
    rt_error_clear();
    rt__named_list_release(&results);
    return fine;
}

/* Returns whether the result fits into the first tensor. */
static bool fits_in_place(const sample *s)
{
    const rt_st_entry *y = s->expected[0];
    if (s->n_given == 0 || strcmp(strchr(y->name, ':'), ":out") != 0)
        return false;
    rt_dims x = rt_dims_of(s->given[0].x);
    return rt_dtype_of(s->given[0].x) == y->dtype && x.n == y->shape.n &&
           memcmp(x.d, y->shape.d, (size_t)x.n * sizeof *x.d) == 0;
}

static bool run_both(const sample *s)
{
    char in_place[80];
    snprintf(in_place, sizeof in_place, "%s_", s->op);
    bool fine = run_sample(s, s->op);
    if (rt_op_find(in_place) && fits_in_place(s))
        fine &= run_sample(s, in_place);
    return fine;
}

static void all_samples_agree(void **state)
{
    const rt_st_reader *r = *state;
    const char *text = rt_st_get_metadata(r, "samples");
    int64_t at = 0;
    json_t *samples;
    int wrong = 0, n;
    assert_non_null(text);
    assert_int_equal(rt_json_parse(text, strlen(text), "samples", &samples), RT_OK);
    n = (int)json_array_size(samples);
    for (int i = 0; i < n; i++) {
        rt_scope scope = rt_scope_begin();
        sample s;
        read_sample(r, json_array_get(samples, (size_t)i), i, &at, &s);
        wrong += !run_both(&s);
        rt_scope_end(scope);
    }
    json_decref(samples);
    assert_int_equal(at, rt_st_count(r)); /* every tensor belongs to a sample */
    assert_true(n > 0);
    if (wrong)
        fail_msg("%d of %d samples differ from PyTorch's", wrong, n);
}

int main(void)
{
    golden_files files;
    struct CMUnitTest tests[GOLDEN_FILES_MAX];
    if (golden_open(&files, RT_TEST_SOURCE_DIR "/tests/golden/opinfo") != RT_OK) {
        fprintf(stderr, "%s\n", rt_error());
        return 1;
    }
    for (int i = 0; i < files.n; i++)
        tests[i] =
            (struct CMUnitTest){rt_st_get_metadata(files.file[i], "family"), all_samples_agree,
                                check_setup, check_teardown, files.file[i]};
    int failed = _cmocka_run_group_tests("opinfo", tests, (size_t)files.n, NULL, NULL);
    golden_close(&files);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
