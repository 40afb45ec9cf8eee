/* message - one SIP message cut into slices, without copying and without keeping anything.
 *
 *   datagram ── start line ── header table (slices, in order) ── body
 *                                │
 *                                └─ From, To, Call-ID, CSeq, top Via, Request-URI decoded at once,
 *                                   because every message needs them; the rest on demand (fields.h)
 *
 * All slices point into the caller's datagram.  A folded line stays folded in its slice: its CR LF
 * is white space to every field machine, and build.h writes it as one space.
 */
#ifndef SIPSERVER_SIP_MESSAGE_H
#define SIPSERVER_SIP_MESSAGE_H

#include "sipserver/sip/fields.h"
#include "sipserver/sip/limits.h"
#include "sipserver/sip/str.h"

enum sip_method {
    SIP_METHOD_OTHER, /* a method that we do not know; see method_name */
#define METHOD(name, target, source) SIP_##name,
#include "sipserver/sip/methods.tbl.h"
    SIP_METHODS
};

enum sip_header_id {
    SIP_H_OTHER, /* a header that we do not know; see its name */
#define HEADER(id, name, compact, kind, source) SIP_H_##id,
#include "sipserver/sip/headers.tbl.h"
    SIP_HEADER_IDS
};

enum sip_problem {
    SIP_OK,
#define PROBLEM(id, status, text, source) SIP_BAD_##id,
#include "sipserver/sip/errors.tbl.h"
    SIP_PROBLEMS
};

struct sip_header {
    enum sip_header_id id;
    struct sip_str name;
    struct sip_str value; /* trimmed; may contain folds */
};

struct sip_msg {
    struct sip_str raw;     /* the datagram */
    bool is_request;        /* else a response */
    enum sip_method method; /* of the request; of a response: its CSeq method */

    struct sip_str method_name; /* request */
    struct sip_str uri_text;    /* request */
    struct sip_uri uri;         /* request */
    unsigned status;            /* response: 100 to 699 */
    struct sip_str reason;      /* response */

    struct sip_via via; /* topmost */
    struct sip_party from;
    struct sip_party to;
    struct sip_str call_id;
    struct sip_cseq cseq;
    int max_forwards; /* -1: header absent */

    struct sip_str body;

    unsigned headers_n;
    uint8_t first[SIP_HEADER_IDS]; /* 1 + index in headers[] of the first of its kind; 0: none */
    struct sip_header headers[SIP_HEADERS_MAX];
};

/* sip_msg_parse - cut LEN bytes at DATA into *ret_msg.
 *
 * Returns: SIP_OK; else the first problem found.  *ret_msg then holds what could be read, so that
 *          sip_msg_answerable may allow an error response.
 * Source:  RFC 3261 7, 18.3, 25.1; RFC 3261 8.1.1 for the headers that must be there.
 */
enum sip_problem sip_msg_parse(const char *data, size_t len, struct sip_msg *ret_msg);

/* sip_msg_answerable - true when a message with a problem can still be answered: it is a request
 * other than ACK, and has a Via.  What it lacks or has in an unreadable form the response goes
 * without, or copies as it is (RFC 4475 3.1.2.1, 3.3.1).
 */
bool sip_msg_answerable(const struct sip_msg *m);

const char *sip_problem_text(enum sip_problem problem);
unsigned sip_problem_status(enum sip_problem problem); /* 0 for SIP_OK */

enum sip_method
sip_method_find(struct sip_str name); /* SIP_METHOD_OTHER when unknown; case matters */
const char *sip_method_name(enum sip_method method);
bool sip_method_refreshes_target(enum sip_method method);

enum sip_header_id
sip_header_find(struct sip_str name); /* full or compact name, case does not matter */
struct sip_str sip_header_prefix(enum sip_header_id id); /* "Name: ", as a line begins */

/* sip_msg_header - the first header of that kind; NULL when there is none.
 * sip_msg_header_next - the next one of the same kind after H; NULL at the end. */
const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id);
const struct sip_header *sip_msg_header_next(const struct sip_msg *m, const struct sip_header *h);

/* sip_msg_value - value of the first header of that kind; empty when there is none. */
struct sip_str sip_msg_value(const struct sip_msg *m, enum sip_header_id id);

/* Iteration over the values of a LIST header, across lines and commas, in order:
 *
 *     struct sip_values it = sip_values(m, SIP_H_CONTACT);
 *     struct sip_str one;
 *     while (sip_values_next(&it, &one)) ...
 */
struct sip_values {
    const struct sip_msg *msg;
    const struct sip_header *header;
    struct sip_str rest;
};
struct sip_values sip_values(const struct sip_msg *m, enum sip_header_id id);
bool sip_values_next(struct sip_values *it, struct sip_str *ret_value);

/* sip_msg_number - a header that is one number (Expires, Min-Expires, RSeq, Session-Expires ...);
 * parameters after ';' are allowed and ignored.
 * Returns: 0; -ENOENT no such header; -EINVAL not a number or above 2^32-1. */
int sip_msg_number(const struct sip_msg *m, enum sip_header_id id, uint32_t *ret_number);

/* sip_msg_has_token - true when a LIST header (Supported, Require, Allow ...) names TOKEN. */
bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, struct sip_str token);

#endif
