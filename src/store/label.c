/*
 * Labels.  Pure; used by whoever makes records.
 */
#include "store/label.h"

#include <ctype.h>
#include <string.h>

bool
label_check(struct span label, struct err *e)
{
	if (label.len == 0 || label.len > LABEL_MAX)
		return err_field(e, "label", "a label has 1 to %d characters", LABEL_MAX);
	for (size_t i = 0; i < label.len; i++) {
		unsigned char c = (unsigned char)label.p[i];

		if (c == '\0' || (!isalnum(c) && !strchr("-_.@:+", c)))
			return err_field(
			    e, "label", "a label is made of letters, digits and - _ . @ : +");
	}
	return true;
}
