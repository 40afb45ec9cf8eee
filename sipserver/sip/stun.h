/* stun - keep-alive of a phone over UDP: a Binding request at the SIP port is answered with the
 * address that it came from (RFC 5626 4.4.2 and 8, RFC 5389 10).  Nothing else of STUN is here: no
 * credentials, no other method, no indication.
 *
 * An answer is at most 24 bytes longer than its request, goes to the address that it came from, and
 * causes nothing more, so nobody gains by a forged source.
 */
#ifndef SIPSERVER_SIP_STUN_H
#define SIPSERVER_SIP_STUN_H

#include "sipserver/sip/addr.h"
#include "sipserver/sip/build.h"

#define STUN_HEADER_BYTES 20

/* stun_is - DATA is a STUN message, not SIP: its first two bits are 0, and it has the magic cookie
 * and its length (RFC 5389 6, RFC 5626 8). */
bool stun_is(const char *data, size_t len);

/* stun_answer - append to B the answer to DATA, for which stun_is holds, from SRC: success with
 * XOR-MAPPED-ADDRESS, or 420 when an attribute must be understood and is not.  False: it wants no
 * answer. */
bool stun_answer(const char *data, size_t len, const struct sip_addr *src, struct sip_buf *b);

#endif
