#include "common/manifest.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/error.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/input.h"
#include "common/mem.h"

enum { MANIFEST_MAX = 64 << 20 };

static const char advice[] = "use another checkpoint";

/* Writes the hash of all members but "checksum". */
static rt_status hash_members(const json_t *manifest, char hex[17])
{
    json_t *bare = json_copy((json_t *)manifest);
    json_object_del(bare, "checksum");
    char *text = rt_json_text(bare);
    json_decref(bare);
    if (!text)
        return rt_error_code();
    snprintf(hex, 17, "%016" PRIx64, rt_hash64(text, strlen(text)));
    rt_mem_free(text);
    return RT_OK;
}

rt_status rt_manifest_seal(json_t *manifest)
{
    char hex[17];
    RT_TRY(hash_members(manifest, hex));
    json_object_del(manifest, "checksum"); /* so that it comes last */
    if (json_object_set_new(manifest, "checksum", json_string(hex)) != 0)
        return RT_FAIL(NOMEM, "manifest: no memory for its checksum");
    return RT_OK;
}

/* ---- verifying ---- */

static rt_status check_version(const json_t *j, const char *path)
{
    int64_t version;
    RT_TRY(rt_json_int(j, "format_version", path, &version));
    if (version != RT_MANIFEST_VERSION)
        return RT_FAIL(MISMATCH,
                       "%s: checkpoint of format version %" PRId64
                       ", this program reads version %d: use the version "
                       "of ringtorch that made it",
                       path, version, RT_MANIFEST_VERSION);
    return RT_OK;
}

static rt_status check_own_checksum(const json_t *j, const char *path)
{
    const char *said;
    char hex[17];
    RT_TRY(rt_json_string(j, "checksum", path, &said));
    RT_TRY(hash_members(j, hex));
    if (strcmp(said, hex) != 0)
        return RT_FAIL(CORRUPT, "%s: altered: its checksum is %s, it says %s: %s", path, hex, said,
                       advice);
    return RT_OK;
}

static rt_status check_bytes(const char *path, int64_t bytes, const char *checksum)
{
    int fd;
    int64_t length;
    uint64_t sum, read;
    char hex[17];
    if (!rt_path_exists(path))
        return RT_FAIL(NOTFOUND, "%s: is missing: %s", path, advice);
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, &fd, &length));
    rt_status status = RT_OK;
    if (length != bytes) /* before the contents, which may be a terabyte of holes */
        status = RT_FAIL(CORRUPT,
                         "%s: truncated or extended: %" PRId64 " bytes, expected %" PRId64 ": %s",
                         path, length, bytes, advice);
    else
        status = rt_hash64_input(fd, path, NULL, &sum, &read);
    close(fd);
    RT_TRY(status);
    snprintf(hex, sizeof hex, "%016" PRIx64, sum);
    if (strcmp(hex, checksum) != 0)
        return RT_FAIL(CORRUPT, "%s: altered: its checksum is %s, expected %s: %s", path, hex,
                       checksum, advice);
    return RT_OK;
}

/* Pieces lie directly in the checkpoint's directory. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

static rt_status check_piece(const char *dir, const json_t *piece, const char *manifest)
{
    const char *file, *checksum;
    int64_t bytes;
    RT_TRY(rt_json_string(piece, "file", manifest, &file));
    RT_TRY(rt_json_int(piece, "bytes", manifest, &bytes));
    RT_TRY(rt_json_string(piece, "checksum", manifest, &checksum));
    if (!is_plain_name(file))
        return RT_FAIL(FORMAT, "%s: piece \"%s\" is not the name of a file beside it", manifest,
                       file);
    char *path = rt_path_join(dir, file);
    if (!path)
        return rt_error_code();
    rt_status status = check_bytes(path, bytes, checksum);
    rt_mem_free(path);
    return status;
}

static rt_status check_all(const char *dir, const json_t *j, const char *path)
{
    json_t *pieces;
    RT_TRY(check_version(j, path));
    RT_TRY(check_own_checksum(j, path));
    RT_TRY(rt_json_member(j, "pieces", path, &pieces));
    if (json_array_size(pieces) == 0)
        return RT_FAIL(FORMAT, "%s: \"pieces\" is not a list with something in it: %s", path,
                       advice);
    for (size_t i = 0; i < json_array_size(pieces); i++)
        RT_TRY(check_piece(dir, json_array_get(pieces, i), path));
    return RT_OK;
}

rt_status rt_manifest_verify(const char *dir, json_t **out)
{
    *out = NULL;
    char *path = rt_path_join(dir, "manifest.json");
    if (!path)
        return rt_error_code();
    rt_status status;
    if (!rt_path_exists(path))
        status = RT_FAIL(
            NOTFOUND,
            "%s: no manifest.json in it: not a checkpoint: give a directory checkpoints/step-…",
            dir);
    else
        status = rt_json_load(path, MANIFEST_MAX, out);
    if (status == RT_OK)
        status = check_all(dir, *out, path);
    if (status != RT_OK) {
        json_decref(*out);
        *out = NULL;
    }
    rt_mem_free(path);
    return status;
}
