/* address - the site address on this host: taken when the host becomes primary, dropped when it
 * ceases to be.
 *
 *   loopback   addresses of 127/8 need no configuration: the component that serves binds them
 * (demo, tests on one machine) interface  RTM_NEWADDR / RTM_DELADDR through netlink, then announced
 * three times, 20 ms apart: gratuitous ARP (request and reply form) for IPv4, unsolicited neighbour
 * advertisement (RFC 4861 7.2.6) for IPv6
 *
 * Errors: negative errno, with the reason for a person in address_error.
 */
#ifndef HAMGR_ADAPT_ADDRESS_H
#define HAMGR_ADAPT_ADDRESS_H

#include "common/bootstrap.h"
#include "common/loop.h"

struct address;

/* address_new - SITE must outlive the object.  -ENODEV: the interface does not exist; -EPERM:
 * CAP_NET_ADMIN is missing. */
int address_new(struct loop *loop, const struct bootstrap_site *site, struct address **ret_address);
void address_destroy(struct address **address); /* drops the address if it is held */

/* address_add - hold the address (no error when it is held already) and announce it; not after
 * UNTIL, as the kernel's fence does not see an announcement. */
int address_add(struct address *address, mono_t until);

/* address_remove - drop the address (no error when it is not held).  Also to be called at start, to
 * clear what a killed predecessor left. */
int address_remove(struct address *address);

bool address_held(const struct address *address);
const char *address_error(const struct address *address);

#endif
