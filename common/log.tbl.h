/* log messages - what a log line can be about.  The number is part of the journal's MESSAGE_ID and
 * never changes or is given again; append new ones.  The name stands in the line.
 * Include with LOG_MESSAGE defined; it is undefined at the end. */
/* clang-format off */
/*           name          number  meaning */
LOG_MESSAGE( START,        0x01,   "a process has started, or cannot" )
LOG_MESSAGE( STOP,         0x02,   "a process stops" )
LOG_MESSAGE( BOOTSTRAP,    0x03,   "the bootstrap file is wrong" )
LOG_MESSAGE( FAULT,        0x04,   "the environment failed us: a file, a port, memory" )
LOG_MESSAGE( CLOCK,        0x05,   "the clock jumped or the process stood still" )
LOG_MESSAGE( LOOP,         0x06,   "a turn of the loop took too long" )

LOG_MESSAGE( BUS_LINK,     0x10,   "a connection between processes came or went" )
LOG_MESSAGE( BUS_REFUSED,  0x11,   "messages were refused, with the reason" )
LOG_MESSAGE( BUS_FULL,     0x12,   "a queue was full and messages were dropped" )
LOG_MESSAGE( KEYS,         0x13,   "a key is missing or wrong" )

LOG_MESSAGE( STORE,        0x18,   "the store: opened, full, has room again, broken" )

LOG_MESSAGE( ROLE,         0x20,   "the role of a host, or of a process, changed" )
LOG_MESSAGE( LEASE,        0x21,   "a right was granted, refused, renewed by nobody, released" )
LOG_MESSAGE( TICKET,       0x22,   "the right to write the configuration" )
LOG_MESSAGE( ADDRESS,      0x23,   "the site address was added, removed or announced" )
LOG_MESSAGE( COMPONENT,    0x24,   "a supervised process started, died, hung, or was restarted" )
LOG_MESSAGE( BEAT,         0x25,   "a host or a process fell silent or is heard again" )
LOG_MESSAGE( SITE,         0x26,   "the judgement about the other site, with the evidence" )
LOG_MESSAGE( OPERATOR,     0x27,   "a verb of the operator, its outcome" )
LOG_MESSAGE( SERVING,      0x28,   "this process serves (to=SERVING) or has stopped (to=STOPPED): the record that invariant I1 is checked from" )
LOG_MESSAGE( REPLICA,      0x29,   "a backup's copy of the calls: begun, whole, differs; the primary goes on alone" )

LOG_MESSAGE( MODE,         0x30,   "the mode of a site changed" )
LOG_MESSAGE( TRUNK,        0x31,   "a trunk went in or out of service" )
LOG_MESSAGE( DN,           0x32,   "a DN went in or out of service" )
LOG_MESSAGE( REGISTRATION, 0x33,   "a phone registered, or its registration ended" )
LOG_MESSAGE( AGENT,        0x34,   "an agent's state changed" )
LOG_MESSAGE( CALL,         0x35,   "a call's state changed" )
LOG_MESSAGE( FORWARD,      0x36,   "a call was forwarded to the peer site" )
LOG_MESSAGE( QUEUE,        0x37,   "a call entered or left a queue" )
LOG_MESSAGE( OVERLOAD,     0x38,   "requests were refused because a table or a rate is at its limit" )
LOG_MESSAGE( SIP,          0x39,   "a SIP message was refused, with the reason" )

LOG_MESSAGE( CONFIG,       0x40,   "the configuration: imported, changed, refused" )
LOG_MESSAGE( COPY,         0x41,   "a copy of the configuration follows, is behind, was re-seeded" )
LOG_MESSAGE( WRITER,       0x42,   "this host began or ended writing the configuration" )
LOG_MESSAGE( CONFLICT,     0x43,   "both sites wrote the configuration" )

LOG_MESSAGE( STATS,        0x48,   "statistics: a source joined, a gap was closed" )
LOG_MESSAGE( HTTP,         0x49,   "the HTTP side: listening, refused" )
LOG_MESSAGE( DESKTOP,      0x4a,   "an agent's desktop connected, lost its site, moved" )
LOG_MESSAGE( GATEWAY,      0x4b,   "a media gateway's view" )
/* clang-format on */
#undef LOG_MESSAGE
