/* agent - the states of an agent.  ACD call: a call out of a queue; direct call: any other at the agent's phone.
 *
 * "wanted" is what the agent asked for last, Ready or NotReady: the state to go to when nothing else is going on.
 *
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
STATE( NULL,      "not logged in" )
STATE( NOT_READY, "logged in, gets no calls of queues" )
STATE( READY,     "waits for a call; offered one when the phone is in service and free" )
STATE( RESERVED,  "a call of a queue is being offered" )
STATE( BUSY,      "on a call" )
STATE( ACW,       "finishes the work of the last ACD call" )

EVENT( LOGIN,     "the agent logged in" )
EVENT( LOGOUT,    "the agent logged out, or was logged out" )
EVENT( WANTS,     "the agent asked for Ready or NotReady" )
EVENT( OFFER,     "a queue reserved the agent for a call" )
EVENT( NO_ANSWER, "the agent's phone did not take the offered call" )
EVENT( WITHDRAWN, "the offered call went away before an answer" )
EVENT( ANSWERED,  "the agent's phone answered the offered call" )
EVENT( CALL,      "a direct call began at the agent's phone" )
EVENT( FREE,      "the last call at the agent's phone ended" )
EVENT( WRAPPED,   "the time for after-call work is over" )

/*      from       event      guard         to         action         why                                    source */
ROW   ( NULL,      LOGIN,     phone_busy,   BUSY,      agent_login,   "logged in during a call",             "behaviour L-1, L-2" )
ROW   ( NULL,      LOGIN,     wants_ready,  READY,     agent_login,   "logged in",                           "behaviour L-1, L-2" )
ROW   ( NULL,      LOGIN,     always,       NOT_READY, agent_login,   "logged in",                           "behaviour L-1, L-2" )
IGNORE( NULL,      LOGOUT,                                            "not logged in",                       "" )
IGNORE( NULL,      WANTS,                                             "not logged in",                       "" )
IGNORE( NULL,      OFFER,                                             "never offered",                       "" )
IGNORE( NULL,      NO_ANSWER,                                         "logged out meanwhile",                "" )
IGNORE( NULL,      WITHDRAWN,                                         "logged out meanwhile",                "" )
IGNORE( NULL,      ANSWERED,                                          "logged out meanwhile",                "" )
IGNORE( NULL,      CALL,                                              "not logged in",                       "" )
IGNORE( NULL,      FREE,                                              "logged out meanwhile",                "" )
IGNORE( NULL,      WRAPPED,                                           "logged out meanwhile",                "" )

IGNORE( NOT_READY, LOGIN,                                             "logged in already",                   "" )
ROW   ( NOT_READY, LOGOUT,    always,       NULL,      agent_logout,  "logged out",                          "" )
ROW   ( NOT_READY, WANTS,     wants_ready,  READY,     none,          "asked for",                           "" )
ROW   ( NOT_READY, WANTS,     always,       NOT_READY, none,          "asked for",                           "" )
IGNORE( NOT_READY, OFFER,                                             "never offered",                       "" )
IGNORE( NOT_READY, NO_ANSWER,                                         "not offered",                         "" )
IGNORE( NOT_READY, WITHDRAWN,                                         "not offered",                         "" )
IGNORE( NOT_READY, ANSWERED,                                          "not offered",                         "" )
ROW   ( NOT_READY, CALL,      always,       BUSY,      none,          "direct call",                         "" )
IGNORE( NOT_READY, FREE,                                              "was not busy",                        "" )
IGNORE( NOT_READY, WRAPPED,                                           "no work left",                        "" )

