#include "common/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/test-log-XXXXXX";
static char stderr_path[64];

static void setup(void)
{
    unsetenv("JOURNAL_STREAM");
    unsetenv("STANDFAST_LOG_DIR");
    unsetenv("STANDFAST_LOG_LEVEL");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(stderr_path, sizeof stderr_path, "%s/stderr", folder);
    cr_assert_not_null(freopen(stderr_path, "w+", stderr));
}

static void teardown(void)
{
    char command[128];

    log_close();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

TestSuite(log, .init = setup, .fini = teardown);

/* slurp - the whole file, in a buffer of the test's own. */
static const char *slurp(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n;

    cr_assert_not_null(f, "%s", path);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

Test(log, line_on_stderr_has_every_field)
{
    long long mono = 0;
    int64_t before = now_us();
    char rest[256] = "", when[64] = "";

    log_open("hamgr", "east", "east.1", NULL);
    log_event(LEVEL_NOTICE, MSG_ROLE,
              LOG_FIELDS(.from = "BACKUP", .to = "PRIMARY", .event = "LEASE_GRANTED", .epoch = 4,
                         .more = LOG_PAIRS({"PEER", "east.2"}, {"WHY", "peer is silent"})),
              "took over from %s", "east.2");
    cr_assert_eq(sscanf(slurp(stderr_path),
                        "%63s notice hamgr east.1 ROLE site=east from=BACKUP to=PRIMARY "
                        "event=LEASE_GRANTED epoch=4 peer=east.2 why=\"peer is silent\" "
                        "mono_us=%lld %255[^\n]",
                        when, &mono, rest),
                 3, "%s", slurp(stderr_path));
    cr_assert_str_eq(rest, "took over from east.2");
    cr_assert(mono >= before && mono <= now_us());
    cr_assert_eq(strlen(when), strlen("2026-01-31T10:15:02.123456Z"), "%s", when);
}

Test(log, json_lines_in_the_folder)
{
    char path[128];
    json_t *line;

    setenv("STANDFAST_LOG_DIR", folder, 1);
    log_open("sipserver", "west", "west.2", NULL);
    log_event(LEVEL_ERR, MSG_CALL, LOG_FIELDS(.object = "a\"b\\c\n", .epoch = 7),
              "caf\xc3\xa9 \xff.");
    snprintf(path, sizeof path, "%s/west.2.sipserver.log", folder);
    line = json_loads(slurp(path), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(line, "%s", slurp(path));
    cr_assert_str_eq(json_string_value(json_object_get(line, "LEVEL")), "err");
    cr_assert_str_eq(json_string_value(json_object_get(line, "PROCESS")), "sipserver");
    cr_assert_str_eq(json_string_value(json_object_get(line, "MACHINE")), "west.2");
    cr_assert_str_eq(json_string_value(json_object_get(line, "SITE")), "west");
    cr_assert_str_eq(json_string_value(json_object_get(line, "MSG")), "CALL");
    cr_assert_str_eq(json_string_value(json_object_get(line, "OBJECT")), "a\"b\\c\n");
    cr_assert_eq(json_integer_value(json_object_get(line, "EPOCH")), 7);
    cr_assert_gt(json_integer_value(json_object_get(line, "MONO_US")), 0);
    cr_assert_str_eq(json_string_value(json_object_get(line, "TEXT")), "caf\xc3\xa9 \xef\xbf\xbd.");
    json_decref(line);
}

Test(log, what_the_network_sends_cannot_break_a_line)
{
    log_open("sipserver", "", "h", NULL);
    log_event(LEVEL_ERR, MSG_SIP, LOG_FIELDS(.object = "x\r\ny"), "one\ntwo\x1b[31m");
    cr_assert_not_null(strstr(slurp(stderr_path), "object=x??y"));
    cr_assert_not_null(strstr(slurp(stderr_path), "one?two?[31m\n"));
}

Test(log, overlong_line_ends_well)
{
    static char big[20000];
    char path[128];
    json_t *line;

    memset(big, '\\', sizeof big - 1);
    log_open("p", "s", "h", folder);
    log_event(LEVEL_ERR, MSG_SIP, LOG_FIELDS(.object = big, .event = big), "%s", big);
    snprintf(path, sizeof path, "%s/h.p.log", folder);
    line = json_loads(slurp(path), 0, NULL);
    cr_assert_not_null(line, "%s", slurp(path));
    json_decref(line);
    cr_assert_eq(slurp(stderr_path)[strlen(slurp(stderr_path)) - 1], '\n');
}

Test(log, levels_above_the_threshold_are_left_out)
{
    log_open("p", "s", "h", NULL);
    log_event(LEVEL_DEBUG, MSG_SIP, NULL, "hidden");
    cr_assert_str_eq(slurp(stderr_path), "");
    setenv("STANDFAST_LOG_LEVEL", "debug", 1);
    log_open("p", "s", "h", NULL);
    log_event(LEVEL_DEBUG, MSG_SIP, NULL, "shown");
    cr_assert_not_null(strstr(slurp(stderr_path), "shown"));
    log_set_level(LEVEL_ERR);
    cr_assert_not(log_wants(LEVEL_WARNING));
}

Test(log, held_lines_come_together_and_in_order)
{
    char path[128];
    const char *text;

    log_open("p", "s", "h", folder);
    snprintf(path, sizeof path, "%s/h.p.log", folder);
    log_hold();
    log_event(LEVEL_INFO, MSG_CALL, NULL, "one");
    log_event(LEVEL_INFO, MSG_CALL, NULL, "two");
    cr_assert_str_empty(slurp(stderr_path));
    cr_assert_str_empty(slurp(path));
    log_event(LEVEL_WARNING, MSG_CALL, NULL, "three"); /* urgent: at once, and after the others */
    text = slurp(stderr_path);
    cr_assert(strstr(text, "one\n") < strstr(text, "two\n"));
    cr_assert(strstr(text, "two\n") < strstr(text, "three\n"), "%s", text);
    log_event(LEVEL_INFO, MSG_CALL, NULL, "four");
    cr_assert_null(strstr(slurp(path), "four"));
    log_release();
    cr_assert_not_null(strstr(slurp(stderr_path), "four\n"));
    cr_assert_not_null(strstr(slurp(path), "four\"}\n"));
    log_event(LEVEL_INFO, MSG_CALL, NULL, "five");
    cr_assert_not_null(strstr(slurp(path), "five"));
}

Test(log, more_lines_than_can_be_held_are_all_written)
{
    const char *text;
    unsigned lines = 0;

    log_open("p", "s", "h", NULL);
    log_hold();
    for (unsigned i = 0; i < 300; i++)
        log_event(LEVEL_INFO, MSG_CALL, NULL, "%0100u", i);
    log_close(); /* releases */
    text = slurp(stderr_path);
    for (const char *at = text; (at = strstr(at, " CALL ")) != NULL; at++)
        lines++;
    cr_assert_eq(lines, 300);
}

Test(log, limited_lines_come_once_a_minute_with_the_count)
{
    struct log_limit limit = {0};

    log_open("p", "s", "h", NULL);
    for (int i = 0; i < 5; i++)
        log_limited(&limit, LEVEL_WARNING, MSG_BUS_REFUSED, NULL, "refused %d", i);
    cr_assert_not_null(strstr(slurp(stderr_path), "refused 0\n"));
    cr_assert_null(strstr(slurp(stderr_path), "refused 1"));
    limit.next_us = now_us(); /* a minute has passed */
    log_limited(&limit, LEVEL_WARNING, MSG_BUS_REFUSED, NULL, "refused again");
    cr_assert_not_null(strstr(slurp(stderr_path), "refused again (and 4 more before)\n"));
}

Test(log, a_folder_that_is_not_there_is_said_and_survived)
{
    log_open("p", "s", "h", "/nonexistent");
    cr_assert_not_null(strstr(slurp(stderr_path), "log file /nonexistent/h.p.log: No such file"));
    log_event(LEVEL_ERR, MSG_FAULT, NULL, "still here");
    cr_assert_not_null(strstr(slurp(stderr_path), "still here"));
}

Test(log, message_numbers_and_names_are_unique)
{
    static const struct {
        int number;
        const char *name;
    } all[] = {
#define LOG_MESSAGE(name, number, meaning) {number, #name},
#include "common/log.tbl.h"
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cr_assert_str_eq(log_message_name((enum log_message)all[i].number), all[i].name);
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(all[i].number, all[j].number, "%s and %s", all[i].name, all[j].name);
    }
}

/* The journal's own socket, in a mount namespace of the test's: what journald would receive. */
static int fake_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    int fd;

    if (unshare(CLONE_NEWNS) < 0)
        return -1;
    /* In a chroot "/" is no mount point, and cannot be made private: the test unmounts what it
     * mounted. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_assert_eq(errno, EINVAL);
    cr_assert_eq(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
    mkdir("/run/systemd", 0755);
    mkdir("/run/systemd/journal", 0755);
    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

Test(log, journal_gets_fields_when_stderr_is_its_stream)
{
    int journal = fake_journal();
    char stream[64], datagram[8192] = "";
    struct stat st;
    ssize_t n;

    if (journal < 0)
        cr_skip_test("needs the right to make a mount namespace");
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("hamgr", "east", "east.1", NULL);
    log_event(LEVEL_NOTICE, MSG_ROLE, LOG_FIELDS(.from = "BACKUP", .to = "PRIMARY", .epoch = 4),
              "took over");
    n = recv(journal, datagram, sizeof datagram - 1, MSG_DONTWAIT);
    cr_assert_gt(n, 0);
    cr_assert_not_null(strstr(datagram, "PRIORITY=5\n"));
    cr_assert_not_null(strstr(datagram, "MESSAGE_ID=6f1d3c5ab2e84e0c9d77537466400020\n"));
    cr_assert_not_null(strstr(datagram, "SITE=east\n"));
    cr_assert_not_null(strstr(datagram, "MACHINE=east.1\n"));
    cr_assert_not_null(strstr(datagram, "FROM=BACKUP\n"));
    cr_assert_not_null(strstr(datagram, "TO=PRIMARY\n"));
    cr_assert_not_null(strstr(datagram, "EPOCH=4\n"));
    cr_assert_not_null(strstr(datagram, "MONO_US="));
    cr_assert_not_null(strstr(datagram, "MESSAGE=took over\n"));
    cr_assert_str_eq(slurp(stderr_path), "", "not twice");
    close(journal);
    cr_assert_eq(umount2("/run", MNT_DETACH), 0);
}
