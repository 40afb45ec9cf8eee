/* view - what the load generator reads of a SIP message.  Written apart from the server's parser,
 * so that the server is not its own judge.  Nothing is copied: slices point into the message.
 *
 * It reads what servers send to a known client: header names in full, one line a header.
 */
#ifndef BENCH_VIEW_H
#define BENCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIEW_ECHO_MAX 16

struct slice {
    const char *p;
    size_t len;
};

struct view {
    unsigned status;     /* 0: a request */
    struct slice method; /* of the request, or of CSeq */
    struct slice uri;    /* of the request */
    uint32_t cseq;
    unsigned vias, record_routes, contacts;
    struct slice via, from, to, call_id, record_route, contact, max_forwards;
    struct slice authenticate[2];
    unsigned authenticates;
    struct slice body;
    unsigned echo_n; /* header lines that an answer repeats (RFC 3261 8.2.6.2), Record-Route too */
    struct slice echo[VIEW_ECHO_MAX];
    struct slice to_line; /* the To line, without its end */
};

/* view_read - false: no SIP message, or a needed header is absent, or Content-Length lies. */
bool view_read(struct view *v, const char *data, size_t len);

bool slice_is(struct slice s, const char *text);
bool slice_eq(struct slice a, struct slice b);
bool slice_has(struct slice s, const char *text);

/* slice_after - what follows MARK up to one of the characters of ENDS, or the end.  Empty: no MARK.
 */
struct slice slice_after(struct slice s, const char *mark, const char *ends);

/* slice_number - of decimal digits at the beginning of S; -1: none. */
long slice_number(struct slice s);

/* slice_copy - false: does not fit. */
bool slice_copy(struct slice s, char *to, size_t size);

#endif
