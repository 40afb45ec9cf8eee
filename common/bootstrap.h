/* bootstrap - the bootstrap file standfast.yaml: who am I, where are the others, where is my data.
 *
 * The same file can lie on every host; `self` then comes from --self or $STANDFAST_SELF. Everything
 * that is not needed to find one another lives in the configuration database instead.
 * conf_print_doc(bootstrap_schema(), ...) explains every field.
 *
 * A `struct bootstrap` is a plain value: no pointers inside, copy it freely.
 *
 * Errors: wrong input is refused whole, each fault named with file, line, field and the mend.
 */
#ifndef COMMON_BOOTSTRAP_H
#define COMMON_BOOTSTRAP_H

#include "common/conf.h"

#include <stdbool.h>
#include <stdint.h>

#define BOOTSTRAP_SITES_MAX      2
#define BOOTSTRAP_SITE_HOSTS_MAX 2
#define BOOTSTRAP_HOSTS_MAX      (BOOTSTRAP_SITES_MAX * BOOTSTRAP_SITE_HOSTS_MAX + 1)
#define BOOTSTRAP_REFERENCES_MAX 4
#define BOOTSTRAP_NAME_SIZE      32
#define BOOTSTRAP_PATH_SIZE      160
#define BOOTSTRAP_RUN_DIR_MAX    90 /* leaves "/" and 16 bytes of a socket's name in sockaddr_un */
#define BOOTSTRAP_NONE           UINT32_MAX

enum bootstrap_address_mode {
    BOOTSTRAP_LOOPBACK,  /* 127/8 addresses of one machine: nothing to add or remove */
    BOOTSTRAP_INTERFACE, /* the site address is added to a real interface */
};

/* The kernel fence of the site address (address-mode interface). */
enum bootstrap_fence {
    BOOTSTRAP_FENCE_AUTO, /* where the kernel can */
    BOOTSTRAP_FENCE_ON,   /* and an alarm where it cannot */
    BOOTSTRAP_FENCE_OFF,
};

enum bootstrap_last_resort {
    BOOTSTRAP_STOP,
    BOOTSTRAP_PROBE,
};

/* One host, or the arbiter (site == BOOTSTRAP_NONE). */
struct bootstrap_host {
    char name[BOOTSTRAP_NAME_SIZE];
    char address[CONF_ADDRESS_SIZE];
    uint32_t site; /* index into sites */
};

struct bootstrap_site {
    char name[BOOTSTRAP_NAME_SIZE];
    uint32_t id; /* 1..255 */
    char site_address[CONF_ADDRESS_SIZE];
    int address_mode; /* enum bootstrap_address_mode */
    char interface[16];
    uint32_t prefix_length;
    int fence;                         /* enum bootstrap_fence */
    char witness[BOOTSTRAP_NAME_SIZE]; /* name of the third voice; "" when there is none */
    int last_resort;                   /* enum bootstrap_last_resort */
    uint32_t last_resort_host;         /* index into bootstrap.hosts */
    uint32_t reference_count;
    char references[BOOTSTRAP_REFERENCES_MAX][CONF_ADDRESS_SIZE];
    uint32_t host_count;
    uint32_t hosts[BOOTSTRAP_SITE_HOSTS_MAX]; /* indices into bootstrap.hosts, in file order */
};

struct bootstrap_ports {
    uint16_t sip;
    uint16_t sip_tls;
    uint16_t agent_http;
    uint16_t stats_http;
    uint16_t lease;
    uint16_t log;
    uint16_t stats;
    uint16_t replica;
};

/* The files of SIP over TLS (PEM); certificate "": it is not offered. */
struct bootstrap_sip_tls {
    char certificate[BOOTSTRAP_PATH_SIZE];
    char key[BOOTSTRAP_PATH_SIZE];
    char ca[BOOTSTRAP_PATH_SIZE]; /* "": the system's */
    uint32_t check_interval;      /* milliseconds */
    bool check_names;             /* servers that we connect to must be whom we mean */
};

