//! Under any umask, private files are the owner's alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::workbench::Workbench;

/// Returns every file and folder below a path with its mode.
fn modes(path: &Path) -> Vec<(String, u32)> {
    let metadata = fs::symlink_metadata(path).expect("it is there");
    let mut found = vec![(path.display().to_string(), metadata.permissions().mode() & 0o7777)];
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a folder of ours") {
            found.extend(modes(&entry.expect("readable").path()));
        }
    }
    found
}

#[test]
fn no_umask_opens_or_closes_anything() {
    for umask in ["000", "0777"] {
        let bench = Workbench::empty();
        let program = env!("CARGO_BIN_EXE_anyrole");
        let call = |arguments: &str| {
            let script = format!("umask {umask}; exec {program} pki {arguments}");
            let done = bench.in_here(Path::new("sh")).args(["-c", &script]).output().expect("a shell");
            assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
        };
        call("init --no-passphrase --intermediate");
        call("issue a");
        call("issue b");
        fs::copy(bench.path("anyrole-pki/a/a.pem"), bench.path("a.pem")).expect("the folder is ours");
        call("install a --certificate a.pem");
        call("renew a");
        call("renew b --reuse-key");
        call("revoke b");
        call("crl");
        let found = modes(&bench.path("anyrole-pki"));
        assert!(found.len() > 12, "{found:?}");
        for (path, mode) in found {
            let expected = if Path::new(&path).is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "umask {umask}: {path}");
        }
    }
}
