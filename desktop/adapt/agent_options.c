#include "desktop/adapt/agent_options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The times: name, default, least, most in milliseconds, member, meaning. */
struct time_option {
    const char *name;
    uint32_t fallback, min, max;
    size_t offset;
    const char *meaning;
};

#define TIME_OPTION(name, fallback, min, max, member, meaning)                                     \
    {                                                                                              \
        name, fallback, min, max, offsetof(struct client_conf, member), meaning                    \
    }

/* clang-format off */
static const struct time_option times[] = {
    TIME_OPTION("silent-after",    3000, 200,  60000,  silent_after_ms,    "no beat for so long: the site is not heard"),
    TIME_OPTION("site-loss-after", 5000, 200,  300000, site_loss_after_ms, "not reached for so long: on to the next site"),
    TIME_OPTION("out-after",      15000, 500,  600000, out_after_ms,       "answered \"later\" for so long: on to the next site"),
    TIME_OPTION("attempt",         2500, 100,  30000,  attempt_ms,         "one try to connect or to log in"),
    TIME_OPTION("retry",            250, 20,   10000,  retry_ms,           "between tries that did not reach the site"),
    TIME_OPTION("later-min",        300, 20,   60000,  later_min_ms,       "after \"later\": try again no sooner than this"),
    TIME_OPTION("later-max",       3000, 20,   600000, later_max_ms,       "and no later than this, with jitter"),
    TIME_OPTION("spread",           500, 0,    60000,  spread_ms,          "a move to the next site waits a random part of this"),
};
/* clang-format on */

#define TIME_COUNT (sizeof(times) / sizeof(times[0]))

enum {
    OPTION_SITES = 1000,
    OPTION_USER,
    OPTION_PASSWORD,
    OPTION_PASSWORD_FILE,
    OPTION_DN,
    OPTION_USERS,
    OPTION_USERS_FILE,
    OPTION_STATE,
    OPTION_REASON,
    OPTION_LOG,
    OPTION_HELP,
};

static void help(void)
{
    printf("usage: desktop agent --sites URL[,URL...] (--user ID (--password P | --password-file "
           "F) [--dn N]\n"
           "                     | --users ID:PASSWORD[:DN],... | --users-file F)\n"
           "                     [--state ready|not_ready] [--reason TEXT] [--log FILE|-]\n\n"
           "Agents' desktops without a screen: log in at the first site, follow it through "
           "restarts and\n"
           "switchovers, and log in at the next one with the last state when the site is lost.\n"
           "One JSON line per event. Commands on stdin: [ID:] ready | notready REASON | logout.\n"
           "SIGTERM logs out and ends.  A users file has one ID:PASSWORD[:DN] a line.\n\nTimes (as "
           "250ms, 3s):\n");
    for (size_t i = 0; i < TIME_COUNT; i++)
        printf("  --%-16s %s (default %ums, %u..%ums)\n", times[i].name, times[i].meaning,
               times[i].fallback, times[i].min, times[i].max);
}

static int fault(const char *option, const char *value, const char *mend)
{
    fprintf(stderr, "desktop agent: --%s %s: %s\n", option, value, mend);
    return -EINVAL;
}

static int read_time(const struct time_option *option, const char *value, struct client_conf *conf)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    unsigned long ms = strcmp(end, "s") == 0 ? number * 1000 : number;
    char mend[80];

    snprintf(mend, sizeof(mend), "write a time of %ums..%ums, as 250ms or 3s", option->min,
             option->max);
    if (end == value || (strcmp(end, "s") != 0 && strcmp(end, "ms") != 0) || number > 1000000 ||
        ms < option->min || ms > option->max)
        return fault(option->name, value, mend);
    *(uint32_t *)(void *)((char *)conf + option->offset) = (uint32_t)ms;
    return 0;
}

static int read_sites(struct agent_options *o, char *value)
{
    for (char *rest = value, *url; (url = strsep(&rest, ",")) != NULL;) {
        size_t length = strlen(url);

        if (o->conf.site_count == CLIENT_SITES_MAX)
            return fault("sites", url, "four sites at most");
        if (length > 0 && url[length - 1] == '/')
            url[--length] = '\0';
        if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) ||
            length >= URL_SIZE)
            return fault("sites", url, "write http://ADDRESS:PORT of each site's gateway");
        memcpy(o->sites[o->conf.site_count++], url, length + 1);
    }
    return 0;
}

static int add_user(struct agent_options *o, const char *id, const char *password, const char *dn)
{
    struct agent_user *grown, *user;

    if (id[0] == '\0' || strlen(id) >= sizeof(user->id) ||
        strlen(password) >= sizeof(user->password) || strlen(dn) >= sizeof(user->dn))
        return fault("user", id, "empty or too long");
    if (o->user_count == AGENTS_MAX)
        return fault("users", id, "2000 agents at most");
    grown = realloc(o->users, (o->user_count + 1) * sizeof(*grown));
    if (grown == NULL)
        abort();
    o->users = grown;
    user = &o->users[o->user_count++];
    strcpy(user->id, id);
    strcpy(user->password, password);
    strcpy(user->dn, dn);
    return 0;
}

