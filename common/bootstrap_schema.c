/* The schema of the bootstrap file. */
#include "common/bootstrap_inner.h"

#define HOST_NAME_BYTES "a-zA-Z0-9._-"
#define SITE_NAME_BYTES "a-z0-9-"

/* clang-format off */
static const struct conf_field port_fields[] = {
#define PORT(text, member, value, sentence) \
    {.name = text, .type = CONF_PORT, .fallback = value, CONF_AT(struct bootstrap_ports, member), .doc = sentence}
    PORT("sip",        sip,        "5060", "SIP over UDP and TCP, on the site address."),
    PORT("sip-tls",    sip_tls,    "5061", "SIP over TLS, on the site address; with sip-tls only."),
    PORT("agent-http", agent_http, "8080", "The agents' web page, on the host's address."),
    PORT("stats-http", stats_http, "9090", "Status page and /metrics, on the host's address."),
    PORT("lease",      lease,      "7701", "Votes, beats and evidence between hosts."),
    PORT("log",        log,        "7702", "Copies of the configuration between hosts."),
    PORT("stats",      stats,      "7703", "Statistics between hosts."),
    PORT("replica",    replica,    "7704", "State of the SIP servers between the hosts of a site."),
#undef PORT
    {0}
};

static const struct conf_field sip_tls_fields[] = {
    {.name = "certificate", .type = CONF_TEXT, .required = true, CONF_AT(struct bootstrap_sip_tls, certificate),
     .doc = "The site's certificate and those that vouch for it (PEM); %h stands for the host's name."},
    {.name = "key", .type = CONF_TEXT, .required = true, CONF_AT(struct bootstrap_sip_tls, key),
     .doc = "Its private key (PEM, without a passphrase)."},
    {.name = "ca", .type = CONF_TEXT, CONF_AT(struct bootstrap_sip_tls, ca),
     .doc = "Who vouches for gateways and servers that we connect to; when left out, whom this system trusts."},
    {.name = "check-interval", .type = CONF_DURATION, .min = 100, .max = 3600000, .fallback = "5s",
     CONF_AT(struct bootstrap_sip_tls, check_interval),
     .doc = "How often it is seen whether the files have changed; SIGHUP to sipserver does so at once."},
    {.name = "check-names", .type = CONF_BOOL, .fallback = "true", CONF_AT(struct bootstrap_sip_tls, check_names),
     .doc = "The certificate of a trunk must have its name, or its address where that has none; false: any that ca vouches for will do."},
    {0}
};

