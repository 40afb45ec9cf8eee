#include "sipserver/sip/stun.h"

#define BINDING_REQUEST    0x0001
#define BINDING_SUCCESS    0x0101
#define BINDING_ERROR      0x0111
#define XOR_MAPPED_ADDRESS 0x0020
#define ERROR_CODE         0x0009
#define UNKNOWN_ATTRIBUTES 0x000a
#define OPTIONAL_FROM      0x8000 /* attributes that need not be understood (RFC 5389 15) */
#define COOKIE_AT          4
#define UNKNOWN_MAX        4 /* named in an answer */

static const unsigned char cookie[] = {0x21, 0x12, 0xa4, 0x42};

static unsigned u16(const char *p)
{
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static void put16(struct sip_buf *b, unsigned value)
{
    const char bytes[2] = {(char)(value >> 8), (char)value};

    sip_put(b, (struct sip_str){bytes, sizeof(bytes)});
}

bool stun_is(const char *data, size_t len)
{
    if (len < STUN_HEADER_BYTES || (data[0] & 0xc0) != 0)
        return false;
    for (unsigned i = 0; i < sizeof(cookie); i++)
        if ((unsigned char)data[COOKIE_AT + i] != cookie[i])
            return false;
    return u16(data + 2) == len - STUN_HEADER_BYTES && len % 4 == 0;
}

/* The header of an answer: cookie and transaction id as in the request. */
static void put_header(struct sip_buf *b, const char *request, unsigned type, unsigned length)
{
    put16(b, type);
    put16(b, length);
    sip_put(b, (struct sip_str){request + COOKIE_AT, STUN_HEADER_BYTES - COOKIE_AT});
}

/* What must be understood and is not.  Returns: how many, at most UNKNOWN_MAX; -1: malformed. */
static int unknown_of(const char *data, size_t len, unsigned ret_types[UNKNOWN_MAX])
{
    size_t at = STUN_HEADER_BYTES;
    int n = 0;

    while (at < len) {
        unsigned type, length;

        if (len - at < 4)
            return -1;
        type = u16(data + at);
        length = u16(data + at + 2);
        at += 4 + ((length + 3u) & ~3u);
        if (at > len)
            return -1;
        if (type < OPTIONAL_FROM && n < UNKNOWN_MAX)
            ret_types[n++] = type;
    }
    return n;
}

/* RFC 5389 7.3.1, 15.6, 15.9; padded by repeating the last one. */
static void put_unknown(struct sip_buf *b, const char *request, const unsigned *types, unsigned n)
{
    unsigned padded = (n + 1u) & ~1u;

    put_header(b, request, BINDING_ERROR, 8 + 4 + 2 * padded);
    put16(b, ERROR_CODE);
    put16(b, 4);
    put16(b, 0);
    put16(b, 4 << 8 | 20);
    put16(b, UNKNOWN_ATTRIBUTES);
    put16(b, 2 * n);
    for (unsigned i = 0; i < padded; i++)
        put16(b, types[i < n ? i : n - 1]);
}

/* RFC 5389 15.2: port and address under the cookie, an IPv6 address under the transaction id too.
 */
static void put_mapped(struct sip_buf *b, const char *request, const struct sip_addr *src)
{
    unsigned bytes = src->family == SIP_IPV6 ? 16 : 4;

    put_header(b, request, BINDING_SUCCESS, 4 + 4 + bytes);
    put16(b, XOR_MAPPED_ADDRESS);
    put16(b, 4 + bytes);
    put16(b, src->family == SIP_IPV6 ? 2 : 1);
    put16(b, src->port ^ u16(request + COOKIE_AT));
    for (unsigned i = 0; i < bytes; i++) {
        char c = (char)(src->ip[i] ^ (unsigned char)request[COOKIE_AT + i]);

        sip_put(b, (struct sip_str){&c, 1});
    }
}

bool stun_answer(const char *data, size_t len, const struct sip_addr *src, struct sip_buf *b)
{
    unsigned types[UNKNOWN_MAX];
    int unknown;

    if (u16(data) != BINDING_REQUEST)
        return false;
    unknown = unknown_of(data, len, types);
    if (unknown < 0)
        return false;
    if (unknown > 0)
        put_unknown(b, data, types, (unsigned)unknown);
    else
        put_mapped(b, data, src);
    return !b->overflow;
}
