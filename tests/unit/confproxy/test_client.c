/* Configuration files: what a person gets wrong is told with file, line, field and the mend; what
 * is exported imports again to the same objects; passwords are kept as hashes only. */
#include "confproxy/adapt/client.h"
#include "confproxy/adapt/message.h"
#include "confproxy/adapt/password.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct bootstrap two_sites(void)
{
    struct bootstrap b = {.cluster = "demo", .site_count = 2};
    strcpy(b.sites[0].name, "east");
    strcpy(b.sites[1].name, "west");
    return b;
}

/* parse_text - client_parse of TEXT in a file called conf.yaml in a folder of its own. */
static int parse_text(const char *text, struct client_changes *ret, struct conf_errors *errors)
{
    char folder[] = "/tmp/confproxy-test-XXXXXX";
    struct bootstrap b = two_sites();
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    FILE *f = fopen("conf.yaml", "w");
    fputs(text, f);
    fclose(f);
    int r = client_parse("conf.yaml", &b, ret, errors);
    unlink("conf.yaml");
    rmdir(folder);
    return r;
}

static void refused(const char *text, const char *wanted)
{
    struct client_changes changes = {0};
    struct conf_errors errors;
    char line[600] = "";

    cr_assert_eq(parse_text(text, &changes, &errors), -22);
    conf_errors_line(&errors, 0, line, sizeof line);
    cr_assert_str_eq(line, wanted, "got: %s", line);
    cr_assert_eq(errors.total, 1, "%u errors", errors.total);
    cr_assert_eq(changes.count, 0);
}

static const Sf__ConfObject *find(const struct client_changes *c, const char *key)
{
    char own[MESSAGE_KEY_MAX];

    for (size_t i = 0; i < c->count; i++) {
        cr_assert_gt(message_key(c->changes[i]->object, own), 0);
        if (strcmp(own, key) == 0)
            return c->changes[i]->object;
    }
    cr_assert_fail("no %s", key);
    return NULL;
}

Test(client, the_schema_is_sound)
{
    char fault[200] = "";
    cr_assert(client_schema_sound(fault, sizeof fault), "%s", fault);
}

/* A row that names no field of the message would abort here. */
Test(client, every_row_of_the_schema_is_a_field_of_the_message)
{
    for (enum cfg_type type = CFG_OPTIONS; type < CFG_TYPES; type++) {
        Sf__ConfObject *object = message_new(type);
        struct cfg_item item;
        cr_assert_eq(message_item(object, &item), 0);
        for (enum cfg_field_id f = cfg_field_first(type); f < cfg_field_end(type); f++)
            cr_assert_not(cfg_item_value(&item, f)->set, "%s", cfg_fields[f].yaml);
        sf__conf_object__free_unpacked(object, NULL);
    }
}

/* A field of the message without a row could not be imported. */
Test(client, every_field_of_a_message_has_its_row)
{
    static const ProtobufCMessageDescriptor *const all[] = {
        &sf__options__descriptor, &sf__dn__descriptor, &sf__agent__descriptor,
        &sf__dial_rule__descriptor};
    for (enum cfg_type type = CFG_OPTIONS; type < CFG_TYPES; type++) {
        for (unsigned i = 0; i < all[type]->n_fields; i++) {
            bool found = strcmp(all[type]->fields[i].name, "dr_oosp_transfer_set") == 0 ||
                         strcmp(all[type]->fields[i].name, "digest_md5_set") == 0;
            for (enum cfg_field_id f = cfg_field_first(type); f < cfg_field_end(type); f++)
                found = found || strcmp(cfg_fields[f].wire, all[type]->fields[i].name) == 0;
            cr_assert(found, "%s has no row in schema.tbl.h", all[type]->fields[i].name);
        }
    }
}

Test(client, the_document_lists_every_field)
{
    char *printed = NULL, *document = calloc(1, 100000);
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    FILE *in = fopen(SOURCE_DIR "/docs/configuration.md", "r");
    cr_assert_not_null(in);
    client_print_schema(out);
    fclose(out);
    printed[size - 1] = 0; /* the last empty line */
    cr_assert_gt(fread(document, 1, 99999, in), 0);
    fclose(in);
    cr_assert_not_null(strstr(document, printed),
                       "put the output of 'confproxy schema' into docs/configuration.md");
    free(printed);
    free(document);
}

Test(client, the_samples_fit_each_other)
{
    struct bootstrap real;
    struct client_changes c = {0};
    struct conf_errors errors;

    cr_assert_eq(bootstrap_read(SOURCE_DIR "/deploy/sites/two-sites.standfast.yaml", "west.2",
                                &real, &errors),
                 0, "%s", errors.list[0].text);
    cr_assert_eq(client_parse(SOURCE_DIR "/deploy/sites/two-sites.config.yaml", &real, &c, &errors),
                 0, "%s", errors.list[0].text);
    client_changes_free(&c);
}

