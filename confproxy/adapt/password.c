#include "confproxy/adapt/password.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SCRYPT_N      16384
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_MEMORY (UINT64_C(64) << 20)
#define SALT_BYTES    16
#define HASH_BYTES    32

static void hex(const unsigned char *data, size_t length, char *ret_text)
{
    for (size_t i = 0; i < length; i++)
        (void)snprintf(ret_text + 2 * i, 3, "%02x", data[i]);
}

static int digest(const EVP_MD *kind, const char *const parts[3], char *ret_text)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int ok = context != NULL && EVP_DigestInit_ex(context, kind, NULL) == 1;

    for (int i = 0; ok && i < 3; i++)
        ok = (i == 0 || EVP_DigestUpdate(context, ":", 1) == 1) &&
             EVP_DigestUpdate(context, parts[i], strlen(parts[i])) == 1;
    ok = ok && EVP_DigestFinal_ex(context, out, &length) == 1;
    EVP_MD_CTX_free(context);
    if (!ok)
        return -EIO;
    hex(out, length, ret_text);
    return 0;
}

int password_ha1(const char *user, const char *realm, const char *password,
                 char ret_md5[PASSWORD_MD5_SIZE], char ret_sha256[PASSWORD_SHA256_SIZE])
{
    const char *const parts[3] = {user, realm, password};
    int r = digest(EVP_md5(), parts, ret_md5);

    return r != 0 ? r : digest(EVP_sha256(), parts, ret_sha256);
}

static int scrypt(const char *password, const unsigned char *salt, size_t salt_length, uint64_t n,
                  uint64_t r, uint64_t p, unsigned char hash[HASH_BYTES])
{
    return EVP_PBE_scrypt(password, strlen(password), salt, salt_length, n, r, p, SCRYPT_MEMORY,
                          hash, HASH_BYTES) == 1
               ? 0
               : -EIO;
}

int password_hash(const char *password, char ret_hash[PASSWORD_HASH_SIZE])
{
    unsigned char salt[SALT_BYTES];
    unsigned char hash[HASH_BYTES];
    unsigned char salt64[4 * (SALT_BYTES / 3 + 1) + 1];
    unsigned char hash64[4 * (HASH_BYTES / 3 + 1) + 1];

    if (RAND_bytes(salt, sizeof salt) != 1 ||
        scrypt(password, salt, sizeof salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, hash) != 0)
        return -EIO;
    EVP_EncodeBlock(salt64, salt, sizeof salt);
    EVP_EncodeBlock(hash64, hash, sizeof hash);
    (void)snprintf(ret_hash, PASSWORD_HASH_SIZE, "scrypt$%d$%d$%d$%s$%s", SCRYPT_N, SCRYPT_R,
                   SCRYPT_P, salt64, hash64);
    return 0;
}

/* decode - base64 TEXT of LENGTH characters into OUT.  Returns: bytes, or -1. */
static int decode(const char *text, size_t length, unsigned char *out, size_t out_size)
{
    size_t padding = 0;

    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    if (length % 4 != 0 || length / 4 * 3 > out_size)
        return -1;
    int bytes = EVP_DecodeBlock(out, (const unsigned char *)text, (int)length);
    return bytes < 0 ? -1 : bytes - (int)padding;
}

bool password_verify(const char *password, const char *hash)
{
    unsigned long n;
    unsigned long r;
    unsigned long p;
    char salt64[64];
    char hash64[64];
    unsigned char salt[48];
    unsigned char wanted[48];
    unsigned char got[HASH_BYTES];

    if (sscanf(hash, "scrypt$%8lu$%4lu$%4lu$%63[^$]$%63s", &n, &r, &p, salt64, hash64) != 5)
        return false;
    int salt_length = decode(salt64, strlen(salt64), salt, sizeof salt);
    if (salt_length <= 0 || decode(hash64, strlen(hash64), wanted, sizeof wanted) != HASH_BYTES)
        return false;
    if (scrypt(password, salt, (size_t)salt_length, n, r, p, got) != 0)
        return false;
    return CRYPTO_memcmp(got, wanted, HASH_BYTES) == 0;
}
