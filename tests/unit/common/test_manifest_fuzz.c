/* Runs tests/fuzz/fuzz_manifest.c on a valid manifest with random changes: of bytes, and of members, which get past the
 * parser. */
#include "../checkpoint_files.h"
#include "tests/fuzz/fuzz_manifest.c"
#include "tests/unit/common/random.h"
#include "tests/unit/engine/mutate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { ROOM = 8192 };

static uint64_t rng;

static json_t *sound(void)
{
    json_t *m = checkpoint_manifest(50);
    json_object_set_new(m, "pieces",
                        json_pack("[{s:s, s:i, s:s}, {s:s, s:i, s:s}]", "file", "a", "bytes", 10,
                                  "checksum", "0", "file", "b", "bytes", 10, "checksum", "1"));
    return m;
}

static int is_accepted(json_t *m)
{
    rt_manifest read;
    assert_int_equal(rt_manifest_seal(m), RT_OK);
    int accepted = rt_manifest_check(m, "m", &read) == RT_OK;
    rt_error_clear();
    return accepted;
}

/* ---- member by member ---- */

static json_t *telling_value(void)
{
    static const char *const texts[] = {"-1",
                                        "0",
                                        "1",
                                        "3",
                                        "4",
                                        "4294967296",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1.5",
                                        "null",
                                        "true",
                                        "\"\"",
                                        "\"b\"",
                                        "\"../b\"",
                                        "\"\\u001b[2J\"",
                                        "[]",
                                        "{}",
                                        "[1]",
                                        "[9223372036854775807,9223372036854775807]"};
    int64_t i = random_below(&rng, sizeof texts / sizeof *texts);
    return json_loads(texts[i], JSON_DECODE_ANY, NULL);
}

static json_int_t nearby(json_int_t n)
{
    json_int_t sum;
    return __builtin_add_overflow(n, random_below(&rng, 9) - 4, &sum) ? n : sum;
}

/* Walks down from j to a random member and changes it there. */
static void change_one(json_t *j)
{
    bool is_list = json_is_array(j);
    size_t n = is_list ? json_array_size(j) : json_object_size(j);
    if (n == 0)
        return;
    size_t at = (size_t)random_below(&rng, (int64_t)n);
    void *iter = json_object_iter(j);
    for (size_t i = 0; !is_list && i < at; i++)
        iter = json_object_iter_next(j, iter);
    json_t *member = is_list ? json_array_get(j, at) : json_object_iter_value(iter);
    bool deeper = json_array_size(member) + json_object_size(member) > 0;
    if (deeper && random_below(&rng, 4) != 0) {
        change_one(member);
        return;
    }
    switch (random_below(&rng, 3)) {
    case 0:
        if (is_list)
            json_array_remove(j, at);
        else
            json_object_del(j, json_object_iter_key(iter));
        break;
    case 1:
        if (is_list)
            json_array_append(j, member);
        else if (json_is_integer(member))
            json_integer_set(member, nearby(json_integer_value(member)));
        break;
    default:
        if (is_list)
            json_array_set_new(j, at, telling_value());
        else
            json_object_set_new(j, json_object_iter_key(iter), telling_value());
    }
}

static void changed_members_are_refused_or_make_sense(void **state)
{
    (void)state;
    int accepted = 0;
    for (int i = 0; i < 20000; i++) {
        json_t *m = sound();
        for (int64_t changes = random_below(&rng, 3); changes >= 0; changes--)
            change_one(m);
        if (random_below(&rng, 2)) { /* so that the layout itself is checked */
            char hex[17];
            const json_t *layout = json_object_get(m, "layout");
            if (layout) {
                checkpoint_hash(layout, hex);
                json_object_set_new(m, "layout_hash", json_string(hex));
            }
            const json_t *preprocessing = json_object_get(m, "preprocessing");
            if (preprocessing && json_is_object(json_object_get(m, "data"))) {
                checkpoint_hash(preprocessing, hex);
                json_object_set_new(json_object_get(m, "data"), "preprocessing", json_string(hex));
            }
        }
        accepted += is_accepted(m);
        char *text = rt_json_text(m);
        LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text));
        rt_mem_free(text);
        json_decref(m);
    }
    assert_in_range(accepted, 100, 19000); /* both outcomes occurred */
}

static void changed_bytes_are_refused_or_make_sense(void **state)
{
    (void)state;
    uint32_t seed = (uint32_t)rng | 1;
    uint8_t damaged[ROOM];
    json_t *m = sound();
    assert_true(is_accepted(m));
    char *text = rt_json_text(m);
    for (int i = 0; i < 20000; i++)
        LLVMFuzzerTestOneInput(
            damaged, mutate(&seed, (const uint8_t *)text, strlen(text), damaged, sizeof damaged));
    rt_mem_free(text);
    json_decref(m);
}

int main(void)
{
    rng = random_seed("test_manifest_fuzz");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_members_are_refused_or_make_sense),
        cmocka_unit_test(changed_bytes_are_refused_or_make_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
