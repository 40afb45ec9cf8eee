/* world - two sites with calls, in virtual time: the shipped sipserver core of each, phones,
 * callers behind gateways, agents, and a bad network between all of them.  No wall clock, no
 * threads, no order taken from pointers: the same seed gives the same run.
 *
 *     phones 101.. ──┐                         ┌── phones 201..
 *     gateway gw0 ───┤ site 0 ══ peer ══ site 1 ├── gateway gw1      (each also knows the other's)
 *     agents a1.. ───┘                         └── agents a5..
 *
 *   world.c, site.c  the sites, time, the network people.c  what parties and agents want
 *   party.c, answer.c, words.c  a party           trouble.c what goes wrong, and the end of it
 *   desktop.c                   what agents ask of their calls
 *   check.c  what must hold after each event      rows.c    which table rows have fired
 *
 * A site's core lives in a host.  A site of two hosts is a pair (tests/sim/pair): one serves, the
 * other follows it; struct pairing is what a pair does beside what is here.
 */
#ifndef TESTS_SIM_CALLS_WORLD_H
#define TESTS_SIM_CALLS_WORLD_H

#include "common/prng.h"
#include "sipserver/core/core.h"
#include "sipserver/crypto/digest_openssl.h"
#include "tests/sim/agenda.h"
#include "tests/sim/link.h"

#define SITES          2
#define PHONES         4 /* at home at each site */
#define CALLERS        4 /* behind each gateway */
#define PARTIES        (SITES * (PHONES + CALLERS))
#define LINES          2 /* calls at once of one party */
#define AGENTS         (SITES * PHONES)
#define HOSTS          2 /* of a site, at most */
#define MS             INT64_C(1000000)
#define DESKTOP_CLIENT 7                /* who asks for operations on calls */
#define BEGIN_MS       INT64_C(1000000) /* the moment at which the world begins */
#define WALL_MS        INT64_C(1800000000000)

struct map;  /* check.c */
struct pair; /* tests/sim/pair */
struct world;
struct site;

/* A host with a core.  LIFE tells its packets from those of an earlier role. */
struct host {
    struct site *site;
    unsigned index;
    struct sc *sc; /* NULL: it is dead */
    void *memory;
    bool primary;
    uint32_t life;
    int64_t clock_ns;    /* its clock less the world's, when the world began */
    int32_t drift_ppm;   /* what it gains */
    uint64_t configured; /* which configuration of the site it has */
    mono_t late;         /* it gets the present one then; MONO_ZERO: it has it */
};

struct site {
    struct sip_addr addr;
    struct sc_conf conf;
    struct sc_options options; /* as configured now */
    uint64_t epoch;
    uint64_t losses;     /* how often it has forgotten calls */
    uint64_t configured; /* how often its configuration has changed */
    struct host host[HOSTS];
    struct host *now;  /* that has the site's address; NULL: nobody */
    struct pair *pair; /* NULL: it has one host */
    bool without[4];   /* what the configuration leaves out now: see site_configure */
    uint32_t queue_size, queue_wait_ms, priority;
    enum sc_distribution distribution;
    bool music, overflow;
};

enum line_state { IDLE, CALLING, RINGING, UP, ENDING };

/* One call of a party. */
struct line {
    uint8_t state; /* enum line_state */
    bool given_up, challenged, deaf, quiet;
    bool redirected;      /* its call follows a 302 */
    bool established;     /* has been UP */
    struct sip_addr site; /* that it speaks with */
    char uri[128];        /* called */
    uint64_t txn;         /* of the INVITE that began it, either way */
    struct sip_dialog dialog;
    uint32_t offer;      /* serial of the offer that its request carried and that is not answered */
    uint32_t owed;       /* serial of the offer in its answer, which an ACK answers */
    bool waits;          /* for that ACK */
    uint32_t heard;      /* serial of the offer that it was sent last */
    uint32_t said;       /* serial of its answer to that */
    uint32_t came_cseq;  /* of the INVITE that it answers or answered */
    uint64_t asking;     /* its re-INVITE or UPDATE that is out */
    uint64_t asked;      /* a re-INVITE that it will answer later */
    uint32_t expires_s;  /* Session-Expires of that */
    uint32_t rseq;       /* of the last reliable provisional response, either way; 0: none */
    bool wants_reliable; /* who calls it knows 100rel */
    mono_t act, answer_at;
};

