/* config - the verbs `config import`, `config export`, `config status`: confproxy's client does the
 * work. */
#include "hamgr/cli/cli.h"

#include "common/log.h"
#include "confproxy/adapt/client.h"
#include <stdio.h>
#include <unistd.h>

static int run(struct cli *cli, const char *name, const char *file)
{
    const char *author = getlogin();
    const struct client_verb verb = {.verb = name,
                                     .file = file,
                                     .author = author != NULL ? author : "operator",
                                     .json = cli->json,
                                     .patience_ms = cli->timeout_ms,
                                     .wait_ms = cli->wait ? cli->timeout_ms : 0,
                                     .out = stdout,
                                     .err = stderr};

    log_set_level(LEVEL_ERR);
    return client_run(&cli->bootstrap, &verb);
}

int verb_config_import(struct cli *cli)
{
    if (cli->argc != 1) {
        fprintf(stderr, "hamgr: config import FILE: name the YAML file\n");
        return CLI_USAGE;
    }
    return run(cli, "import", cli->argv[0]);
}

int verb_config_export(struct cli *cli)
{
    return run(cli, "export", cli->argc > 0 ? cli->argv[0] : NULL);
}

int verb_config_status(struct cli *cli)
{
    return run(cli, "status", NULL);
}
