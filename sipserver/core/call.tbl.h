/* call - a call of two legs: the caller's, whose INVITE came to us, and the target's, to whom we send one.
 *
 * Legs (leg.h) see to their own end: CANCEL, ACK and BYE of a leg that the call has done with go on without it.
 * A call is over when its last leg is.
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
STATE( NONE,     "no call: the record is free" )
STATE( SETUP,    "the INVITE is here, where it goes is being decided" )
STATE( QUEUED,   "waits in a queue, the caller has a 182" )
STATE( OFFERED,  "an INVITE is out to a target" )
STATE( ANSWERED, "the target's 2xx is with the caller, its ACK is not here" )
STATE( UP,       "established" )
STATE( ENDING,   "over for both parties; legs wait for their last answers" )

EVENT( INVITE,    "an INVITE that begins a call" )
EVENT( TO_TARGET, "a target was chosen" )
EVENT( TO_QUEUE,  "the number is a queue" )
EVENT( REFUSED,   "nowhere to go: the caller gets a final answer" )
EVENT( PROGRESS,  "a provisional response from the target" )
EVENT( ANSWER,    "a 2xx from the target" )
EVENT( FAILED,    "the target refused, timed out, or rang too long" )
EVENT( ACK,       "the caller acknowledged the 2xx" )
EVENT( NO_ACK,    "the caller never acknowledged the 2xx" )
EVENT( CANCEL,    "the caller gives up before an answer (CANCEL, or BYE in the early dialog)" )
EVENT( RELEASE,   "a party sent BYE, or its leg is lost" )
EVENT( WAITED,    "it waited longer than the queue allows, or the queue is gone" )
EVENT( LEGS_GONE, "its last leg is gone" )

/*      from      event      guard         to        action           why                                      source */
ROW   ( NONE,     INVITE,    always,       SETUP,    none,            "a call begins",                         "RFC 3261 13.3.1" )
IGNORE( NONE,     TO_TARGET,                                          "no call",                               "" )
IGNORE( NONE,     TO_QUEUE,                                           "no call",                               "" )
IGNORE( NONE,     REFUSED,                                            "no call",                               "" )
IGNORE( NONE,     PROGRESS,                                           "no call",                               "" )
IGNORE( NONE,     ANSWER,                                             "no call",                               "" )
IGNORE( NONE,     FAILED,                                             "no call",                               "" )
IGNORE( NONE,     ACK,                                                "no call",                               "" )
IGNORE( NONE,     NO_ACK,                                             "no call",                               "" )
IGNORE( NONE,     CANCEL,                                             "no call",                               "" )
IGNORE( NONE,     RELEASE,                                            "no call",                               "" )
IGNORE( NONE,     WAITED,                                             "no call",                               "" )
IGNORE( NONE,     LEGS_GONE,                                          "no call",                               "" )

IGNORE( SETUP,    INVITE,                                             "begun already",                         "" )
ROW   ( SETUP,    TO_TARGET, always,       OFFERED,  start_offer,     "target chosen",                         "RFC 3261 16.5" )
ROW   ( SETUP,    TO_QUEUE,  always,       QUEUED,   enter_queue,     "waits for an agent",                    "RFC 3261 13.3.1.1" )
ROW   ( SETUP,    REFUSED,   always,       ENDING,   refuse_caller,   "nowhere to go",                         "RFC 3261 13.3.1.3" )
IGNORE( SETUP,    PROGRESS,                                           "no target",                             "" )
IGNORE( SETUP,    ANSWER,                                             "no target",                             "" )
IGNORE( SETUP,    FAILED,                                             "no target",                             "" )
IGNORE( SETUP,    ACK,                                                "nothing to acknowledge",                "" )
IGNORE( SETUP,    NO_ACK,                                             "nothing to acknowledge",                "" )
ROW   ( SETUP,    CANCEL,    always,       ENDING,   give_up,         "the caller gave up",                    "RFC 3261 9.2" )
IGNORE( SETUP,    RELEASE,                                            "never without an answer",               "" )
IGNORE( SETUP,    WAITED,                                             "does not wait",                         "" )
IGNORE( SETUP,    LEGS_GONE,                                          "never before its end",                  "" )

IGNORE( QUEUED,   INVITE,                                             "begun already",                         "" )
ROW   ( QUEUED,   TO_TARGET, always,       OFFERED,  start_offer,     "agent reserved",                        "" )
IGNORE( QUEUED,   TO_QUEUE,                                           "waits already",                         "" )
ROW   ( QUEUED,   REFUSED,   always,       ENDING,   refuse_caller,   "refused",                               "RFC 3261 13.3.1.3" )
IGNORE( QUEUED,   PROGRESS,                                           "a target that we gave up",              "" )
IGNORE( QUEUED,   ANSWER,                                             "a target that we gave up: its leg ends", "RFC 3261 9.1" )
IGNORE( QUEUED,   FAILED,                                             "a target that we gave up",              "" )
IGNORE( QUEUED,   ACK,                                                "nothing to acknowledge",                "" )
IGNORE( QUEUED,   NO_ACK,                                             "nothing to acknowledge",                "" )
ROW   ( QUEUED,   CANCEL,    always,       ENDING,   give_up,         "the caller gave up",                    "RFC 3261 9.2" )
IGNORE( QUEUED,   RELEASE,                                            "never without an answer",               "" )
ROW   ( QUEUED,   WAITED,    always,       ENDING,   refuse_caller,   "waited too long",                       "RFC 3261 21.4.18" )
IGNORE( QUEUED,   LEGS_GONE,                                          "never before its end",                  "" )

