//! What is printed once the simulator listens.

use std::fmt::Write as _;
use std::path::Path;

use pki_test::simulator::control::{PATH_PREFIX, TOKEN_HEADER};
use pki_test::simulator::{Profile, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use serde::Serialize;

use super::example::Example;
use crate::private_file::shell_word;

/// The ARNs of everything that exists, in the order in which it was given.
pub(super) struct Resources {
    pub(super) region: String,
    pub(super) trust_anchor_arns: Vec<String>,
    pub(super) profile_arns: Vec<String>,
    pub(super) role_arns: Vec<String>,
    /// The ARNs by alias, of trust anchors and then of profiles.
    pub(super) alias_arns: Vec<String>,
}

impl Resources {
    pub(super) fn of(settings: &SimulatorSettings) -> Self {
        Self {
            region: settings.region.clone(),
            trust_anchor_arns: settings.trust_anchors.iter().map(|anchor| anchor.arn().to_string()).collect(),
            profile_arns: settings.profiles.iter().map(|profile| profile.arn.to_string()).collect(),
            role_arns: settings.roles.iter().map(|role| role.arn.to_string()).collect(),
            alias_arns: settings
                .trust_anchors
                .iter()
                .filter_map(TrustAnchor::alias_arn)
                .chain(settings.profiles.iter().filter_map(Profile::alias_arn))
                .map(|arn| arn.to_string())
                .collect(),
        }
    }
}

/// What a client of the simulator needs, once it listens.
#[derive(Serialize)]
pub(super) struct Ready<'a> {
    http_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    https_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    https_ca: Option<&'a str>,
    region: &'a str,
    /// The first of each kind; without a world file, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_anchor_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_arn: Option<&'a str>,
    trust_anchor_arns: &'a [String],
    profile_arns: &'a [String],
    role_arns: &'a [String],
    /// What finds trust anchors and profiles as well.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    alias_arns: &'a [String],
    control: Control<'a>,
}

/// How to reach the control path.
#[derive(Serialize)]
struct Control<'a> {
    url: String,
    header: &'a str,
    token: &'a str,
}

impl<'a> Ready<'a> {
    pub(super) fn new(simulator: &'a Simulator, resources: &'a Resources) -> Self {
        let Resources { region, trust_anchor_arns, profile_arns, role_arns, alias_arns } = resources;
        Self {
            http_endpoint: simulator.http_endpoint(),
            https_endpoint: simulator.https_endpoint(),
            https_ca: simulator.tls_ca_pem(),
            region,
            trust_anchor_arn: trust_anchor_arns.first().map(String::as_str),
            profile_arn: profile_arns.first().map(String::as_str),
            trust_anchor_arns,
            profile_arns,
            role_arns,
            alias_arns,
            control: Control {
                url: format!("{}{PATH_PREFIX}", simulator.http_endpoint()),
                header: TOKEN_HEADER,
                token: simulator.control_token(),
            },
        }
    }

    /// Renders it for people: the endpoints, and a call to try. The control token is for programs.
    pub(super) fn text(&self, example: Option<&Example>, https_ca: Option<&Path>) -> String {
        let mut text = format!("simulating IAM Roles Anywhere and STS on {}", self.http_endpoint);
        // Writing to a String cannot fail.
        let _ = match (&self.https_endpoint, https_ca) {
            (None, _) => writeln!(text),
            (Some(endpoint), None) => writeln!(
                text,
                " and {endpoint}\nclients of https must trust its CA certificate, which --https-ca writes to a file"
            ),
            (Some(endpoint), Some(path)) => {
                // Unchanged if there is no current folder.
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                writeln!(text, " and {endpoint}\nclients of https must trust {}", shell_word(&path))
            }
        };
        let _ = match example {
            Some(example) => write!(text, "\n{}", example.text(&self.http_endpoint)),
            None => writeln!(
                text,
                "\nNobody gets a session from this world: a trust anchor, a profile of its region and account and a role \
                 that the profile lists must all be there, and enabled."
            ),
        };
        text
    }
}
