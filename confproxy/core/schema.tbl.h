/* schema - every field of every configuration object, with its kind and its range.  This table is
 * the only place that says so: import, export, validation and docs/configuration.md follow it.
 *
 *   type     OPTIONS, DN or AGENT; the first row of a type is its id
 *   yaml     name in a configuration file; wire: name in proto/config.proto
 *   kind     TEXT, TEXTS (a list), NUMBER, MS and S (durations), BOOL, TYPE and FORWARD (words),
 *            SECRET (hash, never shown in a log)
 *   min max  of a number or duration; of a text: its length; of a list: the most entries, and the
 *            length of the longest
 *   default  what holds when it is not set; where it is not 0, 0 cannot be set
 *   for      the DN types that have it (FOR_ALL for options and agents)
 *
 * Include with FIELD defined; it is undefined at the end.
 */
/* clang-format off */
/*     type     name                      yaml                        wire                         kind     min  max       default  for               meaning */
FIELD( OPTIONS, SITE,                     "site",                     "site",                      TEXT,    0,   63,       0,       FOR_ALL,          "the site that these options are for; none: every site" )
FIELD( OPTIONS, REALM,                    "realm",                    "realm",                     TEXT,    1,   127,      0,       FOR_ALL,          "digest realm of the phones' passwords; default: the cluster's name" )
FIELD( OPTIONS, DR_PEER_TRUNK,            "dr-peer-trunk",            "dr_peer_trunk",             TEXT,    1,   63,       0,       FOR_ALL,          "the trunk to the other site; its state decides the mode. Not set: STANDALONE" )
FIELD( OPTIONS, DR_FORWARD,               "dr-forward",               "dr_forward",                FORWARD, 1,   3,        1,       FOR_ALL,          "when a call is forwarded to the other site: off, no-agent or oos" )
FIELD( OPTIONS, DR_OOSP_TRANSFER_ENABLED, "dr-oosp-transfer-enabled", "dr_oosp_transfer_enabled",  BOOL,    0,   1,        1,       FOR_ALL,          "true: forward by 302 where the caller follows redirects; false: relay" )
FIELD( OPTIONS, OOS_CHECK,                "oos-check",                "oos_check_ms",              MS,      50,  3600000,  5000,    FOR_ALL,          "a trunk is asked with OPTIONS this often" )
FIELD( OPTIONS, OOS_FORCE,                "oos-force",                "oos_force_ms",              MS,      50,  3600000,  5000,    FOR_ALL,          "a trunk that has not answered for this long is out of service" )
FIELD( OPTIONS, RECOVERY_CHECKS,          "recovery-checks",          "recovery_checks",           NUMBER,  1,   100,      3,       FOR_ALL,          "good answers before a trunk is in service again" )
FIELD( OPTIONS, RECOVERY_TIMEOUT,         "recovery-timeout",         "recovery_timeout_ms",       MS,      50,  3600000,  30000,   FOR_ALL,          "the time over which they must come" )
FIELD( OPTIONS, RECOVERY_HOLD_MAX,        "recovery-hold-max",        "recovery_hold_max_ms",      MS,      50,  86400000, 300000,  FOR_ALL,          "the hold-down doubles up to this while a trunk flaps" )
FIELD( OPTIONS, REGISTRATION_EXPIRES_MAX, "registration-expires-max", "registration_expires_max_s",S,       5,   86400,    3600,    FOR_ALL,          "the longest registration granted" )
FIELD( OPTIONS, REGISTRATION_EXPIRES_MIN, "registration-expires-min", "registration_expires_min_s",S,       1,   3600,     10,      FOR_ALL,          "a shorter registration is refused with 423" )
FIELD( OPTIONS, RING_TIMEOUT,             "ring-timeout",             "ring_timeout_ms",           MS,      500, 600000,   20000,   FOR_ALL,          "an agent's phone rings this long, then the call goes back to its queue" )
FIELD( OPTIONS, ANSWER_TIMEOUT,           "answer-timeout",           "answer_timeout_ms",         MS,      500, 3600000,  180000,  FOR_ALL,          "any other target rings this long, then the next is tried, else the caller gets 480" )
FIELD( OPTIONS, TRUNK_TIMEOUT,            "trunk-timeout",            "trunk_timeout_ms",          MS,      500, 60000,    4000,    FOR_ALL,          "a trunk that says nothing to an INVITE for this long is given up, and the next one is tried" )
FIELD( OPTIONS, WRAP_UP,                  "wrap-up",                  "wrap_up_ms",                MS,      0,   3600000,  0,       FOR_ALL,          "after-call work" )
FIELD( OPTIONS, SESSION_EXPIRES,          "session-expires",          "session_expires_s",         S,       2,   86400,    1800,    FOR_ALL,          "a call whose party has not been heard of for this long is released (RFC 4028)" )
FIELD( OPTIONS, MIN_SE,                   "min-se",                   "min_se_s",                  S,       1,   86400,    90,      FOR_ALL,          "a party that asks for a shorter session-expires is refused with 422; RFC 4028 wants at least 90s" )
FIELD( OPTIONS, LOGOUT_GRACE,             "logout-grace",             "logout_grace_ms",           MS,      100, 3600000,  60000,   FOR_ALL,          "an agent whose phone is out of service when the site becomes PEERED stays logged in this long" )
FIELD( OPTIONS, CONTACTS_MAX,             "contacts-max",             "contacts_max",              NUMBER,  1,   8,        8,       FOR_ALL,          "phones registered under one number" )
FIELD( OPTIONS, LOCKOUT_REFUSALS,         "lockout-refusals",         "lockout_refusals",          NUMBER,  1,   1000000,  10,      FOR_ALL,          "so many wrong passwords within lockout-window lock an address out of a number, ten times as many out of all" )
FIELD( OPTIONS, LOCKOUT_WINDOW,           "lockout-window",           "lockout_window_ms",         MS,      1000,3600000,  60000,   FOR_ALL,          "the time over which wrong passwords add up" )
FIELD( OPTIONS, LOCKOUT_TIME,             "lockout-time",             "lockout_time_ms",           MS,      1000,86400000, 300000,  FOR_ALL,          "an address is locked out this long" )
FIELD( OPTIONS, DNS_MAX,                  "dns-max",                  "dns_max",                   NUMBER,  1,   1000000,  50000,   FOR_ALL,          "DNs known" )
FIELD( OPTIONS, SIP_T1,                   "sip-t1",                   "sip_t1_ms",                 MS,      20,  5000,     500,     FOR_ALL,          "round-trip estimate of RFC 3261 section 17" )
FIELD( OPTIONS, CALLS_MAX,                "calls-max",                "calls_max",                 NUMBER,  1,   1000000,  10000,   FOR_ALL,          "calls at once; the next is refused with 503" )
FIELD( OPTIONS, REGISTRATIONS_MAX,        "registrations-max",        "registrations_max",         NUMBER,  1,   1000000,  100000,  FOR_ALL,          "registered contacts at once" )
FIELD( OPTIONS, TRANSACTIONS_MAX,         "transactions-max",         "transactions_max",          NUMBER,  1,   4000000,  50000,   FOR_ALL,          "SIP transactions at once" )
FIELD( OPTIONS, AGENTS_MAX,               "agents-max",               "agents_max",                NUMBER,  1,   1000000,  5000,    FOR_ALL,          "agents known" )
FIELD( OPTIONS, RECORDS_KEEP,             "records-keep",             "records_keep_s",            S,       60,  315360000,7776000, FOR_ALL,          "call records are kept this long" )
FIELD( OPTIONS, RECORDS_SIZE_MAX,         "records-size-max",         "records_size_max_mib",      NUMBER,  1,   32768,    1024,    FOR_ALL,          "call records kept, in MiB; the oldest go first. Their file is about twice as large" )
FIELD( OPTIONS, RECORDS_QUEUE_MAX,        "records-queue-max",        "records_queue_max",         NUMBER,  10,  1000000,  50000,   FOR_ALL,          "call records that may wait for the disk; the next is lost, and counted" )
FIELD( OPTIONS, RECORDS_SYNC,             "records-sync",             "records_sync_ms",           MS,      1,   60000,    100,     FOR_ALL,          "call records are put on disk this often" )
FIELD( OPTIONS, EVENTS_GATHER,           "events-gather",            "events_gather_ms",          MS,      1,   1000,     20,      FOR_ALL,          "events for Stat Servers are gathered this long, then sent together" )
FIELD( OPTIONS, CONNECTIONS_MAX,          "connections-max",          "connections_max",           NUMBER,  1,   100000,   10000,   FOR_ALL,          "TCP and TLS connections at once; the next is closed" )
FIELD( OPTIONS, CONNECTIONS_PER_SOURCE,   "connections-per-source-max","connections_per_source_max",NUMBER, 1,   100000,   1000,    FOR_ALL,          "the same from one address; phones behind one NAT share one" )
FIELD( OPTIONS, CONNECTION_IDLE,          "connection-idle",          "connection_idle_ms",        MS,      1000,86400000, 3900000, FOR_ALL,          "a connection over which nothing has come for this long is closed" )
FIELD( OPTIONS, CONNECTION_PATIENCE,      "connection-patience",      "connection_patience_ms",    MS,      100, 300000,   10000,   FOR_ALL,          "a connection must open, bring its first message, and bring a message whole within this time" )
FIELD( OPTIONS, CONNECTION_KEEPALIVE,     "connection-keepalive",     "connection_keepalive_ms",   MS,      1000,7200000,  60000,   FOR_ALL,          "the other end is probed after this long of silence (TCP keep-alive)" )
FIELD( OPTIONS, CONNECTION_OUTPUT_MAX,    "connection-output-max",    "connection_output_max",     NUMBER,  8192,16777216, 262144,  FOR_ALL,          "bytes that may wait for a peer that does not read; then its connection is closed" )
FIELD( OPTIONS, CONFIG_ACK_TIMEOUT,       "config-ack-timeout",       "config_ack_timeout_ms",     MS,      10,  60000,    2000,    FOR_ALL,          "the writer waits so long for the other host of its pair, then says that it did not answer" )
FIELD( OPTIONS, CONFIG_CATCH_UP_WAIT,     "config-catch-up-wait",     "config_catch_up_wait_ms",   MS,      10,  60000,    1000,    FOR_ALL,          "a new writer waits so long to hear from every other host" )
FIELD( OPTIONS, CONFIG_BEAT_INTERVAL,     "config-beat-interval",     "config_beat_interval_ms",   MS,      10,  10000,    300,     FOR_ALL,          "copies tell each other this often what they hold; four times that without a word is silence" )
FIELD( OPTIONS, CONFIG_LOG_MAX,           "config-log-max",           "config_log_max",            NUMBER,  10,  1000000,  10000,   FOR_ALL,          "transactions kept, so that a copy that was away gets only what it missed" )
FIELD( OPTIONS, CONFIG_PENDING_MAX,       "config-pending-max",       "config_pending_max",        NUMBER,  1,   1000,     64,      FOR_ALL,          "writes that may wait for the other host of the pair; the next is refused" )

