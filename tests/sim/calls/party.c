#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/calls/words.h"

#define OWNER_REGISTER 100 /* plus the site; a line's owner is 1 + its index */

static struct sip_addr site_addr(const struct world *w, const struct party *p, unsigned site)
{
    struct sip_addr to = w->site[site].addr;

    to.transport = p->addr.transport;
    return to;
}

/* ---- beginning ---- */

void line_idle(struct world *w, struct line *l)
{
    memset(l, 0, sizeof(*l));
    l->act = w->finish ? MONO_NEVER : world_soon(w, &w->people, 300, 9000);
    l->answer_at = MONO_NEVER;
}

void party_init(struct world *w, struct party *p)
{
    struct sip_stack_conf conf;
    char ip[32];
    struct sip_buf b;

    sip_stack_conf_default(&conf);
    conf.server_max = conf.client_max = 32;
    conf.t1_ms = w->plan.t1_ms;
    conf.stateless = 1u << SIP_OPTIONS;
    conf.serial = (uint32_t)prng_next(&w->people); /* a restart repeats no branch */
    sip_buf_init(&b, ip, sizeof(ip) - 1);
    sip_addr_put_host(&b, &p->addr, true);
    ip[b.len] = '\0';
    snprintf(conf.sent_by[0], sizeof(conf.sent_by[0]), "%s:%u", ip, p->addr.port);
    free(p->memory);
    p->memory = calloc(1, sip_stack_size(&conf));
    assert(p->memory);
    p->stack = sip_stack_init(p->memory, &conf);
    for (unsigned i = 0; i < LINES; i++)
        line_idle(w, &p->line[i]);
    for (unsigned i = 0; i < SITES; i++) {
        p->reg[i].txn = 0;
        p->reg[i].due = !p->gateway && (i == p->site || p->dual)
                            ? world_soon(w, &w->people, 1, 1500)
                            : MONO_NEVER;
    }
}

void party_leave(struct world *w, struct party *p, int64_t ms, bool restart)
{
    trace_event(w, p->number, restart ? "dies" : "is away", "");
    p->away = mono_add_ms(w->now, ms);
    p->restarts = restart;
    p->flow = 0;
}

void party_flush(struct world *w, struct party *p)
{
    world_send(w, &w->party_out, NULL, p);
}

/* ---- registering ---- */

static void send_register(struct world *w, struct party *p, unsigned site, bool leave)
{
    char aor[64], contact[96], value[112], call_id[48], tag[16];
    struct sip_addr to = site_addr(w, p, site);
    struct sip_request r = {.method = SIP_REGISTER, .cseq = ++p->reg[site].cseq};
    struct words x = {.n = 0};
    char uri[32];

    snprintf(uri, sizeof(uri), "sip:10.0.0.%u", 1 + site);
    snprintf(aor, sizeof(aor), "<sip:%s@10.0.0.%u>", p->number, 1 + site);
    snprintf(call_id, sizeof(call_id), "reg-%s-%u", p->number, site);
    snprintf(tag, sizeof(tag), "r%u", p->reg[site].cseq);
    snprintf(value, sizeof(value), "<%.*s>", (int)words_contact(p, contact, sizeof(contact)).len,
             contact);
    r.uri = sip_str_of(uri);
    r.from = r.to = sip_str_of(aor);
    r.from_tag = sip_str_of(tag);
    r.call_id = sip_str_of(call_id);
    words_add(&x, SIP_H_CONTACT, sip_str_of(value));
    words_add(&x, SIP_H_EXPIRES, leave ? SIP_STR("0") : w->calm ? SIP_STR("900") : SIP_STR("40"));
    if (p->reg[site].authorization[0] != '\0')
        words_add(&x, SIP_H_AUTHORIZATION, sip_str_of(p->reg[site].authorization));
    r.extras = x.extras;
    r.extras_n = x.n;
    (void)sip_request(p->stack, w->now, &to, &r, OWNER_REGISTER + site, &w->party_out,
                      &p->reg[site].txn);
}

