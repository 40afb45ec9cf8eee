/* Random phones, agents and callers over a network that loses, repeats and reorders: no call, leg,
 * transaction or agent is left over, and each call ends exactly once.  A failing seed repeats:
 * SOAK_SEED=n ./sipserver_soak */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/prng.h"
#include "sipserver/core/state.h"

#define PHONES  6
#define CALLERS 6
#define BOTS    (PHONES + CALLERS)
#define WIRE    4096

enum bot_state { IDLE, CALLING, RINGING, UP, ENDING };

/* A party with a protocol floor of its own, so that it repeats what is lost. */
struct bot {
    struct sip_stack *stack;
    void *memory;
    struct sip_addr addr;
    char number[16];
    enum bot_state state;
    bool given_up; /* CANCEL sent */
    bool challenged;
    uint64_t txn; /* of the INVITE, either way */
    struct sip_dialog dialog;
    mono_t act; /* when it does something next */
    char called[16];
};

struct datagram {
    mono_t at;
    struct sip_addr from, to;
    size_t len;
    char *data;
};

static struct kit *k;
static struct bot bots[BOTS];
static struct datagram wire[WIRE];
static unsigned wire_n;
static struct prng dice;
static bool chaos;
static unsigned calls_made, updates, reinvites, refers;
static struct sip_out bot_out;
static unsigned phases[16];
static unsigned records;

static bool chance(unsigned percent)
{
    return prng_below(&dice, 100) < percent;
}

static mono_t soon(int64_t from_ms, int64_t to_ms)
{
    return mono_add_ms(k->now, prng_between(&dice, from_ms, to_ms));
}

/* ---- the network ---- */

static void put_on_wire(const struct sip_addr *from, const struct sip_addr *to, const char *data,
                        size_t len)
{
    unsigned copies = chaos && chance(5) ? 0 : chaos && chance(3) ? 2 : 1;

    while (copies-- > 0) {
        struct datagram *d = &wire[wire_n++];

        cr_assert_leq(wire_n, WIRE, "the wire is full");
        d->at = chaos ? soon(1, chance(10) ? 400 : 30) : soon(1, 2);
        d->from = *from;
        d->to = *to;
        d->len = len;
        d->data = malloc(len);
        memcpy(d->data, data, len);
    }
}

static void flush_bot(struct bot *b)
{
    for (unsigned i = 0; i < bot_out.n; i++) {
        struct sip_str data = sip_out_data(&bot_out, i);

        put_on_wire(&b->addr, &bot_out.items[i].to, data.p, data.len);
    }
    sip_out_clear(&bot_out);
}

#define DESKTOP 7
static uint64_t asked, replied; /* operations of desktops */

static void flush_core(void)
{
    for (unsigned i = 0; i < k->caught_n; i++)
        put_on_wire(&k->conf.local, &k->caught[i].to, k->caught[i].data, k->caught[i].len);
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_CALL)
            phases[k->actions[i].call.phase]++;
        else if (k->actions[i].kind == SC_ACT_RECORD)
            records++;
        else if (k->actions[i].kind == SC_ACT_AGENT_REPLY && k->actions[i].reply.client == DESKTOP)
            replied++;
    kit_forget_caught(k);
}

/* ---- bots ---- */

static struct sip_str contact_of(const struct bot *b, char *text, size_t size)
{
    struct sip_buf buf;

    sip_buf_init(&buf, text, size);
    sip_put_text(&buf, "sip:");
    sip_put_text(&buf, b->number);
    sip_put_text(&buf, "@");
    sip_addr_put_host(&buf, &b->addr, true);
    sip_put_text(&buf, ":");
    sip_put_number(&buf, b->addr.port);
    return sip_buf_str(&buf);
}

/* Every second party can be refreshed by UPDATE (RFC 4028); the others get re-INVITEs. */
static struct sip_extra allow_of(const struct bot *b)
{
    return (struct sip_extra){.id = SIP_H_ALLOW,
                              .value = (b - bots) % 2 == 0 ? SIP_STR("INVITE, ACK, BYE, UPDATE")
                                                           : SIP_STR("INVITE, ACK, BYE")};
}

static void bot_idle(struct bot *b)
{
    b->state = IDLE;
    b->given_up = b->challenged = false;
    b->txn = 0;
    b->act = soon(100, 15000);
}

