/* forms - texts of the configuration that have a form of their own: the address of a trunk and the
 * hash of a password.  What is accepted here is what sipserver can send to and what
 * password_verify can judge.
 */
#ifndef CONFPROXY_CORE_FORMS_H
#define CONFPROXY_CORE_FORMS_H

#include <stdbool.h>

/* form_contact_fault - what is wrong with URI as the address of a trunk or service:
 * sip:[USER@]HOST[:PORT][;transport=udp|tcp|tls], HOST an IP address ([...] around IPv6) or, where
 * NAMES may stand, a host name (RFC 3261 25.1).
 *
 * Returns: NULL when nothing is; else words that complete "'URI' ...".
 */
const char *form_contact_fault(const char *uri, bool names);

/* form_server_fault - what is wrong with TEXT as a DNS server, "192.0.2.53", "192.0.2.53:5353" or
 * "[2001:db8::53]:53"; NULL: nothing. */
const char *form_server_fault(const char *text);

/* form_contact_at - does URI, a contact without a fault, lead to the IP address ADDRESS? */
bool form_contact_at(const char *uri, const char *address);

/* form_hash_sound - is HASH a whole scrypt$N$r$p$salt$hash: N a power of two, r and p such that one
 * login takes neither more than 64 MiB nor long, salt (1 to 45 bytes) and hash (32) in base64? */
bool form_hash_sound(const char *hash);

/* form_net_fault - what is wrong with TEXT as a network, "192.0.2.0/24" or one address; NULL:
 * nothing. */
const char *form_net_fault(const char *text);

/* form_control - the first control character of TEXT, or -1. */
int form_control(const char *text);

#endif
