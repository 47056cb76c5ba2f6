/* Tests of nets from files that PyTorch has written (golden/make_weights_golden.py): they must compute the same as in
 * PyTorch. */
#include "common/base/file.h"
#include "tests/support/folder.h"
#include "worker/engine/formats/weights.h"
#include <math.h>
#include <ringtorch/formats.h>
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define FILES RT_TEST_SOURCE_DIR "/tests/golden/weights/"

static const char batch_norm[] = "[{\"conv2d\": {\"out\": 2, \"kernel\": 4, \"stride\": 4}}, "
                                 "\"batch_norm2d\", \"relu\", \"flatten\", {\"linear\": 10}]";
static const char tied[] = "[{\"linear\": 6}, \"tanh\", {\"tie\": \"0\"}]";

static char dir[FOLDER_MAX];

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

static void must_refuse(rt_status status, const char *says)
{
    assert_int_equal(status, RT_E_MISMATCH);
    if (!strstr(rt_error(), says))
        fail_msg("\"%s\" does not say \"%s\"", rt_error(), says);
    rt_error_clear();
}

static rt_module *net_of(const char *json, rt_dims input)
{
    rt_module *net = rt_nn_from_json(json, input);
    if (!net)
        fail_msg("%s", rt_error());
    rt_nn_train(net, false);
    return net;
}

/* Fails unless the net turns the golden x into the golden y. */
static void expect_outputs(rt_module *net, const char *name)
{
    rt_st_reader *r;
    char text[64];
    must(rt_st_open(FILES "outputs.safetensors", &r));
    snprintf(text, sizeof text, "%s.x", name);
    const rt_st_entry *x = rt_st_find(r, text);
    snprintf(text, sizeof text, "%s.y", name);
    const rt_st_entry *y = rt_st_find(r, text);
    rt_tensor *got = rt_forward(net, rt_from(x->data, x->shape, x->dtype));
    if (!got)
        fail_msg("%s", rt_error());
    rt_tensor *wanted = rt_from(y->data, y->shape, y->dtype);
    assert_int_equal(rt_numel(got), rt_numel(wanted));
    for (int64_t i = 0; i < rt_numel(got); i++)
        if (!(fabsf(rt_f32(got)[i] - rt_f32(wanted)[i]) < 1e-5f))
            fail_msg("%s: y[%d] is %g, PyTorch's %g", name, (int)i, (double)rt_f32(got)[i],
                     (double)rt_f32(wanted)[i]);
    rt_st_close(r);
}

/* Writes a changed copy of a golden file: without tensors whose names end in `without`, and with 1 added to the first
 * element of the tensor named `changed`. */
static const char *rewritten(const char *from, const char *without, const char *changed)
{
    static char path[FOLDER_MAX + 32];
    static float copy[1024];
    rt_st_reader *r;
    rt_st_writer *w;
    snprintf(path, sizeof path, "%s/rewritten.safetensors", dir);
    must(rt_st_open(from, &r));
    must(rt_st_create(path, &w));
    for (int64_t i = 0; i < rt_st_count(r); i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        const char *tail = strstr(e->name, without);
        if (tail && tail[strlen(without)] == '\0')
            continue;
        const void *data = e->data;
        if (strcmp(e->name, changed) == 0) {
            assert_true(e->bytes <= sizeof copy);
            memcpy(copy, data, e->bytes);
            copy[0] += 1;
            data = copy;
        }
        must(rt_st_add(w, e->name, e->dtype, e->shape, data));
    }
    must(rt_st_finish(w, NULL, NULL));
    rt_st_close(r);
    return path;
}

static void batch_norm_with_and_without_its_count(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = net_of(batch_norm, rt_shape(1, 28, 28));
    must(rt_nn_load(net, FILES "batch_norm.safetensors"));
    assert_true(rt_item(rt_nn_find(net, "1.num_batches_tracked")) == 3);
    expect_outputs(net, "batch_norm");
    must(rt_nn_load(net, rewritten(FILES "batch_norm.safetensors", "num_batches_tracked", "-")));
    assert_true(rt_item(rt_nn_find(net, "1.num_batches_tracked")) == 0);
    expect_outputs(net, "batch_norm");
    must_refuse(rt_nn_load(net, rewritten(FILES "batch_norm.safetensors", "running_var", "-")),
                "\"1.running_var\" [2] is missing");
    rt_scope_end(s);
}

/* An error names tensor and element of a value that no run can begin with. */
static void values_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *said; /* NULL: it is allowed */
        float value;
    } rows[] = {
        {"1.running_mean", NULL, -2},
        {"1.running_var", NULL, 0},
        {"1.running_var",
         "x: \"1.running_var\": element 1 is -0.25, expected a finite number of 0 or more", -0.25f},
        {"1.running_var", "element 1 is nan, expected a finite number of 0 or more", NAN},
        {"1.weight", "x: \"1.weight\": element 1 is inf, expected a finite number", INFINITY},
        {"0.weight", "x: \"0.weight\": element 1 is nan, expected a finite number", NAN},
    };
    rt_scope s = rt_scope_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_module *net = net_of(batch_norm, rt_shape(1, 28, 28));
        rt_f32(rt_nn_find(net, rows[i].tensor))[1] = rows[i].value;
        if (rows[i].said)
            must_refuse(rt__weights_check_values(net, "x"), rows[i].said);
        else
            must(rt__weights_check_values(net, "x"));
    }
    rt_scope_end(s);
}

static void tied_parameters_under_all_their_names_or_one(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = net_of(tied, rt_shape(6));
    must(rt_nn_load(net, FILES "tied.safetensors"));
    expect_outputs(net, "tied");
    must_refuse(rt_nn_load(net, rewritten(FILES "tied.safetensors", "-", "2.weight")),
                "\"0.weight\" and \"2.weight\" differ, but are one tensor here");
    rt_module *other = net_of(tied, rt_shape(6));
    must(rt_nn_load(other, rewritten(FILES "tied.safetensors", "2.weight", "-")));
    expect_outputs(other, "tied");
    rt_scope_end(s);
}

/* The other direction: a saved file has the tensors of the state_dict, bit for bit. */
static void what_is_saved_is_the_state_dict(void **state)
{
    (void)state;
    char path[FOLDER_MAX + 16];
    rt_scope s = rt_scope_begin();
    rt_module *net = net_of(tied, rt_shape(6));
    rt_st_reader *ours, *theirs;
    snprintf(path, sizeof path, "%s/saved", dir);
    must(rt_nn_load(net, FILES "tied.safetensors"));
    must(rt_nn_save(net, path));
    must(rt_st_open(path, &ours));
    must(rt_st_open(FILES "tied.safetensors", &theirs));
    assert_int_equal(rt_st_count(ours), rt_st_count(theirs));
    for (int64_t i = 0; i < rt_st_count(theirs); i++) {
        const rt_st_entry *e = rt_st_at(theirs, i), *o = rt_st_find(ours, e->name);
        assert_non_null(o);
        assert_int_equal(o->bytes, e->bytes);
        assert_memory_equal(o->data, e->data, e->bytes);
    }
    rt_st_close(ours);
    rt_st_close(theirs);
    rt_scope_end(s);
}

static int set_up(void **state)
{
    (void)state;
    return folder_make(dir, "pytorch") ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_norm_with_and_without_its_count),
        cmocka_unit_test(values_that_cannot_be_are_named),
        cmocka_unit_test(tied_parameters_under_all_their_names_or_one),
        cmocka_unit_test(what_is_saved_is_the_state_dict),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