static void bot_request(struct bot *b, enum sip_method method)
{
    char contact[128], refer_to[64];
    struct sip_extra refer = {.id = SIP_H_REFER_TO};
    struct sip_request r;
    uint64_t txn;

    sip_dialog_request(&b->dialog, method, &r);
    r.contact = contact_of(b, contact, sizeof(contact));
    if (method == SIP_INVITE || method == SIP_UPDATE)
        r.content = (struct sip_content){SIP_STR("application/sdp"), SIP_STR(SDP_A)};
    if (method == SIP_REFER) {
        snprintf(refer_to, sizeof(refer_to), "<sip:%u@10.0.0.1>",
                 100 + (unsigned)prng_below(&dice, 8));
        refer.value = sip_str_of(refer_to);
        r.extras = &refer;
        r.extras_n = 1;
        refers++;
    }
    if (method == SIP_ACK)
        (void)sip_send_ack(b->stack, &k->conf.local, &r, 1, &bot_out);
    else
        (void)sip_request(b->stack, k->now, &k->conf.local, &r, 1, &bot_out, &txn);
}

static void bot_bye(struct bot *b)
{
    bot_request(b, SIP_BYE);
    b->state = ENDING;
    b->act = soon(40000, 40000);
}

static void bot_invite(struct bot *b, const char *authorization)
{
    char contact[128], target[128], from[160], to[160], call_id[SIP_TOKEN_MAX], tag[SIP_TOKEN_MAX];
    struct sip_extra extras[] = {allow_of(b), {.id = SIP_H_AUTHORIZATION}};
    struct sip_request r = {.method = SIP_INVITE, .cseq = 1, .extras = extras};
    static uint32_t serial;

    serial++;
    snprintf(target, sizeof(target), "sip:%s@10.0.0.1", b->called);
    snprintf(from, sizeof(from), "<sip:%s@10.0.0.1>", b->number);
    snprintf(to, sizeof(to), "<%s>", target);
    r.uri = sip_str_of(target);
    r.from = sip_str_of(from);
    r.to = sip_str_of(to);
    r.from_tag = sip_own_tag(b->stack, 1, serial, tag);
    r.call_id = sip_own_call_id(b->stack, 1, serial, call_id);
    r.contact = contact_of(b, contact, sizeof(contact));
    extras[1].value = sip_str_of(authorization);
    r.extras_n = authorization[0] != '\0' ? 2 : 1;
    r.content = (struct sip_content){SIP_STR("application/sdp"), SIP_STR(SDP_A)};
    cr_assert_eq(sip_dialog_uac(&b->dialog, &r), 0);
    b->state = CALLING;
    b->act = chance(30) ? soon(0, 8000) : soon(200000, 200000); /* then it gives up */
    if (sip_request(b->stack, k->now, &k->conf.local, &r, 1, &bot_out, &b->txn) != 0)
        bot_idle(b);
}

static void bot_call(struct bot *b)
{
    static const char *const numbers[] = {"5000", "5000", "5000", "6000", "888", "90123"};

    if (chance(60))
        snprintf(b->called, sizeof(b->called), "%s", numbers[prng_below(&dice, 6)]);
    else
        snprintf(b->called, sizeof(b->called), "%u", 100 + (unsigned)prng_below(&dice, 8));
    calls_made++;
    bot_invite(b, "");
}

static void bot_answer_challenge(struct bot *b, const struct sip_msg *m)
{
    struct digest_ops ops = digest_openssl_ops(k->digest);
    struct sip_digest_params p;
    struct sip_ha1 ha1;
    char text[1024], uri[64];
    struct sip_buf buf;

    b->challenged = true;
    cr_assert_eq(sip_digest_parse(sip_msg_value(m, SIP_H_WWW_AUTHENTICATE), &p), 0);
    sip_digest_ha1(&ops, sip_str_of(b->number), p.realm, SIP_STR("pw"), &ha1);
    snprintf(uri, sizeof(uri), "sip:%s@10.0.0.1", b->called);
    sip_buf_init(&buf, text, sizeof(text) - 1);
    cr_assert_eq(sip_digest_answer(&ops, &p, SIP_INVITE, sip_str_of(uri), sip_str_of(b->number),
                                   &ha1, SIP_STR("c"), 1, &buf),
                 0);
    text[buf.len] = '\0';
    bot_invite(b, text);
}

