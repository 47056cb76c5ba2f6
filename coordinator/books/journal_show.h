/* `ringtorch journal show RUN`, which the launcher hands to this program: shows what a run's coordinator has decided.
 *
 *     return rt__journal_command(argc, argv);      // argv[0] is "journal"; returns the exit code
 *
 * Only reads, so it may be used while the run goes on. */
#ifndef RINGTORCH_COORDINATOR_BOOKS_JOURNAL_SHOW_H
#define RINGTORCH_COORDINATOR_BOOKS_JOURNAL_SHOW_H

int rt__journal_command(int argc, char **argv);

#endif
