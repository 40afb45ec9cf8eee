/* control - what an agent's desktop asks for, one operation at a time (control.h).
 *
 *     agent's phone ── leg ── call ── leg ── other party
 *
 * A consult call is HOLDING and then CALLING, an alternation HOLDING and then RETRIEVING: what follows is in the
 * action that ends a state.
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
STATE( NONE,       "no operation" )
STATE( HOLDING,    "a re-INVITE that stops the streams is out, to the other party, then to the agent's phone" )
STATE( RETRIEVING, "a re-INVITE that lets the streams flow again is out, to the other party, then to the agent's phone" )
STATE( CALLING,    "the agent's phone is called: a call of the agent begins" )
STATE( ANSWERING,  "the agent's phone, which rings, has been asked to answer" )
STATE( JOINING,    "a transfer is under way (transfer.tbl.h)" )

EVENT( HOLD,     "the agent's leg is to be held" )
EVENT( RETRIEVE, "the agent's leg is to be retrieved" )
EVENT( CALL,     "a call of the agent is to begin" )
EVENT( ANSWER,   "the phone is to answer" )
EVENT( JOIN,     "a transfer has begun" )
EVENT( AGREED,   "the party asked did it; the transfer is complete" )
EVENT( GLARE,    "another request to that party is under way" )
EVENT( REFUSED,  "the party asked did not; the transfer failed" )
EVENT( DUE,      "the moment set by the state has come" )
EVENT( GONE,     "the agent's leg is over" )
EVENT( ABORT,    "the agent released the call or logged out" )

/*      from        event     guard     to          action        why                                            source */
ROW   ( NONE,       HOLD,     always,   HOLDING,    ask,          "the other party is asked first",              "RFC 3264 8.4" )
ROW   ( NONE,       RETRIEVE, always,   RETRIEVING, ask,          "the other party is asked first",              "RFC 3264 8.4" )
ROW   ( NONE,       CALL,     always,   CALLING,    call_phone,   "the phone is called without an offer",        "RFC 3725 4.3" )
ROW   ( NONE,       ANSWER,   always,   ANSWERING,  ask_answer,   "NOTIFY with Event: talk",                     "" )
ROW   ( NONE,       JOIN,     always,   JOINING,    none,         "a transfer",                                  "" )
IGNORE( NONE,       AGREED,                                       "no operation",                                "" )
IGNORE( NONE,       GLARE,                                        "no operation",                                "" )
IGNORE( NONE,       REFUSED,                                      "no operation",                                "" )
IGNORE( NONE,       DUE,                                          "no operation",                                "" )
IGNORE( NONE,       GONE,                                         "no operation",                                "" )
IGNORE( NONE,       ABORT,                                        "no operation",                                "" )

IGNORE( HOLDING,    HOLD,                                         "one at a time",                               "" )
IGNORE( HOLDING,    RETRIEVE,                                     "one at a time",                               "" )
IGNORE( HOLDING,    CALL,                                         "one at a time",                               "" )
IGNORE( HOLDING,    ANSWER,                                       "one at a time",                               "" )
IGNORE( HOLDING,    JOIN,                                         "one at a time",                               "" )
ROW   ( HOLDING,    AGREED,   more,     HOLDING,    ask,          "now the phone",                               "" )
ROW   ( HOLDING,    AGREED,   always,   NONE,       held,         "both agreed",                                 "RFC 3264 8.4" )
ROW   ( HOLDING,    GLARE,    patient,  HOLDING,    wait,         "asked again a little later",                  "RFC 3261 14.1" )
ROW   ( HOLDING,    GLARE,    always,   NONE,       undo,         "asked often enough",                          "" )
ROW   ( HOLDING,    REFUSED,  phone,    NONE,       held,         "the other party is held: the phone may differ", "" )
ROW   ( HOLDING,    REFUSED,  always,   NONE,       undo,         "the call goes on as it was",                  "RFC 3261 14.1" )
ROW   ( HOLDING,    DUE,      waiting,  HOLDING,    ask,          "asked again",                                 "RFC 3261 14.1" )
ROW   ( HOLDING,    DUE,      always,   HOLDING,    late,         "the desktop waits no longer; the INVITE ends by its own timers", "RFC 3261 17.1.1.2" )
ROW   ( HOLDING,    GONE,     always,   NONE,       gone,         "the call is over",                            "" )
ROW   ( HOLDING,    ABORT,    always,   NONE,       abort,        "overtaken",                                   "" )

