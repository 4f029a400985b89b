/* handle_status.c: how an environment does just now: its warpgates, their upstreams, and who is behind its configuration.
 * Apart from the environment itself, whose ETag tells of its configuration alone. */
#include "base/json.h"
#include "base/memory.h"
#include "control/handle.h"
#include "control/presence.h"

#define EDGES_MAX 256 /* in one answer */

static bool is_disabled(const struct store_environment *environment,
                        const struct presence_summary *summary) {
    (void)summary;
    return !environment->is_enabled;
}

static bool is_unknown(const struct store_environment *environment,
                       const struct presence_summary *summary) {
    (void)environment;
    return summary->connected_count == 0 &&
           (summary->unknown_count > 0 || summary->edge_count == 0);
}

static bool is_disconnected(const struct store_environment *environment,
                            const struct presence_summary *summary) {
    (void)environment;
    return summary->connected_count == 0;
}

static bool is_down(const struct store_environment *environment,
                    const struct presence_summary *summary) {
    (void)environment;
    return summary->down_count == summary->connected_count;
}

static bool is_degraded(const struct store_environment *environment,
                        const struct presence_summary *summary) {
    (void)environment;
    return summary->impaired_count > 0 || summary->refused_count > 0;
}

static bool is_healthy(const struct store_environment *environment,
                       const struct presence_summary *summary) {
    (void)environment;
    (void)summary;
    return true;
}

/* The first that holds. */
static const struct {
    const char *name;
    bool (*holds)(const struct store_environment *environment,
                  const struct presence_summary *summary);
} judgements[] = {
    {"disabled", is_disabled}, {"unknown", is_unknown},   {"disconnected", is_disconnected},
    {"down", is_down},         {"degraded", is_degraded}, {"healthy", is_healthy},
};

static const char *judge(const struct store_environment *environment,
                         const struct presence_summary *summary) {
    size_t i = 0;
    while (!judgements[i].holds(environment, summary)) {
        i++; /* the last one always holds */
    }
    return judgements[i].name;
}

static json_t *write_warpgates(const struct presence_summary *summary) {
    json_t *item = json_object();
    json_object_set_new(item, "connected", json_integer(summary->connected_count));
    json_object_set_new(item, "unknown", json_integer(summary->unknown_count));
    json_object_set_new(item, "behind", json_integer(summary->behind_count));
    json_object_set_new(item, "tunnels", json_integer(summary->tunnel_count));
    return item;
}

static json_t *write_edge(const struct presence_edge *edge) {
    json_t *item = json_object();
    json_object_set_new(item, "id", json_string(edge->edge.text));
    json_object_set_new(item, "applied_revision",
                        edge->applied_revision == 0
                            ? json_null()
                            : json_integer((json_int_t)edge->applied_revision));
    json_object_set_new(
        item, "refused_code",
        edge->refused_code[0] == '\0' ? json_null() : json_from_str(str_from(edge->refused_code)));
    return item;
}

static json_t *write_edges(struct presence *presence, const struct id *environment) {
    struct presence_edge *edges = memory_new_array(EDGES_MAX, sizeof(*edges));
    size_t count = presence_edges(presence, environment, edges, EDGES_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, write_edge(&edges[i]));
    }
    memory_free(edges);
    return list;
}

enum status handle_status_get(struct api_call *call) {
    struct store_environment environment;
    struct presence_summary summary;
    struct presence *presence = call->control->presence;
    enum status status = store_environment_get(call->tx, &call->organization, &call->object,
                                               &call->arena, &environment);
    if (status != STATUS_OK) {
        return status;
    }
    presence_summarize(presence, &call->object, environment.bundle_revision, &summary);
    json_t *body = json_object();
    json_object_set_new(body, "environment", api_call_id(&call->object));
    json_object_set_new(body, "status", json_string(judge(&environment, &summary)));
    json_object_set_new(body, "bundle_revision",
                        json_integer((json_int_t)environment.bundle_revision));
    json_object_set_new(body, "warpgates", write_warpgates(&summary));
    json_object_set_new(body, "upstreams",
                        presence_write_upstreams(summary.upstreams, summary.upstream_count));
    json_object_set_new(body, "edges", write_edges(presence, &call->object));
    call->answer.body = body;
    return STATUS_OK;
}
