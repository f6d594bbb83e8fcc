//! Real consumers: AWS clients whose `credential_process` is our binary, against the simulator.
