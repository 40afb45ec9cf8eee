/* client - configuration as a person handles it: a YAML file read, judged and written, and the
 * verbs import, export, status and check.  For the confproxy program's verbs and for hamgr's.
 *
 *     file.yaml --client_parse--> changes --CONF_WRITE--> the confproxy of this host --> the writer
 *     file.yaml <--client_render-- objects <--CONF_GET--- the confproxy of this host
 *
 * Passwords leave this module hashed only (password.h).
 *
 * Owns:   what a function returns is the caller's.
 * Errors: 0 or a negative errno; faults of a file are in struct conf_errors, each with file, line,
 * field and the mend.
 */
#ifndef CONFPROXY_ADAPT_CLIENT_H
#define CONFPROXY_ADAPT_CLIENT_H

#include "common/bootstrap.h"
#include "common/conf.h"
#include "proto/config.pb-c.h"

#include <stdio.h>

#define CLIENT_PROBLEMS_MAX CONF_ERRORS_MAX

struct client_changes {
    Sf__ConfChange **changes; /* a whole configuration: for a write with replace_all */
    size_t count;
};

/* client_parse - read and judge the configuration file PATH.
 *
 * BOOTSTRAP gives the sites' names and the cluster's (the default realm); NULL: sites are not
 * checked, and a password needs options.realm. Returns: 0 (client_changes_free the result); -EINVAL
 * with the reasons in ERRORS.
 */
int client_parse(const char *path, const struct bootstrap *bootstrap,
                 struct client_changes *ret_changes, struct conf_errors *errors);
void client_changes_free(struct client_changes *changes);

/* client_render - write OBJECTS to OUT as a file that client_parse reads again to the same objects.
 */
void client_render(Sf__ConfObject *const *objects, size_t count, FILE *out);

/* client_print_schema - every field of the file, for docs/configuration.md. */
void client_print_schema(FILE *out);

/* client_schema_sound - is the schema sound?  If not, why (for unit tests). */
bool client_schema_sound(char *text, size_t size);

struct client_verb {
    const char *verb; /* "import", "export", "status", "check" */
    const char *file; /* import, check; export: NULL writes to OUT */
    const char *author;
    bool check;           /* import: only judge the file */
    bool json;            /* status */
    uint32_t patience_ms; /* how long to wait for the confproxy; 0: 10 s */
    uint32_t wait_ms; /* import: how long to try again while there is no writer; 0: not at all */
    FILE *out;
    FILE *err;
};

/* client_run - do one verb against the confproxy of this host, and wait for its answer.
 *
 * Returns: the exit status of the command line: 0 done; 1 the environment or the confproxy refused,
 * the reason on ERR; 2 the file or the command line is wrong.
 */
int client_run(const struct bootstrap *bootstrap, const struct client_verb *verb);

/* client_check - the verb check without a bootstrap file.  Returns as client_run. */
int client_check(const char *file, const struct bootstrap *bootstrap, FILE *out, FILE *err);

#endif
