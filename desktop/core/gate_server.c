/* What the SIP server says to the gate: replies, and the events of agents and their calls. */
#include "desktop/core/gate_inner.h"

#include <string.h>

static void finish_state_change(struct step *step, struct gate_session *session)
{
    const struct gate_event *e = step->event;

    if (e->code == 0) {
        session->agent_state = e->state;
        gate_answer(step, session, 200, false, e->text);
    } else {
        gate_answer(step, session, 409, e->retriable, e->text);
    }
}

/* finish_operation - 200, or 409 with the SIP server's reason. */
static void finish_operation(struct step *step, struct gate_operation *operation)
{
    const struct gate_event *e = step->event;
    uint64_t http = operation->http;
    struct gate_action *action;

    *operation = (struct gate_operation){0};
    if (http == 0)
        return;
    action = gate_act(step, GATE_ACT_OPERATED);
    action->http = http;
    action->status = e->code == 0 ? 200 : 409;
    action->retriable = e->retriable;
    gate_copy(action->text, sizeof(action->text), e->text);
}

void gate_on_reply(struct step *step)
{
    struct gate_session *session = NULL;
    struct gate_operation *operation;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL) {
        if (session->request_id == step->event->request_id)
            break;
        operation = gate_find_operation(session, step->event->request_id);
        if (operation != NULL) {
            finish_operation(step, operation);
            return;
        }
    }
    if (session == NULL)
        return; /* it came too late */
    session->request_id = 0;
    if (session->state == SESSION_ATTACHED || session->state == SESSION_DETACHED)
        finish_state_change(step, session);
    else
        gate_fire(step, session, step->event->code == 0 ? SESSION_EV_ACCEPTED : SESSION_EV_REFUSED);
}

void gate_ask_roster(struct step *step)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL) {
        session->seen = false;
        for (size_t i = 0; i < GATE_CALLS_MAX; i++)
            session->calls[i].phase = GATE_CALL_NONE;
    }
    step->gate->in_roster = true;
    step->gate->sequence = 0;
    gate_act(step, GATE_ACT_SUBSCRIBE);
}

static struct gate_call *find_call(struct gate_session *session, const char *id)
{
    for (size_t i = 0; i < GATE_CALLS_MAX; i++)
        if (session->calls[i].phase != GATE_CALL_NONE && strcmp(session->calls[i].id, id) == 0)
            return &session->calls[i];
    return NULL;
}

/* set_call - the call of the event is in PHASE; one that is not known yet begins.  Beyond the most
 * that a session shows, it is not shown. */
static void set_call(struct gate_session *session, enum gate_call_phase phase,
                     const struct gate_event *e)
{
    struct gate_call *call = find_call(session, e->call);

    for (size_t i = 0; call == NULL && i < GATE_CALLS_MAX; i++)
        if (session->calls[i].phase == GATE_CALL_NONE)
            call = &session->calls[i];
    if (call == NULL)
        return;
    call->phase = phase;
    call->outbound = e->outbound;
    gate_copy(call->id, sizeof(call->id), e->call);
    gate_copy(call->caller, sizeof(call->caller), e->caller);
    gate_copy(call->called, sizeof(call->called), e->called);
    gate_copy(call->queue, sizeof(call->queue), e->queue);
    gate_copy(call->data, sizeof(call->data), e->data);
}

/* end_call - those behind it move up. */
static void end_call(struct gate_session *session, const char *id)
{
    struct gate_call *call = find_call(session, id);
    size_t i;

    if (call == NULL)
        return;
    for (i = (size_t)(call - session->calls); i + 1 < GATE_CALLS_MAX; i++)
        session->calls[i] = session->calls[i + 1];
    session->calls[i].phase = GATE_CALL_NONE;
}

static void set_data(struct gate_session *session, const struct gate_event *e)
{
    struct gate_call *call = find_call(session, e->call);

    if (call != NULL)
        gate_copy(call->data, sizeof(call->data), e->data);
}

static void take_agent_event(struct step *step, struct gate_session *session)
{
    const struct gate_event *e = step->event;

    switch (e->what) {
    case GATE_WHAT_STATE:
        session->agent_state = e->state;
        session->since_ms = e->since_ms;
        gate_copy(session->reason, sizeof(session->reason), e->reason);
        if (e->dn[0] != '\0')
            gate_copy(session->dn, sizeof(session->dn), e->dn);
        break;
    case GATE_WHAT_RINGING: set_call(session, GATE_CALL_RINGING, e); break;
    case GATE_WHAT_ESTABLISHED: set_call(session, GATE_CALL_ESTABLISHED, e); break;
    case GATE_WHAT_DIALING: set_call(session, GATE_CALL_DIALING, e); break;
    case GATE_WHAT_ALERTING: set_call(session, GATE_CALL_ALERTING, e); break;
    case GATE_WHAT_QUEUED: set_call(session, GATE_CALL_QUEUED, e); break;
    case GATE_WHAT_HELD: set_call(session, GATE_CALL_HELD, e); break;
    case GATE_WHAT_RETRIEVED: set_call(session, GATE_CALL_ESTABLISHED, e); break;
    case GATE_WHAT_DATA: set_data(session, e); break;
    case GATE_WHAT_TRANSFERRED: break; /* RELEASED follows */
    case GATE_WHAT_RELEASED:
    case GATE_WHAT_DIVERTED:
    case GATE_WHAT_ABANDONED: end_call(session, e->call); break;
    case GATE_WHAT_DN_IN_SERVICE: session->dn_in_service = true; break;
    case GATE_WHAT_DN_OUT_OF_SERVICE: session->dn_in_service = false; break;
    case GATE_WHAT_SNAPSHOT_END: break;
    }
    gate_tell(step, session);
}

/* on_logged_out - a forced logout has a reason and is final.  Without one the SIP server has
 * only forgotten the login, by a restart or because it is not primary any more: the page logs in
 * again by itself. */
static void on_logged_out(struct step *step, struct gate_session *session)
{
    const struct gate_event *e = step->event;

    if (step->gate->in_roster &&
        (e->reason[0] == '\0' || session->since_ms == 0 || e->since_ms < session->since_ms))
        return; /* not seen in it: its reason, if any, is of an earlier login */
    step->again = e->reason[0] == '\0';
    step->text = step->again ? "the SIP server has forgotten the login" : e->reason;
    gate_fire(step, session, SESSION_EV_LOGGED_OUT);
}

void gate_on_agent(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate *gate = step->gate;
    struct gate_session *session = gate_by_agent(gate, e->agent);

    if (e->sequence != gate->sequence + 1) {
        if (gate->in_roster && gate->sequence == 0)
            return; /* still of the conversation before */
        gate->gaps++;
        gate_act(step, GATE_NOTE_GAP);
        gate_ask_roster(step);
        return;
    }
    gate->sequence = e->sequence;
    if (e->what == GATE_WHAT_SNAPSHOT_END) {
        gate->in_roster = false;
        gate->roster_due = true;
        return;
    }
    if (session == NULL)
        return;
    if (e->what == GATE_WHAT_STATE && e->state == GATE_LOGGED_OUT) {
        on_logged_out(step, session);
        return;
    }
    session->seen = true;
    take_agent_event(step, session);
}
