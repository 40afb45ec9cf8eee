/* commit - when the output of a primary may leave its host (output commit, docs/replication.md).
 * Include with STATE, EVENT, ROW and IGNORE defined as needed; all are undefined at the end. */
#ifndef STATE
#define STATE(name, meaning)
#endif
#ifndef EVENT
#define EVENT(name, meaning)
#endif
#ifndef ROW
#define ROW(from, event, guard, to, action, why, source)
#endif
#ifndef IGNORE
#define IGNORE(from, event, why, source)
#endif
/* clang-format off */
STATE( ALONE,      "no backup has followed since this host became primary: output leaves at once" )
STATE( COPYING,    "the copy of a backup is being made: output leaves at once" )
STATE( HOLDING,    "the backup has all of the copy: output waits for its acknowledgement" )
STATE( ASKING,     "output has waited too long, or the backup has gone: the right to go on without it is asked for; output waits" )
STATE( RESTARTING, "the backup begins its copy anew: output waits until it has let go of the one before" )
STATE( SOLO,       "primary without its backup, which the lease's voters know: output leaves at once" )

EVENT( JOIN,       "a backup asks for a copy" )
EVENT( WHOLE,      "the batch that makes the copy whole is sent" )
EVENT( ACKED,      "a batch is acknowledged" )
EVENT( OVERDUE,    "output has waited longer than replica-patience; or for its next part since the right was asked for" )
EVENT( FULL,       "more output waits than replica-hold-max" )
EVENT( GONE,       "the backup has gone, or cannot be sent to" )
EVENT( GRANTED,    "a role order says that this epoch is solo" )
EVENT( PLAIN,      "a role order says that it is not" )
EVENT( STOPPED,    "this host is primary no longer" )

/*      from        event    guard      to          action   why                                                      source */
ROW   ( ALONE,      JOIN,    always,    COPYING,    follow,  "a backup joins",                                        "H-9" )
IGNORE( ALONE,      WHOLE,                                   "nobody follows",                                        "" )
IGNORE( ALONE,      ACKED,                                   "of a backup that has gone",                             "" )
IGNORE( ALONE,      OVERDUE,                                 "nothing waits",                                         "" )
IGNORE( ALONE,      FULL,                                    "nothing waits",                                         "" )
IGNORE( ALONE,      GONE,                                    "nobody follows",                                        "" )
ROW   ( ALONE,      GRANTED, always,    SOLO,       none,    "went solo earlier in this epoch",                       "H-14" )
IGNORE( ALONE,      PLAIN,                                   "so it is",                                              "" )
IGNORE( ALONE,      STOPPED,                                 "nothing waits",                                         "" )

ROW   ( COPYING,    JOIN,    always,    COPYING,    follow,  "the backup begins anew",                                "H-9" )
ROW   ( COPYING,    WHOLE,   always,    HOLDING,    none,    "the copy is whole",                                     "H-9" )
IGNORE( COPYING,    ACKED,                                   "more is on its way",                                    "" )
IGNORE( COPYING,    OVERDUE,                                 "nothing waits",                                         "" )
IGNORE( COPYING,    FULL,                                    "nothing waits",                                         "" )
ROW   ( COPYING,    GONE,    recorded,  SOLO,       leave,   "the backup has gone while its copy was made",           "H-14" )
ROW   ( COPYING,    GONE,    always,    ALONE,      leave,   "the backup has gone while its copy was made",           "H-9" )
IGNORE( COPYING,    GRANTED,                                 "until the copy is whole",                               "" )
IGNORE( COPYING,    PLAIN,                                   "so it is",                                              "" )
ROW   ( COPYING,    STOPPED, always,    ALONE,      leave,   "this host is not primary",                              "H-1" )

