/* lease.tbl.h - candidate and holder of one right.  States, events, rows; first match wins within a
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
STATE(IDLE,     "does not hold it and asks nobody")
STATE(PROBING,  "asks the voters whether they would grant it")
STATE(ASKING,   "asks for it: its own voter first, then the others")
STATE(HOLDING,  "holds it until the deadline")
STATE(YIELDING, "holds it, renews it no more, and waits until all output has stopped")

EVENT(ENDED,    "the deadline has come")
EVENT(DUE,      "the next try, the end of an attempt, or the next renewal is due")
EVENT(REPLY,    "a voter's answer to a request of ours")
EVENT(RELEASED, "the holder has let go and named us")
EVENT(YIELD,    "an operator or the health gate wants it handed on")
EVENT(STOPPED,  "all output under it has stopped")
EVENT(DROP,     "it is of no use to us any more")
EVENT(SAY,      "the holder sends without its backup from now on, or no more")

/*     from      event     guard             to        action       why                                                   source */
IGNORE(IDLE,     ENDED,                                             "nothing is held",                                    "failover.md, the holder")
ROW   (IDLE,     DUE,      may_not_take,     IDLE,     wait,        "not to be taken by us now",                          "H-13; style.md 2.2")
ROW   (IDLE,     DUE,      held_by_other,    IDLE,     wait_held,   "our own voter has promised it to another",           "architecture.md 4")
ROW   (IDLE,     DUE,      pause_first,      IDLE,     back_off,    "looks free: the preferred host asks first",          "H-1")
ROW   (IDLE,     DUE,      always,           PROBING,  probe,       "free as far as we know",                             "H-3")
IGNORE(IDLE,     REPLY,                                             "to an attempt given up",                             "failover.md, the candidate")
ROW   (IDLE,     RELEASED, may_take,         ASKING,   succeed,     "handed to us: no wait",                              "H-10")
IGNORE(IDLE,     RELEASED,                                          "handed to us, but we must not take it now",          "H-13")
IGNORE(IDLE,     YIELD,                                             "nothing is held",                                    "failover.md, the holder")
IGNORE(IDLE,     STOPPED,                                           "nothing is held",                                    "failover.md, the holder")
IGNORE(IDLE,     DROP,                                              "nothing is held",                                    "failover.md, the holder")
IGNORE(IDLE,     SAY,                                                  "nothing is held",                                    "H-14")

IGNORE(PROBING,  ENDED,                                             "nothing is held",                                    "failover.md, the holder")
ROW   (PROBING,  DUE,      always,           IDLE,     retry_later, "too few voters answered",                            "H-5")
ROW   (PROBING,  REPLY,    better_copy_there,IDLE,     step_back,   "our copy is stale and the other host's is not: it first", "H-14")
ROW   (PROBING,  REPLY,    newer_copy_there, IDLE,     step_back,   "the other host's copy is of a later epoch: it first", "H-5; H-7")
ROW   (PROBING,  REPLY,    copy_may_be_there,IDLE,     step_back,   "no copy here, and the other host is not heard: it first", "H-5; H-7")
ROW   (PROBING,  REPLY,    majority_would,   ASKING,   ask_self,    "a majority would grant it",                          "failover.md, the candidate")
ROW   (PROBING,  REPLY,    hopeless,         IDLE,     retry_later, "no majority would",                                  "H-5; NF-6")
ROW   (PROBING,  REPLY,    free_soon,        PROBING,  shorten,     "what is in the way ends before this attempt: then again", "H-3")
ROW   (PROBING,  REPLY,    always,           PROBING,  nothing,     "others have not answered",                           "failover.md, the candidate")
ROW   (PROBING,  RELEASED, always,           ASKING,   succeed,     "handed to us: no wait",                              "H-10")
IGNORE(PROBING,  YIELD,                                             "nothing is held",                                    "failover.md, the holder")
IGNORE(PROBING,  STOPPED,                                           "nothing is held",                                    "failover.md, the holder")
ROW   (PROBING,  DROP,     always,           IDLE,     wait,        "not wanted any more",                                "style.md 2.2")
IGNORE(PROBING,  SAY,                                                  "nothing is held",                                    "H-14")

IGNORE(ASKING,   ENDED,                                             "nothing is held",                                    "failover.md, the holder")
ROW   (ASKING,   DUE,      always,           IDLE,     retry_later, "too few voters granted it in time",                  "failover.md, the candidate")
ROW   (ASKING,   REPLY,    majority_granted, HOLDING,  take,        "a majority has granted it",                          "architecture.md 4; H-3")
ROW   (ASKING,   REPLY,    own_vote_came,    ASKING,   ask_others,  "our own vote is on disk",                            "failover.md, the candidate")
ROW   (ASKING,   REPLY,    hopeless,         IDLE,     retry_later, "no majority grants it",                              "H-5")
ROW   (ASKING,   REPLY,    always,           ASKING,   nothing,     "others have not answered",                           "failover.md, the candidate")
ROW   (ASKING,   RELEASED, always,           ASKING,   succeed,     "handed to us: no wait",                              "H-10")
IGNORE(ASKING,   YIELD,                                             "nothing is held",                                    "failover.md, the holder")
IGNORE(ASKING,   STOPPED,                                           "nothing is held",                                    "failover.md, the holder")
ROW   (ASKING,   DROP,     always,           IDLE,     wait,        "not wanted any more",                                "style.md 2.2")
IGNORE(ASKING,   SAY,                                                  "nothing is held",                                    "H-14")

ROW   (HOLDING,  ENDED,    always,           IDLE,     lose,        "no majority renewed it in time",                     "architecture.md 4; I1")
ROW   (HOLDING,  DUE,      always,           HOLDING,  renew,       "renewal",                                            "architecture.md 4")
ROW   (HOLDING,  REPLY,    always,           HOLDING,  extend,      "a voter answered the renewal",                       "architecture.md 4")
IGNORE(HOLDING,  RELEASED,                                          "we hold it already",                                 "failover.md, hand-over")
ROW   (HOLDING,  YIELD,    always,           YIELDING, stop_first,  "output stops before anything is released",           "architecture.md 4; H-10; H-11")
IGNORE(HOLDING,  STOPPED,                                           "nobody asked for it",                                "failover.md, hand-over")
ROW   (HOLDING,  DROP,     always,           IDLE,     lose,        "of no use without the role of the site",             "C-4")
ROW   (HOLDING,  SAY,      always,           HOLDING,  say,         "the voters are to have it on record before it is done", "architecture.md 5; H-14")

ROW   (YIELDING, ENDED,    always,           IDLE,     release,     "every order has run out: all output has stopped",    "architecture.md 4")
IGNORE(YIELDING, DUE,                                               "no renewal while yielding",                          "failover.md, hand-over")
IGNORE(YIELDING, REPLY,                                             "no renewal while yielding",                          "failover.md, hand-over")
IGNORE(YIELDING, RELEASED,                                          "we are letting go ourselves",                        "failover.md, hand-over")
IGNORE(YIELDING, YIELD,                                             "under way",                                          "failover.md, hand-over")
ROW   (YIELDING, STOPPED,  always,           IDLE,     release,     "all output has stopped, and said so",                "architecture.md 4; H-10")
IGNORE(YIELDING, DROP,                                              "the release follows",                                "failover.md, hand-over")
IGNORE(YIELDING, SAY,                                                  "output is being stopped",                            "H-14")
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
