#include "store/store_statement.h"

/* Column lists, in the order of the column tables (struct store_table) of the concepts. */
#define TENANT_COLUMNS "id, organization_id, created_at, revision, updated_at"
#define FREE_COLUMNS "id, created_at, revision, updated_at"

#define ORGANIZATION_COLUMNS FREE_COLUMNS ", name, delete_at"
#define MEMBERSHIP_COLUMNS "member_id, organization_id, created_at, revision, updated_at, role"
#define MEMBER_COLUMNS FREE_COLUMNS ", email, email_hash, name, password_hash, is_operator"
#define INVITATION_COLUMNS                                                                         \
    TENANT_COLUMNS ", invited_by, mail_id, role, expires_at, sent_at, sent_count, email, "         \
                   "email_hash, token_hash"
#define OPERATION_COLUMNS                                                                          \
    TENANT_COLUMNS ", requested_by, state, lease_at, finished_at, expires_at, part_count, "        \
                   "byte_count, kind, error"
#define OPERATION_PART_COLUMNS TENANT_COLUMNS ", operation_id, number, content"
#define OUTBOX_COLUMNS                                                                             \
    TENANT_COLUMNS ", attempts, next_at, expires_at, failed_at, recipient, message, last_error"
#define PROJECT_COLUMNS TENANT_COLUMNS ", name, name_hash"
#define ENVIRONMENT_COLUMNS                                                                        \
    TENANT_COLUMNS ", project_id, is_enabled, bundle_revision, name, name_hash, hostname, "        \
                   "hostname_hash, health_checks, settings, hostnames, managed_by"
#define ROUTE_COLUMNS                                                                              \
    TENANT_COLUMNS ", environment_id, position, match_kind, path, upstream, options, managed_by"
#define SERVICE_ACCOUNT_COLUMNS                                                                    \
    TENANT_COLUMNS ", project_id, environment_id, permissions, is_disabled, expires_at, "          \
                   "last_used_at, name, name_hash, last_used_ip"
#define KEY_COLUMNS                                                                                \
    TENANT_COLUMNS ", project_id, service_account_id, last_used_at, revoked_at, expires_at, "      \
                   "prefix, last_used_ip, secret_hash"
#define WARPGATE_COLUMNS                                                                           \
    TENANT_COLUMNS                                                                                 \
        ", environment_id, key_id, last_seen_at, applied_revision, revoked_at, name, "             \
        "version, platform, ip_address, refused_code, refused_detail, certificate_until"
#define SESSION_COLUMNS                                                                            \
    FREE_COLUMNS ", member_id, expires_at, last_used_at, token_hash, ip_address, user_agent"
#define REVOCATION_COLUMNS TENANT_COLUMNS ", environment_id, warpgate_id, expires_at"
#define EDGE_COLUMNS                                                                               \
    FREE_COLUMNS ", is_enabled, is_embedded, revoked_at, last_seen_at, certificate_until, name, "  \
                 "address, version, ip_address"
#define JOIN_TOKEN_COLUMNS                                                                         \
    FREE_COLUMNS ", edge_id, expires_at, used_at, revoked_at, name, secret_hash"

#define AUDIT_DETAIL_COLUMNS                                                                       \
    "actor_id, target_id, request_id, action, actor_name, ip_address, before_value, after_value"
#define AUDIT_COLUMNS                                                                              \
    "id, organization_id, created_at, project_id, environment_id, " AUDIT_DETAIL_COLUMNS
#define AUDIT_FREE_COLUMNS "id, created_at, " AUDIT_DETAIL_COLUMNS

#define IDEMPOTENCY_COLUMNS TENANT_COLUMNS ", principal_id, answer, key_hash"
#define REQUEST_COLUMNS TENANT_COLUMNS ", environment_id, entry"
/* Of one project or all, of one environment or all: ids between two. */
#define USAGE_OF                                                                                   \
    "organization_id = $1 AND grain = $2 AND at >= $3 AND at < $4 AND project_id >= $5 "           \
    "AND project_id <= $6 AND environment_id >= $7 AND environment_id <= $8"

/* What identifies a row together with its tenant, and proves that nobody has changed it since it was read. The new revision is
 * $4 (or $3). Naming created_at makes use of every parameter, which PostgreSQL wants. */
#define TENANT_SET "revision = $4, updated_at = $5"
#define TENANT_UNCHANGED                                                                           \
    " WHERE id = $1 AND organization_id = $2 AND created_at = $3 AND revision = $4 - 1"
#define FREE_SET "revision = $3, updated_at = $4"
#define FREE_UNCHANGED " WHERE id = $1 AND created_at = $2 AND revision = $3 - 1"

#define GET(columns, table)                                                                        \
    "SELECT " columns " FROM " table " WHERE id = $1 AND organization_id = $2"
/* Whose an object is: organization, project, environment, the last two as far as it is in one. */
#define TENANT_OF(table) "SELECT organization_id, NULL, NULL FROM " table " WHERE id = $1"
#define TENANT_IN_PROJECT(table, project)                                                          \
    "SELECT organization_id, " project ", NULL FROM " table " WHERE id = $1"
#define TENANT_IN_ENVIRONMENT(table)                                                               \
    "SELECT o.organization_id, e.project_id, o.environment_id FROM " table                         \
    " o JOIN environment e ON e.organization_id = o.organization_id AND e.id = o.environment_id "  \
    "WHERE o.id = $1"

