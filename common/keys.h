/* keys - the CURVE key pairs of the hosts and the secret of the cluster, as files of one folder.
 *
 *     <keys-dir>/<host>.key       public key, on every host
 *     <keys-dir>/<host>.secret    the pair, only on that host, mode 0600
 *     <keys-dir>/cluster.secret   32 random bytes in hex, the same on every host, mode 0600
 *
 * A host may connect when its name is in the bootstrap file and its public key in the folder.
 * A secret that others than its owner can read is not used.
 *
 * Errors: 0 or a negative errno, and one line in struct keys_error that names the file and the
 * mend. Nothing here logs, and no secret appears in a text.
 */
#ifndef COMMON_KEYS_H
#define COMMON_KEYS_H

#include "common/bootstrap.h"

#include <stdbool.h>
#include <stdint.h>

#define KEYS_TEXT_SIZE        41 /* a key in Z85 (ZeroMQ RFC 32), with NUL */
#define KEYS_SECRET_SIZE      32
#define KEYS_FINGERPRINT_SIZE 24 /* "01:23:45:67:89:ab:cd:ef" */

struct keys_error {
    char text[400];
};

/* This host's pair and the public keys of those that may connect. */
struct keys {
    char public_key[KEYS_TEXT_SIZE];
    char secret_key[KEYS_TEXT_SIZE];
    char hosts[BOOTSTRAP_HOSTS_MAX][KEYS_TEXT_SIZE]; /* as in bootstrap.hosts; "" = missing */
};

/* What `hamgr keys` shows of one host. */
struct keys_entry {
    char host[BOOTSTRAP_NAME_SIZE];
    bool present;                            /* public key there and readable */
    bool secret_present;                     /* the secret lies in this folder too */
    char fingerprint[KEYS_FINGERPRINT_SIZE]; /* first 8 bytes of the public key's SHA-256 */
    int64_t made_ms; /* wall clock, Unix milliseconds, of the public key's file */
};

/* keys_generate - a new pair for HOST in DIR, which is made (mode 0700) when missing.
 * Returns: 0; -EEXIST when there is one already and REPLACE is false. */
int keys_generate(const char *dir, const char *host, bool replace, struct keys_error *error);

/* keys_generate_cluster - a new cluster.secret, likewise. */
int keys_generate_cluster(const char *dir, bool replace, struct keys_error *error);

/* keys_load - this host's pair and all public keys.  Missing public keys of other hosts are no
 * error here.  Returns: 0; -ENOENT, -EPERM (readable by others), -EINVAL. */
int keys_load(const struct bootstrap *bootstrap, struct keys *ret_keys, struct keys_error *error);

/* keys_forget - wipe the secret from memory. */
void keys_forget(struct keys *keys);

/* keys_host_of - the index in bootstrap.hosts of the owner of PUBLIC_KEY (32 bytes), or
 * BOOTSTRAP_NONE. */
uint32_t keys_host_of(const struct keys *keys, const uint8_t public_key[32]);

/* keys_cluster_secret - the key for tokens and hashes that all hosts share.
 * Returns: 0; -ENOENT, -EPERM, -EINVAL. */
int keys_cluster_secret(const char *dir, uint8_t ret_secret[KEYS_SECRET_SIZE],
                        struct keys_error *error);

/* keys_list - an entry for each of bootstrap.hosts, in that order. */
void keys_list(const struct bootstrap *bootstrap, struct keys_entry entries[BOOTSTRAP_HOSTS_MAX]);

#endif
