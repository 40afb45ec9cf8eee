/* The gateway's sessions: login, state, stream, logout; what a lost or restarted SIP server does to
 * them. */
#include "desktop/core/gate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gate gate;
static struct gate_out out;
static struct gate_action log_[256];
static unsigned logged;
static mono_t now;
static void *memory;

static void setup(void)
{
    struct gate_conf conf = {
        .sessions_max = 40, .answer_ms = 2000, .operation_ms = 30000, .detach_ms = 60000};

    now = (mono_t){1000 * MONO_NS_PER_MS};
    memory = calloc(1, gate_bytes(&conf));
    gate_init(&gate, &conf, memory);
}

static void teardown(void)
{
    free(memory);
}

TestSuite(gate, .init = setup, .fini = teardown);

/* feed - as the adapter does: the event, then ticks while there is more. */
static void feed(struct gate_event event)
{
    logged = 0;
    gate_step(&gate, now, &event, &out);
    for (;;) {
        memcpy(log_ + logged, out.actions, out.count * sizeof(out.actions[0]));
        logged += out.count;
        if (!out.more)
            return;
        gate_step(&gate, now, &(struct gate_event){.kind = GATE_EV_TICK}, &out);
    }
}

static const struct gate_action *did(enum gate_action_kind kind)
{
    for (unsigned i = 0; i < logged; i++)
        if (log_[i].kind == kind)
            return &log_[i];
    return NULL;
}

static void reply(uint64_t request_id, int code, bool retriable, enum gate_state state)
{
    feed((struct gate_event){.kind = GATE_EV_REPLY,
                             .request_id = request_id,
                             .code = code,
                             .retriable = retriable,
                             .state = state,
                             .text = "because"});
}

static uint64_t agent_sequence;

static void agent_event(enum gate_what what, const char *agent, enum gate_state state,
                        const char *reason)
{
    feed((struct gate_event){.kind = GATE_EV_AGENT,
                             .sequence = ++agent_sequence,
                             .what = what,
                             .agent = agent,
                             .state = state,
                             .reason = reason,
                             .caller = "0301234",
                             .call = "c1",
                             .queue = "sales"});
}

static void server_up(void)
{
    feed((struct gate_event){.kind = GATE_EV_SERVER_UP});
    cr_assert_not_null(did(GATE_ACT_SUBSCRIBE));
    agent_sequence = 0;
    agent_event(GATE_WHAT_SNAPSHOT_END, NULL, GATE_LOGGED_OUT, NULL);
}

static uint64_t ask_login(const char *agent, const char *token, uint64_t http)
{
    feed((struct gate_event){.kind = GATE_EV_LOGIN,
                             .http = http,
                             .token = token,
                             .agent = agent,
                             .dn = "1001",
                             .state = GATE_READY});
    return did(GATE_ACT_ASK) != NULL ? did(GATE_ACT_ASK)->request_id : 0;
}

static void log_in(const char *agent, const char *token)
{
    reply(ask_login(agent, token, 7), 0, false, GATE_READY);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 200);
    cr_assert_str_eq(did(GATE_ACT_ANSWER)->token, token);
}

static void open_stream(const char *token, uint64_t stream)
{
    feed((struct gate_event){.kind = GATE_EV_STREAM_OPENED, .token = token, .stream = stream});
}

Test(gate, login_stream_state_and_logout)
{
    server_up();
    log_in("ann", "t1");
    cr_assert_not_null(gate_find(&gate, "t1"));
    open_stream("t1", 55);
    cr_assert_eq(did(GATE_ACT_TELL)->stream, 55);
    feed((struct gate_event){.kind = GATE_EV_SET_STATE,
                             .http = 8,
                             .token = "t1",
                             .state = GATE_NOT_READY,
                             .reason = "lunch"});
    cr_assert_eq(did(GATE_ACT_ASK)->op, GATE_SET_NOT_READY);
    cr_assert_str_eq(did(GATE_ACT_ASK)->text, "lunch");
    reply(did(GATE_ACT_ASK)->request_id, 0, false, GATE_NOT_READY);
    cr_assert_eq(did(GATE_ACT_ANSWER)->http, 8);
    cr_assert_eq(did(GATE_ACT_ANSWER)->state, GATE_NOT_READY);
    agent_event(GATE_WHAT_STATE, "ann", GATE_NOT_READY, "lunch");
    cr_assert_eq(did(GATE_ACT_TELL)->stream, 55);
    cr_assert_str_eq(gate_find(&gate, "t1")->reason, "lunch");
    feed((struct gate_event){.kind = GATE_EV_LOGOUT, .http = 9, .token = "t1", .reason = "home"});
    cr_assert_eq(did(GATE_ACT_ASK)->op, GATE_LOGOUT);
    reply(did(GATE_ACT_ASK)->request_id, 0, false, GATE_LOGGED_OUT);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 200);
    cr_assert_eq(did(GATE_ACT_END_STREAM)->stream, 55);
    cr_assert_not(did(GATE_ACT_END_STREAM)->again);
    cr_assert_null(gate_find(&gate, "t1"));
    cr_assert_eq(gate.sessions.used, 0);
}

