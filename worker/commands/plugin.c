/* Loading plugins in commands, and ringtorch-worker plugin FILE, which describes one for the launcher, since that has no engine. */
#include "worker/commands/command.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/plugin/plugin.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Describes a plugin while standard output leads to standard error. */
static rt_status describe(const char *path, json_t **entry)
{
    fflush(stdout);
    int own = dup(STDOUT_FILENO);
    if (own >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    rt_status status = rt__plugin_describe(path, entry);
    fflush(stdout);
    if (own >= 0) {
        dup2(own, STDOUT_FILENO);
        close(own);
    }
    return status;
}

enum { LOADING_RETURNED = 119 }; /* exit code of a child whose plugin did not end it */

/* Loads a plugin in a child first, since a constructor that crashes or exits would end this program without a message. */
static rt_status try_in_child(const char *path)
{
    json_t *entry;
    int how = 0;
    fflush(NULL);
    pid_t child = fork(); /* commands handle no signals before their engine starts */
    if (child < 0)
        return RT_FAIL(IO, "%s: fork: %m", path);
    if (child == 0) {
        describe(path, &entry);
        _exit(LOADING_RETURNED);
    }
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(how))
        return RT_FAIL(CONFIG, "%s: a program that loads it is killed by signal %d: %s", path,
                       WTERMSIG(how), strsignal(WTERMSIG(how)));
    if (WEXITSTATUS(how) != LOADING_RETURNED)
        return RT_FAIL(CONFIG, "%s: it ended the program that loads it, with exit code %d", path,
                       WEXITSTATUS(how));
    return RT_OK;
}

rt_status rt__command_load_plugin(const char *path, json_t **entry)
{
    RT_TRY(try_in_child(path));
    return describe(path, entry);
}

rt_status rt__command_plugins(const rt_option_list *files)
{
    for (size_t i = 0; i < files->count; i++) {
        json_t *entry;
        RT_TRY(rt__command_load_plugin(files->item[i], &entry));
        json_decref(entry);
    }
    return RT_OK;
}

static rt_status print_entry(const char *path)
{
    json_t *entry;
    RT_TRY(describe(path, &entry));
    char *text = rt_json_text(entry);
    json_decref(entry);
    if (text)
        rt_json_print(stdout, text);
    rt_mem_free(text);
    return rt_error_code();
}

int rt__command_plugin(int argc, char **argv)
{
    const rt_usage usage = {"ringtorch-worker plugin",
                            {"FILE"},
                            1,
                            "Loads a plugin and prints its entry of a configuration: file, sha256 "
                            "and rows, as JSON.",
                            .more = "Exit codes: 0 done, 2 it is no plugin for this version."};
    rt_arguments args;
    rt_status status = rt_options_parse(&usage, argc, argv, &args);
    if (status == RT_OK && !args.help)
        status = print_entry(args.operand[0]);
    return rt_status_exit_code(status);
}
