/* The connection that publishes and makes all other requests but the followers'. */
#ifndef LOAD_PUBLISHER_H
#define LOAD_PUBLISHER_H

#include "load.h"

/* Connects; tries again for LOAD_PATIENCE seconds while the server does not listen yet. */
void load_publisher_open(load *l);

/* Sends a request behind those that were sent before. l->publisher.body has the body of the
 * response once load_publisher_idle. Ends the program if the response's status is not 2xx. */
void load_publisher_request(load *l, const char *method, const char *target, const char *body,
                            size_t len);
/* Publishes the next `count` events: by one request, or as many as l->pipeline and l->in_target
 * say. */
void load_publisher_publish(load *l, unsigned count);

/* Whether every request has its response. */
bool load_publisher_idle(const load *l);

#endif