FIELD( DN,      NUMBER,                   "number",                   "number",                    TEXT,    1,   63,       0,       FOR_ALL,          "unique; the name of a trunk or service" )
FIELD( DN,      TYPE,                     "type",                     "type",                      TYPE,    1,   5,        0,       FOR_ALL,          "extension, acd-queue, routing-point, trunk or service" )
FIELD( DN,      DISPLAY_NAME,             "display-name",             "display_name",              TEXT,    1,   127,      0,       FOR_ALL,          "shown to people" )
FIELD( DN,      DIGEST_USER,              "digest-user",              "digest_user",               TEXT,    1,   63,       0,       FOR_EXTENSION,    "user name of the phone's account; default: the number" )
FIELD( DN,      HA1_MD5,                  "ha1-md5",                  "ha1_md5",                   SECRET,  32,  32,       0,       FOR_EXTENSION,    "hash of digest user, realm and password (RFC 2617), hex" )
FIELD( DN,      HA1_SHA256,               "ha1-sha256",               "ha1_sha256",                SECRET,  64,  64,       0,       FOR_EXTENSION,    "the same with SHA-256 (RFC 8760), hex" )
FIELD( DN,      TARGETS,                  "targets",                  "targets",                   TEXTS,   8,   63,       0,       FOR_ROUTING_POINT,"numbers that are tried, in order" )
FIELD( DN,      CONTACT,                  "contact",                  "contact",                   TEXT,    5,   255,      0,       FOR_FAR,          "SIP URI of the other end" )
FIELD( DN,      PREFIXES,                 "prefixes",                 "prefixes",                  TEXTS,   16,  23,       0,       FOR_TRUNK,        "numbers that begin so leave through this trunk" )
FIELD( DN,      DR_FORWARD,               "dr-forward",               "dr_forward",                FORWARD, 1,   3,        0,       FOR_REACHED,      "overrides the option for this DN" )
FIELD( DN,      OOS_CHECK,                "oos-check",                "oos_check_ms",              MS,      50,  3600000,  0,       FOR_FAR,          "overrides the option for this DN" )
FIELD( DN,      OOS_FORCE,                "oos-force",                "oos_force_ms",              MS,      50,  3600000,  0,       FOR_FAR,          "overrides the option for this DN" )
FIELD( DN,      RECOVERY_TIMEOUT,         "recovery-timeout",         "recovery_timeout_ms",       MS,      50,  3600000,  0,       FOR_FAR,          "overrides the option for this DN" )
FIELD( DN,      FOLLOWS_REDIRECT,         "follows-redirect",         "follows_redirect",          BOOL,    0,   1,        0,       FOR_TRUNK,        "true: a 302 works there, calls are forwarded by it" )
FIELD( DN,      PRIORITY,                 "priority",                 "priority",                  NUMBER,  0,   65535,    0,       FOR_TRUNK,        "of the trunks for a number the lowest is tried first; default: 0" )
FIELD( DN,      WEIGHT,                   "weight",                   "weight",                    NUMBER,  1,   65535,    0,       FOR_TRUNK,        "trunks of one priority share the calls by weight (RFC 2782); default: 1" )
FIELD( DN,      CALLS_MAX,                "calls-max",                "calls_max",                 NUMBER,  1,   1000000,  0,       FOR_TRUNK,        "calls at once, in both directions; default: no limit but the option" )
FIELD( DN,      CALLS_IN_MAX,             "calls-in-max",             "calls_in_max",              NUMBER,  1,   1000000,  0,       FOR_TRUNK,        "of these, calls that come in by it" )
FIELD( DN,      CALLS_OUT_MAX,            "calls-out-max",            "calls_out_max",             NUMBER,  1,   1000000,  0,       FOR_TRUNK,        "of these, calls that go out by it" )
FIELD( DN,      SOURCES,                  "sources",                  "sources",                   TEXTS,   8,   43,       0,       FOR_TRUNK,        "networks that its requests may come from besides its contact, \"192.0.2.0/24\"" )
FIELD( DN,      QUEUE_SIZE_MAX,           "queue-size-max",           "queue_size_max",            NUMBER,  1,   1000000,  0,       FOR_ACD_QUEUE,    "calls that may wait; default: no limit but calls-max" )
FIELD( DN,      QUEUE_WAIT_MAX,           "queue-wait-max",           "queue_wait_max_ms",         MS,      100, 86400000, 0,       FOR_ACD_QUEUE,    "a call that has waited this long is ended; default: never" )
FIELD( DN,      SITES,                    "sites",                    "sites",                     TEXTS,   8,   31,       0,       FOR_ALL,          "the sites where it exists; none: every site" )

FIELD( AGENT,   ID,                       "id",                       "id",                        TEXT,    1,   63,       0,       FOR_ALL,          "login name, unique" )
FIELD( AGENT,   NAME,                     "name",                     "name",                      TEXT,    1,   127,      0,       FOR_ALL,          "shown to people" )
FIELD( AGENT,   PASSWORD_HASH,            "password-hash",            "password_hash",             SECRET,  20,  255,      0,       FOR_ALL,          "scrypt$N$r$p$salt$hash" )
FIELD( AGENT,   DN,                       "dn",                       "dn",                        TEXT,    1,   63,       0,       FOR_ALL,          "the agent's own extension; not set: named at each login" )
FIELD( AGENT,   QUEUES,                   "queues",                   "queues",                    TEXTS,   8,   63,       0,       FOR_ALL,          "the queues that the agent serves" )
/* clang-format on */
#undef FIELD
