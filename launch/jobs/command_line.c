#include "launch/jobs/command_line.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/startup.h"
#include "common/base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- words ---- */

/* Returns the names of all variables of an environment: "A,B" (rt_mem_free). */
static char *join_names(const rt__environment *e)
{
    rt_text t = {0};
    for (int i = 0; i < e->count; i++)
        rt_text_add(&t, "%s%.*s", i > 0 ? "," : "", (int)strcspn(e->item[i], "="), e->item[i]);
    return rt_text_take(&t);
}

static rt_status fill_words(const rt__job_row *row, const char *const value[RT_JOB_PLACE_COUNT],
                            rt__command *out)
{
    for (int i = 0; i < row->words - 1; i++) { /* the last one is the worker */
        rt_text t = {0};
        rt__job_word_fill(row->word[i], value, &t);
        char *word = rt_text_take(&t);
        if (!word)
            return rt_error_code();
        out->word[out->count++] = out->made[out->made_count++] = word;
    }
    return RT_OK;
}

rt_status rt__command_fill(const rt__job_row *row, const rt__host_list *hosts, int64_t world,
                           int64_t threads, rt__command *out)
{
    char ranks[24], each[24];
    rt__host_list here = {
        .count = 1, .name = (char *[]){(char[]){"localhost"}}, .slots = (int64_t[]){world}};
    const rt__host_list *list = hosts && hosts->count > 0 ? hosts : &here;
    snprintf(ranks, sizeof ranks, "%" PRId64, world);
    snprintf(each, sizeof each, "%" PRId64, threads);
    char *names = rt__host_list_join(list, false), *slots = rt__host_list_join(list, true),
         *variables = join_names(&out->environment);
    const char *const value[RT_JOB_PLACE_COUNT] = {[RT_JOB_PLACE_ranks] = ranks,
                                                   [RT_JOB_PLACE_threads] = each,
                                                   [RT_JOB_PLACE_hosts] = names,
                                                   [RT_JOB_PLACE_host_slots] = slots,
                                                   [RT_JOB_PLACE_variables] = variables};
    rt_status status = names && slots && variables ? fill_words(row, value, out) : rt_error_code();
    rt_mem_free(names);
    rt_mem_free(slots);
    rt_mem_free(variables);
    return status;
}

void rt__command_show(const rt__command *c, char text[RT__COMMAND_SHOWN])
{
    static const char more[] = "...";
    rt_text t = {0};
    for (int i = 0; i < c->count; i++) {
        rt_text_add(&t, "%s", i > 0 ? " " : "");
        rt_text_add_word(&t, c->word[i]);
    }
    int n = snprintf(text, RT__COMMAND_SHOWN, "%s", t.data ? t.data : "");
    if (n >= RT__COMMAND_SHOWN) {
        size_t end = RT__COMMAND_SHOWN - sizeof more;
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) /* within a character */
            end--;
        memcpy(text + end, more, sizeof more);
    }
    rt_mem_free(t.data);
}

/* ---- the environment ---- */

static bool is_rank_variable(const rt__job_row *row, const char *assignment)
{
    for (int i = 0; i < RT_RANK_NUMBERS; i++) {
        size_t n = row->variable[i] ? strlen(row->variable[i]) : 0;
        if (n > 0 && strncmp(assignment, row->variable[i], n) == 0 && assignment[n] == '=')
            return true;
    }
    return false;
}

void rt__command_add_surroundings(const rt__job_row *row, rt__environment *e)
{
    for (char **v = environ; *v; v++)
        if (rt_startup_of_batch_system(*v) && !is_rank_variable(row, *v))
            rt__environment_add(e, "%s", *v);
}
