/* client - a desktop that follows its site and moves to the other one when the site is lost (SF-5).
 *
 * The guard names what decides between two rows of the same pair: site_lost - this site has not been reached for
 * site-loss-after and there is another one; again - the gateway says that the page may log in again by itself.
 * The first row that matches wins.  web/desktop.js follows the same table.
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
STATE( WAITING,    "between two tries to log in" )
STATE( LOGGING_IN, "a login has been sent" )
STATE( CONNECTED,  "logged in, the site's beats arrive" )
STATE( SEEKING,    "logged in, but the site is not heard: connecting to it again" )
STATE( PAUSING,    "between two tries to connect again" )
STATE( LEAVING,    "a logout has been sent" )
FINAL( STOPPED,    "logged out, or refused for good" )

EVENT( DUE,       "the time of the state is over" )
EVENT( ACCEPTED,  "login or logout was accepted" )
EVENT( LATER,     "the site answers, and says: try again later" )
EVENT( REFUSED,   "the site answers no, for good" )
EVENT( NO_ANSWER, "connection refused, reset, or timed out" )
EVENT( BEAT,      "the event stream is open, or brought something" )
EVENT( CUT,       "the event stream closed or could not be opened" )
EVENT( UNKNOWN,   "the gateway does not know the session (401)" )
EVENT( ENDED,     "the gateway ended the session" )
EVENT( STOP,      "the agent wants to leave" )

/*      from        event      guard      to          action        why                                                   source */
ROW   ( WAITING,    DUE,       always,    LOGGING_IN, send_login,   "time to try",                                        "L-1" )
IGNORE( WAITING,    ACCEPTED,                                       "of a try given up",                                  "" )
IGNORE( WAITING,    LATER,                                          "of a try given up",                                  "" )
IGNORE( WAITING,    REFUSED,                                        "of a try given up",                                  "" )
IGNORE( WAITING,    NO_ANSWER,                                      "of a try given up",                                  "" )
IGNORE( WAITING,    BEAT,                                           "of a try given up",                                  "" )
IGNORE( WAITING,    CUT,                                            "of a try given up",                                  "" )
IGNORE( WAITING,    UNKNOWN,                                        "of a try given up",                                  "" )
IGNORE( WAITING,    ENDED,                                          "of a try given up",                                  "" )
ROW   ( WAITING,    STOP,      always,    STOPPED,    done,         "not logged in",                                      "" )

ROW   ( LOGGING_IN, DUE,       site_lost, WAITING,    move,         "the site does not answer: on to the other site",     "SF-5" )
ROW   ( LOGGING_IN, DUE,       always,    WAITING,    wait_short,   "no answer in time",                                  "" )
ROW   ( LOGGING_IN, ACCEPTED,  always,    CONNECTED,  open_stream,  "logged in",                                          "SF-5" )
ROW   ( LOGGING_IN, LATER,     out_long,  WAITING,    move,         "the site has not served for long: on to the other",  "SF-5" )
ROW   ( LOGGING_IN, LATER,     always,    WAITING,    wait_jitter,  "refused for now: again, with jitter",                "L-1" )
ROW   ( LOGGING_IN, REFUSED,   always,    STOPPED,    refused,      "refused for good",                                   "" )
ROW   ( LOGGING_IN, NO_ANSWER, site_lost, WAITING,    move,         "the site does not answer: on to the other site",     "SF-5" )
ROW   ( LOGGING_IN, NO_ANSWER, always,    WAITING,    wait_short,   "not reached",                                        "" )
IGNORE( LOGGING_IN, BEAT,                                           "of the session before",                              "" )
IGNORE( LOGGING_IN, CUT,                                            "of the session before",                              "" )
IGNORE( LOGGING_IN, UNKNOWN,                                        "of the session before",                              "" )
IGNORE( LOGGING_IN, ENDED,                                          "of the session before",                              "" )
ROW   ( LOGGING_IN, STOP,      always,    STOPPED,    done,         "the login is given up",                              "" )

ROW   ( CONNECTED,  DUE,       always,    SEEKING,    seek,         "no beat: the site is not heard",                     "SF-5" )
IGNORE( CONNECTED,  ACCEPTED,                                       "of a state change",                                  "" )
IGNORE( CONNECTED,  LATER,                                          "of a state change",                                  "" )
IGNORE( CONNECTED,  REFUSED,                                        "of a state change",                                  "" )
IGNORE( CONNECTED,  NO_ANSWER,                                      "of a state change; the stream decides",              "" )
ROW   ( CONNECTED,  BEAT,      always,    CONNECTED,  heard,        "the site is there",                                  "" )
ROW   ( CONNECTED,  CUT,       always,    PAUSING,    pause_first,  "the connection is gone",                             "SF-5" )
ROW   ( CONNECTED,  UNKNOWN,   always,    LOGGING_IN, login_again,  "the gateway restarted: log in at the same site",     "SF-5" )
ROW   ( CONNECTED,  ENDED,     again,     WAITING,    wait_jitter,  "the server forgot the login: log in again",          "SF-5" )
ROW   ( CONNECTED,  ENDED,     always,    STOPPED,    ended,        "logged out by the server",                           "X-1" )
ROW   ( CONNECTED,  STOP,      always,    LEAVING,    send_logout,  "asked for",                                          "" )

