#include "tests/unit/sipserver/kit.h"

#include "tests/unit/sipserver/pair.h"

#ifndef KIT_TAKEOVER
#define KIT_TAKEOVER 0 /* the core has no backup */
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/core/replica.h"

/* ---- the core ---- */

static void catch_out(struct kit *k)
{
    for (unsigned i = 0; i < k->out.sip.n; i++) {
        struct sip_str data = sip_out_data(&k->out.sip, i);
        struct caught *c;

        cr_assert_lt(k->caught_n, CAUGHT_MAX, "the test caught too many datagrams");
        c = &k->caught[k->caught_n++];
        c->to = k->out.sip.items[i].to;
        c->txn = k->out.sip.items[i].txn;
        c->at = k->now;
        c->len = data.len;
        c->data = malloc(data.len + 1);
        memcpy(c->data, data.p, data.len);
        c->data[data.len] = '\0';
        c->taken = false;
    }
    for (unsigned i = 0; i < k->out.n; i++) {
        cr_assert_lt(k->actions_n, ACTIONS_MAX, "the test caught too many actions");
        k->actions[k->actions_n++] = k->out.actions[i];
    }
    sip_out_clear(&k->out.sip);
    k->out.n = 0;
}

void kit_step_alone(struct kit *k, const struct sc_event *event)
{
    bool done;

    do {
        done = sc_step(k->sc, k->now, event, &k->out);
        catch_out(k);
        if (k->pair == NULL)
            cr_assert(sc_sane(k->sc), "the core's invariants are broken");
    } while (!done);
}

void kit_alone(struct kit *k)
{
    if (k->pair != NULL)
        pair_alone(k->pair);
}

void kit_step(struct kit *k, const struct sc_event *event)
{
    if (k->pair != NULL)
        pair_before(k->pair, k, event);
    kit_step_alone(k, event);
    if (k->pair == NULL)
        return;
    pair_after(k->pair, k, event); /* before the invariants, which look at everything */
    cr_assert(sc_sane(k->sc), "the core's invariants are broken");
}

void kit_run(struct kit *k, int64_t ms)
{
    mono_t end = mono_add_ms(k->now, ms);
    struct sc_event tick = {.kind = SC_EV_TICK};

    while (mono_due(sc_deadline(k->sc), end)) {
        k->now = mono_max(k->now, sc_deadline(k->sc));
        kit_step(k, &tick);
        cr_assert(mono_before(k->now, sc_deadline(k->sc)) || sc_deadline(k->sc).ns == k->now.ns,
                  "the deadline stays behind");
    }
    k->now = end;
    kit_step(k, &tick);
}

void kit_datagram(struct kit *k, const struct sip_addr *from, const char *data, size_t len)
{
    struct sc_event e = {
        .kind = SC_EV_DATAGRAM, .src = *from, .data = data, .len = len, .late_ms = k->late_ms};

    kit_step(k, &e);
}

void kit_role(struct kit *k, bool primary, uint64_t epoch)
{
    struct sc_event e = {.kind = SC_EV_ROLE,
                         .primary = primary,
                         .epoch = epoch,
                         .wall_ms = INT64_C(1800000000000) + k->now.ns / MONO_NS_PER_MS};

    k->epoch = epoch;
    kit_step(k, &e);
}

void kit_join(struct kit *k)
{
    sc_replica_clear(k->sc);
}

void kit_options(struct kit *k)
{
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &k->options};

    kit_step(k, &e);
}

void kit_dn(struct kit *k, const struct sc_dn_conf *dn)
{
    struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = dn};

    kit_step(k, &e);
}

struct sc_dn_conf kit_dn_conf(struct kit *k, const char *number, enum sc_dn_type type)
{
    struct sc_dn_conf dn = {.type = type};
    struct digest_ops ops = digest_openssl_ops(k->digest);