static void bot_response(struct bot *b, const struct sip_event *e)
{
    if (e->method == SIP_BYE) {
        if (e->status >= 200 && b->state == ENDING)
            bot_idle(b);
        return;
    }
    if (e->method != SIP_INVITE)
        return;
    if (e->msg != NULL && e->status >= 200 && e->status < 300) {
        if (b->state == CALLING && e->txn == b->txn) {
            if (sip_dialog_answer(&b->dialog, e->msg) != 0)
                return;
            bot_request(b, SIP_ACK);
            b->state = UP;
            b->act = soon(0, 20000);
            if (b->given_up)
                bot_bye(b);
        } else if (b->state == UP && e->msg->cseq.number == b->dialog.invite_cseq) {
            (void)sip_dialog_response(&b->dialog, e->msg);
            bot_request(b, SIP_ACK);
        }
        return;
    }
    if (e->status < 300 || b->state != CALLING || e->txn != b->txn)
        return;
    if (e->status == 401 && !b->challenged && !b->given_up)
        bot_answer_challenge(b, e->msg);
    else
        bot_idle(b);
}

static void bot_reply(struct bot *b, const struct sip_event *e, unsigned status)
{
    char contact[128];
    struct sip_extra allow = allow_of(b);
    struct sip_reply reply = {.status = status, .extras = &allow, .extras_n = 1};

    if (e->method == SIP_UPDATE)
        updates++;
    if (e->method == SIP_INVITE && !sip_str_empty(e->msg->to.tag))
        reinvites++;
    if (status < 300)
        reply.contact = contact_of(b, contact, sizeof(contact));
    if (status == 200 && e->method != SIP_BYE)
        reply.content = (struct sip_content){SIP_STR("application/sdp"), SIP_STR(SDP_B)};
    (void)sip_reply(b->stack, k->now, e, &reply, &bot_out);
}

static void bot_incoming(struct bot *b, const struct sip_event *e)
{
    char tag[SIP_TOKEN_MAX];
    struct sip_reply ringing = {.status = 180};
    static uint32_t serial = 1000000;

    if (b->state != IDLE) {
        bot_reply(b, e, 486);
        return;
    }
    cr_assert_eq(sip_dialog_uas(&b->dialog, e->msg, sip_own_tag(b->stack, 1, ++serial, tag)), 0);
    b->state = RINGING;
    b->txn = e->txn;
    ringing.to_tag = (struct sip_str){b->dialog.local_tag, b->dialog.local_tag_len};
    if (chance(80))
        (void)sip_reply(b->stack, k->now, e, &ringing, &bot_out);
    b->act = chance(10) ? soon(60000, 60000) : soon(0, 6000);
}

static void bot_asked(struct bot *b, const struct sip_event *e)
{
    bool in_dialog = !sip_str_empty(e->msg->to.tag);

    if (e->method == SIP_OPTIONS) {
        bot_reply(b, e, 200);
    } else if (e->method == SIP_INVITE && !in_dialog) {
        bot_incoming(b, e);
    } else if (!in_dialog || !sip_dialog_matches(&b->dialog, e->msg) || b->state == IDLE ||
               sip_dialog_receive(&b->dialog, e->msg) != 0) {
        bot_reply(b, e, 481);
    } else {
        bot_reply(b, e, 200);
        if (e->method == SIP_BYE && b->state != ENDING)
            bot_idle(b);
    }
}

static void bot_event(struct bot *b, const struct sip_event *e)
{
    struct sip_reply ended = {.status = 487};

    switch (e->kind) {
    case SIP_EV_REQUEST: bot_asked(b, e); break;
    case SIP_EV_CANCEL:
        (void)sip_respond(b->stack, k->now, e->txn, &ended, &bot_out);
        if (b->state == RINGING && b->txn == e->txn)
            bot_idle(b);
        break;
    case SIP_EV_RESPONSE:
    case SIP_EV_TIMEOUT:
    case SIP_EV_UNSENT: bot_response(b, e); break;
    case SIP_EV_NO_ACK:
        if (e->status < 300 && b->state == UP)
            bot_bye(b);
        break;
    case SIP_EV_NONE:
    case SIP_EV_NO_ROOM:
    case SIP_EV_ACK: break;
    }
    flush_bot(b);
}

static void bot_answer(struct bot *b)
{
    char contact[128];
    struct sip_extra allow = allow_of(b);
    struct sip_reply reply = {.status = chance(85) ? 200 : 486, .extras = &allow, .extras_n = 1};

    reply.to_tag = (struct sip_str){b->dialog.local_tag, b->dialog.local_tag_len};
    if (reply.status == 200) {
        reply.contact = contact_of(b, contact, sizeof(contact));
        reply.content = (struct sip_content){SIP_STR("application/sdp"), SIP_STR(SDP_B)};
        sip_dialog_confirm(&b->dialog);
    }
    (void)sip_respond(b->stack, k->now, b->txn, &reply, &bot_out);
    if (reply.status == 200) {
        b->state = UP;
        b->act = soon(0, 20000);
    } else {
        bot_idle(b);
    }
}

