#include "sipserver/sip/replica.h"

#include <errno.h>
#include <string.h>

#define IMAGE_NUMBER 30 /* sf.ReplicaTransaction.image */

#define RECORD_OBJECT struct sip_addr
static const struct record_field addr_fields[] = {
    RECORD_NUMBER(1, family),
    RECORD_NUMBER(2, transport),
    RECORD_NUMBER(3, port),
    RECORD_NUMBER(4, local),
    RECORD_NUMBER(5, any_transport),
    RECORD_NUMBER(6, again),
    RECORD_BLOCK(7, ip),
    RECORD_FIELD(8, RECORD_T_NUMBER, REPLICA_FLOW, flow, .size = RECORD_SIZEOF(flow)),
};
#undef RECORD_OBJECT
const struct record_table sip_addr_record = RECORD_TABLE("ReplicaAddr", addr_fields);

static const void *get_text(const void *object, unsigned part, size_t *ret_len)
{
    struct sip_str s = sip_dialog_text(object, (enum sip_dialog_text)part);

    *ret_len = s.len;
    return s.p;
}

static int set_text(void *object, unsigned part, const void *bytes, size_t len)
{
    return sip_dialog_set(object, (enum sip_dialog_text)part, (struct sip_str){bytes, len});
}

static const struct record_parts texts = {get_text, set_text};

#define RECORD_OBJECT struct sip_dialog
static const struct record_field dialog_fields[] = {
    RECORD_NUMBER(1, state),
    RECORD_NUMBER(2, is_uac),
    RECORD_NUMBER(3, secure),
    RECORD_NUMBER(4, remote_cseq_known),
#if SC_MUTATION != 22 /* the CSeq begins again */
    RECORD_NUMBER(5, local_cseq),
#endif
    RECORD_NUMBER(6, invite_cseq),
    RECORD_NUMBER(7, remote_cseq),
    RECORD_PART(8, "call_id", SIP_DIALOG_CALL_ID, &texts),
    RECORD_PART(9, "local_tag", SIP_DIALOG_LOCAL_TAG, &texts),
    RECORD_PART(10, "remote_tag", SIP_DIALOG_REMOTE_TAG, &texts),
    RECORD_PART(11, "local", SIP_DIALOG_LOCAL, &texts),
    RECORD_PART(12, "remote", SIP_DIALOG_REMOTE, &texts),
    RECORD_PART(13, "target", SIP_DIALOG_TARGET, &texts),
    RECORD_PART(14, "routes", SIP_DIALOG_ROUTES, &texts),
};
#undef RECORD_OBJECT
const struct record_table sip_dialog_record = RECORD_TABLE("ReplicaDialog", dialog_fields);

#define RECORD_OBJECT struct sip_common
static const struct record_field common_fields[] = {
    RECORD_NUMBER(1, from), RECORD_NUMBER(2, tag),       RECORD_NUMBER(3, to_end),
    RECORD_NUMBER(4, end),  RECORD_NUMBER(5, wants_tag),
};
#undef RECORD_OBJECT
static const struct record_table common_record = RECORD_TABLE("ReplicaCommon", common_fields);

#define RECORD_OBJECT struct txn
static const struct record_field txn_fields[] = {
    RECORD_NUMBER(1, r.machine),
    RECORD_NUMBER(2, r.state),
    RECORD_NUMBER(3, r.method),
    RECORD_NUMBER(4, r.cancel_wanted),
    RECORD_NUMBER(5, r.elsewhere),
    RECORD_NUMBER(6, r.cancelled),
    RECORD_NUMBER(7, r.acknowledged),
    RECORD_NUMBER(8, r.internal),
    RECORD_NUMBER(9, r.unacknowledged),
    RECORD_NUMBER(10, r.status),
    RECORD_NUMBER(11, r.resend_ms),
    RECORD_FIXED(12, r.key, 0),
    RECORD_FIXED(13, r.merge_key, 0),
    RECORD_FIXED(14, r.owner, REPLICA_OWNER),
    RECORD_RECORD(15, r.peer, &sip_addr_record),
    RECORD_RECORD(16, r.common, &common_record),
    RECORD_TIMER(17, resend),
    RECORD_TIMER(18, life),
};
#undef RECORD_OBJECT
const struct record_table sip_txn_record = RECORD_TABLE("ReplicaTransaction", txn_fields);

