/* The stack: classifies what comes in, runs the timers, and is the callers' door to the
 * transactions. */
#include "sipserver/sip/sip.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/sip/stun.h"
#include "sipserver/sip/transaction.h"

void sip_stack_epoch(struct sip_stack *s, uint64_t epoch)
{
    s->conf.epoch = epoch;
}

/* ---- tokens ----------------------------------------------------------------- */

struct sip_str sip_own_tag(const struct sip_stack *s, uint64_t owner, uint32_t serial,
                           char text[SIP_TOKEN_MAX])
{
    return sip_token_make(s->conf.key, SIP_TOKEN_TAG,
                          (struct sip_token){s->conf.epoch, owner, serial}, text);
}

struct sip_str sip_own_call_id(const struct sip_stack *s, uint64_t owner, uint32_t serial,
                               char text[SIP_TOKEN_MAX])
{
    return sip_token_make(s->conf.key, SIP_TOKEN_CALL_ID,
                          (struct sip_token){s->conf.epoch, owner, serial}, text);
}

static struct sip_str tag_of(const struct sip_stack *s, uint64_t object, char text[SIP_TOKEN_MAX])
{
    return sip_token_make(s->conf.key, SIP_TOKEN_TAG, (struct sip_token){.object = object}, text);
}

/* The tag of answers to M for which the core has none: the same for each copy of M, and at each
 * host of the site.  The epoch is left out for that reason. */
static struct sip_str stateless_tag(const struct sip_stack *s, const struct sip_msg *m,
                                    char text[SIP_TOKEN_MAX])
{
    return tag_of(s, txn_merge_key(s, m, m->method == SIP_CANCEL ? SIP_INVITE : m->method), text);
}

/* ---- answers without a transaction ------------------------------------------ */

static int reply_stateless(struct sip_stack *s, const struct sip_msg *m, const struct sip_addr *src,
                           const struct sip_reply *reply, struct sip_out *out)
{
    struct sip_addr to = sip_reply_addr(&m->via, src);
    struct sip_reply tagged = *reply;
    struct sip_buf b = sip_out_open(out);
    char text[SIP_TOKEN_MAX];
    int r;

    if (sip_str_empty(tagged.to_tag) && tagged.status > 100)
        tagged.to_tag = stateless_tag(s, m, text);
    (void)sip_build_response(&b, m, src, &tagged);
    r = sip_out_close(out, &b, &to, 0);
    if (r < 0)
        s->counts[SIP_N_OUT_REFUSED]++;
    return r == -ENOBUFS ? 0 : r; /* as lost on the way: the request will come again */
}

static void refuse(struct sip_stack *s, const struct sip_msg *m, const struct sip_addr *src,
                   unsigned status, const char *reason, struct sip_out *out)
{
    (void)reply_stateless(s, m, src, &(struct sip_reply){.status = status, .reason = reason}, out);
}

/* ---- requests that come in -------------------------------------------------- */

static void input_bad(struct sip_stack *s, enum sip_problem problem, const struct sip_addr *src,
                      struct sip_out *out)
{
    if (!sip_msg_answerable(&s->msg)) {
        s->counts[SIP_N_BAD_DROPPED]++;
        return;
    }
    s->counts[SIP_N_BAD_ANSWERED]++;
    refuse(s, &s->msg, src, sip_problem_status(problem), sip_problem_text(problem), out);
}

/* ACK: of a refusal it has the INVITE's branch, of a 2xx only its dialog and CSeq
 * (17.2.3, 13.2.2.4). */
static void input_ack(struct sip_stack *s, struct txn_step *x)
{
    struct txn *t = txn_by_key(s, txn_server_key(s, x->msg, SIP_INVITE));

    if (t == NULL)
        t = txn_by_merge(s, txn_merge_key(s, x->msg, SIP_INVITE));
    if (t != NULL) {
        txn_step(s, t, TXN_RX_ACK, x);
        return;
    }
    x->event->kind = SIP_EV_ACK;
    x->event->method = SIP_INVITE;
    x->event->msg = x->msg;
}

/* The server transaction of a request, its image a 100.  NULL: no room, or too large, which is
 * answered. */
static struct txn *new_server(struct sip_stack *s, const struct sip_addr *src, uint64_t merge_key,
                              struct txn_step *x)
{
    const struct sip_msg *m = x->msg;
    enum txn_machine machine = m->method == SIP_INVITE ? TXN_IST : TXN_NST;
    struct sip_addr peer = sip_reply_addr(&m->via, src);
    struct sip_common common;
    struct sip_buf b;
    struct txn *t;