Test(client, the_sample_is_read_and_its_fields_arrive)
{
    struct client_changes c = {0};
    struct conf_errors errors;
    struct bootstrap b = two_sites();
    char md5[PASSWORD_MD5_SIZE], sha256[PASSWORD_SHA256_SIZE];

    int r = client_parse(SOURCE_DIR "/deploy/sites/two-sites.config.yaml", &b, &c, &errors);
    if (r != 0)
        conf_errors_print(&errors, stderr);
    cr_assert_eq(r, 0);
    const Sf__ConfObject *options = find(&c, "options/");
    cr_assert_eq(options->options->oos_check_ms, 5000);
    cr_assert_eq(options->options->dr_forward, SF__DR_FORWARD__DR_FORWARD_OFF);
    cr_assert_str_eq(find(&c, "options/east")->options->dr_peer_trunk, "to-west");
    cr_assert_eq(password_ha1("1001", "standfast.example", "phone-1001", md5, sha256), 0);
    cr_assert_str_eq(find(&c, "dn/1001")->dn->ha1_md5, md5);
    cr_assert_str_eq(find(&c, "dn/1001")->dn->ha1_sha256, sha256);
    const Sf__Dn *main_number = find(&c, "dn/8100")->dn;
    cr_assert_eq(main_number->type, SF__DN_TYPE__DN_ROUTING_POINT);
    cr_assert_eq(main_number->n_targets, 2);
    cr_assert_str_eq(main_number->targets[0], "8000");
    cr_assert_str_eq(find(&c, "dn/to-west")->dn->sites[0], "east");
    const Sf__Agent *ann = find(&c, "agent/ann")->agent;
    cr_assert_str_eq(ann->queues[0], "8000");
    cr_assert(password_verify("agent-ann", ann->password_hash));
    cr_assert_not(password_verify("agent-bob", ann->password_hash));
    client_changes_free(&c);
}

Test(client, durations_seconds_and_bools_have_their_units)
{
    struct client_changes c = {0};
    struct conf_errors errors;
    cr_assert_eq(parse_text("options: {registration-expires-min: 2min, wrap-up: 1500ms, "
                            "dr-oosp-transfer-enabled: false}\n",
                            &c, &errors),
                 0);
    const Sf__Options *o = find(&c, "options/")->options;
    cr_assert_eq(o->registration_expires_min_s, 120);
    cr_assert_eq(o->wrap_up_ms, 1500);
    cr_assert(o->dr_oosp_transfer_set && !o->dr_oosp_transfer_enabled);
    client_changes_free(&c);
}

Test(client, what_is_exported_imports_again_to_the_same_objects)
{
    struct client_changes before = {0}, after = {0};
    struct conf_errors errors;
    struct bootstrap b = two_sites();
    char *text = NULL;
    size_t size = 0;

    cr_assert_eq(
        client_parse(SOURCE_DIR "/deploy/sites/two-sites.config.yaml", &b, &before, &errors), 0);
    message_set_text(before.changes[3]->object, FIELD_DN_DISPLAY_NAME, "\"A\\B\": {#1}");
    message_set_number(before.changes[0]->object, FIELD_OPTIONS_DR_OOSP_TRANSFER_ENABLED, 0);
    message_set_number(before.changes[0]->object, FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN, 90);
    Sf__ConfObject **objects = calloc(before.count, sizeof *objects);
    for (size_t i = 0; i < before.count; i++)
        objects[i] = before.changes[i]->object;
    FILE *out = open_memstream(&text, &size);
    client_render(objects, before.count, out);
    fclose(out);
    cr_assert_null(strstr(text, "phone-1001"));
    cr_assert_null(strstr(text, "agent-ann"));

    int r = parse_text(text, &after, &errors);
    if (r != 0)
        conf_errors_print(&errors, stderr);
    cr_assert_eq(r, 0, "%s", text);
    cr_assert_eq(after.count, before.count);
    for (size_t i = 0; i < before.count; i++) {
        uint8_t one[2000], other[2000];
        size_t length = sf__conf_object__pack(before.changes[i]->object, one);
        cr_assert_eq(sf__conf_object__pack(after.changes[i]->object, other), length);
        cr_assert_eq(memcmp(one, other, length), 0, "object %zu", i);
    }
    free(objects);
    free(text);
    client_changes_free(&before);
    client_changes_free(&after);
}

Test(client, an_empty_configuration_is_exported_as_a_file_that_imports)
{
    struct client_changes c = {0};
    struct conf_errors errors;
    char *text = NULL;
    size_t size = 0;

    FILE *out = open_memstream(&text, &size);
    client_render(NULL, 0, out);
    fclose(out);
    cr_assert_eq(parse_text(text, &c, &errors), 0, "'%s' is refused", text);
    cr_assert_eq(c.count, 0);
    free(text);
    client_changes_free(&c);
}

