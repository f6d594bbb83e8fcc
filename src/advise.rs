//! Where this runs, and whether something better than a certificate is at hand: told from files and variables, with the
//! evidence. Nothing is sent, but for a probe of the link-local address that is asked for.
//!
//! The places are told from the innermost outwards: a job of a CI system knows better who it is than the machine that it runs
//! on. One sign alone makes a place likely; what any user could have set by accident makes it possible only.

mod clouds;
mod compute;
mod host;
mod jobs;
mod people;
pub mod probe;
mod steps;

use serde::Serialize;

pub use host::Host;

/// How sure it is that this is the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Something speaks for it, and something else may be the reason.
    Possible,
    /// One sign that nothing else usually gives.
    Likely,
    /// Several signs that agree, or one that only the place itself gives.
    Certain,
}

/// One kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A virtual machine of Azure.
    Azure,
    /// A job of AWS Batch.
    Batch,
    /// A job of a CI system that gives OIDC tokens.
    CiWithOidc,
    /// A machine of a cloud that gives no identity which AWS takes.
    CloudWithoutIdentity,
    /// AWS CloudShell.
    CloudShell,
    /// A build of AWS CodeBuild.
    CodeBuild,
    /// An EC2 instance.
    Ec2,
    /// A task of ECS.
    Ecs,
    /// A pod of EKS with a role by Pod Identity.
    EksPodIdentity,
    /// A pod of EKS, or of another cluster, with a role for its service account.
    EksServiceAccount,
    /// A virtual machine, a container or a function of Google Cloud.
    GoogleCloud,
    /// A person's computer.
    Laptop,
    /// A function of Lambda.
    Lambda,
    /// Another machine: a server on premises, a virtual machine of one's own.
    OnPremises,
    /// A pod of a cluster of Kubernetes.
    Pod,
    /// A machine with the agent of Systems Manager, outside of EC2.
    SsmHybrid,
}

/// One thing that speaks for a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The file, the variable or the address.
    pub source: String,
    /// What it says, fit to be shown; nothing of a variable that may hold a secret.
    pub says: String,
}

impl Evidence {
    fn new(source: impl Into<String>, says: impl Into<String>) -> Self {
        Self { source: source.into(), says: crate::text::printable(&says.into()) }
    }
}

/// A place, and what to do there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub place: Place,
    /// In words: `an EC2 instance`, `a job of GitHub Actions`.
    pub name: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
    /// What is better than a certificate there; `None` where nothing is.
    pub instead: Option<&'static str>,
    /// What to do, in this order.
    pub steps: Vec<String>,
}

impl Finding {
    fn new(place: Place, name: &str, confidence: Confidence, evidence: Vec<Evidence>) -> Self {
        let (instead, steps) = steps::of(place);
        let steps = steps.iter().map(|step| (*step).to_owned()).collect();
        Self { place, name: name.to_owned(), confidence, evidence, instead, steps }
    }

    /// Puts a step before the others.
    fn first(mut self, step: &str) -> Self {
        self.steps.insert(0, step.to_owned());
        self
    }
}

/// The places where this runs, the innermost first; there is always one.
///
/// What is possible only does not stand before what is more than that.
pub fn places(host: &Host, answer: Option<&probe::Answer>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    found.extend(jobs::find(host));
    found.extend(compute::find(host));
    found.extend(clouds::find(host));
    found.extend(people::find(host));
    if let Some(answer) = answer {
        take_in(&mut found, answer);
    }
    found.sort_by_key(|finding| finding.confidence == Confidence::Possible);
    let is_known = found.iter().any(|finding| finding.confidence > Confidence::Possible);
    if !is_known {
        found.insert(0, on_premises(host));
    }
    found
}

/// Adds what the metadata service said, which no file can say.
fn take_in(found: &mut Vec<Finding>, answer: &probe::Answer) {
    let step = match answer {
        probe::Answer::Role(role) => format!(
            "the instance has the role {} already: give it what the programs on it need",
            crate::text::quoted(role)
        ),
        probe::Answer::WithoutRole => String::from("the instance has no role yet"),
        probe::Answer::None | probe::Answer::NotAsked(_) | probe::Answer::Other(_) => return,
    };
    let evidence = Evidence::new("the metadata service", "answers as that of EC2 does (IMDSv2)");
    match found.iter_mut().find(|finding| finding.place == Place::Ec2) {
        Some(finding) => {
            finding.evidence.push(evidence);
            finding.steps.insert(0, step);
        }
        // Somebody may play its part: this program's own server does.
        None => found.push(
            Finding::new(Place::Ec2, "an EC2 instance", Confidence::Possible, vec![evidence]).first(&step),
        ),
    }
}

/// A machine of one's own, for which certificates are.
fn on_premises(host: &Host) -> Finding {
    let dmi = ["sys_vendor", "product_name"].iter().filter_map(|field| host.dmi(field));
    let mut evidence: Vec<Evidence> = dmi.collect();
    let confidence = if evidence.is_empty() { Confidence::Possible } else { Confidence::Likely };
    evidence.push(Evidence::new("files and variables", "nothing of AWS, of a CI system or of another cloud"));
    Finding::new(Place::OnPremises, "a machine outside of AWS", confidence, evidence)
}
