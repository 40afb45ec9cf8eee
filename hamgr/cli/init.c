/* init - found a deployment, once: a key pair for every host, the secret of the cluster, the first
 * votes.
 *
 * Everything goes to each host's own data-dir when the bootstrap file gives every host a different
 * one (%h); else into one folder per host below DIR, to be copied to that host's data-dir:
 *
 *     DIR/<host>/keys/   its secret, everyone's public key, the secret of the cluster
 *     DIR/<host>/votes/  the first votes of a voter
 */
#include "hamgr/cli/cli.h"

#include "common/folder.h"
#include "common/keys.h"
#include "hamgr/adapt/daemon.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

/* PATHS_MAX: DIR, and for each host its folders and, in keys, everyone's key, its own secret and
 * the cluster's. */
#define PATHS_MAX (1 + BOOTSTRAP_HOSTS_MAX * (3 + BOOTSTRAP_HOSTS_MAX + 2))

/* A path that a founding may make, and whether it was there before. */
struct before {
    char path[PATH_SIZE];
    bool there;
};

struct founding {
    struct cli *cli;
    struct ham_conf conf;
    char into[BOOTSTRAP_PATH_SIZE]; /* DIR, absolute; "" when in place */
    struct before before[PATHS_MAX];
    size_t before_count;
    char data[BOOTSTRAP_HOSTS_MAX][BOOTSTRAP_PATH_SIZE + BOOTSTRAP_NAME_SIZE + 2];
    char keys[BOOTSTRAP_HOSTS_MAX][BOOTSTRAP_PATH_SIZE + BOOTSTRAP_NAME_SIZE + 8];
};

static int complain(const char *what, const char *path, int error)
{
    fprintf(stderr, "hamgr: %s %s: %s\n", what, path, strerror(-error));
    return CLI_REFUSED;
}

/* into_folder - DIR, made when it is missing, as an absolute path. */
static int into_folder(struct founding *f)
{
    const char *given = f->cli->argv[0];
    char path[PATH_MAX];
    int r;

    f->before[0].there = access(given, F_OK) == 0;
    r = folder_make(given);
    if (r < 0 || realpath(given, path) == NULL)
        return complain("cannot make the folder", given, r < 0 ? r : -errno);
    snprintf(f->before[0].path, sizeof(f->before[0].path), "%.*s", PATH_SIZE - 1, path);
    f->before_count = 1;
    if (strlen(path) >= sizeof(f->into)) {
        fprintf(stderr, "hamgr: %s has %zu bytes, %zu is the most; choose a shorter DIR\n", path,
                strlen(path), sizeof(f->into) - 1);
        return CLI_USAGE;
    }
    memcpy(f->into, path, strlen(path) + 1);
    return CLI_DONE;
}

/* Where each host's files go. */
static int folders(struct founding *f)
{
    struct cli *cli = f->cli;
    const struct bootstrap *b = &cli->bootstrap;

    if (cli->argc > 0) {
        int r = into_folder(f);

        if (r != CLI_DONE)
            return r;
    }
    for (uint32_t i = 0; i < b->host_count; i++) {
        struct bootstrap other;
        struct conf_errors errors;

        if (f->into[0] != '\0') {
            snprintf(f->data[i], sizeof(f->data[i]), "%s/%s", f->into, b->hosts[i].name);
            snprintf(f->keys[i], sizeof(f->keys[i]), "%s/%s/keys", f->into, b->hosts[i].name);
            continue;
        }
        if (bootstrap_read(cli->config, b->hosts[i].name, &other, &errors) < 0) {
            conf_errors_print(&errors, stderr);
            return CLI_USAGE;
        }
        snprintf(f->data[i], sizeof(f->data[i]), "%s", other.data_dir);
        snprintf(f->keys[i], sizeof(f->keys[i]), "%s", other.keys_dir);
        for (uint32_t k = 0; k < i; k++) {
            bool same_data = strcmp(f->data[i], f->data[k]) == 0;

            if (!same_data && strcmp(f->keys[i], f->keys[k]) != 0)
                continue;
            fprintf(stderr,
                    "hamgr: %s: %s is %s on every host, so this machine cannot found them all in "
                    "place; use `hamgr init DIR` and copy DIR/<host> to each host's data-dir, or "
                    "write %%h into %s\n",
                    cli->config, same_data ? "data-dir" : "keys-dir",
                    same_data ? f->data[i] : f->keys[i], same_data ? "data-dir" : "keys-dir");
            return CLI_USAGE;
        }
    }
    return CLI_DONE;
}

static int copy_file(const char *from, const char *to, mode_t mode)
{
    char data[4096];
    ssize_t n;
    int r = 0, in = open(from, O_RDONLY | O_CLOEXEC), out;

    if (in < 0)
        return -errno;
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (out < 0) {
        r = -errno;
    } else {
        while (r == 0 && (n = read(in, data, sizeof(data))) != 0)
            if (n < 0 || write(out, data, (size_t)n) != n)
                r = n < 0 ? -errno : -EIO;
        if (r == 0 && fsync(out) < 0)
            r = -errno;
        close(out);
    }
    close(in);
    return r;
}