Test(client, an_unknown_field_is_named_with_the_nearest)
{
    refused(
        "dns:\n"
        "  - {number: \"8000\", type: acd-queue, queue-sise-max: 3}\n",
        "conf.yaml:2: field 'dns[0].queue-sise-max': is unknown; did you mean 'queue-size-max'?");
}

Test(client, an_unknown_type_is_named)
{
    refused(
        "dns:\n"
        "  - number: \"8000\"\n"
        "    type: queue\n",
        "conf.yaml:3: field 'dns[0].type': 'queue' is not a choice; write extension, acd-queue, "
        "routing-point, trunk or service");
}

Test(client, a_wrong_type_is_named)
{
    refused("options:\n"
            "  oos-check: often\n",
            "conf.yaml:2: field 'options.oos-check': 'often' is not a time; write a whole number "
            "and its unit, like 250ms, 5s, 2min or 1h");
}

Test(client, a_dangling_reference_is_named)
{
    refused(
        "dns:\n"
        "  - {number: \"1001\", type: extension, password: x}\n"
        "agents:\n"
        "  - id: ann\n"
        "    password: y\n"
        "    queues: [\"8000\"]\n",
        "conf.yaml:6: field 'agents[0].queues': there is no DN '8000'; add it under dns, or name "
        "an acd-queue that is there");
}

Test(client, a_duplicate_number_is_named)
{
    refused("dns:\n"
            "  - {number: \"8000\", type: acd-queue}\n"
            "  - {number: \"8000\", type: acd-queue}\n",
            "conf.yaml:3: field 'dns[1].number': '8000' is there twice; take one out, or give it "
            "another number");
}

Test(client, a_forbidden_combination_of_timeouts_is_named)
{
    refused("options:\n"
            "  oos-force: 800ms\n",
            "conf.yaml:2: field 'options.oos-force': 800ms leaves no time for one retransmission; "
            "write at least 2 x sip-t1, 1000ms");
}

Test(client, an_unknown_site_is_named)
{
    refused("sites:\n"
            "  north: {wrap-up: 5s}\n",
            "conf.yaml:2: field 'sites.north': there is no site 'north'; name one of the bootstrap "
            "file's sites");
}

Test(client, a_password_and_a_hash_at_once_are_refused)
{
    refused("dns:\n"
            "  - number: \"1001\"\n"
            "    type: extension\n"
            "    ha1-md5: 0123456789abcdef0123456789abcdef\n"
            "    password: x\n",
            "conf.yaml:5: field 'dns[0].password': is given together with a hash; take one of them "
            "out");
}

Test(client, no_message_tells_a_password)
{
    struct client_changes c = {0};
    struct conf_errors errors;
    char line[600];
    cr_assert_eq(parse_text("dns:\n  - {number: \"8000\", type: acd-queue, password: s3cret}\n", &c,
                            &errors),
                 -22);
    for (unsigned i = 0; i < errors.count; i++) {
        conf_errors_line(&errors, i, line, sizeof line);
        cr_assert_null(strstr(line, "s3cret"), "%s", line);
    }
}

/* RFC 2617 section 3.5: Mufasa@testrealm@host.com. */
Test(password, the_digest_hash_is_that_of_the_rfc)
{
    char md5[PASSWORD_MD5_SIZE], sha256[PASSWORD_SHA256_SIZE];
    cr_assert_eq(password_ha1("Mufasa", "testrealm@host.com", "Circle Of Life", md5, sha256), 0);
    cr_assert_str_eq(md5, "939e7578ed9e3c518a452acee763bce9");
    /* RFC 7616 section 3.9.1 uses another realm and password. */
    cr_assert_eq(password_ha1("Mufasa", "http-auth@example.org", "Circle of Life", md5, sha256), 0);
    cr_assert_str_eq(sha256, "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
}

Test(password, a_wrong_or_broken_hash_is_not_accepted)
{
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
    cr_assert_eq(password_hash("secret", hash), 0);
    cr_assert_eq(password_hash("secret", again), 0);
    cr_assert_str_neq(hash, again, "each has a salt of its own");
    cr_assert(password_verify("secret", hash));
    cr_assert_not(password_verify("secret ", hash));
    cr_assert_not(password_verify("secret", ""));
    cr_assert_not(password_verify("secret", "scrypt$16384$8$1$AAAA"));
    cr_assert_not(password_verify("secret", "scrypt$3$8$1$c2FsdA==$aGFzaA=="));
    hash[strlen(hash) - 4] = hash[strlen(hash) - 4] == 'A' ? 'B' : 'A';
    cr_assert_not(password_verify("secret", hash));
}
