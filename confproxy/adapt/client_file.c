/* The configuration file: read by a schema that is built from confproxy/core/schema.tbl.h, judged
 * by confproxy/core/validate, and written again. */
#include "confproxy/adapt/client.h"
#include "confproxy/adapt/message.h"
#include "confproxy/adapt/password.h"
#include "confproxy/core/validate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ENTRY_SIZE 64 /* bytes of an entry of a list of texts */
#define OBJECTS_MAX     65536
#define NO_OFFSET       SIZE_MAX

/* How the objects of one type lie in memory while a file is read: the schema's fields and the
 * password that is not kept, each at its own offset. */
struct shape {
    struct conf_field fields[CFG_FIELDS_MAX + 2];
    size_t offsets[CFG_FIELDS_MAX];
    size_t password; /* NO_OFFSET: this type has none */
    size_t size;
};

/* What the file as a whole is read into; the options of every site follow it in memory. */
struct top {
    char *sites;
    char *dns;
    char *agents;
    char *rules;
    uint32_t site_count;
    uint32_t dn_count;
    uint32_t agent_count;
    uint32_t rule_count;
};

struct layout {
    struct shape options; /* of every site: without a name */
    struct shape site;    /* of one site: the key of the map is its name */
    struct shape dn;
    struct shape agent;
    struct shape rule;
    struct conf_field top[6];
    size_t top_size;
};

static const struct layout *layout(void);

/* --- Schema --- */

static size_t rounded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static void shape_value(struct shape *s, enum cfg_field_id id, struct conf_field *f)
{
    const struct cfg_field *field = &cfg_fields[id];

    f->offset = s->size;
    switch (field->kind) {
    case KIND_TEXT:
    case KIND_SECRET:
        f->type = CONF_TEXT;
        f->size = field->max + 1;
        f->min = field->min;
        break;
    case KIND_TEXTS:
        f->type = CONF_TEXTS;
        f->size = LIST_ENTRY_SIZE;
        f->allocated = true;
        f->max = field->min;
        f->count_offset = s->size + sizeof(char *);
        s->size += 2 * sizeof(char *);
        return;
    case KIND_NUMBER:
        f->type = CONF_UINT;
        f->size = sizeof(uint64_t);
        f->min = field->min;
        f->max = field->max;
        break;
    case KIND_MS:
    case KIND_S:
        f->type = CONF_DURATION;
        f->size = sizeof(uint64_t);
        f->min = (uint64_t)field->min * (field->kind == KIND_S ? 1000 : 1);
        f->max = (uint64_t)field->max * (field->kind == KIND_S ? 1000 : 1);
        break;
    case KIND_BOOL:
        f->type = CONF_BOOL;
        f->size = sizeof(bool);
        break;
    case KIND_TYPE:
        f->type = CONF_ENUM;
        f->size = sizeof(int);
        f->choices = "extension acd-queue routing-point trunk service";
        f->required = true;
        break;
    case KIND_FORWARD:
        f->type = CONF_ENUM;
        f->size = sizeof(int);
        f->choices = "default off no-agent oos";
        break;
    case KIND_DISTRIBUTION:
        f->type = CONF_ENUM;
        f->size = sizeof(int);
        f->choices = "default longest-idle linear ring-all";
        break;
    }
    s->size += rounded(f->size);
}

static void shape_make(struct shape *s, enum cfg_type type, enum conf_type id_type)
{
    enum cfg_field_id first = cfg_field_first(type);
    struct conf_field *f = s->fields;

    for (enum cfg_field_id id = first; id < cfg_field_end(type); id++) {
        f->name = cfg_fields[id].yaml;
        f->doc = cfg_fields[id].meaning;
        shape_value(s, id, f);
        s->offsets[id - first] = f->offset;
        if (id == first && type == CFG_OPTIONS && id_type != CONF_KEY)
            continue; /* the options of every site have no name: the next field takes its row */
        if (id == first) {
            f->type = id_type;
            f->required = id_type == CONF_TEXT;
        }
        f++;
    }
    s->password = NO_OFFSET;
    if (type == CFG_DN || type == CFG_AGENT) {
        s->password = s->size;
        *f++ = (struct conf_field){.name = "password",
                                   .type = CONF_TEXT,
                                   .offset = s->size,
                                   .size = PASSWORD_MAX + 1,
                                   .min = 1,
                                   .doc = "only its hash is kept"};
        s->size += rounded(PASSWORD_MAX + 1);
    }
    assert(f < s->fields + sizeof s->fields / sizeof *s->fields);
}

