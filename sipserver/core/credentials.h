/* credentials - the client's side of digest at trunks that want a password (RFC 3261 22, RFC 7616,
 * RFC 8760).
 *
 * A 401 or 407 to any request of a leg, its INVITE, a re-INVITE or the BYE, is answered with the
 * same request, when it is of the trunk's own digest-realm: another realm gets nothing.  SHA-256 is
 * taken before MD5.  The nonce is kept, and the following requests carry it at once, with a nonce
 * count that goes on; so a challenge comes once for many calls.
 *
 * What is kept is HA1, as for phones: never the password, but as good as one at that realm.
 */
#ifndef SIPSERVER_CORE_CREDENTIALS_H
#define SIPSERVER_CORE_CREDENTIALS_H

#include "sipserver/core/state.h"

/* credentials_configure - T's realm is REALM now; what was kept for another is forgotten. */
void credentials_configure(struct trunk *t, const char *realm);

/* leg_request - send R to TO for L, as sip_request does, with the credentials that its trunk wants
 * by what is known. */
int leg_request(struct sc *sc, struct leg *l, const struct sip_addr *to, struct sip_request *r,
                uint64_t owner, uint64_t *ret_txn);

/* credentials_answer - true: EVENT was a challenge, and the request is out once more. */
bool credentials_answer(struct sc *sc, const struct sip_event *event);

#endif
