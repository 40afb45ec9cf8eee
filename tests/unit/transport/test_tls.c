/* Whose certificate we take when we connect (RFC 5922 7): sessions between our own code and a
 * server of OpenSSL, over a pair of sockets. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sipserver/adapt/tls.h"

static char folder[] = "/tmp/tls-test-XXXXXX";
static struct bootstrap_sip_tls paths;
static struct tls *tls;
static char fault[128];

static void path(char *to, const char *name)
{
    snprintf(to, BOOTSTRAP_PATH_SIZE, "%s/%s", folder, name);
}

/* A certificate of its own making for what NAMES says (subjectAltName), and common name CN. */
static void certify(const char *names, const char *cn)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    FILE *f;

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    cr_assert_not_null(ext);
    X509_add_ext(cert, ext, -1);
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    cr_assert_not_null(f = fopen(paths.certificate, "w"));
    PEM_write_X509(f, cert);
    fclose(f);
    cr_assert_not_null(f = fopen(paths.key, "w"));
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_EXTENSION_free(ext);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    memset(&paths, 0, sizeof(paths));
    paths.check_names = true;
    path(paths.certificate, "crt");
    path(paths.key, "key");
    path(paths.ca, "crt");
}

static void teardown(void)
{
    (void)unlink(paths.certificate);
    (void)unlink(paths.key);
    (void)rmdir(folder);
}

TestSuite(tls, .init = setup, .fini = teardown);

/* Both sides in turn, until one has had enough. */
static bool handshake(SSL *client, SSL *server)
{
    int c = 0, s = 0;

    for (unsigned i = 0; i < 20 && (c != 1 || s != 1); i++) {
        c = SSL_do_handshake(client);
        if (c != 1 && SSL_get_error(client, c) != SSL_ERROR_WANT_READ)
            break;
        s = SSL_do_handshake(server);
    }
    snprintf(fault, sizeof(fault), "%s", tls_fault(client));
    return c == 1;
}

/* We connect to 192.0.2.7, which DNS says is NAMES; does the server have the right certificate? */
static bool connects(const char *certificate, const char *const names[], unsigned n)
{
    struct sip_addr peer;
    char why[256] = "";
    SSL *client, *server;
    int fd[2];
    bool done;

    certify(certificate, "trunk.example");
    cr_assert_eq(sip_addr_parse(SIP_STR("192.0.2.7"), 5061, SIP_TLS, &peer), 0);
    cr_assert_eq(tls_new(&paths, &tls), 0);
    cr_assert_eq(tls_load(tls, why, sizeof(why)), 0, "%s", why);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    cr_assert_not_null(server = tls_accept(tls, fd[0]));
    cr_assert_not_null(client = tls_connect(tls, fd[1], &peer, names, n));
    done = handshake(client, server);
    SSL_free(client);
    SSL_free(server);
    close(fd[0]);
    close(fd[1]);
    tls_destroy(&tls);
    return done;
}

static bool names(const char *certificate)
{
    static const char *const wanted[] = {"trunk.example"};

    return connects(certificate, wanted, 1);
}

Test(tls, a_trunk_with_a_name_has_it_in_its_certificate_rfc5922_7_1)
{
    cr_assert(names("DNS:other.example,DNS:trunk.example"));
    cr_assert(names("DNS:TRUNK.example"));
    cr_assert(names("URI:sip:trunk.example"));
}

Test(tls, a_wrong_name_is_refused_with_its_reason_rfc5922_7_1)
{
    cr_assert_not(names("DNS:other.example"), "the common name does not count beside others");
    cr_assert_not_null(strstr(fault, "does not have the trunk's name"), "%s", fault);
    cr_assert_not(names("DNS:x.trunk.example"));
    cr_assert_not(names("DNS:example"));
    cr_assert_not(names("URI:sip:other.example"));
    cr_assert_not(names("URI:sip:user@trunk.example"));
    cr_assert_not(names("URI:https:trunk.example"));
    cr_assert_not(names("IP:192.0.2.7"),
                  "whoever answers for the name in DNS may have the address");
}

Test(tls, a_wildcard_is_no_name_rfc5922_7_2)
{
    cr_assert_not(names("DNS:*.example"));
}

Test(tls, two_trunks_at_one_address_have_either_name)
{
    static const char *const two[] = {"first.example", "second.example"};

    cr_assert(connects("DNS:first.example", two, 2));
    cr_assert(connects("DNS:second.example", two, 2));
    cr_assert(connects("URI:sip:second.example", two, 2));
    cr_assert_not(connects("DNS:third.example", two, 2));
}

Test(tls, a_trunk_without_a_name_has_its_address_in_its_certificate)
{
    cr_assert(connects("IP:192.0.2.7", NULL, 0));
    cr_assert_not(connects("IP:192.0.2.8,DNS:trunk.example", NULL, 0));
    cr_assert_not_null(strstr(fault, "does not have its address"), "%s", fault);
}

Test(tls, names_are_not_looked_at_when_the_operator_says_so)
{
    paths.check_names = false;
    cr_assert(names("DNS:other.example"));
    cr_assert(connects("IP:192.0.2.8", NULL, 0));
}
