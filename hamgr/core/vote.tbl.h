/* vote.tbl.h - the voter of one right.  States, events, rows; first match wins within a pair. */
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
STATE(EMPTY,    "nothing on disk: abstains until a majority has taught it")
STATE(LEARNING, "taught; waits until whatever it may have promised and lost has run out")
STATE(FREE,     "no promise is live; the last holder may be on record")
STATE(HELD,     "promised to the holder on record, until then to nobody else")
STATE(SAVING,   "a change is being written; what it promises is said when it is on disk")

EVENT(JUMPED,      "the clock jumped: the age of the promise is unknown")
EVENT(DUE,         "the time waited for has come")
EVENT(ASKED,       "a candidate or holder asks, or probes")
EVENT(RELEASED,    "a holder has stopped and lets go")
EVENT(LEAVE,       "this host is being stopped in good order")
EVENT(RECALL,      "the operator takes our lent vote back without its borrower")
EVENT(TAUGHT,      "another voter says what it has on record")
EVENT(SAVED,       "the change is on disk")
EVENT(SAVE_FAILED, "the disk refused the change")

/*     from      event        guard             to        action          why                                                   source */
IGNORE(EMPTY,    JUMPED,                                                  "nothing is timed",                                   "failover.md, the voter")
IGNORE(EMPTY,    DUE,                                                     "nothing is timed",                                   "failover.md, the voter")
ROW   (EMPTY,    ASKED,       always,           EMPTY,    refuse,         "the store was lost: abstain",                        "architecture.md 4; H-1")
IGNORE(EMPTY,    RELEASED,                                                "nothing is on record to release",                    "failover.md, the voter")
IGNORE(EMPTY,    LEAVE,                                                   "there is nothing to lend",                           "failover.md, the voter")
IGNORE(EMPTY,    RECALL,                                                  "whether it is lent is not known",                    "failover.md, a vote that is lent; H-10")
ROW   (EMPTY,    TAUGHT,      majority_taught,  LEARNING, wait_longest,   "a majority has said what it knows",                  "architecture.md 4")
ROW   (EMPTY,    TAUGHT,      always,           EMPTY,    nothing,        "too few have spoken yet",                            "architecture.md 4")
IGNORE(EMPTY,    SAVED,                                                   "nothing is being written",                           "failover.md, the voter")
IGNORE(EMPTY,    SAVE_FAILED,                                             "nothing is being written",                           "failover.md, the voter")

ROW   (LEARNING, JUMPED,      always,           LEARNING, wait_longest,   "how long it has waited is unknown",                  "failover.md, clocks")
ROW   (LEARNING, DUE,         always,           SAVING,   save_lesson,    "the longest ttl has passed",                         "architecture.md 4")
ROW   (LEARNING, ASKED,       always,           LEARNING, refuse,         "abstain until then",                                 "architecture.md 4")
IGNORE(LEARNING, RELEASED,                                                "the successor asks anyway, and says so",             "failover.md, hand-over")
IGNORE(LEARNING, LEAVE,                                                   "nothing may be lent before it may be used",          "failover.md, the voter")
IGNORE(LEARNING, RECALL,                                                  "it is not on disk yet that it is lent",              "failover.md, a vote that is lent; H-10")
ROW   (LEARNING, TAUGHT,      lesson_longer,    LEARNING, wait_longest,   "a longer ttl has been promised than was known",      "architecture.md 4")
IGNORE(LEARNING, TAUGHT,                                                  "the highest record counts",                          "failover.md, the voter")
IGNORE(LEARNING, SAVED,                                                   "nothing is being written",                           "failover.md, the voter")
IGNORE(LEARNING, SAVE_FAILED,                                             "nothing is being written",                           "failover.md, the voter")

IGNORE(FREE,     JUMPED,                                                  "no promise is live",                                 "failover.md, clocks")
IGNORE(FREE,     DUE,                                                     "nothing is timed",                                   "failover.md, the voter")
ROW   (FREE,     ASKED,       refusable,        FREE,     refuse,         "a stale epoch, or a copy that is behind",            "architecture.md 4; C-6")
ROW   (FREE,     ASKED,       only_probe,       FREE,     would_grant,    "it would be granted",                                "failover.md, the candidate")
ROW   (FREE,     ASKED,       on_record,        HELD,     grant,          "the holder on record renews",                        "architecture.md 4")
ROW   (FREE,     ASKED,       always,           SAVING,   save_grant,     "a new holder, or a higher epoch: on disk first",     "architecture.md 4; H-1")
ROW   (FREE,     RELEASED,    of_record,        SAVING,   save_release,   "the holder lets go, late",                           "architecture.md 4")
IGNORE(FREE,     RELEASED,                                                "a later epoch is on record: a late copy",             "architecture.md 4")
ROW   (FREE,     LEAVE,        borrows,          SAVING,   save_return,    "the other host's vote goes back with us",           "failover.md, a vote that is lent; H-10")
ROW   (FREE,     LEAVE,        may_lend,         SAVING,   save_lend,      "ours goes to the primary, which stays",             "failover.md, a vote that is lent; H-10")
IGNORE(FREE,     LEAVE,                                                   "it is lent, or nobody takes it",                     "failover.md, a vote that is lent; H-10")
ROW   (FREE,     RECALL,       lent,             SAVING,   save_recall,    "back at the operator's word",                       "failover.md, a vote that is lent; H-10")
IGNORE(FREE,     RECALL,                                                  "it is at home",                                      "failover.md, a vote that is lent; H-10")
ROW   (FREE,     TAUGHT,       loan_news,        SAVING,   save_loans,     "a vote is lent, or back",                           "failover.md, a vote that is lent; H-10")
IGNORE(FREE,     TAUGHT,                                                  "our own record counts",                              "failover.md, the voter")
IGNORE(FREE,     SAVED,                                                   "nothing is being written",                           "failover.md, the voter")
IGNORE(FREE,     SAVE_FAILED,                                             "nothing is being written",                           "failover.md, the voter")

