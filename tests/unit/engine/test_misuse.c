/* Tests how public functions treat missing or wrong arguments (the rows of misuse.def), freed objects, and
 * modules that cannot exist. */
#include "check.h"

#include "worker/engine/base/debug.h"
#include "worker/engine/ops/ops.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const rt_object_type stranger_type = {.name = "stranger"};

static rt_object *stranger(void)
{
    return rt__object_new(&stranger_type, 512);
}

/* ---- functions that rows pass ---- */

static rt_tensor *leaves_it(rt_tensor *dy, void *context)
{
    (void)context;
    return dy;
}

static void makes_nothing(rt_tensor *const *in, rt_tensor **out, void *context)
{
    (void)in, (void)out, (void)context;
}

/* ---- the table ---- */

typedef enum row_kind { OBJECT_ROW, LOOK_ROW, OTHER_ROW, FINE_ROW, NONE_ROW } row_kind;

typedef struct row {
    row_kind kind;
    const char *function, *says;
    void (*call)(void *n, rt_tensor *x, rt_module *m);
} row;

#define GLUE_(a, b) a##b
#define GLUE(a, b)  GLUE_(a, b)

#define CALL(call)                                                                                 \
    static void GLUE(row_, __LINE__)(void *n, rt_tensor *x, rt_module *m)                          \
    {                                                                                              \
        (void)n;                                                                                   \
        (void)x;                                                                                   \
        (void)m;                                                                                   \
        (void)(call);                                                                              \
    }
#define OBJECT(function, call, says) CALL(call)
#define LOOK(function, call)         CALL(call)
#define OTHER(function, call, says)  CALL(call)
#define FINE(function, call)         CALL(call)
#define NONE(function)
#include "misuse.def"
#undef OBJECT
#undef LOOK
#undef OTHER
#undef FINE
#undef NONE

/* Calls of operations with one, two and three tensors, for the table that defines them. */
#define CALL_WITH(row, i, call)                                                                    \
    static void row##_##i(void *n, rt_tensor *x, rt_module *m)                                     \
    {                                                                                              \
        (void)x;                                                                                   \
        (void)m;                                                                                   \
        call;                                                                                      \
    }
#define ONE(row, function) CALL_WITH(row, 1, function(n))
#define TWO(row, function) CALL_WITH(row, 1, function(n, x)) CALL_WITH(row, 2, function(x, n))
#define THREE(row, function)                                                                       \
    CALL_WITH(row, 1, function(n, x, x))                                                           \
    CALL_WITH(row, 2, function(x, n, x)) CALL_WITH(row, 3, function(x, x, n))
#define UNARY(name, ...)          ONE(name, rt_##name) ONE(name##_inplace, rt_##name##_inplace)
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      UNARY(name)
#define PARAMETRIC_OPS(name, ...) UNARY(name)
#define BINARY(name, ...)         TWO(name, rt_##name) TWO(name##_inplace, rt_##name##_inplace)
#define TERNARY(name, ...)        THREE(name, rt_##name) THREE(name##_inplace, rt_##name##_inplace)
#define COMPARE(name, f)          TWO(name, rt_##name)
#define BITWISE(name, ...)        BINARY(name)
#define PREDICATE(name, ...)      ONE(name, rt_##name)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef BITWISE
#undef COMPARE
#undef PREDICATE

