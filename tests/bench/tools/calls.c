#include "tests/bench/tools/calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has been seen of a call; CALLER: at the gateway, PHONE: at the phone. */
enum {
    CALLER_RINGING = 1 << 0,
    CALLER_ANSWERED = 1 << 1,
    CALLER_OVER = 1 << 2, /* BYE answered */
    PHONE_INVITED = 1 << 3,
    PHONE_CONFIRMED = 1 << 4, /* ACK came */
    PHONE_OVER = 1 << 5,      /* BYE came */
    FAILED = 1 << 6,
    COUNTED = 1 << 7,
    BYE_SENT = 1 << 8,
};
#define UP   (CALLER_RINGING | CALLER_ANSWERED | PHONE_INVITED | PHONE_CONFIRMED)
#define OVER (UP | CALLER_OVER | PHONE_OVER)

struct one_call {
    unsigned seen;
    int64_t invited_ns;
    int64_t bye_at_ns;
    char to_tag[100];
    char target[160];       /* Contact of the 200 */
    char route[200];        /* Record-Route of the 200 */
    char phone_call_id[96]; /* Call-ID of the INVITE at the phone */
};

int calls_new(struct calls *c, long calls_n)
{
    free(c->calls);
    free(c->to_end);
    c->calls = calloc((size_t)calls_n, sizeof(*c->calls));
    c->to_end = calloc((size_t)calls_n, sizeof(*c->to_end));
    c->calls_n = calls_n;
    c->end_first = c->end_last = 0;
    c->releasing = false;
    c->run += 0x10000; /* no Call-ID twice */
    return c->calls != NULL && c->to_end != NULL ? 0 : -ENOMEM;
}

/* ---- bodies ---- */

static int body_of(const struct calls *c, long i, bool offer, char *to, size_t size)
{
    return snprintf(to, size,
                    "v=0\r\no=- %u%09ld %d IN IP4 192.0.2.77\r\ns=call\r\nc=IN IP4 192.0.2.77\r\n"
                    "t=0 0\r\nm=audio %s RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\n"
                    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
                    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
                    "a=sendrecv\r\n",
                    c->run, i, offer ? 1 : 2, offer ? "40120" : "50340");
}

static bool body_is(const struct calls *c, long i, bool offer, struct slice body)
{
    char text[512];
    int n = body_of(c, i, offer, text, sizeof(text));

    return slice_eq(body, (struct slice){text, (size_t)n});
}

/* The number of the call in a body; -1: none of this phase. */
static long call_of_body(const struct calls *c, struct slice body)
{
    char run[16];
    int n = snprintf(run, sizeof(run), "%u", c->run);
    struct slice id = slice_after(body, "o=- ", " ");
    long i;

    if (id.len != (size_t)n + 9 || memcmp(id.p, run, (size_t)n) != 0)
        return -1;
    i = slice_number((struct slice){id.p + n, 9});
    return i < c->calls_n ? i : -1;
}

/* ---- outcome ---- */

static void fail(struct calls *c, struct one_call *call, const char *why, const char *data,
                 size_t len)
{
    if (call->seen & (FAILED | COUNTED))
        return;
    call->seen |= FAILED;
    phase_failed(c->phase, why, data, len);
}

static void seen(struct calls *c, struct one_call *call, unsigned what)
{
    unsigned wanted = c->hold_ns < 0 && !c->releasing ? UP : OVER;

    call->seen |= what;
    if ((call->seen & (wanted | FAILED | COUNTED)) != wanted)
        return;
    call->seen |= COUNTED;
    phase_done(c->phase);
}

/* ---- the gateway ---- */

