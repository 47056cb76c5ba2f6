/* Where to listen, as users write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/control/bind_address.h"

static void addresses_interfaces_and_names_are_understood(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"127.0.0.1", "127.0.0.1"},
                                          {"10.77.0.1", "10.77.0.1"},
                                          {"*", "*"},
                                          {"lo", "lo"},
                                          {"localhost", "127.0.0.1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char address[RT_ADDRESS];
        assert_int_equal(rt_bind_address(rows[i][0], address), RT_OK);
        assert_string_equal(address, rows[i][1]);
    }
}

static void other_addresses_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const rows[] = {"no.such.host.invalid", "", "10.0.0.256.1", "eth 0"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char address[RT_ADDRESS], start[64];
        assert_int_equal(rt_bind_address(rows[i], address), RT_E_CONFIG);
        snprintf(start, sizeof start, "control.bind: '%s' is not an address", rows[i]);
        assert_int_equal(strncmp(rt_error(), start, strlen(start)), 0);
        rt_error_clear();
    }
}

static void ipv6_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const rows[] = {"::1", "[::1]", "fe80::1"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char address[RT_ADDRESS];
        assert_int_equal(rt_bind_address(rows[i], address), RT_E_CONFIG);
        assert_non_null(strstr(rt_error(), "is an IPv6 address"));
        rt_error_clear();
    }
}

static void lists_are_taken_apart(void **state)
{
    (void)state;
    static const char *const rows[][3] = {{"10.0.0.1", "10.0.0.1"},
                                          {"10.0.0.1,172.17.0.1", "10.0.0.1", "172.17.0.1"},
                                          {"10.0.0.1,", "10.0.0.1"},
                                          {""},
                                          {NULL}};
    char address[RT_ADDRESS], endpoint[RT_ENDPOINT], longest[400];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *list = rows[i][0];
        for (int k = 1; k < 3 && rows[i][k]; k++) {
            assert_true(rt_address_next(&list, address));
            assert_string_equal(address, rows[i][k]);
        }
        assert_false(rt_address_next(&list, address));
    }
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *list = longest;
    assert_true(rt_address_next(&list, address)); /* without writing beyond it */
    assert_int_equal(strlen(address), RT_ADDRESS - 1);
    rt_endpoint_of("10.0.0.1", "tcp://127.0.0.1:4711", endpoint);
    assert_string_equal(endpoint, "tcp://10.0.0.1:4711");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_interfaces_and_names_are_understood),
        cmocka_unit_test(other_addresses_are_refused_by_name),
        cmocka_unit_test(ipv6_is_refused_by_name),
        cmocka_unit_test(lists_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
