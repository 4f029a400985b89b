/* cli_table.h: lists and objects for people: columns that line up, bytes that a terminal would act on made visible. */
#ifndef CLI_CLI_TABLE_H
#define CLI_CLI_TABLE_H

#include <stdio.h>

#include <jansson.h>

/* A header, and a line for each item. `columns` ends with NULL; a dot in a name goes into an object. What is missing or null is "-". */
void cli_table_list(FILE *out, const char *const *columns, const json_t *items);
/* One line of a list that grows: without a header, cells apart by two spaces. */
void cli_table_row(FILE *out, const char *const *columns, const json_t *item);
/* Text from elsewhere, made safe for a terminal. */
void cli_table_text(FILE *out, const char *text);
/* One line for each member. */
void cli_table_object(FILE *out, const json_t *object);

#endif
