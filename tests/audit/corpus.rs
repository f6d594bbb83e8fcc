//! A generated host: keys in places of many kinds, and texts of many kinds that only look like keys.
//!
//! Everything comes from a seed, so that a failure can be repeated, and no key is anybody's.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// A stream of numbers from a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[usize::try_from(self.next() % alphabet.len() as u64).unwrap()]))
            .collect()
    }

    /// The text after a prefix: the account in the first 48 bits as AWS puts it there, and chance behind it.
    pub(crate) fn id(&mut self, prefix: &str, account: u64) -> String {
        let bits = u128::from(1_u64 << 47 | account << 7 | self.next() & 0x7f) << 32
            | u128::from(self.next() & 0xffff_ffff);
        let random: String = (0..16)
            .rev()
            .map(|at| char::from(BASE32[usize::try_from((bits >> (at * 5)) & 31).unwrap()]))
            .collect();
        format!("{prefix}{random}")
    }

    pub(crate) fn secret(&mut self) -> String {
        // At least one character that URLs and JSON write in another way.
        let mut secret = self.text(BASE64, 38);
        secret.insert(7, '/');
        secret.insert(20, '+');
        secret
    }
}

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const ACCOUNT: u64 = 111_122_223_333;

/// A key that stands somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) path: String,
    pub(crate) line: u64,
    /// What the place is called, where that is told.
    pub(crate) place: Option<&'static str>,
}

