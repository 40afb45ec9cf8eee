/* supervise.tbl.h - one component of this host.  States, events, rows; first match wins within a
 * pair. */
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
STATE(DOWN,     "not started yet")
STATE(STARTING, "started, not ready")
STATE(READY,    "ready, and its beats come")
STATE(WEDGED,   "no beat through the work path, or never ready: being killed")
STATE(CRASHED,  "ended; waits for its restart")
STATE(FAILED,   "a crash loop: left alone for a while")

EVENT(JUMPED, "we did not run for a while: its beats may be waiting for us")
EVENT(DUE,    "the time waited for has come")
EVENT(REPORT, "it says that it is ready")
EVENT(BEAT,   "a beat through its work path")
EVENT(EXITED, "its process ended")

/*     from      event   guard       to        action     why                                                source */
IGNORE(DOWN,     JUMPED,                                  "not started",                                     "failover.md, clocks")
ROW   (STARTING, JUMPED, always,     STARTING, give_time, "it gets the whole time again",                    "failover.md, clocks")
ROW   (READY,    JUMPED, always,     READY,    beat,      "it gets the whole time again",                    "failover.md, clocks")
IGNORE(WEDGED,   JUMPED,                                  "it is being killed",                              "failover.md, clocks")
IGNORE(CRASHED,  JUMPED,                                  "the restart may come",                            "failover.md, clocks")
IGNORE(FAILED,   JUMPED,                                  "the restart may come",                            "failover.md, clocks")
ROW   (DOWN,     DUE,    always,     STARTING, start,     "first start",                                     "H-1")
IGNORE(DOWN,     REPORT,                                  "the first step starts it, and it says so again",  "H-2")
IGNORE(DOWN,     BEAT,                                    "it will say that it is ready",                    "H-2")
IGNORE(DOWN,     EXITED,                                  "not started by us",                               "H-2")
ROW   (STARTING, DUE,    always,     WEDGED,   kill,      "not ready in time",                               "H-11")
ROW   (STARTING, REPORT, always,     READY,    ready,     "ready",                                           "H-2")
IGNORE(STARTING, BEAT,                                    "not ready yet",                                   "H-2")
ROW   (STARTING, EXITED, crash_loop, FAILED,   give_up,   "failed too often",                                "H-2")
ROW   (STARTING, EXITED, always,     CRASHED,  wait,      "ended before it was ready",                       "H-2")
ROW   (READY,    DUE,    always,     WEDGED,   kill,      "no beat through the work path",                   "H-11")
ROW   (READY,    REPORT, always,     READY,    ready,     "says so again",                                   "H-2")
ROW   (READY,    BEAT,   always,     READY,    beat,      "alive",                                           "H-11")
ROW   (READY,    EXITED, crash_loop, FAILED,   give_up,   "failed too often",                                "H-2")
ROW   (READY,    EXITED, always,     CRASHED,  wait,      "ended",                                           "H-2")
ROW   (WEDGED,   DUE,    always,     WEDGED,   kill,      "still there: again",                              "H-11")
IGNORE(WEDGED,   REPORT,                                  "too late: it is being killed",                    "H-11")
IGNORE(WEDGED,   BEAT,                                    "too late: it is being killed",                    "H-11")
ROW   (WEDGED,   EXITED, crash_loop, FAILED,   give_up,   "failed too often",                                "H-2")
ROW   (WEDGED,   EXITED, always,     CRASHED,  wait,      "killed",                                          "H-11")
ROW   (CRASHED,  DUE,    always,     STARTING, start,     "restart",                                         "H-2")
ROW   (CRASHED,  REPORT, always,     READY,    ready,     "somebody else restarted it",                      "H-2")
IGNORE(CRASHED,  BEAT,                                    "of the process that ended",                       "H-2")
IGNORE(CRASHED,  EXITED,                                  "known",                                           "H-2")
ROW   (FAILED,   DUE,    always,     STARTING, start,     "left alone long enough",                          "H-2; H-12")
ROW   (FAILED,   REPORT, always,     READY,    ready,     "somebody restarted it",                           "H-2")
IGNORE(FAILED,   BEAT,                                    "of the process that ended",                       "H-2")
IGNORE(FAILED,   EXITED,                                  "known",                                           "H-2")
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