Test(gate, what_the_server_tells_before_its_answer_is_not_lost)
{
    server_up();
    uint64_t request = ask_login("ann", "t1", 7);
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, "of the login before");
    agent_event(GATE_WHAT_STATE, "ann", GATE_NOT_READY, "lunch");
    reply(request, 0, false, GATE_NOT_READY);
    cr_assert_str_eq(gate_find(&gate, "t1")->reason, "lunch");
}

Test(gate, a_refused_login_says_whether_to_try_again)
{
    server_up();
    reply(ask_login("ann", "t1", 7), -11, true,
          GATE_LOGGED_OUT); /* L-1: the phone is out of service here */
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 409);
    cr_assert(did(GATE_ACT_ANSWER)->retriable);
    reply(ask_login("ann", "t1", 7), -22, false, GATE_LOGGED_OUT);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 403);
    cr_assert_not(did(GATE_ACT_ANSWER)->retriable);
    cr_assert_eq(gate.sessions.used, 0);
}

Test(gate, without_a_sip_server_logins_are_told_to_come_again)
{
    cr_assert_eq(ask_login("ann", "t1", 7), 0);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
    cr_assert(did(GATE_ACT_ANSWER)->retriable);
    server_up();
    ask_login("ann", "t1", 7);
    feed((struct gate_event){.kind = GATE_EV_SERVER_DOWN});
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
    cr_assert_eq(gate.sessions.used, 0);
}

Test(gate, a_sip_server_that_does_not_answer_is_given_up)
{
    server_up();
    ask_login("ann", "t1", 7);
    cr_assert_eq(gate_deadline(&gate).ns, mono_add_ms(now, 2000).ns);
    now = mono_add_ms(now, 2000);
    feed((struct gate_event){.kind = GATE_EV_TICK});
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
    log_in("bob", "t2");
    feed((struct gate_event){
        .kind = GATE_EV_SET_STATE, .http = 8, .token = "t2", .state = GATE_READY});
    feed((struct gate_event){
        .kind = GATE_EV_SET_STATE, .http = 9, .token = "t2", .state = GATE_READY});
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 409, "one change at a time");
    cr_assert_eq(did(GATE_ACT_ANSWER)->http, 9);
    now = mono_add_ms(now, 2000);
    feed((struct gate_event){.kind = GATE_EV_TICK});
    cr_assert_eq(did(GATE_ACT_ANSWER)->http, 8);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
    cr_assert_not_null(gate_find(&gate, "t2"), "the session stays");
}

Test(gate, a_page_may_be_away_for_a_while)
{
    server_up();
    log_in("ann", "t1");
    open_stream("t1", 55);
    feed((struct gate_event){.kind = GATE_EV_STREAM_CLOSED, .stream = 55});
    now = mono_add_ms(now, 59999);
    open_stream("t1", 56);
    feed((struct gate_event){.kind = GATE_EV_STREAM_CLOSED, .stream = 55}); /* an old one */
    cr_assert_eq(gate_find(&gate, "t1")->stream, 56);
    feed((struct gate_event){.kind = GATE_EV_STREAM_CLOSED, .stream = 56});
    now = mono_add_ms(now, 60000);
    feed((struct gate_event){.kind = GATE_EV_TICK});
    cr_assert_eq(did(GATE_ACT_ASK)->op, GATE_LOGOUT);
}

Test(gate, the_later_login_of_an_agent_counts)
{
    server_up();
    log_in("ann", "t1");
    open_stream("t1", 55);
    ask_login("ann", "t2", 8);
    cr_assert_eq(did(GATE_ACT_END_STREAM)->stream, 55);
    cr_assert_not(did(GATE_ACT_END_STREAM)->again);
    cr_assert_null(gate_find(&gate, "t1"));
    cr_assert_eq(gate.sessions.used, 1);
}

