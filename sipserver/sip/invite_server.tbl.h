/* invite_server - the INVITE server transaction:
 * RFC 3261 17.2.1 and figure 7, with the accepted state of RFC 6026 8.5.
 *
 * First match wins.  T_RESEND and T_LIFE are the two timers of a transaction; which letter of the RFC they stand
 * for in a state is said in "why".  Entering a state arms its timers (transaction.c, enter).  FINAL is the state
 * that a record does not outlive: no event meets it. */
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
STATE(PROCEEDING, "a provisional response, or a decision, is under way")
STATE(COMPLETED,  "a final response is there; retransmissions are absorbed")
STATE(CONFIRMED,  "the ACK of a refusal came; late copies of it are absorbed")
STATE(ACCEPTED,   "the INVITE was answered with a 2xx")
FINAL(TERMINATED, "over; the record is free")

EVENT(RX_REQUEST, "the request came in again")
EVENT(RX_ACK,     "an ACK came in")
EVENT(TX_1XX,     "the core answers provisionally")
EVENT(TX_2XX,     "the core answers 2xx")
EVENT(TX_REFUSAL, "the core answers 300-699")
EVENT(T_RESEND,   "the retransmission timer fired")
EVENT(T_LIFE,     "the timer that bounds the state fired")
EVENT(UNSENT,     "the transport could not send")

/*     from        event       guard           to          action           why                                                source */
ROW   (PROCEEDING, RX_REQUEST, always,         PROCEEDING, answer_again,    "INVITE repeated: last provisional again",         "RFC 3261 17.2.1")
IGNORE(PROCEEDING, RX_ACK,                                                  "ACK before any final answer",                     "RFC 3261 17.2.1")
ROW   (PROCEEDING, TX_1XX,     unacknowledged, PROCEEDING, answer_once,     "another, while a reliable one waits for its PRACK", "RFC 3262 3")
ROW   (PROCEEDING, TX_1XX,     always,         PROCEEDING, answer_and_wait, "provisional answer",                              "RFC 3261 17.2.1")
ROW   (PROCEEDING, TX_2XX,     always,         ACCEPTED,   answer,          "accepted; repeated by us until the ACK",          "RFC 6026 8.5, RFC 3261 13.3.1.4")
ROW   (PROCEEDING, TX_REFUSAL, always,         COMPLETED,  answer,          "refused",                                         "RFC 3261 17.2.1")
ROW   (PROCEEDING, T_RESEND,   unacknowledged, PROCEEDING, resend_doubling, "reliable provisional, no PRACK yet: again",        "RFC 3262 3")
ROW   (PROCEEDING, T_RESEND,   always,         PROCEEDING, answer_trying,   "the core is silent: 100 stops the repetition",    "RFC 3261 17.2.1")
ROW   (PROCEEDING, T_LIFE,     unacknowledged, PROCEEDING, tell_no_prack,   "no PRACK in 64*T1: the core refuses the INVITE",   "RFC 3262 3")
ROW   (PROCEEDING, T_LIFE,     always,         PROCEEDING, answer_longer,   "a long wait: provisional again each minute",      "RFC 3261 13.3.1.1")
ROW   (PROCEEDING, UNSENT,     always,         PROCEEDING, tell_unsent,     "the core may give up",                            "RFC 3261 17.2.4, RFC 6026 8.8")
ROW   (COMPLETED,  RX_REQUEST, always,         COMPLETED,  answer_again,    "INVITE repeated: refusal again",                  "RFC 3261 17.2.1")
ROW   (COMPLETED,  RX_ACK,     always,         CONFIRMED,  nothing,         "refusal acknowledged: timers G and H end",        "RFC 3261 17.2.1")
IGNORE(COMPLETED,  TX_1XX,                                                  "answered before",                                 "RFC 3261 17.2.1")
IGNORE(COMPLETED,  TX_2XX,                                                  "answered before",                                 "RFC 3261 17.2.1")
IGNORE(COMPLETED,  TX_REFUSAL,                                              "answered before",                                 "RFC 3261 17.2.1")
ROW   (COMPLETED,  T_RESEND,   always,         COMPLETED,  resend_to_t2,    "timer G: refusal again",                          "RFC 3261 17.2.1")
ROW   (COMPLETED,  T_LIFE,     always,         TERMINATED, tell_no_ack,     "timer H: never acknowledged",                     "RFC 3261 17.2.1")
ROW   (COMPLETED,  UNSENT,     always,         COMPLETED,  tell_unsent,     "timer G tries again",                             "RFC 3261 17.2.4, RFC 6026 8.8")
IGNORE(CONFIRMED,  RX_REQUEST,                                              "late copy of the INVITE",                         "RFC 3261 17.2.1")
IGNORE(CONFIRMED,  RX_ACK,                                                  "late copy of the ACK",                            "RFC 3261 17.2.1")
IGNORE(CONFIRMED,  TX_1XX,                                                  "answered before",                                 "RFC 3261 17.2.1")
IGNORE(CONFIRMED,  TX_2XX,                                                  "answered before",                                 "RFC 3261 17.2.1")
IGNORE(CONFIRMED,  TX_REFUSAL,                                              "answered before",                                 "RFC 3261 17.2.1")
IGNORE(CONFIRMED,  T_RESEND,                                                "not armed here",                                  "RFC 3261 17.2.1")
ROW   (CONFIRMED,  T_LIFE,     always,         TERMINATED, nothing,         "timer I",                                         "RFC 3261 17.2.1")
IGNORE(CONFIRMED,  UNSENT,                                                  "it was acknowledged",                             "RFC 3261 17.2.4")
IGNORE(ACCEPTED,   RX_REQUEST,                                              "INVITE repeated: the 2xx has its own timer",      "RFC 6026 8.5")
ROW   (ACCEPTED,   RX_ACK,     always,         ACCEPTED,   tell_ack,        "2xx acknowledged: not repeated any more",         "RFC 6026 8.5")
IGNORE(ACCEPTED,   TX_1XX,                                                  "answered before",                                 "RFC 6026 8.5")
IGNORE(ACCEPTED,   TX_2XX,                                                  "answered before; repetition is ours",             "RFC 6026 8.5")
IGNORE(ACCEPTED,   TX_REFUSAL,                                              "answered before",                                 "RFC 6026 8.5")
ROW   (ACCEPTED,   T_RESEND,   always,         ACCEPTED,   resend_to_t2,    "no ACK yet: 2xx again",                           "RFC 3261 13.3.1.4")
ROW   (ACCEPTED,   T_LIFE,     acknowledged,   TERMINATED, nothing,         "timer L",                                         "RFC 6026 8.5")
ROW   (ACCEPTED,   T_LIFE,     always,         TERMINATED, tell_no_ack,     "timer L: never acknowledged, the core sends BYE", "RFC 3261 13.3.1.4")
ROW   (ACCEPTED,   UNSENT,     always,         ACCEPTED,   tell_unsent,     "the 2xx is tried again",                          "RFC 6026 8.8")
/* clang-format on */
#undef FINAL
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
