/* verbs - what an operator can say.  Include with VERB defined; it is undefined at the end. */
/* clang-format off */
/*    name             function           arguments         meaning */
VERB( "init",          verb_init,         "[DIR] [--force]",     "found a deployment: keys and first votes for every host of the bootstrap file; once, before the first start" )
VERB( "run",           verb_run,          "[--supervise]",  "run this host: hold its roles; with --supervise start and watch its processes too" )
VERB( "arbiter",       verb_arbiter,      "",               "run the arbiter: a third voice with a vote, on nobody's call path" )
VERB( "status",        verb_status,       "[--json]",       "hosts, roles, modes, judgement of the other site, the configuration writer" )
VERB( "events",        verb_events,       "[--follow]",     "what happened here: roles, leases, components, sites" )
VERB( "switchover",    verb_switchover,   "[SITE]",         "hand the role of this site's primary over to its backup, planned; refused when the backup is not ready" )
VERB( "site promote",  verb_site_promote, "[SITE]",         "bring the Configuration Server of this site into service when the other site's is lost" )
VERB( "config import", verb_config_import,"FILE [--wait]",  "replace the configuration by that of a YAML file; refused whole when anything in it is wrong" )
VERB( "config export", verb_config_export,"",               "print the configuration as YAML that can be imported again" )
VERB( "config status", verb_config_status,"[--json]",       "who writes, what this host's copy holds" )
VERB( "calls",         verb_calls,        "[--records] [--since T] [--limit N] [--json|--csv]", "calls that are up at this host; --records: those that began since T and are over (default: one day)" )
VERB( "keys",          verb_keys,         "",               "the keys of the hosts: present, fingerprint" )
VERB( "check",         verb_check,        "[FILE]",         "look for what is wrong before a start: bootstrap file, timeouts, keys, folders, ports; and FILE, a configuration" )
/* clang-format on */
#undef VERB
