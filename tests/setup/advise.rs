//! `anyrole advise` on hosts of every kind: each is a folder with what tells it, and with what could mislead.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

use super::stage::Stage;

/// A host: its name, its files, its variables, and what is told: the place, how sure it is, and the places around it.
struct Host {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
    place: &'static str,
    confidence: &'static str,
    around: &'static [&'static str],
}

const NITRO: &[(&str, &str)] = &[
    ("sys/class/dmi/id/sys_vendor", "Amazon EC2"),
    ("sys/class/dmi/id/board_asset_tag", "i-0123456789abcdef0"),
    ("sys/class/dmi/id/product_name", "m7g.large"),
];
const KVM: &[(&str, &str)] = &[
    ("sys/class/dmi/id/sys_vendor", "QEMU"),
    ("sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)"),
];
const NOTEBOOK: &[(&str, &str)] = &[
    ("sys/class/dmi/id/sys_vendor", "LENOVO"),
    ("sys/class/dmi/id/chassis_type", "10"),
    ("sys/class/power_supply/BAT0/type", "Battery"),
];
const POD: (&str, &str) = ("var/run/secrets/kubernetes.io/serviceaccount/token", "a token");

const HOSTS: &[Host] = &[
    Host {
        name: "an instance",
        files: NITRO,
        variables: &[],
        place: "ec2",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "an older instance",
        files: &[
            ("sys/hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef"),
            ("sys/class/dmi/id/bios_version", "4.11.amazon"),
        ],
        variables: &[],
        place: "ec2",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a machine of Xen whose uuid begins by chance as those of EC2",
        files: &[
            ("sys/hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef"),
            ("sys/class/dmi/id/sys_vendor", "Xen"),
        ],
        variables: &[],
        place: "on-premises",
        confidence: "likely",
        around: &["ec2"],
    },
    Host {
        name: "a container on an instance",
        files: &[("sys/class/dmi/id/sys_vendor", "Amazon EC2"), (".dockerenv", "")],
        variables: &[],
        place: "ec2",
        confidence: "likely",
        around: &[],
    },
    Host {
        name: "a machine of KVM on premises",
        files: KVM,
        variables: &[],
        place: "on-premises",
        confidence: "likely",
        around: &[],
    },
    Host {
        name: "a machine of Hyper-V on premises, of the maker of Azure",
        files: &[
            ("sys/class/dmi/id/sys_vendor", "Microsoft Corporation"),
            ("sys/class/dmi/id/product_name", "Virtual Machine"),
            ("sys/class/dmi/id/chassis_asset_tag", "4711-0815"),
        ],
        variables: &[],
        place: "on-premises",
        confidence: "likely",
        around: &[],
    },
    Host {
        name: "a container without anything",
        files: &[],
        variables: &[("container", "podman")],
        place: "on-premises",
        confidence: "possible",
        around: &[],
    },
    Host {
        name: "a notebook with variables of AWS",
        files: NOTEBOOK,
        variables: &[
            ("AWS_PROFILE", "dev"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/tmp/token"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9911/v1/credentials/dev"),
        ],
        place: "laptop",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a notebook with a variable that was carried away from a task",
        files: NOTEBOOK,
        variables: &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/canary")],
        place: "laptop",
        confidence: "certain",
        around: &["ecs"],
    },
    Host {
        name: "a notebook with Identity Center",
        files: &[
            ("sys/class/dmi/id/chassis_type", "31"),
            ("home/jo/.aws/config", "[profile dev]\nsso_session = corp\n"),
        ],
        variables: &[("HOME", "/home/jo")],
        place: "laptop",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a server to which somebody came by ssh -X",
        files: &[("sys/class/dmi/id/sys_vendor", "Dell Inc."), ("sys/class/dmi/id/chassis_type", "23")],
        variables: &[("DISPLAY", "localhost:10.0")],
        place: "on-premises",
        confidence: "likely",
        around: &[],
    },
    Host {
        name: "a task with a role",
        files: &[],
        variables: &[
            ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
            ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/canary"),
        ],
        place: "ecs",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a task without a role, on an instance",
        files: NITRO,
        variables: &[
            ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
            ("AWS_EXECUTION_ENV", "AWS_ECS_EC2"),
        ],
        place: "ecs",
        confidence: "certain",
        around: &["ec2"],
    },
    Host {
        name: "a job of Batch",
        files: &[],
        variables: &[
            ("AWS_BATCH_JOB_ID", "x"),
            ("AWS_BATCH_JQ_NAME", "q"),
            ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
            ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/canary"),
        ],
        place: "batch",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a function",
        files: &[],
        variables: &[
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "x"),
        ],
        place: "lambda",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a function that AWS SAM plays on a notebook",
        files: NOTEBOOK,
        variables: &[
            ("AWS_SAM_LOCAL", "true"),
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "x"),
        ],
        place: "laptop",
        confidence: "certain",
        around: &["lambda"],
    },
    Host {
        name: "CloudShell",
        files: &[],
        variables: &[
            ("AWS_EXECUTION_ENV", "CloudShell"),
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://localhost:1338/latest/meta-data/container/security-credentials",
            ),
        ],
        place: "cloud-shell",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a build of CodeBuild",
        files: &[],
        variables: &[
            ("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-central-1:111122223333:build/x:1"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/canary"),
        ],
        place: "code-build",
        confidence: "certain",
        around: &["ecs"],
    },
    Host {
        name: "a pod with Pod Identity",
        files: &[NITRO[0], NITRO[1], POD],
        variables: &[
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
            ),
        ],
        place: "eks-pod-identity",
        confidence: "certain",
        around: &["ec2"],
    },
    Host {
        name: "a pod with a role for its service account",
        files: &[NITRO[0], POD, ("var/run/secrets/eks.amazonaws.com/serviceaccount/token", "a token")],
        variables: &[
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ],
        place: "eks-service-account",
        confidence: "certain",
        around: &["ec2"],
    },
    Host {
        name: "a pod on an instance, without a role",
        files: &[NITRO[0], POD],
        variables: &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")],
        place: "pod",
        confidence: "certain",
        around: &["ec2"],
    },
    Host {
        name: "a pod on premises",
        files: &[KVM[0], POD],
        variables: &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")],
        place: "pod",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a job of GitHub Actions that may have a token",
        files: &[
            ("sys/class/dmi/id/sys_vendor", "Microsoft Corporation"),
            ("sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"),
        ],
        variables: &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_RUN_ID", "1"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com/canary"),
        ],
        place: "ci-with-oidc",
        confidence: "certain",
        around: &["azure"],
    },
    Host {
        name: "a job of GitHub Actions inside a pod of EKS",
        files: &[NITRO[0], POD],
        variables: &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_RUN_ID", "1"),
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ],
        place: "ci-with-oidc",
        confidence: "certain",
        around: &["pod", "ec2"],
    },
    Host {
        name: "a run of act on a notebook",
        files: NOTEBOOK,
        variables: &[("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "1"), ("ACT", "true")],
        place: "laptop",
        confidence: "certain",
        around: &["ci-with-oidc"],
    },
    Host {
        name: "a job of GitLab",
        files: KVM,
        variables: &[("GITLAB_CI", "true"), ("CI_JOB_ID", "1")],
        place: "ci-with-oidc",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a job of CircleCI",
        files: &[],
        variables: &[("CIRCLECI", "true"), ("CIRCLE_WORKFLOW_ID", "x"), ("CIRCLE_OIDC_TOKEN_V2", "canary")],
        place: "ci-with-oidc",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a job of Jenkins, which gives no token by itself",
        files: KVM,
        variables: &[("JENKINS_URL", "https://ci.example.com/"), ("BUILD_ID", "1")],
        place: "on-premises",
        confidence: "likely",
        around: &[],
    },
    Host {
        name: "a machine that Systems Manager manages",
        files: &[
            KVM[0],
            (
                "var/lib/amazon/ssm/registration",
                r#"{"ManagedInstanceID":"mi-0123456789abcdef0","Region":"eu-central-1"}"#,
            ),
        ],
        variables: &[],
        place: "ssm-hybrid",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "an instance with the agent of Systems Manager",
        files: &[
            NITRO[0],
            ("var/lib/amazon/ssm/registration", r#"{"ManagedInstanceID":"i-0123456789abcdef0"}"#),
            ("usr/bin/amazon-ssm-agent", ""),
        ],
        variables: &[],
        place: "ec2",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a machine with the agent, not as root",
        files: &[KVM[0], ("usr/bin/amazon-ssm-agent", "")],
        variables: &[],
        place: "on-premises",
        confidence: "likely",
        around: &["ssm-hybrid"],
    },
    Host {
        name: "a machine of Google Cloud",
        files: &[("sys/class/dmi/id/product_name", "Google Compute Engine")],
        variables: &[],
        place: "google-cloud",
        confidence: "certain",
        around: &[],
    },
    Host {
        name: "a machine of Hetzner",
        files: &[("sys/class/dmi/id/sys_vendor", "Hetzner")],
        variables: &[],
        place: "cloud-without-identity",
        confidence: "certain",
        around: &[],
    },
];

fn told(stage: &Stage, arguments: &[&str], set: &[(&str, &str)]) -> (Value, String) {
    let run = |more: &[&str]| {
        let mut command = stage.command(env!("CARGO_BIN_EXE_anyrole"));
        command.arg("advise").args(arguments).args(more).envs(set.iter().copied());
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && err.is_empty(), "{err}");
        String::from_utf8(output.stdout).unwrap()
    };
    let document: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!((&document["anyrole"], &document["kind"]), (&Value::from(1), &Value::from("advise")));
    (document["data"].clone(), run(&[]))
}

#[test]
fn every_host_is_told_from_every_other() {
    let stage = Stage::set();
    for (number, host) in HOSTS.iter().enumerate() {
        let root = format!("hosts/{number}");
        for (path, text) in host.files {
            stage.write(&format!("{root}/{path}"), &format!("{text}\n"));
        }
        let variables: String =
            host.variables.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
        stage.write(&format!("{root}/proc/self/environ"), &variables);
        // What this process has in its environment is another host's.
        let (data, text) =
            told(&stage, &["--root", &root], &[("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "2")]);
        let places = data["places"].as_array().unwrap();
        let found = (places[0]["place"].as_str().unwrap(), places[0]["confidence"].as_str().unwrap());
        assert_eq!(found, (host.place, host.confidence), "{}: {text}", host.name);
        let around: Vec<&str> = places[1..].iter().map(|place| place["place"].as_str().unwrap()).collect();
        assert_eq!(around, host.around, "{}: {text}", host.name);
        for place in places {
            assert!(!place["evidence"].as_array().unwrap().is_empty(), "{}: {text}", host.name);
            assert!(!place["steps"].as_array().unwrap().is_empty(), "{}: {text}", host.name);
        }
        let is_best = matches!(host.place, "on-premises" | "cloud-without-identity");
        assert_eq!(data["better"], Value::from(!is_best), "{}", host.name);
        assert!(!text.contains("canary") && !text.contains("AKIA"), "{}: {text}", host.name);
    }
}

/// A link of an image leads to the image's own file, or nowhere.
#[test]
fn a_link_out_of_the_root_is_of_another_host() {
    let stage = Stage::set();
    stage.write("outside", "Amazon EC2\n");
    stage.write("image/etc/os-release", "");
    let folder = stage.path("image/sys/class/dmi/id");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(stage.path("outside"), folder.join("sys_vendor")).unwrap();
    let (data, _) = told(&stage, &["--root", "image"], &[]);
    assert_eq!(data["places"][0]["place"], "on-premises");
}

/// A metadata service that answers each question so, and notes the first lines and the headers.
fn service(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let mut open = Vec::new();
        answers
            .iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    request.push(byte[0]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                // Who says how long the answer is need not hang up.
                if answer.contains("Content-Length") {
                    open.push(stream);
                }
                String::from_utf8(request).unwrap()
            })
            .collect()
    });
    (address, asked)
}

const TOKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nTOKEN";

#[test]
fn a_probe_asks_for_a_token_first_and_for_the_name_alone() {
    let stage = Stage::set();
    let (address, asked) = service(&[TOKEN, "HTTP/1.1 200 OK\r\n\r\nbuild-role"]);
    let mut command = stage.command(env!("CARGO_BIN_EXE_anyrole"));
    command.args(["advise", "--probe"]).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", address);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the instance has the role 'build-role'"), "{text}");
    let asked = asked.join().unwrap();
    assert!(asked[0].starts_with("PUT /latest/api/token HTTP/1.1\r\n"), "{asked:?}");
    assert!(
        asked[1].starts_with("GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n"),
        "{asked:?}"
    );
    assert!(asked[1].contains("X-aws-ec2-metadata-token: TOKEN\r\n"), "{asked:?}");
}

#[test]
fn a_probe_tells_who_else_answers() {
    let stage = Stage::set();
    for (answers, expected) in [
        (&[TOKEN, "HTTP/1.1 404 Not Found\r\n\r\n"] as &[&str], "the instance has no role"),
        (&["HTTP/1.1 404 Not Found\r\n\r\n"], "is another: it answered 404"),
        (&["nonsense"], "no answer"),
    ] {
        let (address, asked) = service(answers);
        let mut command = stage.command(env!("CARGO_BIN_EXE_anyrole"));
        command.args(["advise", "--probe"]).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", address);
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(text.contains(expected), "{expected}: {text}");
        asked.join().unwrap();
    }
    let (data, _) =
        told(&stage, &["--probe"], &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://203.0.113.1")]);
    assert!(data["probe"]["not-asked"].is_string(), "{data}");
}
