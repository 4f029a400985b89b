/* handle_ca.c: the internal CA and its rotation, for those who run the installation. */
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "control/audit.h"
#include "control/ca_progress.h"
#include "control/ca_step.h"
#include "control/handle.h"
#include "pki/ca_anchors.h"
#include "pki/pem.h"

/* Representations */

static json_t *write_root(const struct ca *ca, const char *use) {
    uint8_t der[PEM_BYTES_MAX];
    uint8_t digest[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1];
    size_t len = 0;
    json_t *item = json_object();
    enum status status = pem_read(ca_root_pem(ca), PEM_CERTIFICATE, der, &len);
    digest_sha256(str_make(der, status == STATUS_OK ? len : 0), digest);
    text_hex(digest, sizeof(digest), hex);
    json_object_set_new(item, "sha256", json_string(hex));
    json_object_set_new(item, "use", json_string(use));
    json_object_set_new(item, "expires_at", api_call_time(ca_root_until_ms(ca)));
    json_object_set_new(item, "intermediates_expire_at",
                        api_call_time(ca_intermediates_until_ms(ca)));
    json_object_set_new(item, "certificate", json_from_str(ca_root_pem(ca)));
    return item;
}

static json_t *write_laggard(const struct ca_laggard *laggard) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&laggard->id));
    json_object_set_new(item, "connected", json_boolean(laggard->is_connected));
    json_object_set_new(item, "trusts_all", json_boolean(laggard->trusts_all));
    json_object_set_new(item, "on_issuer", json_boolean(laggard->is_on_issuer));
    return item;
}

static json_t *write_progress(const struct ca_progress *progress) {
    json_t *item = json_object();
    json_t *laggards = json_array();
    for (unsigned i = 0; i < progress->laggard_count && i < CA_PROGRESS_LAGGARDS_MAX; i++) {
        json_array_append_new(laggards, write_laggard(&progress->laggards[i]));
    }
    json_object_set_new(item, "total", json_integer(progress->total));
    json_object_set_new(item, "trusting_all", json_integer(progress->trusting));
    json_object_set_new(item, "on_issuer", json_integer(progress->on_issuer));
    json_object_set_new(item, "lagging", json_integer(progress->laggard_count));
    json_object_set_new(item, "laggards", laggards);
    return item;
}

static json_t *write_phase(const struct ca_rotation *rotation) {
    json_t *item = json_object();
    json_t *roots = json_array();
    const struct ca *other = ca_rotation_other(rotation);
    json_array_append_new(roots, write_root(ca_rotation_issuer(rotation), "issues"));
    if (other != NULL) {
        json_array_append_new(roots, write_root(other, "trusted"));
    }
    json_object_set_new(item, "phase",
                        json_string(ca_rotation_phase_name(ca_rotation_phase(rotation))));
    json_object_set_new(item, "roots", roots);
    return item;
}

static enum status answer_ca(struct api_call *call, const struct ca_rotation *rotation) {
    struct ca_progresses *progresses = arena_alloc(&call->arena, sizeof(*progresses));
    enum ca_wait wait = ca_progress_wait(ca_rotation_phase(rotation), false);
    enum status status = ca_progress_count(call->control, call->tx, rotation, wait, progresses);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *progress = json_object();
    json_object_set_new(progress, "edges", write_progress(&progresses->edges));
    json_object_set_new(progress, "warpgates", write_progress(&progresses->warpgates));
    call->answer.body = write_phase(rotation);
    json_object_set_new(call->answer.body, "progress", progress);
    return STATUS_OK;
}

enum status handle_ca_get(struct api_call *call) {
    struct ca_rotation *rotation = NULL;
    uint64_t revision;
    enum status status = ca_step_read(call->tx, &rotation, &revision, &call->why);
    if (status == STATUS_OK) {
        status = answer_ca(call, rotation);
    }
    ca_rotation_free(&rotation);
    return status;
}

/* Steps */