    snprintf(dn.number, sizeof(dn.number), "%s", number);
    snprintf(dn.digest_user, sizeof(dn.digest_user), "%s", number);
    if (type == SC_DN_EXTENSION)
        sip_digest_ha1(&ops, sip_str_of(number), sip_str_of(k->options.realm), SIP_STR("pw"),
                       &dn.ha1);
    return dn;
}

void kit_agent_conf(struct kit *k, const char *id, const char *dn, const char *queue)
{
    struct sc_agent_conf a = {.queues_n = 1};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

    snprintf(a.id, sizeof(a.id), "%s", id);
    snprintf(a.dn, sizeof(a.dn), "%s", dn);
    snprintf(a.queues[0], sizeof(a.queues[0]), "%s", queue);
    kit_step(k, &e);
}

struct sip_addr kit_addr(const char *ip, uint16_t port)
{
    struct sip_addr a;

    cr_assert_eq(sip_addr_parse(sip_str_of(ip), port, SIP_UDP, &a), 0);
    return a;
}

static void house(struct kit *k)
{
    struct sc_dn_conf dn;
    char number[16], id[16];
    static const char *const targets[] = {"100", "101", "5000"};

    for (unsigned i = 0; i < 10; i++) {
        snprintf(number, sizeof(number), "%u", 100 + i);
        dn = kit_dn_conf(k, number, SC_DN_EXTENSION);
        kit_dn(k, &dn);
    }
    dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);
    kit_dn(k, &dn);
    dn = kit_dn_conf(k, "6000", SC_DN_ROUTING_POINT);
    for (unsigned i = 0; i < 3; i++)
        snprintf(dn.targets[i], sizeof(dn.targets[i]), "%s", targets[i]);
    dn.targets_n = 3;
    kit_dn(k, &dn);
    dn = kit_dn_conf(k, "gw", SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.1.1:5060");
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "9");
    dn.prefixes_n = 1;
    kit_dn(k, &dn);
    dn = kit_dn_conf(k, "peer", SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.2.1:5060");
    kit_dn(k, &dn);
    for (unsigned i = 1; i <= 5; i++) {
        snprintf(id, sizeof(id), "a%u", i);
        snprintf(number, sizeof(number), "%u", 100 + i);
        kit_agent_conf(k, id, number, "5000");
    }
}

struct kit *kit_new(void (*tune)(struct kit *k))
{
    struct kit *k = calloc(1, sizeof(*k));

    k->digest = digest_openssl_new();
    cr_assert_not_null(k->digest);
    sc_maxima_default(&k->conf.maxima);
    k->conf.maxima = (struct sc_maxima){
        .calls = 64, .registrations = 64, .transactions = 256, .agents = 16, .dns = 64, .rules = 8};
    k->conf.t1_ms = 500;
    k->conf.site = 1;
    k->conf.local = kit_addr("10.0.0.1", 5060);
    k->conf.digest = digest_openssl_ops(k->digest);
    memset(k->conf.secret, 7, sizeof(k->conf.secret));
    memset(k->conf.peer_secret, 9, sizeof(k->conf.peer_secret));
    sc_options_default(&k->options);
    snprintf(k->options.realm, sizeof(k->options.realm), "test");
    if (tune != NULL)
        tune(k);
    k->memory = calloc(1, sc_size(&k->conf));
    k->now = mono_add_ms(MONO_ZERO, 1000000);
    k->sc = sc_init(k->memory, &k->conf, 42, k->now);
    if (KIT_TAKEOVER > 0)
        k->pair = pair_new(k, KIT_TAKEOVER);
    k->out.max = 256;
    k->out.actions = calloc(k->out.max, sizeof(*k->out.actions));
    sip_out_init(&k->out.sip, calloc(128, sizeof(struct sip_dgram)), 128, malloc(1 << 20), 1 << 20);
    return k;
}

void kit_free(struct kit *k)
{
    for (unsigned i = 0; i < k->caught_n; i++)
        free(k->caught[i].data);
    free(k->out.actions);
    free(k->out.sip.items);
    free(k->out.sip.arena);
    free(k->memory);
    if (k->pair != NULL)
        pair_free(k->pair);
    digest_openssl_destroy(&k->digest);
    free(k);
}

