/*
 * Messages of OpenAI's chat, row by row: what a client sends and what Gemini gets of it.
 */
#include "dialect/openai_messages.h"

#include "tests/unit/dialect/messages_world.h"

/* ---- messages ---- */

static void
messages_become_contents(void **state)
{
	static const struct row rows[] = {
		{ "one question", "[" USER "]", CONTENTS(HI) },
		{ "a conversation", "[" USER "," SAYS("assistant", "yes?") "," USER "]",
		    CONTENTS(HI "," BY("model", T("yes?")) "," HI) },
		{ "leading system and developer messages",
		    "[" SAYS("system", "a") "," PARTS("developer", TEXT("b") "," TEXT("c")) "," USER
											    "]",
		    CONTENTS(HI) INSTRUCTION(T("a") "," T("b") "," T("c")) },
		{ "a later system message", "[" USER "," SAYS("system", "now") "," USER "]",
		    CONTENTS(HI "," BY("user", T("now")) "," HI) },
		{ "only system messages", "[" SAYS("system", "a") "," SAYS("developer", "b") "]",
		    CONTENTS(BY("user", T("a") "," T("b"))) },
		{ "an empty system message", "[" SAYS("system", "") "," USER "]", CONTENTS(HI) },
		{ "text parts",
		    "[" PARTS("user",
			TEXT("a") ",{\"text\":\"b\",\"type\":\"text\","
				  "\"prompt_cache_breakpoint\":{\"ttl\":\"1h\"}}") "]",
		    CONTENTS(BY("user", T("a") "," T("b"))) },
		{ "an empty text is dropped", "[" PARTS("user", TEXT("") "," TEXT("b")) "]",
		    CONTENTS(BY("user", T("b"))) },
		{ "all are", "[" PARTS("user", TEXT("") "," TEXT("")) "]",
		    CONTENTS(BY("user", T(" "))) },
		{ "no parts at all", "[" PARTS("user", "") "]", CONTENTS(BY("user", T(" "))) },
		{ "nothing said", "[" SAYS("user", "") "]", CONTENTS(BY("user", T(" "))) },
		{ "the role behind the content",
		    "[{\"content\":\"x\",\"role\":\"system\"}," USER "]",
		    CONTENTS(HI) INSTRUCTION(T("x")) },
		{ "escapes stay as they are",
		    "[" SAYS("user", "\\u00e9\\n\\\"\\/ \xC3\xA9 \\u0000") "]",
		    CONTENTS(BY("user", T("\\u00e9\\n\\\"\\/ \xC3\xA9 \\u0000"))) },
		{ "names in escapes", "[{\"r\\u006fle\":\"us\\u0065r\",\"content\":\"x\"}]",
		    CONTENTS(BY("user", T("x"))) },
		{ "the last of several members",
		    "[{\"role\":\"assistant\",\"content\":[" TEXT(
			"x") "],\"role\":\"user\",\"content\":\"y\"}]",
		    CONTENTS(BY("user", T("y"))) },
		{ "content that is taken back",
		    "[" USER ",{\"role\":\"assistant\",\"content\":"
		    "\"x\",\"content\":null,\"refusal\":\"no\"}]",
		    CONTENTS(HI "," BY("model", T("no"))) },
		{ "names of speakers are dropped",
		    "[{\"role\":\"user\",\"name\":\"Ann\","
		    "\"content\":\"hi\"}]",
		    CONTENTS(HI) },
		{ "fields that nobody knows",
		    "[{\"role\":\"user\",\"content\":\"hi\",\"x\":[{}],"
		    "\"weight\":0,\"extra_content\":5,\"provider_specific_fields\":[]}]",
		    CONTENTS(HI) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

static void
what_the_assistant_said_becomes_a_turn_of_the_model(void **state)
{
	static const struct row rows[] = {
		{ "text", "[" USER "," SAYS("assistant", "a") "]",
		    CONTENTS(HI "," BY("model", T("a"))) },
		{ "nothing", "[" USER ",{\"role\":\"assistant\",\"content\":null}," USER "]",
		    CONTENTS(HI "," HI) },
		{ "still nothing",
		    "[" USER
		    ",{\"role\":\"assistant\"}," SAYS("assistant", "") "," PARTS("assistant",
			"") ",{\"role\":\"assistant\",\"tool_calls\":[],"
			    "\"function_call\":null,\"refusal\":null,\"images\":null}]",
		    CONTENTS(HI) },
		{ "a refusal",
		    "[" USER ",{\"role\":\"assistant\",\"content\":null,"
		    "\"refusal\":\"no\"}]",
		    CONTENTS(HI "," BY("model", T("no"))) },
		{ "a refusal as a part",
		    "[" USER "," PARTS(
			"assistant", TEXT("a") ",{\"type\":\"refusal\",\"refusal\":\"no\"}") "]",
		    CONTENTS(HI "," BY("model", T("a") "," T("no"))) },
		{ "reasoning is dropped",
		    "[" USER ",{\"role\":\"assistant\",\"content\":\"a\","
		    "\"reasoning_content\":\"x\",\"reasoning\":\"y\",\"reasoning_details\":[{}]}]",
		    CONTENTS(HI "," BY("model", T("a"))) },
		{ "audio that is not known is dropped",
		    "[" USER ",{\"role\":\"assistant\","
		    "\"audio\":{\"id\":\"audio_1\"}}," USER "]",
		    CONTENTS(HI "," HI) },
		{ "images of ours come back",
		    "[" USER ",{\"role\":\"assistant\",\"content\":"
		    "\"Here.\",\"images\":[{\"type\":\"image_url\",\"index\":0,\"image_url\":"
		    "{\"url\":\"" PNG "\"}}]}," USER "]",
		    CONTENTS(HI "," BY("model", T("Here.") "," INLINE_PNG) "," HI) },
		{ "with their signatures",
		    "[" USER ",{\"role\":\"assistant\",\"images\":[{\"type\":"
		    "\"image_url\",\"image_url\":{\"url\":\"" PNG
		    "\"},\"extra_content\":{\"google\":"
		    "{\"thought_signature\":\"QUJD\"}}}]}]",
		    CONTENTS(
			HI "," BY("model", "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
					   "\"iVBORw0KGgo=\"},\"thoughtSignature\":\"QUJD\"}")) },
		{ "an image as a part", "[" USER "," PARTS("assistant", IMAGE(PNG)) "]",
		    CONTENTS(HI "," BY("model", INLINE_PNG)) },
		{ "a last word stays", "[" USER "," SAYS("assistant", "The") "]",
		    CONTENTS(HI "," BY("model", T("The"))) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

static void
a_late_system_message_is_never_dropped(void **state)
{
	struct world *w = *state;

	assert_string_equal(
	    made(w, "[" USER "," SAYS("system", "a") "]"), CONTENTS(HI "," BY("user", T("a"))));
	w->options.late_system = LATE_SYSTEM_HOIST;
	assert_string_equal(
	    made(w, "[" USER "," SAYS("system", "a") "]"), CONTENTS(HI) INSTRUCTION(T("a")));
}

static void
texts_keep_what_google_says_of_them(void **state)
{
	static const struct row rows[] = {
		{ "a thought and a signature",
		    "[" USER "," PARTS("assistant",
			"{\"type\":\"text\",\"text\":\"Hm.\"," GOOGLE(
			    "\"thought\":true") "},"
						"{\"type\":\"text\",\"text\":\"a\"," GOOGLE(
						    "\"thought_signature\":\"QUJD\"") "}") "]",
		    CONTENTS(
			HI "," BY("model", "{\"text\":\"Hm.\",\"thought\":true},"
					   "{\"text\":\"a\",\"thoughtSignature\":\"QUJD\"}")) },
		{ "of a message: that of its last text",
		    "[" USER ",{\"role\":\"assistant\"," GOOGLE(
			"\"thought_signature\":"
			"\"QUJD\"") ",\"content\":"
				    "[" TEXT("a") "," TEXT("b") "," TEXT("") "]}]",
		    CONTENTS(HI "," BY("model", T("a") ",{\"text\":\"b\","
						       "\"thoughtSignature\":\"QUJD\"}")) },
		{ "of one that refuses",
		    "[" USER ",{\"role\":\"assistant\",\"refusal\":\"no\","
		    "\"content\":\"a\"," GOOGLE("\"thought_signature\":\"QUJD\"") "}]",
		    CONTENTS(HI "," BY("model", T("a") ",{\"text\":\"no\","
						       "\"thoughtSignature\":\"QUJD\"}")) },
		{ "the part's own comes first",
		    "[" USER ",{\"role\":\"assistant\",\"content\":[{"
		    "\"type\":\"text\",\"text\":\"a\"," GOOGLE(
			"\"thoughtSignature\":\"WFla\"") "}]," GOOGLE("\"thought_signature\":"
								      "\"QUJD\"") "}]",
		    CONTENTS(
			HI "," BY("model", "{\"text\":\"a\",\"thoughtSignature\":\"WFla\"}")) },
		{ "rubbish is discarded",
		    "[" USER ",{\"role\":\"assistant\",\"content\":\"a\"," GOOGLE(
			"\"thought_signature\":\"no!\",\"thought\":1") "}]",
		    CONTENTS(HI "," BY("model", T("a"))) },
		{ "the user signs nothing",
		    "[" PARTS(
			"user", "{\"type\":\"text\",\"text\":\"a\"," GOOGLE(
				    "\"thought_signature\":\"QUJD\",\"thought\":true") "}") "]",
		    CONTENTS(BY("user", T("a"))) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

static void
messages_that_cannot_be_understood_are_refused_with_their_place(void **state)
{
	static const struct refusal rows[] = {
		{ "{}", "messages", "must be a list" },
		{ "null", "messages", "must be a list" },
		{ "[]", "messages", "nothing that could be answered" },
		{ "[{\"role\":\"assistant\",\"content\":null}]", "messages", "nothing" },
		{ "[5]", "messages[0]", "must be an object" },
		{ "[" USER ",[]]", "messages[1]", "must be an object" },
		{ "[{\"content\":\"x\"}]", "messages[0].role", "is missing" },
		{ "[{\"role\":null,\"content\":\"x\"}]", "messages[0].role", "is missing" },
		{ "[{\"role\":1,\"content\":\"x\"}]", "messages[0].role", "must be a string" },
		{ "[{\"role\":\"model\",\"content\":\"x\"}]", "messages[0].role", "no known role" },
		{ "[{\"role\":\"user\"}]", "messages[0].content", "must be a string" },
		{ "[{\"role\":\"user\",\"content\":null}]", "messages[0].content", "must be" },
		{ "[{\"role\":\"system\",\"content\":{}}]", "messages[0].content", "must be" },
		{ "[{\"role\":\"user\",\"content\":5}]", "messages[0].content", "must be" },
		{ "[" PARTS("user", "\"x\"") "]", "messages[0].content[0]", "must be an object" },
		{ "[" PARTS("user", TEXT("a") ",{\"text\":\"b\"}") "]",
		    "messages[0].content[1].type", "is missing" },
		{ "[" PARTS("user", "{\"type\":7}") "]", "messages[0].content[0].type", "string" },
		{ "[" PARTS("user", "{\"type\":\"input_text\",\"text\":\"a\"}") "]",
		    "messages[0].content[0].type", "is no known type of part" },
		{ "[" PARTS("user", "{\"type\":\"text\"}") "]", "messages[0].content[0].text",
		    "is missing" },
		{ "[" PARTS("user", "{\"type\":\"text\",\"text\":[]}") "]",
		    "messages[0].content[0].text", "must be a string" },
		{ "[" PARTS("user", "{\"type\":\"refusal\",\"refusal\":\"x\"}") "]",
		    "messages[0].content[0].type", "for the assistant alone" },
		{ "[" PARTS("assistant", "{\"type\":\"refusal\"}") "]",
		    "messages[0].content[0].refusal", "is missing" },
		{ "[" PARTS("system", TEXT("a") "," IMAGE(PNG)) "," USER "]",
		    "messages[0].content[1].type", "not for a system message" },
		{ "[" USER "," PARTS("developer", "{\"type\":\"file\"}") "]",
		    "messages[1].content[0].type", "not for a system message" },
		{ "[{\"role\":\"assistant\",\"refusal\":5}]", "messages[0].refusal", "string" },
		{ "[{\"role\":\"assistant\",\"images\":{}}]", "messages[0].images", "a list" },
		{ "[{\"role\":\"assistant\",\"images\":[" TEXT("a") "]}]",
		    "messages[0].images[0].type", "is no image" },
		{ "[{\"role\":\"assistant\",\"images\":[7]}]", "messages[0].images[0]", "object" },
	};
	struct err e;

	assert_refusals(*state, rows, COUNT(rows));
	assert_false(read_span(*state, SPAN_NONE, &e));
	assert_string_equal(e.field, "messages");
	assert_string_equal(e.text, "messages is missing");
}

/* ---- media ---- */

#define PART(type, value) "{\"type\":\"" type "\",\"" type "\":" value "}"
#define OF_USER(part)     "[" PARTS("user", part) "]"
#define IS(part)          CONTENTS(BY("user", part))

static void
media_parts_become_inline_data(void **state)
{
	static const struct row rows[] = {
		{ "an image", OF_USER(IMAGE(PNG)), IS(INLINE_PNG) },
		{ "its URL as a bare string", OF_USER(PART("image_url", "\"" PNG "\"")),
		    IS(INLINE_PNG) },
		{ "beside text", OF_USER(TEXT("What?") "," IMAGE(PNG)),
		    IS(T("What?") "," INLINE_PNG) },
		{ "image/jpg", OF_USER(IMAGE("data:image/jpg;base64,QUJD")),
		    IS(INLINE("image/jpeg", "QUJD")) },
		{ "sound", OF_USER(PART("input_audio", "{\"data\":\"QUJD\",\"format\":\"wav\"}")),
		    IS(INLINE("audio/wav", "QUJD")) },
		{ "sound of a MIME type",
		    OF_USER(
			PART("input_audio", "{\"data\":\"QUJD\",\"format\":\"audio\\/x-foo\"}")),
		    IS(INLINE("audio/x-foo", "QUJD")) },
		{ "sound as a data URL",
		    OF_USER(PART("input_audio", "{\"data\":\"data:audio/flac;base64,QUJD\"}")),
		    IS(INLINE("audio/flac", "QUJD")) },
		{ "a file as a data URL",
		    OF_USER(PART("file",
			"{\"file_data\":\"data:text/plain;base64,QUJD\",\"filename\":\"a.pdf\"}")),
		    IS(INLINE("text/plain", "QUJD")) },
		{ "a file as base64, by its name",
		    OF_USER(PART("file", "{\"file_data\":\"QUJD\",\"filename\":\"notes.txt\"}")),
		    IS(INLINE("text/plain", "QUJD")) },
		{ "a file that says nothing", OF_USER(PART("file", "{\"file_data\":\"QUJD\"}")),
		    IS(INLINE("application/pdf", "QUJD")) },
		{ "a pdf is never dropped",
		    OF_USER(PART("file", "{\"filename\":\"a.pdf\",\"file_data\":\"data:application/"
					 "pdf;base64,QUJD\"}")),
		    IS(INLINE("application/pdf", "QUJD")) },
		{ "a film", OF_USER(PART("video_url", "{\"url\":\"data:video/mp4;base64,QUJD\"}")),
		    IS(INLINE("video/mp4", "QUJD")) },
		{ "a film as data",
		    OF_USER(PART("input_video", "{\"data\":\"QUJD\",\"format\":\"webm\"}")),
		    IS(INLINE("video/webm", "QUJD")) },
		{ "a film, cut",
		    OF_USER("{\"type\":\"video_url\",\"video_url\":"
			    "{\"url\":\"data:video/mp4;base64,QUJD\"}," GOOGLE(
				"\"video_metadata\":{\"fps\":2}") "}"),
		    IS("{\"inlineData\":{\"mimeType\":\"video/mp4\",\"data\":\"QUJD\"},"
		       "\"videoMetadata\":{\"fps\":2}}") },
		{ "what the type does not speak of is passed over",
		    OF_USER("{\"type\":\"text\","
			    "\"text\":\"a\",\"image_url\":5,\"file\":{\"file_data\":[]}}"),
		    IS(T("a")) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

#define FILES "https://generativelanguage.googleapis.com/v1beta/files/abc"

static void
media_that_google_has_become_file_data(void **state)
{
	static const struct row rows[] = {
		{ "a file's name as a URL", OF_USER(IMAGE("files/abc")),
		    IS("{\"fileData\":{\"fileUri\":\"" FILES "\"}}") },
		{ "a file's id", OF_USER(PART("file", "{\"file_id\":\"files/abc\"}")),
		    IS("{\"fileData\":{\"fileUri\":\"" FILES "\"}}") },
		{ "a file's URI as an id",
		    OF_USER(
			PART("file", "{\"file_id\":\"" FILES "\",\"format\":\"application/pdf\"}")),
		    IS("{\"fileData\":{\"fileUri\":\"" FILES
		       "\",\"mimeType\":\"application/pdf\"}}") },
		{ "a bucket's", OF_USER(IMAGE("gs://b/a.png")),
		    IS("{\"fileData\":{\"fileUri\":\"gs://b/a.png\",\"mimeType\":\"image/"
		       "png\"}}") },
		{ "YouTube's",
		    OF_USER(PART("video_url", "{\"url\":\"https://www.youtube.com/watch?v=x\"}")),
		    IS("{\"fileData\":{\"fileUri\":\"https://www.youtube.com/watch?v=x\"}}") },
	};

	assert_rows(*state, rows, COUNT(rows));
}

static void
media_that_lie_elsewhere_are_fetched(void **state)
{
	struct world *w = *state;

	assert_string_equal(
	    made(w, OF_USER(IMAGE("https:\\/\\/example.com\\/a.png") "," PART(
			"input_audio", "{\"data\":\"https://example.com/a\",\"format\":\"mp3\"}"))),
	    IS("{\"inlineData\":{\"fetched\":true}},{\"inlineData\":{\"fetched\":true}}"));
	assert_string_equal(w->call.remotes->field, "messages[0].content[0].image_url.url");
	assert_true(span_is(w->call.remotes->url, "https://example.com/a.png"));
	assert_string_equal(
	    w->call.remotes->next->field, "messages[0].content[1].input_audio.data");
	assert_true(span_is(w->call.remotes->next->mime, "audio/mp3"));
}

static void
media_that_the_operator_lets_nobody_fetch_are_refused(void **state)
{
	struct world *w = *state;

	w->options.remote_media = REMOTE_MEDIA_REJECT;
	assert_refused(w, OF_USER(TEXT("a") "," IMAGE("https://example.com/a.png")),
	    "messages[0].content[1].image_url.url", "");
}

static void
media_that_cannot_be_understood_are_refused_with_their_place(void **state)
{
	static const struct refusal rows[] = {
		{ OF_USER(PART("image_url", "{}")), "messages[0].content[0].image_url.url",
		    "is missing" },
		{ OF_USER("{\"type\":\"image_url\"}"), "messages[0].content[0].image_url.url",
		    "is missing" },
		{ OF_USER(PART("image_url", "7")), "messages[0].content[0].image_url",
		    "must be an object" },
		{ OF_USER(PART("image_url", "{\"url\":7}")), "messages[0].content[0].image_url.url",
		    "must be a string" },
		{ OF_USER(PART("image_url", "{\"url\":\"" PNG "\",\"detail\":7}")),
		    "messages[0].content[0].image_url.detail", "must be a string" },
		{ OF_USER(IMAGE("data:image/png;base64,a*b")),
		    "messages[0].content[0].image_url.url", "" },
		{ OF_USER(IMAGE("ftp://example.com/a")), "messages[0].content[0].image_url.url",
		    "" },
		{ OF_USER(PART("image_url", "\"\"")), "messages[0].content[0].image_url", "" },
		{ OF_USER(PART("input_audio", "{\"format\":\"wav\"}")),
		    "messages[0].content[0].input_audio.data", "is missing" },
		{ OF_USER(PART("input_audio", "{\"data\":\"QUJD\",\"format\":\"midi\"}")),
		    "messages[0].content[0].input_audio.format", "no known format" },
		{ OF_USER(PART("input_audio", "{\"data\":\"a*b\",\"format\":\"wav\"}")),
		    "messages[0].content[0].input_audio.data", "" },
		{ OF_USER(PART("file", "{}")), "messages[0].content[0].file.file_data",
		    "is missing" },
		{ OF_USER(TEXT("a") "," PART("file", "{\"file_id\":\"file-abc\"}")),
		    "messages[0].content[1].file.file_id", "is no file that is known here" },
		{ OF_USER(PART("file", "{\"file_id\":\"https://example.com/a\"}")),
		    "messages[0].content[0].file.file_id", "is no file" },
		{ OF_USER(PART("file", "{\"file_id\":\"files/a b\"}")),
		    "messages[0].content[0].file.file_id", "" },
		{ OF_USER(PART("video_url", "null")), "messages[0].content[0].video_url.url",
		    "is missing" },
		{ "[{\"role\":\"assistant\",\"images\":[" IMAGE("x") "]}]",
		    "messages[0].images[0].image_url.url", "" },
	};

	assert_refusals(*state, rows, COUNT(rows));
}

#define DETAIL(detail) PART("image_url", "{\"url\":\"" PNG "\",\"detail\":\"" detail "\"}")
#define PNG_AT(level)                                                                              \
	"{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgo=\"},"                  \
	"\"mediaResolution\":{\"level\":\"MEDIA_RESOLUTION_" level "\"}}"

static void
detail_is_the_resolution_of_the_part_since_gemini_3(void **state)
{
	struct world *w = *state;

	ask(w, "gemini-3-flash", 0);
	assert_string_equal(made(w, OF_USER(DETAIL("low") "," DETAIL("auto") "," DETAIL("high"))),
	    IS(PNG_AT("LOW") "," INLINE_PNG "," PNG_AT("HIGH")));
	assert_null(w->resolution);
	ask(w, "gemini-3-flash", LACKS(MEDIA_RESOLUTION));
	assert_string_equal(made(w, OF_USER(DETAIL("low"))), IS(INLINE_PNG));
}

static void
before_gemini_3_the_highest_detail_is_that_of_the_request(void **state)
{
	struct world *w = *state;

	assert_string_equal(
	    made(w, OF_USER(DETAIL("auto") "," IMAGE(PNG))), IS(INLINE_PNG "," INLINE_PNG));
	assert_null(w->resolution);
	made(w, OF_USER(DETAIL("low") "," DETAIL("auto")));
	assert_string_equal(w->resolution, "MEDIA_RESOLUTION_LOW");
	made(w, OF_USER(DETAIL("high") "," DETAIL("low")));
	assert_string_equal(w->resolution, "MEDIA_RESOLUTION_HIGH");
	made(w, "[" USER "]");
	assert_null(w->resolution);
	ask(w, "gemini-2.5-flash", LACKS(MEDIA_RESOLUTION));
	made(w, OF_USER(DETAIL("high")));
	assert_null(w->resolution);
}

/* Of a million bytes of an image only the words around them are written. */
static void
bytes_of_media_are_never_copied(void **state)
{
	enum { SIZE = 1 << 20 };
	static const char head[] = "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				   "\"image_url\":{\"url\":\"data:image/png;base64,";
	struct world *w = *state;
	struct buf json = BUF_INIT;
	struct err e;
	size_t found = 0, before;

	buf_add(&json, head, sizeof(head) - 1);
	buf_reserve(&json, SIZE + 100);
	memset(json.data + json.len, 'A', SIZE);
	json.len += SIZE;
	buf_add_lit(&json, "\"}}]}]");
	before = arena_bytes(w->arena);
	assert_true(read_span(w, buf_span(&json), &e));
	for (size_t i = 0; i < w->body.count; i++)
		found += w->body.pieces[i].p == json.data + sizeof(head) - 1 &&
			 w->body.pieces[i].len == SIZE;
	assert_int_equal(found, 1);
	assert_true(w->out.text.len < 1000);
	assert_true(arena_bytes(w->arena) < before + SIZE / 2);
	buf_fini(&json);
}

/* ---- everything ---- */

static const char everything[] = "[{\"role\":\"system\",\"name\":\"s\",\"content\":[" TEXT(
    "a") "]},"
	 "{\"role\":\"user\",\"content\":[" TEXT("b") "," DETAIL(
	     "low") ","
		    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QUJD\",\"format\":"
		    "\"wav\"}},"
		    "{\"type\":\"file\",\"file\":{\"file_data\":\"QUJD\",\"filename\":\"a.pdf\"}},"
		    "{\"type\":\"file\",\"file\":{\"file_id\":\"files/abc\"}},"
		    "{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://example.com/"
		    "a.mp4\"}}]},"
		    "{\"role\":\"assistant\",\"content\":[" TEXT(
			"c") "],\"refusal\":\"d\","
			     "\"images\":[" IMAGE(PNG) "],\"extra_"
						       "content\":{"
						       "\"google\":{"
						       "\"thought_"
						       "signature\":"
						       "\"QUJD\","
						       "\"thought\":true}},"
						       "\"tool_calls\":[{"
						       "\"id\":\"t\","
						       "\"type\":"
						       "\"function\","
						       "\"function\":{"
						       "\"name\":\"f\","
						       "\"arguments\":\"{}"
						       "\",\"thought_"
						       "signature\":"
						       "\"QUJD\"}},{\"id\":"
						       "\"u\",\"type\":"
						       "\"custom\","
						       "\"custom\":{"
						       "\"name\":\"g\","
						       "\"input\":\"x\"},"
						       "\"provider_"
						       "specific_fields\":"
						       "{\"thought_"
						       "signatures\":["
						       "\"QUJD\"]}}]},"
						       "{\"role\":\"tool\","
						       "\"tool_call_id\":"
						       "\"t\",\"content\":"
						       "[" TEXT("e") "," IMAGE(PNG) "],"
										    "\"extra_"
										    "content\":"
										    "{\"google"
										    "\":{"
										    "\"parts\":"
										    "[{"
										    "\"inlineDa"
										    "ta\":{}}]}"
										    "}},"
										    "{\"role\":"
										    "\"assistan"
										    "t\","
										    "\"function"
										    "_call\":{"
										    "\"name\":"
										    "\"h\","
										    "\"argument"
										    "s\":\"[1]"
										    "\"}},"
										    "{\"role\":"
										    "\"function"
										    "\","
										    "\"name\":"
										    "\"h\","
										    "\"content"
										    "\":\"i\"},"
										    "{\"role\":"
										    "\"develope"
										    "r\","
										    "\"content"
										    "\":\"j\"}"
										    "]";

/* With another value in place of the one of len bytes at at. */
static void
assert_survives(struct world *w, const char *json, size_t at, size_t len, const char *other)
{
	struct buf changed = BUF_INIT;
	struct err e;

	buf_add(&changed, json, at);
	buf_add_text(&changed, other);
	buf_add_text(&changed, json + at + len);
	if (scan_check(buf_span(&changed), NULL, NULL)) {
		if (read_text(w, buf_text(&changed), &e)) {
			assert_true(scan_check(buf_span(&w->json), NULL, NULL));
		} else {
			assert_int_equal(e.kind, ERR_BAD_REQUEST);
			assert_int_equal(strncmp(e.field, "messages", 8), 0);
		}
	}
	buf_fini(&changed);
}

/* Every value of a message that has everything, replaced by one of each kind. */
static void
whatever_stands_anywhere_is_translated_or_refused_with_its_place(void **state)
{
	static const char *const others[] = { "null", "true", "7", "1e999", "\"\"", "\"x\"",
		"\"data:,\"", "\"https://example.com\"", "\"a__thought__\"", "[]", "[null]", "[[]]",
		"[\"x\"]", "{}", "{\"x\":1}", "{\"url\":[]}", "{\"google\":null}", "\"tool\"",
		"\"assistant\"", "\"\\u0000\"", "\"\\\\\"" };
	struct world *w = *state;
	size_t values = 0;

	made(w, everything);
	for (size_t at = 0; at < sizeof(everything) - 1; at++) {
		struct scan s;
		struct span raw;

		scan_init(&s, span_mem(everything + at, sizeof(everything) - 1 - at));
		if (at > 0 && strchr(":[,", everything[at - 1]) == NULL)
			continue;
		if (!scan_skip(&s, &raw))
			continue;
		values++;
		for (size_t i = 0; i < COUNT(others); i++)
			assert_survives(w, everything, at, raw.len, others[i]);
	}
	assert_true(values > 100);
}

static void
ten_thousand_messages_are_translated(void **state)
{
	enum { N = 10000 };
	struct world *w = *state;
	struct buf messages = BUF_INIT;
	const char *body;
	size_t calls = 0, results = 0;

	ask(w, "gemini-3.5-flash", 0);
	buf_add_lit(&messages, "[" USER);
	for (int i = 0; i < N / 2; i++)
		buf_printf(&messages,
		    "," CALLS(CALL("a%d", "f", "{}") "," CALL("b%d", "g", "{}")) "," TOOL(
			"b%d", "%d"),
		    i, i, i, i);
	buf_add_char(&messages, ']');
	body = made(w, buf_text(&messages));
	for (const char *p = body; (p = strstr(p, "\"functionCall\"")) != NULL; p++)
		calls++;
	for (const char *p = body; (p = strstr(p, "\"functionResponse\"")) != NULL; p++)
		results++;
	assert_int_equal(calls, N);
	assert_int_equal(results, N);
	buf_fini(&messages);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(messages_become_contents),
		TEST(what_the_assistant_said_becomes_a_turn_of_the_model),
		TEST(a_late_system_message_is_never_dropped),
		TEST(texts_keep_what_google_says_of_them),
		TEST(messages_that_cannot_be_understood_are_refused_with_their_place),
		TEST(media_parts_become_inline_data),
		TEST(media_that_google_has_become_file_data),
		TEST(media_that_lie_elsewhere_are_fetched),
		TEST(media_that_the_operator_lets_nobody_fetch_are_refused),
		TEST(media_that_cannot_be_understood_are_refused_with_their_place),
		TEST(detail_is_the_resolution_of_the_part_since_gemini_3),
		TEST(before_gemini_3_the_highest_detail_is_that_of_the_request),
		TEST(bytes_of_media_are_never_copied),
		TEST(whatever_stands_anywhere_is_translated_or_refused_with_its_place),
		TEST(ten_thousand_messages_are_translated),
	};

	return cmocka_run_group_tests_name("dialect/openai_messages", tests, NULL, NULL);
}
