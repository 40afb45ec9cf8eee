/* dialog - one leg's dialog state (RFC 3261 12) as a record of fixed size, so that it can be
 * replicated and go on at another host.  It begins as zeroes, with the place for long texts set.
 *
 * UAC: sip_dialog_uac at the INVITE, then sip_dialog_answer for the 1xx or 2xx (for a second fork:
 * a copy by sip_dialog_fork).  UAS: sip_dialog_uas at the INVITE, then
 * sip_dialog_confirm when the 2xx goes out.
 *
 *   EARLY ── 2xx ──> CONFIRMED ── 481, 408 ──> TERMINATED (after BYE the record is dropped)
 */
#ifndef SIPSERVER_SIP_DIALOG_H
#define SIPSERVER_SIP_DIALOG_H

#include "sipserver/sip/build.h"
#include "sipserver/sip/limits.h"
#include "sipserver/sip/message.h"

enum sip_dialog_state {
    SIP_DIALOG_NONE,       /* request sent, no tag from the other side yet */
    SIP_DIALOG_EARLY,      /* provisional response with a tag */
    SIP_DIALOG_CONFIRMED,  /* 2xx */
    SIP_DIALOG_TERMINATED, /* over */
};

/* The texts of a dialog, and how long each may be. */
enum sip_dialog_text {
    SIP_DIALOG_CALL_ID,
    SIP_DIALOG_LOCAL_TAG, /* ours: sip_own_tag made it */
    SIP_DIALOG_REMOTE_TAG,
    SIP_DIALOG_LOCAL,  /* our From or To value without tag */
    SIP_DIALOG_REMOTE, /* theirs */
    SIP_DIALOG_TARGET, /* remote target */
    SIP_DIALOG_ROUTES, /* route set in the order in which we use it, comma-separated */
    SIP_DIALOG_TEXTS
};

#define SIP_DIALOG_TEXT_MAX                                                                        \
    (SIP_CALL_ID_MAX + SIP_TOKEN_MAX + SIP_TAG_MAX + 2 * SIP_PARTY_MAX + SIP_URI_MAX +             \
     SIP_ROUTES_MAX)

/* Together they are far shorter than that as a rule: only what is beyond SIP_DIALOG_TEXT bytes
 * takes a place of SIP_DIALOG_TEXT_MAX. */
struct sip_dialog {
    uint8_t state; /* enum sip_dialog_state */
    bool is_uac;   /* we sent the request that created it */
    bool secure;   /* sips: */
    bool remote_cseq_known;
    uint32_t local_cseq;            /* of our last request */
    uint32_t invite_cseq;           /* of our last INVITE: its ACK uses it */
    uint32_t remote_cseq;           /* of their last request */
    uint16_t end[SIP_DIALOG_TEXTS]; /* of each text, one behind the other ... */
    char text[SIP_DIALOG_TEXT];     /* ... here, while all of them fit */

    /* ... else at this place of this process, of SIP_DIALOG_TEXT_MAX bytes, which the owner gives
     * to this dialog alone; NULL: it has none, and what does not fit is refused */
    char *more;
};

/* sip_dialog_text - one of D's texts; good until D changes. */
static inline struct sip_str sip_dialog_text(const struct sip_dialog *d, enum sip_dialog_text which)
{
    uint16_t begin = which == 0 ? 0 : d->end[which - 1];
    const char *p = d->end[SIP_DIALOG_TEXTS - 1] <= sizeof(d->text) ? d->text : d->more;

    return (struct sip_str){p + begin, (size_t)(d->end[which] - begin)};
}

/* sip_dialog_set - S, which is not of D, becomes that text.  -EMSGSIZE: too long; D is as before.
 */
int sip_dialog_set(struct sip_dialog *d, enum sip_dialog_text which, struct sip_str s);

/* sip_dialog_sane - the texts are within their limits, and where they should be. */
bool sip_dialog_sane(const struct sip_dialog *d);

/* sip_dialog_uac - a dialog about to be asked for by REQUEST, which sip_request or
 * sip_build_request sends. Returns: 0; -EMSGSIZE a part is beyond limits.h. */
int sip_dialog_uac(struct sip_dialog *d, const struct sip_request *request);

/* sip_dialog_answer - take a 101..299 response with a To tag: remote tag, route set (Record-Route
 * reversed), remote target, state (12.1.2).
 * Returns: 0; -EINVAL a 1xx without tag, a wrong From tag, or a 2xx without a usable Contact;
 * -EEXIST the tag is another fork's; -EMSGSIZE. */
int sip_dialog_answer(struct sip_dialog *d, const struct sip_msg *response);

/* sip_dialog_restart - D is as before its first answer: it knows no other side.  The route set of
 * the INVITE stays only when there was no answer yet. */
void sip_dialog_restart(struct sip_dialog *d);

/* sip_dialog_fork - FORK is a copy of D as before its first answer, with MORE as its own place. */
void sip_dialog_fork(struct sip_dialog *fork, const struct sip_dialog *d,
                     char more[SIP_DIALOG_TEXT_MAX]);

/* sip_dialog_uas - a dialog asked for by INVITE, with our LOCAL_TAG (12.1.1).
 * Without a Contact the From is the remote target, as with RFC 2543 peers.  What makes From or To
 * too long is left out: display name, URI parameters.
 *
 * Returns: 0; -EINVAL no usable Contact; -EMSGSIZE. */
int sip_dialog_uas(struct sip_dialog *d, const struct sip_msg *invite, struct sip_str local_tag);

void sip_dialog_confirm(struct sip_dialog *d);

/* sip_dialog_matches - true when M (a request to us) belongs to D: Call-ID, To tag, From tag
 * (12.2.2). */
bool sip_dialog_matches(const struct sip_dialog *d, const struct sip_msg *request);

/* sip_dialog_receive - an in-dialog request: checks and takes its CSeq, refreshes the target.
 * A CSeq above the expected one is accepted (12.2.2).  ACK and CANCEL leave the CSeq alone.
 * Returns: 0; -ESTALE the CSeq is below the last one: answer 500; -EALREADY it is the last one: a
 * copy whose transaction is gone, to be answered as before and not executed again; -EINVAL bad
 * Contact: 400; -EMSGSIZE. */
int sip_dialog_receive(struct sip_dialog *d, const struct sip_msg *request);

/* sip_dialog_response - a response to our request within the confirmed dialog: a 2xx to a target
 * refresh replaces the target; 408 and 481 end the dialog (12.2.1.2). */
int sip_dialog_response(struct sip_dialog *d, const struct sip_msg *response);

/* sip_dialog_request - a new request in the dialog: next CSeq (ACK: that of the INVITE), route set
 * with loose and strict routing (12.2.1.1).  *ret_request points into D and is good until D
 * changes; the caller adds contact, extras and content. Asserts: METHOD is not CANCEL (sip_cancel
 * makes it). */
void sip_dialog_request(struct sip_dialog *d, enum sip_method method,
                        struct sip_request *ret_request);

/* sip_dialog_next_hop - the URI whose host the next request goes to: the first route, or the
 * target. */
int sip_dialog_next_hop(const struct sip_dialog *d, struct sip_uri *ret_uri);

/* sip_dialog_same_fork - true when RESPONSE carries the remote tag that D already has (or D has
 * none). */
bool sip_dialog_same_fork(const struct sip_dialog *d, const struct sip_msg *response);

#endif
