/*
 * Citations: what Gemini says of bytes, told of code points; what streams bring bit by bit.
 */
#include "dialect/openai_citations.h"

#include "tests/unit/dialect/chat_answer.h"

#define WEB(uri, title) "{\"web\":{\"uri\":\"" uri "\",\"title\":\"" title "\"}}"
#define SEGMENT(members, indices)                                                                  \
	"{\"segment\":{" members "},\"groundingChunkIndices\":[" indices "]}"
#define GROUNDED(chunks, supports)                                                                 \
	"\"groundingMetadata\":{\"groundingChunks\":[" chunks "],\"groundingSupports\":[" supports \
	"]}"
#define PARTS(parts, members)                                                                      \
	"{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" parts "]}," members     \
	",\"finishReason\":\"STOP\"}]}"
#define NOTE(start, end, url, title)                                                               \
	"{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":" start                      \
	",\"end_index\":" end ",\"url\":\"" url "\",\"title\":\"" title "\"}}"

/* The annotations of one chunk, plain and streamed; NULL: none. */
static void
annotates(const char *chunk, const char *notes)
{
	for (int stream = 0; stream <= 1; stream++) {
		struct buf want = BUF_INIT;
		struct answer a;

		answer_init(&a, stream);
		answer_gets_all(&a, CHUNKS(chunk));
		buf_printf(&want, "\"annotations\":[%s]", notes ? notes : "");
		if (notes != NULL)
			answer_has(&a, buf_text(&want));
		else
			answer_lacks(&a, "annotations");
		buf_fini(&want);
		answer_fini(&a);
	}
}

/* ---- places ---- */

#define ZUERICH                                                                                    \
	TEXT("Z\xC3\xBCrich: 21 \xC2\xB0"                                                          \
	     "C.")

