/* json_encode.c: Lua values to JSON. A table that is being written keeps its place on Lua's stack:
 * the table, and above it the key of the member at hand, or with `sort` all of its keys.
 *
 * Whether a table is an array depends on all its keys. To look at them only once, a table whose
 * first key is 1 is written as an array at once. Where that turns out wrong, everything is written
 * anew, and this time each table's keys are looked at before: at most twice the time, whatever the
 * tables. */
#include "json_encode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../wire/decimal.h"
#include "../wire/error.h"
#include "../wire/json_reader.h"
#include "../wire/json_writer.h"
#include "hint.h"
#include "json_array.h"

#define SHOWN       200                             /* bytes of a path in a message */
#define NOT_INLINED __attribute__((noinline))       /* the loop over members is to be small */
#define RARE        __attribute__((noinline, cold)) /* not among the code that each value runs */

/* A member's name, for sorting. */
typedef struct name {
    sse_slice text; /* absent: it is `digits`, of a key that is a number */
    int key;        /* where on the stack the key is */
    int len;
    char digits[SSE_NUMBER_MAX];
} name;

/* How the members of a table are gone over. */
typedef enum member_order {
    BY_NAME,     /* an object, by lua_next */
    SORTED,      /* an object, by `names` */
    IN_SEQUENCE, /* an array by lua_next, as long as the keys are 1, 2, 3 ... */
    BY_PLACE     /* an array, by places up to `count`: it may have holes */
} member_order;

/* A table that is being written. */
typedef struct level {
    const void *table; /* tells it from others */
    int at;            /* where on the stack it is */
    member_order order;
    bool has_pair;     /* by lua_next: the first key and value are on the stack */
    lua_Integer done;  /* members that have been begun */
    lua_Integer count; /* of BY_PLACE and SORTED: the members */
    name *names;       /* of SORTED, else NULL */
} level;

typedef struct encoder {
    lua_State *L;
    sse_buffer *out;
    const sse_json_style *style;
    const char *prefix;
    const void *array_metatable;
    bool pretty;  /* each member has a line of its own */
    bool careful; /* nothing is taken for a sequence before all its keys have been looked at */
    bool restart; /* a table that was taken for one is none */
    int code;     /* the last failure of `out` */
    int depth;    /* levels in use */
    level levels[SSE_JSON_MAX_DEPTH];
} encoder;

/* Unlike lua_tolstring, which turns numbers into strings, this never allocates: of a string only.
 */
static sse_slice text_at(lua_State *L, int index)
{
    sse_slice s = { 0 };

    s.at = (lua_tolstring)(L, index, &s.len); /* the function, not the macro of stress_calls.h */
    return s;
}

/* Writes the name that a key of an object gets which is a number; returns its length. */
static int name_number(lua_State *L, int index, char digits[SSE_NUMBER_MAX])
{
    if (lua_isinteger(L, index))
        return (int)sse_number_write_integer(digits, lua_tointeger(L, index));
    if (isinf(lua_tonumber(L, index))) /* which write_name refuses */
        return snprintf(digits, SSE_NUMBER_MAX, "%s", lua_tonumber(L, index) > 0 ? "inf" : "-inf");
    return (int)sse_number_write_double(digits, lua_tonumber(L, index));
}

/* --- errors ----------------------------------------------------------------------------------- */

/* The path to a value, as messages show it. */
typedef struct path {
    char text[SHOWN + 16];
    size_t len;
} path;

/* Adds bytes, or of too many the first ones and "...", after which the path takes no more. */
static void add(path *p, const char *bytes, size_t len)
{
    size_t room = p->len < SHOWN ? SHOWN - p->len : 0;

    if (p->len > SHOWN)
        return;
    memcpy(p->text + p->len, bytes, len < room ? len : room);
    p->len += len < room ? len : room;
    if (len > room) {
        memcpy(p->text + p->len, "...", 3);
        p->len += 3;
    }
}

