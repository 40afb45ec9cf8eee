/* Third-party call control (D-1, D-2): dial, answer, release, hold, retrieve, transfer, consult and
 * attached data from the desktop, against phones that answer, refuse, cross and vanish. */
#include "tests/unit/sipserver/kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SDP(o, dir)                                                                                \
    "v=0\r\no=" o "\r\ns=-\r\nc=IN IP4 10.9.9.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n" dir
#define PHONE_SDP  SDP("phone 7 1 IN IP4 10.9.9.1", "")
#define PARTY_SDP  SDP("party 9 5 IN IP4 10.9.9.2", "a=sendrecv\r\n")
#define THIRD_SDP  SDP("third 3 2 IN IP4 10.9.9.3", "")
#define ANSWER_SDP SDP("any 1 1 IN IP4 10.9.9.4", "a=recvonly\r\n")

static struct kit *k;
static struct ua phone, party, third; /* 101 of agent a1, 100, 102 of agent a2 */
static struct ua second;              /* the second call of 101 */
static struct sc_agent_reply reply;   /* the last one */
static unsigned seen;                 /* actions looked at */

static void quiet(struct kit *house)
{
    house->options.oos_check_ms = house->options.oos_force_ms = 3600000;
}

static void setup(void)
{
    struct ua phones[3];

    k = kit_house(quiet);
    phones_register(k, phones, 100, 3);
    party = phones[0];
    phone = phones[1];
    third = phones[2];
    second = ua_at(k, "10.1.0.101", 5060, "101");
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_NOT_READY), 0);
    kit_forget_caught(k);
    seen = 0;
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(control, .init = setup, .fini = teardown);

/* ---- the desktop ---- */

static void ask(enum sc_agent_op op, const char *number, const char *call, const char *data)
{
    static uint64_t id;
    struct sc_agent_request r = {.request_id = ++id, .client = 1, .op = op};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    snprintf(r.agent, sizeof(r.agent), "a1");
    snprintf(r.number, sizeof(r.number), "%s", number);
    snprintf(r.call, sizeof(r.call), "%s", call);
    snprintf(r.data, sizeof(r.data), "%s", data);
    kit_step(k, &e);
}

/* The replies since the last look; the last one in REPLY. */
static unsigned replies(void)
{
    unsigned n = 0;

    for (; seen < k->actions_n; seen++)
        if (k->actions[seen].kind == SC_ACT_AGENT_REPLY) {
            reply = k->actions[seen].reply;
            n++;
        }
    return n;
}

static void expect_reply(int code)
{
    unsigned n = replies();

    cr_assert_eq(n, 1, "%u replies", n);
    cr_assert_eq(reply.code, code, "%d: %s", reply.code, reply.text);
}

static void expect_no_reply(void)
{
    cr_assert_eq(replies(), 0, "%d: %s", reply.code, reply.text);
}

/* The events of calls told to AGENT so far, one letter each, in order. */
static const char *story(const char *agent)
{
    static char text[64];
    static const char letters[] = {
        [SC_AGENT_RINGING] = 'r',   [SC_AGENT_ESTABLISHED] = 'e', [SC_AGENT_RELEASED] = 'x',
        [SC_AGENT_ABANDONED] = 'a', [SC_AGENT_DIALING] = 'd',     [SC_AGENT_ALERTING] = 'l',
        [SC_AGENT_QUEUED] = 'q',    [SC_AGENT_HELD] = 'h',        [SC_AGENT_RETRIEVED] = 't',
        [SC_AGENT_DIVERTED] = 'v',  [SC_AGENT_DATA] = 'D',        [SC_AGENT_TRANSFERRED] = 'T'};
    size_t n = 0;

    for (unsigned i = 0; i < k->actions_n && n < sizeof(text) - 1; i++) {
        const struct sc_agent_event *e = &k->actions[i].agent;

        if (k->actions[i].kind == SC_ACT_AGENT_EVENT && strcmp(e->agent, agent) == 0 &&
            (size_t)e->kind < sizeof(letters) && letters[e->kind] != 0)
            text[n++] = letters[e->kind];
    }
    text[n] = '\0';
    return text;
}

static void expect_story(const char *agent, const char *expected)
{
    cr_assert_str_eq(story(agent), expected, "%s: %s instead of %s", agent, story(agent), expected);
}

/* ---- the phones ---- */

static const char *body(const struct ua *u)
{
    static char text[4096];

    snprintf(text, sizeof(text), "%.*s", (int)u->msg.body.len, u->msg.body.p);
    return text;
}

static bool says(const struct ua *u, const char *what)
{
    return strstr(body(u), what) != NULL;
}

static bool has_header(const struct ua *u, const char *name, const char *value)
{
    for (unsigned i = 0; i < u->msg.headers_n; i++)
        if (sip_str_eq_nocase(u->msg.headers[i].name, sip_str_of(name)))
            return sip_str_eq(u->msg.headers[i].value, sip_str_of(value));
    return false;
}

/* A re-INVITE that U agrees to. */
static void reinvited(struct ua *u, const char *direction, const char *answer)
{
    ua_expect_request(u, SIP_INVITE);
    cr_assert(says(u, direction), "%s", body(u));
    ua_reply(u, 200, answer);
    ua_expect_request(u, SIP_ACK);
    cr_assert(ua_body_is(u, ""));
}

/* Until an INVITE is there, at most so long as RFC 3261 14.1 allows. */
static void wait_for(struct ua *u)
{
    for (int i = 0; i < 41 && !ua_has_request(u, SIP_INVITE); i++)
        kit_run(k, 100);
}