static struct conf_field list_of(const char *name, enum conf_type type, const struct shape *shape,
                                 size_t offset, size_t count_offset, const char *doc)
{
    return (struct conf_field){.name = name,
                               .type = type,
                               .allocated = true,
                               .max = OBJECTS_MAX,
                               .fields = shape->fields,
                               .offset = offset,
                               .size = shape->size,
                               .count_offset = count_offset,
                               .doc = doc};
}

static void layout_make(struct layout *l)
{
    shape_make(&l->options, CFG_OPTIONS, CONF_TEXT);
    shape_make(&l->site, CFG_OPTIONS, CONF_KEY);
    shape_make(&l->dn, CFG_DN, CONF_TEXT);
    shape_make(&l->agent, CFG_AGENT, CONF_TEXT);
    shape_make(&l->rule, CFG_RULE, CONF_TEXT);
    l->top[0] = (struct conf_field){.name = "options",
                                    .type = CONF_OBJECT,
                                    .fields = l->options.fields,
                                    .offset = rounded(sizeof(struct top)),
                                    .size = l->options.size,
                                    .doc = "options of every site"};
    l->top[1] = list_of("sites", CONF_MAP, &l->site, offsetof(struct top, sites),
                        offsetof(struct top, site_count), "options of one site, by its name");
    l->top[2] = list_of("dns", CONF_OBJECTS, &l->dn, offsetof(struct top, dns),
                        offsetof(struct top, dn_count), "addressable devices");
    l->top[3] = list_of("agents", CONF_OBJECTS, &l->agent, offsetof(struct top, agents),
                        offsetof(struct top, agent_count), "people who take calls from queues");
    l->top[4] = list_of("dial-plan", CONF_OBJECTS, &l->rule, offsetof(struct top, rules),
                        offsetof(struct top, rule_count), "where numbers lead that no DN has");
    l->top_size = rounded(sizeof(struct top)) + l->options.size;
}

static const struct layout *layout(void)
{
    static struct layout made;

    if (made.top_size == 0)
        layout_make(&made);
    return &made;
}

bool client_schema_sound(char *text, size_t size)
{
    return conf_schema_sound(layout()->top, text, size);
}

/* kind_text - how a value of FIELD is written, and within which bounds. */
static void kind_text(const struct cfg_field *field, char *text, size_t size)
{
    char min[32];
    char max[32];
    uint64_t unit = field->kind == KIND_S ? 1000 : 1;

    switch (field->kind) {
    case KIND_TEXT: (void)snprintf(text, size, "text, at most %u", field->max); break;
    case KIND_SECRET: (void)snprintf(text, size, "hash"); break;
    case KIND_TEXTS: (void)snprintf(text, size, "list, at most %u", field->min); break;
    case KIND_NUMBER: (void)snprintf(text, size, "number, %u..%u", field->min, field->max); break;
    case KIND_MS:
    case KIND_S:
        conf_duration_text(field->min * unit, min, sizeof min);
        conf_duration_text(field->max * unit, max, sizeof max);
        (void)snprintf(text, size, "time, %s..%s", min, max);
        break;
    case KIND_BOOL: (void)snprintf(text, size, "true or false"); break;
    case KIND_TYPE: (void)snprintf(text, size, "a word"); break;
    case KIND_FORWARD: (void)snprintf(text, size, "off, no-agent, oos"); break;
    case KIND_DISTRIBUTION: (void)snprintf(text, size, "longest-idle, linear, ring-all"); break;
    }
}

static void default_text(const struct cfg_field *field, char *text, size_t size)
{
    text[0] = '\0';
    if (field->kind == KIND_FORWARD && field->fallback != 0)
        (void)snprintf(text, size, "%s", cfg_word(field->kind, field->fallback));
    else if (field->kind == KIND_BOOL)
        (void)snprintf(text, size, "%s", field->fallback != 0 ? "true" : "false");
    else if (field->kind == KIND_MS || field->kind == KIND_S)
        conf_duration_text((uint64_t)field->fallback * (field->kind == KIND_S ? 1000 : 1), text,
                           size);
    else if (field->fallback != 0)
        (void)snprintf(text, size, "%u", field->fallback);
}