void calls_invite(struct calls *c)
{
    long i = c->phase->started++, user = c->first + i % c->users;
    char body[512];
    int body_len = body_of(c, i, true, body, sizeof(body));
    int n = snprintf(wire_room(c->gateway), WIRE_MESSAGE_SIZE,
                     "INVITE sip:%ld@%s SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP %s;branch=z9hG4bKi%x.%lx;rport\r\n"
                     "Max-Forwards: 70\r\n"
                     "From: \"Alice\" <sip:+1415%07ld@%s>;tag=g%lx\r\n"
                     "To: <sip:%ld@%s>\r\n"
                     "Call-ID: c-%ld-%x@carrier.example.net\r\n"
                     "CSeq: 1 INVITE\r\n"
                     "Contact: <sip:+1415%07ld@%s>\r\n"
                     "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
                     "Content-Type: application/sdp\r\n"
                     "Content-Length: %d\r\n\r\n%s",
                     user, c->server, c->gateway->local, c->run, i, i, c->gateway->local, i, user,
                     c->server, i, c->run, i, c->gateway->local, body_len, body);

    wire_put(c->gateway, (size_t)n);
    c->calls[i].invited_ns = clock_ns();
}

/* ACK of the 2xx, or BYE. */
static void send_in_dialog(struct calls *c, long i, const char *method, unsigned cseq)
{
    const struct one_call *call = &c->calls[i];
    long user = c->first + i % c->users;
    int n = snprintf(wire_room(c->gateway), WIRE_MESSAGE_SIZE,
                     "%s %s SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP %s;branch=z9hG4bK%c%x.%lx;rport\r\n"
                     "Max-Forwards: 70\r\n"
                     "%s%s%s"
                     "From: \"Alice\" <sip:+1415%07ld@%s>;tag=g%lx\r\n"
                     "To: <sip:%ld@%s>;tag=%s\r\n"
                     "Call-ID: c-%ld-%x@carrier.example.net\r\n"
                     "CSeq: %u %s\r\n"
                     "Content-Length: 0\r\n\r\n",
                     method, call->target, c->gateway->local, method[0], c->run, i,
                     call->route[0] != '\0' ? "Route: " : "", call->route,
                     call->route[0] != '\0' ? "\r\n" : "", i, c->gateway->local, i, user, c->server,
                     call->to_tag, i, c->run, cseq, method);

    wire_put(c->gateway, (size_t)n);
}

static void take_answer(struct calls *c, long i, const struct view *v, const char *data, size_t len)
{
    struct one_call *call = &c->calls[i];
    int64_t now = clock_ns();

    if (call->seen & CALLER_ANSWERED) { /* its ACK was late: repeat it (RFC 3261 13.2.2.4) */
        c->phase->repeats++;
        send_in_dialog(c, i, "ACK", 1);
        return;
    }
    if (!slice_copy(slice_after(v->contact, "<", ">"), call->target, sizeof(call->target)) ||
        call->target[0] == '\0' || v->record_routes > 1 ||
        !slice_copy(v->record_route, call->route, sizeof(call->route))) {
        fail(c, call, "200 makes no dialog", data, len);
        return;
    }
    if (!body_is(c, i, false, v->body))
        fail(c, call, "the caller got another body than the phone gave", data, len);
    if (!(call->seen & CALLER_RINGING))
        fail(c, call, "200 before 180", data, len);
    send_in_dialog(c, i, "ACK", 1);
    latency_add(&c->phase->answered, now - call->invited_ns);
    call->bye_at_ns = c->hold_ns < 0 ? INT64_MAX : now + c->hold_ns;
    c->to_end[c->end_last++ % c->calls_n] = i;
    seen(c, call, CALLER_ANSWERED);
}

static void ringing(struct calls *c, struct one_call *call)
{
    if (!(call->seen & CALLER_RINGING))
        latency_add(&c->phase->ringing, clock_ns() - call->invited_ns);
    seen(c, call, CALLER_RINGING);
}

/* The dialog's tag: taken from the first answer that has one, the same ever after. */
static bool tag_fits(struct one_call *call, const struct view *v)
{
    struct slice tag = slice_after(v->to, ";tag=", "; ");

    if (call->to_tag[0] == '\0')
        return tag.len > 0 && slice_copy(tag, call->to_tag, sizeof(call->to_tag));
    return slice_is(tag, call->to_tag);
}

