/* endpoints - who talks to whom.  This table is the only place that says so: the code that opens
 * sockets (common/bus) is driven by it, and a connection or a message that it does not allow is
 * refused and counted.
 *
 * Every conversation is one ROUTER socket at the process that binds and one DEALER socket at each
 * process that connects (docs/decisions/0003-one-socket-pattern.md).
 *
 *   reach   LOCAL  ipc://<run-dir>/<name>.sock, same host only, guarded by the folder's permissions
 *           WIDE   tcp://<host address>:<ports.<name>>, CURVE, the client's key must be a host's
 *           BOTH   both of them
 *
 * Include with ENDPOINT defined; it is undefined at the end.
 */
/* clang-format off */
/*        name     lower    reach  bound by                      who may connect                                        meaning */
ENDPOINT( ROLE,    role,    LOCAL, P(HAMGR),                     P(SIPSERVER) | P(CONFPROXY) | P(STATSERVER) | P(DESKTOP), "hamgr orders roles, components report and beat" )
ENDPOINT( CONTROL, control, LOCAL, P(HAMGR) | P(ARBITER),        P(CLI),                                                "the operator's verbs" )
ENDPOINT( LEASE,   lease,   WIDE,  P(HAMGR) | P(ARBITER),        P(HAMGR) | P(ARBITER),                                 "votes, beats and evidence between hosts and the arbiter" )
ENDPOINT( CONFIG,  config,  LOCAL, P(CONFPROXY),                 P(SIPSERVER) | P(STATSERVER) | P(DESKTOP) | P(HAMGR) | P(CLI), "configuration: get, watch, write" )
ENDPOINT( LOG,     log,     WIDE,  P(CONFPROXY),                 P(CONFPROXY),                                          "configuration log: copies follow the writer, writes go to it" )
ENDPOINT( AGENT,   agent,   LOCAL, P(SIPSERVER),                 P(DESKTOP),                                            "agent requests and agent events" )
ENDPOINT( EVENTS,  events,  LOCAL, P(SIPSERVER),                 P(STATSERVER),                                         "call, queue, DN, agent and mode events: snapshot, then updates" )
ENDPOINT( STATS,   stats,   BOTH,  P(STATSERVER),                P(STATSERVER) | P(DESKTOP) | P(CLI),                   "statistics: snapshot, then updates" )
ENDPOINT( REPLICA, replica, WIDE,  P(SIPSERVER),                 P(SIPSERVER),                                          "state of a primary to its backup" )
ENDPOINT( CALLS,   calls,   LOCAL, P(SIPSERVER),                 P(CLI),                                                "calls that are up, and call records" )
/* clang-format on */
#undef ENDPOINT
