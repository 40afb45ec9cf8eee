/* The machine of a session: its table, what each row does, and what is due. */
#include "desktop/core/gate_inner.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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
    answer_logout, attach, detach, ask_logout, tell_ended, keep_end, attach_and_tell, none;

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

void gate_copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

/* ---- actions ---- */

struct gate_action *gate_act(struct step *step, enum gate_action_kind kind)
{
    struct gate_action *action = &step->out->actions[step->out->count++];

    assert(step->out->count <= GATE_OUT_MAX);
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

void gate_ask(struct step *step, struct gate_session *session, enum gate_op op,
              enum gate_state state, const char *reason)
{
    struct gate_action *action = gate_act(step, GATE_ACT_ASK);

    session->request_id = ++step->gate->next_request;
    session->request_due = mono_add_ms(step->now, step->gate->conf.answer_ms);
    action->request_id = session->request_id;
    action->op = op;
    action->state = state;
    gate_copy(action->agent, sizeof(action->agent), session->agent);
    gate_copy(action->dn, sizeof(action->dn), session->dn);
    gate_copy(action->text, sizeof(action->text), reason);
}

void gate_answer_http(struct step *step, uint64_t http, unsigned status, bool retriable,
                      const char *text)
{
    struct gate_action *action;

    if (http == 0)
        return;
    action = gate_act(step, GATE_ACT_ANSWER);
    action->http = http;
    action->status = status;
    action->retriable = retriable;
    gate_copy(action->text, sizeof(action->text), text);
}

void gate_answer(struct step *step, struct gate_session *session, unsigned status, bool retriable,
                 const char *text)
{
    gate_answer_http(step, session->http, status, retriable, text);
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
    gate_answer(step, session, 200, false, step->event->text);
    arm_detached(step, session);
}

static void answer_refused(struct step *step, struct gate_session *session)
{
    gate_answer(step, session, step->event->retriable ? 409 : 403, step->event->retriable,
                step->event->text);
}

static void answer_no_server(struct step *step, struct gate_session *session)
{
    gate_answer(step, session, 503, true, "the SIP server of this site does not answer");
}

static void answer_replaced(struct step *step, struct gate_session *session)
{
    gate_answer(step, session, 409, false, "the agent has logged in again elsewhere");
}

static void end_stream(struct step *step, struct gate_session *session, bool again,
                       const char *text)
{
    struct gate_action *action;

    if (session->stream == 0)
        return;
    action = gate_act(step, GATE_ACT_END_STREAM);
    action->stream = session->stream;
    action->again = again;
    gate_copy(action->text, sizeof(action->text), text);
    session->stream = 0;
}

static void answer_logout(struct step *step, struct gate_session *session)
{
    session->agent_state = GATE_LOGGED_OUT;
    gate_answer(step, session, 200, false, "logged out");
    end_stream(step, session, false, "logged out");
}

void gate_tell(struct step *step, const struct gate_session *session)
{
    struct gate_action *action;

    if (session->stream == 0)
        return;
    action = gate_act(step, GATE_ACT_TELL);
    action->stream = session->stream;
    memcpy(action->agent, session->agent, sizeof(action->agent));
}

static void attach(struct step *step, struct gate_session *session)
{
    end_stream(step, session, false, "the agent's page is open elsewhere");
    session->stream = step->event->stream;
    session->due = MONO_NEVER;
    gate_tell(step, session);
}

static void detach(struct step *step, struct gate_session *session)
{
    session->stream = 0;
    arm_detached(step, session);
}

static void ask_logout(struct step *step, struct gate_session *session)
{
    bool asked = step->event->kind == GATE_EV_LOGOUT;

    gate_answer(step, session, 409, false,
                "overtaken by the logout"); /* a state change still open */
    session->http = asked ? step->event->http : 0;
    gate_ask(step, session, GATE_LOGOUT, GATE_LOGGED_OUT,
             asked ? step->event->reason : "the desktop is not connected");
    session->due = session->request_due;
}

static void tell_ended(struct step *step, struct gate_session *session)
{
    gate_answer(step, session, 409, false, "the session has ended");
    end_stream(step, session, step->again, step->text);
}

/* end_operations - their HTTP requests wait no longer. */
static void end_operations(struct step *step, struct gate_session *session, const char *text)
{
    for (size_t i = 0; i < GATE_OPS_MAX; i++) {
        if (session->operations[i].request_id != 0)
            gate_answer_http(step, session->operations[i].http, 503, true, text);
        session->operations[i] = (struct gate_operation){0};
    }
}

/* keep_end - until its page comes, or for so long as it might.  The agent may log in anew. */
static void keep_end(struct step *step, struct gate_session *session)
{
    gate_answer(step, session, 409, false, "the session has ended");
    end_operations(step, session, "the session has ended");
    session->request_id = 0;
    session->agent_state = GATE_LOGGED_OUT;
    session->again = step->again;
    gate_copy(session->reason, sizeof(session->reason), step->text);
    hash_remove(&step->gate->by_agent, &session->by_agent);
    step->gate->over++;
    arm_detached(step, session);
}

static void attach_and_tell(struct step *step, struct gate_session *session)
{
    session->stream = step->event->stream;
    end_stream(step, session, session->again, session->reason);
}

/* ---- sessions ---- */

void gate_forget(struct gate *gate, struct gate_session *session)
{
    if (!session->by_agent.linked)
        gate->over--;
    hash_remove(&gate->by_token, &session->by_token);
    hash_remove(&gate->by_agent, &session->by_agent);
    pool_put(&gate->sessions, session);
}

void gate_fire(struct step *step, struct gate_session *session, enum session_event event)
{
    const struct row *row = find_row(session->state, event);
    enum session_state from = session->state;

    assert(row != NULL);
    if (row->ignore)
        return;
    row->action(step, session);
    session->state = row->to;
    if (from != row->to) {
        struct gate_action *note = gate_act(step, GATE_NOTE_SESSION);

        note->from = from;
        note->to = row->to;
        note->why = row->why;
        memcpy(note->agent, session->agent, sizeof(note->agent));
    }
    if (session->state == SESSION_ENDED) {
        end_operations(step, session, "the session has ended");
        gate_forget(step->gate, session);
    }
}

struct gate_session *gate_by_token(const struct gate *gate, const char *token)
{
    struct hash_node *node = hash_get_text(&gate->by_token, token);

