#include "store/store_schema.h"

/* BYTEA columns are sealed text or, where the name ends in _hash, keyed hashes. Foreign keys between objects carry the
 * organization, so the database itself keeps tenants apart. Times are milliseconds since 1970, 0 for never. */
#define TENANT_OBJECT                                                                              \
    " id TEXT PRIMARY KEY,"                                                                        \
    " organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,"               \
    " created_at BIGINT NOT NULL,"                                                                 \
    " revision BIGINT NOT NULL,"                                                                   \
    " updated_at BIGINT NOT NULL,"
#define FREE_OBJECT                                                                                \
    " id TEXT PRIMARY KEY,"                                                                        \
    " created_at BIGINT NOT NULL,"                                                                 \
    " revision BIGINT NOT NULL,"                                                                   \
    " updated_at BIGINT NOT NULL,"

static const char first_slice_sql[] =
    "CREATE TABLE data_key ("
    " scope TEXT NOT NULL," /* an organization's id, "system" or "lookup" */
    " version BIGINT NOT NULL,"
    " wrapped BYTEA NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (scope, version));"

    "CREATE TABLE setting ("
    " name TEXT PRIMARY KEY,"
    " value BYTEA NOT NULL,"
    " updated_at BIGINT NOT NULL);"

    "CREATE TABLE organization (" FREE_OBJECT " name BYTEA NOT NULL);"

    "CREATE TABLE member (" FREE_OBJECT " email BYTEA NOT NULL,"
    " email_hash BYTEA NOT NULL UNIQUE,"
    " name BYTEA NOT NULL,"
    " password_hash BYTEA NOT NULL);"

    "CREATE TABLE membership ("
    " member_id TEXT NOT NULL REFERENCES member (id) ON DELETE CASCADE,"
    " organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,"
    " role BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (member_id, organization_id));"
    "CREATE INDEX membership_of_organization ON membership (organization_id, member_id);"

    "CREATE TABLE session (" FREE_OBJECT
    " member_id TEXT NOT NULL REFERENCES member (id) ON DELETE CASCADE,"
    " expires_at BIGINT NOT NULL,"
    " last_used_at BIGINT NOT NULL,"
    " token_hash BYTEA NOT NULL UNIQUE);"
    "CREATE INDEX session_of_member ON session (member_id);"

    "CREATE TABLE project (" TENANT_OBJECT " name BYTEA NOT NULL,"
    " name_hash BYTEA NOT NULL,"
    " UNIQUE (organization_id, id),"
    " UNIQUE (organization_id, name_hash));"

    "CREATE TABLE environment (" TENANT_OBJECT " project_id TEXT NOT NULL,"
    " is_enabled BIGINT NOT NULL,"
    " bundle_revision BIGINT NOT NULL,"
    " name BYTEA NOT NULL,"
    " name_hash BYTEA NOT NULL,"
    " hostname BYTEA NOT NULL,"
    " hostname_hash BYTEA NOT NULL UNIQUE,"
    " UNIQUE (organization_id, id),"
    " UNIQUE (project_id, name_hash),"
    " FOREIGN KEY (organization_id, project_id)"
    "  REFERENCES project (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX environment_of_project ON environment (organization_id, project_id, id);"

    "CREATE TABLE route (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " position BIGINT NOT NULL,"
    " match_kind TEXT NOT NULL,"
    " path BYTEA NOT NULL,"
    " upstream BYTEA NOT NULL,"
    " FOREIGN KEY (organization_id, environment_id)"
    "  REFERENCES environment (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX route_of_environment ON route (organization_id, environment_id, position, id);"

    "CREATE TABLE service_account (" TENANT_OBJECT " project_id TEXT NOT NULL,"
    " name BYTEA NOT NULL,"
    " name_hash BYTEA NOT NULL,"
    " UNIQUE (organization_id, id),"
    " UNIQUE (project_id, name_hash),"
    " FOREIGN KEY (organization_id, project_id)"
    "  REFERENCES project (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX service_account_of_project"
    " ON service_account (organization_id, project_id, id);"

    "CREATE TABLE service_account_key (" TENANT_OBJECT " project_id TEXT NOT NULL,"
    " service_account_id TEXT NOT NULL,"
    " last_used_at BIGINT NOT NULL,"
    " revoked_at BIGINT NOT NULL,"
    " prefix BYTEA NOT NULL,"
    " secret_hash BYTEA NOT NULL UNIQUE,"
    " UNIQUE (organization_id, id),"
    " FOREIGN KEY (organization_id, project_id)"
    "  REFERENCES project (organization_id, id) ON DELETE CASCADE,"
    " FOREIGN KEY (organization_id, service_account_id)"
    "  REFERENCES service_account (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX service_account_key_of_service_account"
    " ON service_account_key (organization_id, service_account_id, id);"
    "CREATE INDEX service_account_key_of_project"
    " ON service_account_key (organization_id, project_id);"

    "CREATE TABLE warpgate (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " key_id TEXT NOT NULL,"
    " last_seen_at BIGINT NOT NULL,"
    " applied_revision BIGINT NOT NULL,"
    " revoked_at BIGINT NOT NULL,"
    " name BYTEA NOT NULL,"
    " version BYTEA NOT NULL,"
    " platform BYTEA NOT NULL,"
    " ip_address BYTEA NOT NULL,"
    " refused_code BYTEA NOT NULL,"
    " refused_detail BYTEA NOT NULL,"
    " FOREIGN KEY (organization_id, environment_id)"
    "  REFERENCES environment (organization_id, id) ON DELETE CASCADE,"
    " FOREIGN KEY (organization_id, key_id)"
    "  REFERENCES service_account_key (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX warpgate_of_environment ON warpgate (organization_id, environment_id, id);"
    "CREATE INDEX warpgate_of_key ON warpgate (organization_id, key_id);"

    /* No reference to the environment: a revocation outlives it. */
    "CREATE TABLE revocation (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " warpgate_id TEXT NOT NULL UNIQUE,"
    " expires_at BIGINT NOT NULL);"
    "CREATE INDEX revocation_of_organization ON revocation (organization_id);";

