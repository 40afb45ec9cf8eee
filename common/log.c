#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define TEXT_MAX_BYTES 2048

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* The journal's MESSAGE_ID is this prefix and the message's number. */
#define MESSAGE_ID_PREFIX "6f1d3c5ab2e84e0c9d7753746640"

static struct {
    char process[32];
    char site[64];
    char host[64];
    enum log_level level;
    bool journal;
    int file; /* of the JSON lines, -1 when there is none */
} the_log = {.process = "-", .host = "-", .level = LEVEL_INFO, .file = -1};

static const struct {
    enum log_message message;
    const char *name;
} messages[] = {
#define LOG_MESSAGE(name, number, meaning) {MSG_##name, #name},
#include "common/log.tbl.h"
};

static const char *const level_names[] = {
    [LEVEL_ERR] = "err",   [LEVEL_WARNING] = "warning", [LEVEL_NOTICE] = "notice",
    [LEVEL_INFO] = "info", [LEVEL_DEBUG] = "debug",
};

/* One event, everything in it as text. */
struct entry {
    enum log_level level;
    enum log_message message;
    const struct log_fields *fields;
    int64_t mono_us;
    struct timespec wall;
    char text[TEXT_MAX_BYTES];
};

/* Lines that wait for log_release, of stderr and of the file. */
#define HELD_MAX (16 << 10)

struct held {
    char text[HELD_MAX];
    size_t length;
};

static struct held held_stderr, held_file;
static bool holding;

/* A line being put together; what does not fit is cut off, and the line still ends well. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t length;
};

/* Room kept for what must close a line. */
#define LINE_RESERVE 16

static int64_t mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* journal_wanted - stderr is a stream of the journal: device and inode are the ones it told us. */
static bool journal_wanted(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    unsigned long long device, inode;

    if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    if (access(JOURNAL_SOCKET, W_OK) < 0) /* without it sd_journal_sendv drops lines silently */
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static enum log_level level_from_environment(void)
{
    const char *wanted = getenv("STANDFAST_LOG_LEVEL");

    for (int l = LEVEL_ERR; wanted != NULL && l <= LEVEL_DEBUG; l++) {
        if (strcmp(wanted, level_names[l]) == 0)
            return (enum log_level)l;
    }
    return LEVEL_INFO;
}

void log_open(const char *process, const char *site, const char *host, const char *folder)
{
    char path[512];

    log_close();
    snprintf(the_log.process, sizeof the_log.process, "%s", process);
    snprintf(the_log.site, sizeof the_log.site, "%s", site);
    snprintf(the_log.host, sizeof the_log.host, "%s", host);
    the_log.level = level_from_environment();
    the_log.journal = journal_wanted();

    if (folder == NULL)
        folder = getenv("STANDFAST_LOG_DIR");
    if (folder == NULL || folder[0] == '\0')
        return;
    snprintf(path, sizeof path, "%s/%s.%s.log", folder, host, process);
    the_log.file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (the_log.file < 0)
        log_event(LEVEL_WARNING, MSG_FAULT, NULL,
                  "log file %s: %s; going on without it (make the folder, or unset "
                  "STANDFAST_LOG_DIR)",
                  path, strerror(errno));
}

static void release(struct held *held, int fd)
{
    if (held->length > 0)
        (void)!write(fd, held->text, held->length);
    held->length = 0;
}

void log_hold(void)
{
    holding = true;
}

void log_release(void)
{
    holding = false;
    release(&held_stderr, STDERR_FILENO);
    if (the_log.file >= 0)
        release(&held_file, the_log.file);
}

void log_close(void)
{
    log_release();
    if (the_log.file >= 0)
        close(the_log.file);
    the_log.file = -1;
}

void log_set_level(enum log_level level)
{
    the_log.level = level;
}

bool log_wants(enum log_level level)
{
    return level <= the_log.level;
}

const char *log_message_name(enum log_message message)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i].message == message)
            return messages[i].name;
    }
    return "UNKNOWN";
}

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    size_t room = sizeof line->text - LINE_RESERVE - line->length;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line->text + line->length, room, format, args);
    va_end(args);
    if (n > 0)
        line->length += (size_t)n < room ? (size_t)n : room - 1;
}

/* end_line - the last bytes of a line; they always fit. */
static void end_line(struct line *line, const char *end)
{
    size_t n = strlen(end);

    memcpy(line->text + line->length, end, n);
    line->length += n;
}

