#include "common/base/usage.h"

#include <ringtorch/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 100,     /* of the help */
    NAME_WIDTH = 26, /* of "  -n, --workers W  " in it */
};

const rt_option rt__help_option = {"help", 'h', NULL, "this text"};

bool rt_help_wanted_as(const char *form)
{
    const char *as = getenv("RINGTORCH_HELP_AS");
    return as && strcmp(as, form) == 0;
}

static int operands_of(const rt_usage *u)
{
    int n = 0;
    while (n < RT_OPERANDS_MAX && u->operands[n])
        n++;
    return n;
}

/* Calls `print` for each option of a usage, --help last. */
static void each_option(const rt_usage *u, void (*print)(const rt_option *o))
{
    for (const rt_option *o = u->options; o && o->name; o++)
        print(o);
    print(&rt__help_option);
}

/* ---- for people ---- */

/* Prints words starting in column `at`, wrapped into lines from column `indent` to WIDTH; line feeds stay. */
static void print_wrapped(const char *text, int at, int indent)
{
    while (*text) {
        int len = (int)strcspn(text, " \n"), blank = at > indent;
        if (blank && at + 1 + len > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
            blank = 0;
        }
        printf("%*s%.*s", blank, "", len, text);
        at += blank + len;
        text += len;
        if (*text == '\n') {
            printf("\n%*s", text[1] == '\n' ? 0 : indent, "");
            at = indent;
        }
        text += *text != '\0';
    }
    putchar('\n');
}

static void print_option(const rt_option *o)
{
    char letter[8] = "", name[80];
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c,", o->letter);
    int n = snprintf(name, sizeof name, "  %3s --%s%s%s", letter, o->name, o->value ? " " : "",
                     o->value ? o->value : "");
    if (n > NAME_WIDTH - 2)
        printf("%s\n%*s", name, NAME_WIDTH, "");
    else
        printf("%-*s", NAME_WIDTH, name);
    print_wrapped(o->help, NAME_WIDTH, NAME_WIDTH);
}

static void print_text(const rt_usage *u)
{
    printf("usage: %s", u->command);
    for (int i = 0; i < operands_of(u); i++)
        printf(i < u->required ? " %s" : " [%s]", u->operands[i]);
    puts(u->options && u->options->name ? " [options]\n" : "\n");
    print_wrapped(u->about, 0, 0);
    putchar('\n');
    each_option(u, print_option);
    if (u->more) {
        putchar('\n');
        print_wrapped(u->more, 0, 0);
    }
}

static void print_program_text(const rt_program *p)
{
    int name = 0, operands = 0;
    for (const rt_command *c = p->commands; c->name; c++) {
        name = (int)strlen(c->name) > name ? (int)strlen(c->name) : name;
        operands = (int)strlen(c->operands) > operands ? (int)strlen(c->operands) : operands;
    }
    printf("usage: %s COMMAND [arguments]\n\n", p->name);
    for (const rt_command *c = p->commands; c->name; c++)
        printf("  %-*s %-*s  %s\n", name, c->name, operands, c->operands, c->about);
    printf("\n  --help     this text; %s COMMAND --help tells more\n", p->name);
    if (p->version)
        puts("  --version  the version");
    if (p->more)
        printf("\n%s\n", p->more);
}

/* ---- as a manual page ---- */

/* Prints text as roff: escapes what roff would interpret; keeps paragraphs and lines. */
static void print_roff(const char *text)
{
    for (bool begins = true; *text; text++) {
        if (text[0] == '\n') {
            fputs(text[1] == '\n' ? "\n.PP\n" : "\n.br\n", stdout);
            text += text[1] == '\n';
            begins = true;
            continue;
        }
        if (begins && strchr(".'", text[0]))
            fputs("\\&", stdout);
        begins = false;
        if (text[0] == '\\')
            fputs("\\e", stdout);
        else if (text[0] == '-')
            fputs("\\-", stdout);
        else
            putchar(text[0]);
    }
}

/* Prints the name of a manual page: "ringtorch-train" for "ringtorch train". */
static void print_page_name(const char *command, const char *dash, int (*change)(int c))
{
    for (; *command; command++)
        if (*command == ' ' || *command == '-')
            fputs(dash, stdout);
        else
            putchar(change ? change(*command) : *command);
}

static int upper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static void print_page_head(const char *command)
{
    fputs(".TH ", stdout);
    print_page_name(command, "\\-", upper);
    printf(" 1 \"\" \"RingTorch %s\" \"RingTorch\"\n.SH NAME\n", rt_version());
    print_page_name(command, "\\-", NULL);
    fputs(" \\- ", stdout);
}

/* Prints the first sentence in the form of a page's summary: without its full stop and starting with a small letter. */
static void print_summary(const char *about)
{
    char line[256];
    const char *end = about;
    while (*end && !(end[0] == '.' && (end[1] == ' ' || end[1] == '\n' || !end[1])) &&
           *end != ':' && *end != '\n')
        end++;
    snprintf(line, sizeof line, "%.*s", (int)(end - about), about);
    if (line[0] >= 'A' && line[0] <= 'Z')
        line[0] = (char)(line[0] - 'A' + 'a');
    print_roff(line);
    putchar('\n');
}

