/* Text files as windows of tokens. The file becomes an array of token ids; each part, training or held out, is a list of runs of
 * tokens, and windows lie in the runs at a fixed stride. */
#include "common/base/text.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/unicode.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/held_out.h"
#include "worker/engine/data/source.h"
#include <string.h>

enum {
    TOKENS, /* the fields */
    TARGETS,
    MASK,
    BYTES_MAX = 1 << 30,
    CODES = 0x110000, /* Unicode's */
    PIECES = 200,     /* pieces of a file, each drawn independently */
    SEPARATOR_MAX = 16,
};

/* Tokens [begin, ...) of the file, from which windows [first, ...) of the set are made. */
typedef struct run {
    int64_t begin, first;
} run;

typedef struct text {
    rt_dataset set;
    uint32_t *token; /* [tokens] */
    int64_t tokens;
    uint32_t *vocabulary; /* [words]: the code of each token */
    int64_t words;
    uint8_t *counts; /* [tokens]: whether the token counts as a target; NULL: all do */
    run *runs;       /* ascending */
    int64_t n_runs, context, stride;
} text;

static void text_destroy(rt_dataset *set)
{
    text *d = (text *)set;
    rt_mem_free(d->token);
    rt_mem_free(d->vocabulary);
    rt_mem_free(d->counts);
    rt_mem_free(d->runs);
}

/* Returns the token at which a window begins. */
static int64_t window_begin(const text *d, int64_t id)
{
    int64_t low = 0, high = d->n_runs;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (d->runs[middle].first <= id)
            low = middle;
        else
            high = middle;
    }
    return d->runs[low].begin + (id - d->runs[low].first) * d->stride;
}

static void text_read(const rt_dataset *set, int64_t id, void *const *to)
{
    const text *d = (const text *)set;
    int64_t begin = window_begin(d, id), *tokens = to[TOKENS], *targets = to[TARGETS];
    for (int64_t i = 0; i < d->context; i++) {
        tokens[i] = d->token[begin + i];
        targets[i] = d->token[begin + i + 1];
    }
    for (int64_t i = 0; d->counts && i < d->context; i++)
        ((float *)to[MASK])[i] = d->counts[begin + i + 1];
}

static const rt__data_kind text_kind = {.destroy = text_destroy, .read = text_read};

/* ---- tokens ---- */

/* Reads the next token, which must exist; *length: its bytes, or 0 if they are not UTF-8. */
static uint32_t next_code(const rt_bytes *file, size_t at, rt_text_unit unit, size_t *length)
{
    uint32_t code = file->data[at];
    *length = 1;
    if (unit == RT_TEXT_CHARACTERS && code >= 0x80)
        *length = rt_utf8_decode((const char *)file->data + at, &code);
    return code;
}

static rt_status read_codes(text *d, const rt_data_text_args *a, const rt_bytes *file)
{
    d->token = rt_malloc((file->len + 1) * sizeof *d->token);
    if (!d->token)
        return rt_error_code();
    size_t length;
    for (size_t at = 0; at < file->len; at += length) {
        d->token[d->tokens++] = next_code(file, at, a->unit, &length);
        if (length == 0)
            return RT_FAIL(FORMAT,
                           "%s: byte %zu: 0x%02x is no UTF-8: convert the file, or read it as "
                           "bytes",
                           a->path, at, file->data[at]);
    }
    return RT_OK;
}

/* ---- the vocabulary ---- */

static rt_status find_vocabulary(text *d)
{
    uint8_t *there = rt_calloc(CODES, 1);
    if (!there)
        return rt_error_code();
    for (int64_t i = 0; i < d->tokens; i++) {
        d->words += !there[d->token[i]];
        there[d->token[i]] = 1;
    }
    d->vocabulary = rt_calloc((size_t)d->words + 1, sizeof *d->vocabulary);
    int64_t word = 0;
    for (uint32_t code = 0; code < CODES && d->vocabulary; code++)
        if (there[code])
            d->vocabulary[word++] = code;
    rt_mem_free(there);
    return rt_error_code();
}

static const char *unit_name(const rt_data_text_args *a)
{
    return a->unit == RT_TEXT_BYTES ? "bytes" : "characters";
}

/* Returns whether the code is a byte, or a character that UTF-8 can encode. */
static bool is_code(const rt_data_text_args *a, json_int_t code)
{
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= 0 && (a->unit == RT_TEXT_BYTES ? code <= UINT8_MAX : code < CODES && !surrogate);
}