/* add_bytes - N bytes at S as they are, or as many as fit. */
static void add_bytes(struct line *line, const char *s, size_t n)
{
    size_t room = sizeof line->text - LINE_RESERVE - line->length - 1;

    n = n < room ? n : room;
    memcpy(line->text + line->length, s, n);
    line->length += n;
    line->text[line->length] = '\0';
}

static void add_text(struct line *line, const char *s)
{
    add_bytes(line, s, strlen(s));
}

/* utf8_length - bytes of the well-formed UTF-8 character at S, or 0. */
static size_t utf8_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80                   ? 1
               : u[0] >= 0xc2 && u[0] < 0xe0 ? 2
               : u[0] >= 0xe0 && u[0] < 0xf0 ? 3
               : u[0] >= 0xf0 && u[0] < 0xf5 ? 4
                                             : 0;

    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90) ||
        (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0; /* overlong, surrogate, beyond U+10FFFF */
    return n;
}

/* add_json - S as a JSON string, quotes included. */
static void add_json(struct line *line, const char *s)
{
    add_text(line, "\"");
    while (*s != '\0') {
        size_t n = utf8_length(s);
        if (n == 0) {
            add(line, "\\ufffd");
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            add(line, "\\%c", *s);
        } else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            add(line, "\\u%04x", (unsigned)(unsigned char)*s);
        } else {
            add_bytes(line, s, n);
        }
        s += n;
        if (line->length + 2 * LINE_RESERVE > sizeof line->text)
            break; /* cut between characters, never inside an escape */
    }
    add_text(line, "\"");
}

/* add_plain - S on one line: control characters replaced, quoted when it has spaces and QUOTE asks
 * for it. */
static void add_plain(struct line *line, const char *s, bool quote)
{
    bool quoted = quote && (*s == '\0' || strpbrk(s, " \"=") != NULL);

    if (quoted)
        add_text(line, "\"");
    for (; *s != '\0' && line->length + 1 < sizeof line->text - LINE_RESERVE; s++) {
        unsigned char c = (unsigned char)*s;
        line->text[line->length++] = c < 0x20 || c == 0x7f ? '?' : quoted && c == '"' ? '\'' : *s;
    }
    line->text[line->length] = '\0';
    if (quoted)
        add_text(line, "\"");
}

/* each_field - call FN for every field of the entry that is set, in a fixed order. */
typedef void field_fn(void *arg, const char *name, const char *value);

static void each_field(const struct entry *e, field_fn *fn, void *arg)
{
    const struct log_fields none = {0}, *f = e->fields != NULL ? e->fields : &none;
    const struct log_pair fixed[] = {
        {"SITE", the_log.site[0] != '\0' ? the_log.site : NULL},
        {"OBJECT", f->object},
        {"FROM", f->from},
        {"TO", f->to},
        {"EVENT", f->event},
    };
    char number[24];

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].value != NULL)
            fn(arg, fixed[i].name, fixed[i].value);
    }
    if (f->epoch != 0) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)f->epoch);
        fn(arg, "EPOCH", number);
    }
    for (const struct log_pair *p = f->more; p != NULL && p->name != NULL; p++) {
        if (p->value != NULL)
            fn(arg, p->name, p->value);
    }
    snprintf(number, sizeof number, "%lld", (long long)e->mono_us);
    fn(arg, "MONO_US", number);
}

/* A moment of the wall clock as RFC 3339 writes it, in UTC. */
static void wall_text(const struct timespec *wall, char *text, size_t size)
{
    char seconds[32];
    struct tm tm;

    gmtime_r(&wall->tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, size, "%s.%06ldZ", seconds, wall->tv_nsec / 1000);
}

static void plain_field(void *arg, const char *name, const char *value)
{
    struct line *line = arg;

    add_text(line, " ");
    for (; *name != '\0'; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;

        add_bytes(line, &c, 1);
    }
    add_text(line, "=");
    add_plain(line, value, true);
}

/* put_out - one write, so that lines of several processes never mix; a full disk costs the line,
 * nothing else.  Lines of calls may be held, and are written together. */
static void put_out(const struct entry *e, const struct line *line, struct held *held, int fd)
{
    bool hold = holding && e->level >= LEVEL_INFO;

    if (!hold || held->length + line->length > sizeof held->text)
        release(held, fd);
    if (!hold) {
        (void)!write(fd, line->text, line->length);
        return;
    }
    memcpy(held->text + held->length, line->text, line->length);
    held->length += line->length;
}