static const row rows[] = {
#define OBJECT(function, call, says) {OBJECT_ROW, #function, says, GLUE(row_, __LINE__)},
#define LOOK(function, call)         {LOOK_ROW, #function, "", GLUE(row_, __LINE__)},
#define OTHER(function, call, says)  {OTHER_ROW, #function, says, GLUE(row_, __LINE__)},
#define FINE(function, call)         {FINE_ROW, #function, "", GLUE(row_, __LINE__)},
#define NONE(function)               {NONE_ROW, #function, "", NULL},
#include "misuse.def"
#undef OBJECT
#undef LOOK
#undef OTHER
#undef FINE
#undef NONE
#define ROW(row, i, function, name) {OBJECT_ROW, function, name ": argument " #i " ", row##_##i},
#define UNARY(name, ...)                                                                           \
    ROW(name, 1, "rt_" #name, #name)                                                               \
    ROW(name##_inplace, 1, "rt_" #name "_inplace", #name)
#define PARAMETRIC(name, ...)                                                                      \
    ROW(name, 1, "rt_" #name "_", #name)                                                           \
    ROW(name##_inplace, 1, "rt_" #name "_inplace_", #name)
#define UNARY_OPS(name, ...)      UNARY(name)
#define PARAMETRIC_OPS(name, ...) PARAMETRIC(name)
#define COMPARE(name, f)          ROW(name, 1, "rt_" #name, #name) ROW(name, 2, "rt_" #name, #name)
#define BINARY(name, ...)                                                                          \
    COMPARE(name, )                                                                                \
    ROW(name##_inplace, 1, "rt_" #name "_inplace", #name)                                          \
    ROW(name##_inplace, 2, "rt_" #name "_inplace", #name)
#define BITWISE(name, ...)   BINARY(name)
#define PREDICATE(name, ...) ROW(name, 1, "rt_" #name, #name)
#define TERNARY(name, ...)                                                                         \
    PARAMETRIC(name)                                                                               \
    ROW(name, 2, "rt_" #name "_", #name)                                                           \
    ROW(name, 3, "rt_" #name "_", #name)                                                           \
    ROW(name##_inplace, 2, "rt_" #name "_inplace_", #name)                                         \
    ROW(name##_inplace, 3, "rt_" #name "_inplace_", #name)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef BITWISE
#undef COMPARE
#undef PREDICATE
};

/* ---- the rows ---- */

static void call_row(const row *r, void *n)
{
    rt_tensor *x = rt_ones(rt_shape(2, 3));
    rt_module *m = rt_nn_sequential(rt_nn_relu());
    assert_fine();
    r->call(n, x, m);
}

static void must_fail(const row *r, const char *with, const char *says)
{
    if (rt_error_code() != RT_E_ARG || strncmp(rt_error(), r->says, strlen(r->says)) != 0 ||
        !strstr(rt_error(), says))
        fail_msg("%s with %s: %s \"%s\", expected ARG \"%s...%s\"", r->function, with,
                 rt_status_name(rt_error_code()), rt_error(), r->says, says);
    rt_error_clear();
}

static void check_row(const row *r)
{
    if (r->kind == NONE_ROW)
        return;
    call_row(r, NULL);
    if (r->kind == FINE_ROW || r->kind == LOOK_ROW)
        assert_fine();
    else
        must_fail(r, "NULL", "");
    if (r->kind != OBJECT_ROW && r->kind != LOOK_ROW)
        return;
    call_row(r, stranger());
    must_fail(r, "another object", "of type stranger, expected ");
    rt__debug = true;
    rt_object *gone = rt__object_make(&stranger_type, 512);
    rt_free(gone);
    call_row(r, gone);
    rt__debug = false;
    must_fail(r, "a freed object", "stranger that was freed before, at ");
}

static void every_row(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(rows); i++) {
        rt_scope s = rt_scope_begin();
        check_row(&rows[i]);
        rt_scope_end(s);
    }
    rt__debug_release();
}

/* ---- no function without a row ---- */

static char *read_header(const char *folder, const char *name)
{
    static char text[65536];
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_in_range(n, 1, sizeof text - 2);
    text[n] = 0;
    return text;
}

/* Blanks comments and preprocessor lines, which hold examples and macros. */
static void blank_the_rest(char *s)
{
    for (char *end; (s = strpbrk(s, "/#")); s = end) {
        if (s[0] == '/' && s[1] != '*') {
            end = s + 1;
            continue;
        }
        end = *s == '/' ? strstr(s, "*/") + 2 : strchr(s, '\n');
        while (*s == '#' && end[-1] == '\\')
            end = strchr(end + 1, '\n');
        memset(s, ' ', (size_t)(end - s));
    }
}

static bool has_row(const char *name)
{
    for (int i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].function, name) == 0)
            return true;
    return false;
}

/* Checks every "rt_name(arguments);" in the text. Returns how many take a pointer or a struct. */
static int check_prototypes(const char *header, char *s)
{
    int found = 0;
    while ((s = strstr(s, "rt_"))) {
        char name[64];
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
        char *open = s + n, *end = strpbrk(open, ";{");
        if (*open == '(' && end && *end == ';' && end[-1] == ')') {
            assert_in_range(n, 1, sizeof name - 1);
            snprintf(name, sizeof name, "%.*s", (int)n, s);
            *end = 0;
            bool takes = strchr(open, '*') || strstr(open, "_args ");
            *end = ';';
            if (takes && !has_row(name))
                fail_msg("%s: %s has no row in misuse.def", header, name);
            found += takes;
            open = end;
        }
        s = open;
    }
    return found;
}

/* Returns how many functions of a folder's headers take a pointer or a struct. */
static int check_headers(const char *folder)
{
    int found = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".h") != 0)
            continue;
        char *text = read_header(folder, e->d_name);
        blank_the_rest(text);
        found += check_prototypes(e->d_name, text);
    }
    closedir(dir);
    return found;
}

/* The expected numbers are a little lower than the counts at the time of writing, to show that the searches
 * find something. */
static void every_function_has_a_row(void **state)
{
    (void)state;
    assert_in_range(check_headers(RT_TEST_SOURCE_DIR "/include/ringtorch"), 130, 1000);
    assert_in_range(check_headers(RT_TEST_SOURCE_DIR "/include/ringtorch/ops"), 130, 1000);
}

/* ---- modules that cannot be ---- */

static rt_tensor *give_nothing(rt_module *m, rt_tensor *x)
{
    (void)m;
    (void)x;
    return NULL;
}

static void impossible_modules_are_refused(void **state)
{
    (void)state;
    static const rt_module_type small = {"small", sizeof(rt_module) - 1, give_nothing, NULL};
    static const rt_module_type silent = {"silent", sizeof(rt_module), give_nothing, NULL};
    static const rt_module_type idle = {"idle", sizeof(rt_module), NULL, NULL};
    assert_null(rt_nn_new(&small));
    char expected[128];
    snprintf(expected, sizeof expected,
             "nn_new: type small has size %zu: expected that of its struct, which starts with an "
             "rt_module of %zu bytes",
             sizeof(rt_module) - 1, sizeof(rt_module));
    assert_error(ARG, expected);
    assert_null(rt_forward(rt_nn_new(&silent), rt_ones(rt_shape(1))));
    assert_error(ARG, "forward: silent returned no tensor (NULL)");
    assert_null(rt_forward(rt_nn_new(&idle), rt_ones(rt_shape(1))));
    assert_error(ARG, "forward: idle has no forward function");
    rt_module *inner = rt_nn_new(&idle), *outer = rt_nn_new(&idle);
    assert_null(rt_nn_child(inner, "me", inner));
    assert_error(ARG, "idle: \"me\": a module cannot be part of itself");
    assert_non_null(rt_nn_child(outer, "inner", inner));
    assert_null(rt_nn_child(inner, "outer", outer)); /* through another module */
    assert_error(ARG, "idle: \"outer\": a module cannot be part of itself");
    assert_int_equal(rt_nn_param_count(outer), 0);
}

/* ---- RT_DEBUG ---- */

static void must_say(const char *begin, const char *part)
{
    if (rt_error_code() != RT_E_ARG || strncmp(rt_error(), begin, strlen(begin)) != 0 ||
        !strstr(rt_error(), part))
        fail_msg("\"%s\", expected \"%s...%s\"", rt_error(), begin, part);
    rt_error_clear();
}

/* Without RT_DEBUG each of these mistakes is silent, or causes a crash later. */
static void freed_objects_are_named(void **state)
{
    (void)state;
    rt__debug = true;
    rt_tensor *kept = rt_keep(rt_ones(rt_shape(2)));
    rt_scope s = rt_scope_begin();
    rt_tensor *inner = rt_ones(rt_shape(2));
    rt_scope_end(s);
    assert_null(rt_add(kept, inner));
    must_say("add: argument 2 is a tensor that was freed before, at ", "test_misuse+0x");
    assert_true(rt_item(inner) != rt_item(inner)); /* NaN */
    must_say("item: argument 1 is a tensor that was freed before, at ", "addr2line -e ");
    rt_free(inner);
    must_say("free: a tensor that was freed before, at ", "test_misuse+0x");
    assert_null(rt_keep(inner));
    must_say("keep: a tensor that was freed before, at ", "test_misuse+0x");

    s = rt_scope_begin();
    rt_free(rt_ones(rt_shape(2))); /* the scope still owns it */
    rt_scope_end(s);
    must_say("scope_end: a tensor that was freed before, at ", "test_misuse+0x");

    rt_tensor *x = rt_param(rt_ones(rt_shape(2)));
    s = rt_scope_begin();
    rt_tensor *of_graph = rt_mul_scalar(x, 2), *last = rt_keep(rt_add_scalar(of_graph, 1));
    rt_scope_end(s);
    rt_free(of_graph);
    must_say("free: a tensor that was freed before and that only the graph", "still owns");
    rt_backward(rt_sum(last)); /* and the graph still holds it */
    assert_fine();
    rt_free(last);
    rt_free(x);

    void *no_object[64] = {no_object};
    rt_free(no_object);
    must_say("free: 0x", "is no object of this library");
    rt_free(kept);
    rt__debug = false;
}

/* Freed objects stay in quarantine, but not for ever, and their values are freed at once. */
static void what_waits_is_bounded(void **state)
{
    (void)state;
    enum { MANY = 100000, LARGE = 1 << 20 };
    rt_tensor *first = NULL;
    rt__debug = true;
    int64_t live = rt_live_objects(), used = rt_memory().bytes_used;
    for (int i = 0; i < MANY; i++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *x = rt_empty(rt_shape(i % 1000 ? 1 : LARGE));
        first = first ? first : x;
        rt_scope_end(s);
    }
    assert_int_equal(rt_live_objects(), live);
    assert_in_range(rt_memory().bytes_used - used, 1, 64 << 20);
    rt__debug_release();
    rt__debug = false;
    assert_in_range(rt_memory().bytes_used, 0, used + (1 << 20));
}

/* The engine itself misuses no object: runs training steps with checks on. */
static void the_engine_makes_no_such_mistake(void **state)
{
    (void)state;
    rt__debug = true;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_sequential(rt_nn_conv2d(1, 4, 3, .padding = RT_NN_SAME), rt_nn_relu(),
                                      rt_nn_max_pool2d(2), rt_nn_flatten(), rt_nn_dropout(0.2),
                                      rt_nn_linear(4 * 9, 3));
    rt_dataset *d = rt_data_tensors({"x", rt_randn(rt_shape(10, 1, 6, 6))},
                                    {"y", rt_randint(rt_shape(10), 0, 3), .classes = 3});
    rt_loader *l = rt_data_loader(d, .batch = 4, .shuffle = true);
    rt_optim *o = rt_optim_adamw(net), *second = rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9);
    rt_batch b;
    for (int i = 0; i < 12; i++) {
        rt_scope step = rt_scope_begin();
        if (rt_data_next(l, &b)) {
            rt_tensor *x = rt_param(rt_batch_field(&b, "x")), *dx;
            rt_tensor *loss = rt_cross_entropy(rt_forward(net, x), rt_batch_field(&b, "y"));
            rt_grad(loss, &x, 1, &dx, .create_graph = true);
            rt_backward(rt_add(loss, rt_sum(rt_square(dx))));
            rt_optim_step(second);
            rt_free(x);
        }
        rt_scope_end(step);
    }
    assert_fine();
    assert_true(rt_optim_updates(second) > 0 && rt_optim_updates(o) == 0);
    rt_scope_end(s);
    rt__debug_release();
    rt__debug = false;
}

/* Runs this program again under another name, with RT_DEBUG set. */
static void the_environment_turns_it_on(void **state)
{
    (void)state;
    const struct {
        const char *environment, *mistake, *says;
    } runs[] = {{"RT_DEBUG=1", "twice", "ringtorch: free: a tensor that was freed before"},
                {"RT_DEBUG=1", "owned", "ringtorch: scope_end: a tensor that was freed before"},
                {"RT_DEBUG=0", "twice", "off"},
                {"RT_DEBUG=", "twice", "off"},
                {"NOTHING=1", "twice", "off"}};
    char self[512] = "", command[600], said[512];
    assert_in_range(readlink("/proc/self/exe", self, sizeof self - 1), 1, sizeof self - 1);
    for (int i = 0; i < COUNT(runs); i++) {
        snprintf(command, sizeof command, "env -u RT_DEBUG %s '%s' %s 2>&1", runs[i].environment,
                 self, runs[i].mistake);
        FILE *f = popen(command, "r");
        assert_non_null(f);
        size_t n = fread(said, 1, sizeof said - 1, f);
        said[n] = 0;
        assert_int_not_equal(pclose(f), -1);
        if (!strstr(said, runs[i].says))
            fail_msg("%s: \"%s\", expected \"%s\"", runs[i].environment, said, runs[i].says);
    }
}

/* Makes a mistake with a tensor, as a program of its own; the check must notice it. */
static int err(const char *mistake)
{
    if (!rt__debug) {
        puts("off");
        return 0;
    }
    rt_tensor *x = rt_ones(rt_shape(2));
    rt_free(x); /* wrong: the scope will free it again */
    if (strcmp(mistake, "twice") == 0)
        rt_free(x);
    return rt_shutdown();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return err(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(every_row),
        TEST(every_function_has_a_row),
        TEST(impossible_modules_are_refused),
        TEST(freed_objects_are_named),
        TEST(what_waits_is_bounded),
        TEST(the_engine_makes_no_such_mistake),
        TEST(the_environment_turns_it_on),
    };
    int failed = cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
