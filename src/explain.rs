//! What a refusal of AWS most likely means on this host: pure, from facts at hand.
//!
//! The service's messages are ambiguous on purpose. This machine knows more: its clock against AWS's, where its chain ends, the
//! regions and accounts in the ARNs, what was asked for. The causes are ranked by how much of that speaks for them.

mod causes;
mod unmappable;

use crate::diagnostic::Fact;
use crate::identity::Identity;
use crate::session::{Refusal, SessionRequest};

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The facts on this host prove it.
    Certain,
    /// The facts on this host speak for it, or the message means nothing else.
    Likely,
    /// Nothing on this host tells.
    Possible,
}

/// One cause of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// How sure it is.
    pub certainty: Certainty,
    /// What is the case: `this machine's clock is 12 minutes behind AWS's`.
    pub what: String,
    /// How it is checked: a command, or a place to look.
    pub check: String,
    /// What cures it: a command, a flag, or a thing to do.
    pub next: String,
}

/// The causes of a refusal, the surest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// At least one cause.
    pub causes: Vec<Cause>,
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
        if !is_certain && !others.is_empty() {
            let others: Vec<_> = others.iter().map(|cause| cause.what.as_str()).collect();
            facts.push(Fact::new("or", others.join("; ")));
        }
        facts
    }

    /// Returns what cures the first cause, as a hint.
    pub fn hint(&self) -> Option<String> {
        self.causes.first().map(|cause| cause.next.clone())
    }
}

/// Explains a refusal by what was asked for and by whom.
pub fn explain(refusal: &Refusal, request: &SessionRequest, identity: &Identity) -> Explanation {
    let mut causes = causes::of(refusal, request, identity);
    causes.sort_by_key(|cause| cause.certainty); // stable: within a rank, the order of writing
    Explanation { causes }
}
