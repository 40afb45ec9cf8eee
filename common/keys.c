#include "common/keys.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE (BOOTSTRAP_PATH_SIZE + 64)

static int fail(struct keys_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct keys_error *error, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

static void path_of(char path[PATH_SIZE], const char *dir, const char *name, const char *suffix)
{
    (void)snprintf(path, PATH_SIZE, "%s/%s%s", dir, name, suffix);
}

static int make_dir(const char *dir, struct keys_error *error)
{
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return fail(error, -errno, "%s: cannot make the folder for keys: %s", dir, strerror(errno));
    return 0;
}

/* put_in_place - make the finished file PATH.new durable and give it its name. */
static int put_in_place(const char *path, mode_t mode, struct keys_error *error)
{
    char from[PATH_SIZE + 4];
    int r = 0;
    int fd;

    (void)snprintf(from, sizeof from, "%s.new", path);
    fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(from, path) < 0)
        r = fail(error, -errno, "%s: cannot write: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return r;
}

static int save(zcert_t *cert, const char *path, bool secret, struct keys_error *error)
{
    char to[PATH_SIZE + 4];

    (void)snprintf(to, sizeof to, "%s.new", path);
    if ((secret ? zcert_save_secret(cert, to) : zcert_save_public(cert, to)) != 0)
        return fail(error, errno != 0 ? -errno : -EIO, "%s: cannot write: %s", path,
                    strerror(errno));
    return put_in_place(path, secret ? 0600 : 0644, error);
}

int keys_generate(const char *dir, const char *host, bool replace, struct keys_error *error)
{
    char public_path[PATH_SIZE], secret_path[PATH_SIZE];
    zcert_t *cert;
    int r;

    path_of(public_path, dir, host, ".key");
    path_of(secret_path, dir, host, ".secret");
    r = make_dir(dir, error);
    if (r < 0)
        return r;
    if (!replace && (access(public_path, F_OK) == 0 || access(secret_path, F_OK) == 0))
        return fail(error, -EEXIST, "%s: host %s has a key already", public_path, host);
    zsys_handler_set(NULL);
    cert = zcert_new();
    if (cert == NULL)
        return fail(error, -ENOTSUP, "this libzmq has no CURVE");
    zcert_set_meta(cert, "host", "%s", host);
    r = save(cert, secret_path, true, error);
    if (r == 0)
        r = save(cert, public_path, false, error);
    zcert_destroy(&cert);
    return r;
}

int keys_generate_cluster(const char *dir, bool replace, struct keys_error *error)
{
    char path[PATH_SIZE], to[PATH_SIZE + 4], hex[2 * KEYS_SECRET_SIZE + 2];
    uint8_t secret[KEYS_SECRET_SIZE];
    int r = make_dir(dir, error);
    int fd;

    if (r < 0)
        return r;
    path_of(path, dir, "cluster", ".secret");
    if (!replace && access(path, F_OK) == 0)
        return fail(error, -EEXIST, "%s: there already", path);
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return fail(error, -EIO, "no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof secret; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", secret[i]);
    hex[sizeof hex - 2] = '\n';
    (void)snprintf(to, sizeof to, "%s.new", path);
    fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, hex, sizeof hex - 1) != (ssize_t)sizeof hex - 1)
        r = fail(error, -errno, "%s: cannot write: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    explicit_bzero(hex, sizeof hex);
    explicit_bzero(secret, sizeof secret);
    return r < 0 ? r : put_in_place(path, 0600, error);
}

/* check_secret - is PATH there, ours, and readable by its owner alone? */
static int check_secret(const char *path, const char *mend, struct keys_error *error)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return fail(error, -errno, "%s: %s; %s", path, strerror(errno), mend);
    if ((st.st_mode & 077) != 0)
        return fail(error, -EPERM, "%s: others than its owner can use it; chmod 600 %s", path,
                    path);
    if (st.st_uid != geteuid() && geteuid() != 0)
        return fail(error, -EPERM, "%s: belongs to another user; chown %u %s", path, geteuid(),
                    path);
    return 0;
}

static bool key_given(const char *text)
{
    return text != NULL && strlen(text) == KEYS_TEXT_SIZE - 1 &&
           strspn(text, "0") != KEYS_TEXT_SIZE - 1; /* czmq's way to say "no key" */
}

static int load_pair(const struct bootstrap *b, struct keys *keys, struct keys_error *error)
{
    const char *host = bootstrap_self(b)->name;
    char path[PATH_SIZE], mend[160];
    zcert_t *cert;
    int r;

    path_of(path, b->keys_dir, host, ".secret");
    (void)snprintf(mend, sizeof mend,
                   "copy it from the folder %s/keys that `hamgr init DIR` made below DIR", host);
    r = check_secret(path, mend, error);
    if (r < 0)
        return r;
    cert = zcert_load(path);
    if (cert == NULL || !key_given(zcert_secret_txt(cert)) || !key_given(zcert_public_txt(cert))) {
        zcert_destroy(&cert);
        return fail(error, -EINVAL, "%s: holds no key pair; copy it again, or remove it and %s",
                    path, mend);
    }
    memcpy(keys->public_key, zcert_public_txt(cert), KEYS_TEXT_SIZE);
    memcpy(keys->secret_key, zcert_secret_txt(cert), KEYS_TEXT_SIZE);
    zcert_destroy(&cert);
    return 0;
}

