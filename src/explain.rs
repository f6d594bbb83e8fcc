//! What a refusal of AWS most likely means on this host: pure, from facts at hand.
//!
//! The service's messages are ambiguous on purpose. This machine knows more: its clock compared with AWS's, where its
//! chain ends, the regions and accounts in the ARNs, and the request. The causes are ranked by how much of that
//! supports them.

mod causes;
mod session_tags;
mod unmappable;

pub use causes::{contradictions, distance_of_clock, is_aws, keep_clock, wrong_clock};
pub use session_tags::session_tags;
pub use unmappable::{source_identity as unfit_source_identity, unfit_tag};

/// Returns the values of a certificate that cannot be session tags, each with the reason: `x509Subject/CN` and `'a (b)'
/// holds '(' and ')'`.
pub fn unmappable_tags(certificate: &crate::x509::Certificate) -> Vec<(String, String)> {
    unmappable::tags(certificate).into_iter().map(|found| (found.tag, found.what)).collect()
}

/// Says what keeps a text from being the value of a session tag: `'a (b)' holds '(' and ')'`; `None` where nothing does.
pub fn tag_value_misfit(value: &str) -> Option<String> {
    unmappable::value_misfit(value)
}

use crate::diagnostic::Fact;
use crate::identity::{Identity, candidates};
use crate::session::{Refusal, RefusalKind, SessionRequest};
use crate::signing::Endpoint;
use crate::text::quoted;

/// How many unused certificates a line names: it has room for about two.
const SHOWN_NOT_USED: usize = 2;

/// How certain a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The facts on this host prove it.
    Certain,
    /// The facts on this host support it, or the message means nothing else.
    Likely,
    /// Nothing on this host says.
    Possible,
}

/// One cause of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// How certain it is.
    pub certainty: Certainty,
    /// The cause: `this machine's clock is 12 minutes behind AWS's`.
    pub what: String,
    /// How to check it: a command, or a place to look.
    pub check: String,
    /// How to fix it: a command, a flag, or something to do.
    pub next: String,
}

/// The causes of a refusal, the most certain first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// At least one cause.
    pub causes: Vec<Cause>,
    /// The certificates that were available but not presented, each with the reason, if that may be the cause.
    pub not_used: Vec<(String, String)>,
    /// The session tags that a trust policy would compare, if they may be the cause.
    pub session_tags: Vec<(String, String)>,
}

impl Explanation {
    /// Returns the lines for `credential-process`, whose six lines have room for two: the first cause and, unless it is
    /// certain, the others.
    pub fn facts(&self) -> Vec<Fact> {
        let Some((cause, others)) = self.causes.split_first() else { return Vec::new() };
        let (name, is_certain) = match cause.certainty {
            Certainty::Certain => ("cause", true),
            Certainty::Likely => ("likely cause", false),
            Certainty::Possible => ("possible cause", false),
        };
        let mut facts = vec![Fact::new(name, cause.what.as_str())];
        if !is_certain && !others.is_empty() && self.not_used.is_empty() {
            let others: Vec<_> = others.iter().map(|cause| cause.what.as_str()).collect();
            facts.push(Fact::new("or", others.join("; ")));
        }
        if !is_certain && !self.not_used.is_empty() {
            let shown = self.not_used.iter().take(SHOWN_NOT_USED);
            let mut not_used: Vec<_> = shown.map(|(name, why)| format!("{name}: {why}")).collect();
            if self.not_used.len() > SHOWN_NOT_USED {
                not_used.push(format!("{} more, see anyrole inspect", self.not_used.len() - SHOWN_NOT_USED));
            }
            facts.push(Fact::new("not used", not_used.join("; ")));
        }
        if !is_certain && !self.session_tags.is_empty() {
            let tags: Vec<_> =
                self.session_tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            facts.push(Fact::new("session tags", tags.join(", ")));
        }
        facts
    }

    /// Returns the fix of the first cause, as a hint.
    pub fn hint(&self) -> Option<String> {
        self.causes.first().map(|cause| cause.next.clone())
    }
}

/// Explains a refusal from the request, the endpoint and the identity.
pub fn explain(
    refusal: &Refusal,
    request: &SessionRequest,
    endpoint: &Endpoint,
    identity: &Identity,
) -> Explanation {
    let mut causes = causes::of(refusal, request, endpoint, identity);
    causes.sort_by_key(|cause| cause.certainty); // stable: within a rank, the order of writing
    let session_tags = if refusal.kind == RefusalKind::CannotAssumeRole {
        session_tags(identity.end_entity())
    } else {
        Vec::new()
    };
    let not_used = if refusal.kind == RefusalKind::UntrustedCertificate
        || refusal.kind == RefusalKind::InsufficientCertificate
    {
        not_used(refusal, identity)
    } else {
        Vec::new()
    };
    Explanation { causes, not_used, session_tags }
}

/// Returns what was not presented, if the chain ends at a certificate whose issuer is not among it: name and reason.
fn not_used(refusal: &Refusal, identity: &Identity) -> Vec<(String, String)> {
    let provenance = identity.provenance();
    let chain = || std::iter::once(identity.end_entity()).chain(identity.intermediates());
    if provenance.roots.iter().any(|root| chain().last().is_some_and(|last| root.issued(last))) {
        return Vec::new();
    }
    let others = provenance.unrelated.iter().chain(&provenance.roots);
    others
        .map(|other| (quoted(other.subject_name()), candidates::reason(other, chain(), refusal.local_time)))
        .collect()
}