static void bot_act(struct bot *b, bool finish)
{
    switch (b->state) {
    case IDLE:
        if (!finish)
            bot_call(b);
        else
            b->act = MONO_NEVER;
        break;
    case CALLING:
        b->given_up = true;
        b->act = soon(200000, 200000);
        (void)sip_cancel(b->stack, k->now, b->txn, &bot_out);
        break;
    case RINGING: bot_answer(b); break;
    case UP:
        if (!finish && chance(60)) {
            bot_request(b, chance(40) ? SIP_REFER : chance(50) ? SIP_INVITE : SIP_INFO);
            b->act = soon(0, 10000);
        } else {
            bot_bye(b);
        }
        break;
    case ENDING: bot_idle(b); break;
    }
    flush_bot(b);
}

/* ---- time ---- */

static mono_t next_moment(void)
{
    mono_t t = sc_deadline(k->sc);

    for (unsigned i = 0; i < BOTS; i++)
        t = mono_min(t, mono_min(bots[i].act, sip_deadline(bots[i].stack)));
    for (unsigned i = 0; i < wire_n; i++)
        t = mono_min(t, wire[i].at);
    return mono_max(t, k->now);
}

static void deliver(void)
{
    for (unsigned i = 0; i < wire_n;) {
        struct datagram d = wire[i];
        struct sip_event e;

        if (!mono_due(d.at, k->now)) {
            i++;
            continue;
        }
        wire[i] = wire[--wire_n];
        if (sip_addr_eq(&d.to, &k->conf.local)) {
            kit_datagram(k, &d.from, d.data, d.len);
            flush_core();
        }
        for (unsigned b = 0; b < BOTS; b++)
            if (sip_addr_eq(&d.to, &bots[b].addr)) {
                sip_input(bots[b].stack, k->now, &d.from, d.data, d.len, &bot_out, &e);
                bot_event(&bots[b], &e);
            }
        free(d.data);
    }
}

/* What desktops ask for, at any moment: each request gets its one reply in the end. */
static void desktop_acts(const char *id)
{
    static const char *const numbers[] = {"100", "102", "5000", "6000", "9123", "77"};
    struct sc_agent_request r = {.request_id = ++asked, .client = DESKTOP};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    r.op = (enum sc_agent_op)prng_between(&dice, SC_DIAL, SC_AGENT_OPS - 1);
    snprintf(r.agent, sizeof(r.agent), "%s", id);
    snprintf(r.number, sizeof(r.number), "%s", numbers[prng_between(&dice, 0, 5)]);
    snprintf(r.data, sizeof(r.data), "n=%u", (unsigned)asked % 7);
    kit_step(k, &e);
}

static void live(int64_t ms, bool finish)
{
    mono_t end = mono_add_ms(k->now, ms);
    struct sc_event tick = {.kind = SC_EV_TICK};

    while (mono_before(next_moment(), end)) {
        k->now = next_moment();
        kit_step(k, &tick);
        flush_core();
        deliver();
        for (unsigned i = 0; i < BOTS; i++) {
            struct sip_event events[8];
            unsigned n = sip_timers(bots[i].stack, k->now, &bot_out, events, 8);

            flush_bot(&bots[i]);
            for (unsigned j = 0; j < n; j++)
                bot_event(&bots[i], &events[j]);
            if (mono_due(bots[i].act, k->now))
                bot_act(&bots[i], finish);
        }
        for (unsigned i = 1; i <= 5; i++) { /* agents who did not answer come back */
            char id[8];

            snprintf(id, sizeof(id), "a%u", i);
            if (kit_agent_state(k, id) == SC_AGENT_NOT_READY && chance(2))
                cr_assert_eq(kit_agent(k, SC_READY, id, "", SC_AGENT_NULL), 0);
            if (!finish && chance(1))
                desktop_acts(id);
        }
        flush_core();
    }
    k->now = end;
}

static void short_sessions(struct kit *house)
{
    house->options.session_expires_s = house->options.min_se_s = 6;
}

