/* limits - every fixed bound of the protocol floor, in one place.
 *
 * Configurable sizes (pools, timers, message size) are in struct sip_stack_conf (sip.h); here are
 * only those that size a structure.  Beyond a limit a message is refused with a value, never cut.
 */
#ifndef SIPSERVER_SIP_LIMITS_H
#define SIPSERVER_SIP_LIMITS_H

#define SIP_HEADERS_MAX 128 /* header lines of one message */

/* Header lines of a message from outside: what an answer may add to them is kept free. */
#define SIP_HEADERS_IN_MAX (SIP_HEADERS_MAX - SIP_EXTRAS_MAX - 8)

#define SIP_CALL_ID_MAX 160 /* bytes, in a dialog */
#define SIP_TAG_MAX     160 /* bytes, in a dialog */
#define SIP_URI_MAX     288 /* bytes, remote target of a dialog */
#define SIP_PARTY_MAX   288 /* bytes, From or To without its tag: display name and URI */
#define SIP_ROUTES_MAX  768 /* bytes, the whole route set of a dialog, comma-separated */
#define SIP_DIALOG_TEXT                                                                            \
    480 /* bytes, all these texts of a dialog, before it takes a place for more */
#define SIP_EXTRAS_MAX  16  /* additional header lines of one message that we build */

#define SIP_LOCALS_MAX  4  /* own sockets that the stack can send from */
#define SIP_LOCAL_TLS   1  /* the one for TLS; 0 is for UDP and TCP */
#define SIP_SENT_BY_MAX 64 /* bytes, "host:port" of an own socket */
#define SIP_TOKEN_MAX   64 /* bytes, a token with its terminating NUL */

#endif
