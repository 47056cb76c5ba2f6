/* The rows of a test program that share a scratch folder.
 *
 *     const struct CMUnitTest tests[] = {ROW(rank_0_is_killed), ROW(rank_1_is_killed)};
 *     return cmocka_run_group_tests(tests, set_up, tear_down);
 *
 * A row that fails leaves by longjmp, with its run still going and its disks still full. What it has left is ended here,
 * so that the next row meets neither the processes nor the disks nor the clock of another. */
#ifndef RINGTORCH_TESTS_SYSTEM_ROW_H
#define RINGTORCH_TESTS_SYSTEM_ROW_H

#define ROW(f) cmocka_unit_test_teardown(f, row_end)

/* Fails the row if it left processes that did not end by themselves. */
int row_end(void **state);

#endif
