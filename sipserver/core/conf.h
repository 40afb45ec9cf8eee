/* conf - the configuration as the core sees it: flat values without pointers, checked and merged by
 * adapt/conf (options of the site over options of all sites over the defaults of docs/options.md).
 *
 * Units: milliseconds or seconds as the names say.
 */
#ifndef SIPSERVER_CORE_CONF_H
#define SIPSERVER_CORE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/pattern.h"
#include "sipserver/core/limits.h"
#include "sipserver/sip/digest.h"

enum sc_dn_type {
    SC_DN_EXTENSION = 1, /* a phone */
    SC_DN_QUEUE,         /* calls wait in it, agents serve it */
    SC_DN_ROUTING_POINT, /* an ordered list of targets */
    SC_DN_TRUNK,         /* a gateway or another server */
    SC_DN_SERVICE,       /* a media server */
};

/* Whom a queue offers its first call to, of the agents who are idle. */
enum sc_distribution {
    SC_LONGEST_IDLE = 1,
    SC_LINEAR,   /* the first in order of preference */
    SC_RING_ALL, /* several at once; the first answer takes it */
};

enum sc_dr_forward { SC_FORWARD_UNSET, SC_FORWARD_OFF, SC_FORWARD_NO_AGENT, SC_FORWARD_OOS };

/* Every field set, see sc_options_default. */
struct sc_options {
    char realm[SC_REALM_SIZE];
    char dr_peer_trunk[SC_NAME_SIZE]; /* "" = STANDALONE */
    enum sc_dr_forward dr_forward;
    bool dr_oosp_transfer_enabled;
    uint32_t oos_check_ms;
    uint32_t oos_force_ms;
    uint32_t recovery_checks;
    uint32_t recovery_timeout_ms;
    uint32_t recovery_hold_max_ms;
    uint32_t registration_expires_min_s;
    uint32_t registration_expires_max_s;
    uint32_t contacts_max;
    uint32_t flow_grace_ms;   /* a phone whose connection has ended counts as registered so long */
    uint32_t flow_timer_s;    /* Flow-Timer for connections (RFC 5626 4.4) */
    bool path_strict;         /* a REGISTER with Path needs Supported: path (RFC 3327 5.3) */
    uint32_t ring_timeout_ms; /* an agent's phone rings so long */
    uint32_t answer_timeout_ms; /* any other target rings so long */
    uint32_t wrap_up_ms;
    uint32_t session_expires_s; /* RFC 4028: the interval that we ask for */
    uint32_t diversions_max;    /* a call is diverted so often at most (RFC 5806) */
    uint32_t min_se_s;          /* and the least that we accept */
    bool digest_md5;            /* MD5 is offered and accepted */
    bool digest_sha256_first;   /* SHA-256 is offered before MD5 (RFC 8760), not only without it */
    bool digest_auth_int;       /* auth-int is offered besides auth */
    uint32_t nonce_life_s;
    uint32_t source_rate_max; /* requests per second of one address, see source.h */
    uint32_t source_burst;
    uint32_t stranger_rate_max; /* of one where no phone has proven its password */
    uint32_t stranger_burst;
    uint32_t overload_lag_ms;   /* see overload.h */
    uint32_t overload_fill;     /* percent */
    uint32_t retry_after_min_s; /* of a 503, at random between */
    uint32_t retry_after_max_s;
    uint32_t lockout_refusals; /* wrong passwords within the window, see guard.h; 0: no lockout */
    uint32_t lockout_window_ms;
    uint32_t lockout_time_ms;
    uint32_t trunk_timeout_ms;        /* a trunk is silent so long: the next one is tried */
    uint32_t trunk_retry_after_max_s; /* Retry-After of its 503 counts, at most so long */
    uint32_t ring_all_max; /* agents whose phones ring at once for a call of a ring-all queue */
    uint32_t queue_answer_after_ms; /* a waiting caller is answered by music after so long */
    uint32_t queue_notice_ms;       /* and until then told this often where it stands */
    uint32_t music_retry_ms;        /* when no service can */
    uint32_t overflows_max;         /* of one call from queue to queue */
    uint32_t control_timeout_ms;    /* a phone or party has so long to do what a desktop asks */
    uint32_t transfer_timeout_ms;   /* who a desktop transfers to rings so long */
    uint32_t data_max;              /* attached data: pairs, bytes of a key, bytes of a value */
    uint32_t data_key_max;
    uint32_t data_value_max;
    uint32_t logout_grace_ms; /* phones out of service when the mode becomes PEERED */
};

