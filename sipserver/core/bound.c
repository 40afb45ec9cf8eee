#include "sipserver/core/bound.h"

#include "sipserver/core/core_inner.h"
#include "sipserver/core/trunk.h"

#define TIMES 3

void bound_begin(struct sc *sc, const struct sc_event *event)
{
    bool proven = sip_addr_reliable(&event->src) || trunk_of_source(sc, &event->src) != NULL;

    sc->bound.bytes = proven ? 0 : event->len * TIMES;
    sc->bound.from = sc->out->sip.n;
    sc->bound.src = event->src;
}

void bound_lift(struct sc *sc)
{
    sc->bound.bytes = 0;
}

/* What goes back for the datagram so far. */
static size_t sent(const struct sc *sc)
{
    const struct sip_out *out = &sc->out->sip;
    size_t bytes = 0;

    for (unsigned i = sc->bound.from; i < out->n; i++)
        if (sip_addr_same_host(&out->items[i].to, &sc->bound.src))
            bytes += out->items[i].len;
    return bytes;
}

/* Take back what was added since FROM that goes to the sender; its bytes stay unused. */
static void take_back(struct sc *sc, unsigned from)
{
    struct sip_out *out = &sc->out->sip;
    unsigned kept = from;

    for (unsigned i = from; i < out->n; i++)
        if (!sip_addr_same_host(&out->items[i].to, &sc->bound.src))
            out->items[kept++] = out->items[i];
    out->n = kept;
}

void bound_end(struct sc *sc, const struct sip_event *event)
{
    bool answers = event->kind == SIP_EV_NONE || event->kind == SIP_EV_REQUEST ||
                   event->kind == SIP_EV_NO_ROOM;

    if (sc->bound.bytes != 0 && answers && sent(sc) > sc->bound.bytes) {
        take_back(sc, sc->bound.from);
        sc->counts[N_TOO_LONG]++;
    }
    bound_lift(sc);
}

bool bound_reply(struct sc *sc, const struct sip_event *event, const struct sip_reply *reply)
{
    unsigned from = sc->out->sip.n;

    if (sip_reply_once(sc->sip, event, reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
    if (sc->bound.bytes == 0 || sent(sc) <= sc->bound.bytes)
        return true;
    take_back(sc, from);
    return false;
}

/* A status that says nothing without its header is 400 instead. */
static bool needs_header(unsigned status)
{
    return status == 401 || status == 405 || status == 420;
}

void bound_answer(struct sc *sc, const struct sip_event *event, const struct sip_reply *reply)
{
    struct sip_reply less = {.status = reply->status};

    if (bound_reply(sc, event, reply))
        return;
    if (needs_header(reply->status))
        less = (struct sip_reply){.status = 400, .reason = "Too Short"};
    if (!bound_reply(sc, event, &less))
        sc->counts[N_TOO_LONG]++;
}
