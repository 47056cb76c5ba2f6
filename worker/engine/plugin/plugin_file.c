/* Reads the note from the program headers (elf(5), PT_NOTE), which even a stripped file has. */
#include "worker/engine/plugin/plugin_file.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 30 };

/* ---- the note ---- */

static bool lies_in(const rt_bytes *b, uint64_t at, uint64_t size)
{
    return at <= b->len && size <= b->len - at;
}

static size_t padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

/* Searches a list of notes for ours. */
static bool find_in(const uint8_t *notes, size_t size, rt_plugin_note *out)
{
    ElfW(Nhdr) head;
    for (size_t at = 0; size - at >= sizeof head;) {
        memcpy(&head, notes + at, sizeof head);
        size_t whole = sizeof head + padded(head.n_namesz) + padded(head.n_descsz);
        if (head.n_namesz > size || head.n_descsz > size || whole > size - at)
            return false;
        bool ours = head.n_namesz == sizeof "RingTorch" && head.n_type == RT_PLUGIN_NOTE &&
                    memcmp(notes + at + sizeof head, "RingTorch", sizeof "RingTorch") == 0 &&
                    whole == sizeof *out;
        if (ours) {
            memcpy(out, notes + at, sizeof *out);
            return true;
        }
        at += whole;
    }
    return false;
}

static rt_status no_plugin(const char *path, const char *why)
{
    return RT_FAIL(FORMAT, "%s: is not a RingTorch plugin: %s", path, why);
}

static rt_status find_note(const rt_bytes *b, const char *path, rt_plugin_note *out)
{
    ElfW(Ehdr) elf;
    ElfW(Phdr) part;
    if (b->len < sizeof elf || memcmp(b->data, ELFMAG, SELFMAG) != 0)
        return no_plugin(path, "not an ELF file, as cc -shared makes it");
    memcpy(&elf, b->data, sizeof elf);
    if (elf.e_type != ET_DYN || elf.e_phentsize != sizeof part ||
        !lies_in(b, elf.e_phoff, (uint64_t)elf.e_phnum * sizeof part))
        return no_plugin(path, "not a shared object, as cc -shared makes it");
    for (int i = 0; i < elf.e_phnum; i++) {
        memcpy(&part, b->data + elf.e_phoff + (size_t)i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD && !lies_in(b, part.p_offset, part.p_filesz))
            return no_plugin(path,
                             "it is truncated: build or copy it again"); /* dlopen would crash */
    }
    for (int i = 0; i < elf.e_phnum; i++) {
        memcpy(&part, b->data + elf.e_phoff + (size_t)i * sizeof part, sizeof part);
        if (part.p_type == PT_NOTE && lies_in(b, part.p_offset, part.p_filesz) &&
            find_in(b->data + part.p_offset, part.p_filesz, out))
            return RT_OK;
    }
    return no_plugin(path, "it has no RT_PLUGIN(...) (ringtorch/plugin.h)");
}

static rt_status check_note(const rt_bytes *b, const char *path)
{
    rt_plugin_note note;
    RT_TRY(find_note(b, path, &note));
    note.version[sizeof note.version - 1] = '\0';
    if (note.abi == RT_PLUGIN_ABI)
        return RT_OK;
    return RT_FAIL(MISMATCH,
                   "%s: was built for RingTorch %.27s, plugin ABI %u, but this is %s, plugin ABI "
                   "%u: rebuild it with the headers of this version",
                   path, note.version, note.abi, RT_VERSION_TEXT, RT_PLUGIN_ABI);
}

/* ---- the file ---- */

static rt_status hash(const rt_bytes *b, char hex[65])
{
    rt_sha256 h;
    RT_TRY(rt_sha256_init(&h));
    rt_sha256_update(&h, b->data, b->len);
    rt_sha256_hex(&h, hex);
    return RT_OK;
}

rt_status rt__plugin_file_open(const char *path, rt__plugin_file *out)
{
    rt_bytes b = {0};
    *out = (rt__plugin_file){0};
    if (!realpath(path, out->path) || stat(out->path, &out->was) != 0)
        return RT_FAIL(NOTFOUND, "%s: %m: name the file of a plugin", path);
    if (!S_ISREG(out->was.st_mode))
        return no_plugin(out->path, "not a regular file");
    RT_TRY(rt_file_read(out->path, FILE_MAX, &b));
    rt_status status = check_note(&b, out->path);
    if (status == RT_OK)
        status = hash(&b, out->sha256);
    rt_bytes_release(&b);
    return status;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

rt_status rt__plugin_file_load(const rt__plugin_file *f, void **handle, const rt_plugin **table)
{
    struct stat now;
    bool hidden = !dlsym(RTLD_DEFAULT, "rt_plugin_load"); /* from plugins, as all of the library */
    *handle = dlopen(f->path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle)
        return RT_FAIL(UNSUPPORTED, "%s: cannot be loaded: %s%s", f->path, dlerror(),
                       hidden ? ": this program does not export the library's functions: link it "
                                "with -rdynamic (CMake: ENABLE_EXPORTS) and the whole archive"
                              : "");
    *table = dlsym(*handle, "rt_plugin_here");
    rt_status status = RT_OK;
    if (!*table)
        status = no_plugin(f->path, "it hides rt_plugin_here, which RT_PLUGIN(...) makes");
    else if (stat(f->path, &now) != 0 || !is_same(&now, &f->was))
        status = RT_FAIL(MISMATCH, "%s: was replaced while it was loaded: try again", f->path);
    if (status != RT_OK)
        dlclose(*handle);
    return status;
}
