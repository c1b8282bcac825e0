#include "curl_bugs.h"

static unsigned version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num;
}

bool sse_curl_resends_preface(void)
{
    return version() >= 0x075800 && version() <= 0x075801;
}

void sse_curl_close_when_aborted(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

bool sse_curl_discard_kept(CURL *easy)
{
    return curl_easy_pause(easy, CURLPAUSE_CONT) != CURLE_BAD_FUNCTION_ARGUMENT;
}

static curl_socket_t open_nothing(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg;
    (void)purpose;
    (void)address;
    return CURL_SOCKET_BAD;
}

/* libcurl frees the bytes at the end of a transfer that has its connection for itself. So the
 * handle does one more transfer, which fails at once because it gets no socket. */
void sse_curl_free_kept(CURL *easy)
{
    if (version() >= 0x080200)
        return;
    curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:1/");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, NULL);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_nothing);
    curl_easy_perform(easy);
}
