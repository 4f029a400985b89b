/* setting_document.h: settings (policy/setting.h) as JSON: from requests, to answers and bundles, and as the store keeps them.
 *
 * A *document* holds what differs from the standard, in the order of its shape, so that what nobody has set follows the standard of the
 * version that runs, and equal settings are equal text. Every function but the first gives a new tree. Any thread.
 */
#ifndef CONTROL_SETTING_DOCUMENT_H
#define CONTROL_SETTING_DOCUMENT_H

#include "control/api_schema.h"
#include "policy/setting.h"

/* Merges the shape's members of `patch` into `target` (RFC 7396): null goes back to the standard. Nothing is judged. */
void setting_document_merge(const struct setting_shape *shape, json_t *target, const json_t *patch);
/* What is wrong with it, at `pointer` in the request; true if nothing is. */
bool setting_document_check(const struct setting_shape *shape, const json_t *document,
                            const char *pointer, struct api_faults *faults);
/* Of a document that was checked: without what is as the standard has it. */
json_t *setting_document_reduce(const struct setting_shape *shape, const json_t *document);
/* The same with everything: standards where nothing was said, null for objects and texts that are not there. */
json_t *setting_document_complete(const struct setting_shape *shape, const json_t *document);
/* What bundles carry of it: all but what is for people. */
json_t *setting_document_deliver(const struct setting_shape *shape, const json_t *document);

/* What the store is to keep when the shape's members of `patch`, which stands at `pointer` in the request, are merged into `stored`: judged
 * as a whole; in the arena. With faults (of the reader, or settings_too_large) it is without meaning. */
struct str setting_document_take(const struct setting_shape *shape, const json_t *patch,
                                 const char *pointer, size_t bytes_max, struct arena *arena,
                                 struct api_faults *faults, struct str stored);
/* What the store keeps: {} where it is empty or, with a line in the log, cannot be read. */
json_t *setting_document_parse(struct str stored);
/* STATUS_TOO_LARGE when it is over `bytes_max`; "" for {}; in the arena. */
enum status setting_document_format(const json_t *document, size_t bytes_max, struct arena *arena,
                                    struct str *text) MUST_USE;

#endif
