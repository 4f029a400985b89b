#include "control/edge_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "control/control_ca.h"
#include "control/control_trust.h"
#include "tunnel/signed_edges.h"

struct registered {
    struct id id;
    uint64_t revision;
    bool is_enabled;
    bool is_revoked;
    char address[CHANGE_ADDRESS_SIZE];
};

struct edge_registry {
    struct control *control;
    struct map edges; /* id -> struct registered */
    struct buf jws;   /* empty: to be signed anew */
    uint64_t signed_revision;
};

struct edge_registry *edge_registry_new(struct control *control) {
    struct edge_registry *registry = MEMORY_NEW(struct edge_registry);
    registry->control = control;
    map_init(&registry->edges);
    buf_init(&registry->jws, 2 * (size_t)SIGNED_EDGES_BYTES_MAX);
    return registry;
}

void edge_registry_free(struct edge_registry **at) {
    struct edge_registry *registry = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (registry == NULL) {
        return;
    }
    for (size_t walk = 0; map_next(&registry->edges, &walk, &key, &value);) {
        memory_free(value);
    }
    map_fini(&registry->edges);
    buf_fini(&registry->jws);
    memory_free(registry);
}

bool edge_registry_apply(struct edge_registry *registry, const struct change *change) {
    struct str id = id_str(&change->edge);
    struct registered *edge = map_get(&registry->edges, id);
    if (edge != NULL && edge->revision >= change->revision) {
        return false;
    }
    if (edge == NULL) {
        edge = MEMORY_NEW(struct registered);
        edge->id = change->edge;
        (void)map_set(&registry->edges, id, edge);
    }
    edge->revision = change->revision;
    edge->is_enabled = change->is_enabled;
    edge->is_revoked = change->is_revoked;
    snprintf(edge->address, sizeof(edge->address), "%s", change->address);
    buf_clear(&registry->jws);
    return true;
}

enum status edge_registry_judge(const struct edge_registry *registry, const struct id *id,
                                struct why *why) {
    const struct registered *edge = map_get(&registry->edges, id_str(id));
    if (edge == NULL) {
        return why_set(why, STATUS_DENIED, "edge_unknown", "there is no such edge: %s", id->text);
    }
    if (edge->is_revoked) {
        return why_set(why, STATUS_DENIED, "edge_revoked", "the edge %s was deleted", id->text);
    }
    return STATUS_OK;
}

/* The list */

static int compare(const void *a, const void *b) {
    const struct registered *const *one = a;
    const struct registered *const *other = b;
    return strcmp((*one)->id.text, (*other)->id.text);
}

/* In the order in which they joined, so that the same ones are told where there are too many. */
static struct registered **sort(const struct edge_registry *registry) {
    struct registered **sorted = memory_new_array(registry->edges.count + 1, sizeof(*sorted));
    size_t count = 0;
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&registry->edges, &walk, &key, &value);) {
        sorted[count++] = value;
    }
    qsort(sorted, count, sizeof(*sorted), compare);
    return sorted;
}

static void add(const struct edge_registry *registry, const struct registered *edge,
                struct signed_edges *list) {
    if (edge->is_enabled && !edge->is_revoked && list->edge_count < ENROLMENT_EDGES_MAX) {
        list->edges[list->edge_count++] = (struct enrolment_edge){
            str_from(edge->address), str_from(registry->control->edge_name)};
    }
}

static void sign(struct edge_registry *registry) {
    struct signed_edges *list = MEMORY_NEW(struct signed_edges);
    struct registered **sorted = sort(registry);
    int64_t now_ms = clock_wall_ms(loop_clock(registry->control->loop));
    registry->signed_revision = (uint64_t)now_ms > registry->signed_revision
                                    ? (uint64_t)now_ms
                                    : registry->signed_revision + 1;
    list->revision = registry->signed_revision;
    char issuer[CA_ANCHORS_SIZE];
    ca_rotation_anchors_name(ca_root_pem(control_ca_issuer(registry->control)), issuer);
    list->anchors = control_ca_anchors(registry->control);
    list->issuer = str_from(issuer);
    list->renew_within_ms = control_trust_renew_within_ms(registry->control);
    for (size_t i = 0; i < registry->edges.count; i++) {
        add(registry, sorted[i], list);
    }
    for (size_t i = registry->edges.count; i > 0; i--) {
        if (sorted[i - 1]->is_revoked && list->revoked_count < SIGNED_EDGES_REVOKED_MAX) {
            list->revoked[list->revoked_count++] = sorted[i - 1]->id;
        }
    }
    if (signed_edges_write(list, registry->control->bundle_key, &registry->jws) != STATUS_OK) {
        log_error("control.edges_not_signed", "edges=%zu", list->edge_count);
        buf_clear(&registry->jws);
    }
    memory_free(sorted);
    memory_free(list);
}

struct str edge_registry_signed(struct edge_registry *registry) {
    if (buf_len(&registry->jws) == 0) {
        sign(registry);
    }
    return buf_str(&registry->jws);
}

void edge_registry_sign_anew(struct edge_registry *registry) {
    buf_clear(&registry->jws);
}