static void dn_types_text(const struct cfg_field *field, char *text, size_t size)
{
    size_t length = 0;

    (void)snprintf(text, size, "every type");
    for (uint32_t t = CFG_DN_EXTENSION; field->dn_types != FOR_ALL && t <= CFG_DN_SERVICE; t++)
        if ((field->dn_types & (1u << t)) != 0 && length < size)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "",
                                       cfg_word(KIND_TYPE, t));
}

static void print_type(enum cfg_type type, const char *title, FILE *out)
{
    bool dn = type == CFG_DN;

    fprintf(out, "### %s\n\n", title);
    fprintf(out, "| Field | Written as | %s | Meaning |\n|---|---|---|---|\n",
            dn ? "Of" : "Default");
    for (enum cfg_field_id id = cfg_field_first(type); id < cfg_field_end(type); id++) {
        char kind[96];
        char third[96];
        if (id == FIELD_OPTIONS_SITE)
            continue; /* the key of its group */
        kind_text(&cfg_fields[id], kind, sizeof kind);
        if (dn)
            dn_types_text(&cfg_fields[id], third, sizeof third);
        else
            default_text(&cfg_fields[id], third, sizeof third);
        fprintf(out, "| `%s` | %s | %s | %s |\n", cfg_fields[id].yaml, kind, third,
                cfg_fields[id].meaning);
    }
    if (type == CFG_DN || type == CFG_AGENT)
        fprintf(out,
                "| `password` | text, at most %d | %s | in place of the hash: it is hashed "
                "before it is sent, and not kept |\n",
                PASSWORD_MAX, dn ? "extension, trunk" : "");
    fputc('\n', out);
}

void client_print_schema(FILE *out)
{
    print_type(CFG_OPTIONS, "options, and each of sites", out);
    print_type(CFG_DN, "dns", out);
    print_type(CFG_AGENT, "agents", out);
    print_type(CFG_RULE, "dial-plan", out);
}

/* --- From a file --- */

struct reader {
    struct conf_errors *errors;
    struct conf_tree *tree;
    const char *realm;
    struct client_changes result;
    char (*paths)[CONF_PATH_MAX]; /* where in the file each change stands */
    size_t room;
};

static void *grown(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL)
        abort();
    return memory;
}

static void fault(const struct reader *r, const char *object, const char *field, const char *text)
{
    char path[CONF_PATH_MAX + 64];

    (void)snprintf(path, sizeof path, "%s%s%s", object, field[0] != '\0' ? "." : "", field);
    conf_error_add(r->errors, r->tree, path, "%s", text);
}

static bool given(const struct reader *r, const char *object, const char *field)
{
    char path[CONF_PATH_MAX + 64];

    (void)snprintf(path, sizeof path, "%s.%s", object, field);
    return conf_given(r->tree, path);
}

static Sf__ConfObject *add_object(struct reader *r, enum cfg_type type, const char *path)
{
    struct client_changes *c = &r->result;

    if (c->count == r->room) {
        r->room = r->room == 0 ? 64 : r->room * 2;
        c->changes = grown(c->changes, r->room * sizeof *c->changes);
        r->paths = grown(r->paths, r->room * sizeof *r->paths);
    }
    Sf__ConfChange *change = grown(NULL, sizeof *change);
    sf__conf_change__init(change);
    change->object = message_new(type);
    (void)snprintf(r->paths[c->count], sizeof *r->paths, "%s", path);
    c->changes[c->count++] = change;
    return change->object;
}

static void take_duration(const struct reader *r, Sf__ConfObject *object, enum cfg_field_id id,
                          const char *path, uint64_t ms)
{
    if (cfg_fields[id].kind == KIND_S && ms % 1000 != 0)
        fault(r, path, cfg_fields[id].yaml, "is not whole seconds; write for example 60s");
    if (ms != 0)
        message_set_number(object, id, (uint32_t)(cfg_fields[id].kind == KIND_S ? ms / 1000 : ms));
}

