/* ringtorch op IN OUT: runs one operation by its name. Inputs and results are files, so that other programs can compare
 * them. */
#include "worker/commands/command.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include "common/base/output.h"
#include "common/base/text.h"
#include "worker/commands/op_list.h"
#include "worker/engine/ops/call_by_name.h"
#include <ringtorch/formats.h>
#include <ringtorch/op.h>
#include <ringtorch/random.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The request in a file's metadata. */
typedef struct request {
    const rt_op *op;
    json_t *values; /* owned; may be NULL */
    bool gradients;
    int64_t seed;
} request;

/* ---- the request ---- */

static rt_status refuse_op(const char *name)
{
    int n = 0;
    while (rt_op_at(n))
        n++;
    const char **names = rt_calloc((size_t)n, sizeof *names);
    if (!names)
        return rt_error_code();
    for (int i = 0; i < n; i++)
        names[i] = rt_op_at(i)->name;
    const char *near = rt_nearest(name, names, (size_t)n);
    RT_FAIL(ARG, "there is no operation '%.60s': %s%s%s", name,
            near ? "did you mean '"
                 : "ringtorch op --list shows all; those of a plugin need --plugin FILE",
            near ? near : "", near ? "'?" : "");
    rt_mem_free(names);
    return rt_error_code();
}

/* Reads "grad", which may be only "0" or "1". */
static rt_status read_flag(const rt_st_reader *r, const char *key, bool *out)
{
    const char *text = rt_st_get_metadata(r, key);
    *out = text && strcmp(text, "1") == 0;
    if (!text || *out || strcmp(text, "0") == 0)
        return RT_OK;
    return RT_FAIL(ARG, "metadata \"%s\" is \"%.60s\", expected \"0\" or \"1\"", key, text);
}

static rt_status read_request(const rt_st_reader *r, request *q)
{
    const char *name = rt_st_get_metadata(r, "op"), *args = rt_st_get_metadata(r, "args");
    const char *seed = rt_st_get_metadata(r, "seed");
    if (!name)
        return RT_FAIL(ARG, "no operation: expected metadata such as {\"op\": \"softmax\", "
                            "\"args\": \"{\\\"axis\\\": 1}\", \"grad\": \"1\"}");
    q->op = rt_op_find(name);
    if (!q->op)
        return refuse_op(name);
    if (args)
        RT_TRY(rt_json_parse(args, strlen(args), "args", &q->values));
    if (seed)
        RT_TRY(rt_whole_number("seed", seed, 0, INT64_MAX, &q->seed));
    return read_flag(r, "grad", &q->gradients);
}

/* ---- one file ---- */

static rt_status call(const request *q, const rt_st_reader *r, rt__named_list *out)
{
    int count = (int)rt_st_count(r);
    rt__named *given = rt_calloc((size_t)count, sizeof *given);
    if (!given)
        return rt_error_code();
    for (int i = 0; i < count; i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        given[i] = (rt__named){e->name, rt_from(e->data, e->shape, e->dtype)};
    }
    rt_random_seek((uint64_t)q->seed, 0, 0);
    rt_status status = rt_failed()
                           ? rt_error_code()
                           : rt__call_by_name(q->op, given, count, q->values, q->gradients, out);
    rt_mem_free(given);
    return status;
}

static rt_status compute(const char *in, const rt_st_reader *r, request *q, rt__named_list *out)
{
    rt_status status = read_request(r, q);
    if (status == RT_OK)
        status = call(q, r, out);
    return status == RT_OK ? RT_OK : rt_error_prefix("%s", in);
}

static rt_status fill(const request *q, const rt__named_list *results, rt_st_writer *w)
{
    RT_TRY(rt_st_metadata(w, "op", q->op->name));
    for (int i = 0; i < results->count; i++) {
        const rt_tensor *x = rt_contiguous(results->item[i].x);
        if (!x)
            return rt_error_code();
        RT_TRY(rt_st_add(w, results->item[i].name, rt_dtype_of(x), rt_dims_of(x), rt_data(x)));
    }
    return RT_OK;
}

/* Computes the request of the open file and writes the results; frees the writer. */
static rt_status answer(const char *in, const rt_st_reader *r, rt_st_writer *w, int *tensors)
{
    request q = {0};
    rt__named_list results = {0};
    rt_scope s = rt_scope_begin(); /* holds the tensors until they are written */
    rt_status status = compute(in, r, &q, &results);
    if (status == RT_OK)
        status = fill(&q, &results, w);
    *tensors = results.count;
    if (status == RT_OK)
        status = rt_st_finish(w, NULL, NULL);
    else
        rt_st_abandon(w);
    rt_scope_end(s);
    rt__named_list_release(&results);
    json_decref(q.values);
    return status;
}

static rt_status run_file(const char *in, const char *out, int *tensors)
{
    rt_st_reader *r;
    rt_st_writer *w;
    RT_TRY(rt_st_open(in, &r));
    rt_status status =
        rt__command_create(out, (const char *const[]){in, NULL},
                           &w); /* open before the work, which a bad path would waste */
    if (status == RT_OK)
        status = answer(in, r, w, tensors);
    rt_st_close(r);
    return status;
}

