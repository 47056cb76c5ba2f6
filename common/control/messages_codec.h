/* Control-plane messages as bytes, by their rows in messages.def.
 *
 *     RT_TRY(rt_msg_encode(RT_MSG_PROGRESS, &progress, &bytes));
 *     RT_TRY(rt_msg_decode(RT_MSG_PROGRESS, bytes.data, bytes.len, &body));
 *     rt_msg_body_release(RT_MSG_PROGRESS, &body);
 */
#ifndef RINGTORCH_COMMON_CONTROL_MESSAGES_CODEC_H
#define RINGTORCH_COMMON_CONTROL_MESSAGES_CODEC_H

#include "common/base/file.h"
#include "common/control/codec.h"
#include "common/control/messages.h"

/* Encodes a body as a msgpack array of its fields. Fails with RANGE, naming message and field, if one is longer than
 * messages.def allows. */
rt_status rt_msg_encode(rt_msg_type type, const void *body, rt_bytes *out);
/* Decodes exactly `len` bytes. Checks every length against messages.def and the bytes at hand before it allocates.
 * Fails with PROTOCOL, naming message and field, on any deviation; *out is then empty. */
rt_status rt_msg_decode(int64_t type, const void *data, size_t len, rt_msg_body *out);
void rt_msg_body_release(rt_msg_type type, rt_msg_body *body);

/* Like rt_msg_decode, from the middle of a larger encoding; for wire_frame.c. */
rt_status rt__msg_read(int64_t type, rt__reader *r, rt_msg_body *out);

#endif
