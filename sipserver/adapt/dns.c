#include "sipserver/adapt/dns.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <string.h>

static bool take(const ns_msg *m, const ns_rr *rr, int type, struct dns_record *r)
{
    const uint8_t *data = ns_rr_rdata(*rr);
    size_t length = ns_rr_rdlen(*rr);

    memset(r, 0, sizeof(*r));
    r->ttl_s = ns_rr_ttl(*rr);
    if (type == DNS_A || type == DNS_AAAA) {
        if (length != (type == DNS_A ? 4 : 16))
            return false;
        memcpy(r->ip, data, length);
        return true;
    }
    if (length < 7)
        return false;
    r->priority = (uint16_t)ns_get16(data);
    r->weight = (uint16_t)ns_get16(data + 2);
    r->port = (uint16_t)ns_get16(data + 4);
    return ns_name_uncompress(ns_msg_base(*m), ns_msg_end(*m), data + 6, r->target,
                              sizeof(r->target)) > 0;
}

int dns_read(const uint8_t *message, size_t length, int type, struct dns_record *ret_records,
             unsigned max)
{
    unsigned n = 0;
    ns_msg m;
    ns_rr rr;

    if (length > INT32_MAX || ns_initparse(message, (int)length, &m) != 0)
        return -EBADMSG;
    for (int i = 0; i < ns_msg_count(m, ns_s_an) && n < max; i++) {
        if (ns_parserr(&m, ns_s_an, i, &rr) != 0)
            return -EBADMSG;
        if ((int)ns_rr_type(rr) != type || ns_rr_class(rr) != ns_c_in)
            continue;
        if (take(&m, &rr, type, &ret_records[n]))
            n++;
    }
    return (int)n;
}