static void take_value(const struct reader *r, Sf__ConfObject *object, enum cfg_field_id id,
                       const char *path, const char *memory)
{
    const struct cfg_field *field = &cfg_fields[id];
    uint64_t number = 0;
    int choice = 0;
    uint32_t count = 0;
    const char *texts = NULL;

    switch (field->kind) {
    case KIND_TEXT:
    case KIND_SECRET:
        if (memory[0] != '\0')
            message_set_text(object, id, memory);
        break;
    case KIND_TEXTS:
        memcpy(&texts, memory, sizeof texts);
        memcpy(&count, memory + sizeof texts, sizeof count);
        for (uint32_t i = 0; i < count; i++)
            message_add_text(object, id, texts + i * LIST_ENTRY_SIZE);
        break;
    case KIND_NUMBER:
        memcpy(&number, memory, sizeof number);
        if (number != 0)
            message_set_number(object, id, (uint32_t)number);
        break;
    case KIND_MS:
    case KIND_S:
        memcpy(&number, memory, sizeof number);
        take_duration(r, object, id, path, number);
        break;
    case KIND_BOOL:
        if (given(r, path, field->yaml))
            message_set_number(object, id, *(const bool *)(const void *)memory);
        break;
    case KIND_TYPE:
        memcpy(&choice, memory, sizeof choice);
        message_set_number(object, id, (uint32_t)choice + 1); /* the choices begin at 0 */
        break;
    case KIND_FORWARD:
    case KIND_DISTRIBUTION:
        memcpy(&choice, memory, sizeof choice);
        message_set_number(object, id, (uint32_t)choice);
        break;
    }
}

static Sf__ConfObject *take_object(struct reader *r, enum cfg_type type, const struct shape *shape,
                                   const char *path, const char *memory)
{
    Sf__ConfObject *object = add_object(r, type, path);
    enum cfg_field_id first = cfg_field_first(type);

    for (enum cfg_field_id id = first; id < cfg_field_end(type); id++)
        take_value(r, object, id, path, memory + shape->offsets[id - first]);
    return object;
}

/* A password and its hash at once would leave open which one holds. */
static bool password_alone(const struct reader *r, const char *path, bool hash_given)
{
    if (hash_given)
        fault(r, path, "password", "is given together with a hash; take one of them out");
    return !hash_given;
}

static void take_dn_password(const struct reader *r, Sf__Dn *dn, Sf__ConfObject *object,
                             const char *path, const char *password)
{
    char md5[PASSWORD_MD5_SIZE];
    char sha256[PASSWORD_SHA256_SIZE];
    const char *user = dn->digest_user[0] != '\0' ? dn->digest_user : dn->number;
    bool trunk = dn->type == SF__DN_TYPE__DN_TRUNK;
    const char *realm = trunk ? dn->digest_realm : r->realm;

    if (dn->type != SF__DN_TYPE__DN_EXTENSION && !trunk) {
        fault(r, path, "password", "is for an extension or a trunk only; take it out");
        return;
    }
    if (!password_alone(r, path, dn->ha1_md5[0] != '\0' || dn->ha1_sha256[0] != '\0'))
        return;
    if (realm[0] == '\0') {
        fault(r, path, "password",
              trunk ? "needs a realm to be hashed with; set digest-realm, the carrier tells it"
                    : "needs a realm to be hashed with; set options.realm");
        return;
    }
    if (password_ha1(user, realm, password, md5, sha256) != 0) {
        fault(r, path, "password", "cannot be hashed: OpenSSL failed; see its configuration");
        return;
    }
    message_set_text(object, FIELD_DN_HA1_MD5, md5);
    message_set_text(object, FIELD_DN_HA1_SHA256, sha256);
}

static void take_agent_password(const struct reader *r, const Sf__Agent *agent,
                                Sf__ConfObject *object, const char *path, const char *password)
{
    char hash[PASSWORD_HASH_SIZE];

    if (!password_alone(r, path, agent->password_hash[0] != '\0'))
        return;
    if (password_hash(password, hash) != 0)
        fault(r, path, "password", "cannot be hashed: OpenSSL failed; see its configuration");
    else
        message_set_text(object, FIELD_AGENT_PASSWORD_HASH, hash);
}

/* says_anything - an object of options that sets nothing is not kept. */
static bool says_anything(const struct conf_tree *tree, const char *path, const struct shape *shape)
{
    char member[CONF_PATH_MAX + 64];

    for (const struct conf_field *f = shape->fields; f->name != NULL; f++) {
        (void)snprintf(member, sizeof member, "%s.%s", path, f->name);
        if (f->type != CONF_KEY && conf_given(tree, member))
            return true;
    }
    return false;
}

