/* What desktops ask of agents: login, logout, ready and not ready. */
#include "sipserver/core/agent_inner.h"

#include <errno.h>

#include "sipserver/core/control.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/overload.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/report.h"

static void answer(struct sc *sc, const struct sc_agent_request *r, const struct agent *a, int code,
                   bool retriable, const char *text)
{
    struct sc_agent_reply *reply = &report(sc, SC_ACT_AGENT_REPLY)->reply;

    reply->request_id = r->request_id;
    reply->client = r->client;
    reply->code = code;
    reply->retriable = retriable;
    reply->state = a != NULL ? (enum sc_agent_state)a->state : SC_AGENT_NULL;
    text_copy(reply->text, sizeof(reply->text), text);
}

static void login(struct sc *sc, const struct sc_agent_request *r, struct agent *a)
{
    struct dn *d = dn_find(sc, sip_str_of(r->dn[0] != '\0' ? r->dn : a->default_dn));
    bool ready = r->state == SC_AGENT_READY;

    if (d == NULL || d->type != SC_DN_EXTENSION) {
        answer(sc, r, a, -EINVAL, false, "no such extension: give the number of a phone");
        return;
    }
    if (pool_get(&sc->agents, d->agent) != NULL && pool_get(&sc->agents, d->agent) != a) {
        answer(sc, r, a, -EBUSY, false, "another agent is logged in at this extension");
        return;
    }
    if (a->state != SC_AGENT_NULL && pool_get(&sc->dns, a->dn) != d) {
        answer(sc, r, a, -EBUSY, false,
               "already logged in at another extension: log out there first");
        return;
    }
    if (peering_mode(sc) == SC_PEERED && !d->in_service) { /* L-1 */
        answer(sc, r, a, -EAGAIN, true, "the phone is out of service here: it must register first");
        return;
    }
    a->wants_ready = ready;
    if (a->state == SC_AGENT_NULL) {
        a->dn = pool_handle(&sc->dns, d);
        agent_event(sc, a, AGENT_EV_LOGIN, ready ? NULL : r->reason);
    } else {
        agent_event(sc, a, AGENT_EV_WANTS, ready ? NULL : r->reason);
    }
    answer(sc, r, a, 0, false,
           d->in_service ? "logged in" : "logged in; calls come when the phone is in service");
}

static void want(struct sc *sc, const struct sc_agent_request *r, struct agent *a, bool ready)
{
    if (a->state == SC_AGENT_NULL) {
        answer(sc, r, a, -ENOENT, false, "not logged in");
        return;
    }
    if (ready && !a->wants_ready)
        a->idle_since = sc->now;
    a->wants_ready = ready;
    agent_event(sc, a, AGENT_EV_WANTS, ready ? NULL : r->reason);
    answer(sc, r, a, 0, false, "");
}

void agent_request(struct sc *sc, const struct sc_agent_request *r)
{
    struct agent *a = agent_find(sc, r->agent);

    if (!sc->primary || !sc->loaded) {
        answer(sc, r, NULL, -EAGAIN, true, "this site is not in service yet");
        return;
    }
    if (a == NULL) {
        answer(sc, r, NULL, -ENOENT, false, "no such agent");
        return;
    }
    switch (r->op) {
    case SC_LOGIN:
        if (overload_sheds(sc, OVERLOAD_LOGIN))
            answer(sc, r, a, -EAGAIN, true, "the SIP server has too much to do");
        else
            login(sc, r, a);
        return;
    case SC_LOGOUT:
        agent_logout(sc, a, r->reason);
        answer(sc, r, a, 0, false, "");
        return;
    case SC_READY: want(sc, r, a, true); return;
    case SC_NOT_READY: want(sc, r, a, false); return;
    case SC_QUERY: answer(sc, r, a, 0, false, a->reason); return;
    case SC_DIAL:
    case SC_ANSWER:
    case SC_RELEASE:
    case SC_HOLD:
    case SC_RETRIEVE:
    case SC_TRANSFER:
    case SC_CONSULT:
    case SC_COMPLETE:
    case SC_ALTERNATE:
    case SC_RETURN:
    case SC_SET_DATA:
    case SC_GET_DATA: control_request(sc, r, a); return;
    case SC_AGENT_OPS: break;
    }
    answer(sc, r, a, -EINVAL, false, "unknown request");
}
