/* fuzz_core - a byte string drives the whole call handling of a site: phones, a gateway and the
 * peer site speak SIP to it, agents come and go, the configuration and the role change, time
 * passes.
 *
 *     bytes --> orders[] --> datagram, request, change, time --> sc_step --> sc_sane
 *                  ^                                               |
 *                  +------ what the core has sent, and we have <---+
 *
 * An order is the low four bits of a byte, its arguments are the low four bits of those that
 * follow:
 * "@" is order 0, "A" order 1, "0" argument 0, so that a corpus file can be read and written by
 * hand.  Datagrams are built from a small grammar, with the tags, branches and nonces of earlier
 * ones; order I has the next one changed in places, order J sends raw bytes.
 *
 * Checked: the core's own assertions, sc_sane after each step, every request that it sends can be
 * parsed, time is never asked for in vain, without the role there is nothing but a copy, and when
 * that goes there is nothing at all.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/core/core.h"
#include "sipserver/core/replica.h"
#include "sipserver/crypto/digest_openssl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ORDERS_MAX 200
#define RING       32
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

/* ---- the input ---- */

static const uint8_t *input;
static size_t input_len;

static unsigned take(void)
{
    if (input_len == 0)
        return 0;
    input_len--;
    return *input++;
}

static unsigned pick(unsigned n)
{
    return (take() & 15) % n;
}

/* ---- who speaks ---- */

static const struct {
    char ip[12], user[9];
} parties[] = {{"10.1.0.100", "100"}, {"10.1.0.101", "101"}, {"10.1.0.102", "102"},
               {"10.0.1.1", "gw"},    {"10.0.2.1", "peer"},  {"10.9.9.9", "stranger"}};

static struct sip_addr addr_of(const char *ip)
{
    struct sip_addr a;
    int r = sip_addr_parse(sip_str_of(ip), 5060, SIP_UDP, &a);

    assert(r == 0);
    (void)r;
    return a;
}

static bool by_tcp(unsigned party)
{
    return party == 2;
}

static struct sip_addr addr_of_party(unsigned party)
{
    struct sip_addr a = addr_of(parties[party].ip);

    if (by_tcp(party)) {
        a.transport = SIP_TCP;
        a.flow = 1 + pick(2); /* it may have connected again */
    }
    return a;
}

static unsigned party_at(const struct sip_addr *a)
{
    for (unsigned i = 0; i < COUNT(parties); i++) {
        struct sip_addr p = addr_of(parties[i].ip);

        if (sip_addr_same_host(&p, a))
            return i;
    }
    return COUNT(parties) - 1;
}

/* ---- the core, and the last datagrams both ways ---- */

struct kept {
    struct sip_addr peer; /* to whom, or from whom */
    uint64_t txn;
    char *data;
    size_t len;
};

struct ring {
    struct kept items[RING];
    unsigned n;
};

static struct digest_openssl *digest;
static struct sc_options options;
static struct sc *sc;
static struct sc_out out;
static struct sip_dgram dgrams[256];
static char arena[1 << 19];
static struct sc_action actions[256];
static mono_t now;
static uint64_t epoch;
static struct ring theirs, ours; /* the core's datagrams, and the parties' */
static unsigned serial, mutations;

static void keep(struct ring *ring, const struct sip_addr *peer, uint64_t txn, const char *data,
                 size_t len)
{
    struct kept *k = &ring->items[ring->n++ % RING];

    free(k->data);
    *k = (struct kept){.peer = *peer, .txn = txn, .data = malloc(len + 1), .len = len};
    memcpy(k->data, data, len);
}

static void forget(struct ring *ring)
{
    for (unsigned i = 0; i < RING; i++)
        free(ring->items[i].data);
    *ring = (struct ring){.n = 0};
}

