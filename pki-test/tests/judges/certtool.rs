//! GnuTLS's certtool.

use std::path::Path;

use super::component::{missing, run, runs};

/// The certtool program, which is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Certtool;

impl Certtool {
    /// Returns it, or `None` after saying that it is missing.
    pub(super) fn find() -> Option<Self> {
        if runs("certtool", &["--version"]) {
            return Some(Self);
        }
        missing("certtool");
        None
    }

    /// Runs a command; returns what it writes to either stream, or fails with it.
    pub(super) fn run(self, arguments: &[&str], input: &[u8]) -> Result<String, String> {
        let output = run("certtool", arguments, input);
        let text =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    /// Makes a private key and a request for it in `folder`, and returns the request.
    pub(super) fn request(self, folder: &Path, key: &[&str], template: &str) -> String {
        let path = |name: &str| {
            folder.join(name).to_str().expect("the path of a temporary folder is UTF-8").to_owned()
        };
        let (private_key, template_path) = (path("certtool.key"), path("certtool.template"));
        std::fs::write(&template_path, template).expect("the folder is ours");
        let mut arguments = vec!["--generate-privkey", "--outfile", &private_key];
        arguments.extend_from_slice(key);
        self.run(&arguments, &[]).expect("certtool makes keys");
        let arguments = ["--generate-request", "--load-privkey", &private_key, "--template", &template_path];
        self.run(&arguments, &[]).expect("certtool makes requests")
    }
}
