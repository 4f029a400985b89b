/* up.c: `mezusphere up`: the parts of the process, in the order in which they need each other; its beginning and its end. */
#include "cmd/up.h"

#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"
#include "cmd/up_memory.h"
#include "cmd/up_reload.h"
#include "cmd/up_state.h"

#define DEMO_CHECK_MS 20
#define DEMO_GIVE_UP_MS 20000

/* The parts are made in the order in which they need each other. */

static enum status choose_port(struct up *up, struct why *why) {
    struct address address;
    up_listen_address(&up->process.listeners, &address);
    uint64_t port = address_port(&address);
    if (up->config->public_port != NULL &&
        (str_to_u64(str_from(up->config->public_port), 65535, &port) != STATUS_OK || port == 0)) {
        return why_set(why, STATUS_INVALID, "public_port", "--public-port: \"%s\" is not a port",
                       up->config->public_port);
    }
    up->public_port = (uint16_t)port;
    (void)snprintf(up->public_address, sizeof up->public_address, "edge.%s:%u", up->config->domain,
                   up->public_port);
    return STATUS_OK;
}

static void on_replaced(void *context) {
    struct up *up = context;
    up_reload_now(&up->process);
}

enum status up_make_control(struct up *up, struct why *why) {
    const struct control_config config = {
        .loop = up->process.loop,
        .data_folder = up->config->data,
        .on_replaced = on_replaced,
        .replaced_context = up,
        .database = database_option_url(&up->config->database),
        .master_key = master_key_option_take(&up->config->master_key, up->config->data),
        .domain = up->config->domain,
        .public_address = up->public_address,
        .control_addresses = up->config->control_addresses.values,
        .control_address_count = up->config->control_addresses.count,
        .admin_email = up->config->admin_email,
        .admin_password = &up->config->admin_password,
        .mail = &up->config->mail,
        .deletion_grace_ms = up->config->deletion_grace_ms,
        .only_operators_make_organizations = up->config->only_operators_make_organizations,
        .api_rate = up->config->api_rate,
        .audit_keep_days = up->config->audit_keep_days,
        .warpgate_keep_days = up->config->warpgate_keep_days,
    };
    enum status status = control_new(&config, &up->control, why);
    secret_fini(&up->config->admin_password);
    return status;
}

/* Where an edge of this machine reaches the control plane behind the listening sockets, whichever process that is. */
static void write_control_address(const struct up *up, char out[ADDRESS_TEXT_SIZE]) {
    struct address address;
    char ip[ADDRESS_TEXT_SIZE];
    up_listen_address(&up->process.listeners, &address);
    address_text(&address, out);
    address_ip(&address, ip);
    if (str_eq(str_from(ip), STR("0.0.0.0")) || str_eq(str_from(ip), STR("::"))) {
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "127.0.0.1:%u", address_port(&address));
    }
}

/* The edge's feed does not go over the port: the edge is to know everything before anybody is let in. */
static int connect_control(void *context) {
    struct up *up = context;
    int fds[2];
    if (up->control == NULL || up->process.phase > UP_SERVING ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
        return -1;
    }
    control_adopt(up->control, fds[1]);
    return fds[0];
}

static void on_synced(void *context);

