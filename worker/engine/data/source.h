/* A file read front to back. If it is gzip (told by its first bytes), what comes out is its
 * content.
 *
 *     rt__source *s;
 *     RT_TRY(rt__source_open("t10k-labels-idx1-ubyte.gz", &s));
 *     status = rt__source_read(s, header, 8);             // exactly 8 bytes, or an error
 *     if (status == RT_OK) status = rt__source_end(s);    // nothing may follow; checks gzip's CRC
 *     rt__source_close(s);
 *
 * Bytes are inflated straight into the caller's memory. Errors name the file and the byte. */
#ifndef RINGTORCH_ENGINE_DATA_SOURCE_H
#define RINGTORCH_ENGINE_DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/file.h"

typedef struct rt__source rt__source;

/* Opens a regular file. Fails (NOTFOUND, IO, ARG) and names the path. */
rt_status rt__source_open(const char *path, rt__source **out);
/* The path that was opened, for errors; borrowed. */
const char *rt__source_path(const rt__source *s);
/* Before anything is read: does the file begin as text does, and no data set would? *web_page: as HTML or XML. */
bool rt__source_looks_like_text(const rt__source *s, bool *web_page);
/* Returns more bytes than the file could hold even if it is gzip of the most compressible data
 * there is: what a header claims beyond that is a lie, found before memory is allocated for it. */
uint64_t rt__source_bound(const rt__source *s);
/* Reads exactly n bytes; CORRUPT if the content ends before that or the gzip stream is damaged. */
rt_status rt__source_read(rt__source *s, void *to, size_t n);
/* Reads all of a file, at most `limit` bytes of content (RANGE beyond), and checks gzip's checksum. */
rt_status rt__source_read_file(const char *path, size_t limit, rt_bytes *out);
/* Checks that the content ends here and that its checksum is right. */
rt_status rt__source_end(rt__source *s);
/* NULL is fine. */
void rt__source_close(rt__source *s);

#endif
