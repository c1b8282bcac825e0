/* certificate.h: what a program is told of the certificate that a client has shown. */
#ifndef SSE_TLS_CERTIFICATE_H
#define SSE_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "../wire/slice.h"

struct x509_st; /* OpenSSL's X509 */

typedef struct sse_certificate {
    uint32_t refs;
    bool has_not_after;        /* false: the certificate's date can't be read */
    int64_t not_after;         /* seconds since 1970, UTC */
    sse_slice subject, issuer; /* RFC 2253, UTF-8, control characters escaped; cut to 4 KiB - 1 */
    sse_slice serial;          /* hexadecimal, "-" before a negative one; empty: of more than 64
                                  bytes, where RFC 5280 allows 20 */
    sse_slice fingerprint;     /* SHA-256 of the whole certificate, hexadecimal */
    char text[];               /* what the slices point into */
} sse_certificate;

/* Reads a certificate, with one reference. NULL: out of memory, or OpenSSL can't read it. */
sse_certificate *sse_certificate_read(const struct x509_st *x509);

static inline sse_certificate *sse_certificate_ref(sse_certificate *c)
{
    if (c)
        c->refs++;
    return c;
}

/* Gives a reference back; the last one frees it. NULL is allowed. */
void sse_certificate_unref(sse_certificate *c);

#endif
