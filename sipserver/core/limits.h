/* limits - every fixed bound of the call-handling core, in one place.
 *
 * How many objects there may be is configuration (struct sc_maxima in core.h); here are only the
 * bounds that size a structure.  Configuration beyond them is refused with a reason, never cut.
 */
#ifndef SIPSERVER_CORE_LIMITS_H
#define SIPSERVER_CORE_LIMITS_H

#define SC_NAME_SIZE        64  /* number of a DN, id of an agent, name of a trunk, with its NUL */
#define SC_DISPLAY_SIZE     128 /* display name of a DN, with its NUL */
#define SC_REALM_SIZE       128 /* digest realm, with its NUL */
#define SC_URI_SIZE         256 /* contact URI of a trunk or service, with its NUL */
#define SC_REASON_SIZE      96  /* reasons in words, with their NUL */
#define SC_CALL_ID_SIZE     48  /* "1-12-7f3a": the id of a call as people see it */
#define SC_PREFIX_SIZE      24  /* a number prefix of a trunk, with its NUL */
#define SC_PREFIXES_MAX     16  /* prefixes of one trunk */
#define SC_TARGETS_MAX      8   /* targets of one routing point */
#define SC_HOPS_MAX         8   /* addresses of one trunk */
#define SC_NETS_MAX         8   /* networks that a trunk's requests may come from besides */
#define SC_NET_SIZE         44  /* "2001:db8::/32", with its NUL */
#define SC_NONCE_SIZE       256 /* of a carrier's digest challenge, with its NUL; and its opaque */
#define SC_RULE_TARGETS_MAX 8   /* trunks of one dial rule */
#define SC_CLASS_SIZE       32  /* a calling class, with its NUL */
#define SC_CLASSES_MAX      8   /* that one dial rule is for */
#define SC_TRIES_MAX        8   /* addresses of trunks that one call is offered to, one by one */
#define SC_AGENT_QUEUES_MAX 8   /* queues that one agent serves */
#define SC_GROUPS_MAX       8   /* agent groups of one agent, or of one queue */
#define SC_LEVEL_MAX        100 /* of an agent's preference; 1 is the first */
#define SC_MUSIC_MAX        4   /* services that one queue names for its music */
#define SC_RING_ALL_MAX     8   /* phones that one call of a queue rings at once */
#define SC_PRIORITIES       10  /* of calls: 0 to 9, the highest first */
#define SC_CONTACTS_MAX                                                                            \
    8 /* phones registered under one number; option contacts-max may lower it                      \
       */
#define SC_INSTANCE_SIZE   64  /* +sip.instance of a phone (RFC 5626), with its NUL */
#define SC_PATH_SIZE       512 /* bytes, Path of a registration (RFC 3327) */
#define SC_Q_NONE          UINT16_MAX
#define SC_FLOW_LISTS      4096 /* connections are found among so many lists */
#define SC_RECORD_LEGS_MAX 5    /* of a call record: the caller's leg and the last targets */
#define SC_GUARD_COUNTS    8192 /* (address, number) pairs whose refused passwords are counted */
#define SC_SOURCES         8192 /* addresses whose requests are counted */
#define SC_REFUSED_COST    4    /* requests that a refused one counts for besides */
#define SC_OFFER_SIZE      4096 /* bytes of the body of an INVITE that waits or is offered */
#define SC_SDP_SIZE        1020 /* bytes of a session description that a refresh by INVITE can repeat */
#define SC_DIVERSION_SIZE  512  /* bytes of the Diversion that a call came with */
#define SC_DIVERTED_MAX    10   /* numbers here that passed one call on */
#define SC_DATA_SIZE       2048 /* attached data of a call in their written form, with the NUL */
#define SC_DATA_KEY_SIZE   64   /* a key, with its NUL; option data-key-size-max may lower it */
#define SC_DATA_VALUE_SIZE                                                                         \
    256                      /* a value, with its NUL; option data-value-size-max may lower it     \
                              */
#define SC_LINES_MAX      8  /* legs of one phone that a desktop can control */
#define SC_DIVERSIONS_MAX 16 /* redirections of one call inside this server */

/* What one event may add to struct sc_out at most; sc_step asks for that much room before it
 * begins. */
#define SC_OUT_ACTIONS_MIN   64
#define SC_OUT_DATAGRAMS_MIN 32
#define SC_OUT_BYTES_MIN     131072

#endif
