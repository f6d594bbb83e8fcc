# shellcheck shell=sh
# What the scripts of this folder share; they set `folder` and use the rest. Written by anyrole audit iam: do not change it.
# shellcheck disable=SC2034,SC2154
set -eu
umask 077
LC_ALL=C AWS_PAGER=''
export LC_ALL AWS_PAGER

account=@ACCOUNT@
checksum=@CHECKSUM@
wait_days=@WAIT@
quiet_days=@QUIET@
plan=$folder/plan.toml
state=$folder/state

say() { printf '%s\n' "$*"; }
stop() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

# Ends where the plan is not the one that these scripts were written for. Signatures are no part of its checksum.
check_plan() {
    [ -r "$plan" ] || stop "cannot read $plan"
    found=$(tr -d '\r' <"$plan" | grep -Ev '^[[:space:]]*(approved-by|until|hosts-moved)[[:space:]]*=' | sha256) ||
        stop 'cannot make a SHA-256: sha256sum, shasum or openssl is needed'
    [ "$found" = "$checksum" ] ||
        stop "plan.toml was changed besides its signatures: make a new plan with anyrole audit iam --plan"
}
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256
    else openssl dgst -sha256 -r; fi | cut -d ' ' -f 1
}

# Ends where the caller is signed in elsewhere.
check_account() {
    command -v aws >/dev/null 2>&1 || stop 'the AWS CLI (aws) is needed'
    caller=$(aws sts get-caller-identity --query Account --output text) || stop 'AWS does not say who is calling'
    [ "$caller" = "$account" ] || stop "this is account $caller, and the plan is of account $account"
    now_text=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    now=$(seconds "$now_text") || stop 'date does not tell the time'
}

# seconds TIME: since 1970, of a time in UTC.
seconds() {
    awk -v text="$1" 'BEGIN {
        if (text !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)?(Z|\+00:00)$/) exit 1
        year = substr(text, 1, 4) + 0; month = substr(text, 6, 2) + 0; day = substr(text, 9, 2) + 0
        if (month < 3) { year--; month += 12 }
        days = 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * (month - 3) + 2) / 5) + day - 719469
        printf "%.0f", days * 86400 + substr(text, 12, 2) * 3600 + substr(text, 15, 2) * 60 + substr(text, 18, 2)
    }'
}

# field ID NAME: a value of an item; fails where it stands there twice.
field() {
    tr -d '\r' <"$plan" | awk -v id="$1" -v name="$2" '
        /^\[\[item\]\]/ { inside = 0 }
        { line = $0; sub(/^[ \t]+/, "", line) }
        line == "access-key-id = \"" id "\"" { inside = 1 }
        inside && match(line, "^" name "[ \t]*=[ \t]*") {
            value = substr(line, RLENGTH + 1)
            quote = substr(value, 1, 1)
            value = substr(value, 2)
            if (quote != "\"" && quote != "\047") value = ""
            print substr(value, 1, index(value, quote) - 1)
            count++
        }
        END { exit count > 1 }'
}

is_day() {
    case $1 in
    [0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]) return 0 ;;
    *) return 1 ;;
    esac
}
day_number() { printf '%s' "$1" | cut -c 1-10 | tr -d -; }

# approved ID: whether somebody signed it, and that has not ended; else `reason` says why not.
approved() {
    reason='it is signed twice'
    signer=$(field "$1" approved-by) && last_day=$(field "$1" until) || return 1
    reason='nobody has approved it'
    case $signer in *[![:space:]]*) ;; *) return 1 ;; esac
    reason="it is approved until '$last_day', which is no day (YYYY-MM-DD)"
    is_day "$last_day" || return 1
    reason="its approval ended on $last_day"
    [ "$(day_number "$now_text")" -le "$(day_number "$last_day")" ]
}

# status USER ID: Active, Inactive, or nothing where there is no such key; fails where AWS does not tell.
status() {
    told=$(aws iam list-access-keys --user-name "$1" --output text --query "AccessKeyMetadata[?AccessKeyId=='$2'].Status") ||
        return 1
    [ "$told" = None ] || printf '%s' "$told"
}

# last_use ID: its time, or nothing; fails where AWS does not tell.
last_use() {
    told=$(aws iam get-access-key-last-used --access-key-id "$1" --output text --query AccessKeyLastUsed.LastUsedDate) ||
        return 1
    [ "$told" = None ] || printf '%s' "$told"
}

# noted ID NAME: what was noted when the key was deactivated.
noted() { [ ! -f "$state/$1" ] || sed -n "s/^$2=//p" "$state/$1"; }
note() {
    mkdir -p "$state"
    printf 'at=%s\nwas=%s\nuser=%s\n' "$now_text" "$2" "$3" >"$state/.$1"
    mv -f "$state/.$1" "$state/$1"
}

refused=0
refuse() {
    say "refused  $id of $user: $*"
    refused=1
}

# refuse_unsigned: by `reason`. Of an item that was not asked for by name, a missing signature is no failure.
refuse_unsigned() {
    if [ "$named" = 0 ] && [ "$reason" = 'nobody has approved it' ]; then say "left     $id of $user: $reason"
    else refuse "$reason"; fi
}

# begin [ID…]: checks plan and account, and sets `ids` to these or to all of the plan.
begin() {
    named=$#
    ids=$*
    check_plan
    check_account
    [ "$named" -gt 0 ] || ids=$(sed -n 's/^access-key-id = "\([A-Z0-9]*\)".*$/\1/p' "$plan")
    check_ids "$ids"
}
check_ids() {
    case $1 in *[!A-Z0-9[:space:]]*) stop "there is a word that is no access key id: $1" ;; esac
}

# find_user ID: sets `user`, or says that the plan does not have the key.
find_user() {
    id=$1 user='?'
    if found=$(field "$id" user) && [ -n "$found" ]; then user=$found
    else
        refuse 'it is not in the plan'
        return 1
    fi
}
