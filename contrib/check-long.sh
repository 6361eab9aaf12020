#!/bin/sh
# The second ring of tests: what takes minutes of real time or tools that few have installed.
#
#   the tests under clang; clang-tidy (.clang-tidy); unit tests and a daemon under valgrind; make distcheck; the options of
#   configure on and off; each fuzz target for FUZZ_S (600) seconds; the simulation of choosing (doc/choosing.md);
#   the timed proofs of tests/long/
#
# usage: sh contrib/check-long.sh [STEP...]
#   steps: clang tidy valgrind distcheck options fuzz simulation proofs
# The last line counts steps: "N passed, M failed".
me=check-long.sh
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
. "$top/contrib/packages.sh"

fuzz_s=${FUZZ_S:-600}
passed=0
failed=0

# build DIRECTORY ARGUMENT...: configures and makes everything, tests included.
build() {
	tree_configure "$@" && logged "$top/build/$1/make.log" \
		make -C "$top/build/$1" -j"$cores" check TESTS=
}

# check DIRECTORY [TARGET]
check() {
	if ! make -C "$top/build/$1" -j"$cores" "${2:-check}" >"$top/build/$1/check.log" 2>&1 </dev/null; then
		grep -E '^(FAIL|XPASS|ERROR): ' "$top/build/$1/check.log" ||
			tail -n 40 "$top/build/$1/check.log"
		echo "--- more in $top/build/$1/test-suite.log"
		return 1
	fi
}

step_clang() {
	build long-clang CC=clang CFLAGS='-O2 -g' --enable-werror && check long-clang &&
		build long-clang-sanitizers CC=clang CFLAGS='-O1 -g' --enable-werror \
			--enable-sanitizers && check long-clang-sanitizers
}

# Each source with the definitions that configure found; headers come along with those that use them.
step_tidy() {
	tree_configure long-tidy CC=clang || return 1
	dir=$top/build/long-tidy
	find "$top/src" -name '*.c' | sort | xargs -P "$cores" -I{} clang-tidy --quiet {} \
		--config-file="$top/.clang-tidy" -- -std=gnu11 -D_GNU_SOURCE -include "$dir/config.h" \
		-I"$top/src" -I"$top/include" -I"$dir/include" -I"$top" \
		'-DPOLLUX_SYSCONFDIR="/etc/pollux"' '-DPOLLUX_STATEDIR="/var/lib/pollux"' \
		'-DPOLLUX_RUNDIR="/run/pollux"' >"$dir/tidy.log" 2>"$dir/tidy.err" && return 0
	grep -E '(warning|error): ' "$dir/tidy.log" || tail -n 20 "$dir/tidy.err"
	return 1
}

step_valgrind() {
	build long-valgrind CC=gcc CFLAGS='-O1 -g' || return 1
	dir=$top/build/long-valgrind
	POLLUX_WRAPPER='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite'
	export POLLUX_WRAPPER
	check long-valgrind check-unit
	status=$?
	unset POLLUX_WRAPPER
	[ $status = 0 ] && valgrind_daemon
}

# A daemon with all its processes under valgrind answers a few requests and ends in order.
valgrind_daemon() {
	work=$(mktemp -d) || return 1
	key=valgrind-client-key-0123456789
	"$dir/tests/sim/gemini-sim" --port-file "$work/sim.port" >"$work/sim.log" 2>&1 &
	simulator=$!
	for try in 1 2 3 4 5 6 7 8 9 10; do
		[ -s "$work/sim.port" ] && break
		sleep 1
	done
	: >"$work/pollux.conf"
	set_user=
	[ "$(id -u)" = 0 ] && set_user="-D server.user=root"
	port=9080
	until port_is_free $port; do
		port=$((port + 1))
	done
	GEMINI_API_KEYS=sim-key-1,sim-key-2 POLLUX_CLIENT_KEYS=$key \
		valgrind -q --trace-children=yes --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite --log-file="$work/valgrind.%p" \
		"$dir/polluxd" -f -c "$work/pollux.conf" -D "server.listen=127.0.0.1:$port" \
		-D "server.run_dir=$work/run" -D "state.dir=$work/state" -D server.workers=1 \
		-D "upstream.gemini_url=http://127.0.0.1:$(cat "$work/sim.port")" $set_user \
		>"$work/pollux.log" 2>&1 &
	daemon=$!
	answered=0
	for try in $(seq 1 60); do
		loopback --fail --max-time 5 --output /dev/null "http://127.0.0.1:$port/readyz" && break
		sleep 1
	done
	for stream in false true false true false true; do
		loopback --fail --max-time 60 --output "$work/answer" \
			-H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
			"http://127.0.0.1:$port/v1/chat/completions" \
			-d '{"model": "gemini-2.5-flash", "stream": '$stream', "messages":
				[{"role": "user", "content": "Hello"}]}' && answered=$((answered + 1))
	done
	kill -TERM $daemon
	wait $daemon
	status=$?
	kill $simulator
	wait $simulator 2>/dev/null
	cat "$work"/valgrind.* >"$work/reports"
	if [ $answered = 6 ] && [ $status = 0 ] && [ ! -s "$work/reports" ]; then
		rm -rf "$work"
		return 0
	fi
	echo "$answered of 6 requests answered, the daemon's exit status was $status" >&2
	cat "$work/pollux.log" "$work/reports" >&2
	rm -rf "$work"
	return 1
}