/* The worked example of citation offsets. */
static void
bytes_become_code_points(void **state)
{
	static const struct {
		const char *segment, *notes;
	} rows[] = {
		{ "\"endIndex\":16", NOTE("0", "14", "u", "t") },
		{ "\"startIndex\":9,\"endIndex\":16", NOTE("8", "14", "u", "t") },
		/* Torn characters are taken from their start. */
		{ "\"startIndex\":2,\"endIndex\":13", NOTE("1", "11", "u", "t") },
		{ "\"startIndex\":1,\"endIndex\":14", NOTE("1", "12", "u", "t") },
		{ "\"startIndex\":3,\"endIndex\":12", NOTE("2", "11", "u", "t") },
		/* What lies behind the end is cut there, or is nowhere. */
		{ "\"startIndex\":9,\"endIndex\":99", NOTE("8", "14", "u", "t") },
		{ "\"startIndex\":\"9\",\"endIndex\":\"16\"", NOTE("8", "14", "u", "t") },
		{ "\"startIndex\":16,\"endIndex\":17", NULL },
		{ "\"startIndex\":9,\"endIndex\":9", NULL },
		{ "\"startIndex\":9,\"endIndex\":3", NULL },
		{ "\"startIndex\":-1,\"endIndex\":3", NULL },
		{ "\"startIndex\":99999999999999999999,\"endIndex\":9223372036854775807",
		    NOTE("0", "14", "u", "t") },
		{ "\"partIndex\":1,\"endIndex\":3", NULL },
		{ "\"partIndex\":-1,\"endIndex\":3", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;

		buf_printf(&chunk, PARTS(ZUERICH, GROUNDED(WEB("u", "t"), SEGMENT("%s", "0"))),
		    rows[i].segment);
		annotates(buf_text(&chunk), rows[i].notes);
		buf_fini(&chunk);
	}
}

static void
escapes_count_as_what_the_client_decodes(void **state)
{
	(void)state;
	/* "a\n", U+00E9, U+1F600 and "b" are 2 + 2 + 4 + 1 bytes and 5 code points. */
	annotates(
	    PARTS(TEXT("a\\n\\u00e9\\ud83d\\ude00b"),
		GROUNDED(WEB("u", "t"), SEGMENT("\"startIndex\":2,\"endIndex\":8", "0") "," SEGMENT(
					    "\"startIndex\":8,\"endIndex\":9", "0"))),
	    NOTE("2", "4", "u", "t") "," NOTE("4", "5", "u", "t"));
}

static void
a_segment_counts_from_its_part(void **state)
{
	(void)state;
	annotates(PARTS(TEXT("\xC3\xA9\xC3\xA9") "," TEXT("bcd"),
		      GROUNDED(WEB("u", "t"),
			  SEGMENT("\"partIndex\":1,\"startIndex\":1,\"endIndex\":3", "0"))),
	    NOTE("3", "5", "u", "t"));
}

static void
thoughts_are_parts_but_no_text(void **state)
{
	static const char thought[] = "{\"text\":\"hmm\",\"thought\":true}";
	struct buf chunk = BUF_INIT;

	(void)state;
	buf_printf(&chunk,
	    PARTS("%s," TEXT("abc"),
		GROUNDED(WEB("u", "t"),
		    SEGMENT("\"partIndex\":1,\"startIndex\":1,\"endIndex\":2", "0") "," SEGMENT(
			"\"startIndex\":1,\"endIndex\":2", "0"))),
	    thought);
	annotates(buf_text(&chunk), NOTE("1", "2", "u", "t") "," NOTE("1", "2", "u", "t"));
	buf_fini(&chunk);
}

/* "ab", a fence of 19 characters ("\n```python\nx=1\n```\n"), "cd". */
static void
fences_of_ours_shift_what_follows(void **state)
{
	(void)state;
	annotates(
	    PARTS(TEXT("ab") ",{\"executableCode\":{\"language\":\"PYTHON\",\"code\":"
			     "\"x=1\"}}," TEXT("cd"),
		GROUNDED(WEB("u", "t"),
		    SEGMENT("\"endIndex\":2", "0") "," SEGMENT("\"partIndex\":2,\"endIndex\":2",
			"0") "," SEGMENT("\"startIndex\":1,\"endIndex\":3", "0"))),
	    NOTE("0", "2", "u", "t") "," NOTE("21", "23", "u", "t") "," NOTE("1", "22", "u", "t"));
}

static void
thoughts_in_tags_and_pictures_in_the_text_shift_it_too(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	a.notes.thought_tag = SPAN("t");
	a.options.image_out = IMAGE_OUT_MARKDOWN;
	answer_gets_all(&a,
	    CHUNKS(PARTS("{\"text\":\"h\xC3\xA9\",\"thought\":true}," TEXT(
			     "ab") ",{\"inlineData\":{\"mimeType\":\"image/"
				   "png\",\"data\":\"AAAA\"}}," TEXT("cd"),
		GROUNDED(WEB("u", "t"), SEGMENT("\"partIndex\":1,\"endIndex\":2", "0") "," SEGMENT(
					    "\"partIndex\":3,\"endIndex\":2", "0")))));
	/* "<t>h\u00e9</t>" is 9, the picture is 36. */
	answer_has(&a, "<t>h\xC3\xA9</t>ab![image](data:image/png;base64,AAAA)cd");
	answer_has(
	    &a, "\"annotations\":[" NOTE("9", "11", "u", "t") "," NOTE("47", "49", "u", "t") "]");
	answer_fini(&a);
}

/* Characters of every width, over several blocks of the notes that are kept: each place is
 * checked against a count from the start. */
static void
places_are_right_wherever_they_are(void **state)
{
	static const char *const characters[] = { "a", "\xC3\xA9", "\xE4\xB8\x96",
		"\xF0\x9F\x98\x80", "z" };
	struct arena *arena = arena_new(0);
	struct openai_citations c = { 0 };
	struct part p = { .kind = PART_TEXT };
	struct buf all = BUF_INIT;

	(void)state;
	for (size_t i = 0; all.len < 9000; i++) {
		struct span ch = span_of(characters[i < 100 ? 0 : (i * 7 + i / 3) % 5]);

		openai_citations_part(&c, arena, &p, true);
		openai_citations_text(&c, arena, ch);
		buf_add_span(&all, ch);
	}
	for (size_t at = 1, points = 0; at < all.len; at++) {
		struct candidate k = { 0 };
		struct openai_citations copy = c;
		struct buf json = BUF_INIT, out = BUF_INIT, want = BUF_INIT;

		points += ((unsigned char)all.data[at] & 0xC0) != 0x80;
		if (at % 61 != 0 && at % 4096 > 3 && at % 4096 < 4093)
			continue;
		buf_printf(&json,
		    "{\"citationSources\":[{\"startIndex\":%zu,\"endIndex\":9999,\"uri\":\"u\"}]}",
		    at);
		k.citation = buf_span(&json);
		openai_citations_gather(&copy, arena, &k);
		assert_true(openai_citations_write(&copy, &out));
		buf_printf(&want, "\"start_index\":%zu,", points);
		if (strstr(buf_text(&out), buf_text(&want)) == NULL)
			fail_msg("at %zu: %s instead of %s", at, buf_text(&out), buf_text(&want));
		buf_fini(&json);
		buf_fini(&out);
		buf_fini(&want);
	}
	buf_fini(&all);
	arena_free(&arena);
}

/* ---- sources ---- */

static void
each_kind_of_chunk_can_be_a_source(void **state)
{
	static const struct {
		const char *chunk, *notes;
	} rows[] = {
		{ WEB("https:\\/\\/x", "X"), NOTE("0", "1", "https:\\/\\/x", "X") },
		{ "{\"maps\":{\"uri\":\"m\",\"title\":\"M\",\"placeAnswerSources\":{"
		  "\"reviewSnippets\":"
		  "[{\"title\":\"no\"}]}}}",
		    NOTE("0", "1", "m", "M") },
		{ "{\"retrievedContext\":{\"title\":\"R\",\"uri\":\"r\",\"text\":\"t\"}}",
		    NOTE("0", "1", "r", "R") },
		{ "{\"image\":{\"sourceUri\":\"s\",\"imageUri\":\"i\",\"title\":\"I\"}}",
		    NOTE("0", "1", "s", "I") },
		{ "{\"web\":{\"uri\":\"u\"}}", NOTE("0", "1", "u", "u") }, /* a title is wanted */
		{ "{\"web\":{\"title\":\"no address\"}}", NULL },
		{ "{\"web\":{\"uri\":\"\"}}", NULL },
		{ "{\"web\":7}", NULL },
		{ "{}", NULL },
		{ "7", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;

		buf_printf(&chunk,
		    PARTS(TEXT("ab"), GROUNDED("%s", SEGMENT("\"endIndex\":1", "0"))),
		    rows[i].chunk);
		annotates(buf_text(&chunk), rows[i].notes);
		buf_fini(&chunk);
	}
}

static void
indices_out_of_range_are_dropped(void **state)
{
	(void)state;
	annotates(
	    PARTS(TEXT("ab"), GROUNDED(WEB("u", "t") "," WEB("v", "w"),
				  SEGMENT("\"endIndex\":1", "2,-1,1,9223372036854775807,\"x\",0"))),
	    NOTE("0", "1", "v", "w") "," NOTE("0", "1", "u", "t"));
}

static void
without_supports_there_are_no_annotations(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_gets_all(
	    &a, CHUNKS(PARTS(TEXT("ab"), "\"groundingMetadata\":{\"groundingChunks\":[" WEB(
					     "u", "t") "],\"webSearchQueries\":[ \"q\" ]}")));
	answer_lacks(&a, "annotations");
	answer_has(&a, "\"extra_content\":{\"google\":{\"grounding_metadata\":"
		       "{\"groundingChunks\":[" WEB("u", "t") "],\"webSearchQueries\":[\"q\"]}}}");
	answer_fini(&a);
}

static void
citations_are_annotations_where_they_have_an_address(void **state)
{
	(void)state;
	annotates(PARTS(TEXT("abcd"),
		      "\"citationMetadata\":{\"citationSources\":[{\"startIndex\":1,\"endIndex\":3,"
		      "\"uri\":\"u\",\"license\":\"mit\"},{\"startIndex\":2,\"endIndex\":4}]}"),
	    NOTE("1", "3", "u", "u"));
	annotates(
	    PARTS(TEXT("abcd"), "\"citationMetadata\":{\"citations\":[{\"endIndex\":3,\"uri\":"
				"\"u\",\"title\":\"T\",\"publicationDate\":{\"year\":2020}}]}"),
	    NOTE("0", "3", "u", "T"));
}

static void
metadata_of_a_shape_that_is_not_known_does_no_harm(void **state)
{
	static const char *const rows[] = { "\"groundingMetadata\":7",
		"\"groundingMetadata\":{\"groundingChunks\":7,\"groundingSupports\":{}}",
		"\"groundingMetadata\":{\"groundingSupports\":[7,[],{},{\"segment\":7}]}",
		"\"groundingMetadata\":{\"groundingSupports\":[{\"groundingChunkIndices\":7}]}",
		"\"citationMetadata\":[]", "\"citationMetadata\":{\"citationSources\":{}}",
		"\"citationMetadata\":{\"citationSources\":[7,{\"uri\":7}]}",
		"\"groundingMetadata\":{}", "\"groundingMetadata\":null" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;

		buf_printf(&chunk, PARTS(TEXT("ab"), "%s"), rows[i]);
		annotates(buf_text(&chunk), NULL);
		buf_fini(&chunk);
	}
}

/* A citation is two bytes, its URL may be a megabyte. */
static void
annotations_are_bounded_in_number_and_in_size(void **state)
{
	static const struct {
		size_t url_bytes, citations;
		size_t least, most; /* bytes of the answer */
	} rows[] = { { 100, 3, 900, 2000 }, { 10, 100000, 400000, 1u << 20 },
		{ 1u << 20, 1000, 8u << 20, 16u << 20 } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;
		struct answer a;

		buf_add_lit(&chunk,
		    "{\"candidates\":[{\"content\":{\"parts\":[" TEXT(
			"ab") "]},"
			      "\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"");
		for (size_t n = 0; n < rows[i].url_bytes; n++)
			buf_add_char(&chunk, 'u');
		buf_add_lit(&chunk, "\"}}],\"groundingSupports\":[{\"segment\":{\"endIndex\":2},"
				    "\"groundingChunkIndices\":[0");
		for (size_t n = 1; n < rows[i].citations; n++)
			buf_add_lit(&chunk, ",0");
		buf_add_lit(&chunk, "]}]},\"finishReason\":\"STOP\"}]}");
		answer_init(&a, true);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		assert_in_range(a.bytes.len, rows[i].least, rows[i].most);
		answer_fini(&a);
		buf_fini(&chunk);
	}
}

static void
names_of_metadata_are_bounded(void **state)
{
	struct buf chunk = BUF_INIT;
	struct answer a;

	(void)state;
	buf_add_lit(&chunk, "{\"candidates\":[{\"content\":{\"parts\":[" TEXT(
				"ab") "]},"
				      "\"groundingMetadata\":{\"m0\":0");
	for (int i = 1; i < 1000; i++)
		buf_printf(&chunk, ",\"m%d\":%d", i, i);
	buf_add_lit(&chunk, "},\"finishReason\":\"STOP\"}]}");
	answer_init(&a, false);
	answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
	answer_has(&a, "{\"m0\":0,\"m1\":1,");
	answer_has(&a, "\"m63\":63}");
	answer_lacks(&a, "m64");
	answer_fini(&a);
	buf_fini(&chunk);
}

/* ---- streams ---- */

#define DELTA_TEXT(text) DELTA("{\"content\":\"" text "\"}")
#define MORE(text, members)                                                                        \
	"{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" TEXT(                   \
	    text) "]}," members "}]}"

static void
a_stream_tells_its_annotations_before_the_finish(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA_TEXT("ab") DELTA_TEXT("cd") DELTA("{\"annotations\":[" NOTE("1",
		    "3", "u", "t") "],\"extra_content\":{\"google\":"
				   "{\"grounding_metadata\":{\"groundingChunks\":[" WEB("u",
				       "t") "],"
					    "\"groundingSupports\":[" SEGMENT(
						"\"startIndex\":1,\"endIndex\":3", "0") "]}}}}")
		    FINISH("stop") DONE,
	    PART(TEXT("ab")),
	    PARTS(TEXT("cd"),
		GROUNDED(WEB("u", "t"), SEGMENT("\"startIndex\":1,\"endIndex\":3", "0"))));
}

static void
a_stream_that_is_cut_into_texts_is_one_part(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a,
	    CHUNKS(PART("{\"text\":\"h\",\"thought\":true}"),
		PART("{\"text\":\"m\",\"thought\":true}"), PART(TEXT("ab")), PART(TEXT("cd")),
		PART(CALL("f", "{}")), PART(TEXT("ef")),
		PARTS(TEXT("gh"),
		    GROUNDED(WEB("u", "t"),
			SEGMENT("\"partIndex\":1,\"startIndex\":3,\"endIndex\":4", "0") "," SEGMENT(
			    "\"partIndex\":3,\"startIndex\":3,\"endIndex\":4", "0")))));
	answer_has(
	    &a, "\"annotations\":[" NOTE("3", "4", "u", "t") "," NOTE("7", "8", "u", "t") "]");
	answer_fini(&a);
}

static void
chunks_that_were_not_sent_before_are_added(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a, CHUNKS(MORE("ab", "\"groundingMetadata\":{}"),
				MORE("cd", GROUNDED(WEB("u", "t"), SEGMENT("\"endIndex\":1", "0"))),
				MORE("ef", GROUNDED(WEB("v", "w"), SEGMENT("\"endIndex\":2", "1"))),
				LAST(TEXT(""), "STOP")));
	answer_has(
	    &a, "\"annotations\":[" NOTE("0", "1", "u", "t") "," NOTE("0", "2", "v", "w") "]");
	answer_has(&a, "\"groundingChunks\":[" WEB("u", "t") "," WEB("v", "w") "]");
	answer_fini(&a);
}

