#include "response_head.h"

#include "../http/response_fields.h"
#include "../wire/error.h"
#include "../wire/http1_response.h"

#define MAX_EXTRA_FIELDS  (SSE_RESPONSE_COMMON_FIELDS + 2) /* Transfer-Encoding and Connection */
#define USUAL_HEAD        512
#define MAX_RESPONSE_HEAD ((size_t)256 << 10)

int sse_http1_build_head(const sse_http1_response_head *head, const sse_http1_field *fields,
                         size_t count, size_t *bad, sse_frame **frame)
{
    char digits[SSE_RESPONSE_LENGTH_SIZE];
    sse_http1_field all[SSE_HTTP1_MAX_FIELDS + MAX_EXTRA_FIELDS];
    sse_buffer out;
    int code = SSE_OK;

    if (count > SSE_HTTP1_MAX_FIELDS)
        return SSE_ETOOBIG;
    if (count)
        memcpy(all, fields, count * sizeof *fields);
    count =
        sse_response_add_common_fields(digits, head->date, head->status, head->length, all, count);
    if (head->chunked)
        all[count++] = sse_response_text_field("Transfer-Encoding", "chunked");
    if (!head->keep_alive)
        all[count++] = sse_response_text_field("Connection", "close");
    else if (head->minor == 0)
        all[count++] = sse_response_text_field("Connection", "keep-alive");
    sse_buffer_init(&out, MAX_RESPONSE_HEAD);
    code = sse_buffer_reserve(&out, USUAL_HEAD);
    if (!code)
        code = sse_http1_write_head(&out, 1, head->status, all, count, bad);
    if (!code) {
        *frame = sse_frame_raw((sse_slice){ out.data, out.len });
        code = *frame ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&out);
    return code;
}
