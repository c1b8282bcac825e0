#include "http1.h"

const sse_http1_field *sse_http1_find(const sse_http1_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (sse_slice_is_name(head->fields[i].name, name))
            return &head->fields[i];
    return NULL;
}
