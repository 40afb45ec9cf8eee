/* processes - the programs of a host, as they name themselves in the envelope.
 * Include with PROCESS defined; it is undefined at the end. */
/* clang-format off */
/*       name        value  program       meaning */
PROCESS( HAMGR,      1,     "hamgr",      "holds the roles of its host and supervises its processes" )
PROCESS( SIPSERVER,  2,     "sipserver",  "registrar, call control, queues, agents" )
PROCESS( CONFPROXY,  3,     "confproxy",  "Configuration Server (when it holds the ticket) or Configuration Server Proxy" )
PROCESS( STATSERVER, 4,     "statserver", "statistics, history, status page" )
PROCESS( DESKTOP,    5,     "desktop",    "agent gateway" )
PROCESS( ARBITER,    6,     "hamgr",      "third voice: votes and evidence, on nobody's call path" )
PROCESS( CLI,        7,     "hamgr",      "the operator's command line" )
/* clang-format on */
#undef PROCESS
