/* handle_edge_enrolment.c: an edge joins: from a one-time token to a certificate (tunnel/edge_enrolment.h). */
#include "base/json.h"
#include "base/log.h"
#include "control/audit.h"
#include "control/control_ca.h"
#include "control/control_watch.h"
#include "control/edge_view.h"
#include "control/handle.h"
#include "pki/csr.h"
#include "store/store_edge.h"
#include "store/store_join_token.h"
#include "tunnel/edge_enrolment.h"
#include "tunnel/join_token.h"

#define DEFAULT_NAME STR("edge")

static enum status read_request(struct api_call *call, struct edge_enrolment_request *request) {
    if (buf_len(&call->body) == 0) {
        return why_set(&call->why, STATUS_INVALID, "body_missing", "this needs a JSON body");
    }
    enum status status = json_parse(buf_str(&call->body), &call->input, &call->why);
    if (status != STATUS_OK) {
        return status;
    }
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    struct why reason = {0};
    status = edge_enrolment_request_read(call->input, request, &reason);
    if (status == STATUS_OK && !str_is_empty(request->address)) {
        status = address_split(request->address, 0, host, &port, &reason);
    }
    return status == STATUS_OK
               ? status
               : why_set(&call->why, STATUS_INVALID, "validation_failed", "%s", reason.text);
}

static enum status read_csr(struct api_call *call, struct str csr, EVP_PKEY **key) {
    struct why reason = {0};
    return csr_public_key(csr, key, &reason) == STATUS_OK
               ? STATUS_OK
               : why_set(&call->why, STATUS_INVALID, "csr_invalid", "%s", reason.text);
}

/* The token */

static enum status judge_token(struct api_call *call, const struct store_join_token *token) {
    if (token->revoked_at_ms != 0) {
        return why_set(&call->why, STATUS_DENIED, "join_token_revoked",
                       "the join token has been revoked");
    }
    if (token->used_at_ms != 0) {
        return why_set(&call->why, STATUS_DENIED, "join_token_used",
                       "an edge has joined with this token: each is good for one");
    }
    if (token->expires_at_ms <= store_tx_now_ms(call->tx)) {
        return why_set(&call->why, STATUS_DENIED, "join_token_expired",
                       "the join token has expired");
    }
    return STATUS_OK;
}

static enum status find_token(struct api_call *call, struct store_join_token *token) {
    uint8_t digest[DIGEST_BYTES];
    struct str secret;
    if (api_call_bearer(call, &secret) != STATUS_OK) {
        return why_set(&call->why, STATUS_DENIED, "join_token_unknown", "a join token is needed");
    }
    join_token_digest(secret, digest);
    enum status status = store_join_token_find(call->tx, digest, &call->arena, token);
    if (status == STATUS_NOT_FOUND) {
        return why_set(&call->why, STATUS_DENIED, "join_token_unknown",
                       "the join token is not known");
    }
    return status == STATUS_OK ? judge_token(call, token) : status;
}

/* Strangers never get to the one writing transaction. */
static enum status check_token(struct api_call *call) {
    struct store_join_token token;
    enum status status = store_tx_begin(call->control->store, STORE_READ, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find_token(call, &token);
        store_tx_rollback(&call->tx);
    }
    return status;
}

/* The edge */

static enum status issue(struct api_call *call, struct store_edge *edge, EVP_PKEY *key,
                         struct buf *chain) {
    struct cert_identity identity;
    const struct ca_leaf leaf = {
        .role = CERT_EDGE,
        .subject = edge->object.id,
        .dns_names = {str_from(call->control->edge_name)},
        .dns_name_count = 1,
        .lifetime_seconds = CONTROL_EDGE_LIFETIME_SECONDS,
    };
    enum status status = ca_issue(control_ca_issuer(call->control), &leaf, key,
                                  loop_clock(call->control->loop), chain, &identity, &call->why);
    edge->certificate_until_ms = identity.not_after_ms;
    return status;
}

static enum status write_answer(struct api_call *call, struct store_edge *edge, EVP_PKEY *key) {
    struct control *control = call->control;
    struct buf chain;
    buf_init(&chain, CONTROL_PEM_BYTES_MAX);
    enum status status = issue(call, edge, key, &chain);
    if (status == STATUS_OK) {
        const struct edge_enrolment_answer answer = {
            .edge = edge->object.id,
            .trust_domain = control_ca_trust_domain(control),
            .certificate = buf_str(&chain),
            .trust_anchors = control_ca_anchors(control),
            .tunnel_server_name = str_from(control->edge_name),
            .controls = control->controls,
        };
        call->answer.body = edge_enrolment_answer_write(&answer);
    }
    buf_fini(&chain);
    return status;
}

static enum status join(struct api_call *call, const struct edge_enrolment_request *request,
                        const struct store_join_token *token, EVP_PKEY *key) {
    struct str name = str_is_empty(request->name) ? DEFAULT_NAME : request->name;
    struct store_edge edge = {
        .is_enabled = true,
        .name = str_is_empty(token->name) ? name : token->name,
        .address = str_is_empty(request->address) ? str_from(call->control->public_address)
                                                  : request->address,
        .version = request->version,
        .ip_address = str_from(call->ip_address),
    };
    enum status status = store_edge_insert(call->tx, &edge);
    if (status == STATUS_OK) {
        status = store_join_token_use(call->tx, &token->object.id, &edge.object.id);
    }
    if (status == STATUS_OK) {
        status = write_answer(call, &edge, key);
    }
    if (status == STATUS_OK) {
        status = store_edge_report(call->tx, &edge);
    }
    if (status == STATUS_OK) {
        edge_view_change(&edge, &call->changes);
        log_info("control.edge_enrolled", "edge=%s name=%.*s address=%.*s from=%s",
                 edge.object.id.text, STR_ARG(edge.name), STR_ARG(edge.address), call->ip_address);
        status =
            audit_record(call, "edge.joined", &edge.object.id, NULL, edge_view_write_kept(&edge));
    }
    return status;
}

static enum status enrol(struct api_call *call, const struct edge_enrolment_request *request,
                         EVP_PKEY *key) {
    struct store_join_token token;
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find_token(call, &token);
    }
    if (status == STATUS_OK) {
        status = join(call, request, &token, key);
    }
    if (status == STATUS_OK) {
        status = control_watch_announce(call->tx, &call->changes);
    }
    return status == STATUS_OK ? store_tx_commit(&call->tx) : status;
}

enum status handle_edge_enrolment_create(struct api_call *call) {
    struct edge_enrolment_request request;
    EVP_PKEY *key = NULL;
    enum status status = check_token(call);
    if (status == STATUS_OK) {
        status = read_request(call, &request);
    }
    if (status == STATUS_OK) {
        status = read_csr(call, request.csr, &key);
    }
    if (status == STATUS_OK) {
        status = enrol(call, &request, key);
    }
    EVP_PKEY_free(key);
    if (status == STATUS_DENIED) {
        log_warn("control.edge_enrolment_refused", "address=%s code=%s", call->ip_address,
                 call->why.slug);
    }
    return status;
}