ROW   ( SEEKING,    DUE,       site_lost, WAITING,    move,         "the site is lost: on to the other site",             "SF-5" )
ROW   ( SEEKING,    DUE,       always,    PAUSING,    pause,        "no answer in time",                                  "SF-5" )
IGNORE( SEEKING,    ACCEPTED,                                       "of a state change",                                  "" )
IGNORE( SEEKING,    LATER,                                          "of a state change",                                  "" )
IGNORE( SEEKING,    REFUSED,                                        "of a state change",                                  "" )
IGNORE( SEEKING,    NO_ANSWER,                                      "of a state change",                                  "" )
ROW   ( SEEKING,    BEAT,      always,    CONNECTED,  found,        "the site is back: nothing moved",                    "SF-5" )
ROW   ( SEEKING,    CUT,       site_lost, WAITING,    move,         "the site is lost: on to the other site",             "SF-5" )
ROW   ( SEEKING,    CUT,       always,    PAUSING,    pause,        "not reached",                                        "SF-5" )
ROW   ( SEEKING,    UNKNOWN,   always,    LOGGING_IN, login_again,  "switched over inside the site: log in there again",  "SF-5" )
ROW   ( SEEKING,    ENDED,     again,     WAITING,    wait_jitter,  "the server forgot the login: log in again",          "SF-5" )
ROW   ( SEEKING,    ENDED,     always,    STOPPED,    ended,        "logged out by the server",                           "X-1" )
ROW   ( SEEKING,    STOP,      always,    LEAVING,    send_logout,  "asked for",                                          "" )

ROW   ( PAUSING,    DUE,       always,    SEEKING,    seek_more,    "time to try",                                        "" )
IGNORE( PAUSING,    ACCEPTED,                                       "of a state change",                                  "" )
IGNORE( PAUSING,    LATER,                                          "of a state change",                                  "" )
IGNORE( PAUSING,    REFUSED,                                        "of a state change",                                  "" )
IGNORE( PAUSING,    NO_ANSWER,                                      "of a state change",                                  "" )
IGNORE( PAUSING,    BEAT,                                           "of a connection given up",                           "" )
IGNORE( PAUSING,    CUT,                                            "of a connection given up",                           "" )
IGNORE( PAUSING,    UNKNOWN,                                        "of a connection given up",                           "" )
IGNORE( PAUSING,    ENDED,                                          "of a connection given up",                           "" )
ROW   ( PAUSING,    STOP,      always,    LEAVING,    send_logout,  "asked for",                                          "" )

ROW   ( LEAVING,    DUE,       always,    STOPPED,    done,         "the site does not answer the logout",                "" )
ROW   ( LEAVING,    ACCEPTED,  always,    STOPPED,    done,         "logged out",                                         "" )
ROW   ( LEAVING,    LATER,     always,    STOPPED,    done,         "the site cannot log out now",                        "" )
ROW   ( LEAVING,    REFUSED,   always,    STOPPED,    done,         "the session had ended",                              "" )
ROW   ( LEAVING,    NO_ANSWER, always,    STOPPED,    done,         "the site is not reached",                            "" )
IGNORE( LEAVING,    BEAT,                                           "on the way out",                                     "" )
IGNORE( LEAVING,    CUT,                                            "on the way out",                                     "" )
ROW   ( LEAVING,    UNKNOWN,   always,    STOPPED,    done,         "the session had ended",                              "" )
IGNORE( LEAVING,    ENDED,                                          "on the way out",                                     "" )
IGNORE( LEAVING,    STOP,                                           "on the way out already",                             "" )

IGNORE( STOPPED,    DUE,                                            "final",                                              "" )
IGNORE( STOPPED,    ACCEPTED,                                       "final",                                              "" )
IGNORE( STOPPED,    LATER,                                          "final",                                              "" )
IGNORE( STOPPED,    REFUSED,                                        "final",                                              "" )
IGNORE( STOPPED,    NO_ANSWER,                                      "final",                                              "" )
IGNORE( STOPPED,    BEAT,                                           "final",                                              "" )
IGNORE( STOPPED,    CUT,                                            "final",                                              "" )
IGNORE( STOPPED,    UNKNOWN,                                        "final",                                              "" )
IGNORE( STOPPED,    ENDED,                                          "final",                                              "" )
IGNORE( STOPPED,    STOP,                                           "final",                                              "" )
/* clang-format on */
#undef FINAL
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
