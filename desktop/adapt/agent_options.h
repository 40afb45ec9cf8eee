/* agent_options - the command line of `desktop agent`. */
#ifndef DESKTOP_ADAPT_AGENT_OPTIONS_H
#define DESKTOP_ADAPT_AGENT_OPTIONS_H

#include "desktop/core/client.h"

#include <stdbool.h>
#include <stdio.h>

#define AGENTS_MAX 2000
#define URL_SIZE   128

struct agent_user {
    char id[64];
    char password[132];
    char dn[64];
};

struct agent_options {
    char sites[CLIENT_SITES_MAX][URL_SIZE];
    struct agent_user *users;
    unsigned user_count;
    bool not_ready;
    char reason[CLIENT_TEXT_SIZE];
    FILE *out; /* where the lines go */
    struct client_conf conf;
};

/* agent_options_read - 0; -1 after --help; -EINVAL after having said on stderr what is wrong. */
int agent_options_read(int argc, char **argv, struct agent_options *ret_options);
void agent_options_free(struct agent_options *options);

#endif
