/* forwarded_fuzz.c: whatever a client has put into X-Forwarded-* and Forwarded, what the proxy has
 * appended is what counts. Input: lines, each the value of a field; the first byte of a line
 * chooses its name. */
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/authority.h"
#include "../csrc/wire/forwarded.h"

#define MOST 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sse_network networks[] = { { { 4, { 10 } }, 8 }, { { 16, { 0xfd } }, 8 } };
static const sse_client peer = { 4, { 10, 0, 0, 1 } }, visitor = { 4, { 203, 0, 113, 9 } };

static void must(bool condition)
{
    if (!condition)
        abort();
}

static size_t read_lines(const char *bytes, size_t size, sse_http1_field *fields)
{
    static const char *const names[] = { "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                                         "Forwarded" };
    size_t count = 0;

    while (size > 1 && count < MOST) {
        const char *end = memchr(bytes, '\n', size);
        size_t len = end ? (size_t)(end - bytes) : size;

        if (len > 0) {
            fields[count].name = sse_slice_text(names[(unsigned char)bytes[0] % 4]);
            fields[count++].value = (sse_slice){ bytes + 1, len - 1 };
        }
        len += end ? 1 : 0;
        bytes += len;
        size -= len;
    }
    return count;
}

/* Appends to the value of the last field of that name, or adds one. Returns what is to be freed. */
static char *append(sse_http1_field *fields, size_t *count, const char *name, const char *text)
{
    size_t i = *count;
    char *grown = NULL;
    sse_slice value = { "", 0 };

    while (i > 0 && !sse_slice_is_name(fields[i - 1].name, name))
        i--;
    if (i > 0)
        value = fields[i - 1].value;
    else
        i = ++*count;
    grown = malloc(value.len + strlen(text) + 3);
    if (!grown)
        abort();
    memcpy(grown, value.at, value.len);
    memcpy(grown + value.len, ", ", 2);
    memcpy(grown + value.len + 2, text, strlen(text));
    fields[i - 1].name = sse_slice_text(name);
    fields[i - 1].value = (sse_slice){ grown, value.len + 2 + strlen(text) };
    return grown;
}

static void must_be_visitor(const sse_forwarded *found)
{
    must(found->named && found->client.len == 4);
    must(memcmp(found->client.bytes, visitor.bytes, 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sse_http1_field fields[MOST + 2];
    size_t count = read_lines((const char *)data, size, fields);
    sse_trust trust = { networks, 2, 15 };
    sse_forwarded found;
    char *grown[2];

    sse_forwarded_read(fields, count, &trust, &peer, &found);
    must(found.client.len == 4 || found.client.len == 16);
    must(!found.host.at || sse_is_authority(found.host));

    grown[0] = append(fields, &count, "X-Forwarded-For", "203.0.113.9");
    trust.fields = SSE_X_FORWARDED_FOR | SSE_X_FORWARDED_PROTO;
    sse_forwarded_read(fields, count, &trust, &peer, &found);
    must_be_visitor(&found);

    grown[1] = append(fields, &count, "Forwarded", "for=203.0.113.9;proto=https;host=\"a:80\"");
    trust.fields = SSE_FORWARDED;
    sse_forwarded_read(fields, count, &trust, &peer, &found);
    must_be_visitor(&found);
    must(found.scheme == SSE_SCHEME_HTTPS && sse_slice_is(found.host, "a:80"));
    free(grown[0]);
    free(grown[1]);
    return 0;
}
