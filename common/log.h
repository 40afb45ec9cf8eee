/* log - one line per state change, for a person and for machines.  For adapters only: cores and the
 * containers in common/ never log.
 *
 * Where the lines go:
 *   - the journal, with fields, when stderr is connected to it ($JOURNAL_STREAM);
 *   - else stderr, one line each:
 *     2026-01-31T10:15:02.123456Z notice hamgr east.1 ROLE site=east from=BACKUP to=PRIMARY epoch=4
 * mono_us=81234567 text
 *   - and besides, when a log folder is given (--log-dir or $STANDFAST_LOG_DIR), as JSON lines
 * appended to <folder>/<host>.<process>.log. Every line carries MONO_US, this host's CLOCK_BOOTTIME
 * in microseconds, so that the histories of all processes of one machine merge exactly.
 *
 * Levels: err needs a person, warning went on without something, notice is a state change, info per
 * call, debug the rest.  No secret (password, key, digest response) is ever logged.  What comes
 * from the network is made harmless: control characters are replaced, so a line stays one line.
 *
 * Errors: none; a log that cannot be written is not a reason to stop.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* The values are those of syslog(3). */
enum log_level {
    LEVEL_ERR = 3,
    LEVEL_WARNING = 4,
    LEVEL_NOTICE = 5,
    LEVEL_INFO = 6,
    LEVEL_DEBUG = 7,
};

enum log_message {
#define LOG_MESSAGE(name, number, meaning) MSG_##name = (number),
#include "common/log.tbl.h"
};

struct log_pair {
    const char *name; /* UPPER_CASE; NULL ends a list of pairs */
    const char *value;
};

/* What a line says besides its text; all of it may be left out (NULL, 0). */
struct log_fields {
    const char *from; /* state before */
    const char *to;   /* state after */
    const char *event;
    uint64_t epoch;              /* 0: none */
    const char *object;          /* which call, DN, agent, component ... */
    const struct log_pair *more; /* ended by a NULL name */
};

/* LOG_FIELDS - for the call: log_event(LEVEL_NOTICE, MSG_MODE, LOG_FIELDS(.from = "SINGLE", .to =
 * "PEERED"), "..."). */
#define LOG_FIELDS(...) (&(struct log_fields){__VA_ARGS__})
#define LOG_PAIRS(...)  ((const struct log_pair[]){__VA_ARGS__, {0}})

/* log_open - call once, before the first line; SITE is "" at the arbiter.  FOLDER may be NULL
 * ($STANDFAST_LOG_DIR). $STANDFAST_LOG_LEVEL (err..debug, default info) sets the threshold. Without
 * log_open lines go to stderr.
 */
void log_open(const char *process, const char *site, const char *host, const char *folder);
void log_close(void);
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);

/* log_event - one line.  FIELDS may be NULL. */
void log_event(enum log_level level, enum log_message message, const struct log_fields *fields,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* log_hold - from here to log_release lines of level info and below may wait, so that many share
 * one write; what is more urgent is written at once, after those before it.  Release before
 * anything leaves that the lines explain: a process that ends in between loses them. */
void log_hold(void);
void log_release(void);

/* A line that may come often is written at most once a minute, with the number of those left out.
 */
struct log_limit {
    int64_t next_us; /* CLOCK_BOOTTIME */
    uint64_t left_out;
};

#define LOG_LIMIT_US INT64_C(60000000)

/* log_limited - LIMIT, zeroed before its first use, belongs to the place or the peer that is being
 * limited. */
void log_limited(struct log_limit *limit, enum log_level level, enum log_message message,
                 const struct log_fields *fields, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* log_message_name - "ROLE" for MSG_ROLE. */
const char *log_message_name(enum log_message message);

#endif
