#include "cmd/apart_edge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/up_memory.h"
#include "cmd/up_process.h"
#include "edge/edge.h"
#include "edge/edge_join.h"

#define EXIT_REFUSED 3
#define HTTPS "https://"

struct apart {
    struct up_process process;
    struct apart_edge_config *config;
    struct edge_disk *disk;
    struct edge_identity identity;
    struct edge_join *join; /* while it joins */
    struct edge *edge;
    const char *controls[OPTION_VALUES_MAX];
    char name[65];
    int exit_status;
};

/* Serving */

static void add_nothing(void *context, struct front *front) {
    (void)context;
    (void)front;
}

static enum status open_edge(struct up_process *process, struct why *why) {
    struct apart *apart = process->owner;
    return edge_open(apart->edge, process->listeners.fds, process->listeners.count, add_nothing,
                     NULL, why);
}

static void on_synced(void *context) {
    struct apart *apart = context;
    if (apart->process.phase != UP_STARTING) {
        return;
    }
    up_process_serve(&apart->process);
    log_info("mezusphere.serving", "edge=%s data=%s", apart->identity.edge.text,
             apart->config->data);
}

static void on_certificate(void *context, struct str chain_pem) {
    struct apart *apart = context;
    struct why why = {0};
    buf_clear(&apart->identity.certificate_pem);
    enum status status = buf_append_str(&apart->identity.certificate_pem, chain_pem);
    if (status == STATUS_OK) {
        status = edge_identity_write(apart->disk, &apart->identity, &why);
    }
    if (status != STATUS_OK) {
        log_warn(
            "edge.certificate_not_kept",
            "code=%s detail=\"%s\": a restart after the old one's end would need another token",
            why.slug, why.text);
    }
}

static enum status make_edge(struct apart *apart, struct why *why) {
    const struct edge_identity *identity = &apart->identity;
    struct edge_controls controls = {.count = identity->control_count};
    for (size_t i = 0; i < controls.count; i++) {
        controls.at[i] = (struct enrolment_edge){str_from(identity->control_address[i]),
                                                 str_from(identity->control_server_name[i])};
    }
    const struct edge_config config = {
        .loop = apart->process.loop,
        .worker_count = apart->config->worker_count,
        .memory_limit_bytes = apart->config->memory_limit_bytes != 0
                                  ? apart->config->memory_limit_bytes
                                  : up_memory_limit(),
        .visitor_max = apart->config->visitor_max,
        .trust_domain = str_from(identity->trust_domain),
        .trust_anchors_pem = buf_str(&identity->trust_anchors_pem),
        .certificate_pem = buf_str(&identity->certificate_pem),
        .key_pem = buf_str(&identity->key_pem),
        .tunnel_server_name = str_from(identity->tunnel_server_name),
        .controls = &controls,
        .disk = apart->disk,
        .ticket_keys = buf_str(&apart->process.ticket_keys),
        .on_certificate = on_certificate,
        .certificate_context = apart,
        .on_synced = on_synced,
        .synced_context = apart,
    };
    return edge_new(&config, &apart->edge, why);
}

/* Joining */

static void on_joined(void *context, enum status status, const struct why *given) {
    struct apart *apart = context;
    struct why why = *given;
    edge_join_free(&apart->join);
    secret_fini(&apart->config->join);
    if (status == STATUS_DENIED) {
        log_error("edge.join_refused", "code=%s detail=\"%s\": make another token", why.slug,
                  why.text);
        apart->exit_status = EXIT_REFUSED;
        loop_stop(apart->process.loop);
        return;
    }
    if (status == STATUS_OK) {
        status = edge_identity_write(apart->disk, &apart->identity, &why);
    }
    if (status == STATUS_OK) {
        log_info("edge.joined", "edge=%s name=%s", apart->identity.edge.text, apart->name);
        status = make_edge(apart, &why);
    }
    if (status != STATUS_OK) {
        up_process_fail(&why);
    }
}

/* What a machine is called may hold what no edge's name may. */
static void choose_name(struct apart *apart) {
    if (apart->config->name != NULL) {
        (void)snprintf(apart->name, sizeof apart->name, "%s", apart->config->name);
    } else if (gethostname(apart->name, sizeof apart->name - 1) != 0) {
        (void)snprintf(apart->name, sizeof apart->name, "edge");
    }
    for (char *at = apart->name; *at != '\0'; at++) {
        bool is_good = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                       (*at >= '0' && *at <= '9') || *at == '.' || *at == '-' || *at == '_';
        *at = is_good ? *at : '-';
    }
}

