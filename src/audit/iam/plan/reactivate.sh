#!/bin/sh
# The way back: activates keys again that 1-deactivate.sh deactivated: sh reactivate.sh KEY-ID…
#
# No approval is needed, and plan.toml is not asked. Keys that were inactive before stay so. It may be run again.
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
# shellcheck source=common.sh disable=SC1091
. "$folder/common.sh"

[ $# -gt 0 ] || stop 'name the keys: sh 2-check.sh lists them'
check_ids "$*"
check_account
for id in "$@"; do
    user=$(noted "$id" user)
    if [ -z "$user" ]; then
        user='?'
        refuse 'this plan did not deactivate it'
    elif [ "$(noted "$id" was)" != Active ]; then
        refuse "it was inactive before this plan (aws iam update-access-key --user-name $user --access-key-id $id --status Active)"
    elif aws iam update-access-key --user-name "$user" --access-key-id "$id" --status Active; then
        rm -f "$state/$id"
        say "done     $id of $user: active again"
    else
        refuse 'AWS did not activate it: it is deleted, perhaps'
    fi
done
exit "$refused"
