/* The step of the gate, its time and its memory. */
#include "desktop/core/gate_inner.h"

#include <assert.h>
#include <string.h>

/* ---- sessions ---- */

const struct gate_session *gate_find(const struct gate *gate, const char *token)
{
    const struct gate_session *session = gate_by_token(gate, token);

    if (session == NULL ||
        (session->state != SESSION_ATTACHED && session->state != SESSION_DETACHED))
        return NULL;
    return session;
}

const char *gate_ended(const struct gate *gate, const char *token, bool *ret_again)
{
    const struct gate_session *session = gate_by_token(gate, token);

    if (session == NULL || session->state != SESSION_OVER)
        return NULL;
    *ret_again = session->again;
    return session->reason;
}

const struct gate_session *gate_find_agent(const struct gate *gate, const char *agent)
{
    return gate_by_agent(gate, agent);
}

/* ---- time, and what touches many sessions ---- */

#define ACTIONS_PER_SESSION (4 + GATE_OPS_MAX)

static bool room(const struct step *step)
{
    return step->out->count + ACTIONS_PER_SESSION <= GATE_OUT_MAX;
}

static void sweep(struct step *step)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL) {
        if (!room(step)) {
            step->out->more = true;
            return;
        }
        step->again = false;
        step->text = "";
        gate_sweep_session(step, session);
    }
    step->gate->roster_due = false;
}

mono_t gate_deadline(const struct gate *gate)
{
    const struct gate_session *session = NULL;
    mono_t next = MONO_NEVER;

    while ((session = pool_next(&gate->sessions, session)) != NULL) {
        next = mono_min(next, session->due);
        if (session->request_id != 0)
            next = mono_min(next, session->request_due);
        for (size_t i = 0; i < GATE_OPS_MAX; i++)
            if (session->operations[i].request_id != 0)
                next = mono_min(next, session->operations[i].due);
    }
    return next;
}

/* ---- the core ---- */

static size_t rounded(size_t size)
{
    return (size + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
}

size_t gate_bytes(const struct gate_conf *conf)
{
    return rounded(pool_bytes(conf->sessions_max, sizeof(struct gate_session))) +
           2 * rounded(hash_bytes(conf->sessions_max));
}

void gate_init(struct gate *gate, const struct gate_conf *conf, void *memory)
{
    unsigned char *place = memory;

    assert(conf->sessions_max > 0 && conf->answer_ms > 0 && conf->operation_ms > 0 &&
           conf->detach_ms > 0);
    memset(gate, 0, sizeof(*gate));
    gate->conf = *conf;
    pool_init(&gate->sessions, place, conf->sessions_max, sizeof(struct gate_session));
    place += rounded(pool_bytes(conf->sessions_max, sizeof(struct gate_session)));
    hash_init(&gate->by_token, place, conf->sessions_max, conf->secret);
    place += rounded(hash_bytes(conf->sessions_max));
    hash_init(&gate->by_agent, place, conf->sessions_max, conf->secret);
}

void gate_reset(struct gate *gate)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&gate->sessions, session)) != NULL)
        gate_forget(gate, session);
    gate->roster_due = false;
}

/* with_texts - EVENT with "" for every text that was not given. */
static struct gate_event with_texts(const struct gate_event *event)
{
    struct gate_event e = *event;
    const char **texts[] = {&e.token, &e.agent,  &e.dn,     &e.reason, &e.text,
                            &e.call,  &e.caller, &e.called, &e.queue,  &e.data};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (*texts[i] == NULL)
            *texts[i] = "";
    return e;
}

void gate_step(struct gate *gate, mono_t now, const struct gate_event *event,
               struct gate_out *ret_out)
{
    struct gate_event given = with_texts(event);
    struct step step = {.gate = gate, .now = now, .event = &given, .out = ret_out, .text = ""};

    ret_out->count = 0;
    ret_out->more = false;
    switch (event->kind) {
    case GATE_EV_TICK: sweep(&step); break;
    case GATE_EV_SERVER_UP:
        gate->server_up = true;
        gate_ask_roster(&step);
        break;
    case GATE_EV_SERVER_DOWN: gate->server_up = false; break;
    case GATE_EV_LOGIN: gate_on_login(&step); break;
    case GATE_EV_SET_STATE: gate_on_set_state(&step); break;
    case GATE_EV_LOGOUT: gate_on_logout(&step); break;
    case GATE_EV_OPERATE: gate_on_operate(&step); break;
    case GATE_EV_STREAM_OPENED: gate_on_stream_opened(&step); break;
    case GATE_EV_STREAM_CLOSED: gate_on_stream_closed(&step); break;
    case GATE_EV_HTTP_GONE: gate_on_http_gone(&step); break;
    case GATE_EV_REPLY: gate_on_reply(&step); break;
    case GATE_EV_AGENT: gate_on_agent(&step); break;
    }
    if (event->kind != GATE_EV_TICK)
        ret_out->more = true; /* what came due, or touches many, follows with the next TICK */
    assert(gate_sane(gate));
}

bool gate_sane(const struct gate *gate)
{
    return gate->sessions.used == gate->by_token.used &&
           gate->sessions.used == gate->by_agent.used + gate->over;
}

const struct gate_call *gate_active_call(const struct gate_session *session)
{
    const struct gate_call *held = NULL;

    for (size_t i = 0; i < GATE_CALLS_MAX; i++) {
        const struct gate_call *call = &session->calls[i];

        if (call->phase != GATE_CALL_NONE && call->phase != GATE_CALL_HELD)
            return call;
        if (call->phase == GATE_CALL_HELD && held == NULL)
            held = call;
    }
    return held;
}
