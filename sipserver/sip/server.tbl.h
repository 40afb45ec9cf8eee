/* server - the server transaction of all other requests:
 * RFC 3261 17.2.2 and figure 8.
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
STATE(TRYING,     "the request is out, or came in, without any response")
STATE(PROCEEDING, "a provisional response, or a decision, is under way")
STATE(COMPLETED,  "a final response is there; retransmissions are absorbed")
FINAL(TERMINATED, "over; the record is free")

EVENT(RX_REQUEST, "the request came in again")
EVENT(TX_1XX,     "the core answers provisionally")
EVENT(TX_2XX,     "the core answers 2xx")
EVENT(TX_REFUSAL, "the core answers 300-699")
EVENT(T_RESEND,   "the retransmission timer fired")
EVENT(T_LIFE,     "the timer that bounds the state fired")
EVENT(UNSENT,     "the transport could not send")

/*     from        event       guard   to          action        why                                           source */
IGNORE(TRYING,     RX_REQUEST,                                   "request repeated: the core is at work",      "RFC 3261 17.2.2")
ROW   (TRYING,     TX_1XX,     always, PROCEEDING, answer,       "provisional answer",                         "RFC 3261 17.2.2")
ROW   (TRYING,     TX_2XX,     always, COMPLETED,  answer,       "answered",                                   "RFC 3261 17.2.2")
ROW   (TRYING,     TX_REFUSAL, always, COMPLETED,  answer,       "refused",                                    "RFC 3261 17.2.2")
IGNORE(TRYING,     T_RESEND,                                     "not armed here",                             "RFC 3261 17.2.2")
ROW   (TRYING,     T_LIFE,     always, TERMINATED, nothing,      "the client has given up: no 408 to it",      "RFC 4320 4.2")
IGNORE(TRYING,     UNSENT,                                       "nothing was sent",                           "RFC 3261 17.2.4")
ROW   (PROCEEDING, RX_REQUEST, always, PROCEEDING, answer_again, "request repeated: last provisional again",   "RFC 3261 17.2.2")
ROW   (PROCEEDING, TX_1XX,     always, PROCEEDING, answer,       "further provisional",                        "RFC 3261 17.2.2")
ROW   (PROCEEDING, TX_2XX,     always, COMPLETED,  answer,       "answered",                                   "RFC 3261 17.2.2")
ROW   (PROCEEDING, TX_REFUSAL, always, COMPLETED,  answer,       "refused",                                    "RFC 3261 17.2.2")
IGNORE(PROCEEDING, T_RESEND,                                     "not armed here",                             "RFC 3261 17.2.2")
ROW   (PROCEEDING, T_LIFE,     always, TERMINATED, nothing,      "the client has given up: no 408 to it",      "RFC 4320 4.2")
ROW   (PROCEEDING, UNSENT,     always, PROCEEDING, tell_unsent,  "the request comes again",                    "RFC 3261 17.2.4")
ROW   (COMPLETED,  RX_REQUEST, always, COMPLETED,  answer_again, "request repeated: answer again",             "RFC 3261 17.2.2")
IGNORE(COMPLETED,  TX_1XX,                                       "answered before",                            "RFC 3261 17.2.2")
IGNORE(COMPLETED,  TX_2XX,                                       "answered before",                            "RFC 3261 17.2.2")
IGNORE(COMPLETED,  TX_REFUSAL,                                   "answered before",                            "RFC 3261 17.2.2")
IGNORE(COMPLETED,  T_RESEND,                                     "not armed here",                             "RFC 3261 17.2.2")
ROW   (COMPLETED,  T_LIFE,     always, TERMINATED, nothing,      "timer J",                                    "RFC 3261 17.2.2")
ROW   (COMPLETED,  UNSENT,     always, COMPLETED,  tell_unsent,  "a repeated request brings the answer again", "RFC 3261 17.2.4")
/* clang-format on */
#undef FINAL
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
