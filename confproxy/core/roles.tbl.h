/* roles - what this host's copy of the configuration is for: copy it, or write it.
 *
 * First match wins.  Include with STATE, EVENT, ROW and IGNORE defined as needed; all are undefined at the end. */
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
STATE( DORMANT,     "has its own copy and follows nobody: compares it with the others'" )
STATE( FOLLOWER,    "its copy follows another host's" )
STATE( CATCHING_UP, "is to write: first fetches what a reachable copy holds beyond its own" )
STATE( WRITER,      "accepts writes until its deadline" )

EVENT( ORDERED,     "the order says that this host writes, and until when" )
EVENT( OVER,        "the order does not say so any more, or its deadline has passed" )
EVENT( HEARD,       "something became known of another copy or of ours, or time passed" )
EVENT( OPENED,      "the first transaction of our epoch is on disk" )
EVENT( OPEN_FAILED, "it could not be written" )

/*     from         event        guard             to           action      why (logged)                                      source */
ROW  ( DORMANT,     ORDERED,     always,           CATCHING_UP, begin,      "told to write",                                  "C-4" )
ROW  ( DORMANT,     HEARD,       follows_somebody, FOLLOWER,    none,       "another copy was found to follow",               "C-7" )
IGNORE(DORMANT,     HEARD,                                                  "nobody to follow",                               "C-1" )
IGNORE(DORMANT,     OVER,                                                   "it does not write",                              "C-4" )
IGNORE(DORMANT,     OPENED,                                                 "the right ended meanwhile",                      "C-4" )
IGNORE(DORMANT,     OPEN_FAILED,                                            "the right ended meanwhile",                      "C-4" )

ROW  ( FOLLOWER,    ORDERED,     always,           CATCHING_UP, begin,      "told to write",                                  "C-4" )
ROW  ( FOLLOWER,    HEARD,       follows_nobody,   DORMANT,     none,       "the copy that it followed is out of reach",      "C-1" )
IGNORE(FOLLOWER,    HEARD,                                                  "goes on following",                              "C-7" )
IGNORE(FOLLOWER,    OVER,                                                   "it does not write",                              "C-4" )
IGNORE(FOLLOWER,    OPENED,                                                 "the right ended meanwhile",                      "C-4" )
IGNORE(FOLLOWER,    OPEN_FAILED,                                            "the right ended meanwhile",                      "C-4" )

ROW  ( CATCHING_UP, OVER,        always,           DORMANT,     none,       "the right to write ended",                       "C-4" )
ROW  ( CATCHING_UP, HEARD,       may_open,         CATCHING_UP, open_epoch, "no reachable copy is ahead",                     "C-6" )
IGNORE(CATCHING_UP, HEARD,                                                  "waits to hear from others, or for what they hold", "C-6" )
ROW  ( CATCHING_UP, OPENED,      always,           WRITER,      none,       "in service as writer",                           "C-4" )
ROW  ( CATCHING_UP, OPEN_FAILED, always,           CATCHING_UP, hold_off,   "the first transaction could not be written",     "C-10" )
IGNORE(CATCHING_UP, ORDERED,                                                "it is on its way",                               "C-4" )

ROW  ( WRITER,      OVER,        always,           DORMANT,     none,       "the right to write ended",                       "C-4" )
ROW  ( WRITER,      ORDERED,     epoch_changed,    CATCHING_UP, begin,      "told to write in another epoch",                 "C-4" )
IGNORE(WRITER,      ORDERED,                                                "its deadline was renewed",                       "C-4" )
ROW  ( WRITER,      HEARD,       sees_later_epoch, CATCHING_UP, begin,      "a copy of a later epoch was seen",               "C-6" )
IGNORE(WRITER,      HEARD,                                                  "the others follow",                              "C-4" )
IGNORE(WRITER,      OPENED,                                                 "it has opened its epoch",                        "C-4" )
IGNORE(WRITER,      OPEN_FAILED,                                            "it has opened its epoch",                        "C-4" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
