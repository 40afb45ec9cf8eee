/* The configuration file written again. */
#include "confproxy/adapt/client_inner.h"

#include "confproxy/adapt/message.h"

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
