#include "common/base/options.h"

#include "common/base/error.h"
#include "common/base/nearest.h"
#include "common/base/usage.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <ringtorch/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long returns FIRST_LONG plus the row for a long name, and the letter for a letter. */
enum { FIRST_LONG = 256 };

/* The table in the form that getopt_long needs. */
typedef struct parser {
    const rt_usage *usage;
    const rt_option *row[RT_OPTIONS_MAX + 1];
    int rows;
    struct option longs[RT_OPTIONS_MAX + 2];
    char letters[2 * RT_OPTIONS_MAX + 8];
} parser;

static void add_row(parser *p, const rt_option *o)
{
    RT_ASSERT(p->rows <= RT_OPTIONS_MAX);
    p->longs[p->rows] = (struct option){
        .name = o->name,
        .has_arg = o->value ? required_argument : no_argument,
        .val = FIRST_LONG + p->rows,
    };
    size_t used = strlen(p->letters);
    if (o->letter)
        snprintf(p->letters + used, sizeof p->letters - used, "%c%s", o->letter,
                 o->value ? ":" : "");
    p->row[p->rows++] = o;
}

/* "-" makes getopt_long return operands in their order, even if POSIXLY_CORRECT is set; ":" makes it distinguish a
 * missing value from an unknown option. */
static void make_parser(parser *p, const rt_usage *u)
{
    *p = (parser){.usage = u, .letters = "-:"};
    for (const rt_option *o = u->options; o && o->name; o++)
        add_row(p, o);
    add_row(p, &rt__help_option);
}

static const rt_option *row_of(const parser *p, int code)
{
    if (code >= FIRST_LONG)
        return p->row[code - FIRST_LONG];
    for (int i = 0; i < p->rows; i++)
        if (p->row[i]->letter == code)
            return p->row[i];
    return NULL;
}

/* ---- errors ---- */

rt_status rt_unknown_word(const char *kind, const char *word, const char *const *names)
{
    char list[512] = "";
    size_t count = 0, used = 0;
    for (; names[count]; count++)
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "",
                                     names[count]);
    const char *near = rt_nearest(word, names, count);
    if (near)
        return RT_FAIL(ARG, "unknown %s '%s': did you mean '%s'?", kind, word, near);
    return RT_FAIL(ARG, "unknown %s '%s': there %s %s", kind, word, count == 1 ? "is" : "are",
                   list);
}

static rt_status ambiguous(const parser *p, const char *name)
{
    char list[512] = "";
    for (int i = 0; i < p->rows; i++) {
        size_t used = strlen(list);
        if (strncmp(p->row[i]->name, name, strlen(name)) == 0)
            snprintf(list + used, sizeof list - used, "%s--%s", used ? " or " : "",
                     p->row[i]->name);
    }
    return RT_FAIL(ARG, "option '--%s' is ambiguous: %s", name, list);
}

static rt_status unknown_option(const parser *p, const char *word)
{
    char text[2 * RT_OPTIONS_MAX + 2][40], name[256];
    const char *names[2 * RT_OPTIONS_MAX + 3] = {NULL};
    int n = 0, alike = 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (int i = 0; i < p->rows; i++) {
        const rt_option *o = p->row[i];
        alike += strncmp(name, "--", 2) == 0 && strncmp(o->name, name + 2, strlen(name + 2)) == 0;
        snprintf(text[n], sizeof text[n], "--%s", o->name);
        names[n] = text[n];
        n++;
        if (o->letter) {
            snprintf(text[n], sizeof text[n], "-%c", o->letter);
            names[n] = text[n];
            n++;
        }
    }
    return alike > 1 ? ambiguous(p, name + 2) : rt_unknown_word("option", name, names);
}

/* Reports what getopt_long did not understand at `word`; code is '?' or ':'. optopt is the row or letter that it knows
 * if only the value is missing or superfluous. */