/* Reads a vocabulary, which is not trusted: a string of characters, or a list of numbers. */
static rt_status read_vocabulary(text *d, const rt_data_text_args *a, const json_t *list)
{
    static const char expected[] =
        "{\"dataset\": \"text\", \"unit\", \"vocabulary\": characters or their numbers}";
    const char *string = json_string_value(list);
    size_t most = string ? strlen(string) : json_array_size(list), length = 1;
    d->vocabulary = rt_calloc(most + 1, sizeof *d->vocabulary);
    if (!d->vocabulary)
        return rt_error_code();
    for (size_t at = 0; at < most; at += length) {
        const json_t *number = json_array_get(list, at);
        uint32_t code = 0;
        json_int_t value = json_is_integer(number) ? json_integer_value(number) : -1;
        if (string) {
            length = rt_utf8_decode(string + at, &code);
            value = length > 0 ? (json_int_t)code : -1;
            length += length == 0;
        }
        if (!is_code(a, value))
            return rt__preprocessing_wrong(a->preprocessing_from, expected);
        d->vocabulary[d->words++] = (uint32_t)value;
    }
    return d->words > 0 ? RT_OK : rt__preprocessing_wrong(a->preprocessing_from, expected);
}

static rt_status take_vocabulary(text *d, const rt_data_text_args *a)
{
    json_t *j;
    RT_TRY(rt__preprocessing_parse(a->preprocessing, "text", a->path, a->preprocessing_from, &j));
    const char *unit = json_string_value(json_object_get(j, "unit"));
    rt_status status =
        unit && strcmp(unit, unit_name(a)) == 0
            ? read_vocabulary(d, a, json_object_get(j, "vocabulary"))
            : RT_FAIL(MISMATCH,
                      "%s: is read as %s, but the model was trained on %.20s: set unit to that",
                      a->path, unit_name(a), unit ? unit : "something else");
    json_decref(j);
    return status;
}

/* Fails with the position of the first unknown token, and their number. */
static rt_status refuse_unknown(const text *d, const rt_data_text_args *a, const rt_bytes *file,
                                const uint32_t *number)
{
    int64_t line = 1, column = 1, unknown = 0;
    char where[64] = "", shown[16] = "";
    size_t length;
    for (size_t at = 0; at < file->len; at += length) {
        uint32_t code = next_code(file, at, a->unit, &length);
        if (number[code] == 0 && unknown++ == 0) {
            snprintf(where, sizeof where, "%lld:%lld", (long long)line, (long long)column);
            rt_text_printable_bytes(shown, sizeof shown, (const char *)file->data + at, length);
        }
        column++;
        if (code == '\n')
            line++, column = 1;
    }
    return RT_FAIL(
        MISMATCH,
        "%s:%s: '%s' is not in the vocabulary of %lld that the model was trained with; %lld of the "
        "%lld %s here are not: use a text with that vocabulary, or train a model on this one",
        a->path, where, shown, (long long)d->words, (long long)unknown, (long long)d->tokens,
        unit_name(a));
}

/* Replaces codes by their index in the vocabulary. */
static rt_status number_codes(text *d, const rt_data_text_args *a, const rt_bytes *file)
{
    uint32_t *number = rt_calloc(CODES, sizeof *number); /* index + 1; 0: not in the vocabulary */
    bool all = true;
    rt_status status = number ? RT_OK : rt_error_code();
    for (int64_t word = 0; word < d->words && status == RT_OK; word++) {
        if (number[d->vocabulary[word]])
            status = rt__preprocessing_wrong(a->preprocessing_from,
                                             "a vocabulary that has each token once");
        number[d->vocabulary[word]] = (uint32_t)word + 1;
    }
    for (int64_t i = 0; i < d->tokens && status == RT_OK; i++) {
        all = all && number[d->token[i]];
        d->token[i] = number[d->token[i]] - 1;
    }
    if (status == RT_OK && !all)
        status = refuse_unknown(d, a, file, number);
    rt_mem_free(number);
    return status;
}

/* Returns the vocabulary as one string; NULL if JSON cannot hold it. */
static json_t *vocabulary_text(const text *d)
{
    char *all = rt_malloc(4 * (size_t)d->words + 1), *end = all;
    for (int64_t i = 0; i < d->words && all; i++)
        end += rt_utf8_encode(d->vocabulary[i], end);
    json_t *j = all ? json_stringn(all, (size_t)(end - all)) : NULL;
    rt_mem_free(all);
    return j;
}

