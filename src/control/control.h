/* control.h: the control plane: REST API, enrolment, bundles, feeds to the edges.
 *
 * The main program makes a front and adds the control plane's services: the API (server name api.<domain>, ALPN h2 or
 * http/1.1) and the machines' side (api.<domain>, ALPN mezusphere-control/1: enrolment, renewal, edge feeds).
 * The loop only moves bytes: handlers run on worker threads and hold no loop state.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"
#include "net/front.h"
#include "net/loop.h"
#include "store/store.h"

struct control;

/* How mails leave (identity_transport.h). All borrowed; the secrets are wiped by control_new. */
struct control_mail {
    const char *url;  /* NULL: none are sent */
    const char *from; /* NULL: noreply@ the domain */
    const char *ca_file;
    struct secret user;
    struct secret password;
};
#define CONTROL_AUDIT_KEEP_DAYS 400
#define CONTROL_WARPGATE_KEEP_DAYS 30

#define CONTROL_DELETION_GRACE_MS (INT64_C(7) * 24 * 3600 * 1000)

struct control_config {
    struct loop *loop;
    const char *data_folder; /* made by control_new if absent: store, master key, ca.pem */
    const char *database;    /* postgres://…; NULL: store.db in the folder */
    struct store_key_source master_key; /* fetch NULL: the file master.key in the folder */
    const char *domain;                 /* "mezusphere.localhost" */
    /* host:port that visitors and warpgates reach the edge at, for URLs and enrolment */
    const char *public_address;
    /* host:port where edges find the control planes of this installation, all of them; none: api.<domain> at the port of public_address */
    const char *const *control_addresses;
    size_t control_address_count;
    const char *admin_email; /* of the owner made at the first start */
    /* empty: one is generated and reported by control_first_password */
    struct secret *admin_password;
    int64_t deletion_grace_ms;              /* of organizations; 0: CONTROL_DELETION_GRACE_MS */
    struct control_mail *mail;              /* NULL: none are sent */
    bool only_operators_make_organizations; /* else whoever is signed in */
    uint32_t api_rate; /* reads a second of each caller (api_limit.h); 0: the default */
    /* The database was replaced by one with other keys (control_reload.h). May be NULL. */
    void (*on_replaced)(void *context);
    void *replaced_context;
    unsigned audit_keep_days;    /* 0: CONTROL_AUDIT_KEEP_DAYS */
    unsigned warpgate_keep_days; /* 0: CONTROL_WARPGATE_KEEP_DAYS */
};

/* Opens or makes the store, the CA and the keys. A second start finds everything as it was.
 * STATUS_INVALID/STATUS_DENIED/STATUS_CONFLICT/STATUS_FAILED with a why that tells an operator what to do: the folder is not
 * ours, not writable, in use by another process; the database is corrupt or newer than this program; the master key is missing. */
enum status control_new(const struct control_config *config, struct control **control,
                        struct why *why) MUST_USE;
/* For a front of any loop, on that loop's thread: connections go to the control plane's own. */
void control_add_services(struct control *control, struct front *front);
/* Takes a connected descriptor as the machines' service does: for an edge in the same process. */
void control_adopt(struct control *control, int fd);
/* The generated owner password if this was the first start, else empty. Printed once by the main program. */
struct str control_first_password(const struct control *control);

/* For a process that is a control plane alone: accepts on this listening socket, of which it makes a duplicate. STATUS_FAILED. */
enum status control_open(struct control *control, int fd, struct why *why) MUST_USE;
/* After control_open: accepts no more there, at once. `done` once, when the handshakes under way have ended, or have been cut after a second.
 * Then it may be opened again. */
void control_close(struct control *control, void (*done)(void *context), void *context);

/* What an edge in the same process starts with: an edge of the installation, the same at each start on this machine. */
struct control_edge_identity {
    struct buf certificate_pem; /* init by the call; fini by the caller */
    struct buf key_pem;         /* wiped by buf_fini_wiped */
};
enum status control_issue_edge(struct control *control, struct control_edge_identity *identity,
                               struct why *why) MUST_USE;
struct str control_trust_anchors(const struct control *control);
struct str control_trust_domain(const struct control *control);

/* --demo: makes (or finds) the project "demo" with a route "/" and answers a fresh key for its service account. */
struct control_demo {
    struct secret token;
    char url[512];
};
enum status control_make_demo(struct control *control, struct control_demo *demo,
                              struct why *why) MUST_USE;

/* Clients of the API are told to go, and finish; feeds stay. Before control_stop, while an edge in the same process ends. */
void control_drain(struct control *control);
/* The same, gently, for a successor: clients may ask once more on the connections that they have, for half a second at most. Nothing ends
 * but what they leave; `done` once, then control_stop. */
void control_leave(struct control *control, void (*done)(void *context), void *context);
/* Stops accepting, ends feeds; on_ended once. */
void control_stop(struct control *control, void (*on_ended)(void *context), void *context);
void control_free(struct control **control);

#endif
