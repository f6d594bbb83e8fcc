//! Real consumers: AWS clients whose `credential_process` is our binary, against the simulator.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at once")]
