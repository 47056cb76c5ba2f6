#include "launch/options.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/nearest.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const option_names[] = {"-n",       "--workers",     "--hostfile", "--run-dir",
                                           "--resume", "--set",         "--json",     "--help",
                                           "-h",       "--help-config", NULL};

rt_status rt__unknown_word(const char *kind, const char *word, const char *const *names)
{
    char list[256] = "";
    size_t count = 0, used = 0;
    for (; names[count]; count++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "",
                                 names[count]);
    const char *near = rt_nearest(word, names, count);
    if (near)
        return RT_FAIL(ARG, "unknown %s '%s': did you mean '%s'?", kind, word, near);
    return RT_FAIL(ARG, "unknown %s '%s': there are %s", kind, word, list);
}

static rt_status parse_workers(const char *text, rt__train_options *o)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        return RT_FAIL(ARG, "-n %s: not a whole number: give the number of workers", text);
    if (n < 1)
        return RT_FAIL(RANGE, "-n %s: too few workers: give 1 or more", text);
    snprintf(o->workers, sizeof o->workers, "parallel.workers=%lld", n);
    return RT_OK;
}

static rt_status take_set(const char *text, rt__train_options *o)
{
    if (!strchr(text, '=') || text[0] == '=')
        return RT_FAIL(ARG, "--set %s: expected key=value, as in --set run.steps=200", text);
    o->sets[o->n_sets++] = text;
    return RT_OK;
}

/* A value is YAML: in single quotes everything stands for itself, but for the quote. */
static rt_status take_hostfile(const char *path, rt__train_options *o)
{
    size_t used = (size_t)snprintf(o->hostfile, sizeof o->hostfile, "parallel.hostfile='");
    if (path[0] == '\0' || strlen(path) > (sizeof o->hostfile - used) / 2 - 2)
        return RT_FAIL(ARG, "--hostfile '%.80s': give the path of a file", path);
    for (; *path; path++) {
        if (*path == '\'')
            o->hostfile[used++] = '\'';
        o->hostfile[used++] = *path;
    }
    snprintf(o->hostfile + used, sizeof o->hostfile - used, "'");
    return RT_OK;
}

/* Takes an option that needs a value. */
static rt_status take_value(const char *name, const char *value, rt__train_options *o)
{
    if (!value)
        return RT_FAIL(ARG, "%s: a value is missing: see ringtorch train --help", name);
    if (strcmp(name, "-n") == 0 || strcmp(name, "--workers") == 0)
        return parse_workers(value, o);
    if (strcmp(name, "--hostfile") == 0)
        return take_hostfile(value, o);
    if (strcmp(name, "--set") == 0)
        return take_set(value, o);
    if (value[0] == '\0')
        return RT_FAIL(ARG, "%s '': give a path", name);
    *(strcmp(name, "--run-dir") == 0 ? &o->run_dir : &o->resume) = value;
    return RT_OK;
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {"-n",        "--workers", "--hostfile",
                                        "--run-dir", "--resume",  "--set"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static rt_status parse_one(int *i, char **argv, rt__train_options *o)
{
    const char *arg = argv[*i];
    if (takes_value(arg))
        return take_value(arg, argv[++*i], o);
    if (strcmp(arg, "--json") == 0)
        o->json = true;
    else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        o->help = true;
    else if (strcmp(arg, "--help-config") == 0)
        o->help_config = true;
    else if (arg[0] == '-')
        return rt__unknown_word("option", arg, option_names);
    else if (o->config)
        return RT_FAIL(ARG, "'%s': one configuration is enough, '%s' was given already", arg,
                       o->config);
    else
        o->config = arg;
    return RT_OK;
}

rt_status rt__train_options_parse(int argc, char **argv, rt__train_options *out)
{
    *out = (rt__train_options){.resume = "never",
                               .sets = rt_malloc((size_t)(argc + 2) * sizeof *out->sets)};
    rt_status status = out->sets ? RT_OK : rt_error_code();
    for (int i = 1; i < argc && status == RT_OK; i++)
        status = parse_one(&i, argv, out);
    if (status == RT_OK && out->hostfile[0])
        out->sets[out->n_sets++] = out->hostfile;
    if (status == RT_OK && out->workers[0])
        out->sets[out->n_sets++] = out->workers;
    if (status == RT_OK && !out->config && !out->help && !out->help_config)
        status = RT_FAIL(
            ARG,
            "no configuration: write ringtorch train CONFIG, for example configs/fashion-cnn.yaml");
    if (status != RT_OK)
        rt__train_options_release(out);
    return status;
}

void rt__train_options_release(rt__train_options *o)
{
    rt_mem_free(o->sets);
    o->sets = NULL;
}
