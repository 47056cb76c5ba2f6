/* Loads tensors from elsewhere into the parameters of a net.
 *
 *     RT_TRY(rt__weights_assign(net, rt_st_at(r, 0), rt_st_count(r), path, false));
 */
#ifndef RINGTORCH_WORKER_ENGINE_FORMATS_WEIGHTS_H
#define RINGTORCH_WORKER_ENGINE_FORMATS_WEIGHTS_H

#include <ringtorch/formats.h>

/* Copies the offered tensors ([count]) into the net's parameters of the same names, after checking that they match exactly: each
 * parameter once and nothing else. Any floating-point type is accepted, and all names may share a prefix up to a dot ("module." of
 * DistributedDataParallel, "model."). MISMATCH lists everything that is missing, has another shape, or is not part of this net.
 * partial: tensors that do not match are skipped and logged; MISMATCH only if nothing matches. */
rt_status rt__weights_assign(rt_module *net, const rt_st_entry *offered, int64_t count,
                             const char *path, bool partial);
/* Checks that a run can begin with the net's values. Fails with MISMATCH, naming `path` and the tensor, for the first value that is
 * not finite, or is below 0 in an RT_NOT_NEGATIVE buffer: no learning rate would help. */
rt_status rt__weights_check_values(const rt_module *net, const char *path);
/* The same, from a safetensors file. */
rt_status rt__weights_assign_file(rt_module *net, const char *path, bool partial);

#endif
