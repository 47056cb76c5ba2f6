/* Reading safetensors files (https://github.com/huggingface/safetensors, version 0.4); formats.h writes
 * them.
 *
 *     float data[] = {1, 2, 3, 4};
 *     rt_st_writer *w;
 *     rt_st_create("weights.safetensors", &w);
 *     rt_st_add(w, "0.weight", RT_F32, rt_shape(2, 2), data);
 *     rt_st_finish(w, NULL, NULL);
 *
 *     rt_st_reader *r;
 *     if (rt_st_open("weights.safetensors", &r) != RT_OK)   // maps the file and checks its whole header
 *         return rt_shutdown();
 *     const rt_st_entry *e = rt_st_find(r, "0.weight");
 *     printf("%s %s\n", rt_dtype_name(e->dtype), rt_dims_text(e->shape));   // float32 [2,2]
 *     rt_st_close(r);
 *
 * Malformed files, also hostile ones, are refused with a message that names the file and the byte: a
 * wrong header length, duplicate names, offsets that overlap, leave gaps or pass the end, shapes that
 * overflow or do not match the byte count, bools that are neither 0 nor 1.
 *
 * Lifetime: entries, names and data are borrowed from the reader until rt_st_close. */
#ifndef RINGTORCH_SAFETENSORS_H
#define RINGTORCH_SAFETENSORS_H

#include <ringtorch/dims.h>
#include <ringtorch/dtype.h>
#include <ringtorch/status.h>

RT_BEGIN_DECLS

/* A tensor in a file. */
typedef struct rt_st_entry {
    const char *name; /* of the tensor */
    rt_dtype dtype;   /* the type of its elements */
    rt_dims shape;    /* its shape */
    const void *data; /* in the mapped file, unaligned; borrowed until rt_st_close */
    size_t bytes;     /* the size of data */
} rt_st_entry;

/* An open file. */
typedef struct rt_st_reader rt_st_reader;
/* Maps a file and checks its whole header and its bools. Fails with NOTFOUND, CORRUPT or FORMAT,
 * and names the byte. Free the reader with rt_st_close. */
RT_API rt_status rt_st_open(const char *path, rt_st_reader **out);
/* Unmaps the file and frees the reader. NULL is allowed. */
RT_API void rt_st_close(rt_st_reader *r);
/* Returns the number of tensors in the file. */
RT_API int64_t rt_st_count(const rt_st_reader *r);
/* Returns the i-th tensor in file order, borrowed. */
RT_API const rt_st_entry *rt_st_at(const rt_st_reader *r, int64_t i);
/* Returns the tensor with that name, borrowed; NULL, without an error, if there is none. */
RT_API const rt_st_entry *rt_st_find(const rt_st_reader *r, const char *name);
/* Returns the metadata text for a key, borrowed; NULL if there is none. */
RT_API const char *rt_st_get_metadata(const rt_st_reader *r, const char *key);

RT_END_DECLS

#endif
