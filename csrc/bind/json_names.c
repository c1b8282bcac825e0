#include "json_names.h"

/* Reads a name's bytes into words: its beginning and its end, which overlap in most names. */
static void read_words(sse_slice name, uint64_t words[4])
{
    const char *last = name.at + name.len;
    uint32_t first4 = 0, last4 = 0;

    words[0] = words[1] = words[2] = words[3] = 0;
    if (name.len >= 16) {
        memcpy(&words[0], name.at, 16);
        memcpy(&words[2], last - 16, 16);
    } else if (name.len >= 8) {
        memcpy(&words[0], name.at, 8);
        memcpy(&words[1], last - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&first4, name.at, 4);
        memcpy(&last4, last - 4, 4);
        words[0] = (uint64_t)first4 << 32 | last4;
    } else {
        words[0] = (uint64_t)(unsigned char)name.at[0] << 16 |
                   (uint64_t)(unsigned char)name.at[name.len / 2] << 8 | (unsigned char)last[-1];
    }
}

static unsigned place_of(const uint64_t words[4], size_t len)
{
    const uint64_t odd = 0x9E3779B97F4A7C15u; /* 2^64 by the golden ratio */
    uint64_t mixed = (words[0] ^ words[2] << 1) * odd + (words[1] ^ words[3] << 1) + len;

    return (unsigned)((mixed ^ mixed >> 29) * odd >> 56);
}

unsigned sse_json_push_name(lua_State *L, sse_json_names *names, int index, sse_slice name)
{
    sse_json_name *n = NULL;
    uint64_t words[4];
    unsigned place = 0;
    bool same = false;

    read_words(name, words);
    place = place_of(words, name.len);
    n = &names->places[place];
    same = n->len == name.len && ((n->words[0] ^ words[0]) | (n->words[1] ^ words[1]) |
                                  (n->words[2] ^ words[2]) | (n->words[3] ^ words[3])) == 0;
    if (same && n->kept) {
        lua_rawgeti(L, index, place + 1);
        return place;
    }
    lua_pushlstring(L, name.at, name.len);
    if (same) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, index, place + 1);
    }
    /* A finalizer that ran meanwhile may have decoded another name into the place. */
    n->len = (uint8_t)name.len;
    memcpy(n->words, words, sizeof words);
    n->kept = same;
    return place;
}
