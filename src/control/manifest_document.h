/* manifest_document.h: a project as one document: environments, their settings and routes, in the form that PUT takes again.
 *
 * Of settings it holds what differs from the standard. It holds no ids, revisions, times or secrets: the same document describes the same
 * project elsewhere. Blocks on the store; pool threads.
 */
#ifndef CONTROL_MANIFEST_DOCUMENT_H
#define CONTROL_MANIFEST_DOCUMENT_H

#include "control/api_call.h"
#include "store/store_project.h"
#include "store/store_route.h"

#define MANIFEST_ENVIRONMENTS_MAX 100

/* The whole project; STATUS_TOO_LARGE (manifest_too_large: more than MANIFEST_ENVIRONMENTS_MAX), or what the store says. */
enum status manifest_document_make(struct api_call *call, const struct store_project *project,
                                   json_t **document) MUST_USE;
/* Its entity tag: the same for the same content. */
void manifest_document_tag(const json_t *document, char etag[64]);
/* Parts of it: without routes. */
json_t *manifest_document_environment(const struct store_environment *row);
json_t *manifest_document_route(const struct store_route *row);
/* All environments of the project, oldest first. As manifest_document_make. */
enum status manifest_document_environments(struct api_call *call, const struct id *project,
                                           struct store_environment **rows, size_t *count) MUST_USE;

#endif
