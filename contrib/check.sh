#!/bin/sh
# The first ring of tests, from nothing: installs what they need (Debian; root or sudo), builds
# twice and runs everything that does not wait on a clock.
#
#   build/plain       gcc with the default flags
#   build/sanitizers  gcc with the address and undefined behaviour sanitizers
#
# The last line counts the test cases of both: "N passed, M failed".  Exit 0 only if M is 0.
me=check.sh
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
. "$top/contrib/packages.sh"

passed=0
failed=0
skipped=0

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# The SDKs and the Node that they want, as their lock file says; kept until it changes.
sdk_install() {
	sdk=$top/tests/sdk
	[ -f "$sdk/package-lock.json" ] || return 1
	want=$(cat "$sdk/package.json" "$sdk/package-lock.json" | sha256sum)
	if [ "$(cat "$sdk/node_modules/.installed" 2>/dev/null)" = "$want" ]; then
		say "the SDKs are installed"
		return 0
	fi
	say "npm ci: the SDKs, from the lock file"
	mkdir -p "$top/build"
	if ! (cd "$sdk" && logged "$top/build/npm.log" \
		npm ci --ignore-scripts=false --no-audit --no-fund); then
		fail "the SDKs could not be installed"
		return 1
	fi
	printf '%s\n' "$want" >"$sdk/node_modules/.installed"
}

# Adds up the results of every case below a build directory, and names what failed.
tally() {
	counts=$(find "$1" -name '*.trs' -exec awk '
		function close_file()
		{
			# A program that failed cases also exits with an error: that is no further case.
			if (errors && !fails)
				fails = 1
			failed += fails
			fails = errors = 0
		}
		FNR == 1 { close_file() }
		/^:test-result: (PASS|XFAIL)/ { passed++ }
		/^:test-result: SKIP/ { skipped++ }
		/^:test-result: (FAIL|XPASS)/ { fails++ }
		/^:test-result: ERROR/ { errors++ }
		END { close_file(); print passed + 0, failed + 0, skipped + 0 }' {} +)
	set -- "$1" $counts
	say "$(basename "$1"): $2 passed, $3 failed, $4 skipped"
	passed=$((passed + $2))
	failed=$((failed + $3))
	skipped=$((skipped + $4))
	find "$1" -name '*.trs' -exec grep -lE '^:test-result: (FAIL|XPASS|ERROR)' {} + |
		while read -r trs; do
			grep -E '^(FAIL|XPASS|ERROR): ' "${trs%.trs}.log"
			tail -n 60 "${trs%.trs}.log" | sed 's/^/    /'
		done
}

# ASan of older compilers fails at random where the kernel spreads mappings widely, and its leak
# check where ptrace is forbidden.  Sets $launcher to what helps.
sanitizers_probe() {
	launcher=
	mkdir -p "$top/build/probe"
	echo 'int main(void) { return 0; }' >"$top/build/probe/probe.c"
	gcc -fsanitize=address,undefined -o "$top/build/probe/probe" "$top/build/probe/probe.c" || return 1
	for leaks in 1 0; do
		ASAN_OPTIONS=detect_leaks=$leaks
		export ASAN_OPTIONS
		for launcher in "" "setarch $(uname -m) -R"; do
			for try in 1 2 3 4 5 6 7 8; do
				$launcher "$top/build/probe/probe" >"$top/build/probe/log" 2>&1 || continue 2
			done
			[ -z "$launcher" ] || say "address sanitizer: needs \"$launcher\" on this kernel"
			[ $leaks = 1 ] || say "warning: leaks cannot be looked for here"
			return 0
		done
	done
	cat "$top/build/probe/log"
	return 1
}

# ring NAME ARGUMENT...: one build and every test of the first ring on it.
ring() {
	name=$1
	dir=$top/build/$name
	shift
	say "$name: configure $*"
	tree_configure "$name" "$@" || { fail "$name: configure"; return; }
	say "$name: make"
	logged "$dir/make.log" make -C "$dir" -j"$cores" all || { fail "$name: make"; return; }
	say "$name: make the tests"
	logged "$dir/make-check.log" make -C "$dir" -j"$cores" check TESTS= ||
		{ fail "$name: make the tests"; return; }
	find "$dir" -name '*.trs' -exec rm -f {} +
	say "$name: unit tests, corpus, layers, headers, documents, flow"
	$launcher make -C "$dir" -j"$cores" check >"$dir/check.log" 2>&1 </dev/null
	ran=$(find "$dir" -name '*.trs' | wc -l)
	[ "$ran" -gt 0 ] || { tail -n 40 "$dir/check.log"; fail "$name: no test ran"; }
	if [ $sdk_ready = yes ]; then
		say "$name: SDK tests"
		$launcher make -C "$dir" -j"$cores" check-sdk >"$dir/check-sdk.log" 2>&1 </dev/null
		[ "$(find "$dir" -name '*.trs' | wc -l)" -gt "$ran" ] ||
			{ tail -n 40 "$dir/check-sdk.log"; fail "$name: no SDK test ran"; }
	fi
	tally "$dir"
}

needs_install $BUILD_NEEDS $TEST_NEEDS || exit 1
trap proc_unmount EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
proc_mount
sdk_ready=no
sdk_install && sdk_ready=yes
environment_clean

launcher=
ring plain CC=gcc CFLAGS='-O2 -g' --enable-werror

if sanitizers_probe; then
	# Reports go to files: a daemon's own words may be lost with the process that they are about.
	reports=$top/build/sanitizers.reports
	rm -rf "$reports" && mkdir -p "$reports"
	ASAN_OPTIONS=$ASAN_OPTIONS:allocator_may_return_null=1:log_path=$reports/address
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/undefined
	export ASAN_OPTIONS UBSAN_OPTIONS
	ring sanitizers CC=gcc CFLAGS='-O1 -g' --enable-werror --enable-sanitizers
	# Many processes may tell the same; it counts and is shown once.
	seen=
	for report in "$reports"/*; do
		[ -e "$report" ] || continue
		summary=$(sed -n 's/^SUMMARY: //p' "$report")
		[ -n "$summary" ] || summary=$(head -n 1 "$report")
		# A remark and no report: tests of windows are coroutines, which it cannot follow.
		case $summary in
		*"doesn't fully support makecontext/swapcontext"*) continue ;;
		esac
		case $seen in
		*"<$summary>"*) continue ;;
		esac
		seen="$seen<$summary>"
		fail "sanitizers: $summary (${report#"$top"/})"
		head -n 40 "$report" | sed 's/^/    /'
	done
else
	fail "sanitizers: a program built with them does not run here"
fi

[ $passed -gt 0 ] || failed=$((failed + (failed == 0)))
say "done; logs are in build/plain and build/sanitizers"
if [ $skipped -gt 0 ]; then
	say "$skipped skipped; the logs say why"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
