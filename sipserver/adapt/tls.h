/* tls - certificate and key of the site for SIP over TLS, and sessions made with them (OpenSSL).
 *
 * The files are read at the start and again when they have changed.  A session keeps what it was
 * made with, so new files touch new connections only.  Files that do not fit together are refused,
 * the old ones stay in use and the reason is told: they are often replaced one after the other.
 */
#ifndef SIPSERVER_ADAPT_TLS_H
#define SIPSERVER_ADAPT_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "common/bootstrap.h"
#include "sipserver/sip/addr.h"

struct tls;

/* tls_new - PATHS is copied; nothing is read yet.  0; -ENOMEM. */
int tls_new(const struct bootstrap_sip_tls *paths, struct tls **ret_tls);
void tls_destroy(struct tls **tls);

/* tls_load - read the files.  0; -EINVAL with the reason in WHY. */
int tls_load(struct tls *tls, char *why, size_t size);

/* tls_changed - the files are others than at the last tls_load, successful or not. */
bool tls_changed(const struct tls *tls);

#define TLS_NAMES_MAX 8

/* tls_accept - a session for a connection that came in; tls_connect - for one of ours to PEER.  Its
 * certificate must have one of the N NAMES of the trunks that are there (RFC 5922 7: as sip URI or
 * DNS name, without wildcards); its address when there are none.  NULL: no certificate is loaded,
 * or no memory. */
SSL *tls_accept(struct tls *tls, int fd);
SSL *tls_connect(struct tls *tls, int fd, const struct sip_addr *peer, const char *const names[],
                 unsigned n);

/* tls_fault - why the handshake of SSL has failed, in words. */
const char *tls_fault(const SSL *ssl);

#endif