static const struct conf_field timeout_fields[] = {
#define TIME(text, member, least, most, value, sentence) \
    {.name = text, .type = CONF_DURATION, .min = least, .max = most, .fallback = value, \
     CONF_AT(struct bootstrap_timeouts, member), .doc = sentence}
#define COUNT(text, member, least, most, value, sentence) \
    {.name = text, .type = CONF_UINT, .min = least, .max = most, .fallback = value, \
     CONF_AT(struct bootstrap_timeouts, member), .doc = sentence}
    TIME ("lease-ttl",       lease_ttl,       200, 60000, "1s",    "A right to be primary runs out this long after it was asked for."),
    TIME ("renew-interval",  renew_interval,  20,  20000, "250ms", "How often the holder asks for its right again."),
    COUNT("drift-ppm",       drift_ppm,       0,   10000, "500",   "By how many millionths a host's clock may run fast or slow."),
    TIME ("drift-margin",    drift_margin,    1,   5000,  "20ms",  "What the holder takes off its right besides, for timers that fire late."),
    TIME ("beat-interval",   beat_interval,   20,  10000, "250ms", "How often hosts and the arbiter tell one another that they live."),
    TIME ("silent-after",    silent_after,    100, 60000, "1s",    "A host not heard from for this long is silent."),
    TIME ("site-dead-after", site_dead_after, 200, 300000, "3s",   "A site silent this long, for the arbiter too, is dead."),
    TIME ("peer-silent",     peer_silent,     100, 60000, "3s",    "A connected process not heard from for this long is gone."),
    TIME ("component-beat-interval", component_beat_interval, 20, 10000, "300ms", "How often a process reports to the hamgr of its host; in between at each renewal of the role."),
    TIME ("component-beat-limit", component_beat_limit, 100, 60000, "2s", "A process that has not reported for this long is hung: its work path stands still."),
    TIME ("component-start-limit", component_start_limit, 500, 300000, "10s", "A process must be ready this long after its start."),
    TIME ("restart-delay",   restart_delay,   10,  60000, "100ms", "The wait before a process that ended is started for the second time; the first is at once, and it doubles with each failure."),
    TIME ("restart-delay-most", restart_delay_most, 10, 600000, "5s", "The longest wait before a restart."),
    TIME ("restart-patience", restart_patience, 0, 600000, "1s",   "A process may be away for this long before its host counts as bad."),
    COUNT("start-limit",     start_limit,     1,   8,     "5",     "So many failures of a process within start-limit-interval are a crash loop."),
    TIME ("start-limit-interval", start_limit_interval, 1000, 3600000, "1min", "That interval; a crash loop is left alone for as long."),
    TIME ("stop-grace",      stop_grace,      0,   300000, "2s",   "A process asked to stop is killed after this."),
    TIME ("ticket-ttl",      ticket_ttl,      100, 120000, "3s",   "The right to write the configuration runs out this long after it was asked for."),
    TIME ("ticket-renew",    ticket_renew,    20,  40000, "500ms", "How often its holder asks for it again."),
    TIME ("leave-patience",  leave_patience,  0,   60000, "1s",    "How long a host that is being stopped waits until its vote is lent to the primary, and on record there and at the witness."),
    TIME ("probe-time",      probe_time,      100, 60000, "1s",    "How long the probes of last-resort: probe wait for answers."),
    TIME ("promote-window",  promote_window,  100, 600000, "15s",  "How long a site promote of the operator goes on trying."),
    TIME ("ask-timeout",     ask_timeout,     20,  10000, "300ms", "How long a candidate waits for the voters' answers."),
    TIME ("candidate-backoff", candidate_backoff, 5, 5000, "60ms", "A candidate waits up to this long before it asks; the host that is not preferred longer by twice that, while it hears the preferred one."),
    TIME ("tilt-after",      tilt_after,      50,  60000, "600ms", "A longer gap between two steps of hamgr is a jump of the clock or a freeze."),
    TIME ("tilt-hold",       tilt_hold,       0,   600000, "1s",   "So long after one, no new right is taken."),
    TIME ("address-retry",   address_retry,   50,  60000, "500ms", "The wait before a failed change of the site address is tried again."),
    TIME ("disk-check",      disk_check,      100, 600000, "5s",   "After so long without a write hamgr writes a few bytes, to see whether the disk takes them; each second when it did not."),
    TIME ("disk-patience",   disk_patience,   0,   3600000, "5s",  "The disk of the primary may be slow or refuse writes for this long; then the role goes to the other host, if that has all calls and its disk is good."),
    TIME ("anti-flap-window", anti_flap_window, 1000, 3600000, "10min", "The span in which automatic moves between two live hosts are counted."),
    COUNT("anti-flap-moves", anti_flap_moves, 1,   8,   "2",     "So many automatic moves in that window, then the operator must acknowledge."),
#undef TIME
#undef COUNT
    {0}
};

static const struct conf_field host_fields[] = {
    {.name = "name", .type = CONF_TEXT, .required = true, .choices = HOST_NAME_BYTES, .min = 1,
     CONF_AT(struct raw_host, name), .doc = "The host's name, unique in the cluster."},
    {.name = "address", .type = CONF_ADDRESS, .required = true, CONF_AT(struct raw_host, address),
     .doc = "The host's own address."},
    {0}
};

static const struct conf_field arbiter_fields[] = {
    {.name = "name", .type = CONF_TEXT, .fallback = "arbiter", .choices = HOST_NAME_BYTES, .min = 1,
     CONF_AT(struct raw_host, name), .doc = "The arbiter's name."},
    {.name = "address", .type = CONF_ADDRESS, .required = true, CONF_AT(struct raw_host, address),
     .doc = "The arbiter's address."},
    {0}
};