static void take_options(struct reader *r, const struct top *top)
{
    const struct layout *l = layout();
    const char *options = (const char *)top + l->top[0].offset;
    enum cfg_field_id first = cfg_field_first(CFG_OPTIONS);
    char path[CONF_PATH_MAX];

    if (says_anything(r->tree, "options", &l->options))
        (void)take_object(r, CFG_OPTIONS, &l->options, "options", options);
    const char *realm = options + l->options.offsets[FIELD_OPTIONS_REALM - first];
    if (realm[0] != '\0')
        r->realm = realm;
    for (uint32_t i = 0; i < top->site_count; i++) {
        const char *memory = top->sites + i * l->site.size;
        (void)snprintf(path, sizeof path, "sites.%s", memory + l->site.offsets[0]);
        if (says_anything(r->tree, path, &l->site))
            (void)take_object(r, CFG_OPTIONS, &l->site, path, memory);
    }
}

static void take_all(struct reader *r, const struct top *top)
{
    const struct layout *l = layout();
    char path[CONF_PATH_MAX];

    take_options(r, top);
    for (uint32_t i = 0; i < top->dn_count; i++) {
        const char *memory = top->dns + i * l->dn.size;
        (void)snprintf(path, sizeof path, "dns[%u]", i);
        Sf__ConfObject *object = take_object(r, CFG_DN, &l->dn, path, memory);
        if (memory[l->dn.password] != '\0')
            take_dn_password(r, object->dn, object, path, memory + l->dn.password);
    }
    for (uint32_t i = 0; i < top->agent_count; i++) {
        const char *memory = top->agents + i * l->agent.size;
        (void)snprintf(path, sizeof path, "agents[%u]", i);
        Sf__ConfObject *object = take_object(r, CFG_AGENT, &l->agent, path, memory);
        if (memory[l->agent.password] != '\0')
            take_agent_password(r, object->agent, object, path, memory + l->agent.password);
    }
    for (uint32_t i = 0; i < top->rule_count; i++) {
        (void)snprintf(path, sizeof path, "dial-plan[%u]", i);
        (void)take_object(r, CFG_RULE, &l->rule, path, top->rules + i * l->rule.size);
    }
}

static void judge(const struct reader *r, const struct bootstrap *bootstrap)
{
    const char *sites[BOOTSTRAP_SITES_MAX] = {NULL};
    const char *addresses[BOOTSTRAP_SITES_MAX] = {NULL};
    size_t count = r->result.count;
    struct cfg_item *items = grown(NULL, (count + 1) * sizeof *items);
    size_t *order = grown(NULL, (count + 1) * sizeof *order);
    struct cfg_problem *problems = grown(NULL, CLIENT_PROBLEMS_MAX * sizeof *problems);
    struct cfg_set set = {.items = items, .count = count, .sites = sites, .addresses = addresses};

    for (uint32_t s = 0; bootstrap != NULL && s < bootstrap->site_count; s++) {
        addresses[s] = bootstrap->sites[s].site_address;
        sites[set.site_count++] = bootstrap->sites[s].name;
    }
    for (size_t i = 0; i < count; i++)
        (void)message_item(r->result.changes[i]->object, &items[i]); /* of a known type: ours */
    size_t found = cfg_validate(&set, order, problems, CLIENT_PROBLEMS_MAX);
    for (size_t p = 0; p < found && p < CLIENT_PROBLEMS_MAX; p++) {
        bool whole = problems[p].field == FIELD_COUNT || problems[p].field == FIELD_OPTIONS_SITE;
        fault(r, r->paths[problems[p].item], whole ? "" : cfg_fields[problems[p].field].yaml,
              problems[p].text);
    }
    free(items);
    free(order);
    free(problems);
}

/* Passwords do not stay in memory that is given back. */
static void forget_passwords(const struct top *top)
{
    const struct layout *l = layout();

    for (uint32_t i = 0; i < top->dn_count; i++)
        explicit_bzero(top->dns + i * l->dn.size + l->dn.password, PASSWORD_MAX + 1);
    for (uint32_t i = 0; i < top->agent_count; i++)
        explicit_bzero(top->agents + i * l->agent.size + l->agent.password, PASSWORD_MAX + 1);
}