ROW   ( HOLDING,    JOIN,    always,    RESTARTING, follow,  "the backup begins anew",                                "H-9" )
IGNORE( HOLDING,    WHOLE,                                   "it is",                                                 "" )
ROW   ( HOLDING,    ACKED,   to_end,    HOLDING,    end,     "the backup follows again",                              "H-14" )
IGNORE( HOLDING,    ACKED,                                   "what waited for it leaves",                             "" )
ROW   ( HOLDING,    OVERDUE, always,    ASKING,     ask,     "the backup does not acknowledge within replica-patience", "H-14" )
ROW   ( HOLDING,    FULL,    always,    ASKING,     ask,     "more output waits than replica-hold-max",               "H-14" )
ROW   ( HOLDING,    GONE,    always,    ASKING,     lost,    "the backup has gone",                                   "H-14" )
ROW   ( HOLDING,    GRANTED, to_end,    HOLDING,    end,     "the backup follows again",                              "H-14" )
IGNORE( HOLDING,    GRANTED,                                 "until the whole copy is acknowledged",                  "" )
IGNORE( HOLDING,    PLAIN,                                   "so it is",                                              "" )
ROW   ( HOLDING,    STOPPED, always,    ALONE,      leave,   "this host is not primary",                              "H-1" )

ROW   ( ASKING,     JOIN,    always,    RESTARTING, follow,  "the backup begins anew",                                "H-9" )
IGNORE( ASKING,     WHOLE,                                   "it is",                                                 "" )
ROW   ( ASKING,     ACKED,   not_whole, COPYING,    release, "the backup has let go of the copy before",              "H-9" )
ROW   ( ASKING,     ACKED,   well,      HOLDING,    end,     "the backup acknowledges again",                         "H-14" )
ROW   ( ASKING,     ACKED,   in_time,   HOLDING,    none,    "the backup acknowledges again",                         "H-14" )
IGNORE( ASKING,     ACKED,                                   "older output still waits",                              "" )
ROW   ( ASKING,     OVERDUE, always,    ASKING,     ask,     "asked again",                                           "H-14" )
IGNORE( ASKING,     FULL,                                    "asked already",                                         "" )
ROW   ( ASKING,     GONE,    always,    ASKING,     lost,    "the backup has gone",                                   "H-14" )
ROW   ( ASKING,     GRANTED, always,    SOLO,       solo,    "the backup does not acknowledge; the lease was renewed without it", "H-14" )
IGNORE( ASKING,     PLAIN,                                   "not yet",                                               "" )
ROW   ( ASKING,     STOPPED, always,    ALONE,      leave,   "this host is not primary",                              "H-1" )

ROW   ( RESTARTING, JOIN,    always,    RESTARTING, follow,  "the backup begins anew",                                "H-9" )
ROW   ( RESTARTING, WHOLE,   always,    HOLDING,    none,    "the copy is whole",                                     "H-9" )
ROW   ( RESTARTING, ACKED,   always,    COPYING,    release, "the backup has let go of the copy before",              "H-9" )
ROW   ( RESTARTING, OVERDUE, always,    ASKING,     ask,     "the backup does not acknowledge within replica-patience", "H-14" )
ROW   ( RESTARTING, FULL,    always,    ASKING,     ask,     "more output waits than replica-hold-max",               "H-14" )
ROW   ( RESTARTING, GONE,    always,    ASKING,     lost,    "the backup has gone",                                   "H-14" )
ROW   ( RESTARTING, GRANTED, always,    COPYING,    release, "the voters know that its copy is old",                  "H-14" )
IGNORE( RESTARTING, PLAIN,                                   "not yet",                                               "" )
ROW   ( RESTARTING, STOPPED, always,    ALONE,      leave,   "this host is not primary",                              "H-1" )

ROW   ( SOLO,       JOIN,    always,    COPYING,    follow,  "a backup joins",                                        "H-9" )
IGNORE( SOLO,       WHOLE,                                   "nobody follows",                                        "" )
IGNORE( SOLO,       ACKED,                                   "of a copy that is old",                                 "" )
IGNORE( SOLO,       OVERDUE,                                 "nothing waits",                                         "" )
IGNORE( SOLO,       FULL,                                    "nothing waits",                                         "" )
IGNORE( SOLO,       GONE,                                    "nobody follows",                                        "" )
IGNORE( SOLO,       GRANTED,                                 "so it is",                                              "" )
ROW   ( SOLO,       PLAIN,   always,    ASKING,     ask,     "the right to go on alone is no longer given",           "H-14" )
ROW   ( SOLO,       STOPPED, always,    ALONE,      none,    "this host is not primary",                              "H-1" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
