#include "sipserver/core/forward.h"

#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/call.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/music.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/trunk.h"

#define MARK      ";dr="
#define TIME_HEX  8
#define MAC_HEX   16
#define TOKEN_LEN (sizeof(MARK) - 1 + TIME_HEX + 1 + MAC_HEX)

static bool has_peer_secret(const struct sc *sc)
{
    static const uint8_t none[sizeof(sc->conf.peer_secret)];

    return memcmp(sc->conf.peer_secret, none, sizeof(none)) != 0;
}

static bool wanted(const struct sc *sc, const struct dn *d)
{
    enum sc_dr_forward rule =
        d->dr_forward != SC_FORWARD_UNSET ? d->dr_forward : sc->options.dr_forward;

    if (d->type != SC_DN_EXTENSION && d->type != SC_DN_QUEUE)
        return false; /* a routing point's targets are asked one by one */
    switch (rule) {
    case SC_FORWARD_NO_AGENT: return agents_at(sc, d) == 0;
    case SC_FORWARD_OOS: return !d->in_service || !dn_reachable(d);
    case SC_FORWARD_UNSET:
    case SC_FORWARD_OFF: break;
    }
    return false;
}

/* The caller has its 2xx, by music or before: it can be told no 302 any more. */
static bool answered(const struct sc *sc, const struct call *c)
{
    return call_caller_connected(sc, c) || music_holds(c);
}

enum forward forward_decide(const struct sc *sc, const struct call *c, const struct dn *d)
{
    const struct dn *source = pool_get(&sc->dns, c->source);
    const struct trunk *gateway = source != NULL ? pool_get(&sc->trunks, source->trunk) : NULL;

    if (peering_mode(sc) != SC_PEERED || peering_trunk_of(sc) == NULL || c->forwarded || c->stay ||
        hunt_rests(sc, peering_trunk_of(sc)) || !wanted(sc, d))
        return FORWARD_HERE;
    if (gateway != NULL && gateway->follows_redirect && !answered(sc, c) &&
        sc->options.dr_oosp_transfer_enabled && has_peer_secret(sc))
        return FORWARD_REDIRECT;
    return FORWARD_RELAY;
}

/* MAC over number and expiry. */
static uint64_t token_mac(const struct sc *sc, struct sip_str number, uint64_t expiry_s)
{
    char text[SC_NAME_SIZE + 16];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text));
    sip_put_hex(&b, expiry_s, TIME_HEX);
    sip_put(&b, number);
    return siphash24(sc->conf.peer_secret, text, b.len);
}

static void put_token(const struct sc *sc, struct sip_buf *b, struct sip_str number,
                      uint64_t expiry_s)
{
    sip_put_text(b, MARK);
    sip_put_hex(b, expiry_s, TIME_HEX);
    sip_put_text(b, "-");
    sip_put_hex(b, token_mac(sc, number, expiry_s), MAC_HEX);
}

struct sip_str forward_contact(const struct sc *sc, const struct trunk *t, struct sip_str number,
                               char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size);
    sip_put_text(&b, "sip:");
    sip_put(&b, number);
    put_token(sc, &b, number, wall_s(sc) + FORWARD_TOKEN_LIFE_S);
    sip_put_text(&b, "@");
    sip_addr_put_uri(&b, &t->addr);
    return sip_buf_str(&b);
}

static bool read_hex(const char *p, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < TIME_HEX; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *ret = value;
    return true;
}

struct sip_str forward_read(const struct sc *sc, struct sip_str user, bool *ret_valid,
                            bool *ret_bad)
{
    char expected[TOKEN_LEN + 1];
    struct sip_str number = user;
    const char *token;
    uint64_t expiry_s = 0;
    struct sip_buf b;

    *ret_valid = *ret_bad = false;
    token = user.len != 0 ? memchr(user.p, ';', user.len) : NULL;
    if (token == NULL)
        return user;
    number.len = (size_t)(token - user.p);
    if (user.len - number.len != TOKEN_LEN || !has_peer_secret(sc) ||
        !read_hex(token + sizeof(MARK) - 1, &expiry_s)) {
        *ret_bad = true;
        return number;
    }
    sip_buf_init(&b, expected, sizeof(expected));
    put_token(sc, &b, number, expiry_s);
    *ret_valid = memcmp(expected, token, TOKEN_LEN) == 0 && expiry_s >= wall_s(sc) &&
                 expiry_s <= wall_s(sc) + 2 * FORWARD_TOKEN_LIFE_S;
    *ret_bad = !*ret_valid;
    return number;
}