Test(gate, a_forced_logout_is_final_and_a_forgotten_login_is_not)
{
    server_up();
    log_in("ann", "t1");
    log_in("bob", "t2");
    open_stream("t1", 55);
    open_stream("t2", 56);
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, "phone out of service");
    cr_assert_eq(did(GATE_ACT_END_STREAM)->stream, 55);
    cr_assert_not(did(GATE_ACT_END_STREAM)->again);
    cr_assert_str_eq(did(GATE_ACT_END_STREAM)->text, "phone out of service");
    feed((struct gate_event){.kind = GATE_EV_SERVER_DOWN});
    cr_assert_not_null(gate_find(&gate, "t2"), "H-8: kept while the SIP server restarts");
    server_up(); /* it knows nobody */
    cr_assert_eq(did(GATE_ACT_END_STREAM)->stream, 56);
    cr_assert(did(GATE_ACT_END_STREAM)->again);
    cr_assert_eq(gate.sessions.used, 0);
}

Test(gate, a_login_that_the_server_forgot_without_a_reason_is_renewed)
{
    server_up();
    log_in("ann", "t1");
    open_stream("t1", 55);
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, ""); /* it is backup now */
    cr_assert(did(GATE_ACT_END_STREAM)->again);
    log_in("ann", "t2");
    open_stream("t2", 56);
    feed((struct gate_event){.kind = GATE_EV_SERVER_UP});
    agent_sequence = 0;
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, "an old reason"); /* in the roster */
    cr_assert_null(did(GATE_ACT_END_STREAM));
    agent_event(GATE_WHAT_SNAPSHOT_END, NULL, GATE_LOGGED_OUT, NULL);
    cr_assert(did(GATE_ACT_END_STREAM)->again);
}

/* The reason waits for the page, which must not log in again by itself. */
Test(gate, a_forced_logout_before_the_page_is_connected_is_told_when_it_comes)
{
    bool again = true;

    server_up();
    log_in("ann", "t1");
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, "phone out of service");
    cr_assert_null(gate_find(&gate, "t1"));
    cr_assert_str_eq(gate_ended(&gate, "t1", &again), "phone out of service");
    cr_assert_not(again);
    feed((struct gate_event){
        .kind = GATE_EV_SET_STATE, .http = 8, .token = "t1", .state = GATE_READY});
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 410);
    cr_assert_not(did(GATE_ACT_ANSWER)->retriable);
    open_stream("t1", 55);
    cr_assert_null(did(GATE_ACT_TELL));
    cr_assert_eq(did(GATE_ACT_END_STREAM)->stream, 55);
    cr_assert_not(did(GATE_ACT_END_STREAM)->again);
    cr_assert_str_eq(did(GATE_ACT_END_STREAM)->text, "phone out of service");
    cr_assert_eq(gate.sessions.used, 0);
}

Test(gate, a_page_that_is_away_for_a_moment_is_told_of_a_later_login_elsewhere)
{
    server_up();
    log_in("ann", "t1");
    open_stream("t1", 55);
    feed((struct gate_event){.kind = GATE_EV_STREAM_CLOSED, .stream = 55});
    log_in("ann", "t2");
    cr_assert_eq(gate.sessions.used, 2);
    open_stream("t1", 56);
    cr_assert_eq(did(GATE_ACT_END_STREAM)->stream, 56);
    cr_assert_not(did(GATE_ACT_END_STREAM)->again);
    cr_assert_not_null(gate_find(&gate, "t2"));
    cr_assert_not_null(gate_find_agent(&gate, "ann"));
}

Test(gate, what_has_ended_is_forgotten_in_time_or_for_a_new_login)
{
    char agent[16], token[16];

    server_up();
    log_in("ann", "t1");
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, "phone out of service");
    now = mono_add_ms(now, 60000);
    feed((struct gate_event){.kind = GATE_EV_TICK});
    cr_assert_eq(gate.sessions.used, 0);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(agent, sizeof(agent), "a%u", i);
        snprintf(token, sizeof(token), "t%u", i);
        log_in(agent, token);
        if (i < 2)
            agent_event(GATE_WHAT_STATE, agent, GATE_LOGGED_OUT, "phone out of service");
        now = mono_add_ms(now, 1);
    }
    log_in("bob", "new");
    bool again;
    cr_assert_null(gate_ended(&gate, "t0", &again), "the oldest makes room");
    cr_assert_not_null(gate_ended(&gate, "t1", &again));
    gate_reset(&gate);
    cr_assert_eq(gate.sessions.used, 0);
    cr_assert_eq(gate.over, 0);
}

static void stated(enum gate_state state, const char *reason, int64_t since_ms)
{
    feed((struct gate_event){.kind = GATE_EV_AGENT,
                             .sequence = ++agent_sequence,
                             .what = GATE_WHAT_STATE,
                             .agent = "ann",
                             .state = state,
                             .reason = reason,
                             .since_ms = since_ms});
}

