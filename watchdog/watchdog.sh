#!/bin/sh
# Ends one worker when its host is gone: SIGTERM to the worker's process group, and SIGKILL three seconds later.
#
#   sh watchdog.sh --worker PID[:START] --host PID[:START] [--token TEXT] [--grace SECONDS] < pipe
#
# The host holds the other end of the pipe, writes `leave` when the worker has ended, and nothing else. START is field 22
# of /proc/PID/stat; without it the worker must still be a child of the host. TEXT stands in the worker's environment and
# in no other's: it proves which group is the worker's when the worker itself has ended. See docs/watchdog.md.
#
# Exit codes: 0 it has left with its worker or has ended it, 1 something survived, 64 wrong usage, 69 it can't watch.
set -u
export LC_ALL=C TZ=UTC0 PATH="${PATH:+$PATH:}/usr/bin:/bin:/usr/sbin:/sbin"
# What ends the programs of a terminal or a service must not end the one that cleans up after them.
trap '' HUP INT QUIT PIPE ALRM TERM USR1 USR2 TSTP TTIN TTOU

fail() {
  echo "procguard-watchdog: $2" >&2
  exit "$1"
}

# For what nobody can be told any more.
log() {
  echo "procguard-watchdog: $1" >&2
  if command -v logger >/dev/null; then logger -t procguard-watchdog "$1"; fi
}

read_arguments() {
  host='' worker='' token='' grace=3
  while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail 64 "$1 has no value"
    case $1 in
      --worker) worker=$2 ;;
      --host) host=$2 ;;
      --token) token=$2 ;;
      --grace) grace=$2 ;;
      *) fail 64 "no such option: $1" ;;
    esac
    shift 2
  done
  host_start='' worker_start=''
  case $host in *:*) host_start=${host#*:} host=${host%%:*} ;; esac
  case $worker in *:*) worker_start=${worker#*:} worker=${worker%%:*} ;; esac
  for number in "$host" "$worker" "$grace"; do
    case $number in '' | *[!0-9]* | 0*) fail 64 'usage: watchdog.sh --worker PID --host PID [--token TEXT] [--grace SECONDS]' ;; esac
  done
  # 0 is the group of the watchdog itself, and -1 is everybody.
  [ "$worker" -gt 1 ] || fail 64 "pid $worker is no worker"
}

# Sets state, parent, group and started, or fails: there is no such process. Starts none itself.
look_in_proc() {
  text=''
  while IFS= read -r line || [ -n "$line" ]; do text="$text $line"; done 2>/dev/null <"/proc/$1/stat"
  # The name of a program may hold anything, also `)` and line ends; what follows its last `)` may not.
  # shellcheck disable=SC2086
  set -- ${text##*) }
  [ $# -ge 20 ] || return 1
  state=$1 parent=$2 group=$3 started=${20}
}

look_with_ps() {
  # shellcheck disable=SC2046
  set -- $(LC_ALL=C TZ=UTC0 ps -o state= -o ppid= -o pgid= -o lstart= -p "$1" 2>/dev/null)
  [ $# -ge 8 ] || return 1
  state=$1 parent=$2 group=$3
  shift 3
  started="$*"
}

# The members of the worker's group.
members_in_proc() {
  for entry in /proc/[0-9]*; do
    if look "${entry#/proc/}" && [ "$group" = "$worker" ]; then echo "${entry#/proc/}"; fi
  done
}

members_with_ps() {
  ps -A -o pid= -o pgid= | while read -r member its_group; do
    if [ "$its_group" = "$worker" ]; then echo "$member"; fi
  done
}

# Shells leave the NULs out, which stand between the variables.
environment_in_proc() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in *"$token"*) return 0 ;; esac
  done 2>/dev/null <"/proc/$1/environ"
  return 1
}

environment_with_ps() {
  case $(ps -E -ww -o command= -p "$1" 2>/dev/null) in *"$token"*) return 0 ;; esac
  return 1
}

is_host_alive() {
  look "$host" && [ "$started" = "$host_start" ] || return 1
  case $state in [ZX]*) return 1 ;; esac
}

# Its zombie counts: while that is there, nobody else can have its pid, or lead a group of that number.
is_worker_there() {
  look "$worker" && [ "$started" = "$worker_start" ]
}

# The worker lives, or something in its group that is known to be the worker's.
is_anything_left() {
  is_proven=no
  if is_worker_there; then
    case $state in [ZX]*) is_proven=yes ;; *) return 0 ;; esac
  fi
  [ "$target" != "$worker" ] && kill -0 "$target" 2>/dev/null || return 1
  [ $is_proven = yes ] || [ -n "$token" ] || return 1
  for pid in $(members); do
    if ! look "$pid" || [ "$group" != "$worker" ]; then continue; fi
    case $state in [ZX]*) continue ;; esac
    if [ $is_proven = yes ] || carries_token "$pid"; then return 0; fi
  done
  return 1
}

begin() {
  command -v sleep >/dev/null || fail 69 'there is no program called sleep'
  # Tests take /proc away.
  if [ -r /proc/self/stat ] && [ "${PROCGUARD_DISABLE-}" != proc ]; then
    look() { look_in_proc "$1"; }
    members() { members_in_proc; }
    carries_token() { environment_in_proc "$1"; }
  else
    command -v ps >/dev/null || fail 69 'there is neither /proc nor a program called ps'
    look() { look_with_ps "$1"; }
    members() { members_with_ps; }
    carries_token() { environment_with_ps "$1"; }
  fi
  if [ -z "$host_start" ] && look "$host"; then host_start=$started; fi
  look "$worker" || exit 0
  # Whoever else is the parent of this pid, it may be a stranger's by now.
  if [ -z "$worker_start" ]; then
    [ "$parent" = "$host" ] || fail 69 "process $worker is no child of host $host"
    worker_start=$started
  fi
  [ "$started" = "$worker_start" ] || exit 0
  # One that leads no group shares somebody else's, and is signaled alone.
  target=$worker
  if [ "$group" = "$worker" ]; then target=-$worker; fi
  cd /
  echo watching
}

# Returns when the host is gone.
outlive_host() {
  while read -r word; do
    if [ "$word" = leave ]; then exit 0; fi
  done
  # A host that is ending closes its pipe a moment before it is gone. One that stays has lost the pipe: its pid is what is left.
  pause=0.1
  while is_host_alive; do
    is_anything_left || exit 0
    sleep $pause || sleep 1
    pause=0.5
  done
}

end_worker() {
  # The kernel and the keeper may be at it.
  is_worker_there || sleep 0.2
  is_anything_left || return 0
  # `-s` and `--` are not understood by dash without the other, and by busybox not at all.
  kill -TERM "$target" || log "process $worker of the dead host $host can't be sent SIGTERM"
  seconds=0
  while [ "$seconds" -lt "$grace" ]; do
    sleep 1
    is_anything_left || return 0
    seconds=$((seconds + 1))
  done
  kill -KILL "$target"
  sleep 0.2
  for _ in 1 2 3 4 5; do
    is_anything_left || return 0
    sleep 1
  done
  log "process $worker of the dead host $host, or its group, has survived SIGKILL"
  return 1
}

read_arguments "$@"
begin
outlive_host
end_worker
