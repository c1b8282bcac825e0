#include "read_back.h"

#include "../wire/error.h"

void sse_push_event_texts(lua_State *L, sse_parser **parser, const sse_frame *frame)
{
    sse_parser_options options = { .max_event_size = SIZE_MAX, .wanted = SSE_ITEM_EVENT };
    sse_slice payload = sse_frame_payload(frame);
    sse_item item;
    int got = SSE_OK;

    if (!*parser && sse_parser_new(parser, &options, NULL, NULL))
        luaL_error(L, "%s", sse_error_text(SSE_ENOMEM));
    sse_parser_reset(*parser);
    sse_parser_begin(*parser, payload.at, payload.len);
    got = sse_parser_next(*parser, &item);
    if (got <= 0)
        luaL_error(L, "%s", sse_error_text(got));
    lua_pushlstring(L, item.event.type.at, item.event.type.len);
    lua_pushlstring(L, item.event.data.at, item.event.data.len);
    sse_parser_next(*parser, &item); /* reaches the end of the frame */
}

sse_parser *sse_take_parser(sse_parser **of_object)
{
    sse_parser *parser = *of_object;

    *of_object = NULL;
    return parser;
}

void sse_give_parser_back(sse_parser **of_object, sse_parser *parser, bool ok)
{
    if (ok && !*of_object)
        *of_object = parser;
    else
        sse_parser_free(parser);
}
