/* Several hosts on one machine. Each has its own network, name, processes and shared memory (Linux namespaces); they are
 * joined by a switch that nothing else is connected to, and share their files. This needs root, and ip, iptables and
 * nsenter.
 *
 *     if (!hosts_possible())                            // prints why not
 *         skip();
 *     hosts h;
 *     hosts_make(&h, &s, 2);                            // h.host[0], h.host[1]
 *     command c = start_on_host(&h, "ringtorch", "train", config, "--hostfile",
 *                               host_file(&h, (int[]){1, 1}), "--set", h.bind, NULL);
 *     hosts_cut_off(&h, 1);                             // no packet goes in or out
 *     hosts_reconnect(&h, 1);
 *     hosts_kill(&h, 1);                                // as if the power failed
 *     hosts_boot(&h, 1);
 *     result r = finish(c, 60);
 *     hosts_remove(&h);
 *
 * Everything disappears with the process that made it, however that ends. The remote shell of mpirun and ringtorch
 * (OMPI_MCA_plm_rsh_agent) enters a host as ssh would: with little of our environment, and not as our descendant. */
#ifndef RINGTORCH_TESTS_SYSTEM_HOSTS_H
#define RINGTORCH_TESTS_SYSTEM_HOSTS_H

#include "command.h"

enum { HOSTS_MAX = 4 };

typedef struct host {
    char name[32], address[32];
    pid_t keeper; /* our child: the first process of the host, or its parent */
    pid_t inside; /* a process in the host's namespaces; 0: the host is down */
} host;

typedef struct hosts {
    const scratch *scratch;
    char agent[128];
    char bind[64]; /* "control.bind=<address of host 0>" */
    pid_t network; /* the switch */
    int count, ports;
    host host[HOSTS_MAX]; /* commands start on the first, which shares our process numbers */
} hosts;

/* Returns whether hosts can be made here; prints why not. */
bool hosts_possible(void);
void hosts_make(hosts *h, const scratch *s, int count);
void hosts_remove(hosts *h);

/* Writes a host file with so many slots for each host, in order; a host with 0 slots is omitted. Returns its path (as
 * in_scratch). */
const char *host_file(const hosts *h, const int *slots);
/* Starts a program of build/bin on host 0; arguments end with NULL. */
command start_on_host(const hosts *h, const char *program, ...) __attribute__((sentinel));

void hosts_cut_off(hosts *h, int i);
void hosts_reconnect(hosts *h, int i);
void hosts_kill(hosts *h, int i);
void hosts_boot(hosts *h, int i);
/* Runs a shell command on a host and returns what it printed; release it with result_release. */
result run_on_host(const hosts *h, int i, const char *command);

#endif
