/* The host file: where workers may run, a line each, `NAME [slots=N]`, with # for comments.
 *
 *     rt__host_list h;
 *     RT_TRY(rt__host_list_read("hosts.txt", &h));          // hosts.txt:3:7: what is wrong
 *     RT_TRY(rt__host_list_check_bind(&h, "hosts.txt", cfg.control.bind));
 *     rt__host_list_release(&h);
 *
 *     rt__hosts_file f;                                 // the same, watched
 *     RT_TRY(rt__hosts_file_open(&f, "hosts.txt", cfg.control.bind));
 *     switch (rt__hosts_file_look(&f)) {                // when a second has passed
 *     case RT__HOSTS_NEW: use(&f.hosts); break;
 *     case RT__HOSTS_BAD: say(f.trouble); break;        // f.hosts is as before
 *     case RT__HOSTS_SAME: break;
 *     }
 */
#ifndef RINGTORCH_LAUNCH_HOSTS_H
#define RINGTORCH_LAUNCH_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <ringtorch/status.h>

enum { RT__HOST_NAME = 256 }; /* bytes of a host's name, with the zero */

typedef struct rt__host_list {
    int64_t count;
    char **name;    /* [count] */
    int64_t *slots; /* [count] ranks that may run there; 1 unless the file says more */
    int64_t *line;  /* [count] of the file */
} rt__host_list;

/* Parses text; `path` stands in errors, "path:line:column: what is wrong" (CONFIG). A file without
 * a host is refused, as is a name that is given twice. */
rt_status rt__host_list_parse(const char *text, size_t len, const char *path, rt__host_list *out);
rt_status rt__host_list_read(const char *path, rt__host_list *out);
/* Copies names and slots that came in a message. */
rt_status rt__host_list_copy(const char *const *name, const int64_t *slots, int64_t count,
                             rt__host_list *out);
void rt__host_list_release(rt__host_list *h);

/* Returns whether that is this machine: its name with or without its domain, or "localhost". */
bool rt__host_is_local(const char *name);
/* Returns whether a name can be given to a remote shell and to mpirun as it is. */
bool rt__host_is_name(const char *name);
bool rt__host_list_all_local(const rt__host_list *h);
/* Returns how many of `world` ranks run here when the slots are filled in order, as mpirun does. */
int64_t rt__host_list_local_ranks(const rt__host_list *h, int64_t world);
/* Returns how many of them run on the host that has the most. */
int64_t rt__host_list_busiest(const rt__host_list *h, int64_t world);
/* Returns the host somebody else calls `name`, perhaps without its domain; NULL: none. */
const char *rt__host_list_find(const rt__host_list *h, const char *name);
/* CONFIG if other hosts could not reach a coordinator that listens on `bind`. */
rt_status rt__host_list_check_bind(const rt__host_list *h, const char *path, const char *bind);

/* A host file that may change during a run. */
typedef struct rt__hosts_file {
    const char *path, *bind; /* borrowed */
    rt__host_list hosts;     /* the newest good version */
    bool there;
    struct timespec changed; /* of the version looked at last */
    int64_t size, inode;
    double next_look;
    char trouble[1024]; /* what is wrong with it; "" if nothing is */
} rt__hosts_file;

/* Reads and checks the first version. path "": there is none, and there never will be. */
rt_status rt__hosts_file_open(rt__hosts_file *f, const char *path, const char *bind);
/* Looks once a second. NEW: `hosts` holds a new version; BAD: the file cannot be read or used,
 * `trouble` says why, told once for each version. */
typedef enum rt__hosts_news { RT__HOSTS_SAME, RT__HOSTS_NEW, RT__HOSTS_BAD } rt__hosts_news;
rt__hosts_news rt__hosts_file_look(rt__hosts_file *f);
void rt__hosts_file_close(rt__hosts_file *f);

#endif
