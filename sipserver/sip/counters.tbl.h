/* clang-format off */
/* COUNTER(enum, name for operators, meaning) */
COUNTER(RECEIVED,        "received",         "datagrams that came in")
COUNTER(KEEPALIVES,      "keepalives",       "empty or CRLF-only datagrams (RFC 5626 4.4.1), dropped")
COUNTER(STUN,            "stun",             "STUN messages at the SIP port: keep-alives over UDP (RFC 5626 4.4.2)")
COUNTER(BAD_ANSWERED,    "bad_answered",     "malformed requests that were answered")
COUNTER(BAD_DROPPED,     "bad_dropped",      "malformed messages that cannot be answered")
COUNTER(RETRANSMISSIONS, "retransmissions",  "requests absorbed or answered again by their transaction")
COUNTER(RESENT,          "resent",           "datagrams that our timers sent again")
COUNTER(MERGED,          "merged",           "merged requests answered 482")
COUNTER(CANCEL_UNKNOWN,  "cancel_unknown",   "CANCELs without a transaction answered 481")
COUNTER(RESPONSE_STRAY,  "response_stray",   "responses without a transaction, dropped")
COUNTER(RESPONSE_VIAS,   "response_vias",    "responses with more than one Via, dropped")
COUNTER(RESPONSE_OTHERS, "response_others",  "responses whose Via is not ours, dropped")
COUNTER(ABSORBED,        "absorbed",         "messages for which the transaction's table has an IGNORE")
COUNTER(SERVER_FULL,     "server_full",      "requests beyond the pool of server transactions")
COUNTER(CLIENT_FULL,     "client_full",      "own requests beyond the pool of client transactions")
COUNTER(TOO_LARGE,       "too_large",        "messages beyond the message size of a transaction")
COUNTER(OUT_REFUSED,     "out_refused",      "datagrams for which the caller's out had no room")
COUNTER(TIMEOUTS,        "timeouts",         "client transactions that ended without an answer")
COUNTER(NO_ACK,          "no_ack",           "INVITE answers that were never acknowledged")
COUNTER(NO_PRACK,        "no_prack",         "reliable provisional responses that were never acknowledged")
#undef COUNTER
/* clang-format on */