/* Adds the key of the member at hand: a name, or "[1]". */
static void add_step(path *p, lua_State *L, const level *l)
{
    int key = l->order == SORTED ? l->names[l->done - 1].key : l->at + 1;
    bool array = l->order == IN_SEQUENCE || l->order == BY_PLACE;
    char digits[SSE_NUMBER_MAX];
    sse_slice text = { digits, 0 };

    if (!array && lua_type(L, key) == LUA_TSTRING) {
        text = text_at(L, key);
        add(p, text.at, text.len);
        return;
    }
    if (array)
        text.len = sse_number_write_integer(digits, l->done);
    else
        text.len = (size_t)name_number(L, key, digits);
    add(p, "[", 1);
    add(p, text.at, text.len);
    add(p, "]", 1);
}

/* Raises an error about the member at hand of the last of the first `levels` levels. */
static RARE int raise_at(encoder *e, int levels, const char *what)
{
    path p = { .len = 0 };

    for (int i = 0; i < levels && p.len <= SHOWN; i++) {
        add(&p, i == 0 ? " (at " : ".", i == 0 ? 5 : 1);
        add_step(&p, e->L, &e->levels[i]);
    }
    if (levels > 0)
        p.text[p.len++] = ')';
    for (int i = 0; i < e->depth; i++)
        free(e->levels[i].names);
    sse_buffer_free(e->out);
    luaL_checkstack(e->L, LUA_MINSTACK, "JSON");
    lua_pushlstring(e->L, p.text, p.len);
    return luaL_error(e->L, "%sJSON: %s%s" SSE_PAGE("json"), e->prefix, what,
                      lua_tostring(e->L, -1));
}

/* The same, with at most 64 bytes of a text between `before` and `after`. */
static RARE int raise_about(encoder *e, int levels, const char *before, sse_slice text,
                            const char *after)
{
    char what[160];

    snprintf(what, sizeof what, "%s%.*s%s", before, text.len < 64 ? (int)text.len : 64, text.at,
             after);
    return raise_at(e, levels, what);
}

static RARE int raise_type(encoder *e, int levels, int index, const char *after)
{
    return raise_about(e, levels, "a ", sse_slice_text(luaL_typename(e->L, index)), after);
}

/* Raises since an array has the key at index. */
static RARE int raise_key(encoder *e, int key)
{
    char digits[SSE_NUMBER_MAX];
    sse_slice text = sse_slice_text(luaL_typename(e->L, key));

    if (lua_type(e->L, key) == LUA_TSTRING)
        text = text_at(e->L, key);
    else if (lua_type(e->L, key) == LUA_TNUMBER)
        text = (sse_slice){ digits, (size_t)name_number(e->L, key, digits) };
    return raise_about(e, e->depth, "an array with key ", text, "");
}

/* Notes a failure of the buffer, which `step` looks at. */
static inline void note(encoder *e, int code)
{
    if (code)
        e->code = code;
}

/* --- names of objects ------------------------------------------------------------------------- */

/* Raises where the object at `table` has the number as a key whose name is `text`. */
static RARE void check_number(encoder *e, int table, sse_slice text)
{
    lua_State *L = e->L;
    char digits[SSE_NUMBER_MAX];
    sse_number number;
    size_t len = 0;
    int whole = 0;

    if (text.len >= SSE_NUMBER_MAX ||
        sse_number_read(text.at, text.at + text.len, &number) != text.at + text.len)
        return;
    if (number.kind == SSE_NUMBER_INTEGER)
        lua_pushinteger(L, number.integer);
    else if (number.kind == SSE_NUMBER_DOUBLE)
        lua_pushnumber(L, number.real);
    else
        return;
    lua_tointegerx(L, -1, &whole);
    if (whole && number.kind == SSE_NUMBER_DOUBLE) { /* "-0", "1.0": no key has such a name */
        lua_pop(L, 1);
        return;
    }
    len = (size_t)name_number(L, -1, digits);
    if (lua_rawget(L, table) != LUA_TNIL && len == text.len && memcmp(digits, text.at, len) == 0)
        raise_about(e, e->depth - 1, "two keys that become the name ", text, "");
    lua_pop(L, 1);
}

