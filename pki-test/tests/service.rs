//! The judge and the simulator: captured requests, broken rules, faults, and STS.
//!
//! Requests are signed by hand here, from the specification, with none of the judge's own code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod service {
    mod attributes;
    mod certificates;
    mod chaining;
    mod changes;
    mod client;
    mod control;
    mod create_session;
    mod distribution;
    mod draft;
    mod faults;
    mod identity;
    mod limits;
    mod mutations;
    mod origin_identity;
    mod policy;
    mod rules;
    mod scoped;
    mod sts;
    mod vectors;
    mod world;
    mod world_file;
}
