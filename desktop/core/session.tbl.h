/* session - a desktop's session at the gateway: from the login asked for to the end.
 *
 * "Page" is whoever holds the event stream: a browser or the headless agent.  ENDED is left by no event: the session
 * is given back to its pool.
 *
 * Include with SESSION_STATE, SESSION_EVENT, ROW and IGNORE defined as needed; all are undefined at the end. */
#ifndef SESSION_STATE
#define SESSION_STATE(name, text, meaning)
#endif
#ifndef SESSION_EVENT
#define SESSION_EVENT(name, meaning)
#endif
#ifndef ROW
#define ROW(from, event, to, action, why, source)
#endif
#ifndef IGNORE
#define IGNORE(from, event, why, source)
#endif
/* clang-format off */
/*             name      as printed  meaning */
SESSION_STATE( ASKING,   "Asking",   "the SIP server has been asked for the login" )
SESSION_STATE( DETACHED, "Detached", "logged in, no page connected" )
SESSION_STATE( ATTACHED, "Attached", "logged in, a page is connected" )
SESSION_STATE( LEAVING,  "Leaving",  "the SIP server has been asked for the logout" )
SESSION_STATE( ENDED,    "Ended",    "gone" )

SESSION_EVENT( ACCEPTED,   "the SIP server said yes" )
SESSION_EVENT( REFUSED,    "the SIP server said no" )
SESSION_EVENT( OPENED,     "a page connected" )
SESSION_EVENT( CLOSED,     "its page went" )
SESSION_EVENT( LOGOUT,     "its page asks for logout" )
SESSION_EVENT( LOGGED_OUT, "the SIP server logged the agent out, or does not know of the login any more" )
SESSION_EVENT( TIMEOUT,    "the state has lasted too long" )
SESSION_EVENT( REPLACED,   "the same agent logs in anew" )
SESSION_EVENT( LOST,       "the SIP server is out of reach" )

/*      from      event       to        action             why                                                source */
ROW   ( ASKING,   ACCEPTED,   DETACHED, answer_login,      "logged in; the page connects next",               "D-1" )
ROW   ( ASKING,   REFUSED,    ENDED,    answer_refused,    "login refused",                                   "L-1" )
IGNORE( ASKING,   OPENED,                                  "nobody has its token yet",                        "" )
IGNORE( ASKING,   CLOSED,                                  "nobody has its token yet",                        "" )
IGNORE( ASKING,   LOGOUT,                                  "nobody has its token yet",                        "" )
IGNORE( ASKING,   LOGGED_OUT,                              "of an earlier login; the answer is on its way",   "" )
ROW   ( ASKING,   TIMEOUT,    ENDED,    answer_no_server,  "the SIP server does not answer",                  "" )
ROW   ( ASKING,   REPLACED,   ENDED,    answer_replaced,   "a later login of the same agent counts",          "X-2" )
ROW   ( ASKING,   LOST,       ENDED,    answer_no_server,  "the SIP server is out of reach",                  "" )

IGNORE( DETACHED, ACCEPTED,                                "logged in already",                               "" )
IGNORE( DETACHED, REFUSED,                                 "logged in already",                               "" )
ROW   ( DETACHED, OPENED,     ATTACHED, attach,            "the page is here",                                "D-1" )
IGNORE( DETACHED, CLOSED,                                  "no page connected",                               "" )
ROW   ( DETACHED, LOGOUT,     LEAVING,  ask_logout,        "asked for",                                       "D-1" )
ROW   ( DETACHED, LOGGED_OUT, ENDED,    none,              "the agent is not logged in any more",             "X-1" )
ROW   ( DETACHED, TIMEOUT,    LEAVING,  ask_logout,        "its page has not come back",                      "" )
ROW   ( DETACHED, REPLACED,   ENDED,    none,              "a later login of the same agent counts",          "X-2" )
IGNORE( DETACHED, LOST,                                    "kept until the SIP server tells who is logged in","H-8" )

IGNORE( ATTACHED, ACCEPTED,                                "logged in already",                               "" )
IGNORE( ATTACHED, REFUSED,                                 "logged in already",                               "" )
ROW   ( ATTACHED, OPENED,     ATTACHED, attach,            "the newer connection counts",                     "" )
ROW   ( ATTACHED, CLOSED,     DETACHED, detach,            "the page went, maybe for a moment",               "" )
ROW   ( ATTACHED, LOGOUT,     LEAVING,  ask_logout,        "asked for",                                       "D-1" )
ROW   ( ATTACHED, LOGGED_OUT, ENDED,    tell_ended,        "the agent is not logged in any more",             "X-1" )
IGNORE( ATTACHED, TIMEOUT,                                 "lasts as long as the page",                       "" )
ROW   ( ATTACHED, REPLACED,   ENDED,    tell_ended,        "a later login of the same agent counts",          "X-2" )
IGNORE( ATTACHED, LOST,                                    "kept until the SIP server tells who is logged in","H-8" )

ROW   ( LEAVING,  ACCEPTED,   ENDED,    answer_logout,     "logged out",                                      "D-1" )
ROW   ( LEAVING,  REFUSED,    ENDED,    answer_logout,     "the SIP server does not know the agent",          "" )
IGNORE( LEAVING,  OPENED,                                  "it is ending",                                    "" )
IGNORE( LEAVING,  CLOSED,                                  "it is ending",                                    "" )
IGNORE( LEAVING,  LOGOUT,                                  "asked already",                                   "" )
IGNORE( LEAVING,  LOGGED_OUT,                              "the answer follows",                              "" )
ROW   ( LEAVING,  TIMEOUT,    ENDED,    answer_no_server,  "the SIP server does not answer",                  "" )
ROW   ( LEAVING,  REPLACED,   ENDED,    answer_logout,     "a later login of the same agent counts",          "X-2" )
ROW   ( LEAVING,  LOST,       ENDED,    answer_no_server,  "the SIP server is out of reach",                  "" )
/* clang-format on */
#undef SESSION_STATE
#undef SESSION_EVENT
#undef ROW
#undef IGNORE
