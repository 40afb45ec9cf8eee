/* again - a request of ours once more, with credentials (RFC 3261 22.2). */
#include <errno.h>
#include <string.h>

#include "sipserver/sip/transaction.h"

/* The text of T's request.  A client that has its answer gave it back a moment ago: it is whole as
 * long as nobody has taken its place. */
static struct sip_str sent(const struct sip_stack *s, const struct txn *t)
{
    const struct txn_images *images = &s->images[txn_image_size(t->image_was)];

    if (t->r.image_len > 0)
        return (struct sip_str){txn_image(s, t), t->r.image_len};
    if (t->image_was > 0 && images->free_n > 0 && images->free[images->free_n - 1] == t->image)
        return (struct sip_str){images->bytes + (size_t)t->image * images->each, t->image_was};
    return SIP_STR_NONE;
}

const struct sip_msg *sip_sent(struct sip_stack *s, uint64_t txn)
{
    const struct txn *t = txn_by_id(s, txn);
    struct sip_str text = t != NULL && !txn_is_server(t) ? sent(s, t) : SIP_STR_NONE;

    if (sip_str_empty(text) || sip_msg_parse(text.p, text.len, &s->own) != SIP_OK)
        return NULL;
    return &s->own;
}

static void put_via(struct sip_buf *b, const struct sip_via *via, struct sip_str branch)
{
    sip_put_text(b, "Via: SIP/2.0/");
    sip_put(b, via->transport_text);
    sip_put_text(b, " ");
    sip_put(b, via->host);
    if (via->port != 0) {
        sip_put_text(b, ":");
        sip_put_number(b, via->port);
    }
    sip_put_text(b, ";branch=");
    sip_put(b, branch);
    sip_put_text(b, ";rport\r\n");
}

static bool replaced(enum sip_header_id id, const struct sip_extra *credentials)
{
    return id == SIP_H_VIA || id == SIP_H_CSEQ || id == credentials->id;
}

static int build(struct sip_buf *b, const struct sip_msg *m, struct sip_str branch, uint32_t cseq,
                 const struct sip_extra *credentials)
{
    sip_put(b, m->method_name);
    sip_put_text(b, " ");
    sip_put(b, m->uri_text);
    sip_put_text(b, " SIP/2.0\r\n");
    put_via(b, &m->via, branch);
    for (unsigned i = 0; i < m->headers_n; i++) {
        const struct sip_header *h = &m->headers[i];

        if (replaced(h->id, credentials))
            continue;
        sip_put(b, h->name);
        sip_put_text(b, ": ");
        sip_put(b, h->value);
        sip_put_text(b, "\r\n");
    }
    sip_put_text(b, "CSeq: ");
    sip_put_number(b, cseq);
    sip_put_text(b, " ");
    sip_put(b, m->method_name);
    sip_put_text(b, "\r\n");
    sip_put(b, sip_header_prefix(credentials->id));
    sip_put(b, credentials->value);
    sip_put_text(b, "\r\n\r\n");
    sip_put(b, m->body);
    return sip_buf_status(b);
}

int sip_request_again(struct sip_stack *s, mono_t now, uint64_t txn, uint32_t cseq,
                      const struct sip_extra *credentials, struct sip_out *out, uint64_t *ret_txn)
{
    const struct txn *before = txn_by_id(s, txn);
    const struct sip_msg *m = sip_sent(s, txn);
    struct sip_token token;
    char text[SIP_TOKEN_MAX];
    struct sip_str branch;
    struct sip_buf b;
    struct txn *t;

    if (m == NULL)
        return -ENOENT;
    token = (struct sip_token){s->conf.epoch, before->r.owner, s->conf.serial++};
    branch = sip_token_make(s->conf.key, SIP_TOKEN_BRANCH, token, text);
    sip_buf_init(&b, s->scratch, s->conf.message_max);
    if (build(&b, m, branch, cseq, credentials) < 0) {
        s->counts[SIP_N_TOO_LARGE]++;
        return -EMSGSIZE;
    }
    t = txn_new(s, m->method == SIP_INVITE ? TXN_ICT : TXN_NCT, m->method, now, &before->r.peer);
    if (t == NULL)
        return -ENOBUFS;
    t->r.owner = before->r.owner;
    txn_keep(s, t, s->scratch, b.len);
    txn_index(s, t,
              txn_client_key(s, branch, sip_str_of(sip_method_name((enum sip_method)t->r.method))),
              0);
    txn_send(s, t, out);
    *ret_txn = txn_id(s, t);
    return 0;
}
