#include "sipserver/core/identity.h"

#include <string.h>

#include "sipserver/core/answer.h"

/* ---- what the caller says ---- */

/* Privacy of INVITE asks that the caller stays unknown (RFC 3323 4.2, RFC 3325 9.3). */
static bool wants_privacy(const struct sip_msg *m)
{
    static const char *const kinds[] = {"id", "user", "header"};
    struct sip_str rest = sip_msg_value(m, SIP_H_PRIVACY);

    while (rest.len > 0) {
        const char *end = memchr(rest.p, ';', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.p) : rest.len;
        struct sip_str one = sip_str_trim((struct sip_str){rest.p, len});

        for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (sip_str_eq_nocase(one, sip_str_of(kinds[i])))
                return true;
        len += end != NULL ? 1 : 0;
        rest.p += len;
        rest.len -= len;
    }
    return false;
}

/* Bytes of the character or escape that begins with C. */
static size_t unit_of(char c)
{
    unsigned char first = (unsigned char)c;

    return c == '\\' || (first >= 0xc0 && first < 0xe0) ? 2
           : first >= 0xf0                              ? 4
           : first >= 0xe0                              ? 3
                                                        : 1;
}

/* DISPLAY, cut where it is too long: half an escape would break the quotes, and half a character
 * the text. */
static void take_name(struct call *c, struct sip_str display)
{
    size_t len = 0;

    while (len < display.len) {
        size_t unit = unit_of(display.p[len]);

        if (unit > display.len - len || len + unit >= sizeof(c->from_name))
            break;
        len += unit;
    }
    display.len = len;
    text_copy_str(c->from_name, sizeof(c->from_name), display);
}

/* The first P-Asserted-Identity that is a number or a user. */
static bool read_asserted(const struct sip_msg *m, struct sip_party *ret)
{
    struct sip_values it = sip_values(m, SIP_H_P_ASSERTED_IDENTITY);
    struct sip_str value;

    while (sip_values_next(&it, &value))
        if (sip_party_parse(value, ret) == 0 && ret->uri.scheme != SIP_SCHEME_OTHER &&
            !sip_str_empty(ret->uri.user) && ret->uri.user.len < SC_NAME_SIZE)
            return true;
    return false;
}

void identity_asked(struct call *c, const struct sip_msg *invite, const struct dn *source,
                    bool trusted)
{
    struct sip_party party;

    c->private = wants_privacy(invite);
    text_copy_str(c->from, sizeof(c->from), invite->from.uri.user);
    take_name(c, invite->from.display);
    if (source->type == SC_DN_EXTENSION) {
        c->asserted = true;
        text_copy(c->from, sizeof(c->from), source->number);
        if (source->display[0] != '\0')
            take_name(c, sip_str_of(source->display));
    } else if (trusted && read_asserted(invite, &party)) {
        c->asserted = true;
        text_copy_str(c->from, sizeof(c->from), party.uri.user);
        take_name(c, party.display);
    }
}

void identity_own(struct call *c, const struct dn *d)
{
    c->asserted = true;
    text_copy(c->from, sizeof(c->from), d->number);
    take_name(c, sip_str_of(d->display));
}

/* ---- what the others are told ---- */

bool identity_trusts(const struct sc *sc, const struct dn *d)
{
    const struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    return t != NULL && (t->trusted || t->inter_site);
}

static bool is_caller(const struct sc *sc, const struct call *c, const struct leg *shown)
{
    return shown == NULL || shown == pool_get(&sc->legs, c->caller);
}

bool identity_hidden(const struct sc *sc, const struct call *c, const struct leg *shown)
{
    return c->private && is_caller(sc, c, shown);
}

const char *identity_shown(const struct call *c)
{
    return c->private ? "anonymous" : c->from;
}

unsigned identity_put(const struct sc *sc, const struct call *c, const struct leg *shown,
                      const struct dn *to, char text[IDENTITY_TEXT], struct sip_extra *extras)
{
    const struct dn *own = shown != NULL ? pool_get(&sc->dns, shown->dn) : NULL;
    bool trusted = identity_trusts(sc, to), caller = is_caller(sc, c, shown);
    const char *number = caller ? c->from : own != NULL ? own->number : "";
    const char *name = caller ? c->from_name : own != NULL ? own->display : "";
    char uri[SIP_URI_MAX];
    struct sip_buf b;

    if (!trusted && (to == NULL || to->type != SC_DN_EXTENSION || (caller && c->private)))
        return 0;
    if (number[0] == '\0' || (caller ? !c->asserted : own->type != SC_DN_EXTENSION))
        return 0;
    sip_buf_init(&b, text, IDENTITY_TEXT);
    if (name[0] != '\0') {
        sip_put_text(&b, "\"");
        sip_put_text(&b, name);
        sip_put_text(&b, "\" ");
    }
    sip_put_text(&b, "<");
    sip_put(&b, own_uri(sc, sip_str_of(number), uri, sizeof(uri)));
    sip_put_text(&b, ">");
    if (sip_buf_status(&b) != 0)
        return 0;
    extras[0] = (struct sip_extra){.id = SIP_H_P_ASSERTED_IDENTITY, .value = sip_buf_str(&b)};
    if (!caller || !c->private)
        return 1;
    extras[1] = (struct sip_extra){.id = SIP_H_PRIVACY, .value = SIP_STR("id")};
    return 2;
}
