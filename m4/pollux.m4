# Macros of Pollux's own configure.ac.

# POLLUX_FLAG(VARIABLE, FLAG, [PROGRAM])
# --------------------------------------
# Appends FLAG to VARIABLE when compiler and linker take it without a word.
AC_DEFUN([POLLUX_FLAG], [
AS_VAR_PUSHDEF([pollux_cache], [pollux_cv_flag_$2])dnl
AC_CACHE_CHECK([whether $CC takes $2], [pollux_cache], [
	pollux_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_LINK_IFELSE([m4_default([$3], [AC_LANG_PROGRAM()])],
		[AS_VAR_SET([pollux_cache], [yes])],
		[AS_VAR_SET([pollux_cache], [no])])
	CFLAGS=$pollux_saved_CFLAGS
])
AS_VAR_IF([pollux_cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([pollux_cache])dnl
])

# POLLUX_LIBRARY(VARIABLE, MODULE, MINIMUM, DEBIAN-PACKAGE, FEDORA-PACKAGE)
# -------------------------------------------------------------------------
# Asks pkg-config for MODULE.  A missing one is noted, so that configure can name all at once.
AC_DEFUN([POLLUX_LIBRARY], [
PKG_CHECK_MODULES([$1], [$2 >= $3],
	[AS_VAR_SET([pollux_found_$1], [`$PKG_CONFIG --modversion $2`])],
	[pollux_missing="$pollux_missing
    $2 >= $3"
	pollux_missing_debian="$pollux_missing_debian $4"
	pollux_missing_fedora="$pollux_missing_fedora $5"])
])