/* A phone, or a caller behind a gateway, with a protocol floor of its own. */
struct party {
    unsigned index;
    uint8_t site; /* home */
    bool gateway;
    struct sip_addr addr;
    char number[16];
    struct sip_stack *stack;
    void *memory;
    mono_t away; /* reachable again; zero: it is */
    bool restarts;
    uint32_t flow; /* its connection over TCP; 0: none */
    mono_t tcp_last[2];
    struct line line[LINES];
    /* ways */
    enum { REL_NO, REL_SUPPORTED, REL_REQUIRED } reliable; /* 100rel (RFC 3262) */
    bool quick;                                            /* answers at once */
    bool mumbles;                                          /* its first ACK gets lost */
    bool no_prack;                                         /* but it never acknowledges */
    bool has_update, has_timer, stubborn, slow, trying, bulky, dual, glares, lazy;
    /* registrations, one for each site */
    struct {
        uint32_t cseq;
        uint64_t txn;
        mono_t due;
        char authorization[640];
        bool tried;
    } reg[SITES];
};

struct agent_desk {
    char id[8];
    mono_t act;
    mono_t ask; /* the next operation on calls */
};

struct packet {
    bool unsent; /* not a packet: a datagram of TXN could not be sent, by SITE or PARTY */
    struct site *site;
    struct host *host;
    struct party *party;
    uint32_t life; /* of the host */
    uint64_t txn;
    struct sip_addr from, to;
    size_t len;
    char *data;
};

/* What a seed makes of the deployment. */
struct plan {
    bool slow;      /* long timeouts, few calls: minutes instead of seconds */
    bool few;       /* one agent of each site works: callers wait */
    bool transfers; /* people talk long and hand calls on */
    bool tcp_trunk; /* the gateways and the peer over TCP */
    uint32_t t1_ms;
    uint32_t loss_pct, dup_pct, far_pct; /* FAR: of those that are much later */
    uint32_t unsent_permille;
    bool gentle; /* a good network and good people; hosts die all the same */
    int64_t chaos_ms;
};

enum tally {
    T_CALLS,
    T_UP,
    T_REFERS,
    T_REINVITES,
    T_UPDATES,
    T_DESKTOPS, /* operations of desktops */
    T_DONE,     /* of these */
    T_ROLES,
    T_BROKEN,
    TALLIES
};

/* What is done at sites of two hosts (tests/sim/pair). */
struct pairing {
    void (*plan)(struct world *w, struct prng *plan); /* what the seed makes of them */
    void (*make)(struct world *w, struct site *s);    /* S->pair, if it is one; clocks */
    void (*free)(struct world *w, struct site *s);
    /* A step of the host that serves has given w->out: held until the other host knows why. */
    void (*stepped)(struct world *w, struct site *s);
    mono_t (*next)(const struct site *s);              /* when something is due */
    bool (*act)(struct world *w, struct site *s);      /* one thing that is due; false: none is */
    void (*trouble)(struct world *w, struct site *s);  /* a host dies, or the like */
    void (*heal)(struct world *w, struct site *s);     /* both hosts are well from now on */
    void (*one_dies)(struct world *w, struct site *s); /* now, though all is calm */
    void (*at_end)(struct world *w, struct site *s);   /* nothing is left, and it is known there */
    void (*tell)(void);                                /* of all seeds */
};

struct world {
    uint64_t seed;
    mono_t now;
    struct prng net, people, desks, desktops, troubles;
    struct plan plan;
    const struct pairing *pairing;
    struct digest_openssl *digest;
    struct site site[SITES];
    struct party party[PARTIES];
    struct agent_desk desk[AGENTS];
    mono_t trouble_at;
    bool calm;                       /* nothing is lost, everybody does as expected */
    bool finish;                     /* no new calls */
    struct sim_link wan[SITES], lan; /* wan[i]: from site i to the other */
    uint32_t flows, serial, wan_flow;
    mono_t wan_last[SITES];
    struct agenda agenda;
    struct packet *packets;
    struct sc_out out;
    struct sip_out party_out;
    bool trace;
    uint64_t hash, events;
    char violation[256];
    struct map *requests, *bodies, *cseqs, *dialogs, *calls; /* seen, for the checks */
    struct map *operations;                                  /* of desktops, without their reply */
    uint64_t operation;                                      /* number of the last one */
    uint64_t denied;                                         /* the dialog of a 481 just sent */
    unsigned told[16];                                       /* call events, by phase */
    uint64_t tally[TALLIES];
};

