#include "common/bootstrap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/prng.h"

static const char good[] = "cluster: demo\n"
                           "self: east.1\n"
                           "data-dir: /var/lib/standfast/%h\n"
                           "run-dir: /run/standfast/%h\n"
                           "timeouts: {lease-ttl: 2s}\n"
                           "arbiter: {address: 127.0.3.1}\n"
                           "sites:\n"
                           "  - name: east\n"
                           "    id: 1\n"
                           "    site-address: 127.0.1.100\n"
                           "    address-mode: loopback\n"
                           "    hosts:\n"
                           "      - {name: east.1, address: 127.0.1.1}\n"
                           "      - {name: east.2, address: 127.0.1.2}\n"
                           "  - name: west\n"
                           "    id: 2\n"
                           "    site-address: 2001:db8::100\n"
                           "    address-mode: interface\n"
                           "    interface: eth0\n"
                           "    prefix-length: 64\n"
                           "    witness: east.2\n"
                           "    last-resort: stop\n"
                           "    hosts:\n"
                           "      - {name: west.1, address: 127.0.2.1}\n"
                           "      - {name: west.2, address: 127.0.2.2}\n";

static char path[] = "/tmp/test-bootstrap-XXXXXX";
static struct bootstrap b;
static struct conf_errors errors;

static void setup(void)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
    unsetenv("STANDFAST_SELF");
}

static void teardown(void)
{
    unlink(path);
}

TestSuite(bootstrap, .init = setup, .fini = teardown);

/* read_with - the good file with every FROM replaced by TO (NULL: as it is). */
static int read_with(const char *from, const char *to, const char *self)
{
    FILE *f = fopen(path, "w");
    const char *p = good, *hit;

    while (from != NULL && (hit = strstr(p, from)) != NULL) {
        fprintf(f, "%.*s%s", (int)(hit - p), p, to);
        p = hit + strlen(from);
    }
    fputs(p, f);
    fclose(f);
    return bootstrap_read(path, self, &b, &errors);
}

/* refused - that replacement is refused with the one error EXPECTED, in LINE. */
static void refused(const char *from, const char *to, unsigned line, const char *expected)
{
    cr_assert_eq(read_with(from, to, NULL), -EINVAL, "%s -> %s was accepted", from, to);
    cr_assert_str_eq(errors.list[0].text, expected);
    cr_assert_eq(errors.list[0].line, line, "line %u, %s", errors.list[0].line, expected);
    cr_assert_eq(errors.total, 1, "%s", errors.list[1].text);
}

Test(bootstrap, schema_is_sound)
{
    char fault[200];

    cr_assert(conf_schema_sound(bootstrap_schema(), fault, sizeof fault), "%s", fault);
}

Test(bootstrap, good_file_is_read)
{
    cr_assert_eq(read_with(NULL, NULL, NULL), 0, "%s", errors.list[0].text);
    cr_assert_str_eq(b.cluster, "demo");
    cr_assert_str_eq(b.data_dir, "/var/lib/standfast/east.1");
    cr_assert_str_eq(b.run_dir, "/run/standfast/east.1");
    cr_assert_str_eq(b.keys_dir, "/var/lib/standfast/east.1/keys");
    cr_assert_eq(b.timeouts.lease_ttl, 2000);
    cr_assert_eq(b.timeouts.renew_interval, 250);
    cr_assert_eq(b.ports.lease, 7701);
    cr_assert_eq(b.site_count, 2);
    cr_assert_eq(b.host_count, 5);
    cr_assert_eq(b.sites[0].prefix_length, 32);
    cr_assert_eq(b.sites[1].prefix_length, 64);
    cr_assert_eq(b.sites[0].address_mode, BOOTSTRAP_LOOPBACK);
    cr_assert_eq(b.sites[1].address_mode, BOOTSTRAP_INTERFACE);
    cr_assert_eq(b.sites[0].last_resort, BOOTSTRAP_PROBE, "the default");
    cr_assert_eq(b.sites[1].last_resort, BOOTSTRAP_STOP);
    cr_assert_eq(b.sites[0].last_resort_host, 0, "the first");
    cr_assert_eq(b.sites[0].reference_count, 0);
    cr_assert_str_eq(b.sites[0].witness, "arbiter");
    cr_assert_str_eq(b.sites[1].witness, "east.2");
}

