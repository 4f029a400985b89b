#include "cmd/apart_edge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/up.h"
#include "cmd/up_listen.h"
#include "cmd/up_memory.h"
#include "cmd/up_notify.h"
#include "edge/edge.h"
#include "edge/edge_join.h"

#define EXIT_REFUSED 3
#define HTTPS "https://"

struct apart {
    struct apart_edge_config *config;
    struct loop *loop;
    struct up_listeners listeners;
    struct edge_disk *disk;
    struct edge_identity identity;
    struct edge_join *join; /* while it joins */
    struct edge *edge;
    const char *controls[OPTION_VALUES_MAX];
    char name[65];
    bool is_open;
    bool is_stopping;
    int exit_status;
};

/* The end */

static void on_ended(void *context) {
    loop_stop(((struct apart *)context)->loop);
}

static void on_closed(void *context) {
    struct apart *apart = context;
    edge_stop(apart->edge, EDGE_FAREWELL_STOP, apart->config->grace_ms, on_ended, apart);
}

static void on_signal(void *context, int signal_number) {
    struct apart *apart = context;
    if (apart->is_stopping) {
        log_warn("mezusphere.cut", "signal=%d: not waiting any longer", signal_number);
        _exit(1);
    }
    log_info("mezusphere.stopping", "signal=%d", signal_number);
    apart->is_stopping = true;
    up_notify("STOPPING=1");
    up_listen_close(&apart->listeners);
    edge_join_free(&apart->join);
    if (apart->edge == NULL) {
        loop_stop(apart->loop);
    } else if (apart->is_open) {
        edge_close(apart->edge, on_closed, apart);
    } else {
        on_closed(apart);
    }
}

/* Serving */

static void add_nothing(void *context, struct front *front) {
    (void)context;
    (void)front;
}

static void on_synced(void *context) {
    struct apart *apart = context;
    struct why why = {0};
    char state[64];
    if (apart->is_stopping) {
        return;
    }
    if (edge_open(apart->edge, apart->listeners.fds, apart->listeners.count, add_nothing, NULL,
                  &why) != STATUS_OK) {
        up_fail(&why);
    }
    apart->is_open = true;
    (void)snprintf(state, sizeof state, "READY=1\nMAINPID=%ld", (long)getpid());
    up_notify(state);
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
        .loop = apart->loop,
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
        loop_stop(apart->loop);
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
        up_fail(&why);
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
    up_listen_address(&apart->listeners, &address);
    choose_name(apart);
    const struct edge_join_config config = {
        .loop = apart->loop,
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

static enum status start(struct apart *apart, struct why *why) {
    enum status status = up_listen_open(apart->config->listen, &apart->listeners, why);
    if (status == STATUS_OK) {
        status = edge_disk_open(apart->loop, apart->config->data, &apart->config->seal_key,
                                &apart->disk, why);
    }
    secret_fini(&apart->config->seal_key);
    if (status == STATUS_OK) {
        status = edge_identity_read(apart->disk, &apart->identity, why);
    }
    if (status == STATUS_NOT_FOUND) {
        return start_join(apart, why);
    }
    secret_fini(&apart->config->join); /* it has joined already */
    return status == STATUS_OK ? make_edge(apart, why) : status;
}

int apart_edge_run(struct apart_edge_config *config) {
    struct apart apart = {.config = config};
    struct why why = {0};
    apart.loop = loop_new(clock_system(), random_system());
    edge_identity_init(&apart.identity);
    loop_on_stop_signal(apart.loop, on_signal, &apart);
    if (start(&apart, &why) != STATUS_OK) {
        up_fail(&why);
    }
    loop_run(apart.loop);
    edge_join_free(&apart.join);
    edge_free(&apart.edge);
    edge_disk_close(&apart.disk);
    edge_identity_fini(&apart.identity);
    up_listen_close(&apart.listeners);
    loop_free(&apart.loop);
    return apart.exit_status;
}