/* A step that takes a root away, or puts one to use, waits until nobody is cut off by it. */
static enum status judge(struct api_call *call, const struct ca_rotation *rotation,
                         enum ca_step step) {
    bool waits = step == CA_STEP_ISSUE || step == CA_STEP_FINISH || step == CA_STEP_BACK;
    if (!waits || api_call_boolean(call, "force", false)) {
        return STATUS_OK;
    }
    struct ca_progresses *progresses = arena_alloc(&call->arena, sizeof(*progresses));
    enum ca_wait wait = ca_progress_wait(ca_rotation_phase(rotation), step == CA_STEP_BACK);
    enum status status = ca_progress_count(call->control, call->tx, rotation, wait, progresses);
    unsigned edges = progresses->edges.laggard_count;
    unsigned warpgates = progresses->warpgates.laggard_count;
    if (status != STATUS_OK || edges + warpgates == 0) {
        return status;
    }
    return why_set(&call->why, STATUS_CONFLICT, "ca_laggards",
                   "%u edges and %u warpgates %s: GET /v1/ca names them; wait, or say force", edges,
                   warpgates,
                   wait == CA_WAIT_TRUST ? "do not trust all roots yet"
                                         : "still have a certificate of the root that would go");
}

/* Steps that do not follow are told as such, not as laggards. */
static enum status check_follows(const struct ca_rotation *rotation, enum ca_step step,
                                 struct why *why) {
    static const struct {
        enum ca_step step;
        enum ca_phase from;
    } follows[] = {
        {CA_STEP_ANNOUNCE, CA_STABLE}, {CA_STEP_RENEW_INTERMEDIATES, CA_STABLE},
        {CA_STEP_ISSUE, CA_ANNOUNCED}, {CA_STEP_BACK, CA_ANNOUNCED},
        {CA_STEP_FINISH, CA_ISSUING},  {CA_STEP_BACK, CA_ISSUING},
    };
    enum ca_phase phase = ca_rotation_phase(rotation);
    for (size_t i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
        if (follows[i].step == step && follows[i].from == phase) {
            return STATUS_OK;
        }
    }
    return why_set(why, STATUS_CONFLICT, "ca_phase", "the CA is %s: the step %s does not follow",
                   ca_rotation_phase_name(phase), ca_step_names[step]);
}

static enum status record(struct api_call *call, const struct ca_rotation *before,
                          const struct ca_rotation *after, enum ca_step step) {
    static const char *const actions[] = {
        [CA_STEP_ANNOUNCE] = "ca.announced",
        [CA_STEP_ISSUE] = "ca.issuing",
        [CA_STEP_FINISH] = "ca.finished",
        [CA_STEP_BACK] = "ca.taken_back",
        [CA_STEP_RENEW_INTERMEDIATES] = "ca.intermediates_renewed",
    };
    json_t *shown = write_phase(after);
    json_object_set_new(shown, "force", json_boolean(api_call_boolean(call, "force", false)));
    return audit_record(call, actions[step], &(struct id){.text = ""}, write_phase(before), shown);
}

static enum status take(struct api_call *call, const struct ca_rotation *rotation,
                        uint64_t revision, enum ca_step step) {
    enum status status = check_follows(rotation, step, &call->why);
    if (status == STATUS_OK) {
        status = judge(call, rotation, step);
    }
    if (status == STATUS_OK) {
        status = ca_step_take(call->tx, rotation, revision, step, loop_clock(call->control->loop),
                              &call->changes, &call->why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct ca_rotation *next = call->changes.last->ca;
    log_info("api.ca_step", "step=%s member=%s force=%d", ca_step_names[step], call->actor.text,
             api_call_boolean(call, "force", false));
    status = record(call, rotation, next, step);
    return status == STATUS_OK ? answer_ca(call, next) : status;
}

enum status handle_ca_step(struct api_call *call) {
    struct ca_rotation *rotation = NULL;
    uint64_t revision;
    enum ca_step step = ca_step_of(api_call_text(call, "step", STR_EMPTY));
    enum status status = ca_step_read(call->tx, &rotation, &revision, &call->why);
    if (status == STATUS_OK) {
        status = take(call, rotation, revision, step);
    }
    ca_rotation_free(&rotation);
    return status;
}