void kit_serve(struct kit *k)
{
    struct sc_event begin = {.kind = SC_EV_CONF_BEGIN}, loaded = {.kind = SC_EV_CONF_LOADED};

    kit_step(k, &begin);
    kit_options(k);
    house(k);
    kit_step(k, &loaded);
    kit_role(k, true, 1);
    kit_run(k, 0);
    kit_forget_caught(k);
}

struct kit *kit_house(void (*tune)(struct kit *k))
{
    struct kit *k = kit_new(tune);

    kit_serve(k);
    return k;
}

void kit_forget_caught(struct kit *k)
{
    for (unsigned i = 0; i < k->caught_n; i++)
        free(k->caught[i].data);
    k->caught_n = 0;
    k->actions_n = 0;
}

/* ---- agents ---- */

int kit_agent(struct kit *k, enum sc_agent_op op, const char *agent, const char *dn,
              enum sc_agent_state state)
{
    struct sc_agent_request r = {.request_id = 1, .client = 1, .op = op, .state = state};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};
    unsigned from = k->actions_n;

    snprintf(r.agent, sizeof(r.agent), "%s", agent);
    snprintf(r.dn, sizeof(r.dn), "%s", dn);
    kit_step(k, &e);
    for (unsigned i = from; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_AGENT_REPLY)
            return k->actions[i].reply.code;
    cr_assert_fail("no reply to the agent");
    return 1;
}

static struct sc_agent_event agent_now(const struct kit *k, const char *agent)
{
    struct sc_agent_event e;
    uint32_t cursor = 0;

    while (sc_next_agent(k->sc, &cursor, &e))
        if (strcmp(e.agent, agent) == 0)
            return e;
    cr_assert_fail("no such agent");
    return e;
}

enum sc_agent_state kit_agent_state(const struct kit *k, const char *agent)
{
    return agent_now(k, agent).state;
}

const char *kit_agent_reason(const struct kit *k, const char *agent)
{
    static char reason[SC_REASON_SIZE];

    snprintf(reason, sizeof(reason), "%s", agent_now(k, agent).reason);
    return reason;
}

/* ---- what has been told ---- */

unsigned kit_calls_told(const struct kit *k, enum sc_call_phase phase)
{
    unsigned n = 0;

    for (unsigned i = 0; i < k->actions_n; i++)
        n += k->actions[i].kind == SC_ACT_CALL && k->actions[i].call.phase == phase;
    return n;
}

const struct sc_call_event *kit_last_call(const struct kit *k, enum sc_call_phase phase)
{
    for (unsigned i = k->actions_n; i-- > 0;)
        if (k->actions[i].kind == SC_ACT_CALL && k->actions[i].call.phase == phase)
            return &k->actions[i].call;
    cr_assert_fail("no such call event");
    return NULL;
}

struct wanted {
    const char *name;
    uint64_t value;
};

static void pick(void *arg, const char *name, uint64_t value)
{
    struct wanted *w = arg;

    if (strcmp(name, w->name) == 0)
        w->value = value;
}

uint64_t kit_counter_of(const struct sc *sc, const char *name)
{
    struct wanted w = {name, UINT64_MAX};

    sc_counters(sc, pick, &w);
    cr_assert_neq(w.value, UINT64_MAX, "no counter %s", name);
    return w.value;
}

uint64_t kit_counter(const struct kit *k, const char *name)
{
    return kit_counter_of(k->sc, name) + (k->pair != NULL ? pair_counter(k->pair, name) : 0);
}

bool kit_dn_in(const struct kit *k, const char *dn)
{
    struct sc_dn_status d;
    uint32_t cursor = 0;

    while (sc_next_dn(k->sc, &cursor, &d))
        if (strcmp(d.dn, dn) == 0)
            return d.in_service;
    cr_assert_fail("no such DN");
    return false;
}

struct sc_status kit_status(const struct kit *k)
{
    struct sc_status s;

    sc_status(k->sc, &s);
    return s;
}