/* read_user - ID:PASSWORD[:DN] */
static int read_user(struct agent_options *o, char *value)
{
    char *rest = value;
    const char *id = strsep(&rest, ":");
    const char *password = strsep(&rest, ":");

    if (password == NULL)
        return fault("users", id, "write ID:PASSWORD or ID:PASSWORD:DN");
    return add_user(o, id, password, rest != NULL ? rest : "");
}

static int read_users(struct agent_options *o, char *value)
{
    int result = 0;

    for (char *rest = value, *user; result == 0 && (user = strsep(&rest, ",")) != NULL;)
        result = read_user(o, user);
    return result;
}

static int read_users_file(struct agent_options *o, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[512];
    int result = 0;

    if (file == NULL)
        return fault("users-file", path, strerror(errno));
    while (result == 0 && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            result = read_user(o, line);
    }
    fclose(file);
    return result;
}

static int read_password_file(const char *path, char *password, size_t size)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return fault("password-file", path, strerror(errno));
    if (fgets(password, (int)size, file) == NULL)
        password[0] = '\0';
    fclose(file);
    password[strcspn(password, "\r\n")] = '\0';
    return 0;
}

static int open_log(struct agent_options *o, const char *path)
{
    if (strcmp(path, "-") == 0)
        return 0;
    o->out = fopen(path, "ae");
    if (o->out == NULL)
        return fault("log", path, strerror(errno));
    return 0;
}

/* What belongs to the one agent of --user. */
struct one_user {
    const char *id, *dn;
    char password[132];
};

static int read_one(struct agent_options *o, struct one_user *one, int option, char *value)
{
    switch (option) {
    case OPTION_SITES: return read_sites(o, value);
    case OPTION_USER: one->id = value; return 0;
    case OPTION_PASSWORD: snprintf(one->password, sizeof(one->password), "%s", value); return 0;
    case OPTION_PASSWORD_FILE:
        return read_password_file(value, one->password, sizeof(one->password));
    case OPTION_DN: one->dn = value; return 0;
    case OPTION_USERS: return read_users(o, value);
    case OPTION_USERS_FILE: return read_users_file(o, value);
    case OPTION_STATE:
        o->not_ready = strcmp(value, "not_ready") == 0;
        return o->not_ready || strcmp(value, "ready") == 0
                   ? 0
                   : fault("state", value, "write ready or not_ready");
    case OPTION_REASON: snprintf(o->reason, sizeof(o->reason), "%s", value); return 0;
    case OPTION_LOG: return open_log(o, value);
    case OPTION_HELP: help(); return -1;
    default: break;
    }
    if (option < (int)TIME_COUNT)
        return read_time(&times[option], value, &o->conf);
    return -EINVAL; /* getopt has said what is wrong */
}

static int judge(struct agent_options *o, const struct one_user *one)
{
    int result = one->id != NULL ? add_user(o, one->id, one->password, one->dn) : 0;

    if (result < 0)
        return result;
    if (o->conf.site_count == 0)
        return fault("sites", "", "name at least one gateway");
    if (o->user_count == 0)
        return fault("user", "", "name at least one agent, with --user, --users or --users-file");
    if (o->conf.later_min_ms > o->conf.later_max_ms)
        return fault("later-min", "", "must not be above --later-max");
    return 0;
}

int agent_options_read(int argc, char **argv, struct agent_options *ret_options)
{
    static const struct option texts[] = {
        {"sites", required_argument, NULL, OPTION_SITES},
        {"user", required_argument, NULL, OPTION_USER},
        {"password", required_argument, NULL, OPTION_PASSWORD},
        {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
        {"dn", required_argument, NULL, OPTION_DN},
        {"users", required_argument, NULL, OPTION_USERS},
        {"users-file", required_argument, NULL, OPTION_USERS_FILE},
        {"state", required_argument, NULL, OPTION_STATE},
        {"reason", required_argument, NULL, OPTION_REASON},
        {"log", required_argument, NULL, OPTION_LOG},
        {"help", no_argument, NULL, OPTION_HELP},
    };
    struct option all[sizeof(texts) / sizeof(texts[0]) + TIME_COUNT + 1] = {0};
    struct agent_options o = {.out = stdout};
    struct one_user one = {.dn = ""};
    int option, result = 0;

    memcpy(all, texts, sizeof(texts));
    for (size_t i = 0; i < TIME_COUNT; i++) {
        all[sizeof(texts) / sizeof(texts[0]) + i] =
            (struct option){times[i].name, required_argument, NULL, (int)i};
        *(uint32_t *)(void *)((char *)&o.conf + times[i].offset) = times[i].fallback;
    }
    while (result == 0 && (option = getopt_long(argc, argv, "", all, NULL)) != -1)
        result = read_one(&o, &one, option, optarg);
    if (result == 0 && optind < argc)
        result = fault("", argv[optind], "not an option; see --help");
    if (result == 0)
        result = judge(&o, &one);
    if (result != 0)
        agent_options_free(&o);
    else
        *ret_options = o;
    return result;
}

void agent_options_free(struct agent_options *options)
{
    free(options->users);
    options->users = NULL;
    if (options->out != NULL && options->out != stdout)
        fclose(options->out);
    options->out = NULL;
}