/* Milliseconds, unless the name says otherwise. */
struct bootstrap_timeouts {
    uint32_t lease_ttl;
    uint32_t renew_interval;
    uint32_t drift_ppm; /* parts per million by which a host's clock may run off */
    uint32_t drift_margin;
    uint32_t beat_interval;
    uint32_t silent_after;
    uint32_t site_dead_after;
    uint32_t component_beat_interval;
    uint32_t component_beat_limit;
    uint32_t component_start_limit;
    uint32_t restart_delay;
    uint32_t restart_delay_most;
    uint32_t restart_patience;
    uint32_t start_limit; /* a number of failures */
    uint32_t start_limit_interval;
    uint32_t ticket_ttl;
    uint32_t ticket_renew;
    uint32_t promote_window;
    uint32_t leave_patience;
    uint32_t probe_time;
    uint32_t ask_timeout;
    uint32_t candidate_backoff;
    uint32_t tilt_after;
    uint32_t tilt_hold;
    uint32_t address_retry;
    uint32_t stop_grace;
    uint32_t disk_patience;
    uint32_t disk_check;
    uint32_t anti_flap_window;
    uint32_t anti_flap_moves; /* a number of moves, not a time */
    uint32_t peer_silent;
};

/* Which defaults the timeouts have (common/profile.tbl.h). */
enum bootstrap_profile { BOOTSTRAP_PROFILE_DEFAULT, BOOTSTRAP_PROFILE_FAST };

struct bootstrap {
    char file[256];
    char cluster[BOOTSTRAP_NAME_SIZE];
    char data_dir[BOOTSTRAP_PATH_SIZE]; /* %h already replaced by the host's name */
    char run_dir[BOOTSTRAP_PATH_SIZE];
    char keys_dir[BOOTSTRAP_PATH_SIZE];
    struct bootstrap_ports ports;
    struct bootstrap_sip_tls sip_tls;
    int profile; /* enum bootstrap_profile */
    uint32_t realtime_priority; /* of hamgr; 0: none */
    struct bootstrap_timeouts timeouts;
    uint32_t self;    /* index into hosts */
    uint32_t arbiter; /* index into hosts, or BOOTSTRAP_NONE */
    uint32_t site_count;
    struct bootstrap_site sites[BOOTSTRAP_SITES_MAX];
    uint32_t host_count;
    struct bootstrap_host hosts[BOOTSTRAP_HOSTS_MAX]; /* in file order, the arbiter last */
};

/* bootstrap_read - read PATH.
 *
 * SELF names this host (from --self); NULL: $STANDFAST_SELF, else the file's own `self`.
 * Returns: 0; -EINVAL with the reasons in ERRORS.
 */
int bootstrap_read(const char *path, const char *self, struct bootstrap *ret_bootstrap,
                   struct conf_errors *errors);

/* bootstrap_host - the index of the host (or arbiter) called NAME, or BOOTSTRAP_NONE. */
uint32_t bootstrap_host(const struct bootstrap *b, const char *name);

/* bootstrap_self, bootstrap_self_site - this host; its site, NULL at the arbiter. */
const struct bootstrap_host *bootstrap_self(const struct bootstrap *b);
const struct bootstrap_site *bootstrap_self_site(const struct bootstrap *b);

/* bootstrap_site_of - the site of HOST (an index), NULL for the arbiter's. */
const struct bootstrap_site *bootstrap_site_of(const struct bootstrap *b, uint32_t host);

/* bootstrap_pair_of - the index of the other host of HOST's pair, or BOOTSTRAP_NONE. */
uint32_t bootstrap_pair_of(const struct bootstrap *b, uint32_t host);

/* bootstrap_site_by_id - the index of the site with that id, or BOOTSTRAP_NONE. */
uint32_t bootstrap_site_by_id(const struct bootstrap *b, uint32_t id);

/* bootstrap_other_site - the other site of this peer group, or NULL. */
const struct bootstrap_site *bootstrap_other_site(const struct bootstrap *b, uint32_t site);

bool bootstrap_is_arbiter(const struct bootstrap *b, uint32_t host);

/* bootstrap_witness_of - the index of SITE's third voice (SITE is an index), or BOOTSTRAP_NONE. */
uint32_t bootstrap_witness_of(const struct bootstrap *b, uint32_t site);

/* bootstrap_schema - for conf_print_doc. */
const struct conf_field *bootstrap_schema(void);

#endif