/* NAME from host FROM's keys to every other host's. */
static int share(const struct founding *f, uint32_t from, const char *name, mode_t mode)
{
    char source[512], target[512];

    snprintf(source, sizeof(source), "%s/%s", f->keys[from], name);
    for (uint32_t i = 0; i < f->cli->bootstrap.host_count; i++) {
        int r;

        if (i == from)
            continue;
        snprintf(target, sizeof(target), "%s/%s", f->keys[i], name);
        r = copy_file(source, target, mode);
        if (r < 0)
            return complain("cannot write", target, r);
    }
    return CLI_DONE;
}

static int found_keys(struct founding *f)
{
    const struct bootstrap *b = &f->cli->bootstrap;
    struct keys_error error;
    char name[BOOTSTRAP_NAME_SIZE + 8];
    int r = 0;

    for (uint32_t i = 0; i < b->host_count; i++) {
        r = folder_make(f->data[i]);
        if (r < 0)
            return complain("cannot make the folder", f->data[i], r);
        r = keys_generate(f->keys[i], b->hosts[i].name, f->cli->force, &error);
        if (r < 0)
            break;
    }
    if (r == 0)
        r = keys_generate_cluster(f->keys[0], f->cli->force, &error);
    if (r < 0) {
        fprintf(stderr, "hamgr: %s%s\n", error.text,
                r == -EEXIST ? "\nhamgr: this deployment has been founded before; --force founds "
                               "it anew, and every host must "
                               "then be given its new files"
                             : "");
        return CLI_REFUSED;
    }
    for (uint32_t i = 0; i < b->host_count; i++) {
        snprintf(name, sizeof(name), "%s.key", b->hosts[i].name);
        r = share(f, i, name, 0644);
        if (r != CLI_DONE)
            return r;
    }
    return share(f, 0, "cluster.secret", 0600);
}

static int found_votes(struct founding *f)
{
    const uint32_t ttl[RIGHTS_MAX] = {f->conf.lease_ttl_ms, f->conf.lease_ttl_ms,
                                      f->conf.ticket_ttl_ms};
    char folder[512];

    for (uint32_t i = 0; i < f->cli->bootstrap.host_count; i++) {
        struct votes *votes;
        int r;

        snprintf(folder, sizeof(folder), "%s/votes", f->data[i]);
        r = votes_open(folder, &votes);
        if (r < 0)
            return CLI_REFUSED; /* logged */
        for (unsigned right = 0; right < RIGHTS_MAX && r == 0; right++) {
            struct vote_record record;

            vote_found(&record,
                       right == RIGHT_TICKET ? f->conf.preferred[f->conf.ticket_site] : HAM_NONE,
                       ttl[right]);
            r = votes_save(votes, (enum ham_right)right, &record);
        }
        votes_close(&votes);
        if (r < 0)
            return CLI_REFUSED;
    }
    return CLI_DONE;
}

/* ---- a founding that fails leaves nothing that would refuse the next try ---- */

static void look_at(struct founding *f, const char *folder, const char *name, const char *suffix)
{
    struct before *before = &f->before[f->before_count++];
    char path[sizeof(before->path)];

    assert(f->before_count <= PATHS_MAX);
    snprintf(path, sizeof(path), "%s%s%s%s", folder, name[0] != '\0' ? "/" : "", name, suffix);
    memcpy(before->path, path, sizeof(path)); /* FOLDER lies in *F too */
    before->there = access(before->path, F_OK) == 0;
}

/* What is there now; a folder goes before what lies in it. */
static void look_at_all(struct founding *f)
{
    const struct bootstrap *b = &f->cli->bootstrap;

    for (uint32_t i = 0; i < b->host_count; i++) {
        look_at(f, f->data[i], "", "");
        look_at(f, f->data[i], "votes", "");
        look_at(f, f->keys[i], "", "");
        look_at(f, f->keys[i], "cluster", ".secret");
        look_at(f, f->keys[i], b->hosts[i].name, ".secret");
        for (uint32_t k = 0; k < b->host_count; k++)
            look_at(f, f->keys[i], b->hosts[k].name, ".key");
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* Take away what this run has made; what was there before stays. */
static void undo(const struct founding *f)
{
    for (size_t i = 0; i < f->before_count; i++) {
        const struct before *before = &f->before[i];

        if (!before->there && access(before->path, F_OK) == 0 &&
            nftw(before->path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
            complain("cannot remove what was begun,", before->path, -errno);
    }
}

int verb_init(struct cli *cli)
{
    struct founding f = {.cli = cli};
    char text[512];
    int r;

    if (daemon_conf(&cli->bootstrap, &f.conf, text, sizeof(text)) < 0) {
        fprintf(stderr, "%s\n", text);
        return CLI_USAGE;
    }
    r = folders(&f);
    if (r == CLI_DONE) {
        look_at_all(&f);
        r = found_keys(&f);
    }
    if (r == CLI_DONE)
        r = found_votes(&f);
    if (r != CLI_DONE) {
        undo(&f);
        return r;
    }
    printf("founded cluster %s: keys and first votes of %u hosts\n", cli->bootstrap.cluster,
           cli->bootstrap.host_count);
    for (uint32_t i = 0; i < cli->bootstrap.host_count; i++)
        printf("  %-12s %s\n", cli->bootstrap.hosts[i].name, f.data[i]);
    return CLI_DONE;
}