/* The N-th newest datagram of RING that is WANTED; NULL: none. */
static const struct kept *recall(const struct ring *ring, unsigned n,
                                 bool (*wanted)(const struct sip_msg *), struct sip_msg *m)
{
    for (unsigned i = ring->n; i > 0 && ring->n - i < RING; i--) {
        const struct kept *k = &ring->items[(i - 1) % RING];

        if (sip_msg_parse(k->data, k->len, m) == SIP_OK && wanted(m) && n-- == 0)
            return k;
    }
    return NULL;
}

/* The newest of the core's datagrams for transaction TXN says the same as S: sent again. */
static bool sent_again(uint64_t txn, struct sip_str s)
{
    for (unsigned i = theirs.n; txn != 0 && i > 0 && theirs.n - i < RING; i--) {
        const struct kept *k = &theirs.items[(i - 1) % RING];

        if (k->txn == txn)
            return k->len == s.len && memcmp(k->data, s.p, s.len) == 0;
    }
    return false;
}

static void check_sent(void)
{
    static struct sip_msg m;

    for (unsigned i = 0; i < out.sip.n; i++) {
        struct sip_str s = sip_out_data(&out.sip, i);
        enum sip_problem problem;

        if (sent_again(out.sip.items[i].txn, s))
            continue;
        problem = sip_msg_parse(s.p, s.len, &m);
        /* A response repeats what it answers, malformed as it may be. */
        assert(problem == SIP_OK || !m.is_request);
        keep(&theirs, &out.sip.items[i].to, out.sip.items[i].txn, s.p, s.len);
    }
    sip_out_clear(&out.sip);
    out.n = 0;
}

static void step(const struct sc_event *event)
{
    bool done;

    do {
        done = sc_step(sc, now, event, &out);
        check_sent();
        assert(sc_sane(sc));
    } while (!done);
}

static void pass_time(int64_t ms)
{
    static const struct sc_event tick = {.kind = SC_EV_TICK};
    mono_t end = mono_add_ms(now, ms);
    unsigned idle = 0;

    while (mono_due(sc_deadline(sc), end)) {
        mono_t next = mono_max(now, sc_deadline(sc));

        idle = mono_before(now, next) ? 0 : idle + 1;
        assert(idle < 100); /* else the deadline stays behind for ever */
        now = next;
        step(&tick);
    }
    now = end;
    step(&tick);
}

static void datagram(const struct sip_addr *from, const char *data, size_t len)
{
    char *exact = malloc(len > 0 ? len : 1); /* so that a byte read too far is seen */
    struct sc_event e = {.kind = SC_EV_DATAGRAM, .src = *from, .data = exact, .len = len};

    memcpy(exact, data, len);
    step(&e);
    free(exact);
}

/* ---- building ---- */

static char text[16384];
static size_t text_len;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text + text_len, sizeof(text) - text_len, format, arguments);
    va_end(arguments);
    assert(n >= 0);
    text_len += (size_t)n;
    if (text_len >= sizeof(text))
        text_len = sizeof(text) - 1;
}

static void say_line(const char *name, struct sip_str value)
{
    say("%s: %.*s\r\n", name, (int)value.len, value.p);
}

static void mutate(void)
{
    for (; mutations > 0 && text_len > 1; mutations--) {
        size_t at = (take() << 8 | take()) % text_len;
        unsigned how = take();

        if (how < 128) {
            text[at] = (char)take();
        } else if (how < 192) {
            memmove(text + at, text + at + 1, --text_len - at);
        } else if (text_len + 64 < sizeof(text)) {
            size_t n = how - 191 < text_len - at ? how - 191 : text_len - at;

            memmove(text + at + n, text + at, text_len - at);
            text_len += n;
        }
    }
}

static void send_built(const struct sip_addr *from)
{
    mutate();
    keep(&ours, from, 0, text, text_len);
    datagram(from, text, text_len);
}

