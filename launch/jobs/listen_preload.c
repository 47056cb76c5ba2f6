/* Preloaded into mpirun, so that it listens only on the address in RINGTORCH_LISTEN: loopback in a run on one host, else the
 * address that the coordinator listens on. Open MPI 4.1 and 5.0 have no setting for that: their out-of-band channel binds to
 * every address, whatever oob_tcp_if_include and prte_if_include say (oob_tcp_listener.c, create_listen), though only their
 * own daemons on other hosts ever connect to it.
 *
 * The launcher puts this library first in LD_PRELOAD. Inside mpirun it removes itself from there, so that ranks do not load
 * it. */
#undef _GNU_SOURCE /* with it the C library declares bind() with a union for its second argument */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int bind(int fd, const struct sockaddr *address, socklen_t size);

/* Returns whether this process starts the ranks, and is not a script or program that executes the one that does. mpirun is
 * another name of orterun in version 4; in version 5 it executes prterun, which needs this library, too. */
static bool starts_ranks(void)
{
    static const char *const names[] = {"orte", "prte"};
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; slash && i < sizeof names / sizeof *names; i++)
        if (strncmp(slash + 1, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

__attribute__((constructor)) static void remove_from_preload(void)
{
    const char *list = getenv("LD_PRELOAD"), *more = list ? strchr(list, ':') : NULL;
    if (!starts_ranks())
        return;
    if (more)
        setenv("LD_PRELOAD", more + 1, 1);
    else
        unsetenv("LD_PRELOAD");
}

static int call_bind(int fd, const void *address, socklen_t size)
{
    return (int)syscall(SYS_bind, fd, address, size);
}

/* If the address does not exist (loopback may have no IPv6), binds as the caller asked. */
int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (address->sa_family == AF_INET && size == sizeof four) {
        memcpy(&four, address, sizeof four);
        const char *wanted = getenv("RINGTORCH_LISTEN");
        if (four.sin_addr.s_addr == htonl(INADDR_ANY) && wanted &&
            inet_pton(AF_INET, wanted, &four.sin_addr) == 1) {
            return call_bind(fd, &four, size);
        }
    }
    if (address->sa_family == AF_INET6 && size == sizeof six) {
        memcpy(&six, address, sizeof six);
        if (memcmp(&six.sin6_addr, &in6addr_any, sizeof in6addr_any) == 0) {
            six.sin6_addr = in6addr_loopback;
            if (call_bind(fd, &six, size) == 0)
                return 0;
        }
    }
    return call_bind(fd, address, size);
}