/* ---- a directory ---- */

static bool is_case(const char *name)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(name), m = sizeof end - 1;
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Runs one file of a directory; prints a failure at once and clears it. */
static bool run_in_directory(const char *in, const char *out, const char *name)
{
    int tensors;
    char *from = rt_path_join(in, name), *to = rt_path_join(out, name);
    bool done = from && to && run_file(from, to, &tensors) == RT_OK;
    rt_mem_free(from);
    rt_mem_free(to);
    if (!done)
        rt_text_print(stderr, "ringtorch: %s\n", rt_error());
    rt_error_clear();
    return done;
}

static size_t count_cases(const rt_names *names)
{
    size_t n = 0;
    for (size_t i = 0; i < names->count; i++)
        n += is_case(names->name[i]);
    return n;
}

static rt_status run_cases(const char *in, const char *out, const rt_names *names, int *exit_code)
{
    size_t all = count_cases(names), done = 0;
    if (all == 0)
        return RT_FAIL(NOTFOUND, "%s: holds no *.safetensors", in);
    RT_TRY(rt_dir_make(out, 0755));
    for (size_t i = 0; i < names->count; i++)
        if (is_case(names->name[i]))
            done += run_in_directory(in, out, names->name[i]);
    rt_text_print(stdout, "%s: %zu of %zu done\n", out, done, all);
    *exit_code = done < all;
    return RT_OK;
}

/* Sets the exit code to 1 if any file failed. */
static rt_status run_directory(const char *in, const char *out, int *exit_code)
{
    rt_names names;
    RT_TRY(rt_dir_list(in, &names));
    rt_status status = run_cases(in, out, &names, exit_code);
    rt_names_release(&names);
    return status;
}

/* ---- the command ---- */

static rt_status check_places(const char *in, const char *out, bool *directory)
{
    struct stat from = {0}, to;
    bool there = stat(in, &from) == 0 && stat(out, &to) == 0;
    *directory = S_ISDIR(from.st_mode);
    if (there && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return RT_FAIL(
            ARG, "%s: results would replace what they are computed from: give another place", out);
    return RT_OK;
}

static rt_status run_operands(const char *in, const char *out, int *exit_code)
{
    bool directory;
    int tensors = 0;
    RT_TRY(check_places(in, out, &directory));
    RT_TRY(rt_init("auto"));
    if (directory)
        return run_directory(in, out, exit_code);
    RT_TRY(run_file(in, out, &tensors));
    rt_text_print(rt_output_remarks(out), "%s: %d tensor%s\n", out, tensors,
                  tensors == 1 ? "" : "s");
    return RT_OK;
}

static rt_status run(int argc, char **argv, rt_option_list *plugins, int *exit_code)
{
    bool list = false, json = false;
    const char *worker = NULL;
    const rt_option options[] = {
        {"list", 0, NULL, "all operations: names, formulas, tensors, arguments", .flag = &list,
         .alone = true},
        {"json", 0, NULL, "with --list: one JSON array of them", .flag = &json},
        RT__PLUGIN_OPTION(plugins),
        RT__WORKER_OPTION(&worker),
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch op",
        {"IN.safetensors|DIR_IN", "OUT.safetensors|DIR_OUT"},
        2,
        "Runs one operation by its name. IN holds its tensors, called as its arguments (those of a "
        "list xs.0, xs.1, ...), and metadata: op, its name; args, its other arguments as JSON; "
        "grad, \"1\" for gradients; seed, of random operations, 0 if it is not there.\n"
        "OUT gets out, or out.0, out.1, ... of an operation that can have several, and with "
        "gradients grad.<argument> of sum(out * grad_out), where IN may hold grad_out, or "
        "grad_out.0, ...; ones if not.\n"
        "Of a directory every *.safetensors, in the order of names; results have the same names. "
        "One that fails is named, and the others go on.",
        options,
        "Exit codes: 0 done, 1 failed, or a file of a directory did, 2 wrong usage or file."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    if (args.help)
        return RT_OK;
    RT_TRY(rt__command_check_worker(worker));
    if (json && !list)
        return RT_FAIL(ARG, "--json: only with --list: see ringtorch op --help");
    if (list && args.count > 0)
        return RT_FAIL(ARG, "'%s': --list takes no files", args.operand[0]);
    RT_TRY(rt__command_plugins(plugins));
    if (list)
        return rt__op_list(json);
    return run_operands(args.operand[0], args.operand[1], exit_code);
}

int rt__command_op(int argc, char **argv)
{
    int exit_code = 0;
    rt_option_list plugins = {.item = rt_malloc((size_t)argc * sizeof *plugins.item)};
    rt_status status = plugins.item ? run(argc, argv, &plugins, &exit_code) : rt_error_code();
    rt_mem_free(plugins.item);
    return status == RT_OK ? exit_code : rt_status_exit_code(status);
}