static void begin(const char *method, struct sip_str uri, unsigned party)
{
    text_len = 0;
    say("%s %.*s SIP/2.0\r\n", method, (int)uri.len, uri.p);
    say("Via: SIP/2.0/%s %s;branch=z9hG4bK-%u;rport\r\n", by_tcp(party) ? "TCP" : "UDP",
        parties[party].ip, ++serial);
    say("Max-Forwards: 70\r\nContact: <sip:%s@%s%s>\r\n", parties[party].user, parties[party].ip,
        by_tcp(party) ? ";transport=tcp" : "");
}

static void say_extra(void)
{
    static const char *const extras[] = {
        "",
        "Supported: 100rel, timer, replaces\r\n",
        "Session-Expires: 90;refresher=uac\r\nMin-SE: 90\r\n",
        "Require: 100rel\r\nRSeq: 1\r\n",
        "RAck: 1 1 INVITE\r\n",
        "Expires: 2\r\n",
        "Expires: 0\r\n",
        "Retry-After: 3\r\n",
        "Record-Route: <sip:10.8.8.8;lr>\r\n",
        "Route: <sip:10.0.0.1;lr>\r\n",
        "Refer-To: <sip:101@10.0.0.1>\r\n",
        "Replaces: call-1;to-tag=p1;from-tag=p0\r\n",
        "Contact: *\r\n",
        "Contact: <sip:102@10.1.0.102>, <sip:5000@10.0.2.1>;q=0.1\r\n",
        "Privacy: id\r\nP-Asserted-Identity: <sip:9@x>\r\n",
        "Proxy-Require: x\r\nRequire: y\r\n",
    };

    say("%s", extras[pick(COUNT(extras))]);
}

static void say_body(void)
{
    static const char *const bodies[] = {"", "v=0\r\no=a 1 1 IN IP4 10.9.9.1\r\ns=-\r\n",
                                         "v=0\r\no=b 2 2 IN IP4 10.9.9.2\r\ns=-\r\n"};
    unsigned i = pick(4);

    if (i == 0)
        say("Content-Length: 0\r\n\r\n");
    else if (i < 3)
        say("Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", strlen(bodies[i]),
            bodies[i]);
    else /* more than the core keeps for a later offer */
        say("Content-Type: text/plain\r\nContent-Length: 5000\r\n\r\n%5000s", "x");
}

/* ---- wishes, for recall ---- */

static bool any(const struct sip_msg *m)
{
    (void)m;
    return true;
}

static bool is_request(const struct sip_msg *m)
{
    return m->is_request && m->method != SIP_ACK;
}

/* None of the many that only ask whether somebody is there. */
static bool is_call_request(const struct sip_msg *m)
{
    return is_request(m) && m->method != SIP_OPTIONS;
}

static bool of_invite(const struct sip_msg *m)
{
    return m->method == SIP_INVITE;
}

static bool is_invite(const struct sip_msg *m)
{
    return m->is_request && m->method == SIP_INVITE;
}

static bool is_challenge(const struct sip_msg *m)
{
    return !m->is_request && m->status == 401;
}

static bool is_invite_final(const struct sip_msg *m)
{
    return !m->is_request && m->method == SIP_INVITE && m->status >= 200;
}

/* ---- orders ---- */

static void order_time(void)
{
    static const int64_t ms[] = {0, 1, 100, 500, 2000, 10000, 40000, 200000, 1000000};
    unsigned i = pick(COUNT(ms));

    if (i == 0)
        now = mono_max(now, mono_min(sc_deadline(sc), mono_add_ms(now, 3600000)));
    pass_time(ms[i]);
}

/* Credentials for the newest challenge, as PARTY. */
static void say_credentials(unsigned party, enum sip_method method, const char *uri)
{
    static struct sip_msg m;
    struct digest_ops ops = digest_openssl_ops(digest);
    struct sip_digest_params p;
    struct sip_ha1 ha1;
    char line[1024];
    struct sip_buf b;

    if (recall(&theirs, 0, is_challenge, &m) == NULL ||
        sip_digest_parse(sip_msg_value(&m, SIP_H_WWW_AUTHENTICATE), &p) != 0)
        return;
    sip_digest_ha1(&ops, sip_str_of(parties[party].user), p.realm, SIP_STR("pw"), &ha1);
    sip_buf_init(&b, line, sizeof(line));
    if (sip_digest_answer(&ops, &p, method, sip_str_of(uri), sip_str_of(parties[party].user), &ha1,
                          SIP_STR("c"), 1, &b) == 0)
        say_line("Authorization", sip_buf_str(&b));
}