IGNORE( READY,     LOGIN,                                             "logged in already",                   "" )
ROW   ( READY,     LOGOUT,    always,       NULL,      agent_logout,  "logged out",                          "" )
ROW   ( READY,     WANTS,     wants_ready,  READY,     none,          "asked for",                           "" )
ROW   ( READY,     WANTS,     always,       NOT_READY, none,          "asked for",                           "" )
ROW   ( READY,     OFFER,     always,       RESERVED,  none,          "call offered",                        "" )
IGNORE( READY,     NO_ANSWER,                                         "not offered",                         "" )
IGNORE( READY,     WITHDRAWN,                                         "not offered",                         "" )
IGNORE( READY,     ANSWERED,                                          "not offered",                         "" )
ROW   ( READY,     CALL,      always,       BUSY,      none,          "direct call",                         "" )
IGNORE( READY,     FREE,                                              "was not busy",                        "" )
IGNORE( READY,     WRAPPED,                                           "no work left",                        "" )

IGNORE( RESERVED,  LOGIN,                                             "logged in already",                   "" )
ROW   ( RESERVED,  LOGOUT,    always,       NULL,      agent_logout,  "logged out",                          "" )
ROW   ( RESERVED,  WANTS,     always,       RESERVED,  none,          "asked for after this call",           "" )
IGNORE( RESERVED,  OFFER,                                             "never offered two",                   "" )
ROW   ( RESERVED,  NO_ANSWER, always,       NOT_READY, not_answered,  "did not take the call",               "" )
ROW   ( RESERVED,  WITHDRAWN, wants_ready,  READY,     none,          "the call went away",                  "" )
ROW   ( RESERVED,  WITHDRAWN, always,       NOT_READY, none,          "the call went away",                  "" )
ROW   ( RESERVED,  ANSWERED,  always,       BUSY,      none,          "answered",                            "" )
IGNORE( RESERVED,  CALL,                                              "WITHDRAWN or ANSWERED decides",       "" )
IGNORE( RESERVED,  FREE,                                              "WITHDRAWN or NO_ANSWER decides",      "" )
IGNORE( RESERVED,  WRAPPED,                                           "no work left",                        "" )

IGNORE( BUSY,      LOGIN,                                             "logged in already",                   "" )
ROW   ( BUSY,      LOGOUT,    always,       NULL,      agent_logout,  "logged out, the call goes on",        "" )
ROW   ( BUSY,      WANTS,     always,       BUSY,      none,          "asked for after this call",           "" )
IGNORE( BUSY,      OFFER,                                             "never offered",                       "" )
IGNORE( BUSY,      NO_ANSWER,                                         "not offered",                         "" )
IGNORE( BUSY,      WITHDRAWN,                                         "not offered",                         "" )
IGNORE( BUSY,      ANSWERED,                                          "answered already",                    "" )
IGNORE( BUSY,      CALL,                                              "a second call at the phone",          "" )
ROW   ( BUSY,      FREE,      has_wrap_up,  ACW,       start_wrap_up, "call ended",                          "" )
ROW   ( BUSY,      FREE,      wants_ready,  READY,     none,          "call ended",                          "" )
ROW   ( BUSY,      FREE,      always,       NOT_READY, none,          "call ended",                          "" )
IGNORE( BUSY,      WRAPPED,                                           "no work left",                        "" )

IGNORE( ACW,       LOGIN,                                             "logged in already",                   "" )
ROW   ( ACW,       LOGOUT,    always,       NULL,      agent_logout,  "logged out",                          "" )
ROW   ( ACW,       WANTS,     wants_ready,  READY,     end_wrap_up,   "asked for",                           "" )
ROW   ( ACW,       WANTS,     always,       NOT_READY, end_wrap_up,   "asked for",                           "" )
IGNORE( ACW,       OFFER,                                             "never offered",                       "" )
IGNORE( ACW,       NO_ANSWER,                                         "not offered",                         "" )
IGNORE( ACW,       WITHDRAWN,                                         "not offered",                         "" )
IGNORE( ACW,       ANSWERED,                                          "not offered",                         "" )
ROW   ( ACW,       CALL,      always,       BUSY,      end_wrap_up,   "direct call",                         "" )
IGNORE( ACW,       FREE,                                              "was not busy",                        "" )
ROW   ( ACW,       WRAPPED,   wants_ready,  READY,     end_wrap_up,   "after-call work done",                "" )
ROW   ( ACW,       WRAPPED,   always,       NOT_READY, end_wrap_up,   "after-call work done",                "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
