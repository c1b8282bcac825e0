/* disk.c: SQLite's files on a disk whose power can be cut, or that is slow. It becomes SQLite's
 * default VFS, so whatever opens a file in this process from then on uses it, unchanged.
 *
 * Of each file the bytes are known that were there at its last xSync, and what was written behind.
 * When the power is cut the bytes that were synced stay. Of every later write nothing has arrived,
 * or a part of it, or all of it: as if the disk had put them in another order. After the cut all
 * that is asked of the disk fails. `image` writes what the next start of the machine would find. */
#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512 /* bytes that a disk writes whole or not at all */

typedef struct change {
    struct change *next;
    int64_t at;
    size_t len; /* of a write; 0: the file is cut to `at` bytes */
    char bytes[];
} change;

/* What a file holds. */
typedef struct content {
    char *bytes; /* NULL: there is no file */
    size_t size, room;
} content;

/* A file of the disk, whoever has it open. */
typedef struct node {
    struct node *next;
    char *path;
    content synced;          /* at the last sync */
    change *changes, **last; /* since the last sync */
} node;

typedef struct file {
    sqlite3_file base;
    node *node;
    sqlite3_file *real; /* behind this */
} file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *real, vfs;
static sqlite3_io_methods methods;
static node *nodes;
static long long left;     /* writes and syncs before the cut; -1: no end */
static bool off, recorded; /* recorded: the disk keeps what `image` needs */
static int write_us, sync_us;

static void *allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    if (!p)
        abort();
    return p;
}

/* --- what the disk holds ---------------------------------------------------------------------- */

static node *find(const char *path)
{
    node *n = nodes;

    while (n && strcmp(n->path, path) != 0)
        n = n->next;
    if (n)
        return n;
    n = allocate(NULL, sizeof *n);
    *n = (node){ .next = nodes, .path = allocate(NULL, strlen(path) + 1) };
    strcpy(n->path, path);
    n->last = &n->changes;
    nodes = n;
    return n;
}

static void drop_changes(node *n)
{
    while (n->changes) {
        change *c = n->changes;

        n->changes = c->next;
        free(c);
    }
    n->last = &n->changes;
}

static void add_change(node *n, int64_t at, const void *bytes, size_t len)
{
    change *c = allocate(NULL, sizeof *c + len);

    *c = (change){ .at = at, .len = len };
    if (len > 0)
        memcpy(c->bytes, bytes, len);
    *n->last = c;
    n->last = &c->next;
}

/* In steps that grow with the file, since a large block may be copied each time. */
static void make_room(content *held, size_t size)
{
    if (held->bytes && size <= held->room)
        return;
    held->room = size + size / 2;
    held->bytes = allocate(held->bytes, held->room);
}

/* Makes a change to the bytes: of a write, those from `from` to `to`. */
static void apply(content *held, const change *c, size_t from, size_t to)
{
    size_t end = (size_t)c->at + to;

    if (c->len == 0) {
        if ((size_t)c->at < held->size)
            held->size = (size_t)c->at;
        return;
    }
    if (from >= to)
        return;
    if (end > held->size) {
        make_room(held, end);
        memset(held->bytes + held->size, 0, end - held->size);
        held->size = end;
    }
    memcpy(held->bytes + c->at + from, c->bytes + from, to - from);
}

static void sync_node(node *n)
{
    make_room(&n->synced, 0);
    for (const change *c = n->changes; c; c = c->next)
        apply(&n->synced, c, 0, c->len);
    drop_changes(n);
}

/* Whether the power is on for one more write or sync. The caller has the lock. */
static bool spend(void)
{
    if (left == 0)
        off = true;
    if (left > 0)
        left--;
    return !off;
}

/* --- a file of SQLite's ----------------------------------------------------------------------- */

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((file *)f)->real;
}

static int x_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int x_read(sqlite3_file *f, void *bytes, int len, sqlite3_int64 at)
{
    return off ? SQLITE_IOERR_READ : real_of(f)->pMethods->xRead(real_of(f), bytes, len, at);
}

static int change_file(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
    bool on = false;

    pthread_mutex_lock(&lock);
    on = spend();
    if (recorded) /* also the write that the cut meets: a part of it may have arrived */
        add_change(((file *)f)->node, at, bytes, (size_t)len);
    pthread_mutex_unlock(&lock);
    if (!on)
        return SQLITE_IOERR_WRITE;
    if (len == 0)
        return real_of(f)->pMethods->xTruncate(real_of(f), at);
    if (write_us > 0)
        usleep((useconds_t)write_us);
    return real_of(f)->pMethods->xWrite(real_of(f), bytes, len, at);
}

static int x_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
    return change_file(f, bytes, len, at);
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return change_file(f, NULL, 0, size);
}

