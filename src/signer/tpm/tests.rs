//! No key file and no answer of a TPM makes this program panic, ask for memory without bound, or wait without end.

use proptest::collection::vec;
use proptest::prelude::*;

use super::key_file::KeyFile;
use super::public::{self, SigningPublic};
use super::*;

/// A key file of ours: EC P-256, below the owner's storage key.
fn sound() -> KeyFile {
    let template = public::signing_key(NewKeyKind::EcP256, false);
    // In the place of the empty point one that has the right size.
    let mut area = template[..template.len() - 4].to_vec();
    for coordinate in [7, 9] {
        area.extend([0, 32]);
        area.extend([coordinate; 32]);
    }
    KeyFile {
        empty_auth: Some(true),
        parent: Parent::OWNER,
        public: area,
        private: vec![5; 126],
        secret: None,
    }
}

fn der(file: &KeyFile) -> Vec<u8> {
    let text = file.to_pem();
    crate::x509::pem::read(text.as_bytes()).expect("PEM").remove(0).der.to_vec()
}

#[test]
fn a_key_file_is_read_as_it_was_written() {
    let file = sound();
    let read = KeyFile::from_der(&der(&file)).expect("a key file");
    assert_eq!(read.empty_auth, Some(true));
    assert_eq!(read.parent, Parent::OWNER);
    assert_eq!((&read.public, &read.private), (&file.public, &file.private));
    assert_eq!(read.public_key().expect("a key").kind().to_string(), "EC P-256");
    assert_eq!(file.to_pem().lines().next(), Some("-----BEGIN TSS2 PRIVATE KEY-----"));
}

#[test]
fn what_a_key_cannot_do_is_told_from_its_file() {
    let refused = |change: &dyn Fn(&mut KeyFile)| {
        let mut file = sound();
        change(&mut file);
        SigningPublic::read(&file.public).err().map(|error| error.to_string()).expect("refused")
    };
    let attributes = |file: &mut KeyFile, attributes: u32| {
        file.public[4..8].copy_from_slice(&attributes.to_be_bytes());
    };
    assert!(refused(&|file| attributes(file, 0x0002_0072)).contains("not made for signing"));
    assert!(refused(&|file| attributes(file, 0x0005_0072)).contains("restricted"));
    assert!(refused(&|file| attributes(file, 0x0004_0032)).contains("a policy guards"));
    assert!(refused(&|file| file.public[15] = 0x20).contains("0x0020"));
    assert!(refused(&|file| file.public.truncate(20)).contains("public area is broken"));
}

proptest! {
    #[test]
    fn no_key_file_is_too_much(mut file in vec(any::<u8>(), 0..400), at in 0usize..300, octet: u8, cut in 0usize..300) {
        let _ = KeyFile::from_der(&file).map(|file| file.public_key());
        // One that is nearly right goes further.
        file = der(&sound());
        let length = file.len();
        file[at % length] = octet;
        let _ = KeyFile::from_der(&file).map(|file| file.public_key());
        let _ = KeyFile::from_der(&file[..cut % length]);
    }

    #[test]
    fn no_public_area_is_too_much(area in vec(any::<u8>(), 0..120), at in 0usize..100, octet: u8) {
        let _ = SigningPublic::read(&area);
        let _ = public::p256_point(&area);
        let mut area = sound().public;
        let length = area.len();
        area[at % length] = octet;
        let _ = SigningPublic::read(&area);
        let _ = public::counts(&area);
        let _ = public::p256_point(&area);
    }
}

#[cfg(all(unix, feature = "tpm"))]
mod answers {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::device::{Auth, Object, Tpm};
    use super::super::unlock::{Guard, unlock};
    use super::*;
    use crate::secret::Secret;

    /// A TPM that answers every command with these octets, or with nothing.
    fn tpm_that_answers(answer: Vec<u8>) -> (tempfile::TempDir, TpmPlace) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tpm");
        let listener = UnixListener::bind(&path).expect("a socket");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut command = [0; 4096];
                while stream.read(&mut command).is_ok_and(|count| count > 0) {
                    if stream.write_all(&answer).is_err() {
                        break;
                    }
                }
            }
        });
        let place = TpmPlace::Path(path);
        (folder, place)
    }

    fn code(code: u32) -> Vec<u8> {
        [&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat()
    }

    #[test]
    fn one_that_is_always_busy_or_says_nothing_does_not_hold_us() {
        let (_folder, place) = tpm_that_answers(code(0x922));
        let busy = Tpm::open(&place, Duration::from_secs(1))
            .expect("a TPM")
            .read_public(0x8100_0001)
            .expect_err("busy");
        assert!(busy.to_string().contains("TPM_RC_RETRY"), "{busy}");
        let (_folder, place) = tpm_that_answers(Vec::new());
        let mut tpm = Tpm::open(&place, Duration::from_millis(60)).expect("a TPM");
        assert!(matches!(tpm.read_public(0x8100_0001), Err(TpmError::Silent { .. })));
        // Nothing else is sent while an answer is due.
        assert!(matches!(tpm.tries(), Err(TpmError::Silent { .. })));
    }

    #[test]
    fn one_of_the_last_generation_is_named() {
        let (_folder, place) =
            tpm_that_answers([&[0, 0xC4, 0, 0, 0, 10][..], &0x1Eu32.to_be_bytes()].concat());
        let mut tpm = Tpm::open(&place, Duration::from_secs(5)).expect("a TPM");
        let refused = tpm.read_public(0x8100_0001).expect_err("a TPM 1.2");
        assert!(refused.to_string().contains("TPM 1.2"), "{refused}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn no_answer_is_too_much(body in vec(any::<u8>(), 0..200), claimed in prop::option::of(any::<u32>()), fails: bool) {
            let length = claimed.unwrap_or(u32::try_from(10 + body.len()).expect("short"));
            let code = if fails { 0x98E } else { 0u32 };
            let answer = [&[0x80, 2], &length.to_be_bytes()[..], &code.to_be_bytes(), &body].concat();
            let (_folder, place) = tpm_that_answers(answer);
            let key = Object { handle: 0x8100_0001, name: vec![0, 11, 1] };
            let password = Arc::new(Secret::new(String::from("canary")));
            let open = || Tpm::open(&place, Duration::from_millis(40)).expect("a TPM");
            let _ = open().read_public(1);
            let _ = open().tries();
            let _ = open().sign(&key, Auth::Password(&password), 0x18, 11, &[0; 32]);
            let _ = open().create_primary(0x4000_0001, &[], Auth::Empty);
            let guard = Guard { of: Guarded::Key, counts: true, is_said_to_have_one: false };
            let mut ask = |_| Err(String::from("nobody is there"));
            let signed = unlock(&mut open(), guard, None, &mut ask, |tpm, auth| tpm.sign(&key, auth, 0x18, 11, &[0; 32]));
            let _ = signed.map(|(signature, _)| signature.len());
        }
    }
}