Test(gate, a_forced_logout_that_the_roster_tells_is_final_when_it_is_of_this_login)
{
    server_up();
    log_in("ann", "t1");
    open_stream("t1", 55);
    stated(GATE_READY, "", 5000);
    agent_sequence++; /* the logout itself is lost */
    agent_event(GATE_WHAT_STATE, "bob", GATE_BUSY, "");
    cr_assert_not_null(did(GATE_ACT_SUBSCRIBE));
    agent_sequence = 0;
    stated(GATE_LOGGED_OUT, "phone out of service", 6000);
    cr_assert_not(did(GATE_ACT_END_STREAM)->again);
    cr_assert_str_eq(did(GATE_ACT_END_STREAM)->text, "phone out of service");
}

Test(gate, a_login_that_the_roster_names_is_kept)
{
    server_up();
    log_in("ann", "t1");
    feed((struct gate_event){.kind = GATE_EV_SERVER_UP}); /* restarted */
    agent_sequence = 0;
    agent_event(GATE_WHAT_STATE, "ann", GATE_READY, "");
    agent_event(GATE_WHAT_SNAPSHOT_END, NULL, GATE_LOGGED_OUT, NULL);
    cr_assert_not_null(gate_find(&gate, "t1"));
}

Test(gate, a_missing_agent_event_asks_for_the_roster)
{
    server_up();
    log_in("ann", "t1");
    agent_sequence += 1;
    agent_event(GATE_WHAT_STATE, "ann", GATE_BUSY, "");
    cr_assert_not_null(did(GATE_NOTE_GAP));
    cr_assert_not_null(did(GATE_ACT_SUBSCRIBE));
    agent_event(GATE_WHAT_STATE, "ann", GATE_BUSY, "");
    cr_assert_null(did(GATE_ACT_SUBSCRIBE), "one question is enough");
    agent_sequence = 0;
    agent_event(GATE_WHAT_STATE, "ann", GATE_AFTER_CALL_WORK, "");
    agent_event(GATE_WHAT_SNAPSHOT_END, NULL, GATE_LOGGED_OUT, NULL);
    cr_assert_eq(gate_find(&gate, "t1")->agent_state, GATE_AFTER_CALL_WORK);
    cr_assert_eq(gate.gaps, 1);
}

static const struct gate_call *shown(void)
{
    return gate_active_call(gate_find(&gate, "t1"));
}

Test(gate, the_page_sees_its_call)
{
    server_up();
    log_in("ann", "t1");
    open_stream("t1", 55);
    agent_event(GATE_WHAT_RINGING, "ann", GATE_RESERVED, "");
    cr_assert_eq(shown()->phase, GATE_CALL_RINGING);
    cr_assert_str_eq(shown()->caller, "0301234");
    agent_event(GATE_WHAT_ESTABLISHED, "ann", GATE_BUSY, "");
    cr_assert_eq(shown()->phase, GATE_CALL_ESTABLISHED);
    agent_event(GATE_WHAT_HELD, "ann", GATE_BUSY, "");
    cr_assert_eq(shown()->phase, GATE_CALL_HELD);
    agent_event(GATE_WHAT_RETRIEVED, "ann", GATE_BUSY, "");
    cr_assert_eq(shown()->phase, GATE_CALL_ESTABLISHED);
    cr_assert_not_null(did(GATE_ACT_TELL));
    agent_event(GATE_WHAT_RELEASED, "ann", GATE_BUSY, "");
    cr_assert_null(shown());
    agent_event(GATE_WHAT_DN_OUT_OF_SERVICE, "ann", GATE_READY, "");
    cr_assert_not(gate_find(&gate, "t1")->dn_in_service);
}

/* Two calls at one phone, as in a consultation. */
static void call_event(enum gate_what what, const char *call)
{
    feed((struct gate_event){.kind = GATE_EV_AGENT,
                             .sequence = ++agent_sequence,
                             .what = what,
                             .agent = "ann",
                             .state = GATE_BUSY,
                             .call = call,
                             .data = "{\"k\":\"v\"}"});
}

