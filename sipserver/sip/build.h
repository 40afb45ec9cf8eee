/* build - writes requests and responses into a caller's bounded buffer.
 *
 * A message that does not fit is an error, never a shortened message: the buffer remembers the
 * overflow and sip_buf_status tells at the end.
 */
#ifndef SIPSERVER_SIP_BUILD_H
#define SIPSERVER_SIP_BUILD_H

#include "sipserver/sip/addr.h"
#include "sipserver/sip/message.h"

struct sip_buf {
    char *data;
    size_t size;
    size_t len;
    bool overflow;
};

void sip_buf_init(struct sip_buf *b, char *data, size_t size);
static inline void sip_put(struct sip_buf *b, struct sip_str s)
{
    if (b->overflow || s.len > b->size - b->len) {
        b->overflow = true;
        return;
    }
    if (s.len > 0)
        memcpy(b->data + b->len, s.p, s.len);
    b->len += s.len;
}
static inline void sip_put_text(struct sip_buf *b, const char *text) /* terminated */
{
    sip_put(b, sip_str_of(text));
}
void sip_put_number(struct sip_buf *b, uint64_t number);
void sip_put_hex(struct sip_buf *b, uint64_t number,
                 unsigned digits);                       /* lower case, leading zeros */
void sip_put_value(struct sip_buf *b, struct sip_str s); /* folds become one space */
struct sip_str sip_buf_str(const struct sip_buf *b);
int sip_buf_status(const struct sip_buf *b); /* 0; -EMSGSIZE after an overflow */

/* One additional header line.  The value goes out as it is: the caller vouches for it. */
struct sip_extra {
    enum sip_header_id id;
    const char *name; /* used when id is SIP_H_OTHER */
    struct sip_str value;
};

struct sip_content {
    struct sip_str type; /* empty: no body */
    struct sip_str body;
};

/* A response to be built.  Zero-initialised fields are left out. */
struct sip_reply {
    unsigned status;
    const char *reason;     /* NULL: the usual phrase of the status */
    struct sip_str to_tag;  /* added when the request's To has none */
    bool other_fork;        /* TO_TAG replaces the tag of earlier responses to the same request */
    uint32_t rseq;          /* a 1xx that is sent reliably (RFC 3262); 0: it is not */
    uint32_t unpracked_ms;  /* with it: for so long others have waited for a PRACK in vain */
    struct sip_str contact; /* URI, written in angle brackets */
    const struct sip_extra *extras;
    unsigned extras_n;
    struct sip_content content;
};

/* sip_build_response - the response to M that R describes.
 *
 * M may be the request (SRC then gives received and rport, RFC 3261 18.2.1, RFC 3581 4) or an
 * earlier response to it (SRC NULL): Via, From, To, Call-ID, CSeq and Record-Route are copied
 * either way. Returns: 0; -EMSGSIZE.
 */
int sip_build_response(struct sip_buf *b, const struct sip_msg *m, const struct sip_addr *src,
                       const struct sip_reply *r);

/* What all responses to one request have alike, Via to Record-Route, as offsets in a response that
 * was built: the next one copies those bytes and reads nothing. */
struct sip_common {
    uint16_t from;   /* behind the status line */
    uint16_t tag;    /* where the tag of ours begins, or would */
    uint16_t to_end; /* before the end of the To line */
    uint16_t end;
    bool wants_tag; /* the To has no tag yet, and can have one */
};

/* sip_build_first - sip_build_response, and what the next one needs; b->size is at most 65535.
 * sip_build_next - one more response, after the one in BEFORE.  *COMMON is brought up to date.
 * Returns: 0; -EMSGSIZE, *COMMON untouched. */
int sip_build_first(struct sip_buf *b, const struct sip_msg *m, const struct sip_addr *src,
                    const struct sip_reply *r, struct sip_common *ret_common);
int sip_build_next(struct sip_buf *b, const char *before, const struct sip_reply *r,
                   struct sip_common *common);

/* A request to be built.  Zero-initialised fields are left out; max_forwards 0 means 70
 * unless LAST_HOP. */
struct sip_request {
    enum sip_method method;
    struct sip_str uri;
    struct sip_str route;      /* Route value, comma-separated; may be empty */
    struct sip_str route_last; /* a URI appended as the last Route (strict routers, 12.2.1.1) */
    struct sip_str from;       /* value without tag, "\"A\" <sip:a@x>" */
    struct sip_str from_tag;
    struct sip_str to;
    struct sip_str to_tag;
    struct sip_str call_id;
    uint32_t cseq;
    unsigned max_forwards;
    bool last_hop;          /* Max-Forwards: 0 */
    struct sip_str contact; /* URI, written in angle brackets */
    const struct sip_extra *extras;
    unsigned extras_n;
    struct sip_content content;
};

/* sip_build_request - R with one Via of ours: SENT_BY, TRANSPORT, BRANCH (with its magic cookie),
 * rport. Returns: 0; -EMSGSIZE. */
int sip_build_request(struct sip_buf *b, const struct sip_request *r, struct sip_str sent_by,
                      enum sip_transport transport, struct sip_str branch);

/* sip_build_ack - the ACK of a non-2xx final RESPONSE to the INVITE request (RFC 3261 17.1.1.3).
 * sip_build_cancel - the CANCEL of REQUEST (RFC 3261 9.1), with a Reason (RFC 3326) or an empty
 * one. */
int sip_build_ack(struct sip_buf *b, const struct sip_msg *invite, const struct sip_msg *response);
int sip_build_cancel(struct sip_buf *b, const struct sip_msg *request, struct sip_str reason);

/* sip_reply_addr - where the response to a request with this Via goes: RFC 3261 18.2.2, RFC 3581 4.
 * Always to the host that it came from: maddr, meant for multicast, would let a stranger have us
 * send to anybody.  A Via that could not be read names no port: to the port that it came from. */
struct sip_addr sip_reply_addr(const struct sip_via *via, const struct sip_addr *src);

const char *sip_status_text(unsigned status);

#endif