/* NULL in rows that were there before: empty (STORE_COLUMN_SEALED_LATE). */
static const char traffic_options_sql[] = "ALTER TABLE route ADD COLUMN options BYTEA;"
                                          "ALTER TABLE environment ADD COLUMN health_checks BYTEA;";

/* Whoever was there first runs the installation. */
static const char operators_sql[] =
    "ALTER TABLE member ADD COLUMN is_operator BIGINT NOT NULL DEFAULT 0;"
    "UPDATE member SET is_operator = 1 WHERE id = (SELECT MIN(id) FROM member);";

/* No references but to the tenant: an event outlives what it tells of. Pruned and listed by ids, which sort by time. */
#define AUDIT_DETAILS                                                                              \
    " actor_id TEXT,"                                                                              \
    " target_id TEXT,"                                                                             \
    " request_id TEXT,"                                                                            \
    " action TEXT NOT NULL,"                                                                       \
    " actor_name BYTEA NOT NULL,"                                                                  \
    " ip_address BYTEA NOT NULL,"                                                                  \
    " before_value BYTEA NOT NULL,"                                                                \
    " after_value BYTEA NOT NULL"

static const char audit_sql[] =
    "CREATE TABLE audit_event ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,"
    " created_at BIGINT NOT NULL,"
    " project_id TEXT,"
    " environment_id TEXT," AUDIT_DETAILS ");"
    "CREATE INDEX audit_event_of_organization ON audit_event (organization_id, id);"
    "CREATE TABLE installation_event ("
    " id TEXT PRIMARY KEY,"
    " created_at BIGINT NOT NULL," AUDIT_DETAILS ");";
/* Of no tenant: an edge serves all of them. */
static const char edges_sql[] = "CREATE TABLE edge (" FREE_OBJECT " is_enabled BIGINT NOT NULL,"
                                " is_embedded BIGINT NOT NULL,"
                                " revoked_at BIGINT NOT NULL,"
                                " last_seen_at BIGINT NOT NULL,"
                                " certificate_until BIGINT NOT NULL,"
                                " name BYTEA NOT NULL,"
                                " address BYTEA NOT NULL,"
                                " version BYTEA NOT NULL,"
                                " ip_address BYTEA NOT NULL);"

                                "CREATE TABLE join_token (" FREE_OBJECT " edge_id TEXT,"
                                " expires_at BIGINT NOT NULL,"
                                " used_at BIGINT NOT NULL,"
                                " revoked_at BIGINT NOT NULL,"
                                " name BYTEA NOT NULL,"
                                " secret_hash BYTEA NOT NULL UNIQUE);";
