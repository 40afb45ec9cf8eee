/* clang-format off */
/* What the four transaction machines (invite_client, client, invite_server, server.tbl.h) have in common: their
 * numbers.  Each machine's table says which of the states and events it has, and what they mean. */
#ifdef MACHINE
MACHINE(ICT, "invite client")
MACHINE(NCT, "client")
MACHINE(IST, "invite server")
MACHINE(NST, "server")
#undef MACHINE
#endif
#ifdef STATE
STATE(CALLING)
STATE(TRYING)
STATE(PROCEEDING)
STATE(COMPLETED)
STATE(CONFIRMED)
STATE(ACCEPTED)
STATE(TERMINATED)
#undef STATE
#endif
#ifdef EVENT
EVENT(RX_1XX)
EVENT(RX_2XX)
EVENT(RX_REFUSAL)
EVENT(RX_REQUEST)
EVENT(RX_ACK)
EVENT(TX_1XX)
EVENT(TX_2XX)
EVENT(TX_REFUSAL)
EVENT(TX_CANCEL)
EVENT(T_RESEND)
EVENT(T_LIFE)
EVENT(UNSENT)
#undef EVENT
#endif
/* clang-format on */
