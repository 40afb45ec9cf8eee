/* peering - the mode of the site (behaviour, section 3).  It touches new calls only.
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
STATE( SINGLE,     "dr-peer-trunk is set, the inter-site trunk is out of service: the site carries on alone" )
STATE( STANDALONE, "dr-peer-trunk is not set" )
STATE( PEERED,     "the inter-site trunk is in service" )

EVENT( NAMED,      "dr-peer-trunk names a trunk, and it did not before or named another" )
EVENT( UNNAMED,    "dr-peer-trunk names no trunk" )
EVENT( TRUNK_UP,   "the inter-site trunk came into service" )
EVENT( TRUNK_DOWN, "the inter-site trunk went out of service" )

/*      from        event       guard   to          action         why                                             source */
ROW   ( SINGLE,     NAMED,      always, SINGLE,     none,          "no proof of the peer yet",                     "behaviour 3" )
ROW   ( SINGLE,     UNNAMED,    always, STANDALONE, none,          "dr-peer-trunk is not set",                     "behaviour 3" )
ROW   ( SINGLE,     TRUNK_UP,   always, PEERED,     watch_phones,  "the inter-site trunk is in service",           "behaviour T-2, R-4" )
ROW   ( SINGLE,     TRUNK_DOWN, always, SINGLE,     none,          "the inter-site trunk is out of service",       "behaviour 3" )
ROW   ( STANDALONE, NAMED,      always, SINGLE,     none,          "no proof of the peer yet",                     "behaviour 3" )
IGNORE( STANDALONE, UNNAMED,                                       "unchanged",                                    "" )
IGNORE( STANDALONE, TRUNK_UP,                                      "no trunk is the inter-site trunk",             "" )
IGNORE( STANDALONE, TRUNK_DOWN,                                    "no trunk is the inter-site trunk",             "" )
ROW   ( PEERED,     NAMED,      always, SINGLE,     none,          "another inter-site trunk, no proof of the peer yet", "behaviour 3" )
ROW   ( PEERED,     UNNAMED,    always, STANDALONE, none,          "dr-peer-trunk is not set",                     "behaviour 3" )
IGNORE( PEERED,     TRUNK_UP,                                      "unchanged",                                    "" )
ROW   ( PEERED,     TRUNK_DOWN, always, SINGLE,     none,          "the inter-site trunk is out of service",       "behaviour SF-7, NF-2" )
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
