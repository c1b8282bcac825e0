#include "job.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_STEP 256                 /* bytes of texts: a job that is used again then fits many */
#define MAX_BLOCK ((size_t)64 * 1024) /* bytes of rows that are allocated at once */

static size_t sum(const text texts[TEXTS])
{
    size_t len = 0;

    for (int i = 0; texts && i < TEXTS; i++)
        len += texts[i].len;
    return len;
}

/* Copies the texts to `to`, one after the other. */
static void copy(text out[TEXTS], const text texts[TEXTS], char *to)
{
    for (int i = 0; texts && i < TEXTS; i++) {
        if (!texts[i].at)
            continue;
        if (texts[i].len > 0)
            memcpy(to, texts[i].at, texts[i].len);
        out[i] = (text){ to, texts[i].len };
        to += texts[i].len;
    }
}

static job *fill(job *j, size_t room, job_kind kind, int log, const text texts[TEXTS], size_t len)
{
    memset(j, 0, offsetof(job, message));
    j->message[0] = '\0';
    j->kind = kind;
    j->log = log;
    j->bytes = len;
    j->room = room;
    j->last = &j->rows;
    copy(j->text, texts, (char *)(j + 1));
    return j;
}

job *job_new(job_kind kind, int log, const text texts[TEXTS])
{
    size_t len = sum(texts), room = (len + ROOM_STEP) / ROOM_STEP * ROOM_STEP;
    job *j = malloc(sizeof *j + room);

    return j ? fill(j, room, kind, log, texts, len) : NULL;
}

job *job_renew(job *old, job_kind kind, int log, const text texts[TEXTS])
{
    size_t len = sum(texts);

    if (old->room >= len)
        return fill(old, old->room, kind, log, texts, len);
    job_free(old);
    return job_new(kind, log, texts);
}

/* --- rows ------------------------------------------------------------------------------------- */

struct row_block {
    row_block *next;
    size_t size, used; /* of what follows the block */
};

/* Returns memory for a row that job_drop_rows frees, or NULL. The first row has a block to itself,
 * since most jobs bring none or one; each further block is twice as large. */
static void *reserve(job *j, size_t bytes)
{
    row_block *b = j->blocks;
    size_t size = b ? 2 * b->size : bytes;

    bytes = (bytes + _Alignof(row) - 1) & ~(_Alignof(row) - 1);
    if (!b || b->size - b->used < bytes) {
        if (size > MAX_BLOCK)
            size = MAX_BLOCK;
        if (size < bytes)
            size = bytes;
        b = malloc(sizeof *b + size);
        if (!b)
            return NULL;
        *b = (row_block){ .next = j->blocks, .size = size };
        j->blocks = b;
    }
    b->used += bytes;
    return (char *)(b + 1) + b->used - bytes;
}

bool job_add_row(job *j, int64_t position, int64_t time, const text texts[TEXTS])
{
    size_t len = sum(texts);
    row *r = reserve(j, sizeof *r + len);

    if (!r)
        return false;
    *r = (row){ .position = position, .time = time };
    copy(r->text, texts, (char *)(r + 1));
    *j->last = r;
    j->last = &r->next;
    j->row_bytes += sizeof *r + len;
    return true;
}

void job_drop_rows(job *j)
{
    while (j->blocks) {
        row_block *b = j->blocks;

        j->blocks = b->next;
        free(b);
    }
    j->rows = NULL;
    j->last = &j->rows;
    j->row_bytes = 0;
}

void job_free(job *j)
{
    if (!j)
        return;
    job_drop_rows(j);
    free(j);
}
