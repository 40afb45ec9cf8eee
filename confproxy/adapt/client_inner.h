/* client_inner - what the files that read and write a configuration file share: client_schema.c
 * (the schema), client_file.c (from a file) and client_render.c (to a file).  For nobody else.
 */
#ifndef CONFPROXY_ADAPT_CLIENT_INNER_H
#define CONFPROXY_ADAPT_CLIENT_INNER_H

#include "confproxy/adapt/client.h"
#include "confproxy/core/schema.h"

#define LIST_ENTRY_SIZE 64 /* bytes of an entry of a list of texts */
#define OBJECTS_MAX     65536
#define NO_OFFSET       SIZE_MAX

/* How the objects of one type lie in memory while a file is read: the schema's fields and the
 * password that is not kept, each at its own offset. */
struct shape {
    struct conf_field fields[CFG_FIELDS_MAX + 2];
    size_t offsets[CFG_FIELDS_MAX];
    size_t password; /* NO_OFFSET: this type has none */
    size_t size;
};

/* What the file as a whole is read into; the options of every site follow it in memory. */
struct top {
    char *sites;
    char *dns;
    char *agents;
    char *rules;
    uint32_t site_count;
    uint32_t dn_count;
    uint32_t agent_count;
    uint32_t rule_count;
};

struct layout {
    struct shape options; /* of every site: without a name */
    struct shape site;    /* of one site: the key of the map is its name */
    struct shape dn;
    struct shape agent;
    struct shape rule;
    struct conf_field top[6];
    size_t top_size;
};

/* client_layout - made when it is asked for first. */
const struct layout *client_layout(void);

#endif
