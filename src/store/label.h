/*
 * Labels: what records are called by people.  They stand in logs, tables and command lines, so
 * they are made of characters that need no quoting anywhere.
 */
#ifndef POLLUX_STORE_LABEL_H
#define POLLUX_STORE_LABEL_H

#include <stdbool.h>
#include "base/err.h"
#include "base/text.h"

#define LABEL_MAX 63 /* characters */

bool label_check(struct span label, struct err *); /* err names the field "label" */

#endif
