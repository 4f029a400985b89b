#include "cmd/apart_control.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/up_notify.h"
#include "cmd/up_state.h"

static void on_ended(void *context) {
    loop_stop(((struct up *)context)->loop);
}

static void on_signal(void *context, int signal_number) {
    struct up *up = context;
    if (up->phase == UP_STOPPING) {
        log_warn("mezusphere.cut", "signal=%d: not waiting any longer", signal_number);
        _exit(1);
    }
    log_info("mezusphere.stopping", "signal=%d", signal_number);
    up->phase = UP_STOPPING;
    up_notify("STOPPING=1");
    up_listen_close(&up->listeners);
    control_close(up->control);
    control_stop(up->control, on_ended, up);
}

/* The port in URLs is the edges'; our own is where they and clients of the API find us. */
static enum status choose_ports(struct up *up, char own[300], struct why *why) {
    struct address address;
    uint64_t port = 443;
    up_listen_address(&up->listeners, &address);
    if (up->config->public_port != NULL &&
        (str_to_u64(str_from(up->config->public_port), 65535, &port) != STATUS_OK || port == 0)) {
        return why_set(why, STATUS_INVALID, "public_port", "--public-port: \"%s\" is not a port",
                       up->config->public_port);
    }
    up->public_port = (uint16_t)port;
    (void)snprintf(up->public_address, sizeof up->public_address, "edge.%s:%u", up->config->domain,
                   up->public_port);
    (void)snprintf(own, 300, "api.%s:%u", up->config->domain, address_port(&address));
    if (up->config->control_addresses.count == 0) {
        up->config->control_addresses.values[0] = own;
        up->config->control_addresses.count = 1;
    }
    return STATUS_OK;
}

static enum status open_all(struct up *up, struct why *why) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < up->listeners.count && status == STATUS_OK; i++) {
        status = control_open(up->control, up->listeners.fds[i], why);
    }
    return status;
}

static void print_welcome(struct up *up, const char *own) {
    struct str password = control_first_password(up->control);
    (void)printf("Mezusphere %s is running: the control plane.\n\n", MEZUSPHERE_VERSION);
    (void)printf("  API        https://%s/v1\n", own);
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

static void tell_ready(void) {
    char state[64];
    (void)snprintf(state, sizeof state, "READY=1\nMAINPID=%ld", (long)getpid());
    up_notify(state);
}

int apart_control_run(struct up_config *config) {
    struct up up = {.config = config};
    struct why why = {0};
    char own[300];
    up.loop = loop_new(clock_system(), random_system());
    if (up_listen_open(config->listen, &up.listeners, &why) != STATUS_OK ||
        choose_ports(&up, own, &why) != STATUS_OK || up_make_control(&up, &why) != STATUS_OK ||
        open_all(&up, &why) != STATUS_OK) {
        up_fail(&why);
    }
    up.phase = UP_SERVING;
    loop_on_stop_signal(up.loop, on_signal, &up);
    tell_ready();
    print_welcome(&up, own);
    loop_run(up.loop);
    control_free(&up.control);
    up_listen_close(&up.listeners);
    loop_free(&up.loop);
    return 0;
}