static void register_once(unsigned party, unsigned expires, bool credentials)
{
    struct sip_addr from = addr_of_party(party);

    begin("REGISTER", SIP_STR("sip:10.0.0.1"), party);
    say("From: <sip:%s@10.0.0.1>;tag=r\r\nTo: <sip:%s@10.0.0.1>\r\n", parties[party].user,
        parties[party].user);
    say("Call-ID: reg-%u\r\nCSeq: %u REGISTER\r\nExpires: %u\r\n", party, serial, expires);
    if (credentials)
        say_credentials(party, SIP_REGISTER, "sip:10.0.0.1");
    say("Content-Length: 0\r\n\r\n");
    send_built(&from);
}

static void order_register(void)
{
    static const unsigned expires[] = {3600, 60, 0, 1};
    unsigned party = pick(COUNT(parties)), how = pick(8);

    register_once(party, expires[how % 4], false);
    if (how < 4)
        register_once(party, expires[how % 4], true);
}

static void invite_once(unsigned party, const char *number, bool credentials)
{
    struct sip_addr from = addr_of_party(party);
    char uri[64];

    snprintf(uri, sizeof(uri), "sip:%s@10.0.0.1", number);
    begin("INVITE", sip_str_of(uri), party);
    say("From: <sip:%s@10.0.0.1>;tag=p%u\r\nTo: <%s>\r\n", parties[party].user, party, uri);
    say("Call-ID: call-%u\r\nCSeq: 1 INVITE\r\n", serial);
    if (credentials)
        say_credentials(party, SIP_INVITE, uri);
    say_extra();
    say_body();
    send_built(&from);
}

static void order_invite(void)
{
    static const char *const numbers[] = {"100", "101", "102", "5000", "6000", "9123", "8", "5001"};
    unsigned party = pick(COUNT(parties));
    const char *number = numbers[pick(COUNT(numbers))];

    invite_once(party, number, false);
    if (party < 3)
        invite_once(party, number, true);
}

static void order_answer(void)
{
    static struct sip_msg m;
    static const unsigned status[] = {200, 180, 100, 486, 183, 302, 503, 401,
                                      487, 481, 600, 408, 404, 420, 491, 202};
    unsigned which = pick(16), fork = pick(8), party;
    const struct kept *k = which < 8 ? recall(&theirs, which, is_call_request, &m)
                                     : recall(&theirs, which - 8, is_request, &m);

    if (k == NULL)
        return;
    party = party_at(&k->peer);
    text_len = 0;
    say("SIP/2.0 %u Answer\r\n", status[pick(COUNT(status))]);
    say_line("Via", m.via.text);
    say_line("From", sip_msg_value(&m, SIP_H_FROM));
    say("To: %.*s", (int)sip_msg_value(&m, SIP_H_TO).len, sip_msg_value(&m, SIP_H_TO).p);
    if (m.to.tag.len == 0 && fork < 7)
        say(";tag=p%u", fork < 6 ? party : 90 + fork);
    say("\r\n");
    say_line("Call-ID", m.call_id);
    say("CSeq: %u %.*s\r\n", m.cseq.number, (int)m.cseq.method.len, m.cseq.method.p);
    say("Contact: <sip:%s@%s>\r\n", parties[party].user, parties[party].ip);
    say_extra();
    say_body();
    send_built(&k->peer);
}