/* The same list upward and downward from a cursor, and how many are in it. `n` and `m`: the numbers of the cursor's and the limit's parameter. */
#define LIST(name, columns, table, filter, n, m)                                                   \
    [name] =                                                                                       \
        "SELECT " columns " FROM " table " WHERE " filter "id > $" #n " ORDER BY id LIMIT $" #m,   \
    [name##_DOWN] = "SELECT " columns " FROM " table " WHERE " filter "id < $" #n                  \
                    " ORDER BY id DESC LIMIT $" #m,                                                \
    [name##_COUNT] = "SELECT COUNT(*) FROM " table " WHERE " filter "TRUE"

static const char *const texts[STORE_STATEMENT_COUNT] = {
    [STATEMENT_MIGRATION_LIST] = "SELECT number, checksum FROM migration ORDER BY number",
    [STATEMENT_MIGRATION_INSERT] = "INSERT INTO migration (number, name, checksum, applied_at) "
                                   "VALUES ($1, $2, $3, $4)",

    [STATEMENT_DATA_KEY_INSERT] = "INSERT INTO data_key (scope, version, wrapped, created_at) "
                                  "VALUES ($1, $2, $3, $4)",
    [STATEMENT_DATA_KEY_LIST] =
        "SELECT version, wrapped FROM data_key WHERE scope = $1 ORDER BY version DESC",
    [STATEMENT_DATA_KEY_DELETE] = "DELETE FROM data_key WHERE scope = $1",
    [STATEMENT_DATA_KEY_NEXT_SCOPE_ANY] =
        "SELECT scope FROM data_key WHERE scope > $1 ORDER BY scope LIMIT 1",

    [STATEMENT_INSTALLATION_GET_ANY] = "SELECT number FROM installation WHERE name = $1",
    [STATEMENT_INSTALLATION_SET_ANY] = "INSERT INTO installation (name, number) VALUES ($1, $2) "
                                       "ON CONFLICT (name) DO UPDATE SET number = excluded.number",

    [STATEMENT_SETTING_GET] = "SELECT value FROM setting WHERE name = $1",
    [STATEMENT_SETTING_SET] =
        "INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
    [STATEMENT_SETTING_DELETE] = "DELETE FROM setting WHERE name = $1",

    [STATEMENT_ORGANIZATION_INSERT] =
        "INSERT INTO organization (" ORGANIZATION_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)",
    [STATEMENT_ORGANIZATION_UPDATE] =
        "UPDATE organization SET " FREE_SET ", name = $5, delete_at = $6" FREE_UNCHANGED,
    [STATEMENT_ORGANIZATION_GET] =
        "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE id = $1",
    LIST(STATEMENT_ORGANIZATION_LIST_OF_MEMBER, ORGANIZATION_COLUMNS, "organization",
         "id IN (SELECT organization_id FROM membership WHERE member_id = $1) AND ", 2, 3),
    LIST(STATEMENT_ORGANIZATION_LIST_ANY, ORGANIZATION_COLUMNS, "organization", "", 1, 2),

    [STATEMENT_ORGANIZATION_DELETE_AT] = "SELECT delete_at FROM organization WHERE id = $1",
    [STATEMENT_ERASURE_DUE_ANY] = "SELECT id FROM organization "
                                  "WHERE delete_at <> 0 AND delete_at <= $1 ORDER BY id LIMIT $2",
    /* Whoever comes next waits for the names as ever, but nobody can tell whose they were. */
    [STATEMENT_ERASURE_RETURN] =
        "UPDATE environment SET bundle_revision = CASE WHEN bundle_revision < $3 THEN $3 "
        "ELSE bundle_revision + 1 END WHERE id = $1 AND organization_id = $2",
    [STATEMENT_ERASURE_CLAIMS_ANY] =
        "UPDATE hostname_claim SET organization_id = $3, environment_id = $3, "
        "until_at = CASE WHEN until_at = 0 THEN $2 ELSE until_at END WHERE organization_id = $1",
    /* Those who belong to no other. */
    [STATEMENT_ERASURE_MEMBERS_ANY] =
        "DELETE FROM member WHERE is_operator = 0 AND id IN "
        "(SELECT member_id FROM membership WHERE organization_id = $1) AND id NOT IN "
        "(SELECT member_id FROM membership WHERE organization_id <> $1)",
    [STATEMENT_ERASURE_ORGANIZATION_ANY] = "DELETE FROM organization WHERE id = $1",

    [STATEMENT_MEMBER_INSERT] =
        "INSERT INTO member (" MEMBER_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    [STATEMENT_MEMBER_UPDATE] =
        "UPDATE member SET " FREE_SET ", email = $5, email_hash = $6, name = $7, password_hash = "
        "$8, is_operator = $9" FREE_UNCHANGED,
    [STATEMENT_MEMBER_GET] = "SELECT " MEMBER_COLUMNS " FROM member WHERE id = $1 AND id IN "
                             "(SELECT member_id FROM membership WHERE organization_id = $2)",
    [STATEMENT_MEMBER_GET_ANY] = "SELECT " MEMBER_COLUMNS " FROM member WHERE id = $1",
    [STATEMENT_MEMBER_FIND_ANY] = "SELECT " MEMBER_COLUMNS " FROM member WHERE email_hash = $1",
    LIST(STATEMENT_MEMBER_LIST, MEMBER_COLUMNS, "member",
         "id IN (SELECT member_id FROM membership WHERE organization_id = $1) AND ", 2, 3),
    [STATEMENT_MEMBERSHIP_SET] =
        "INSERT INTO membership (member_id, organization_id, role, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $4) ON CONFLICT (member_id, organization_id) DO UPDATE SET "
        "role = excluded.role, revision = membership.revision + 1, "
        "updated_at = excluded.updated_at",
    [STATEMENT_MEMBERSHIP_GET] =
        "SELECT role FROM membership WHERE member_id = $1 AND organization_id = $2",
    [STATEMENT_MEMBERSHIP_LIST] =
        "SELECT organization_id, role, created_at FROM membership WHERE member_id = $1 "
        "ORDER BY organization_id LIMIT $2",
    [STATEMENT_MEMBERSHIP_INSERT] =
        "INSERT INTO membership (" MEMBERSHIP_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)",
    [STATEMENT_MEMBERSHIP_UPDATE] =
        "UPDATE membership SET " TENANT_SET ", role = $6 "
        "WHERE member_id = $1 AND organization_id = $2 AND created_at = $3 AND revision = $4 - 1",
    [STATEMENT_MEMBERSHIP_ROW_GET] = "SELECT " MEMBERSHIP_COLUMNS " FROM membership "
                                     "WHERE member_id = $1 AND organization_id = $2",
    [STATEMENT_MEMBERSHIP_ROW_LIST] =
        "SELECT " MEMBERSHIP_COLUMNS " FROM membership WHERE organization_id = $1 "
        "AND (role = $2 OR $2 = 0) AND member_id > $3 ORDER BY member_id LIMIT $4",
    [STATEMENT_MEMBERSHIP_ROW_LIST_DOWN] =
        "SELECT " MEMBERSHIP_COLUMNS " FROM membership WHERE organization_id = $1 "
        "AND (role = $2 OR $2 = 0) AND member_id < $3 ORDER BY member_id DESC LIMIT $4",
    [STATEMENT_MEMBERSHIP_ROW_LIST_COUNT] =
        "SELECT COUNT(*) FROM membership WHERE organization_id = $1 AND (role = $2 OR $2 = 0)",
    [STATEMENT_MEMBERSHIP_DELETE] =
        "DELETE FROM membership WHERE member_id = $1 AND organization_id = $2 AND revision = $3",
    [STATEMENT_MEMBERSHIP_COUNT] =
        "SELECT COUNT(*) FROM membership WHERE organization_id = $1 AND role = $2",

    [STATEMENT_INVITATION_INSERT] =
        "INSERT INTO invitation (" INVITATION_COLUMNS
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    [STATEMENT_INVITATION_UPDATE] =
        "UPDATE invitation SET " TENANT_SET
        ", mail_id = $7, role = $8, expires_at = $9, sent_at = $10, sent_count = $11, email = $12, "
        "email_hash = $13, token_hash = $14, invited_by = $6" TENANT_UNCHANGED,
    [STATEMENT_INVITATION_GET] = GET(INVITATION_COLUMNS, "invitation"),
    [STATEMENT_INVITATION_FIND] = "SELECT " INVITATION_COLUMNS " FROM invitation "
                                  "WHERE organization_id = $1 AND email_hash = $2",
    [STATEMENT_INVITATION_FIND_ANY] =
        "SELECT " INVITATION_COLUMNS " FROM invitation WHERE token_hash = $1",
    LIST(STATEMENT_INVITATION_LIST, INVITATION_COLUMNS, "invitation", "organization_id = $1 AND ",
         2, 3),
    [STATEMENT_INVITATION_DELETE] =
        "DELETE FROM invitation WHERE id = $1 AND organization_id = $2 AND revision = $3",
    [STATEMENT_INVITATION_PRUNE_ANY] = "DELETE FROM invitation WHERE expires_at < $1",

    [STATEMENT_OPERATION_INSERT] =
        "INSERT INTO operation (" OPERATION_COLUMNS
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    [STATEMENT_OPERATION_UPDATE] =
        "UPDATE operation SET " TENANT_SET
        ", requested_by = $6, state = $7, lease_at = $8, finished_at = $9, expires_at = $10, "
        "part_count = $11, byte_count = $12, kind = $13, error = $14" TENANT_UNCHANGED,
    [STATEMENT_OPERATION_GET] = GET(OPERATION_COLUMNS, "operation"),
    [STATEMENT_OPERATION_COUNT] =
        "SELECT COUNT(*) FROM operation WHERE organization_id = $1 AND finished_at = 0",
    [STATEMENT_OPERATION_DUE_ANY] =
        "SELECT " OPERATION_COLUMNS " FROM operation WHERE finished_at = 0 AND lease_at <= $1 "
        "ORDER BY id LIMIT 1",
    [STATEMENT_OPERATION_PRUNE_ANY] =
        "DELETE FROM operation WHERE finished_at <> 0 AND expires_at <= $1",
    [STATEMENT_OPERATION_PART_INSERT] = "INSERT INTO operation_part (" OPERATION_PART_COLUMNS
                                        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    [STATEMENT_OPERATION_PART_FIND] =
        "SELECT " OPERATION_PART_COLUMNS " FROM operation_part "
        "WHERE organization_id = $1 AND operation_id = $2 AND number = $3",
    [STATEMENT_OPERATION_PART_DELETE] =
        "DELETE FROM operation_part WHERE organization_id = $1 AND operation_id = $2",

    [STATEMENT_OUTBOX_INSERT] = "INSERT INTO outbox (" OUTBOX_COLUMNS
                                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    /* The organization may be none, which equals nothing. */
    [STATEMENT_OUTBOX_UPDATE] =
        "UPDATE outbox SET " TENANT_SET
        ", attempts = $6, next_at = $7, expires_at = $8, failed_at = $9, recipient = $10, "
        "message = $11, last_error = $12, organization_id = $2 "
        "WHERE id = $1 AND created_at = $3 AND revision = $4 - 1",
    [STATEMENT_OUTBOX_GET] = GET(OUTBOX_COLUMNS, "outbox"),
    [STATEMENT_OUTBOX_GET_ANY] = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE id = $1",
    [STATEMENT_OUTBOX_DUE_ANY] = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE failed_at = 0 "
                                 "AND next_at <= $1 ORDER BY next_at, id LIMIT $2",
    [STATEMENT_OUTBOX_NEXT_ANY] =
        "SELECT COALESCE(MIN(next_at), 0) FROM outbox WHERE failed_at = 0",
    [STATEMENT_OUTBOX_COUNT_ANY] = "SELECT COUNT(*) FROM outbox WHERE failed_at = 0",
    LIST(STATEMENT_OUTBOX_LIST_ANY, OUTBOX_COLUMNS, "outbox", "", 1, 2),
    [STATEMENT_OUTBOX_DELETE_ANY] = "DELETE FROM outbox WHERE id = $1",
    [STATEMENT_OUTBOX_PRUNE_ANY] = "DELETE FROM outbox WHERE failed_at <> 0 AND failed_at < $1",

    [STATEMENT_PROJECT_INSERT] =
        "INSERT INTO project (" PROJECT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [STATEMENT_PROJECT_UPDATE] =
        "UPDATE project SET " TENANT_SET ", name = $6, name_hash = $7" TENANT_UNCHANGED,
    [STATEMENT_PROJECT_GET] = GET(PROJECT_COLUMNS, "project"),
    [STATEMENT_PROJECT_FIND] =
        "SELECT " PROJECT_COLUMNS " FROM project WHERE organization_id = $1 AND name_hash = $2",
    LIST(STATEMENT_PROJECT_LIST, PROJECT_COLUMNS, "project", "organization_id = $1 AND ", 2, 3),
    [STATEMENT_PROJECT_DELETE] =
        "DELETE FROM project WHERE id = $1 AND organization_id = $2 AND revision = $3",

    [STATEMENT_ENVIRONMENT_INSERT] =
        "INSERT INTO environment (" ENVIRONMENT_COLUMNS
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    /* The revision that the caller read may be behind what routes have raised it to since. */
    [STATEMENT_ENVIRONMENT_UPDATE] =
        "UPDATE environment SET " TENANT_SET ", is_enabled = $7, bundle_revision = "
        "CASE WHEN bundle_revision < $8 THEN $8 ELSE bundle_revision END + 1, "
        "name = $9, name_hash = $10, hostname = $11, hostname_hash = $12, health_checks = "
        "$13, settings = $14, hostnames = $15, managed_by = $16" TENANT_UNCHANGED
        " AND project_id = $6",
    [STATEMENT_ENVIRONMENT_TOUCH] = "UPDATE environment SET bundle_revision = bundle_revision + 1 "
                                    "WHERE id = $1 AND organization_id = $2",
    [STATEMENT_ENVIRONMENT_GET] = GET(ENVIRONMENT_COLUMNS, "environment"),
    [STATEMENT_ENVIRONMENT_FIND] =
        "SELECT " ENVIRONMENT_COLUMNS
        " FROM environment WHERE organization_id = $1 AND project_id = $2 AND name_hash = $3",
    [STATEMENT_ENVIRONMENT_FIND_ANY] =
        "SELECT " ENVIRONMENT_COLUMNS " FROM environment WHERE hostname_hash = $1",
    LIST(STATEMENT_ENVIRONMENT_LIST, ENVIRONMENT_COLUMNS, "environment",
         "organization_id = $1 AND project_id = $2 AND ", 3, 4),
    LIST(STATEMENT_ENVIRONMENT_LIST_ANY, ENVIRONMENT_COLUMNS, "environment", "", 1, 2),
    [STATEMENT_ENVIRONMENT_DELETE] =
        "DELETE FROM environment WHERE id = $1 AND organization_id = $2 AND revision = $3",

    [STATEMENT_HOSTNAME_CLAIM_HOLDER_ANY] =
        "SELECT organization_id, environment_id FROM hostname_claim WHERE name_hash = $1",
    [STATEMENT_HOSTNAME_CLAIM_STATE_ANY] =
        "SELECT until_at, "
        "(SELECT COUNT(*) FROM environment WHERE environment.id = hostname_claim.environment_id) "
        "FROM hostname_claim WHERE name_hash = $1",
    [STATEMENT_HOSTNAME_CLAIM_SET] =
        "INSERT INTO hostname_claim (name_hash, organization_id, environment_id, until_at) "
        "VALUES ($1, $2, $3, 0) ON CONFLICT (name_hash) DO UPDATE SET organization_id = "
        "excluded.organization_id, environment_id = excluded.environment_id, until_at = 0",
    [STATEMENT_HOSTNAME_CLAIM_RELEASE] =
        "UPDATE hostname_claim SET until_at = $4 "
        "WHERE name_hash = $1 AND organization_id = $2 AND environment_id = $3 AND until_at = 0",
    [STATEMENT_HOSTNAME_CLAIM_RELEASE_GONE] =
        "UPDATE hostname_claim SET until_at = $1 WHERE until_at = 0 AND organization_id = $2 AND "
        "NOT EXISTS "
        "(SELECT 1 FROM environment WHERE environment.id = hostname_claim.environment_id)",
    [STATEMENT_HOSTNAME_CLAIM_RELEASE_GONE_ANY] =
        "UPDATE hostname_claim SET until_at = $1 WHERE until_at = 0 AND NOT EXISTS "
        "(SELECT 1 FROM environment WHERE environment.id = hostname_claim.environment_id)",
    [STATEMENT_HOSTNAME_CLAIM_PRUNE_ANY] =
        "DELETE FROM hostname_claim WHERE until_at > 0 AND until_at <= $1",

    [STATEMENT_ROUTE_INSERT] = "INSERT INTO route (" ROUTE_COLUMNS
                               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    [STATEMENT_ROUTE_UPDATE] =
        "UPDATE route SET " TENANT_SET
        ", position = $7, match_kind = $8, path = $9, upstream = $10, "
        "options = $11, managed_by = $12" TENANT_UNCHANGED " AND environment_id = $6",
    [STATEMENT_ROUTE_GET] = GET(ROUTE_COLUMNS, "route"),
    [STATEMENT_ROUTE_LAST] = "SELECT COUNT(*), COALESCE(MAX(position), 0) FROM route "
                             "WHERE organization_id = $1 AND environment_id = $2",
    [STATEMENT_ROUTE_LIST] =
        "SELECT " ROUTE_COLUMNS " FROM route WHERE organization_id = $1 AND environment_id = $2 "
        "AND (position > $3 OR (position = $3 AND id > $4)) ORDER BY position, id LIMIT $5",
    [STATEMENT_ROUTE_LIST_COUNT] =
        "SELECT COUNT(*) FROM route WHERE organization_id = $1 AND environment_id = $2",
    [STATEMENT_ROUTE_DELETE] =
        "DELETE FROM route WHERE id = $1 AND organization_id = $2 AND revision = $3",

    [STATEMENT_SERVICE_ACCOUNT_INSERT] =
        "INSERT INTO service_account (" SERVICE_ACCOUNT_COLUMNS
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    [STATEMENT_SERVICE_ACCOUNT_UPDATE] =
        "UPDATE service_account SET " TENANT_SET
        ", permissions = $8, is_disabled = $9, expires_at = $10, last_used_at = $11, name = $12, "
        "name_hash = $13, last_used_ip = $14" TENANT_UNCHANGED
        " AND project_id = $6 AND COALESCE(environment_id, $1) = COALESCE($7, $1)",
    [STATEMENT_SERVICE_ACCOUNT_USED] =
        "UPDATE service_account SET last_used_at = $3, last_used_ip = $4 "
        "WHERE id = $1 AND organization_id = $2",
    [STATEMENT_SERVICE_ACCOUNT_DELETE] =
        "DELETE FROM service_account WHERE id = $1 AND organization_id = $2 AND revision = $3",
    [STATEMENT_SERVICE_ACCOUNT_GET] = GET(SERVICE_ACCOUNT_COLUMNS, "service_account"),
    [STATEMENT_SERVICE_ACCOUNT_FIND] =
        "SELECT " SERVICE_ACCOUNT_COLUMNS " FROM service_account "
        "WHERE organization_id = $1 AND project_id = $2 AND name_hash = $3",
    LIST(STATEMENT_SERVICE_ACCOUNT_LIST, SERVICE_ACCOUNT_COLUMNS, "service_account",
         "organization_id = $1 AND project_id = $2 AND ", 3, 4),

    [STATEMENT_KEY_INSERT] = "INSERT INTO service_account_key (" KEY_COLUMNS
                             ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    [STATEMENT_KEY_GET] = GET(KEY_COLUMNS, "service_account_key"),
    [STATEMENT_KEY_FIND_ANY] =
        "SELECT " KEY_COLUMNS " FROM service_account_key WHERE secret_hash = $1",
    LIST(STATEMENT_KEY_LIST, KEY_COLUMNS, "service_account_key",
         "organization_id = $1 AND service_account_id = $2 AND ", 3, 4),
    [STATEMENT_KEY_COUNT_LIVE] =
        "SELECT COUNT(*) FROM service_account_key "
        "WHERE organization_id = $1 AND service_account_id = $2 AND revoked_at = 0 "
        "AND (expires_at = 0 OR expires_at > $3)",
    [STATEMENT_KEY_USED] = "UPDATE service_account_key SET last_used_at = $3, last_used_ip = $4 "
                           "WHERE id = $1 AND organization_id = $2",
    [STATEMENT_KEY_NEXT_EXPIRY_ANY] =
        "SELECT COALESCE(MIN(expires_at), 0) FROM service_account_key WHERE expires_at > $1",
    [STATEMENT_SERVICE_ACCOUNT_NEXT_EXPIRY_ANY] =
        "SELECT COALESCE(MIN(expires_at), 0) FROM service_account WHERE expires_at > $1",
    [STATEMENT_KEY_REVOKE] =
        "UPDATE service_account_key SET revoked_at = $3, updated_at = $3, revision = revision + 1 "
        "WHERE id = $1 AND organization_id = $2 AND revoked_at = 0",

    [STATEMENT_WARPGATE_INSERT] =
        "INSERT INTO warpgate (" WARPGATE_COLUMNS
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    [STATEMENT_WARPGATE_GET] = GET(WARPGATE_COLUMNS, "warpgate"),
    LIST(STATEMENT_WARPGATE_LIST, WARPGATE_COLUMNS, "warpgate",
         "organization_id = $1 AND environment_id = $2 AND ", 3, 4),
    [STATEMENT_WARPGATE_LIVE_OF_KEY] =
        "SELECT id, environment_id FROM warpgate "
        "WHERE organization_id = $1 AND key_id = $2 AND revoked_at = 0",
    [STATEMENT_WARPGATE_LIVE_OF_SERVICE_ACCOUNT] =
        "SELECT id, environment_id FROM warpgate WHERE organization_id = $1 AND revoked_at = 0 "
        "AND key_id IN (SELECT id FROM service_account_key "
        "WHERE organization_id = $1 AND service_account_id = $2)",
    [STATEMENT_WARPGATE_OF_EXPIRED_KEY_ANY] =
        "SELECT w.organization_id, w.id, w.environment_id FROM service_account_key k "
        "JOIN warpgate w ON w.organization_id = k.organization_id AND w.key_id = k.id "
        "WHERE k.expires_at > $1 AND k.expires_at <= $2 AND w.revoked_at = 0",
    [STATEMENT_WARPGATE_OF_EXPIRED_ACCOUNT_ANY] =
        "SELECT w.organization_id, w.id, w.environment_id FROM service_account a "
        "JOIN service_account_key k "
        "ON k.organization_id = a.organization_id AND k.service_account_id = a.id "
        "JOIN warpgate w ON w.organization_id = k.organization_id AND w.key_id = k.id "
        "WHERE a.expires_at > $1 AND a.expires_at <= $2 AND w.revoked_at = 0",
    [STATEMENT_WARPGATE_LIVE_OF_ENVIRONMENT] =
        "SELECT id, environment_id FROM warpgate "
        "WHERE organization_id = $1 AND environment_id = $2 AND revoked_at = 0",
    [STATEMENT_WARPGATE_LIVE_OF_PROJECT] =
        "SELECT id, environment_id FROM warpgate WHERE organization_id = $1 AND revoked_at = 0 "
        "AND environment_id IN "
        "(SELECT id FROM environment WHERE organization_id = $1 AND project_id = $2)",
    [STATEMENT_WARPGATE_REPORT] =
        "UPDATE warpgate SET updated_at = $3, last_seen_at = $4, "
        "applied_revision = CASE WHEN applied_revision < $5 THEN $5 ELSE applied_revision END, "
        "version = $6, platform = $7, ip_address = $8, refused_code = $9, refused_detail = $10 "
        "WHERE id = $1 AND organization_id = $2",
    [STATEMENT_WARPGATE_REVOKE] =
        "UPDATE warpgate SET revoked_at = $3, updated_at = $3, revision = revision + 1 "
        "WHERE id = $1 AND organization_id = $2 AND revoked_at = 0",
    [STATEMENT_WARPGATE_CERTIFIED] = "UPDATE warpgate SET certificate_until = $3 "
                                     "WHERE id = $1 AND organization_id = $2",
    [STATEMENT_WARPGATE_DELETE] = "DELETE FROM warpgate WHERE id = $1 AND organization_id = $2",
    [STATEMENT_WARPGATE_PRUNE_ANY] =
        "DELETE FROM warpgate WHERE last_seen_at < $1 AND created_at < $1",
    [STATEMENT_WARPGATE_SEEN_SINCE_ANY] =
        "SELECT id FROM warpgate WHERE revoked_at = 0 AND (last_seen_at >= $1 OR updated_at >= $1) "
        "ORDER BY id",

    [STATEMENT_SESSION_INSERT] = "INSERT INTO session (" SESSION_COLUMNS
                                 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    [STATEMENT_SESSION_FIND_ANY] = "SELECT " SESSION_COLUMNS " FROM session WHERE token_hash = $1",
    LIST(STATEMENT_SESSION_LIST, SESSION_COLUMNS, "session", "member_id = $1 AND ", 2, 3),
    [STATEMENT_SESSION_USED] = "UPDATE session SET last_used_at = $2 WHERE id = $1",
    [STATEMENT_SESSION_DELETE] = "DELETE FROM session WHERE id = $1",
    [STATEMENT_SESSION_DELETE_OF] = "DELETE FROM session WHERE id = $1 AND member_id = $2",
    [STATEMENT_SESSION_DELETE_OF_MEMBER] = "DELETE FROM session WHERE member_id = $1",
    [STATEMENT_SESSION_DELETE_OTHERS] = "DELETE FROM session WHERE member_id = $1 AND id <> $2",
    [STATEMENT_SESSION_PRUNE] = "DELETE FROM session WHERE expires_at <= $1 OR last_used_at < $2",

    [STATEMENT_REVOCATION_INSERT] =
        "INSERT INTO revocation (" REVOCATION_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        "ON CONFLICT (warpgate_id) DO UPDATE SET expires_at = excluded.expires_at, "
        "updated_at = excluded.updated_at, revision = revocation.revision + 1",
    LIST(STATEMENT_REVOCATION_LIST_ANY, REVOCATION_COLUMNS, "revocation", "expires_at > $1 AND ", 2,
         3),
    [STATEMENT_REVOCATION_PRUNE_ANY] = "DELETE FROM revocation WHERE expires_at <= $1",

    [STATEMENT_AUDIT_INSERT] = "INSERT INTO audit_event (" AUDIT_COLUMNS
                               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    [STATEMENT_AUDIT_GET] = GET(AUDIT_COLUMNS, "audit_event"),
    LIST(STATEMENT_AUDIT_LIST, AUDIT_COLUMNS, "audit_event",
         "organization_id = $1 AND (actor_id = $2 OR $2 IS NULL) "
         "AND (target_id = $3 OR $3 IS NULL) AND (action = $4 OR $4 IS NULL) "
         "AND (project_id = $5 OR $5 IS NULL) AND (environment_id = $6 OR $6 IS NULL) "
         "AND created_at >= $7 AND created_at < $8 AND id >= $9 AND id < $10 AND ",
         11, 12),
    [STATEMENT_AUDIT_PRUNE_ANY] = "DELETE FROM audit_event WHERE id IN "
                                  "(SELECT id FROM audit_event WHERE id < $1 ORDER BY id LIMIT $2)",
    [STATEMENT_AUDIT_FREE_INSERT] = "INSERT INTO installation_event (" AUDIT_FREE_COLUMNS
                                    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    LIST(STATEMENT_AUDIT_FREE_LIST, AUDIT_FREE_COLUMNS, "installation_event",
         "(actor_id = $1 OR $1 IS NULL) AND (target_id = $2 OR $2 IS NULL) "
         "AND (action = $3 OR $3 IS NULL) "
         "AND created_at >= $4 AND created_at < $5 AND id >= $6 AND id < $7 AND ",
         8, 9),
    [STATEMENT_AUDIT_FREE_PRUNE] =
        "DELETE FROM installation_event WHERE id IN "
        "(SELECT id FROM installation_event WHERE id < $1 ORDER BY id LIMIT $2)",
    [STATEMENT_AUDIT_PROJECT_OF_ENVIRONMENT] =
        "SELECT project_id FROM environment WHERE id = $1 AND organization_id = $2",
    [STATEMENT_AUDIT_PROJECT_OF_SERVICE_ACCOUNT] =
        "SELECT project_id FROM service_account WHERE id = $1 AND organization_id = $2",
    [STATEMENT_EDGE_INSERT] = "INSERT INTO edge (" EDGE_COLUMNS
                              ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    [STATEMENT_EDGE_UPDATE] =
        "UPDATE edge SET " FREE_SET ", is_enabled = $5, name = $10, address = $11, version = $12, "
        "ip_address = $13" FREE_UNCHANGED " AND is_embedded = $6 AND revoked_at = $7 "
        "AND last_seen_at >= $8 AND certificate_until >= $9",
    [STATEMENT_EDGE_GET] = "SELECT " EDGE_COLUMNS " FROM edge WHERE id = $1",
    LIST(STATEMENT_EDGE_LIST, EDGE_COLUMNS, "edge", "revoked_at = 0 AND ", 1, 2),
    LIST(STATEMENT_EDGE_LIST_ALL, EDGE_COLUMNS, "edge", "", 1, 2),
    [STATEMENT_EDGE_REPORT] = "UPDATE edge SET last_seen_at = $2, certificate_until = $3, "
                              "version = $4, ip_address = $5 WHERE id = $1",
    [STATEMENT_EDGE_REVOKE] =
        "UPDATE edge SET revoked_at = $2, updated_at = $2, revision = revision + 1 "
        "WHERE id = $1 AND revoked_at = 0",
    [STATEMENT_EDGE_PRUNE] = "DELETE FROM edge WHERE revoked_at > 0 AND revoked_at < $1",

    [STATEMENT_JOIN_TOKEN_INSERT] = "INSERT INTO join_token (" JOIN_TOKEN_COLUMNS
                                    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    [STATEMENT_JOIN_TOKEN_FIND] =
        "SELECT " JOIN_TOKEN_COLUMNS " FROM join_token WHERE secret_hash = $1",
    LIST(STATEMENT_JOIN_TOKEN_LIST, JOIN_TOKEN_COLUMNS, "join_token", "", 1, 2),
    [STATEMENT_JOIN_TOKEN_USE] =
        "UPDATE join_token SET edge_id = $2, used_at = $3, updated_at = $3, "
        "revision = revision + 1 "
        "WHERE id = $1 AND used_at = 0 AND revoked_at = 0 AND expires_at > $3",
    [STATEMENT_JOIN_TOKEN_REVOKE] =
        "UPDATE join_token SET revoked_at = $2, updated_at = $2, revision = revision + 1 "
        "WHERE id = $1 AND used_at = 0 AND revoked_at = 0",
    [STATEMENT_JOIN_TOKEN_PRUNE] = "DELETE FROM join_token WHERE expires_at < $1",

    [STATEMENT_IDEMPOTENCY_INSERT] =
        "INSERT INTO idempotency (" IDEMPOTENCY_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    [STATEMENT_IDEMPOTENCY_FIND] =
        "SELECT " IDEMPOTENCY_COLUMNS " FROM idempotency WHERE key_hash = $1 AND created_at > $2",
    [STATEMENT_IDEMPOTENCY_DELETE] = "DELETE FROM idempotency WHERE key_hash = $1",
    [STATEMENT_IDEMPOTENCY_TRIM] =
        "DELETE FROM idempotency WHERE principal_id = $1 AND id <= (SELECT id FROM idempotency "
        "WHERE principal_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    [STATEMENT_IDEMPOTENCY_PRUNE_ANY] = "DELETE FROM idempotency WHERE created_at < $1",
    [STATEMENT_USAGE_SOURCE_GET] = "SELECT sequence FROM usage_source WHERE process = $1",
    [STATEMENT_USAGE_SOURCE_SET] =
        "INSERT INTO usage_source (process, edge_id, sequence, updated_at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (process) DO UPDATE SET sequence = excluded.sequence, "
        "updated_at = excluded.updated_at",
    [STATEMENT_USAGE_SOURCE_PRUNE_ANY] = "DELETE FROM usage_source WHERE updated_at < $1",
    [STATEMENT_USAGE_ADD] =
        "INSERT INTO usage_rollup (organization_id, project_id, environment_id, grain, at, "
        "requests, bytes_in, bytes_out) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        "ON CONFLICT (organization_id, grain, at, project_id, environment_id) DO UPDATE SET "
        "requests = usage_rollup.requests + excluded.requests, "
        "bytes_in = usage_rollup.bytes_in + excluded.bytes_in, "
        "bytes_out = usage_rollup.bytes_out + excluded.bytes_out",
    [STATEMENT_USAGE_LIST] =
        "SELECT project_id, environment_id, at, requests, bytes_in, bytes_out "
        "FROM usage_rollup WHERE " USAGE_OF " ORDER BY at, project_id, environment_id LIMIT $9",
    [STATEMENT_USAGE_SUM] =
        "SELECT MIN(project_id), MIN(environment_id), at, CAST(SUM(requests) AS BIGINT), "
        "CAST(SUM(bytes_in) AS BIGINT), CAST(SUM(bytes_out) AS BIGINT) "
        "FROM usage_rollup WHERE " USAGE_OF " GROUP BY at ORDER BY at LIMIT $9",
    [STATEMENT_USAGE_PRUNE_ANY] = "DELETE FROM usage_rollup WHERE grain = 0 AND at < $1",
    [STATEMENT_METRIC_GET] = "SELECT detail FROM metric WHERE environment_id = $1 "
                             "AND organization_id = $2 AND route_id = $3 AND step = $4 AND at = $5",
    [STATEMENT_METRIC_ADD] =
        "INSERT INTO metric (environment_id, organization_id, route_id, step, at, status_none, "
        "status_1xx, status_2xx, status_3xx, status_4xx, status_5xx, bytes_in, bytes_out, "
        "unlogged, detail) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
        "ON CONFLICT (environment_id, step, at, route_id) DO UPDATE SET "
        "status_none = metric.status_none + excluded.status_none, "
        "status_1xx = metric.status_1xx + excluded.status_1xx, "
        "status_2xx = metric.status_2xx + excluded.status_2xx, "
        "status_3xx = metric.status_3xx + excluded.status_3xx, "
        "status_4xx = metric.status_4xx + excluded.status_4xx, "
        "status_5xx = metric.status_5xx + excluded.status_5xx, "
        "bytes_in = metric.bytes_in + excluded.bytes_in, "
        "bytes_out = metric.bytes_out + excluded.bytes_out, "
        "unlogged = metric.unlogged + excluded.unlogged, detail = excluded.detail",
    [STATEMENT_METRIC_LIST] =
        "SELECT route_id, at, status_none, status_1xx, status_2xx, status_3xx, status_4xx, "
        "status_5xx, bytes_in, bytes_out, unlogged, detail FROM metric "
        "WHERE organization_id = $1 AND environment_id = $2 AND step = $3 AND at >= $4 "
        "AND route_id >= $5 AND route_id <= $6 ORDER BY at, route_id",
    [STATEMENT_METRIC_PRUNE_ANY] = "DELETE FROM metric WHERE step = $1 AND at < $2",
    [STATEMENT_REQUEST_INSERT] =
        "INSERT INTO request_log (" REQUEST_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7) "
        "ON CONFLICT (id) DO NOTHING",
    LIST(STATEMENT_REQUEST_LIST, REQUEST_COLUMNS, "request_log",
         "organization_id = $1 AND environment_id = $2 AND ", 3, 4),
    [STATEMENT_REQUEST_TRIM] =
        "DELETE FROM request_log WHERE organization_id = $1 AND environment_id = $2 AND "
        "(created_at < $4 OR id <= (SELECT id FROM request_log WHERE organization_id = $1 "
        "AND environment_id = $2 ORDER BY id DESC LIMIT 1 OFFSET $3))",

    [STATEMENT_TENANT_OF_ORGANIZATION_ANY] =
        "SELECT id, NULL, NULL FROM organization WHERE id = $1",
    [STATEMENT_TENANT_OF_PROJECT_ANY] = TENANT_IN_PROJECT("project", "id"),
    [STATEMENT_TENANT_OF_ENVIRONMENT_ANY] =
        "SELECT organization_id, project_id, id FROM environment WHERE id = $1",
    [STATEMENT_TENANT_OF_ROUTE_ANY] = TENANT_IN_ENVIRONMENT("route"),
    [STATEMENT_TENANT_OF_SERVICE_ACCOUNT_ANY] =
        "SELECT organization_id, project_id, environment_id FROM service_account WHERE id = $1",
    [STATEMENT_TENANT_OF_KEY_ANY] =
        "SELECT k.organization_id, k.project_id, a.environment_id FROM service_account_key k "
        "JOIN service_account a "
        "ON a.organization_id = k.organization_id AND a.id = k.service_account_id WHERE k.id = $1",
    [STATEMENT_TENANT_OF_WARPGATE_ANY] = TENANT_IN_ENVIRONMENT("warpgate"),
    [STATEMENT_TENANT_OF_EVENT_ANY] =
        "SELECT organization_id, project_id, environment_id FROM audit_event WHERE id = $1",
    [STATEMENT_TENANT_OF_INVITATION_ANY] = TENANT_OF("invitation"),
    [STATEMENT_TENANT_OF_OPERATION_ANY] = TENANT_OF("operation"),
};

const char *store_statement_text(enum store_statement statement) {
    return texts[statement];
}
