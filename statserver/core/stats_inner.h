/* stats_inner - what the files of the statistics share: stats.c (the step, batches), stats_rows.c
 * (rows and memory), stats_source.c (who is believed) and stats_count.c (counting).  For nobody
 * else.
 */
#ifndef STATSERVER_CORE_STATS_INNER_H
#define STATSERVER_CORE_STATS_INNER_H

#include "statserver/core/stats.h"

#define NO_SOURCE STAT_SOURCES_MAX

/* A call whose end has not been told yet: so that its steps are counted once each. */
struct call_row {
    struct hash_node node;
    char call[STAT_ID_SIZE];
    char queue[STAT_ID_SIZE]; /* the last one it was counted in */
    bool answered;
    bool seen;
};

/* ---- stats_rows.c ---- */

/* stat_place_tables - all tables, in MEMORY of stat_bytes. */
void stat_place_tables(struct stat_core *core, unsigned char *memory);

/* stat_changed - CHANGE, a row's, gets the next number. */
void stat_changed(struct stat_core *core, uint64_t *change);

/* stat_site_row, stat_agent_row, stat_queue_row - the row, a new one if need be; NULL: the table is
 * full, which is counted. */
struct stat_site_row *stat_site_row(struct stat_core *core, const char *site);
struct stat_agent_row *stat_agent_row(struct stat_core *core, const char *site, const char *agent);
struct stat_queue_row *stat_queue_row(struct stat_core *core, const char *site, const char *queue);

/* stat_site_set_monitored - the site and all its rows. */
void stat_site_set_monitored(struct stat_core *core, struct stat_site_row *site, bool monitored);

/* stat_forget_seen - a snapshot of SITE begins: no row has been seen in it; LOCAL: nor any call.
 * stat_empty_unseen - agents that the snapshot does not name are logged out, queues are empty,
 * calls have ended. */
void stat_forget_seen(struct stat_core *core, const char *site, bool local);
void stat_empty_unseen(struct stat_core *core, const char *site, bool local);

/* stat_end_call - CALL is counted no more. */
void stat_end_call(struct stat_core *core, struct call_row *call);

/* ---- stats_source.c ---- */

/* stat_act - one more action, about SOURCE. */
void stat_act(struct stat_out *out, enum stat_action_kind kind, uint32_t source);

/* stat_choose_sources - give every site its best source; a change of source starts with a snapshot.
 */
void stat_choose_sources(struct stat_core *core, struct stat_out *out);

/* stat_ask_snapshot - what SOURCE says until it comes is not taken. */
void stat_ask_snapshot(struct stat_core *core, uint32_t source, struct stat_out *out);

/* stat_source_active - is it the one that some site has? */
bool stat_source_active(const struct stat_core *core, uint32_t source);
void stat_source_up(struct stat_core *core, uint32_t source, struct stat_out *out);
void stat_source_down(struct stat_core *core, uint32_t source, struct stat_out *out);

/* stat_apply_time - sources that have been silent are not believed to be primary. */
void stat_apply_time(struct stat_core *core, mono_t now, struct stat_out *out);

/* ---- stats_count.c ---- */

/* stat_take_call - in a snapshot a call is only remembered: its steps were counted when they
 * happened. */
void stat_take_call(struct stat_core *core, const struct stat_call *call, bool snapshot);

#endif
