/* Real ssh between the hosts of hosts.h: an sshd on each but the first, with keys that are made for the test, and a
 * configuration for the client. Each of these hosts also has a /tmp of its own, in which only the scratch folder is shared.
 *
 *     if (!sshd_possible())                             // prints why not
 *         skip();
 *     hosts_make(&h, &s, 2);
 *     sshd_begin(&h);                                   // from now on ssh is the remote shell, not the agent
 *     ... ssh reaches h.host[1].name, its address, and "far", which is the last host: Port 2222 and User are in the
 *     configuration ...
 *     sshd_end(&h);                                     // before hosts_remove
 *
 * The names are in an /etc/hosts that only host 0 sees. */
#ifndef RINGTORCH_TESTS_SYSTEM_SSHD_H
#define RINGTORCH_TESTS_SYSTEM_SSHD_H

#include "hosts.h"

bool sshd_possible(void);
void sshd_begin(hosts *h);
/* Starts the sshd of a host that was booted again. */
void sshd_boot(const hosts *h, int i);
void sshd_end(hosts *h);
/* Appends lines to the client's configuration. The first value that ssh finds counts, so they go before all others. */
void sshd_prepend(const hosts *h, const char *lines);

#endif
