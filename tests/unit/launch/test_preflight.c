/* What a host's answer to the preflight means: a host that cannot be asked may come back, one that lacks something cannot be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "launch/jobs/preflight_words.h"

typedef struct answer {
    int exit_code;
    const char *out, *err;
    rt__host_state state;
    const char *says, *advises;
} answer;

static const answer answers[] = {
    {255, "", "ssh: connect to host n2 port 22: Connection refused\n", RT__HOST_AWAY, "no sshd",
     "openssh-server"},
    {1, "", "srun: error: Unable to create step for job 7: Required node not available (down)\n",
     RT__HOST_AWAY, "Slurm starts nothing there (srun: error: Unable to create step",
     "scontrol show node n2"},
    {127, "",
     "sh: 1: /opt/bin/ringtorch-worker: not found\nsrun: error: n2: task 0: Exited with exit code "
     "127\n",
     RT__HOST_UNFIT, "there is no RingTorch", "install the same RingTorch"},
    {1, "", "", RT__HOST_AWAY, "printed nothing", "without a password"},
    {-1, "", "", RT__HOST_AWAY, "no answer after 12 s", "overloaded"},
    {0, "Welcome!\n[1, 2\n", "", RT__HOST_UNFIT, "", ""},
    {0, "{\"version\": \"0.0.1\", \"directory\": \"same\"}\n", "", RT__HOST_UNFIT,
     "is version 0.0.1", "install the same RingTorch"},
    {0, "{\"version\": 7, \"reached\": {\"a\": 1}, \"shm_bytes\": \"x\", \"clock\": []}\n", "",
     RT__HOST_UNFIT, "is version ", ""},
};

static void means(void **state)
{
    const answer *a = *state;
    static const rt__shell shell = {.word = {"ssh"}, .count = 1, .given = 1, .is_ssh = true};
    const rt__question question = {
        .shell = &shell, .program = "/opt/bin/ringtorch-worker", .command = "", .seconds = 12};
    rt__asked_host host = {.name = "n2", .slots = 1};
    rt__captured c = {.exit_code = a->exit_code, .out = strdup(a->out), .err = strdup(a->err)};
    rt__preflight_read(&c, 0, &question, &host);
    if (host.state != a->state || !strstr(host.finding, a->says) ||
        !strstr(host.advice, a->advises))
        fail_msg("%d '%s%s': state %d, '%s': '%s'", a->exit_code, a->out, a->err, host.state,
                 host.finding, host.advice);
    free(c.out);
    free(c.err);
}

int main(void)
{
    enum { ANSWERS = sizeof answers / sizeof *answers };
    struct CMUnitTest tests[ANSWERS];
    for (size_t i = 0; i < ANSWERS; i++)
        tests[i] = (struct CMUnitTest){
            .name = answers[i].says, .test_func = means, .initial_state = (void *)&answers[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