static bool may_be_number(sse_slice text)
{
    return text.len > 0 && (text.at[0] == '-' || (text.at[0] >= '0' && text.at[0] <= '9'));
}

/* Writes what comes before a member: a comma and the end of the line. */
static inline void separate(encoder *e, const level *l)
{
    if (l->done > 1)
        note(e, sse_json_write(e->out, ",", 1));
    if (e->pretty)
        note(e, sse_json_write_break(e->out, e->style->indent, (unsigned)e->depth));
}

/* Writes a name, and what comes before and after it. */
static inline void put_name(encoder *e, const level *l, sse_slice text)
{
    if (e->pretty) {
        separate(e, l);
        note(e, sse_json_write_name(e->out, text, true));
        note(e, sse_json_write(e->out, " ", 1));
    } else {
        note(e, sse_json_write_name(e->out, text, l->done == 1));
    }
}

/* Writes a name of a key that is no string. */
static RARE void write_other_name(encoder *e, const level *l, int key)
{
    char digits[SSE_NUMBER_MAX];
    sse_slice text = { digits, 0 };

    if (lua_type(e->L, key) != LUA_TNUMBER)
        raise_type(e, e->depth - 1, key, " can't be a key");
    if (!lua_isinteger(e->L, key) && isinf(lua_tonumber(e->L, key)))
        raise_at(e, e->depth - 1, "an infinity can't be a key");
    text.len = (size_t)name_number(e->L, key, digits);
    put_name(e, l, text);
}

/* Writes the key below the value on top of the stack as a name. */
static void write_name(encoder *e, const level *l)
{
    sse_slice text = { 0 };

    if (lua_type(e->L, -2) != LUA_TSTRING) {
        write_other_name(e, l, -2);
        return;
    }
    text = text_at(e->L, -2);
    if (may_be_number(text))
        check_number(e, l->at, text);
    put_name(e, l, text);
}

static sse_slice name_text(const name *n)
{
    return n->text.at ? n->text : (sse_slice){ n->digits, (size_t)n->len };
}