static void print_option_roff(const rt_option *o)
{
    fputs(".TP\n", stdout);
    if (o->letter)
        printf("\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB", stdout);
    print_roff("--");
    print_roff(o->name);
    fputs("\\fR", stdout);
    if (o->value) {
        fputs(" \\fI", stdout);
        print_roff(o->value);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_roff(o->help);
    putchar('\n');
}

/* Puts lines of `more` that begin with a known word into a section of their own. */
static void print_more_roff(const char *more)
{
    static const char *const sections[][2] = {{"Exit codes: ", "EXIT STATUS"},
                                              {"Environment: ", "ENVIRONMENT"},
                                              {"Environment, ", "ENVIRONMENT"}};
    const char *now = "NOTES", *former = "";
    for (size_t len; *more; more += len + (more[len] == '\n')) {
        len = strcspn(more, "\n");
        char line[2048];
        snprintf(line, sizeof line, "%.*s", (int)len, more);
        for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
            if (strncmp(line, sections[i][0], strlen(sections[i][0])) == 0)
                now = sections[i][1];
        if (strcmp(now, former) == 0)
            puts(".PP");
        else
            printf(".SH %s\n", now);
        former = now;
        print_roff(line);
        putchar('\n');
    }
}

static void print_man(const rt_usage *u)
{
    print_page_head(u->command);
    print_summary(u->about);
    printf(".SH SYNOPSIS\n\\fB");
    print_roff(u->command);
    fputs("\\fR", stdout);
    for (int i = 0; i < operands_of(u); i++) {
        fputs(i < u->required ? " \\fI" : " [\\fI", stdout);
        print_roff(u->operands[i]);
        fputs(i < u->required ? "\\fR" : "\\fR]", stdout);
    }
    puts(u->options && u->options->name ? " [options]" : "");
    puts(".SH DESCRIPTION");
    print_roff(u->about);
    puts("\n.SH OPTIONS");
    each_option(u, print_option_roff);
    if (u->more)
        print_more_roff(u->more);
    puts(".SH SEE ALSO\n.BR ringtorch (1)");
}

static void print_program_man(const rt_program *p)
{
    print_page_head(p->name);
    print_roff(p->about);
    printf("\n.SH SYNOPSIS\n\\fB");
    print_roff(p->name);
    puts("\\fR \\fICOMMAND\\fR [arguments]\n.SH COMMANDS");
    for (const rt_command *c = p->commands; c->name; c++) {
        fputs(".TP\n\\fB", stdout);
        print_roff(c->name);
        fputs("\\fR \\fI", stdout);
        print_roff(c->operands);
        puts("\\fR");
        print_roff(c->about);
        putchar('\n');
    }
    puts(".SH OPTIONS");
    print_option_roff(&rt__help_option);
    if (p->version)
        print_option_roff(&(rt_option){"version", 0, NULL, "the version"});
    if (p->more)
        print_more_roff(p->more);
    puts(".SH SEE ALSO\nEach command has a page of its own, named after it.");
}

/* ---- as a list ---- */

/* Prints the first line of a help text, with tabs, which would end a column, as spaces. */
static void print_first_line(const char *text)
{
    for (; *text && *text != '\n'; text++)
        putchar(*text == '\t' ? ' ' : *text);
    putchar('\n');
}

static void print_option_list(const rt_option *o)
{
    printf("option\t--%s\t", o->name);
    if (o->letter)
        printf("-%c", o->letter);
    printf("%s\t%s\t%s\t", o->letter ? "" : "-", o->value ? o->value : "-",
           o->words ? o->words : "-");
    print_first_line(o->help);
}

static void print_list(const rt_usage *u)
{
    for (int i = 0; i < operands_of(u); i++)
        printf("operand\t%s\n", u->operands[i]);
    each_option(u, print_option_list);
}

static void print_program_list(const rt_program *p)
{
    for (const rt_command *c = p->commands; c->name; c++) {
        printf("command\t%s\t%s\t", c->name, *c->operands ? c->operands : "-");
        print_first_line(c->about);
    }
    print_option_list(&rt__help_option);
    if (p->version)
        print_option_list(&(rt_option){"version", 0, NULL, "the version"});
}

/* ---- choosing the form ---- */

void rt_usage_print(const rt_usage *u)
{
    if (rt_help_wanted_as("man"))
        print_man(u);
    else if (rt_help_wanted_as("list"))
        print_list(u);
    else
        print_text(u);
}

void rt__program_print(const rt_program *p)
{
    if (rt_help_wanted_as("man"))
        print_program_man(p);
    else if (rt_help_wanted_as("list"))
        print_program_list(p);
    else
        print_program_text(p);
}
