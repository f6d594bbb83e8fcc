//! The environments and arguments of running processes, as far as this user may read them.

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::Read as _;
    use std::path::{Path, PathBuf};

    use zeroize::Zeroizing;

    use crate::audit::files::archive::Budget;
    use crate::audit::files::progress::Progress;
    use crate::audit::files::record::{Record, Source};
    use crate::audit::files::scan::Scanner;

    /// How much of an environment is read, in octets; the kernel gives a process a quarter of its stack for both.
    const LARGEST: u64 = 8 * 1024 * 1024;
    /// Variables that name a file with credentials.
    const NAMING: &[&[u8]] = &[b"AWS_SHARED_CREDENTIALS_FILE=", b"AWS_CONFIG_FILE=", b"BOTO_CONFIG="];

    fn numbers() -> Vec<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut numbers: Vec<u32> = entries
            .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
            .collect();
        // This process has the environment of the one that started it.
        numbers.retain(|number| *number != std::process::id());
        numbers.sort_unstable();
        numbers
    }

    fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
        let mut octets = Zeroizing::new(Vec::new());
        fs::File::open(path)?.take(LARGEST).read_to_end(&mut octets)?;
        Ok(octets)
    }

    pub(in crate::audit::files) fn look(scanner: &Scanner<'_>, record: &Record<'_>, progress: &Progress) {
        for number in numbers() {
            let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
            for file in ["environ", "cmdline"] {
                let path = PathBuf::from(format!("/proc/{number}/{file}"));
                match read(&path) {
                    Ok(octets) => {
                        let source = Source {
                            path,
                            process: Some((number, crate::text::printable(name.trim_end()))),
                            ..Source::default()
                        };
                        let budget = Budget::new();
                        // Reading from memory does not fail.
                        let _ = scanner.stream(&mut octets.as_slice(), &source, budget.level());
                        if file == "environ" {
                            progress.process();
                        }
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                        record.leave_out("environment of a process of another user", &path);
                    }
                    // It ended.
                    Err(_) => {}
                }
            }
        }
    }

    pub(in crate::audit::files) fn named_files() -> Vec<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;

        let mut files = Vec::new();
        for number in numbers() {
            let Ok(octets) = read(Path::new(&format!("/proc/{number}/environ"))) else { continue };
            for variable in octets.split(|c| *c == 0) {
                let value = NAMING.iter().find_map(|name| variable.strip_prefix(*name));
                let path = value.map(|value| PathBuf::from(std::ffi::OsStr::from_bytes(value)));
                files.extend(path.filter(|path| path.is_absolute() && !files.contains(path)));
            }
        }
        files
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{look, named_files};

/// This system does not show them.
#[cfg(not(target_os = "linux"))]
pub(super) fn look(
    _: &super::scan::Scanner<'_>,
    record: &super::record::Record<'_>,
    _: &super::progress::Progress,
) {
    record.leave_out("environments of processes, which this system does not show", std::path::Path::new(""));
}

/// This system does not show them.
#[cfg(not(target_os = "linux"))]
pub(super) const fn named_files() -> Vec<std::path::PathBuf> {
    Vec::new()
}