int client_parse(const char *path, const struct bootstrap *bootstrap,
                 struct client_changes *ret_changes, struct conf_errors *errors)
{
    const struct layout *l = layout();
    struct top *top = grown(NULL, l->top_size);
    struct reader r = {.errors = errors, .realm = bootstrap != NULL ? bootstrap->cluster : ""};
    int result = conf_read(path, l->top, top, l->top_size, &r.tree, errors);

    if (result == 0) {
        take_all(&r, top);
        judge(&r, bootstrap);
        forget_passwords(top);
        conf_free(l->top, top);
        conf_tree_destroy(&r.tree);
        if (errors->total > 0)
            result = -EINVAL;
    }
    if (result == 0)
        *ret_changes = r.result;
    else
        client_changes_free(&r.result);
    free(r.paths);
    free(top);
    return result;
}

void client_changes_free(struct client_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        sf__conf_change__free_unpacked(changes->changes[i], NULL);
    free(changes->changes);
    *changes = (struct client_changes){0};
}

/* --- To a file --- */

/* Always quoted, so that a number stays a text and nothing is taken for YAML. */
static void put_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static void put_value(enum cfg_field_id id, const struct cfg_value *value, FILE *out)
{
    char duration[32];

    switch (cfg_fields[id].kind) {
    case KIND_TEXT:
    case KIND_SECRET: put_text(value->text, out); break;
    case KIND_TEXTS:
        fputc('[', out);
        for (size_t i = 0; i < value->count; i++) {
            fputs(i > 0 ? ", " : "", out);
            put_text(value->texts[i], out);
        }
        fputc(']', out);
        break;
    case KIND_NUMBER: fprintf(out, "%llu", (unsigned long long)value->number); break;
    case KIND_MS:
    case KIND_S:
        conf_duration_text(value->number * (cfg_fields[id].kind == KIND_S ? 1000 : 1), duration,
                           sizeof duration);
        fputs(duration, out);
        break;
    case KIND_BOOL: fputs(value->number != 0 ? "true" : "false", out); break;
    case KIND_TYPE:
    case KIND_FORWARD:
    case KIND_DISTRIBUTION: {
        const char *word = cfg_word(cfg_fields[id].kind, value->number);
        fputs(word != NULL ? word : "default", out);
        break;
    }
    }
}

/* put_fields - the fields of ITEM from FIRST on that are set, in one {}. */
static void put_fields(const struct cfg_item *item, enum cfg_field_id first, FILE *out)
{
    bool any = false;

    fputc('{', out);
    for (enum cfg_field_id id = first; id < cfg_field_end(item->type); id++) {
        const struct cfg_value *value = cfg_item_value(item, id);
        if (!value->set)
            continue;
        fprintf(out, "%s%s: ", any ? ", " : "", cfg_fields[id].yaml);
        put_value(id, value, out);
        any = true;
    }
    fputs("}\n", out);
}

static void put_list(const char *name, enum cfg_type type, Sf__ConfObject *const *objects,
                     size_t count, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        struct cfg_item item;
        if (message_item(objects[i], &item) != 0 || item.type != type)
            continue;
        if (type == CFG_OPTIONS && cfg_item_id(&item)[0] == '\0')
            continue;
        if (!any)
            fprintf(out, "%s:\n", name);
        any = true;
        if (type == CFG_OPTIONS) {
            fputs("  ", out);
            put_text(cfg_item_id(&item), out);
            fputs(": ", out);
            put_fields(&item, FIELD_OPTIONS_SITE + 1, out);
        } else {
            fputs("  - ", out);
            put_fields(&item, cfg_field_first(type), out);
        }
    }
}

void client_render(Sf__ConfObject *const *objects, size_t count, FILE *out)
{
    if (count == 0)
        fputs("{}\n", out); /* an empty file is refused: it may be one that was cut short */
    for (size_t i = 0; i < count; i++) {
        struct cfg_item item;
        if (message_item(objects[i], &item) == 0 && item.type == CFG_OPTIONS &&
            cfg_item_id(&item)[0] == '\0') {
            fputs("options: ", out);
            put_fields(&item, FIELD_OPTIONS_SITE + 1, out);
        }
    }
    put_list("sites", CFG_OPTIONS, objects, count, out);
    put_list("dns", CFG_DN, objects, count, out);
    put_list("agents", CFG_AGENT, objects, count, out);
    put_list("dial-plan", CFG_RULE, objects, count, out);
}
