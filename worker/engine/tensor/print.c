/* rt_print: columns of equal width, as PyTorch prints tensors. */
#include "common/base/error.h"
#include "kernels/kernels.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Large tensors are printed without their middle: only EDGE elements at either end of each axis. */
enum { EDGE = 3, PRINT_ALL = 1000, LINE = 80, DIGITS = 4, NUMBER_SIZE = 400 };

/* How the numbers of a tensor are printed: those of its real parts, or of its imaginary parts. */
typedef struct column {
    bool whole;         /* all are whole numbers */
    bool by_power;      /* as 1.2345e+06 */
    double least, most; /* of the absolute values that are neither 0 nor infinite */
    int width;
} column;

typedef struct printer {
    const rt_tensor *x;
    rt_exec *e;
    bool shortened, complex, real;
    column part[2];
} printer;

/* An element: two parts, or an integer. */
typedef struct element {
    double part[2];
    int64_t integer;
} element;

static element element_at(const printer *p, int64_t offset)
{
    const rt_tensor *x = p->x;
    const void *at = (const char *)x->data + offset * (int64_t)rt_dtype_size(x->dtype);
    element v = {{0, 0}, 0};
    if (!p->real && !p->complex)
        p->e->kernels->cast[x->dtype][RT_I64](p->e, 1, at, &v.integer);
    else if (x->dtype == RT_C128)
        memcpy(v.part, at, sizeof v.part);
    else
        p->e->kernels->cast[x->dtype][RT_C128](p->e, 1, at, v.part);
    return v;
}

/* ---- numbers ---- */

static int write_number(const column *c, double v, char text[NUMBER_SIZE])
{
    if (isnan(v))
        return snprintf(text, NUMBER_SIZE, "nan");
    if (isinf(v))
        return snprintf(text, NUMBER_SIZE, v < 0 ? "-inf" : "inf");
    if (c->by_power)
        return snprintf(text, NUMBER_SIZE, "%.*e", DIGITS, v);
    if (c->whole)
        return snprintf(text, NUMBER_SIZE, "%.0f.", v);
    return snprintf(text, NUMBER_SIZE, "%.*f", DIGITS, v);
}

static int write_integer(const printer *p, int64_t v, char text[NUMBER_SIZE])
{
    if (p->x->dtype == RT_BOOL)
        return snprintf(text, NUMBER_SIZE, v ? "true" : "false");
    return snprintf(text, NUMBER_SIZE, "%lld", (long long)v);
}

/* ---- what is printed ---- */

/* Calls `see` for each element that is printed. */
static void each(printer *p, int axis, int64_t offset, void (*see)(printer *p, const element *v))
{
    if (axis == p->x->dims.n) {
        element v = element_at(p, offset);
        see(p, &v);
        return;
    }
    int64_t n = p->x->dims.d[axis];
    for (int64_t i = 0; i < n; i++) {
        if (p->shortened && n > 2 * EDGE && i == EDGE)
            i = n - EDGE;
        each(p, axis + 1, offset + i * p->x->stride[axis], see);
    }
}

static void see_range(printer *p, const element *v)
{
    for (int k = 0; k < 2; k++) {
        column *c = &p->part[k];
        double size = fabs(v->part[k]);
        if (!isfinite(size) || size == 0)
            continue;
        c->whole &= size == floor(size);
        c->least = fmin(c->least, size);
        c->most = fmax(c->most, size);
    }
}

static void see_width(printer *p, const element *v)
{
    char text[NUMBER_SIZE];
    for (int k = 0; k < 2; k++) {
        column *c = &p->part[k];
        int width = p->real || p->complex ? write_number(c, v->part[k], text)
                                          : write_integer(p, v->integer, text);
        c->width = width > c->width ? width : c->width;
    }
}

static void choose_columns(printer *p)
{
    for (int k = 0; k < 2; k++)
        p->part[k] = (column){.whole = true, .least = INFINITY};
    each(p, 0, 0, see_range);
    for (int k = 0; k < 2; k++) {
        column *c = &p->part[k];
        c->by_power = c->most > 0 && (c->most / c->least > 1e3 || c->most > 1e8 || c->least < 1e-4);
    }
    each(p, 0, 0, see_width);
}

/* ---- printing ---- */

static void print_element(const printer *p, int64_t offset)
{
    char text[NUMBER_SIZE];
    element v = element_at(p, offset);
    if (!p->real && !p->complex)
        write_integer(p, v.integer, text);
    else
        write_number(&p->part[0], v.part[0], text);
    printf("%*s", p->part[0].width, text);
    if (!p->complex)
        return;
    write_number(&p->part[1], v.part[1], text);
    printf("%s%sj", text[0] == '-' ? "" : "+", text);
}

/* Prints a vector, indented by `axis`, in lines that end before column LINE. */
static void print_vector(const printer *p, int axis, int64_t offset)
{
    int64_t n = p->x->dims.d[axis], step = p->x->stride[axis];
    int width = p->part[0].width + 2 + (p->complex ? p->part[1].width + 1 : 0);
    int a_line = (LINE - axis) / width > 1 ? (LINE - axis) / width : 1, printed = 0;
    printf("[");
    for (int64_t i = 0; i < n; i++, printed++) {
        if (printed > 0 && printed % a_line == 0)
            printf(",\n%*s", axis + 1, "");
        else if (printed > 0)
            printf(", ");
        if (p->shortened && n > 2 * EDGE && printed == EDGE) {
            printf(" ...");
            i = n - EDGE - 1;
        } else {
            print_element(p, offset + i * step);
        }
    }
    printf("]");
}

static void print_axis(const printer *p, int axis, int64_t offset)
{
    const rt_tensor *x = p->x;
    int64_t n = x->dims.n > 0 ? x->dims.d[axis] : 0;
    if (x->dims.n == 0) {
        print_element(p, offset);
        return;
    }
    if (axis == x->dims.n - 1) {
        print_vector(p, axis, offset);
        return;
    }
    printf("[");
    for (int64_t i = 0; i < n; i++) {
        if (i > 0) {
            printf(",");
            for (int line = axis + 1; line < x->dims.n; line++)
                printf("\n");
            printf("%*s", axis + 1, "");
        }
        if (p->shortened && n > 2 * EDGE && i == EDGE) {
            printf("...");
            i = n - EDGE - 1;
        } else {
            print_axis(p, axis + 1, offset + i * x->stride[axis]);
        }
    }
    printf("]");
}

static void print_values(const rt_tensor *x)
{
    printer p = {.x = x,
                 .e = rt_exec_cpu(),
                 .shortened = x->numel > PRINT_ALL,
                 .complex = rt__dtype_is_complex(x->dtype),
                 .real = rt__dtype_is_float(x->dtype)};
    if (!p.e)
        return;
    if (x->numel == 0) { /* although other axes may be long */
        printf("[]");
        return;
    }
    choose_columns(&p);
    print_axis(&p, 0, 0);
}

void rt_print(const rt_tensor *x)
{
    if (!rt_failed() && rt__sees("print", x) && rt__has_value("print", x)) {
        rt_scope s = rt_scope_begin();
        const rt_tensor *here = rt__on_cpu(x) ? x : rt__copy_to(x, NULL);
        if (here)
            print_values(here);
        rt_scope_end(s);
    }
    printf("%s%s\n", x ? "  " : "", rt_describe(x));
}
