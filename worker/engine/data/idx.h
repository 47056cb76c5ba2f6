/* Headers of IDX files (http://yann.lecun.com/exdb/mnist): 0, 0, element type, number of
 * dimensions, then each size as a big-endian uint32, then the elements, row-major. Only unsigned
 * bytes (type 8) are read.
 *
 *     int64_t size[3];
 *     RT_TRY(rt__idx_header(src, 3, size));     // then read size[0]*size[1]*size[2] bytes
 */
#ifndef RINGTORCH_ENGINE_DATA_IDX_H
#define RINGTORCH_ENGINE_DATA_IDX_H

#include "worker/engine/data/source.h"

/* Opens `path`, or the same name with ".gz" added or taken off if only that exists; NOTFOUND names
 * both. */
rt_status rt__idx_open(const char *path, rt__source **out);

/* Reads and checks the header of an IDX file of exactly `dims` (1 to 4) dimensions: every size at
 * least 1, and no more elements in all than the file can hold. Text and web pages, which servers send in place of a
 * file, are told apart from damaged data. */
rt_status rt__idx_header(rt__source *s, int dims, int64_t *size);

#endif
