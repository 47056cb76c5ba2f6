/* Which options an ssh gets, and which address of this host leads to another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "launch/jobs/control_address.h"

static void only_what_is_missing_is_added(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"ssh", "ssh -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=5"},
        {"/usr/bin/ssh -F my -o connecttimeout=9",
         "/usr/bin/ssh -F my -o connecttimeout=9 -o BatchMode=yes -o ServerAliveInterval=5"},
        {"ssh -o BatchMode=no -oConnectTimeout=1 -o ServerAliveInterval=2",
         "ssh -o BatchMode=no -oConnectTimeout=1 -o ServerAliveInterval=2"},
        {"rsh -n", "rsh -n"},
        {"ssh : rsh", "ssh : rsh"},
        {"/opt/my-ssh", "/opt/my-ssh"},
    };
    char out[RT__SHELL_TEXT], longest[RT__SHELL_TEXT + 100];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(rt__shell_complete(rows[i][0], out), rows[i][1]);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "ssh ", 4);
    assert_int_equal(strlen(rt__shell_complete(longest, out)), sizeof out - 1);
}

static void an_address_leads_to_its_interface(void **state)
{
    (void)state;
    rt__route own[RT__ROUTES_MOST], r;
    static const rt__shell other = {.word = {"rsh"}, .count = 1, .given = 1};
    int n = rt__routes_own(own);
    assert_false(rt__route_of_bind("nowhere.invalid", &r));
    assert_false(rt__route_of_bind("127.0.0.1", &r)); /* no other host reaches that */
    assert_false(rt__route_find(&other, "nowhere.invalid", &r));
    assert_false(rt__route_find(&other, "127.0.0.1", &r));
    assert_false(rt__host_is_local("192.0.2.77"));
    for (int i = 0; i < n; i++) {
        assert_true(rt__route_of_bind(own[i].address, &r));
        assert_string_equal(r.interface, own[i].interface);
        assert_true(rt__route_of_bind(own[i].interface, &r));
        assert_true(rt__host_is_local(own[i].address));
        assert_true(rt__route_find(&other, own[i].address, &r));
        assert_string_equal(r.address, own[i].address);
        assert_string_equal(r.to, own[i].address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_missing_is_added),
        cmocka_unit_test(an_address_leads_to_its_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
