/* conf.tbl.h - every timeout and limit of hamgr's core: field, option name, unit, default, least,
 * most, meaning.  The names are those of the configuration file and of the manual page. */
/* clang-format off */
OPTION(lease_ttl_ms,       "lease-ttl",            "ms",   1000,   100,  60000, "how long a granted role lasts without renewal")
OPTION(renew_ms,           "renew-interval",       "ms",    250,    20,  20000, "how often the holder of a role renews it")
OPTION(ticket_ttl_ms,      "ticket-ttl",           "ms",   3000,   100, 120000, "how long the granted ticket of the configuration writer lasts without renewal")
OPTION(ticket_renew_ms,    "ticket-renew",         "ms",    500,    20,  40000, "how often the ticket is renewed")
OPTION(ask_ms,             "ask-timeout",          "ms",    300,    20,  10000, "how long a candidate waits for the voters' answers")
OPTION(backoff_ms,         "candidate-backoff",    "ms",     60,     5,   5000, "random pause before a candidate asks; longer by twice that at the host that is not preferred, while it hears the preferred one")
OPTION(drift_ppm,          "drift-ppm",            "ppm",   500,     0,  10000, "how much a host's clock may run fast or slow")
OPTION(margin_ms,          "drift-margin",         "ms",     20,     1,   5000, "taken off by the holder and added by the voter, besides the drift")
OPTION(tilt_after_ms,      "tilt-after",           "ms",    600,    50,  60000, "a longer gap between two steps is a clock jump or a freeze")
OPTION(tilt_hold_ms,       "tilt-hold",            "ms",   1000,     0, 600000, "how long after one no new right is taken")
OPTION(beat_ms,            "beat-interval",        "ms",    250,    20,  20000, "how often a host beats to every other host")
OPTION(silent_after_ms,    "silent-after",         "ms",   1000,   100,  60000, "a host not heard for so long is silent")
OPTION(dead_after_ms,      "site-dead-after",      "ms",   3000,   200, 300000, "a site that neither we nor the arbiter heard for so long is dead")
OPTION(promote_ms,         "promote-window",       "ms",  15000,   100, 600000, "how long a site promote of the operator goes on trying")
OPTION(start_ms,           "component-start-limit","ms",  10000,   100, 600000, "a component not ready so long after its start is wedged")
OPTION(comp_beat_ms,       "component-beat-limit", "ms",   2000,   100,  60000, "a component without a beat through its work path for so long is wedged")
OPTION(patience_ms,        "restart-patience",     "ms",   1000,     0, 600000, "a component may be away for so long before the host counts as bad")
OPTION(restart_ms,         "restart-delay",        "ms",    100,    10,  60000, "pause before a restart; doubles with each failure")
OPTION(restart_most_ms,    "restart-delay-most",   "ms",   5000,    10, 600000, "the longest pause before a restart")
OPTION(start_limit,        "start-limit",          "",        5,     1,      8, "so many failures within the interval are a crash loop")
OPTION(start_limit_ms,     "start-limit-interval", "ms",  60000,  1000,3600000, "the interval; also how long a crash loop is left alone")
OPTION(antiflap_moves,     "anti-flap-moves",      "",        2,     1,      8, "automatic moves between two live hosts within the window")
OPTION(antiflap_ms,        "anti-flap-window",     "ms", 600000,  1000,3600000, "the window")
OPTION(address_retry_ms,   "address-retry",        "ms",    500,    50,  60000, "pause before a failed change of the site address is tried again")
/* clang-format on */
#undef OPTION
