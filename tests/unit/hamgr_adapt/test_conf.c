/* The timeouts of the bootstrap file and those of the core are the same ones. */
#include "hamgr/adapt/daemon.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const deployment =
    "cluster: test\n"
    "data-dir: /tmp/%h\n"
    "run-dir: /tmp/%h\n"
    "arbiter: {address: 127.0.3.1}\n"
    "sites:\n"
    "  - name: east\n"
    "    id: 1\n"
    "    site-address: 127.0.1.100\n"
    "    address-mode: loopback\n"
    "    hosts: [{name: east.1, address: 127.0.1.1}, {name: east.2, address: 127.0.1.2}]\n";

static const char *profile; /* NULL: not in the file */

/* DEPLOYMENT with the timeout NAME at VALUE as the core gets it; false when it is refused. */
static bool configured(const char *name, const char *value, struct ham_conf *ret_conf, char *text,
                       size_t size)
{
    char path[] = "/tmp/conf-XXXXXX";
    struct bootstrap bootstrap;
    struct conf_errors errors;
    int fd = mkstemp(path), r;

    cr_assert_geq(fd, 0);
    dprintf(fd, "%s", deployment);
    if (profile != NULL)
        dprintf(fd, "profile: %s\n", profile);
    if (name != NULL)
        dprintf(fd, "timeouts: {%s: %s}\n", name, value);
    close(fd);
    text[0] = '\0';
    r = bootstrap_read(path, "east.1", &bootstrap, &errors);
    if (r < 0)
        conf_errors_line(&errors, 0, text, size);
    else
        r = daemon_conf(&bootstrap, ret_conf, text, size);
    unlink(path);
    return r == 0;
}

static uint32_t value_of(const struct ham_conf *conf, const struct ham_option *option)
{
    uint32_t value;

    memcpy(&value, (const char *)conf + option->offset, sizeof(value));
    return value;
}

Test(conf, without_timeouts_in_the_file_the_core_has_its_own_defaults)
{
    struct ham_conf conf;
    char text[512];
    size_t n;
    const struct ham_option *options = ham_options(&n);

    cr_assert(configured(NULL, NULL, &conf, text, sizeof(text)), "%s", text);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(value_of(&conf, &options[i]), options[i].dflt, "%s is %u", options[i].name,
                     value_of(&conf, &options[i]));
}

Test(conf, every_option_of_the_core_is_a_field_of_the_file_and_reaches_it)
{
    struct ham_conf conf;
    char text[512], value[32];
    size_t n;
    const struct ham_option *options = ham_options(&n);

    for (size_t i = 0; i < n; i++) {
        uint32_t other =
            options[i].dflt + 1; /* near the default, so that no combination becomes unsafe */

        snprintf(value, sizeof(value), "%u%s", other,
                 strcmp(options[i].unit, "ms") == 0 ? "ms" : "");
        cr_assert(configured(options[i].name, value, &conf, text, sizeof(text)), "%s: %s",
                  options[i].name, text);
        cr_assert_eq(value_of(&conf, &options[i]), other, "%s did not reach the core",
                     options[i].name);
    }
}

Test(conf, what_the_core_calls_unsafe_is_refused_with_line_and_field)
{
    /* the file says only one of the two: its line is named, whichever it is */
    static const struct {
        const char *name, *value, *part;
    } cases[] = {
        {"ticket-renew", "2900ms", "raise ticket-ttl"},
        {"ticket-ttl", "600ms", "raise ticket-ttl"},
        {"renew-interval", "900ms", "raise lease-ttl"},
        {"lease-ttl", "200ms", "lower renew-interval"},
        {"silent-after", "700ms", "3 beat-intervals"},
        {"site-dead-after", "1200ms", "raise site-dead-after"},
        {"tilt-after", "400ms", "raise tilt-after"},
        {"restart-delay", "6s", "raise restart-delay-most"},
        {"restart-delay-most", "50ms", "raise restart-delay-most"},
    };
    struct ham_conf conf;
    char text[512], field[64];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_not(configured(cases[i].name, cases[i].value, &conf, text, sizeof(text)), "%s",
                      cases[i].name);
        snprintf(field, sizeof(field), ":11: field 'timeouts.%s': ", cases[i].name);
        cr_assert_not_null(strstr(text, field), "no '%s' in: %s", field, text);
        cr_assert_not_null(strstr(text, cases[i].part), "%s", text);
    }
}

Test(conf, the_sample_is_read_at_each_of_its_hosts)
{
    static const char *const hosts[] = {"east.1", "east.2", "west.1", "west.2", "arbiter"};
    struct bootstrap bootstrap;
    struct conf_errors errors;
    struct ham_conf conf;
    char text[512];

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        cr_assert_eq(bootstrap_read(SOURCE_DIR "/deploy/sites/two-sites.standfast.yaml", hosts[i],
                                    &bootstrap, &errors),
                     0, "%s", errors.list[0].text);
        cr_assert_eq(daemon_conf(&bootstrap, &conf, text, sizeof(text)), 0, "%s", text);
    }
}

Test(conf, profile_fast_has_its_own_defaults_and_each_can_be_overridden)
{
    struct ham_conf conf, usual;
    char text[512];

    cr_assert(configured(NULL, NULL, &usual, text, sizeof(text)), "%s", text);
    profile = "default";
    cr_assert(configured(NULL, NULL, &conf, text, sizeof(text)), "%s", text);
    cr_assert_eq(memcmp(&conf, &usual, sizeof(conf)), 0);
    profile = "fast";
    cr_assert(configured(NULL, NULL, &conf, text, sizeof(text)), "%s", text);
#define TIMEOUT(option, member, core, ms)                                                          \
    cr_assert_eq(conf.core, ms, option);                                                           \
    cr_assert_lt(conf.core, usual.core, option);
#include "common/profile.tbl.h"
    cr_assert_eq(conf.antiflap_ms, usual.antiflap_ms, "the others are the same");
    cr_assert(configured("lease-ttl", "400ms", &conf, text, sizeof(text)), "%s", text);
    cr_assert_eq(conf.lease_ttl_ms, 400);
    cr_assert_eq(conf.renew_ms, 55);
    profile = NULL;
}

Test(conf, what_does_not_fit_the_profile_is_refused_with_the_arithmetic)
{
    struct ham_conf conf;
    char text[512];

    profile = "fast";
    cr_assert_not(configured("renew-interval", "250ms", &conf, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "lease-ttl 220 ms less drift-margin 10 ms"), "%s", text);
    cr_assert_not_null(strstr(text, "'timeouts.renew-interval'"), "%s", text);
    profile = "quick";
    cr_assert_not(configured(NULL, NULL, &conf, text, sizeof(text)));
    cr_assert_not_null(strstr(text, "fast"), "%s", text);
    profile = NULL;
}
