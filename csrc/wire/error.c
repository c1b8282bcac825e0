#include "error.h"

const char *sse_error_name(int code)
{
    switch (code) {
#define NAME_CASE(constant, name, text) \
    case constant: \
        return name;
        SSE_ERRORS(NAME_CASE)
#undef NAME_CASE
    default:
        return "EUNKNOWN";
    }
}

const char *sse_error_text(int code)
{
    switch (code) {
#define TEXT_CASE(constant, name, text) \
    case constant: \
        return text;
        SSE_ERRORS(TEXT_CASE)
#undef TEXT_CASE
    default:
        return "unknown failure";
    }
}