static json_t *vocabulary_list(const text *d)
{
    json_t *j = json_array();
    for (int64_t i = 0; i < d->words; i++)
        json_array_append_new(j, json_integer(d->vocabulary[i]));
    return j;
}

/* A vocabulary with U+0000 is written as a list: most JSON readers, ours included, refuse strings with U+0000. */
static rt_status describe(text *d, const rt_data_text_args *a)
{
    bool has_zero = false;
    for (int64_t i = 0; i < d->words; i++)
        has_zero |= d->vocabulary[i] == 0;
    bool as_text = a->unit == RT_TEXT_CHARACTERS && !has_zero;
    return rt__dataset_set_preprocessing(
        &d->set, a->path,
        json_pack("{s:s, s:s, s:o}", "dataset", "text", "unit", unit_name(a), "vocabulary",
                  as_text ? vocabulary_text(d) : vocabulary_list(d)));
}

/* ---- which targets count; decided before codes are numbered ---- */

static rt_status read_separator(const rt_data_text_args *a, uint32_t *code, int64_t *count)
{
    const char *s = a->separator ? a->separator : "";
    rt_bytes bytes = {(uint8_t *)s, strlen(s)};
    size_t length = 1;
    *count = 0;
    for (size_t at = 0; at < bytes.len && *count < SEPARATOR_MAX && length > 0; at += length)
        code[(*count)++] = next_code(&bytes, at, a->unit, &length);
    if (bytes.len == 0 || bytes.len > SEPARATOR_MAX || length == 0)
        return RT_FAIL(ARG, "separator '%s': expected 1 to %d bytes of UTF-8", s, SEPARATOR_MAX);
    if (strchr(s, '\n'))
        return RT_FAIL(
            ARG, "separator '%s': has a line break, after which nothing on its line could count",
            s);
    return RT_OK;
}

static rt_status mark_after(text *d, const rt_data_text_args *a)
{
    uint32_t code[SEPARATOR_MAX];
    int64_t n, begin = 0; /* start of the part of the line that may belong to a separator */
    bool after = false;
    RT_TRY(read_separator(a, code, &n));
    for (int64_t i = 0; i < d->tokens; i++) {
        d->counts[i] = after;
        bool end = d->token[i] == '\n';
        if (!after && i + 1 - begin >= n &&
            memcmp(d->token + i + 1 - n, code, (size_t)n * sizeof *code) == 0)
            after = true;
        if (end) {
            after = false;
            begin = i + 1;
        }
    }
    if (!memchr(d->counts, true, (size_t)d->tokens))
        return RT_FAIL(FORMAT,
                       "%s: no line has a target after the separator '%s', where targets count",
                       a->path, a->separator);
    return RT_OK;
}

static rt_status mark(text *d, const rt_data_text_args *a)
{
    if (a->mask == RT_TEXT_ALL)
        return RT_OK;
    d->counts = rt_calloc((size_t)d->tokens + 1, 1);
    if (!d->counts)
        return rt_error_code();
    if (a->mask == RT_TEXT_AFTER)
        return mark_after(d, a);
    for (int64_t i = 0; i < d->tokens; i++)
        d->counts[i] = rt__counts(a->seed, i, a->mask_share);
    return RT_OK;
}

/* ---- windows ---- */

/* Adds the run [begin,end), with all windows that have a target for each token. */
static void add_run(text *d, int64_t begin, int64_t end)
{
    if (end - begin <= d->context)
        return;
    d->runs[d->n_runs++] = (run){begin, d->set.count};
    d->set.count += (end - begin - d->context - 1) / d->stride + 1;
}

/* Returns whether piece i is held out. */
static bool is_held_out(const rt_data_text_args *a, int i)
{
    return rt__held_out(a->seed, i, a->share);
}

