#include "confproxy/core/forms.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/ip.h"

#define DIGITS      "0123456789"
#define LETTERS     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define USER        LETTERS DIGITS "-_.!~*'()&=+$,;?/%" /* RFC 3261 section 25.1, user */
#define ADDRESS_MAX 45                                  /* an IPv6 address as text */
#define MEMORY_MAX  (64ul << 20)
#define PARALLEL    16

/* --- Contact --- */

static const char no_address[] = "names no IP address, and names are not looked up; write "
                                 "sip:ADDRESS or sip:ADDRESS:PORT, an IPv6 address in []";
static const char no_host[] = "names neither an IP address nor a host; write sip:ADDRESS or "
                              "sip:host.example, an IPv6 address in []";

/* host_sound - is TEXT of LENGTH bytes a host name, its last label no number (RFC 3261 25.1)? */
static bool host_sound(const char *text, size_t length)
{
    const char *label = text, *end = text + length;

    if (length == 0 || length > 253)
        return false;
    for (;;) {
        size_t n = strspn(label, LETTERS DIGITS "-");
        if (n == 0 || n > 63 || label + n > end || label[0] == '-' || label[n - 1] == '-')
            return false;
        if (label + n == end)
            return strchr(DIGITS, label[0]) == NULL;
        if (label[n] != '.')
            return false;
        label += n + 1;
    }
}

/* take_host - the address that *TEXT begins with; *TEXT moves on behind it. */
static const char *take_host(const char **text, bool names)
{
    char address[ADDRESS_MAX + 1];
    const char *from = *text;
    bool brackets = from[0] == '[';
    const char *fault;
    size_t length;

    from += brackets;
    length = strcspn(from, brackets ? "]" : ":;");
    if (names && !brackets && host_sound(from, length)) {
        *text = from + length;
        return NULL;
    }
    if (length > ADDRESS_MAX)
        return names ? no_host : no_address;
    memcpy(address, from, length);
    address[length] = '\0';
    if (length == 0 || (brackets && (from[length] != ']' || !ip_is_v6(address))))
        return names ? no_host : no_address;
    fault = ip_fault(address);
    *text = from + length + brackets;
    if (fault == NULL)
        return NULL;
    return strcmp(fault, IP_NO_ADDRESS) == 0 ? (names ? no_host : no_address)
                                             : "has an address that no single host has; write the "
                                               "address of the other end";
}

static bool take_port(const char **text)
{
    char *end;
    unsigned long port;

    if ((*text)[0] != ':')
        return true;
    (*text)++;
    if (strspn(*text, DIGITS) == 0 || strspn(*text, DIGITS) > 5)
        return false;
    port = strtoul(*text, &end, 10);
    *text = end;
    return port >= 1 && port <= 65535;
}

const char *form_contact_fault(const char *uri, bool names)
{
    const char *text = uri, *at, *fault;

    if (strncmp(uri, "sips:", 5) == 0)
        return "is a SIPS URI; write sip:ADDRESS:PORT;transport=tls";
    if (strncmp(uri, "sip:", 4) != 0)
        return "is not a SIP URI; write sip:ADDRESS or sip:ADDRESS:PORT";
    text += 4;
    at = strchr(text, '@');
    if (at != NULL && (at == text || text + strspn(text, USER) != at))
        return "has a wrong user part; write sip:ADDRESS or sip:ADDRESS:PORT";
    if (at != NULL)
        text = at + 1;
    fault = take_host(&text, names);
    if (fault != NULL)
        return fault;
    if (!take_port(&text))
        return "has no port from 1 to 65535; write sip:ADDRESS:PORT";
    if (text[0] != '\0' && strcasecmp(text, ";transport=udp") != 0 &&
        strcasecmp(text, ";transport=tcp") != 0 && strcasecmp(text, ";transport=tls") != 0)
        return "has something behind its address that has no effect; only ;transport=udp, "
               ";transport=tcp or ;transport=tls can be there";
    return NULL;
}

