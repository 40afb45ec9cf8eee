#include "sipserver/sip/digest.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/hash.h"

#define NONCE_TIME_DIGITS   8
#define NONCE_SERIAL_DIGITS 8
#define NONCE_MAC_DIGITS    32 /* of two SipHashes, each under half of the secret */
#define NONCE_DIGITS        (NONCE_TIME_DIGITS + NONCE_SERIAL_DIGITS + NONCE_MAC_DIGITS)
#define CLOCK_SKEW_S        60   /* a nonce of the other host may be from our future */
#define TEXT_MAX            2048 /* bytes that are hashed: user, realm, nonce, URI ... */

struct sum_hex {
    char text[65];
};

static struct sum_hex hex_of(const uint8_t *sum, size_t len)
{
    struct sum_hex hex;
    struct sip_buf b;

    sip_buf_init(&b, hex.text, sizeof(hex.text) - 1);
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t part;

        memcpy(&part, sum + i, sizeof(part));
        sip_put_hex(&b, be64toh(part), 16);
    }
    hex.text[b.len] = '\0';
    return hex;
}

static struct sum_hex hash_of(const struct digest_ops *ops, enum sip_digest_algorithm algorithm,
                              struct sip_str data)
{
    uint8_t sum[32];

    if (algorithm == SIP_MD5)
        ops->md5(ops->self, data.p, data.len, sum);
    else
        ops->sha256(ops->self, data.p, data.len, sum);
    return hex_of(sum, algorithm == SIP_MD5 ? 16 : 32);
}

/* Compares all of it whatever differs, so that the time tells nothing. */
static bool equal_secret(struct sip_str a, struct sip_str b)
{
    unsigned difference = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference |= (unsigned char)a.p[i] ^ (unsigned char)b.p[i];
    return difference == 0;
}

/* ---- nonces ----------------------------------------------------------------- */

/* A nonce is judged with every request that carries credentials: a keyed hash made for short texts
 * costs a small part of HMAC-SHA-256, and guesses can only be tried here, one request each. */
static void put_nonce(const struct sip_digest *d, uint32_t time_s, uint32_t serial,
                      const struct sip_addr *from, struct sip_str realm, struct sip_buf *b)
{
    char text[TEXT_MAX];
    struct sip_buf signed_part;

    sip_put_hex(b, time_s, NONCE_TIME_DIGITS);
    sip_put_hex(b, serial, NONCE_SERIAL_DIGITS);
    sip_buf_init(&signed_part, text, sizeof(text));
    sip_put_text(&signed_part, "nonce"); /* the secret has other uses */
    sip_put_hex(&signed_part, time_s, NONCE_TIME_DIGITS);
    sip_put_hex(&signed_part, serial, NONCE_SERIAL_DIGITS);
    sip_put(&signed_part, (struct sip_str){(const char *)from->ip, sizeof(from->ip)});
    sip_put(&signed_part, realm);
    if (signed_part.overflow)
        b->overflow = true;
    for (size_t half = 0; half < sizeof(d->secret); half += HASH_SECRET_BYTES)
        sip_put_hex(b, siphash24(d->secret + half, signed_part.data, signed_part.len),
                    NONCE_MAC_DIGITS / 2);
}

/* DIGITS lower-case hex digits.  False: not such. */
static bool read_hex(const char *text, unsigned digits, uint32_t *ret)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < digits; i++) {
        char c = text[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                : 16;
        if (digit > 15)
            return false;
        value = value << 4 | digit;
    }
    *ret = value;
    return true;
}

/* The time in a nonce of ours.  False: not of ours, or given to another address than FROM. */
static bool read_nonce(const struct sip_digest *d, struct sip_str nonce,
                       const struct sip_addr *from, struct sip_str realm, uint32_t *ret_time_s)
{
    char text[NONCE_DIGITS];
    struct sip_buf b;
    uint32_t time_s, serial;

    if (nonce.len != NONCE_DIGITS || !read_hex(nonce.p, NONCE_TIME_DIGITS, &time_s) ||
        !read_hex(nonce.p + NONCE_TIME_DIGITS, NONCE_SERIAL_DIGITS, &serial))
        return false;
    sip_buf_init(&b, text, sizeof(text));
    put_nonce(d, time_s, serial, from, realm, &b);
    if (b.overflow || !equal_secret(nonce, sip_buf_str(&b)))
        return false;
    *ret_time_s = time_s;
    return true;
}

