#!/bin/sh
# From a source tree on a fresh Debian to an answer: installs the packages (root or sudo), builds,
# starts Pollux on loopback with a state of its own, asks it something and prints the answer.
#
# usage: sh contrib/quickstart.sh [--once]
#
# With GEMINI_API_KEYS (comma separated) in the environment Pollux talks to Gemini, without to a
# simulator of Gemini's API.  It stays until interrupted; --once stops after the answer, and exits
# 0 only if one came.  Nothing is left running and nothing outside build/ is written.
me=quickstart.sh
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
. "$top/contrib/packages.sh"

model=gemini-2.5-flash
question="Say hello in one short sentence."
once=no
daemon=
simulator=
work=
run_dir=

case $#:${1:-} in
0:) ;;
1:--once) once=yes ;;
*)
	echo "usage: sh contrib/quickstart.sh [--once]" >&2
	exit 2
	;;
esac

# A child that was asked to end gets five seconds, then a second signal, then no choice.
child_end() {
	[ -n "$1" ] && kill -TERM "$1" 2>/dev/null || return 0
	for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		kill -0 "$1" 2>/dev/null || break
		[ "$wait" = 10 ] && kill -TERM "$1" 2>/dev/null
		sleep 0.5
	done
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

clean_up() {
	trap '' INT TERM HUP
	child_end "$daemon"
	child_end "$simulator"
	[ -n "$work" ] && rm -rf "$work"
	[ -n "$run_dir" ] && rm -rf "$run_dir"
	proc_unmount
}

# wait_for SECONDS PID CONDITION...: true once the condition holds, false when time or child is gone.
wait_for() {
	tries=$(($1 * 10))
	pid=$2
	shift 2
	while [ $tries -gt 0 ]; do
		"$@" && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		tries=$((tries - 1))
		sleep 0.1
	done
	return 1
}

is_ready() {
	loopback --fail --max-time 2 --output /dev/null "$url/readyz"
}

start_simulator() {
	say "starting the simulator of Gemini's API (GEMINI_API_KEYS is not set)"
	"$build/tests/sim/gemini-sim" --port-file "$work/sim.port" >"$work/sim.log" 2>&1 &
	simulator=$!
	if ! wait_for 10 $simulator test -s "$work/sim.port"; then
		cat "$work/sim.log" >&2
		die "the simulator did not start"
	fi
	GEMINI_API_KEYS=sim-key-1,sim-key-2
	export GEMINI_API_KEYS
	set_upstream="-D upstream.gemini_url=http://127.0.0.1:$(cat "$work/sim.port")"
}

start_pollux() {
	port=8080
	until port_is_free $port; do
		port=$((port + 1))
		[ $port -lt 8180 ] || die "no free port between 8080 and 8180"
	done
	url=http://127.0.0.1:$port
	client_key=pk-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')

	# Settings of an installed Pollux, or of another program, shall not mix in.
	for name in $(env | sed -n 's/^\(POLLUX_[A-Z0-9_]*\)=.*/\1/p') HOST PORT; do
		unset "$name"
	done
	: >"$work/pollux.conf"
	[ "$(id -u)" = 0 ] && set_user="-D server.user=root"
	say "starting Pollux on $url"
	POLLUX_CLIENT_KEYS=$client_key "$build/polluxd" -f -c "$work/pollux.conf" \
		-D "server.listen=127.0.0.1:$port" -D "server.run_dir=$run_dir" \
		-D "state.dir=$work/state" ${set_upstream:-} ${set_user:-} >"$work/pollux.log" 2>&1 &
	daemon=$!
	if ! wait_for 30 $daemon is_ready; then
		cat "$work/pollux.log" >&2
		die "Pollux did not become ready"
	fi
}

ask() {
	say "asking $model: $question"
	# The key goes by a file: what stands in arguments can be read by anyone on the machine.
	echo "Authorization: Bearer $client_key" >"$work/header"
	status=$(loopback --max-time 300 --output "$work/answer.json" --write-out '%{http_code}' \
		"$url/v1/chat/completions" -H "@$work/header" -H "Content-Type: application/json" \
		-d "{\"model\": \"$model\", \"messages\": [{\"role\": \"user\", \"content\": \"$question\"}]}")
	answer=$(tr '\n' ' ' <"$work/answer.json" 2>/dev/null |
		sed -n 's/.*"content" *: *"\(\([^"\\]\|\\.\)*\)".*/\1/p')
	if [ "$status" != 200 ] || [ -z "$answer" ]; then
		echo "no answer came (status $status):" >&2
		cat "$work/answer.json" >&2
		echo >&2
		tail -n 20 "$work/pollux.log" >&2
		return 1
	fi
	say "the answer:"
	printf '\n    %b\n\n' "$(printf '%s' "$answer" | sed 's/\\"/"/g; s/%/%%/g')"
}

go_on() {
	if [ $once = yes ]; then
		echo "Without --once this Pollux would stay, and you would go on so:"
	else
		echo "Go on with the same key, from any program on this machine:"
	fi
	cat <<END

  curl $url/v1/chat/completions \\
    -H "Authorization: Bearer $client_key" -H "Content-Type: application/json" \\
    -d '{"model": "$model", "messages": [{"role": "user", "content": "Hello"}]}'

  # Python, pip install openai
  from openai import OpenAI
  client = OpenAI(base_url="$url/v1", api_key="$client_key")
  print(client.chat.completions.create(model="$model",
      messages=[{"role": "user", "content": "Hello"}]).choices[0].message.content)

  // Node, npm install openai
  import OpenAI from 'openai';
  const client = new OpenAI({ baseURL: '$url/v1', apiKey: '$client_key' });
  console.log((await client.chat.completions.create({ model: '$model',
    messages: [{ role: 'user', content: 'Hello' }] })).choices[0].message.content);

  # Python, pip install google-genai
  from google import genai
  client = genai.Client(api_key="$client_key", http_options={"base_url": "$url"})
  print(client.models.generate_content(model="$model", contents="Hello").text)

  // Node, npm install @google/genai
  import { GoogleGenAI } from '@google/genai';
  const ai = new GoogleGenAI({ apiKey: '$client_key', httpOptions: { baseUrl: '$url' } });
  console.log((await ai.models.generateContent({ model: '$model', contents: 'Hello' })).text);

  # what goes on inside
  $build/polluxctl -s $run_dir/control.sock status

END
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

needs_install $BUILD_NEEDS curl=curl || exit 1
proc_mount
build=$top/build/quickstart
say "configuring in build/quickstart"
tree_configure quickstart CFLAGS='-O2 -g' || die "configure failed"
say "building"
# One after the other: goals side by side would make the same files.
for goal in all tests/sim/gemini-sim; do
	logged "$build/make.log" make -C "$build" -j"$cores" $goal || die "the build failed"
done

umask 077
work=$(mktemp -d "$top/build/quickstart.XXXXXX") || die "build/ cannot be written"
# The names of Unix sockets are short.
case ${#work} in
? | [1-7]?) run_dir=$work/run ;;
*) run_dir=$(mktemp -d) || die "no temporary directory could be made" ;;
esac

[ -n "${GEMINI_API_KEYS:-}" ] || start_simulator
start_pollux
ask || exit 1
go_on
[ $once = yes ] && exit 0
say "Pollux runs until you press Ctrl-C"
wait $daemon
status=$?
cat "$work/pollux.log" >&2
die "Pollux ended by itself, with status $status"
