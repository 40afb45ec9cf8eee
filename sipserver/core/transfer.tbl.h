/* transfer - a transfer that one party of an established call asked for by REFER (RFC 3515, 5589).
 *
 *     transferor ── leg ── call ── leg ── other party          new party ── leg (of this call: blind;
 *                                                                              of another one: attended)
 *
 * The new party is asked for its session, the other party gets that as an offer, and its answer goes to the
 * new party, who takes the transferor's place.  Whatever fails, the call is the transferor's again.
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
STATE( NONE,    "no transfer" )
STATE( CALLING, "the new party is asked: an INVITE, or a re-INVITE when we hold its call" )
STATE( JOINING, "the new party has answered, the other party gets its offer" )

EVENT( REFER,    "a REFER that can be followed, or the same by the agent's desktop" )
EVENT( CONNECT,  "the caller is connected already, and the target has answered with its offer" )
EVENT( PROGRESS, "a provisional response of the new party" )
EVENT( ANSWER,   "a 2xx of the new party, with its offer" )
EVENT( AGREED,   "a 2xx of the other party, with its answer" )
EVENT( GLARE,    "another request to the other party is under way" )
EVENT( FAILED,   "the new party or the other one refused" )
EVENT( DUE,      "the moment set by the state has come" )
EVENT( LEFT,     "the transferor sent BYE" )
EVENT( END,      "the call is over" )

/*      from     event     guard   to       action     why                                                    source */
ROW   ( NONE,    REFER,    always, CALLING, begin,     "the transferor is told by NOTIFY",                    "RFC 3515 2.4.2, 2.4.4" )
ROW   ( NONE,    CONNECT,  always, JOINING, join,      "the target's offer goes to the caller",               "RFC 3725 4.3" )
IGNORE( NONE,    PROGRESS,                             "no transfer",                                         "" )
IGNORE( NONE,    ANSWER,                               "no transfer",                                         "" )
IGNORE( NONE,    AGREED,                               "no transfer",                                         "" )
IGNORE( NONE,    GLARE,                                "no transfer",                                         "" )
IGNORE( NONE,    FAILED,                               "no transfer",                                         "" )
IGNORE( NONE,    DUE,                                  "no transfer",                                         "" )
IGNORE( NONE,    LEFT,                                 "no transfer",                                         "" )
IGNORE( NONE,    END,                                  "no transfer",                                         "" )

IGNORE( CALLING, REFER,                                "one at a time: answered 491",                         "" )
IGNORE( CALLING, CONNECT,                              "never: the call has its target",                      "" )
ROW   ( CALLING, PROGRESS, always, CALLING, tell,      "it rings",                                            "RFC 3515 2.4.4" )
ROW   ( CALLING, ANSWER,   always, JOINING, join,      "its offer goes to the other party",                   "RFC 3725 4.4" )
IGNORE( CALLING, AGREED,                               "nothing asked yet",                                   "" )
IGNORE( CALLING, GLARE,                                "nothing asked yet",                                   "" )
ROW   ( CALLING, FAILED,   always, NONE,    give_up,   "the call goes back to the transferor",                "RFC 5589 6" )
ROW   ( CALLING, DUE,      always, NONE,    give_up,   "no answer",                                           "RFC 5589 6" )
ROW   ( CALLING, LEFT,     always, CALLING, go_on,     "the transfer goes on without the transferor",         "RFC 5589 6.1" )
ROW   ( CALLING, END,      always, NONE,    abandon,   "the other party left, or is lost",                    "" )

IGNORE( JOINING, REFER,                                "one at a time: answered 491",                         "" )
IGNORE( JOINING, CONNECT,                              "begun already",                                       "" )
IGNORE( JOINING, PROGRESS,                             "late",                                                "" )
IGNORE( JOINING, ANSWER,                               "repeated: acknowledged with the other party's answer","RFC 3261 13.2.2.4" )
ROW   ( JOINING, AGREED,   always, NONE,    complete,  "the new party takes the transferor's place",          "RFC 3725 4.4, RFC 3515 2.4.7" )
ROW   ( JOINING, GLARE,    patient, JOINING, wait,     "asked again a little later",                          "RFC 3261 14.1" )
ROW   ( JOINING, GLARE,    always, NONE,    give_up,   "asked often enough",                                  "" )
ROW   ( JOINING, FAILED,   always, NONE,    give_up,   "the call goes back to the transferor",                "RFC 5589 6" )
ROW   ( JOINING, DUE,      always, JOINING, join,      "asked again",                                         "RFC 3261 14.1" )
ROW   ( JOINING, LEFT,     always, JOINING, go_on,     "the transfer goes on without the transferor",         "RFC 5589 6.1" )
ROW   ( JOINING, END,      always, NONE,    abandon,   "the other party left, or is lost",                    "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
