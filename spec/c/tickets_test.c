/* tickets_test.c: until when a TLS session may be resumed, on a clock that the test sets. time()
 * below takes the place of the C library's, also for OpenSSL if the linker allows it. */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../csrc/tls/tls.h"
#include "../../csrc/wire/error.h"

#define HOUR 3600
#define DAY  (24 * HOUR)

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            fail(#condition, __LINE__); \
    } while (0)

static time_t ahead; /* seconds by which time() is ahead of the system's clock */
static const char *part = "";
static char folder[] = "/tmp/lua-sse-tickets.XXXXXX";

static void fail(const char *what, int line)
{
    fprintf(stderr, "tickets_test.c:%d: %s: %s\n", line, part, what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec + ahead;
    return now.tv_sec + ahead;
}

/* --- certificates ----------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Writes a self-signed certificate that expires in `seconds`, and its key, to one file. */
static void make_certificate(const char *name, long seconds)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    FILE *file = fopen(path_of(name), "wb");

    CHECK(key && cert && file);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -HOUR);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    PEM_write_X509(file, cert);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* --- both ends of a connection ---------------------------------------------------------------- */

static sse_tls_context *context;
static sse_tls_counters count;
static SSL_CTX *client;
static SSL_SESSION *session; /* of the newest ticket; the client offers it when it connects */

static int on_session(SSL *ssl, SSL_SESSION *fresh)
{
    (void)ssl;
    SSL_SESSION_free(session);
    SSL_SESSION_set_timeout(fresh, 9 * DAY); /* so that the server has to refuse it */
    session = fresh;
    return 1;
}

static void begin(const char *what, const char *certificate, int version)
{
    sse_tls_identity identity = { .label = "tls", .cert = path_of("server") };
    sse_tls_options options = { .identities = &identity, .count = 1 };
    char message[256];

    part = what;
    ahead = 0;
    if (certificate)
        options.client_ca = path_of(certificate);
    CHECK(sse_tls_context_new(&options, &count, &context, message, sizeof message) == SSE_OK);
    client = SSL_CTX_new(TLS_client_method());
    CHECK(client && SSL_CTX_set_max_proto_version(client, version) == 1);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client, on_session);
    if (certificate) {
        SSL_CTX_use_certificate_file(client, path_of(certificate), SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(client, path_of(certificate), SSL_FILETYPE_PEM);
    }
}

static void end(void)
{
    SSL_SESSION_free(session);
    session = NULL;
    SSL_CTX_free(client);
    sse_tls_context_unref(context);
}

/* Connects; returns whether the server completed the handshake, and stores whether it resumed the
 * session. */
static bool connect_client(bool *resumed)
{
    uint64_t before = count.resumed;
    SSL *ssl = SSL_new(client);
    sse_tls *tls = NULL;
    int fds[2];
    char byte = 0;
    bool over = false;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    CHECK(sse_tls_new(context, fds[0], &tls) == SSE_OK);
    SSL_set_fd(ssl, fds[1]);
    SSL_set_connect_state(ssl);
    if (session)
        SSL_set_session(ssl, session);
    for (int i = 0; i < 20 && !over; i++) {
        int n = SSL_read(ssl, &byte, 1);

        over = n <= 0 && SSL_get_error(ssl, n) == SSL_ERROR_SSL;
        sse_tls_read(tls, &byte, 1);
    }
    over = !sse_tls_established(tls);
    *resumed = count.resumed > before;
    SSL_set_quiet_shutdown(ssl, 1);
    SSL_shutdown(ssl); /* else OpenSSL drops the session */
    SSL_free(ssl);
    sse_tls_free(tls);
    close(fds[0]);
    close(fds[1]);
    ERR_clear_error();
    return !over;
}

/* A connection at that time makes a full handshake. */
static void full(time_t at)
{
    bool resumed = false;

    ahead = at;
    CHECK(connect_client(&resumed) && !resumed);
}

/* A connection at that time resumes the session. */
static void resumed(time_t at)
{
    bool resumed = false;

    ahead = at;
    CHECK(connect_client(&resumed) && resumed);
}

/* A connection at that time does not resume the session; it may fail. */
static void not_resumed(time_t at)
{
    bool resumed = false;

    ahead = at;
    connect_client(&resumed);
    CHECK(!resumed);
}

/* --- cases ------------------------------------------------------------------------------------ */

/* In TLS 1.3 each use renews the ticket, but not past a day after the full handshake. */
static void a_day_at_most(void)
{
    begin("without a certificate, TLS 1.3", NULL, TLS1_3_VERSION);
    full(0);
    resumed(10 * HOUR);
    resumed(20 * HOUR);
    resumed(DAY - 60);
    full(DAY + 60);
    resumed(DAY + 11 * HOUR);
    resumed(DAY + 22 * HOUR);
    full(2 * DAY + 120);
    end();
}

/* In TLS 1.2 a ticket is used several times, for 12 hours. */
static void half_a_day_at_most(void)
{
    begin("without a certificate, TLS 1.2", NULL, TLS1_2_VERSION);
    full(0);
    resumed(6 * HOUR);
    resumed(11 * HOUR);
    full(13 * HOUR);
    resumed(14 * HOUR);
    end();
}

static void until_the_certificate_expires(int version)
{
    begin("with a certificate of 5 hours", "short", version);
    full(0);
    for (int minutes = 30; minutes < 5 * 60; minutes += 30)
        resumed(minutes * 60);
    resumed(5 * HOUR - 60);
    not_resumed(5 * HOUR + 60);
    not_resumed(6 * HOUR);
    end();
}

static void a_day_at_most_with_a_certificate(void)
{
    begin("with a certificate of 9 days", "long", TLS1_3_VERSION);
    full(0);
    resumed(11 * HOUR);
    resumed(22 * HOUR);
    full(DAY + 60);
    end();
}

int main(void)
{
    CHECK(mkdtemp(folder));
    make_certificate("server", 9 * DAY);
    make_certificate("short", 5 * HOUR);
    make_certificate("long", 9 * DAY);
    a_day_at_most();
    half_a_day_at_most();
    until_the_certificate_expires(TLS1_2_VERSION);
    until_the_certificate_expires(TLS1_3_VERSION);
    a_day_at_most_with_a_certificate();
    unlink(path_of("server"));
    unlink(path_of("short"));
    unlink(path_of("long"));
    rmdir(folder);
    printf("tickets        good for a day at most, and no longer than the client's certificate\n");
    return 0;
}