struct sc_queue_status kit_queue(const struct kit *k, const char *queue)
{
    struct sc_queue_status q;
    uint32_t cursor = 0;

    while (sc_next_queue(k->sc, &cursor, &q))
        if (strcmp(q.queue, queue) == 0)
            return q;
    cr_assert_fail("no such queue");
    return q;
}

void kit_assert_empty(struct kit *k)
{
    kit_run(k, 250000);
    cr_assert_eq(kit_status(k).calls, 0, "%u calls are left", kit_status(k).calls);
}

/* ---- parties ---- */

/* The dialog of U, which may be a copy of another one's. */
static struct sip_dialog *dialog_of(struct ua *u)
{
    u->dialog.more = u->dialog_more;
    return &u->dialog;
}

struct ua ua_at(struct kit *k, const char *ip, uint16_t port, const char *user)
{
    struct ua u = {.k = k, .addr = kit_addr(ip, port)};

    snprintf(u.user, sizeof(u.user), "%s", user);
    snprintf(u.tag, sizeof(u.tag), "t%u", ++k->serial);
    return u;
}

void ua_send(struct ua *u, const char *data, size_t len)
{
    kit_datagram(u->k, &u->addr, data, len);
}

static struct sip_str sent_by(const struct ua *u, char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size);
    sip_addr_put_host(&b, &u->addr, true);
    sip_put_text(&b, ":");
    sip_put_number(&b, u->addr.port);
    return sip_buf_str(&b);
}

static struct sip_str uri_of(const struct ua *u, char *text, size_t size)
{
    char host[64];
    struct sip_str by = sent_by(u, host, sizeof(host));

    snprintf(text, size, "sip:%s@%.*s", u->user, (int)by.len, by.p);
    return sip_str_of(text);
}

/* What a message says besides; both together in ALL. */
static unsigned extras_of(const struct ua *u, const struct sip_extra *own, unsigned own_n,
                          struct sip_extra all[SIP_EXTRAS_MAX])
{
    unsigned n = 0;

    for (unsigned i = 0; i < own_n; i++)
        all[n++] = own[i];
    for (unsigned i = 0; i < u->extras_n; i++)
        all[n++] = u->extras[i];
    return n;
}

void ua_says(struct ua *u, enum sip_header_id id, const char *value)
{
    cr_assert_lt(u->extras_n, 8);
    u->extras[u->extras_n++] = (struct sip_extra){.id = id, .value = sip_str_of(value)};
}

void ua_is_silent(struct ua *u)
{
    u->extras_n = 0;
}

static void send_built(struct ua *u, const struct sip_request *plain, char *keep, size_t *keep_len)
{
    char data[8192], by[64], branch[64];
    struct sip_extra extras[SIP_EXTRAS_MAX];
    struct sip_request more = *plain, *r = &more;
    struct sip_buf b;

    more.extras_n = extras_of(u, plain->extras, plain->extras_n, extras);
    more.extras = extras;

    snprintf(branch, sizeof(branch), "z9hG4bKkit%u", ++u->k->serial);
    sip_buf_init(&b, data, sizeof(data));
    cr_assert_eq(sip_build_request(&b, r, sent_by(u, by, sizeof(by)), SIP_UDP, sip_str_of(branch)),
                 0);
    if (keep != NULL) {
        memcpy(keep, data, b.len);
        *keep_len = b.len;
    }
    ua_send(u, data, b.len);
}