void party_register(struct world *w, struct party *p, unsigned site, bool leave)
{
    p->reg[site].tried = false;
    p->reg[site].due =
        world_soon(w, &w->people, w->calm ? 400000 : 15000, w->calm ? 500000 : 25000);
    send_register(w, p, site, leave);
    party_flush(w, p);
}

static void credentials(struct world *w, const struct party *p, const struct sip_msg *m,
                        enum sip_method method, const char *uri, char *text, size_t size)
{
    struct digest_ops ops = digest_openssl_ops(w->digest);
    bool wrong = !w->calm && chance(&w->people, 1);
    struct sip_digest_params params;
    struct sip_ha1 ha1;
    struct sip_buf buf;

    text[0] = '\0';
    if (sip_digest_parse(sip_msg_value(m, SIP_H_WWW_AUTHENTICATE), &params) != 0)
        return;
    sip_digest_ha1(&ops, sip_str_of(p->number), params.realm,
                   wrong ? SIP_STR("guess") : SIP_STR("pw"), &ha1);
    sip_buf_init(&buf, text, size - 1);
    if (sip_digest_answer(&ops, &params, method, sip_str_of(uri), sip_str_of(p->number), &ha1,
                          SIP_STR("c"), 1, &buf) == 0)
        text[buf.len] = '\0';
}

static void register_answered(struct world *w, struct party *p, unsigned site,
                              const struct sip_event *e)
{
    char uri[32];

    if (e->txn != p->reg[site].txn || e->status < 200)
        return;
    if (e->status == 401 && !p->reg[site].tried) {
        snprintf(uri, sizeof(uri), "sip:10.0.0.%u", 1 + site);
        p->reg[site].tried = true;
        credentials(w, p, e->msg, SIP_REGISTER, uri, p->reg[site].authorization,
                    sizeof(p->reg[site].authorization));
        send_register(w, p, site, false);
    } else if (e->status != 200) {
        p->reg[site].authorization[0] = '\0';
        p->reg[site].due = world_soon(w, &w->people, 500, 2000);
    }
}

/* ---- calls out ---- */

static void send_invite(struct world *w, struct party *p, struct line *l, const char *authorization)
{
    char contact[96], from[64], to[144], call_id[SIP_TOKEN_MAX], tag[SIP_TOKEN_MAX], body[2048];
    struct sip_request r = {.method = SIP_INVITE, .cseq = 1};
    struct words x = {.n = 0};
    uint32_t serial = ++w->serial;

    snprintf(from, sizeof(from), "<sip:%s@10.0.0.%u>", p->number, 1u + p->site);
    snprintf(to, sizeof(to), "<%s>", l->uri);
    r.uri = sip_str_of(l->uri);
    r.from = sip_str_of(from);
    r.to = sip_str_of(to);
    r.from_tag = sip_own_tag(p->stack, 1, serial, tag);
    r.call_id = sip_own_call_id(p->stack, 1, serial, call_id);
    r.contact = words_contact(p, contact, sizeof(contact));
    words_allow(p, &x);
    words_ask_timer(w, p, &x);
    if (p->reliable != REL_NO)
        words_add(&x, p->reliable == REL_REQUIRED ? SIP_H_REQUIRE : SIP_H_SUPPORTED,
                  SIP_STR("100rel"));
    if (authorization[0] != '\0')
        words_add(&x, SIP_H_AUTHORIZATION, sip_str_of(authorization));
    r.extras = x.extras;
    r.extras_n = x.n;
    l->offer = 0;
    if (!chance(&w->people, 15)) { /* else the called party makes the offer (RFC 3261 13.2.1) */
        l->offer = ++w->serial;
        r.content = words_sdp(w, p, l->offer, 0, body, sizeof(body));
    }
    if (sip_dialog_uac(&l->dialog, &r) != 0 ||
        sip_request(p->stack, w->now, &l->site, &r, 1 + (uint64_t)(l - p->line), &w->party_out,
                    &l->txn) != 0)
        line_idle(w, l);
}

