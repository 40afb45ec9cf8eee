#include "sipserver/core/sdp.h"

#include <errno.h>
#include <string.h>

#define VERSION_MAX (UINT64_MAX / 2)

/* The next line of *REST without its end.  False: there is none. */
static bool next_line(struct sip_str *rest, struct sip_str *ret_line)
{
    const char *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->p, '\n', rest->len);
    *ret_line = (struct sip_str){rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    rest->p += ret_line->len + (end != NULL ? 1 : 0);
    rest->len -= ret_line->len + (end != NULL ? 1 : 0);
    if (ret_line->len > 0 && ret_line->p[ret_line->len - 1] == '\r')
        ret_line->len--;
    return true;
}

static bool is(struct sip_str line, char type)
{
    return line.len >= 2 && line.p[0] == type && line.p[1] == '=';
}

/* LINE is a direction; false: it is something else. */
static bool direction(struct sip_str line, unsigned *ret_direction)
{
    static const struct {
        const char *line;
        unsigned direction;
    } words[] = {{"a=sendrecv", SDP_BOTH},
                 {"a=sendonly", SDP_SEND},
                 {"a=recvonly", SDP_RECV},
                 {"a=inactive", 0}};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sip_str_eq(line, sip_str_of(words[i].line))) {
            *ret_direction = words[i].direction;
            return true;
        }
    return false;
}

static const char *direction_line(unsigned direction)
{
    static const char *const lines[] = {"a=inactive", "a=sendonly", "a=recvonly", "a=sendrecv"};

    return lines[direction & SDP_BOTH];
}

/* The direction of the section that REST begins with, up to the next m= line. */
static unsigned section_direction(struct sip_str rest, unsigned otherwise)
{
    struct sip_str line;
    unsigned found = otherwise;

    while (next_line(&rest, &line) && !is(line, 'm'))
        (void)direction(line, &found);
    return found;
}

/* ---- the origin ---- */

static bool next_word(struct sip_str *rest, struct sip_str *ret_word)
{
    const char *end = rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;

    *ret_word = (struct sip_str){rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    rest->p += ret_word->len + (end != NULL ? 1 : 0);
    rest->len -= ret_word->len + (end != NULL ? 1 : 0);
    return ret_word->len > 0;
}

static bool read_version(struct sip_str text, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || value > VERSION_MAX / 10)
            return false;
        value = value * 10 + (uint64_t)(text.p[i] - '0');
    }
    *ret = value;
    return text.len > 0;
}

int sdp_origin_read(struct sip_str body, struct sdp_origin *ret_origin)
{
    struct sdp_origin o = {.known = true};
    struct sip_str line, rest, user, id, version;

    while (next_line(&body, &line) && !is(line, 'm')) {
        if (!is(line, 'o'))
            continue;
        rest = (struct sip_str){line.p + 2, line.len - 2};
        if (!next_word(&rest, &user) || !next_word(&rest, &id) || !next_word(&rest, &version) ||
            !read_version(version, &o.version) || rest.len == 0 || rest.len >= sizeof(o.where) ||
            user.len + 1 + id.len >= sizeof(o.who))
            return -EINVAL;
        memcpy(o.who, user.p, (size_t)(id.p + id.len - user.p));
        memcpy(o.where, rest.p, rest.len);
        *ret_origin = o;
        return 0;
    }
    return -EINVAL;
}

static void put_line(struct sip_buf *b, struct sip_str line)
{
    sip_put(b, line);
    sip_put_text(b, "\r\n");
}

static void put_origin(struct sip_buf *b, struct sip_str line, const struct sdp_origin *o)
{
    if (o == NULL) {
        put_line(b, line);
        return;
    }
    sip_put_text(b, "o=");
    sip_put_text(b, o->who);
    sip_put_text(b, " ");
    sip_put_number(b, o->version);
    sip_put_text(b, " ");
    sip_put_text(b, o->where);
    sip_put_text(b, "\r\n");
}

/* ---- writing ---- */

int sdp_write(struct sip_buf *b, struct sip_str body, const struct sdp_origin *origin,
              unsigned allowed)
{
    unsigned session = section_direction(body, SDP_BOTH), ignored;
    bool had_origin = false;
    struct sip_str line;

    while (next_line(&body, &line)) {
        if (is(line, 'o')) {
            put_origin(b, line, origin);
            had_origin = true;
        } else if (allowed == SDP_BOTH || !direction(line, &ignored)) {
            put_line(b, line);
        }
        if (allowed != SDP_BOTH && is(line, 'm')) { /* b=, k= and i= of the stream come before a= */
            unsigned own = section_direction(body, session);
            struct sip_str ahead = body, next;

            while (next_line(&ahead, &next) && !is(next, 'm') && !is(next, 'a')) {
                put_line(b, next);
                body = ahead;
            }
            sip_put_text(b, direction_line(own & allowed));
            sip_put_text(b, "\r\n");
        }
    }
    return had_origin ? 0 : -EINVAL;
}

bool sdp_holds(struct sip_str body)
{
    unsigned session = section_direction(body, SDP_BOTH);
    bool any = false;
    struct sip_str line;

    while (next_line(&body, &line)) {
        if (!is(line, 'm'))
            continue;
        any = true;
        if ((section_direction(body, session) & SDP_RECV) != 0)
            return false;
    }
    return any;
}

/* The next line of *REST that says where a stream is, without its codecs: "c=", "m=audio 4000". */
static bool next_place(struct sip_str *rest, struct sip_str *ret_place)
{
    struct sip_str line, words, word;

    while (next_line(rest, &line)) {
        if (is(line, 'c')) {
            *ret_place = line;
            return true;
        }
        if (!is(line, 'm'))
            continue;
        words = line;
        (void)next_word(&words, &word);
        (void)next_word(&words, &word);
        *ret_place = (struct sip_str){line.p, (size_t)(word.p + word.len - line.p)};
        return true;
    }
    return false;
}

bool sdp_same_place(struct sip_str a, struct sip_str b)
{
    struct sip_str x, y;
    bool more, other;

    do {
        more = next_place(&a, &x);
        other = next_place(&b, &y);
        if (more != other || (more && !sip_str_eq(x, y)))
            return false;
    } while (more);
    return true;
}