static int x_sync(sqlite3_file *f, int flags)
{
    bool on = false;

    pthread_mutex_lock(&lock);
    on = spend();
    if (on && recorded)
        sync_node(((file *)f)->node);
    pthread_mutex_unlock(&lock);
    if (!on)
        return SQLITE_IOERR_FSYNC;
    if (sync_us > 0)
        usleep((useconds_t)sync_us);
    /* What this disk has synced needs no real disk. */
    return recorded ? SQLITE_OK : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int x_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int x_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int x_check_lock(sqlite3_file *f, int *is)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), is);
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int x_sector_size(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int x_characteristics(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int x_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void x_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int x_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

/* --- the VFS ---------------------------------------------------------------------------------- */

static int x_open(sqlite3_vfs *v, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
    file *f = (file *)base;
    int rc = SQLITE_CANTOPEN;

    (void)v;
    memset(f, 0, sizeof *f);
    f->real = (sqlite3_file *)(f + 1);
    if (!off)
        rc = real->xOpen(real, name, f->real, flags, out_flags);
    if (rc != SQLITE_OK)
        return rc;
    pthread_mutex_lock(&lock);
    f->node = find(name ? name : "");
    pthread_mutex_unlock(&lock);
    base->pMethods = &methods;
    return SQLITE_OK;
}

/* A name that is removed is gone at once, as on a file system with a journal of its own. */
static int x_delete(sqlite3_vfs *v, const char *name, int sync)
{
    node *n = NULL;

    (void)v;
    if (off)
        return SQLITE_IOERR_DELETE;
    pthread_mutex_lock(&lock);
    n = find(name);
    drop_changes(n);
    free(n->synced.bytes);
    n->synced = (content){ 0 };
    pthread_mutex_unlock(&lock);
    return real->xDelete(real, name, sync);
}

static void install(void)
{
    if (real)
        return;
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.pNext = NULL;
    vfs.zName = "disk";
    vfs.szOsFile = (int)sizeof(file) + real->szOsFile;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    methods = (sqlite3_io_methods){ 2,
                                    x_close,
                                    x_read,
                                    x_write,
                                    x_truncate,
                                    x_sync,
                                    x_size,
                                    x_lock,
                                    x_unlock,
                                    x_check_lock,
                                    x_control,
                                    x_sector_size,
                                    x_characteristics,
                                    x_shm_map,
                                    x_shm_lock,
                                    x_shm_barrier,
                                    x_shm_unmap,
                                    NULL,
                                    NULL };
    sqlite3_vfs_register(&vfs, 1);
}

/* --- the functions of the module -------------------------------------------------------------- */

static void forget(void)
{
    while (nodes) {
        node *n = nodes;

        nodes = n->next;
        drop_changes(n);
        free(n->synced.bytes);
        free(n->path);
        free(n);
    }
}

/* on(count): the disk is SQLite's from now on, new, and records; after `count` writes and syncs its
 * power is cut. No file that uses it may be open. */
static int f_on(lua_State *L)
{
    long long count = luaL_checkinteger(L, 1);

    install();
    pthread_mutex_lock(&lock);
    forget();
    off = false;
    recorded = true;
    left = count;
    pthread_mutex_unlock(&lock);
    return 0;
}

/* slow(write_us, sync_us): the disk is SQLite's from now on, and takes that much longer for each
 * write and sync. */
static int f_slow(lua_State *L)
{
    install();
    left = -1;
    write_us = (int)luaL_checkinteger(L, 1);
    sync_us = (int)luaL_checkinteger(L, 2);
    return 0;
}

/* off(): another VFS is SQLite's default one again; the power is on. */
static int f_off(lua_State *L)
{
    (void)L;
    pthread_mutex_lock(&lock);
    forget();
    off = recorded = false;
    left = -1;
    write_us = sync_us = 0;
    pthread_mutex_unlock(&lock);
    if (real)
        sqlite3_vfs_unregister(&vfs);
    real = NULL;
    return 0;
}

/* is_cut() -> whether the power has been cut */
static int f_is_cut(lua_State *L)
{
    pthread_mutex_lock(&lock);
    lua_pushboolean(L, off);
    pthread_mutex_unlock(&lock);
    return 1;
}

static uint64_t chance;

/* A number below n. */
static size_t pick(size_t n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (size_t)(chance % n);
}

/* Lets a part of the changes arrive that were not synced. */
static void arrive(const node *n, content *held)
{
    size_t kind = pick(4); /* of all of the file's changes: none, some, or the first ones */

    for (const change *c = n->changes; c && kind > 0; c = c->next) {
        size_t sectors = c->len / SECTOR + 1;

        switch (kind == 1 ? pick(4) : 3) {
        case 0: /* nothing of it */
            break;
        case 1: /* its first sectors */
            apply(held, c, 0, pick(sectors) * SECTOR);
            break;
        case 2: /* its last ones */
            apply(held, c, pick(sectors) * SECTOR, c->len);
            break;
        default:
            apply(held, c, 0, c->len);
        }
        if (kind == 2 && pick(8) == 0)
            return;
    }
}

static void write_image(lua_State *L, const node *n, const char *folder)
{
    const char *base = strrchr(n->path, '/');
    content held = { 0 };
    FILE *out = NULL;
    bool ok = false;

    if (!base || (!n->synced.bytes && !n->changes))
        return;
    make_room(&held, n->synced.size);
    held.size = n->synced.size;
    if (held.size > 0)
        memcpy(held.bytes, n->synced.bytes, held.size);
    arrive(n, &held);
    out = fopen(lua_pushfstring(L, "%s%s", folder, base), "wb");
    ok = out && fwrite(held.bytes, 1, held.size, out) == held.size;
    if (out)
        fclose(out);
    free(held.bytes);
    if (!ok)
        luaL_error(L, "can't write to %s", folder);
    lua_pop(L, 1);
}

/* image(folder, seed): writes the disk's files into another folder, as they are after the cut. The
 * seed says what of the writes that were not synced has arrived. */
static int f_image(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);

    chance = (uint64_t)luaL_checkinteger(L, 2) * 0x9e3779b97f4a7c15u + 1;
    luaL_argcheck(L, off, 1, "the power is on");
    for (const node *n = nodes; n; n = n->next)
        write_image(L, n, folder);
    return 0;
}

__attribute__((visibility("default"))) int luaopen_spec_disk(lua_State *L);

int luaopen_spec_disk(lua_State *L)
{
    static const luaL_Reg functions[] = { { "on", f_on },       { "slow", f_slow },
                                          { "off", f_off },     { "is_cut", f_is_cut },
                                          { "image", f_image }, { NULL, NULL } };

    luaL_newlib(L, functions);
    return 1;
}
