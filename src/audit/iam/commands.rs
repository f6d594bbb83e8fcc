//! The read-only commands that make the files, ready to be pasted.

/// What each file tells, and the command that writes it.
///
/// The answers of two operations do not say what was asked for, so the commands put it in.
pub const COMMANDS: [(&str, &str); 6] = [
    (
        "credential report",
        "until aws iam generate-credential-report --query State --output text | grep -q COMPLETE; do sleep 2; done; \
         aws iam get-credential-report --query Content --output text | base64 -d > credential-report.csv",
    ),
    ("--details", "aws iam get-account-authorization-details --output json > authorization-details.json"),
    (
        "key ids, without a flag",
        "for user in $(aws iam list-users --query 'Users[].UserName' --output text); do \
         aws iam list-access-keys --user-name \"$user\" --output json; done > access-keys.json",
    ),
    (
        "--last-used",
        "for key in $(grep -o '\"AccessKeyId\": *\"[A-Z0-9]*' access-keys.json | grep -o '[A-Z0-9]*$'); do \
         aws iam get-access-key-last-used --access-key-id \"$key\" --output json --query \
         \"{AccessKeyId:'$key',UserName:UserName,AccessKeyLastUsed:AccessKeyLastUsed}\"; done > last-used.json",
    ),
    (
        "--accessed",
        "for arn in $(aws iam list-users --query 'Users[].Arn' --output text) \
         $(aws iam list-roles --query 'Roles[].Arn' --output text); do \
         job=$(aws iam generate-service-last-accessed-details --arn \"$arn\" --query JobId --output text); \
         while [ \"$(aws iam get-service-last-accessed-details --job-id \"$job\" --query JobStatus --output text)\" = \
         IN_PROGRESS ]; do sleep 1; done; \
         aws iam get-service-last-accessed-details --job-id \"$job\" --max-items 1000 --output json --query \
         \"{Arn:'$arn',JobStatus:JobStatus,IsTruncated:IsTruncated,ServicesLastAccessed:ServicesLastAccessed}\"; \
         done > service-last-accessed.json",
    ),
    ("--files", "anyrole audit files --json > HOST.json (on each host, as root)"),
];
