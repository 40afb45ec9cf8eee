/* clang-format off */
/* COUNTER(enum, name for operators, meaning).  What a connection's end or refusal was for (I6). */
COUNTER(ACCEPTED,        "connections_accepted",         "connections that came in")
COUNTER(CONNECTED,       "connections_made",             "connections that we made")
COUNTER(PAUSES,          "accept_pauses",                "times that no connection was let in for a moment: no descriptor, or no memory, was free")
COUNTER(PINGS,           "connection_pings",             "keep-alives answered (RFC 5626 4.4.1)")
COUNTER(IDLE,            "connections_idle",             "closed: nothing came for connection-idle")
COUNTER(MAX,             "drop_connections_max",         "closed at once: connections-max")
COUNTER(SOURCE,          "drop_connections_source",      "closed at once: connections-per-source-max")
COUNTER(SLOW,            "drop_connection_slow",         "closed: no message, or not a whole one, within connection-patience")
COUNTER(BROKEN,          "drop_connection_broken",       "closed: what came could not be cut into messages")
COUNTER(REFUSED,         "connection_refusals",          "of these, told why before the close: 400, 413 or 513")
COUNTER(OUTPUT_FULL,     "drop_connection_output_full",  "closed: the peer did not read, connection-output-max")
COUNTER(TLS_FAILED,      "drop_connection_tls",          "closed: the TLS handshake failed")
COUNTER(NOT_MADE,        "drop_connection_failed",       "connections that could not be made")
COUNTER(FLOW_GONE,       "drop_flow_gone",               "messages for a connection that is over and cannot be made anew")
COUNTER(FENCED,          "drop_stream_fenced",           "messages not sent: the right to serve had run out")
#undef COUNTER
/* clang-format on */
