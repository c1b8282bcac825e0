/* curl_bugs.h: ways around bugs of some of libcurl's releases. */
#ifndef SSE_CLIENT_CURL_BUGS_H
#define SSE_CLIENT_CURL_BUGS_H

#include <curl/curl.h>
#include <stdbool.h>

/* Says whether libcurl sends HTTP/2's preface anew when it uses a connection with prior knowledge
 * again, so that each such request needs a connection of its own. 7.88.0 and 7.88.1 do (curl's
 * issue 10634). */
bool sse_curl_resends_preface(void);

/* For a transfer that is aborted: closes its connection unless another stream uses it. From 7.88 on
 * libcurl keeps an HTTP/2 stream's RST_STREAM to itself until the connection has something else to
 * send (curl's issue 17611), so the server would not hear of the abort. */
void sse_curl_close_when_aborted(CURL *easy);

/* Both free the bytes that libcurl kept for a paused transfer. When the handle is removed, releases
 * before 8.2 lose them if another stream keeps the connection open. */

/* For a transfer under way: lets libcurl hand the bytes over. The write callback must refuse them.
 * Returns false where the transfer has failed meanwhile: the bytes are then freed by
 * sse_curl_free_kept. Never from within a callback of libcurl's. */
bool sse_curl_discard_kept(CURL *easy);

/* For a transfer that failed while it was paused, after its handle was removed. Changes the
 * handle's options: only curl_easy_cleanup may be called after it. */
void sse_curl_free_kept(CURL *easy);

#endif