    sip_buf_init(&b, s->scratch, s->conf.message_max);
    if (sip_build_first(&b, m, src, &(struct sip_reply){.status = 100}, &common) < 0) {
        s->counts[SIP_N_TOO_LARGE]++;
        refuse(s, m, src, 513, NULL, x->out);
        return NULL;
    }
    t = txn_new(s, machine, m->method, x->now, &peer);
    if (t == NULL) {
        x->event->kind = SIP_EV_NO_ROOM;
        x->event->method = m->method;
        x->event->msg = m;
        return NULL;
    }
    t->r.status = 100;
    t->r.common = common;
    txn_keep(s, t, s->scratch, b.len);
    txn_index(s, t, x->key, merge_key);
    return t;
}

/* CANCEL (9.2): the stack answers it; the core is told which INVITE to end, once. */
static void input_cancel(struct sip_stack *s, const struct sip_addr *src, struct txn_step *x)
{
    const struct sip_msg *m = x->msg;
    struct txn *invite = txn_by_key(s, txn_server_key(s, m, SIP_INVITE));
    struct sip_reply ok = {.status = 200};
    char tag[SIP_TAG_MAX];
    struct txn *c;
    bool fresh;

    if (invite == NULL) {
        s->counts[SIP_N_CANCEL_UNKNOWN]++;
        refuse(s, m, src, 481, NULL, x->out);
        return;
    }
    fresh = invite->r.state == TXN_PROCEEDING && !invite->r.cancelled;
    invite->r.cancelled = true;
    c = new_server(s, src, txn_merge_key(s, m, SIP_CANCEL), x);
    *x->event = (struct sip_event){.kind = SIP_EV_NONE};
    if (invite->r.image_len > 0 &&
        sip_str_copy(txn_read_image(s, invite)->to.tag, tag, sizeof(tag)) == 0)
        ok.to_tag = sip_str_of(tag); /* that of the INVITE's answer, while there is one */
    if (c == NULL) {
        (void)reply_stateless(s, m, src, &ok, x->out);
    } else {
        c->r.internal = true;
        (void)sip_respond(s, x->now, txn_id(s, c), &ok, x->out);
    }
    if (!fresh)
        return;
    x->event->kind = SIP_EV_CANCEL;
    x->event->txn = txn_id(s, invite);
    x->event->owner = invite->r.owner;
    x->event->method = SIP_INVITE;
    x->event->msg = m;
}

/* 8.2.2.2: the same request by another way, while the first one is being worked on. */
static bool is_merged(struct sip_stack *s, const struct sip_msg *m, uint64_t merge_key)
{
    struct txn *t;

    if (!sip_str_empty(m->to.tag) || sip_str_empty(m->from.tag))
        return false;
    t = txn_by_merge(s, merge_key);
    return t != NULL && (t->r.state == TXN_TRYING || t->r.state == TXN_PROCEEDING);
}

/* The core is told of a request; TXN is its transaction, 0 when its method has none. */
static void tell_request(struct txn_step *x, uint64_t txn)
{
    x->event->kind = SIP_EV_REQUEST;
    x->event->txn = txn;
    x->event->method = x->msg->method;
    x->event->msg = x->msg;
}

static void input_new(struct sip_stack *s, const struct sip_addr *src, struct txn_step *x)
{
    const struct sip_msg *m = x->msg;
    uint64_t merge_key = txn_merge_key(s, m, m->method);
    struct txn *t;

    if (is_merged(s, m, merge_key)) {
        s->counts[SIP_N_MERGED]++;
        refuse(s, m, src, 482, "Loop Detected (merged request)", x->out);
        return;
    }
    t = new_server(s, src, merge_key, x);
    if (t != NULL)
        tell_request(x, txn_id(s, t));
}

static void input_request(struct sip_stack *s, const struct sip_addr *src, struct txn_step *x)
{
    const struct sip_msg *m = x->msg;
    struct txn *t;

    if (m->method == SIP_ACK) {
        input_ack(s, x);
        return;
    }
    if ((s->conf.stateless & 1u << m->method) != 0) {
        tell_request(x, 0);
        return;
    }
    x->key = txn_server_key(s, m, m->method);
    t = txn_by_key(s, x->key);
    if (t != NULL) {
        s->counts[SIP_N_RETRANSMISSIONS]++;
        txn_step(s, t, TXN_RX_REQUEST, x);
    } else if (m->method == SIP_CANCEL) {
        input_cancel(s, src, x);
    } else {
        input_new(s, src, x);
    }
}

/* ---- responses that come in ------------------------------------------------- */

