//! Sound chains for the judges.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::{EndEntity, EndEntitySpec};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::keys;

/// When the judges judge.
pub(super) const NOW: OffsetDateTime = datetime!(2031-05-06 07:08:09 UTC);

/// What a judge is shown.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) trust_anchor: Vec<u8>,
    pub(super) intermediates: Vec<Vec<u8>>,
    pub(super) end_entity: Vec<u8>,
}

impl Evidence {
    pub(super) fn new(root: &Authority, end_entity: &EndEntity) -> Self {
        Self {
            trust_anchor: root.certificate_der().to_vec(),
            intermediates: end_entity.intermediates().to_vec(),
            end_entity: end_entity.certificate_der().to_vec(),
        }
    }
}

pub(super) fn validity() -> Validity {
    Validity::starting(NOW - Duration::HOUR, Duration::HOUR * 2)
}

pub(super) fn authority_spec(name: &str) -> AuthoritySpec {
    AuthoritySpec::new(name.parse().expect("a name"), validity())
}

pub(super) fn end_entity_spec(name: &str) -> EndEntitySpec {
    EndEntitySpec::new(name.parse().expect("a name"), validity())
}

pub(super) fn root(algorithm: KeyAlgorithm) -> Authority {
    Authority::root(&authority_spec("CN=TEST root,O=Example"), keys::authority(algorithm)).expect("a root")
}

/// Returns a chain with so many intermediates of one algorithm, each with the tightest path length that holds.
pub(super) fn of_depth(algorithm: KeyAlgorithm, depth: u8) -> Evidence {
    let root_spec = authority_spec("CN=TEST root,O=Example").with_path_length(depth);
    let root = Authority::root(&root_spec, keys::authority(algorithm)).expect("a root");
    let mut lowest = None;
    for below in (0..depth).rev() {
        let spec = authority_spec(&format!("CN=TEST intermediate {below},O=Example")).with_path_length(below);
        let key = keys::authority(algorithm);
        let issuer = lowest.as_ref().unwrap_or(&root);
        lowest = Some(issuer.intermediate(&spec, key).expect("the path length allows it"));
    }
    let key = keys::end_entity(algorithm);
    let end_entity = lowest
        .as_ref()
        .unwrap_or(&root)
        .issue(&end_entity_spec("CN=build-17,O=Example"), key.subject_public_key_info())
        .expect("a certificate");
    Evidence::new(&root, &end_entity)
}
