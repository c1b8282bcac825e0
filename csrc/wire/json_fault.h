/* json_fault.h: what is wrong with a JSON text, and where. */
#ifndef SSE_WIRE_JSON_FAULT_H
#define SSE_WIRE_JSON_FAULT_H

#include "slice.h"

#define SSE_JSON_FAULT_MAX 160 /* bytes of sse_json_fault_text, its NUL included */

typedef struct sse_json_fault {
    const char *what; /* a static text; "expected a value" is completed by what is there instead */
    const char *at;   /* where in the text; may be its end */
} sse_json_fault;

/* A place in a text, counted from 1. A column is a character, not a byte; a line ends with LF. */
typedef struct sse_json_place {
    size_t line, column, byte;
} sse_json_place;

sse_json_place sse_json_place_of(sse_slice text, const char *at);

/* Writes "expected a value, got '}' (line 1, column 6, byte 6)" and NUL; returns the length. */
size_t sse_json_fault_text(sse_slice text, const sse_json_fault *fault,
                           char out[SSE_JSON_FAULT_MAX]);

#endif
