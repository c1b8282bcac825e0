/* json_decode.c: tokens to Lua values. The members of an array or object wait on Lua's stack until
 * it ends, so that its table is made in the right size, which is half of what a table costs. */
#include "json_decode.h"

#include "json_array.h"
#include "json_names.h"

#define PENDING 256 /* slots of the stack; past that the table is made, and grows */

/* An array or object that is not complete. Its table, or a nil in the place of it, is at `table` on
 * the stack, what waits to be put into it is above. */
typedef struct level {
    int table;
    int count; /* values that have come; with `made` those of an array alone are counted */
    bool object;
    bool made;                           /* the table exists: values do not wait */
    bool repeated;                       /* maybe a name came twice */
    uint64_t names[SSE_JSON_NAMES / 64]; /* a bit for each name, by its place in json_names.h */
} level;

typedef struct builder {
    lua_State *L;
    const sse_json_options *options;
    sse_json_names *names;
    int room;     /* slots of the stack that may be used before the next look */
    level *level; /* the innermost one */
    sse_json_reader reader;
    sse_json_token token;
    level levels[SSE_JSON_MAX_DEPTH + 1]; /* the first one is the whole text's */
} builder;

/* Puts what waits into the table, the last first. A name that comes twice needs another order. */
static void fill_table(builder *b)
{
    lua_State *L = b->L;
    level *l = b->level;
    int top = 0;

    if (!l->object) {
        lua_createtable(L, l->made ? 2 * l->count : l->count, 0);
        lua_replace(L, l->table);
        for (int i = l->count; i > 0; i--)
            lua_rawseti(L, l->table, i);
        return;
    }
    lua_createtable(L, 0, l->made ? 2 * l->count : l->count);
    lua_replace(L, l->table);
    top = l->table + 2 * l->count;
    if (!l->repeated) {
        for (int i = l->count; i > 0; i--)
            lua_rawset(L, l->table);
        return;
    }
    for (int at = l->table + 1; at < top; at += 2) {
        lua_pushvalue(L, at);
        lua_pushvalue(L, at + 1);
        lua_rawset(L, l->table);
    }
    lua_settop(L, l->table);
}

static void open_level(builder *b, bool object)
{
    lua_pushnil(b->L);
    b->level++;
    b->level->table = lua_gettop(b->L);
    b->level->count = 0;
    b->level->object = object;
    b->level->made = b->level->repeated = false;
    memset(b->level->names, 0, sizeof b->level->names);
}

/* Leaves the table on top of the stack. */
static void close_level(builder *b)
{
    level *l = b->level;

    if (!l->made)
        fill_table(b);
    if (!l->object) {
        lua_pushvalue(b->L, lua_upvalueindex(SSE_JSON_METATABLE));
        lua_setmetatable(b->L, l->table);
    }
    b->level--;
}

/* The value on top of the stack is complete: it waits, or goes into its table. */
static void add_value(builder *b)
{
    level *l = b->level;

    l->count++;
    if (!l->made) {
        if (l->count < (l->object ? PENDING / 2 : PENDING) || l == b->levels)
            return;
        l->made = true;
        fill_table(b);
    } else if (l->object) {
        lua_rawset(b->L, l->table);
    } else {
        lua_rawseti(b->L, l->table, l->count);
    }
}

static __attribute__((noinline)) void push_escaped(lua_State *L, const sse_json_string *string)
{
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, sse_json_string_room(string));

    luaL_pushresultsize(&buffer, sse_json_string_value(string, out));
}

void sse_json_push_string(lua_State *L, const sse_json_string *s)
{
    if (!s->escaped && !s->broken)
        lua_pushlstring(L, s->raw.at, s->raw.len);
    else
        push_escaped(L, s);
}

static void push_name(builder *b)
{
    const sse_json_string *s = &b->token.string;
    level *l = b->level;
    unsigned place = 0;
    uint64_t bit = 0;

    if (s->escaped || s->broken || s->raw.len == 0 || s->raw.len > SSE_JSON_NAME_SIZE) {
        sse_json_push_string(b->L, s);
        l->repeated = true; /* not known, rather */
        return;
    }
    place = sse_json_push_name(b->L, b->names, lua_upvalueindex(SSE_JSON_NAME_TABLE), s->raw);
    bit = (uint64_t)1 << place % 64;
    if (l->names[place / 64] & bit)
        l->repeated = true;
    l->names[place / 64] |= bit;
}

static void push_null(builder *b)
{
    if (b->level->object && !b->options->null)
        lua_pushnil(b->L);
    else
        sse_json_push_null(b->L);
}

static void reserve(builder *b)
{
    if (--b->room > 4)
        return;
    b->room = 64;
    luaL_checkstack(b->L, b->room + LUA_MINSTACK, "JSON");
}

/* Reads up to the end of the text or a fault. */
static sse_json_kind build(builder *b)
{
    for (;;) {
        sse_json_kind kind = sse_json_next(&b->reader, &b->token);

        reserve(b);
        switch (kind) {
        case SSE_JSON_NAME:
            push_name(b);
            continue;
        case SSE_JSON_ARRAY:
        case SSE_JSON_OBJECT:
            open_level(b, kind == SSE_JSON_OBJECT);
            continue;
        case SSE_JSON_ARRAY_END:
        case SSE_JSON_OBJECT_END:
            close_level(b);
            break;
        case SSE_JSON_STRING:
            sse_json_push_string(b->L, &b->token.string);
            break;
        case SSE_JSON_INTEGER:
            lua_pushinteger(b->L, (lua_Integer)b->token.integer);
            break;
        case SSE_JSON_DOUBLE:
            lua_pushnumber(b->L, (lua_Number)b->token.real);
            break;
        case SSE_JSON_TRUE:
        case SSE_JSON_FALSE:
            lua_pushboolean(b->L, kind == SSE_JSON_TRUE);
            break;
        case SSE_JSON_NULL:
            push_null(b);
            break;
        default:
            return kind;
        }
        add_value(b);
    }
}

bool sse_json_push(lua_State *L, sse_slice text, const sse_json_options *options,
                   sse_json_fault *fault)
{
    builder b;
    int top = lua_gettop(L);

    b.L = L;
    b.options = options;
    b.room = 0;
    luaL_checkstack(L, LUA_MINSTACK, "JSON");
    b.names = lua_touserdata(L, lua_upvalueindex(SSE_JSON_NAME_PLACES));
    b.level = b.levels;
    b.levels[0] = (level){ 0 };
    sse_json_reader_init(&b.reader, text, options->replace);
    if (build(&b) == SSE_JSON_FAULT) {
        *fault = b.reader.fault;
        lua_settop(L, top);
        return false;
    }
    return true;
}

/* The registry keys of the names' table and places are these variables' addresses. */
static const char table_key = 0, places_key = 0;

void sse_json_push_upvalues(lua_State *L)
{
    sse_json_push_array_metatable(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &table_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, SSE_JSON_NAMES, 0);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &table_key);
        memset(lua_newuserdatauv(L, sizeof(sse_json_names), 0), 0, sizeof(sse_json_names));
        lua_rawsetp(L, LUA_REGISTRYINDEX, &places_key);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &places_key);
}
