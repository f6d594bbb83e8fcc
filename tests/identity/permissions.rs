//! Who else can reach a key file, a configuration file, a private folder.

use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::identity::{IdentitySource, load};
use anyrole::private_file::{self, KeyFilePolicy, ReadRefusal};
use pki_test::algorithm::KeyAlgorithm;

use super::support::{Folder, Pki, is_root, loaded, refused, set_mode, source};

/// An account that owns nothing here.
const FOREIGN: Option<u32> = Some(54_321);

fn combined(folder: &Folder, mode: u32) -> IdentitySource {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    source(&folder.write_mode("all.pem", [pki.key_pem(), pki.certificate_pem()].concat(), mode), None)
}

/// Makes `path` a foreign user's, where root can; returns whether it is.
fn make_foreign(path: &Path) -> bool {
    is_root() && chown(path, FOREIGN, None).is_ok()
}

fn accepts(path: &Path) -> bool {
    private_file::read_key_file(path, &KeyFilePolicy::default()).is_ok()
}

#[test]
fn a_foreign_or_own_file_is_judged_by_its_bits() {
    let folder = Folder::new();
    let path = folder.write("key", "k");
    // As ssh: neither group nor others. The owner's own bits do not matter, and root's files are another test.
    if !make_foreign(&path) {
        return;
    }
    for mode in 0..=0o777_u32 {
        set_mode(&path, mode);
        assert_eq!(accepts(&path), mode & 0o066 == 0, "mode {mode:04o}");
    }
}

#[test]
fn a_group_may_read_what_belongs_to_root() {
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let path = folder.write("key", "k");
    for (mode, accepted) in [
        (0o440, true),
        (0o640, true),
        (0o600, true),
        (0o400, true),
        (0o644, false),
        (0o660, false),
        (0o604, false),
        (0o620, false),
    ] {
        set_mode(&path, mode);
        assert_eq!(accepts(&path), accepted, "mode {mode:04o}");
    }
}

#[test]
fn an_open_key_is_refused_with_mode_owner_and_cure() {
    let folder = Folder::new();
    let source = combined(&folder, 0o644);
    let path = folder.path("all.pem");
    let owner = if is_root() { "root" } else { return };
    let error = refused(&source);
    let shown = format!(
        "cannot use the private key '{}': other users can read it (mode 0644, owner {owner})",
        path.display()
    );
    assert_eq!((error.id(), error.to_string()), ("key-file-permissions", shown));
    assert_eq!(error.hint(), Some(format!("run chmod 600 {}", path.display())));
    assert!(make_foreign(&path));
    set_mode(&path, 0o602);
    assert!(refused(&source).to_string().ends_with("other users can change it (mode 0602, owner uid 54321)"));
}

#[test]
fn an_insecure_file_is_accepted_on_demand_and_warned_about() {
    for mode in [0o644, 0o666, 0o660, 0o777] {
        let folder = Folder::new();
        let mut source = combined(&folder, mode);
        source.allow_insecure_key_file = true;
        let identity = loaded(&source);
        let warning = identity.provenance().insecure_key_file.clone().expect("a warning").to_string();
        assert!(warning.contains(&format!("mode {mode:04o}")), "{warning}");
        assert_eq!(identity.warnings(super::support::NOW).len(), 1);
    }
}

#[test]
fn a_public_certificate_file_without_a_key_is_not_about_permissions() {
    let folder = Folder::new();
    let certificate = folder.write_mode("host.pem", Pki::new(KeyAlgorithm::EcP256).certificate_pem(), 0o644);
    assert_eq!(refused(&source(&certificate, None)).id(), "private-key-missing");
}

#[test]
fn a_systemd_credential_is_accepted_as_it_is() {
    let folder = Folder::new();
    let source = combined(&folder, 0o644);
    assert_eq!(refused(&source).id(), "key-file-permissions");
    let directory = folder.path("");
    let env = Environment::given([("CREDENTIALS_DIRECTORY", directory.as_os_str())]);
    load(&source, &env).expect("systemd guards its folder");
    let env = Environment::given([("CREDENTIALS_DIRECTORY", "/nonexistent")]);
    load(&source, &env).expect_err("another folder");
}

#[test]
fn links_are_followed_as_kubernetes_has_them() {
    let folder = Folder::new();
    let _ = combined(&folder, 0o600);
    std::fs::create_dir(folder.path("..data")).expect("a folder");
    std::fs::rename(folder.path("all.pem"), folder.path("..data/all.pem")).expect("moved");
    symlink("..data/all.pem", folder.path("tls.key")).expect("a link");
    loaded(&source(&folder.path("tls.key"), None));
    set_mode(&folder.path("..data/all.pem"), 0o644);
    assert_eq!(refused(&source(&folder.path("tls.key"), None)).id(), "key-file-permissions");
}

