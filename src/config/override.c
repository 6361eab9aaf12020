/*
 * One "section.key=value" of -D, or "model.NAME.key=value", where NAME may hold dots itself.
 * Runs in the master and in polluxctl.  Everyone on the machine can read a command line, so
 * secrets are refused here.
 */
#include "config/private.h"

#include "config/values.h"

static void
say_unknown(struct span name, struct span section, struct span key, struct faults *faults)
{
	const char *near = setting_nearest(section, key);

	faults_add(faults, true, 0, "-D: there is no setting %s%s%s", value_quote(name).text,
	    near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
}

void
override_read(const char *text, struct entries *entries, struct faults *faults)
{
	struct span value = span_of(text), name = span_trim(span_cut(&value, '='));
	struct span section, model, key;
	const struct setting *s;
	char *block;

	if (value.p == NULL || !setting_split(name, &section, &model, &key)) {
		faults_add(faults, true, 0, "-D wants section.key=value or model.NAME.key=value");
		return;
	}
	s = setting_find(section, key);
	if (s == NULL) {
		say_unknown(name, section, key, faults);
		return;
	}
	if (setting_holds_login(s, value)) {
		faults_add(faults, true, 0,
		    "-D %s: a password does not belong on the command line; use the file or the "
		    "environment",
		    s->name);
		return;
	}
	block = model.p == NULL ? NULL : mem_dup_span(model);
	entry_add_value(entries, entries_add(entries, s, block, "-D", 0), value);
	mem_free(block);
}
