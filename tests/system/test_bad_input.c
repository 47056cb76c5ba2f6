/* Every wrong command, configuration, data set or checkpoint leads to one clear line and exit code 2; nothing is started,
 * and nothing is lost. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "tiny.h"

/* One case. In arguments and message, "@" stands for the scratch folder; an argument list without
 * "train" first is `train @/tiny.yaml -n 2 --run-dir @/run` and then the list. */
typedef struct bad_case {
    const char *name;
    const char *arguments[8];
    const char *message;   /* a fragment of standard error */
    void (*prepare)(void); /* spoils something first; may be NULL */
} bad_case;

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

/* ---- what is spoilt ---- */

static void misspelt_key(void)
{
    write_config(&s, "bad.yaml", "run: {steps: 10}\noptimizer:\n  learning_rat: 0.1\n");
}

static void not_yaml(void)
{
    write_config(&s, "bad.yaml", "run: {steps: 10}\nmodel: [}\n");
}

static void unknown_layer(void)
{
    write_config(
        &s, "bad.yaml",
        "run: {steps: 10}\nmodel:\n  layers: [flatten, {linaer: 10}]\ndata: {path: \"%s\"}\n");
}

static void kernel_too_large(void)
{
    write_config(&s, "bad.yaml",
                 "run: {steps: 10}\nmodel:\n  layers: [{conv2d: {out: 4, kernel: 99}}, flatten, "
                 "{linear: 10}]\n"
                 "data: {path: \"%s\"}\n");
}

static void too_few_outputs(void)
{
    write_config(&s, "bad.yaml",
                 "run: {steps: 10}\nmodel:\n  layers:\n    - flatten\n    - {linear: 1}\n"
                 "data: {path: \"%s\"}\n");
}

static void outputs_with_a_shape(void)
{
    write_config(&s, "bad.yaml",
                 "run: {steps: 10}\nmodel:\n  layers:\n    - {linear: 10}\n    - relu\n"
                 "data: {path: \"%s\"}\n");
}

static void layer_too_large(void)
{
    write_config(&s, "bad.yaml",
                 "run: {steps: 10}\nmodel:\n  layers:\n    - flatten\n    - {linear: 1}\n"
                 "    - {linear: 16777216}\n    - {linear: 16777216}\n    - {linear: 10}\n"
                 "data: {path: \"%s\"}\n");
}

static void tie_to_another_width(void)
{
    write_config(&s, "bad.yaml",
                 "run: {steps: 10}\nmodel:\n  layers:\n    - flatten\n    - {linear: 10}\n"
                 "    - {tie: '1'}\ndata: {path: \"%s\"}\n");
}

static void group_with_states_of_its_own(void)
{
    write_config(&s, "bad.yaml",
                 "run: {steps: 10}\nmodel: {preset: mlp}\ndata: {path: \"%s\"}\n"
                 "optimizer:\n  name: sgd\n  groups:\n    - {match: '*', momentum: 0.5}\n");
}

static void truncated_images(void)
{
    cut_file(in_scratch(&s, "data/train-images-idx3-ubyte"), -1000);
}

static void not_idx(void)
{
    alter_byte(in_scratch(&s, "data/train-images-idx3-ubyte"), 2);
}

static void labels_missing(void)
{
    must(rt_remove_tree(in_scratch(&s, "data/train-labels-idx1-ubyte")));
}

static void label_out_of_range(void)
{
    make_data(&s, &(data_set){.train = 520, .test = 100, .bad_label = 11});
}

static void labels_fewer(void)
{
    make_data(&s, &(data_set){.train = 520, .test = 100, .labels_short = 3});
}

static void use_gzip(void)
{
    must(rt_remove_tree(in_scratch(&s, "data")));
    make_data(&s, &(data_set){.train = 520, .test = 100, .gzip = true});
}

static void corrupt_gzip(void)
{
    use_gzip();
    alter_byte(in_scratch(&s, "data/train-images-idx3-ubyte.gz"), 5000);
}

/* A program that opened one of these for reading would wait or read for ever. */
static void images_that_wait(void)
{
    const char *images = in_scratch(&s, "data/train-images-idx3-ubyte");
    assert_int_equal(unlink(images), 0);
    assert_int_equal(mkfifo(images, 0600), 0);
}

