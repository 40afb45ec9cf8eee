/* bus_refused - why the bus refuses a message or a connection.
 * Include with BUS_REFUSED defined; it is undefined at the end. */
/* clang-format off */
/*           name       counter               text */
BUS_REFUSED( KEY,       "refused-key",        "the key belongs to no host of this deployment" )
BUS_REFUSED( MALFORMED, "refused-malformed",  "the codec refused it" )
BUS_REFUSED( WAY,       "refused-way",        "message type unknown, or not allowed in this conversation and direction" )
BUS_REFUSED( CLUSTER,   "refused-cluster",    "of another cluster" )
BUS_REFUSED( HOST,      "refused-host",       "the host or site that it names is not the one that sent it" )
BUS_REFUSED( PROCESS,   "refused-process",    "its process may not take part in this conversation" )
BUS_REFUSED( IDENTITY,  "refused-identity",   "the sender of this connection was another process before" )
BUS_REFUSED( BOOT,      "refused-boot",       "of an earlier start of its process" )
BUS_REFUSED( SEQUENCE,  "refused-sequence",   "repeated: its sequence number has been seen" )
BUS_REFUSED( SESSION,   "refused-session",    "messages before it are missing; the conversation starts afresh" )
BUS_REFUSED( EPOCH,     "refused-epoch",      "of an epoch lower than one seen from the same process" )
BUS_REFUSED( PEERS,     "refused-peers",      "too many processes are connected" )
/* clang-format on */
#undef BUS_REFUSED
