/* session - the session timer of one leg (RFC 4028): who proves from time to time that the call
 * still stands, and what follows when nobody does.  Each leg of a call has a timer of its own.
 *
 * The moment of DUE, by state: OURS: when to refresh next, at last the end of the session; ASKED and THEIRS: the
 * end, which is min(32 s, a third of the interval) before the interval is over (RFC 4028 10).
 *
 * A party that allows no UPDATE, and whose session is not known here (its description was too long to be kept, or a
 * re-INVITE was refused), cannot be refreshed: OPTIONS in the dialog asks whether it is there, 481, 408 and silence
 * end the call.  Where the party has no timer, that is all that a refresh would do.  Where it has one, OPTIONS
 * refreshes nothing (RFC 4028 7): unless the answer allows UPDATE the session ends when its interval does, as the
 * party itself would end it (RFC 4028 10).
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
STATE( OFF,    "no timer: not answered yet, over, or nobody can refresh" )
STATE( OURS,   "we refresh" )
STATE( ASKED,  "our refresh, or the question whether it is there, is out: its answer is awaited" )
STATE( THEIRS, "the party refreshes" )

EVENT( WE,      "a 2xx that makes us the refresher" )
EVENT( THEY,    "a 2xx that makes the party the refresher" )
EVENT( DUE,     "the moment set by the state has come" )
EVENT( REFUSED, "our refresh was refused; or could not be sent" )
EVENT( LOST,    "our refresh was answered 408 or 481, or not at all" )
EVENT( END,     "the leg is to end" )

/*      from    event    guard        to      action         why                                             source */
ROW   ( OFF,    WE,      always,      OURS,   begin_ours,    "the party cannot refresh, or wants us to",     "RFC 4028 7.2, 9" )
ROW   ( OFF,    THEY,    always,      THEIRS, begin_theirs,  "the party refreshes",                          "RFC 4028 7.2, 9" )
IGNORE( OFF,    DUE,                                         "no timer",                                     "" )
IGNORE( OFF,    REFUSED,                                     "the leg has ended meanwhile",                  "" )
IGNORE( OFF,    LOST,                                        "the leg has ended meanwhile",                  "" )
IGNORE( OFF,    END,                                         "no timer",                                     "" )

ROW   ( OURS,   WE,      always,      OURS,   begin_ours,    "a request of either party refreshed it",       "RFC 4028 7.4, 9" )
ROW   ( OURS,   THEY,    always,      THEIRS, begin_theirs,  "the refresher changes",                        "RFC 4028 7.4, 9" )
ROW   ( OURS,   DUE,     expired,     OFF,    expire,        "every refresh was refused",                    "RFC 4028 10" )
ROW   ( OURS,   DUE,     busy,        OURS,   later,         "another request is under way and may refresh", "RFC 3261 14.1" )
ROW   ( OURS,   DUE,     no_way,      ASKED,  look,          "no UPDATE there, its session is not known here: is it there?", "RFC 3261 11, 12.2.1.2" )
ROW   ( OURS,   DUE,     always,      ASKED,  refresh,       "half of the interval is over",                 "RFC 4028 10" )
IGNORE( OURS,   REFUSED,                                     "nothing asked",                                "" )
IGNORE( OURS,   LOST,                                        "nothing asked",                                "" )
ROW   ( OURS,   END,     always,      OFF,    stop,          "the leg ends",                                 "" )

ROW   ( ASKED,  WE,      always,      OURS,   begin_ours,    "refreshed",                                    "RFC 4028 7.2" )
ROW   ( ASKED,  THEY,    always,      THEIRS, begin_theirs,  "refreshed, the party goes on",                 "RFC 4028 7.2" )
ROW   ( ASKED,  DUE,     always,      OFF,    expire,        "the refresh was not answered in time",         "RFC 4028 10" )
ROW   ( ASKED,  REFUSED, there,       OURS,   begin_ours,    "a party without timers is there: that was the question", "RFC 4028 7.2" )
ROW   ( ASKED,  REFUSED, always,      OURS,   later,         "refused, tried again until the session ends",  "RFC 4028 7.3, RFC 3261 14.1" )
ROW   ( ASKED,  LOST,    always,      OFF,    expire,        "the party has lost the call",                  "RFC 4028 10" )
ROW   ( ASKED,  END,     always,      OFF,    stop,          "the leg ends",                                 "" )

ROW   ( THEIRS, WE,      always,      OURS,   begin_ours,    "the refresher changes",                        "RFC 4028 7.4, 9" )
ROW   ( THEIRS, THEY,    always,      THEIRS, begin_theirs,  "refreshed",                                    "RFC 4028 9" )
ROW   ( THEIRS, DUE,     always,      OFF,    expire,        "the party did not refresh",                    "RFC 4028 10" )
IGNORE( THEIRS, REFUSED,                                     "nothing asked",                                "" )
IGNORE( THEIRS, LOST,                                        "nothing asked",                                "" )
ROW   ( THEIRS, END,     always,      OFF,    stop,          "the leg ends",                                 "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
