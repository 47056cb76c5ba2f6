/* The parts that a saved state must have according to its manifest: the tensors of the layout, and the states that the
 * configuration's optimiser keeps for them.
 *
 *     rt_saved_parts parts;
 *     RT_TRY(rt_saved_parts_list(&saved.manifest, saved.dir, &parts));
 *     for (int64_t i = 0; i < parts.count; i++)
 *         use(parts.part[i].kind, parts.part[i].tensor, parts.part[i].elements);
 *     rt_saved_parts_release(&parts);
 */
#ifndef RINGTORCH_COMMON_STATE_SAVED_PARTS_H
#define RINGTORCH_COMMON_STATE_SAVED_PARTS_H

#include "common/state/manifest.h"

typedef struct rt_saved_part {
    const char *kind;   /* "param", "buffer", or a state of the optimiser; static */
    const char *tensor; /* borrowed from the manifest */
    rt_dims shape;
    int64_t elements;
    int64_t at; /* the number of elements in all parts before it */
} rt_saved_part;

typedef struct rt_saved_parts {
    rt_saved_part *part; /* [count]: parameters, buffers, then state by state */
    const rt_saved_part **sorted;
    int64_t count;
    int64_t elements; /* of all parts */
} rt_saved_parts;

/* `dir` is for errors. On failure *out needs no release. The manifest must outlive *out. */
rt_status rt_saved_parts_list(const rt_manifest *m, const char *dir, rt_saved_parts *out);
void rt_saved_parts_release(rt_saved_parts *p);
/* Returns the part of that kind and tensor, or NULL if there is none. */
const rt_saved_part *rt_saved_parts_find(const rt_saved_parts *p, const char *kind,
                                         const char *tensor);
/* Return whether there is a part of that kind, or of that tensor. */
bool rt_saved_parts_have_kind(const rt_saved_parts *p, const char *kind);
bool rt_saved_parts_have_tensor(const rt_saved_parts *p, const char *tensor);

#endif
