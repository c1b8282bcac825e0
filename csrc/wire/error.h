/* error.h: the list of failure codes. A C function that can fail returns SSE_OK (0) or one of these
 * negative numbers. Lua gets the name ("ETOOBIG") as the third value after nil and a message. */
#ifndef SSE_WIRE_ERROR_H
#define SSE_WIRE_ERROR_H

/* X(constant, name shown to Lua, default text) */
#define SSE_ERRORS(X) \
    X(SSE_ENOMEM, "ENOMEM", "out of memory") \
    X(SSE_EAGAIN, "EAGAIN", "more bytes are needed") \
    X(SSE_EINVAL, "EINVAL", "invalid value") \
    X(SSE_ETOOBIG, "ETOOBIG", "larger than the limit") \
    X(SSE_ESTOPPED, "ESTOPPED", "stopped by a callback") \
    X(SSE_EBUSY, "EBUSY", "already running") \
    X(SSE_ECLOSED, "ECLOSED", "closed") \
    X(SSE_EFULL, "EFULL", "full") \
    X(SSE_ESTATE, "ESTATE", "not possible in this state") \
    X(SSE_EADDRINUSE, "EADDRINUSE", "address already in use") \
    X(SSE_EADDRNOTAVAIL, "EADDRNOTAVAIL", "not an address of this machine") \
    X(SSE_EACCES, "EACCES", "permission denied") \
    X(SSE_ENOTFOUND, "ENOTFOUND", "name could not be resolved") \
    X(SSE_ECONNREFUSED, "ECONNREFUSED", "connection refused") \
    X(SSE_EHOSTUNREACH, "EHOSTUNREACH", "host unreachable") \
    X(SSE_ECONNRESET, "ECONNRESET", "connection lost") \
    X(SSE_ETIMEDOUT, "ETIMEDOUT", "timed out") \
    X(SSE_ETLS, "ETLS", "TLS failure") \
    X(SSE_ECERT, "ECERT", "certificate not accepted") \
    X(SSE_EPROXY, "EPROXY", "proxy failure") \
    X(SSE_ESCHEME, "ESCHEME", "URL scheme not supported") \
    X(SSE_EREDIRECT, "EREDIRECT", "redirect refused") \
    X(SSE_EPROTO, "EPROTO", "protocol violation") \
    X(SSE_EHTTP, "EHTTP", "HTTP status refused") \
    X(SSE_ETYPE, "ETYPE", "content type refused") \
    X(SSE_EUNFINISHED, "EUNFINISHED", "ended without its terminator") \
    X(SSE_ECALLBACK, "ECALLBACK", "an error in a callback") \
    X(SSE_EABORTED, "EABORTED", "aborted") \
    X(SSE_EEXPIRED, "EEXPIRED", "expired") \
    X(SSE_EEXIST, "EEXIST", "exists already") \
    X(SSE_ESTART, "ESTART", "a worker could not start") \
    X(SSE_EMFILE, "EMFILE", "no file descriptor is left") \
    X(SSE_ESYS, "ESYS", "system error")

enum {
    SSE_OK = 0,
    SSE_ERROR_BASE = -1000, /* far from errno and HTTP status codes, so that a mix-up is noticed */
#define SSE_ERROR_ENUM(constant, name, text) constant,
    SSE_ERRORS(SSE_ERROR_ENUM)
#undef SSE_ERROR_ENUM
};

/* Return the name ("ETOOBIG") and the default text of a code, as static strings; of a number that
 * is not in the list "EUNKNOWN" and "unknown failure". */
const char *sse_error_name(int code);
const char *sse_error_text(int code);

#endif
