#include "sipserver/crypto/digest_openssl.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct digest_openssl {
    EVP_MD *md5;
    EVP_MD *sha256;
    EVP_MD_CTX *hash;
};

/* The only failures left after the algorithms were fetched are those of memory: nothing can go on
 * then. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

static void sum(struct digest_openssl *d, const EVP_MD *md, const void *data, size_t len,
                uint8_t *ret_sum)
{
    unsigned written = 0;

    must(EVP_DigestInit_ex2(d->hash, md, NULL));
    must(EVP_DigestUpdate(d->hash, data, len));
    must(EVP_DigestFinal_ex(d->hash, ret_sum, &written));
}

static void md5(void *self, const void *data, size_t len, uint8_t ret_sum[16])
{
    struct digest_openssl *d = self;

    sum(d, d->md5, data, len, ret_sum);
}

static void sha256(void *self, const void *data, size_t len, uint8_t ret_sum[32])
{
    struct digest_openssl *d = self;

    sum(d, d->sha256, data, len, ret_sum);
}

struct digest_openssl *digest_openssl_new(void)
{
    struct digest_openssl *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->hash = EVP_MD_CTX_new();
    if (d->md5 == NULL || d->sha256 == NULL || d->hash == NULL)
        digest_openssl_destroy(&d);
    return d;
}

void digest_openssl_destroy(struct digest_openssl **p)
{
    struct digest_openssl *d = *p;

    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->hash);
    EVP_MD_free(d->sha256);
    EVP_MD_free(d->md5);
    free(d);
    *p = NULL;
}

struct digest_ops digest_openssl_ops(struct digest_openssl *d)
{
    assert(d != NULL);
    return (struct digest_ops){d, md5, sha256};
}
