/* upgrade.tbl.h - what speaks against an upgrade now: name, text after the host's name, what to do.
 */
/* clang-format off */
REASON(SILENT,     "is not heard",                                             "bring it back first: with two hosts away its site may stand still")
REASON(ALONE,      "has no second host in its site",                           "its calls end with its upgrade: choose a quiet time, and do it by hand")
REASON(NO_PRIMARY, "is of a site without a primary",                           "see `hamgr why` there")
REASON(PAUSED,     "is paused",                                                "say `hamgr resume`: a paused host takes no role")
REASON(UNWELL,     "is not healthy",                                           "see `hamgr status`, and mend what is wrong first")
REASON(UNREADY,    "is backup and not ready for switchover",                   "wait until its copy is whole: `hamgr status`")
REASON(PROCESS,    "has a process that is not there, or does not say its wire version", "see COMPONENTS of `hamgr status`")
REASON(APART,      "speaks a wire version more than one behind the newest",    "upgrade it by way of the version between, and nothing else before")
/* clang-format on */
#undef REASON
