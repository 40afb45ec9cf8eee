/* cli - the operator's command line: `hamgr VERB ...`.
 *
 * Verbs are a table (verbs.tbl.h): name, arguments, one sentence, function.  Every verb knows
 * --json; the exit status is 0 done   1 refused or failed, with the reason   2 wrong command line
 * or file   3 no hamgr answers on this host
 */
#ifndef HAMGR_CLI_CLI_H
#define HAMGR_CLI_CLI_H

#include "common/bootstrap.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2, CLI_NO_HAMGR = 3 };

struct cli {
    const char *config; /* path of standfast.yaml */
    const char *self;   /* --self, or NULL */
    bool json;
    bool follow;                      /* events */
    bool wait;                        /* switchover, site promote: until done */
    bool supervise;                   /* run */
    bool force;                       /* init: overwrite */
    bool records, csv;                /* calls */
    const char *since;                /* calls --records; NULL: not given */
    uint32_t limit;                   /* calls; 0: all */
    const char *number, *from, *site; /* check: explain where a number leads; NULL: not given */
    const char *bin_dir; /* run --supervise: where the components are; NULL: beside hamgr */
    uint32_t timeout_ms; /* for an answer of hamgr */
    int argc;            /* the verb's own arguments */
    char **argv;
    struct bootstrap bootstrap; /* read by cli_bootstrap */
};

/* cli_bootstrap - read the bootstrap file; prints what is wrong.  Returns CLI_DONE or CLI_USAGE. */
int cli_bootstrap(struct cli *cli);

/* A reply of hamgr: TEXT for a person, JSON (borrowed, may be NULL). */
typedef void cli_reply_fn(void *arg, int code, const char *text, const json_t *json);

/* cli_ask - send VERB with ARGUMENTS (ended by NULL) to the hamgr of this host and hand each reply
 * to FN until the last one. Returns: the exit status (the last reply's code), CLI_NO_HAMGR when
 * none answers in time. */
int cli_ask(struct cli *cli, const char *verb, const char *const *arguments, cli_reply_fn *fn,
            void *arg);

/* cli_print - a cli_reply_fn that prints the text, or with --json the document; ARG is the struct
 * cli. */
void cli_print(void *arg, int code, const char *text, const json_t *json);

/* cli_check_memory - print what the sipserver of this host reserves for the maxima of FILE, a
 * configuration without fault; NULL: for the defaults. */
void cli_check_memory(const struct bootstrap *bootstrap, const char *file);

/* cli_check_number - print where the number that CLI names leads in the configuration FILE, which
 * is without fault.  Returns: the exit status. */
int cli_check_number(const struct cli *cli, const char *file);

#define VERB(name, function, most, arguments, meaning) int function(struct cli *cli);
#include "hamgr/cli/verbs.tbl.h"

#endif