static void start(uint64_t seed)
{
    struct sip_stack_conf conf;
    struct ua phone[PHONES];
    struct sc_dn_conf gw;
    char ip[32], id[8];

    prng_init(&dice, seed);
    k = kit_house(short_sessions);
    gw = kit_dn_conf(k, "gw", SC_DN_TRUNK);
    snprintf(gw.contact, sizeof(gw.contact), "sip:10.0.1.1"); /* from any port */
    snprintf(gw.prefixes[0], sizeof(gw.prefixes[0]), "9");
    gw.prefixes_n = 1;
    kit_dn(k, &gw);
    phones_register(k, phone, 100, PHONES);
    memset(phases, 0, sizeof(phases));
    calls_made = updates = reinvites = refers = wire_n = records = 0;
    asked = replied = 0;
    for (unsigned i = 0; i < BOTS; i++) {
        struct bot *b = &bots[i];

        memset(b, 0, sizeof(*b));
        snprintf(ip, sizeof(ip), i < PHONES ? "10.1.0.%u" : "10.0.1.1", 100 + i);
        b->addr = kit_addr(ip, i < PHONES ? 5060 : (uint16_t)(5060 + i - PHONES));
        snprintf(b->number, sizeof(b->number), "%u", (i < PHONES ? 100 : 900) + i);
        sip_stack_conf_default(&conf);
        conf.server_max = conf.client_max = 64;
        conf.serial = i;
        snprintf(conf.sent_by[0], sizeof(conf.sent_by[0]), "%s:%u", ip, b->addr.port);
        b->memory = calloc(1, sip_stack_size(&conf));
        b->stack = sip_stack_init(b->memory, &conf);
        bot_idle(b);
    }
    for (unsigned i = 1; i <= 5; i++) {
        snprintf(id, sizeof(id), "a%u", i);
        cr_assert_eq(kit_agent(k, SC_LOGIN, id, "", SC_AGENT_READY), 0);
    }
    kit_forget_caught(k);
}

static void check_empty(void)
{
    unsigned over = phases[SC_CALL_RELEASED] + phases[SC_CALL_ABANDONED] + phases[SC_CALL_FAILED];

    cr_assert_eq(k->sc->calls.used, 0, "%u calls left", k->sc->calls.used);
    cr_assert_eq(k->sc->legs.used, 0);
    cr_assert_eq(k->sc->offers.used, 0);
    cr_assert_eq(k->sc->relays.used, 0);
    for (unsigned size = 0; size < SDP_SIZES; size++)
        cr_assert_eq(k->sc->sdps[size].used, 0);
    cr_assert_eq(k->sc->datas.used, 0);
    cr_assert_eq(replied, asked, "%llu operations, %llu replies", (unsigned long long)asked,
                 (unsigned long long)replied);
    cr_assert_eq(sip_live(k->sc->sip, true), 0);
    cr_assert_leq(sip_live(k->sc->sip, false), 8, "only the last OPTIONS of silent trunks");
    cr_assert_eq(phases[SC_CALL_STARTED], over, "%u calls began, %u ended", phases[SC_CALL_STARTED],
                 over);
    cr_assert_eq(records, over, "%u calls ended, %u records (I3)", over, records);
    for (unsigned i = 1; i <= 5; i++) {
        char id[8];

        snprintf(id, sizeof(id), "a%u", i);
        cr_assert(kit_agent_state(k, id) == SC_AGENT_READY ||
                  kit_agent_state(k, id) == SC_AGENT_NOT_READY);
    }
}

static void soak(uint64_t seed)
{
    start(seed);
    chaos = true;
    while (calls_made < 400)
        live(10000, false);
    chaos = false;
    live(400000, true);
    check_empty();
    cr_assert_gt(phases[SC_CALL_ANSWERED], 50, "the story is about calls");
    cr_assert_gt(phases[SC_CALL_ABANDONED], 10);
    cr_assert_gt(updates, 50);
    cr_assert_gt(reinvites, 50);
    fprintf(stderr, "# %llu operations of desktops, %llu of them failed\n",
            (unsigned long long)asked, (unsigned long long)kit_counter(k, "controls_failed"));
    fprintf(stderr, "# %u REFERs, %u transfers\n", refers, (unsigned)kit_counter(k, "transfers"));
    cr_assert_gt(refers, 20);
    cr_assert_gt(kit_counter(k, "transfers"), 0);
    for (unsigned i = 0; i < BOTS; i++)
        free(bots[i].memory);
    for (unsigned i = 0; i < wire_n; i++)
        free(wire[i].data);
    kit_free(k);
}

Test(soak, random_phones_leave_nothing_behind, .timeout = 110)
{
    const char *one = getenv("SOAK_SEED");

    sip_out_init(&bot_out, calloc(64, sizeof(struct sip_dgram)), 64, malloc(1 << 19), 1 << 19);
    for (uint64_t seed = one != NULL ? strtoull(one, NULL, 0) : 1;
         seed <= (one != NULL ? strtoull(one, NULL, 0) : 8); seed++) {
        fprintf(stderr, "# SOAK_SEED=%llu\n", (unsigned long long)seed);
        soak(seed);
    }
    free(bot_out.items);
    free(bot_out.arena);
}