static void to_stderr(const struct entry *e)
{
    struct line line = {.length = 0};
    char when[64];

    wall_text(&e->wall, when, sizeof when);
    add(&line, "%s %s %s %s %s", when, level_names[e->level], the_log.process, the_log.host,
        log_message_name(e->message));
    each_field(e, plain_field, &line);
    add(&line, " ");
    add_plain(&line, e->text, false);
    end_line(&line, "\n");
    put_out(e, &line, &held_stderr, STDERR_FILENO);
}

static void json_field(void *arg, const char *name, const char *value)
{
    struct line *line = arg;
    bool number = strcmp(name, "MONO_US") == 0 || strcmp(name, "EPOCH") == 0;

    if (line->length + strlen(name) + 3 * LINE_RESERVE > sizeof line->text)
        return; /* a field that does not fit is left out whole */
    add_text(line, ",\"");
    add_text(line, name);
    add_text(line, "\":");
    if (number)
        add_text(line, value);
    else
        add_json(line, value);
}

static void to_file(const struct entry *e)
{
    struct line line = {.length = 0};
    char when[64];

    wall_text(&e->wall, when, sizeof when);
    add(&line,
        "{\"TIME\":\"%s\",\"LEVEL\":\"%s\",\"PROCESS\":\"%s\",\"MACHINE\":\"%s\",\"MSG\":\"%s\"",
        when, level_names[e->level], the_log.process, the_log.host, log_message_name(e->message));
    each_field(e, json_field, &line);
    json_field(&line, "TEXT", e->text);
    end_line(&line, "}\n");
    put_out(e, &line, &held_file, the_log.file);
}

#define JOURNAL_FIELDS_MAX 32

struct journal_line {
    struct line text;
    struct iovec fields[JOURNAL_FIELDS_MAX];
    int count;
};

static void journal_field(void *arg, const char *name, const char *value)
{
    struct journal_line *j = arg;
    size_t start = j->text.length;

    if (j->count == JOURNAL_FIELDS_MAX)
        return;
    add_text(&j->text, name);
    add_text(&j->text, "=");
    add_plain(&j->text, value, false);
    j->fields[j->count++] = (struct iovec){j->text.text + start, j->text.length - start};
}

static int to_journal(const struct entry *e)
{
    struct journal_line j = {.count = 0};
    char value[64];

    snprintf(value, sizeof value, "%d", (int)e->level);
    journal_field(&j, "PRIORITY", value);
    snprintf(value, sizeof value, MESSAGE_ID_PREFIX "%04x", (unsigned)e->message);
    journal_field(&j, "MESSAGE_ID", value);
    journal_field(&j, "SYSLOG_IDENTIFIER", the_log.process);
    journal_field(&j, "MACHINE", the_log.host);
    journal_field(&j, "MSG", log_message_name(e->message));
    each_field(e, journal_field, &j);
    journal_field(&j, "MESSAGE", e->text);
    return sd_journal_sendv(j.fields, j.count);
}

static void write_entry(const struct entry *e)
{
    if (!the_log.journal || to_journal(e) < 0)
        to_stderr(e);
    if (the_log.file >= 0)
        to_file(e);
}

static void make_entry(struct entry *e, enum log_level level, enum log_message message,
                       const struct log_fields *fields, const char *format, va_list args)
{
    e->level = level;
    e->message = message;
    e->fields = fields;
    e->mono_us = mono_us();
    clock_gettime(CLOCK_REALTIME, &e->wall);
    vsnprintf(e->text, sizeof e->text, format, args);
}

void log_event(enum log_level level, enum log_message message, const struct log_fields *fields,
               const char *format, ...)
{
    struct entry e;
    int saved_errno = errno;
    va_list args;

    if (!log_wants(level))
        return;
    va_start(args, format);
    make_entry(&e, level, message, fields, format, args);
    va_end(args);
    write_entry(&e);
    errno = saved_errno;
}

void log_limited(struct log_limit *limit, enum log_level level, enum log_message message,
                 const struct log_fields *fields, const char *format, ...)
{
    struct entry e;
    int saved_errno = errno;
    va_list args;
    int64_t now = mono_us();

    if (!log_wants(level))
        return;
    if (now < limit->next_us) {
        limit->left_out++;
        return;
    }
    va_start(args, format);
    make_entry(&e, level, message, fields, format, args);
    va_end(args);
    if (limit->left_out > 0) {
        size_t n = strlen(e.text);
        snprintf(e.text + n, sizeof e.text - n, " (and %llu more before)",
                 (unsigned long long)limit->left_out);
    }
    limit->left_out = 0;
    limit->next_us = now + LOG_LIMIT_US;
    write_entry(&e);
    errno = saved_errno;
}