/* 18.1.2: the top Via must be one of those that we put in. */
static bool via_is_ours(const struct sip_stack *s, const struct sip_via *via)
{
    char text[SIP_SENT_BY_MAX];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text));
    sip_put(&b, via->host);
    if (via->port != 0) {
        sip_put(&b, SIP_STR(":"));
        sip_put_number(&b, via->port);
    }
    for (unsigned i = 0; i < SIP_LOCALS_MAX; i++) {
        if (!b.overflow && s->conf.sent_by[i][0] != '\0' &&
            sip_str_eq_nocase(sip_buf_str(&b), sip_str_of(s->conf.sent_by[i])))
            return true;
    }
    return false;
}

static unsigned via_count(const struct sip_msg *m)
{
    struct sip_values it = sip_values(m, SIP_H_VIA);
    struct sip_str value;
    unsigned n = 0;

    while (n < 2 && sip_values_next(&it, &value))
        n++;
    return n;
}

/* A 2xx to an INVITE of ours whose transaction is over (late fork, takeover) still wants its ACK
 * (13.2.2.4); the branch proves that it is an answer to us.  Everything else is dropped (RFC
 * 6026 8.9). */
static void input_stray(struct sip_stack *s, struct txn_step *x)
{
    struct sip_token token;

    if (x->msg->method != SIP_INVITE || x->msg->status / 100 != 2 ||
        sip_token_read(s->conf.key, SIP_TOKEN_BRANCH, x->msg->via.branch, &token) < 0) {
        s->counts[SIP_N_RESPONSE_STRAY]++;
        return;
    }
    x->event->kind = SIP_EV_RESPONSE;
    x->event->owner = token.object;
    x->event->method = SIP_INVITE;
    x->event->status = x->msg->status;
    x->event->msg = x->msg;
}

static void input_response(struct sip_stack *s, struct txn_step *x)
{
    const struct sip_msg *m = x->msg;
    struct txn *t;

    if (via_count(m) != 1) { /* 8.1.3.3: misrouted or corrupted */
        s->counts[SIP_N_RESPONSE_VIAS]++;
        return;
    }
    if (!via_is_ours(s, &m->via)) {
        s->counts[SIP_N_RESPONSE_OTHERS]++;
        return;
    }
    t = txn_by_key(s, txn_client_key(s, m->via.branch, m->cseq.method));
    if (t == NULL)
        input_stray(s, x);
    else
        txn_step(s, t,
                 m->status < 200   ? TXN_RX_1XX
                 : m->status < 300 ? TXN_RX_2XX
                                   : TXN_RX_REFUSAL,
                 x);
}

static bool is_keepalive(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\r' && data[i] != '\n' && data[i] != '\0' && data[i] != ' ')
            return false;
    }
    return true;
}

/* A keep-alive over UDP that wants to know its own address (RFC 5626 4.4.2). */
static void input_stun(struct sip_stack *s, const struct sip_addr *src, const char *data,
                       size_t len, struct sip_out *out)
{
    struct sip_buf b = sip_out_open(out);

    s->counts[SIP_N_STUN]++;
    if (stun_answer(data, len, src, &b) && sip_out_close(out, &b, src, 0) < 0)
        s->counts[SIP_N_OUT_REFUSED]++;
}

void sip_input(struct sip_stack *s, mono_t now, const struct sip_addr *src, const char *data,
               size_t len, struct sip_out *out, struct sip_event *ret_event)
{
    struct txn_step x = {.now = now, .out = out, .event = ret_event, .msg = &s->msg};
    enum sip_problem problem;

    *ret_event = (struct sip_event){.kind = SIP_EV_NONE};
    s->counts[SIP_N_RECEIVED]++;
    if (is_keepalive(data, len)) {
        s->counts[SIP_N_KEEPALIVES]++;
        return;
    }
    if (src->transport == SIP_UDP && stun_is(data, len)) {
        input_stun(s, src, data, len, out);
        return;
    }
    problem = sip_msg_parse(data, len, &s->msg);
    /* Our answers repeat its headers and add some, and must themselves stay within the limit. */
    if (problem == SIP_OK && s->msg.headers_n > SIP_HEADERS_IN_MAX)
        problem = SIP_BAD_HEADERS_TOO_MANY;
    if (problem != SIP_OK)
        input_bad(s, problem, src, out);
    else if (s->msg.is_request)
        input_request(s, src, &x);
    else
        input_response(s, &x);
    ret_event->src = *src;
}

/* ---- time ------------------------------------------------------------------- */

