#include "cli/cli_resolve.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli_http.h"

#define PAGE 200
#define ID_BODY 26

static bool is_id(const struct cli_kind *kind, const char *text) {
    size_t len = strlen(kind->prefix);
    return len > 0 && strncmp(text, kind->prefix, len) == 0 && text[len] == '_' &&
           strlen(text) == len + 1 + ID_BODY;
}

static const char *text_of(const json_t *item, const char *name) {
    const char *text = json_string_value(json_object_get(item, name));
    return text == NULL ? "" : text;
}

static enum status add_page(struct cli *cli, const char *path, json_t *items, char *cursor,
                            size_t cursor_size, struct why *why) {
    struct cli_http_answer answer = {0};
    enum status status = cli_http_call(cli->http, "GET", path, NULL, NULL, &answer, why);
    if (status != STATUS_OK) {
        return status;
    }
    json_array_extend(items, json_object_get(answer.body, "items"));
    snprintf(cursor, cursor_size, "%s", text_of(answer.body, "next_cursor"));
    json_decref(answer.body);
    return STATUS_OK;
}

enum status cli_resolve_items(struct cli *cli, const char *path, const char *query, size_t max,
                              json_t **items, struct why *why) {
    char cursor[512] = "";
    char url[2048];
    enum status status = STATUS_OK;
    *items = json_array();
    do {
        char *escaped = cli_http_escape(cli->http, cursor);
        int len = snprintf(url, sizeof(url), "%s%s%climit=%zu%s%s", path, query,
                           query[0] == '\0' ? '?' : '&', max > 0 && max < PAGE ? max : PAGE,
                           cursor[0] == '\0' ? "" : "&cursor=", escaped);
        cli_http_escape_free(escaped);
        status = len < (int)sizeof(url)
                     ? add_page(cli, url, *items, cursor, sizeof(cursor), why)
                     : why_set(why, STATUS_INVALID, "query_too_long", "the filters are too long");
    } while (status == STATUS_OK && cursor[0] != '\0' &&
             (max == 0 || json_array_size(*items) < max));
    if (status != STATUS_OK) {
        json_decref(*items);
        *items = NULL;
    }
    return status;
}

/* What the line says of this kind. */
static const char *said(const struct cli *cli, const struct cli_kind *kind) {
    const struct {
        const char *kind;
        const char *value;
    } rows[] = {
        {"organization", cli->organization},
        {"project", cli_line.project},
        {"environment", cli_line.environment},
        {"service-account", cli_line.service_account},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].kind, kind->name) == 0) {
            return rows[i].value;
        }
    }
    return NULL;
}

static enum status choose_only(struct cli *cli, const struct cli_kind *kind, const json_t *items,
                               const char **id, struct why *why) {
    if (json_array_size(items) == 1) {
        *id = arena_str(&cli->arena, str_from(text_of(json_array_get(items, 0), "id"))).at;
        return STATUS_OK;
    }
    if (json_array_size(items) == 0) {
        return why_set(why, STATUS_NOT_FOUND, "none_there", "there is no %s yet", kind->name);
    }
    return why_set(why, STATUS_INVALID, "reference_missing",
                   "there are %zu %s: say which with --%s NAME (mezusphere get %s lists them)",
                   json_array_size(items), kind->plural, kind->name, kind->plural);
}

static enum status choose_named(struct cli *cli, const struct cli_kind *kind, const json_t *items,
                                const char *name, const char **id, struct why *why) {
    const char *found = NULL;
    for (size_t i = 0; kind->label != NULL && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (strcmp(text_of(item, kind->label), name) != 0) {
            continue;
        }
        if (found != NULL) {
            return why_set(why, STATUS_INVALID, "reference_ambiguous",
                           "more than one %s is named %.60s: use the id", kind->name, name);
        }
        found = text_of(item, "id");
    }
    if (found == NULL) {
        return why_set(why, STATUS_NOT_FOUND, "not_found", "there is no %s %.80s", kind->name,
                       name);
    }
    *id = arena_str(&cli->arena, str_from(found)).at;
    return STATUS_OK;
}

/* "web/production" is production within web. Paths of routes begin with a slash, and are names of their own. */
static const char *split(struct cli *cli, const char *reference, const char **parent) {
    const char *slash = reference == NULL || reference[0] == '/' ? NULL : strchr(reference, '/');
    const char *last = slash;
    while (last != NULL && last[1] != '/' && strchr(last + 1, '/') != NULL) {
        last = strchr(last + 1, '/');
    }
    if (last == NULL) {
        return reference;
    }
    *parent = arena_str(&cli->arena, str_make(reference, (size_t)(last - reference))).at;
    return last + 1;
}

enum status cli_resolve_id(struct cli *cli, const struct cli_kind *kind, const char *reference,
                           const char **id, struct why *why) {
    const char *parent = NULL;
    const char *path = NULL;
    json_t *items = NULL;
    if (reference == NULL) {
        reference = said(cli, kind);
    }
    if (reference != NULL && (is_id(kind, reference) || kind->prefix[0] == '\0')) {
        *id = reference;
        return STATUS_OK;
    }
    const char *name = split(cli, reference, &parent);
    enum status status = cli_resolve_list(cli, kind, parent, &path, why);
    if (status == STATUS_OK) {
        status = cli_resolve_items(cli, path, "", 0, &items, why);
    }
    if (status == STATUS_OK) {
        status = name == NULL ? choose_only(cli, kind, items, id, why)
                              : choose_named(cli, kind, items, name, id, why);
    }
    json_decref(items);
    return status;
}

/* The one "%s" that a path may have. */
static const char *fill(struct cli *cli, const char *path, const char *id) {
    const char *at = strstr(path, "%s");
    return at == NULL
               ? path
               : arena_printf(&cli->arena, "%.*s%s%s", (int)(at - path), path, id, at + 2).at;
}

static enum status resolve_parent(struct cli *cli, const struct cli_kind *kind, const char *parent,
                                  const char *path, const char **filled, struct why *why) {
    const char *id = "";
    enum status status = STATUS_OK;
    if (kind->parent != NULL && strstr(path, "%s") != NULL) {
        status = cli_resolve_id(cli, cli_kind_find(kind->parent, why), parent, &id, why);
    }
    if (status == STATUS_OK) {
        *filled = fill(cli, path, id);
    }
    return status;
}

enum status cli_resolve_list(struct cli *cli, const struct cli_kind *kind, const char *parent,
                             const char **path, struct why *why) {
    return resolve_parent(cli, kind, parent, kind->list, path, why);
}

enum status cli_resolve_object(struct cli *cli, const struct cli_kind *kind, const char *reference,
                               const char **path, struct why *why) {
    const char *id = NULL;
    const char *before = NULL;
    const char *parent = NULL;
    if (kind->object == NULL) {
        return why_set(why, STATUS_INVALID, "kind_list_only", "%s are only listed", kind->plural);
    }
    (void)split(cli, reference, &parent);
    enum status status = cli_resolve_id(cli, kind, reference, &id, why);
    if (status == STATUS_OK) {
        status = resolve_parent(cli, kind, parent, kind->object, &before, why);
    }
    if (status == STATUS_OK) {
        char *escaped = cli_http_escape(cli->http, id);
        *path = arena_printf(&cli->arena, "%s%s", before, escaped).at;
        cli_http_escape_free(escaped);
    }
    return status;
}
