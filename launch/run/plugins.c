#include "launch/run/plugins.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/config/plugins.h"
#include "launch/jobs/capture.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const double ANSWER_SECONDS = 60; /* a plugin may lie on a slow disk */
static const double PATIENCE_SECONDS = 5;

static const char *asked;

/* Fails with the worker's reason why it did not load a file, or with how the file ended the worker. */
static rt_status refused(const char *path, rt__captured *c)
{
    static const char own[] = "ringtorch: ";
    const char *line = rt__last_line(c->err);
    bool told = strncmp(line, own, sizeof own - 1) == 0;
    if (c->exit_code == -1)
        return RT_FAIL(TIMEOUT,
                       "%s: loading this plugin took longer than %.0f s and was ended: what runs "
                       "when it is loaded must return",
                       path, ANSWER_SECONDS);
    if (c->exit_code > 128)
        return RT_FAIL(CONFIG, "%s: a program that loads it is killed by signal %d: %s", path,
                       c->exit_code - 128, strsignal(c->exit_code - 128));
    if (c->exit_code == 0 || !told)
        return RT_FAIL(CONFIG, "%s: it ended the program that loads it, with exit code %d%s%s",
                       path, c->exit_code, *line ? ": " : "", line);
    return RT_FAIL(CONFIG, "%s", line + sizeof own - 1);
}

static void say_waiting(const char *const *argv)
{
    rt_text_print(stderr, "ringtorch: still loading %s, for %.0f s now; at most %.0f s\n", argv[2],
                  PATIENCE_SECONDS, ANSWER_SECONDS);
}

static rt_status describe(const char *path, json_t **entry)
{
    const char *const argv[] = {asked, "plugin", path, NULL};
    rt__captured c;
    *entry = NULL;
    RT_TRY(rt__capture_waiting(argv, NULL, ANSWER_SECONDS, PATIENCE_SECONDS, say_waiting, &c));
    size_t len = strlen(c.out);
    rt_status status =
        c.exit_code != 0 || len == 0 ? refused(path, &c)
        : len == RT__CAPTURED_MAX
            ? RT_FAIL(RANGE, "%s: the description of its contents is longer than %d bytes", path,
                      RT__CAPTURED_MAX)
            : rt_json_parse(c.out, len, path, entry);
    rt__captured_release(&c);
    return status;
}

void rt__plugins_ask(const char *worker)
{
    asked = worker;
    rt_config_set_plugin_describer(worker ? describe : NULL);
}
