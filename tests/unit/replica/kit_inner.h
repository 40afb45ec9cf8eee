/* kit_inner - what kit.c (the deployment, hamgr, confproxy), parties.c (who calls and is called)
 * and fake.c (the other SIP server, the command line, a desktop) share. */
#ifndef TESTS_REPLICA_KIT_INNER_H
#define TESTS_REPLICA_KIT_INNER_H

#include "kit.h"

#define SIP_PORT 5960
#define GW_PORT  5070

extern const char *const kit_names[HOSTS];

/* kit_text - protobuf-c has no const strings. */
char *kit_text(const char *text);
struct bus *kit_bus(unsigned host, enum process process);

void parties_open(void);
void parties_close(void);
void fake_close(void); /* and the others of fake.c */

#endif
