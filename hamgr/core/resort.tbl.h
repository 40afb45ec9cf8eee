/* resort.tbl.h - what a host does that hears neither its pair's other host nor the witness
 * (last-resort: probe).  States, events, rows; first match wins within a pair. */
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
STATE(OFF,     "a voter is heard, or the role is held, or this host is not the one to serve")
STATE(WAITING, "nobody is heard: waits until the old lease has run out twice over")
STATE(PROBING, "asks the reference addresses and the site address")
STATE(SERVING, "serves because nobody else does, as far as the probes tell: no majority stands behind it")

EVENT(HEARD,    "the pair's other host or the witness is heard")
EVENT(UNHEARD,  "neither is, and this host has not the role")
EVENT(DUE,      "the time waited for has come")
EVENT(NOBODY,   "the probes: the network is there, and nobody serves at the site address")
EVENT(SOMEBODY, "the probes: the site address answers, or no reference address does")
EVENT(MAJORITY, "a majority has granted the role")
EVENT(RIVAL,    "another host has the role")

/*     from      event     guard       to        action      why                                                    source */
IGNORE(OFF,      HEARD,                                      "the usual way: a majority",                           "failover.md, last resort")
ROW   (OFF,      UNHEARD,  may,        WAITING,  wait_twice, "neither the other host nor the witness is heard",     "architecture.md 4")
IGNORE(OFF,      UNHEARD,                                    "last-resort: stop, or another host is the one named", "architecture.md 4")
IGNORE(OFF,      DUE,                                        "nothing is timed",                                    "failover.md, last resort")
IGNORE(OFF,      NOBODY,                                     "an answer too late",                                  "failover.md, last resort")
IGNORE(OFF,      SOMEBODY,                                   "an answer too late",                                  "failover.md, last resort")
IGNORE(OFF,      MAJORITY,                                   "the usual way",                                       "failover.md, last resort")
IGNORE(OFF,      RIVAL,                                      "the usual way",                                       "failover.md, last resort")

ROW   (WAITING,  HEARD,    always,     OFF,      nothing,    "a voter is heard again",                              "failover.md, last resort")
ROW   (WAITING,  UNHEARD,  may_not,    OFF,      nothing,    "this host must not take the role now",                "H-13; style.md 2.2")
IGNORE(WAITING,  UNHEARD,                                    "until the time has come",                             "failover.md, last resort")
ROW   (WAITING,  DUE,      always,     PROBING,  probe,      "any lease has run out twice over",                    "architecture.md 4")
IGNORE(WAITING,  NOBODY,                                     "an answer too late",                                  "failover.md, last resort")
IGNORE(WAITING,  SOMEBODY,                                   "an answer too late",                                  "failover.md, last resort")
ROW   (WAITING,  MAJORITY, always,     OFF,      nothing,    "the usual way",                                       "failover.md, last resort")
IGNORE(WAITING,  RIVAL,                                      "it has not the role",                                 "failover.md, last resort")

ROW   (PROBING,  HEARD,    always,     OFF,      nothing,    "a voter is heard again",                              "failover.md, last resort")
ROW   (PROBING,  UNHEARD,  may_not,    OFF,      nothing,    "this host must not take the role now",                "H-13; style.md 2.2")
IGNORE(PROBING,  UNHEARD,                                    "until the answers are there",                         "failover.md, last resort")
ROW   (PROBING,  DUE,      always,     WAITING,  wait_twice, "the probes did not end: again later",                 "failover.md, last resort")
ROW   (PROBING,  NOBODY,   always,     SERVING,  nothing,    "no majority: serves because nobody else does",        "architecture.md 4; H-5")
ROW   (PROBING,  SOMEBODY, always,     WAITING,  wait_twice, "somebody serves, or this host is the one cut off",    "architecture.md 4; H-5")
ROW   (PROBING,  MAJORITY, always,     OFF,      nothing,    "the usual way",                                       "failover.md, last resort")
IGNORE(PROBING,  RIVAL,                                      "it has not the role",                                 "failover.md, last resort")

ROW   (SERVING,  HEARD,    without,    OFF,      nothing,    "a voter is heard, and the role is lost",               "failover.md, last resort")
IGNORE(SERVING,  HEARD,                                      "every renewal asks them",                             "failover.md, last resort")
ROW   (SERVING,  UNHEARD,  may_not,    OFF,      nothing,    "this host must not take the role now",                "H-13; style.md 2.2")
IGNORE(SERVING,  UNHEARD,                                    "it is about to take it",                              "failover.md, last resort")
IGNORE(SERVING,  DUE,                                        "nothing is timed",                                    "failover.md, last resort")
IGNORE(SERVING,  NOBODY,                                     "an answer too late",                                  "failover.md, last resort")
IGNORE(SERVING,  SOMEBODY,                                   "an answer too late",                                  "failover.md, last resort")
ROW   (SERVING,  MAJORITY, always,     OFF,      nothing,    "a majority stands behind it again",                   "architecture.md 4")
ROW   (SERVING,  RIVAL,    always,     OFF,      nothing,    "another host has the role: this one stops",           "architecture.md 4; I1")
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
