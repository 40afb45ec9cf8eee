/* confproxy - the configuration of the deployment and its copies.
 *
 *   confproxy --config FILE [--self NAME]             the process (started by hamgr)
 *   confproxy import FILE --config FILE [--self NAME] [--check] [--wait SECONDS]
 *   confproxy export [FILE] --config FILE [--self NAME]
 *   confproxy status [--json] --config FILE [--self NAME]
 *   confproxy check FILE [--config FILE]
 *   confproxy schema                                   the fields of a configuration file
 */
#include "confproxy/adapt/client.h"
#include "confproxy/adapt/proxy.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: confproxy --config FILE [--self NAME]\n"
    "       confproxy import FILE --config FILE [--self NAME] [--check] [--wait SECONDS]\n"
    "       confproxy export [FILE] --config FILE [--self NAME]\n"
    "       confproxy status [--json] --config FILE [--self NAME]\n"
    "       confproxy check FILE [--config FILE]\n"
    "       confproxy schema\n";

struct line {
    const char *config;
    const char *self;
    struct client_verb verb;
};

/* read_line - what stands behind the verb.  Returns: false when it is wrong. */
static bool read_line(int argc, char **argv, struct line *line)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"self", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},        {"wait", required_argument, NULL, 'w'},
        {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c': line->config = optarg; break;
        case 's': line->self = optarg; break;
        case 'w': {
            char *end;
            unsigned long seconds = strtoul(optarg, &end, 10);
            if (*end != '\0' || end == optarg || seconds > 86400)
                return false;
            line->verb.wait_ms = (uint32_t)seconds * 1000;
            break;
        }
        case 'k': line->verb.check = true; break;
        case 'j': line->verb.json = true; break;
        default: return false;
        }
    }
    if (optind < argc)
        line->verb.file = argv[optind++];
    return optind == argc;
}

static bool takes_file(const char *verb)
{
    return strcmp(verb, "import") == 0 || strcmp(verb, "check") == 0;
}

static int run_verb(struct line *line)
{
    static struct bootstrap bootstrap;
    struct conf_errors errors;

    if (line->config == NULL && strcmp(line->verb.verb, "check") == 0)
        return client_check(line->verb.file, NULL, stdout, stderr);
    if (line->config == NULL) {
        fprintf(stderr, "%s needs --config FILE, the bootstrap file of this host\n",
                line->verb.verb);
        return 2;
    }
    if (bootstrap_read(line->config, line->self, &bootstrap, &errors) != 0) {
        conf_errors_print(&errors, stderr);
        return 2;
    }
    log_open("cli", "", bootstrap_self(&bootstrap)->name, NULL);
    log_set_level(LEVEL_ERR);
    return client_run(&bootstrap, &line->verb);
}

int main(int argc, char **argv)
{
    static const char *const verbs[] = {"import", "export", "status", "check"};
    static struct proxy proxy;
    struct line line = {.verb = {.out = stdout, .err = stderr, .author = getenv("USER")}};

    if (argc < 2 || argv[1][0] == '-')
        return component_main(argc, argv, &proxy_hooks, &proxy);
    if (strcmp(argv[1], "schema") == 0) {
        client_print_schema(stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i]) == 0)
            line.verb.verb = verbs[i];
    if (line.verb.verb == NULL || !read_line(argc - 1, argv + 1, &line) ||
        (takes_file(line.verb.verb) && line.verb.file == NULL)) {
        fputs(usage, stderr);
        return 2;
    }
    return run_verb(&line);
}
