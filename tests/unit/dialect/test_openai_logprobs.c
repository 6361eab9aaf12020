#include "dialect/openai_chat.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

static void
two_lists_side_by_side_become_one(void **state)
{
	static const struct {
		const char *gemini, *openai;
	} rows[] = {
		{ "{\"chosenCandidates\":[{\"token\":\"a\",\"tokenId\":7,\"logProbability\":-0.25}]"
		  "}",
		    "{\"token\":\"a\",\"logprob\":-0.25,\"bytes\":[97],\"top_logprobs\":[]}" },
		{ "{\"topCandidates\":[{\"candidates\":[{\"token\":\"a\",\"logProbability\":-1},{"
		  "\"token\":\"b\","
		  "\"logProbability\":-2}]},{\"candidates\":[]}],\"chosenCandidates\":[{\"token\":"
		  "\"a\","
		  "\"logProbability\":-1},{\"token\":\"c\",\"logProbability\":-3}],"
		  "\"logProbabilitySum\":-4}",
		    "{\"token\":\"a\",\"logprob\":-1,\"bytes\":[97],\"top_logprobs\":[{\"token\":"
		    "\"a\",\"logprob\":-1,"
		    "\"bytes\":[97]},{\"token\":\"b\",\"logprob\":-2,\"bytes\":[98]}]},{\"token\":"
		    "\"c\",\"logprob\":-3,"
		    "\"bytes\":[99],\"top_logprobs\":[]}" },
		{ "{\"chosenCandidates\":[{\"token\":\"\\u00e9\\n\"}]}",
		    "{\"token\":\"\\u00e9\\n\",\"logprob\":0,\"bytes\":[195,169,10],\"top_"
		    "logprobs\":[]}" },
		{ "{\"chosenCandidates\":[null,{\"token\":7}],\"topCandidates\":[{\"candidates\":7}"
		  "]}",
		    "{\"token\":\"\",\"logprob\":0,\"bytes\":[],\"top_logprobs\":[]},"
		    "{\"token\":\"\",\"logprob\":0,\"bytes\":[],\"top_logprobs\":[]}" },
		{ "{\"chosenCandidates\":[{\"token\":\"a\"}],\"topCandidates\":[7,{}]}",
		    "{\"token\":\"a\",\"logprob\":0,\"bytes\":[97],\"top_logprobs\":[]}" },
		{ "{}", "" },
		{ "7", "" },
		{ "{\"chosenCandidates\":{},\"topCandidates\":[{}]}", "" },
		{ "{\"chosenCandidates\":[],\"topCandidates\":null}", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = BUF_INIT;

		openai_logprobs_write(&b, span_of(rows[i].gemini));
		assert_string_equal(buf_text(&b), rows[i].openai);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_lists_side_by_side_become_one),
	};

	return cmocka_run_group_tests_name("dialect/openai_logprobs", tests, NULL, NULL);
}