type Place = (&'static str, &'static str, u64, Option<&'static str>, fn(&str, &str) -> Vec<u8>);

fn percent(text: &str) -> String {
    text.replace('/', "%2F").replace('+', "%2B")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn tar(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|c| u32::from(*c)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

pub(crate) fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let mut archive = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
    archive.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
    archive.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    archive.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    archive.extend(0_u16.to_le_bytes());
    archive.extend(name.as_bytes());
    archive.extend(packed);
    archive.extend(b"PK\x05\x06");
    archive.extend([0; 18]);
    archive
}

fn folded(text: &str, indent: &str) -> String {
    let lines: Vec<String> =
        text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.join(&format!("\n{indent}"))
}

/// Where keys stand: the kind, the file, the line, the place by name, and how it is written there.
const PLACES: &[Place] = &[
    ("AWS credentials file", "home/.aws/credentials", 7, Some("[deploy] aws_access_key_id"), |id, secret| {
        format!("[default]\nregion = eu-central-1\n\n# of the old days\n[deploy]\nregion=eu-west-1\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n").into()
    }),
    ("environment file", "srv/app/.env", 2, Some("AWS_ACCESS_KEY_ID"), |id, secret| {
        format!("DEBUG=1\nAWS_ACCESS_KEY_ID=\"{id}\"\nAWS_SECRET_ACCESS_KEY=\"{secret}\"\n").into()
    }),
    (
        "Docker Compose",
        "srv/app/docker-compose.yml",
        6,
        Some("services.web.environment[1] AWS_ACCESS_KEY_ID"),
        |id, secret| {
            format!("services:\n  web:\n    image: web\n    environment:\n      - MODE=live\n      - AWS_ACCESS_KEY_ID={id}\n      - AWS_SECRET_ACCESS_KEY={secret}\n").into()
        },
    ),
    ("Dockerfile", "srv/app/Dockerfile", 2, Some("AWS_ACCESS_KEY_ID"), |id, secret| {
        format!("FROM debian\nENV AWS_ACCESS_KEY_ID {id}\nENV AWS_SECRET_ACCESS_KEY {secret}\n").into()
    }),
    ("Kubernetes Secret", "srv/k8s/secret.yaml", 6, Some("data.AWS_ACCESS_KEY_ID"), |id, secret| {
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s3\ndata:\n  AWS_ACCESS_KEY_ID: {}\n  AWS_SECRET_ACCESS_KEY: {}\n", STANDARD.encode(id), STANDARD.encode(secret)).into()
    }),
    ("Kubernetes Deployment", "srv/k8s/deployment.yaml", 9, None, |id, secret| {
        format!("apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - env:\n        - name: AWS_ACCESS_KEY_ID\n          value: {id}\n        - name: AWS_SECRET_ACCESS_KEY\n          value: {secret}\n").into()
    }),
    ("Terraform provider", "srv/tf/main.tf", 3, Some("provider \"aws\" access_key"), |id, secret| {
        format!("provider \"aws\" {{\n  region     = \"eu-central-1\"\n  access_key = \"{id}\"\n  secret_key = \"{secret}\"\n}}\n").into()
    }),
    ("Terraform variables", "srv/tf/prod.tfvars", 1, Some("access_key"), |id, secret| {
        format!("access_key = \"{id}\"\nsecret_key = \"{secret}\"\n").into()
    }),
    (
        "Terraform state",
        "srv/tf/terraform.tfstate",
        12,
        Some("aws_iam_access_key.ci resources[0].instances[0].attributes.id"),
        |id, secret| {
            format!("{{\n  \"version\": 4,\n  \"resources\": [\n    {{\n      \"mode\": \"managed\",\n      \"type\": \"aws_iam_access_key\",\n      \"name\": \"ci\",\n      \"instances\": [\n        {{\n          \"attributes\": {{\n            \"create_date\": \"2024-01-01\",\n            \"id\": \"{id}\",\n            \"secret\": \"{secret}\"\n          }}\n        }}\n      ]\n    }}\n  ]\n}}\n").into()
        },
    ),
    (
        "Terraform plan",
        "srv/tf/plan.json",
        1,
        Some("module.a.aws_iam_access_key.b resource_changes[0].change.after.id"),
        |id, secret| {
            format!("{{\"resource_changes\":[{{\"address\":\"module.a.aws_iam_access_key.b\",\"change\":{{\"after\":{{\"id\":\"{id}\",\"secret\":\"{}\"}}}}}}]}}", secret.replace('/', "\\/")).into()
        },
    ),
    (
        "systemd unit",
        "etc/systemd/system/app.service",
        3,
        Some("[Service] AWS_ACCESS_KEY_ID"),
        |id, secret| {
            format!("[Service]\nExecStart=/usr/bin/app\nEnvironment=\"AWS_ACCESS_KEY_ID={id}\" \"AWS_SECRET_ACCESS_KEY={secret}\"\n").into()
        },
    ),
    ("EnvironmentFile", "etc/default/app", 1, Some("S3_KEY"), |id, secret| {
        format!("S3_KEY='{id}'\nS3_SECRET='{secret}'\n").into()
    }),
    ("cron", "etc/cron.d/backup", 3, None, |id, secret| {
        format!("MAILTO=root\n\n0 3 * * * root AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret} aws s3 sync /srv s3://backup\n").into()
    }),
    ("bash history", "home/.bash_history", 2, Some("aws_access_key_id"), |id, secret| {
        format!(
            "ls\naws configure set aws_access_key_id {id}\naws configure set aws_secret_access_key {secret}\n"
        )
        .into()
    }),
    ("zsh history", "home/.zsh_history", 2, Some("AWS_ACCESS_KEY_ID"), |id, secret| {
        format!(
            ": 1700000000:0;ls\n: 1700000001:0;export AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret}\n"
        )
        .into()
    }),
    ("PowerShell", "srv/win/deploy.ps1", 1, Some("AWS_ACCESS_KEY_ID"), |id, secret| {
        format!("$env:AWS_ACCESS_KEY_ID = \"{id}\"\r\n$env:AWS_SECRET_ACCESS_KEY = \"{secret}\"\r\n").into()
    }),
    ("UTF-16", "srv/win/export.csv", 2, None, |id, secret| {
        let text = format!("\u{feff}Access key ID,Secret access key\r\n{id},{secret}\r\n");
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }),
    ("Jenkins", "var/jenkins/credentials.xml", 4, Some("list.entry.credentials.accessKey"), |id, secret| {
        format!("<list>\n <entry>\n  <credentials>\n   <accessKey>{id}</accessKey>\n   <secretKey>{secret}</secretKey>\n  </credentials>\n </entry>\n</list>\n").into()
    }),
    (
        "GitLab Runner",
        "etc/gitlab-runner/config.toml",
        6,
        Some("[runners.cache.s3] AccessKey"),
        |id, secret| {
            format!("concurrent = 1\n[[runners]]\n  name = \"a\"\n  [runners.cache]\n    [runners.cache.s3]\n      AccessKey = \"{id}\"\n      SecretKey = \"{secret}\"\n").into()
        },
    ),
    ("Ansible", "srv/ansible/group_vars/all.yml", 3, Some("s3.key"), |id, secret| {
        format!("---\ns3:\n  key: {id}\n  secret: {secret}\n").into()
    }),
    ("Maven", "home/.m2/settings.xml", 1, Some("settings.servers.server.username"), |id, secret| {
        format!("<settings><servers><server><id>s3</id><username>{id}</username><password>{secret}</password></server></servers></settings>").into()
    }),
    ("Gradle", "home/.gradle/gradle.properties", 2, Some("awsAccessKey"), |id, secret| {
        format!("org.gradle.daemon=true\nawsAccessKey={id}\nawsSecretKey={secret}\n").into()
    }),
    ("rclone", "home/.config/rclone/rclone.conf", 3, Some("[s3] access_key_id"), |id, secret| {
        format!("[s3]\ntype = s3\naccess_key_id = {id}\nsecret_access_key = {secret}\n").into()
    }),
    ("s3fs", "etc/passwd-s3fs", 1, None, |id, secret| format!("bucket:{id}:{secret}\n").into()),
    ("Hadoop", "etc/hadoop/core-site.xml", 2, Some("configuration.property.value"), |id, secret| {
        format!("<configuration>\n<property><name>fs.s3a.access.key</name><value>{id}</value></property>\n<property><name>fs.s3a.secret.key</name><value>{secret}</value></property>\n</configuration>\n").into()
    }),
    ("URL in a log", "var/log/app.log.1.gz", 2, None, |id, secret| {
        gzip(format!("start\nGET s3://{id}:{}@bucket/x\n", percent(secret)).as_bytes())
    }),
    ("member of a tar", "var/backups/home.tar.gz", 2, Some("[default] aws_access_key_id"), |id, secret| {
        let text = format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n");
        gzip(&tar("home/.aws/credentials", text.as_bytes()))
    }),
    ("member of a jar", "srv/app/app.jar", 1, Some("aws.accessKeyId"), |id, secret| {
        zip("application.properties", format!("aws.accessKeyId={id}\naws.secretKey={secret}\n").as_bytes())
    }),
    ("jar in a tar", "srv/app/release.tar", 1, Some("aws.accessKeyId"), |id, secret| {
        let jar = zip(
            "application.properties",
            format!("aws.accessKeyId={id}\naws.secretKey={secret}\n").as_bytes(),
        );
        tar("lib/app.jar", &jar)
    }),
    ("cloud-init", "var/lib/cloud/user-data.txt", 6, None, |id, secret| {
        let script = format!(
            "#!/bin/sh\n# {}\nexport AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY={secret}\n",
            "x".repeat(90)
        );
        format!(
            "#cloud-config\nwrite_files:\n- content: |\n    {}\n  encoding: b64\n",
            folded(&STANDARD.encode(script), "    ")
        )
        .into()
    }),
    ("mail", "var/spool/mail/root", 4, None, |id, secret| {
        format!(
            "Content-Transfer-Encoding: quoted-printable\n\nYour key:\nid=3D{id} and=\n secret=3D{}=\n{}\n",
            &secret[..25],
            &secret[25..]
        )
        .into()
    }),
    ("Basic authentication", "srv/app/curl.sh", 1, None, |id, secret| {
        format!(
            "curl -H 'Authorization: Basic {}' https://s3.example\n",
            STANDARD.encode(format!("{id}:{secret}"))
        )
        .into()
    }),
    ("MinIO client", "home/.mc/config.json", 5, Some("aliases.s3.accessKey"), |id, secret| {
        format!("{{\n \"aliases\": {{\n  \"s3\": {{\n   \"url\": \"https://s3.amazonaws.com\",\n   \"accessKey\": \"{id}\",\n   \"secretKey\": \"{secret}\"\n  }}\n }}\n}}\n").into()
    }),
    ("notebook", "srv/notes/a.ipynb", 1, None, |id, secret| {
        format!(
            "{{\"cells\":[{{\"source\":[\"import boto3\\n\",\"k=\\\"{id}\\\"\\ns=\\\"{secret}\\\"\\n\"]}}]}}"
        )
        .into()
    }),
    ("Vector", "etc/vector/vector.toml", 3, Some("[sinks.s3.auth] access_key_id"), |id, secret| {
        format!("[sinks.s3]\n[sinks.s3.auth]\naccess_key_id = \"{id}\"\nsecret_access_key = \"{secret}\"\n")
            .into()
    }),
];

/// Writes keys into places of every kind below a folder.
pub(crate) fn plant(root: &Path, random: &mut Random) -> Vec<Planted> {
    PLACES
        .iter()
        .map(|(kind, path, line, place, written)| {
            let (id, secret) = (random.id("AKIA", ACCOUNT), random.secret());
            write(root, path, &written(&id, &secret));
            Planted { kind, id, secret, path: (*path).to_owned(), line: *line, place: *place }
        })
        .collect()
}

type Written = fn(&mut Random) -> String;

/// What looks like a key and is none, by kind.
const DECOYS: &[(&str, Written)] = &[
    ("example of the documentation", |_| {
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n".to_owned()
    }),
    ("another example", |random| format!("id: AKIA{}EXAMPLE\n", random.text(BASE32, 9))),
    ("lower case", |random| random.id("AKIA", ACCOUNT).to_lowercase()),
    ("no base32", |random| format!("AKIA{}0{}", random.text(BASE32, 8), random.text(BASE32, 7))),
    ("user and role", |random| format!("AIDA{} AROA{}", random.text(BASE32, 16), random.text(BASE32, 16))),
    ("too short", |random| format!("key={}\n", random.id("AKIA", ACCOUNT).split_at(19).0)),
    ("too long", |random| format!("key={}A\n", random.id("AKIA", ACCOUNT))),
    ("inside of a name", |random| format!("X{0} _{0} {0}_x\n", random.id("AKIA", ACCOUNT))),
    ("noise of base64", |random| {
        format!("{}/{}+{}\n", random.text(BASE64, 30), random.id("AKIA", ACCOUNT), random.text(BASE64, 30))
    }),
    ("placeholder", |_| "aws_access_key_id = AKIAXXXXXXXXXXXXXXXX\n".to_owned()),
    ("alphabet", |_| "AKIAABCDEFGHIJKLMNOP AKIAQRSTUVWXYZ234567\n".to_owned()),
    ("few letters", |random| format!("AKIA{}\n", random.text(b"AB2", 16))),
    ("hash", |random| {
        format!("{:016x}{:016x}{:08x}  AKIA.txt\n", random.next(), random.next(), random.next() >> 32)
    }),
    ("canary", |random| format!("aws_access_key_id = {}\n", random.id("AKIA", 52_310_077_262))),
    ("allowed beside", |random| {
        format!("# anyrole:allow until 2999-12-31 tests\nkey = {}\n", random.id("AKIA", ACCOUNT))
    }),
    ("masked", |random| format!("AKIA************{} AKIA...\n", random.text(BASE32, 4))),
    ("PEM", |random| {
        let lines: Vec<String> = (0..20).map(|_| random.text(BASE64, 64)).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }),
    ("integrity", |random| {
        format!(
            "\"integrity\": \"sha512-{}/{}{}==\"\n",
            random.text(BASE64, 40),
            random.id("AKIA", ACCOUNT),
            random.text(BASE64, 25)
        )
    }),
    ("other keys", |random| {
        format!(
            "AIza{} ghp_{} LTAI{}\n",
            random.text(BASE64, 35).replace(['+', '/'], "_"),
            random.text(LOWER, 36),
            random.text(BASE32, 20)
        )
    }),
    ("secret alone", |random| format!("password = \"{}\"\n", random.secret())),
    ("code", |random| {
        format!(
            "const AKIA = \"AKIA\" + suffix; // {}\nif (id.startsWith('ASIA')) {{}}\n",
            random.text(LOWER, 30)
        )
    }),
    ("base64 of others", |random| format!("data: {}\n", STANDARD.encode(random.text(LOWER, 300)))),
];

/// Writes ten of every kind of what is no key; returns how many.
pub(crate) fn decoys(root: &Path, random: &mut Random) -> usize {
    for (number, (_, written)) in DECOYS.iter().enumerate() {
        for copy in 0..10 {
            let extension = ["txt", "json", "yaml", "tf", "xml", "ini", "env", "sh", "md", "js"][copy];
            write(root, &format!("decoys/{number}/{copy}.{extension}"), written(random).as_bytes());
        }
    }
    DECOYS.len() * 10
}

pub(crate) fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The forms in which a secret could come out.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let reversed: String = secret.chars().rev().collect();
    vec![
        secret.to_owned(),
        secret[..25].to_owned(),
        secret[15..].to_owned(),
        percent(secret),
        secret.replace('/', "\\/"),
        hex::encode(secret),
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        reversed,
    ]
}