/* 100 calls 101. */
static void establish(void)
{
    ua_call(&party, "101", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect(&party, 200);
    ua_ack(&party, NULL);
    ua_expect_request(&phone, SIP_ACK);
}

static void held(void)
{
    ask(SC_HOLD, "", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_reply(0);
}

/* U, the agent's phone, takes the call that the desktop dials. */
static void phone_takes(struct ua *u)
{
    ua_expect_request(u, SIP_INVITE);
    cr_assert(ua_body_is(u, ""));
    ua_reply(u, 200, PHONE_SDP);
    ua_expect_request(u, SIP_ACK);
    cr_assert(says(u, "a=inactive"), "%s", body(u));
}

/* FAR answers the offerless INVITE that it has; its offer and U's answer are exchanged. */
static void joined(struct ua *u, struct ua *far)
{
    ua_reply(far, 200, THIRD_SDP);
    ua_expect_request(u, SIP_INVITE);
    cr_assert(says(u, "m=audio 4000"));
    cr_assert_not(says(u, "a=inactive"));
    ua_reply(u, 200, PHONE_SDP);
    ua_expect_request(u, SIP_ACK);
    cr_assert(ua_body_is(u, ""));
    ua_expect_request(far, SIP_ACK);
    cr_assert(ua_body_is(far, PHONE_SDP), "%s", body(far));
}

/* a1 dials 102. */
static void dialled(void)
{
    ask(SC_DIAL, "102", "", "");
    phone_takes(&phone);
    expect_reply(0);
    ua_expect_request(&third, SIP_INVITE);
    joined(&phone, &third);
}

static void expect_bye(struct ua *u)
{
    ua_expect_request(u, SIP_BYE);
    ua_reply(u, 200, NULL);
}

static void hang_up(struct ua *x, struct ua *y)
{
    ua_request(x, SIP_BYE, NULL);
    ua_expect(x, 200);
    expect_bye(y);
    kit_assert_empty(k);
}

/* ---- dial ---- */

/* RFC 3725 4.3: the phone is called without an offer and asked to answer by itself; what it offers
 * is answered with streams that do not move until the number called has its own. */
Test(control, dial_calls_the_phone_first_then_the_number)
{
    char id[SC_CALL_ID_SIZE];

    snprintf(id, sizeof(id), "1-%llu-1", (unsigned long long)k->epoch);
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert(ua_body_is(&phone, ""));
    cr_assert(has_header(&phone, "Call-Info", "<sip:standfast>;answer-after=0"));
    cr_assert(has_header(&phone, "Alert-Info", "<http://localhost>;info=alert-autoanswer"));
    cr_assert(sip_str_eq(phone.msg.from.uri.user, SIP_STR("102")));
    expect_no_reply();
    ua_expect_nothing(&third);
    ua_reply(&phone, 180, NULL);
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect_request(&phone, SIP_ACK);
    cr_assert(says(&phone, "o=- 1 1 IN IP4 10.0.0.1\r\n"), "%s", body(&phone));
    cr_assert(says(&phone, "m=audio 4000 RTP/AVP 8\r\na=inactive\r\n"));
    expect_reply(0);
    cr_assert_str_eq(reply.call, id);
    ua_expect_request(&third, SIP_INVITE);
    cr_assert(ua_body_is(&third, ""));
    cr_assert(sip_str_eq(third.msg.from.uri.user, SIP_STR("101")));
    cr_assert_not(has_header(&third, "Call-Info", "<sip:standfast>;answer-after=0"));
    ua_reply(&third, 180, NULL);
    ua_reply(&third, 200, THIRD_SDP);
    ua_expect_request(&phone, SIP_INVITE); /* one origin, its version one higher (RFC 3264 8) */
    cr_assert(says(&phone, "o=- 1 2 IN IP4 10.0.0.1\r\n"), "%s", body(&phone));
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect_request(&phone, SIP_ACK);
    ua_expect_request(&third, SIP_ACK);
    cr_assert(ua_body_is(&third, PHONE_SDP));
    expect_story("a1", "dle");
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    hang_up(&third, &phone);
    expect_story("a1", "dlex");
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
}

Test(control, a_dialled_number_that_is_busy_releases_the_phone)
{
    ask(SC_DIAL, "102", "", "");
    phone_takes(&phone);
    expect_reply(0);
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 486, NULL);
    ua_expect_request(&third, SIP_ACK);
    expect_bye(&phone);
    expect_story("a1", "dx");
    cr_assert_eq(kit_calls_told(k, SC_CALL_FAILED), 1);
    kit_assert_empty(k);
}

Test(control, a_phone_that_refuses_or_is_silent_ends_the_dial_with_one_reply)
{
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 486, NULL);
    expect_reply(-ECONNREFUSED);
    cr_assert(reply.retriable);
    kit_assert_empty(k);
    expect_no_reply();
    kit_forget_caught(k);
    seen = 0;
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 180, NULL);
    kit_run(k, 20000);
    expect_reply(-ETIMEDOUT);
    ua_expect_request(&phone, SIP_CANCEL);
    ua_expect_nothing(&third);
    kit_assert_empty(k);
    expect_no_reply();
    expect_story("a1", "dx");
}

Test(control, the_agent_who_hangs_up_while_the_number_rings_gives_up)
{
    ask(SC_DIAL, "102", "", "");
    phone_takes(&phone);
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 180, NULL);
    ua_request(&phone, SIP_BYE, NULL);
    ua_expect(&phone, 200);
    ua_expect_request(&third, SIP_CANCEL);
    cr_assert_eq(kit_calls_told(k, SC_CALL_ABANDONED), 1);
    kit_assert_empty(k);
    ua_expect_nothing(&phone);
}

Test(control, release_overtakes_a_dial_and_both_get_their_reply)
{
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 180, NULL);
    ask(SC_HOLD, "", "", "");
    expect_reply(-EBUSY);
    ask(SC_RELEASE, "", "", "");
    cr_assert_eq(replies(), 2);
    ua_expect_request(&phone, SIP_CANCEL);
    ua_recall(&phone);
    kit_assert_empty(k);
    expect_no_reply();
}