IGNORE( OFFERED,  INVITE,                                             "begun already",                         "" )
IGNORE( OFFERED,  TO_TARGET,                                          "FAILED comes first",                    "" )
IGNORE( OFFERED,  TO_QUEUE,                                           "FAILED comes first",                    "" )
ROW   ( OFFERED,  REFUSED,   always,       ENDING,   refuse_caller,   "refused",                               "RFC 3261 13.3.1.3" )
ROW   ( OFFERED,  PROGRESS,  always,       OFFERED,  pass_progress,   "target rings",                          "RFC 3261 13.2.2.1" )
ROW   ( OFFERED,  ANSWER,    always,       ANSWERED, pass_answer,     "target answered",                       "RFC 3261 13.2.2.4" )
ROW   ( OFFERED,  FAILED,    of_queue,     QUEUED,   back_to_queue,   "agent did not take it: back at its place", "behaviour NF-7, I3" )
ROW   ( OFFERED,  FAILED,    always,       SETUP,    next_target,     "target failed",                         "RFC 3261 16.7" )
IGNORE( OFFERED,  ACK,                                                "nothing to acknowledge",                "" )
IGNORE( OFFERED,  NO_ACK,                                             "nothing to acknowledge",                "" )
ROW   ( OFFERED,  CANCEL,    always,       ENDING,   give_up,         "the caller gave up",                    "RFC 3261 9.1, 9.2" )
IGNORE( OFFERED,  RELEASE,                                            "never without an answer",               "" )
IGNORE( OFFERED,  WAITED,                                             "no longer waits",                       "" )
IGNORE( OFFERED,  LEGS_GONE,                                          "never before its end",                  "" )

IGNORE( ANSWERED, INVITE,                                             "begun already",                         "" )
IGNORE( ANSWERED, TO_TARGET,                                          "answered",                              "" )
IGNORE( ANSWERED, TO_QUEUE,                                           "answered",                              "" )
IGNORE( ANSWERED, REFUSED,                                            "answered",                              "" )
IGNORE( ANSWERED, PROGRESS,                                           "late",                                  "" )
IGNORE( ANSWERED, ANSWER,                                             "repeated, waits for the ACK",           "RFC 3261 13.2.2.4" )
IGNORE( ANSWERED, FAILED,                                             "late",                                  "" )
ROW   ( ANSWERED, ACK,       always,       UP,       pass_ack,        "acknowledged",                          "RFC 3261 13.2.2.4" )
ROW   ( ANSWERED, NO_ACK,    always,       ENDING,   release,         "the answer was never acknowledged",     "RFC 3261 13.3.1.4" )
IGNORE( ANSWERED, CANCEL,                                             "too late: the answer was faster",       "RFC 3261 9.2" )
ROW   ( ANSWERED, RELEASE,   always,       ENDING,   release,         "released",                              "RFC 3261 15" )
IGNORE( ANSWERED, WAITED,                                             "no longer waits",                       "" )
IGNORE( ANSWERED, LEGS_GONE,                                          "never before its end",                  "" )

IGNORE( UP,       INVITE,                                             "begun already",                         "" )
IGNORE( UP,       TO_TARGET,                                          "established",                           "" )
IGNORE( UP,       TO_QUEUE,                                           "established",                           "" )
IGNORE( UP,       REFUSED,                                            "established",                           "" )
IGNORE( UP,       PROGRESS,                                           "late",                                  "" )
IGNORE( UP,       ANSWER,                                             "repeated: its leg acknowledges again",  "RFC 3261 13.2.2.4" )
IGNORE( UP,       FAILED,                                             "late",                                  "" )
IGNORE( UP,       ACK,                                                "repeated",                              "" )
IGNORE( UP,       NO_ACK,                                             "acknowledged",                          "" )
IGNORE( UP,       CANCEL,                                             "too late: the answer was faster",       "RFC 3261 9.2" )
ROW   ( UP,       RELEASE,   always,       ENDING,   release,         "released",                              "RFC 3261 15" )
IGNORE( UP,       WAITED,                                             "no longer waits",                       "" )
IGNORE( UP,       LEGS_GONE,                                          "never before its end",                  "" )

IGNORE( ENDING,   INVITE,                                             "begun already",                         "" )
IGNORE( ENDING,   TO_TARGET,                                          "over",                                  "" )
IGNORE( ENDING,   TO_QUEUE,                                           "over",                                  "" )
IGNORE( ENDING,   REFUSED,                                            "over",                                  "" )
IGNORE( ENDING,   PROGRESS,                                           "over",                                  "" )
IGNORE( ENDING,   ANSWER,                                             "over: its leg ends",                    "RFC 3261 9.1" )
IGNORE( ENDING,   FAILED,                                             "over",                                  "" )
IGNORE( ENDING,   ACK,                                                "over: the leg sends its BYE",           "RFC 3261 15" )
IGNORE( ENDING,   NO_ACK,                                             "over: the leg sends its BYE",           "RFC 3261 13.3.1.4" )
IGNORE( ENDING,   CANCEL,                                             "over",                                  "" )
IGNORE( ENDING,   RELEASE,                                            "both released at once",                 "RFC 3261 15.1.2" )
IGNORE( ENDING,   WAITED,                                             "over",                                  "" )
ROW   ( ENDING,   LEGS_GONE, always,       NONE,     forget,          "both parties are done",                 "" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