/* What is true of the installation as a whole, in numbers (store_generation.h). */
static const char installation_sql[] = "CREATE TABLE installation ("
                                       " name TEXT PRIMARY KEY,"
                                       " number BIGINT NOT NULL);";
/* Sessions of before say nothing of where they are used from. */
static const char people_sql[] =
    "ALTER TABLE organization ADD COLUMN delete_at BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE membership ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;"
    "ALTER TABLE membership ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE session ADD COLUMN ip_address BYTEA;"
    "ALTER TABLE session ADD COLUMN user_agent BYTEA;";
/* An account that is bound to an environment ends with it. */
static const char account_scopes_sql[] =
    "ALTER TABLE service_account ADD COLUMN environment_id TEXT"
    " REFERENCES environment (id) ON DELETE CASCADE;"
    "ALTER TABLE service_account ADD COLUMN permissions TEXT NOT NULL DEFAULT 'warpgate:connect';"
    "ALTER TABLE service_account ADD COLUMN is_disabled BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE service_account ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE service_account ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE service_account ADD COLUMN last_used_ip BYTEA;"
    "CREATE INDEX service_account_of_environment ON service_account (environment_id);"
    "CREATE INDEX service_account_expiring ON service_account (expires_at);"
    "ALTER TABLE service_account_key ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE service_account_key ADD COLUMN last_used_ip BYTEA;"
    "CREATE INDEX service_account_key_expiring ON service_account_key (expires_at);";
/* Who has, or had, which host name, over all tenants: the primary key keeps two from having one. It refers to nothing: a claim outlives its
 * environment and organization, until `until_at` (0: in use), and holds no name. */
static const char configuration_sql[] =
    "ALTER TABLE environment ADD COLUMN settings BYTEA;"
    "ALTER TABLE environment ADD COLUMN hostnames BYTEA;"
    "ALTER TABLE environment ADD COLUMN managed_by BYTEA;"
    "ALTER TABLE route ADD COLUMN managed_by BYTEA;"
    "CREATE TABLE hostname_claim ("
    " name_hash BYTEA PRIMARY KEY,"
    " organization_id TEXT NOT NULL,"
    " environment_id TEXT NOT NULL,"
    " until_at BIGINT NOT NULL);"
    "CREATE INDEX hostname_claim_of_organization ON hostname_claim (organization_id, until_at);"
    "INSERT INTO hostname_claim (name_hash, organization_id, environment_id, until_at)"
    " SELECT hostname_hash, organization_id, id, 0 FROM environment;";

static const char invitations_sql[] =
    "CREATE TABLE invitation (" TENANT_OBJECT " invited_by TEXT,"
    " mail_id TEXT,"
    " role BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " sent_at BIGINT NOT NULL,"
    " sent_count BIGINT NOT NULL,"
    " email BYTEA NOT NULL,"
    " email_hash BYTEA NOT NULL,"
    " token_hash BYTEA NOT NULL UNIQUE,"
    " UNIQUE (organization_id, email_hash));"
    "CREATE INDEX invitation_of_organization ON invitation (organization_id, id);"

    /* What belongs to no organization is sealed with the system's key. */
    "CREATE TABLE outbox ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT REFERENCES organization (id) ON DELETE CASCADE,"
    " created_at BIGINT NOT NULL,"
    " revision BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " attempts BIGINT NOT NULL,"
    " next_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " failed_at BIGINT NOT NULL,"
    " recipient BYTEA NOT NULL,"
    " message BYTEA NOT NULL,"
    " last_error BYTEA NOT NULL);"
    "CREATE INDEX outbox_due ON outbox (failed_at, next_at);"
    "CREATE INDEX outbox_of_organization ON outbox (organization_id);";