uint32_t sip_digest_made(struct sip_str nonce)
{
    uint32_t time_s = 0;

    if (nonce.len >= NONCE_TIME_DIGITS)
        (void)read_hex(nonce.p, NONCE_TIME_DIGITS, &time_s);
    return time_s;
}

/* Eight hex digits of either case, not 0 (RFC 7616 3.4: the first is 1). */
static bool read_count(struct sip_str nc, uint32_t *ret_count)
{
    char text[8];

    if (nc.len != sizeof(text))
        return false;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(nc.p[i] >= 'A' && nc.p[i] <= 'F' ? nc.p[i] | 0x20 : nc.p[i]);
    return read_hex(text, sizeof(text), ret_count) && *ret_count != 0;
}

uint32_t sip_digest_count(const struct sip_digest_params *p)
{
    uint32_t count = 1;

    if (!sip_str_empty(p->qop))
        (void)read_count(p->nc, &count);
    return count;
}

/* put_escaped - TEXT as it stands between quotes (RFC 3261 section 25.1, quoted-string). */
static void put_escaped(struct sip_buf *b, struct sip_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            sip_put_text(b, "\\");
        sip_put(b, (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f
                       ? SIP_STR(" ")
                       : (struct sip_str){text.p + i, 1});
    }
}

void sip_digest_challenge(const struct sip_digest *d, uint64_t now_s, const struct sip_addr *from,
                          struct sip_str realm, const struct sip_digest_offer *offer,
                          struct sip_buf *b)
{
    sip_put_text(b, "Digest realm=\"");
    put_escaped(b, realm);
    sip_put_text(b, "\", nonce=\"");
    put_nonce(d, (uint32_t)now_s, offer->serial, from, realm, b);
    sip_put_text(b, offer->algorithm == SIP_MD5 ? "\", algorithm=MD5" : "\", algorithm=SHA-256");
    sip_put_text(b, offer->auth_int ? ", qop=\"auth,auth-int\"" : ", qop=\"auth\"");
    if (offer->stale)
        sip_put_text(b, ", stale=true");
}

/* ---- credentials ------------------------------------------------------------ */

enum sip_digest_result sip_digest_find(const struct sip_msg *m, enum sip_header_id id,
                                       struct sip_str realm, struct sip_digest_params *ret_params)
{
    enum sip_digest_result result = SIP_DIGEST_ABSENT;
    struct sip_digest_params p;

    for (const struct sip_header *h = sip_msg_header(m, id); h != NULL;
         h = sip_msg_header_next(m, h)) {
        int r = sip_digest_parse(h->value, &p);

        if (r == 0 && sip_str_eq(p.realm, realm)) {
            *ret_params = p;
            return SIP_DIGEST_OK;
        }
        if (r == -EINVAL)
            result = SIP_DIGEST_MALFORMED;
    }
    return result;
}

static int algorithm_of(struct sip_str name, enum sip_digest_algorithm *ret)
{
    if (sip_str_empty(name) || sip_str_eq_nocase(name, SIP_STR("MD5")))
        *ret = SIP_MD5;
    else if (sip_str_eq_nocase(name, SIP_STR("SHA-256")))
        *ret = SIP_SHA256;
    else
        return -ENOTSUP;
    return 0;
}

int sip_digest_algorithm(const struct sip_digest_params *p, enum sip_digest_algorithm *ret)
{
    return algorithm_of(p->algorithm, ret);
}

static void put_colon(struct sip_buf *b, struct sip_str s)
{
    if (b->len > 0)
        sip_put(b, SIP_STR(":"));
    sip_put(b, s);
}

static bool is_auth_int(const struct sip_digest_params *p)
{
    return sip_str_eq_nocase(p->qop, SIP_STR("auth-int"));
}

