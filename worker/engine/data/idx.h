/* Headers of IDX files (http://yann.lecun.com/exdb/mnist): 0, 0, element type, number of dimensions, then each size
 * as a big-endian uint32. The elements follow, row-major.
 *
 *     int64_t size[3];
 *     RT_TRY(rt__idx_header(src, 3, size));     // then read size[0]*size[1]*size[2] bytes
 */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_IDX_H
#define RINGTORCH_WORKER_ENGINE_DATA_IDX_H

#include "worker/engine/data/source.h"

/* Opens `path`, or the same name with ".gz" added or removed if only that exists; NOTFOUND names both. */
rt_status rt__idx_open(const char *path, rt__source **out);

enum { RT__IDX_UINT8 = 0x08, RT__IDX_INT32 = 0x0c, RT__IDX_DIMS_MAX = 4 };

/* Reads and checks the header of an IDX file of unsigned bytes with exactly `dims` (1 to 4) dimensions: every size
 * must be at least 1, and the total must fit in the file. Errors distinguish damaged data from text and web pages,
 * which servers send in place of a file. */
rt_status rt__idx_header(rt__source *s, int dims, int64_t *size);

/* The same in two steps, for a file that may be of several kinds: first the magic number (element type << 8 |
 * dimensions) ... */
rt_status rt__idx_magic(rt__source *s, uint32_t *magic);
/* ... and then, if it is acceptable, the sizes that it announces. */
rt_status rt__idx_sizes(rt__source *s, uint32_t magic, int64_t *size);
/* Fails with FORMAT and says what was found and what was expected. */
rt_status rt__idx_wrong_magic(const rt__source *s, uint32_t magic, uint32_t expected);

uint32_t rt__big_endian(const uint8_t *b);

#endif