static const struct conf_field site_fields[] = {
    {.name = "name", .type = CONF_TEXT, .required = true, .choices = SITE_NAME_BYTES, .min = 1,
     CONF_AT(struct raw_site, name), .doc = "The site's name, unique in the cluster."},
    {.name = "id", .type = CONF_UINT, .required = true, .min = 1, .max = 255,
     CONF_AT(struct raw_site, id), .doc = "The site's number, which never changes; the lower one wins a tie."},
    {.name = "site-address", .type = CONF_ADDRESS, .required = true, CONF_AT(struct raw_site, site_address),
     .doc = "The address that phones and gateways use; the primary host has it."},
    {.name = "address-mode", .type = CONF_ENUM, .choices = "loopback interface", .fallback = "interface",
     CONF_AT(struct raw_site, address_mode),
     .doc = "loopback: all hosts are on one machine and the address is there already; interface: the primary adds it."},
    {.name = "interface", .type = CONF_TEXT, CONF_AT(struct raw_site, interface),
     .doc = "The network interface that carries the site address (address-mode interface)."},
    {.name = "prefix-length", .type = CONF_UINT, .min = 1, .max = 128, CONF_AT(struct raw_site, prefix_length),
     .doc = "Prefix length of the site address; when left out, the address alone (32 or 128)."},
    {.name = "fence", .type = CONF_ENUM, .choices = "auto on off", .fallback = "auto", CONF_AT(struct raw_site, fence),
     .doc = "The kernel passes output from the site address and ARP for it only as long as the lease runs (nftables; address-mode interface). auto: where the kernel can; on: an alarm where it cannot; off: it does not."},
    {.name = "witness", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw_site, witness),
     .doc = "The third voice of this site's pair: the arbiter or a host of the other site; when left out, the cluster's."},
    {.name = "last-resort", .type = CONF_ENUM, .choices = "stop probe", .fallback = "probe",
     CONF_AT(struct raw_site, last_resort),
     .doc = "What happens when a host reaches neither its pair's other host nor the witness. stop: it serves no more. probe: last-resort-host serves all the same when a reference address answers, the site address does not (ARP and SIP), and the old lease has run out twice over; nothing but the probes stands behind it: alarmed, and never for configuration writes."},
    {.name = "last-resort-host", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw_site, last_resort_host),
     .doc = "The host of the site that may serve by last-resort: probe; when left out, the first."},
    {.name = "reference-addresses", .type = CONF_TEXTS, .choices = "0-9a-fA-F.:", CONF_LIST_AT(struct raw_site, references, reference_count),
     .doc = "Addresses beyond both hosts that answer ICMP echo, such as the default gateway: they tell a host of last-resort: probe that it is not the one cut off. Without any it never serves by it."},
    {.name = "hosts", .type = CONF_OBJECTS, .required = true, .min = 1, .fields = host_fields,
     CONF_LIST_AT(struct raw_site, hosts, host_count), .doc = "The hosts of the site, one pair."},
    {0}
};

static const struct conf_field root_fields[] = {
    {.name = "cluster", .type = CONF_TEXT, .required = true, .choices = SITE_NAME_BYTES, .min = 1,
     CONF_AT(struct raw, cluster), .doc = "The name of the deployment; messages of another one are refused."},
    {.name = "self", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw, self),
     .doc = "Which of the hosts this one is; --self and $STANDFAST_SELF go before it."},
    {.name = "data-dir", .type = CONF_TEXT, .fallback = "/var/lib/standfast", CONF_AT(struct raw, data_dir),
     .doc = "Where the stores are; %h stands for the host's name."},
    {.name = "run-dir", .type = CONF_TEXT, .fallback = "/run/standfast", CONF_AT(struct raw, run_dir),
     .doc = "Where the sockets between the processes of a host are; %h stands for the host's name."},
    {.name = "keys-dir", .type = CONF_TEXT, CONF_AT(struct raw, keys_dir),
     .doc = "Where the host's key and the public keys of all hosts are; when left out, keys in data-dir."},
    {.name = "witness", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw, witness),
     .doc = "The third voice of every site that names none; when left out, the arbiter if there is one."},
    {.name = "ports", .type = CONF_OBJECT, .fields = port_fields, CONF_AT(struct raw, ports),
     .doc = "Ports, the same on every host."},
    {.name = "sip-tls", .type = CONF_OBJECT, .fields = sip_tls_fields, CONF_AT(struct raw, sip_tls),
     .doc = "SIP over TLS; when left out, it is not offered."},
    {.name = "profile", .type = CONF_ENUM, .choices = "default fast", .fallback = "default", CONF_AT(struct raw, profile),
     .doc = "Which defaults the timeouts have. default: a dead host is left within 1.2 s, safe on busy machines; fast: within 0.3 s, on machines that never stand still. The same on every host."},
    {.name = "realtime-priority", .type = CONF_UINT, .min = 0, .max = 50, .fallback = "1", CONF_AT(struct raw, realtime_priority),
     .doc = "The real-time priority of hamgr (SCHED_RR), so that a host whose cores are taken renews its lease all the same; the other processes have none. 0: hamgr has none either."},
    {.name = "timeouts", .type = CONF_OBJECT, .fields = timeout_fields, CONF_AT(struct raw, timeouts),
     .doc = "Every time that failure detection depends on, the same on every host."},
    {.name = "arbiter", .type = CONF_OBJECT, .fields = arbiter_fields, CONF_AT(struct raw, arbiter),
     .doc = "A process at a third place that votes and gives evidence."},
    {.name = "sites", .type = CONF_OBJECTS, .required = true, .min = 1, .fields = site_fields,
     CONF_LIST_AT(struct raw, sites, site_count), .doc = "The sites of this peer group."},
    {0}
};
/* clang-format on */

const struct conf_field *bootstrap_schema(void)
{
    return root_fields;
}