Test(control, a_200_that_crosses_the_cancel_of_a_dial_is_released)
{
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    ua_remember(&phone);
    ua_reply(&phone, 180, NULL);
    ask(SC_RELEASE, "", "", "");
    ua_expect_request(&phone, SIP_CANCEL);
    ua_recall(&phone);
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect_request(&phone, SIP_ACK);
    expect_bye(&phone);
    kit_assert_empty(k);
}

Test(control, dial_into_a_queue_waits_for_an_agent)
{
    ask(SC_DIAL, "5000", "", "why=help");
    phone_takes(&phone);
    expect_reply(0);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    ua_expect_nothing(&phone); /* no 182 to who is connected */
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 180, NULL);
    joined(&phone, &third);
    expect_story("a1", "dqle");
    expect_story("a2", "re");
    hang_up(&phone, &third);
}

Test(control, what_cannot_be_dialled_is_refused_with_the_reason)
{
    ask(SC_DIAL, "", "", "");
    expect_reply(-EINVAL);
    ask(SC_DIAL, "1 2", "", "");
    expect_reply(-EINVAL);
    establish();
    replies();
    ask(SC_DIAL, "102", "", "");
    expect_reply(-EBUSY);
    cr_assert_eq(ua_register(&third, "pw", 0), 200);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    hang_up(&party, &phone);
}

/* ---- hold and retrieve ---- */

/* RFC 3264 8, 8.4: the directions alone change, the version rises by one, the order of sections
 * stays. */