IGNORE( RETRIEVING, HOLD,                                         "one at a time",                               "" )
IGNORE( RETRIEVING, RETRIEVE,                                     "one at a time",                               "" )
IGNORE( RETRIEVING, CALL,                                         "one at a time",                               "" )
IGNORE( RETRIEVING, ANSWER,                                       "one at a time",                               "" )
IGNORE( RETRIEVING, JOIN,                                         "one at a time",                               "" )
ROW   ( RETRIEVING, AGREED,   more,     RETRIEVING, ask,          "now the next party",                          "RFC 3725 4.2" )
ROW   ( RETRIEVING, AGREED,   always,   NONE,       retrieved,    "both agreed",                                 "" )
ROW   ( RETRIEVING, GLARE,    patient,  RETRIEVING, wait,         "asked again a little later",                  "RFC 3261 14.1" )
ROW   ( RETRIEVING, GLARE,    always,   NONE,       undo,         "asked often enough",                          "" )
ROW   ( RETRIEVING, REFUSED,  always,   NONE,       undo,         "the call stays held",                         "RFC 3261 14.1" )
ROW   ( RETRIEVING, DUE,      waiting,  RETRIEVING, ask,          "asked again",                                 "RFC 3261 14.1" )
ROW   ( RETRIEVING, DUE,      always,   RETRIEVING, late,         "the desktop waits no longer; the INVITE ends by its own timers", "RFC 3261 17.1.1.2" )
ROW   ( RETRIEVING, GONE,     always,   NONE,       gone,         "the call is over",                            "" )
ROW   ( RETRIEVING, ABORT,    always,   NONE,       abort,        "overtaken",                                   "" )

IGNORE( CALLING,    HOLD,                                         "one at a time",                               "" )
IGNORE( CALLING,    RETRIEVE,                                     "one at a time",                               "" )
IGNORE( CALLING,    CALL,                                         "one at a time",                               "" )
IGNORE( CALLING,    ANSWER,                                       "one at a time",                               "" )
IGNORE( CALLING,    JOIN,                                         "one at a time",                               "" )
ROW   ( CALLING,    AGREED,   always,   NONE,       called,       "the phone is there: now the number",          "RFC 3725 4.3" )
IGNORE( CALLING,    GLARE,                                        "a new dialog",                                "" )
ROW   ( CALLING,    REFUSED,  always,   NONE,       not_called,   "the phone refused",                           "" )
ROW   ( CALLING,    DUE,      always,   NONE,       not_called,   "nobody took the phone",                       "" )
ROW   ( CALLING,    GONE,     always,   NONE,       gone,         "the call is over",                            "" )
ROW   ( CALLING,    ABORT,    always,   NONE,       abort_call,   "overtaken",                                   "" )

IGNORE( ANSWERING,  HOLD,                                         "one at a time",                               "" )
IGNORE( ANSWERING,  RETRIEVE,                                     "one at a time",                               "" )
IGNORE( ANSWERING,  CALL,                                         "one at a time",                               "" )
IGNORE( ANSWERING,  ANSWER,                                       "one at a time",                               "" )
IGNORE( ANSWERING,  JOIN,                                         "one at a time",                               "" )
ROW   ( ANSWERING,  AGREED,   always,   NONE,       done,         "the phone answered",                          "" )
IGNORE( ANSWERING,  GLARE,                                        "NOTIFY knows none",                           "" )
ROW   ( ANSWERING,  REFUSED,  always,   NONE,       undo,         "the phone goes on ringing",                   "" )
ROW   ( ANSWERING,  DUE,      always,   NONE,       undo,         "the phone goes on ringing",                   "" )
ROW   ( ANSWERING,  GONE,     always,   NONE,       gone,         "the call is over, or elsewhere",              "" )
ROW   ( ANSWERING,  ABORT,    always,   NONE,       abort,        "overtaken",                                   "" )

IGNORE( JOINING,    HOLD,                                         "one at a time",                               "" )
IGNORE( JOINING,    RETRIEVE,                                     "one at a time",                               "" )
IGNORE( JOINING,    CALL,                                         "one at a time",                               "" )
IGNORE( JOINING,    ANSWER,                                       "one at a time",                               "" )
IGNORE( JOINING,    JOIN,                                         "one at a time",                               "" )
ROW   ( JOINING,    AGREED,   always,   NONE,       done,         "transferred",                                 "" )
IGNORE( JOINING,    GLARE,                                        "the transfer asks again",                     "" )
ROW   ( JOINING,    REFUSED,  always,   NONE,       undo,         "the call is the agent's again",               "RFC 5589 6" )
IGNORE( JOINING,    DUE,                                          "the transfer has its own time",               "" )
IGNORE( JOINING,    GONE,                                         "the transfer goes on without the agent, and tells", "RFC 5589 6.1" )
ROW   ( JOINING,    ABORT,    always,   NONE,       abort,        "overtaken; the transfer ends with its call",  "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