static enum status make_edge(struct up *up, struct why *why) {
    struct control_edge_identity identity;
    char control_address[ADDRESS_TEXT_SIZE];
    char control_name[300];
    char edge_name[300];
    enum status status = control_issue_edge(up->control, &identity, why);
    if (status != STATUS_OK) {
        return status;
    }
    write_control_address(up, control_address);
    (void)snprintf(control_name, sizeof control_name, "api.%s", up->config->domain);
    (void)snprintf(edge_name, sizeof edge_name, "edge.%s", up->config->domain);
    const struct edge_config config = {
        .loop = up->process.loop,
        .worker_count = up->config->worker_count,
        .memory_limit_bytes = up->config->memory_limit_bytes != 0 ? up->config->memory_limit_bytes
                                                                  : up_memory_limit(),
        .visitor_max = up->config->visitor_max,
        .trust_domain = control_trust_domain(up->control),
        .trust_anchors_pem = control_trust_anchors(up->control),
        .certificate_pem = buf_str(&identity.certificate_pem),
        .key_pem = buf_str(&identity.key_pem),
        .tunnel_server_name = str_from(edge_name),
        .connect_control = connect_control,
        .connect_context = up,
        .control_address = control_address,
        .control_server_name = str_from(control_name),
        .ticket_keys = buf_str(&up->process.ticket_keys),
        .on_synced = on_synced,
        .synced_context = up,
    };
    status = edge_new(&config, &up->edge, why);
    buf_fini(&identity.certificate_pem);
    buf_fini_wiped(&identity.key_pem);
    return status;
}

static const char *ca_path(const struct up *up, char out[PATH_MAX]) {
    (void)snprintf(out, PATH_MAX, "%s/ca.pem", up->config->data);
    return out;
}

static enum status make_demo(struct up *up, struct why *why) {
    struct control_demo made;
    char url[600];
    char ca[PATH_MAX];
    enum status status = control_make_demo(up->control, &made, why);
    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(url, sizeof url, "https://api.%s:%u", up->config->domain, up->public_port);
    (void)snprintf(up->demo_url, sizeof up->demo_url, "%s", made.url);
    (void)snprintf(up->demo_host, sizeof up->demo_host, "demo.%s", up->config->domain);
    const struct demo_config config = {
        .loop = up->process.loop,
        .control_url = url,
        .ca_file = ca_path(up, ca),
        .environment = "production",
    };
    status = demo_new(&config, &made.token, &up->demo, why);
    secret_fini(&made.token);
    up->demo_started_ms = loop_now_ms(up->process.loop);
    return status;
}

/* What a person reads. */

