/* edge_identity.h: who this edge is: its id, key, certificate, whom it trusts, and where the control planes are; as its data folder keeps it. */
#ifndef EDGE_EDGE_IDENTITY_H
#define EDGE_EDGE_IDENTITY_H

#include "base/buf.h"
#include "base/id.h"
#include "base/status.h"
#include "edge/edge_disk.h"
#include "tunnel/edge_enrolment.h"

#define EDGE_IDENTITY_PEM_MAX 65536
#define EDGE_IDENTITY_NAME "identity" /* of the file in the data folder */

/* As it is kept. */
struct edge_identity {
    struct id edge;
    struct buf key_pem; /* wiped by edge_identity_fini */
    struct buf certificate_pem;
    struct buf trust_anchors_pem;
    char trust_domain[256];
    char tunnel_server_name[256];
    char control_address[EDGE_ENROLMENT_CONTROLS_MAX][264];
    char control_server_name[EDGE_ENROLMENT_CONTROLS_MAX][256];
    size_t control_count;
};

void edge_identity_init(struct edge_identity *identity);
void edge_identity_fini(struct edge_identity *identity);
/* What edge_disk_read and edge_disk_write return; STATUS_INVALID (state_malformed). */
enum status edge_identity_read(struct edge_disk *disk, struct edge_identity *identity,
                               struct why *why) MUST_USE;
enum status edge_identity_write(struct edge_disk *disk, const struct edge_identity *identity,
                                struct why *why) MUST_USE;
/* STATUS_TOO_LARGE: a name or address is too long. */
enum status edge_identity_take_controls(struct edge_identity *identity,
                                        const struct edge_controls *controls) MUST_USE;

#endif
