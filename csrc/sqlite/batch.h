/* batch.h: what has been asked of a store's thread, done in one transaction. */
#ifndef SSE_SQLITE_BATCH_H
#define SSE_SQLITE_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "database.h"
#include "job.h"
#include "worker_numbers.h"

/* Tells the program whether the file can be used, where that has changed. code: NULL, or why it
 * can't. */
void batch_tell_state(worker *w, const char *code, const char *message);

/* Opens the file unless it is open. Returns NULL, or the failure's code, with its message. */
const char *batch_use_file(worker *w, char message[MESSAGE_BYTES]);

/* Whether the news of any log are wanted. */
bool batch_any_watched(const worker *w);

/* Does the jobs; returns whether something was added to a log. */
bool batch_do(worker *w, job *first, size_t count);

#endif
