/* Job back ends of plugins (ringtorch/job.h) as configurations describe them:
 *
 *     {"name": "srun", "help": "...", "command": ["srun", "-n", "{ranks}", "{worker}"], "shell": ["ssh"],
 *      "rank": "SLURM_PROCID", "world": "SLURM_NTASKS", "local_rank": "SLURM_LOCALID", "once": false}
 *
 * They are all data: launch/jobs/backend_command.c starts the command. */
#ifndef RINGTORCH_COMMON_CONFIG_JOB_ROWS_H
#define RINGTORCH_COMMON_CONFIG_JOB_ROWS_H

#include "common/base/json.h"
#include "common/base/rank_variables.h"
#include "common/base/text.h"
#include "common/config/added.h"
#include <stdbool.h>

enum {
    RT_JOB_WORDS_MAX = 48,       /* of a command */
    RT_JOB_SHELL_WORDS_MAX = 16, /* of a remote shell */
    RT_JOB_WORD_BYTES = 400,     /* of each word */
    RT_JOB_ROWS_MAX = 32,        /* of all plugins of a process */
};

/* What is replaced in the words of a command, besides {worker}, which is a word of its own. */
#define RT_JOB_PLACES(PLACE)                                                                       \
    PLACE(ranks) PLACE(threads) PLACE(hosts) PLACE(host_slots) PLACE(variables)
#define RT__JOB_PLACE(name) RT_JOB_PLACE_##name,
typedef enum rt_job_place { RT_JOB_PLACES(RT__JOB_PLACE) RT_JOB_PLACE_COUNT } rt_job_place;
#undef RT__JOB_PLACE
#define RT_JOB_WORKER "{worker}"

typedef struct rt__job_row {
    const char *name, *help;
    int words, shell_words;
    const char *word[RT_JOB_WORDS_MAX]; /* the last is RT_JOB_WORKER */
    const char *shell[RT_JOB_SHELL_WORDS_MAX];
    const char *variable[RT_RANK_NUMBERS]; /* NULL: ranks have none for this number */
    bool names_hosts;                      /* the command has {hosts} or {host_slots} */
    bool once;
    rt__added added;
} rt__job_row;

/* Reads the members of a description except its name and help. Fails with FORMAT: ".command[3]: what is wrong: what was
 * expected". Texts are borrowed from the description. */
rt_status rt__job_row_read(const json_t *description, rt__job_row *out);

/* Appends a word of a command with every place replaced by its value. Returns false at braces with another word in them,
 * or with none. */
bool rt__job_word_fill(const char *word, const char *const value[RT_JOB_PLACE_COUNT], rt_text *out);

/* The rows of the plugins that this process knows. */
int rt__job_rows(void);
rt__job_row *rt__job_row_at(int i);
/* Appends a row; there must be room. Its texts are borrowed for the life of the process. */
void rt__job_row_add(const rt__job_row *row);
/* Returns the name and the file of the plugin whose row it is. */
const char *rt__job_row_plugin(const rt__job_row *row);
const char *rt__job_row_file(const rt__job_row *row);

#endif