void sc_options_default(struct sc_options *o);

struct sc_dn_conf {
    char number[SC_NAME_SIZE];
    enum sc_dn_type type;
    char digest_user[SC_NAME_SIZE];   /* never "": the number when none was given */
    struct sip_ha1 ha1;               /* both "": the phone cannot register or call */
    char digest_realm[SC_REALM_SIZE]; /* trunk: of the other end, for which HA1 is made; "": none */
    uint32_t targets_n;
    char targets[SC_TARGETS_MAX][SC_NAME_SIZE];
    char display[SC_DISPLAY_SIZE];
    char contact[SC_URI_SIZE];
    uint32_t prefixes_n;
    char prefixes[SC_PREFIXES_MAX][SC_PREFIX_SIZE];
    enum sc_dr_forward dr_forward; /* UNSET: as the server says */
    uint32_t oos_check_ms;         /* 0: as the server says */
    uint32_t oos_force_ms;         /* 0: as the server says */
    uint32_t recovery_timeout_ms;  /* 0: as the server says for the inter-site trunk, else none */
    bool follows_redirect;
    bool trusted;                      /* it asserts identities, and is told them (RFC 3325) */
    char calling_class[SC_CLASS_SIZE]; /* "": by type, see dialplan.h */
    uint32_t priority;                 /* of trunks for the same number the lowest is tried first */
    uint32_t weight;       /* ... and those of one priority share by weight (RFC 2782); 0: as 1 */
    uint32_t calls_max;    /* at once, both ways together; 0: no limit but calls-max */
    uint32_t calls_in_max; /* 0: as above */
    uint32_t calls_out_max;
    uint32_t sources_n;
    char sources[SC_NETS_MAX][SC_NET_SIZE]; /* its requests may come from there too */
    uint32_t queue_size_max;                /* 0: no limit but calls-max */
    uint32_t queue_wait_max_ms;             /* 0: none */
    uint32_t call_priority; /* of its calls: queue, routing point, trunk, extension; the highest
                               counts */
    enum sc_distribution distribution;        /* queue; 0: longest idle */
    uint32_t groups_n;                        /* queue: agents of these groups serve it */
    char groups[SC_GROUPS_MAX][SC_NAME_SIZE]; /* in order of preference */
    char overflow_full[SC_NAME_SIZE];         /* queue: where its calls go when it is full, ... */
    char overflow_wait[SC_NAME_SIZE];         /* ... have waited queue_wait_max_ms, ... */
    char overflow_no_agent[SC_NAME_SIZE];     /* ... or nobody is logged in; "": nowhere */
    uint32_t wrap_up_ms;                      /* queue; 0: as the server says */
    uint32_t queue_answer_after_ms;           /* queue; 0: as the server says */
    uint32_t music_n;
    char music[SC_MUSIC_MAX][SC_NAME_SIZE]; /* queue: services, in order */
    bool auto_answer;                       /* extension: calls out of a queue */
};

/* A rule of the dial plan (dialplan.h). */
struct sc_rule_conf {
    char id[SC_NAME_SIZE];
    char pattern[PATTERN_SIZE];
    uint32_t digits_min; /* of the number as dialled */
    uint32_t digits_max; /* 0: no limit */
    uint32_t strip;      /* so many characters are taken off its beginning */
    char prepend[SC_PREFIX_SIZE];
    uint32_t to_n; /* 0: to the DN with the number that came out */
    char to[SC_RULE_TARGETS_MAX][SC_NAME_SIZE];
    uint32_t from_n; /* 0: who may, see dialplan.h */
    char from[SC_CLASSES_MAX][SC_CLASS_SIZE];
    uint32_t order;
    bool share; /* the trunks by their priority and weight, not in the order of TO */
};

struct sc_agent_conf {
    char id[SC_NAME_SIZE];
    char dn[SC_NAME_SIZE]; /* default extension */
    uint32_t queues_n;
    char queues[SC_AGENT_QUEUES_MAX][SC_NAME_SIZE];
    uint32_t groups_n;
    char groups[SC_GROUPS_MAX][SC_NAME_SIZE];
    uint32_t level; /* of preference, 1 is the first; 0: behind all who have one */
};

#endif