Test(bootstrap, last_resort_names_a_host_and_reference_addresses)
{
    cr_assert_eq(read_with("last-resort: stop\n",
                           "last-resort-host: west.2\n"
                           "    reference-addresses: [2001:db8::1, 192.0.2.1]\n",
                           NULL),
                 0);
    cr_assert_eq(b.sites[1].last_resort_host, 3);
    cr_assert_eq(b.sites[1].reference_count, 2);
    cr_assert_str_eq(b.sites[1].references[1], "192.0.2.1");
    refused("last-resort: stop", "last-resort-host: east.1", 22,
            "field 'sites[1].last-resort-host': 'east.1' is no host of site west; write one of its "
            "hosts");
    refused("last-resort: stop", "reference-addresses: [1.2.3]", 22,
            "field 'sites[1].reference-addresses': '1.2.3' is no IPv4 or IPv6 address; write "
            "addresses, not names");
    refused("last-resort: stop", "reference-addresses: ['2001:db8::100']", 22,
            "field 'sites[1].reference-addresses': 2001:db8::100 is the site address, which moves; "
            "name what stays, such as the default gateway");
}

Test(bootstrap, looks_things_up)
{
    cr_assert_eq(read_with(NULL, NULL, NULL), 0);
    cr_assert_str_eq(bootstrap_self(&b)->name, "east.1");
    cr_assert_str_eq(bootstrap_self_site(&b)->name, "east");
    cr_assert_eq(bootstrap_pair_of(&b, 0), 1);
    cr_assert_eq(bootstrap_pair_of(&b, 3), 2);
    cr_assert_eq(bootstrap_pair_of(&b, 4), BOOTSTRAP_NONE);
    cr_assert_eq(bootstrap_host(&b, "west.2"), 3);
    cr_assert_eq(bootstrap_host(&b, "north"), BOOTSTRAP_NONE);
    cr_assert_str_eq(bootstrap_site_of(&b, 3)->name, "west");
    cr_assert_null(bootstrap_site_of(&b, 4));
    cr_assert_eq(bootstrap_site_by_id(&b, 2), 1);
    cr_assert_eq(bootstrap_site_by_id(&b, 3), BOOTSTRAP_NONE);
    cr_assert_str_eq(bootstrap_other_site(&b, 0)->name, "west");
    cr_assert(bootstrap_is_arbiter(&b, 4));
    cr_assert_not(bootstrap_is_arbiter(&b, 0));
    cr_assert_eq(bootstrap_witness_of(&b, 0), 4);
    cr_assert_eq(bootstrap_witness_of(&b, 1), 1);
}

Test(bootstrap, self_comes_from_the_option_then_the_environment_then_the_file)
{
    setenv("STANDFAST_SELF", "west.1", 1);
    cr_assert_eq(read_with(NULL, NULL, "west.2"), 0);
    cr_assert_str_eq(bootstrap_self(&b)->name, "west.2");
    cr_assert_eq(read_with(NULL, NULL, NULL), 0);
    cr_assert_str_eq(bootstrap_self(&b)->name, "west.1");
    cr_assert_str_eq(b.data_dir, "/var/lib/standfast/west.1");
    cr_assert_eq(read_with(NULL, NULL, "arbiter"), 0);
    cr_assert_null(bootstrap_self_site(&b));
    unsetenv("STANDFAST_SELF");
    refused("self: east.1\n", "", 1,
            "field 'self': is missing; add it, give --self NAME or set $STANDFAST_SELF: one of "
            "east.1, east.2, west.1, west.2, arbiter");
    refused("self: east.1", "self: east.3", 2,
            "field 'self': it says 'east.3', which is no host of this file; use one of east.1, "
            "east.2, west.1, west.2, arbiter");
}

