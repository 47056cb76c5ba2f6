/* One process's part of a configured run: data, net, optimiser, and the pieces of a step. An rt_trainer runs these pieces with all slices
 * in one process; a worker runs the same pieces with collectives in between, so both compute the same bits.
 *
 *     RT_TRY(rt_run_open(&config, slices, &r));    // parameters of step 0, keyed by run.seed
 *     for (int64_t t = start; t < rt_run_steps(r); t++) {
 *         RT_TRY(rt_run_gradients(r, t, mine, parts, &k));    // partial sums of this process's slices
 *         rt_run_prefetch(r, t + 1, mine);                    // a thread prepares the next samples
 *         ... exact reduce-scatter of parts into rt_run_flat(r)->grad ...
 *         RT_TRY(rt_run_sums(r, owned, sums));                // for the norm and the finite check
 *         RT_TRY(rt_run_update(r, t, owned, clip_scale));     // my blocks, and their loss
 *         ... all-gather rt_run_flat(r)->param ...
 *     }
 *     rt_run_close(r);
 */
#ifndef RINGTORCH_WORKER_ENGINE_TRAIN_RUN_H
#define RINGTORCH_WORKER_ENGINE_TRAIN_RUN_H

#include "common/base/phase.h"
#include "common/base/slices.h"
#include "common/config/config.h"
#include <ringtorch/train.h>

typedef struct rt_run rt_run;

/* A partial sum over slices: a node of T[0,S). data: [flat->length], owned by the run, valid until the next rt_run_gradients. */
typedef struct rt_run_partial {
    rt_range node;
    float *data;
} rt_run_partial;

/* The processes that have the other slices of each step and how to reach them, for nets in which a layer exchanges values between slices.
 * Both functions are collective, are called on the computing thread during rt_run_gradients, and fail if a peer is lost. */
typedef struct rt_peers {
    void *ctx;
    int rank, world;
    /* [world+1]; process r has slices [slice_begin[r], slice_begin[r+1]) */
    const int64_t *slice_begin;
    /* Each process provides bytes part[rank] of buf and gets all parts; part: [world], contiguous. */
    rt_status (*gather)(void *ctx, void *buf, const rt_range *part);
    /* Process r gets bytes send[r] of `from`, and bytes from process r go to receive[r] of `to`; also for r = rank. */
    rt_status (*all_to_all)(void *ctx, const void *from, const rt_range *send, void *to,
                            const rt_range *receive);
} rt_peers;

/* Calls rt_init with the configured seed, threads, instruction set and BLAS, for the calling thread. */
rt_status rt_run_start_engine(const rt_config *cfg);

/* Opens data sets, builds the net and the optimiser. slices: S, fixed for the run. */
rt_status rt_run_open(const rt_config *cfg, int64_t slices, rt_run **out);
struct rt__net;
struct rt_task_row;
/* What the caller supplies itself; members that are NULL follow the configuration. */
typedef struct rt_run_parts {
    void *ctx;
    /* Must accept a model built from layers: gets the layout, as rt_run_layout returns it, before any parameter is allocated, so that an
     * unsuitable configuration from somebody else costs no memory. */
    rt_status (*accept)(void *ctx, const char *layout);
    /* Makes the net, owned by the current scope, and reports which fields it takes and what its results are. */
    rt_module *(*make)(void *ctx, const rt_dataset *train, struct rt__net *about);
    const struct rt_task_row *task;
    /* The preprocessing of the data that the weights were trained on, see ringtorch/data.h. MISMATCH if the configured data do not fit it. */
    const char *preprocessing;
    const char *preprocessing_from; /* the file it was read from, for messages; NULL: none */
} rt_run_parts;
/* The same with parts supplied by the caller. */
rt_status rt_run_open_with(const rt_config *cfg, int64_t slices, const rt_run_parts *parts,
                           rt_run **out);
/* Returns only the layout, for rt_mem_free. Reads the training samples to learn their shape, using that preprocessing or NULL. */
rt_status rt_run_find_layout(const rt_config *cfg, const char *preprocessing, char **layout);
void rt_run_close(rt_run *r);

int64_t rt_run_steps(const rt_run *r); /* from run.steps, or run.epochs and the number of samples */
int64_t rt_run_samples(const rt_run *r);  /* training samples */
const char *rt_run_task(const rt_run *r); /* its name */
/* text tokens in each sample; 0 if the data are not text */
int64_t rt_run_sample_tokens(const rt_run *r);
/* Lists the files that the open data sets were read from, and returns how many there are. */
enum { RT_RUN_FILES_MAX = 8 };
int rt_run_data_files(const rt_run *r, const char *files[RT_RUN_FILES_MAX]);
rt_module *rt_run_net(const rt_run *r);
rt_optim *rt_run_optim(const rt_run *r);
/* Returns the buffers where the host reads and writes parameters and gradients; rt_run_fetch and rt_run_send synchronise them with the
 * run's device. */
