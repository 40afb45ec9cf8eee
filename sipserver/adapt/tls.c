#include "sipserver/adapt/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FILES 3

/* What tells one state of a file from another. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct tls {
    struct bootstrap_sip_tls paths;
    struct stamp stamps[FILES];
    SSL_CTX *accept; /* NULL: never loaded */
    SSL_CTX *connect;
};

/* ---- have the files changed? ---- */

static struct stamp stamp_of(const char *path)
{
    struct stamp stamp;
    struct stat st;

    memset(&stamp, 0, sizeof(stamp)); /* padding too: stamps are compared as bytes */
    if (path[0] != '\0' && stat(path, &st) == 0) {
        stamp.device = st.st_dev;
        stamp.inode = st.st_ino;
        stamp.size = st.st_size;
        stamp.modified = st.st_mtim;
    }
    return stamp;
}

static void stamp_all(const struct tls *tls, struct stamp stamps[FILES])
{
    stamps[0] = stamp_of(tls->paths.certificate);
    stamps[1] = stamp_of(tls->paths.key);
    stamps[2] = stamp_of(tls->paths.ca);
}

static bool same(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

bool tls_changed(const struct tls *tls)
{
    struct stamp now[FILES];

    stamp_all(tls, now);
    for (unsigned i = 0; i < FILES; i++)
        if (!same(&now[i], &tls->stamps[i]))
            return true;
    return false;
}

/* ---- loading ---- */

/* A key with a passphrase would make OpenSSL ask the terminal. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
    (void)text, (void)size, (void)writing, (void)arg;
    return 0;
}

static void reason(const char *what, const char *path, char *why, size_t size)
{
    char text[160];

    ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
    snprintf(why, size, "%s %s: %s", what, path, text);
    ERR_clear_error();
}

/* A context with the site's certificate.  NULL: see WHY. */
static SSL_CTX *context(const struct tls *tls, const SSL_METHOD *method, char *why, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (ctx == NULL) {
        reason("cannot use", "OpenSSL", why, size);
        return NULL;
    }
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, tls->paths.certificate) != 1)
        reason("cannot use certificate", tls->paths.certificate, why, size);
    else if (SSL_CTX_use_PrivateKey_file(ctx, tls->paths.key, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(ctx) != 1)
        reason("cannot use key", tls->paths.key, why, size);
    else
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* Whom we believe when we connect. */
static bool trust(const struct tls *tls, SSL_CTX *ctx, char *why, size_t size)
{
    int r = tls->paths.ca[0] != '\0' ? SSL_CTX_load_verify_locations(ctx, tls->paths.ca, NULL)
                                     : SSL_CTX_set_default_verify_paths(ctx);

    if (r != 1) {
        reason("cannot use ca", tls->paths.ca, why, size);
        return false;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return true;
}

int tls_load(struct tls *tls, char *why, size_t size)
{
    SSL_CTX *in, *out;

    stamp_all(tls, tls->stamps);
    ERR_clear_error();
    in = context(tls, TLS_server_method(), why, size);
    out = in != NULL ? context(tls, TLS_client_method(), why, size) : NULL;
    if (out == NULL || !trust(tls, out, why, size)) {
        SSL_CTX_free(in);
        SSL_CTX_free(out);
        return -EINVAL;
    }
    SSL_CTX_free(tls->accept); /* sessions hold theirs */
    SSL_CTX_free(tls->connect);
    tls->accept = in;
    tls->connect = out;
    return 0;
}

/* ---- sessions ---- */

static SSL *session(SSL_CTX *ctx, int fd)
{
    SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;

    if (ssl != NULL && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    return ssl;
}

SSL *tls_accept(struct tls *tls, int fd)
{
    SSL *ssl = session(tls->accept, fd);

    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    return ssl;
}

/* A sip URI among the names of CERT is one of those that PARAM wants (RFC 5922 7.1). */
static bool has_uri(X509 *cert, const X509_VERIFY_PARAM *param)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(all) && !found; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        const ASN1_IA5STRING *uri =
            name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;
        const char *text = uri != NULL ? (const char *)ASN1_STRING_get0_data(uri) : "";
        size_t len = uri != NULL ? (size_t)ASN1_STRING_length(uri) : 0;
        const char *wanted;

        if (len < 4 || strncasecmp(text, "sip:", 4) != 0)
            continue;
        for (int k = 0; (wanted = X509_VERIFY_PARAM_get0_host((X509_VERIFY_PARAM *)param, k)); k++)
            found =
                found || (strlen(wanted) == len - 4 && strncasecmp(text + 4, wanted, len - 4) == 0);
    }
    GENERAL_NAMES_free(all);
    return found;
}

/* OpenSSL compares DNS names; what it misses may be there as a URI. */
static int verified(int ok, X509_STORE_CTX *store)
{
    if (ok || X509_STORE_CTX_get_error(store) != X509_V_ERR_HOSTNAME_MISMATCH ||
        !has_uri(X509_STORE_CTX_get_current_cert(store), X509_STORE_CTX_get0_param(store)))
        return ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static bool expect(SSL *ssl, const struct sip_addr *peer, const char *const names[], unsigned n)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (n == 0)
        return X509_VERIFY_PARAM_set1_ip(param, peer->ip, peer->family == SIP_IPV6 ? 16 : 4) == 1;
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_WILDCARDS |            /* RFC 5922 7.2 */
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT); /* RFC 9525 2 */
    for (unsigned i = 0; i < n; i++)
        if (X509_VERIFY_PARAM_add1_host(param, names[i], 0) != 1)
            return false;
    SSL_set_verify(ssl, SSL_VERIFY_PEER, verified);
    return true;
}

SSL *tls_connect(struct tls *tls, int fd, const struct sip_addr *peer, const char *const names[],
                 unsigned n)
{
    SSL *ssl = session(tls->connect, fd);

    if (ssl == NULL)
        return NULL;
    if ((tls->paths.check_names && !expect(ssl, peer, names, n)) ||
        (n > 0 && SSL_set_tlsext_host_name(ssl, names[0]) != 1)) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}

const char *tls_fault(const SSL *ssl)
{
    long r = SSL_get_verify_result(ssl);

    if (r == X509_V_ERR_HOSTNAME_MISMATCH)
        return "its certificate does not have the trunk's name (sip-tls: check-names)";
    if (r == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return "its certificate does not have its address (sip-tls: check-names)";
    return r == X509_V_OK ? "the TLS handshake failed" : X509_verify_cert_error_string(r);
}

/* ---- the object ---- */

int tls_new(const struct bootstrap_sip_tls *paths, struct tls **ret_tls)
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL)
        return -ENOMEM;
    tls->paths = *paths;
    *ret_tls = tls;
    return 0;
}

void tls_destroy(struct tls **tls)
{
    if (*tls == NULL)
        return;
    SSL_CTX_free((*tls)->accept);
    SSL_CTX_free((*tls)->connect);
    free(*tls);
    *tls = NULL;
}
