#include "sipserver/core/peering.h"

#include "sipserver/core/agent.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/report.h"

static void a_watch_phones(struct sc *sc, void *object, const void *argument)
{
    (void)object;
    (void)argument;
    agents_watch_phones(sc);
}

#define g_always NULL
#define a_none   NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {PEERING_##from_, PEERING_EV_##event_, PEERING_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {PEERING_##from_, PEERING_EV_##event_, PEERING_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/peering.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/peering.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/peering.tbl.h"
};
/* clang-format on */

const struct fsm peering_fsm = {"peering",      rows,           sizeof(rows) / sizeof(rows[0]),
                                states,         PEERING_STATES, events,
                                PEERING_EVENTS, PEERING_STATES};

static void peering_event(struct sc *sc, enum peering_event event)
{
    const struct fsm_row *row = fsm_row(&peering_fsm, sc->peering.state, event, sc, NULL);
    const char *from = states[sc->peering.state];
    bool changed = row->to != sc->peering.state || !text_eq(sc->peering.reason, row->why);

    if (row->ignore)
        return;
    sc->peering.state = row->to;
    text_copy(sc->peering.reason, sizeof(sc->peering.reason), row->why);
    if (changed)
        report_mode(sc, from);
    if (row->action != NULL)
        row->action(sc, NULL, NULL);
}

void peering_init(struct sc *sc)
{
    sc->peering.state = PEERING_SINGLE;
    sc->peering.trunk[0] = '\0';
    text_copy(sc->peering.reason, sizeof(sc->peering.reason), "no proof of the peer yet");
}

struct trunk *peering_trunk_of(const struct sc *sc)
{
    struct dn *d = sc->peering.trunk[0] != '\0' ? dn_find(sc, sip_str_of(sc->peering.trunk)) : NULL;

    return d != NULL && d->type == SC_DN_TRUNK ? pool_get(&sc->trunks, d->trunk) : NULL;
}

void peering_configure(struct sc *sc)
{
    struct trunk *t;

    if (!text_eq(sc->peering.trunk, sc->options.dr_peer_trunk) ||
        sc->options.dr_peer_trunk[0] == '\0') {
        text_copy(sc->peering.trunk, sizeof(sc->peering.trunk), sc->options.dr_peer_trunk);
        peering_event(sc, sc->peering.trunk[0] != '\0' ? PEERING_EV_NAMED : PEERING_EV_UNNAMED);
    }
    t = peering_trunk_of(sc);
    if (sc->peering.trunk[0] != '\0' && (t == NULL || t->state != TRUNK_IN))
        peering_event(sc, PEERING_EV_TRUNK_DOWN);
    else if (t != NULL && t->inter_site)
        peering_event(sc, PEERING_EV_TRUNK_UP);
}

void peering_adopt(struct sc *sc, enum peering_state state, const char *reason)
{
    const struct trunk *t = peering_trunk_of(sc);
    bool up = t != NULL && t->inter_site && t->state == TRUNK_IN;

    if (sc->peering.trunk[0] == '\0')
        return; /* as configured here */
    if (state == (up ? PEERING_PEERED : PEERING_SINGLE)) {
        sc->peering.state = (uint8_t)state;
        text_copy(sc->peering.reason, sizeof(sc->peering.reason), reason);
    } else {
        peering_configure(sc);
    }
}

void peering_trunk(struct sc *sc, const struct trunk *t)
{
    if (t == peering_trunk_of(sc))
        peering_event(sc, t->state == TRUNK_IN ? PEERING_EV_TRUNK_UP : PEERING_EV_TRUNK_DOWN);
}

enum sc_mode peering_mode(const struct sc *sc)
{
    switch ((enum peering_state)sc->peering.state) {
    case PEERING_STANDALONE: return SC_STANDALONE;
    case PEERING_PEERED: return SC_PEERED;
    case PEERING_SINGLE:
    case PEERING_STATES: break;
    }
    return SC_SINGLE;
}

const char *sc_mode_name(enum sc_mode mode)
{
    switch (mode) {
    case SC_STANDALONE: return "STANDALONE";
    case SC_SINGLE: return "SINGLE";
    case SC_PEERED: return "PEERED";
    }
    return "UNKNOWN";
}