/* The hash of TEXT.  LAST, unless NULL, has that of the text before. */
static struct sum_hex ha2_of(const struct digest_ops *ops, enum sip_digest_algorithm algorithm,
                             struct sip_str text, struct sip_ha2 *last)
{
    struct sum_hex hex;

    if (last != NULL && last->algorithm == algorithm &&
        sip_str_eq(text, (struct sip_str){last->of, last->of_len})) {
        memcpy(hex.text, last->hex, sizeof(hex.text));
        return hex;
    }
    hex = hash_of(ops, algorithm, text);
    if (last != NULL && text.len <= sizeof(last->of)) {
        memcpy(last->of, text.p, text.len);
        last->of_len = (uint32_t)text.len;
        last->algorithm = algorithm;
        memcpy(last->hex, hex.text, sizeof(last->hex));
    }
    return hex;
}

/* response = H(HA1 : nonce [: nc : cnonce : qop] : H(method : uri [: H(BODY)])), RFC 7616 3.4.1
 * and, with auth-int, 3.4.3; RFC 2069 without qop. */
static int response_of(const struct digest_ops *ops, enum sip_digest_algorithm algorithm,
                       struct sip_str ha1, const struct sip_digest_params *p, struct sip_str method,
                       struct sip_str body, struct sip_ha2 *last, struct sum_hex *ret)
{
    char text[TEXT_MAX];
    struct sip_buf b;
    struct sum_hex ha2;

    sip_buf_init(&b, text, sizeof(text));
    put_colon(&b, method);
    put_colon(&b, p->uri);
    if (is_auth_int(p))
        put_colon(&b, sip_str_of(hash_of(ops, algorithm, body).text));
    if (b.overflow)
        return -EMSGSIZE;
    ha2 = ha2_of(ops, algorithm, sip_buf_str(&b), last);
    sip_buf_init(&b, text, sizeof(text));
    put_colon(&b, ha1);
    put_colon(&b, p->nonce);
    if (!sip_str_empty(p->qop)) {
        put_colon(&b, p->nc);
        put_colon(&b, p->cnonce);
        put_colon(&b, p->qop);
    }
    put_colon(&b, sip_str_of(ha2.text));
    if (b.overflow)
        return -EMSGSIZE;
    *ret = hash_of(ops, algorithm, sip_buf_str(&b));
    return 0;
}

static bool uri_fits(const struct sip_digest *d, struct sip_str text, const struct sip_msg *m)
{
    struct sip_uri uri;

    return !d->check_uri || sip_str_eq(text, m->uri_text) ||
           (sip_uri_parse(text, &uri) == 0 && sip_uri_eq(&uri, &m->uri));
}

enum sip_digest_result sip_digest_verify(struct sip_digest *d, uint64_t now_s,
                                         const struct sip_addr *from,
                                         const struct sip_digest_params *p, const struct sip_msg *m,
                                         const struct sip_ha1 *ha1)
{
    enum sip_digest_algorithm algorithm;
    struct sip_str secret;
    struct sum_hex expected;
    uint32_t time_s, count;
    bool qop = !sip_str_empty(p->qop);

    if (sip_str_empty(p->username) || sip_str_empty(p->nonce) || sip_str_empty(p->uri) ||
        sip_str_empty(p->response) ||
        (qop && (!read_count(p->nc, &count) || sip_str_empty(p->cnonce))))
        return SIP_DIGEST_MALFORMED;
    if (!read_nonce(d, p->nonce, from, p->realm, &time_s))
        return SIP_DIGEST_BAD_NONCE;
    if (algorithm_of(p->algorithm, &algorithm) < 0 ||
        (qop && !sip_str_eq_nocase(p->qop, SIP_STR("auth")) && !is_auth_int(p)))
        return SIP_DIGEST_WRONG;
    secret = sip_str_of(algorithm == SIP_MD5 ? ha1->md5 : ha1->sha256);
    if (sip_str_empty(secret) ||
        response_of(&d->ops, algorithm, secret, p, m->method_name, m->body, &d->last, &expected) <
            0 ||
        !equal_secret(p->response, sip_str_of(expected.text)))
        return SIP_DIGEST_WRONG;
    if (!uri_fits(d, p->uri, m))
        return SIP_DIGEST_OTHER_URI;
    if (time_s > now_s + CLOCK_SKEW_S || time_s + (uint64_t)d->nonce_life_s < now_s)
        return SIP_DIGEST_STALE;
    return SIP_DIGEST_OK;
}

