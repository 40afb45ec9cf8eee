/* dns - reads DNS answers as they come off the wire (RFC 1035, RFC 2782). */
#ifndef SIPSERVER_ADAPT_DNS_H
#define SIPSERVER_ADAPT_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_SIZE 256
#define DNS_A         1
#define DNS_AAAA      28
#define DNS_SRV       33

struct dns_record {
    uint32_t ttl_s;
    uint8_t ip[16];             /* A: four bytes */
    uint16_t priority, weight;  /* SRV */
    uint16_t port;              /* SRV */
    char target[DNS_NAME_SIZE]; /* SRV; "" for ".": the service is not there */
};

/* dns_read - the records of TYPE in MESSAGE, at most MAX of them.
 * Returns: how many; -EBADMSG the message is none. */
int dns_read(const uint8_t *message, size_t length, int type, struct dns_record *ret_records,
             unsigned max);

#endif