static const char *fault_of_response(const struct calls *c, long i, struct one_call *call,
                                     const struct view *v)
{
    char text[96];
    bool invite = slice_is(v->method, "INVITE");

    snprintf(text, sizeof(text), "branch=z9hG4bK%c%x.%lx", invite ? 'i' : 'B', c->run, i);
    if (v->vias != 1 || !slice_has(v->via, text))
        return "Via of the answer is not that of the request";
    snprintf(text, sizeof(text), "@%s>;tag=g%lx", c->gateway->local, i);
    if (!slice_has(v->from, text))
        return "From of the answer is not that of the request";
    if (v->cseq != (invite ? 1 : 2) || (!invite && !slice_is(v->method, "BYE")))
        return "CSeq of the answer is not that of the request";
    if (v->status > 100 && v->status < 300 && !tag_fits(call, v))
        return "To tag absent or changed";
    if (v->status >= 300)
        return invite ? "INVITE refused" : "BYE refused";
    return NULL;
}

static void options(struct wire *w, const struct view *v)
{
    char *to = wire_room(w), *o = to;

    o += sprintf(o, "SIP/2.0 200 OK\r\n");
    for (unsigned i = 0; i < v->echo_n; i++)
        o += sprintf(o, "%.*s\r\n", (int)v->echo[i].len, v->echo[i].p);
    o += sprintf(o, "%.*s;tag=o1\r\nContent-Length: 0\r\n\r\n", (int)v->to_line.len, v->to_line.p);
    wire_put(w, (size_t)(o - to));
}

void calls_at_gateway(struct calls *c, const struct view *v, const char *data, size_t len)
{
    long i = slice_number(slice_after(v->call_id, "c-", "-"));
    struct slice run = slice_after(v->call_id, "@", "");
    struct one_call *call;
    char own[48];
    const char *fault;

    if (v->status == 0 && slice_is(v->method, "OPTIONS")) {
        options(c->gateway, v);
        return;
    }
    snprintf(own, sizeof(own), "c-%ld-%x@", i, c->run);
    if (v->status != 0 && i >= 0 && run.len > 0 && !slice_has(v->call_id, own)) {
        c->phase->repeats++; /* of an earlier phase */
        return;
    }
    if (v->status == 0 || i < 0 || i >= c->calls_n) {
        phase_failed(c->phase, "unexpected message at the gateway", data, len);
        return;
    }
    call = &c->calls[i];
    fault = fault_of_response(c, i, call, v);
    if (fault != NULL)
        fail(c, call, fault, data, len);
    else if (v->status >= 200 && slice_is(v->method, "INVITE"))
        take_answer(c, i, v, data, len);
    else if (v->status >= 200)
        seen(c, call, CALLER_OVER);
    else if (v->status > 100)
        ringing(c, call);
}

int64_t calls_hang_up(struct calls *c, int64_t now_ns)
{
    while (c->end_first < c->end_last) {
        long i = c->to_end[c->end_first % c->calls_n];

        if (c->calls[i].bye_at_ns > now_ns)
            return c->hold_ns < 0 ? -1 : c->calls[i].bye_at_ns - now_ns;
        c->end_first++;
        c->calls[i].seen |= BYE_SENT;
        send_in_dialog(c, i, "BYE", 2);
    }
    return -1;
}

void calls_release(struct calls *c)
{
    long i;

    c->phase->started++;
    if (c->end_first == c->end_last) {
        phase_failed(c->phase, "the call had not been established", "", 0);
        return;
    }
    i = c->to_end[c->end_first++ % c->calls_n];
    c->calls[i].seen = (c->calls[i].seen & ~(unsigned)COUNTED) | BYE_SENT;
    send_in_dialog(c, i, "BYE", 2);
}

/* ---- the phones ---- */