static void
a_list_that_is_sent_again_is_not_doubled(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a,
	    CHUNKS(MORE("ab", GROUNDED(WEB("u", "t"), SEGMENT("\"endIndex\":1", "0"))),
		MORE("cd", GROUNDED("{ \"web\" : {\"uri\":\"u\",\"title\":\"t\"}}," WEB("v", "w"),
			       SEGMENT("\"endIndex\":1", "0") "," SEGMENT("\"endIndex\":2", "1"))),
		LAST(TEXT(""), "STOP")));
	answer_has(
	    &a, "\"annotations\":[" NOTE("0", "1", "u", "t") "," NOTE("0", "2", "v", "w") "]");
	answer_has(&a, "\"groundingChunks\":[" WEB("u", "t") "," WEB("v", "w") "],");
	answer_fini(&a);
}

static void
what_is_no_list_is_told_as_it_was_said_last(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a,
	    CHUNKS(MORE("a", "\"groundingMetadata\":{\"webSearchQueries\":[\"q\"]}"),
		MORE("b",
		    "\"groundingMetadata\":{\"searchEntryPoint\":{\"renderedContent\":\"<\\n>\"}"
		    ",\n \"webSearchQueries\":[\"q\",\n\"r\"]}"),
		LAST(TEXT(""), "STOP")));
	answer_has(&a, "\"grounding_metadata\":{\"webSearchQueries\":[\"q\",\"r\"],"
		       "\"searchEntryPoint\":{\"renderedContent\":\"<\\n>\"}}");
	answer_fini(&a);
}

