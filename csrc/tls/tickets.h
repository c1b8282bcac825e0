/* tickets.h: the keys of session tickets, and how long a ticket is good. The server keeps
 * nothing for a session: the client does, encrypted by us. A key encrypts for 12 hours and decrypts
 * for as long again. A ticket and all that are given in exchange for it are good until 24 hours
 * after the handshake that began them, or until a certificate of the chain that the client showed
 * there has expired. */
#ifndef SSE_TLS_TICKETS_H
#define SSE_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <time.h>

#define SSE_TICKET_KEY_SECONDS (12L * 3600)
#define SSE_TICKET_SECONDS     (24L * 3600) /* from the full handshake on, however often renewed */

typedef struct sse_ticket_key {
    unsigned char name[16], cipher[32], mac[32];
} sse_ticket_key;

typedef struct sse_tls_tickets {
    sse_ticket_key keys[2]; /* the one that encrypts, and the one before */
    int count;
    time_t made; /* when the first was */
} sse_tls_tickets;

/* Makes the first key. SSE_ESYS: no randomness. */
int sse_tls_tickets_init(sse_tls_tickets *tickets);

void sse_tls_tickets_clear(sse_tls_tickets *tickets);

/* What OpenSSL's callback for tickets does (SSL_CTX_set_tlsext_ticket_key_evp_cb). */
int sse_tls_tickets_use(sse_tls_tickets *tickets, SSL *ssl, unsigned char *name, unsigned char *iv,
                        EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool encrypt);

/* The two callbacks of SSL_CTX_set_session_ticket_cb. The first writes into a ticket when it ends,
 * the second refuses one that has ended: the client does a full handshake then. */
int sse_tls_ticket_give(SSL *ssl, void *unused);
SSL_TICKET_RETURN sse_tls_ticket_take(SSL *ssl, SSL_SESSION *session, const unsigned char *key,
                                      size_t key_len, SSL_TICKET_STATUS status, void *unused);

#endif
