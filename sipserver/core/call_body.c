/* The body that a call keeps: an offer until it is answered, or what an ACK may have to repeat. */
#include "sipserver/core/call_inner.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/transfer.h"

void call_drop_body(struct sc *sc, struct call *c)
{
    struct offer *o = pool_get(&sc->offers, c->offer);

    if (o != NULL)
        pool_put(&sc->offers, o);
    c->offer = HANDLE_NONE;
}

bool call_keep_body(struct sc *sc, struct call *c, struct sip_content body)
{
    struct offer *o = pool_get(&sc->offers, c->offer);
    struct leg *legs[] = {caller_of(sc, c), target_of(sc, c), pool_get(&sc->legs, c->music.leg)};

    for (unsigned i = 0; i < 3; i++)
        if (legs[i] != NULL) /* what its last ACK carried is not kept any more */
            legs[i]->ack_had_body = false;
    if (body.body.len > sizeof(o->body) || body.type.len > sizeof(o->type))
        return false;
    if (sip_str_empty(body.body)) {
        call_drop_body(sc, c);
        return true;
    }
    if (o == NULL)
        o = pool_take(&sc->offers, &c->offer);
    assert(o != NULL); /* one for each call */
    o->type_len = (uint32_t)body.type.len;
    o->len = (uint32_t)body.body.len;
    memcpy(o->type, body.type.p, o->type_len);
    memcpy(o->body, body.body.p, o->len);
    return true;
}

bool call_keep_answer(struct sc *sc, struct call *c, struct sip_content body)
{
    return !transfer_under_way(c) && !c->joining && c->music.state != MUSIC_JOINING &&
           call_keep_body(sc, c, body);
}
