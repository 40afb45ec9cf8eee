/* session - a desktop's session at the gateway: from the login asked for to the end.
 *
 * "Page" is whoever holds the event stream: a browser or the headless agent.  ENDED is left by no event: the session
 * is given back to its pool.
 *
 * Include with STATE, FINAL, EVENT, ROW and IGNORE defined as needed; all are undefined at the end. */
#ifndef STATE
#define STATE(name, meaning)
#endif
#ifndef FINAL
#define FINAL(name, meaning) STATE(name, meaning)
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
STATE( ASKING,   "the SIP server has been asked for the login" )
STATE( DETACHED, "logged in, no page connected" )
STATE( ATTACHED, "logged in, a page is connected" )
STATE( LEAVING,  "the SIP server has been asked for the logout" )
STATE( OVER,     "ended while no page was connected: kept so that the page learns why" )
FINAL( ENDED,    "gone" )

EVENT( ACCEPTED,   "the SIP server said yes" )
EVENT( REFUSED,    "the SIP server said no" )
EVENT( OPENED,     "a page connected" )
EVENT( CLOSED,     "its page went" )
EVENT( LOGOUT,     "its page asks for logout" )
EVENT( LOGGED_OUT, "the SIP server logged the agent out, or does not know of the login any more" )
EVENT( TIMEOUT,    "the state has lasted too long" )
EVENT( REPLACED,   "the same agent logs in anew" )
EVENT( LOST,       "the SIP server is out of reach" )

/*      from      event       guard   to        action             why                                                source */
ROW   ( ASKING,   ACCEPTED,   always, DETACHED, answer_login,      "logged in; the page connects next",               "D-1" )
ROW   ( ASKING,   REFUSED,    always, ENDED,    answer_refused,    "login refused",                                   "L-1" )
IGNORE( ASKING,   OPENED,                                          "nobody has its token yet",                        "" )
IGNORE( ASKING,   CLOSED,                                          "nobody has its token yet",                        "" )
IGNORE( ASKING,   LOGOUT,                                          "nobody has its token yet",                        "" )
IGNORE( ASKING,   LOGGED_OUT,                                      "of an earlier login; the answer is on its way",   "" )
ROW   ( ASKING,   TIMEOUT,    always, ENDED,    answer_no_server,  "the SIP server does not answer",                  "" )
ROW   ( ASKING,   REPLACED,   always, ENDED,    answer_replaced,   "a later login of the same agent counts",          "X-2" )
ROW   ( ASKING,   LOST,       always, ENDED,    answer_no_server,  "the SIP server is out of reach",                  "" )

IGNORE( DETACHED, ACCEPTED,                                        "logged in already",                               "" )
IGNORE( DETACHED, REFUSED,                                         "logged in already",                               "" )
ROW   ( DETACHED, OPENED,     always, ATTACHED, attach,            "the page is here",                                "D-1" )
IGNORE( DETACHED, CLOSED,                                          "no page connected",                               "" )
ROW   ( DETACHED, LOGOUT,     always, LEAVING,  ask_logout,        "asked for",                                       "D-1" )
ROW   ( DETACHED, LOGGED_OUT, always, OVER,     keep_end,          "the agent is not logged in any more",             "X-1" )
ROW   ( DETACHED, TIMEOUT,    always, LEAVING,  ask_logout,        "its page has not come back",                      "" )
ROW   ( DETACHED, REPLACED,   always, OVER,     keep_end,          "a later login of the same agent counts",          "X-2" )
IGNORE( DETACHED, LOST,                                            "kept until the SIP server tells who is logged in","H-8" )

IGNORE( ATTACHED, ACCEPTED,                                        "logged in already",                               "" )
IGNORE( ATTACHED, REFUSED,                                         "logged in already",                               "" )
ROW   ( ATTACHED, OPENED,     always, ATTACHED, attach,            "the newer connection counts",                     "" )
ROW   ( ATTACHED, CLOSED,     always, DETACHED, detach,            "the page went, maybe for a moment",               "" )
ROW   ( ATTACHED, LOGOUT,     always, LEAVING,  ask_logout,        "asked for",                                       "D-1" )
ROW   ( ATTACHED, LOGGED_OUT, always, ENDED,    tell_ended,        "the agent is not logged in any more",             "X-1" )
IGNORE( ATTACHED, TIMEOUT,                                         "lasts as long as the page",                       "" )
ROW   ( ATTACHED, REPLACED,   always, ENDED,    tell_ended,        "a later login of the same agent counts",          "X-2" )
IGNORE( ATTACHED, LOST,                                            "kept until the SIP server tells who is logged in","H-8" )

ROW   ( LEAVING,  ACCEPTED,   always, ENDED,    answer_logout,     "logged out",                                      "D-1" )
ROW   ( LEAVING,  REFUSED,    always, ENDED,    answer_logout,     "the SIP server does not know the agent",          "" )
IGNORE( LEAVING,  OPENED,                                          "it is ending",                                    "" )
IGNORE( LEAVING,  CLOSED,                                          "it is ending",                                    "" )
IGNORE( LEAVING,  LOGOUT,                                          "asked already",                                   "" )
IGNORE( LEAVING,  LOGGED_OUT,                                      "the answer follows",                              "" )
ROW   ( LEAVING,  TIMEOUT,    always, ENDED,    answer_no_server,  "the SIP server does not answer",                  "" )
ROW   ( LEAVING,  REPLACED,   always, ENDED,    answer_logout,     "a later login of the same agent counts",          "X-2" )
ROW   ( LEAVING,  LOST,       always, ENDED,    answer_no_server,  "the SIP server is out of reach",                  "" )

IGNORE( OVER,     ACCEPTED,                                        "of what was asked before the end",                "" )
IGNORE( OVER,     REFUSED,                                         "of what was asked before the end",                "" )
ROW   ( OVER,     OPENED,     always, ENDED,    attach_and_tell,   "the page is here: it is told why",                "X-1, X-2" )
IGNORE( OVER,     CLOSED,                                          "no page connected",                               "" )
IGNORE( OVER,     LOGOUT,                                          "it has ended",                                    "" )
IGNORE( OVER,     LOGGED_OUT,                                      "it has ended",                                    "" )
ROW   ( OVER,     TIMEOUT,    always, ENDED,    none,              "its page has not come back",                      "" )
IGNORE( OVER,     REPLACED,                                        "it has ended",                                    "" )
IGNORE( OVER,     LOST,                                            "it has ended",                                    "" )
/* clang-format on */
#undef FINAL
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
