/* digest_openssl - the hash functions of sip/digest.h by OpenSSL, with contexts and algorithms
 * fetched once and reused.  One object per thread. */
#ifndef SIPSERVER_CRYPTO_DIGEST_OPENSSL_H
#define SIPSERVER_CRYPTO_DIGEST_OPENSSL_H

#include "sipserver/sip/digest.h"

struct digest_openssl;

/* digest_openssl_new - NULL when OpenSSL offers no MD5 or SHA-256 (FIPS policy) or memory is out.
 */
struct digest_openssl *digest_openssl_new(void);
void digest_openssl_destroy(struct digest_openssl **p);

/* digest_openssl_ops - the table, valid as long as D lives. */
struct digest_ops digest_openssl_ops(struct digest_openssl *d);

#endif