/* world.c */
/* PAIRING: what makes pairs of the sites that plan_make says; NULL: there are none. */
struct world *world_new(uint64_t seed, bool trace, const struct pairing *pairing);
void world_destroy(struct world **w);
bool world_run(struct world *w, int64_t ms); /* false at the first violation */
mono_t world_soon(struct world *w, struct prng *p, int64_t from_ms, int64_t to_ms);
bool chance(struct prng *p, unsigned percent);
struct sip_addr world_address(const char *ip, uint16_t port, enum sip_transport transport);

/* Everything in OUT onto the network, from the site S or the party P. */
void world_send(struct world *w, struct sip_out *out, struct site *s, struct party *p);

/* site.c */
void site_new(struct world *w, struct site *s, unsigned index);
void site_tick(struct world *w, struct site *s);
void site_step(struct world *w, struct site *s, const struct sc_event *event);
void site_role(struct world *w, struct site *s, bool primary);
void site_sends(struct world *w, struct site *s, struct sc_out *out);
mono_t host_now(const struct world *w, const struct host *h);
mono_t host_due(const struct host *h, mono_t there); /* when it is THERE by its clock */
void host_start(struct world *w, struct host *h);    /* empty, as backup, configured */
void host_die(struct host *h);
void host_configure(struct world *w, struct host *h);
void host_step(struct world *w, struct host *h, const struct sc_event *event);
void site_configure(struct world *w, struct site *s); /* the whole configuration anew */
void site_options(struct world *w, struct site *s);
int site_agent(struct world *w, struct site *s, enum sc_agent_op op, const char *agent,
               enum sc_agent_state state);
void trace_event(struct world *w, const char *who, const char *what, const char *detail);

/* party.c */
void party_init(struct world *w, struct party *p);
void party_input(struct world *w, struct party *p, const struct packet *packet);
void party_timers(struct world *w, struct party *p);
void party_unsent(struct world *w, struct party *p, uint64_t txn);
void party_flush(struct world *w, struct party *p);
void party_call(struct world *w, struct party *p, struct line *l, const char *number);
void party_request(struct world *w, struct party *p, struct line *l, enum sip_method method,
                   const char *refer_to);
void party_bye(struct world *w, struct party *p, struct line *l);
void party_cancel(struct world *w, struct party *p, struct line *l);
void party_answer(struct world *w, struct party *p, struct line *l, unsigned status);
void party_answer_late(struct world *w, struct party *p, struct line *l, unsigned status);
void party_asked(struct world *w, struct party *p, const struct sip_event *e);
void party_no_prack(struct world *w, struct party *p, const struct sip_event *e);
void party_acknowledged(struct world *w, struct party *p, const struct sip_event *e);
void party_register(struct world *w, struct party *p, unsigned site, bool leave);
void party_leave(struct world *w, struct party *p, int64_t ms, bool restart);
void line_idle(struct world *w, struct line *l);

/* people.c */
mono_t party_next(const struct party *p);
void party_act(struct world *w, struct party *p);
void party_ways(struct world *w, struct party *p);
bool people_accept(struct world *w, struct party *p, struct line *l); /* it rings: how long? */
void desk_act(struct world *w, struct agent_desk *d);

/* desktop.c */
void desktop_act(struct world *w, struct agent_desk *d);

/* trouble.c */
void plan_make(struct world *w, struct prng *plan);
void trouble_act(struct world *w);
bool trouble_end(struct world *w); /* heal, let everything end, prove that calls work */

/* check.c */
void check_new(struct world *w);
void check_free(struct world *w);
void check_received(struct world *w, struct site *s, const struct sip_addr *from, const char *data,
                    size_t len);
void check_sent(struct world *w, struct site *s, const struct sip_addr *to, const char *data,
                size_t len);
void check_action(struct world *w, struct site *s, const struct sc_action *a);
void check_forgotten(struct world *w, struct site *s); /* the role is lost */
void check_unsure(struct world *w, const struct site *s);
void check_kept(struct world *w, struct site *s); /* ... and what the host that serves now has */
void check_host(struct world *w, struct host *h); /* after each step of its core */
void check_operation(struct world *w, const struct site *s, uint64_t request_id);
void check_unasked(struct world *w, const struct site *s, uint64_t request_id); /* it was lost */
void check_offered(struct world *w, struct site *s, const struct sc_action *a); /* in that step */
void check_instant(struct world *w); /* before time goes on */
void check_empty(struct world *w);
__attribute__((format(printf, 2, 3))) void violate(struct world *w, const char *format, ...);
uint64_t hash_of(uint64_t h, const void *data, size_t len);

/* run.c */
int run_seeds(int argc, char **argv, const char *name, const struct pairing *pairing); /* main */

/* rows.c */
unsigned rows_unfired(void); /* since the process began; prints them */

#endif