const rt_flat *rt_run_flat(const rt_run *r);
/* Returns the i-th state with the parameters' layout, and its name unless `name` is NULL: like rt_optim_state, but in the host's copy. */
float *rt_run_state(const rt_run *r, int i, const char **name);
/* "cpu", "opencl:0" */
const char *rt_run_device(const rt_run *r);
/* Copies parameters and states to the host's buffers if the device has newer ones. Does nothing on the CPU. */
rt_status rt_run_fetch(rt_run *r);
/* Copies what the host has written to its buffers to the device. Does nothing on the CPU. */
rt_status rt_run_send(rt_run *r);
/* Tells the run that tensors of the net were written to from outside. */
void rt_run_changed(rt_run *r);
double rt_run_lr(const rt_run *r, int64_t step);

/* Tells the loader thread which slices of which step come next; repeated hints are free. Without a hint it continues from the slices last
 * computed to the same slices of the next step. */
void rt_run_prefetch(rt_run *r, int64_t step, rt_range slices);

/* Returns whether a layer exchanges values between slices, so that a process must compute its slices together. */
bool rt_run_exchanges(const rt_run *r);
/* Sets the processes that have the other slices; NULL, the initial setting: this process has all. Borrowed. */
void rt_run_set_peers(rt_run *r, const rt_peers *peers);

/* Computes slices [begin,end) of a step and combines them into their canonical nodes, with at most log2(S)+1 buffers at a time. Gradients
 * are sums over samples; the tail holds the loss sum and the sample count. Values that are not finite go into the sums like any others; the
 * sums then decide what is done about them. parts: [RT_TREE_NODES_MAX]. Reports phases to the listener of rt_run_on_phase. */
rt_status rt_run_gradients(rt_run *r, int64_t step, rt_range slices, rt_run_partial *parts,
                           int *count);

/* Computes what decides about the reduced sums: sums[block], the sum of squares of the gradients of each block that `owned` covers (for the
 * norm, see rt_optim_norm_of_blocks); sums[blocks], the loss summed over the batch, and sums[blocks + 1], its weight, if `owned` covers
 * their places in the tail. Other entries stay untouched. If all are finite, so is every gradient. `owned` must begin and end at block
 * borders (or at the end). */
rt_status rt_run_sums(rt_run *r, rt_range owned, double *sums);
int64_t rt_run_blocks(const rt_run *r);
int64_t rt_run_sum_count(const rt_run *r); /* how many there are */
/* Returns whether the weight of a step depends on its data (counted tokens, class weights). Then all ranks must have the weight's sum
 * before the update. */
bool rt_run_weighs(const rt_run *r);
/* Returns the weight that the sums of a step are divided by to get the mean, and keeps it for this step's update. It is taken from the sums
 * if it depends on the data, and is 1 if nothing has weight. */
double rt_run_weigh(rt_run *r, const double *sums);
/* Returns whether sums[begin..end) are all finite. */
bool rt_run_finite(const double *sums, rt_range blocks);

/* Runs one round of measurements of the owned elements before the update; see rt_optim_rounds. */
rt_status rt_run_measure(rt_run *r, int64_t step, int round, rt_range owned, double clip_scale);
/* Updates the owned elements from flat->grad (reduced sums) as step `step`, and the owned buffers. The gradient scale is clip_scale divided
 * by the step's weight. The owner of the tail copies the reduced scalars into the param tail. A rank that owns nothing may call it too. */
rt_status rt_run_update(rt_run *r, int64_t step, rt_range owned, double clip_scale);
/* Skips step `step`: leaves parameters and states as they are and copies only the scalars. */
void rt_run_skip(rt_run *r, int64_t step, rt_range owned);
/* Returns the mean loss of the last committed step, from the param tail (after the gather); NaN if none of its targets had weight. */
double rt_run_loss(const rt_run *r);

/* ---- audits: computing a slice again ---- */

/* Gets the XXH3-64 of everything an audited slice produced: its flat gradient buffer including loss and sample count. owner: true if
 * computed for the step, false if computed again for the audit. */
typedef void rt_run_audit_fn(void *ctx, int64_t step, int64_t slice, bool owner, uint64_t sum);
/* From now on calls f for each slice that run.audit selects; NULL: no calls. For the owner's own computation the call comes before the
 * slice is added to anything. */