/* Credentials for the challenge in u->msg. */
static void credentials(struct ua *u, enum sip_method method, const char *uri, const char *password,
                        char *text, size_t size)
{
    struct digest_ops ops = digest_openssl_ops(u->k->digest);
    struct sip_digest_params p;
    struct sip_ha1 ha1 = {{0}, {0}};
    struct sip_buf b;

    if (sip_msg_header(&u->msg, SIP_H_WWW_AUTHENTICATE) != NULL)
        (void)sip_str_copy(sip_msg_value(&u->msg, SIP_H_WWW_AUTHENTICATE), u->challenge,
                           sizeof(u->challenge));
    cr_assert_eq(sip_digest_parse(sip_str_of(u->challenge), &p), 0);
    sip_digest_ha1(&ops, sip_str_of(u->user), p.realm, sip_str_of(password), &ha1);
    sip_buf_init(&b, text, size - 1);
    cr_assert_eq(sip_digest_answer(&ops, &p, method, sip_str_of(uri), sip_str_of(u->user), &ha1,
                                   SIP_STR("cnonce"), u->nc != 0 ? u->nc : 1, &b),
                 0);
    text[b.len] = '\0';
}

static void send_register(struct ua *u, const char *authorization, uint32_t expires)
{
    char aor[128], contact[160], uri[128], call_id[128], seconds[16];
    struct sip_extra extras[3];
    struct sip_request r = {
        .method = SIP_REGISTER, .uri = SIP_STR("sip:10.0.0.1"), .cseq = ++u->cseq};

    if (u->to != NULL)
        snprintf(aor, sizeof(aor), "<%s>", u->to);
    else
        snprintf(aor, sizeof(aor), "<sip:%s@10.0.0.1>", u->user);
    snprintf(contact, sizeof(contact), "<%s>", (uri_of(u, uri, sizeof(uri)), uri));
    snprintf(call_id, sizeof(call_id), "reg-%s-%s", u->user, u->tag);
    snprintf(seconds, sizeof(seconds), "%u", expires);
    r.from = r.to = sip_str_of(aor);
    r.from_tag = sip_str_of(u->tag);
    r.call_id = sip_str_of(call_id);
    if (u->aor != NULL)
        r.from = sip_str_of(u->aor);
    if (authorization[0] != '\0')
        extras[r.extras_n++] =
            (struct sip_extra){.id = SIP_H_AUTHORIZATION, .value = sip_str_of(authorization)};
    if (u->contact == NULL || u->contact[0] != '\0') {
        extras[r.extras_n++] = (struct sip_extra){
            .id = SIP_H_CONTACT, .value = sip_str_of(u->contact != NULL ? u->contact : contact)};
        extras[r.extras_n++] =
            (struct sip_extra){.id = SIP_H_EXPIRES, .value = sip_str_of(seconds)};
    }
    r.extras = extras;
    send_built(u, &r, NULL, NULL);
}

unsigned ua_register(struct ua *u, const char *password, uint32_t expires)
{
    char text[1024];
    unsigned status;

    send_register(u, "", expires);
    status = ua_status(u);
    if (status != 401)
        return status;
    credentials(u, SIP_REGISTER, u->digest_uri != NULL ? u->digest_uri : "sip:10.0.0.1", password,
                text, sizeof(text));
    send_register(u, text, expires);
    return ua_status(u);
}

void ua_register_once(struct ua *u, const char *password, uint32_t expires)
{
    char text[1024] = "";

    if (password != NULL)
        credentials(u, SIP_REGISTER, u->digest_uri != NULL ? u->digest_uri : "sip:10.0.0.1",
                    password, text, sizeof(text));
    send_register(u, text, expires);
}

unsigned ua_register_again(struct ua *u, const char *password, uint32_t expires)
{
    char text[1024];

    credentials(u, SIP_REGISTER, u->digest_uri != NULL ? u->digest_uri : "sip:10.0.0.1", password,
                text, sizeof(text));
    send_register(u, text, expires);
    return ua_status(u);
}

