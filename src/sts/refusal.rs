//! The refusals of STS, and what they mean.
//!
//! STS reveals little on purpose: a caller who may not assume a role does not learn what its trust policy says. So the
//! hints list what a session of Roles Anywhere needs and people often forget.

use super::xml::Document;
use super::{Operation, Sent, StsError};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::{NoAnswer, Response};
use crate::text::{printable, shortened};

/// The ids of [`StsRefusal`].
pub const IDS: &[&str] = &[
    "sts-assume-role-denied",
    "sts-clock",
    "sts-duration",
    "sts-refused",
    "sts-region-disabled",
    "sts-scope-denied",
    "sts-scope-lifetime",
    "sts-scope-not-offered",
    "sts-scope-policy-refused",
    "sts-session-expired",
    "sts-session-unknown",
    "sts-tags-refused",
];

/// The longest code or message that is stored, in characters.
const LONGEST_TEXT: usize = 1000;

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StsRefusalKind {
    /// The trust policy of the second role, or a policy of the first, does not allow this hop.
    AssumeRoleDenied,
    /// The signature's time is wrong.
    Clock,
    /// Role chaining is limited to an hour.
    Duration,
    /// Anything else.
    Other,
    /// The account has not enabled the region.
    RegionDisabled,
    /// The session's role, or a policy that already narrows it, does not allow narrowing.
    ScopeDenied,
    /// The first session ends before the narrower one would.
    ScopeLifetime,
    /// This STS does not know the operation.
    ScopeNotOffered,
    /// The policy is not a valid IAM policy, or too large together with what the session already has.
    ScopePolicy,
    /// The first session is over.
    SessionExpired,
    /// STS does not know the first session.
    SessionUnknown,
    /// A tag of the first session cannot be changed, or all tags together are too large.
    Tags,
}

/// A refusal of STS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("STS refused {action} ({})", printable(code))]
pub struct StsRefusal {
    /// The operation: `AssumeRole`, `GetCallerIdentity`, `GetScopedCredentials`.
    pub action: &'static str,
    /// What it means.
    pub kind: StsRefusalKind,
    /// The HTTP status.
    pub status: u16,
    /// AWS's error code. Here, in the message and in the request's id `…` stands for each secret that was sent.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// The id by which AWS can find the request.
    pub request_id: Option<String>,
    /// The role to assume.
    pub role: Option<String>,
    /// Whether an external id was sent.
    pub has_external_id: bool,
    /// How the session was to be narrowed.
    pub scope: Option<String>,
}

impl StsRefusal {
    /// Returns whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.status >= 500 || self.status == 429 || self.code.starts_with("Throttling")
    }
}

/// Parses an answer that is not a success.
pub(super) fn read(operation: Operation<'_>, sent: &Sent<'_>, answer: &Response) -> StsError {
    let (assumed, scope) = match operation {
        Operation::Identity => (None, None),
        Operation::Role(request) => (Some(request), None),
        Operation::Scope(scope) => (None, Some(scope.to_string())),
    };
    let error = Document::parse(answer.body()).and_then(|xml| xml.inside("Error"));
    let text = |member| error.and_then(|error| error.text(member));
    let Some(code) = text("Code") else { return NoAnswer::of_proxy(answer).into() };
    let message = text("Message").unwrap_or_default();
    let shown = |text: &str| shortened(&sent.concealed(text), LONGEST_TEXT);
    let action = operation.action();
    StsError::Refused(Box::new(StsRefusal {
        action,
        // Of what came: an external id may be a part of AWS's own words.
        kind: kind(action, &code, &message),
        status: answer.status(),
        code: shown(&code),
        message: shown(&message),
        request_id: answer.request_id().map(|id| sent.concealed(id)),
        role: assumed.map(|request| request.role_arn.to_string()),
        has_external_id: assumed.is_some_and(|request| request.external_id.is_some()),
        scope,
    }))
}

fn kind(action: &str, code: &str, message: &str) -> StsRefusalKind {
    // Both forms occur for the same error.
    let code = code.strip_suffix("Exception").unwrap_or(code);
    match (action, code) {
        ("AssumeRole", "AccessDenied") => StsRefusalKind::AssumeRoleDenied,
        ("GetScopedCredentials", "AccessDenied") => StsRefusalKind::ScopeDenied,
        ("GetScopedCredentials", "InsufficientSessionLifetime") => StsRefusalKind::ScopeLifetime,
        ("GetScopedCredentials", "InvalidAction" | "UnknownOperation") => StsRefusalKind::ScopeNotOffered,
        ("GetScopedCredentials", "MalformedPolicyDocument" | "PackedPolicyTooLarge") => {
            StsRefusalKind::ScopePolicy
        }
        (_, "ExpiredToken") => StsRefusalKind::SessionExpired,
        (_, "InvalidClientTokenId" | "InvalidSubjectCredentials" | "UnrecognizedClient") => {
            StsRefusalKind::SessionUnknown
        }
        (_, "PackedPolicyTooLarge") => StsRefusalKind::Tags,
        (_, "RegionDisabled") => StsRefusalKind::RegionDisabled,
        (_, "RequestExpired") => StsRefusalKind::Clock,
        (_, "SignatureDoesNotMatch")
            if message.contains("Signature expired") || message.contains("not yet current") =>
        {
            StsRefusalKind::Clock
        }
        ("AssumeRole", _) if message.contains("DurationSeconds") => StsRefusalKind::Duration,
        ("AssumeRole", _) if message.contains("transitive tag") => StsRefusalKind::Tags,
        _ => StsRefusalKind::Other,
    }
}

