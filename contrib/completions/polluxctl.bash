# Completion of polluxctl(1) for bash.  The words are asked of the program, so there is no list
# to keep; "polluxctl help" needs no daemon.
_polluxctl_words()
{
	"${COMP_WORDS[0]}" help 2>/dev/null | sed -n 's/^  \([a-z].*\)/\1/p'
}

# Labels come from the daemon, if it answers.
_polluxctl_labels()
{
	"${COMP_WORDS[0]}" "${options[@]}" --json "$1" list 2>/dev/null |
		grep -o '"label":"[^"]*"' | cut -d '"' -f 4
}

_polluxctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local said=() options=() i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | -c)
			options+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			i=$((i + 1))
			;;
		--label | --project | --model | --key) i=$((i + 1)) ;;
		-*) ;;
		*) said+=("${COMP_WORDS[i]}") ;;
		esac
	done
	case $previous in
	-s | -c)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--key)
		COMPREPLY=(-)
		return
		;;
	--label | --project | --model) return ;;
	esac
	case ${#said[@]}:$word in
	0:*)
		mapfile -t COMPREPLY < <(compgen -W "--json --help --version -s -c \
			$(_polluxctl_words | cut -d ' ' -f 1 | sort -u)" -- "$word")
		;;
	*:-*)
		mapfile -t COMPREPLY < <(compgen -W "--json $(_polluxctl_words |
			grep "^${said[*]:0:2} " | grep -o -e '--[a-z]*')" -- "$word")
		;;
	1:*)
		mapfile -t COMPREPLY < <(compgen -W "$(_polluxctl_words |
			sed -n "s/^${said[0]} \([a-z][a-z]*\).*/\1/p")" -- "$word")
		;;
	*)
		case ${said[0]}:${said[1]} in
		keys:show | keys:test | keys:enable | keys:disable | keys:thaw | keys:rm | \
			clients:enable | clients:disable | clients:rm)
			mapfile -t COMPREPLY < <(compgen -W "$(_polluxctl_labels "${said[0]}")" -- "$word")
			;;
		config:get)
			mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${options[@]}" \
				--json config list 2>/dev/null | grep -o '"name":"[^"]*"' |
				cut -d '"' -f 4)" -- "$word")
			;;
		esac
		;;
	esac
}
complete -F _polluxctl polluxctl