void party_call(struct world *w, struct party *p, struct line *l, const char *number)
{
    bool away = p->gateway && !w->calm && chance(&w->people, 10);
    unsigned site = away ? 1u - p->site : p->site;
    bool patient = w->calm || !chance(&w->people, 35);

    line_idle(w, l);
    w->tally[T_CALLS]++;
    l->site = site_addr(w, p, site);
    snprintf(l->uri, sizeof(l->uri), "sip:%s@10.0.0.%u", number, 1 + site);
    l->state = CALLING;
    l->act = world_soon(w, &w->people, patient ? 90000 : 0, patient ? 230000 : 9000);
    l->deaf = !w->calm && chance(&w->people, 6);
    trace_event(w, p->number, "calls", l->uri);
    send_invite(w, p, l, "");
    party_flush(w, p);
}

/* A 302: the same call at the other site (behaviour F-3). */
static bool follow(struct world *w, struct party *p, struct line *l, const struct sip_msg *m)
{
    struct sip_party contact;

    if (l->redirected || l->given_up ||
        sip_party_parse(sip_msg_value(m, SIP_H_CONTACT), &contact) != 0 || contact.star ||
        sip_str_copy(contact.uri_text, l->uri, sizeof(l->uri)) < 0 ||
        sip_uri_addr(&contact.uri, &l->site) != 0)
        return false;
    l->redirected = true;
    l->site.transport = p->addr.transport;
    send_invite(w, p, l, "");
    return true;
}

void party_cancel(struct world *w, struct party *p, struct line *l)
{
    l->given_up = true;
    l->act = chance(&w->people, 30) ? world_soon(w, &w->people, 0, 80) /* presses the key twice */
                                    : world_soon(w, &w->people, 300000, 300000);
    (void)sip_cancel(p->stack, w->now, l->txn, &w->party_out);
    party_flush(w, p);
}

/* ---- within a call ---- */

void party_request(struct world *w, struct party *p, struct line *l, enum sip_method method,
                   const char *refer_to)
{
    char contact[96], body[2048];
    struct sip_request r;
    struct words x = {.n = 0};
    uint64_t txn = 0;

    sip_dialog_request(&l->dialog, method, &r);
    r.contact = words_contact(p, contact, sizeof(contact));
    words_allow(p, &x);
    if (method == SIP_INVITE || method == SIP_UPDATE) {
        l->offer = 0;
        if (chance(&w->people, method == SIP_UPDATE ? 40 : 85)) {
            l->offer = ++w->serial;
            r.content = words_sdp(w, p, l->offer, 0, body, sizeof(body));
        }
        words_ask_timer(w, p, &x);
        w->tally[method == SIP_INVITE ? T_REINVITES : T_UPDATES]++;
    }
    if (method == SIP_REFER) {
        words_add(&x, SIP_H_REFER_TO, sip_str_of(refer_to));
        w->tally[T_REFERS]++;
    }
    r.extras = x.extras;
    r.extras_n = x.n;
    if (sip_request(p->stack, w->now, &l->site, &r, 1 + (uint64_t)(l - p->line), &w->party_out,
                    &txn) == 0 &&
        (method == SIP_INVITE || method == SIP_UPDATE))
        l->asking = txn;
    party_flush(w, p);
}

void party_bye(struct world *w, struct party *p, struct line *l)
{
    l->state = ENDING;
    l->act = world_soon(w, &w->people, 45000, 45000);
    l->answer_at = MONO_NEVER;
    party_request(w, p, l, SIP_BYE, NULL);
}

static void ack(struct world *w, struct party *p, struct line *l, const struct sip_msg *m)
{
    char contact[96], body[2048];
    struct sip_request r;
    uint32_t serial = 0, answers = 0;

    if (l->deaf || (p->mumbles && !w->calm && chance(&w->people, 85)))
        return;
    sip_dialog_request(&l->dialog, SIP_ACK, &r);
    r.contact = words_contact(p, contact, sizeof(contact));
    if (l->offer == 0 && words_sdp_read(m, &serial, &answers) && answers == 0) {
        if (serial != l->heard) {
            l->heard = serial;
            l->said = ++w->serial;
        }
        r.content = words_sdp(w, p, l->said, serial, body, sizeof(body));
    }
    (void)sip_send_ack(p->stack, &l->site, &r, 1 + (uint64_t)(l - p->line), &w->party_out);
}

