/* check - look for what would stop a start, before it is tried.  Each finding is one line: what,
 * where, what to do. */
#include "hamgr/cli/cli.h"

#include "common/keys.h"
#include "confproxy/adapt/client.h"
#include "hamgr/adapt/daemon.h"
#include "hamgr/adapt/realtime.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define FREE_BYTES_MIN (UINT64_C(64) << 20)

static unsigned faults;

static void good(const char *what, const char *detail)
{
    printf("ok     %-16s %s\n", what, detail);
}

static void fault(const char *what, const char *detail)
{
    faults++;
    printf("FAULT  %-16s %s\n", what, detail);
}

static void check_lease(const struct bootstrap *b)
{
    struct ham_conf conf;
    char text[512];

    if (daemon_conf(b, &conf, text, sizeof(text)) < 0) {
        fault("timeouts", text);
        return;
    }
    snprintf(
        text, sizeof(text),
        "profile %s: lease %u ms, renewed every %u ms: a dead primary's right ends within %u ms",
        b->profile == BOOTSTRAP_PROFILE_FAST ? "fast" : "default", conf.lease_ttl_ms, conf.renew_ms,
        conf.lease_ttl_ms + conf.margin_ms +
            (uint32_t)((uint64_t)conf.lease_ttl_ms * conf.drift_ppm / 1000000));
    good("timeouts", text);
    snprintf(
        text, sizeof(text),
        "WatchdogSec of hamgr's unit at least %u ms (beat-interval %u ms and tilt-after %u ms)",
        conf.beat_ms + conf.tilt_after_ms, conf.beat_ms, conf.tilt_after_ms);
    good("watchdog", text);
}

/* What happens when a host of this site hears neither the other one nor the witness. */
static void check_last_resort(const struct bootstrap *b)
{
    const struct bootstrap_site *site = bootstrap_self_site(b);
    char text[256];

    if (site == NULL)
        return; /* the arbiter serves nobody */
    if (site->last_resort == BOOTSTRAP_STOP)
        snprintf(text, sizeof(text), "stop: a host that hears nobody serves nobody");
    else if (site->reference_count == 0)
        snprintf(text, sizeof(text),
                 "probe, but reference-addresses names none: as stop. Name what answers ICMP echo "
                 "beyond both hosts, such as the default gateway");
    else
        snprintf(text, sizeof(text), "probe: %s, by %u reference addresses",
                 b->hosts[site->last_resort_host].name, site->reference_count);
    good("last-resort", text);
}

static void check_realtime(const struct bootstrap *b)
{
    char text[320];
    int r = realtime_set(b->realtime_priority);

    realtime_end();
    if (r < 0) { /* it starts all the same: no fault */
        realtime_refused(b->realtime_priority, r, text, sizeof(text));
        printf("warn   %-16s %s\n", "realtime", text);
        return;
    }
    if (b->realtime_priority == 0)
        snprintf(text, sizeof(text),
                 "realtime-priority 0: hamgr waits for a core like any process");
    else
        snprintf(text, sizeof(text), "SCHED_RR, priority %u, is permitted to this user",
                 b->realtime_priority);
    good("realtime", text);
}

static void check_keys(const struct bootstrap *b)
{
    struct keys_entry entries[BOOTSTRAP_HOSTS_MAX];
    struct keys_error error;
    struct keys keys;
    uint8_t secret[KEYS_SECRET_SIZE];
    char text[1024];

    if (keys_load(b, &keys, &error) < 0) {
        fault("keys", error.text);
        return;
    }
    keys_forget(&keys);
    if (keys_cluster_secret(b->keys_dir, secret, &error) < 0)
        fault("cluster secret", error.text);
    explicit_bzero(secret, sizeof(secret));
    keys_list(b, entries);
    for (uint32_t i = 0; i < b->host_count; i++) {
        if (entries[i].present)
            continue;
        snprintf(text, sizeof(text),
                 "the public key of %s is missing in %s: that host cannot connect; copy it there",
                 entries[i].host, b->keys_dir);
        fault("keys", text);
    }
    good("keys", b->keys_dir);
}

