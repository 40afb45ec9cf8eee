/* hamgr: holds the roles of a host, and is the operator's command line. */
#include "hamgr/cli/cli.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONFIG     "/etc/standfast/standfast.yaml"
#define DEFAULT_TIMEOUT_MS 3000

static const struct verb {
    const char *name;
    int (*function)(struct cli *cli);
    int most; /* arguments, options not counted */
    const char *arguments, *meaning;
} verbs[] = {
#define VERB(name, function, most, arguments, meaning) {name, function, most, arguments, meaning},
#include "hamgr/cli/verbs.tbl.h"
};

enum {
    OPTION_SELF = 256,
    OPTION_BIN,
    OPTION_TIMEOUT,
    OPTION_FORCE,
    OPTION_WAIT,
    OPTION_RECORDS,
    OPTION_CSV,
    OPTION_SINCE,
    OPTION_LIMIT,
    OPTION_NUMBER,
    OPTION_FROM,
    OPTION_SITE
};

static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                        {"self", required_argument, NULL, OPTION_SELF},
                                        {"json", no_argument, NULL, 'j'},
                                        {"follow", no_argument, NULL, 'f'},
                                        {"wait", no_argument, NULL, OPTION_WAIT},
                                        {"supervise", no_argument, NULL, 's'},
                                        {"force", no_argument, NULL, OPTION_FORCE},
                                        {"records", no_argument, NULL, OPTION_RECORDS},
                                        {"csv", no_argument, NULL, OPTION_CSV},
                                        {"since", required_argument, NULL, OPTION_SINCE},
                                        {"limit", required_argument, NULL, OPTION_LIMIT},
                                        {"number", required_argument, NULL, OPTION_NUMBER},
                                        {"from", required_argument, NULL, OPTION_FROM},
                                        {"site", required_argument, NULL, OPTION_SITE},
                                        {"bin-dir", required_argument, NULL, OPTION_BIN},
                                        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
                                        {"help", no_argument, NULL, 'h'},
                                        {"version", no_argument, NULL, 'V'},
                                        {0}};

static void usage(FILE *out)
{
    fprintf(out, "hamgr - roles of a Standfast host, and the operator's command line\n\n"
                 "  hamgr VERB [arguments] [options]\n\n");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        fprintf(out, "  %-14s %-14s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].meaning);
    fprintf(out,
            "\n  --config FILE   bootstrap file (default: $STANDFAST_CONFIG, or %s)\n"
            "  --self NAME     which host of it this is (default: its `self`, or $STANDFAST_SELF)\n"
            "  --bin-dir DIR   run --supervise: where the components are (default: beside hamgr)\n"
            "  --timeout MS    how long to wait for the hamgr of this host (default %d)\n"
            "  --wait          switchover, site promote: return when it has happened; config "
            "import: wait for a writer\n"
            "  --json          the answer as one JSON document\n\n"
            "Exit status: 0 done, 1 refused or failed, 2 wrong command line or file, 3 no hamgr "
            "answers.\n",
            DEFAULT_CONFIG, DEFAULT_TIMEOUT_MS);
}

/* "config import FILE": a verb may have two words.  Returns how many words of ARGV it takes, 0
 * unknown. */
static int find_verb(int argc, char **argv, const struct verb **ret_verb)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const char *space = strchr(verbs[i].name, ' ');
        size_t first = space != NULL ? (size_t)(space - verbs[i].name) : strlen(verbs[i].name);

        if (strlen(argv[0]) != first || strncmp(argv[0], verbs[i].name, first) != 0)
            continue;
        if (space != NULL && (argc < 2 || strcmp(argv[1], space + 1) != 0))
            continue;
        *ret_verb = &verbs[i];
        return space != NULL ? 2 : 1;
    }
    return 0;
}

/* print_forms - every form of the verbs that begin with the word FIRST.  Returns whether there is
 * one. */
static bool print_forms(const char *first, FILE *out)
{
    size_t length = strlen(first);
    bool any = false;

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const char *name = verbs[i].name;

        if (strncmp(name, first, length) != 0 || (name[length] != ' ' && name[length] != '\0'))
            continue;
        fprintf(out, "  hamgr %s %s\n      %s\n", name, verbs[i].arguments, verbs[i].meaning);
        any = true;
    }
    return any;
}

