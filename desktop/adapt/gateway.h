/* gateway - the HTTP side of the agent gateway and its conversation with the SIP server of this
 * host; the API is in desktop/README.md.  Listens on the site address while this host is primary.
 *
 * Passwords are checked here against the configuration's scrypt hashes: each check blocks this
 * process for about 50 ms, so logins are bounded to a burst of GATEWAY_LOGIN_BURST and then
 * GATEWAY_LOGINS_PER_S (429 with Retry-After beyond). */
#ifndef DESKTOP_ADAPT_GATEWAY_H
#define DESKTOP_ADAPT_GATEWAY_H

#include "common/component.h"
#include "desktop/adapt/directory.h"

#define GATEWAY_SESSIONS_MAX 2000
#define GATEWAY_ANSWER_MS    2000 /* the SIP server has so long to answer */
#define GATEWAY_OPERATION_MS                                                                       \
    660000 /* ... and for an operation on calls: longer than any transfer-timeout */
#define GATEWAY_DETACH_MS    60000 /* a session without a page is logged out */
#define GATEWAY_BEAT_MS      1000
#define GATEWAY_RETRY_MS     200 /* the site address is still held elsewhere: try again */
#define GATEWAY_LOGIN_BURST  8
#define GATEWAY_LOGINS_PER_S 10
#define GATEWAY_WRONG_MIN_MS 1000 /* wait after a wrong password, doubling */
#define GATEWAY_WRONG_MAX_MS 60000

struct gateway;

int gateway_new(struct component *component, const struct directory *directory,
                struct gateway **ret_gateway);
void gateway_destroy(struct gateway **gateway);
void gateway_set_role(struct gateway *gateway, bool primary);
/* gateway_set_loaded - the configuration has come: logins can be judged. */
void gateway_set_loaded(struct gateway *gateway, bool loaded);
uint32_t gateway_sessions(const struct gateway *gateway);

#endif
