/* music - what a caller hears who waits in a queue: its own ringing tone until queue-answer-after, then a service
 * (a media server), which answers the caller's offer.  "answered": the caller has our 200, from a service.
 *
 * When the call gets a target at last, the target's session goes to the caller by re-INVITE (call.tbl.h, music.h).
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
STATE( NONE,    "no music" )
STATE( WAITING, "the caller is not answered yet; a service is due later" )
STATE( CALLING, "an INVITE is out to a service" )
STATE( JOINING, "the service has answered, the caller gets its session by re-INVITE" )
STATE( PLAYING, "the caller hears the service" )
STATE( SILENT,  "the caller is answered but no service plays; the next try is due" )

EVENT( BEGIN,  "the call waits in a queue that has music" )
EVENT( DUE,    "the moment set by the state has come" )
EVENT( ANSWER, "a 2xx of the service" )
EVENT( AGREED, "a 2xx of the caller to our re-INVITE" )
EVENT( GLARE,  "another request to the caller is under way" )
EVENT( FAILED, "the service refused, is out of service, or has left; or the caller refused its session" )
EVENT( STOP,   "a target takes over, or the call is over" )

/*      from     event   guard     to       action         why                                              source */
ROW   ( NONE,    BEGIN,  always,   WAITING, wait,          "queue-answer-after begins with the wait",       "RFC 3261 13.3.1.1" )
IGNORE( NONE,    DUE,                                      "no music",                                      "" )
IGNORE( NONE,    ANSWER,                                   "a service that we gave up: its leg ends",       "" )
IGNORE( NONE,    AGREED,                                   "stopped meanwhile",                             "" )
IGNORE( NONE,    GLARE,                                    "stopped meanwhile",                             "" )
IGNORE( NONE,    FAILED,                                   "a service that we gave up",                     "" )
IGNORE( NONE,    STOP,                                     "no music",                                      "" )

IGNORE( WAITING, BEGIN,                                    "waits already",                                 "" )
ROW   ( WAITING, DUE,    always,   CALLING, try,           "the caller has waited long enough for a tone",  "RFC 3725 4.1" )
IGNORE( WAITING, ANSWER,                                   "a service that we gave up: its leg ends",       "" )
IGNORE( WAITING, AGREED,                                   "the caller is not answered",                    "" )
IGNORE( WAITING, GLARE,                                    "the caller is not answered",                    "" )
IGNORE( WAITING, FAILED,                                   "a service that we gave up",                     "" )
ROW   ( WAITING, STOP,   always,   NONE,    stop,          "an agent is asked, or the call is over",        "" )

IGNORE( CALLING, BEGIN,                                    "under way",                                     "" )
IGNORE( CALLING, DUE,                                      "its INVITE ends by itself",                     "RFC 3261 17.1.1.2" )
ROW   ( CALLING, ANSWER, answered, JOINING, join,          "the caller gets its offer",                     "RFC 3725 4.1" )
ROW   ( CALLING, ANSWER, always,   PLAYING, answer_caller, "its answer goes to the caller",                 "RFC 3261 13.3.1.4" )
IGNORE( CALLING, AGREED,                                   "nothing asked",                                 "" )
IGNORE( CALLING, GLARE,                                    "nothing asked",                                 "" )
ROW   ( CALLING, FAILED, more,     CALLING, try,           "the next service",                              "" )
ROW   ( CALLING, FAILED, answered, SILENT,  pause,         "no service can; again after music-retry",       "" )
ROW   ( CALLING, FAILED, always,   WAITING, pause,         "no service can; the caller goes on waiting",    "" )
ROW   ( CALLING, STOP,   always,   NONE,    stop,          "an agent is asked, or the call is over",        "RFC 3261 9.1" )

IGNORE( JOINING, BEGIN,                                    "under way",                                     "" )
ROW   ( JOINING, DUE,    always,   JOINING, join,          "asked again",                                   "RFC 3261 14.1" )
IGNORE( JOINING, ANSWER,                                   "repeated: waits for its ACK",                   "RFC 3261 13.2.2.4" )
ROW   ( JOINING, AGREED, always,   PLAYING, connect,       "the caller's answer goes to the service",       "RFC 3725 4.1" )
ROW   ( JOINING, GLARE,  patient,  JOINING, later,         "asked again a little later",                    "RFC 3261 14.1" )
ROW   ( JOINING, GLARE,  always,   SILENT,  pause,         "asked often enough",                            "" )
ROW   ( JOINING, FAILED, always,   SILENT,  pause,         "the caller refused its session, or it has left","" )
ROW   ( JOINING, STOP,   always,   NONE,    stop,          "a target takes over, or the call is over",      "" )

IGNORE( PLAYING, BEGIN,                                    "plays",                                         "" )
IGNORE( PLAYING, DUE,                                      "plays",                                         "" )
IGNORE( PLAYING, ANSWER,                                   "repeated: its leg acknowledges again",          "RFC 3261 13.2.2.4" )
IGNORE( PLAYING, AGREED,                                   "nothing asked",                                 "" )
IGNORE( PLAYING, GLARE,                                    "nothing asked",                                 "" )
ROW   ( PLAYING, FAILED, joining,  NONE,    stop,          "it has left, and the target has answered",      "RFC 3264 4" )
ROW   ( PLAYING, FAILED, always,   SILENT,  again,         "it has left: the next one, or it again",        "" )
ROW   ( PLAYING, STOP,   always,   NONE,    stop,          "a target takes over, or the call is over",      "RFC 3725 4.1" )

ROW   ( SILENT,  BEGIN,  always,   SILENT,  soon,          "another queue, perhaps with other music",       "" )
ROW   ( SILENT,  DUE,    always,   CALLING, try,           "the next try",                                  "" )
IGNORE( SILENT,  ANSWER,                                   "a service that we gave up: its leg ends",       "" )
IGNORE( SILENT,  AGREED,                                   "the service has left meanwhile",                "" )
IGNORE( SILENT,  GLARE,                                    "the service has left meanwhile",                "" )
IGNORE( SILENT,  FAILED,                                   "a service that we gave up",                     "" )
ROW   ( SILENT,  STOP,   always,   NONE,    stop,          "a target takes over, or the call is over",      "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