bool sip_timer(struct sip_stack *s, mono_t now, struct sip_out *out, struct sip_event *ret_event)
{
    struct timer *timer = timer_pop(&s->timers, now);
    struct txn_step x = {.now = now, .out = out, .event = ret_event};
    enum txn_event event;
    struct txn *t;

    *ret_event = (struct sip_event){.kind = SIP_EV_NONE};
    if (timer == NULL)
        return false;
    t = txn_of_timer(s, timer, &event);
    txn_step(s, t, event, &x);
    return true;
}

unsigned sip_timers(struct sip_stack *s, mono_t now, struct sip_out *out,
                    struct sip_event *ret_events, unsigned max)
{
    unsigned n = 0;

    while (n < max && sip_timer(s, now, out, &ret_events[n]))
        n += ret_events[n].kind != SIP_EV_NONE;
    return n;
}

mono_t sip_deadline(const struct sip_stack *s)
{
    return timer_next(&s->timers);
}

/* ---- what the core asks for ------------------------------------------------- */

int sip_respond(struct sip_stack *s, mono_t now, uint64_t txn, const struct sip_reply *reply,
                struct sip_out *out)
{
    struct txn *t = txn_by_id(s, txn);
    struct sip_event unused;
    struct txn_step x = {.now = now,
                         .out = out,
                         .event = &unused,
                         .status = reply->status,
                         .reliable = reply->rseq != 0,
                         .unpracked_ms = reply->unpracked_ms};
    enum txn_event event = reply->status < 200   ? TXN_TX_1XX
                           : reply->status < 300 ? TXN_TX_2XX
                                                 : TXN_TX_REFUSAL;
    struct sip_reply tagged = *reply;
    struct sip_common common;
    char text[SIP_TOKEN_MAX];
    struct sip_buf b;

    if (t == NULL || !txn_is_server(t))
        return -ENOENT;
    if (!txn_accepts(t, event))
        return -EALREADY;
    if (x.reliable && t->r.unacknowledged)
        return -EBUSY;
    assert(t->r.image_len > 0);
    common = t->r.common;
    if (common.wants_tag && sip_str_empty(tagged.to_tag) && tagged.status > 100)
        tagged.to_tag = t->r.method == SIP_CANCEL ? stateless_tag(s, txn_read_image(s, t), text)
                                                  : tag_of(s, t->r.merge_key, text);
    sip_buf_init(&b, s->scratch, s->conf.message_max);
    if (sip_build_next(&b, txn_image(s, t), &tagged, &common) < 0) {
        s->counts[SIP_N_TOO_LARGE]++;
        return -EMSGSIZE;
    }
    if (event != TXN_TX_1XX || !t->r.unacknowledged) /* else it is sent once */
        t->r.common = common; /* of the response in scratch, which becomes the image */
    x.answer_len = b.len;
    txn_step(s, t, event, &x);
    return 0;
}

int sip_reply(struct sip_stack *s, mono_t now, const struct sip_event *event,
              const struct sip_reply *reply, struct sip_out *out)
{
    assert(event->kind == SIP_EV_REQUEST || event->kind == SIP_EV_NO_ROOM);
    if (event->txn != 0)
        return sip_respond(s, now, event->txn, reply, out);
    return reply_stateless(s, event->msg, &event->src, reply, out);
}

void sip_forget(struct sip_stack *s, const struct sip_event *event)
{
    struct txn *t = event->txn != 0 ? txn_by_id(s, event->txn) : NULL;

    assert(event->kind == SIP_EV_REQUEST || event->kind == SIP_EV_NO_ROOM);
    if (t != NULL)
        txn_free(s, t);
}

int sip_reply_once(struct sip_stack *s, const struct sip_event *event,
                   const struct sip_reply *reply, struct sip_out *out)
{
    sip_forget(s, event);
    return reply_stateless(s, event->msg, &event->src, reply, out);
}

/* Empty: there is no socket for this transport. */
static struct sip_str sent_by(const struct sip_stack *s, const struct sip_addr *to)
{
    unsigned local = to->transport == SIP_TLS ? SIP_LOCAL_TLS : to->local;

    assert(local < SIP_LOCALS_MAX);
    return sip_str_of(s->conf.sent_by[local]);
}

/* REQUEST into scratch.  Too large for UDP, it goes by TCP where *TO permits, which is changed
 * (18.1.1). */
static int build(struct sip_stack *s, const struct sip_request *request, struct sip_addr *to,
                 struct sip_str branch, struct sip_buf *b)
{
    int r;

    sip_buf_init(b, s->scratch, s->conf.message_max);
    r = sip_build_request(b, request, sent_by(s, to), (enum sip_transport)to->transport, branch);
    if (r < 0 || to->transport != SIP_UDP || !to->any_transport || s->conf.udp_request_max == 0 ||
        b->len <= s->conf.udp_request_max)
        return r;
    to->transport = SIP_TCP;
    sip_buf_init(b, s->scratch, s->conf.message_max);
    return sip_build_request(b, request, sent_by(s, to), SIP_TCP, branch);
}

