/* What the field machines leave to plain code: numbers, comparison of URIs, escapes. */
#include "sipserver/sip/fields.h"

#include <errno.h>

int sip_q_parse(struct sip_str s, uint16_t *ret_thousandths)
{
    unsigned value, place = 1000;

    if (s.len == 0 || s.len > 5 || (s.p[0] != '0' && s.p[0] != '1'))
        return -EINVAL;
    value = s.p[0] == '1' ? 1000 : 0;
    if (s.len > 1 && s.p[1] != '.')
        return -EINVAL;
    for (size_t i = 2; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -EINVAL;
        place /= 10;
        value += place * (unsigned)(s.p[i] - '0');
    }
    if (value > 1000)
        return -EINVAL;
    *ret_thousandths = (uint16_t)value;
    return 0;
}

int sip_number_parse(struct sip_str s, uint32_t max, uint32_t *ret_number)
{
    uint64_t number = 0;

    if (s.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -EINVAL;
        number = number * 10 + (uint64_t)(s.p[i] - '0');
        if (number > max)
            return -EINVAL;
    }
    *ret_number = (uint32_t)number;
    return 0;
}

bool sip_param_get(struct sip_str params, const char *name, struct sip_str *ret_value)
{
    struct sip_str wanted = sip_str_of(name), found, value;

    while (sip_param_next(&params, &found, &value) > 0) {
        if (sip_str_eq_nocase(found, wanted)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One character of S at *AT, escapes decoded; *AT moves on.  -EINVAL: a broken escape. */
static int unescaped_at(struct sip_str s, size_t *at)
{
    int high, low;

    if (s.p[*at] != '%')
        return (unsigned char)s.p[(*at)++];
    if (s.len - *at < 3)
        return -EINVAL;
    high = hex_digit(s.p[*at + 1]);
    low = hex_digit(s.p[*at + 2]);
    if (high < 0 || low < 0)
        return -EINVAL;
    *at += 3;
    return high * 16 + low;
}

int sip_unescape(struct sip_str s, char *to, size_t size, size_t *ret_len)
{
    size_t len = 0;

    for (size_t at = 0; at < s.len;) {
        int c = unescaped_at(s, &at);

        if (c <= 0)
            return -EINVAL;
        if (len + 1 >= size)
            return -EMSGSIZE;
        to[len++] = (char)c;
    }
    if (size == 0)
        return -EMSGSIZE;
    to[len] = '\0';
    *ret_len = len;
    return 0;
}

/* Equal after decoding of escapes (19.1.4: "%61lice" is "alice"); case matters. */
static bool eq_unescaped(struct sip_str a, struct sip_str b)
{
    size_t i = 0, j = 0;

    if (a.len == b.len && (a.len == 0 || memchr(a.p, '%', a.len) == NULL) && sip_str_eq(a, b))
        return true;
    while (i < a.len && j < b.len) {
        int x = unescaped_at(a, &i), y = unescaped_at(b, &j);

        if (x < 0 || x != y)
            return false;
    }
    return i == a.len && j == b.len;
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    static const char *const significant[] = {"user", "ttl", "method", "maddr", "transport"};

    if (a->scheme != b->scheme || a->port != b->port || !sip_str_eq_nocase(a->host, b->host) ||
        !eq_unescaped(a->user, b->user) || !eq_unescaped(a->password, b->password))
        return false;
    if (sip_str_eq(a->params, b->params))
        return true;
    for (size_t i = 0; i < sizeof(significant) / sizeof(significant[0]); i++) {
        struct sip_str x = SIP_STR_NONE, y = SIP_STR_NONE;
        bool in_a = sip_param_get(a->params, significant[i], &x);
        bool in_b = sip_param_get(b->params, significant[i], &y);

        if (in_a != in_b || !sip_str_eq_nocase(x, y))
            return false;
    }
    return true;
}

int sip_uri_addr(const struct sip_uri *uri, struct sip_addr *ret_addr)
{
    enum sip_transport transport = uri->scheme == SIP_SCHEME_SIPS ? SIP_TLS : SIP_UDP;
    struct sip_str host = uri->host, value;
    uint16_t port = uri->port;
    bool named = true;

    if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
        return -ENOENT;
    (void)sip_param_get(uri->params, "maddr", &host);
    if (sip_param_get(uri->params, "transport", &value)) {
        if (sip_str_eq_nocase(value, SIP_STR("tls")))
            transport = SIP_TLS;
        else if (sip_str_eq_nocase(value, SIP_STR("tcp")) && transport == SIP_UDP)
            transport = SIP_TCP;
    } else {
        named = uri->scheme == SIP_SCHEME_SIPS;
    }
    if (port == 0)
        port = transport == SIP_TLS ? 5061 : 5060;
    if (sip_addr_parse(host, port, transport, ret_addr) < 0)
        return -ENOENT;
    ret_addr->any_transport = !named;
    return 0;
}