/* help - `hamgr help [VERB]`, and what is said to words that are no verb. */
static int help(int argc, char **argv)
{
    bool asked = strcmp(argv[0], "help") == 0;
    const char *first = asked && argc > 1 ? argv[1] : argv[0];

    if (asked && argc == 1) {
        usage(stdout);
        return CLI_DONE;
    }
    if (!asked && print_forms(first, stderr))
        return CLI_USAGE;
    if (asked && print_forms(first, stdout))
        return CLI_DONE;
    fprintf(stderr, "hamgr: there is no verb '%s'; see `hamgr --help`\n", first);
    return CLI_USAGE;
}

static char *own_folder(void)
{
    static char path[512];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n < 0)
        return (char *)".";
    path[n] = '\0';
    return dirname(path);
}

/* The option's argument as a number from MIN to MAX; says what is wrong with it. */
static bool number_option(const char *name, const char *what, unsigned long min, unsigned long max,
                          uint32_t *ret_number)
{
    char *end;
    unsigned long number = strtoul(optarg, &end, 10);

    if (*end != '\0' || number < min || number > max) {
        fprintf(stderr, "hamgr: %s %s: give %s, %lu..%lu\n", name, optarg, what, min, max);
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

static int parse(int argc, char **argv, struct cli *cli)
{
    int o;

    while ((o = getopt_long(argc, argv, "c:jfshV", options, NULL)) != -1) {
        switch (o) {
        case 'c': cli->config = optarg; break;
        case OPTION_SELF: cli->self = optarg; break;
        case 'j': cli->json = true; break;
        case 'f': cli->follow = true; break;
        case OPTION_WAIT: cli->wait = true; break;
        case 's': cli->supervise = true; break;
        case OPTION_FORCE: cli->force = true; break;
        case OPTION_BIN: cli->bin_dir = optarg; break;
        case OPTION_RECORDS: cli->records = true; break;
        case OPTION_CSV: cli->csv = true; break;
        case OPTION_NUMBER: cli->number = optarg; break;
        case OPTION_FROM: cli->from = optarg; break;
        case OPTION_SITE: cli->site = optarg; break;
        case OPTION_SINCE: cli->since = optarg; break;
        case OPTION_LIMIT:
            if (!number_option("--limit", "records", 1, 1000000000, &cli->limit))
                return CLI_USAGE;
            break;
        case OPTION_TIMEOUT:
            if (!number_option("--timeout", "milliseconds", 100, 600000, &cli->timeout_ms))
                return CLI_USAGE;
            break;
        case 'h': usage(stdout); exit(CLI_DONE);
        case 'V': printf("hamgr %s\n", STANDFAST_VERSION); exit(CLI_DONE);
        default: fprintf(stderr, "hamgr: see `hamgr --help`\n"); return CLI_USAGE;
        }
    }
    return CLI_DONE;
}

int main(int argc, char **argv)
{
    const char *configured = getenv("STANDFAST_CONFIG");
    struct cli cli = {.config = configured != NULL ? configured : DEFAULT_CONFIG,
                      .timeout_ms = DEFAULT_TIMEOUT_MS};
    const struct verb *verb;
    int words, r = parse(argc, argv, &cli);

    if (r != CLI_DONE)
        return r;
    if (optind == argc) {
        usage(stderr);
        return CLI_USAGE;
    }
    words = find_verb(argc - optind, argv + optind, &verb);
    if (words == 0)
        return help(argc - optind, argv + optind);
    cli.argc = argc - optind - words;
    cli.argv = argv + optind + words;
    if (cli.argc > verb->most) {
        fprintf(stderr, "hamgr: '%s' is one argument too many; write: hamgr %s %s\n",
                cli.argv[verb->most], verb->name, verb->arguments);
        return CLI_USAGE;
    }
    if (cli.bin_dir == NULL)
        cli.bin_dir = own_folder();
    r = cli_bootstrap(&cli);
    return r != CLI_DONE ? r : verb->function(&cli);
}

int cli_bootstrap(struct cli *cli)
{
    struct conf_errors errors;

    if (bootstrap_read(cli->config, cli->self, &cli->bootstrap, &errors) == 0)
        return CLI_DONE;
    conf_errors_print(&errors, stderr);
    return CLI_USAGE;
}
