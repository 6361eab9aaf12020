# What building and testing need on Debian, and how to come by it.  Sourced by quickstart.sh,
# check.sh and check-long.sh, which set $me (their name) and $top (the source tree) first.
#
# A need is a package, or COMMAND=PACKAGE where any provider of the command will do.

BUILD_NEEDS="gcc=gcc libc6-dev make=make autoconf=autoconf automake=automake pkg-config=pkg-config
	ca-certificates libmicrohttpd-dev libcurl4-openssl-dev libjansson-dev liblmdb-dev
	libsodium-dev libconfuse-dev"
TEST_NEEDS="libcmocka-dev node=nodejs npm=npm"
LONG_NEEDS="clang=clang clang-tidy=clang-tidy llvm-symbolizer=llvm valgrind=valgrind xz=xz-utils
	faketime=faketime"

# A fresh system has no locales but this one.
LC_ALL=C.UTF-8
export LC_ALL
cores=$(nproc 2>/dev/null || echo 1)
began=$(date +%s)

say() {
	printf '%s: [%3ds] %s\n' "$me" $(($(date +%s) - began)) "$*"
}

die() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

is_met() {
	case $1 in
	*=*) command -v "${1%%=*}" >/dev/null 2>&1 ;;
	*) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
	esac
}

# needs_install NEED...: installs what is not met; quick when everything is.
needs_install() {
	if ! command -v apt-get >/dev/null 2>&1; then
		say "no apt-get here: taking what is installed; configure names what is missing"
		return 0
	fi
	wanted=
	for need; do
		is_met "$need" || wanted="$wanted ${need#*=}"
	done
	if [ -z "$wanted" ]; then
		say "all packages are installed"
		return 0
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
		die "these packages are missing, and installing them takes root or sudo:$wanted"
	fi
	say "installing:$wanted"
	log=$(mktemp) || die "no temporary file could be made"
	if ! { as_root apt-get update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
			$wanted; } </dev/null >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		die "the packages could not be installed"
	fi
	rm -f "$log"
}

# Nothing of the caller's may reach a daemon under test, and nothing of it the real network.  What
# speaks to the tests themselves stays: POLLUX_DATA names a directory of recorded answers.
environment_clean() {
	for name in $(env | sed -n 's/^\(POLLUX_[A-Z0-9_]*\)=.*/\1/p') GEMINI_API_KEYS HOST PORT PROXY \
		PASSWORD SECRET_KEY MAKEFLAGS MFLAGS DESTDIR http_proxy https_proxy all_proxy \
		HTTP_PROXY HTTPS_PROXY ALL_PROXY; do
		case $name in
		POLLUX_DATA | POLLUX_TEST_LIMIT | POLLUX_FLOW_*) ;;
		*) unset "$name" ;;
		esac
	done
	ulimit -c 0
}

# A chroot may lack /proc, which sanitizers, Node and npm cannot do without.
proc_mount() {
	[ -r /proc/self/stat ] && return 0
	if as_root mount -t proc proc /proc 2>/dev/null; then
		proc_is_ours=yes
		say "/proc was not mounted; it is while this runs"
	else
		say "warning: /proc is not mounted and cannot be; sanitizers and Node may fail for that"
	fi
}

proc_unmount() {
	if [ -n "${proc_is_ours:-}" ]; then
		proc_is_ours=
		as_root umount /proc 2>/dev/null || as_root umount -l /proc
	fi
}

# loopback ARGUMENT...: curl to this machine, whatever proxies the environment names.
loopback() {
	curl --silent --noproxy '*' "$@"
}

port_is_free() {
	loopback --max-time 2 --output /dev/null "http://127.0.0.1:$1/"
	[ $? = 7 ]
}

# logged FILE COMMAND...: runs it in silence, and shows the end of what it said when it fails.
logged() {
	log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null && return 0
	echo "--- $*" >&2
	tail -n 40 "$log" >&2
	echo "--- the whole of it: $log" >&2
	return 1
}

# tree_configure DIRECTORY ARGUMENT...: makes configure, and build/DIRECTORY with it, where they
# are missing or other arguments are wanted; make sees to the rest by itself.
tree_configure() {
	dir=$top/build/$1
	shift
	if [ -f "$top/config.status" ]; then
		echo "the source tree itself is configured: run \"make distclean\" in it first" >&2
		return 1
	fi
	mkdir -p "$dir" || return 1
	if [ ! -f "$top/configure" ] || [ ! -f "$top/Makefile.in" ]; then
		logged "$top/build/autogen.log" sh "$top/autogen.sh" || return 1
	fi
	if [ ! -f "$dir/Makefile" ] || [ "$(cat "$dir/.arguments" 2>/dev/null)" != "$*" ]; then
		rm -rf "$dir" && mkdir -p "$dir" || return 1
		(cd "$dir" && logged "$dir/configure.log" "$top/configure" "$@") || return 1
		printf '%s\n' "$*" >"$dir/.arguments"
	fi
}
