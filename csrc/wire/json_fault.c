#include "json_fault.h"

#include <stdio.h>

sse_json_place sse_json_place_of(sse_slice text, const char *at)
{
    sse_json_place place = { 1, 1, (size_t)(at - text.at) + 1 };

    for (const char *p = text.at; p < at; p++) {
        if (*p == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* Writes what stands at a place in the text, as a message names it. */
static void name_byte(sse_slice text, const char *at, char *out, size_t size)
{
    unsigned char byte = 0;

    if (at == text.at + text.len) {
        snprintf(out, size, "the end of the text");
        return;
    }
    byte = (unsigned char)*at;
    if (byte > 0x20 && byte < 0x7F)
        snprintf(out, size, "'%c'", byte);
    else
        snprintf(out, size, byte == '\n' ? "the end of the line" : "byte 0x%02X", byte);
}

size_t sse_json_fault_text(sse_slice text, const sse_json_fault *fault,
                           char out[SSE_JSON_FAULT_MAX])
{
    sse_json_place place = sse_json_place_of(text, fault->at);
    bool expected = strncmp(fault->what, "expected", 8) == 0;
    char got[32] = "";
    int len = 0;

    if (expected)
        name_byte(text, fault->at, got, sizeof got);
    len = snprintf(out, SSE_JSON_FAULT_MAX, "%s%s%s (line %zu, column %zu, byte %zu)", fault->what,
                   expected ? ", got " : "", got, place.line, place.column, place.byte);
    return len < SSE_JSON_FAULT_MAX ? (size_t)len : SSE_JSON_FAULT_MAX - 1;
}