static void send_invite(struct ua *u, const char *number, const char *body,
                        const char *authorization)
{
    char from[160], uri[128], call_id[64], to[160], target[128];
    struct sip_extra extra = {.id = SIP_H_AUTHORIZATION, .value = sip_str_of(authorization)};
    struct sip_request r = {.method = SIP_INVITE, .cseq = ++u->cseq};

    snprintf(target, sizeof(target), "sip:%s@10.0.0.1", number);
    snprintf(from, sizeof(from), "\"Name %s\" <sip:%s@10.0.0.1>", u->user, u->user);
    snprintf(to, sizeof(to), "<%s>", target);
    snprintf(call_id, sizeof(call_id), "call-%u", ++u->k->serial);
    r.uri = sip_str_of(target);
    r.from = sip_str_of(from);
    r.from_tag = sip_str_of(u->tag);
    r.to = sip_str_of(to);
    r.call_id = sip_str_of(call_id);
    r.contact = uri_of(u, uri, sizeof(uri));
    r.extras = &extra;
    r.extras_n = authorization[0] != '\0';
    if (body != NULL)
        r.content = (struct sip_content){SIP_STR("application/sdp"), sip_str_of(body)};
    cr_assert_eq(sip_dialog_uac(dialog_of(u), &r), 0);
    send_built(u, &r, u->invite, &u->invite_len);
}

/* The ACK of a refusal. */
static void ack_refusal(struct ua *u)
{
    char data[4096];
    struct sip_msg invite;
    struct sip_buf b;

    sip_buf_init(&b, data, sizeof(data));
    sip_msg_parse(u->invite, u->invite_len, &invite);
    cr_assert_eq(sip_build_ack(&b, &invite, &u->msg), 0);
    ua_send(u, data, b.len);
}

void ua_invite(struct ua *u, const char *number, const char *body)
{
    send_invite(u, number, body, "");
}

void ua_call(struct ua *u, const char *number, const char *body)
{
    char text[1024], uri[128];

    send_invite(u, number, body, "");
    ua_expect(u, 401);
    snprintf(uri, sizeof(uri), "sip:%s@10.0.0.1", number);
    credentials(u, SIP_INVITE, uri, "pw", text, sizeof(text));
    send_invite(u, number, body, text);
}

void ua_remember(struct ua *u)
{
    memcpy(u->kept, u->request, u->request_len);
    u->kept_len = u->request_len;
}

void ua_recall(struct ua *u)
{
    memcpy(u->request, u->kept, u->kept_len);
    u->request_len = u->kept_len;
}

bool ua_take(struct ua *u, bool request)
{
    for (unsigned i = 0; i < u->k->caught_n; i++) {
        struct caught *c = &u->k->caught[i];
        bool is_request = c->len > 4 && memcmp(c->data, "SIP/", 4) != 0;

        if (c->taken || !sip_addr_eq(&c->to, &u->addr) || is_request != request)
            continue;
        c->taken = true;
        if (request) {
            memcpy(u->request, c->data, c->len);
            u->request_len = c->len;
            cr_assert_eq(sip_msg_parse(u->request, c->len, &u->msg), SIP_OK);
        } else {
            memcpy(u->reply, c->data, c->len);
            u->reply_len = c->len;
            cr_assert_eq(sip_msg_parse(u->reply, c->len, &u->msg), SIP_OK);
        }
        return true;
    }
    return false;
}

unsigned ua_status(struct ua *u)
{
    do {
        if (!ua_take(u, false))
            return 0;
    } while (u->msg.status == 100);
    if (u->msg.method == SIP_INVITE && u->msg.status < 300 &&
        u->dialog.state != SIP_DIALOG_CONFIRMED)
        (void)sip_dialog_answer(dialog_of(u), &u->msg);
    if (u->msg.method == SIP_INVITE && u->msg.status >= 300)
        ack_refusal(u);
    return u->msg.status;
}

void ua_expect(struct ua *u, unsigned status)
{
    unsigned got = ua_status(u);

    cr_assert_eq(got, status, "%s got %u instead of %u", u->user, got, status);
}

void ua_expect_request(struct ua *u, enum sip_method method)
{
    cr_assert(ua_take(u, true), "%s got no %s", u->user, sip_method_name(method));
    cr_assert_eq(u->msg.method, method, "%s got %s instead of %s", u->user,
                 sip_method_name(u->msg.method), sip_method_name(method));
    if (method == SIP_INVITE && sip_str_empty(u->msg.to.tag))
        cr_assert_eq(sip_dialog_uas(dialog_of(u), &u->msg, sip_str_of(u->tag)), 0);
}

