/* conf_tree - what the files of conf share: a YAML file as a tree of nodes that know their lines
 * (conf_tree.c), and the writing of one value (conf_value.c).  Private to conf.
 */
#ifndef COMMON_CONF_TREE_H
#define COMMON_CONF_TREE_H

#include "common/conf.h"

enum conf_kind {
    CONF_NODE_SCALAR,
    CONF_NODE_LIST,
    CONF_NODE_OBJECT,
};

struct conf_node {
    enum conf_kind kind;
    unsigned line;  /* of the key in an object, else of the value */
    char *key;      /* in an object; NULL in a list and at the root */
    char *text;     /* of a scalar */
    bool empty;     /* a scalar that is not there: "name:" */
    unsigned count; /* of children */
    struct conf_node *first;
    struct conf_node *last;
    struct conf_node *next;
    struct conf_node **items; /* of a list: its children by their place */
};

struct conf_tree {
    char file[256];
    struct conf_node *root; /* always an object */
};

/* conf_child - the child of the object PARENT called KEY, or NULL. */
struct conf_node *conf_child(const struct conf_node *parent, const char *key);

/* conf_path_enter - lengthen PATH by the member NAME, or by item INDEX when NAME is NULL.
 * Returns: the length before; to cut PATH there leads back.
 */
size_t conf_path_enter(char path[CONF_PATH_MAX], const char *name, unsigned index);

/* conf_error_at - conf_error_add with the line given. */
void conf_error_at(struct conf_errors *errors, unsigned line, unsigned column, const char *path,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* What is being applied, and where in the file. */
struct conf_applier {
    struct conf_errors *errors; /* NULL: a default is being written, which cannot be wrong */
    char path[CONF_PATH_MAX];
};

/* conf_fault - the value in LINE, at the applier's path, is wrong. */
void conf_fault(struct conf_applier *a, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* conf_apply_scalar - NODE into MEMBER, for every type that is one value. */
void conf_apply_scalar(struct conf_applier *a, const struct conf_node *node,
                       const struct conf_field *f, char *member);

/* conf_apply_text - TEXT into MEMBER of F's size; LEAST and MOST bytes are wanted (MOST 0: as
 * fits). */
void conf_apply_text(struct conf_applier *a, unsigned line, const char *text,
                     const struct conf_field *f, uint64_t least, uint64_t most, char *member);

#endif
