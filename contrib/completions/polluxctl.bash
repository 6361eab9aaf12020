# Completion of polluxctl(1) for bash.
_polluxctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} group= i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | -c)
			i=$((i + 1))
			;;
		-*) ;;
		*)
			group=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-s | -c)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	if [ -n "$group" ] && [ "$i" -ne $((COMP_CWORD - 1)) ]; then
		return
	fi
	case $group in
	"") mapfile -t COMPREPLY < <(compgen -W "--json --help --version -s -c status reload drain keys clients config help" -- "$word") ;;
	keys) mapfile -t COMPREPLY < <(compgen -W "add import list show test enable disable thaw rm" -- "$word") ;;
	clients) mapfile -t COMPREPLY < <(compgen -W "add list enable disable rm" -- "$word") ;;
	config) mapfile -t COMPREPLY < <(compgen -W "list get" -- "$word") ;;
	esac
}
complete -F _polluxctl polluxctl
