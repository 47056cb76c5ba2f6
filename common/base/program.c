#include "common/base/program.h"

#include "common/base/error.h"
#include "common/base/options.h"
#include <stdio.h>
#include <string.h>

static int unknown(const rt_program *p, const char *word)
{
    enum { MOST = 32 };
    const char *names[MOST + 3] = {NULL};
    int n = 0;
    for (; n < MOST && p->commands[n].name; n++)
        names[n] = p->commands[n].name;
    names[n] = "--help";
    names[n + 1] = p->version ? "--version" : NULL;
    if (word[0] == '\0')
        RT_FAIL(ARG, "no command: write %s %s, or see %s --help", p->name, p->example, p->name);
    else
        rt_unknown_word("command", word, names);
    int code = rt_status_exit_code(rt_error_code());
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    rt_error_clear();
    return code;
}

/* `ringtorch help COMMAND` is `ringtorch COMMAND --help`. */
static int run_help(const rt_program *p, char **argv)
{
    static char asked[] = "--help";
    char *turned[] = {argv[0], argv[2], asked, NULL};
    return rt_program_run(p, 3, turned);
}

int rt_program_run(const rt_program *p, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    for (const rt_command *c = p->commands; c->name; c++)
        if (c->run && strcmp(word, c->name) == 0)
            return c->run(argc - 1, argv + 1);
    if (strcmp(word, "help") == 0 && argc > 2)
        return run_help(p, argv);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        rt__program_print(p);
        return 0;
    }
    if (p->version && strcmp(word, "--version") == 0) {
        rt_print_version(p->name);
        return 0;
    }
    return unknown(p, word);
}