static void
citations_of_a_stream_count_in_the_whole_text(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(
	    &a, CHUNKS(PART(TEXT("Z\xC3\xBCrich")),
		    MORE(" is", "\"citationMetadata\":{\"citationSources\":[{\"startIndex\":1,"
				"\"endIndex\":9,\"uri\":\"u\"}]}"),
		    LAST(TEXT(" big"), "STOP")));
	answer_has(&a, "\"annotations\":[" NOTE("1", "8", "u", "u") "]");
	answer_lacks(&a, "extra_content");
	answer_fini(&a);
}

static void
each_choice_has_its_own_citations(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_gets_all(&a,
	    CHUNKS("{\"candidates\":[{\"content\":{\"parts\":[" TEXT(
		"ab") "]},\"finishReason\":"
		      "\"STOP\"},{\"index\":1,\"content\":{\"parts\":[" TEXT("cd") "]}," GROUNDED(
			  WEB("u", "t"), SEGMENT("\"endIndex\":2", "0")) ",\"finishReason\":"
									 "\"STOP\"}]}"));
	answer_has(&a, "\"content\":\"ab\",\"refusal\":null},");
	answer_has(&a,
	    "\"content\":\"cd\",\"refusal\":null,\"annotations\":[" NOTE("0", "2", "u", "t") "]");
	answer_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_code_points),
		cmocka_unit_test(escapes_count_as_what_the_client_decodes),
		cmocka_unit_test(a_segment_counts_from_its_part),
		cmocka_unit_test(thoughts_are_parts_but_no_text),
		cmocka_unit_test(fences_of_ours_shift_what_follows),
		cmocka_unit_test(thoughts_in_tags_and_pictures_in_the_text_shift_it_too),
		cmocka_unit_test(places_are_right_wherever_they_are),
		cmocka_unit_test(each_kind_of_chunk_can_be_a_source),
		cmocka_unit_test(indices_out_of_range_are_dropped),
		cmocka_unit_test(without_supports_there_are_no_annotations),
		cmocka_unit_test(citations_are_annotations_where_they_have_an_address),
		cmocka_unit_test(metadata_of_a_shape_that_is_not_known_does_no_harm),
		cmocka_unit_test(annotations_are_bounded_in_number_and_in_size),
		cmocka_unit_test(names_of_metadata_are_bounded),
		cmocka_unit_test(a_stream_tells_its_annotations_before_the_finish),
		cmocka_unit_test(a_stream_that_is_cut_into_texts_is_one_part),
		cmocka_unit_test(chunks_that_were_not_sent_before_are_added),
		cmocka_unit_test(a_list_that_is_sent_again_is_not_doubled),
		cmocka_unit_test(what_is_no_list_is_told_as_it_was_said_last),
		cmocka_unit_test(citations_of_a_stream_count_in_the_whole_text),
		cmocka_unit_test(each_choice_has_its_own_citations),
	};

	return cmocka_run_group_tests_name("dialect/openai_citations", tests, NULL, NULL);
}
