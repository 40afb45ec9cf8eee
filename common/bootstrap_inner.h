/* bootstrap_inner - what the files of the bootstrap file share: bootstrap_schema.c (the schema),
 * bootstrap_check.c (what it cannot say) and bootstrap.c (from the file to struct bootstrap).  For
 * nobody else.
 */
#ifndef COMMON_BOOTSTRAP_INNER_H
#define COMMON_BOOTSTRAP_INNER_H

#include "common/bootstrap.h"

/* The file as written. */
struct raw_host {
    char name[BOOTSTRAP_NAME_SIZE];
    char address[CONF_ADDRESS_SIZE];
};

struct raw_site {
    char name[BOOTSTRAP_NAME_SIZE];
    uint32_t id;
    char site_address[CONF_ADDRESS_SIZE];
    int address_mode;
    char interface[16];
    uint32_t prefix_length;
    int fence;
    char witness[BOOTSTRAP_NAME_SIZE];
    int last_resort;
    char last_resort_host[BOOTSTRAP_NAME_SIZE];
    uint32_t reference_count;
    char references[BOOTSTRAP_REFERENCES_MAX][CONF_ADDRESS_SIZE];
    uint32_t host_count;
    struct raw_host hosts[BOOTSTRAP_SITE_HOSTS_MAX];
};

struct raw {
    char cluster[BOOTSTRAP_NAME_SIZE];
    char self[BOOTSTRAP_NAME_SIZE];
    char data_dir[BOOTSTRAP_PATH_SIZE];
    char run_dir[BOOTSTRAP_PATH_SIZE];
    char keys_dir[BOOTSTRAP_PATH_SIZE];
    char witness[BOOTSTRAP_NAME_SIZE];
    struct bootstrap_ports ports;
    struct bootstrap_sip_tls sip_tls;
    int profile;
    uint32_t realtime_priority;
    struct bootstrap_timeouts timeouts;
    struct raw_host arbiter; /* address "" when there is none */
    uint32_t site_count;
    struct raw_site sites[BOOTSTRAP_SITES_MAX];
};

struct reading {
    const struct raw *raw;
    const struct conf_tree *tree;
    struct conf_errors *errors;
    struct bootstrap *out;
};

/* Each adds what is wrong to R's errors; S: the site, as in the file. */
void bootstrap_check_host_names(const struct reading *r);
void bootstrap_check_site_names(const struct reading *r);
void bootstrap_check_addresses(const struct reading *r);
void bootstrap_check_site_address(const struct reading *r, unsigned s);
void bootstrap_check_references(const struct reading *r, unsigned s);
void bootstrap_check_timeouts(const struct reading *r);
void bootstrap_check_ports(const struct reading *r);

bool bootstrap_has_arbiter(const struct raw *raw);
bool bootstrap_is_ipv6(const char *address);

/* bootstrap_site_path - where FIELD of site S stands in the file; in PATH. */
const char *bootstrap_site_path(char path[CONF_PATH_MAX], unsigned s, const char *field);

#endif
