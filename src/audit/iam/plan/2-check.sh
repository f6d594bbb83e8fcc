#!/bin/sh
# Tells how far each access key of plan.toml is, and changes nothing: sh 2-check.sh [KEY-ID…]
#
# Exit status: 0, or 1 where a key was used after it was deactivated or AWS does not tell.
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
# shellcheck source=common.sh disable=SC1091
. "$folder/common.sh"

check() {
    if ! found=$(status "$user" "$id"); then
        refuse 'AWS does not tell its state'
        return
    fi
    if [ -z "$found" ]; then
        say "gone     $id of $user"
        return
    fi
    if ! used=$(last_use "$id"); then
        refuse 'AWS does not tell its last use'
        return
    fi
    since=$(noted "$id" at)
    # In a shell of its own: it sets names that are not meant for here.
    by=$(if approved "$id"; then say "approved by $signer until $last_day"; else say "$reason"; fi)
    by="last used ${used:-never}; $by"
    if [ "$found" = Active ]; then
        say "active   $id of $user: $by"
    elif [ -z "$since" ]; then
        say "inactive $id of $user: sh 1-deactivate.sh notes the time; $by"
    elif [ -n "$used" ] && [ "$(seconds "$used")" -gt "$(seconds "$since")" ]; then
        say "USED     $id of $user: at $used, after it was deactivated at $since"
        refused=1
    else
        left=$((wait_days * 86400 - now + $(seconds "$since")))
        if [ "$left" -gt 0 ]; then
            say "waiting  $id of $user: $(((left + 86399) / 86400)) days left; $by"
        else
            say "ready    $id of $user: sh 3-delete.sh $id; $by"
        fi
    fi
}

begin "$@"
for id in $ids; do
    if find_user "$id"; then check; fi
done
exit "$refused"
