/* messages - every message type: its number on the wire, its protobuf type, the conversation it
 * belongs to and which way it goes.  The codec refuses a type that its conversation does not carry
 * in that direction.  Numbers are never reused.
 *
 * The conversation EVERY stands for all of them: the bus's own messages.
 *
 *   UP    from the process that connected to the one that bound
 *   DOWN  the other way      ANY  both
 *
 * Include with MESSAGE defined; it is undefined at the end.
 */
/* clang-format off */
/*       number name                 protobuf type (sf__x)   conversation  way */
MESSAGE(   1,  BUS_BEAT,             bus_beat,               EVERY,        ANY  )
MESSAGE(   2,  BUS_BYE,              bus_bye,                EVERY,        ANY  )
MESSAGE(  10,  ROLE_HELLO,           role_hello,             ROLE,         UP   )
MESSAGE(  11,  ROLE_ORDER,           role_order,             ROLE,         DOWN )
MESSAGE(  12,  ROLE_REPORT,          role_report,            ROLE,         UP   )
MESSAGE(  13,  CLUSTER_VIEW,         cluster_view,           ROLE,         DOWN )
MESSAGE(  14,  SOLO_REQUEST,         solo_request,           ROLE,         UP   )
MESSAGE(  20,  CONTROL_REQUEST,      control_request,        CONTROL,      UP   )
MESSAGE(  21,  CONTROL_REPLY,        control_reply,          CONTROL,      DOWN )
MESSAGE(  30,  VOTE_REQUEST,         vote_request,           LEASE,        ANY  )
MESSAGE(  31,  VOTE_REPLY,           vote_reply,             LEASE,        ANY  )
MESSAGE(  32,  VOTE_RELEASE,         release,                LEASE,        ANY  )
MESSAGE(  33,  HAM_BEAT,             ham_beat,               LEASE,        ANY  )
MESSAGE(  34,  HAND_OVER,            hand_over,              LEASE,        ANY  )
MESSAGE(  40,  CONF_GET,             conf_get,               CONFIG,       UP   )
MESSAGE(  41,  CONF_WATCH,           conf_watch,             CONFIG,       UP   )
MESSAGE(  42,  CONF_SNAPSHOT,        conf_snapshot,          CONFIG,       DOWN )
MESSAGE(  43,  CONF_UPDATE,          conf_update,            CONFIG,       DOWN )
MESSAGE(  44,  CONF_WRITE,           conf_write,             CONFIG,       UP   )
MESSAGE(  45,  CONF_WRITE_REPLY,     conf_write_reply,       CONFIG,       DOWN )
MESSAGE(  46,  CONF_STATUS_REQUEST,  conf_status_request,    CONFIG,       UP   )
MESSAGE(  47,  CONF_STATUS,          conf_status,            CONFIG,       DOWN )
MESSAGE(  50,  LOG_FOLLOW,           log_follow,             LOG,          UP   )
MESSAGE(  51,  LOG_SNAPSHOT,         log_snapshot,           LOG,          DOWN )
MESSAGE(  52,  LOG_ENTRY,            log_entry,              LOG,          DOWN )
MESSAGE(  53,  LOG_ACK,              log_ack,                LOG,          UP   )
MESSAGE(  54,  LOG_FORWARD,          log_forward,            LOG,          UP   )
MESSAGE(  55,  LOG_FORWARD_REPLY,    log_forward_reply,      LOG,          DOWN )
MESSAGE(  56,  LOG_BEAT,             log_beat,               LOG,          DOWN )
MESSAGE(  60,  AGENT_SUBSCRIBE,      agent_subscribe,        AGENT,        UP   )
MESSAGE(  61,  AGENT_REQUEST,        agent_request,          AGENT,        UP   )
MESSAGE(  62,  AGENT_REPLY,          agent_reply,            AGENT,        DOWN )
MESSAGE(  63,  AGENT_EVENT,          agent_event,            AGENT,        DOWN )
MESSAGE(  70,  EVENT_SUBSCRIBE,      event_subscribe,        EVENTS,       UP   )
MESSAGE(  71,  EVENT_BATCH,          event_batch,            EVENTS,       DOWN )
MESSAGE(  80,  STAT_SUBSCRIBE,       stat_subscribe,         STATS,        UP   )
MESSAGE(  81,  STAT_BATCH,           stat_batch,             STATS,        DOWN )
MESSAGE(  90,  CALLS_REQUEST,        calls_request,          CALLS,        UP   )
MESSAGE(  91,  CALLS_REPLY,          calls_reply,            CALLS,        DOWN )
MESSAGE( 100,  REPLICA_JOIN,         replica_join,           REPLICA,      UP   )
MESSAGE( 101,  REPLICA_REFUSED,      replica_refused,        REPLICA,      DOWN )
MESSAGE( 102,  REPLICA_BATCH,        replica_batch,          REPLICA,      DOWN )
MESSAGE( 103,  REPLICA_ACK,          replica_ack,            REPLICA,      UP   )
/* clang-format on */
#undef MESSAGE