Test(control, hold_and_retrieve_reinvite_both_parties)
{
    establish();
    replies();
    ask(SC_HOLD, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    cr_assert_str_eq(body(&party), SDP("phone 7 2 IN IP4 10.9.9.1", "a=sendonly\r\n"));
    ua_expect_nothing(&phone);
    ua_reply(&party, 200, ANSWER_SDP);
    ua_expect_request(&party, SIP_ACK);
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert_str_eq(body(&phone), SDP("party 9 6 IN IP4 10.9.9.2", "a=inactive\r\n"));
    expect_no_reply();
    ua_reply(&phone, 200, ANSWER_SDP);
    ua_expect_request(&phone, SIP_ACK);
    expect_reply(0);
    expect_story("a1", "eh");
    ask(SC_HOLD, "", "", "");
    expect_reply(-ENOENT);
    ask(SC_RETRIEVE, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    cr_assert_str_eq(body(&party), SDP("phone 7 3 IN IP4 10.9.9.1", ""));
    ua_reply(&party, 200, SDP("party 9 7 IN IP4 10.9.9.2", ""));
    ua_expect_request(&party, SIP_ACK);
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert_str_eq(body(&phone), SDP("party 9 7 IN IP4 10.9.9.2", ""));
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect_request(&phone, SIP_ACK);
    expect_reply(0);
    expect_story("a1", "eht");
    ua_expect_nothing(&party);
    hang_up(&party, &phone);
}

/* RFC 3725 4.2: what one party moved, the other must know. */
Test(control, a_phone_that_moves_its_streams_on_retrieve_is_told_on)
{
    establish();
    replies();
    held();
    ask(SC_RETRIEVE, "", "", "");
    reinvited(&party, "m=audio 4000", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 200,
             "v=0\r\no=phone 7 9 IN IP4 10.9.9.1\r\ns=-\r\nc=IN IP4 10.9.9.9\r\nt=0 0\r\n"
             "m=audio 5000 RTP/AVP 8\r\n");
    ua_expect_request(&phone, SIP_ACK);
    expect_no_reply();
    reinvited(&party, "m=audio 5000", PARTY_SDP);
    expect_reply(0);
    hang_up(&phone, &party);
}

/* RFC 3261 14.1: 491 is tried again after 2.1 to 4 s, as the owner of the Call-ID. */
Test(control, glare_is_asked_again)
{
    establish();
    replies();
    ask(SC_HOLD, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    ua_reply(&party, 491, NULL);
    ua_expect_request(&party, SIP_ACK);
    kit_run(k, 2000);
    ua_expect_nothing(&party);
    wait_for(&party);
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_reply(0);
    hang_up(&party, &phone);
}

Test(control, a_request_of_the_party_under_way_delays_the_hold)
{
    establish();
    replies();
    ua_request(&party, SIP_INVITE, PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ask(SC_HOLD, "", "", "");
    expect_no_reply();
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect(&party, 200);
    ua_ack(&party, NULL);
    ua_expect_request(&phone, SIP_ACK);
    wait_for(&party);
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    ua_request(&party, SIP_INVITE, PARTY_SDP); /* and while the phone is asked: 491 */
    ua_expect(&party, 491);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_reply(0);
    hang_up(&party, &phone);
}

/* RFC 3261 14.1: a re-INVITE that is refused changes nothing. */
Test(control, a_party_that_refuses_the_hold_goes_on_as_before)
{
    establish();
    replies();
    ask(SC_HOLD, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    ua_reply(&party, 488, NULL);
    ua_expect_request(&party, SIP_ACK);
    expect_reply(-ECONNREFUSED);
    cr_assert_str_eq(reply.text, "the other party refused: 488 Not Acceptable Here");
    ua_expect_nothing(&phone);
    expect_story("a1", "e");
    ua_request(&phone, SIP_INVITE, PHONE_SDP);
    ua_expect_request(&party, SIP_INVITE);
    cr_assert_not(says(&party, "a=sendonly"));
    ua_reply(&party, 200, PARTY_SDP);
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    ua_expect_request(&party, SIP_ACK);
    hang_up(&party, &phone);
}

/* What the parties send each other while held stays held. */
Test(control, a_reinvite_of_a_held_party_does_not_open_the_streams)
{
    establish();
    replies();
    held();
    ua_request(&party, SIP_INVITE, PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert(says(&phone, "a=inactive"));
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect(&party, 200);
    cr_assert(says(&party, "a=sendonly"), "%s", body(&party));
    ua_ack(&party, NULL);
    ua_expect_request(&phone, SIP_ACK);
    hang_up(&party, &phone);
}

Test(control, a_party_that_vanishes_during_a_hold_ends_the_call_and_the_operation)
{
    establish();
    replies();
    ask(SC_HOLD, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    kit_run(k, 10000);
    expect_reply(-ETIMEDOUT);
    kit_run(k, 25000);
    expect_bye(&phone);
    expect_no_reply();
    expect_story("a1", "ex");
    kit_assert_empty(k);
}

Test(control, a_release_that_crosses_the_hold_ends_both)
{
    establish();
    replies();
    ask(SC_HOLD, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    ua_remember(&party);
    ua_request(&party, SIP_BYE, NULL);
    ua_expect(&party, 200);
    expect_reply(-ECONNRESET);
    expect_bye(&phone);
    kit_assert_empty(k);
    expect_no_reply();
}

/* The phone's own hold button. */
Test(control, a_phone_that_holds_by_itself_is_told_as_held)
{
    establish();
    ua_request(&phone, SIP_INVITE, SDP("phone 7 2 IN IP4 10.9.9.1", "a=sendonly\r\n"));
    ua_expect_request(&party, SIP_INVITE);
    ua_reply(&party, 200, ANSWER_SDP);
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    ua_expect_request(&party, SIP_ACK);
    expect_story("a1", "eh");
    ua_request(&phone, SIP_INVITE, SDP("phone 7 3 IN IP4 10.9.9.1", ""));
    ua_expect_request(&party, SIP_INVITE);
    ua_reply(&party, 200, PARTY_SDP);
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    ua_expect_request(&party, SIP_ACK);
    expect_story("a1", "eht");
    hang_up(&party, &phone);
}

/* ---- answer and release ---- */

Test(control, answer_asks_the_phone_by_notify_talk)
{
    ua_call(&party, "101", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_remember(&phone);
    ua_says(&phone, SIP_H_ALLOW_EVENTS, "talk, hold");
    ua_reply(&phone, 180, NULL);
    ua_is_silent(&phone);
    replies();
    ask(SC_ANSWER, "", "", "");
    ua_expect_request(&phone, SIP_NOTIFY);
    cr_assert_str_eq(ua_header(&phone, SIP_H_EVENT), "talk");
    ua_reply(&phone, 200, NULL);
    expect_no_reply();
    ua_recall(&phone);
    ua_reply(&phone, 200, PHONE_SDP);
    expect_reply(0);
    ua_expect(&party, 180);
    ua_expect(&party, 200);
    ua_ack(&party, NULL);
    ua_expect_request(&phone, SIP_ACK);
    expect_story("a1", "re");
    hang_up(&party, &phone);
}

Test(control, a_phone_that_does_not_know_talk_is_not_asked)
{
    ua_call(&party, "101", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 180, NULL);
    replies();
    ask(SC_ANSWER, "", "", "");
    expect_reply(-ENOTSUP);
    ua_expect_nothing(&phone);
}

Test(control, a_phone_that_refuses_to_answer_goes_on_ringing)
{
    ua_call(&party, "101", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_says(&phone, SIP_H_ALLOW_EVENTS, "talk");
    ua_reply(&phone, 180, NULL);
    ua_is_silent(&phone);
    replies();
    ask(SC_ANSWER, "", "", "");
    ua_expect_request(&phone, SIP_NOTIFY);
    ua_reply(&phone, 489, NULL);
    expect_reply(-ECONNREFUSED);
    ask(SC_ANSWER, "", "", "");
    ua_expect_request(&phone, SIP_NOTIFY);
    ua_reply(&phone, 200, NULL);
    kit_run(k, 10000);
    expect_reply(-ETIMEDOUT);
    cr_assert_eq(kit_status(k).calls, 1);
    ua_cancel(&party);
    expect_story("a1", "ra");
    kit_assert_empty(k);
}

Test(control, release_ends_an_established_call_and_refuses_a_ringing_one)
{
    establish();
    replies();
    ask(SC_RELEASE, "", "", "");
    expect_reply(0);
    expect_bye(&party);
    expect_bye(&phone);
    cr_assert_eq(kit_calls_told(k, SC_CALL_RELEASED), 1);
    kit_assert_empty(k);
    ua_call(&party, "101", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 180, NULL);
    replies();
    ask(SC_RELEASE, "", "", "");
    expect_reply(0);
    ua_expect_request(&phone, SIP_CANCEL);
    ua_expect(&party, 180);
    ua_expect(&party, 603);
    kit_assert_empty(k);
    ask(SC_RELEASE, "", "", "");
    expect_reply(-ENOENT);
    ask(SC_RELEASE, "", "9-9-9", "");
    expect_reply(-ENOENT);
}

/* ---- transfer ---- */

/* The N-th record told. */
static const struct sc_record *record(unsigned n)
{
    const struct sc_record *r = NULL;

    for (unsigned i = 0; r == NULL && i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_RECORD && n-- == 0)
            r = &k->actions[i].record;
    cr_assert_not_null(r);
    return r;
}

Test(control, a_blind_transfer_by_the_desktop_needs_no_refer)
{
    establish();
    replies();
    ask(SC_TRANSFER, "102", "", "");
    ua_expect_nothing(&phone);
    ua_expect_request(&third, SIP_INVITE);
    cr_assert(ua_body_is(&third, ""));
    ua_reply(&third, 180, NULL);
    expect_no_reply();
    joined(&party, &third);
    expect_bye(&phone);
    expect_reply(0);
    expect_story("a1", "eTx");
    hang_up(&party, &third);
    cr_assert_eq(record(0)->legs_n, 3);
    cr_assert_eq(record(0)->legs[1].how, SC_LEG_TRANSFERRED);
    cr_assert_str_eq(record(0)->legs[2].number, "102");
    cr_assert_neq(record(0)->legs[2].answer_ms, 0);
    cr_assert(record(0)->legs[2].by_transfer);
}

Test(control, a_transfer_target_that_is_busy_gives_the_call_back)
{
    establish();
    replies();
    held();
    ask(SC_TRANSFER, "102", "", "");
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 486, NULL);
    ua_expect_request(&third, SIP_ACK);
    expect_reply(-ECONNREFUSED);
    cr_assert_str_eq(reply.text, "the new party refused: 486 Busy Here");
    ask(SC_RETRIEVE, "", "", "");
    reinvited(&party, "m=audio", PARTY_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    ask(SC_TRANSFER, "102", "", "");
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 180, NULL);
    kit_run(k, 30000); /* transfer-timeout */
    ua_expect_request(&third, SIP_CANCEL);
    expect_reply(-ETIMEDOUT);
    expect_story("a1", "eht");
    hang_up(&party, &phone);
    expect_no_reply();
}

Test(control, a_phone_that_vanishes_during_its_transfer_changes_nothing)
{
    establish();
    replies();
    ask(SC_TRANSFER, "102", "", "");
    ua_expect_request(&third, SIP_INVITE);
    ua_request(&phone, SIP_BYE, NULL);
    ua_expect(&phone, 200);
    expect_no_reply();
    joined(&party, &third);
    expect_reply(0);
    hang_up(&party, &third);
}

Test(control, a_call_transferred_to_a_queue_waits_there_with_its_data)
{
    establish();
    ask(SC_SET_DATA, "", "", "customer=4711");
    replies();
    ask(SC_TRANSFER, "5000", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_reply(0);
    expect_bye(&phone);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 180, NULL);
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_AGENT_EVENT &&
            k->actions[i].agent.kind == SC_AGENT_RINGING) {
            cr_assert_str_eq(k->actions[i].agent.data, "customer=4711");
            cr_assert_str_eq(k->actions[i].agent.caller, "100");
        }
    joined(&party, &third);
    expect_story("a2", "re");
    hang_up(&party, &third);
    cr_assert_eq(kit_calls_told(k, SC_CALL_RELEASED), 2);
    cr_assert_eq(record(0)->legs[0].how, SC_LEG_MOVED);
    cr_assert_eq(record(0)->released_by, SC_BY_SERVER);
    cr_assert_str_eq(record(1)->before, record(0)->call);
    cr_assert_str_eq(record(1)->legs[1].agent, "a2");
}

/* Its request is on its way to the agent who leaves: 481 would end its call (RFC 5057 5.1). */
Test(control, a_request_of_a_call_that_moves_to_a_queue_does_not_end_it)
{
    establish();
    replies();
    ask(SC_TRANSFER, "5000", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    ua_request(&party, SIP_INFO, NULL);
    ua_expect_request(&phone, SIP_INVITE);
    ua_remember(&phone);
    ua_expect_request(&phone, SIP_INFO);
    ua_recall(&phone);
    ua_reply(&phone, 200, ANSWER_SDP);
    expect_reply(0);
    ua_expect(&party, 500);
    cr_assert_not(ua_has_request(&party, SIP_BYE));
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

Test(control, who_waits_after_a_transfer_may_hang_up)
{
    establish();
    replies();
    ask(SC_TRANSFER, "5000", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_bye(&phone);
    ua_request(&party, SIP_BYE, NULL);
    ua_expect(&party, 200);
    cr_assert_eq(kit_calls_told(k, SC_CALL_ABANDONED), 1);
    kit_assert_empty(k);
    ua_expect_nothing(&party);
}

Test(control, a_transfer_to_nowhere_is_refused_before_anything_changes)
{
    establish();
    replies();
    ask(SC_TRANSFER, "77777", "", "");
    expect_reply(-EHOSTUNREACH);
    ask(SC_TRANSFER, "103", "", "");
    expect_reply(-EHOSTUNREACH);
    cr_assert(reply.retriable);
    ua_expect_nothing(&party);
    ua_expect_nothing(&phone);
    hang_up(&party, &phone);
}

/* ---- consult ---- */

/* 101 speaks to 100, who waits, and consults 102. */
static void consulted(void)
{
    establish();
    replies();
    ask(SC_CONSULT, "102", "", "topic=refund");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_no_reply();
    phone_takes(&second);
    expect_reply(0);
    ua_expect_request(&third, SIP_INVITE);
    joined(&second, &third);
}

Test(control, a_consult_call_is_completed_into_one_call)
{
    consulted();
    expect_story("a1", "ehde");
    ask(SC_COMPLETE, "", "", "");
    ua_expect_request(&third, SIP_INVITE); /* asked for its offer anew */
    cr_assert(ua_body_is(&third, ""));
    ua_reply(&third, 200, THIRD_SDP);
    ua_expect_request(&party, SIP_INVITE);
    cr_assert_not(says(&party, "a=sendonly"));
    cr_assert(says(&party, "o=phone 7 3 IN IP4 10.9.9.1"), "%s", body(&party));
    ua_reply(&party, 200, PARTY_SDP);
    ua_expect_request(&party, SIP_ACK);
    ua_expect_request(&third, SIP_ACK);
    cr_assert(ua_body_is(&third, PARTY_SDP));
    expect_bye(&phone);
    expect_bye(&phone);
    expect_reply(0);
    hang_up(&party, &third);
}

/* RFC 3261 14.1: its answer, an offer, waits for its ACK until the other party has agreed. */
Test(control, a_hold_does_not_overtake_the_ack_of_a_party_that_is_being_joined)
{
    struct sc_agent_request r = {.request_id = 9000, .client = 2, .op = SC_HOLD, .agent = "a2"};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    consulted();
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_NOT_READY), 0);
    ask(SC_COMPLETE, "", "", "");
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 200, THIRD_SDP);
    ua_expect_request(&party, SIP_INVITE);
    kit_step(k, &e);
    ua_expect_request(&second, SIP_INVITE);
    ua_reply(&second, 200, ANSWER_SDP);
    ua_expect_request(&second, SIP_ACK);
    cr_assert_not(ua_has_request(&third, SIP_INVITE));
    ua_reply(&party, 200, PARTY_SDP);
    ua_expect_request(&third, SIP_ACK);
    cr_assert(says(&third, "m=audio 4000"), "the answer to its offer");
}

/* 481 would end it (RFC 5057 5.1): the consulted party's call goes on, in another one. */
Test(control, a_request_of_the_consulted_party_does_not_end_it_when_the_calls_are_joined)
{
    consulted();
    ask(SC_COMPLETE, "", "", "");
    ua_expect_request(&third, SIP_INVITE);
    ua_remember(&third);
    ua_request(&third, SIP_INFO, NULL);
    ua_expect_request(&second, SIP_INFO);
    ua_recall(&third);
    ua_reply(&third, 200, THIRD_SDP);
    ua_expect_request(&party, SIP_INVITE);
    ua_reply(&party, 200, PARTY_SDP);
    expect_reply(0);
    ua_expect(&third, 500);
    cr_assert_not(ua_has_request(&third, SIP_BYE));
}

Test(control, alternate_holds_one_call_and_retrieves_the_other)
{
    consulted();
    ask(SC_ALTERNATE, "", "", "");
    reinvited(&third, "a=sendonly", ANSWER_SDP);
    reinvited(&second, "a=inactive", ANSWER_SDP);
    expect_no_reply();
    reinvited(&party, "m=audio", PARTY_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    expect_story("a1", "ehdeht");
    ask(SC_ALTERNATE, "", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    reinvited(&third, "m=audio", THIRD_SDP);
    reinvited(&second, "m=audio", PHONE_SDP);
    expect_reply(0);
}

Test(control, return_leaves_the_consult_call_and_retrieves_the_first)
{
    consulted();
    ask(SC_RETURN, "", "", "");
    expect_bye(&third);
    ua_expect_request(&phone, SIP_BYE);
    ua_reply(&phone, 200, NULL);
    reinvited(&party, "m=audio", PARTY_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    expect_story("a1", "ehdext");
    hang_up(&party, &phone);
}

Test(control, return_also_leaves_a_consult_call_that_still_rings)
{
    establish();
    replies();
    ask(SC_CONSULT, "102", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    phone_takes(&second);
    expect_reply(0);
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 180, NULL);
    ask(SC_COMPLETE, "", "", "");
    expect_reply(-ENOENT);
    ask(SC_RETURN, "", "", "");
    ua_expect_request(&third, SIP_CANCEL);
    ua_expect_request(&phone, SIP_BYE);
    ua_reply(&phone, 200, NULL);
    reinvited(&party, "m=audio", PARTY_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    hang_up(&party, &phone);
}

/* 101 speaks to 100, who waits, and is about to consult 102: its own phone rings for that. */
static void consulting(void)
{
    establish();
    replies();
    ask(SC_CONSULT, "102", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    ua_expect_request(&second, SIP_INVITE);
    ua_remember(&second);
    ua_reply(&second, 180, NULL);
    expect_no_reply();
}

/* The phone stops ringing. */
static void rings_no_more(void)
{
    ua_expect_request(&second, SIP_CANCEL);
    ua_reply(&second, 200, NULL);
    ua_recall(&second);
    ua_reply(&second, 487, NULL);
    ua_expect_request(&second, SIP_ACK);
}

Test(control, return_while_the_own_phone_rings_retrieves_the_first_call)
{
    consulting();
    ask(SC_RETURN, "", "", "");
    expect_reply(-ECANCELED); /* of the consultation */
    rings_no_more();
    reinvited(&party, "m=audio", PARTY_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    expect_story("a1", "ehdxt");
    hang_up(&party, &phone);
    kit_assert_empty(k);
}

Test(control, return_during_the_hold_of_a_consultation_undoes_the_hold)
{
    establish();
    replies();
    ask(SC_CONSULT, "102", "", "");
    ua_expect_request(&party, SIP_INVITE);
    cr_assert(says(&party, "a=sendonly"));
    ask(SC_RETURN, "", "", "");
    expect_reply(-ECANCELED);
    ua_reply(&party, 200, ANSWER_SDP);
    ua_expect_request(&party, SIP_ACK);
    wait_for(&party);
    reinvited(&party, "m=audio", PARTY_SDP);
    cr_assert_not(says(&party, "a=sendonly"));
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    cr_assert_not(ua_has_request(&second, SIP_INVITE));
    hang_up(&party, &phone);
    kit_assert_empty(k);
}

Test(control, release_while_the_own_phone_rings_leaves_the_first_call_alone)
{
    consulting();
    ask(SC_RELEASE, "", "", "");
    cr_assert_eq(replies(), 2);
    cr_assert_eq(reply.code, 0, "%s", reply.text);
    rings_no_more();
    cr_assert_not(ua_has_request(&party, SIP_BYE));
    ask(SC_RETRIEVE, "", "", "");
    reinvited(&party, "m=audio", PARTY_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
}

Test(control, the_party_that_waits_may_hang_up_during_the_consultation)
{
    consulted();
    ua_request(&party, SIP_BYE, NULL);
    ua_expect(&party, 200);
    expect_bye(&phone);
    ask(SC_COMPLETE, "", "", "");
    expect_reply(-ENOENT);
    ask(SC_RELEASE, "", "", "");
    expect_reply(0);
    expect_bye(&second);
    expect_bye(&third);
    kit_assert_empty(k);
}

/* Both parties are at one phone, which has two lines then, and one call. */
Test(control, a_call_of_a_phone_with_itself_cannot_be_joined_with_itself)
{
    ua_call(&phone, "101", PARTY_SDP);
    ua_expect_request(&second, SIP_INVITE);
    ua_reply(&second, 200, PHONE_SDP);
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    ua_expect_request(&second, SIP_ACK);
    replies();
    ask(SC_HOLD, "", kit_last_call(k, SC_CALL_STARTED)->call, "");
    reinvited(&phone, "a=sendonly", ANSWER_SDP);
    reinvited(&phone, "a=inactive", ANSWER_SDP);
    expect_reply(0);
    for (unsigned i = 0; i < 3; i++) {
        ask((const enum sc_agent_op[]){SC_COMPLETE, SC_ALTERNATE, SC_RETURN}[i], "", "", "");
        expect_reply(-ENOENT);
    }
    ua_expect_nothing(&phone);
}

/* The operation that asked has ended with its call; the next one waits for another answer. */
Test(control, a_late_answer_to_a_hold_is_not_taken_for_that_to_a_dial)
{
    establish();
    replies();
    ask(SC_HOLD, "", "", "");
    reinvited(&party, "a=sendonly", ANSWER_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_remember(&phone);
    ua_request(&party, SIP_BYE, NULL);
    ua_expect(&party, 200);
    expect_reply(-ECONNRESET);
    ua_expect_request(&phone, SIP_BYE);
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&second, SIP_INVITE);
    ua_recall(&phone);
    ua_reply(&phone, 200, ANSWER_SDP);
    ua_expect_request(&phone, SIP_ACK);
    cr_assert_not(ua_has_request(&third, SIP_INVITE));
    expect_no_reply();
    ua_reply(&second, 200, PHONE_SDP);
    ua_expect_request(&second, SIP_ACK);
    expect_reply(0);
    ua_expect_request(&third, SIP_INVITE);
}

/* ---- events ---- */

Test(control, a_call_that_rings_in_vain_is_diverted)
{
    cr_assert_eq(kit_agent(k, SC_READY, "a1", "", SC_AGENT_READY), 0);
    ua_call(&party, "5000", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 180, NULL);
    kit_run(k, 20000);
    ua_expect_request(&phone, SIP_CANCEL);
    expect_story("a1", "rv");
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

/* What a desktop that comes back is told is what the last event of each call told. */
Test(control, the_present_calls_can_be_told_anew)
{
    struct sc_agent_event e;
    uint32_t cursor = 0;

    establish();
    replies();
    held();
    cr_assert(sc_next_line(k->sc, &cursor, &e));
    cr_assert_str_eq(e.agent, "a1");
    cr_assert_eq(e.kind, SC_AGENT_HELD);
    cr_assert_not(e.outbound);
    cr_assert_str_eq(e.caller, "100");
    cr_assert_not(sc_next_line(k->sc, &cursor, &e));
}

/* auto-answer of a DN: calls out of a queue alone. */
Test(control, only_calls_of_a_queue_ask_the_phone_to_answer_by_itself)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "101", SC_DN_EXTENSION);

    dn.auto_answer = true;
    kit_dn(k, &dn);
    ua_call(&party, "101", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert_not(has_header(&phone, "Call-Info", "<sip:standfast>;answer-after=0"));
    ua_reply(&phone, 180, NULL);
    ua_cancel(&party);
    kit_run(k, 40000);
    kit_forget_caught(k);
    cr_assert_eq(kit_agent(k, SC_READY, "a1", "", SC_AGENT_READY), 0);
    ua_call(&party, "5000", PARTY_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert(has_header(&phone, "Call-Info", "<sip:standfast>;answer-after=0"));
    cr_assert(has_header(&phone, "Alert-Info", "<http://localhost>;info=alert-autoanswer"));
}

/* ---- attached data ---- */

Test(control, data_are_set_read_shown_and_recorded)
{
    establish();
    replies();
    ask(SC_SET_DATA, "", "", "customer=4711;note=caf%C3%A9%20%22x%22");
    expect_reply(0);
    cr_assert_str_eq(reply.data, "customer=4711;note=caf%C3%A9%20%22x%22");
    ask(SC_SET_DATA, "", "", "customer=;topic=a%3Bb");
    expect_reply(0);
    ask(SC_GET_DATA, "", "", "");
    expect_reply(0);
    cr_assert_str_eq(reply.data, "note=caf%C3%A9%20%22x%22;topic=a%3Bb");
    expect_story("a1", "eDD");
    hang_up(&party, &phone);
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_RECORD) {
            cr_assert_str_eq(k->actions[i].record.data, "note=caf%C3%A9%20%22x%22;topic=a%3Bb");
            return;
        }
    cr_assert_fail("no record");
}

Test(control, data_beyond_the_limits_or_malformed_are_refused_and_change_nothing)
{
    static const char *const bad[] = {"a",           "a=b;;", "=b",      "a b=c", "a=b c",
                                      "a=%0a",       "a=%",   "a=%4",    "a=%ff", "a=%c0%80",
                                      "a=%ed%a0%80", "a=%00", "a=%c2%80"};
    char many[SC_DATA_SIZE] = "";

    establish();
    ask(SC_SET_DATA, "", "", "keep=1");
    replies();
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ask(SC_SET_DATA, "", "", bad[i]);
        expect_reply(-EINVAL);
    }
    for (unsigned i = 0; i < 16; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sk%u=v", i > 0 ? ";" : "", i);
    ask(SC_SET_DATA, "", "", many);
    expect_reply(-ENOSPC);
    k->options.data_value_max = 3;
    kit_options(k);
    ask(SC_SET_DATA, "", "", "a=1234");
    expect_reply(-ENOSPC);
    ask(SC_SET_DATA, "", "", "a=123");
    expect_reply(0);
    cr_assert_str_eq(reply.data, "keep=1;a=123");
    hang_up(&party, &phone);
}

Test(control, data_of_a_consulted_call_come_along_and_come_together)
{
    consulted();
    ask(SC_SET_DATA, "", "", "result=yes"); /* on the consult call, which is not held */
    expect_reply(0);
    cr_assert_str_eq(reply.data, "topic=refund;result=yes");
    ask(SC_COMPLETE, "", "", "");
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 200, THIRD_SDP);
    ua_expect_request(&party, SIP_INVITE);
    ua_reply(&party, 200, PARTY_SDP);
    ua_expect_request(&third, SIP_ACK);
    hang_up(&party, &third);
    for (unsigned i = k->actions_n; i-- > 0;)
        if (k->actions[i].kind == SC_ACT_RECORD) {
            cr_assert_str_eq(k->actions[i].record.data, "topic=refund;result=yes");
            return;
        }
    cr_assert_fail("no record");
}

Test(control, a_dialled_call_can_be_held_and_retrieved)
{
    dialled();
    replies();
    ask(SC_HOLD, "", "", "");
    reinvited(&third, "a=sendonly", ANSWER_SDP);
    ua_expect_request(&phone, SIP_INVITE);
    cr_assert(says(&phone, "o=- 1 3 IN IP4 10.0.0.1\r\n"), "%s", body(&phone));
    ua_reply(&phone, 200, ANSWER_SDP);
    ua_expect_request(&phone, SIP_ACK);
    expect_reply(0);
    ask(SC_RETRIEVE, "", "", "");
    reinvited(&third, "m=audio", THIRD_SDP);
    reinvited(&phone, "m=audio", PHONE_SDP);
    expect_reply(0);
    hang_up(&phone, &third);
}

/* RFC 3261 13.2.2.4: each copy of a 2xx gets the same ACK, with the answer in it. */
Test(control, a_repeated_200_of_the_phone_gets_the_same_answer)
{
    char first[4096];

    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    ua_remember(&phone);
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect_request(&phone, SIP_ACK);
    snprintf(first, sizeof(first), "%s", body(&phone));
    ua_recall(&phone);
    ua_reply(&phone, 200, PHONE_SDP);
    ua_expect_request(&phone, SIP_ACK);
    cr_assert_str_eq(body(&phone), first);
}

Test(control, requests_of_who_is_not_logged_in_are_refused)
{
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL), 0);
    for (int op = SC_DIAL; op < SC_AGENT_OPS; op++)
        cr_assert_eq(kit_agent(k, (enum sc_agent_op)op, "a1", "", SC_AGENT_NULL), -ENOENT);
}

Test(control, a_logout_during_an_operation_ends_it_with_its_reply)
{
    ask(SC_DIAL, "102", "", "");
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 180, NULL);
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL),
                 -ECANCELED); /* the first reply */
    cr_assert_eq(replies(), 2);
    ua_expect_request(&phone, SIP_CANCEL);
    kit_assert_empty(k);
}

/* RFC 3261 14.1: one INVITE at a time, also when the phone asks for a transfer while the desktop's
 * hold is under way. */
Test(control, a_refer_during_a_hold_waits_until_the_hold_is_answered)
{
    establish();
    ask(SC_HOLD, "", "", "");
    ua_expect_request(&party, SIP_INVITE);
    ua_remember(&party);
    ua_says(&phone, SIP_H_REFER_TO, "<sip:102@10.0.0.1>");
    ua_request(&phone, SIP_REFER, NULL);
    ua_is_silent(&phone);
    ua_expect(&phone, 202);
    ua_expect_request(&third, SIP_INVITE);
    ua_reply(&third, 200, THIRD_SDP);
    cr_assert_not(ua_has_request(&party, SIP_INVITE));
    ua_recall(&party);
    ua_reply(&party, 200, ANSWER_SDP);
    ua_expect_request(&party, SIP_ACK);
    wait_for(&party);
    ua_expect_request(&party, SIP_INVITE);
    cr_assert(says(&party, "m=audio 4000"));
    ua_reply(&party, 200, PARTY_SDP);
    ua_expect_request(&party, SIP_ACK);
    ua_expect_request(&third, SIP_ACK);
    cr_assert(ua_body_is(&third, PARTY_SDP));
    cr_assert(ua_has_request(&phone, SIP_BYE));
}

/* What the dialling phone asked of a number that then did not take the call ends with that number.
 */
Test(control, a_request_to_a_number_that_refuses_does_not_end_the_call_at_the_next)
{
    ask(SC_DIAL, "6000", "", "");
    phone_takes(&phone);
    ua_expect_request(&party, SIP_INVITE);
    ua_remember(&party);
    ua_reply(&party, 180, NULL);
    ua_request(&phone, SIP_INFO, "Signal=1\r\n");
    ua_recall(&party);
    ua_reply(&party, 486, NULL);
    ua_expect(&phone, 500); /* 481 would end its call (RFC 3261 12.2.1.2) */
    ua_expect_request(&party, SIP_INFO);
    ua_reply(&party, 481, NULL);
    cr_assert_not(ua_has_request(&phone, SIP_BYE));
    cr_assert_eq(kit_status(k).calls, 1);
}