static void web_page_for_labels(void)
{
    static const char page[] = "<!DOCTYPE html>\n<title>404 Not Found</title>\n";
    must(rt_file_replace(in_scratch(&s, "data/train-labels-idx1-ubyte"), page, sizeof page - 1));
}

static void hosts_that_wait(void)
{
    assert_int_equal(mkfifo(in_scratch(&s, "hosts"), 0600), 0);
}

static void truncated_gzip(void)
{
    use_gzip();
    cut_file(in_scratch(&s, "data/train-images-idx3-ubyte.gz"), -200);
}

static void run_dir_is_a_file(void)
{
    must(rt_file_replace(in_scratch(&s, "run"), "x", 1));
}

static void earlier_run(void)
{
    char sha[65];
    const char *more[] = {"--set", "run.steps=60", "--set", "checkpoint.every=20", NULL};
    train_tiny(&s, in_scratch(&s, "run"), 2, more, sha);
    must(rt_rename_durably(newest_checkpoint(&s, in_scratch(&s, "run")),
                           in_scratch(&s, "checkpoint")));
    must(rt_remove_tree(in_scratch(&s, "run")));
}

static void truncated_checkpoint(void)
{
    earlier_run();
    cut_file(in_scratch(&s, "checkpoint/piece-00001.safetensors"), -64);
}

static void altered_checkpoint(void)
{
    earlier_run();
    alter_byte(in_scratch(&s, "checkpoint/piece-00000.safetensors"), -64);
}

static void checkpoint_without_a_piece(void)
{
    earlier_run();
    must(rt_remove_tree(in_scratch(&s, "checkpoint/piece-00001.safetensors")));
}

static void checkpoint_of_a_later_format(void)
{
    earlier_run();
    const char *path = in_scratch(&s, "checkpoint/manifest.json");
    json_t *manifest = NULL;
    must(rt_json_load(path, 1 << 20, &manifest));
    assert_true(json_is_integer(json_object_get(manifest, "format_version")));
    json_object_set_new(manifest, "format_version", json_integer(999));
    char *text = rt_json_text(manifest);
    must(rt_file_replace(path, text, strlen(text)));
    rt_mem_free(text);
    json_decref(manifest);
}

static void truncated_manifest(void)
{
    earlier_run();
    cut_file(in_scratch(&s, "checkpoint/manifest.json"), -200);
}

static void run_already_there(void)
{
    char sha[65];
    const char *more[] = {"--set", "run.steps=10", NULL};
    train_tiny(&s, in_scratch(&s, "run"), 2, more, sha);
}

static char port_setting[64];
static int taken_port = -1;

static void take_a_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    taken_port = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(taken_port, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(taken_port, 1), 0);
    assert_int_equal(getsockname(taken_port, (struct sockaddr *)&address, &len), 0);
    snprintf(port_setting, sizeof port_setting, "control.port=%d", ntohs(address.sin_port));
}

/* Leaves in PATH what a shell needs, but not mpirun. */
static void hide_mpirun(void)
{
    must(rt_dir_make(in_scratch(&s, "empty"), 0755));
    setenv("PATH", in_scratch(&s, "empty"), 1);
}

/* ---- the table ---- */

