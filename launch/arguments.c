#include "launch/arguments.h"
#include "common/error.h"
#include "launch/options.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 16 };

static const rt__argument *find(const rt__argument *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static rt_status not_understood(const rt__argument *table, const char *word)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    for (int i = 0; table[i].name && i < NAMES_MAX; i++)
        names[i] = table[i].name;
    return rt__unknown_word("option", word, names);
}

rt_status rt__arguments_parse(int argc, char **argv, const rt__argument *table,
                              const char **operands, int most, int *count)
{
    *count = 0;
    for (int i = 1; i < argc; i++) {
        const rt__argument *a = find(table, argv[i]);
        if (a && a->flag)
            *a->flag = true;
        else if (a && i + 1 < argc)
            *a->value = argv[++i];
        else if (a)
            return RT_FAIL(ARG, "%s: a value is missing: see ringtorch %s --help", argv[i],
                           argv[0]);
        else if (argv[i][0] == '-' && argv[i][1] != '\0' && !strchr("0123456789", argv[i][1]))
            return not_understood(table, argv[i]);
        else if (*count == most)
            return RT_FAIL(ARG, "'%s': one argument too many: see ringtorch %s --help", argv[i],
                           argv[0]);
        else
            operands[(*count)++] = argv[i];
    }
    return RT_OK;
}

rt_status rt__whole_number(const char *what, const char *text, int64_t least, int64_t most,
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
