#include "sipserver/sip/refusal.h"

#include "sipserver/sip/message.h"

static unsigned status_of(const struct sip_framer *f, enum sip_frame frame)
{
    switch (frame) {
    case SIP_FRAME_NO_LENGTH:
    case SIP_FRAME_BAD_LENGTH: return 400;
    case SIP_FRAME_TOO_LARGE: return f->head > f->max ? 513 : 413;
    case SIP_FRAME_MORE:
    case SIP_FRAME_MESSAGE:
    case SIP_FRAME_PING: break;
    }
    return 0;
}

static const char *reason_of(enum sip_frame frame)
{
    return frame == SIP_FRAME_NO_LENGTH    ? "Missing Content-Length"
           : frame == SIP_FRAME_BAD_LENGTH ? "Bad Content-Length"
                                           : NULL;
}

/* The same for each copy of a request (RFC 3261 8.2.7).  No dialog comes of it, so none must be
 * able to guess it: it is no secret. */
static struct sip_str tag_of(struct sip_str head, struct sip_buf *b)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < head.len; i++)
        sum = (sum ^ (unsigned char)head.p[i]) * UINT64_C(0x100000001b3);
    sip_put_hex(b, sum, 16);
    return sip_buf_str(b);
}

unsigned sip_refusal(const struct sip_framer *f, enum sip_frame frame, const char *data,
                     const struct sip_addr *src, struct sip_buf *b)
{
    struct sip_reply reply = {.status = status_of(f, frame), .reason = reason_of(frame)};
    struct sip_buf tag;
    struct sip_msg m;
    char text[16];

    if (f->head == 0 || reply.status == 0)
        return 0;
    (void)sip_msg_parse(data, f->head, &m); /* that something is wrong with it is known */
    if (!sip_msg_answerable(&m))
        return 0;
    sip_buf_init(&tag, text, sizeof(text));
    reply.to_tag = tag_of((struct sip_str){data, f->head}, &tag);
    return sip_build_response(b, &m, src, &reply) == 0 ? reply.status : 0;
}
