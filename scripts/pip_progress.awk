# pip says a line for every package; this shows that something moves: one line that is overwritten on a terminal
# (tty=1), large files and the last step in a log.
function name(path,   parts, count) { count = split(path, parts, "/"); sub(/-[^-]*-[^-]*-[^-]*\.whl$/, "", parts[count]); return parts[count] }
function show(text) { if (tty) printf "\r\033[K  %3d  %s", seen, text; fflush() }
/^ *Collecting / { seen++; show($2) }
/^ *(Downloading|Using cached|Processing) / {
    file = ($1 == "Using") ? $3 : $2
    size = ""
    if (match($0, /\([0-9.]+ [kMG]?B\)/)) size = substr($0, RSTART, RLENGTH)
    show(name(file) " " size)
    if (!tty && (size ~ /GB/ || size ~ /[0-9][0-9][0-9.]* MB/)) { print "  " name(file) " " size; fflush() }
}
/^ *Building .* \(pyproject.toml\)/ { show("building " $3 " " $4) }
/^Installing collected packages/ {
    if (tty) printf "\r\033[K"
    printf "  unpacking %d packages (about a minute)\n", NF - 3
    fflush()
}
END { if (tty) printf "\r\033[K" }
