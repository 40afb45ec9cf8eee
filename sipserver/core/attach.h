/* attach - the data that agents attach to a call (data.h): kept with the call, shown with it,
 * handed on when it moves, and carried to the other site by X-Standfast-Data on the inter-site
 * trunk. */
#ifndef SIPSERVER_CORE_ATTACH_H
#define SIPSERVER_CORE_ATTACH_H

#include "sipserver/core/state.h"

#define ATTACH_HEADER "X-Standfast-Data"

/* attach_get - the data of C as one text; "" when there are none.  Good until they change. */
const char *attach_get(const struct sc *sc, const struct call *c);

/* attach_merge - apply CHANGES to the data of C; data_merge says what it returns, and -ENOBUFS:
 * no room is left for the data of another call. */
int attach_merge(struct sc *sc, struct call *c, const char *changes);

/* attach_travel - TO, to which a party of FROM moves, gets FROM's data too; its own come first. */
void attach_travel(struct sc *sc, const struct call *from, struct call *to);

/* attach_receive - C begins with the data that INVITE of the other site brings.  From anybody else
 * the header counts for nothing. */
void attach_receive(struct sc *sc, struct call *c, const struct sip_msg *invite);

void attach_drop(struct sc *sc, struct call *c);

#endif
