#!/bin/sh
# Deletes the access keys of plan.toml that are approved, inactive since long enough, and not used since: sh 3-delete.sh [KEY-ID…]
#
# This cannot be taken back: the way back, sh reactivate.sh KEY-ID, ends here. It may be run again.
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
# shellcheck source=common.sh disable=SC1091
. "$folder/common.sh"

# Whether it has waited, unused; else `reason` says why not.
has_waited() {
    reason='AWS does not tell its last use'
    used=$(last_use "$id") || return 1
    since=$(noted "$id" at)
    reason='nothing notes since when it is inactive: run sh 1-deactivate.sh, and wait'
    [ -n "$since" ] || return 1
    reason="state/$id is damaged"
    since_at=$(seconds "$since") || return 1
    if [ -n "$used" ]; then
        reason="its last use is no time: $used"
        used_at=$(seconds "$used") || return 1
        reason="it was used at $used, after it was deactivated at $since"
        [ "$used_at" -le "$since_at" ] || return 1
    fi
    reason="it is inactive since $since, and waits $wait_days days"
    [ $((now - since_at)) -ge $((wait_days * 86400)) ]
}

delete() {
    approved "$id" || {
        refuse_unsigned
        return
    }
    found=$(status "$user" "$id") || {
        refuse 'AWS does not tell its state'
        return
    }
    case $found in
    Active) refuse 'it is active: run sh 1-deactivate.sh first' ;;
    Inactive)
        has_waited || {
            refuse "$reason"
            return
        }
        aws iam delete-access-key --user-name "$user" --access-key-id "$id" || {
            refuse 'AWS did not delete it'
            return
        }
        say "done     $id of $user: deleted"
        ;;
    *) say "is so    $id of $user: there is no such key any more" ;;
    esac
}

begin "$@"
for id in $ids; do
    if find_user "$id"; then delete; fi
done
exit "$refused"