static void answer(struct calls *c, long i, const struct view *v, const char *status, bool tagged,
                   bool with_body)
{
    char *to = wire_room(c->phones), *o = to, body[512] = "";
    int body_len = with_body ? body_of(c, i, false, body, sizeof(body)) : 0;

    o += sprintf(o, "SIP/2.0 %s\r\n", status);
    for (unsigned k = 0; k < v->echo_n; k++) {
        memcpy(o, v->echo[k].p, v->echo[k].len);
        o += v->echo[k].len;
        o += sprintf(o, "\r\n");
    }
    memcpy(o, v->to_line.p, v->to_line.len);
    o += v->to_line.len;
    if (tagged)
        o += sprintf(o, ";tag=p%lx", i);
    if (slice_is(v->method, "INVITE"))
        o += sprintf(o, "\r\nContact: <sip:%ldp0@%s>", c->first + i % c->users, c->phones->local);
    if (with_body)
        o += sprintf(o, "\r\nContent-Type: application/sdp");
    o += sprintf(o, "\r\nContent-Length: %d\r\n\r\n%s", body_len, body);
    wire_put(c->phones, (size_t)(o - to));
}

static const char *fault_of_invite(const struct calls *c, long i, const struct view *v)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "sip:%ldp", c->first + i % c->users);

    if (v->uri.len < (size_t)n || memcmp(v->uri.p, text, (size_t)n) != 0)
        return "INVITE at the wrong phone";
    if (!body_is(c, i, true, v->body))
        return "the phone got another body than the caller gave";
    if (slice_number(v->max_forwards) < 1 || slice_number(v->max_forwards) > 70)
        return "INVITE without Max-Forwards";
    snprintf(text, sizeof(text), "+1415%07ld", i);
    return slice_has(v->from, text) ? NULL : "INVITE without the caller's number";
}

static void invited(struct calls *c, const struct view *v, const char *data, size_t len)
{
    long i = call_of_body(c, v->body);
    struct one_call *call;
    const char *fault;

    /* Of an earlier phase, or with a broken body: then the call never ends. */
    if (i < 0 || c->calls[i].seen & PHONE_INVITED) {
        c->phase->repeats++;
        return;
    }
    call = &c->calls[i];
    fault = fault_of_invite(c, i, v);
    if (fault == NULL && !slice_copy(v->call_id, call->phone_call_id, sizeof(call->phone_call_id)))
        fault = "Call-ID too long";
    if (fault != NULL) {
        fail(c, call, fault, data, len);
        return;
    }
    answer(c, i, v, "180 Ringing", true, false);
    answer(c, i, v, "200 OK", true, true);
    seen(c, call, PHONE_INVITED);
}

/* ACK and BYE carry the phone's tag in To, which is the number of the call. */
static void in_dialog(struct calls *c, const struct view *v, const char *data, size_t len)
{
    struct slice tag = slice_after(v->to, ";tag=p", "; ");
    long i = tag.len > 0 ? strtol(tag.p, NULL, 16) : -1;
    struct one_call *call;

    if (i < 0 || i >= c->calls_n) {
        phase_failed(c->phase, "request of an unknown dialog", data, len);
        return;
    }
    call = &c->calls[i];
    if (!slice_is(v->call_id, call->phone_call_id)) {
        c->phase->repeats++; /* of an earlier phase, or wrong: then the call never ends */
        return;
    }
    if (slice_is(v->method, "ACK")) {
        seen(c, call, PHONE_CONFIRMED);
        return;
    }
    answer(c, i, v, "200 OK", false, false);
    if (!(call->seen & PHONE_CONFIRMED))
        fail(c, call, "BYE before ACK", data, len);
    if (call->seen & PHONE_OVER)
        c->phase->repeats++;
    seen(c, call, PHONE_OVER);
}

void calls_at_phones(struct calls *c, const struct view *v, const char *data, size_t len)
{
    if (slice_is(v->method, "INVITE"))
        invited(c, v, data, len);
    else if (slice_is(v->method, "ACK") || slice_is(v->method, "BYE"))
        in_dialog(c, v, data, len);
    else if (slice_is(v->method, "OPTIONS"))
        options(c->phones, v);
    else
        phase_failed(c->phase, "unexpected request at a phone", data, len);
}