static void print_welcome(struct up *up) {
    struct str password = control_first_password(up->control);
    char ca[PATH_MAX];
    (void)printf("Mezusphere %s is running.\n\n", MEZUSPHERE_VERSION);
    (void)printf("  API        https://api.%s:%u/v1\n", up->config->domain, up->public_port);
    (void)printf("  Data       %s\n", up->config->data);
    (void)printf("  Root CA    %s\n", ca_path(up, ca));
    if (!str_is_empty(password)) {
        (void)printf("  Owner      %s\n", up->config->admin_email);
        (void)printf("  Password   %.*s   (shown this once)\n", STR_ARG(password));
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

static void on_demo_check(struct loop_timer *timer) {
    struct up *up = timer->context;
    char ca[PATH_MAX];
    if (edge_serves(up->edge, str_from(up->demo_host))) {
        (void)printf("  Demo       %s\n  Try        curl --cacert %s %s\n\n", up->demo_url,
                     ca_path(up, ca), up->demo_url);
        (void)fflush(stdout);
        return;
    }
    if (loop_now_ms(up->process.loop) - up->demo_started_ms > DEMO_GIVE_UP_MS) {
        log_error("demo.not_connected",
                  "the demo's warpgate has not connected; see the lines above");
        return;
    }
    loop_timer_set(timer, DEMO_CHECK_MS);
}

/* Serving begins when the edge knows everything. */

static void add_services(void *context, struct front *front) {
    struct up *up = context;
    control_add_services(up->control, front);
}

static enum status open_edge(struct up_process *process, struct why *why) {
    struct up *up = process->owner;
    return edge_open(up->edge, process->listeners.fds, process->listeners.count, add_services, up,
                     why);
}

static void on_synced(void *context) {
    struct up *up = context;
    struct why why = {0};
    if (up->process.phase != UP_STARTING) {
        return;
    }
    if (up->config->is_demo && make_demo(up, &why) != STATUS_OK) {
        up_process_fail(&why);
    }
    up_process_serve(&up->process);
    print_welcome(up);
    if (up->demo != NULL) {
        loop_timer_set(&up->demo_timer, DEMO_CHECK_MS);
    }
}

/* A hand-over */

static void close_edge(struct up_process *process, up_done_fn done, void *context) {
    struct up *up = process->owner;
    edge_close(up->edge, done, context);
}

static void on_control_released(void *context) {
    struct up *up = context;
    control_free(&up->control);
    up->on_released(up->released_context);
}

static void on_control_left(void *context) {
    struct up *up = context;
    control_stop(up->control, on_control_released, up);
}

void up_release_control(struct up_process *process, up_done_fn done, void *context) {
    struct up *up = process->owner;
    up->on_released = done;
    up->released_context = context;
    control_leave(up->control, on_control_left, up);
}

enum status up_reclaim_control(struct up_process *process, struct why *why) {
    struct up *up = process->owner;
    return up->control == NULL ? up_make_control(up, why) : STATUS_OK;
}

static size_t export_tickets(struct up_process *process, uint8_t out[TLS_TICKET_BLOB_MAX]) {
    struct up *up = process->owner;
    return edge_export_tickets(up->edge, out);
}

static size_t count_tunnels(struct up_process *process) {
    struct up *up = process->owner;
    return edge_tunnel_count(up->edge);
}

/* The end: everything is told to stop, and the loop ends with the last part. */

static void on_control_ended(void *context) {
    loop_stop(((struct up *)context)->process.loop);
}

/* Not before: the edge's last word is what it has counted, and the control plane takes it down. */
static void on_edge_ended(void *context) {
    struct up *up = context;
    if (up->control == NULL) {
        loop_stop(up->process.loop);
        return;
    }
    control_stop(up->control, on_control_ended, up);
}

static void on_demo_ended(void *context) {
    (void)context;
}

static void end(struct up_process *process, enum edge_farewell farewell) {
    struct up *up = process->owner;
    up_process_end(process);
    loop_timer_clear(&up->demo_timer);
    if (up->demo != NULL) {
        demo_stop(&up->demo, on_demo_ended, up);
    }
    if (up->control != NULL) {
        control_drain(up->control);
    }
    edge_stop(up->edge, farewell, up->config->grace_ms, on_edge_ended, up);
}

/* The beginning */

static enum status make(struct up_process *process, struct why *why) {
    struct up *up = process->owner;
    loop_timer_init(&up->demo_timer, process->loop, on_demo_check, up);
    enum status status = choose_port(up, why);
    if (status == STATUS_OK) {
        status = up_make_control(up, why);
    }
    return status == STATUS_OK ? make_edge(up, why) : status;
}

static const struct up_kind kind = {
    .version = "1",
    .make = make,
    .open = open_edge,
    .close = close_edge,
    .release = up_release_control,
    .reclaim = up_reclaim_control,
    .end = end,
    .export_tickets = export_tickets,
    .count_tunnels = count_tunnels,
};

void up_configure_process(struct up *up, const struct up_kind *of) {
    const struct up_config *config = up->config;
    up->process = (struct up_process){
        .kind = of,
        .owner = up,
        .data = config->data,
        .listen = config->listen,
        .is_replacing = config->is_replacing,
        .argc = config->argc,
        .argv = config->argv,
        .secrets =
            {
                /* the owner's: only a first start needs it */
                {"--admin-password", NULL, NULL},
                {"--database", "MEZUSPHERE_DATABASE", &config->database},
                {NULL, "MEZUSPHERE_MASTER_KEY", &config->master_key.text},
            },
        .secret_count = 3,
    };
}

int up_run(struct up_config *config) {
    struct up up = {.config = config};
    up_configure_process(&up, &kind);
    up_process_start(&up.process);
    loop_run(up.process.loop);
    loop_timer_close(&up.demo_timer, NULL);
    edge_free(&up.edge);
    control_free(&up.control);
    up_process_fini(&up.process);
    return 0;
}
