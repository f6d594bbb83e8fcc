//! A Roles Anywhere client by another hand, in Python: right with every type of key, and wrong in more than fifty ways.
//!
//! `tests/consumers/python` signs with PyPI's `cryptography` and shares no code with this project. Where it is right,
//! the simulator must grant a session; where it is wrong, the simulator must refuse by the rule that is broken, in the
//! journal, and by the service's own words, in the answer.

#![expect(clippy::print_stderr, reason = "a client that is missing is skipped loudly")]

mod foreign_client {
    mod refusals;
    mod script;
    mod sessions;
}
