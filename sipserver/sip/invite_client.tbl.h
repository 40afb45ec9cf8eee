/* invite_client - the INVITE client transaction:
 * RFC 3261 17.1.1 and figure 5, with the accepted state of RFC 6026 8.4.
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
STATE(CALLING,    "the INVITE is out, nothing has come back")
STATE(PROCEEDING, "a provisional response, or a decision, is under way")
STATE(COMPLETED,  "a final response is there; retransmissions are absorbed")
STATE(ACCEPTED,   "the INVITE was answered with a 2xx")
FINAL(TERMINATED, "over; the record is free")

EVENT(RX_1XX,     "a provisional response came in")
EVENT(RX_2XX,     "a 2xx came in")
EVENT(RX_REFUSAL, "a 300-699 came in")
EVENT(TX_CANCEL,  "the core wants its INVITE cancelled")
EVENT(T_RESEND,   "the retransmission timer fired")
EVENT(T_LIFE,     "the timer that bounds the state fired")
EVENT(UNSENT,     "the transport could not send")

/*     from        event       guard          to          action           why                                                source */
ROW   (CALLING,    RX_1XX,     cancel_wanted, PROCEEDING, pass_and_cancel, "a 1xx allows the CANCEL that waited for it",      "RFC 3261 9.1")
ROW   (CALLING,    RX_1XX,     always,        PROCEEDING, pass_up,         "answered provisionally: timers A and B end",      "RFC 3261 17.1.1.2")
ROW   (CALLING,    RX_2XX,     always,        ACCEPTED,   pass_up,         "accepted at once",                                "RFC 6026 8.4")
ROW   (CALLING,    RX_REFUSAL, always,        COMPLETED,  ack_and_pass,    "refused at once: ACK is the transaction's",       "RFC 3261 17.1.1.2")
ROW   (CALLING,    TX_CANCEL,  always,        CALLING,    want_cancel,     "no CANCEL before a provisional response",         "RFC 3261 9.1")
ROW   (CALLING,    T_RESEND,   always,        CALLING,    resend_doubling, "timer A: sent again",                             "RFC 3261 17.1.1.2")
ROW   (CALLING,    T_LIFE,     always,        TERMINATED, tell_timeout,    "timer B: no answer",                              "RFC 3261 17.1.1.2")
ROW   (CALLING,    UNSENT,     always,        TERMINATED, tell_unsent,     "cannot be sent",                                  "RFC 3261 17.1.4")
ROW   (PROCEEDING, RX_1XX,     cancelled,     PROCEEDING, pass_up,         "further provisional, while being cancelled",      "RFC 3261 9.1")
ROW   (PROCEEDING, RX_1XX,     always,        PROCEEDING, pass_and_wait,   "further provisional: timer C again",              "RFC 3261 17.1.1.2, 16.7")
ROW   (PROCEEDING, RX_2XX,     always,        ACCEPTED,   pass_up,         "accepted",                                        "RFC 6026 8.4")
ROW   (PROCEEDING, RX_REFUSAL, always,        COMPLETED,  ack_and_pass,    "refused",                                         "RFC 3261 17.1.1.2")
ROW   (PROCEEDING, TX_CANCEL,  cancelled,     PROCEEDING, nothing,         "cancelled before",                                "RFC 3261 9.1")
ROW   (PROCEEDING, TX_CANCEL,  always,        PROCEEDING, send_cancel,     "CANCEL, then wait 64*T1 for the answer",          "RFC 3261 9.1")
IGNORE(PROCEEDING, T_RESEND,                                               "not armed here",                                  "RFC 3261 17.1.1.2")
ROW   (PROCEEDING, T_LIFE,     cancelled,     TERMINATED, tell_timeout,    "no answer after the CANCEL",                      "RFC 3261 9.1")
ROW   (PROCEEDING, T_LIFE,     always,        PROCEEDING, send_cancel,     "timer C: rang too long",                          "RFC 3261 16.8")
IGNORE(PROCEEDING, UNSENT,                                                 "the INVITE arrived; nothing of ours is awaited",  "RFC 3261 17.1.4")
IGNORE(COMPLETED,  RX_1XX,                                                 "late provisional",                                "RFC 3261 17.1.1.2")
IGNORE(COMPLETED,  RX_2XX,                                                 "a second final answer of a broken proxy",         "RFC 3261 17.1.1.2")
ROW   (COMPLETED,  RX_REFUSAL, always,        COMPLETED,  ack,             "refusal repeated: ACK again",                     "RFC 3261 17.1.1.2")
IGNORE(COMPLETED,  TX_CANCEL,                                              "too late to cancel",                              "RFC 3261 9.1")
IGNORE(COMPLETED,  T_RESEND,                                               "not armed here",                                  "RFC 3261 17.1.1.2")
ROW   (COMPLETED,  T_LIFE,     always,        TERMINATED, nothing,         "timer D",                                         "RFC 3261 17.1.1.2")
ROW   (COMPLETED,  UNSENT,     always,        TERMINATED, nothing,         "the ACK cannot be sent; the core has the answer", "RFC 3261 17.1.1.2")
IGNORE(ACCEPTED,   RX_1XX,                                                 "late provisional of another fork",                "RFC 6026 8.4")
ROW   (ACCEPTED,   RX_2XX,     always,        ACCEPTED,   pass_up,         "repeated, or of another fork: the core ACKs",     "RFC 6026 8.4")
IGNORE(ACCEPTED,   RX_REFUSAL,                                             "refusal of another fork",                         "RFC 6026 8.4")
IGNORE(ACCEPTED,   TX_CANCEL,                                              "too late to cancel: BYE ends it",                 "RFC 3261 9.1")
IGNORE(ACCEPTED,   T_RESEND,                                               "not armed here",                                  "RFC 6026 8.4")
ROW   (ACCEPTED,   T_LIFE,     always,        TERMINATED, nothing,         "timer M",                                         "RFC 6026 8.4")
IGNORE(ACCEPTED,   UNSENT,                                                 "the ACK is repeated with the next 2xx",           "RFC 6026 8.4")
/* clang-format on */
#undef FINAL
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