step_distcheck() {
	tree_configure long-distcheck CFLAGS='-O2 -g' &&
		logged "$top/build/long-distcheck/distcheck.log" \
			make -C "$top/build/long-distcheck" -j"$cores" distcheck
}

# Every option on and off compiles and passes; so does a build that may not optimize or depend.
step_options() {
	build long-option-O0 CFLAGS='-O0' --enable-werror && check long-option-O0 &&
		build long-option-O3 CFLAGS='-O3 -flto=auto' && check long-option-O3 &&
		build long-option-tracking CFLAGS='-O2' --disable-dependency-tracking &&
		build long-option-sanitizers CFLAGS='-O1 -g' --enable-sanitizers &&
		check long-option-sanitizers
}

step_fuzz() {
	build long-fuzz CC=clang CFLAGS='-O1 -g' --enable-fuzzing || return 1
	dir=$top/build/long-fuzz
	ls "$dir"/tests/fuzz/fuzz_* | grep -v '\.o$' >"$dir/targets"
	[ -s "$dir/targets" ] || return 1
	say "fuzzing $(wc -l <"$dir/targets") targets for $fuzz_s s each, $cores at a time"
	rm -f "$dir"/*.broken
	# As many at a time as there are cores, each with a log and a corpus of its own.
	xargs -P "$cores" -I{} sh -c '
		name=${1##*/fuzz_}
		mkdir -p "$2/found/$name"
		"$1" -max_total_time="$3" -timeout=10 -rss_limit_mb=2048 \
			-artifact_prefix="$2/$name-" "$2/found/$name" "$4/$name" >"$2/$name.log" 2>&1 ||
			tail -n 20 "$2/$name.log" >"$2/$name.broken"
	' sh {} "$dir" "$fuzz_s" "$top/tests/fuzz/corpus" <"$dir/targets"
	for broken in "$dir"/*.broken; do
		[ -f "$broken" ] || return 0
		cat "$broken" >&2
		echo "${broken%.broken}: an input that breaks it lies in build/long-fuzz" >&2
	done
	return 1
}

# Thompson sampling is the best of the ways to choose, or this fails.
step_simulation() {
	build long-proofs CFLAGS='-O2 -g' || return 1
	logged "$top/build/long-proofs/simulation.log" \
		"$top/build/long-proofs/tests/sim/choose-sim" --check
}

# Each says what it measured, as comments between the lines of its TAP.
step_proofs() {
	build long-proofs CFLAGS='-O2 -g' || return 1
	dir=$top/build/long-proofs
	status=0
	for proof in "$top"/tests/long/*.test.mjs; do
		[ -e "$proof" ] || continue
		say "${proof##*/}"
		log=$dir/${proof##*/}.log
		POLLUX_SRCDIR=$top POLLUX_BUILDDIR=$dir POLLUXD=$dir/polluxd POLLUXCTL=$dir/polluxctl \
			GEMINI_SIM=$dir/tests/sim/gemini-sim NODE=$(command -v node) \
			logged "$log" node --test-reporter=tap "$proof" || status=1
		sed -n '/^# Subtest/d; /^# [a-z_]* [0-9.]*$/d; s/^# /    /p; /# SKIP/p' "$log"
	done
	return $status
}

needs_install $BUILD_NEEDS $TEST_NEEDS $LONG_NEEDS curl=curl || exit 1
trap proc_unmount EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
proc_mount
environment_clean
[ $# -gt 0 ] || set -- clang tidy valgrind distcheck options fuzz simulation proofs
for step; do
	case $step in
	clang | tidy | valgrind | distcheck | options | fuzz | simulation | proofs) ;;
	*) die "no such step: $step" ;;
	esac
	say "$step"
	if "step_$step"; then
		passed=$((passed + 1))
		say "$step: passed"
	else
		failed=$((failed + 1))
		say "$step: FAILED"
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
