/* client - the client transaction of all other requests:
 * RFC 3261 17.1.2 and figure 6.
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

EVENT(RX_1XX,     "a provisional response came in")
EVENT(RX_2XX,     "a 2xx came in")
EVENT(RX_REFUSAL, "a 300-699 came in")
EVENT(TX_CANCEL,  "the core wants its INVITE cancelled")
EVENT(T_RESEND,   "the retransmission timer fired")
EVENT(T_LIFE,     "the timer that bounds the state fired")
EVENT(UNSENT,     "the transport could not send")

/*     from        event       guard   to          action        why                                      source */
ROW   (TRYING,     RX_1XX,     always, PROCEEDING, pass_up,      "answered provisionally",                "RFC 3261 17.1.2.2")
ROW   (TRYING,     RX_2XX,     always, COMPLETED,  pass_up,      "answered",                              "RFC 3261 17.1.2.2")
ROW   (TRYING,     RX_REFUSAL, always, COMPLETED,  pass_up,      "refused",                               "RFC 3261 17.1.2.2")
IGNORE(TRYING,     TX_CANCEL,                                    "only an INVITE is cancelled",           "RFC 3261 9.1")
ROW   (TRYING,     T_RESEND,   always, TRYING,     resend_to_t2, "timer E: sent again, at most T2 apart", "RFC 3261 17.1.2.2")
ROW   (TRYING,     T_LIFE,     always, TERMINATED, tell_timeout, "timer F: no answer",                    "RFC 3261 17.1.2.2")
ROW   (TRYING,     UNSENT,     always, TERMINATED, tell_unsent,  "cannot be sent",                        "RFC 3261 17.1.4")
ROW   (PROCEEDING, RX_1XX,     always, PROCEEDING, pass_up,      "further provisional",                   "RFC 3261 17.1.2.2")
ROW   (PROCEEDING, RX_2XX,     always, COMPLETED,  pass_up,      "answered",                              "RFC 3261 17.1.2.2")
ROW   (PROCEEDING, RX_REFUSAL, always, COMPLETED,  pass_up,      "refused",                               "RFC 3261 17.1.2.2")
IGNORE(PROCEEDING, TX_CANCEL,                                    "only an INVITE is cancelled",           "RFC 3261 9.1")
ROW   (PROCEEDING, T_RESEND,   always, PROCEEDING, resend_at_t2, "timer E: every T2",                     "RFC 3261 17.1.2.2")
ROW   (PROCEEDING, T_LIFE,     always, TERMINATED, tell_timeout, "timer F: no final answer",              "RFC 3261 17.1.2.2")
ROW   (PROCEEDING, UNSENT,     always, TERMINATED, tell_unsent,  "cannot be sent",                        "RFC 3261 17.1.4")
IGNORE(COMPLETED,  RX_1XX,                                       "late provisional",                      "RFC 3261 17.1.2.2")
IGNORE(COMPLETED,  RX_2XX,                                       "answer repeated",                       "RFC 3261 17.1.2.2")
IGNORE(COMPLETED,  RX_REFUSAL,                                   "answer repeated",                       "RFC 3261 17.1.2.2")
IGNORE(COMPLETED,  TX_CANCEL,                                    "only an INVITE is cancelled",           "RFC 3261 9.1")
IGNORE(COMPLETED,  T_RESEND,                                     "not armed here",                        "RFC 3261 17.1.2.2")
ROW   (COMPLETED,  T_LIFE,     always, TERMINATED, nothing,      "timer K",                               "RFC 3261 17.1.2.2")
IGNORE(COMPLETED,  UNSENT,                                       "an earlier copy; the answer is here",   "RFC 3261 17.1.4")
/* clang-format on */
#undef FINAL
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