    return node == NULL ? NULL
                        : (struct gate_session *)(void *)((char *)node -
                                                          offsetof(struct gate_session, by_token));
}

struct gate_session *gate_by_agent(const struct gate *gate, const char *agent)
{
    struct hash_node *node = hash_get_text(&gate->by_agent, agent);

    return node == NULL ? NULL
                        : (struct gate_session *)(void *)((char *)node -
                                                          offsetof(struct gate_session, by_agent));
}

/* ---- what is due ---- */

/* sweep_operations - those that the SIP server did not answer. */
static void sweep_operations(struct step *step, struct gate_session *session, bool all)
{
    for (size_t i = 0; i < GATE_OPS_MAX; i++) {
        struct gate_operation *operation = &session->operations[i];

        if (operation->request_id == 0 || (!all && !mono_due(operation->due, step->now)))
            continue;
        gate_answer_http(step, operation->http, 503, true,
                         "the SIP server of this site does not answer");
        *operation = (struct gate_operation){0};
    }
}

/* gate_sweep_session - what is due for SESSION now. */
void gate_sweep_session(struct step *step, struct gate_session *session)
{
    bool logged_in = session->state == SESSION_ATTACHED || session->state == SESSION_DETACHED;

    if (step->gate->roster_due && logged_in && !session->seen) {
        step->again = true;
        step->text = "the SIP server has forgotten the login";
        gate_fire(step, session, SESSION_EV_LOGGED_OUT);
        return;
    }
    if (!step->gate->server_up && !logged_in) {
        gate_fire(step, session, SESSION_EV_LOST);
        return;
    }
    if (logged_in && session->request_id != 0 &&
        (mono_due(session->request_due, step->now) || !step->gate->server_up)) {
        session->request_id = 0;
        answer_no_server(step, session);
    }
    sweep_operations(step, session, !step->gate->server_up);
    if (mono_due(session->due, step->now))
        gate_fire(step, session, SESSION_EV_TIMEOUT);
}
