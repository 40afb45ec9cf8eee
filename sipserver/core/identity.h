/* identity - who calls, as far as somebody vouches for it (RFC 3325), and who may know (RFC 3323).
 *
 *   authenticated phone          its DN's number and display name
 *   trusted trunk                its P-Asserted-Identity
 *   any other trunk              its From, which nobody vouches for; a P-Asserted-Identity counts
 * not
 *
 * What is asserted goes to phones and trusted trunks as P-Asserted-Identity, to nobody else.  A
 * caller who asks for privacy (id, user or header) is anonymous to phones, agents and untrusted
 * trunks; trusted trunks get the number with "Privacy: id", and the call record keeps it.  The
 * inter-site trunk is trusted: behind it is the same cluster.
 */
#ifndef SIPSERVER_CORE_IDENTITY_H
#define SIPSERVER_CORE_IDENTITY_H

#include "sipserver/core/state.h"

#define IDENTITY_TEXT 288 /* bytes of a P-Asserted-Identity of ours */

/* identity_asked - INVITE begins C, which came by SOURCE. */
void identity_asked(struct call *c, const struct sip_msg *invite, const struct dn *source,
                    bool trusted);

/* identity_own - the phone D begins C, at its agent's desktop. */
void identity_own(struct call *c, const struct dn *d);

/* identity_trusts - D is a trunk that is told, and believed, who calls. */
bool identity_trusts(const struct sc *sc, const struct dn *d);

/* identity_put - the header lines of an INVITE to TO about who calls in C; SHOWN, when not NULL, is
 * the leg of whom the new party is to see.  Texts go to TEXT.  Returns: how many of EXTRAS were
 * set, 2 at most. */
unsigned identity_put(const struct sc *sc, const struct call *c, const struct leg *shown,
                      const struct dn *to, char text[IDENTITY_TEXT], struct sip_extra *extras);

/* identity_hidden - the From to a new party must not say who calls. */
bool identity_hidden(const struct sc *sc, const struct call *c, const struct leg *shown);

/* identity_shown - the caller's number for agents. */
const char *identity_shown(const struct call *c);

#endif