static rt_status find_runs(text *d, const rt_data_text_args *a)
{
    d->runs = rt_calloc(PIECES, sizeof *d->runs);
    if (!d->runs)
        return rt_error_code();
    if (a->split == RT_TEXT_LAST) {
        int64_t border = d->tokens - (int64_t)((double)d->tokens * a->share);
        add_run(d, a->train ? 0 : border, a->train ? border : d->tokens);
    } else {
        for (int i = 0, begin = 0; begin < PIECES; begin = i) {
            bool held_out = is_held_out(a, begin);
            for (i = begin; i < PIECES && is_held_out(a, i) == held_out; i++)
                continue;
            if (held_out != a->train)
                add_run(d, d->tokens * begin / PIECES, d->tokens * i / PIECES);
        }
    }
    if (d->set.count == 0)
        return RT_FAIL(RANGE,
                       "%s: %lld tokens: no run of the %s part has the %lld of a sample and its "
                       "last target: shorten the context or change the share",
                       a->path, (long long)d->tokens, a->train ? "training" : "held-out",
                       (long long)d->context + 1);
    return RT_OK;
}

/* ---- construction ---- */

static rt_status check_args(const rt_data_text_args *a)
{
    if (a->context < 1 || a->context > BYTES_MAX || (a->stride < 1 && a->stride != RT_AUTO) ||
        a->limit < 1)
        return RT_FAIL(
            RANGE,
            "context %lld, stride %lld and limit %lld: expected a context of at least 1, "
            "a stride of at least 1 and a limit of at least 1",
            (long long)a->context, (long long)a->stride, (long long)a->limit);
    if (!(a->share > 0 && a->share < 1))
        return RT_FAIL(RANGE, "share %g: expected one above 0 and below 1", a->share);
    if (a->mask == RT_TEXT_RANDOM && !(a->mask_share > 0 && a->mask_share <= 1))
        return RT_FAIL(RANGE, "mask_share %g: expected one above 0 and at most 1", a->mask_share);
    if ((unsigned)a->unit > RT_TEXT_BYTES || (unsigned)a->split > RT_TEXT_KEYED ||
        (unsigned)a->mask > RT_TEXT_RANDOM)
        return RT_FAIL(ARG, "unit %d, split %d or mask %d is unknown", (int)a->unit, (int)a->split,
                       (int)a->mask);
    return RT_OK;
}

static rt_status add_fields(text *d)
{
    rt_data_field field = {.dtype = RT_I64, .dims = rt_shape(d->context), .classes = d->words};
    field.name = "tokens";
    RT_TRY(rt__dataset_add(&d->set, field));
    field.name = "targets";
    RT_TRY(rt__dataset_add(&d->set, field));
    if (!d->counts)
        return RT_OK;
    return rt__dataset_add(&d->set, (rt_data_field){.name = "mask", .dims = rt_shape(d->context)});
}

static rt_status make(text *d, const rt_data_text_args *a, const rt_bytes *file)
{
    d->context = a->context;
    RT_TRY(rt__dataset_add_file(&d->set, a->path, file->data, file->len));
    d->stride = a->train && a->stride != RT_AUTO ? a->stride : a->context;
    RT_TRY(read_codes(d, a, file));
    RT_TRY(mark(d, a));
    RT_TRY(a->preprocessing ? take_vocabulary(d, a) : find_vocabulary(d));
    RT_TRY(number_codes(d, a, file));
    RT_TRY(describe(d, a));
    RT_TRY(find_runs(d, a));
    d->set.count = a->limit < d->set.count ? a->limit : d->set.count;
    return add_fields(d);
}

rt_dataset *rt_data_text_(rt_data_text_args a)
{
    if (rt_failed() || !rt__given(a.path, "data_text", "path"))
        return NULL;
    if (check_args(&a) != RT_OK) {
        rt_error_prefix("data_text");
        return NULL;
    }
    rt_scope s = rt_scope_begin();
    text *d = rt__dataset_new(&text_kind, sizeof *d);
    rt_bytes file = {0};
    rt_status status = d ? rt__source_read_file(a.path, BYTES_MAX, &file) : rt_error_code();
    if (status == RT_OK)
        status = make(d, &a, &file);
    rt_bytes_release(&file);
    return rt_scope_return(s, status == RT_OK ? &d->set : NULL);
}

rt_dataset *rt__open_text(const rt_data_text_values *v, const rt_data_part *part)
{
    return rt_data_text(
        v->path, .train = part->train, .context = v->context,
        .stride = v->stride > 0 ? v->stride : RT_AUTO, .unit = (rt_text_unit)v->unit,
        .share = v->share, .split = (rt_text_split)v->split, .mask = (rt_text_mask)v->mask,
        .separator = v->separator, .mask_share = v->mask_share, .seed = (uint64_t)v->seed,
        .limit = part->limit, .preprocessing = part->preprocessing,
        .preprocessing_from = part->preprocessing_from);
}
