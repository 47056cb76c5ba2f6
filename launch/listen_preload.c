/* Preloaded into mpirun, so that it listens only on the address in RINGTORCH_LISTEN: loopback in a run on one host, else the
 * one that the coordinator listens on. Open MPI 4.1 cannot be told to: its out-of-band channel binds to every address,
 * whatever oob_tcp_if_include says (oob_tcp_listener.c, create_listen), though only its own daemons on other hosts ever
 * connect to it.
 *
 * The launcher puts this library first in LD_PRELOAD. mpirun takes it out again for the processes that it starts. */
#undef _GNU_SOURCE /* with it the C library declares bind() with a union for its second argument */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char *program_invocation_short_name;
int bind(int fd, const struct sockaddr *address, socklen_t size);

static bool is_mpirun(void)
{
    static const char *const names[] = {"mpi", "orte", "prte"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(program_invocation_short_name, names[i], strlen(names[i])) == 0)
            return true;
    return false; /* a script around it: what it becomes needs this library, too */
}

__attribute__((constructor)) static void leave_the_children_alone(void)
{
    const char *list = getenv("LD_PRELOAD"), *more = list ? strchr(list, ':') : NULL;
    if (!is_mpirun())
        return;
    if (more)
        setenv("LD_PRELOAD", more + 1, 1);
    else
        unsetenv("LD_PRELOAD");
}

static int really_bind(int fd, const void *address, socklen_t size)
{
    return (int)syscall(SYS_bind, fd, address, size);
}

/* Where there is no such address (IPv6 may be off on loopback), the call is carried out as it was meant. */
int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (address->sa_family == AF_INET && size == sizeof four) {
        memcpy(&four, address, sizeof four);
        const char *wanted = getenv("RINGTORCH_LISTEN");
        if (four.sin_addr.s_addr == htonl(INADDR_ANY) && wanted &&
            inet_pton(AF_INET, wanted, &four.sin_addr) == 1) {
            return really_bind(fd, &four, size);
        }
    }
    if (address->sa_family == AF_INET6 && size == sizeof six) {
        memcpy(&six, address, sizeof six);
        if (memcmp(&six.sin6_addr, &in6addr_any, sizeof in6addr_any) == 0) {
            six.sin6_addr = in6addr_loopback;
            if (really_bind(fd, &six, size) == 0)
                return 0;
        }
    }
    return really_bind(fd, address, size);
}
