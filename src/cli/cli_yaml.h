/* cli_yaml.h: YAML documents as JSON trees: what people write manifests and bodies in. JSON is YAML, so it is read, too.
 *
 * YAML 1.2's core schema (§10.3): plain null, true, false, integers and decimals are what they look like, everything else and everything
 * quoted is text; "yes" and "on" are text. One document; no anchors, aliases or tags, no member twice, at most CLI_YAML_DEPTH_MAX deep
 * and CLI_YAML_NODES_MAX nodes.
 */
#ifndef CLI_CLI_YAML_H
#define CLI_CLI_YAML_H

#include <jansson.h>

#include "base/status.h"
#include "base/str.h"

#define CLI_YAML_DEPTH_MAX 24
#define CLI_YAML_NODES_MAX 200000

/* `*tree` is the caller's to json_decref. STATUS_INVALID (yaml_invalid) with line and column. */
enum status cli_yaml_parse(struct str text, json_t **tree, struct why *why) MUST_USE;
/* One plain value, as in key=value: what core schema makes of it. A new node. */
json_t *cli_yaml_scalar(struct str text);

#endif
