/* The configuration file read: by the schema's layout, judged by confproxy/core/validate. */
#include "confproxy/adapt/client_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "confproxy/adapt/message.h"
#include "confproxy/adapt/password.h"
#include "confproxy/core/validate.h"

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
    const struct layout *l = client_layout();
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
    const struct layout *l = client_layout();
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
    const struct layout *l = client_layout();

    for (uint32_t i = 0; i < top->dn_count; i++)
        explicit_bzero(top->dns + i * l->dn.size + l->dn.password, PASSWORD_MAX + 1);
    for (uint32_t i = 0; i < top->agent_count; i++)
        explicit_bzero(top->agents + i * l->agent.size + l->agent.password, PASSWORD_MAX + 1);
}

int client_parse(const char *path, const struct bootstrap *bootstrap,
                 struct client_changes *ret_changes, struct conf_errors *errors)
{
    const struct layout *l = client_layout();
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
