/* password - what is kept of a password: for phones the digest hash (RFC 2617 section 3.2.2.2, RFC
 * 8760 for SHA-256), for agents scrypt (RFC 7914).  A password itself is never kept, logged or
 * exported.
 *
 * Owns:   nothing.
 * Errors: negative errno.
 */
#ifndef CONFPROXY_ADAPT_PASSWORD_H
#define CONFPROXY_ADAPT_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MAX         128 /* characters */
#define PASSWORD_HASH_SIZE   128 /* "scrypt$16384$8$1$<salt>$<hash>" and NUL */
#define PASSWORD_MD5_SIZE    33
#define PASSWORD_SHA256_SIZE 65

/* password_ha1 - the two hashes of "USER:REALM:PASSWORD", lower-case hexadecimal.
 * Returns: 0; -EIO OpenSSL failed. */
int password_ha1(const char *user, const char *realm, const char *password,
                 char ret_md5[PASSWORD_MD5_SIZE], char ret_sha256[PASSWORD_SHA256_SIZE]);

/* password_hash - scrypt with a fresh salt (N = 2^14, r = 8, p = 1).  Returns: 0; -EIO. */
int password_hash(const char *password, char ret_hash[PASSWORD_HASH_SIZE]);

/* password_verify - is PASSWORD the one that HASH was made from?  Takes about 50 ms by intent and
 * the same time for a wrong password; false as well for a hash that is not understood. */
bool password_verify(const char *password, const char *hash);

#endif