void rt_run_on_audit(rt_run *r, rt_run_audit_fn *f, void *ctx);
/* Recomputes the audited slices among [begin,end) and reports their hashes. Must be called between rt_run_gradients and rt_run_update; does
 * not change what those work on. Each slice takes as long as in the step, and the other ranks wait: with W ranks of one slice each, a share
 * of 0.01 makes a step W % longer on average. */
rt_status rt_run_audit(rt_run *r, int64_t step, rt_range slices);

enum { RT_RUN_TEXT = 800 };
/* Finds which of this process's slices made the sums of a step not finite: *slice, or -1 if none did. Writes what happened into `text`,
 * naming step, slice and samples. mean_loss: of the step. unchanged: parameters are still those from before the step, so slices can be
 * recomputed if their losses do not tell. */
rt_status rt_run_blame(rt_run *r, int64_t step, rt_range slices, double mean_loss, bool unchanged,
                       int64_t *slice, char text[RT_RUN_TEXT]);
/* Fails with NUMERIC, with the text of rt_run_blame and advice; *slice as there. */
rt_status rt_run_not_finite(rt_run *r, int64_t step, rt_range slices, double mean_loss,
                            bool unchanged, int64_t *slice);

/* ---- evaluation ---- */

/* Opens the test set unless rt_run_open did so because the configuration evaluates. Must be called before the functions below if the
 * configuration does not evaluate. */
rt_status rt_run_open_test(rt_run *r);
/* The test set is cut into chunks of a fixed size, each of which yields the task's sums over its samples. The sums are added in chunk
 * order, so the result does not depend on how chunks are split over ranks, nor on data.eval_batch, the number of samples read at a time.
 *
 *     for (int64_t c = 0; c < rt_run_eval_chunks(r); c++)
 *         RT_TRY(rt_run_eval_chunk(r, c, sums + c * rt_run_eval_sums(r)));   // here or on another rank
 *     RT_TRY(rt_run_eval_finish(r, sums, &evaluation)); */
int64_t rt_run_eval_chunks(const rt_run *r);
int64_t rt_run_eval_samples(const rt_run *r);
/* Returns how many sums a chunk yields. */
int64_t rt_run_eval_sums(const rt_run *r);
rt_status rt_run_eval_chunk(rt_run *r, int64_t chunk, double *sums);
/* Adds the sums of all chunks [chunks * sums], overwriting the first chunk's, and computes the metrics. Fails if the task
 * does not give those that it lists. */
rt_status rt_run_eval_finish(const rt_run *r, double *sums, rt_evaluation *out);
/* The net's inputs and results for some samples, and the targets, by name: "inputs" (followed by the names of other fields that the net
 * takes), then the task's ("logits" and "labels", for example). */
typedef struct rt_run_prediction {
    const char *name;
    /* [n, ...]; samples of varying length are padded to the longest in the set */
    rt_tensor *value;
} rt_run_prediction;
enum { RT_RUN_PREDICTIONS = 2 * RT_NN_TENSORS + 1 };
/* Returns *count predictions for test samples [begin,end); owned by the current scope. */
rt_status rt_run_predict(rt_run *r, int64_t begin, int64_t end,
                         rt_run_prediction out[RT_RUN_PREDICTIONS], int *count);

/* ---- identity ---- */

/* Returns the identity of the data as JSON, see common/state/data_identity.h: the files of the training set, followed by those of the test
 * set if the configuration evaluates. Owned by the run. */
const char *rt_run_data(const rt_run *r);
/* Returns the data's preprocessing, see ringtorch/data.h, or NULL if there is none. Owned by the run. */
const char *rt_run_preprocessing(const rt_run *r);
/* Computes the SHA-256 of all parameters and buffers in the order of their names. */
rt_status rt_run_weights_sha256(const rt_run *r, char hex[65]);
/* Returns the XXH3-64 of all parameters, buffers and small states in flat order. */
uint64_t rt_run_weights_hash64(const rt_run *r);
/* Returns the layout as JSON: [{"name":..., "dtype":"float32", "shape":[...]}, ...], first the parameters and then, with "kind":"buffer",
 * the saved buffers; rt_run_layout_hash returns its XXH3-64 in hex. Owned by the run. */
const char *rt_run_layout(const rt_run *r);
const char *rt_run_layout_hash(const rt_run *r);
/* Returns the layers, for display: [[name, [output shape of a sample], parameters], ...]. Owned by the run. */
const char *rt_run_layers(const rt_run *r);

/* Calls f on the computing thread at each change of phase (LOAD, FORWARD, BACKWARD or UPDATE) with the slice, or -1 if the phase belongs to
 * no slice. NULL: no calls. */
typedef void rt_run_phase_fn(void *ctx, rt_phase phase, int64_t slice);
void rt_run_on_phase(rt_run *r, rt_run_phase_fn *f, void *ctx);

#endif