int sip_digest_ha1(const struct digest_ops *ops, struct sip_str user, struct sip_str realm,
                   struct sip_str password, struct sip_ha1 *ret_ha1)
{
    char text[TEXT_MAX];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text));
    sip_put(&b, user);
    sip_put(&b, SIP_STR(":"));
    sip_put(&b, realm);
    sip_put(&b, SIP_STR(":"));
    sip_put(&b, password);
    if (b.overflow)
        return -EMSGSIZE;
    memcpy(ret_ha1->md5, hash_of(ops, SIP_MD5, sip_buf_str(&b)).text, sizeof(ret_ha1->md5));
    memcpy(ret_ha1->sha256, hash_of(ops, SIP_SHA256, sip_buf_str(&b)).text,
           sizeof(ret_ha1->sha256));
    return 0;
}

/* ---- the other side --------------------------------------------------------- */

/* True when qop-options offers auth, or when the challenge has none. */
static bool offers_auth(struct sip_str qop)
{
    struct sip_str value;

    if (sip_str_empty(qop))
        return true;
    while (sip_list_next(&qop, &value)) {
        if (sip_str_eq_nocase(value, SIP_STR("auth")))
            return true;
    }
    return false;
}

static void put_quoted(struct sip_buf *b, const char *name, struct sip_str value)
{
    sip_put_text(b, name);
    sip_put(b, SIP_STR("=\""));
    sip_put_value(b, value);
    sip_put(b, SIP_STR("\""));
}

int sip_digest_answer(const struct digest_ops *ops, const struct sip_digest_params *challenge,
                      enum sip_method method, struct sip_str uri, struct sip_str user,
                      const struct sip_ha1 *ha1, struct sip_str cnonce, uint32_t nonce_count,
                      struct sip_buf *b)
{
    struct sip_digest_params p = {.nonce = challenge->nonce, .uri = uri, .cnonce = cnonce};
    bool qop = !sip_str_empty(challenge->qop);
    enum sip_digest_algorithm algorithm;
    struct sum_hex response;
    struct sip_str secret;
    char count[8];
    struct sip_buf nc;

    if (algorithm_of(challenge->algorithm, &algorithm) < 0 || !offers_auth(challenge->qop))
        return -ENOTSUP;
    secret = sip_str_of(algorithm == SIP_MD5 ? ha1->md5 : ha1->sha256);
    if (sip_str_empty(secret))
        return -ENOTSUP;
    sip_buf_init(&nc, count, sizeof(count));
    sip_put_hex(&nc, nonce_count, 8);
    p.nc = sip_buf_str(&nc);
    p.qop = qop ? SIP_STR("auth") : SIP_STR_NONE;
    if (response_of(ops, algorithm, secret, &p, sip_str_of(sip_method_name(method)), SIP_STR_NONE,
                    NULL, &response) < 0)
        return -EMSGSIZE;
    put_quoted(b, "Digest username", user);
    put_quoted(b, ", realm", challenge->realm);
    put_quoted(b, ", nonce", challenge->nonce);
    put_quoted(b, ", uri", uri);
    put_quoted(b, ", response", sip_str_of(response.text));
    if (!sip_str_empty(challenge->algorithm)) {
        sip_put_text(b, ", algorithm=");
        sip_put(b, challenge->algorithm);
    }
    if (!sip_str_empty(challenge->opaque))
        put_quoted(b, ", opaque", challenge->opaque);
    if (qop) {
        put_quoted(b, ", qop=auth, cnonce", cnonce);
        sip_put_text(b, ", nc=");
        sip_put(b, p.nc);
    }
    return sip_buf_status(b);
}