static size_t read_controls(struct apart *apart) {
    const struct option_list *list = &apart->config->controls;
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->values[i];
        bool is_url = strncmp(text, HTTPS, strlen(HTTPS)) == 0;
        apart->controls[i] = is_url ? text + strlen(HTTPS) : text;
    }
    return list->count;
}

static enum status start_join(struct apart *apart, struct why *why) {
    struct address address;
    if (secret_is_empty(&apart->config->join)) {
        return why_set(why, STATUS_INVALID, "join_token_missing",
                       "this edge has not joined yet: give a token with --join (POST "
                       "/v1/edges/join-tokens makes one)");
    }
    up_listen_address(&apart->process.listeners, &address);
    choose_name(apart);
    const struct edge_join_config config = {
        .loop = apart->process.loop,
        .token = &apart->config->join,
        .controls = apart->controls,
        .control_count = read_controls(apart),
        .name = apart->name,
        .address = apart->config->public_address,
        .port = address_port(&address),
        .done = on_joined,
        .context = apart,
    };
    return edge_join_start(&config, &apart->identity, &apart->join, why);
}

static enum status make(struct up_process *process, struct why *why) {
    struct apart *apart = process->owner;
    enum status status = edge_disk_open(process->loop, apart->config->data,
                                        &apart->config->seal_key, &apart->disk, why);
    if (status == STATUS_OK) {
        status = edge_identity_read(apart->disk, &apart->identity, why);
    }
    if (status == STATUS_NOT_FOUND) {
        return start_join(apart, why);
    }
    secret_fini(&apart->config->join); /* it has joined already */
    return status == STATUS_OK ? make_edge(apart, why) : status;
}

/* A hand-over: the folder is all that only one may have. */

static void close_edge(struct up_process *process, up_done_fn done, void *context) {
    struct apart *apart = process->owner;
    edge_close(apart->edge, done, context);
}

static void release(struct up_process *process, up_done_fn done, void *context) {
    struct apart *apart = process->owner;
    edge_disk_release(apart->disk, done, context);
}

static enum status reclaim(struct up_process *process, struct why *why) {
    struct apart *apart = process->owner;
    return edge_disk_reclaim(apart->disk, why);
}

static size_t export_tickets(struct up_process *process, uint8_t out[TLS_TICKET_BLOB_MAX]) {
    struct apart *apart = process->owner;
    return edge_export_tickets(apart->edge, out);
}

static size_t count_tunnels(struct up_process *process) {
    struct apart *apart = process->owner;
    return edge_tunnel_count(apart->edge);
}

/* The end */

static void on_ended(void *context) {
    loop_stop(((struct apart *)context)->process.loop);
}

static void end(struct up_process *process, enum edge_farewell farewell) {
    struct apart *apart = process->owner;
    up_process_end(process);
    edge_stop(apart->edge, farewell, apart->config->grace_ms, on_ended, apart);
}

static const struct up_kind kind = {
    .version = "1 edge",
    .make = make,
    .open = open_edge,
    .close = close_edge,
    .release = release,
    .reclaim = reclaim,
    .end = end,
    .export_tickets = export_tickets,
    .count_tunnels = count_tunnels,
};

int apart_edge_run(struct apart_edge_config *config) {
    struct apart apart = {.config = config};
    apart.process = (struct up_process){
        .kind = &kind,
        .owner = &apart,
        .data = config->data,
        .listen = config->listen,
        .is_replacing = config->is_replacing,
        .argc = config->argc,
        .argv = config->argv,
        .secrets = {{"--join", NULL, NULL},
                    {"--seal-key", "MEZUSPHERE_SEAL_KEY", &config->seal_key}},
        .secret_count = 2,
    };
    edge_identity_init(&apart.identity);
    up_process_start(&apart.process);
    loop_run(apart.process.loop);
    edge_join_free(&apart.join);
    edge_free(&apart.edge);
    edge_disk_close(&apart.disk);
    edge_identity_fini(&apart.identity);
    secret_fini(&config->seal_key);
    up_process_fini(&apart.process);
    return apart.exit_status;
}
