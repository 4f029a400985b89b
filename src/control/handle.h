/* handle.h: the handlers of all operations, as the tables in api_router.c name them.
 *
 * The last station of an API request: routed, its caller identified and its body checked against the schema (api_dispatch.h). A handler opens
 * one transaction, asks for the tenant and whether the caller may (404 and 403), reads or changes, and leaves its answer in the call. Each
 * runs on a pool thread and may block on the store; it touches no loop. What the call holds lives as long as the call; a handler keeps nothing.
 * The status that it returns becomes the problem that is answered (api_problem.h), with what api_call_refuse has said.
 */
#ifndef CONTROL_HANDLE_H
#define CONTROL_HANDLE_H

#include "control/api_call.h"

/* handle_session.c */
enum status handle_session_create(struct api_call *call) MUST_USE;
enum status handle_session_delete(struct api_call *call) MUST_USE;
/* A session that has just begun, with its token. */
json_t *handle_session_write(const struct identity_login_result *result);
/* handle_me.c */
enum status handle_me_get(struct api_call *call) MUST_USE;
enum status handle_me_patch(struct api_call *call) MUST_USE;
enum status handle_me_session_list(struct api_call *call) MUST_USE;
enum status handle_me_session_delete_others(struct api_call *call) MUST_USE;
enum status handle_me_session_delete(struct api_call *call) MUST_USE;
/* handle_organization.c */
enum status handle_organization_list(struct api_call *call) MUST_USE;
enum status handle_organization_create(struct api_call *call) MUST_USE;
enum status handle_organization_get(struct api_call *call) MUST_USE;
enum status handle_organization_patch(struct api_call *call) MUST_USE;
/* handle_erasure.c */
enum status handle_erasure_begin(struct api_call *call) MUST_USE;
enum status handle_erasure_undo(struct api_call *call) MUST_USE;
/* handle_operation.c */
enum status handle_operation_export(struct api_call *call) MUST_USE;
enum status handle_operation_get(struct api_call *call) MUST_USE;
enum status handle_operation_result(struct api_call *call) MUST_USE;
/* handle_invitation.c */
enum status handle_invitation_list(struct api_call *call) MUST_USE;
enum status handle_invitation_create(struct api_call *call) MUST_USE;
enum status handle_invitation_get(struct api_call *call) MUST_USE;
enum status handle_invitation_delete(struct api_call *call) MUST_USE;
enum status handle_invitation_resend(struct api_call *call) MUST_USE;
/* handle_acceptance.c */
enum status handle_acceptance_create(struct api_call *call) MUST_USE;
/* handle_mail.c */
enum status handle_mail_list(struct api_call *call) MUST_USE;
/* handle_member.c */
enum status handle_member_list(struct api_call *call) MUST_USE;
enum status handle_member_get(struct api_call *call) MUST_USE;
enum status handle_member_patch(struct api_call *call) MUST_USE;
enum status handle_member_delete(struct api_call *call) MUST_USE;
enum status handle_member_leave(struct api_call *call) MUST_USE;
/* handle_project.c */
enum status handle_project_list(struct api_call *call) MUST_USE;
enum status handle_project_create(struct api_call *call) MUST_USE;
enum status handle_project_get(struct api_call *call) MUST_USE;
enum status handle_project_patch(struct api_call *call) MUST_USE;
enum status handle_project_delete(struct api_call *call) MUST_USE;
/* handle_environment.c */
enum status handle_environment_list(struct api_call *call) MUST_USE;
enum status handle_environment_create(struct api_call *call) MUST_USE;
enum status handle_environment_get(struct api_call *call) MUST_USE;
enum status handle_environment_patch(struct api_call *call) MUST_USE;
enum status handle_environment_delete(struct api_call *call) MUST_USE;
/* handle_route.c */
enum status handle_route_list(struct api_call *call) MUST_USE;
enum status handle_route_create(struct api_call *call) MUST_USE;
enum status handle_route_get(struct api_call *call) MUST_USE;
enum status handle_route_patch(struct api_call *call) MUST_USE;
enum status handle_route_delete(struct api_call *call) MUST_USE;
/* handle_route_order.c */
enum status handle_route_order_put(struct api_call *call) MUST_USE;
/* handle_manifest.c */
enum status handle_manifest_get(struct api_call *call) MUST_USE;
enum status handle_manifest_put(struct api_call *call) MUST_USE;
/* handle_service_account.c */
enum status handle_service_account_list(struct api_call *call) MUST_USE;
enum status handle_service_account_create(struct api_call *call) MUST_USE;
enum status handle_service_account_get(struct api_call *call) MUST_USE;
enum status handle_service_account_patch(struct api_call *call) MUST_USE;
enum status handle_service_account_delete(struct api_call *call) MUST_USE;
/* handle_key.c */
enum status handle_key_list(struct api_call *call) MUST_USE;
enum status handle_key_create(struct api_call *call) MUST_USE;
enum status handle_key_get(struct api_call *call) MUST_USE;
enum status handle_key_delete(struct api_call *call) MUST_USE;
/* handle_warpgate.c */
enum status handle_warpgate_list(struct api_call *call) MUST_USE;
enum status handle_warpgate_get(struct api_call *call) MUST_USE;
enum status handle_warpgate_delete(struct api_call *call) MUST_USE;
/* handle_audit.c */
enum status handle_audit_list(struct api_call *call) MUST_USE;
enum status handle_audit_list_of_project(struct api_call *call) MUST_USE;
enum status handle_audit_list_of_installation(struct api_call *call) MUST_USE;
enum status handle_audit_get(struct api_call *call) MUST_USE;
enum status handle_audit_export(struct api_call *call) MUST_USE;
/* handle_event.c */
enum status handle_event_environment(struct api_call *call) MUST_USE;
enum status handle_event_organization(struct api_call *call) MUST_USE;
/* handle_status.c */
enum status handle_status_get(struct api_call *call) MUST_USE;
/* handle_usage.c */
enum status handle_usage_get(struct api_call *call) MUST_USE;
enum status handle_usage_statements(struct api_call *call) MUST_USE;
enum status handle_usage_statement(struct api_call *call) MUST_USE;
/* handle_metrics.c */
enum status handle_metrics_get(struct api_call *call) MUST_USE;
/* handle_request.c */
enum status handle_request_list(struct api_call *call) MUST_USE;
enum status handle_request_stream(struct api_call *call) MUST_USE;
/* handle_openapi.c */
enum status handle_openapi_get(struct api_call *call) MUST_USE;
/* handle_ca.c */
enum status handle_ca_get(struct api_call *call) MUST_USE;
enum status handle_ca_step(struct api_call *call) MUST_USE;
/* handle_edge.c */
enum status handle_edge_list(struct api_call *call) MUST_USE;
enum status handle_edge_get(struct api_call *call) MUST_USE;
enum status handle_edge_patch(struct api_call *call) MUST_USE;
enum status handle_edge_delete(struct api_call *call) MUST_USE;
/* handle_join_token.c */
enum status handle_join_token_list(struct api_call *call) MUST_USE;
enum status handle_join_token_create(struct api_call *call) MUST_USE;
enum status handle_join_token_delete(struct api_call *call) MUST_USE;
/* handle_edge_enrolment.c */
enum status handle_edge_enrolment_create(struct api_call *call) MUST_USE;
/* handle_enrolment.c */
enum status handle_enrolment_create(struct api_call *call) MUST_USE;
enum status handle_enrolment_renew(struct api_call *call) MUST_USE;

#endif
