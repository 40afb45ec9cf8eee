#include "sipserver/core/answer.h"

#include <string.h>

#include "sipserver/core/bound.h"

#define ALLOW     "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, MESSAGE, REFER"
#define SUPPORTED "timer, 100rel"
#define REGISTRAR "path, outbound" /* of a REGISTER, besides */

struct sip_str answer_allow(void)
{
    return SIP_STR(ALLOW);
}

struct sip_str answer_supported(void)
{
    return SIP_STR(SUPPORTED);
}

static bool supported(struct sip_str option, enum sip_method method)
{
    struct sip_str rest = method == SIP_REGISTER ? SIP_STR(SUPPORTED ", " REGISTRAR)
                                                 : SIP_STR(SUPPORTED),
                   one;

    while (sip_list_next(&rest, &one))
        if (sip_str_eq_nocase(one, option))
            return true;
    return false;
}

/* A new call that is refused leaves nothing behind: its copies are refused anew. */
static bool refuses_call(const struct sip_event *event, const struct sip_reply *reply)
{
    return event->method == SIP_INVITE && reply->status >= 300 && sip_str_empty(event->msg->to.tag);
}

static void send(struct sc *sc, const struct sip_event *event, const struct sip_reply *reply)
{
    if (sc->bound.bytes != 0) { /* nothing is kept of who has proven nothing */
        bound_answer(sc, event, reply);
        return;
    }
    if (refuses_call(event, reply)) {
        if (sip_reply_once(sc->sip, event, reply, &sc->out->sip) != 0)
            sc->counts[N_UNSENDABLE]++;
        return;
    }
    if (sip_reply(sc->sip, sc->now, event, reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

void answer_status(struct sc *sc, const struct sip_event *event, unsigned status,
                   enum core_count why)
{
    struct sip_reply reply = {.status = status};

    if (why != CORE_COUNTS)
        sc->counts[why]++;
    send(sc, event, &reply);
}

struct sip_str retry_after(struct sc *sc, char text[4])
{
    struct sip_buf b;

    sip_buf_init(&b, text, 4);
    sip_put_number(&b, (uint64_t)prng_between(&sc->prng, sc->options.retry_after_min_s,
                                              sc->options.retry_after_max_s));
    return sip_buf_str(&b);
}

void answer_later(struct sc *sc, const struct sip_event *event, unsigned status,
                  enum core_count why)
{
    char seconds[4];
    const struct sip_extra extra = {.id = SIP_H_RETRY_AFTER, .value = retry_after(sc, seconds)};
    struct sip_reply reply = {.status = status, .extras = &extra, .extras_n = 1};

    if (why != CORE_COUNTS)
        sc->counts[why]++;
    send(sc, event, &reply);
}

void answer_busy(struct sc *sc, const struct sip_event *event, enum core_count why)
{
    answer_later(sc, event, 503, why);
}

void answer_overlap(struct sc *sc, const struct sip_event *event)
{
    answer_later(sc, event, 500, N_OVERLAP);
}

void answer_method(struct sc *sc, const struct sip_event *event)
{
    const struct sip_extra extra = {.id = SIP_H_ALLOW, .value = SIP_STR(ALLOW)};
    struct sip_reply reply = {
        .status = event->method == SIP_METHOD_OTHER ? 501 : 405, .extras = &extra, .extras_n = 1};

    sc->counts[N_METHOD]++;
    send(sc, event, &reply);
}

bool answer_extension(struct sc *sc, const struct sip_event *event)
{
    struct sip_values it = sip_values(event->msg, SIP_H_REQUIRE);
    struct sip_extra extra = {.id = SIP_H_UNSUPPORTED};
    struct sip_reply reply = {.status = 420, .extras = &extra, .extras_n = 1};
    struct sip_str option;
    char text[256];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text));
    while (sip_values_next(&it, &option)) {
        if (supported(option, event->method))
            continue;
        sip_put_text(&b, b.len > 0 ? ", " : "");
        sip_put(&b, option);
    }
    if (b.len == 0 && !b.overflow)
        return false;
    extra.value = sip_buf_str(&b); /* as many as there is room for */
    sc->counts[N_EXTENSION]++;
    send(sc, event, &reply);
    return true;
}

/* ---- content ---- */

#define CONTENT "application/sdp"

/* TYPE is SDP, or multipart, which may hold it; with RANGES also what names it among others. */
static bool fits(struct sip_str type, bool ranges)
{
    static const struct sip_str multipart = SIP_STR("multipart/");
    const char *semicolon = type.len > 0 ? memchr(type.p, ';', type.len) : NULL;

    if (semicolon != NULL)
        type.len = (size_t)(semicolon - type.p);
    type = sip_str_trim(type);
    if (sip_str_eq_nocase(type, SIP_STR(CONTENT)) ||
        (ranges &&
         (sip_str_eq(type, SIP_STR("*/*")) || sip_str_eq_nocase(type, SIP_STR("application/*")))))
        return true;
    if (type.len > multipart.len)
        type.len = multipart.len;
    return sip_str_eq_nocase(type, multipart);
}

static bool accepts_ours(const struct sip_msg *m)
{
    struct sip_values it = sip_values(m, SIP_H_ACCEPT);
    struct sip_str one;

    if (sip_msg_header(m, SIP_H_ACCEPT) == NULL)
        return true;
    while (sip_values_next(&it, &one)) {
        if (fits(one, true))
            return true;
    }
    return false;
}

bool answer_content(struct sc *sc, const struct sip_event *event)
{
    const struct sip_extra extra = {.id = SIP_H_ACCEPT, .value = SIP_STR(CONTENT)};
    struct sip_reply reply = {.status = 415, .extras = &extra, .extras_n = 1};
    const struct sip_msg *m = event->msg;

    if (!sip_str_empty(m->body) && (!fits(sip_msg_value(m, SIP_H_CONTENT_TYPE), false) ||
                                    sip_msg_header(m, SIP_H_CONTENT_ENCODING) != NULL)) {
        sc->counts[N_CONTENT]++;
        send(sc, event, &reply);
        return true;
    }
    if (accepts_ours(m))
        return false;
    answer_status(sc, event, 406, N_CONTENT);
    return true;
}

void answer_options(struct sc *sc, const struct sip_event *event)
{
    const struct sip_extra extras[] = {
        {.id = SIP_H_ALLOW, .value = SIP_STR(ALLOW)},
        {.id = SIP_H_SUPPORTED, .value = SIP_STR(SUPPORTED ", " REGISTRAR)},
        {.id = SIP_H_ACCEPT, .value = SIP_STR(CONTENT)}};
    struct sip_reply reply = {.status = 200, .extras = extras, .extras_n = 3};

    if (answer_extension(sc, event))
        return;
    send(sc, event, &reply);
}

struct sip_str own_uri(const struct sc *sc, struct sip_str user, char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size);
    sip_put_text(&b, "sip:");
    if (!sip_str_empty(user)) {
        sip_put(&b, user);
        sip_put_text(&b, "@");
    }
    sip_addr_put_host(&b, &sc->conf.local, true);
    sip_put_text(&b, ":");
    sip_put_number(&b, sc->conf.local.port);
    return sip_buf_str(&b);
}

struct sip_str own_contact(const struct sc *sc, const struct sip_addr *peer, char *text,
                           size_t size)
{
    struct sip_addr own = sc->conf.local;
    struct sip_buf b;

    own.transport = peer->transport;
    if (own.transport == SIP_TLS && sc->conf.tls_port != 0)
        own.port = sc->conf.tls_port;
    sip_buf_init(&b, text, size);
    sip_put(&b, SIP_STR("sip:"));
    sip_addr_put_uri(&b, &own);
    return sip_buf_str(&b);
}
