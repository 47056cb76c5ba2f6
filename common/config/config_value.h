/* One value of the configuration: conversion from and to text, and its allowed range; private to config*.c.
 *
 *     RT_TRY(rt__key_set_scalar(rt__key_find("optimizer", "lr"), cfg, "0.01", false));
 */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_VALUE_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_VALUE_H

#include "common/base/text.h"
#include "common/config/config_table.h"
#include <stdio.h>

/* Sets the field from a scalar. If `quoted`, it was written in quotes and can only be text. If the value does not fit,
 * fails with CONFIG, naming key, value and what is allowed, and leaves cfg unchanged. */
rt_status rt__key_set_scalar(const rt__key *key, rt_config *cfg, const char *text, bool quoted);
/* Fails: a list or a mapping was given where a scalar is expected. */
rt_status rt__key_no_scalar(const rt__key *key, bool is_list);
/* Sets a NODE field; takes ownership of `node`, also on failure. */
rt_status rt__key_set_node(const rt__key *key, rt_config *cfg, json_t *node);
/* Appends the value as written in a file. */
rt_status rt__key_print(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Appends the value in the form that hashes have always used: hashes of runs and checkpoints must survive a change of
 * how numbers are written elsewhere. */
rt_status rt__key_print_to_hash(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Appends the allowed values: "an integer from 1 to 65536", "one of adamw, sgd". */
void rt__key_expects(const rt__key *key, rt_text *to);
/* Prints the key's line of rt_config_list. */
void rt__key_list(const rt__key *key, FILE *to);
/* Prints the key's reference for people: two lines that begin with `indent`. */
void rt__key_help(const rt__key *key, const rt_config *standard, const char *indent, FILE *to);
/* Returns whether the key has its default value. */
bool rt__key_has_default(const rt__key *key, const rt_config *cfg, const rt_config *standard);
/* Moves the value from one config to another and frees the other's old value. */
void rt__key_move(const rt__key *key, rt_config *from, rt_config *to);
/* Frees a string or node and zeroes the field. */
void rt__key_clear(const rt__key *key, rt_config *cfg);

/* Plain scalars by YAML 1.2's core schema (https://yaml.org/spec/1.2.2, 10.3.2): return whether the text has the form
 * of a boolean (and which, in *value), of null, of a decimal integer, or of a decimal number (integers included). */
bool rt__is_bool(const char *text, bool *value);
bool rt__is_null(const char *text);
bool rt__is_integer(const char *text);
bool rt__is_number(const char *text);

#endif
