#include "job.h"

#include <stdlib.h>
#include <string.h>

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

job *job_new(job_kind kind, int log, const text texts[TEXTS])
{
    size_t len = sum(texts);
    job *j = malloc(sizeof *j + len + 1);

    if (!j)
        return NULL;
    *j = (job){ .kind = kind, .log = log, .bytes = len };
    j->last = &j->rows;
    copy(j->text, texts, (char *)(j + 1));
    return j;
}

bool job_add_row(job *j, int64_t position, int64_t time, const text texts[TEXTS])
{
    size_t len = sum(texts);
    row *r = malloc(sizeof *r + len + 1);

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
    while (j->rows) {
        row *r = j->rows;

        j->rows = r->next;
        free(r);
    }
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
