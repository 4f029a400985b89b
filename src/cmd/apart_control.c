#include "cmd/apart_control.h"

#include <stdio.h>

#include "base/memory.h"
#include "cmd/up_state.h"

struct apart {
    struct up up;
    struct loop_task serve_task;
    struct loop_task ended_task;
};

/* The port in URLs is the edges'; our own is where they and clients of the API find us. */
static enum status choose_ports(struct up *up, struct why *why) {
    char *own = up->own_address;
    struct address address;
    uint64_t port = 443;
    up_listen_address(&up->process.listeners, &address);
    if (up->config->public_port != NULL &&
        (str_to_u64(str_from(up->config->public_port), 65535, &port) != STATUS_OK || port == 0)) {
        return why_set(why, STATUS_INVALID, "public_port", "--public-port: \"%s\" is not a port",
                       up->config->public_port);
    }
    up->public_port = (uint16_t)port;
    (void)snprintf(up->public_address, sizeof up->public_address, "edge.%s:%u", up->config->domain,
                   up->public_port);
    (void)snprintf(own, sizeof up->own_address, "api.%s:%u", up->config->domain,
                   address_port(&address));
    if (up->config->control_addresses.count == 0) {
        up->config->control_addresses.values[0] = own;
        up->config->control_addresses.count = 1;
    }
    return STATUS_OK;
}

static void print_welcome(const struct up *up) {
    struct str password = control_first_password(up->control);
    (void)printf("Mezusphere %s is running: the control plane.\n\n", MEZUSPHERE_VERSION);
    (void)printf("  API        https://%s/v1\n", up->own_address);
    (void)printf("  Data       %s\n", up->config->data);
    (void)printf("  Root CA    %s/ca.pem\n", up->config->data);
    if (!str_is_empty(password)) {
        (void)printf("  Owner      %s\n", up->config->admin_email);
        (void)printf("  Password   %.*s   (shown this once)\n", STR_ARG(password));
    }
    (void)printf("\n  An edge joins with a token: POST /v1/edges/join-tokens, then mezusphere edge "
                 "--join TOKEN\n\n");
    (void)fflush(stdout);
}

/* It serves as soon as it is made: but what made it has to return first. */
static void run_serve(struct loop_task *task) {
    struct apart *apart = CONTAINER_OF(task, struct apart, serve_task);
    up_process_serve(&apart->up.process);
    print_welcome(&apart->up);
}

static enum status make(struct up_process *process, struct why *why) {
    struct up *up = process->owner;
    struct apart *apart = CONTAINER_OF(up, struct apart, up);
    enum status status = choose_ports(up, why);
    if (status == STATUS_OK) {
        status = up_make_control(up, why);
    }
    if (status == STATUS_OK) {
        loop_task_init(&apart->serve_task, run_serve);
        loop_task_schedule(process->loop, &apart->serve_task);
    }
    return status;
}

static enum status open_all(struct up_process *process, struct why *why) {
    struct up *up = process->owner;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < process->listeners.count && status == STATUS_OK; i++) {
        status = control_open(up->control, process->listeners.fds[i], why);
    }
    return status;
}

static void close_all(struct up_process *process, up_done_fn done, void *context) {
    struct up *up = process->owner;
    control_close(up->control, done, context);
}

static void on_ended(void *context) {
    loop_stop(((struct up *)context)->process.loop);
}

/* A successor has taken everything: nothing is left to finish. */
static void run_ended(struct loop_task *task) {
    on_ended(&CONTAINER_OF(task, struct apart, ended_task)->up);
}

static void end(struct up_process *process, enum edge_farewell farewell) {
    struct up *up = process->owner;
    struct apart *apart = CONTAINER_OF(up, struct apart, up);
    (void)farewell;
    up_process_end(process);
    if (up->control != NULL) {
        control_stop(up->control, on_ended, up);
        return;
    }
    loop_task_init(&apart->ended_task, run_ended);
    loop_task_schedule(process->loop, &apart->ended_task);
}

static size_t export_tickets(struct up_process *process, uint8_t out[TLS_TICKET_BLOB_MAX]) {
    (void)process;
    (void)out;
    return 0; /* sessions with the API are not resumed */
}

static size_t count_tunnels(struct up_process *process) {
    (void)process;
    return 0;
}

static const struct up_kind kind = {
    .version = "1 control",
    .make = make,
    .open = open_all,
    .close = close_all,
    .release = up_release_control,
    .reclaim = up_reclaim_control,
    .end = end,
    .export_tickets = export_tickets,
    .count_tunnels = count_tunnels,
};

int apart_control_run(struct up_config *config) {
    struct apart apart = {.up = {.config = config}};
    up_configure_process(&apart.up, &kind);
    up_process_start(&apart.up.process);
    loop_run(apart.up.process.loop);
    control_free(&apart.up.control);
    up_process_fini(&apart.up.process);
    return 0;
}
