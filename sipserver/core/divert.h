/* divert - who passed a call on before it came where it is: Diversion (RFC 5806).
 *
 * What a trunk's INVITE says already is passed on; phones have nothing to say about it.  Ours are
 * put before it, the last one first: a routing point and a queue for their targets, a number that
 * is served by the other site, and a phone that answered 3xx, which is followed as call forwarding
 * (RFC 3261 8.1.3.4): with the rights of that phone, to its first Contact that has a number,
 * through the ordinary routing.  In all a call is diverted `diversions-max` times at most, those
 * before us included.
 */
#ifndef SIPSERVER_CORE_DIVERT_H
#define SIPSERVER_CORE_DIVERT_H

#include "sipserver/core/state.h"

#define DIVERT_TEXT 2048 /* bytes of a Diversion of ours: own ones, then those that came */

/* divert_asked - INVITE, which came by SOURCE, begins C. */
void divert_asked(struct sc *sc, struct call *c, const struct sip_msg *invite,
                  const struct dn *source);

/* divert_add - D passes C on, for REASON.  The same one twice running counts once. */
void divert_add(struct sc *sc, struct call *c, const struct dn *d, enum divert_reason reason);

/* divert_back - what came after D, or D itself when ITSELF, does not count any more. */
void divert_back(struct sc *sc, struct call *c, handle_t dn, bool itself);

/* divert_put - a header line about it, its text in TEXT.  Returns: how many of EXTRAS were set:
 * 0, 1. */
unsigned divert_put(const struct sc *sc, const struct call *c, char text[DIVERT_TEXT],
                    struct sip_extra *extras);

/* divert_follow - does RESPONSE, of the phone that C is offered to, send it elsewhere?  Then NUMBER
 * is set and the phone's diversion noted.  *RET_OFTEN: it would, but the call was diverted often
 * enough. */
bool divert_follow(struct sc *sc, struct call *c, const struct sip_msg *response,
                   char number[SC_NAME_SIZE], bool *ret_often);

/* divert_count - diversions that C has behind it, those before us included. */
uint32_t divert_count(const struct call *c);

/* divert_from - the number that diverted C to us, or the phone here that passed it on; "" none. */
void divert_from(const struct sc *sc, const struct call *c, char number[SC_NAME_SIZE]);

/* divert_forget - C is over. */
void divert_forget(struct sc *sc, struct call *c);

#endif
