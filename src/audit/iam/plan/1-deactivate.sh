#!/bin/sh
# Deactivates the access keys of plan.toml that somebody has approved: sh 1-deactivate.sh [KEY-ID…]
#
# Nothing is deleted. Way back: sh reactivate.sh KEY-ID. It may be run again: what is done already stays as it is.
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
# shellcheck source=common.sh disable=SC1091
. "$folder/common.sh"

# Whether the last use lets it go; else `reason` says why not.
is_quiet() {
    reason='AWS does not tell its last use'
    used=$(last_use "$id") || return 1
    if [ "$(field "$id" phase)" = used ]; then
        reason='it is signed twice'
        moved=$(field "$id" hosts-moved) || return 1
        reason="its hosts are not moved: hosts-moved is '$moved'"
        is_day "$moved" && [ "$(day_number "$moved")" -le "$(day_number "$now_text")" ] || return 1
        reason="it was used at $used, after its hosts were moved on $moved: something else has it"
        [ -z "$used" ] || [ "$(day_number "$used")" -le "$(day_number "$moved")" ]
    elif [ -n "$used" ]; then
        reason="its last use is no time: $used"
        used_at=$(seconds "$used") || return 1
        reason="it was used at $used, less than $quiet_days days ago: make a new plan"
        [ $((now - used_at)) -gt $((quiet_days * 86400)) ]
    fi
}

deactivate() {
    approved "$id" || {
        refuse_unsigned
        return
    }
    found=$(status "$user" "$id") || {
        refuse 'AWS does not tell its state'
        return
    }
    case $found in
    Active)
        is_quiet || {
            refuse "$reason"
            return
        }
        # Before too: what ends in between can be taken back.
        note "$id" Active "$user"
        aws iam update-access-key --user-name "$user" --access-key-id "$id" --status Inactive || {
            refuse 'AWS did not deactivate it'
            return
        }
        note "$id" Active "$user"
        say "done     $id of $user: inactive; way back: sh reactivate.sh $id"
        ;;
    Inactive)
        [ -f "$state/$id" ] || note "$id" Inactive "$user"
        say "is so    $id of $user: inactive, waiting since $(noted "$id" at)"
        ;;
    *) say "is so    $id of $user: there is no such key any more" ;;
    esac
}

begin "$@"
for id in $ids; do
    if find_user "$id"; then deactivate; fi
done
exit "$refused"