/* A request in the dialog of M, which the core sent us. */
static void send_in_dialog(const struct sip_msg *m, const struct sip_addr *from, const char *method,
                           unsigned cseq)
{
    struct sip_str mine = sip_msg_value(m, m->is_request ? SIP_H_TO : SIP_H_FROM);
    struct sip_str contact = sip_msg_value(m, SIP_H_CONTACT);
    struct sip_party target;
    unsigned party = party_at(from);

    if (sip_party_parse(contact, &target) != 0)
        target.uri_text = SIP_STR("sip:10.0.0.1");
    begin(method, target.uri_text, party);
    say("From: %.*s", (int)mine.len, mine.p);
    if (m->is_request && m->to.tag.len == 0)
        say(";tag=p%u", party);
    say("\r\n");
    say_line("To", sip_msg_value(m, m->is_request ? SIP_H_FROM : SIP_H_TO));
    say_line("Call-ID", m->call_id);
    say("CSeq: %u %s\r\n", cseq, method);
    say_extra();
    say_body();
    send_built(from);
}

static void order_ack(void)
{
    static struct sip_msg final, invite;
    const struct kept *k = recall(&theirs, pick(8), is_invite_final, &final);
    struct sip_buf b;

    if (k == NULL)
        return;
    if (final.status < 300) {
        send_in_dialog(&final, &k->peer, "ACK", final.cseq.number);
    } else if (recall(&ours, pick(8), is_invite, &invite) != NULL) {
        sip_buf_init(&b, text, sizeof(text));
        if (sip_build_ack(&b, &invite, &final) != 0)
            return;
        text_len = b.len;
        send_built(&k->peer);
    }
}

static void order_in_dialog(void)
{
    static struct sip_msg m;
    static const char *const methods[] = {"BYE",     "INVITE", "UPDATE", "OPTIONS", "INFO", "REFER",
                                          "MESSAGE", "PRACK",  "NOTIFY", "CANCEL",  "ACK",  "FOO"};
    unsigned which = pick(16);
    const struct kept *k =
        which < 8 ? recall(&theirs, which, of_invite, &m) : recall(&theirs, which - 8, any, &m);

    if (k != NULL)
        send_in_dialog(&m, &k->peer, methods[pick(COUNT(methods))], 100 + serial);
}

static void order_cancel(void)
{
    static struct sip_msg m;
    const struct kept *k = recall(&ours, pick(4), is_invite, &m);
    struct sip_addr from;
    struct sip_buf b;

    if (k == NULL)
        return;
    from = k->peer;
    sip_buf_init(&b, text, sizeof(text));
    if (sip_build_cancel(&b, &m, SIP_STR_NONE) != 0)
        return;
    text_len = b.len;
    send_built(&from);
}

/* A datagram of either side once more, from its first sender or from somebody else. */
static void send_again(const struct ring *ring)
{
    static struct sip_msg m;
    const struct kept *k = recall(ring, pick(16), any, &m);
    unsigned party = pick(12);
    struct sip_addr from;

    if (k == NULL)
        return;
    from = party < COUNT(parties) ? addr_of_party(party) : k->peer;
    text_len = k->len < sizeof(text) ? k->len : sizeof(text);
    memcpy(text, k->data, text_len);
    send_built(&from);
}

static void order_again(void)
{
    send_again(&ours);
}

static void order_reflect(void)
{
    send_again(&theirs);
}

static void order_mutate(void)
{
    mutations = 1 + pick(4);
}

static void order_raw(void)
{
    struct sip_addr from = addr_of_party(pick(COUNT(parties)));
    size_t len = take();

    len = len < input_len ? len : input_len;
    datagram(&from, (const char *)input, len);
    input += len;
    input_len -= len;
}