struct pool *sip_replica_pool(struct sip_stack *s, bool server)
{
    return server ? &s->servers : &s->clients;
}

void sip_replica_put(const struct sip_stack *s, const struct txn *t, struct record_buf *b,
                     bool copy)
{
    record_put(b, &sip_txn_record, t, copy);
    if (t->r.image_len > 0)
        record_put_bytes(b, IMAGE_NUMBER, txn_image(s, t), t->r.image_len);
}

/* The image among the fields at P; nothing when the transaction needs none. */
static int get_image(struct sip_stack *s, struct txn *t, const unsigned char *p,
                     const unsigned char *end)
{
    struct record_item item;
    int r;

    while ((r = record_next(&p, end, &item)) > 0) {
        if (item.number != IMAGE_NUMBER || item.len == 0)
            continue;
        if (item.wire != 2)
            return -EBADMSG;
        if (item.len > s->conf.message_max)
            return -EMSGSIZE;
        txn_keep(s, t, item.bytes, item.len);
    }
    return r;
}

static bool plausible(const struct txn *t, bool server)
{
    const struct sip_common *c = &t->r.common;

    if (t->r.machine >= TXN_MACHINES || t->r.state >= TXN_TERMINATED ||
        txn_is_server(t) != server || t->life.due.ns == 0)
        return false;
    return !server || t->r.image_len == 0 ||
           (c->from <= c->to_end && c->to_end <= c->end && c->end <= t->r.image_len);
}

int sip_replica_get(struct sip_stack *s, bool server, handle_t handle, const void *p, size_t len)
{
    struct pool *pool = sip_replica_pool(s, server);
    struct txn *t = pool_at(pool, handle.index);
    int r;

    if (t != NULL)
        txn_drop_image(s, t);
    t = pool_place(pool, handle);
    timer_init(&t->resend, TXN_TIMER_RESEND);
    timer_init(&t->life, TXN_TIMER_LIFE);
    r = record_get(&sip_txn_record, t, p, len);
    if (r == 0)
        r = get_image(s, t, p, (const unsigned char *)p + len);
    if (r == 0 && !plausible(t, server))
        r = -EBADMSG;
    if (r != 0)
        sip_replica_drop(s, server, handle.index);
    return r;
}

void sip_replica_drop(struct sip_stack *s, bool server, uint32_t index)
{
    struct pool *pool = sip_replica_pool(s, server);
    struct txn *t = pool_at(pool, index);

    if (t == NULL)
        return;
    txn_drop_image(s, t);
    pool_clear_place(pool, index);
}

void sip_replica_unlink(struct sip_stack *s, struct txn *t)
{
    timer_cancel(&s->timers, &t->resend);
    timer_cancel(&s->timers, &t->life);
    hash_remove(&s->by_key, &t->by_key);
    if (txn_is_server(t))
        hash_remove(&s->by_merge, &t->by_merge);
}

static void adopt(struct sip_stack *s, struct txn *t, record_fn *fn, void *arg)
{
    mono_t resend, life;

    record_walk(&sip_txn_record, t, fn, arg);
    resend = t->resend.due;
    life = t->life.due;
    if (resend.ns != 0)
        timer_arm(&s->timers, &t->resend, resend);
    timer_arm(&s->timers, &t->life, life);
    (void)hash_put_number(&s->by_key, &t->by_key, t->r.key);
    if (txn_is_server(t)) /* the merge key of an older one may have been lost to a newer one */
        (void)hash_put_number(&s->by_merge, &t->by_merge, t->r.merge_key);
}

void sip_replica_adopt(struct sip_stack *s, uint32_t ahead, record_fn *fn, void *arg)
{
    for (int server = 0; server < 2; server++) {
        struct pool *pool = sip_replica_pool(s, server == 1);

        for (struct txn *t = NULL; (t = pool_next(pool, t)) != NULL;)
            adopt(s, t, fn, arg);
        pool_relist(pool, ahead);
    }
}
