#include "desktop/core/gate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What an action of the table needs besides the session. */
struct step {
    struct gate *gate;
    mono_t now;
    const struct gate_event *event; /* never NULL */
    struct gate_out *out;
    bool again;       /* tell_ended: the page may log in again by itself */
    const char *text; /* why, for the page */
};

typedef void session_action_fn(struct step *step, struct gate_session *session);

struct row {
    enum session_state from;
    enum session_event event;
    enum session_state to;
    session_action_fn *action;
    const char *why;
    bool ignore;
};

static session_action_fn answer_login, answer_refused, answer_no_server, answer_replaced,
    answer_logout, attach, detach, ask_logout, tell_ended, none;

/* No row has a guard: with any word but "always" this does not compile. */
#define GUARD_always

static const struct row rows[] = {
#define ROW(from_, event_, guard, to_, action_, why_, source)                                      \
    GUARD_##guard{SESSION_##from_, SESSION_EV_##event_, SESSION_##to_, action_, why_, false},
#define IGNORE(from_, event_, why_, source)                                                        \
    {SESSION_##from_, SESSION_EV_##event_, SESSION_##from_, none, why_, true},
#include "desktop/core/session.tbl.h"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct row *find_row(enum session_state state, enum session_event event)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].from == state && rows[i].event == event)
            return &rows[i];
    return NULL;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

/* ---- actions ---- */

static struct gate_action *act(struct step *step, enum gate_action_kind kind)
{
    struct gate_action *action = &step->out->actions[step->out->count++];

    assert(step->out->count <= GATE_OUT_MAX);
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

/* ask - the SIP server about SESSION's agent; at most one question of a session is open. */
static void ask(struct step *step, struct gate_session *session, enum gate_op op,
                enum gate_state state, const char *reason)
{
    struct gate_action *action = act(step, GATE_ACT_ASK);

    session->request_id = ++step->gate->next_request;
    session->request_due = mono_add_ms(step->now, step->gate->conf.answer_ms);
    action->request_id = session->request_id;
    action->op = op;
    action->state = state;
    copy(action->agent, sizeof(action->agent), session->agent);
    copy(action->dn, sizeof(action->dn), session->dn);
    copy(action->text, sizeof(action->text), reason);
}

static void answer_http(struct step *step, uint64_t http, unsigned status, bool retriable,
                        const char *text)
{
    struct gate_action *action;

    if (http == 0)
        return;
    action = act(step, GATE_ACT_ANSWER);
    action->http = http;
    action->status = status;
    action->retriable = retriable;
    copy(action->text, sizeof(action->text), text);
}

/* answer - the HTTP request that waits at SESSION. */
static void answer(struct step *step, struct gate_session *session, unsigned status, bool retriable,
                   const char *text)
{
    answer_http(step, session->http, status, retriable, text);
    if (session->http != 0 && status == 200) {
        struct gate_action *action = &step->out->actions[step->out->count - 1];

        action->with_session = true;
        action->state = session->agent_state;
        memcpy(action->token, session->token, sizeof(action->token));
        memcpy(action->agent, session->agent, sizeof(action->agent));
        memcpy(action->dn, session->dn, sizeof(action->dn));
    }
    session->http = 0;
}

static void none(struct step *step, struct gate_session *session)
{
    (void)step;
    (void)session;
}

static void arm_detached(struct step *step, struct gate_session *session)
{
    session->due = mono_add_ms(step->now, step->gate->conf.detach_ms);
}

static void answer_login(struct step *step, struct gate_session *session)
{
    session->agent_state = step->event->state;
    session->seen = true;
    answer(step, session, 200, false, step->event->text);
    arm_detached(step, session);
}

static void answer_refused(struct step *step, struct gate_session *session)
{
    answer(step, session, step->event->retriable ? 409 : 403, step->event->retriable,
           step->event->text);
}

static void answer_no_server(struct step *step, struct gate_session *session)
{
    answer(step, session, 503, true, "the SIP server of this site does not answer");
}

static void answer_replaced(struct step *step, struct gate_session *session)
{
    answer(step, session, 409, false, "the agent has logged in again elsewhere");
}

static void end_stream(struct step *step, struct gate_session *session, bool again,
                       const char *text)
{
    struct gate_action *action;

    if (session->stream == 0)
        return;
    action = act(step, GATE_ACT_END_STREAM);
    action->stream = session->stream;
    action->again = again;
    copy(action->text, sizeof(action->text), text);
    session->stream = 0;
}

static void answer_logout(struct step *step, struct gate_session *session)
{
    session->agent_state = GATE_LOGGED_OUT;
    answer(step, session, 200, false, "logged out");
    end_stream(step, session, false, "logged out");
}

static void tell(struct step *step, const struct gate_session *session)
{
    struct gate_action *action;

    if (session->stream == 0)
        return;
    action = act(step, GATE_ACT_TELL);
    action->stream = session->stream;
    memcpy(action->agent, session->agent, sizeof(action->agent));
}

static void attach(struct step *step, struct gate_session *session)
{
    end_stream(step, session, false, "the agent's page is open elsewhere");
    session->stream = step->event->stream;
    session->due = MONO_NEVER;
    tell(step, session);
}

static void detach(struct step *step, struct gate_session *session)
{
    session->stream = 0;
    arm_detached(step, session);
}

static void ask_logout(struct step *step, struct gate_session *session)
{
    bool asked = step->event->kind == GATE_EV_LOGOUT;

    answer(step, session, 409, false, "overtaken by the logout"); /* a state change still open */
    session->http = asked ? step->event->http : 0;
    ask(step, session, GATE_LOGOUT, GATE_LOGGED_OUT,
        asked ? step->event->reason : "the desktop is not connected");
    session->due = session->request_due;
}

static void tell_ended(struct step *step, struct gate_session *session)
{
    answer(step, session, 409, false, "the session has ended");
    end_stream(step, session, step->again, step->text);
}

/* ---- sessions ---- */

static void forget(struct gate *gate, struct gate_session *session)
{
    hash_remove(&gate->by_token, &session->by_token);
    hash_remove(&gate->by_agent, &session->by_agent);
    pool_put(&gate->sessions, session);
}

/* end_operations - their HTTP requests wait no longer. */
static void end_operations(struct step *step, struct gate_session *session, const char *text)
{
    for (size_t i = 0; i < GATE_OPS_MAX; i++) {
        if (session->operations[i].request_id != 0)
            answer_http(step, session->operations[i].http, 503, true, text);
        session->operations[i] = (struct gate_operation){0};
    }
}

/* fire - EVENT happens to SESSION: the one place that moves its state.  SESSION may be gone
 * afterwards. */
static void fire(struct step *step, struct gate_session *session, enum session_event event)
{
    const struct row *row = find_row(session->state, event);
    enum session_state from = session->state;

    assert(row != NULL);
    if (row->ignore)
        return;
    row->action(step, session);
    session->state = row->to;
    if (from != row->to) {
        struct gate_action *note = act(step, GATE_NOTE_SESSION);

        note->from = from;
        note->to = row->to;
        note->why = row->why;
        memcpy(note->agent, session->agent, sizeof(note->agent));
    }
    if (session->state == SESSION_ENDED) {
        end_operations(step, session, "the session has ended");
        forget(step->gate, session);
    }
}

static struct gate_session *by_token(const struct gate *gate, const char *token)
{
    struct hash_node *node = hash_get_text(&gate->by_token, token);

    return node == NULL ? NULL
                        : (struct gate_session *)(void *)((char *)node -
                                                          offsetof(struct gate_session, by_token));
}

static struct gate_session *by_agent(const struct gate *gate, const char *agent)
{
    struct hash_node *node = hash_get_text(&gate->by_agent, agent);

    return node == NULL ? NULL
                        : (struct gate_session *)(void *)((char *)node -
                                                          offsetof(struct gate_session, by_agent));
}

const struct gate_session *gate_find(const struct gate *gate, const char *token)
{
    const struct gate_session *session = by_token(gate, token);

    if (session == NULL ||
        (session->state != SESSION_ATTACHED && session->state != SESSION_DETACHED))
        return NULL;
    return session;
}

const struct gate_session *gate_find_agent(const struct gate *gate, const char *agent)
{
    return by_agent(gate, agent);
}

/* ---- requests of pages ---- */

static void on_login(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate *gate = step->gate;
    struct gate_session *session = by_agent(gate, e->agent);

    if (!gate->server_up) {
        answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
        return;
    }
    if (session != NULL) {
        step->text = "the agent has logged in again elsewhere";
        fire(step, session, SESSION_EV_REPLACED);
    }
    session = pool_take(&gate->sessions, NULL);
    if (session == NULL) {
        gate->refused++;
        answer_http(step, e->http, 503, true, "too many agents are logged in through this gateway");
        return;
    }
    session->state = SESSION_ASKING;
    copy(session->token, sizeof(session->token), e->token);
    copy(session->agent, sizeof(session->agent), e->agent);
    copy(session->dn, sizeof(session->dn), e->dn);
    session->http = e->http;
    session->dn_in_service = true;
    (void)hash_put_text(&gate->by_token, &session->by_token, session->token);
    (void)hash_put_text(&gate->by_agent, &session->by_agent, session->agent);
    ask(step, session, GATE_LOGIN, e->state, e->reason);
    session->due = session->request_due;
}

static void on_set_state(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate_session *session = by_token(step->gate, e->token);

    if (session == NULL || gate_find(step->gate, e->token) == NULL)
        answer_http(step, e->http, 401, true, "the session is not known: log in again");
    else if (session->request_id != 0)
        answer_http(step, e->http, 409, true, "the last change is not done yet");
    else if (!step->gate->server_up)
        answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
    else {
        session->http = e->http;
        ask(step, session, e->state == GATE_READY ? GATE_SET_READY : GATE_SET_NOT_READY, e->state,
            e->reason);
    }
}

static void on_logout(struct step *step)
{
    const struct gate_event *e = step->event;

    if (gate_find(step->gate, e->token) == NULL)
        answer_http(step, e->http, 401, false, "the session is not known");
    else if (!step->gate->server_up)
        answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
    else
        fire(step, by_token(step->gate, e->token), SESSION_EV_LOGOUT);
}

static struct gate_operation *find_operation(struct gate_session *session, uint64_t request_id)
{
    for (size_t i = 0; i < GATE_OPS_MAX; i++)
        if (session->operations[i].request_id == request_id)
            return &session->operations[i];
    return NULL;
}

static void on_operate(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate_session *session = by_token(step->gate, e->token);
    struct gate_operation *unused;
    struct gate_action *action;

    if (session == NULL || gate_find(step->gate, e->token) == NULL) {
        answer_http(step, e->http, 401, true, "the session is not known: log in again");
        return;
    }
    if (!step->gate->server_up) {
        answer_http(step, e->http, 503, true, "the SIP server of this site does not answer");
        return;
    }
    unused = find_operation(session, 0);
    if (unused == NULL) {
        answer_http(step, e->http, 409, true, "your last operations are still under way");
        return;
    }
    *unused = (struct gate_operation){e->http, ++step->gate->next_request,
                                      mono_add_ms(step->now, step->gate->conf.operation_ms)};
    action = act(step, GATE_ACT_OPERATE);
    action->http = e->http;
    action->request_id = unused->request_id;
    action->op = e->op;
    copy(action->agent, sizeof(action->agent), session->agent);
}

static void on_stream_opened(struct step *step)
{
    struct gate_session *session = by_token(step->gate, step->event->token);

    assert(session != NULL);
    fire(step, session, SESSION_EV_OPENED);
}

static void on_stream_closed(struct step *step)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL)
        if (session->stream == step->event->stream) {
            fire(step, session, SESSION_EV_CLOSED);
            return;
        }
}

static void on_http_gone(struct step *step)
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

/* ---- the SIP server ---- */

static void finish_state_change(struct step *step, struct gate_session *session)
{
    const struct gate_event *e = step->event;

    if (e->code == 0) {
        session->agent_state = e->state;
        answer(step, session, 200, false, e->text);
    } else {
        answer(step, session, 409, e->retriable, e->text);
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
    action = act(step, GATE_ACT_OPERATED);
    action->http = http;
    action->status = e->code == 0 ? 200 : 409;
    action->retriable = e->retriable;
    copy(action->text, sizeof(action->text), e->text);
}

static void on_reply(struct step *step)
{
    struct gate_session *session = NULL;
    struct gate_operation *operation;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL) {
        if (session->request_id == step->event->request_id)
            break;
        operation = find_operation(session, step->event->request_id);
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
        fire(step, session, step->event->code == 0 ? SESSION_EV_ACCEPTED : SESSION_EV_REFUSED);
}

static void ask_roster(struct step *step)
{
    struct gate_session *session = NULL;

    while ((session = pool_next(&step->gate->sessions, session)) != NULL) {
        session->seen = false;
        for (size_t i = 0; i < GATE_CALLS_MAX; i++)
            session->calls[i].phase = GATE_CALL_NONE;
    }
    step->gate->in_roster = true;
    step->gate->sequence = 0;
    act(step, GATE_ACT_SUBSCRIBE);
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
    copy(call->id, sizeof(call->id), e->call);
    copy(call->caller, sizeof(call->caller), e->caller);
    copy(call->called, sizeof(call->called), e->called);
    copy(call->queue, sizeof(call->queue), e->queue);
    copy(call->data, sizeof(call->data), e->data);
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
        copy(call->data, sizeof(call->data), e->data);
}

static void take_agent_event(struct step *step, struct gate_session *session)
{
    const struct gate_event *e = step->event;

    switch (e->what) {
    case GATE_WHAT_STATE:
        session->agent_state = e->state;
        session->since_ms = e->since_ms;
        copy(session->reason, sizeof(session->reason), e->reason);
        if (e->dn[0] != '\0')
            copy(session->dn, sizeof(session->dn), e->dn);
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
    tell(step, session);
}

/* on_logged_out - a forced logout has a reason and is final.  Without one the SIP server has
 * only forgotten the login, by a restart or because it is not primary any more: the page logs in
 * again by itself. */
static void on_logged_out(struct step *step, struct gate_session *session)
{
    if (step->gate->in_roster)
        return; /* not seen in it */
    step->again = step->event->reason[0] == '\0';
    step->text = step->again ? "the SIP server has forgotten the login" : step->event->reason;
    fire(step, session, SESSION_EV_LOGGED_OUT);
}

static void on_agent(struct step *step)
{
    const struct gate_event *e = step->event;
    struct gate *gate = step->gate;
    struct gate_session *session = by_agent(gate, e->agent);

    if (e->sequence != gate->sequence + 1) {
        if (gate->in_roster && gate->sequence == 0)
            return; /* still of the conversation before */
        gate->gaps++;
        act(step, GATE_NOTE_GAP);
        ask_roster(step);
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

/* ---- time, and what touches many sessions ---- */

#define ACTIONS_PER_SESSION (4 + GATE_OPS_MAX)

static bool room(const struct step *step)
{
    return step->out->count + ACTIONS_PER_SESSION <= GATE_OUT_MAX;
}

/* sweep_operations - those that the SIP server did not answer. */
static void sweep_operations(struct step *step, struct gate_session *session, bool all)
{
    for (size_t i = 0; i < GATE_OPS_MAX; i++) {
        struct gate_operation *operation = &session->operations[i];

        if (operation->request_id == 0 || (!all && !mono_due(operation->due, step->now)))
            continue;
        answer_http(step, operation->http, 503, true,
                    "the SIP server of this site does not answer");
        *operation = (struct gate_operation){0};
    }
}

/* sweep_session - what is due for SESSION now. */
static void sweep_session(struct step *step, struct gate_session *session)
{
    bool logged_in = session->state == SESSION_ATTACHED || session->state == SESSION_DETACHED;

    if (step->gate->roster_due && logged_in && !session->seen) {
        step->again = true;
        step->text = "the SIP server has forgotten the login";
        fire(step, session, SESSION_EV_LOGGED_OUT);
        return;
    }
    if (!step->gate->server_up && !logged_in) {
        fire(step, session, SESSION_EV_LOST);
        return;
    }
    if (logged_in && session->request_id != 0 &&
        (mono_due(session->request_due, step->now) || !step->gate->server_up)) {
        session->request_id = 0;
        answer_no_server(step, session);
    }
    sweep_operations(step, session, !step->gate->server_up);
    if (mono_due(session->due, step->now))
        fire(step, session, SESSION_EV_TIMEOUT);
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
        sweep_session(step, session);
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
        forget(gate, session);
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
        ask_roster(&step);
        break;
    case GATE_EV_SERVER_DOWN: gate->server_up = false; break;
    case GATE_EV_LOGIN: on_login(&step); break;
    case GATE_EV_SET_STATE: on_set_state(&step); break;
    case GATE_EV_LOGOUT: on_logout(&step); break;
    case GATE_EV_OPERATE: on_operate(&step); break;
    case GATE_EV_STREAM_OPENED: on_stream_opened(&step); break;
    case GATE_EV_STREAM_CLOSED: on_stream_closed(&step); break;
    case GATE_EV_HTTP_GONE: on_http_gone(&step); break;
    case GATE_EV_REPLY: on_reply(&step); break;
    case GATE_EV_AGENT: on_agent(&step); break;
    }
    if (event->kind != GATE_EV_TICK)
        ret_out->more = true; /* what came due, or touches many, follows with the next TICK */
    assert(gate_sane(gate));
}

bool gate_sane(const struct gate *gate)
{
    return gate->sessions.used == gate->by_token.used && gate->sessions.used == gate->by_agent.used;
}

const char *gate_state_name(enum gate_state state)
{
    switch (state) {
    case GATE_LOGGED_OUT: return "logged_out";
    case GATE_NOT_READY: return "not_ready";
    case GATE_READY: return "ready";
    case GATE_RESERVED: return "reserved";
    case GATE_BUSY: return "busy";
    case GATE_AFTER_CALL_WORK: return "after_call_work";
    }
    return "unknown";
}

const char *gate_phase_name(enum gate_call_phase phase)
{
    switch (phase) {
    case GATE_CALL_NONE: return "none";
    case GATE_CALL_RINGING: return "ringing";
    case GATE_CALL_ESTABLISHED: return "established";
    case GATE_CALL_DIALING: return "dialing";
    case GATE_CALL_ALERTING: return "alerting";
    case GATE_CALL_QUEUED: return "queued";
    case GATE_CALL_HELD: return "held";
    }
    return "unknown";
}

const char *gate_what_name(enum gate_what what)
{
    switch (what) {
    case GATE_WHAT_STATE:
    case GATE_WHAT_DN_IN_SERVICE:
    case GATE_WHAT_DN_OUT_OF_SERVICE:
    case GATE_WHAT_SNAPSHOT_END: return NULL;
    case GATE_WHAT_RINGING: return "ringing";
    case GATE_WHAT_ESTABLISHED: return "established";
    case GATE_WHAT_RELEASED: return "released";
    case GATE_WHAT_ABANDONED: return "abandoned";
    case GATE_WHAT_DIALING: return "dialing";
    case GATE_WHAT_ALERTING: return "alerting";
    case GATE_WHAT_QUEUED: return "queued";
    case GATE_WHAT_HELD: return "held";
    case GATE_WHAT_RETRIEVED: return "retrieved";
    case GATE_WHAT_DIVERTED: return "diverted";
    case GATE_WHAT_DATA: return "data";
    case GATE_WHAT_TRANSFERRED: return "transferred";
    }
    return NULL;
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

const char *session_state_name(enum session_state state)
{
    static const char *const names[] = {
#define STATE(name, meaning) #name,
#include "desktop/core/session.tbl.h"
    };

    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}