static rt_status not_understood(const parser *p, int code, const char *word)
{
    const rt_option *o = optopt ? row_of(p, optopt) : NULL;
    if (o && code == ':')
        return RT_FAIL(ARG, "%s: a value is missing: give %s, or see %s --help", word, o->value,
                       p->usage->command);
    if (o && optopt >= FIRST_LONG)
        return RT_FAIL(ARG, "%s: takes no value: write --%s", word, o->name);
    return unknown_option(p, word);
}

rt_status rt_whole_number(const char *what, const char *text, int64_t least, int64_t most,
                          int64_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return RT_FAIL(ARG, "%s %s: not a whole number: give one from %" PRId64 " to %" PRId64,
                       what, text, least, most);
    if (errno == ERANGE || n < least || n > most)
        return RT_FAIL(RANGE, "%s %s: expected a number from %" PRId64 " to %" PRId64, what, text,
                       least, most);
    *out = n;
    return RT_OK;
}

/* ---- values ---- */

static rt_status take_value(const rt_option *o, const char *name, const char *value)
{
    if (o->number)
        return rt_whole_number(name, value, o->least, o->most, o->number);
    if (value[0] == '\0')
        return RT_FAIL(ARG, "%s '': give %s", name, o->value);
    if (o->list)
        o->list->item[o->list->count++] = value;
    else
        *o->text = value;
    return RT_OK;
}

static rt_status take_option(const rt_option *o, bool by_name, rt_arguments *out)
{
    char name[64];
    if (o == &rt__help_option)
        out->help = true;
    else if (!o->value)
        *o->flag = true;
    if (!o->value)
        return RT_OK;
    if (by_name)
        snprintf(name, sizeof name, "--%s", o->name);
    else
        snprintf(name, sizeof name, "-%c", o->letter);
    return take_value(o, name, optarg);
}

static int operands_of(const rt_usage *u)
{
    int n = 0;
    while (n < RT_OPERANDS_MAX && u->operands[n])
        n++;
    return n;
}

static rt_status take_operand(const rt_usage *u, const char *word, rt_arguments *out)
{
    int most = operands_of(u);
    if (out->count < most) {
        out->operand[out->count++] = word;
        return RT_OK;
    }
    if (most == 0)
        return RT_FAIL(ARG, "'%s': %s takes no such argument: see %s --help", word, u->command,
                       u->command);
    return RT_FAIL(ARG, "'%s': one argument too many, after %s '%s': see %s --help", word,
                   u->operands[most - 1], out->operand[most - 1], u->command);
}

void rt_print_version(const char *program)
{
    printf("%s %s\n", program, rt_version());
}

/* ---- the command line ---- */

static bool stands_alone(const rt_usage *u)
{
    for (const rt_option *o = u->options; o && o->name; o++)
        if (o->alone && *o->flag)
            return true;
    return false;
}

static rt_status check_operands(const rt_usage *u, const rt_arguments *a)
{
    if (a->count >= u->required || stands_alone(u))
        return RT_OK;
    char all[128] = "";
    for (int i = 0; i < u->required; i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, " %s", u->operands[i]);
    }
    return RT_FAIL(ARG, "no %s: write %s%s, or see %s --help", u->operands[a->count], u->command,
                   all, u->command);
}

rt_status rt_options_parse(const rt_usage *usage, int argc, char **argv, rt_arguments *out)
{
    parser p;
    make_parser(&p, usage);
    *out = (rt_arguments){0};
    optind = 0; /* GNU: restart parsing */
    opterr = 0;
    for (;;) {
        int at = optind > 0 ? optind : 1, by_name = -1;
        int code = getopt_long(argc, argv, p.letters, p.longs, &by_name);
        if (code == -1)
            break;
        if (code == '?' || code == ':')
            return not_understood(&p, code, argv[at]);
        if (code == 1)
            RT_TRY(take_operand(usage, optarg, out));
        else
            RT_TRY(take_option(row_of(&p, code), by_name >= 0, out));
        if (out->help) {
            rt_usage_print(usage);
            return RT_OK;
        }
    }
    for (; optind < argc; optind++) /* after "--" */
        RT_TRY(take_operand(usage, argv[optind], out));
    return check_operands(usage, out);
}
