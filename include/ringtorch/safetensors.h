/* Reading safetensors (https://github.com/huggingface/safetensors, version 0.4); formats.h writes them.
 *
 *     rt_st_reader *r;
 *     RT_TRY(rt_st_open("weights.safetensors", &r));   // mapped; the header is fully checked
 *     const rt_st_entry *e = rt_st_find(r, "0.weight");
 *     rt_st_close(r);
 *
 * A hostile file is refused by name and byte: header length, duplicate names, offsets that overlap,
 * leave gaps or pass the end, shapes that overflow or do not fit the byte count. */
#ifndef RINGTORCH_SAFETENSORS_H
#define RINGTORCH_SAFETENSORS_H

#include <ringtorch/dims.h>
#include <ringtorch/dtype.h>
#include <ringtorch/status.h>

RT_BEGIN_DECLS

typedef struct rt_st_entry {
    const char *name;
    rt_dtype dtype;
    rt_dims shape;
    const void *data; /* in the mapped file, unaligned; borrowed until rt_st_close */
    size_t bytes;
} rt_st_entry;

typedef struct rt_st_reader rt_st_reader;
/* Maps a file and checks its whole header: NOTFOUND, CORRUPT or FORMAT, naming the byte. rt_st_close frees it. */
rt_status rt_st_open(const char *path, rt_st_reader **out);
/* Unmaps it; NULL is fine. */
void rt_st_close(rt_st_reader *r);
/* How many tensors it holds. */
int64_t rt_st_count(const rt_st_reader *r);
/* The i-th one in file order, borrowed. */
const rt_st_entry *rt_st_at(const rt_st_reader *r, int64_t i);
/* The one of that name, borrowed; NULL if missing, which is no error. */
const rt_st_entry *rt_st_find(const rt_st_reader *r, const char *name);
/* The text that belongs to a key; NULL if missing. */
const char *rt_st_get_metadata(const rt_st_reader *r, const char *key);

RT_END_DECLS

#endif
