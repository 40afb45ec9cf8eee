#include "sipserver/core/divert.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/answer.h"

static const char *reason_name(enum divert_reason reason)
{
    switch (reason) {
    case DIVERT_UNCONDITIONAL: return "unconditional";
    case DIVERT_DEFLECTION: return "deflection";
    case DIVERT_OUT_OF_SERVICE: return "out-of-service";
    case DIVERT_UNAVAILABLE: return "unavailable";
    }
    return "unknown";
}

/* ---- what came ---- */

/* How often VALUE says that the call was diverted: its counter, 1 without (RFC 5806 4.2). */
static uint32_t counter_of(struct sip_str value)
{
    struct sip_party party;
    struct sip_str text;
    uint32_t n = 1;

    if (sip_party_parse(value, &party) == 0 && sip_param_get(party.params, "counter", &text) &&
        sip_number_parse(text, 1000, &n) != 0)
        n = 1;
    return n > 0 ? n : 1;
}

void divert_asked(struct sc *sc, struct call *c, const struct sip_msg *invite,
                  const struct dn *source)
{
    struct sip_values it = sip_values(invite, SIP_H_DIVERSION);
    struct came *came = NULL;
    struct sip_str value;
    struct sip_buf b;

    if (source->type != SC_DN_TRUNK || sip_msg_header(invite, SIP_H_DIVERSION) == NULL)
        return;
    while (sip_values_next(&it, &value)) {
        if (came == NULL) {
            came = pool_take(&sc->came, &c->came);
            assert(came != NULL); /* one for each call */
            sip_buf_init(&b, came->text, sizeof(came->text));
        }
        c->came_n += counter_of(value);
        if (b.len + value.len + 2 > b.size) /* whole ones only; the oldest are left out */
            break;
        sip_put_text(&b, b.len > 0 ? ", " : "");
        sip_put_value(&b, value);
        came->len = (uint16_t)b.len;
    }
}

void divert_forget(struct sc *sc, struct call *c)
{
    struct came *came = pool_get(&sc->came, c->came);

    if (came != NULL)
        pool_put(&sc->came, came);
    c->came = HANDLE_NONE;
}

/* ---- ours ---- */

void divert_add(struct sc *sc, struct call *c, const struct dn *d, enum divert_reason reason)
{
    handle_t dn = pool_handle(&sc->dns, d);

    if (c->diverted_n == SC_DIVERTED_MAX || (reason != DIVERT_DEFLECTION && c->diverted_n > 0 &&
                                             handle_equal(c->diverted[c->diverted_n - 1].dn, dn)))
        return;
    c->diverted[c->diverted_n++] = (struct diverted){.dn = dn, .reason = (uint8_t)reason};
}

void divert_back(struct sc *sc, struct call *c, handle_t dn, bool itself)
{
    (void)sc;
    for (uint8_t n = c->diverted_n; n > 0; n--)
        if (handle_equal(c->diverted[n - 1].dn, dn)) {
            c->diverted_n = (uint8_t)(n - (itself ? 1 : 0));
            return;
        }
}

unsigned divert_put(const struct sc *sc, const struct call *c, char text[DIVERT_TEXT],
                    struct sip_extra *extras)
{
    const struct came *came = pool_get(&sc->came, c->came);
    char uri[SIP_URI_MAX];
    struct sip_buf b;

    sip_buf_init(&b, text, DIVERT_TEXT);
    for (uint8_t n = c->diverted_n; n > 0; n--) {
        const struct dn *d = pool_get(&sc->dns, c->diverted[n - 1].dn);

        if (d == NULL)
            continue; /* deleted meanwhile */
        sip_put_text(&b, b.len > 0 ? ", <" : "<");
        sip_put(&b, own_uri(sc, sip_str_of(d->number), uri, sizeof(uri)));
        sip_put_text(&b, ">;reason=");
        sip_put_text(&b, reason_name((enum divert_reason)c->diverted[n - 1].reason));
        sip_put_text(&b, ";counter=1");
    }
    if (came != NULL && came->len > 0) {
        sip_put_text(&b, b.len > 0 ? ", " : "");
        sip_put(&b, (struct sip_str){came->text, came->len});
    }
    if (b.len == 0 || sip_buf_status(&b) != 0)
        return 0;
    extras[0] = (struct sip_extra){.id = SIP_H_DIVERSION, .value = sip_buf_str(&b)};
    return 1;
}

uint32_t divert_count(const struct call *c)
{
    return c->came_n + c->diverted_n;
}

void divert_from(const struct sc *sc, const struct call *c, char number[SC_NAME_SIZE])
{
    const struct came *came = pool_get(&sc->came, c->came);
    struct sip_str rest, value;
    struct sip_party party;

    number[0] = '\0';
    for (uint8_t n = c->diverted_n; n > 0; n--) {
        const struct dn *d = pool_get(&sc->dns, c->diverted[n - 1].dn);

        if (d != NULL && c->diverted[n - 1].reason == DIVERT_DEFLECTION) {
            text_copy(number, SC_NAME_SIZE, d->number);
            return;
        }
    }
    if (came == NULL)
        return;
    rest = (struct sip_str){came->text, came->len};
    if (sip_list_next(&rest, &value) && sip_party_parse(value, &party) == 0)
        (void)number_of_uri(&party.uri, number);
}

/* ---- 3xx ---- */

/* The Contact with a number that the phone likes best, the first of those (RFC 3261 8.1.3.4). */
static bool read_contact(const struct sip_msg *m, char number[SC_NAME_SIZE])
{
    struct sip_values it = sip_values(m, SIP_H_CONTACT);
    struct sip_party party;
    struct sip_str value;
    char candidate[SC_NAME_SIZE];
    bool found = false;
    uint16_t best = 0;

    while (sip_values_next(&it, &value)) {
        uint16_t q = 1000;

        if (sip_party_parse(value, &party) != 0 || party.star ||
            party.uri.scheme == SIP_SCHEME_OTHER)
            continue;
        if (sip_param_get(party.params, "q", &value) && sip_q_parse(value, &q) != 0)
            q = 0;
        if ((found && q <= best) || !number_of_uri(&party.uri, candidate))
            continue;
        memcpy(number, candidate, sizeof(candidate));
        best = q;
        found = true;
    }
    return found;
}

bool divert_follow(struct sc *sc, struct call *c, const struct sip_msg *response,
                   char number[SC_NAME_SIZE], bool *ret_often)
{
    const struct dn *d = pool_get(&sc->dns, c->target_dn);
    uint32_t redirected = c->came_n;

    *ret_often = false;
    if (d == NULL || d->type != SC_DN_EXTENSION || response == NULL || response->status < 300 ||
        response->status > 302 || !read_contact(response, number))
        return false;
    for (uint8_t i = 0; i < c->diverted_n; i++)
        redirected += c->diverted[i].reason == DIVERT_DEFLECTION ? 1 : 0;
    if (redirected >= sc->options.diversions_max || c->diverted_n == SC_DIVERTED_MAX) {
        *ret_often = true;
        return false;
    }
    divert_add(sc, c, d, DIVERT_DEFLECTION);
    c->on_behalf = c->target_dn;
    return true;
}