ROW   (HELD,     JUMPED,      always,           HELD,     promise_anew,   "its age is unknown: count it as just made",          "architecture.md 4; failover.md, clocks")
ROW   (HELD,     DUE,         always,           FREE,     nothing,        "the promise ran out on our clock",                   "architecture.md 4")
ROW   (HELD,     ASKED,       refusable,        HELD,     refuse,         "another holder, a stale epoch, or a copy behind",    "architecture.md 4; I1")
ROW   (HELD,     ASKED,       only_probe,       HELD,     would_grant,    "it would be granted",                                "failover.md, the candidate")
ROW   (HELD,     ASKED,       on_record,        HELD,     grant,          "the holder renews: from memory",                     "architecture.md 4; H-12")
ROW   (HELD,     ASKED,       always,           SAVING,   save_grant,     "a higher epoch, or a word of the holder; on disk first", "architecture.md 4; H-14")
ROW   (HELD,     RELEASED,    of_record,        SAVING,   save_release,   "the holder has stopped and lets go",                 "architecture.md 4; H-10")
IGNORE(HELD,     RELEASED,                                                "a later epoch is on record: a late copy",             "architecture.md 4")
ROW   (HELD,     LEAVE,        borrows,          SAVING,   save_return,    "the other host's vote goes back with us",           "failover.md, a vote that is lent; H-10")
ROW   (HELD,     LEAVE,        may_lend,         SAVING,   save_lend,      "ours goes to the primary, which stays",             "failover.md, a vote that is lent; H-10")
IGNORE(HELD,     LEAVE,                                                   "it is lent, or nobody takes it",                     "failover.md, a vote that is lent; H-10")
ROW   (HELD,     RECALL,       lent,             SAVING,   save_recall,    "back at the operator's word",                       "failover.md, a vote that is lent; H-10")
IGNORE(HELD,     RECALL,                                                  "it is at home",                                      "failover.md, a vote that is lent; H-10")
ROW   (HELD,     TAUGHT,       loan_news,        SAVING,   save_loans,     "a vote is lent, or back",                           "failover.md, a vote that is lent; H-10")
IGNORE(HELD,     TAUGHT,                                                  "our own record counts",                              "failover.md, the voter")
IGNORE(HELD,     SAVED,                                                   "nothing is being written",                           "failover.md, the voter")
IGNORE(HELD,     SAVE_FAILED,                                             "nothing is being written",                           "failover.md, the voter")

ROW   (SAVING,   JUMPED,      was_held,         SAVING,   promise_anew,   "the old promise may be live: its age is unknown",    "failover.md, clocks")
IGNORE(SAVING,   JUMPED,                                                  "no promise is live",                                 "failover.md, clocks")
IGNORE(SAVING,   DUE,                                                     "the write decides what follows",                     "failover.md, the voter")
ROW   (SAVING,   ASKED,       renews_meanwhile, SAVING,   grant,          "only the holder's word is being written: from memory", "H-12; H-14")
ROW   (SAVING,   ASKED,       is_pending,       SAVING,   answer_later,   "what is being written is what it asks for",          "failover.md, hand-over")
ROW   (SAVING,   ASKED,       always,           SAVING,   refuse,         "busy: one change at a time",                         "failover.md, the voter")
IGNORE(SAVING,   RELEASED,                                                "the successor asks anyway, and says so",             "failover.md, hand-over")
IGNORE(SAVING,   LEAVE,                                                   "one change at a time",                               "failover.md, the voter")
IGNORE(SAVING,   RECALL,                                                  "one change at a time",                               "failover.md, a vote that is lent; H-10")
IGNORE(SAVING,   TAUGHT,                                                  "our own record counts",                              "failover.md, the voter")
ROW   (SAVING,   SAVED,       promises,         HELD,     promise,        "on disk: now it may be said",                        "architecture.md 3")
ROW   (SAVING,   SAVED,        stands,           HELD,     adopt,          "the promise is as it was",                          "failover.md, a vote that is lent; H-10")
ROW   (SAVING,   SAVED,       always,           FREE,     adopt,          "on disk; nobody holds it",                           "architecture.md 4")
ROW   (SAVING,   SAVE_FAILED, word_failed,      HELD,     promise_without, "the promise stands; the holder's word is not on record", "H-12; H-14")
ROW   (SAVING,   SAVE_FAILED, was_held,         HELD,     refuse_saved,   "not promised; the old promise stands",               "architecture.md 3; H-12")
ROW   (SAVING,   SAVE_FAILED, was_learning,     LEARNING, wait_longest,   "what was taught is not on disk: later again",        "architecture.md 3; H-12")
ROW   (SAVING,   SAVE_FAILED, always,           FREE,     refuse_saved,   "not promised",                                       "architecture.md 3; H-12")
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