impl Diagnostic for StsRefusal {
    fn id(&self) -> &'static str {
        match self.kind {
            StsRefusalKind::AssumeRoleDenied => "sts-assume-role-denied",
            StsRefusalKind::Clock => "sts-clock",
            StsRefusalKind::Duration => "sts-duration",
            StsRefusalKind::Other => "sts-refused",
            StsRefusalKind::RegionDisabled => "sts-region-disabled",
            StsRefusalKind::ScopeDenied => "sts-scope-denied",
            StsRefusalKind::ScopeLifetime => "sts-scope-lifetime",
            StsRefusalKind::ScopeNotOffered => "sts-scope-not-offered",
            StsRefusalKind::ScopePolicy => "sts-scope-policy-refused",
            StsRefusalKind::SessionExpired => "sts-session-expired",
            StsRefusalKind::SessionUnknown => "sts-session-unknown",
            StsRefusalKind::Tags => "sts-tags-refused",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Refused
    }

    fn facts(&self) -> Vec<Fact> {
        let says = (!self.message.is_empty()).then(|| Fact::new("AWS says", self.message.as_str()));
        let role = self.role.as_deref().map(|role| Fact::new("second role", role));
        let scope = self.scope.as_deref().map(|scope| Fact::new("narrowed by", scope));
        let id = self.request_id.as_deref().map(|id| Fact::new("request id", id));
        says.into_iter().chain(role).chain(scope).chain(id).collect()
    }

    fn hint(&self) -> Option<String> {
        let hint = match self.kind {
            StsRefusalKind::AssumeRoleDenied => self.denied(),
            StsRefusalKind::Clock => {
                "set this machine's clock: it differs from AWS's by more than a request may"
            }
            StsRefusalKind::Duration => {
                "give --assume-role-duration as 1h or less: AWS grants a chained session no more, whatever the role's maximum is"
            }
            StsRefusalKind::Other => "anyrole explain sts-refused lists what STS refuses, and why",
            StsRefusalKind::RegionDisabled => {
                "enable the region in the account that owns the first role, or give --sts-endpoint of another region with --region"
            }
            StsRefusalKind::ScopeDenied => {
                "allow the role sts:GetScopedCredentials; a session policy, and one that narrows the session already, must allow it too"
            }
            StsRefusalKind::ScopeLifetime => {
                "leave out --scope-duration, and the narrower session ends with the first; or set this machine's clock"
            }
            StsRefusalKind::ScopeNotOffered => {
                "call the STS of a region that has the operation (--region, --sts-endpoint): the global endpoint has it not"
            }
            StsRefusalKind::ScopePolicy => {
                "correct the file of --scope-policy; aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY judges one"
            }
            StsRefusalKind::SessionExpired => {
                "the first session is over: run the command again with --no-cache"
            }
            StsRefusalKind::SessionUnknown => {
                "check that --sts-endpoint and the trust anchor are of one partition, and that the account has the region enabled"
            }
            StsRefusalKind::Tags => {
                "leave out the --assume-role-tag that the certificate's own tags already have, or shorten the tags"
            }
        };
        Some(String::from(hint))
    }
}

impl StsRefusal {
    /// Suggests what the trust policy most likely lacks: what AWS names, else what people often forget.
    fn denied(&self) -> &'static str {
        if self.message.contains("sts:TagSession") {
            "allow the first role sts:TagSession in the second role's trust policy: its session carries tags of the certificate"
        } else if self.message.contains("sts:SetSourceIdentity") {
            "allow the first role sts:SetSourceIdentity in the second role's trust policy: its session carries a source identity"
        } else if self.has_external_id {
            "the second role's trust policy must allow the first role sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, with this external id"
        } else {
            "the second role's trust policy must allow the first role sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity; an ExternalId condition needs --external-id"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_is_understood() {
        let cases = [
            ("AssumeRole", "AccessDenied", "User: x is not authorized", StsRefusalKind::AssumeRoleDenied),
            ("GetCallerIdentity", "AccessDenied", "", StsRefusalKind::Other),
            ("GetScopedCredentials", "AccessDeniedException", "", StsRefusalKind::ScopeDenied),
            ("GetScopedCredentials", "InvalidAction", "", StsRefusalKind::ScopeNotOffered),
            ("GetScopedCredentials", "InsufficientSessionLifetime", "", StsRefusalKind::ScopeLifetime),
            ("GetScopedCredentials", "MalformedPolicyDocument", "", StsRefusalKind::ScopePolicy),
            ("GetScopedCredentials", "PackedPolicyTooLarge", "", StsRefusalKind::ScopePolicy),
            ("GetScopedCredentials", "InvalidSubjectCredentials", "", StsRefusalKind::SessionUnknown),
            (
                "GetScopedCredentials",
                "ValidationError",
                "DurationSeconds is not 1 to 2",
                StsRefusalKind::Other,
            ),
            ("AssumeRole", "ExpiredToken", "", StsRefusalKind::SessionExpired),
            ("AssumeRole", "RegionDisabledException", "", StsRefusalKind::RegionDisabled),
            (
                "AssumeRole",
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
                StsRefusalKind::Duration,
            ),
            (
                "AssumeRole",
                "SignatureDoesNotMatch",
                "Signature expired: 1 is now earlier than 2",
                StsRefusalKind::Clock,
            ),
            (
                "AssumeRole",
                "SignatureDoesNotMatch",
                "The request signature we calculated",
                StsRefusalKind::Other,
            ),
            (
                "AssumeRole",
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
                StsRefusalKind::Tags,
            ),
        ];
        for (action, code, message, expected) in cases {
            assert_eq!(kind(action, code, message), expected, "{code}: {message}");
        }
    }
}