Test(bootstrap, twins_are_refused)
{
    refused("name: west\n", "name: east\n", 15,
            "field 'sites[1].name': east is also sites[0].name (line 8); give each its own name");
    refused("id: 2", "id: 1", 16,
            "field 'sites[1].id': 1 is also sites[0].id (line 9); give each its own id");
    refused("west.2", "east.1", 25,
            "field 'sites[1].hosts[1].name': east.1 is also sites[0].hosts[0].name (line 13); give "
            "each its own name");
    refused("127.0.2.2", "127.0.2.1", 25,
            "field 'sites[1].hosts[1].address': 127.0.2.1 is also sites[1].hosts[0].address (line "
            "24); give each its own address");
    refused("127.0.1.100", "127.0.1.1", 13,
            "field 'sites[0].hosts[0].address': 127.0.1.1 is also sites[0].site-address (line 10); "
            "give each its own address");
    refused("127.0.3.1", "127.0.1.2", 6,
            "field 'arbiter.address': 127.0.1.2 is also sites[0].hosts[1].address (line 14); give "
            "each its own address");
}

Test(bootstrap, addresses_are_those_of_single_hosts_of_one_family)
{
    refused(
        "address: 127.0.2.2", "address: 0.0.0.0", 25,
        "field 'sites[1].hosts[1].address': 0.0.0.0 means any address; write the address of one "
        "host");
    refused(
        "address: 127.0.2.2", "address: 224.0.0.5", 25,
        "field 'sites[1].hosts[1].address': 224.0.0.5 is a multicast address; write the address "
        "of one host");
    refused(
        "2001:db8::100", "ff02::1", 17,
        "field 'sites[1].site-address': ff02::1 is a multicast address; write the address of one "
        "host");
    refused(
        "127.0.3.1", "255.255.255.255", 6,
        "field 'arbiter.address': 255.255.255.255 is the broadcast address; write the address of "
        "one host");
    refused(
        "address: 127.0.2.2", "address: 2001:db8::2", 25,
        "field 'sites[1].hosts[1].address': 2001:db8::2 is not of the family of "
        "sites[0].hosts[0].address (127.0.1.1); give every host an IPv4 address, or every one an "
        "IPv6 address");
}

Test(bootstrap, a_name_is_no_way_out_of_its_folder)
{
    refused("name: west.2", "name: ..", 25,
            "field 'sites[1].hosts[1].name': '..' would be another folder where it names one (%h); "
            "begin it with a letter or digit");
    refused("name: west.2", "name: .", 25,
            "field 'sites[1].hosts[1].name': '.' would be another folder where it names one (%h); "
            "begin it with a letter or digit");
}

Test(bootstrap, contradictions_are_refused)
{
    refused("lease-ttl: 2s", "component-beat-limit: 300ms", 5,
            "field 'timeouts.component-beat-limit': 300ms is shorter than 2 times "
            "component-beat-interval (300ms); lengthen it, or shorten component-beat-interval");
    refused("timeouts: {lease-ttl: 2s}", "ports: {sip: 7701}", 5,
            "field 'ports.lease': 7701 is the port of ports.sip too; give each its own");
    refused("    interface: eth0\n", "", 15,
            "field 'sites[1].interface': is missing; name the interface for 2001:db8::100, or set "
            "address-mode: loopback");
    refused("address-mode: interface", "address-mode: loopback", 19,
            "field 'sites[1].interface': means nothing with address-mode: loopback; remove it, or "
            "set address-mode: interface");
    refused("    address-mode: loopback\n", "    address-mode: loopback\n    fence: on\n", 12,
            "field 'sites[0].fence': on cannot be with address-mode: loopback; remove it, or set "
            "address-mode: interface");
    refused("127.0.1.100", "10.0.1.100", 10,
            "field 'sites[0].site-address': 10.0.1.100 is not in 127.0.0.0/8, as address-mode: "
            "loopback wants; set address-mode: interface");
    refused("    id: 1\n", "    id: 1\n    prefix-length: 33\n", 10,
            "field 'sites[0].prefix-length': 33 is too large for an IPv4 address; write 1..32");
    refused("witness: east.2", "witness: north", 21,
            "field 'sites[1].witness': 'north' is no host of this file; write one of east.1, "
            "east.2, west.1, west.2, arbiter");
    refused("witness: east.2", "witness: west.1", 21,
            "field 'sites[1].witness': 'west.1' is a host of site west itself and cannot be its "
            "third voice; name the arbiter or a host of the other site");
}