static void check_folder(const char *what, const char *path)
{
    struct statvfs space;
    char text[512];

    if (access(path, F_OK) < 0) {
        snprintf(text, sizeof(text), "%s does not exist; `hamgr init` or `mkdir` makes it", path);
        fault(what, text);
    } else if (access(path, W_OK | X_OK) < 0) {
        snprintf(text, sizeof(text), "%s is not writable for this user: %s", path, strerror(errno));
        fault(what, text);
    } else if (statvfs(path, &space) == 0 &&
               (uint64_t)space.f_bavail * space.f_frsize < FREE_BYTES_MIN) {
        snprintf(text, sizeof(text), "%s has less than %llu MiB free; make room", path,
                 (unsigned long long)(FREE_BYTES_MIN >> 20));
        fault(what, text);
    } else {
        good(what, path);
    }
}

/* Can ADDRESS:PORT be bound now?  An address that is not on this host is no fault here: hamgr adds
 * it. */
static void check_port(const char *what, int type, const char *address, uint16_t port)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    bool six = strchr(address, ':') != NULL;
    char text[256];
    int fd;

    if (six) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        inet_pton(AF_INET6, address, &v6->sin6_addr);
    } else {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        inet_pton(AF_INET, address, &v4->sin_addr);
    }
    fd = socket(storage.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    snprintf(text, sizeof(text), "%s port %u", address, port);
    if (bind(fd, (const struct sockaddr *)&storage, six ? sizeof(*v6) : sizeof(*v4)) == 0)
        good(what, text);
    else if (errno == EADDRINUSE) {
        snprintf(
            text, sizeof(text),
            "%s port %u is in use; stop the program that has it (`ss -lnp`), or change `ports`",
            address, port);
        fault(what, text);
    } else if (errno == EACCES) {
        snprintf(text, sizeof(text),
                 "%s port %u needs a privilege (CAP_NET_BIND_SERVICE), or choose one above 1023",
                 address, port);
        fault(what, text);
    }
    close(fd);
}

static void check_ports(const struct bootstrap *b)
{
    const char *own = bootstrap_self(b)->address;
    const struct bootstrap_site *site = bootstrap_self_site(b);

    check_port("lease", SOCK_STREAM, own, b->ports.lease);
    if (site == NULL)
        return;
    check_port("log", SOCK_STREAM, own, b->ports.log);
    check_port("stats", SOCK_STREAM, own, b->ports.stats);
    check_port("stats-http", SOCK_STREAM, own, b->ports.stats_http);
    check_port("sip", SOCK_DGRAM, site->site_address, b->ports.sip);
    check_port("sip", SOCK_STREAM, site->site_address, b->ports.sip);
    if (b->sip_tls.certificate[0] != '\0')
        check_port("sip-tls", SOCK_STREAM, site->site_address, b->ports.sip_tls);
    check_port("agent-http", SOCK_STREAM, site->site_address, b->ports.agent_http);
}

/* runs_here - does a hamgr listen at the control socket of this host? */
static bool runs_here(const struct bootstrap *b)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool runs;

    if (fd < 0)
        return false;
    snprintf(address.sun_path, sizeof(address.sun_path), "%.*s/control.sock", BOOTSTRAP_RUN_DIR_MAX,
             b->run_dir);
    runs = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return runs;
}

int verb_check(struct cli *cli)
{
    const struct bootstrap *b = &cli->bootstrap;
    char text[512];
    int r = CLI_DONE;

    if (cli->number != NULL && cli->argc == 0) {
        fprintf(stderr,
                "hamgr: --number wants the configuration; write: hamgr check FILE --number %s\n",
                cli->number);
        return CLI_USAGE;
    }
    if (cli->number != NULL) { /* of the plan alone: this host may be another one */
        r = client_check(cli->argv[0], b, stdout, stderr);
        return r == CLI_DONE ? cli_check_number(cli, cli->argv[0]) : r;
    }
    snprintf(text, sizeof(text), "%s: cluster %s, this host is %s", b->file, b->cluster,
             bootstrap_self(b)->name);
    good("bootstrap file", text);
    check_lease(b);
    check_last_resort(b);
    check_realtime(b);
    check_keys(b);
    check_folder("data-dir", b->data_dir);
    if (cli->argc > 0)
        r = client_check(cli->argv[0], b, stdout, stderr);
    else if (runs_here(b))
        good("ports", "in use by this host, which runs");
    else
        check_ports(b);
    if (r == CLI_DONE)
        cli_check_memory(b, cli->argc > 0 ? cli->argv[0] : NULL);
    if (faults > 0)
        fprintf(stderr, "hamgr: %u fault%s\n", faults, faults == 1 ? "" : "s");
    return faults > 0 ? CLI_REFUSED : r;
}
