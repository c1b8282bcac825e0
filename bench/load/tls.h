/* Sockets with TLS, by OpenSSL. They offer one cipher only, so that both servers of a comparison
 * use the same; certificates are not verified. */
#ifndef LOAD_TLS_H
#define LOAD_TLS_H

#include "socket.h"

extern const load_io load_tls_io;

#endif
