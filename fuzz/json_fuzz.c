/* json_fuzz.c: the reader accepts what a naive reader accepts, which is written straight from RFC
 * 8259 and RFC 3629, and gives the same values; what the writer makes of these reads back as the
 * same, and is written as the same text again; what is found by names and places is what these lead
 * to in the naive reader's values. Input: flags, 4 bytes of seed, the text. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/error.h"
#include "../csrc/wire/json_find.h"
#include "../csrc/wire/json_writer.h"
#include "../csrc/wire/utf8.h"

enum { REPLACE = 1 }; /* flags */

#define MOST_KEYS 6

/* A value: what is in it are the values from `child` on by `next`. */
typedef struct node {
    sse_json_kind kind;
    sse_slice name, text; /* of a member; of a string */
    int64_t integer;
    double real;
    struct node *child, *next;
} node;

typedef struct naive {
    const unsigned char *at, *end;
    bool replace;
    int depth;
    bool broken; /* something became U+FFFD */
} naive;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static uint32_t random_below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* --- the naive reader ------------------------------------------------------------------------- */

static void free_node(node *n)
{
    while (n) {
        node *next = n->next;

        free_node(n->child);
        free((char *)n->name.at);
        free((char *)n->text.at);
        free(n);
        n = next;
    }
}

static void blanks(naive *r)
{
    while (r->at < r->end && strchr(" \t\n\r", *r->at) && *r->at)
        r->at++;
}

static bool take(naive *r, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
        return false;
    r->at += len;
    return true;
}