static int compare_names(const void *a, const void *b)
{
    sse_slice x = name_text(a), y = name_text(b);
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* Makes room for more names, and for their keys on the stack; returns how many have room now. */
static lua_Integer grow_names(encoder *e, level *l)
{
    lua_Integer room = l->count ? l->count + l->count / 2 : 8;
    name *names = realloc(l->names, (size_t)room * sizeof *names);

    if (!names)
        raise_at(e, e->depth - 1, sse_error_text(SSE_ENOMEM));
    l->names = names;
    if (!lua_checkstack(e->L, (int)(room - l->count) + LUA_MINSTACK))
        raise_at(e, e->depth - 1, "too many keys to sort");
    return room;
}

/* Makes the sorted list of an object's names. The keys stay on the stack, the table is on top. */
static void sort_names(encoder *e, level *l)
{
    lua_State *L = e->L;
    lua_Integer room = 0;

    lua_pushnil(L);
    while (lua_next(L, l->at)) {
        name *n = NULL;

        lua_pop(L, 1);
        if (l->count == room)
            room = grow_names(e, l);
        n = &l->names[l->count++];
        *n = (name){ .key = lua_gettop(L) };
        if (lua_type(L, -1) == LUA_TSTRING)
            n->text = text_at(L, -1);
        else if (lua_type(L, -1) == LUA_TNUMBER)
            n->len = name_number(L, -1, n->digits);
        lua_pushvalue(L, -1);
    }
    qsort(l->names, (size_t)l->count, sizeof *l->names, compare_names);
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool is_marked(const encoder *e, int table)
{
    bool marked = false;

    if (!lua_getmetatable(e->L, table))
        return false;
    marked = lua_topointer(e->L, -1) == e->array_metatable;
    lua_pop(e->L, 1);
    return marked;
}

/* Looks at all keys of a table, the first of which is on the stack with its value. Says whether the
 * table is an array, and sets *places to the array's length. Takes key and value off the stack. A
 * marked table that has names alone is an object: it was decoded from `[]`, and filled. */
static bool is_array(encoder *e, int table, bool marked, lua_Integer *places)
{
    lua_State *L = e->L;
    lua_Integer members = 0;
    bool first = lua_rawgeti(L, table, 1) != LUA_TNIL, named = false;

    lua_pop(L, 1);
    *places = 0;
    do {
        lua_Integer place = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;

        if (place < 1 && marked && !named) {
            named = true; /* the name stays below the others on the stack */
            lua_pushvalue(L, -2);
            lua_insert(L, -3);
        } else if (!marked && (place < 1 || !first)) {
            lua_settop(L, table);
            return false;
        }
        members += place >= 1;
        if (place > *places)
            *places = place;
        lua_pop(L, 1);
    } while (lua_next(L, table));
    if (named && members > 0)
        raise_key(e, table + 1);
    lua_settop(L, table);
    if (*places > 10 && *places > 2 * members)
        raise_at(e, e->depth, "excessively sparse array: it would be mostly null");
    return !named;
}

/* Finds out how to go over a table, of which the first key and value are on the stack. */
static void choose_order(encoder *e, level *l, bool marked)
{
    lua_State *L = e->L;
    bool number = lua_type(L, -2) == LUA_TNUMBER;

    l->has_pair = true;
    l->order = BY_NAME;
    if (marked || number) {
        if (!e->careful && number && lua_tointeger(L, -2) == 1) {
            l->order = IN_SEQUENCE;
            return;
        }
        l->has_pair = false;
        if (is_array(e, l->at, marked, &l->count)) {
            l->order = BY_PLACE;
            return;
        }
        lua_pushnil(L);
    }
    if (e->style->sort) {
        lua_settop(L, l->at);
        l->order = SORTED;
        l->count = 0;
    }
}

/* Raises where the table is one of those around it, or one too deep. */
static void check_level(encoder *e, const void *table)
{
    for (int i = 0; i < e->depth; i++)
        if (e->levels[i].table == table)
            raise_at(e, e->depth, "a table that contains itself");
    if (e->depth == SSE_JSON_MAX_DEPTH)
        raise_at(e, e->depth, SSE_JSON_TOO_DEEP);
    /* A level takes two places. There are LUA_MINSTACK at first. */
    if (e->depth % 4 == 3 && !lua_checkstack(e->L, LUA_MINSTACK))
        raise_at(e, e->depth, sse_error_text(SSE_ENOMEM));
}

/* Begins the table on top of the stack. */
static NOT_INLINED void open_table(encoder *e)
{
    lua_State *L = e->L;
    level *l = &e->levels[e->depth];
    const void *address = lua_topointer(L, -1);
    bool marked = false;

    check_level(e, address);
    l->table = address;
    l->at = lua_gettop(L);
    l->done = 0;
    l->names = NULL;
    marked = is_marked(e, l->at);
    lua_pushnil(L);
    if (!lua_next(L, l->at)) {
        note(e, sse_json_write(e->out, marked ? "[]" : "{}", 2));
        lua_pop(L, 1);
        return;
    }
    choose_order(e, l, marked);
    e->depth++;
    note(e, sse_json_write(e->out, l->order >= IN_SEQUENCE ? "[" : "{", 1));
    if (l->order == SORTED)
        sort_names(e, l);
}

static NOT_INLINED void close_table(encoder *e)
{
    level *l = &e->levels[--e->depth];

    free(l->names);
    l->names = NULL;
    if (e->pretty)
        note(e, sse_json_write_break(e->out, e->style->indent, (unsigned)e->depth));
    note(e, sse_json_write(e->out, l->order >= IN_SEQUENCE ? "]" : "}", 1));
    lua_settop(e->L, l->at - 1);
}

/* Pushes the next member of a table that lua_next does not go over; false where there is none. */
static bool push_listed(lua_State *L, level *l)
{
    if (l->done == l->count)
        return false;
    l->done++;
    if (l->order == BY_PLACE) {
        lua_rawgeti(L, l->at, l->done);
        return true;
    }
    lua_settop(L, l->at + (int)l->count); /* without the member before */
    lua_pushvalue(L, l->names[l->done - 1].key);
    lua_pushvalue(L, -1);
    lua_rawget(L, l->at);
    return true;
}

/* Pushes the next member's value, of an object above its key; false where there is none. */
static bool push_member(encoder *e, level *l)
{
    lua_State *L = e->L;

    if (l->order == BY_PLACE || l->order == SORTED)
        return push_listed(L, l);
    if (!l->has_pair && !lua_next(L, l->at))
        return false;
    l->has_pair = false;
    l->done++;
    if (l->order == IN_SEQUENCE && !(lua_isinteger(L, -2) && lua_tointeger(L, -2) == l->done))
        e->restart = true;
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

static void write_number(encoder *e)
{
    double value = 0;

    if (lua_isinteger(e->L, -1)) {
        note(e, sse_json_write_integer(e->out, lua_tointeger(e->L, -1)));
        return;
    }
    value = lua_tonumber(e->L, -1);
    if (!isfinite(value))
        raise_at(e, e->depth,
                 isnan(value) ? "NaN is not a number that JSON has"
                 : value > 0  ? "inf is not a number that JSON has"
                              : "-inf is not a number that JSON has");
    note(e, sse_json_write_double(e->out, value));
}

/* Writes the value on top of the stack, which is no table, and takes it off. */
static inline void write_scalar(encoder *e, int type)
{
    lua_State *L = e->L;

    switch (type) {
    case LUA_TSTRING:
        note(e, sse_json_write_string(e->out, text_at(L, -1)));
        break;
    case LUA_TNUMBER:
        write_number(e);
        break;
    case LUA_TBOOLEAN:
        if (lua_toboolean(L, -1))
            note(e, sse_json_write(e->out, "true", 4));
        else
            note(e, sse_json_write(e->out, "false", 5));
        break;
    default:
        if (!(type == LUA_TNIL && e->depth > 0) && !sse_json_is_null(L, -1))
            raise_type(e, e->depth, -1, " can't be encoded");
        note(e, sse_json_write(e->out, "null", 4)); /* nil is a hole of an array */
    }
    lua_pop(L, 1);
}

/* Writes members of the innermost table. Returns true at one that is a table, which is on top of
 * the stack; false when the table has ended. */
static bool write_members(encoder *e)
{
    level *l = &e->levels[e->depth - 1];

    while (push_member(e, l)) {
        int type = lua_type(e->L, -1);

        if (e->restart)
            return false;
        if (l->order < IN_SEQUENCE)
            write_name(e, l);
        else
            separate(e, l);
        if (type == LUA_TTABLE)
            return true;
        write_scalar(e, type);
    }
    close_table(e);
    return false;
}

/* Writes the value at index; false where it has to be written anew, with care. */
static bool run(encoder *e, int index)
{
    bool table = lua_istable(e->L, index);

    lua_pushvalue(e->L, index);
    if (!table)
        write_scalar(e, lua_type(e->L, -1));
    while (table || (e->depth > 0 && !e->code && !e->restart)) {
        if (table)
            open_table(e);
        table = e->depth > 0 && write_members(e);
    }
    if (e->code)
        raise_at(e, 0, sse_error_text(e->code));
    if (e->restart)
        for (int i = 0; i < e->depth; i++)
            free(e->levels[i].names);
    return !e->restart;
}

void sse_json_encode(lua_State *L, sse_state *st, int index, const sse_json_style *style,
                     const char *prefix)
{
    encoder e;
    sse_buffer *out = &st->json;
    size_t before = out->len;
    int top = lua_gettop(L);

    e.L = L;
    e.out = out;
    e.array_metatable = st->json_array;
    e.style = style;
    e.prefix = prefix;
    e.pretty = style->indent.len > 0;
    e.careful = e.restart = false;
    e.code = e.depth = 0;
    if (run(&e, index))
        return;
    lua_settop(L, top);
    out->len = before;
    e.careful = true;
    e.restart = false;
    e.depth = 0;
    run(&e, index);
}
