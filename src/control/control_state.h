/* control_state.h: what the parts of one control plane share. Private to src/control.
 *
 * Threads: everything above "for any thread" belongs to the loop's thread. What stands below it is made before the loop
 * runs, does not change after, and is used by handlers on pool threads.
 */
#ifndef CONTROL_CONTROL_STATE_H
#define CONTROL_CONTROL_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/list.h"
#include "control/control.h"
#include "control/mail_budget.h"
#include "identity/identity_login.h"
#include "identity/identity_outbox.h"
#include "net/tls_context.h"
#include "pki/ca.h"
#include "pki/digest.h"
#include "pki/jws.h"
#include "store/store.h"
#include "tunnel/edge_enrolment.h"

#define CONTROL_NAME_SIZE 256 /* of a DNS name */
#define CONTROL_PEM_BYTES_MAX 65536
#define CONTROL_CURSOR_KEY_BYTES 32
#define CONTROL_EDGE_LIFETIME_SECONDS (INT64_C(7) * 24 * 3600)
#define CONTROL_WARPGATE_LIFETIME_SECONDS (INT64_C(24) * 3600)
/* After this a revoked certificate is refused for its age; with room for clocks that differ. */
#define CONTROL_REVOCATION_MS ((CONTROL_WARPGATE_LIFETIME_SECONDS + 600) * 1000)

struct api_downloads;
struct ca_reports;
struct control_ca;
struct api_streams;
struct audit_access;
struct event_hub;
struct event_watch;
struct edge_presence;
struct edge_registry;
struct feed_hub;
struct control_watch;
struct presence;
struct control_timers;
struct control_reload;
struct control_expiry;
struct control_door;
struct api_limit;
struct api_idempotency;

enum control_phase {
    CONTROL_RUNNING,
    CONTROL_STOPPING, /* connections are told to go, work is being finished */
    CONTROL_ENDED,
};

struct control {
    struct loop *loop;
    enum control_phase phase;
    struct tls_context *api_tls;
    struct tls_context *machine_tls;
    int64_t certificates_renew_at_ms; /* wall: the two above */
    struct control_door *door; /* of a control plane alone; NULL: others bring us connections */
    struct feed_hub *hub;
    struct event_hub *events;
    struct event_watch *watch;
    struct control_watch *others; /* what other control planes change */
    struct api_streams *streams;
    struct edge_registry *edges;
    struct api_downloads *downloads;
    struct list conns;          /* struct control_conn.node */
    struct list exchanges;      /* struct api_exchange.node */
    struct list waiting_logins; /* struct api_exchange.wait_node, oldest first */
    unsigned waiting_login_count;
    unsigned login_count;    /* logins on pool threads */
    unsigned work_count;     /* everything on pool threads */
    bool is_traffic_watched; /* see meter.h */
    struct control_timers *timers;
    struct control_reload *reload;
    void (*on_replaced)(void *context); /* NULL: there is nobody to start a successor */
    void *replaced_context;
    struct control_expiry *expiry;
    int64_t stop_deadline_ms; /* mono */
    struct loop_task stop_task;
    void (*on_ended)(void *context);
    void *ended_context;

    /* for any thread */
    atomic_uint
        arriving_count; /* connections on their way from other loops, or in handshakes of our own */
    struct store *store;
    struct identity_password *passwords;
    struct identity_throttle *throttle;
    struct identity_login login;
    struct audit_access *access;
    struct api_idempotency *idempotency; /* has a lock of its own, */
    struct api_limit *limit;             /* has a lock of its own, */
    struct presence *presence;           /* so has this, */
    struct edge_presence *edge_presence; /* and so has this, */
    struct ca_reports *ca_reports;       /* and this */
    _Atomic(struct control_ca *) ca;     /* control_ca.h */
    EVP_PKEY *bundle_key;
    struct buf bundle_jwks; /* the public keys that bundles are signed with, as JWKS */
    uint8_t cursor_key[CONTROL_CURSOR_KEY_BYTES];
    char data_folder[4096];
    char domain[CONTROL_NAME_SIZE];
    char api_name[CONTROL_NAME_SIZE];
    char console_name[CONTROL_NAME_SIZE];
    char edge_name[CONTROL_NAME_SIZE];
    char public_address[ADDRESS_HOST_SIZE + 8];
    uint16_t public_port;
    bool only_operators_make_organizations;
    int64_t deletion_grace_ms;                /* of organizations */
    char console_url[CONTROL_NAME_SIZE + 32]; /* what links in mails begin with */
    struct identity_outbox *outbox;
    struct mail_budget mail_budget;
    struct edge_controls controls; /* where edges find the control planes; texts in what follows */
    char control_addresses[EDGE_ENROLMENT_CONTROLS_MAX][ADDRESS_HOST_SIZE + 8];
    int64_t audit_keep_ms;    /* audit events */
    int64_t warpgate_keep_ms; /* warpgates that are not connected */
    struct secret first_password;
};

/* Ends the control plane when it is stopping and nothing runs any more: call after each thing that ended. */
void control_state_check_ended(struct control *control);

#endif
