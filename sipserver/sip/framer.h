/* framer - cuts a stream (TCP, TLS) into messages by their Content-Length.
 *
 *     bytes ──> sip_framer_next ──> MESSAGE, PING, nothing yet, or: the stream cannot be cut
 *
 * It keeps no bytes: the caller hands in everything not yet used up, which begins where the last
 * answer ended and only grows at its end.  The framer remembers how far it has looked, so bytes
 * that trickle in one by one cost one look each.  After anything but a message or a ping the
 * boundaries are lost, and the connection must be closed (RFC 3261 18.3).
 */
#ifndef SIPSERVER_SIP_FRAMER_H
#define SIPSERVER_SIP_FRAMER_H

#include <stdbool.h>
#include <stddef.h>

enum sip_frame {
    SIP_FRAME_MORE,      /* not whole yet */
    SIP_FRAME_MESSAGE,   /* one message, *ret_used bytes long */
    SIP_FRAME_PING,      /* CR LF CR LF between messages: answer CR LF (RFC 5626 4.4.1) */
    SIP_FRAME_TOO_LARGE, /* longer than the most */
    SIP_FRAME_NO_LENGTH, /* without Content-Length (18.3: a stream needs one) */
    SIP_FRAME_BAD_LENGTH /* Content-Length is no number, or there are two that differ */
};

struct sip_framer {
    size_t max;     /* bytes of the longest message */
    size_t scanned; /* of the head: bytes looked at */
    size_t line;    /* where the line begins that they end in */
    size_t head;    /* length of the head of the message under way; 0: not known */
    size_t whole;   /* length of the message once its head is known; 0: not yet */
};

/* sip_framer_init - at the begin of a stream whose messages have at most MAX bytes. */
void sip_framer_init(struct sip_framer *f, size_t max);

/* sip_framer_next - what DATA begins with.
 *
 * *RET_USED bytes are done with when the call returns, whatever it returns; with MESSAGE they are
 * the message.  Single line ends before a message are used up and not reported (7.5).
 */
enum sip_frame sip_framer_next(struct sip_framer *f, const char *data, size_t len,
                               size_t *ret_used);

/* sip_framer_idle - true when LEN bytes that are left over are not part of a message. */
bool sip_framer_idle(const char *data, size_t len);

/* sip_frame_text - what is wrong with the stream, for a log. */
const char *sip_frame_text(enum sip_frame frame);

#endif