/* Usage has no reference to project and environment: it outlives them. */
static const char usage_sql[] =
    "CREATE TABLE usage_source ("
    " process TEXT PRIMARY KEY,"
    " edge_id TEXT NOT NULL,"
    " sequence BIGINT NOT NULL," /* of the last record that was taken */
    " updated_at BIGINT NOT NULL);"

    "CREATE TABLE usage_rollup ("
    " organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,"
    " project_id TEXT NOT NULL,"
    " environment_id TEXT NOT NULL,"
    " grain BIGINT NOT NULL," /* 0: an hour, 1: a month */
    " at BIGINT NOT NULL,"
    " requests BIGINT NOT NULL,"
    " bytes_in BIGINT NOT NULL,"
    " bytes_out BIGINT NOT NULL,"
    " PRIMARY KEY (organization_id, grain, at, project_id, environment_id));"
    "CREATE INDEX usage_rollup_by_age ON usage_rollup (grain, at);"

    "CREATE TABLE metric ("
    " environment_id TEXT NOT NULL,"
    " route_id TEXT NOT NULL," /* empty: of no route */
    " step BIGINT NOT NULL,"
    " at BIGINT NOT NULL,"
    " organization_id TEXT NOT NULL,"
    " status_none BIGINT NOT NULL,"
    " status_1xx BIGINT NOT NULL,"
    " status_2xx BIGINT NOT NULL,"
    " status_3xx BIGINT NOT NULL,"
    " status_4xx BIGINT NOT NULL,"
    " status_5xx BIGINT NOT NULL,"
    " bytes_in BIGINT NOT NULL,"
    " bytes_out BIGINT NOT NULL,"
    " unlogged BIGINT NOT NULL,"
    " detail TEXT NOT NULL," /* JSON: latencies as a histogram, counts of our own codes */
    " PRIMARY KEY (environment_id, step, at, route_id),"
    " FOREIGN KEY (organization_id, environment_id)"
    "  REFERENCES environment (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX metric_by_age ON metric (step, at);"
    "CREATE INDEX metric_of_environment ON metric (organization_id, environment_id);"

    "CREATE TABLE request_log (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " entry BYTEA NOT NULL,"
    " FOREIGN KEY (organization_id, environment_id)"
    "  REFERENCES environment (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX request_log_of_environment ON request_log (organization_id, environment_id, id);"
    "CREATE INDEX request_log_by_age ON request_log (created_at);";

static const char idempotency_sql[] =
    "CREATE TABLE idempotency ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT REFERENCES organization (id) ON DELETE CASCADE,"
    " created_at BIGINT NOT NULL,"
    " revision BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " principal_id TEXT NOT NULL,"
    " answer BYTEA NOT NULL,"
    " key_hash BYTEA NOT NULL UNIQUE);"
    "CREATE INDEX idempotency_of_organization ON idempotency (organization_id);"
    "CREATE INDEX idempotency_of_principal ON idempotency (principal_id, id);"
    "CREATE INDEX idempotency_by_time ON idempotency (created_at);";
static const char operations_sql[] =
    "CREATE TABLE operation (" TENANT_OBJECT " requested_by TEXT,"
    " state BIGINT NOT NULL,"
    " lease_at BIGINT NOT NULL,"
    " finished_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " part_count BIGINT NOT NULL,"
    " byte_count BIGINT NOT NULL,"
    " kind TEXT NOT NULL,"
    " error BYTEA NOT NULL,"
    " UNIQUE (organization_id, id));"
    "CREATE INDEX operation_waiting ON operation (finished_at, lease_at);"
    "CREATE TABLE operation_part (" TENANT_OBJECT " operation_id TEXT NOT NULL,"
    " number BIGINT NOT NULL,"
    " content BYTEA NOT NULL,"
    " UNIQUE (operation_id, number),"
    " FOREIGN KEY (organization_id, operation_id)"
    "  REFERENCES operation (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX operation_part_of_operation ON operation_part (organization_id, operation_id);";

static const char warpgate_certificates_sql[] =
    "ALTER TABLE warpgate ADD COLUMN certificate_until BIGINT NOT NULL DEFAULT 0;";

/* Append here, and nowhere else. */
const struct store_schema_step store_schema_steps[] = {
    {"first slice", first_slice_sql},
    {"traffic options", traffic_options_sql},
    {"operators", operators_sql},
    {"audit events", audit_sql},
    {"edges", edges_sql},
    {"installation", installation_sql},
    {"people", people_sql},
    {"account scopes", account_scopes_sql},
    {"invitations", invitations_sql},
    {"configuration", configuration_sql},
    {"idempotency", idempotency_sql},
    {"usage", usage_sql},
    {"operations", operations_sql},
    {"warpgate certificates", warpgate_certificates_sql},
};
const size_t store_schema_step_count = sizeof(store_schema_steps) / sizeof(store_schema_steps[0]);
