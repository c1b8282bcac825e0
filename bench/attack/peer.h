/* One connection of an attack. */
#ifndef ATTACK_PEER_H
#define ATTACK_PEER_H

#include "attack.h"

/* Closes the connection if there is one, by a reset instead of an orderly end if `reset`. */
void attack_peer_close(attack_peer *peer, bool reset);
/* Begins to connect a peer that is not connected: attack->kind->begin is called once it is. Else
 * calls attack->kind->act. Returns false, having done nothing, while the peer is connecting or has
 * bytes to send, or if the attack has no acts. */
bool attack_peer_act(attack_peer *peer);
/* Adds bytes to those that wait to be sent. */
void attack_peer_send(attack_peer *peer, const void *bytes, size_t len);
void attack_peer_send_text(attack_peer *peer, const char *text);

#endif
