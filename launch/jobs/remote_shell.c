#include "launch/jobs/remote_shell.h"
#include "common/base/error.h"
#include <stdio.h>
#include <string.h>

static const double SSH_SECONDS = 5; /* for `ssh -G`, which only reads files */

/* What is added unless the command names the option already. */
static const char *const options[] = {"BatchMode=yes", "ConnectTimeout=5", "ServerAliveInterval=5"};
enum { OPTIONS = sizeof options / sizeof *options };

static bool is_ssh(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strcmp(slash ? slash + 1 : program, "ssh") == 0;
}

static bool names(const char *text, const char *option)
{
    size_t n = strcspn(option, "=");
    for (; *text; text++)
        if (strncasecmp(text, option, n) == 0)
            return true;
    return false;
}

static bool is_given(const rt__shell *s, const char *option)
{
    for (int i = 1; i < s->count; i++)
        if (names(s->word[i], option))
            return true;
    return false;
}

rt_status rt__shell_find(const rt__jobs *jobs, rt__shell *out)
{
    *out = (rt__shell){0};
    RT_TRY(rt__jobs_shell(jobs, out->text, out->word, &out->count));
    out->given = out->count;
    out->is_ssh = out->count > 0 && is_ssh(out->word[0]);
    for (int i = 0; out->is_ssh && i < OPTIONS; i++)
        if (!is_given(out, options[i]) && out->count + 5 < RT__SHELL_WORDS) {
            out->word[out->count++] = "-o";
            out->word[out->count++] = options[i];
        }
    return RT_OK;
}

static rt_status run(const rt__shell *shell, const char *a, const char *b, double seconds,
                     rt__captured *out)
{
    const char *argv[RT__SHELL_WORDS + 3];
    int n = shell->count;
    memcpy(argv, shell->word, (size_t)n * sizeof *argv);
    argv[n++] = a;
    argv[n++] = b;
    argv[n] = NULL;
    return rt__capture_stoppable(argv, seconds, shell->stop, out);
}

rt_status rt__shell_run(const rt__shell *shell, const char *host, const char *command,
                        double seconds, rt__captured *out)
{
    return run(shell, host, command, seconds, out);
}

rt_status rt__shell_ask_ssh(const rt__shell *shell, const char *host, rt__captured *out)
{
    return run(shell, "-G", host, SSH_SECONDS, out);
}

const char *rt__shell_complete(const char *text, char out[RT__SHELL_TEXT])
{
    char program[RT__SHELL_TEXT] = "";
    size_t used = (size_t)snprintf(out, RT__SHELL_TEXT, "%s", text);
    sscanf(text, "%1023s", program);
    /* A list such as "ssh : rsh" is left alone: mpirun chooses from it. */
    for (int i = 0; is_ssh(program) && !strchr(text, ':') && i < OPTIONS; i++)
        if (!names(text, options[i]) && used + 64 < RT__SHELL_TEXT)
            used += (size_t)snprintf(out + used, RT__SHELL_TEXT - used, " -o %s", options[i]);
    return out;
}