static void order_agent(void)
{
    static const char *const names[] = {"a1", "a2", "nobody"}, *const dns[] = {"", "100", "5000"};
    struct sc_agent_request r = {.request_id = ++serial, .client = 1};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    static const char *const numbers[] = {"100", "5000", "9123", "6000", "", "x;y"};
    static const char *const data[] = {"", "a=1", "b=%41;a=", "=", "a=%ff"};

    r.op = (enum sc_agent_op)(SC_LOGIN + pick(SC_AGENT_OPS));
    snprintf(r.number, sizeof(r.number), "%s", numbers[pick(COUNT(numbers))]);
    snprintf(r.data, sizeof(r.data), "%s", data[pick(COUNT(data))]);
    r.state = pick(2) ? SC_AGENT_NOT_READY : SC_AGENT_READY;
    snprintf(r.agent, sizeof(r.agent), "%s", names[pick(COUNT(names))]);
    snprintf(r.dn, sizeof(r.dn), "%s", dns[pick(COUNT(dns))]);
    step(&e);
}

static void order_options(void)
{
    static const char *const trunks[] = {"peer", "", "gw", "5000"};
    static const uint32_t ms[] = {1000, 100, 30000, 0};
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &options};

    snprintf(options.dr_peer_trunk, sizeof(options.dr_peer_trunk), "%s", trunks[pick(4)]);
    options.dr_forward = (enum sc_dr_forward)(SC_FORWARD_OFF + pick(3));
    options.dr_oosp_transfer_enabled = pick(2) == 1;
    options.ring_timeout_ms = 1000 + ms[pick(4)];
    options.answer_timeout_ms = 1000 + ms[pick(4)];
    options.wrap_up_ms = ms[pick(4)];
    options.logout_grace_ms = ms[pick(4)];
    options.contacts_max = 1 + pick(2);
    options.recovery_checks = 1 + pick(2);
    step(&e);
}

static void configure_dn(const char *number, enum sc_dn_type type, unsigned variant)
{
    static const char *const targets[] = {"100", "5000", "9123", "6000", "101"};
    struct sc_dn_conf dn = {.type = type};
    struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = variant == 15};
    struct digest_ops ops = digest_openssl_ops(digest);

    snprintf(dn.number, sizeof(dn.number), "%s", number);
    snprintf(dn.digest_user, sizeof(dn.digest_user), "%s", number);
    if (type == SC_DN_EXTENSION && variant != 14)
        sip_digest_ha1(&ops, sip_str_of(number), sip_str_of(options.realm), SIP_STR("pw"), &dn.ha1);
    if (type == SC_DN_ROUTING_POINT)
        for (dn.targets_n = 0; dn.targets_n < 1 + variant % 4; dn.targets_n++)
            snprintf(dn.targets[dn.targets_n], sizeof(dn.targets[0]), "%s",
                     targets[(variant / 4 + dn.targets_n) % COUNT(targets)]);
    if (type == SC_DN_QUEUE) {
        dn.queue_size_max = variant % 3;
        dn.queue_wait_max_ms = variant % 2 * 5000;
    }
    if (type == SC_DN_TRUNK) {
        snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.%u.1:5060", number[0] == 'g' ? 1u : 2u);
        snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "%s", number[0] == 'g' ? "9" : "8");
        dn.prefixes_n = 1;
        dn.follows_redirect = variant % 2 == 1;
        dn.oos_check_ms = variant % 3 * 1000;
    }
    dn.dr_forward = (enum sc_dr_forward)(variant % 4);
    step(&e);
}

static void configure_agent(const char *id, const char *dn, bool deleted)
{
    struct sc_agent_conf a = {.queues_n = 1};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a, .deleted = deleted};

    snprintf(a.id, sizeof(a.id), "%s", id);
    snprintf(a.dn, sizeof(a.dn), "%s", dn);
    snprintf(a.queues[0], sizeof(a.queues[0]), "5000");
    step(&e);
}

static const struct {
    char number[5];
    enum sc_dn_type type;
} house[] = {{"100", SC_DN_EXTENSION}, {"101", SC_DN_EXTENSION},      {"102", SC_DN_EXTENSION},
             {"5000", SC_DN_QUEUE},    {"6000", SC_DN_ROUTING_POINT}, {"gw", SC_DN_TRUNK},
             {"peer", SC_DN_TRUNK}};