/* What a 1xx or 2xx carries must answer what was offered. */
static void check_answer(struct world *w, const struct party *p, const struct line *l,
                         const struct sip_msg *m, enum sip_method method)
{
    uint32_t serial, answers;

    if (l->offer == 0 || !words_sdp_read(m, &serial, &answers))
        return;
    if (answers != l->offer)
        violate(w, "%s offered %u and the %u to its %s answers %u", p->number, l->offer, m->status,
                sip_method_name(method), answers);
}

/* The answer is of another branch than the last one: that is the dialog now (RFC 3261 13.2.2.4). */
static int take_dialog(struct line *l, const struct sip_msg *m)
{
    if (!sip_dialog_same_fork(&l->dialog, m)) {
        sip_dialog_restart(&l->dialog);
        l->rseq = 0;
    }
    return sip_dialog_answer(&l->dialog, m);
}

/* A provisional response, which may want to be acknowledged (RFC 3262 4). */
static void progress(struct world *w, struct party *p, struct line *l, const struct sip_msg *m)
{
    struct sip_extra rack = {.id = SIP_H_RACK};
    struct sip_request r;
    char text[48];
    uint32_t n = 0;
    uint64_t txn;

    if (!sip_msg_has_token(m, SIP_H_REQUIRE, SIP_STR("100rel")) ||
        sip_msg_number(m, SIP_H_RSEQ, &n) != 0)
        return;
    if (p->reliable == REL_NO)
        violate(w, "%s knows no 100rel and gets a reliable %u", p->number, m->status);
    if (take_dialog(l, m) != 0 || (l->rseq != 0 && n != l->rseq + 1) || (p->no_prack && !w->calm))
        return;
    l->rseq = n;
    snprintf(text, sizeof(text), "%u %u INVITE", n, l->dialog.invite_cseq);
    rack.value = sip_str_of(text);
    sip_dialog_request(&l->dialog, SIP_PRACK, &r);
    r.extras = &rack;
    r.extras_n = 1;
    (void)sip_request(p->stack, w->now, &l->site, &r, 1 + (uint64_t)(l - p->line), &w->party_out,
                      &txn);
}

static void invite_accepted(struct world *w, struct party *p, struct line *l,
                            const struct sip_event *e)
{
    if (l->state == CALLING && e->txn == l->txn) {
        if (take_dialog(l, e->msg) != 0)
            return;
        check_answer(w, p, l, e->msg, SIP_INVITE);
        ack(w, p, l, e->msg);
        party_flush(w, p);
        l->state = UP;
        l->established = true;
        w->tally[T_UP]++;
        l->act = world_soon(w, &w->people, w->calm ? 20000 : p->lazy ? 5000 : 0, 20000);
        trace_event(w, p->number, "is up", "");
        if (l->deaf)
            line_idle(w, l);
        else if (l->given_up)
            party_bye(w, p, l);
    } else if ((l->state == UP || l->state == ENDING) &&
               e->msg->cseq.number == l->dialog.invite_cseq &&
               sip_str_eq(e->msg->call_id, sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID))) {
        if (l->asking != 0 && e->txn == l->asking) {
            (void)sip_dialog_response(&l->dialog, e->msg);
            check_answer(w, p, l, e->msg, SIP_INVITE);
            l->asking = 0;
        }
        ack(w, p, l, e->msg);
    }
}

