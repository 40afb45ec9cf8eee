/* The schema of the configuration file, built from confproxy/core/schema.tbl.h: how its objects lie
 * in memory while it is read, and its description for people. */
#include "confproxy/adapt/client_inner.h"

#include <assert.h>

#include "confproxy/adapt/password.h"

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

const struct layout *client_layout(void)
{
    static struct layout made;

    if (made.top_size == 0)
        layout_make(&made);
    return &made;
}

bool client_schema_sound(char *text, size_t size)
{
    return conf_schema_sound(client_layout()->top, text, size);
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
