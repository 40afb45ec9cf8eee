/* verbs - what an operator can say.  Include with VERB defined; it is undefined at the end. */
/* clang-format off */
/*    name             function           most arguments       meaning; most: how many arguments, options not counted */
VERB( "init",          verb_init,         1,  "[DIR] [--force]",     "found a deployment: keys and first votes for every host of the bootstrap file; once, before the first start" )
VERB( "run",           verb_run,          0,  "[--supervise]",  "run this host: hold its roles; with --supervise start and watch its processes too" )
VERB( "arbiter",       verb_arbiter,      0,  "",               "run the arbiter: a third voice with a vote, on nobody's call path" )
VERB( "status",        verb_status,       0,  "[--json]",       "hosts, roles, modes, judgement of the other site, the configuration writer" )
VERB( "why",           verb_why,          0,  "[--json]",       "the present of this host in sentences: its role, its health, the copy, what `switchover` and `site promote` would be answered, and the last of roles and tickets" )
VERB( "events",        verb_events,       0,  "[--follow]",     "what happened here: roles, leases, components, sites" )
VERB( "switchover",    verb_switchover,   1,  "[SITE]",         "hand the role of this site's primary over to its backup, planned; refused when the backup is not ready" )
VERB( "site promote",  verb_site_promote, 1,  "[SITE] [--force]", "bring the Configuration Server of this site into service when the other site's is lost; --force, only without an arbiter: by the votes of this site's two hosts, the other site being stopped for sure" )
VERB( "pause",         verb_pause,        0,  "",               "let this host take or give no role by itself, until `resume`; say it at both hosts of a site before work on them" )
VERB( "resume",        verb_resume,       0,  "",               "end `pause`" )
VERB( "acknowledge",   verb_acknowledge,  0,  "",               "forget the automatic moves that anti-flap has counted at the hosts of this site, so that the role may move again" )
VERB( "upgrade-check", verb_upgrade_check, 0, "[--json]",      "may the hosts be upgraded one after the other now?  The wire version of each process, what speaks against it, and what is to be done in which order" )
VERB( "recall",        verb_recall,       0,  "--force",        "take the vote of this host back, which it lent when it was stopped, without the host that has it: only when that one is stopped for good" )
VERB( "config import", verb_config_import,1,  "FILE [--wait]",  "replace the configuration by that of a YAML file; refused whole when anything in it is wrong" )
VERB( "config export", verb_config_export,1,  "[FILE]",         "print the configuration as YAML that can be imported again" )
VERB( "config status", verb_config_status,0,  "[--json]",       "who writes, what this host's copy holds" )
VERB( "calls",         verb_calls,        0,  "[--records] [--since T] [--limit N] [--json|--csv]", "calls that are up at this host; --records: those that began since T and are over (default: one day)" )
VERB( "keys",          verb_keys,         0,  "",               "the keys of the hosts: present, fingerprint" )
VERB( "check",         verb_check,        1,  "[FILE] [--number N [--from DN] [--site SITE]]", "look for what is wrong before a start: bootstrap file, timeouts, keys, folders, ports; or, in place of the ports, FILE, a configuration; with --number, where that number leads in it when DN dials it at SITE, and why" )
/* clang-format on */
#undef VERB