static void invite_refused(struct world *w, struct party *p, struct line *l,
                           const struct sip_event *e)
{
    char authorization[640];

    if (l->state != CALLING || e->txn != l->txn) {
        if (l->asking == e->txn)
            l->asking = 0;
        if (l->state == UP && (e->status == 481 || e->status == 408))
            party_bye(w, p, l);
        return;
    }
    if (e->status == 401 && !l->challenged && !l->given_up) {
        l->challenged = true;
        credentials(w, p, e->msg, SIP_INVITE, l->uri, authorization, sizeof(authorization));
        send_invite(w, p, l, authorization);
    } else if (e->status != 302 || e->msg == NULL || !follow(w, p, l, e->msg)) {
        trace_event(w, p->number, "refused", sip_status_text(e->status));
        line_idle(w, l);
    }
}

static void answered(struct world *w, struct party *p, const struct sip_event *e)
{
    struct line *l;

    if (e->owner >= OWNER_REGISTER) {
        register_answered(w, p, (unsigned)e->owner - OWNER_REGISTER, e);
        return;
    }
    if (e->owner == 0 || e->owner > LINES)
        return;
    l = &p->line[e->owner - 1];
    if (e->method == SIP_BYE) {
        if (e->status >= 200 && l->state == ENDING)
            line_idle(w, l);
    } else if (e->method == SIP_UPDATE && e->txn == l->asking && e->status >= 200) {
        if (e->status < 300 && e->msg != NULL)
            check_answer(w, p, l, e->msg, SIP_UPDATE);
        l->asking = 0;
    } else if (e->method == SIP_INVITE && e->status < 200) {
        if (e->msg != NULL && e->txn == l->txn && l->state == CALLING) {
            check_answer(w, p, l, e->msg, SIP_INVITE);
            progress(w, p, l, e->msg);
        }
    } else if (e->method == SIP_INVITE && e->status < 300 && e->msg != NULL) {
        invite_accepted(w, p, l, e);
    } else if (e->method == SIP_INVITE) {
        invite_refused(w, p, l, e);
    }
}

/* ---- events ---- */

static void party_event(struct world *w, struct party *p, const struct sip_event *e)
{
    struct sip_reply ended = {.status = 487};

    switch (e->kind) {
    case SIP_EV_REQUEST: party_asked(w, p, e); break;
    case SIP_EV_ACK: party_acknowledged(w, p, e); break;
    case SIP_EV_CANCEL:
        (void)sip_respond(p->stack, w->now, e->txn, &ended, &w->party_out);
        for (unsigned i = 0; i < LINES; i++)
            if (p->line[i].state == RINGING && p->line[i].txn == e->txn)
                line_idle(w, &p->line[i]);
            else if (p->line[i].asked == e->txn) {
                p->line[i].asked = 0;
                p->line[i].answer_at = MONO_NEVER;
            }
        break;
    case SIP_EV_RESPONSE:
    case SIP_EV_TIMEOUT:
    case SIP_EV_UNSENT: answered(w, p, e); break;
    case SIP_EV_NO_ACK:
        party_no_prack(w, p, e);
        for (unsigned i = 0; i < LINES && e->status < 300; i++)
            if (p->line[i].state == UP && (e->txn == p->line[i].txn || p->line[i].owed != 0))
                party_bye(w, p, &p->line[i]);
        break;
    case SIP_EV_NONE:
    case SIP_EV_NO_ROOM: break;
    }
    party_flush(w, p);
}

void party_input(struct world *w, struct party *p, const struct packet *packet)
{
    struct sip_event e;

    sip_input(p->stack, w->now, &packet->from, packet->data, packet->len, &w->party_out, &e);
    party_event(w, p, &e);
}

void party_timers(struct world *w, struct party *p)
{
    struct sip_event events[8];
    unsigned n = sip_timers(p->stack, w->now, &w->party_out, events, 8);

    party_flush(w, p);
    for (unsigned i = 0; i < n; i++)
        party_event(w, p, &events[i]);
}

void party_unsent(struct world *w, struct party *p, uint64_t txn)
{
    struct sip_event e;

    sip_unsent(p->stack, w->now, txn, &w->party_out, &e);
    party_event(w, p, &e);
}
