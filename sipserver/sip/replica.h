/* replica - transactions as records that a second stack can hold and go on from.
 *
 * A copy has the places of its primary (server and client transactions keep their ids) and its own
 * images; it is in no index and no timer is armed until sip_replica_adopt.  Both stacks must have
 * the same configuration and key.  The numbers of the fields are those of sf.ReplicaTransaction.
 */
#ifndef SIPSERVER_SIP_REPLICA_H
#define SIPSERVER_SIP_REPLICA_H

#include "common/record.h"
#include "sipserver/sip/transaction.h"

/* For record_walk: what a value means. */
enum sip_replica_use {
    REPLICA_NONE,
    REPLICA_MOMENT, /* mono_t */
    REPLICA_FLOW,   /* the connection of an address: of the host that it was at */
    REPLICA_OWNER,  /* of a transaction */
    REPLICA_OTHERS  /* the core's begin here */
};

extern const struct record_table sip_addr_record, sip_dialog_record, sip_txn_record;

struct pool *sip_replica_pool(struct sip_stack *s, bool server);

/* sip_replica_put - append T, timers and image included. */
void sip_replica_put(const struct sip_stack *s, const struct txn *t, struct record_buf *b,
                     bool copy);

/* sip_replica_get - T's record at HANDLE, instead of what was there; sip_replica_drop - nothing is
 * at INDEX any more.  Returns: 0; as record_get: nothing is there then. */
int sip_replica_get(struct sip_stack *s, bool server, handle_t handle, const void *p, size_t len);
void sip_replica_drop(struct sip_stack *s, bool server, uint32_t index);

/* sip_replica_unlink - T is in no index and has no timer: it is to be a copy of itself. */
void sip_replica_unlink(struct sip_stack *s, struct txn *t);

/* sip_replica_adopt - the copy becomes the stack's own: FN looks at each value that has a use and at
 * each timer (whose moment it makes ours); then indexes, timers and free places are made. */
void sip_replica_adopt(struct sip_stack *s, uint32_t ahead, record_fn *fn, void *arg);

#endif
