/* run - the verbs `run` and `arbiter`: become the daemon. */
#include "hamgr/cli/cli.h"

#include "common/log.h"
#include "hamgr/adapt/daemon.h"
#include <stdio.h>

static int become(struct cli *cli, bool arbiter)
{
    const struct bootstrap *b = &cli->bootstrap;
    const struct bootstrap_site *site = bootstrap_self_site(b);
    struct ham_conf conf;
    char text[512];

    if (arbiter != bootstrap_is_arbiter(b, b->self)) {
        fprintf(stderr, "hamgr: %s is %s in %s; use `hamgr %s`, or name another host with --self\n",
                bootstrap_self(b)->name, arbiter ? "not the arbiter" : "the arbiter", cli->config,
                arbiter ? "run" : "arbiter");
        return CLI_USAGE;
    }
    if (daemon_conf(b, &conf, text, sizeof(text)) < 0) {
        fprintf(stderr, "%s\n", text);
        return CLI_USAGE;
    }
    log_open(arbiter ? "arbiter" : "hamgr", site != NULL ? site->name : "", bootstrap_self(b)->name,
             NULL);
    return daemon_run(b, cli->supervise, cli->bin_dir);
}

int verb_run(struct cli *cli)
{
    return become(cli, false);
}

int verb_arbiter(struct cli *cli)
{
    return become(cli, true);
}
