/* The documentation of a schema, printed from the schema itself so that it cannot go stale. */
#include "common/conf.h"

#include <string.h>

static const char *type_name(enum conf_type type)
{
    switch (type) {
    case CONF_TEXT: return "text";
    case CONF_KEY: return "key";
    case CONF_UINT: return "number";
    case CONF_BOOL: return "true or false";
    case CONF_DURATION: return "time";
    case CONF_ENUM: return "choice";
    case CONF_ADDRESS: return "IP address";
    case CONF_PORT: return "port";
    case CONF_TEXTS: return "list of texts";
    case CONF_OBJECT: return "group";
    case CONF_OBJECTS: return "list of groups";
    case CONF_MAP: return "groups by key";
    }
    return "?";
}

static size_t range_text(const struct conf_field *f, char *text, size_t size)
{
    char min[32], max[32];

    if (f->type == CONF_ENUM)
        return (size_t)snprintf(text, size, ": %s", f->choices);
    if (f->max == 0)
        return 0;
    if (f->type == CONF_DURATION) {
        conf_duration_text(f->min, min, sizeof min);
        conf_duration_text(f->max, max, sizeof max);
        return (size_t)snprintf(text, size, ", %s..%s", min, max);
    }
    if (f->type == CONF_UINT || f->type == CONF_PORT)
        return (size_t)snprintf(text, size, ", %llu..%llu", (unsigned long long)f->min,
                                (unsigned long long)f->max);
    if (f->type == CONF_TEXTS || f->type == CONF_OBJECTS || f->type == CONF_MAP)
        return (size_t)snprintf(text, size, ", at most %llu", (unsigned long long)f->max);
    return 0;
}

/* facts - "time, 50ms..1min, default 1s". */
static void facts(const struct conf_field *f, char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "%s", type_name(f->type));

    n += range_text(f, text + n, size - n);
    if (f->type != CONF_ENUM && f->choices != NULL && n < size)
        n += (size_t)snprintf(text + n, size - n, " of %s", f->choices);
    if (f->required && n < size)
        n += (size_t)snprintf(text + n, size - n, ", required");
    if (f->fallback != NULL && n < size)
        snprintf(text + n, size - n, ", default %s", f->fallback);
}

/* put_man - TEXT with what roff would take as its own made harmless. */
static void put_man(const char *text, FILE *out)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

static void print_field(const char *path, const struct conf_field *f, enum conf_doc form, FILE *out)
{
    char about[300];

    facts(f, about, sizeof about);
    switch (form) {
    case CONF_DOC_TEXT: fprintf(out, "%s (%s)\n    %s\n", path, about, f->doc); break;
    case CONF_DOC_MARKDOWN: fprintf(out, "- **`%s`** (%s)  \n  %s\n", path, about, f->doc); break;
    case CONF_DOC_MAN:
        fputs(".TP\n\\fB", out);
        put_man(path, out);
        fputs("\\fR (", out);
        put_man(about, out);
        fputs(")\n", out);
        put_man(f->doc, out);
        fputs("\n", out);
        break;
    }
}

static void print_fields(const char *parent, const struct conf_field *schema, enum conf_doc form,
                         FILE *out)
{
    for (const struct conf_field *f = schema; f->name != NULL; f++) {
        char path[CONF_PATH_MAX];
        const char *item = f->type == CONF_OBJECTS ? "[]" : f->type == CONF_MAP ? ".KEY" : "";
        size_t n;
        if (f->type == CONF_KEY)
            n = (size_t)snprintf(path, sizeof path, "%s", parent);
        else
            n = (size_t)snprintf(path, sizeof path, "%s%s%s", parent, *parent != '\0' ? "." : "",
                                 f->name);
        print_field(path, f, form, out);
        if (f->fields != NULL && n < sizeof path) {
            snprintf(path + n, sizeof path - n, "%s", item);
            print_fields(path, f->fields, form, out);
        }
    }
}

void conf_print_doc(const struct conf_field *schema, enum conf_doc form, FILE *out)
{
    print_fields("", schema, form, out);
}
