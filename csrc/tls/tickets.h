/* tickets.h: the keys of TLS session tickets, and how long a ticket is valid.
 *
 * The server keeps nothing of a session: the client keeps it in a ticket, encrypted by the server.
 * A key encrypts for 12 hours and decrypts for 12 hours more. A session begins with a full
 * handshake. Its ticket, and all tickets that are issued when it is resumed, are valid until 24
 * hours after that handshake, or until a certificate of the client's chain expires. */
#ifndef SSE_TLS_TICKETS_H
#define SSE_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <time.h>

#define SSE_TICKET_KEY_SECONDS (12L * 3600)
#define SSE_TICKET_SECONDS     (24L * 3600) /* from the full handshake on */

typedef struct sse_ticket_key {
    unsigned char name[16], cipher[32], mac[32];
} sse_ticket_key;

typedef struct sse_tls_tickets {
    sse_ticket_key keys[2]; /* the one that encrypts, and the one before it */
    int count;              /* keys that are valid: 1 or 2 */
    time_t key_made_at;     /* when keys[0] was made */
} sse_tls_tickets;

/* Makes the first key. SSE_ESYS: no randomness. */
int sse_tls_tickets_init(sse_tls_tickets *tickets);

/* Replaces the key once it is SSE_TICKET_KEY_SECONDS old; says whether it has. */
bool sse_tls_tickets_rotate(sse_tls_tickets *tickets);

/* Overwrites the keys. */
void sse_tls_tickets_clear(sse_tls_tickets *tickets);

/* Prepares the encryption or decryption of a ticket by keys that are up to date. Arguments and
 * result as those of the callback of SSL_CTX_set_tlsext_ticket_key_evp_cb. */
int sse_tls_tickets_prepare(const sse_tls_tickets *tickets, SSL *ssl, unsigned char *name,
                            unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                            bool encrypt);

/* The two callbacks of SSL_CTX_set_session_ticket_cb. The first stores in a new ticket when its
 * session ends. The second refuses a ticket whose session has ended, so that a full handshake
 * follows. */
int sse_tls_ticket_on_issue(SSL *ssl, void *unused);
SSL_TICKET_RETURN sse_tls_ticket_on_receive(SSL *ssl, SSL_SESSION *session,
                                            const unsigned char *key, size_t key_len,
                                            SSL_TICKET_STATUS status, void *unused);

#endif
