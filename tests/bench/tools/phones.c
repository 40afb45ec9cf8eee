#include "tests/bench/tools/phones.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRES_S 3600

enum algorithm { NOT_CHALLENGED, MD5, SHA256 };

struct phone {
    uint32_t cseq, nonce_count;
    bool waiting; /* for the answer to CSEQ */
    bool tried;   /* credentials for a fresh nonce were sent */
    uint8_t algorithm;
    char nonce[96];
};

int phones_new(struct phones *p, long phones_n)
{
    p->phones_n = phones_n;
    p->phones = calloc((size_t)phones_n, sizeof(*p->phones));
    p->md5 = EVP_MD_CTX_new();
    return p->phones != NULL && p->md5 != NULL ? 0 : -ENOMEM;
}

/* ---- credentials (RFC 7616 3.4.1, qop=auth) ---- */

static void hash(struct phones *p, enum algorithm algorithm, const char *text, char ret_hex[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    EVP_DigestInit_ex(p->md5, algorithm == MD5 ? EVP_md5() : EVP_sha256(), NULL);
    EVP_DigestUpdate(p->md5, text, strlen(text));
    EVP_DigestFinal_ex(p->md5, sum, &len);
    for (unsigned i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[sum[i] >> 4];
        ret_hex[2 * i + 1] = digits[sum[i] & 15];
    }
    ret_hex[2 * len] = '\0';
}

static int authorization(struct phones *p, struct phone *phone, long user, char *to, size_t size)
{
    char ha1[65], ha2[65], response[65], text[512];

    phone->nonce_count++;
    snprintf(text, sizeof(text), "%ld:%s:p%ld", user, p->realm, user);
    hash(p, phone->algorithm, text, ha1);
    snprintf(text, sizeof(text), "REGISTER:sip:%s", p->server);
    hash(p, phone->algorithm, text, ha2);
    snprintf(text, sizeof(text), "%s:%s:%08x:0a4f113b:auth:%s", ha1, phone->nonce,
             phone->nonce_count, ha2);
    hash(p, phone->algorithm, text, response);
    return snprintf(to, size,
                    "Authorization: Digest username=\"%ld\",realm=\"%s\",nonce=\"%s\","
                    "uri=\"sip:%s\",response=\"%s\",algorithm=%s,qop=auth,nc=%08x,"
                    "cnonce=\"0a4f113b\"\r\n",
                    user, p->realm, phone->nonce, p->server, response,
                    phone->algorithm == MD5 ? "MD5" : "SHA-256", phone->nonce_count);
}

/* A challenge that the phone can answer.  False: none. */
static bool take_challenge(struct phone *phone, const struct view *v)
{
    for (unsigned i = 0; i < v->authenticates; i++) {
        struct slice algorithm = slice_after(v->authenticate[i], "algorithm=", ",\" ");
        struct slice nonce = slice_after(v->authenticate[i], "nonce=\"", "\"");

        if (algorithm.len == 0 || slice_is(algorithm, "MD5"))
            phone->algorithm = MD5;
        else if (slice_is(algorithm, "SHA-256"))
            phone->algorithm = SHA256;
        else
            continue;
        phone->nonce_count = 0;
        return nonce.len > 0 && slice_copy(nonce, phone->nonce, sizeof(phone->nonce));
    }
    return false;
}

/* ---- REGISTER ---- */

static void send_register(struct phones *p, long index)
{
    struct phone *phone = &p->phones[index];
    long user = p->first + index % p->users, device = index / p->users;
    char credentials[640] = "";
    char *to = wire_room(p->wire);
    int n;

    phone->cseq++;
    if (phone->algorithm != NOT_CHALLENGED)
        (void)authorization(p, phone, user, credentials, sizeof(credentials));
    n = snprintf(to, WIRE_MESSAGE_SIZE,
                 "REGISTER sip:%s SIP/2.0\r\n"
                 "Via: SIP/2.0/UDP %s;branch=z9hG4bKr%x.%lx.%x;rport\r\n"
                 "Max-Forwards: 70\r\n"
                 "Contact: <sip:%ldp%ld@%s;transport=udp>;expires=%d\r\n"
                 "To: \"Agent %ld\" <sip:%ld@%s>\r\n"
                 "From: \"Agent %ld\" <sip:%ld@%s>;tag=r%lx\r\n"
                 "Call-ID: r-%ld-84b8c2f0e6a74d3f9c1a5e7b%x\r\n"
                 "CSeq: %u REGISTER\r\n"
                 "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, OPTIONS, INFO, UPDATE, PRACK\r\n"
                 "Supported: replaces\r\n"
                 "User-Agent: Softphone/7.2.1\r\n"
                 "%s"
                 "Content-Length: 0\r\n\r\n",
                 p->server, p->wire->local, p->run, index, phone->cseq, user, device,
                 p->wire->local, EXPIRES_S, user, user, p->server, user, user, p->server, index,
                 index, p->run, phone->cseq, credentials);
    wire_put(p->wire, (size_t)n);
    phone->waiting = true;
}

void phones_register(struct phones *p)
{
    long index = p->from + p->next++ % p->span;

    p->phase->started++;
    if (p->phones[index].waiting) {
        phase_failed(p->phase, "the phone still waits for its last answer", "", 0);
        return;
    }
    p->phones[index].tried = false;
    send_register(p, index);
}

/* What is wrong with a 200; NULL: nothing. */
static const char *fault_of_200(struct phones *p, long index, const struct view *v,
                                const char *data, size_t len)
{
    char contact[96];
    struct slice whole = {data, len}, expires;
    long seconds;

    snprintf(contact, sizeof(contact), "<sip:%ldp%ld@%s;transport=udp>",
             p->first + index % p->users, index / p->users, p->wire->local);
    if (v->contacts == 0 || !slice_has(whole, contact))
        return "200 without the phone's contact";
    expires = slice_after(slice_after(whole, contact, "\r\n"), "expires=", ";, ");
    seconds = slice_number(expires);
    if (seconds < EXPIRES_S - 60 || seconds > EXPIRES_S)
        return "200 with another expiry";
    return slice_has(v->to, ";tag=") ? NULL : "200 without a tag in To";
}

void phones_answer(struct phones *p, const struct view *v, const char *data, size_t len)
{
    long index = slice_number(slice_after(v->call_id, "r-", "-"));
    struct phone *phone;
    char text[128];
    const char *fault = NULL;

    if (index < 0 || index >= p->phones_n) {
        phase_failed(p->phase, "answer with an unknown Call-ID", data, len);
        return;
    }
    phone = &p->phones[index];
    if (!phone->waiting || v->cseq != phone->cseq) {
        p->phase->repeats++;
        return;
    }
    snprintf(text, sizeof(text), "branch=z9hG4bKr%x.%lx.%x;", p->run, index, phone->cseq);
    if (v->status < 200)
        return;
    phone->waiting = false;
    if (!slice_has(v->via, text) || v->vias != 1)
        fault = "Via of the answer is not that of the request";
    snprintf(text, sizeof(text), ";tag=r%lx", index);
    if (!slice_has(v->from, text))
        fault = "From of the answer is not that of the request";
    if (fault == NULL && v->status == 401 && !phone->tried) {
        phone->tried = true;
        p->phase->challenged++;
        if (take_challenge(phone, v)) {
            send_register(p, index);
            return;
        }
        fault = "a challenge that no phone can answer";
    } else if (fault == NULL) {
        fault = v->status == 200 ? fault_of_200(p, index, v, data, len) : "REGISTER refused";
    }
    if (fault != NULL)
        phase_failed(p->phase, fault, data, len);
    else
        phase_done(p->phase);
}