/* load_public - the public key of HOST; false when it is missing or unreadable. */
static bool load_public(const char *dir, const char *host, char ret_key[KEYS_TEXT_SIZE])
{
    char path[PATH_SIZE];
    zcert_t *cert;
    bool given;

    path_of(path, dir, host, ".key");
    cert = access(path, R_OK) == 0 ? zcert_load(path) : NULL;
    given = cert != NULL && key_given(zcert_public_txt(cert));
    if (given)
        memcpy(ret_key, zcert_public_txt(cert), KEYS_TEXT_SIZE);
    zcert_destroy(&cert);
    return given;
}

int keys_load(const struct bootstrap *bootstrap, struct keys *ret_keys, struct keys_error *error)
{
    struct keys keys = {0};
    int r;

    zsys_handler_set(NULL);
    r = load_pair(bootstrap, &keys, error);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < bootstrap->host_count; i++)
        (void)load_public(bootstrap->keys_dir, bootstrap->hosts[i].name, keys.hosts[i]);
    if (keys.hosts[bootstrap->self][0] != '\0' &&
        strcmp(keys.hosts[bootstrap->self], keys.public_key) != 0) {
        keys_forget(&keys);
        return fail(error, -EINVAL,
                    "%s/%s.key and .secret are of different pairs; copy both again from the folder "
                    "that `hamgr init` made",
                    bootstrap->keys_dir, bootstrap_self(bootstrap)->name);
    }
    *ret_keys = keys;
    keys_forget(&keys);
    return 0;
}

void keys_forget(struct keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

uint32_t keys_host_of(const struct keys *keys, const uint8_t public_key[32])
{
    char text[KEYS_TEXT_SIZE];

    if (zmq_z85_encode(text, public_key, 32) == NULL)
        return BOOTSTRAP_NONE;
    for (uint32_t i = 0; i < BOOTSTRAP_HOSTS_MAX; i++)
        if (strcmp(keys->hosts[i], text) == 0)
            return i;
    return BOOTSTRAP_NONE;
}

int keys_cluster_secret(const char *dir, uint8_t ret_secret[KEYS_SECRET_SIZE],
                        struct keys_error *error)
{
    char path[PATH_SIZE], hex[2 * KEYS_SECRET_SIZE + 1] = "";
    size_t digits = 0;
    FILE *file;
    int r;

    path_of(path, dir, "cluster", ".secret");
    r = check_secret(path, "hamgr init makes it; copy it from another host", error);
    if (r < 0)
        return r;
    file = fopen(path, "re");
    if (file == NULL)
        return fail(error, -errno, "%s: %s", path, strerror(errno));
    digits = fread(hex, 1, sizeof hex - 1, file);
    (void)fclose(file);
    if (digits != sizeof hex - 1 || strspn(hex, "0123456789abcdef") != sizeof hex - 1)
        return fail(error, -EINVAL, "%s: must hold %d hex digits; copy it again from another host",
                    path, 2 * KEYS_SECRET_SIZE);
    for (size_t i = 0; i < KEYS_SECRET_SIZE; i++) {
        unsigned byte = 0;
        (void)sscanf(hex + 2 * i, "%2x", &byte);
        ret_secret[i] = (uint8_t)byte;
    }
    explicit_bzero(hex, sizeof hex);
    return 0;
}

static void fingerprint_of(const char *key, char ret_text[KEYS_FINGERPRINT_SIZE])
{
    uint8_t bytes[32], digest[32];
    unsigned size = sizeof digest;

    if (zmq_z85_decode(bytes, key) == NULL ||
        EVP_Digest(bytes, sizeof bytes, digest, &size, EVP_sha256(), NULL) != 1)
        return;
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(ret_text + 3 * i, 4, i < 7 ? "%02x:" : "%02x", digest[i]);
}

void keys_list(const struct bootstrap *bootstrap, struct keys_entry entries[BOOTSTRAP_HOSTS_MAX])
{
    zsys_handler_set(NULL);
    for (uint32_t i = 0; i < bootstrap->host_count; i++) {
        struct keys_entry *e = &entries[i];
        char path[PATH_SIZE], key[KEYS_TEXT_SIZE];
        struct stat st;

        *e = (struct keys_entry){0};
        (void)snprintf(e->host, sizeof e->host, "%s", bootstrap->hosts[i].name);
        path_of(path, bootstrap->keys_dir, e->host, ".secret");
        e->secret_present = access(path, F_OK) == 0;
        e->present = load_public(bootstrap->keys_dir, e->host, key);
        if (!e->present)
            continue;
        fingerprint_of(key, e->fingerprint);
        path_of(path, bootstrap->keys_dir, e->host, ".key");
        if (stat(path, &st) == 0)
            e->made_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    }
}