int sip_request(struct sip_stack *s, mono_t now, const struct sip_addr *to,
                const struct sip_request *request, uint64_t owner, struct sip_out *out,
                uint64_t *ret_txn)
{
    struct sip_token token = {s->conf.epoch, owner, s->conf.serial++};
    char text[SIP_TOKEN_MAX];
    struct sip_str branch = sip_token_make(s->conf.key, SIP_TOKEN_BRANCH, token, text);
    struct sip_addr peer = *to;
    struct sip_uri uri;
    struct sip_buf b;
    struct txn *t;

    assert(request->method != SIP_ACK && request->method != SIP_CANCEL);
    if (sip_uri_parse(request->uri, &uri) < 0)
        return -EINVAL;
    if (sip_str_empty(sent_by(s, to)))
        return -EPROTONOSUPPORT;
    if (build(s, request, &peer, branch, &b) < 0) {
        s->counts[SIP_N_TOO_LARGE]++;
        return -EMSGSIZE;
    }
    t = txn_new(s, request->method == SIP_INVITE ? TXN_ICT : TXN_NCT, request->method, now, &peer);
    if (t == NULL)
        return -ENOBUFS;
    t->r.owner = owner;
    txn_keep(s, t, s->scratch, b.len);
    txn_index(s, t, txn_client_key(s, branch, sip_str_of(sip_method_name(request->method))), 0);
    txn_send(s, t, out);
    *ret_txn = txn_id(s, t);
    return 0;
}

int sip_acknowledged(struct sip_stack *s, mono_t now, uint64_t txn)
{
    struct txn *t = txn_by_id(s, txn);

    if (t == NULL || !t->r.unacknowledged)
        return -ENOENT;
    txn_acknowledged(s, t, now);
    return 0;
}

int sip_cancel(struct sip_stack *s, mono_t now, uint64_t txn, struct sip_out *out)
{
    struct txn *t = txn_by_id(s, txn);
    struct sip_event unused;
    struct txn_step x = {.now = now, .out = out, .event = &unused};

    if (t == NULL || txn_is_server(t))
        return -ENOENT;
    if (t->r.cancelled || !txn_accepts(t, TXN_TX_CANCEL))
        return -EALREADY;
    txn_step(s, t, TXN_TX_CANCEL, &x);
    return 0;
}

void sip_answered_elsewhere(struct sip_stack *s, uint64_t txn)
{
    struct txn *t = txn_by_id(s, txn);

    if (t != NULL && !txn_is_server(t))
        t->r.elsewhere = true;
}

int sip_send_ack(struct sip_stack *s, const struct sip_addr *to, const struct sip_request *ack,
                 uint64_t owner, struct sip_out *out)
{
    /* The tag of the other side is part of the branch, so that each fork's ACK has its own. */
    uint64_t fork =
        siphash24(s->conf.key.secret, ack->to_tag.len > 0 ? ack->to_tag.p : "", ack->to_tag.len);
    struct sip_token token = {fork, owner, ack->cseq};
    char text[SIP_TOKEN_MAX];
    struct sip_str branch = sip_token_make(s->conf.key, SIP_TOKEN_BRANCH, token, text);
    struct sip_buf b = sip_out_open(out);
    int r;

    assert(ack->method == SIP_ACK);
    if (sip_str_empty(sent_by(s, to)))
        return -EPROTONOSUPPORT;
    (void)sip_build_request(&b, ack, sent_by(s, to), (enum sip_transport)to->transport, branch);
    r = sip_out_close(out, &b, to, 0);
    if (r < 0)
        s->counts[SIP_N_OUT_REFUSED]++;
    return r;
}

void sip_unsent(struct sip_stack *s, mono_t now, uint64_t txn, struct sip_out *out,
                struct sip_event *ret_event)
{
    struct txn *t = txn_by_id(s, txn);
    struct txn_step x = {.now = now, .out = out, .event = ret_event};

    *ret_event = (struct sip_event){.kind = SIP_EV_NONE};
    if (t != NULL && !txn_back_to_udp(s, t, now, out))
        txn_step(s, t, TXN_UNSENT, &x);
}

int sip_own(struct sip_stack *s, uint64_t txn, uint64_t owner)
{
    struct txn *t = txn_by_id(s, txn);

    if (t == NULL)
        return -ENOENT;
    t->r.owner = owner;
    return 0;
}