const char *form_server_fault(const char *text)
{
    const char *rest = text;

    if (strchr(text, ':') != NULL && text[0] != '[')
        rest = ip_is_v6(text) && ip_fault(text) == NULL ? "" : text;
    if (rest[0] != '\0' &&
        (take_host(&rest, false) != NULL || !take_port(&rest) || rest[0] != '\0'))
        return "is no DNS server; write its IP address, with a port as 192.0.2.53:5353 or "
               "[2001:db8::53]:5353";
    return NULL;
}

bool form_contact_at(const char *uri, const char *address)
{
    unsigned char there[16] = {0}, here[16] = {0};
    const char *host = strchr(uri, '@') != NULL ? strchr(uri, '@') + 1 : uri + 4;
    char text[ADDRESS_MAX + 1];
    bool brackets = host[0] == '[';
    size_t length = strcspn(host + brackets, brackets ? "]" : ":;");
    int family = brackets ? AF_INET6 : AF_INET;

    if (length > ADDRESS_MAX || brackets != ip_is_v6(address))
        return false;
    memcpy(text, host + brackets, length);
    text[length] = '\0';
    return inet_pton(family, text, there) == 1 && inet_pton(family, address, here) == 1 &&
           memcmp(there, here, sizeof there) == 0;
}

/* --- Networks --- */

const char *form_net_fault(const char *text)
{
    unsigned char bytes[16] = {0};
    char address[ADDRESS_MAX + 1];
    size_t length = strcspn(text, "/");
    bool six = strchr(text, ':') != NULL;
    unsigned long bits = six ? 128 : 32;

    if (length > ADDRESS_MAX)
        return "is no network; write ADDRESS/BITS, for example 192.0.2.0/24";
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(six ? AF_INET6 : AF_INET, address, bytes) != 1)
        return "is no network; write ADDRESS/BITS, for example 192.0.2.0/24";
    if (text[length] == '/') {
        const char *number = text + length + 1;
        if (strspn(number, DIGITS) != strlen(number) || number[0] == '\0' || strlen(number) > 3 ||
            strtoul(number, NULL, 10) > bits)
            return "has no number of bits that fits behind its /; write 0 to 32 for IPv4, to 128 "
                   "for IPv6";
        bits = strtoul(number, NULL, 10);
    }
    if (bits == 0)
        return "is the whole world: every stranger would count as this trunk; name its networks";
    for (unsigned long b = bits; b < (six ? 128ul : 32ul); b++)
        if ((bytes[b / 8] & (0x80 >> b % 8)) != 0)
            return "has address bits set behind those that its /BITS keeps; set them to 0";
    return NULL;
}

/* --- Password hash --- */

/* take_number - the number before the next '$' of *TEXT, or 0. */
static unsigned long take_number(const char **text, size_t digits_max)
{
    size_t digits = strspn(*text, DIGITS);
    unsigned long number;

    if (digits == 0 || digits > digits_max || (*text)[digits] != '$')
        return 0;
    number = strtoul(*text, NULL, 10);
    *text += digits + 1;
    return number;
}

/* base64_bytes - how many bytes LENGTH characters of TEXT stand for; 0 when it is not base64. */
static size_t base64_bytes(const char *text, size_t length)
{
    size_t plain = strspn(text, LETTERS DIGITS "+/"), padding;

    if (plain > length)
        plain = length;
    padding = length - plain;
    if (length == 0 || length % 4 != 0 || padding > 2 || strspn(text + plain, "=") < padding)
        return 0;
    return length / 4 * 3 - padding;
}

bool form_hash_sound(const char *hash)
{
    unsigned long n, r, p;
    size_t salt;

    if (strncmp(hash, "scrypt$", 7) != 0)
        return false;
    hash += 7;
    n = take_number(&hash, 8);
    r = take_number(&hash, 4);
    p = take_number(&hash, 4);
    if (n < 2 || (n & (n - 1)) != 0 || r == 0 || p == 0 || p > PARALLEL ||
        128 * r * (n + 2 + p) > MEMORY_MAX)
        return false;
    salt = strcspn(hash, "$");
    if (hash[salt] != '$' || base64_bytes(hash, salt) == 0 || base64_bytes(hash, salt) > 45)
        return false;
    hash += salt + 1;
    return base64_bytes(hash, strlen(hash)) == 32;
}

/* --- Control characters --- */

int form_control(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            return c;
    }
    return -1;
}
