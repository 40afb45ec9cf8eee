/* replica_kinds - the kinds of objects of a copy.  Numbers are those on the wire (sf.ReplicaObject,
 * never reused); the order is that in which they are shipped: what others point at comes first.
 *
 * KIND(number, name, field of struct sc that is the pool, protobuf message, record table)
 *      an object of a pool, at the same place in both cores
 * NAMED(number, name, protobuf message)
 *      an object of the configuration: matched by its name when the copy is taken over
 */
#ifndef KIND
#define KIND(number, name, pool, message, table)
#endif
#ifndef NAMED
#define NAMED(number, name, message)
#endif
/* clang-format off */
NAMED( 1, MODE,      ReplicaMode)
NAMED( 2, DN,        ReplicaDn)
NAMED( 3, AGENT,     ReplicaAgent)
NAMED( 4, SERVER,    ReplicaTransaction) /* of the stack's pools */
NAMED( 5, CLIENT,    ReplicaTransaction)
KIND(  6, PATH,      paths,           ReplicaPath,        &path_record)
KIND(  7, BINDING,   bindings,        ReplicaBinding,     &binding_record)
KIND(  8, SDP_SMALL, sdps[SDP_SMALL], ReplicaSdp,         &sdp_small_record)
KIND(  9, SDP_LARGE, sdps[SDP_LARGE], ReplicaSdp,         &sdp_large_record)
KIND( 10, OFFER,     offers,          ReplicaOffer,       &offer_record)
KIND( 11, DATA,      datas,           ReplicaData,        &data_record)
KIND( 12, CAME,      came,            ReplicaCame,        &came_record)
KIND( 13, RELAY,     relays,          ReplicaRelay,       &relay_record)
KIND( 14, LEG,       legs,            ReplicaLeg,         &leg_record)
KIND( 15, CALL,      calls,           ReplicaCall,        &call_record)
/* clang-format on */
#undef KIND
#undef NAMED
