/* A file read from front to back. A gzip file (recognised by its first bytes) is decompressed on the way.
 *
 *     rt__source *s;
 *     RT_TRY(rt__source_open("t10k-labels-idx1-ubyte.gz", &s));
 *     status = rt__source_read(s, header, 8);             // exactly 8 bytes, or an error
 *     if (status == RT_OK) status = rt__source_end(s);    // nothing may follow; checks gzip's CRC
 *     rt__source_close(s);
 *
 * Bytes are inflated straight into the caller's memory. Errors name the file and the byte. */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_SOURCE_H
#define RINGTORCH_WORKER_ENGINE_DATA_SOURCE_H

#include "common/base/file.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt__source rt__source;

/* Opens a regular file. Fails with NOTFOUND, IO or ARG and names the path. */
rt_status rt__source_open(const char *path, rt__source **out);
/* Returns the path that was opened, for messages; borrowed. */
const char *rt__source_path(const rt__source *s);
/* Before anything is read: returns whether the file begins like text, unlike any data file. *web_page: like HTML
 * or XML. */
bool rt__source_looks_like_text(const rt__source *s, bool *web_page);
/* Returns an upper bound of the content's bytes, even if the file is maximally compressed gzip. A header that
 * claims more is refused before memory is allocated for it. */
uint64_t rt__source_bound(const rt__source *s);
/* Reads exactly n bytes; CORRUPT if the content ends too early or the gzip stream is damaged. */
rt_status rt__source_read(rt__source *s, void *to, size_t n);
/* Reads a whole file of at most `limit` bytes of content (RANGE if more), and checks gzip's checksum. */
rt_status rt__source_read_file(const char *path, size_t limit, rt_bytes *out);
/* Fails unless the content ends here and its checksum is right. */
rt_status rt__source_end(rt__source *s);
/* s may be NULL. */
void rt__source_close(rt__source *s);

#endif
