//! What the service granted: whatever is handed out anywhere must be one of these, whole, of the right role, and not yet over.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pki_test::simulator::ForeignSession;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What every secret here holds, so that one that is told can be seen.
pub(crate) const CANARY: &str = "soakCANARY";

/// Credentials, however they were handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) secret: String,
    pub(crate) token: String,
    /// RFC 3339; none where the form has no place for it.
    pub(crate) expiration: Option<String>,
}

#[derive(Default)]
pub(crate) struct Grants {
    granted: Mutex<BTreeMap<String, (String, Record)>>,
    /// How many answers were looked at.
    pub(crate) checked: AtomicU64,
}

impl Grants {
    /// Grants a session of a role for some seconds.
    pub(crate) fn grant(&self, role: &str, seconds: i64) -> ForeignSession {
        let mut granted = self.granted.lock().unwrap();
        let number = granted.len();
        let expiration = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        let expiration = expiration.replace_nanosecond(0).unwrap();
        let access_key_id = format!("ASIASOAK{number:012}");
        // As long as AWS's.
        let record = Record {
            secret: format!("{CANARY}{number:030}"),
            token: format!("{CANARY}{}{number:012}", "t".repeat(800)),
            expiration: Some(expiration.format(&Rfc3339).unwrap()),
        };
        let session = ForeignSession {
            access_key_id: access_key_id.clone(),
            secret_access_key: record.secret.clone().into(),
            session_token: record.token.clone().into(),
            expiration,
        };
        granted.insert(access_key_id, (role.to_owned(), record));
        session
    }

    /// How many sessions were granted.
    pub(crate) fn count(&self) -> usize {
        self.granted.lock().unwrap().len()
    }

    /// Checks what was handed out as a session of a role, to somebody who asked at a time.
    pub(crate) fn check(
        &self,
        role: &str,
        access_key_id: &str,
        record: &Record,
        asked: Option<OffsetDateTime>,
    ) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        let granted = self.granted.lock().unwrap();
        let (of, mut known) =
            granted.get(access_key_id).unwrap_or_else(|| panic!("nobody granted {access_key_id}")).clone();
        drop(granted);
        assert_eq!(of, role, "{access_key_id} is of another role");
        let expiration = OffsetDateTime::parse(known.expiration.as_deref().unwrap(), &Rfc3339).unwrap();
        if record.expiration.is_none() {
            known.expiration = None;
        }
        assert_eq!(*record, known, "{access_key_id} is mixed");
        if let Some(asked) = asked {
            assert!(expiration > asked, "{access_key_id} was over at {expiration}, asked for at {asked}");
        }
    }
}