Test(bootstrap, folders)
{
    refused("/var/lib/standfast/%h", "data/%h", 3,
            "field 'data-dir': 'data/%h' is not an absolute path; begin it with '/'");
    refused("/var/lib/standfast/%h", "/data/%s", 3,
            "field 'data-dir': '/data/%s' has a % in it that is not %h; write %h for the host's "
            "name");
    refused("/run/standfast/%h",
            "/run/a-folder-in-a-folder/"
            "whose-name-is-so-long-that-no-socket-inside-it-could-be-opened/%h",
            4,
            "field 'run-dir': "
            "'/run/a-folder-in-a-folder/"
            "whose-name-is-so-long-that-no-socket-inside-it-could-be-opened/east.1' "
            "has 95 bytes, 90 is the most; shorten it");
    cr_assert_eq(read_with("data-dir: /var/lib/standfast/%h",
                           "data-dir: /d\nkeys-dir: /etc/standfast/%h-keys", NULL),
                 0, "%s", errors.list[0].text);
    cr_assert_str_eq(b.keys_dir, "/etc/standfast/east.1-keys");
}

Test(bootstrap, one_site_without_an_arbiter)
{
    FILE *f = fopen(path, "w");

    fputs("cluster: small\nsites:\n  - name: only\n    id: 9\n    site-address: 127.0.0.2\n"
          "    address-mode: loopback\n    hosts:\n      - {name: a, address: 127.0.0.3}\n",
          f);
    fclose(f);
    cr_assert_eq(bootstrap_read(path, "a", &b, &errors), 0, "%s", errors.list[0].text);
    cr_assert_eq(b.arbiter, BOOTSTRAP_NONE);
    cr_assert_eq(b.host_count, 1);
    cr_assert_eq(bootstrap_witness_of(&b, 0), BOOTSTRAP_NONE);
    cr_assert_eq(bootstrap_pair_of(&b, 0), BOOTSTRAP_NONE);
    cr_assert_null(bootstrap_other_site(&b, 0));
    cr_assert_not(bootstrap_is_arbiter(&b, 0));
}

/* Whatever the file says: an answer, no crash (the sanitizers look on), and every refusal has a
 * reason. */
Test(bootstrap, mangled_files_are_answered)
{
    struct prng random;
    unsigned refusals = 0;

    prng_init(&random, 77);
    for (int i = 0; i < 3000; i++) {
        char text[sizeof good];
        unsigned changes = (unsigned)prng_below(&random, 4) + 1;
        FILE *f;
        memcpy(text, good, sizeof good);
        while (changes-- > 0) {
            size_t at = (size_t)prng_below(&random, sizeof good - 20);
            size_t from = (size_t)prng_below(&random, sizeof good - 20);
            if (prng_below(&random, 2) == 0)
                text[at] = "\t\n:[]{}-&*!|>'\"#%,0\x01\xff"[prng_below(&random, 21)];
            else
                memcpy(text + at, good + from, (size_t)prng_below(&random, 20));
        }
        f = fopen(path, "w");
        fwrite(text, 1, sizeof text - 1, f);
        fclose(f);
        if (bootstrap_read(path, NULL, &b, &errors) == 0) {
            cr_assert_eq(errors.total, 0);
            continue;
        }
        refusals++;
        cr_assert_gt(errors.count, 0, "refused without a reason:\n%s", text);
    }
    cr_assert_gt(refusals, 1000);
}
