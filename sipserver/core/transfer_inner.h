/* transfer_inner - what the files of a transfer share: transfer.c (the machine and its actions),
 * transfer_refer.c (REFER) and transfer_legs.c (what its legs say).  For nobody else.
 */
#ifndef SIPSERVER_CORE_TRANSFER_INNER_H
#define SIPSERVER_CORE_TRANSFER_INNER_H

#include "sipserver/core/transfer.h"

static const struct sip_content no_body;

/* What TRANSFER_EV_REFER begins. */
struct plan {
    struct leg *by;
    struct leg *held; /* attended: the new party's leg in its own call */
    char number[SC_NAME_SIZE];
    uint32_t patience_ms; /* so long the new party rings */
};

static inline struct leg *by(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->transfer.by);
}

static inline struct leg *other(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->transfer.by_caller ? c->target : c->caller);
}

static inline struct leg *new_party(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->transfer.to);
}

/* transfer_event - the only place that moves the state of a transfer; ARGUMENT is what the action
 * takes: struct plan, a status, the event of an answer. */
void transfer_event(struct sc *sc, struct call *c, enum transfer_event event, const void *argument);

/* transfer_tell - the transferor is told how it goes; LAST: and that this was all. */
void transfer_tell(struct sc *sc, struct call *c, unsigned status, bool last);

#endif