/* The length of the character at `at` by the table of RFC 3629 section 4, or 0. */
static int character(const unsigned char *at, const unsigned char *end)
{
    static const unsigned char table[][6] = {
        /* first, last lead byte; first, last second byte; length */
        { 0x00, 0x7F, 0, 0, 1 },       { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
        { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
        { 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const unsigned char *row = table[i];

        if (at[0] < row[0] || at[0] > row[1])
            continue;
        if (end - at < row[4] || (row[4] > 1 && (at[1] < row[2] || at[1] > row[3])))
            return 0;
        for (int k = 2; k < row[4]; k++)
            if (at[k] < 0x80 || at[k] > 0xBF)
                return 0;
        return row[4];
    }
    return 0;
}

static void put_code(sse_buffer *out, unsigned code)
{
    char bytes[4];
    size_t len = 0;

    if (code < 0x80)
        bytes[len++] = (char)code;
    else if (code < 0x800) {
        bytes[len++] = (char)(0xC0 + code / 64);
        bytes[len++] = (char)(0x80 + code % 64);
    } else if (code < 0x10000) {
        bytes[len++] = (char)(0xE0 + code / 4096);
        bytes[len++] = (char)(0x80 + code / 64 % 64);
        bytes[len++] = (char)(0x80 + code % 64);
    } else {
        bytes[len++] = (char)(0xF0 + code / 262144);
        bytes[len++] = (char)(0x80 + code / 4096 % 64);
        bytes[len++] = (char)(0x80 + code / 64 % 64);
        bytes[len++] = (char)(0x80 + code % 64);
    }
    must(sse_buffer_append(out, bytes, len) == SSE_OK);
}

/* Reads what comes after "\u". */
static bool hex4(naive *r, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const char *digits = "0123456789abcdef", *digit = NULL;

        if (r->at == r->end)
            return false;
        digit = strchr(digits, *r->at >= 'A' && *r->at <= 'F' ? *r->at + 32 : *r->at);
        if (!digit || !*r->at)
            return false;
        *code = *code * 16 + (unsigned)(digit - digits);
    }
    return true;
}

static bool escape(naive *r, sse_buffer *out)
{
    static const char *const letters[] = { "\"\"", "\\\\", "//",  "b\b",
                                           "f\f",  "n\n",  "r\r", "t\t" };
    unsigned code = 0, low = 0;

    if (r->at == r->end)
        return false;
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (*r->at == (unsigned char)letters[i][0]) {
            r->at++;
            put_code(out, (unsigned)letters[i][1]);
            return true;
        }
    if (*r->at++ != 'u' || !hex4(r, &code))
        return false;
    if (code >= 0xD800 && code <= 0xDBFF && r->end - r->at >= 2 && r->at[0] == '\\' &&
        r->at[1] == 'u') {
        const unsigned char *back = r->at;

        r->at += 2;
        if (!hex4(r, &low))
            return false;
        if (low >= 0xDC00 && low <= 0xDFFF)
            code = 0x10000 + (code - 0xD800) * 1024 + (low - 0xDC00);
        else
            r->at = back;
    }
    if (code >= 0xD800 && code <= 0xDFFF) {
        r->broken = true;
        code = 0xFFFD;
    }
    put_code(out, code);
    return !r->broken || r->replace;
}

static bool string(naive *r, sse_slice *out)
{
    sse_buffer value;
    bool good = true;

    sse_buffer_init(&value, SIZE_MAX);
    must(sse_buffer_reserve(&value, 1) == SSE_OK); /* so that "" is not absent */
    r->at++;
    while (good && r->at < r->end && *r->at != '"') {
        int len = character(r->at, r->end);

        if (*r->at == '\\') {
            r->at++;
            good = escape(r, &value);
        } else if (*r->at < 0x20) {
            good = false;
        } else {
            r->broken |= len == 0;
            good = len > 0 || r->replace;
            must(sse_buffer_append(&value, (const char *)r->at, len ? (size_t)len : 1) == SSE_OK);
            r->at += len ? len : 1;
        }
    }
    good = good && r->at < r->end;
    r->at += good;
    *out = (sse_slice){ value.data, value.len };
    return good;
}

static size_t digits(naive *r)
{
    const unsigned char *from = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - from);
}

static bool number(naive *r, node *n)
{
    const unsigned char *from = r->at;
    bool whole = true, good = true;
    char *text = NULL;

    take(r, "-");
    good = take(r, "0") || digits(r) > 0;
    if (good && take(r, ".")) {
        whole = false;
        good = digits(r) > 0;
    }
    if (good && (take(r, "e") || take(r, "E"))) {
        whole = false;
        if (!take(r, "+"))
            take(r, "-");
        good = digits(r) > 0;
    }
    if (!good)
        return false;
    text = strndup((const char *)from, (size_t)(r->at - from));
    must(text != NULL);
    errno = 0;
    n->integer = strtoll(text, NULL, 10);
    n->kind = whole && errno == 0 && strcmp(text, "-0") != 0 ? SSE_JSON_INTEGER : SSE_JSON_DOUBLE;
    if (n->kind == SSE_JSON_DOUBLE)
        n->real = strtod(text, NULL);
    free(text);
    return n->kind == SSE_JSON_INTEGER || isfinite(n->real);
}

static bool value(naive *r, node **out);

static bool members(naive *r, node *n, bool object)
{
    node **last = &n->child;
    bool first = true;

    n->kind = object ? SSE_JSON_OBJECT : SSE_JSON_ARRAY;
    if (++r->depth > 1000)
        return false;
    for (r->at++;; first = false) {
        sse_slice name = { 0 };
        bool good = true;

        blanks(r);
        if (first && take(r, object ? "}" : "]"))
            break;
        if (object) {
            good = r->at < r->end && *r->at == '"' && string(r, &name);
            blanks(r);
            good = good && take(r, ":");
        }
        good = good && value(r, last);
        if (*last)
            (*last)->name = name;
        else
            free((char *)name.at);
        if (!good)
            return false;
        last = &(*last)->next;
        blanks(r);
        if (take(r, object ? "}" : "]"))
            break;
        if (!take(r, ","))
            return false;
    }
    r->depth--;
    return true;
}

/* Reads a value with the blanks before it. *out may have been made also where it fails. */
static bool value(naive *r, node **out)
{
    node *n = calloc(1, sizeof *n);

    must(n != NULL);
    *out = n;
    blanks(r);
    if (r->at == r->end)
        return false;
    if (*r->at == '{' || *r->at == '[')
        return members(r, n, *r->at == '{');
    n->kind = SSE_JSON_STRING;
    if (*r->at == '"')
        return string(r, &n->text);
    n->kind = *r->at == 't' ? SSE_JSON_TRUE : *r->at == 'f' ? SSE_JSON_FALSE : SSE_JSON_NULL;
    if (take(r, "true") || take(r, "false") || take(r, "null"))
        return true;
    return number(r, n);
}

static bool naive_read(sse_slice text, bool replace, node **out, bool *broken)
{
    naive r = { .at = (const unsigned char *)text.at, .replace = replace };
    bool good = false;

    r.end = r.at + text.len;
    good = value(&r, out);
    blanks(&r);
    *broken = r.broken;
    return good && r.at == r.end;
}

/* --- values as a text that is the same for the same values ------------------------------------ */

static void put(sse_buffer *out, const void *bytes, size_t len)
{
    must(sse_buffer_append(out, bytes, len) == SSE_OK);
}

static void dump_string(sse_buffer *out, char kind, sse_slice s)
{
    put(out, &kind, 1);
    put(out, &s.len, sizeof s.len);
    put(out, s.at, s.len);
}

/* The writer may give floats of integral value the form of integers: the value decides. */
static void dump_number(sse_buffer *out, bool integer, int64_t i, double d)
{
    if (!integer && fabs(d) < 0x1p63 && d == trunc(d) && !(d == 0 && signbit(d))) {
        integer = true;
        i = (int64_t)d;
    }
    put(out, integer ? "i" : "d", 1);
    put(out, integer ? (const void *)&i : (const void *)&d, 8);
}

static void dump(sse_buffer *out, const node *n)
{
    char kind = (char)('a' + n->kind);

    if (n->kind == SSE_JSON_STRING)
        dump_string(out, 's', n->text);
    else if (n->kind == SSE_JSON_INTEGER || n->kind == SSE_JSON_DOUBLE)
        dump_number(out, n->kind == SSE_JSON_INTEGER, n->integer, n->real);
    else
        put(out, &kind, 1);
    if (n->kind != SSE_JSON_ARRAY && n->kind != SSE_JSON_OBJECT)
        return;
    for (const node *child = n->child; child; child = child->next) {
        if (n->kind == SSE_JSON_OBJECT)
            dump_string(out, 'n', child->name);
        dump(out, child);
    }
    put(out, "e", 1);
}

static void dump_token(sse_buffer *out, sse_json_kind kind, const sse_json_token *t)
{
    size_t room = 0;
    char letter = (char)('a' + kind), *text = NULL;
    sse_slice s = { 0 };

    switch (kind) {
    case SSE_JSON_NAME:
    case SSE_JSON_STRING:
        room = sse_json_string_room(&t->string);
        text = malloc(room ? room : 1); /* of its exact size: the sanitizer sees a write past it */
        must(text != NULL);
        s = (sse_slice){ text, sse_json_string_value(&t->string, text) };
        must(s.len <= room && sse_utf8_valid(s) == s.len);
        must(sse_json_string_is(&t->string, s) || t->string.broken);
        dump_string(out, kind == SSE_JSON_NAME ? 'n' : 's', s);
        free(text);
        break;
    case SSE_JSON_INTEGER:
    case SSE_JSON_DOUBLE:
        dump_number(out, kind == SSE_JSON_INTEGER, t->integer, t->real);
        break;
    case SSE_JSON_ARRAY_END:
    case SSE_JSON_OBJECT_END:
        put(out, "e", 1);
        break;
    default:
        put(out, &letter, 1);
    }
}

/* Reads the text by the reader; false and a fault within the text where it is not JSON. */
static bool read_text(sse_slice text, bool replace, sse_buffer *out)
{
    char message[SSE_JSON_FAULT_MAX];
    sse_json_reader r;
    sse_json_token token;
    sse_json_kind kind = SSE_JSON_NULL;

    sse_json_reader_init(&r, text, replace);
    for (;;) {
        kind = sse_json_next(&r, &token);
        if (kind <= SSE_JSON_END)
            break;
        dump_token(out, kind, &token);
    }
    if (kind == SSE_JSON_END)
        return true;
    must(r.fault.what && r.fault.at >= text.at && r.fault.at <= text.at + text.len);
    must(sse_json_fault_text(text, &r.fault, message) == strlen(message));
    return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_node(sse_buffer *out, const node *n)
{
    bool object = n->kind == SSE_JSON_OBJECT;

    switch (n->kind) {
    case SSE_JSON_STRING:
        must(sse_json_write_string(out, n->text) == SSE_OK);
        return;
    case SSE_JSON_INTEGER:
        must(sse_json_write_integer(out, n->integer) == SSE_OK);
        return;
    case SSE_JSON_DOUBLE:
        must(sse_json_write_double(out, n->real) == SSE_OK);
        return;
    case SSE_JSON_TRUE:
        put(out, "true", 4);
        return;
    case SSE_JSON_FALSE:
        put(out, "false", 5);
        return;
    case SSE_JSON_NULL:
        put(out, "null", 4);
        return;
    default:
        break;
    }
    put(out, object ? "{" : "[", 1);
    for (const node *child = n->child; child; child = child->next) {
        if (object)
            must(sse_json_write_name(out, child->name, child == n->child) == SSE_OK);
        else if (child != n->child)
            put(out, ",", 1);
        write_node(out, child);
    }
    put(out, object ? "}" : "]", 1);
}

/* Reads a text of the writer's, and compares it with what was read before. */
static void check_written(const sse_buffer *text, const sse_buffer *expected)
{
    sse_buffer again, values;
    node *n = NULL;
    bool broken = false;

    sse_buffer_init(&again, SIZE_MAX);
    sse_buffer_init(&values, SIZE_MAX);
    must(read_text(sse_buffer_slice(text), false, &values));
    must(sse_slice_equal(sse_buffer_slice(&values), sse_buffer_slice(expected)));
    must(naive_read(sse_buffer_slice(text), false, &n, &broken));
    write_node(&again, n);
    must(sse_slice_equal(sse_buffer_slice(&again), sse_buffer_slice(text)));
    for (size_t i = 0; i < text->len; i++)
        must((unsigned char)text->data[i] >= 0x20 && text->data[i] != 0x7F);
    free_node(n);
    sse_buffer_free(&again);
    sse_buffer_free(&values);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* Draws a key, and follows it: mostly one that leads somewhere. */
static const node *follow(const node *n, uint32_t *seed, sse_json_key *key)
{
    const node *chosen = NULL, *last = NULL;
    int64_t place = 0;

    *key = (sse_json_key){ .name = SSE_SLICE("a") };
    if (random_below(seed, 8) == 0)
        *key = (sse_json_key){ .place = 1 + random_below(seed, 3) };
    if (n && random_below(seed, 8) > 0) {
        uint32_t count = 0;

        for (const node *child = n->child; child; child = child->next)
            if (random_below(seed, ++count) == 0)
                chosen = child;
        if (chosen)
            *key = (sse_json_key){ .name = chosen->name };
        if (chosen && n->kind == SSE_JSON_ARRAY) {
            key->place = 1;
            for (const node *child = n->child; child != chosen; child = child->next)
                key->place++;
        }
    }
    for (const node *child = n ? n->child : NULL; child; child = child->next) {
        place++;
        if (n->kind == SSE_JSON_OBJECT ? key->name.at && sse_slice_equal(child->name, key->name)
                                       : !key->name.at && place == key->place)
            last = child; /* of equal names the last counts */
    }
    return last;
}

static void check_found(sse_slice text, const node *root, uint32_t seed)
{
    for (int round = 0; round < 8; round++) {
        sse_json_key keys[MOST_KEYS];
        size_t count = random_below(&seed, MOST_KEYS + 1);
        const node *n = root;
        sse_json_value found;
        sse_json_fault fault = { 0 };
        sse_json_found result = SSE_JSON_BROKEN;
        sse_buffer a, b;

        for (size_t i = 0; i < count; i++)
            n = follow(n, &seed, &keys[i]);
        result = sse_json_find(text, keys, count, &found, &fault);
        must(!root || result == (n ? SSE_JSON_FOUND : SSE_JSON_NOT_FOUND));
        must(result != SSE_JSON_BROKEN || (fault.what && fault.at >= text.at));
        if (!root || !n)
            continue;
        sse_buffer_init(&a, SIZE_MAX);
        sse_buffer_init(&b, SIZE_MAX);
        dump(&a, n);
        must(read_text(found.text, false, &b));
        must(sse_slice_equal(sse_buffer_slice(&a), sse_buffer_slice(&b)));
        sse_buffer_free(&a);
        sse_buffer_free(&b);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool replace = size && data[0] & REPLACE, good = false, broken = false;
    sse_buffer read, naive_values, written;
    node *root = NULL;
    uint32_t seed = 0;
    char *copy = NULL;
    sse_slice text;

    if (size < 5)
        return 0;
    memcpy(&seed, data + 1, 4);
    copy = malloc(size - 4); /* of its exact size: the sanitizer sees a read past the NUL */
    must(copy != NULL);
    memcpy(copy, data + 5, size - 5);
    copy[size - 5] = '\0';
    text = (sse_slice){ copy, size - 5 };
    sse_buffer_init(&read, SIZE_MAX);
    sse_buffer_init(&naive_values, SIZE_MAX);
    sse_buffer_init(&written, SIZE_MAX);
    good = naive_read(text, replace, &root, &broken);
    must(read_text(text, replace, &read) == good);
    if (good && !broken) {
        dump(&naive_values, root);
        must(sse_slice_equal(sse_buffer_slice(&read), sse_buffer_slice(&naive_values)));
        write_node(&written, root);
        check_written(&written, &read);
    }
    check_found(text, good && !broken ? root : NULL, seed);
    free_node(root);
    free(copy);
    sse_buffer_free(&read);
    sse_buffer_free(&naive_values);
    sse_buffer_free(&written);
    return 0;
}
