//! Makes the identities of a case: keys, certificates and lists, as files in its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::defect::Defect;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::set_mode;

/// An identity `NAME` of a case.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Planted {
    /// `"good"`, an algorithm or a defect: makes `NAME.pem` (the chain), `NAME.key`, `NAME-ca.pem`.
    Kind(String),
    /// As written.
    Made(Made),
}

/// Makes `NAME.pem` (the certificate alone), `NAME.key`, `NAME-ca.pem`, and `NAME-crl.pem`, which revokes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    root: String,
    /// Issues the certificate, below the root: makes `NAME-intermediate.pem`, and `NAME-intermediate-expired.pem` of the
    /// same key.
    #[serde(default)]
    intermediate: Option<String>,
    subject: String,
    /// Further certificates of the same CA: makes `OTHER.pem` and `OTHER.key`.
    #[serde(default)]
    others: BTreeMap<String, String>,
}

impl Planted {
    /// Makes the files.
    pub(super) fn plant(&self, folder: &Path, name: &str) {
        match self {
            Self::Kind(kind) => plant_kind(folder, name, kind),
            Self::Made(made) => made.plant(folder, name),
        }
    }
}

fn plant_kind(folder: &Path, name: &str, kind: &str) {
    let now = OffsetDateTime::now_utc();
    let (anchor, chain, key_pair) = if let Ok(defect) = kind.parse::<Defect>() {
        // A second from now is too soon: the call must come before it.
        let ahead = if defect == Defect::NotYetValid { Duration::HOUR } else { Duration::ZERO };
        let made = defect.make(now + ahead).unwrap();
        let chain = made.end_entity_pem() + &made.intermediates_pem();
        (made.trust_anchor_pem(), chain, made.key_pair)
    } else {
        let algorithm =
            if kind == "good" { KeyAlgorithm::EcP256 } else { kind.parse().expect("a known kind") };
        let root = root("CN=TEST root", usual_validity());
        let key_pair = KeyPair::generate(algorithm).unwrap();
        let spec = EndEntitySpec::new(format!("CN=TEST {name}").parse().unwrap(), usual_validity());
        let issued = root.issue(&spec, key_pair.subject_public_key_info()).unwrap();
        (root.certificate_pem(), issued.chain_pem(), key_pair)
    };
    write(folder, &format!("{name}-ca.pem"), &anchor);
    write(folder, &format!("{name}.pem"), &chain);
    write_key(folder, name, &key_pair);
}

impl Made {
    fn plant(&self, folder: &Path, name: &str) {
        let now = OffsetDateTime::now_utc();
        let root = root(&self.root, Validity::starting(now - Duration::days(20), Duration::days(400)));
        write(folder, &format!("{name}-ca.pem"), &root.certificate_pem());
        let intermediate = self.intermediate.as_ref().map(|subject| {
            let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap().to_pem(KeyForm::Pkcs8).unwrap();
            let below_root = |suffix: &str, validity| {
                let spec = AuthoritySpec::new(subject.parse().unwrap(), validity);
                let authority = root.intermediate(&spec, KeyPair::from_pem(&key, None).unwrap()).unwrap();
                write(folder, &format!("{name}-intermediate{suffix}.pem"), &authority.certificate_pem());
                authority
            };
            below_root("-expired", Validity::starting(now - Duration::days(10), Duration::days(7)));
            below_root("", usual_validity())
        });
        let issuer = intermediate.as_ref().unwrap_or(&root);
        let serial = issue(folder, issuer, name, &self.subject);
        let list = issuer.revocation_list(&RevocationListSpec {
            number: 1,
            this_update: now - Duration::MINUTE,
            next_update: now + Duration::DAY,
            revoked: vec![RevokedCertificate { serial, revoked_at: now - Duration::MINUTE, reason: None }],
        });
        write(folder, &format!("{name}-crl.pem"), &list.unwrap().pem());
        for (other, subject) in &self.others {
            issue(folder, issuer, other, subject);
        }
    }
}

fn issue(
    folder: &Path,
    issuer: &Authority,
    name: &str,
    subject: &str,
) -> pki_test::certificate::SerialNumber {
    let key_pair = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let spec = EndEntitySpec::new(subject.parse().unwrap(), usual_validity());
    let issued = issuer.issue(&spec, key_pair.subject_public_key_info()).unwrap();
    write(folder, &format!("{name}.pem"), &issued.certificate_pem());
    write_key(folder, name, &key_pair);
    issued.serial().clone()
}

fn usual_validity() -> Validity {
    Validity::starting(OffsetDateTime::now_utc() - Duration::HOUR, Duration::days(400))
}

fn root(subject: &str, validity: Validity) -> Authority {
    let spec = AuthoritySpec::new(subject.parse().unwrap(), validity);
    Authority::root(&spec, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn write_key(folder: &Path, name: &str, key_pair: &KeyPair) {
    let name = format!("{name}.key");
    write(folder, &name, &key_pair.to_pem(KeyForm::Pkcs8).unwrap());
    set_mode(&folder.join(name), 0o600);
}