static void order_house(void)
{
    static const struct sc_event whole[] = {{.kind = SC_EV_CONF_BEGIN},
                                            {.kind = SC_EV_CONF_LOADED}};
    unsigned what = pick(13);

    if (what < COUNT(house))
        configure_dn(house[what].number, house[what].type, pick(16));
    else if (what < 9)
        configure_agent(what == 7 ? "a1" : "a2", pick(2) ? "101" : "102", pick(4) == 3);
    else if (what < 11)
        step(&whole[what - 9]);
    else /* a number changes its type */
        configure_dn(house[pick(COUNT(house))].number, (enum sc_dn_type)(1 + pick(5)), pick(16));
}

static void role(bool primary)
{
    struct sc_event e = {.kind = SC_EV_ROLE,
                         .primary = primary,
                         .epoch = epoch,
                         .wall_ms = INT64_C(1800000000000) + now.ns / MONO_NS_PER_MS};

    step(&e);
}

static void order_role(void)
{
    unsigned how = pick(4);

    epoch += how > 1;
    role(how % 2 == 0);
}

static void order_unsent(void)
{
    static struct sip_msg m;
    const struct kept *k = recall(&theirs, pick(8), any, &m);
    struct sc_event e = {.kind = SC_EV_UNSENT, .txn = k != NULL ? k->txn : take()};

    step(&e);
}

static void (*const orders[16])(void) = {
    order_time,    order_register, order_invite,  order_answer, order_ack, order_in_dialog,
    order_cancel,  order_again,    order_reflect, order_mutate, order_raw, order_agent,
    order_options, order_house,    order_role,    order_unsent,
};

/* ---- a site of its own for each input ---- */

static void *open_site(void)
{
    struct sc_conf conf = {.t1_ms = 500, .site = 1, .local = addr_of("10.0.0.1"), .tls_port = 5061};
    void *memory;

    conf.maxima = (struct sc_maxima){
        .calls = 8, .registrations = 4, .transactions = 24, .agents = 4, .dns = 12, .rules = 4};
    memset(conf.secret, 7, sizeof(conf.secret));
    memset(conf.peer_secret, 9, sizeof(conf.peer_secret));
    conf.digest = digest_openssl_ops(digest);
    memory = calloc(1, sc_size(&conf));
    now = (mono_t){1000000000};
    sc = sc_init(memory, &conf, 1, now);
    sip_out_init(&out.sip, dgrams, COUNT(dgrams), arena, sizeof(arena));
    out.actions = actions;
    out.n = 0;
    out.max = COUNT(actions);
    epoch = 1;
    serial = mutations = 0;
    return memory;
}

static void serve(void)
{
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &options};

    sc_options_default(&options);
    snprintf(options.realm, sizeof(options.realm), "standfast");
    snprintf(options.dr_peer_trunk, sizeof(options.dr_peer_trunk), "peer");
    options.oos_check_ms = 20000; /* seldom, so that time passes quickly */
    step(&e);
    for (unsigned i = 0; i < COUNT(house); i++)
        configure_dn(house[i].number, house[i].type, 0);
    configure_agent("a1", "101", false);
    configure_agent("a2", "102", false);
    e = (struct sc_event){.kind = SC_EV_CONF_LOADED};
    step(&e);
    role(true);
    pass_time(0);
}

static void close_site(void *memory)
{
    struct sc_status status;

    pass_time(33000);
    role(false); /* what there is stays as a copy, until a new primary's comes */
    pass_time(33000);
    sc_replica_clear(sc);
    assert(sc_sane(sc));
    sc_status(sc, &status);
    assert(status.calls == 0 && status.registrations == 0);
    free(memory);
    forget(&ours);
    forget(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *memory;

    if (digest == NULL)
        digest = digest_openssl_new();
    input = data;
    input_len = size;
    memory = open_site();
    serve();
    for (unsigned i = 0; i < ORDERS_MAX && input_len > 0; i++)
        orders[take() & 15]();
    close_site(memory);
    return 0;
}
