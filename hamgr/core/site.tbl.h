/* site.tbl.h - what we believe of the other site.  States, events, rows; first match wins within a
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
STATE(UP,     "we, or the other host of our site, hear it")
STATE(SILENT, "we do not hear it and cannot tell why")
STATE(CUT,    "we do not hear it, but the arbiter does: the link is cut")
STATE(DEAD,   "neither we nor the arbiter hear any of its hosts")

EVENT(HEARD,    "a beat of one of its hosts, by us or by our pair's other host")
EVENT(REPORTED, "the arbiter says when it last heard the site")
EVENT(DUE,      "evidence may have expired")

/*     from    event     guard          to      action   why                                                              source */
ROW   (UP,     HEARD,    heard_lately,  UP,     nothing, "heard",                                                         "NF-6")
IGNORE(UP,     HEARD,                                    "an old report of our pair's other host",                        "NF-6")
IGNORE(UP,     REPORTED,                                 "our own ears count first",                                      "NF-6")
ROW   (UP,     DUE,      always,        SILENT, nothing, "not heard for silent-after",                                    "NF-6")
ROW   (SILENT, HEARD,    heard_lately,  UP,     nothing, "heard again",                                                   "NF-6")
IGNORE(SILENT, HEARD,                                    "an old report of our pair's other host",                        "NF-6")
ROW   (SILENT, REPORTED, arbiter_hears, CUT,    nothing, "the arbiter hears it",                                          "NF-6")
ROW   (SILENT, REPORTED, nobody_hears,  DEAD,   nothing, "neither we nor the arbiter heard it for site-dead-after",       "NF-6; SF-6; C-5")
ROW   (SILENT, REPORTED, always,        SILENT, nothing, "not for long enough yet",                                       "NF-6")
IGNORE(SILENT, DUE,                                      "nothing can expire",                                            "NF-6")
ROW   (CUT,    HEARD,    heard_lately,  UP,     nothing, "heard again",                                                   "NF-6")
IGNORE(CUT,    HEARD,                                    "an old report of our pair's other host",                        "NF-6")
ROW   (CUT,    REPORTED, arbiter_hears, CUT,    nothing, "the arbiter still hears it",                                    "NF-6")
ROW   (CUT,    REPORTED, always,        SILENT, nothing, "the arbiter does not hear it any more",                         "NF-6")
ROW   (CUT,    DUE,      always,        SILENT, nothing, "the arbiter's report expired",                                  "NF-6")
ROW   (DEAD,   HEARD,    heard_lately,  UP,     nothing, "heard again",                                                   "NF-6")
IGNORE(DEAD,   HEARD,                                    "an old report of our pair's other host",                        "NF-6")
ROW   (DEAD,   REPORTED, arbiter_hears, CUT,    nothing, "the arbiter hears it again",                                    "NF-6")
ROW   (DEAD,   REPORTED, always,        DEAD,   nothing, "still nothing",                                                 "NF-6")
ROW   (DEAD,   DUE,      always,        SILENT, nothing, "the arbiter's report expired: it is no proof any more",         "NF-6")
/* clang-format on */
#undef STATE
#undef EVENT
#undef ROW
#undef IGNORE
