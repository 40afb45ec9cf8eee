/* gate_inner - what the files of the gate share: gate.c (the step, time and memory), gate_session.c
 * (the machine of a session), gate_page.c (what pages ask) and gate_server.c (what the SIP server
 * says).  For nobody else.
 */
#ifndef DESKTOP_CORE_GATE_INNER_H
#define DESKTOP_CORE_GATE_INNER_H

#include "desktop/core/gate.h"

/* What an action of the table needs besides the session. */
struct step {
    struct gate *gate;
    mono_t now;
    const struct gate_event *event; /* never NULL */
    struct gate_out *out;
    bool again;       /* tell_ended: the page may log in again by itself */
    const char *text; /* why, for the page */
};

/* ---- gate_session.c ---- */

/* gate_fire - EVENT happens to SESSION: the one place that moves its state.  SESSION may be gone
 * afterwards. */
void gate_fire(struct step *step, struct gate_session *session, enum session_event event);

/* gate_sweep_session - what is due for SESSION now; it may be gone afterwards. */
void gate_sweep_session(struct step *step, struct gate_session *session);

/* gate_forget - give SESSION back, without a word. */
void gate_forget(struct gate *gate, struct gate_session *session);

/* gate_by_token, gate_by_agent - the session, whatever its state; NULL. */
struct gate_session *gate_by_token(const struct gate *gate, const char *token);
struct gate_session *gate_by_agent(const struct gate *gate, const char *agent);

/* gate_act - one more action, empty but for KIND. */
struct gate_action *gate_act(struct step *step, enum gate_action_kind kind);

/* gate_ask - the SIP server about SESSION's agent; at most one question of a session is open. */
void gate_ask(struct step *step, struct gate_session *session, enum gate_op op,
              enum gate_state state, const char *reason);

/* gate_answer_http - the request HTTP, unless it is 0.
 * gate_answer - the HTTP request that waits at SESSION. */
void gate_answer_http(struct step *step, uint64_t http, unsigned status, bool retriable,
                      const char *text);
void gate_answer(struct step *step, struct gate_session *session, unsigned status, bool retriable,
                 const char *text);

/* gate_tell - SESSION's page, if there is one: how things stand. */
void gate_tell(struct step *step, const struct gate_session *session);

/* gate_copy - FROM into TO of SIZE bytes, cut to fit. */
void gate_copy(char *to, size_t size, const char *from);

/* ---- gate_page.c ---- */

void gate_on_login(struct step *step);
void gate_on_set_state(struct step *step);
void gate_on_logout(struct step *step);
void gate_on_operate(struct step *step);
void gate_on_stream_opened(struct step *step);
void gate_on_stream_closed(struct step *step);
void gate_on_http_gone(struct step *step);

/* gate_find_operation - of SESSION, by the number of its request (0: one that is unused); NULL. */
struct gate_operation *gate_find_operation(struct gate_session *session, uint64_t request_id);

/* ---- gate_server.c ---- */

void gate_on_reply(struct step *step);
void gate_on_agent(struct step *step);

/* gate_ask_roster - how all agents stand, and their changes from then on. */
void gate_ask_roster(struct step *step);

#endif