bool ua_has_request(struct ua *u, enum sip_method method)
{
    for (unsigned i = 0; i < u->k->caught_n; i++) {
        struct caught *c = &u->k->caught[i];
        const char *name = sip_method_name(method);

        if (!c->taken && sip_addr_eq(&c->to, &u->addr) && strncmp(c->data, name, strlen(name)) == 0)
            return true;
    }
    return false;
}

void ua_expect_nothing(struct ua *u)
{
    for (unsigned i = 0; i < u->k->caught_n; i++)
        cr_assert(u->k->caught[i].taken || !sip_addr_eq(&u->k->caught[i].to, &u->addr),
                  "%s got: %s", u->user, u->k->caught[i].data);
}

void ua_reply(struct ua *u, unsigned status, const char *body)
{
    char data[8192], uri[128];
    struct sip_reply reply = {.status = status,
                              .to_tag = sip_str_of(u->tag),
                              .extras = u->extras,
                              .extras_n = u->extras_n};
    struct sip_msg request;
    struct sip_buf b;

    sip_msg_parse(u->request, u->request_len, &request);
    if (status < 300)
        reply.contact = uri_of(u, uri, sizeof(uri));
    if (body != NULL)
        reply.content = (struct sip_content){SIP_STR("application/sdp"), sip_str_of(body)};
    sip_buf_init(&b, data, sizeof(data));
    cr_assert_eq(sip_build_response(&b, &request, NULL, &reply), 0);
    if (request.method == SIP_INVITE && status >= 200 && status < 300)
        sip_dialog_confirm(dialog_of(u));
    ua_send(u, data, b.len);
}

void ua_request(struct ua *u, enum sip_method method, const char *body)
{
    char uri[128];
    struct sip_request r;

    sip_dialog_request(dialog_of(u), method, &r);
    if (method == SIP_INVITE || method == SIP_UPDATE)
        r.contact = uri_of(u, uri, sizeof(uri));
    if (body != NULL)
        r.content = (struct sip_content){SIP_STR("application/sdp"), sip_str_of(body)};
    send_built(u, &r, method == SIP_INVITE ? u->invite : NULL, &u->invite_len);
}

void ua_ack(struct ua *u, const char *body)
{
    ua_request(u, SIP_ACK, body);
}

void ua_cancel(struct ua *u)
{
    char data[4096];
    struct sip_msg invite;
    struct sip_buf b;

    sip_buf_init(&b, data, sizeof(data));
    sip_msg_parse(u->invite, u->invite_len, &invite);
    cr_assert_eq(sip_build_cancel(&b, &invite, SIP_STR_NONE), 0);
    ua_send(u, data, b.len);
}

const char *ua_header(const struct ua *u, enum sip_header_id id)
{
    static char text[2048];

    (void)sip_str_copy(sip_msg_value(&u->msg, id), text, sizeof(text));
    if (sip_msg_header(&u->msg, id) == NULL)
        text[0] = '\0';
    return text;
}

bool ua_body_is(const struct ua *u, const char *body)
{
    return sip_str_eq(u->msg.body, sip_str_of(body));
}

/* ---- stories ---- */

void phones_register(struct kit *k, struct ua *phones, unsigned first, unsigned n)
{
    char ip[32], number[16];

    for (unsigned i = 0; i < n; i++) {
        snprintf(ip, sizeof(ip), "10.1.0.%u", first + i);
        snprintf(number, sizeof(number), "%u", first + i);
        phones[i] = ua_at(k, ip, 5060, number);
        cr_assert_eq(ua_register(&phones[i], "pw", 3600), 200);
    }
}

void kit_options_answered(struct kit *k, struct ua *trunk, int64_t ms)
{
    for (int64_t t = 0; t < ms; t += 50) {
        kit_run(k, 50);
        while (ua_has_request(trunk, SIP_OPTIONS) && ua_take(trunk, true))
            ua_reply(trunk, 200, NULL);
    }
}
