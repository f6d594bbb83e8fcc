//! A folder for the targets of what reads files.

use std::path::PathBuf;

/// Makes a folder of this process and target in the folder for temporary files; the files in it are written over by each input.
pub fn folder(target: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("anyrole-fuzz-{target}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is a folder for temporary files");
    folder
}
