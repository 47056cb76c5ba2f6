/* Configurations from text, for test programs about them. */
#ifndef RINGTORCH_TESTS_UNIT_COMMON_CONFIGS_H
#define RINGTORCH_TESTS_UNIT_COMMON_CONFIGS_H

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static inline rt_status parse(const char *text, rt_config *c)
{
    return rt_config_parse(text, strlen(text), "x.yaml", c);
}

/* The text must fail with exactly this message. */
static inline void expect_error(const char *text, const char *message)
{
    rt_config c;
    assert_int_equal(parse(text, &c), RT_E_CONFIG);
    assert_string_equal(rt_error(), message);
    assert_null(c.run.name); /* it needs no release */
    rt_error_clear();
}

/* The text must fail with a message that begins like this. */
static inline void expect_error_at(const char *text, const char *beginning)
{
    rt_config c;
    assert_int_equal(parse(text, &c), RT_E_CONFIG);
    if (strncmp(rt_error(), beginning, strlen(beginning)) != 0)
        assert_string_equal(rt_error(), beginning);
    rt_error_clear();
}

static inline void expect_set_error(const char *assignment, const char *message)
{
    rt_config c;
    assert_int_equal(rt_config_default(&c), RT_OK);
    char *before = rt_config_yaml(&c);
    assert_int_equal(rt_config_set(&c, assignment), RT_E_CONFIG);
    assert_string_equal(rt_error(), message);
    rt_error_clear();
    char *after = rt_config_yaml(&c);
    assert_string_equal(before, after);
    rt_mem_free(before);
    rt_mem_free(after);
    rt_config_release(&c);
}

/* Clears the error slot, so that one failed test does not fail the next. */
static inline int clear_error(void **state)
{
    (void)state;
    rt_error_clear();
    return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clear_error)

#endif