#[test]
fn a_key_must_be_a_small_regular_file() {
    let folder = Folder::new();
    let refusal = |path: &Path| {
        private_file::read_key_file(path, &KeyFilePolicy::default()).expect_err("refused").reason
    };
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("POSIX has it").success());
    assert_eq!(refusal(&pipe), ReadRefusal::NotAFile("a pipe"));
    assert_eq!(refusal(Path::new("/dev/zero")), ReadRefusal::NotAFile("a device"));
    assert_eq!(refusal(&folder.path("")), ReadRefusal::NotAFile("a folder"));
    let socket = folder.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    assert_eq!(refusal(&socket), ReadRefusal::NotAFile("a socket"));
    let limit = usize::try_from(private_file::KEY_FILE_LIMIT).expect("a mebibyte");
    let large = folder.write("large", vec![b'a'; limit + 1]);
    assert_eq!(refusal(&large), ReadRefusal::TooLarge(private_file::KEY_FILE_LIMIT));
    let exact = folder.write("exact", vec![b'a'; limit]);
    assert!(accepts(&exact));
    let sparse = std::fs::File::create(folder.path("sparse")).expect("a file");
    sparse.set_len(1 << 40).expect("a sparse file");
    set_mode(&folder.path("sparse"), 0o600);
    assert_eq!(refusal(&folder.path("sparse")), ReadRefusal::TooLarge(private_file::KEY_FILE_LIMIT));
}

#[test]
fn a_configuration_that_others_can_change_is_not_trusted() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("sub")).expect("a folder");
    set_mode(&folder.path("sub"), 0o755);
    let path = folder.write_mode("sub/config.toml", "version = 1\n", 0o644);
    let read = |path: &Path| private_file::read_trusted(path, 1000);
    assert_eq!(read(&path).expect("trusted").expect("it is there").as_slice(), b"version = 1\n");
    assert_eq!(read(&folder.path("sub/none.toml")), Ok(None));
    assert_eq!(read(&folder.path("none/none.toml")), Ok(None));
    assert_eq!(private_file::read_trusted(&path, 3).expect_err("large").reason, ReadRefusal::TooLarge(3));
    symlink(&path, folder.path("link.toml")).expect("a link");
    read(&folder.path("link.toml")).expect("a link among trusted folders").expect("it is there");
    symlink(folder.path("sub"), folder.path("way")).expect("a link");
    for way in ["way/config.toml", "sub/../way/config.toml", "way/../sub/config.toml"] {
        read(&folder.path(way)).expect("a way among trusted folders").expect("it is there");
    }
    symlink(folder.path("gone.toml"), folder.path("dangling.toml")).expect("a link");
    read(&folder.path("dangling.toml")).expect_err("a link to nothing is not nothing");

    set_mode(&path, 0o666);
    let error = read(&path).expect_err("others can write");
    assert_eq!(error.id(), "file-untrusted");
    assert!(error.to_string().ends_with(": it can be changed by other users (mode 0666)"), "{error}");
    set_mode(&path, 0o664);
    read(&path).expect_err("a group can write");
    set_mode(&path, 0o644);
    set_mode(&folder.path("sub"), 0o777);
    let error = read(&path).expect_err("others can replace it");
    assert!(error.to_string().contains("its folder '"), "{error}");
    for way in ["link.toml", "way/config.toml", "way/../sub/config.toml"] {
        read(&folder.path(way)).expect_err("the target's folder counts");
    }
    set_mode(&folder.path("sub"), 0o1777);
    read(&path).expect("sticky");
    set_mode(&folder.path("sub"), 0o755);
    read(&path).expect("trusted again");
    std::fs::create_dir(folder.path("open")).expect("a folder");
    symlink(&path, folder.path("open/link.toml")).expect("a link");
    set_mode(&folder.path("open"), 0o777);
    read(&folder.path("open/link.toml")).expect_err("the folder of the link counts as well");
    assert!(matches!(
        read(&folder.path("sub")).expect_err("a folder").reason,
        ReadRefusal::NotAFile("a folder")
    ));
    if make_foreign(&path) {
        let error = read(&path).expect_err("another's");
        assert!(error.to_string().contains("it belongs to uid 54321, neither to root nor to you"), "{error}");
    }
}

#[test]
fn a_private_file_is_the_owners_alone_and_no_link() {
    let folder = Folder::new();
    let path = folder.write("sealing-key", "s");
    assert_eq!(private_file::read_private(&path, 10).expect("own").as_slice(), b"s");
    symlink(&path, folder.path("link")).expect("a link");
    let error = private_file::read_private(&folder.path("link"), 10).expect_err("a link");
    assert_eq!(error.reason, ReadRefusal::NotAFile("a link"));
    set_mode(&path, 0o640);
    assert!(matches!(
        private_file::read_private(&path, 10).expect_err("open").reason,
        ReadRefusal::Exposed(_)
    ));
    set_mode(&path, 0o600);
    if make_foreign(&path) {
        assert!(matches!(
            private_file::read_private(&path, 10).expect_err("foreign").reason,
            ReadRefusal::Untrusted(_)
        ));
    }
}
