/* The host file names the hosts that workers may run on, one per line: `NAME [slots=N]`; # begins a comment.
 *
 *     rt__host_list h;
 *     RT_TRY(rt__host_list_read("hosts.txt", &h));          // hosts.txt:3:7: what is wrong
 *     RT_TRY(rt__host_list_check_bind(&h, "hosts.txt", cfg.control.bind));
 *     rt__host_list_release(&h);
 *
 *     rt__hosts_file f;                                 // the same, watched
 *     RT_TRY(rt__hosts_file_open(&f, "hosts.txt", cfg.control.bind));
 *     switch (rt__hosts_file_look(&f)) {                // looks once a second
 *     case RT__HOSTS_NEW: use(&f.hosts); break;
 *     case RT__HOSTS_BAD: warn(f.trouble); break;       // f.hosts is unchanged
 *     case RT__HOSTS_SAME: break;
 *     }
 */
#ifndef RINGTORCH_LAUNCH_JOBS_HOSTS_H
#define RINGTORCH_LAUNCH_JOBS_HOSTS_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    RT__HOST_NAME = 256,  /* bytes of a host's name, with the zero */
    RT__HOSTS_FROM = 256, /* bytes that say where a list comes from */
};

typedef struct rt__host_list {
    int64_t count;
    char **name;    /* [count] */
    int64_t *slots; /* [count] how many ranks may run there; 1 if the file does not say */
    int64_t *line;  /* [count] line of the file that names it; 0: no file does */
    int64_t tasks;  /* how many workers the list is meant for; 0: it does not say */
    char from[RT__HOSTS_FROM]; /* "hosts.txt", "Slurm's allocation (job 77)"; "": nobody has said */
} rt__host_list;

/* Parses text. Fails with CONFIG, "path:line:column: what is wrong"; a file without a host and a repeated name are
 * errors. */
rt_status rt__host_list_parse(const char *text, size_t len, const char *path, rt__host_list *out);
rt_status rt__host_list_read(const char *path, rt__host_list *out);
/* Copies the names and slots of a message. */
rt_status rt__host_list_copy(const char *const *name, const int64_t *slots, int64_t count,
                             rt__host_list *out);
/* Adds a host or, if it is listed already, adds to its slots. Fails with CONFIG if it is no host name, with RANGE if there
 * are more hosts or slots than a run may have. */
rt_status rt__host_list_add(rt__host_list *h, const char *name, size_t len, int64_t slots);
void rt__host_list_release(rt__host_list *h);
/* Returns "h0,h1" or, with the slots, "h0:2,h1:1" (rt_mem_free; NULL on failure). */
char *rt__host_list_join(const rt__host_list *h, bool slots);

/* Returns whether `name` is this machine: its name with or without its domain, one of its addresses, or "localhost". */
bool rt__host_is_local(const char *name);
/* Returns whether a name is safe to pass to a remote shell and to mpirun without quoting. */
bool rt__host_is_name(const char *name);
bool rt__host_list_all_local(const rt__host_list *h);
/* Returns how many of `world` ranks run on this host when the slots are filled in order, as mpirun fills them. */
int64_t rt__host_list_local_ranks(const rt__host_list *h, int64_t world);
/* Returns how many of them run on the host that gets the most. */
int64_t rt__host_list_busiest(const rt__host_list *h, int64_t world);
/* Returns how many slots these ranks leave idle, of *all that there are; *hosts is how many hosts get no rank. */
int64_t rt__host_list_idle(const rt__host_list *h, int64_t world, int64_t *all, int64_t *hosts);
/* Returns the listed host that `name`, with or without its domain, means; NULL: none. */
const char *rt__host_list_find(const rt__host_list *h, const char *name);
/* Fails with CONFIG if the other hosts could not reach a coordinator that listens on `bind`; "auto" is never wrong. */
rt_status rt__host_list_check_bind(const rt__host_list *h, const char *path, const char *bind);

/* A host file that may change during a run. */
typedef struct rt__hosts_file {
    const char *path, *bind; /* borrowed */
    rt__host_list hosts;     /* of the newest valid version */
    bool there;              /* the file exists */
    struct timespec changed; /* of the version that we looked at last */
    int64_t size, inode;
    double next_look;
    char trouble[1024]; /* what is wrong with it; "" if nothing is */
} rt__hosts_file;

/* Reads and checks the first version. With an empty path there is no file to watch. */
rt_status rt__hosts_file_open(rt__hosts_file *f, const char *path, const char *bind);
/* Looks at the file once a second. NEW: `hosts` holds a new version. BAD: the file cannot be read or used, and `trouble`
 * says why; returned once for each version. */
typedef enum rt__hosts_news { RT__HOSTS_SAME, RT__HOSTS_NEW, RT__HOSTS_BAD } rt__hosts_news;
rt__hosts_news rt__hosts_file_look(rt__hosts_file *f);
void rt__hosts_file_close(rt__hosts_file *f);

#endif
