/* trunk - the watch of a trunk by OPTIONS (behaviour T-1, T-2).
 *
 * An answer is any response to our OPTIONS but 503 (and but our own 408, which is silence).  The force timer runs
 * from the first unanswered OPTIONS; an answer stops it.
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
STATE( NEW,        "configured, not yet watched" )
STATE( IN,         "in service" )
STATE( OUT,        "out of service: no answers" )
STATE( RECOVERING, "answers again, not yet trusted" )

EVENT( START,      "the site begins to serve" )
EVENT( ANSWER,     "an answer to our OPTIONS, or a valid request from a gateway" )
EVENT( FORCE,      "oos-force since the first unanswered OPTIONS" )
EVENT( REFUSED,    "no connection to it can be had (TCP, TLS)" )
EVENT( HELD,       "the hold-down time is over" )
EVENT( STOP,       "the site no longer serves" )

/*      from        event   guard       to          action        why                              source */
ROW   ( NEW,        START,  inter_site, OUT,        start_watch,  "no proof of the peer yet",      "behaviour 3" )
ROW   ( NEW,        START,  always,     IN,         start_watch,  "not yet checked",               "behaviour T-1" )
IGNORE( NEW,        ANSWER,                                       "not watched",                   "" )
IGNORE( NEW,        FORCE,                                        "not watched",                   "" )
IGNORE( NEW,        REFUSED,                                      "not watched",                   "" )
IGNORE( NEW,        HELD,                                         "not watched",                   "" )
IGNORE( NEW,        STOP,                                         "not watched",                   "" )

IGNORE( IN,         START,                                        "watched already",               "" )
ROW   ( IN,         ANSWER, always,     IN,         heard,        "answers",                       "behaviour T-1" )
ROW   ( IN,         FORCE,  always,     OUT,        lost,         "no answer within oos-force",    "behaviour T-1" )
ROW   ( IN,         REFUSED, always,    OUT,        lost,         "the connection was refused",    "behaviour T-1" )
IGNORE( IN,         HELD,                                         "in service",                    "" )
ROW   ( IN,         STOP,   always,     NEW,        stop_watch,   "the site does not serve",       "" )

IGNORE( OUT,        START,                                        "watched already",               "" )
ROW   ( OUT,        ANSWER, no_hold,    IN,         trusted,      "answers again",                 "behaviour T-2" )
ROW   ( OUT,        ANSWER, always,     RECOVERING, start_hold,   "answers again, held down",      "behaviour T-2" )
ROW   ( OUT,        FORCE,  always,     OUT,        none,         "still no answer",               "behaviour T-1" )
ROW   ( OUT,        REFUSED, always,    OUT,        none,         "still refused",                 "behaviour T-1" )
IGNORE( OUT,        HELD,                                         "failed meanwhile",              "" )
ROW   ( OUT,        STOP,   always,     NEW,        stop_watch,   "the site does not serve",       "" )

IGNORE( RECOVERING, START,                                        "watched already",               "" )
ROW   ( RECOVERING, ANSWER, proven,     IN,         trusted,      "enough good answers",           "behaviour T-2" )
ROW   ( RECOVERING, ANSWER, always,     RECOVERING, count_answer, "answers, held down",            "behaviour T-2" )
ROW   ( RECOVERING, FORCE,  always,     OUT,        lost,         "no answer within oos-force",    "behaviour T-2" )
ROW   ( RECOVERING, REFUSED, always,    OUT,        lost,         "the connection was refused",    "behaviour T-2" )
ROW   ( RECOVERING, HELD,   enough,     IN,         trusted,      "enough good answers",           "behaviour T-2" )
IGNORE( RECOVERING, HELD,                                         "the next good answer decides",  "behaviour T-2" )
ROW   ( RECOVERING, STOP,   always,     NEW,        stop_watch,   "the site does not serve",       "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
