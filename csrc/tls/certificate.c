#include "certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <time.h>

#include "../wire/utf8.h"

#define MAX_NAME   4095 /* bytes of a subject's or issuer's text */
#define MAX_SERIAL 64   /* bytes of a serial number */

/* The text of a name in `bio`, of which at most MAX_NAME bytes count. False: out of memory, or the
 * name can't be written. */
static bool write_name(BIO *bio, const X509_NAME *name, sse_slice *out)
{
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    char *at = NULL;
    sse_slice text = { 0 };

    if (!bio || X509_NAME_print_ex(bio, name, 0, flags) < 0)
        return false;
    text.len = (size_t)BIO_get_mem_data(bio, &at);
    text.at = at;
    *out = sse_utf8_cut(text, MAX_NAME);
    return true;
}

/* Writes bytes in hexadecimal to *to, and moves *to behind them. */
static void put_hex(char **to, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *(*to)++ = digits[bytes[i] >> 4];
        *(*to)++ = digits[bytes[i] & 15];
    }
}

/* The serial number as "01ab" or "-01"; at most 1 + 2 * MAX_SERIAL bytes, or none. */
static void put_serial(char **to, const ASN1_INTEGER *serial)
{
    int len = ASN1_STRING_length(serial);

    if (len < 1 || len > MAX_SERIAL)
        return;
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
        *(*to)++ = '-';
    put_hex(to, ASN1_STRING_get0_data(serial), (size_t)len);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. The year may be any from 0 on: four
 * centuries have 146,097 days, and a year that begins in March has its leap day at its end. */
static int64_t days_from_1970(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2), century4 = y >= 0 ? y / 400 : -1, of_era = y - century4 * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return century4 * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The C library's timegm is not everywhere, and its time_t may have 32 bits. */
static bool seconds_of(const ASN1_TIME *time, int64_t *out)
{
    struct tm tm = { 0 };

    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *out = days_from_1970((int64_t)tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 +
           (int64_t)tm.tm_hour * 3600 + (int64_t)tm.tm_min * 60 + tm.tm_sec;
    return true;
}

/* The bytes from `from` to *to as a slice. */
static sse_slice slice_to(const char *from, const char *to)
{
    return (sse_slice){ from, (size_t)(to - from) };
}

static sse_slice copy(char **to, sse_slice s)
{
    sse_slice at = { *to, s.len };

    if (s.len)
        memcpy(*to, s.at, s.len);
    *to += s.len;
    return at;
}

static sse_certificate *make(const X509 *x509, sse_slice subject, sse_slice issuer)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    sse_certificate *c = NULL;
    char *to = NULL, *from = NULL;

    if (X509_digest(x509, EVP_sha256(), digest, &digest_len) != 1)
        return NULL;
    c = malloc(sizeof *c + subject.len + issuer.len + 1 + (size_t)2 * MAX_SERIAL +
               (size_t)2 * digest_len);
    if (!c)
        return NULL;
    c->refs = 1;
    c->not_after = 0;
    c->has_not_after = seconds_of(X509_get0_notAfter(x509), &c->not_after);
    to = c->text;
    c->subject = copy(&to, subject);
    c->issuer = copy(&to, issuer);
    from = to;
    put_serial(&to, X509_get0_serialNumber(x509));
    c->serial = slice_to(from, to);
    from = to;
    put_hex(&to, digest, digest_len);
    c->fingerprint = slice_to(from, to);
    return c;
}

sse_certificate *sse_certificate_read(const X509 *x509)
{
    BIO *subject = BIO_new(BIO_s_mem()), *issuer = BIO_new(BIO_s_mem());
    sse_slice subject_text, issuer_text;
    sse_certificate *c = NULL;

    if (write_name(subject, X509_get_subject_name(x509), &subject_text) &&
        write_name(issuer, X509_get_issuer_name(x509), &issuer_text))
        c = make(x509, subject_text, issuer_text);
    BIO_free(subject);
    BIO_free(issuer);
    ERR_clear_error();
    return c;
}

void sse_certificate_unref(sse_certificate *c)
{
    if (c && --c->refs == 0)
        free(c);
}
