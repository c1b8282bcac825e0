/* tls_tickets.h: the keys of session tickets. The server keeps nothing for a session: the client
 * does, encrypted by us. A key encrypts for 12 hours and decrypts for as long again. */
#ifndef SSE_NET_TLS_TICKETS_H
#define SSE_NET_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <time.h>

#define SSE_TICKET_KEY_SECONDS (12 * 3600)

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

#endif
