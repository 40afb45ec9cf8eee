/* ip - which IP addresses can name one host that others talk to.  Pure: looks at the text alone. */
#ifndef COMMON_IP_H
#define COMMON_IP_H

#include <stdbool.h>

#define IP_NO_ADDRESS "is no IP address"

/* ip_fault - what is wrong with ADDRESS, an IPv4 or IPv6 literal without brackets, as an address
 * to reach one host at.
 *
 * Returns: NULL when nothing is; else words that complete "ADDRESS ...": "is no IP address".
 */
const char *ip_fault(const char *address);

/* ip_is_v6 - is ADDRESS, which has no fault, an IPv6 address? */
bool ip_is_v6(const char *address);

#endif
