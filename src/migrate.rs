//! Takes one static access key to a profile that starts this program, and back.
//!
//! ```text
//! nothing ─► switching ─► switched ─► deactivated ─► deleted       steps forward
//!    ▲           │            │            │
//!    └───────────┴─ rolling back ◄─────────┘                       the way back, from each but the last
//! ```
//!
//! A key is the unit: every profile of AWS's two files that holds it is switched with it. What a step will do is written to the
//! state first, then the encrypted backup, then the files change, each in one step, and the state last. In each moment each profile
//! works in the old way or the new one: the line of `credential_process` is written before the keys go away, since the keys win
//! while they are there, and in reverse on the way back. Whoever comes next finds out from the files which of them it is, and
//! finishes or undoes it.
//!
//! The backup (see [`backup`]) is the only place with the old secret. The state holds none.

pub mod backup;
pub mod change;
pub mod error;
pub mod files;
pub mod policy;
pub mod rekey;
pub mod rollback;
pub mod state;
pub mod store;
pub mod summary;
pub mod switch;

pub use error::{IDS, MigrateError};