static const bad_case cases[] = {
    /* usage */
    {"no_command", {"", NULL}, "train"},
    {"unknown_command", {"", "trian", NULL}, "train"},
    {"no_configuration", {"", "train", NULL}, "CONFIG"},
    {"unknown_option", {"--wrokers", "2", NULL}, "did you mean '--workers'?"},
    {"no_workers", {"-n", "0", NULL}, "-n"},
    {"workers_not_a_number", {"-n", "two", NULL}, "two"},
    {"set_without_a_value", {"--set", "run.steps", NULL}, "key=value"},

    /* configuration */
    {"missing_configuration",
     {"", "train", "@/absent.yaml", "--run-dir", "@/run", NULL},
     "@/absent.yaml"},
    {"endless_configuration",
     {"", "train", "/dev/zero", "--run-dir", "@/run", NULL},
     "/dev/zero: is a character device, expected a regular file or a pipe"},
    {"hosts_that_wait",
     {"--set", "parallel.hostfile=@/hosts", NULL},
     "hosts: is a pipe, expected a regular file",
     hosts_that_wait},
    {"misspelt_key",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "@/bad.yaml:3:3",
     misspelt_key},
    {"misspelt_set", {"--set", "optimizer.lrr=1", NULL}, "optimizer.lr"},
    {"not_yaml", {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL}, "@/bad.yaml:2", not_yaml},
    {"wrong_type", {"--set", "run.steps=many", NULL}, "many"},
    {"out_of_range", {"--set", "data.batch=0", NULL}, "data.batch"},
    {"unknown_choice", {"--set", "optimizer.name=adamv", NULL}, "adamw"},
    {"precision_not_there", {"--set", "precision=bfloat16", NULL}, "float32"},
    {"fewer_slices_than_workers", {"-n", "4", "--set", "parallel.slices=2", NULL}, "slices"},
    {"fewer_samples_than_slices", {"--set", "data.batch=3", NULL}, "slices"},
    {"unknown_layer",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:3: model.layers[1]: unknown layer 'linaer': did you mean 'linear'?",
     unknown_layer},
    {"kernel_too_large",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:3: model.layers[0]: conv2d: a kernel of 99",
     kernel_too_large},
    {"too_few_outputs",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:5: the last layer of the model has 1 output, one",
     too_few_outputs},
    {"outputs_with_a_shape",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:5: the last layer of the model gives [",
     outputs_with_a_shape},
    {"layer_too_large",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:7: model.layers[3]: linear: its parameters take 1125899973951488 bytes",
     layer_too_large},
    {"tie_to_another_width",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:6: model.layers[2]: weight is [10,10] here, but [10,",
     tie_to_another_width},
    {"group_with_states_of_its_own",
     {"", "train", "@/bad.yaml", "--run-dir", "@/run", NULL},
     "bad.yaml:7: optimizer.groups[0]: momentum: with this value",
     group_with_states_of_its_own},

    /* data */
    {"data_missing", {"--set", "data.path=@/nowhere", NULL}, "@/nowhere"},
    {"labels_missing", {NULL}, "train-labels", labels_missing},
    {"truncated_images", {NULL}, "train-images-idx3-ubyte", truncated_images},
    {"not_idx", {NULL}, "train-images-idx3-ubyte", not_idx},
    {"label_out_of_range", {NULL}, "11", label_out_of_range},
    {"labels_fewer_than_images", {NULL}, "517", labels_fewer},
    {"corrupt_gzip", {NULL}, "train-images-idx3-ubyte.gz", corrupt_gzip},
    {"truncated_gzip", {NULL}, "train-images-idx3-ubyte.gz", truncated_gzip},
    {"images_that_wait", {NULL}, "train-images-idx3-ubyte: is a pipe", images_that_wait},
    {"web_page_for_labels",
     {NULL},
     "train-labels-idx1-ubyte: looks like a web page",
     web_page_for_labels},

    /* run directory and checkpoints */
    {"run_dir_is_a_file", {NULL}, "@/run", run_dir_is_a_file},
    {"run_dir_holds_another_run", {NULL}, "--resume", run_already_there},
    {"checkpoint_missing", {"--resume", "@/absent", NULL}, "@/absent"},
    {"checkpoint_truncated",
     {"--resume", "@/checkpoint", NULL},
     "piece-00001.safetensors",
     truncated_checkpoint},
    {"checkpoint_altered",
     {"--resume", "@/checkpoint", NULL},
     "piece-00000.safetensors",
     altered_checkpoint},
    {"checkpoint_incomplete",
     {"--resume", "@/checkpoint", NULL},
     "piece-00001.safetensors",
     checkpoint_without_a_piece},
    {"manifest_truncated", {"--resume", "@/checkpoint", NULL}, "manifest.json", truncated_manifest},
    {"checkpoint_of_another_model",
     {"--resume", "@/checkpoint", "--set", "model.layers=[flatten, {linear: 10}]", NULL},
     "model",
     earlier_run},
    {"checkpoint_of_a_later_format",
     {"--resume", "@/checkpoint", NULL},
     "999",
     checkpoint_of_a_later_format},
    {"checkpoint_with_other_slices",
     {"--resume", "@/checkpoint", "--set", "parallel.slices=8", NULL},
     "slices",
     earlier_run},

    /* the machine */
    {"mpirun_missing", {NULL}, "mpirun", hide_mpirun},
    {"port_taken",
     {"--set", port_setting, NULL},
     port_setting + sizeof "control.port=" - 1,
     take_a_port},
};

/* Copies text with every "@" replaced by the scratch folder. */
static const char *expand(const char *text, char out[512])
{
    size_t used = 0;
    for (; *text; text++)
        used += (size_t)snprintf(out + used, 512 - used, *text == '@' ? "%s" : "%.1s",
                                 *text == '@' ? s.path : text);
    out[used] = 0;
    return out;
}

static result run_case(const bad_case *c)
{
    static char text[16][512];
    const char *list[16] = {"train",     expand("@/tiny.yaml", text[0]), "-n", "2",
                            "--run-dir", expand("@/run", text[1])};
    int count = c->arguments[0] && !*c->arguments[0] ? 0 : 6;
    for (int i = count ? 0 : 1; c->arguments[i]; i++, count++)
        list[count] = expand(c->arguments[i], text[2 + i]);
    list[count] = NULL;
    return run_list(&s, LONG, "ringtorch", list);
}

/* Checks that a message is for people: one line, `ringtorch: what is wrong`, without internals. */
static void expect_one_line(const char *err)
{
    if (strncmp(err, "ringtorch: ", 11) != 0 || !strchr(err, '\n') || strchr(err, '\n')[1])
        fail_msg("not one line 'ringtorch: what is wrong':\n%s", err);
}

/* Checks that a refused run leaves nothing that would hinder the right command. */
static void expect_nothing_left(bool was_there)
{
    assert_int_equal(count_processes(&s, NULL), 0);
    if (!was_there)
        assert_false(rt_path_exists(in_scratch(&s, "run/checkpoints")) &&
                     rt_path_exists(in_scratch(&s, "run/summary.json")));
}

static void refused(void **state)
{
    const bad_case *c = *state;
    char path[4096], wanted[512];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    if (c->prepare)
        c->prepare();
    bool was_there = rt_path_exists(in_scratch(&s, "run"));

    result r = run_case(c);
    setenv("PATH", path, 1);
    if (taken_port >= 0)
        close(taken_port);
    taken_port = -1;
    expect_exit(&r, 2);
    expect_text(r.err, expand(c->message, wanted));
    expect_one_line(r.err);
    result_release(&r);
    expect_nothing_left(was_there);
}

/* After a refusal, the right command works in the same place: nothing was lost or left incomplete. */
static void right_command_works_after_a_refusal(void **state)
{
    (void)state;
    truncated_images();
    result r = run_case(&(bad_case){.arguments = {NULL}});
    expect_exit(&r, 2);
    result_release(&r);
    make_data(&s, &(data_set){.train = 520, .test = 100});
    r = run_case(&(bad_case){.arguments = {"--set", "run.steps=10", NULL}});
    expect_exit(&r, 0);
    result_release(&r);
}

/* A directory that holds a run is refused (above) and left unchanged (here). */
static void refused_run_dir_is_untouched(void **state)
{
    (void)state;
    char before[65], after[65];
    run_already_there();
    summary_text(in_scratch(&s, "run"), "weights_sha256", before, sizeof before);
    int64_t steps = last_step(in_scratch(&s, "run"));
    result r = run_case(&(bad_case){.arguments = {"--set", "run.seed=99", NULL}});
    expect_exit(&r, 2);
    result_release(&r);
    summary_text(in_scratch(&s, "run"), "weights_sha256", after, sizeof after);
    assert_string_equal(after, before);
    assert_int_equal(last_step(in_scratch(&s, "run")), steps);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tiny_begin, tiny_end)

int main(void)
{
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES + 2];
    for (size_t i = 0; i < CASES; i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, refused, tiny_begin, tiny_end, (void *)&cases[i]};
    tests[CASES] = (struct CMUnitTest)TEST(right_command_works_after_a_refusal);
    tests[CASES + 1] = (struct CMUnitTest)TEST(refused_run_dir_is_untouched);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