Test(gate, calls_are_kept_apart_in_the_order_in_which_they_began)
{
    const struct gate_session *session;

    server_up();
    log_in("ann", "t1");
    session = gate_find(&gate, "t1");
    call_event(GATE_WHAT_ESTABLISHED, "c1");
    call_event(GATE_WHAT_HELD, "c1");
    call_event(GATE_WHAT_DIALING, "c2");
    call_event(GATE_WHAT_ALERTING, "c2");
    cr_assert_str_eq(session->calls[0].id, "c1");
    cr_assert_str_eq(session->calls[1].id, "c2");
    cr_assert_str_eq(session->calls[1].data, "{\"k\":\"v\"}");
    cr_assert_str_eq(shown()->id, "c2");
    call_event(GATE_WHAT_RELEASED, "c1");
    cr_assert_str_eq(session->calls[0].id, "c2");
    cr_assert_eq(session->calls[1].phase, GATE_CALL_NONE);
    call_event(GATE_WHAT_RELEASED, "c9");
    for (unsigned i = 0; i < 9; i++) { /* more than are shown */
        char id[8];

        snprintf(id, sizeof(id), "d%u", i);
        call_event(GATE_WHAT_RINGING, id);
    }
    feed((struct gate_event){.kind = GATE_EV_SERVER_UP}); /* told anew with the roster */
    cr_assert_null(shown());
}

static uint64_t operate(uint64_t http)
{
    feed(
        (struct gate_event){.kind = GATE_EV_OPERATE, .http = http, .token = "t1", .op = GATE_DIAL});
    return did(GATE_ACT_OPERATE) != NULL ? did(GATE_ACT_OPERATE)->request_id : 0;
}

Test(gate, an_operation_has_one_answer)
{
    uint64_t dial, release;

    server_up();
    log_in("ann", "t1");
    dial = operate(21);
    cr_assert_str_eq(did(GATE_ACT_OPERATE)->agent, "ann");
    release = operate(22); /* overtakes */
    reply(release, 0, false, GATE_BUSY);
    cr_assert_eq(did(GATE_ACT_OPERATED)->http, 22);
    cr_assert_eq(did(GATE_ACT_OPERATED)->status, 200);
    reply(dial, -125, true, GATE_BUSY);
    cr_assert_eq(did(GATE_ACT_OPERATED)->http, 21);
    cr_assert_eq(did(GATE_ACT_OPERATED)->status, 409);
    cr_assert(did(GATE_ACT_OPERATED)->retriable);
    reply(dial, 0, false, GATE_BUSY);
    cr_assert_null(did(GATE_ACT_OPERATED));
}

Test(gate, operations_are_bounded_and_end_without_the_server)
{
    server_up();
    log_in("ann", "t1");
    for (uint64_t i = 0; i < GATE_OPS_MAX; i++)
        cr_assert_neq(operate(30 + i), 0);
    cr_assert_eq(operate(40), 0);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 409);
    feed((struct gate_event){.kind = GATE_EV_HTTP_GONE, .http = 30});
    now = mono_add_ms(now, 30000);
    feed((struct gate_event){.kind = GATE_EV_TICK});
    cr_assert_eq(did(GATE_ACT_ANSWER)->http, 31);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
    cr_assert_neq(operate(50), 0);
    feed((struct gate_event){.kind = GATE_EV_SERVER_DOWN});
    cr_assert_eq(did(GATE_ACT_ANSWER)->http, 50);
    cr_assert_eq(operate(51), 0);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
}

Test(gate, operations_of_a_session_that_ends_are_answered)
{
    server_up();
    log_in("ann", "t1");
    (void)operate(60);
    agent_event(GATE_WHAT_STATE, "ann", GATE_LOGGED_OUT, "phone out of service");
    cr_assert_eq(did(GATE_ACT_ANSWER)->http, 60);
    feed((struct gate_event){.kind = GATE_EV_OPERATE, .http = 61, .token = "t1", .op = GATE_DIAL});
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 410);
}

Test(gate, many_sessions_end_in_several_steps_and_none_is_left)
{
    char name[16], token[16];

    server_up();
    for (int i = 0; i < 40; i++) {
        sprintf(name, "a%d", i);
        sprintf(token, "t%d", i);
        log_in(name, token);
        open_stream(token, 100 + i);
    }
    cr_assert_eq(ask_login("one too many", "x", 7), 0);
    cr_assert_eq(did(GATE_ACT_ANSWER)->status, 503);
    cr_assert_eq(gate.refused, 1);
    server_up();
    cr_assert_eq(gate.sessions.used, 0);
    unsigned ended = 0;
    for (unsigned i = 0; i < logged; i++)
        ended += log_[i].kind == GATE_ACT_END_STREAM;
    cr_assert_eq(ended, 40);
}

Test(gate, a_reset_forgets_everything)
{
    server_up();
    log_in("ann", "t1");
    gate_reset(&gate);
    cr_assert_null(gate_find(&gate, "t1"));
    cr_assert_eq(gate.sessions.used, 0);
    log_in("ann", "t3");
}
