/* profile.tbl.h - the timeouts that `profile: fast` sets where the file says nothing: option, member of struct
 * bootstrap_timeouts, member of struct ham_conf, milliseconds.  Everything else keeps its default.
 *
 * A dead host is left within 0.3 s, at the price of a machine that must never stand still for so long.
 * TIMEOUT_ELSEWHERE: not hamgr's core's.  Both are undefined at the end.
 */
#ifndef TIMEOUT
#define TIMEOUT(option, member, core, ms)
#endif
#ifndef TIMEOUT_ELSEWHERE
#define TIMEOUT_ELSEWHERE(option, member, ms)
#endif
/* clang-format off */
TIMEOUT("lease-ttl",            lease_ttl,            lease_ttl_ms,    220)
TIMEOUT("renew-interval",       renew_interval,       renew_ms,         55)
TIMEOUT("drift-margin",         drift_margin,         margin_ms,        10)
TIMEOUT("ask-timeout",          ask_timeout,          ask_ms,           60)
TIMEOUT("candidate-backoff",    candidate_backoff,    backoff_ms,       10)
TIMEOUT("beat-interval",        beat_interval,        beat_ms,          60)
TIMEOUT("silent-after",         silent_after,         silent_after_ms, 250)
TIMEOUT("tilt-after",           tilt_after,           tilt_after_ms,   200)
TIMEOUT("tilt-hold",            tilt_hold,            tilt_hold_ms,    250)
TIMEOUT("ticket-ttl",           ticket_ttl,           ticket_ttl_ms,  1000)
TIMEOUT("ticket-renew",         ticket_renew,         ticket_renew_ms, 200)
TIMEOUT("site-dead-after",      site_dead_after,      dead_after_ms,  1500)
TIMEOUT("component-beat-limit", component_beat_limit, comp_beat_ms,    600)
TIMEOUT_ELSEWHERE("component-beat-interval", component_beat_interval, 100)
/* clang-format on */
#undef TIMEOUT
#undef TIMEOUT_ELSEWHERE
