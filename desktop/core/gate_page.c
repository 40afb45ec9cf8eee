/* What pages ask of the gate. */
#include "desktop/core/gate_inner.h"

#include <assert.h>

/* A place for a new session: when there is none, that of the session that ended longest ago. */
static struct gate_session *take(struct gate *gate)
{
    struct gate_session *session = pool_take(&gate->sessions, NULL), *s = NULL;

    if (session != NULL || gate->over == 0)
        return session;
    while ((s = pool_next(&gate->sessions, s)) != NULL)
        if (s->state == SESSION_OVER && (session == NULL || mono_before(s->due, session->due)))
            session = s;
    gate_forget(gate, session);
    return pool_take(&gate->sessions, NULL);
}

/* The page's session is not, or no longer, there. */
static void answer_unknown(struct step *step)
{
    const struct gate_event *e = step->event;
    bool again;
    const char *why = gate_ended(step->gate, e->token, &again);

    if (why != NULL)
        gate_answer_http(step, e->http, 410, again, why);
    else
        gate_answer_http(step, e->http, 401, e->kind != GATE_EV_LOGOUT,
                         e->kind == GATE_EV_LOGOUT ? "the session is not known"
                                                   : "the session is not known: log in again");
}

void gate_on_login(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate *gate = step->gate;
    struct gate_session *session = gate_by_agent(gate, e->agent);

    if (!gate->server_up) {
        gate_answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
        return;
    }
    if (session != NULL) {
        step->text = "the agent has logged in again elsewhere";
        gate_fire(step, session, SESSION_EV_REPLACED);
    }
    session = take(gate);
    if (session == NULL) {
        gate->refused++;
        gate_answer_http(step, e->http, 503, true,
                         "too many agents are logged in through this gateway");
        return;
    }
    session->state = SESSION_ASKING;
    gate_copy(session->token, sizeof(session->token), e->token);
    gate_copy(session->agent, sizeof(session->agent), e->agent);
    gate_copy(session->dn, sizeof(session->dn), e->dn);
    session->http = e->http;
    session->dn_in_service = true;
    (void)hash_put_text(&gate->by_token, &session->by_token, session->token);
    (void)hash_put_text(&gate->by_agent, &session->by_agent, session->agent);
    gate_ask(step, session, GATE_LOGIN, e->state, e->reason);
    session->due = session->request_due;
}

void gate_on_set_state(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate_session *session = gate_by_token(step->gate, e->token);

    if (session == NULL || gate_find(step->gate, e->token) == NULL)
        answer_unknown(step);
    else if (session->request_id != 0)
        gate_answer_http(step, e->http, 409, true, "the last change is not done yet");
    else if (!step->gate->server_up)
        gate_answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
    else {
        session->http = e->http;
        gate_ask(step, session, e->state == GATE_READY ? GATE_SET_READY : GATE_SET_NOT_READY,
                 e->state, e->reason);
    }
}

void gate_on_logout(struct step *step)
{
    const struct gate_event *e = step->event;

    if (gate_find(step->gate, e->token) == NULL)
        answer_unknown(step);
    else if (!step->gate->server_up)
        gate_answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
    else
        gate_fire(step, gate_by_token(step->gate, e->token), SESSION_EV_LOGOUT);
}

struct gate_operation *gate_find_operation(struct gate_session *session, uint64_t request_id)
{
    for (size_t i = 0; i < GATE_OPS_MAX; i++)
        if (session->operations[i].request_id == request_id)
            return &session->operations[i];
    return NULL;
}

void gate_on_operate(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate_session *session = gate_by_token(step->gate, e->token);
    struct gate_operation *unused;
    struct gate_action *action;

    if (session == NULL || gate_find(step->gate, e->token) == NULL) {
        answer_unknown(step);
        return;
    }
    if (!step->gate->server_up) {
        gate_answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
        return;
    }
    unused = gate_find_operation(session, 0);
    if (unused == NULL) {
        gate_answer_http(step, e->http, 409, true, "your last operations are still under way");
        return;
    }
    *unused = (struct gate_operation){e->http, ++step->gate->next_request,
                                      mono_add_ms(step->now, step->gate->conf.operation_ms)};
    action = gate_act(step, GATE_ACT_OPERATE);
    action->http = e->http;
    action->request_id = unused->request_id;
    action->op = e->op;
    gate_copy(action->agent, sizeof(action->agent), session->agent);
}

void gate_on_stream_opened(struct step *step)
{
    struct gate_session *session = gate_by_token(step->gate, step->event->token);

    assert(session != NULL);
    gate_fire(step, session, SESSION_EV_OPENED);
}

void gate_on_stream_closed(struct step *step)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL)
        if (session->stream == step->event->stream) {
            gate_fire(step, session, SESSION_EV_CLOSED);
            return;
        }
}

void gate_on_http_gone(struct step *step)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL) {
        if (session->http == step->event->http)
            session->http = 0;
        for (size_t i = 0; i < GATE_OPS_MAX; i++)
            if (session->operations[i].http == step->event->http)
                session->operations[i].http = 0; /* the SIP server's reply is still awaited */
    }
}
