#include "sipserver/sip/token.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/sip/build.h"

#define MAC_DIGITS 12
#define COOKIE     "z9hG4bK"

static uint64_t mac(struct sip_key key, enum sip_token_kind kind, struct sip_token t)
{
    uint64_t words[4] = {(uint64_t)kind, t.epoch, t.object, t.serial};

    return siphash24(key.secret, words, sizeof(words)) & ((UINT64_C(1) << (4 * MAC_DIGITS)) - 1);
}

static unsigned hex_width(uint64_t number)
{
    unsigned digits = 1;

    while (digits < 16 && number >> (4 * digits) != 0)
        digits++;
    return digits;
}

void sip_token_put(struct sip_buf *b, struct sip_key key, enum sip_token_kind kind,
                   struct sip_token t)
{
    sip_put_text(b, kind == SIP_TOKEN_BRANCH ? COOKIE "e" : "e");
    sip_put_hex(b, t.epoch, hex_width(t.epoch));
    sip_put(b, SIP_STR("."));
    sip_put_hex(b, t.object, hex_width(t.object));
    sip_put(b, SIP_STR("."));
    sip_put_hex(b, t.serial, hex_width(t.serial));
    sip_put(b, SIP_STR("."));
    sip_put_hex(b, mac(key, kind, t), MAC_DIGITS);
}

struct sip_str sip_token_make(struct sip_key key, enum sip_token_kind kind, struct sip_token t,
                              char text[SIP_TOKEN_MAX])
{
    struct sip_buf b;

    sip_buf_init(&b, text, SIP_TOKEN_MAX - 1);
    sip_token_put(&b, key, kind, t);
    assert(!b.overflow); /* 7 + 1 + 16 + 16 + 8 + 12 + 3 = 63 */
    text[b.len] = '\0';
    return sip_buf_str(&b);
}

/* One number in lower-case hexadecimal, without leading zeros unless it has exactly WIDTH digits.
 */
static bool read_hex(struct sip_str *s, unsigned width, unsigned width_max, uint64_t *ret)
{
    uint64_t number = 0;
    unsigned digits = 0;

    for (; digits < s->len && digits < width_max; digits++) {
        char c = s->p[digits];

        if (c >= '0' && c <= '9')
            number = number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        else
            break;
    }
    if (digits == 0 || (width != 0 && digits != width) ||
        (width == 0 && digits != hex_width(number)))
        return false;
    s->p += digits;
    s->len -= digits;
    *ret = number;
    return true;
}

static bool read_char(struct sip_str *s, char c)
{
    if (s->len == 0 || s->p[0] != c)
        return false;
    s->p++;
    s->len--;
    return true;
}

int sip_token_read(struct sip_key key, enum sip_token_kind kind, struct sip_str s,
                   struct sip_token *ret_token)
{
    struct sip_token t;
    uint64_t serial, seen;

    if (kind == SIP_TOKEN_BRANCH) {
        struct sip_str cookie = SIP_STR(COOKIE);

        if (s.len < cookie.len || memcmp(s.p, cookie.p, cookie.len) != 0)
            return -ENOENT;
        s.p += cookie.len;
        s.len -= cookie.len;
    }
    if (!read_char(&s, 'e') || !read_hex(&s, 0, 16, &t.epoch) || !read_char(&s, '.') ||
        !read_hex(&s, 0, 16, &t.object) || !read_char(&s, '.') || !read_hex(&s, 0, 8, &serial) ||
        !read_char(&s, '.') || !read_hex(&s, MAC_DIGITS, MAC_DIGITS, &seen))
        return -ENOENT;
    if (s.len > 0 && !(kind == SIP_TOKEN_CALL_ID && s.p[0] == '@'))
        return -ENOENT;
    t.serial = (uint32_t)serial;
    if (seen != mac(key, kind, t))
        return -EBADMSG;
    *ret_token = t;
    return 0;
}
