//! What is better than a certificate at each place, and how it is had.

use super::Place;

const OIDC_PROVIDER: &str =
    "once for the account: aws iam create-open-id-connect-provider --url PROVIDER --client-id-list AUDIENCE";
const WEB_IDENTITY: &str = "give the role a trust policy with sts:AssumeRoleWithWebIdentity for that provider, with conditions on its aud and sub";

/// Returns what is better there, if anything is, and the steps to it, or to Roles Anywhere.
pub(super) const fn of(place: Place) -> (Option<&'static str>, &'static [&'static str]) {
    match place {
        Place::Azure => (
            Some("a token of the managed identity"),
            &[
                "give the machine or the service a managed identity, and register an application of Entra ID as the audience",
                "once for the account: aws iam create-open-id-connect-provider --url https://sts.windows.net/TENANT_ID/ --client-id-list api://APPLICATION",
                WEB_IDENTITY,
                "write the token that the identity endpoint gives for that audience to a file, and set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
            ],
        ),
        Place::Batch => (
            Some("the job's role"),
            &[
                "give that role what the job needs, and let the SDK find it: no profile, no keys in the job's variables",
            ],
        ),
        Place::CiWithOidc => (Some("a token of the CI system"), &[OIDC_PROVIDER, WEB_IDENTITY]),
        Place::CloudShell => (
            Some("the credentials of the person who is signed in"),
            &[
                "nothing is to be set up: the AWS CLI and every SDK have them; it is the place to run what anyrole setup prints",
            ],
        ),
        Place::CloudWithoutIdentity | Place::OnPremises => (
            None,
            &[
                "anyrole pki init and anyrole pki issue make a CA and a certificate to try it with; a CA that you have is better",
                "anyrole setup prints the trust anchor, the role and the profile for it",
                "anyrole configure writes the profile that every SDK reads",
            ],
        ),
        Place::CodeBuild => (
            Some("the project's service role"),
            &["give the service role what the build needs, and let the SDK find it"],
        ),
        Place::Ec2 => (
            Some("the instance's role"),
            &[
                "attach a role: aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=PROFILE (an instance of Lightsail looks the same and cannot have one)",
                "require IMDSv2: aws ec2 modify-instance-metadata-options --instance-id ID --http-tokens required --http-put-response-hop-limit 1",
                "for containers without a role of their own the hop limit is 2; with 1 they do not reach the instance's role, which is often what is wanted",
                "let the SDK find it: no profile and no keys; anyrole advise --probe asks whether the instance has a role",
            ],
        ),
        Place::Ecs => (
            Some("the task's role"),
            &[
                "give that role what the task needs, and let the SDK find it: no profile, no keys in the task's variables",
            ],
        ),
        Place::EksPodIdentity => (
            Some("the role of the pod's service account (Pod Identity)"),
            &["nothing is to be set up: the SDK finds it; give that role what the pod needs"],
        ),
        Place::EksServiceAccount => (
            Some("the role of the pod's service account (web identity)"),
            &["nothing is to be set up: the SDK finds it; give that role what the pod needs"],
        ),
        Place::GoogleCloud => (
            Some("a token of the service account"),
            &[
                "give the role a trust policy with sts:AssumeRoleWithWebIdentity for accounts.google.com, with conditions on accounts.google.com:aud and accounts.google.com:sub (the service account's unique id)",
                "fetch a token: http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=AUDIENCE with the header Metadata-Flavor: Google",
                "write it to a file before it expires, after an hour, and set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
            ],
        ),
        Place::Laptop => (
            Some("signing in by IAM Identity Center"),
            &[
                "aws configure sso, then aws sso login: sessions end by themselves, and CloudTrail names the person",
                "without Identity Center, a certificate for each person in the device's TPM or on a token does: anyrole setup prints the AWS side",
            ],
        ),
        Place::Lambda => (
            Some("the function's execution role"),
            &[
                "give that role what the function needs, and let the SDK find it: no profile, no keys in the function's variables",
            ],
        ),
        Place::Pod => (
            Some("a token of the pod's service account"),
            &[
                "where the cluster's issuer can be reached by AWS: make it an OIDC provider of the account, project a token with the audience sts.amazonaws.com into the pod, and set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
            ],
        ),
        Place::SsmHybrid => (
            Some("the credentials that the agent has"),
            &[
                "the agent writes credentials of the activation's role to /root/.aws/credentials and renews them: programs of root find them there",
                "give that role what they need; every program of root has the same role, so for a role of its own a program needs a certificate",
                "anyrole setup prints the AWS side for that",
            ],
        ),
    }
}
